"Which labels are wrong, and which picture to label next: 5 % planted wrong labels among 600 bears, and few labels that become more; wants the development photos and weights in ../shared, and cleanlab"
import os, shutil, sys, tempfile, time, warnings
warnings.filterwarnings('ignore')
from pathlib import Path

shared = Path(__file__).parent.parent.parent/'shared'
if not (shared/'torch_home').exists(): sys.exit('needs ../shared/data/bears and ../shared/torch_home')
os.environ['TORCH_HOME'] = str(shared/'torch_home')
import numpy as np, pandas as pd
from bench_probe import bears
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from fastai.vision.all import set_seed
from fastprogress import fastprogress
from imgcls.learn.data import get_dls
from imgcls.learn.features import Features, features
from imgcls.learn.probe import best_strength, label_order, linear_head, probe_features
from imgcls.learn.scores import label_issues, scores
from imgcls.learn.train import get_learner, train
from sklearn.metrics import average_precision_score

fastprogress.NO_BAR = True
seeds,trained_seeds,share = 10,3,.05

def planted(y, seed):
    "Labels of which some are another class now, and which those are"
    rng = np.random.default_rng(seed)
    wrong = np.zeros(len(y), bool)
    wrong[rng.choice(len(y), round(share*len(y)), replace=False)] = True
    return np.where(wrong, (y+rng.integers(1, y.max()+1, len(y)))%(y.max()+1), y),wrong

def with_labels(f, labels): return Features(f.items.assign(label=labels), f.x, f.path, f.how)

def row(worst, wrong):
    "Recall and precision in the first 2 × n_wrong, and average precision; `worst` is higher where the label is doubted more"
    n = wrong.sum()
    found = wrong[np.argsort(-worst, kind='stable')[:2*n]].sum()
    return dict(recall=found/n, precision=found/(2*n), AP=average_precision_score(wrong, worst))

def flagged(flags, wrong): return dict(flagged=flags.sum(), right=wrong[flags].mean(), found=flags[wrong].mean())

def by_probe(f, vocab, y, wrong):
    "Rankings of the same probabilities"
    t = time.perf_counter()
    p = probe_features(with_labels(f, vocab[y]))
    worst = p.scores().set_index('file').issue.reindex(f.items.file).values
    secs = time.perf_counter()-t
    res = {'imgcls `Probe.scores()`':dict(row(worst, wrong), **flagged(label_issues(p.p, y), wrong), seconds=secs)}
    for how in ('self_confidence','normalized_margin'):
        flags = find_label_issues(y, p.p)
        res[f'cleanlab, {how}'] = dict(row(-get_label_quality_scores(y, p.p, method=how), wrong), **flagged(flags, wrong))
    return res

def by_training(path, f, vocab, y, wrong):
    "The ranking of `scores` after a training"
    df = pd.DataFrame(dict(name=[str(o) for o in f.items.file], label=vocab[y]))
    set_seed(1)
    t = time.perf_counter()
    learn = get_learner(get_dls(path, 128, df=df), 'squeezenet1_1', model_dir=tempfile.mkdtemp())
    with learn.no_bar(), learn.no_logging():
        train(learn, 1)
        worst = scores(learn).set_index('file').issue.reindex(f.items.file).values
    return {'imgcls `scores(learn)`':dict(row(worst, wrong), seconds=time.perf_counter()-t)}

def learned(f, y, how, seed, start=4, step=8, rounds=5):
    "Accuracy on a fifth, as labels are added"
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(y))
    held,pool = order[:len(y)//5],order[len(y)//5:]
    have = np.concatenate([[o for o in pool if y[o]==c][:start] for c in range(y.max()+1)])
    res = []
    for _ in range(rounds+1):
        head = linear_head(f.x[have], y[have], best_strength(f.x[have], y[have]))
        res.append((head.predict(f.x[held])==y[held]).mean())
        rest = np.setdiff1d(pool, have)
        two = np.sort(head.predict_proba(f.x[rest]))[:,-2:]
        doubt = 1-(two[:,1]-two[:,0])
        if how=='next': rank = label_order(f.x[rest], doubt, f.x[have])
        else: rank = np.argsort(np.argsort(-doubt)) if how=='margin' else rng.permutation(len(rest))
        have = np.concatenate([have, rest[rank<step]])
    return res

def main():
    path = bears(Path(tempfile.mkdtemp())/'bears')
    f = features(path, 'squeezenet1_1', 128)
    vocab,y0 = np.unique(f.items.label, return_inverse=True)
    rows = []
    for seed in range(seeds):
        y,wrong = planted(y0, seed)
        found = by_probe(f, vocab, y, wrong)
        if seed<trained_seeds: found |= by_training(path, f, vocab, y, wrong)
        rows += [dict(ranking=k, seed=seed, **v) for k,v in found.items()]
    df = pd.DataFrame(rows)
    print(f'## Wrong labels, and what to label next\n\n{len(y0)} bears, squeezenet1_1 at 128 px, {share:.0%} of the labels made wrong, {seeds} seeds ({trained_seeds} for the training, marked *), means. '
        'Recall and precision in the first 2 × n_wrong (precision can be 0.5 at most); right: share of what is flagged that is wrong.\n')
    print('| ranking | recall | precision | average precision | flagged | right | seconds |\n|---|---|---|---|---|---|---|')
    few = df[df.seed<trained_seeds].assign(ranking=lambda o: o.ranking+' *')
    for k,g in [*df[df.ranking!='imgcls `scores(learn)`'].groupby('ranking', sort=False),*few.groupby('ranking', sort=False)]:
        m = g.drop(columns=['ranking','seed']).mean()
        print(f'| {k} | {m.recall:.3f} | {m.precision:.3f} | {m.AP:.3f} | {m.flagged:.0f} | {m.right:.2f} | {m.seconds:.2f} |'.replace('nan', ''))
    print('\nAccuracy of a head on a fifth that is set aside, from 4 labels a class on, 8 more each time, means of 20 seeds:\n')
    print('| labels | 12 | 20 | 28 | 36 | 44 | 52 |\n|---|---|---|---|---|---|---|')
    for how in ('random','margin','next'):
        m = np.mean([learned(f, y0, how, o) for o in range(20)], 0)
        print(f'| {how} | '+' | '.join(f'{o:.3f}' for o in m)+' |')
    shutil.rmtree(path.parent)

if __name__=='__main__': main()
