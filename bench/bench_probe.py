"A five-fold number over 600 bears: `probe` against plain fastai's `fine_tune(4)` and against its floor, in turns; wants the development photos and weights in ../shared; `many`: only 100,000 features"
import os, resource, shutil, statistics, sys, tempfile, time, warnings
warnings.filterwarnings('ignore')
from pathlib import Path
from concurrent.futures import ThreadPoolExecutor

shared = Path(__file__).parent.parent.parent/'shared'
if not (shared/'torch_home').exists(): sys.exit('needs ../shared/data/bears and ../shared/torch_home')
os.environ['TORCH_HOME'] = str(shared/'torch_home')
import numpy as np, torch, torchvision
from fastai.vision.all import ImageDataLoaders, Resize, error_rate, set_seed, vision_learner
from fastprogress import fastprogress
from imgcls.learn.probe import cross_probs, linear_head, probe
from imgcls.picture import open_image
from PIL import Image, ImageOps

fastprogress.NO_BAR = True
rounds = 3

def usable(fn):
    try: return bool(open_image(fn))
    except ValueError: return False

def bears(path):
    "The photos that can be opened, a folder per class: fastai stops at the others"
    for fn in (shared/'data'/'bears').glob('*/*'):
        if not usable(fn): continue
        (path/fn.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(fn, path/fn.parent.name)
    return path

def fine_tune(path):
    "Accuracy of plain fastai on a fifth of the pictures"
    set_seed(42)
    dls = ImageDataLoaders.from_folder(path, valid_pct=.2, seed=42, item_tfms=Resize(128), bs=32, num_workers=0)
    learn = vision_learner(dls, torchvision.models.squeezenet1_1, metrics=error_rate)
    with learn.no_bar(), learn.no_logging(): learn.fine_tune(4)
    return 1-learn.recorder.values[-1][-1]

def floor(path, size):
    "Decode once at n/8, and one forward pass"
    fns = sorted(path.glob('*/*'))
    def pixels(fn): return np.asarray(ImageOps.fit(open_image(fn, size), (size,size), Image.BILINEAR))
    with ThreadPoolExecutor(2) as ex: x = torch.from_numpy(np.stack(list(ex.map(pixels, fns))))
    net = torchvision.models.squeezenet1_1(weights='DEFAULT').features.eval().to(memory_format=torch.channels_last)
    with torch.inference_mode(), torch.autocast('cpu', torch.bfloat16):
        for b in x.split(64): net(b.permute(0,3,1,2).float()/255)

def many(n=100_000, nf=512, classes=10):
    "Seconds of five folds, and of one fit, of many features; GB at most"
    rng = np.random.default_rng(0)
    y = np.arange(n)%classes
    x = rng.normal(size=(n,nf)).astype('float32')
    x[np.arange(n),y] += 2
    five,_ = timed(cross_probs, x, y, np.arange(n)//classes%5)
    one,_ = timed(linear_head, x, y, .1)
    return five,one,resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/2**20

def say_many():
    "What `many` found, in a sentence"
    five,one,gb = many()
    print(f'\n100,000 features of 512 in ten classes: five folds, strengths chosen within, {five:.1f} s; one fit by scikit-learn {one:.1f} s: **{five/one:.1f} ×**; {gb:.1f} GB at most in all of this run.')

def timed(f, *args, **kwargs):
    t = time.perf_counter()
    res = f(*args, **kwargs)
    return time.perf_counter()-t,res

def main():
    path = bears(Path(tempfile.mkdtemp())/'bears')
    secs = {k:[] for k in ('fine','128','again','224','floor128','floor224')}
    for _ in range(rounds):
        shutil.rmtree(path/'.features', ignore_errors=True)
        for k,f in dict(fine=lambda: fine_tune(path), floor128=lambda: floor(path, 128), floor224=lambda: floor(path, 224)).items():
            t,res = timed(f)
            secs[k].append(t)
            if k=='fine': acc = res
        for k,args in {'128':dict(size=128), 'again':dict(size=128, k=10), '224':dict(size=224)}.items():
            t,res = timed(probe, path, 'squeezenet1_1', **args)
            secs[k].append(t)
            if k=='128': small = res
            if k=='224': large = res
    s = {k:statistics.median(v) for k,v in secs.items()}
    n = len(small.y)
    print(f'## A number one can trust: probe\n\n{n} bears, squeezenet1_1, after imports, decode included; medians of {rounds} rounds in turns.\n')
    print('| | seconds | accuracy | of |\n|---|---|---|---|')
    print(f'| fastai `fine_tune(4)`, 128 px | {s["fine"]:.1f} | {acc:.3f} | {n//5} pictures |')
    for o,k in ((small,'128'),(large,'224')):
        print(f'| `probe`, five folds, {k} px | {s[k]:.2f} | {o.accuracy:.3f} ({o.interval[0]:.3f} to {o.interval[1]:.3f}) | {n} pictures |')
    print(f'| again with ten folds, 128 px | {s["again"]:.2f} | | |')
    for k in ('128','224'): print(f'| floor: decode and one forward pass, {k} px | {s[f"floor{k}"]:.2f} | | |')
    print(f'\nOf the time of `fine_tune(4)`: **1/{s["fine"]/s["128"]:.1f}**; of the floor: **{s["128"]/s["floor128"]:.2f} ×** at 128 px, **{s["224"]/s["floor224"]:.2f} ×** at 224 px.')
    say_many()
    shutil.rmtree(path.parent)

if __name__=='__main__': say_many() if 'many' in sys.argv else main()
