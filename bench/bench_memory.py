"Memory of fine-tuning resnet18 at 224 px on a CPU: `get_dls` + `train` and plain fastai, each in a fresh process, its workers counted in"
import statistics, subprocess, sys, tempfile, time
from pathlib import Path
import psutil, photos

start = "import warnings; warnings.simplefilter('ignore'); from fastprogress import fastprogress; fastprogress.NO_BAR = True; "
ours = start+'''from imgcls.all import *
learn = get_learner(get_dls({0!r}, 224, bs=32), 'resnet18', pretrained=False)
with learn.no_logging(): train(learn, {1}, restart=True)'''
theirs = start+'''from fastai.vision.all import *
dls = ImageDataLoaders.from_folder({0!r}, valid_pct=.2, seed=42, item_tfms=Resize(460), batch_tfms=aug_transforms(size=224), bs=32)
learn = vision_learner(dls, resnet18, pretrained=False)
with learn.no_bar(), learn.no_logging(): learn.fine_tune({1})'''
idle = start+'from {0} import *'

def held(p):
    "MB that `p` and its children hold, what they share counted once"
    mb = 0
    for o in [p,*p.children(recursive=True)]:
        try: mb += o.memory_full_info().pss/2**20
        except psutil.Error: pass # it has just ended
    return mb

def peak(code, every=.1):
    "(most MB held, seconds) of a fresh process"
    t,most = time.perf_counter(),0
    with tempfile.TemporaryDirectory() as cwd:
        p = subprocess.Popen([sys.executable, '-c', code], cwd=cwd, stdout=subprocess.DEVNULL)
        while p.poll() is None:
            try: most = max(most, held(psutil.Process(p.pid)))
            except psutil.Error: pass
            time.sleep(every)
    if p.returncode: sys.exit(f'This failed:\\n{code}')
    return most,time.perf_counter()-t

def main(n=600, epochs=1, runs=3):
    path = Path(tempfile.mkdtemp())
    photos.write(path, n)
    codes = [o.format(str(path), epochs) for o in (ours,theirs)]
    rs = [[peak(o) for o in codes] for _ in range(runs)]
    bare = [peak(idle.format(o))[0] for o in ('imgcls.all','fastai.vision.all')]
    (a,s),(b,t) = [[statistics.median(o) for o in zip(*r)] for r in zip(*rs)]
    ratio = statistics.median(r[0][0]/r[1][0] for r in rs)
    print(f"""## Memory of training (resnet18, 224 px, {n} photos of 500–1600 px, batches of 32, CPU; fresh processes, workers included, {runs} runs each, in turns)

| | imgcls | fastai | ratio (median of pairs) |
|---|---|---|---|
| most memory held, MB | {a:.0f} | {b:.0f} | {ratio:.2f} × |
| of that, imports | {bare[0]:.0f} | {bare[1]:.0f} | |
| seconds, imports included | {s:.0f} | {t:.0f} | |""")

if __name__=='__main__': main(*map(int, sys.argv[1:]))
