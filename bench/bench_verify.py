"Verify, hash and shrink: `verify_images(max_size=500)`, one decode for all three, and fastai's `verify_images` followed by `resize_images(max_size=500)`"
import shutil, statistics, tempfile, time
from fastai.vision.all import get_image_files
from fastai.vision.utils import resize_images, verify_images as fastai_verify
from fastprogress import fastprogress
from pathlib import Path
from imgcls.dataset import Dataset
from imgcls.gather.verify import verify_images
from photos import write

def ours(path):
    t = time.perf_counter()
    verify_images(path, max_size=500)
    return time.perf_counter()-t

def theirs(path):
    t = time.perf_counter()
    fastai_verify(get_image_files(path))
    resize_images(path, max_size=500, dest=path, recurse=True)
    return time.perf_counter()-t

def main(n=2000, runs=3):
    fastprogress.NO_BAR = True
    top = Path(tempfile.mkdtemp())
    write(top/'src', n)
    size = sum(o.stat().st_size for o in get_image_files(top/'src'))/n/1024
    ts = []
    for i in range(runs+1): # the first run warms up
        pair = []
        for f in (ours,theirs):
            shutil.copytree(top/'src', top/'work')
            pair.append(f(top/'work'))
            if f is ours: assert len(Dataset(top/'work').seen())==n
            shutil.rmtree(top/'work')
        if i: ts.append(pair)
    med = lambda i: n/statistics.median(o[i] for o in ts)
    shutil.rmtree(top)
    print(f'''## Verify, hash and shrink ({n:,} photos of 500–1600 px, {size:.0f} KB on average; {runs} runs each, in turns)

| | imgcls | fastai (verifies and shrinks only) | ratio (median of pairs) |
|---|---|---|---|
| photos a second | {med(0):.0f} | {med(1):.0f} | {statistics.median(b/a for a,b in ts):.1f} × |''')

if __name__=='__main__': main()
