"The cleaner's start on 600 real photos of bears against fastai's own, in turns; a page out of 10,000 pictures; duplicates among 20,000 feature vectors are in bench_similar"
import os, shutil, statistics, tempfile, time, warnings
from pathlib import Path
shared = Path(__file__).parent.parent.parent/'shared' # photos and weights that only developers have
os.environ['TORCH_HOME'] = str(shared/'torch_home')
warnings.filterwarnings('ignore')
import fastai.vision.widgets, torchvision
from fastai.vision.all import ImageDataLoaders, Resize, error_rate, set_seed, vision_learner
from fastai.vision.widgets import ImageClassifierCleaner as FastaiCleaner
from fastprogress import fastprogress
from imgcls.clean.widgets import ImageClassifierCleaner, ImageCleaner
from imgcls.learn.data import get_dls
from imgcls.learn.train import get_learner
import photos

fastai.vision.widgets.display = lambda *args: None # a notebook's, which would also encode the pictures; without one it isn't there

def secs(f):
    t = time.perf_counter()
    res = f()
    return time.perf_counter()-t,res

def fastai_learner(path):
    dls = ImageDataLoaders.from_folder(path, valid_pct=.2, seed=42, item_tfms=Resize(128))
    return vision_learner(dls, torchvision.models.squeezenet1_1, metrics=error_rate)

def pages(n=10_000, k=300, turns=20):
    "(first display, a page never seen, a page seen before) of `n` pictures, in seconds; they are `k` photos under `n` names"
    path = Path(tempfile.mkdtemp())/'many'
    photos.write(path, k, 1000, 4000)
    fns = sorted(path.glob('*/*.jpg'))
    for i in range(k, n): os.link(fns[i%k], fns[i%k].with_name(f'{i:05d}.jpg'))
    start,c = secs(lambda: ImageCleaner(path))
    new = []
    for i in range(turns): # the page is chosen at random, so that none was made ahead
        new.append(secs(lambda: c.show((i*7919)%c.pages()))[0])
        c.thumbs.todo.submit(int).result() # what is made ahead is not the next page's cost
    old = [secs(lambda: c.show((i*7919)%c.pages()))[0] for i in range(turns)]
    shutil.rmtree(path.parent)
    return start,statistics.median(new),max(new),statistics.median(old)

def main(runs=5):
    fastprogress.NO_BAR = True
    start,new,worst,old = pages()
    txt = f"""## The cleaner

| {10_000:,} photos of 1,000 to 4,000 px, no model | seconds |
|---|---|
| from the call to the first page of 24 | {start:.2f} |
| a page never seen (median of 20; worst {worst:.2f}) | {new:.2f} |
| a page seen before | {old:.3f} |
"""
    if not shared.exists(): return print(txt + '\nThe start against fastai: not measured, the photos are not here.')
    path = Path(tempfile.mkdtemp())/'bears'
    shutil.copytree(shared/'data'/'bears', path)
    set_seed(0)
    theirs,ours = fastai_learner(path),get_learner(get_dls(path, 128), 'squeezenet1_1')
    ours.validate() # decodes once, as training does
    res = {'fastai':[], 'imgcls':[]}
    for _ in range(runs):
        a,c = secs(lambda: FastaiCleaner(theirs))
        b,_ = secs(lambda: setattr(c.dd_cats, 'value', 'grizzly'))
        res['fastai'].append((a,b,30))
        shutil.rmtree(path/'.thumbs', ignore_errors=True)
        a,c = secs(lambda: ImageClassifierCleaner(ours))
        b,_ = secs(lambda: setattr(c.dd_cats, 'value', 'grizzly'))
        res['imgcls'].append((a,b,c.max_n))
    med = {k:[statistics.median(o) for o in zip(*v)] for k,v in res.items()}
    f,i = med['fastai'],med['imgcls']
    print(f"""{txt}
| 600 photos of bears, squeezenet1_1 at 128 px ({runs} runs in turns) | imgcls | fastai | ratio |
|---|---|---|---|
| from the learner to the first page: scores of all pictures, thumbnails | {i[0]:.2f} s | {f[0]:.2f} s | {f[0]/i[0]:.1f} × |
| another class | {i[1]:.2f} s | {f[1]:.2f} s | {f[1]/i[1]:.1f} × |
| pictures on a page | {i[2]:.0f} | {f[2]:.0f} of the class at most | |""")

if __name__=='__main__': main()
