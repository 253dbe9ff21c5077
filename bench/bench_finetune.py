"Fine-tuning resnet18 at 224 px on the CPU, data included (random weights: this is about time): `get_dls` + `get_learner` and plain fastai"
import shutil, statistics, tempfile, time, warnings
from pathlib import Path
warnings.filterwarnings('ignore')
from fastai.vision.all import (CategoryBlock, DataBlock, ImageBlock, RandomSplitter, Resize, aug_transforms, error_rate, get_image_files, parent_label,
    resnet18, vision_learner)
from fastprogress import fastprogress
from imgcls.learn.data import get_dls
from imgcls.learn.train import get_learner, train_head
from photos import write

def secs(learn, f):
    "Seconds of `f()`"
    t = time.perf_counter()
    with learn.no_bar(), learn.no_logging(): f()
    return time.perf_counter()-t

def main(n=200, runs=3):
    fastprogress.NO_BAR = True
    path = Path(tempfile.mkdtemp())
    write(path, n)
    block = DataBlock((ImageBlock,CategoryBlock), get_items=get_image_files, get_y=parent_label, splitter=RandomSplitter(seed=42),
        item_tfms=Resize(460), batch_tfms=aug_transforms(size=224))
    ours = get_learner(get_dls(path, 224, bs=32), 'resnet18', pretrained=False, metrics=[error_rate])
    theirs = vision_learner(block.dataloaders(path, bs=32), resnet18, pretrained=False, metrics=error_rate)
    for o in (ours,theirs): secs(o, lambda: o.fit(1)) # the first epoch warms up
    free,frozen = [],[]
    for _ in range(runs):
        for o in (ours,theirs): o.unfreeze()
        free.append([secs(o, lambda: o.fit_one_cycle(1)) for o in (ours,theirs)])
        for o in (ours,theirs): o.freeze()
        frozen.append((secs(ours, lambda: train_head(ours)),secs(theirs, lambda: theirs.fit_one_cycle(4))))
    row = lambda name,rs: f'| {name} | {statistics.median(a for a,_ in rs):.1f} | {statistics.median(b for _,b in rs):.1f} | {statistics.median(b/a for a,b in rs):.1f} × |'
    half = 'bfloat16' if ours.b_float16.on else 'float32'
    print(f"""## Fine-tuning (resnet18, 224 px, {n} photos of 500–1600 px, CPU, here with {half}; {runs} runs each, in turns)

| seconds | imgcls | fastai | faster (median of pairs) |
|---|---|---|---|
{row('unfrozen epoch', free)}
{row('frozen stage: head on cached features, 4 views and 20 epochs; fastai 4 epochs', frozen)}""")
    shutil.rmtree(path)

if __name__=='__main__': main()
