"600 real photos of bears, pretrained squeezenet1_1: `train` and plain fastai's `fine_tune(4)`, the same five folds, in turns"
import os, shutil, statistics, tempfile, time, warnings
from pathlib import Path
shared = Path(__file__).parent.parent.parent/'shared' # photos and weights that only developers have
os.environ['TORCH_HOME'] = str(shared/'torch_home')
warnings.filterwarnings('ignore')
import torchvision
from fastai.vision.all import CategoryBlock, DataBlock, ImageBlock, IndexSplitter, Resize, aug_transforms, error_rate, parent_label, set_seed, vision_learner
from fastprogress import fastprogress
from sklearn.model_selection import StratifiedGroupKFold
from imgcls.dataset import Dataset
from imgcls.learn.data import get_dls
from imgcls.gather.verify import duplicates
from imgcls.learn.interpret import wilson
from imgcls.learn.train import get_learner, train

def folds(path, k=5):
    "Tables with `split`, `k` of them: classes even, twins together"
    df = Dataset(path).items().assign(name=lambda o: [f.relative_to(path).as_posix() for f in o.file])
    twins = duplicates(path).set_index('file').group
    group = [f'twin {twins[o]}' if o in twins else o for o in df.name]
    for _,valid in StratifiedGroupKFold(k, shuffle=True, random_state=0).split(df, df.label, group):
        yield df.assign(split=['valid' if i in set(valid) else 'train' for i in range(len(df))])[['name','label','split']]

def right(learn, tta=False):
    "How many of the validation set are right"
    probs,targs = learn.tta() if tta else learn.get_preds()
    return int((probs.argmax(1)==targs).sum())

def timed(f):
    "(seconds, pictures right) of `f`, which gives a learner and whether to look several times"
    t = time.perf_counter()
    learn,tta = f()
    t = time.perf_counter()-t
    with learn.no_bar(): return t,right(learn, tta)

def fastai_way(path, df, size):
    fns = [path/o for o in df.name]
    block = DataBlock((ImageBlock,CategoryBlock), get_y=parent_label, splitter=IndexSplitter(list(df.index[df.split=='valid'])),
        item_tfms=Resize(size), batch_tfms=aug_transforms())
    learn = vision_learner(block.dataloaders(fns), torchvision.models.squeezenet1_1, metrics=error_rate, path=path)
    with learn.no_bar(), learn.no_logging(): learn.fine_tune(4)
    return learn,False

def our_way(path, df, size, epochs, tta=False, **kwargs):
    learn = get_learner(get_dls(path, size, df=df), 'squeezenet1_1')
    with learn.no_bar(), learn.no_logging(): train(learn, epochs, restart=True, **kwargs)
    return learn,tta

def main():
    if not shared.exists(): return print('## Bears\n\nNot measured: the photos are not here.')
    fastprogress.NO_BAR = True
    path = Path(tempfile.mkdtemp())/'bears'
    shutil.copytree(shared/'data'/'bears', path)
    ways = {'fastai, `fine_tune(4)` at 128 px':lambda df: fastai_way(path, df, 128), 'imgcls, `train(learn, 0)` at 128 px':lambda df: our_way(path, df, 128, 0),
        'imgcls, `train(learn, 4)` at 128 px':lambda df: our_way(path, df, 128, 4)}
    for f in list(ways)[1:]: ways[f](next(folds(path))) # the first time decodes
    res = {o:[] for o in ways}
    for i,df in enumerate(folds(path)):
        for o,f in ways.items():
            set_seed(i)
            res[o].append(timed(lambda: f(df)))
    n,base = len(Dataset(path).items()),res['fastai, `fine_tune(4)` at 128 px']
    rows = []
    for o,r in res.items():
        k = sum(b for _,b in r)
        lo,hi = wilson(k, n)
        rows.append(f'| {o} | {k/n:.3f} ({lo:.3f}–{hi:.3f}) | {statistics.median(t for t,_ in r):.1f} | {statistics.median(b[0]/a[0] for a,b in zip(r, base)):.1f} × |')
    print('## Bears (600 real photos, squeezenet1_1 with ImageNet weights, 5 folds with twins together, in turns)\n\n'
        '| | accuracy (95 % interval) | seconds a fold | faster (median of pairs) |\n|---|---|---|---|\n' + '\n'.join(rows))

if __name__=='__main__': main()
