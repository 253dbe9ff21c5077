"""What a GPU does with imgcls, each figure beside its floor: one run of at most eight minutes, a table and gpu.json.

    python bench/gpu.py [--data FOLDER] [--out FOLDER] [--minutes 8]

FOLDER holds photos, a folder per class, for the accuracy over three seeds (TORCH_HOME: weights of squeezenet1_1); the rest is made up,
with random weights, since it is about time. Without a GPU the same runs, smaller: so it can be tried before one is at hand."""
import argparse, gc, json, os, statistics, sys, tempfile, time, warnings
warnings.filterwarnings('ignore')
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
import numpy as np, torch, torchvision
from fastai.vision.all import (Adam, Callback, CategoryBlock, DataBlock, ImageBlock, RandomSplitter, Resize, accuracy, aug_transforms,
    default_device, error_rate, get_image_files, parent_label, set_seed, vision_learner)
from fastprogress import fastprogress
import photos
from imgcls.learn.data import PixelDL, get_dls
from imgcls.learn.export import export_onnx
from imgcls.learn.features import Embedder, pretrained_body
from imgcls.learn.probe import probe, probe_features
from imgcls.learn.train import find_arch, get_learner, train

fastprogress.NO_BAR = True
gpu = torch.cuda.is_available()
device = default_device()
big = dict(n=1200, archs=('resnet34','convnext_tiny'), size=224, bs=64, workers=(2,8), epochs=5, many=10_000, seeds=3)
small = dict(n=96, archs=('resnet18',), size=64, bs=16, workers=(0,), epochs=2, many=1_000, seeds=1)
cfg = argparse.Namespace(**(big if gpu else small))
med = statistics.median
rows,sections = [],[]

def note(what, value, unit='', floor=None, of=''):
    "Keep a figure, and say it"
    share = None if floor is None else value/floor
    rows.append(dict(what=what, value=value, unit=unit, floor=floor, share=share, of=of))
    print(f'{what}: {value:.4g} {unit}' + ('' if floor is None else f' ({share:.3g} × {of} {floor:.4g})'), flush=True)

def section(f):
    "Mark a part of the run"
    sections.append(f)
    return f

def wait():
    if gpu: torch.cuda.synchronize()

def timed(f, *args, **kwargs):
    "(seconds, result) of `f`, the GPU's work included"
    wait()
    t = time.perf_counter()
    res = f(*args, **kwargs)
    wait()
    return time.perf_counter()-t,res

class Clock(Callback):
    "Pictures a second of each epoch's training part"
    order = 90
    def __init__(self): self.rates = []
    def before_train(self):
        wait()
        self.t,self.n = time.perf_counter(),0
    def after_batch(self): self.n += len(self.y) if self.training else 0
    def after_train(self):
        wait()
        self.rates.append(self.n/(time.perf_counter()-self.t))

def quietly(learn, f, *args, **kwargs):
    with learn.no_bar(), learn.no_logging(): return f(*args, **kwargs)

def write_one(args): photos.write_one(*args)

def pictures(path):
    "Photos of 500 to 1,600 px in four classes"
    with ProcessPoolExecutor() as ex: list(ex.map(write_one, [(path, i, 500, 1600, 4) for i in range(cfg.n)]))
    return path

def ours(path, arch, **kwargs):
    return get_learner(get_dls(path, cfg.size, bs=cfg.bs), arch, pretrained=False, metrics=[error_rate,accuracy], **kwargs)

def theirs(path, arch, workers):
    "Plain fastai, in mixed precision"
    block = DataBlock((ImageBlock,CategoryBlock), get_items=get_image_files, get_y=parent_label, splitter=RandomSplitter(seed=42),
        item_tfms=Resize(460), batch_tfms=aug_transforms(size=cfg.size))
    learn = vision_learner(block.dataloaders(path, bs=cfg.bs, num_workers=workers), find_arch(arch), pretrained=False, metrics=error_rate)
    return learn.to_fp16() if gpu else learn

def clocked(learn, epochs):
    "Pictures a second of `epochs` unfrozen epochs, after one that warms up"
    clock = Clock()
    learn.unfreeze()
    with learn.added_cbs(clock): quietly(learn, learn.fit, epochs+1, 1e-4)
    return med(clock.rates[1:])

def floor_rate(model, steps=20):
    "Pictures a second of training on random tensors that are where the network is"
    model = model.to(device, memory_format=torch.channels_last).train()
    x = torch.randn(cfg.bs, 3, cfg.size, cfg.size, device=device).contiguous(memory_format=torch.channels_last)
    y = torch.randint(0, 4, (cfg.bs,), device=device)
    opt,scaler = Adam([[o for o in model.parameters()]], lr=1e-4),torch.amp.GradScaler(device.type, enabled=gpu)
    def step():
        with torch.autocast(device.type, torch.float16, enabled=gpu): loss = torch.nn.functional.cross_entropy(model(x).float(), y)
        scaler.scale(loss).backward()
        opt.step()
        scaler.update()
        opt.zero_grad()
    for _ in range(3): step()
    return cfg.bs*steps/timed(lambda: [step() for _ in range(steps)])[0]

@section
def epochs(path):
    "An epoch: plain fastai, ours, and the floor"
    for arch in cfg.archs:
        learn = ours(path, arch)
        rate,floor = clocked(learn, cfg.epochs),floor_rate(learn.model)
        note(f'{arch}: training, ours', rate, 'pictures/s', floor, 'of the floor')
        note(f'{arch}: pictures resident on the device', float(bool(learn.dls.train.made['on'])), '(1: yes)')
        for w in cfg.workers: note(f'{arch}: training, fastai with {w} workers', clocked(theirs(path, arch, w), 1), 'pictures/s', rate, 'of ours')
        del learn
        free()

def free():
    gc.collect()
    if gpu: torch.cuda.empty_cache()

@section
def embedding(path):
    "Frozen features: pictures a second in the body beside the floor, half precision beside full"
    net = Embedder(*pretrained_body(cfg.archs[0], pretrained=False)[:3]).eval().to(device)
    x = np.random.default_rng(0).integers(0, 256, (256,cfg.size,cfg.size,3), dtype=np.uint8)
    with torch.inference_mode():
        net.answer(x)
        t = med(timed(net.answer, x)[0] for _ in range(5))
        on = torch.from_numpy(x).to(device)
        def body():
            with torch.autocast(device.type, net.precision, enabled=net.precision is not None): net(on)
        floor = med(timed(body)[0] for _ in range(5))
        note('features of decoded pictures', 256/t, 'pictures/s', 256/floor, 'of the body alone')
        half = net.answer(x[:32])
        net.precision = None
        full = net.answer(x[:32])
    note('features in half precision: largest difference', float(np.abs(half-full).max()/np.abs(full).max()), 'of the largest')

@section
def probing(path):
    "Probe: files to a number"
    t,res = timed(probe, path, cfg.archs[0], cfg.size, pretrained=False)
    note(f'probe of {len(res.y)} files', t, 's')
    feats = res.feats
    k = cfg.many//len(feats)
    feats.items = feats.items.loc[np.repeat(np.arange(len(feats)), k)].reset_index(drop=True)
    feats.x = np.repeat(feats.x, k, 0)
    note(f'heads of {len(feats)} pictures, five folds', timed(probe_features, feats, groups=np.arange(len(feats))//k)[0], 's')

@section
def exporting(path):
    "A learner of the GPU exported; ONNX Runtime there, if it has a provider for it"
    import onnxruntime as ort
    learn,fn = ours(path, cfg.archs[0]),path.parent/'m.onnx'
    quietly(learn, learn.fit, 1, 1e-4)
    note('export', timed(export_onnx, learn, fn, **({} if gpu else dict(max_loss=1.)))[0], 's')
    for name in [o for o in ('CUDAExecutionProvider','CPUExecutionProvider') if o in ort.get_available_providers()]:
        session = ort.InferenceSession(fn, providers=[name])
        for n in (1,8,32):
            x = {session.get_inputs()[0].name:np.random.default_rng(0).random((n,3,cfg.size,cfg.size), dtype=np.float32)}
            session.run(None, x)
            note(f'{name}, batches of {n}', n/med(timed(session.run, None, x)[0] for _ in range(5)), 'pictures/s')

@section
def memory(path):
    "What stays on the device over the epochs"
    learn = ours(path, cfg.archs[0])
    if not gpu: return print('memory: nothing to measure without a GPU')
    used = []
    class Used(Callback):
        def after_epoch(self): used.append(torch.cuda.memory_allocated()/2**20)
    with learn.added_cbs(Used()): quietly(learn, learn.fit, 20, 1e-4)
    note('memory in use after 20 epochs', used[-1], 'MB', used[1], 'of that after two')
    note('largest dataset that is kept on the device', PixelDL.share*torch.cuda.mem_get_info()[1]/cfg.size**2/3/1e6, 'million pictures')
    note('peak memory of training', torch.cuda.max_memory_allocated()/2**20, 'MB')

class Break(Callback):
    "Interrupts a training in its second epoch"
    def before_epoch(self):
        if self.epoch==1: raise KeyboardInterrupt

def trained(path, folder, broken):
    "Weights after three epochs, interrupted or not"
    set_seed(1, reproducible=True)
    learn = ours(path, cfg.archs[0], model_dir=folder)
    how = dict(head_epochs=0, lr=1e-4)
    if broken:
        try: quietly(learn, train, learn, 3, cbs=Break(), **how)
        except KeyboardInterrupt: learn = ours(path, cfg.archs[0], model_dir=folder)
    quietly(learn, train, learn, 3, **how)
    return torch.cat([o.detach().flatten().float().cpu() for o in learn.model.parameters()])

@section
def resuming(path):
    "Interrupted and gone on: the same bits?"
    with tempfile.TemporaryDirectory() as tmp: a,b,c = [trained(path, Path(tmp)/str(i), i==2) for i in range(3)]
    note('twice the same training: largest difference of a weight', float((a-b).abs().max()))
    note('interrupted and gone on: largest difference of a weight', float((a-c).abs().max()))
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.deterministic,torch.backends.cudnn.benchmark = False,True

class Plant(Callback):
    "Makes the loss of the third batch not a number"
    def after_loss(self):
        if self.training and self.iter==2: self.learn.loss_grad = self.loss_grad*float('nan')

@section
def precision(path):
    "Loss scale, what a loss that is not a number does, and torch.compile"
    learn = ours(path, cfg.archs[0])
    with learn.added_cbs(Plant()): quietly(learn, learn.fit, 2, 1e-4)
    bad = sum(int((~torch.isfinite(o)).sum()) for o in learn.model.parameters())
    note('weights that are not numbers after a loss that was not', float(bad))
    model = ours(path, cfg.archs[0]).model
    plain = floor_rate(model)
    t,fast = timed(lambda: floor_rate(torch.compile(model)))
    note('torch.compile: training', fast, 'pictures/s', plain, 'of plain')
    note('torch.compile: seconds until then', t, 's')

@section
def accuracies(path):
    "The same photos, three seeds, weights of ImageNet: ours and plain fastai"
    if not args.data: return print('accuracy: not measured, wants --data')
    block = DataBlock((ImageBlock,CategoryBlock), get_items=get_image_files, get_y=parent_label, splitter=RandomSplitter(seed=42),
        item_tfms=Resize(460), batch_tfms=aug_transforms(size=cfg.size))
    res = []
    for seed in range(cfg.seeds):
        set_seed(seed)
        mine = get_learner(get_dls(args.data, cfg.size, bs=32, cache=path.parent/'px'), 'squeezenet1_1', model_dir=Path(tempfile.mkdtemp()))
        t1,h = timed(quietly, mine, train, mine, 3)
        other = vision_learner(block.dataloaders(args.data, bs=32), torchvision.models.squeezenet1_1, metrics=accuracy)
        if gpu: other = other.to_fp16()
        t2,_ = timed(quietly, other, other.fine_tune, 3)
        res.append((h.accuracy.iloc[-1], other.recorder.values[-1][-1], t1, t2))
    a,b,t1,t2 = [med(o) for o in zip(*res)]
    note(f'accuracy, ours, {cfg.seeds} seeds', float(a), '', float(b), 'of fastai')
    note('seconds of that training', t1, 's', t2, 'of fastai')

def table():
    "The figures as Markdown"
    name = torch.cuda.get_device_name() if gpu else 'no GPU: a rehearsal on the CPU, smaller'
    head = f'## On a GPU ({name}; torch {torch.__version__}, {os.cpu_count()} cores; {cfg.n} photos, {cfg.size} px, batches of {cfg.bs})\n'
    def line(o): return f'| {o["what"]} | {o["value"]:.4g} {o["unit"]} | ' + ('|' if o['floor'] is None else f'{o["share"]:.3g} × {o["of"]}, {o["floor"]:.4g} |')
    return '\n'.join([head, '| | | beside |\n|---|---|---|', *map(line, rows)])

def main():
    t0,path = time.perf_counter(),pictures(Path(tempfile.mkdtemp())/'photos')
    print(f'{cfg.n} photos written in {time.perf_counter()-t0:.0f} s', flush=True)
    for f in sections:
        if time.perf_counter()-t0>args.minutes*60: print(f'{f.__name__}: left out, the time is up')
        else:
            try: f(path)
            except Exception as e: # one part that fails must not cost the others their time on the machine
                rows.append(dict(what=f'{f.__name__} failed: {type(e).__name__}: {str(e).splitlines()[0][:200]}', value=float('nan'), unit='', floor=None, share=None, of=''))
                print(rows[-1]['what'], flush=True)
        free()
    note('the whole run', time.perf_counter()-t0, 's')
    (args.out/'gpu.json').write_text(json.dumps(rows, indent=1))
    print(table())
    return sum('failed' in o['what'] for o in rows)

if __name__=='__main__':
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--data', type=Path)
    p.add_argument('--out', type=Path, default=Path('.'))
    p.add_argument('--minutes', type=float, default=7)
    args = p.parse_args()
    sys.exit(main())
