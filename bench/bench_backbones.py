"What the networks of the default list cost once exported, with resnet18 and mobilenet_v3_large beside them: random weights, since this is about time and size"
import statistics, subprocess, sys, tempfile, time, warnings
from pathlib import Path
warnings.filterwarnings('ignore')
import numpy as np
from fastprogress import fastprogress
from imgcls.learn.data import get_dls
from imgcls.learn.export import export_onnx
from imgcls.learn.probe import backbones
from imgcls.learn.train import get_learner
from imgcls.use.predict import Predictor
import photos

others = 'resnet18','mobilenet_v3_large','squeezenet1_1'
sizes = dict(vit_small_patch14_dinov2=518) # of networks that take one size only
kinds = 'fp32','int8'
peak = '''import sys
from imgcls.use.predict import Predictor
import numpy as np
p = Predictor(sys.argv[1], engine='onnxruntime')
w,h = p.meta['crop']
for _ in range(3): p.ask(np.zeros((1,3,h,w), 'float32'))
print(next(int(o.split()[1])/1024 for o in open('/proc/self/status') if o.startswith('VmHWM')))'''

def write(path, arch, size):
    "Network `arch` with random weights as two files; or why it is none"
    learn = get_learner(get_dls(path/'photos', size=size, bs=8), arch, pretrained=False)
    for o in kinds: export_onnx(learn, path/f'{arch}-{o}.onnx', quantize=o=='int8', max_loss=1., max_diff=.01, share=None)

def network_ms(ps, n):
    "Milliseconds of the network alone for one picture, of each of `ps`, in turns"
    x = [np.random.default_rng(0).random((1,3,*p.meta['crop'][::-1]), 'float32') for p in ps]
    def once(p, x):
        t = time.perf_counter()
        p.ask(x)
        return 1000*(time.perf_counter()-t)
    rows = [[once(*o) for o in zip(ps, x)] for _ in range(n+3)][3:]
    return [statistics.median(o) for o in zip(*rows)],statistics.median(a/b for a,b in rows)

def mb(fn):
    "Peak memory of a fresh process that answers, in MB"
    out = subprocess.run([sys.executable, '-c', peak, fn], capture_output=True, text=True, check=True)
    return float(out.stdout)

def row(path, kind, arch, size, n):
    "A line of the table"
    try: write(path, arch, size)
    except Exception as e: return f'| {arch} | {kind} | {size} | not exported: {str(e)[:120]} | | | | | | |'
    fns = [path/f'{arch}-{o}.onnx' for o in kinds]
    ps = [Predictor(o, engine='onnxruntime') for o in fns]
    (a,b),ratio = network_ms(ps, n)
    size_mb = [o.stat().st_size/1e6 for o in fns]
    ram = [mb(o) for o in fns]
    return f'| {arch} | {kind} | {size} | {a:.1f} | {b:.1f} | {ratio:.2f} × | {size_mb[0]:.1f} | {size_mb[1]:.1f} | {ram[0]:.0f} | {ram[1]:.0f} |'

def main(n=30, size=224):
    fastprogress.NO_BAR = True
    path = Path(tempfile.mkdtemp())
    photos.write(path/'photos', 24)
    named = [(k,o) for k,v in backbones.items() for o in v] + [('',o) for o in others]
    rows = '\n'.join(row(path, kind, arch, sizes.get(arch, size), n) for kind,arch in named)
    print(f'''## Networks, exported ({size} px, random weights, onnxruntime; the network alone, one picture, {n} runs in turns)

Where int8 is less than 1 × as fast, fp32 is the better file for this machine; int8 remains a quarter of the download. Memory is the peak of a fresh process that answered.

| network | list | px | fp32, ms | int8, ms | int8 is faster by | fp32, MB | int8, MB | memory fp32, MB | int8 |
|---|---|---|---|---|---|---|---|---|---|
{rows}''')

if __name__=='__main__': main(*map(int, sys.argv[1:]))
