"Predicting as an imgcls user does, with an exported model, as a fastai user does, with `load_learner`, and by hand: same weights, same pictures, in turns"
import statistics, subprocess, sys, tempfile, time
import numpy as np
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from PIL import Image
from fastai.vision.all import ImageDataLoaders, Resize, load_learner, resnet18, vision_learner
from imgcls.learn.data import get_dls
from imgcls.dataset import image_files
from imgcls.learn.export import export_onnx
from imgcls.picture import cores
from imgcls.use.predict import Predictor, open_session
from imgcls.learn.train import get_learner
import photos

ours = "from imgcls.use.predict import Predictor; p = Predictor('{}', engine='onnxruntime').predict('x.jpg').label"
theirs = "import warnings; warnings.simplefilter('ignore'); from fastai.vision.all import *; l = load_learner('m.pkl')\nwith l.no_bar(): p = l.predict('x.jpg')[0]"
peak = "\nprint(p, next(int(o.split()[1])/1024 for o in open('/proc/self/status') if o.startswith('VmHWM')))"
sides = ['fp32','int8','fastai']
med = statistics.median

def fresh(code, cwd):
    "(seconds, peak MB, label) of a fresh process"
    t = time.perf_counter()
    out = subprocess.run([sys.executable, '-c', code+peak], capture_output=True, text=True, cwd=cwd, check=True).stdout.split()
    return time.perf_counter()-t,float(out[-1]),out[-2]

def took(f, *args):
    t = time.perf_counter()
    f(*args)
    return time.perf_counter()-t

def models(path):
    "A plain fastai learner of resnet18 at 224 px, pickled; and one of ours with its weights, exported twice"
    dls = ImageDataLoaders.from_folder(path/'photos', valid_pct=.3, seed=1, item_tfms=Resize(224))
    learn = vision_learner(dls, resnet18, pretrained=False, path=path)
    with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(1, 1e-3)
    learn.export('m.pkl')
    mine = get_learner(get_dls(path/'photos', size=224), 'resnet18', pretrained=False)
    mine.model.load_state_dict(learn.model.state_dict())
    export_onnx(mine, path/'fp32.onnx')
    export_onnx(mine, path/'int8.onnx', quantize=True, max_loss=1.)

def steady(path, fns, n=5):
    "Per side: seconds for one picture (median), and for all of `fns` at once"
    learn,ps = load_learner(path/'m.pkl'),[Predictor(path/f'{o}.onnx', engine='onnxruntime') for o in sides[:2]]
    one = [*(p.predict for p in ps), learn.predict]
    many = [*(p.predict for p in ps), lambda o: learn.get_preds(dl=learn.dls.test_dl(o))]
    with learn.no_bar():
        for f in one: f(fns[0])
        singles = [[took(f, fn) for f in one] for fn in fns]
        for f in many: f(fns[:8])
        alls = [[took(f, list(fns)) for f in many] for _ in range(n)]
    return singles,alls

def row(what, rs, digits=2, more='faster'):
    "A line of the table from runs [n,sides]"
    a,b,c = [med(o) for o in zip(*rs)]
    x,y = [med(r[2]/r[i] for r in rs) for i in (0,1)]
    return f'| {what} | {a:.{digits}f} | {b:.{digits}f} | {c:.{digits}f} | {x:.1f} × | {y:.1f} × |'

def by_hand(p, session):
    "A function that asks `session` about a file with nothing that isn't needed: a reduced decode, one resize of the middle, one array"
    size,least = tuple(p.meta['size']),p.meta['least']
    outputs = [o.name for o in session.get_outputs()]
    def ask(fn):
        im = Image.open(fn)
        im.draft('RGB', (least,least))
        w,h = im.size
        side = min(w, h)
        x,y = (w-side)//2,(h-side)//2
        im = im.resize(size, Image.BILINEAR, box=(x,y,x+side,y+side))
        a = np.divide(np.asarray(im).transpose(2,0,1)[None], 255, dtype='float32', order='C')
        return session.run(outputs, dict(image=a))
    return ask

def sized(path):
    "Photos of 0.3, 1 and 12 megapixels, and the middle one in two more formats, by name"
    res = {f'JPEG, {o} megapixels':path/f'{o}.jpg' for o in (.3,1,12)} | {f'{o}, 1 megapixel':path/f'1.{o.lower()}' for o in ('PNG','WebP')}
    for o in (.3,1,12):
        side = round((o*1e6*1.5)**.5)
        photos.photo(3, side, side).save(path/f'{o}.jpg', quality=88)
    for o in ('png','webp'): Image.open(path/'1.jpg').save(path/f'1.{o}')
    return res

def floors(path, n=15):
    "Lines: ours and by hand, each of `sized`, and 64 at once by as many threads as there are cores, each with a picture of its own"
    ps = [Predictor(path/f'{o}.onnx', engine='onnxruntime') for o in sides[:2]]
    hands = [by_hand(p, p.session) for p in ps]
    alone = [by_hand(p, open_session(p.path, 1)) for p in ps]
    fns = image_files(path/'photos')
    def pooled(f):
        with ThreadPoolExecutor(cores()) as ex: return list(ex.map(f, fns))
    def line(what, fs, n, each=1):
        for o in fs: took(o)
        runs = [[1000*took(o)/each for o in fs] for _ in range(n)]
        a,b,c,d = [med(o) for o in zip(*runs)]
        x,y = med(r[0]/r[1] for r in runs),med(r[2]/r[3] for r in runs)
        return f'| {what} | {a:.1f} | {b:.1f} | {x:.2f} × | {c:.1f} | {d:.1f} | {y:.2f} × |'
    rows = [line(k, [lambda: ps[0].predict(fn), lambda: hands[0](fn), lambda: ps[1].predict(fn), lambda: hands[1](fn)], n) for k,fn in sized(path).items()]
    many = [lambda: ps[0].predict(fns), lambda: pooled(alone[0]), lambda: ps[1].predict(fns), lambda: pooled(alone[1])]
    return [*rows, line('64 photos, each', many, max(3, n//3), 64)]

def engines(path, n=3):
    "Lines: fastai and the fp32 file by either engine, one picture after the other; none without OpenVINO"
    if not find_spec('openvino'): return ['| OpenVINO is not installed | | | | | |']
    learn,fns = load_learner(path/'m.pkl'),image_files(path/'photos')
    rows = []
    for kind in sides[:2]:
        a,b = [Predictor(path/f'{kind}.onnx', engine=o) for o in ('onnxruntime','openvino')]
        with learn.no_bar(): runs = [[1000*took(f, fn) for f in (learn.predict,a.predict,b.predict)] for _ in range(n) for fn in fns]
        x,y,z = [med(o) for o in zip(*runs)]
        diff = max(abs(p.prob-q.prob) for p,q in zip(a.predict(fns), b.predict(fns)))
        rows.append(f'| {kind}, {b.session.precision} | {x:.1f} | {y:.1f} | {z:.1f} | {med(r[0]/r[2] for r in runs):.1f} × | {diff:.4f} |')
    return rows

def main(n=7):
    path = Path(tempfile.mkdtemp())
    photos.write(path/'photos', 64)
    models(path)
    fns = image_files(path/'photos')
    (path/'x.jpg').write_bytes(fns[0].read_bytes())
    codes = [*(ours.format(f'{o}.onnx') for o in sides[:2]), theirs]
    for o in codes: fresh(o, path)
    runs = [[fresh(o, path) for o in codes] for _ in range(n)]
    singles,alls = steady(path, fns)
    lines = '\n'.join
    print(f"""## Predict (resnet18 at 224 px, photos of 500 to 1,600 px, in turns; peer: fastai's `load_learner`)

| | fp32 | int8 | fastai | fp32 is better by | int8 |
|---|---|---|---|---|---|
{row(f'fresh process to first answer, s ({n} runs)', [[o[0] for o in r] for r in runs])}
{row('its peak memory, MB', [[o[1] for o in r] for r in runs], 0)}
{row('one picture from its file, ms (64 pictures)', [[1000*o for o in r] for r in singles], 1)}
{row('64 pictures, ms a picture (5 runs)', [[1000*o/64 for o in r] for r in alls], 1)}
{row('the same, of 12 megapixels, ms a picture', [[1000*o/8 for o in r] for r in phones(path)], 1)}

By hand: a reduced decode by Pillow, one resize of the middle, one array, and the same session of onnxruntime; no look at what the file is, how it is turned, what is unsure. Milliseconds; wanted: 1.10 × at most.

| | fp32 | by hand | ratio (median of pairs) | int8 | by hand | ratio |
|---|---|---|---|---|---|---|
{lines(floors(path))}

OpenVINO, an optional engine, beside onnxruntime: milliseconds for one picture from its file.

| file, computed in | fastai | onnxruntime | OpenVINO | faster than fastai | largest difference of a probability |
|---|---|---|---|---|---|
{lines(engines(path))}""")

def phones(path, n=3):
    "Seconds for 8 photos as phones make them"
    for i in range(8): photos.photo(i, 4000, 4000).save(path/f'phone{i}.jpg', quality=90)
    return steady(path, [path/f'phone{i}.jpg' for i in range(8)], n)[1]

if __name__=='__main__': main()
