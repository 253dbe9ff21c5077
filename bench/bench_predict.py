"From a fresh process to the first answer: `Predictor` and fastai's `load_learner` + `predict`, same weights, same picture"
import statistics, subprocess, sys, tempfile, time
from pathlib import Path
from imgcls.data import get_dls
from imgcls.export import export_onnx
from imgcls.sample import draw_digit, heldout_folder
from imgcls.train import get_learner

ours = "from imgcls.predict import Predictor; p = Predictor('m.onnx').predict('x.png').label"
theirs = "import warnings; warnings.simplefilter('ignore'); from fastai.vision.all import *; l = load_learner('m.pkl')\nwith l.no_bar(): p = l.predict('x.png')[0]"
peak = "\nprint(p, next(int(o.split()[1])/1024 for o in open('/proc/self/status') if o.startswith('VmHWM')))"

def once(code, cwd):
    "(seconds, peak MB, label) of a fresh process"
    t = time.perf_counter()
    out = subprocess.run([sys.executable, '-c', code+peak], capture_output=True, text=True, cwd=cwd, check=True).stdout.split()
    return time.perf_counter()-t,float(out[-1]),out[-2]

def main(n=7):
    path = Path(tempfile.mkdtemp())
    learn = get_learner(get_dls(heldout_folder(path/'d', 100), size=224, bs=16, num_workers=0), 'resnet18', pretrained=False)
    export_onnx(learn, path/'m.onnx')
    learn.export(path/'m.pkl')
    draw_digit(930).resize((640,640)).save(path/'x.png')
    for o in (ours,theirs): once(o, path)
    a,b = zip(*[(once(ours, path),once(theirs, path)) for _ in range(n)])
    assert {o[2] for o in a}=={o[2] for o in b}
    med = lambda rs,i: statistics.median(o[i] for o in rs)
    print(f'''## Fresh process to first answer (resnet18, 224 px, {n} runs each, in turns)

| | imgcls | fastai | ratio (median of pairs) |
|---|---|---|---|
| seconds | {med(a,0):.2f} | {med(b,0):.2f} | {statistics.median(y[0]/x[0] for x,y in zip(a,b)):.1f} × faster |
| peak MB | {med(a,1):.0f} | {med(b,1):.0f} | {statistics.median(y[1]/x[1] for x,y in zip(a,b)):.1f} × less |''')

if __name__=='__main__': main()
