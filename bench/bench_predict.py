"Predicting as an imgcls user does, with an exported model, and as a fastai user does, with `load_learner`: same weights, same pictures, in turns"
import statistics, subprocess, sys, tempfile, time
from pathlib import Path
from fastai.vision.all import ImageDataLoaders, Resize, load_learner, resnet18, vision_learner
from imgcls.learn.data import get_dls
from imgcls.dataset import image_files
from imgcls.learn.export import export_onnx
from imgcls.use.predict import Predictor
from imgcls.learn.train import get_learner
import photos

ours = "from imgcls.use.predict import Predictor; p = Predictor('{}').predict('x.jpg').label"
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
    learn,ps = load_learner(path/'m.pkl'),[Predictor(path/f'{o}.onnx') for o in sides[:2]]
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
    print(f"""## Predict (resnet18 at 224 px, photos of 500 to 1,600 px, in turns; peer: fastai's `load_learner`)

| | fp32 | int8 | fastai | fp32 is better by | int8 |
|---|---|---|---|---|---|
{row(f'fresh process to first answer, s ({n} runs)', [[o[0] for o in r] for r in runs])}
{row('its peak memory, MB', [[o[1] for o in r] for r in runs], 0)}
{row('one picture from its file, ms (64 pictures)', [[1000*o for o in r] for r in singles], 1)}
{row('64 pictures, ms a picture (5 runs)', [[1000*o/64 for o in r] for r in alls], 1)}
{row('the same, of 12 megapixels, ms a picture', [[1000*o/8 for o in r] for r in phones(path)], 1)}""")

def phones(path, n=3):
    "Seconds for 8 photos as phones make them"
    for i in range(8): photos.photo(i, 4000, 4000).save(path/f'phone{i}.jpg', quality=90)
    return steady(path, [path/f'phone{i}.jpg' for i in range(8)], n)[1]

if __name__=='__main__': main()
