"None of these: how well distances, neighbours and confidence tell what is no bear from bears that were never seen, and what the one that is exported costs; wants the development photos and weights in ../shared, takes folders with more photos of other things"
import os, shutil, sys, tempfile, time, warnings
warnings.filterwarnings('ignore')
from pathlib import Path

shared = Path(__file__).parent.parent.parent/'shared'
if not (shared/'torch_home').exists(): sys.exit('needs ../shared/data/bears and ../shared/torch_home')
os.environ['TORCH_HOME'] = str(shared/'torch_home')
import numpy as np, torch
from fastai.vision.all import get_image_files, nn, set_seed
from fastprogress import fastprogress
from matplotlib import cbook
from PIL import Image
from sklearn.covariance import LedoitWolf
from sklearn.datasets import load_sample_images
from sklearn.metrics import roc_auc_score
from imgcls.dataset import image_files
from imgcls.learn.data import get_dls, picture_dl
from imgcls.learn.export import class_places, distances, export_onnx
from imgcls.learn.scores import flat_features, learner_items
from imgcls.learn.train import get_learner, train
from imgcls.sample import heldout_folder
from imgcls.use.predict import Predictor

fastprogress.NO_BAR = True
rng = np.random.default_rng(0)
strange = ['digits','flat','noise','photos']

def others(folders):
    "Photos of other things: scikit-learn's two, matplotlib's, and those in `folders`"
    yield from map(Image.fromarray, load_sample_images().images)
    yield Image.open(cbook.get_sample_data('grace_hopper.jpg')).convert('RGB')
    for o in folders: yield from (Image.open(fn).convert('RGB') for fn in sorted(get_image_files(o)))

def crops(im, n=5):
    "A photo and parts of it"
    yield im
    for k in rng.uniform(.4, .9, n):
        w,h = [int(o*k) for o in im.size]
        x,y = [int(rng.integers(0, a-b+1)) for a,b in zip(im.size, (w,h))]
        yield im.crop((x,y,x+w,y+h))

def noise(i):
    s = int(rng.choice([8,32,160]))
    a = rng.integers(0, 256, (s,s,3)) if i%2 else rng.normal(128, rng.uniform(10, 60), (s,s,3)).clip(0, 255)
    return Image.fromarray(a.astype('uint8')).resize((160,160), Image.BILINEAR)

def write(path, ims):
    path.mkdir()
    for i,im in enumerate(ims): im.save(path/f'{i:04d}.png')

def strangers(path, folders):
    "What is no bear, a folder for each kind"
    heldout_folder(path/'digits', 200)
    write(path/'flat', [Image.new('RGB', (160,160), tuple(int(o) for o in rng.integers(0, 256, 3))) for _ in range(150)])
    write(path/'noise', map(noise, range(150)))
    write(path/'photos', [c for im in others(folders) for c in crops(im)])

def bears(path):
    "Every fifth photo is held out, and nothing is ever fitted to it"
    for i,fn in enumerate(image_files(shared/'data'/'bears')):
        to = path/('held' if i%5==0 else 'bears')/fn.parent.name
        to.mkdir(parents=True, exist_ok=True)
        shutil.copy(fn, to)

def activations(learn, fns):
    "What goes into the head, into its last layer, and comes out of it"
    got,last = dict(body=[], last=[], logits=[]),[o for o in learn.model.modules() if isinstance(o, nn.Linear)][-1]
    hooks = [learn.model[1].register_forward_pre_hook(lambda m,x: got['body'].append(flat_features(x[0]))),
        last.register_forward_hook(lambda m,x,y: (got['last'].append(flat_features(x[0])),got['logits'].append(flat_features(y))) and None)]
    with learn.no_bar(): learn.get_preds(dl=picture_dl(learn.dls, fns))
    for o in hooks: o.remove()
    return {k:torch.cat(v) for k,v in got.items()}

def unit(x): return nn.functional.normalize(x)

def gauss(x, y, relative=False):
    "Squared Mahalanobis distance, one shrunk covariance; relative to one that knows no classes (Ren et al. 2021)"
    means = torch.stack([x[y==c].mean(0) for c in y.unique()])
    p = torch.from_numpy(np.linalg.cholesky(LedoitWolf(assume_centered=True).fit((x-means[y]).numpy()).precision_)).float()
    def d(z): return torch.cdist(z@p, means@p).square().amin(1)
    if not relative: return d
    whole = gauss(x, torch.zeros_like(y))
    return lambda z: d(z)-whole(z)

def nearest(x, k): return lambda z: torch.cdist(z, x).topk(k, largest=False).values[:,-1]

def ours(x, y, k=16):
    places = class_places(x, y, int(y.max())+1, k)
    return lambda z: distances(z, *places)

def ways(x, y):
    "Name → (distance of features, numbers to keep)"
    n,nf = x.shape
    c = int(y.max())+1
    u = unit(x)
    res = {'Mahalanobis':(gauss(x, y),nf*nf+c*nf), 'Mahalanobis, length 1':(lambda z,f=gauss(u, y): f(unit(z)),nf*nf+c*nf),
        'relative Mahalanobis, length 1':(lambda z,f=gauss(u, y, True): f(unit(z)),2*nf*nf+c*nf)}
    for k in (1,5,10): res[f'{k} nearest, length 1'] = (lambda z,f=nearest(u, k): f(unit(z))),n*nf
    for k in (8,16,64): res[f'**class means without {k} directions, length 1**' if k==16 else f'class means without {k} directions, length 1'] = ours(x, y, k),(c+k)*nf
    return res

def row(name, d, kb):
    own,s = d['held'],[roc_auc_score([0]*len(d['held'])+[1]*len(d[o]), torch.cat([d['held'],d[o]])) for o in strange]
    print(f'| {name} | {" | ".join(f"{o:.3f}" for o in s)} | {kb} |')

def table(acts, y):
    print('| | digits | flat | noise | other photos | KB |\n|---|---|---|---|---|---|')
    z = {k:acts[k]['logits'] for k in ('held',*strange)}
    row('confidence', {k:-v.softmax(1).amax(1) for k,v in z.items()}, 0)
    row('largest logit', {k:-v.amax(1) for k,v in z.items()}, 0)
    row('energy', {k:-v.logsumexp(1) for k,v in z.items()}, 0)
    for at,where in dict(last='input of the last layer', body='input of the head').items():
        for name,(f,n) in ways(acts['train'][at], y).items():
            row(f'{where}: {name}', {k:f(acts[k][at]) for k in ('held',*strange)}, f'{4*n/1000:.0f}')

def milliseconds(p, x, outputs):
    t = time.perf_counter()
    p.session.run(outputs, dict(image=x))
    return 1000*(time.perf_counter()-t)

def cost(with_, without, fn, n=600):
    "Milliseconds of the network without the second output, what that adds, and of all of a prediction: the least of many, in turns, so that what else runs counts for little"
    x = with_.prepared(fn)[None]
    sides = (with_,['logits','distance']),(without,['logits'])
    a,b = zip(*([milliseconds(p, x, o) for p,o in sides] for _ in range(n)))
    whole = []
    for _ in range(60):
        t = time.perf_counter()
        without.predict(fn)
        whole.append(1000*(time.perf_counter()-t))
    return min(b),min(a)-min(b),min(whole)

def main(folders):
    path = Path(tempfile.mkdtemp())
    bears(path)
    strangers(path, folders)
    set_seed(42)
    learn = get_learner(get_dls(path/'bears', 128, bs=32), 'squeezenet1_1')
    with learn.no_bar(), learn.no_logging(): train(learn, 4, restart=True)
    df = learner_items(learn).query('split=="train"')
    files = dict(train=list(df.file), held=image_files(path/'held'), **{k:sorted(get_image_files(path/k)) for k in strange})
    acts = {k:activations(learn, v) for k,v in files.items()}
    ways = {'fp32':{}, 'int8':dict(quantize=True, max_loss=.05)}
    made = {k:[Predictor(export_onnx(learn, path/f'{k}{o}.onnx', share=o, **kw)) for o in (.95,None)] for k,kw in ways.items()}
    print(f'## None of these\n\nsqueezenet1_1 at 128 px learned {len(df)} photos of bears (`train(learn, 4)`). AUROC of each way to tell {len(files["held"])} photos of bears '
        f'that nothing was fitted to from {len(files["digits"])} digits of the sample, {len(files["flat"])} flat colours, {len(files["noise"])} pictures of noise and {len(files["photos"])} photos of other '
        f'things and parts of them; KB is what a file would have to carry. Bold is exported.\n')
    table(acts, torch.tensor(df.targ.tolist()))
    print('\nThe exported file, its limit set by its validation pictures to let 95 in 100 pass; what it costs was measured in turns.\n\n'
        '| | bears that pass | digits told | flat | noise | other photos | MB | without | ms of the network | more with it | of a prediction |\n'+'|---'*11+'|')
    for name,(p,q) in made.items():
        told = {k:np.mean([o.unknown for o in p.stream(files[k]) if not isinstance(o, Exception)]) for k in ('held',*strange)}
        ms,more,whole = cost(p, q, files['held'][0])
        mb = [o.path.stat().st_size/1e6 for o in (p,q)]
        print(f'| {name} | {1-told["held"]:.1%} | {" | ".join(f"{told[o]:.0%}" for o in strange)} | {mb[0]:.2f} | {mb[1]:.2f} | {ms:.2f} | {more:.3f} | {more/whole:+.1%} |')
    shutil.rmtree(path)

if __name__=='__main__': main(sys.argv[1:])
