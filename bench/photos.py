"Photos to measure with: crops of scikit-learn's two sample photos, enlarged and with some noise, so that they are as hard to decode as the web's"
import numpy as np
from pathlib import Path
from PIL import Image
from sklearn.datasets import load_sample_images

def photo(i, lo, hi):
    "Photo `i`, its width between `lo` and `hi` px"
    rng = np.random.default_rng(i)
    im = Image.fromarray(load_sample_images().images[i%2]) if i>1 else Image.fromarray(load_sample_images().images[i])
    k,side = rng.uniform(.4, .9),int(rng.integers(lo, hi+1))
    w,h = [int(o*k) for o in im.size]
    x,y = int(rng.integers(0, im.width-w)),int(rng.integers(0, im.height-h))
    a = np.asarray(im.crop((x,y,x+w,y+h)).resize((side, round(side*h/w)), Image.BICUBIC), 'int16')
    return Image.fromarray((a + rng.normal(0, 4, a.shape[:2]+(1,))).clip(0, 255).astype('uint8'))

def write_one(path, i, lo=500, hi=1600, classes=4):
    "Write photo `i` to `path`, in the folder of its class"
    fn = Path(path)/f'class{i%classes}'/f'{i:05d}.jpg'
    fn.parent.mkdir(parents=True, exist_ok=True)
    photo(i, lo, hi).save(fn, quality=85)

def write(path, n, lo=500, hi=1600, classes=4):
    "Write `n` photos to `path`, a folder per class"
    for i in range(n): write_one(path, i, lo, hi, classes)
