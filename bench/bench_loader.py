"Pictures a second out of the training loader, augmentation included: `get_dls` and plain fastai, Resize(460) + aug_transforms(size=224)"
import os, shutil, statistics, tempfile, time, warnings
from pathlib import Path
warnings.filterwarnings('ignore')
from fastai.vision.all import CategoryBlock, DataBlock, ImageBlock, RandomSplitter, Resize, aug_transforms, get_image_files, parent_label
from fastprogress import fastprogress
from imgcls.learn.data import get_dls
from photos import write

def rate(dl):
    "Pictures a second of one epoch"
    t = time.perf_counter()
    n = sum(len(y) for _,y in dl)
    return n/(time.perf_counter()-t)

def main(n=600, runs=5):
    fastprogress.NO_BAR = True
    path = Path(tempfile.mkdtemp())
    write(path, n)
    t = time.perf_counter()
    ours = get_dls(path, 224)
    first = time.perf_counter()-t
    block = DataBlock((ImageBlock,CategoryBlock), get_items=get_image_files, get_y=parent_label, splitter=RandomSplitter(seed=42),
        item_tfms=Resize(460), batch_tfms=aug_transforms(size=224))
    theirs = block.dataloaders(path, bs=64)
    rs = [(rate(ours.train),rate(theirs.train)) for _ in range(runs+1)][1:] # the first run warms up
    med = lambda i: statistics.median(o[i] for o in rs)
    print(f"""## Training loader ({n} photos of 500–1600 px, 224 px, augmented, batches of 64 on the CPU; fastai with {os.cpu_count()} workers; {runs} epochs each, in turns)

| | imgcls | fastai | ratio (median of pairs) |
|---|---|---|---|
| pictures a second, after the first epoch | {med(0):.0f} | {med(1):.0f} | {statistics.median(a/b for a,b in rs):.1f} × |
| seconds to look at all pictures, split them and decode them, once | {first:.1f} | | |
| MB of decoded pictures kept | {sum(o.nbytes for o in ours.pixels.caches)/2**20:.0f} | 0 | |""")
    shutil.rmtree(path)

if __name__=='__main__': main()
