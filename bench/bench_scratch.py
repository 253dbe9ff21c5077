"Plain PyTorch: an epoch over a frozen densenet161 in our loop and in the tutorial's own; and frozen squeezenet1_1 on 600 real photos of bears: the tutorial's loop, ours and fastai's, five folds"
import os, shutil, statistics, tempfile, time, warnings
from pathlib import Path
shared = Path(__file__).parent.parent.parent/'shared' # photos and weights that only developers have
os.environ['TORCH_HOME'] = str(shared/'torch_home')
warnings.filterwarnings('ignore')
import torch, torch.nn.functional as F
from fastai.vision.all import set_seed
from fastprogress import fastprogress
from torch import nn
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader
from torchvision import models
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2
from bench_bears import folds
from imgcls.learn.data import get_dls
from imgcls.learn.interpret import wilson
from imgcls.learn.scratch import Trainer, accuracy_over, build_model, get_data, imagenet
from imgcls.learn.train import accuracy_on, get_learner, train
from photos import photo

def write(path, n, valid):
    "Photos in train and valid, two classes"
    for i in range(n+valid):
        fn = path/('train' if i<n else 'valid')/str(i%2)/f'{i:04d}.jpg'
        fn.parent.mkdir(parents=True, exist_ok=True)
        photo(i, 500, 800).save(fn, quality=85)
    return path

def their_loaders(path, size, bs):
    "As the tutorial has them"
    norm = v2.Normalize(**imagenet)
    plain = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), norm]
    tfms = dict(train=v2.Compose([v2.RandomRotation(30), v2.RandomResizedCrop(size), v2.RandomHorizontalFlip(), *plain]),
        valid=v2.Compose([v2.Resize(round(size*8/7)), v2.CenterCrop(size), *plain]))
    return {k:DataLoader(ImageFolder(path/k, t), bs, shuffle=True, num_workers=2, persistent_workers=True) for k,t in tfms.items()}

def their_model(arch, n_out, weights):
    "A frozen network with the tutorial's classifier"
    model = models.get_model(arch, weights=weights).requires_grad_(False)
    n = dict(densenet161=2208, squeezenet1_1=512)[arch]
    head = nn.Sequential(nn.Linear(n, 512), nn.ReLU(), nn.Dropout(.2), nn.Linear(512, n_out))
    model.classifier = head if arch.startswith('densenet') else nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    return model

def their_epoch(model, dls, opt, sched):
    "An epoch of the tutorial's loop: (seconds, share of right answers)"
    t,right = time.perf_counter(),0
    for phase in ('train','valid'):
        model.train(phase=='train')
        for x,y in dls[phase]:
            opt.zero_grad()
            with torch.set_grad_enabled(phase=='train'):
                out = model(x)
                loss = F.cross_entropy(out, y)
            if phase=='valid': right += int((out.argmax(1)==y).sum())
            else:
                loss.backward()
                opt.step()
    sched.step()
    return time.perf_counter()-t,right/len(dls['valid'].dataset)

def speed(n=64, valid=16, bs=16, epochs=4):
    "Both loops in turns; the first epoch warms up (and makes our features of valid)"
    path = write(Path(tempfile.mkdtemp()), n, valid)
    torch.manual_seed(0)
    model,dls = their_model('densenet161', 2, None),their_loaders(path, 224, bs)
    opt = torch.optim.Adadelta(model.classifier.parameters())
    sched = StepLR(opt, 4)
    tr = Trainer(build_model('densenet161', 2, weights=None).freeze(), get_data(path, bs=bs, workers=2), 1, 'adadelta')
    asked = []
    def ours():
        t,tr.epochs = time.perf_counter(),len(tr.rows)+1
        secs = tr.fit().history.seconds.iloc[-1]
        asked.append(time.perf_counter()-t-secs)
        return secs
    rows = [(ours(),their_epoch(model, dls, opt, sched)[0]) for _ in range(epochs)]
    med = lambda f,r: statistics.median(map(f, r))
    line = lambda name,r: f'| {name} | {med(lambda o: o[0], r):.1f} | {med(lambda o: o[1], r):.1f} | {med(lambda o: o[1]/o[0], r):.1f} × |'
    shutil.rmtree(path)
    half = str(tr.type or torch.float32).removeprefix('torch.')
    return f"""Frozen densenet161, 224 px, {n} photos to learn from and {valid} to choose with, two workers, here in {half}, {epochs} epochs in turns, random weights (this is about time). Before the first, ours took {asked[0]:.1f} s to see whether half precision pays.

| seconds an epoch | ours | the tutorial's loop | faster |
|---|---|---|---|
{line('first epoch', rows[:1])}
{line('later epochs: features of `valid` are there (median of pairs)', rows[1:])}"""

def split(src, df, dest):
    "The pictures of a fold as folders train and valid"
    for o in df.itertuples():
        fn = dest/o.split/o.label/Path(o.name).name
        fn.parent.mkdir(parents=True, exist_ok=True)
        fn.symlink_to(src/o.name)
    return dest

def tutorial_bears(path, df, tmp):
    dls = their_loaders(tmp, 128, 64)
    model = their_model('squeezenet1_1', df.label.nunique(), 'DEFAULT')
    opt = torch.optim.Adadelta(model.classifier.parameters())
    sched = StepLR(opt, 4)
    accs = [their_epoch(model, dls, opt, sched)[1] for _ in range(8)]
    return accs[-1],max(accs)

def scratch_bears(path, df, tmp, epochs=8, preset='adadelta', **kwargs):
    data = get_data(tmp, 128, bs=64, workers=2)
    model = build_model('squeezenet1_1', len(data.labels), (512,))
    h = Trainer(model, data, epochs, preset, **kwargs).fit().history
    return h.accuracy.iloc[-1],accuracy_over(model, data.valid)

def views_bears(path, df, tmp): return scratch_bears(path, df, tmp, 20, 'adamw', views=4)

def fastai_bears(path, df, tmp):
    learn = get_learner(get_dls(path, 128, df=df), 'squeezenet1_1')
    with learn.no_bar(), learn.no_logging(): train(learn, 0, restart=True)
    acc = accuracy_on(learn, [path/o for o in df.name[df.split=='valid']])
    return acc,acc

sides = {"the tutorial's loop, Adadelta, 8 epochs":tutorial_bears, 'ours, the same recipe':scratch_bears, 'ours, AdamW, 20 epochs of 4 views':views_bears,
    'fastai, `train(learn, 0)`':fastai_bears}

def share(k, n):
    "Share of right answers with its interval"
    lo,hi = wilson(k, n)
    return f'{k/n:.3f} ({lo:.3f}–{hi:.3f})'

def bears():
    "Frozen stage of all on the same five folds, as right answers of all pictures"
    path = Path(tempfile.mkdtemp())/'bears'
    shutil.copytree(shared/'data'/'bears', path)
    n,res = 0,{o:[] for o in sides}
    for i,df in enumerate(folds(path)):
        k,tmp = int((df.split=='valid').sum()),split(path, df, path.parent/f'fold{i}')
        n += k
        for o,f in sides.items():
            set_seed(i)
            t = time.perf_counter()
            res[o].append((*[round(a*k) for a in f(path, df, tmp)],time.perf_counter()-t))
    shutil.rmtree(path.parent)
    rows = [f'| {o} | {share(sum(a for a,_,_ in r), n)} | {share(sum(a for _,a,_ in r), n)} | {statistics.median(t for *_,t in r):.1f} |' for o,r in res.items()]
    said = ('Frozen squeezenet1_1 with ImageNet weights, 600 real photos of bears at 128 px, five folds with twins together. '
        'The best epoch is chosen on the pictures it is measured on, so its figure is too good; the last epoch is not chosen.\n')
    return '\n'.join([said, '| | last epoch (95 % interval) | best epoch, as the tutorial has it | seconds a fold |', '|---|---|---|---|', *rows])

def main():
    fastprogress.NO_BAR = True
    fast,right = speed(),bears() if shared.exists() else 'The bears were not measured: the photos are not here.'
    print(f'## From scratch\n\n{fast}\n\n{right}')

if __name__=='__main__': main()
