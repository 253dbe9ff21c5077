"What `bench_before.py` times, on whichever version of imgcls is imported: a line in names an operation, a line out is its seconds"
import importlib, shutil, sys, tempfile, time, warnings
from pathlib import Path
warnings.filterwarnings('ignore')
from fastai.vision.all import error_rate
from fastprogress import fastprogress
import photos

def find(name, *modules):
    "`name`, from the first of `modules` that is there"
    for o in modules:
        try: return getattr(importlib.import_module(o), name)
        except ImportError: pass
    raise ImportError(f'{name}: not in {", ".join(modules)}')

fastprogress.NO_BAR = True
get_dls = find('get_dls', 'imgcls.learn.data', 'imgcls.data')
get_learner,train_head = [find(o, 'imgcls.learn.train', 'imgcls.train') for o in ('get_learner','train_head')]
verify_images = find('verify_images', 'imgcls.gather.verify', 'imgcls.download')
Predictor = find('Predictor', 'imgcls.use.predict', 'imgcls.predict')
model,top = sys.argv[1],Path(tempfile.mkdtemp())
photos.write(top/'photos', 200)
photos.write(top/'raw', 400)
fns = sorted((top/'raw').rglob('*.jpg'))[:64]
dls = get_dls(top/'photos', 224, bs=32)
learn = get_learner(dls, 'resnet18', pretrained=False, metrics=[error_rate])
predictor = Predictor(model)

def loader(): return [None for _ in range(3) for _ in dls.train]

def epoch():
    learn.unfreeze()
    with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(1)

def head():
    learn.freeze()
    train_head(learn, epochs=5, views=2)

def verify(): verify_images(top/'work', max_size=500)
def predict(): return [predictor.predict(o) for o in fns]

def before_verify():
    shutil.rmtree(top/'work', ignore_errors=True)
    shutil.copytree(top/'raw', top/'work')

print('ready', flush=True)
for line in sys.stdin:
    if line.strip()=='verify': before_verify()
    t = time.perf_counter()
    globals()[line.strip()]()
    print(time.perf_counter()-t, flush=True)
shutil.rmtree(top)
