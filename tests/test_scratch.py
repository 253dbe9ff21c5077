"Every network's head is found; training goes on to the same bits; files open without running anything; nothing needs fastai"
import os, random, subprocess, sys
import matplotlib.pyplot as plt, numpy as np, pytest, torch
from scipy.io import savemat
from torch import nn
from torchvision import models
from imgcls.dataset import Dataset, version_digest
from imgcls.learn import scratch
from imgcls.use.predict import Predictor
from imgcls.sample import digit_names, draw_digit
from imgcls.learn.pth import read_pth
from imgcls.learn.scratch import (Trainer, accuracy_over, build_model, digit_items, export_model, find_head, flower_items, folder_items, get_data, head_layers,
    lay_out, load_checkpoint, make_head, photo_tfm, predict, save_checkpoint, view_classify)

pytestmark = pytest.mark.filterwarnings('ignore')

@pytest.fixture(scope='module')
def path(tmp_path_factory): return lay_out(tmp_path_factory.mktemp('scratch')/'digits', digit_items(72, 24), dict(enumerate(digit_names)))

def loaders(path, **kwargs): return get_data(path, 32, tfm=photo_tfm(32, 10, (.7,1.), flip=False), method='squish', **dict(bs=16, workers=0)|kwargs)

def trainer(path, kept=None, **kwargs):
    torch.manual_seed(1)
    model = build_model('squeezenet1_1', 10, (16,), weights=None).freeze(kwargs.pop('frozen', False))
    return Trainer(model, loaders(path, workers=kwargs.pop('workers', 0)), path=kept, **dict(epochs=4, half=False)|kwargs)

def same(a, b): return all((v==b[k]).all() for k,v in a.items()) and a.keys()==b.keys()

small = '''alexnet:64 convnext_tiny:64 densenet161:32 efficientnet_b0:64 efficientnet_v2_s:64 googlenet:64 inception_v3:96 maxvit_t:224 mnasnet0_5:64 mobilenet_v2:64
mobilenet_v3_small:64 regnet_y_400mf:64 resnet18:32 resnet50:32 resnext50_32x4d:32 shufflenet_v2_x0_5:64 squeezenet1_0:64 squeezenet1_1:64 swin_t:64 vgg11:32 vit_b_32:224'''

@pytest.mark.parametrize('arch,size', [o.split(':') for o in small.split()])
def test_head_of(arch, size, tmp_path):
    model = build_model(arch, 7, (5,3), weights=None).freeze()
    x = torch.rand(2, 3, int(size), int(size))
    f = model.features(x)
    assert f.shape==(2,model.info['layers'][0][1]) and not f.requires_grad
    out = model(x)
    assert out.shape==(2,7) and out.requires_grad
    model.freeze(False).train()
    assert model(x).shape==(2,7)
    again = load_checkpoint(save_checkpoint(model.eval(), tmp_path/'m.safetensors'))
    (tmp_path/'m.safetensors').unlink()
    assert same(model.state_dict(), again.state_dict())
    with torch.no_grad(): assert torch.allclose(model(x), again(x), atol=1e-5)

def test_heads_of_all_of_torchvision():
    for arch in models.list_models(module=models):
        if arch.startswith('regnet'): continue # can't be built without memory
        with torch.device('meta'): net = models.get_model(arch, weights=None)
        o = net.get_submodule(find_head(net))
        assert isinstance(o, (nn.Linear,nn.Conv2d)), arch

@pytest.mark.parametrize('arch', ['googlenet','inception_v3'])
def test_a_body_is_the_same_with_weights_and_filled_later(arch, monkeypatch, tmp_path):
    sd = models.get_model(arch, weights=None, init_weights=False).state_dict()
    monkeypatch.setattr(models.WeightsEnum, 'get_state_dict', lambda *args, **kwargs: sd)
    model = build_model(arch, 2, ())
    again = load_checkpoint(save_checkpoint(model, tmp_path/'m.safetensors'))
    assert model.body.transform_input and again.body.transform_input and same(model.state_dict(), again.state_dict())
    net = models.get_model(arch, weights='DEFAULT')
    net.fc = nn.Sequential(nn.Linear(net.fc.in_features, 2))
    torch.save(dict(arch=arch, classifier=net.fc, state_dict=net.state_dict(), class_to_idx={'a':0,'b':1}), tmp_path/'a.pth')
    read = read_pth(tmp_path/'a.pth')
    assert read.body.transform_input and torch.equal(read.body.Conv2d_1a_3x3.conv.weight if arch=='inception_v3' else read.body.conv1.conv.weight,
        net.Conv2d_1a_3x3.conv.weight if arch=='inception_v3' else net.conv1.conv.weight)

def test_networks_of_another_size_and_other_colours(tmp_path):
    model = build_model('vit_b_32', 2, (), weights=None, image_size=64)
    x = torch.rand(1,3,64,64)
    again = load_checkpoint(save_checkpoint(model.eval(), tmp_path/'m.safetensors'))
    with torch.no_grad(): assert torch.allclose(model(x), again(x), atol=1e-5)
    colours = lambda *args: scratch.colours_of(scratch.find_weights(*args))
    assert colours('efficientnet_v2_l', 'DEFAULT')==dict(mean=[.5]*3, std=[.5]*3)
    for o in ('IMAGENET1K_V1','ResNet18_Weights.IMAGENET1K_V1',models.ResNet18_Weights.DEFAULT): assert colours('resnet18', o)==scratch.imagenet

def test_any_number_of_hidden_layers():
    for hidden in ((), (8,), (8,7), (8,7,6,5)):
        head = make_head(head_layers(9, hidden, 3))
        kinds = [type(o).__name__ for o in head]
        assert kinds==['Linear','ReLU','Dropout']*len(hidden)+['Linear']
        assert head(torch.rand(2,9)).shape==(2,3)
    with pytest.raises(KeyError, match='Softmax'): make_head([['Softmax']])

def test_pictures_do_not_depend_on_workers_or_on_the_past(path):
    a,b = loaders(path).train,loaders(path, workers=2).train
    torch.rand(5)
    for epoch in range(2):
        a.sampler.epoch = b.sampler.epoch = epoch
        one,two = list(a),list(b)
        assert all((x==p).all() and (y==q).all() for (x,y),(p,q) in zip(one, two))
    assert a.sampler.epoch==2 # a loop of one's own gets new changes each time
    a.sampler.epoch = 0
    assert not (next(iter(a))[0]==one[0][0]).all()

def test_numbers_are_sorted_as_numbers_and_names_come_from_json(tmp_path):
    lay_out(tmp_path, [(s,c,'a.png',draw_digit(c)) for c in (10,2,1) for s in ('train','valid')], {1:'one',2:'zwei',10:'diez'})
    data = get_data(tmp_path, 32, workers=0)
    assert data.labels==['1','2','10'] and data.names=={'1':'one','2':'zwei','10':'diez'} and data.test is None
    lay_out(tmp_path/'more', [('train',1,'a.png',draw_digit(1)),('valid',1,'a.png',draw_digit(1)),('valid',11,'a.png',draw_digit(1))], {})
    with pytest.raises(ValueError, match="'11'"): get_data(tmp_path/'more', 32, workers=0)

def test_a_class_that_valid_lacks_shifts_nothing(tmp_path):
    lay_out(tmp_path, [('train',c,'a.png',draw_digit(c)) for c in range(3)] + [('valid',2,'a.png',draw_digit(2))], {})
    assert [y for _,y in get_data(tmp_path, 32, workers=0).valid.dataset.samples]==[2]

def test_names_that_are_asked_for_must_be_there(path):
    with pytest.raises(FileNotFoundError, match='cat_to_name'): get_data(path, 32, names='cat_to_name.json')

def test_pictures_leave_nothing_behind(path):
    ds = loaders(path).train.dataset
    before = len(torch.cuda._queued_calls)
    [ds[i] for i in range(5)]
    assert len(torch.cuda._queued_calls)==before

def test_names_where_the_tutorial_keeps_them(tmp_path):
    lay_out(tmp_path/'flowers', [(s,c,'a.png',draw_digit(c)) for c in (1,2) for s in ('train','valid')], {})
    (tmp_path/'flowers'/'names.json').unlink()
    (tmp_path/'cat_to_name.json').write_text('{"1":"fire lily", "2":"bluebell"}', encoding='utf-8-sig')
    get = lambda **kw: get_data(tmp_path/'flowers', 32, workers=0, **kw).names
    assert get()=={'1':'fire lily', '2':'bluebell'} and get(names={1:'eins',2:'zwei'})=={'1':'eins','2':'zwei'}
    assert get(names='cat_to_name.json')==get()
    with pytest.raises(FileNotFoundError, match='nor beside'): get(names='other.json')
    assert get(labels=np.array([2,1]))=={'2':'bluebell', '1':'fire lily'}
    (tmp_path/'flowers'/'test').mkdir()
    draw_digit(1).save(tmp_path/'flowers'/'test'/'1.png')
    assert get_data(tmp_path/'flowers', 32, workers=0).test is None # what lies beside the classes has none
    (tmp_path/'cat_to_name.json').write_text('{"pug":"Pug"}')
    assert get()=={'1':'1', '2':'2'}
    assert get(names={'1':'eins', 'two':'zwei'})['2']=='2'

def test_held_out_digits_stay_out(monkeypatch):
    monkeypatch.setattr(scratch, 'draw_digit', lambda i: None) # it is about their names
    names = lambda *args: {s:{name for split,_,name,_ in digit_items(*args) if split==s} for s in ('train','valid','test')}
    for found in (names(1500, 200), names(300, 100)): assert not found['test']&(found['train']|found['valid']) and len(found['test'])==400

def test_large_photos_are_opened_smaller(tmp_path):
    seen = []
    def tfm(im): return seen.append(im.size) or im.resize((32,32))
    for s in ('train','valid'):
        (tmp_path/s/'a').mkdir(parents=True)
        draw_digit(1).resize((2000,3000)).save(tmp_path/s/'a'/'1.jpg')
    data = get_data(tmp_path, 32, tfm=tfm, workers=0)
    assert seen==[(500,750)] and next(iter(data.valid))[0].shape==(1,3,32,32)

def test_flowers_are_laid_out(tmp_path):
    base = tmp_path/'flowers-102'
    (base/'jpg').mkdir(parents=True)
    for i in range(1, 7): draw_digit(i).save(base/'jpg'/f'image_{i:05d}.jpg')
    savemat(base/'imagelabels.mat', dict(labels=np.array([[1,2,1,2,1,102]])))
    savemat(base/'setid.mat', dict(trnid=np.array([[1,2]]), valid=np.array([[3,4]]), tstid=np.array([[5,6]])))
    import torchvision.datasets.flowers102 as fl
    old,fl.Flowers102._check_integrity = fl.Flowers102._check_integrity,lambda self: True
    try: dest = lay_out(tmp_path/'out', flower_items(tmp_path, download=False), {1:'pink primrose'})
    finally: fl.Flowers102._check_integrity = old
    assert sorted(o.relative_to(dest).as_posix() for o in dest.glob('*/*/*'))==['test/1/image_00005.jpg','test/102/image_00006.jpg',
        'train/1/image_00001.jpg','train/2/image_00002.jpg','valid/1/image_00003.jpg','valid/2/image_00004.jpg']

def broken_off(tr, n):
    steps = iter(range(n))
    def stop(*args):
        if next(steps, None) is None: raise KeyboardInterrupt
    hook = tr.opt.register_step_pre_hook(stop)
    with pytest.raises(KeyboardInterrupt): tr.fit()
    hook.remove()
    return tr

def stop_anywhere(path, tmp_path, kw):
    whole = trainer(path, **kw)
    h = whole.fit().history
    fn = tmp_path/'t.safetensors'
    for n in (2,4,3): broken_off(trainer(path, kept=fn, **kw), n)
    torch.rand(3)
    on = trainer(path, kept=fn, **kw)
    torch.manual_seed(99)
    with torch.no_grad(): [o.zero_() for o in on.model.parameters()]
    h2 = on.fit().history
    assert same(whole.model.state_dict(), on.model.state_dict())
    assert (h.drop(columns='seconds')==h2.drop(columns='seconds')).all(None)

@pytest.mark.parametrize('kw', [dict(preset='adadelta'), dict(preset='adam'), dict(preset='adamw'), dict(preset='adamw', frozen=True), dict(frozen=True, views=2),
    dict(half=True), dict(workers=2, epochs=3)], ids=lambda o: ' '.join(f'{k}={v}' for k,v in o.items()))
def test_stopped_anywhere_it_ends_with_the_same_bits(path, tmp_path, kw): stop_anywhere(path, tmp_path, kw)

stopped = """import os, signal, sys
from imgcls.learn.scratch import *
def press(*args):
    if not next(steps, None): os.killpg(0, signal.SIGINT) # as a terminal and Jupyter do: all processes of the group get it
if __name__=='__main__':
    steps = iter([1]*5)
    data = get_data(sys.argv[1], 32, bs=16, workers=2)
    tr = Trainer(build_model('squeezenet1_1', 10, (), weights=None), data, 4, path=sys.argv[2], half=False)
    hook = tr.opt.register_step_pre_hook(press)
    try: tr.fit()
    except KeyboardInterrupt: print('stopped after', len(tr.rows), 'epochs')
    hook.remove()
    print('gone on to', len(tr.fit().rows))
"""

def test_the_stop_button_leaves_the_workers_alone(path, tmp_path):
    (tmp_path/'t.py').write_text(stopped)
    cmd = [sys.executable, str(tmp_path/'t.py'), str(path), str(tmp_path/'t.safetensors')]
    r = subprocess.run(cmd, capture_output=True, text=True, timeout=200, start_new_session=True)
    assert 'stopped after 1 epochs' in r.stdout and 'gone on to 4' in r.stdout, r.stdout[-500:]+r.stderr[-2000:]

def test_stopped_and_fitted_again_in_the_same_notebook(path, tmp_path):
    whole = trainer(path, epochs=2)
    whole.fit()
    for n in (0,2,3,5):
        tr = broken_off(trainer(path, tmp_path/f'{n}.safetensors', epochs=2), n)
        tr.fit()
        tr.fit()
        assert same(whole.model.state_dict(), tr.model.state_dict()), n
    assert same(whole.model.state_dict(), load_checkpoint(tmp_path/'5.safetensors').state_dict()) # the best weights, as the model has them
    with pytest.raises(RuntimeError, match='with a `path`'): broken_off(trainer(path, epochs=2), 4).fit()

def test_more_epochs_where_the_schedule_does_not_ask(path, tmp_path):
    fn = tmp_path/'t.safetensors'
    trainer(path, fn, epochs=1, preset='adam').fit()
    on,whole = trainer(path, fn, epochs=2, preset='adam'),trainer(path, epochs=2, preset='adam')
    assert (on.fit().history.drop(columns='seconds')==whole.fit().history.drop(columns='seconds')).all(None)

def test_finished_is_loaded_and_another_plan_refused(path, tmp_path):
    fn = tmp_path/'t.safetensors'
    a = trainer(path, kept=fn, epochs=1)
    a.fit()
    b = trainer(path, kept=fn, epochs=1)
    with pytest.warns(UserWarning, match='is finished'): b.fit()
    assert same(a.model.state_dict(), b.model.state_dict())
    with pytest.raises(ValueError, match='epochs'): trainer(path, kept=fn, epochs=2).fit()
    with pytest.raises(ValueError, match='preset'): trainer(path, kept=fn, epochs=1, preset='adam').fit()

def test_best_weights_come_back(path):
    tr = trainer(path, epochs=8, lr=.01)
    h = tr.fit().history
    assert h.accuracy.iloc[-1]<h.accuracy.max() and abs(accuracy_over(tr.model, tr.data.valid)-h.accuracy.max())<1e-9

def test_of_two_that_are_right_as_often_the_surer_is_best(path):
    tr = trainer(path, epochs=1)
    tr.rows = [dict(train_loss=1., valid_loss=l, accuracy=a, seconds=1.) for a,l in ((.5,.2),(.8,.9),(.8,.5),(.7,.1))]
    tr.plot()
    assert repr(tr)=='Trainer: 4 of 1 epochs, best after epoch 2: 0.800'
    assert list(plt.gcf().axes[1].lines[-1].get_xdata())==[2]
    plt.close('all')

class Ones:
    "A network that answers 0 in the first batch, and then 1"
    n = 0
    def __call__(self, x):
        self.n += 1
        return torch.eye(2)[[min(self.n-1, 1)]*len(x)]

def test_accuracy_and_loss_are_over_pictures(path, monkeypatch):
    tr = trainer(path, epochs=1)
    dl = torch.utils.data.DataLoader([(torch.rand(3,8,8),1)]*24, 16) # a batch of 16, all wrong, and one of 8, all right
    monkeypatch.setattr(tr.model, 'forward', Ones())
    assert abs(accuracy_over(tr.model, dl)-1/3)<1e-9
    losses = []
    def known(logits, y): return losses.append((float(old(logits, y)),len(y))) or old(logits, y)
    old = scratch.F.cross_entropy
    tr = Trainer(build_model('squeezenet1_1', 10, (), weights=None), loaders(path, bs=20), 1, half=False)
    with monkeypatch.context() as m:
        m.setattr(scratch.F, 'cross_entropy', known)
        h = tr.fit().history
    batches = losses[:len(tr.data.train)]
    assert [n for _,n in batches]==[20,20,8]
    assert abs(h.train_loss[0]-sum(l*n for l,n in batches)/sum(n for _,n in batches))<1e-5

def test_a_picture_alone_is_no_batch_to_learn_from(tmp_path):
    lay_out(tmp_path, [(s,c,f'{i}.png',draw_digit(i)) for s,n in (('train',17),('valid',2)) for i in range(n) for c in [i%2]], {})
    data = get_data(tmp_path, 32, bs=16, workers=0)
    assert len(data.train)==1 and len(Trainer(build_model('resnet18', 2, (), weights=None), data, 1, half=False).fit().rows)==1

def test_half_precision_is_measured_once_and_kept(path, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(scratch, 'half_type', lambda *args: asked.append(args) or torch.bfloat16)
    first = broken_off(trainer(path, tmp_path/'t.safetensors', half=None), 2)
    on = trainer(path, tmp_path/'t.safetensors', half=None)
    on.fit()
    assert len(asked)==1 and on.type==first.type==torch.bfloat16

def test_scaled_half_precision_goes_on_to_the_same_bits(path, tmp_path):
    "As on a GPU without bfloat16: steps are left out while the scale is too large"
    def scaled(kept=None):
        tr = trainer(path, kept, half=False, epochs=5)
        tr.type,tr.scaler = torch.float16,torch.amp.GradScaler('cpu', init_scale=2.**40, growth_interval=3)
        return tr
    whole = scaled()
    h = whole.fit().history
    broken_off(scaled(tmp_path/'t.safetensors'), 4)
    on = scaled(tmp_path/'t.safetensors')
    on.begin()
    assert len(on.rows) in (1,2,3) and on.scaler.state_dict()!=scaled().scaler.state_dict()
    h2 = on.fit().history
    assert same(whole.model.state_dict(), on.model.state_dict()) and (h.drop(columns='seconds')==h2.drop(columns='seconds')).all(None)

def test_a_training_that_began_with_other_weights_is_refused(path, tmp_path):
    fn = tmp_path/'t.safetensors'
    def make(seed=42): return Trainer(build_model('squeezenet1_1', 10, (16,), weights=None, seed=seed), loaders(path), 3, 'adam', path=fn, half=False)
    first = broken_off(make(), 7)
    with pytest.raises(ValueError, match='start was .*seed=42, is .*seed=7'): make(7).fit()
    again = Trainer(first.model, loaders(path), 3, 'adam', path=fn, half=False) # the cell below the one that made the model, run again
    assert len(again.fit().rows)==3
    on = Trainer(load_checkpoint(fn), loaders(path), 4, 'adam', path=fn, half=False)
    assert len(on.fit().rows)==4

def test_a_new_plan_begins_where_the_old_one_began(path, tmp_path):
    fn = tmp_path/'t.safetensors'
    def make(model, lr): return Trainer(model, loaders(path), 2, 'adam', lr, fn, half=False)
    new = lambda: build_model('squeezenet1_1', 10, (16,), weights=None)
    clean = make(new(), 1e-4).fit().model.state_dict()
    fn.unlink()
    model = broken_off(make(new(), 1e-2), 2).model # half of the first epoch
    assert same(clean, make(model, 1e-4).fit().model.state_dict())

def test_a_finished_training_is_written_again_and_renamed(path, tmp_path):
    fn = tmp_path/'t.safetensors'
    tr = trainer(path, fn, epochs=1)
    tr.fit()
    fn.unlink()
    tr.fit()
    assert same(load_checkpoint(fn).state_dict(), tr.model.state_dict())
    data = loaders(path, names={str(i):f'no {i}' for i in range(10)})
    Trainer(load_checkpoint(fn), data, 1, path=fn, half=False).fit()
    assert load_checkpoint(fn).info['names']['3']=='no 3'

def test_another_picture_of_the_same_name_is_noticed(tmp_path):
    lay_out(tmp_path, [(s,c,f'{i}.png',draw_digit(i)) for s in ('train','valid') for c in '01' for i in range(4)], {})
    go = lambda n: Trainer(build_model('squeezenet1_1', 2, (), weights=None), get_data(tmp_path, 32, bs=4, workers=0), n, 'adam', path=tmp_path/'t.safetensors', half=False).fit()
    go(1)
    draw_digit(99).save(tmp_path/'train'/'1'/'3.png')
    with pytest.raises(ValueError, match='pictures was'): go(2)

def diverging(tr, epoch):
    "A training one of whose epochs has a loss that is not a number"
    step = tr.step
    tr.step = lambda loss: step(loss*np.nan if len(tr.rows)==epoch else loss)
    return tr

@pytest.mark.parametrize('preset,epoch', [('adamw',2),('adam',2),('adadelta',1),('adamw',0)])
def test_what_diverges_with_nan_is_not_kept_and_goes_on_at_another_rate(path, tmp_path, preset, epoch):
    fn = tmp_path/'t.safetensors'
    tr = diverging(trainer(path, fn, preset=preset), epoch)
    with pytest.raises(ValueError, match=f'Epoch {epoch} diverged, with lr=.*is as it was before.*a lower lr'): tr.fit()
    tensors,facts = scratch._read_checkpoint(fn)
    assert all(o.isfinite().all() for o in tensors['model'].values()) and len(facts['rows'])==epoch and facts['diverged']
    if epoch:
        with pytest.raises(ValueError, match='views was'): trainer(path, fn, preset=preset, lr=tr.lr/10, frozen=True, views=2).fit()
    lower = Trainer(tr.model, tr.data, 4, preset, tr.lr/10, fn, half=False) # in the same notebook: the model is of no use, the file is
    assert lower.fit().rows[:epoch]==facts['rows'] and len(lower.rows)==4 and lower.history.notna().all(None)
    g = lower.opt.param_groups[0]
    assert g['lr']<=tr.lr/10*1.0001 and abs(g.get('max_lr', tr.lr/10)-tr.lr/10)<1e-9
    assert all(o.isfinite().all() for o in lower.model.state_dict().values()) and 'diverged' not in scratch._read_checkpoint(fn)[1]
    with pytest.raises(ValueError, match='anew, with a lower lr'): diverging(trainer(path, preset=preset), epoch).fit()

def test_a_transform_is_known_by_how_it_shows_itself(path, tmp_path):
    def go(degrees, tfm=None): return Trainer(build_model('squeezenet1_1', 10, (), weights=None), get_data(path, 32, tfm=tfm or photo_tfm(32, degrees), bs=16, workers=0),
        1, 'adam', path=tmp_path/'t.safetensors', half=False).fit()
    go(10)
    go(10)
    with pytest.raises(ValueError, match='tfm has changed'): go(20)
    (tmp_path/'t.safetensors').unlink()
    for _ in range(2): go(0, lambda im: im.resize((32,32)).rotate(random.random()*90)) # each time another function, of the same name

def test_a_frozen_body_stays_as_it_is(path):
    tr = trainer(path, frozen=True)
    before = {k:v.clone() for k,v in tr.model.body.state_dict().items()}
    tr.fit()
    assert same(before, tr.model.body.state_dict())

def test_global_random_numbers_are_left_alone(path):
    tr = trainer(path, epochs=1)
    torch.manual_seed(5)
    want = torch.rand(3)
    torch.manual_seed(5)
    tr.fit()
    assert (torch.rand(3)==want).all()

def test_checkpoint_makes_the_model_again_without_weights_or_code(path, tmp_path, monkeypatch):
    tr = trainer(path, epochs=1)
    tr.fit()
    fn = save_checkpoint(tr.model, tmp_path/'m.safetensors')
    monkeypatch.setattr(torch.hub, 'load_state_dict_from_url', lambda *a, **k: pytest.fail('a download'))
    monkeypatch.setattr(torch, 'load', lambda *a, **k: pytest.fail('a pickle'))
    model = load_checkpoint(fn)
    assert model.info==tr.model.info
    x = torch.rand(2,3,32,32)
    with torch.no_grad(): assert torch.allclose(model(x), tr.model(x.contiguous(memory_format=torch.channels_last)), atol=1e-5)
    fn.write_bytes(b'no')
    with pytest.raises(ValueError, match='not a whole file'): load_checkpoint(fn)

def test_the_tutorials_wrong_head_answers_as_it_did(tmp_path):
    net,head = models.vgg11(weights=None),nn.Sequential()
    parts = dict(fc0=nn.Linear(25088,8), relu0=nn.ReLU(), drop0=nn.Dropout(.6), relu1=nn.ReLU(), drop1=nn.Dropout(.5))
    parts |= dict(fc1=nn.Linear(8,6), output=nn.Linear(6,4))
    for k,o in parts.items(): head.add_module(k, o)
    net.classifier = head
    opt = torch.optim.Adam(head.parameters(), lr=1e-4)
    d = dict(architecture='vgg11', classifier=head, state_dict=net.state_dict(), optimizer=opt.state_dict(), class_to_idx={'1':0,'10':1,'2':2,'3':3})
    x = torch.rand(1,3,64,64)
    torch.save(d, tmp_path/'old.pth')
    model = read_pth(tmp_path/'old.pth', names={'10':'rose'})
    assert model.info['labels']==['1','10','2','3'] and model.info['names']['10']=='rose'
    with torch.no_grad(): assert torch.allclose(model(x), net.eval()((x-model.mean)/model.std), atol=1e-4)
    assert load_checkpoint(save_checkpoint(model, tmp_path/'new.safetensors')).info==model.info

def test_files_of_before_torch_1_6(tmp_path):
    net = models.resnet18(weights=None)
    net.fc = nn.Sequential(nn.Linear(512,8), nn.ReLU(), nn.Dropout(.5), nn.Linear(8,4))
    d = dict(arch='resnet18', state_dict=net.state_dict(), class_to_idx={str(i):i for i in range(4)})
    torch.save(d, tmp_path/'old.pth', _use_new_zipfile_serialization=False)
    model,x = read_pth(tmp_path/'old.pth'),torch.rand(2,3,64,64)
    with torch.no_grad(): assert torch.allclose(model(x), net.eval()((x-model.mean)/model.std), atol=1e-4)
    torch.save(dict(d, classifier=net.fc), tmp_path/'whole.pth', _use_new_zipfile_serialization=False)
    with pytest.raises(ValueError, match='anew'): read_pth(tmp_path/'whole.pth')

@pytest.fixture
def old():
    "What the tutorial saves, of a small network"
    net = models.squeezenet1_1(weights=None)
    net.classifier = nn.Sequential(nn.Linear(512,8), nn.ReLU(), nn.Linear(8,3), nn.LogSoftmax(1))
    opt = torch.optim.Adadelta(net.classifier.parameters())
    return dict(architecture='resnet18', state_dict={}, optimizer=opt, scheduler=torch.optim.lr_scheduler.StepLR(opt, 4), class_to_idx={'1':0,'10':1,'2':2})

def resnet(old, path, head, **kwargs):
    net = models.resnet18(weights=None)
    net.fc = head
    torch.save(old | dict(classifier=head, state_dict=net.state_dict()) | kwargs, path)
    return path,net

def test_classes_are_never_guessed(old, tmp_path):
    "Eleven classes: as text, 10 comes before 2"
    text = sorted(map(str, range(1, 12)))
    read = lambda **kw: read_pth(resnet({k:v for k,v in old.items() if k!='class_to_idx'}, tmp_path/'a.pth', nn.Linear(512,11), **kw)[0], names={'10':'rose'})
    fwd = {o:i for i,o in enumerate(text)}
    back = dict(enumerate(text))
    for kw in (dict(class_to_idx=fwd), dict(class_to_idx=back), dict(idx_to_class=back)):
        model = read(**kw)
        assert model.info['labels']==text and model.info['names']['10']=='rose'
    for kw in ({}, dict(class_to_idx={'1':0}), dict(class_to_idx=None), dict(class_to_idx=[1,2])):
        with pytest.raises(ValueError, match='labels='): read(**kw)
    assert read_pth(tmp_path/'a.pth', labels=text).info['labels']==text

def test_whole_networks_bare_weights_and_other_keys(old, tmp_path):
    fn,net = resnet(old, tmp_path/'a.pth', nn.Sequential(nn.Linear(512,8), nn.ReLU(), nn.Linear(8,3)))
    kept = lambda o: torch.save(o, tmp_path/'b.pth') or read_pth(tmp_path/'b.pth', 'resnet18', labels=['1','10','2'])
    x = torch.rand(2,3,64,64)
    with torch.no_grad():
        want = read_pth(fn)(x)
        for o in (net.state_dict(), dict(model_state_dict=net.state_dict()), net): assert torch.allclose(want, kept(o)(x), atol=1e-6)
    with pytest.raises(ValueError, match='Tanh'): kept(dict(state_dict=net.state_dict(), fc=nn.Sequential(nn.Linear(512,8), nn.Tanh(), nn.Linear(8,3))))
    with pytest.warns(UserWarning, match='ReLU is taken'): kept(net.state_dict())
    (tmp_path/'c.pth').write_bytes(fn.read_bytes()[:5000])
    with pytest.raises(ValueError, match='not a whole one'): read_pth(tmp_path/'c.pth')
    with pytest.raises(IsADirectoryError): read_pth(tmp_path)

def test_optimisers_schedules_and_several_gpus(old, tmp_path):
    fn,net = resnet(old, tmp_path/'a.pth', nn.Sequential(nn.Linear(512,8), nn.ReLU(), nn.Linear(8,3), nn.LogSoftmax(1)))
    a,x = read_pth(fn),torch.rand(2,3,64,64)
    with torch.no_grad(): assert torch.allclose(a(x).softmax(1), net.eval()((x-a.mean)/a.std).exp(), atol=1e-5)
    fn,_ = resnet(old, tmp_path/'b.pth', net.fc, state_dict={f'module.{k}':v for k,v in net.state_dict().items()})
    assert same(a.state_dict(), read_pth(fn).state_dict())

@pytest.mark.parametrize('kind', ['Adam','AdamW','Adadelta','SGD','RMSprop'])
def test_optimisers_that_have_been_used(old, tmp_path, kind):
    net = models.resnet18(weights=None)
    net.fc = nn.Linear(512,3)
    opt = getattr(torch.optim, kind)(net.fc.parameters(), lr=.01)
    net(torch.rand(2,3,64,64)).sum().backward()
    opt.step()
    scheds = [torch.optim.lr_scheduler.StepLR(opt, 4), torch.optim.lr_scheduler.ReduceLROnPlateau(opt)]
    for o in scheds:
        torch.save(old | dict(arch='resnet18', classifier=net.fc, state_dict=net.state_dict(), optimizer=opt, scheduler=o), tmp_path/'a.pth')
        assert torch.equal(read_pth(tmp_path/'a.pth').head[0].weight, net.fc.weight)

def test_heads_that_can_not_be_told_are_refused(old, tmp_path):
    with pytest.raises(ValueError, match='Tanh'): read_pth(resnet(old, tmp_path/'a.pth', nn.Sequential(nn.Linear(512,8), nn.Tanh(), nn.Linear(8,3)))[0])
    normed = nn.Sequential(nn.Linear(512,8), nn.BatchNorm1d(8), nn.Linear(8,3))
    with pytest.raises(ValueError, match='can not be told'): read_pth(resnet(old, tmp_path/'b.pth', normed, classifier=None)[0])
    fn,_ = resnet(old, tmp_path/'c.pth', nn.Linear(512,3))
    with pytest.raises(ValueError, match='another network'): read_pth(fn, arch='resnet34')
    with pytest.raises(ValueError, match='with a bias'): read_pth(resnet(old, tmp_path/'e.pth', nn.Sequential(nn.Linear(512,3,bias=False)))[0])
    with pytest.raises(ValueError, match='load_checkpoint'): read_pth('m.safetensors')
    with pytest.raises(ValueError, match='pathlib'): read_pth(resnet(old, tmp_path/'d.pth', nn.Linear(512,3), where=tmp_path)[0])

def test_classes_in_another_order_are_refused_or_followed(old, tmp_path):
    lay_out(tmp_path, [(s,c,'a.png',draw_digit(c)) for s in ('train','valid') for c in (1,2,10)], {})
    model = read_pth(resnet(old, tmp_path/'a.pth', nn.Linear(512,3))[0])
    data = get_data(tmp_path, 32, bs=3, workers=0)
    for f in (lambda: accuracy_over(model, data.valid), lambda: Trainer(model, data, 1, half=False), lambda: export_model(model, tmp_path/'m.onnx', data)):
        with pytest.raises(ValueError, match='follows the model'): f()
    data = get_data(tmp_path, 32, bs=3, labels=model.info['labels'], workers=0)
    assert data.labels==['1','10','2'] and 0<=accuracy_over(model, data.valid)<=1
    with pytest.raises(ValueError, match='no folder test'): accuracy_over(model, data.test)

def test_own_folders_are_split_by_content(tmp_path):
    for c in 'ab':
        (tmp_path/'src'/c).mkdir(parents=True)
        for i in range(20): draw_digit(i+20*(c=='b')).save(tmp_path/'src'/c/f'{i}.png')
    split = lambda: {(s,c,x.read_bytes()) for s,c,_,x in folder_items(tmp_path/'src')}
    was = split()
    assert sorted(s for s,*_ in was).count('test')==6 and sorted(s for s,*_ in was).count('valid')==6
    for o in (tmp_path/'src').glob('*/*'): o.rename(o.with_name(f'x{o.name}'))
    assert split()==was
    with pytest.raises(ValueError, match='name of its own'): lay_out(tmp_path/'o', [('train',1,'a.png',draw_digit(1))]*2, {})
    with pytest.raises(ValueError, match='vaild'): lay_out(tmp_path/'o', [('vaild',1,'a.png',draw_digit(1))], {})

def test_copies_of_a_photo_are_on_one_side(tmp_path):
    for c in 'ab':
        (tmp_path/'src'/c).mkdir(parents=True)
        for i in range(21): draw_digit(i//2).save(tmp_path/'src'/c/f'{i}.png')
    sides = {}
    for split,_,_,fn in folder_items(tmp_path/'src', .3, .3): sides.setdefault(fn.read_bytes(), set()).add(split)
    assert all(len(o)==1 for o in sides.values()) and len(set.union(*sides.values()))==3
    for kw in (dict(valid_pct=20, test_pct=20), dict(valid_pct=.5, test_pct=.5), dict(valid_pct=-.1)):
        with pytest.raises(ValueError, match='wanted shares'): next(folder_items(tmp_path/'src', **kw))
    with pytest.raises(TypeError, match='label'): lay_out(tmp_path/'o', str(tmp_path/'src'), {})

def test_a_second_layout_does_not_mix_with_the_first(tmp_path):
    first = [('train',1,'a.png',draw_digit(1)),('test',1,'b.png',draw_digit(2))]
    files = lambda: sorted(str(o.relative_to(tmp_path)) for o in tmp_path.rglob('*') if o.is_file())
    for items in (first, first, first+[('valid',1,'c.png',draw_digit(3))]): lay_out(tmp_path, items, {1:'one'})
    was = files()
    with pytest.raises(ValueError, match='3 pictures of another layout'): lay_out(tmp_path, [('test',1,'a.png',draw_digit(1)),('train',1,'b.png',draw_digit(2))], {})
    def broken():
        yield first[0]
        raise OSError('the disk is full')
    with pytest.raises(OSError): lay_out(tmp_path, broken(), {})
    assert files()==was and (tmp_path/'names.json').read_text()=='{"1": "one"}' and not list(tmp_path.glob('.new-*'))
    with pytest.raises(ValueError, match='No pictures'): lay_out(tmp_path/'o', [], {})
    (tmp_path/'train'/'1'/'.DS_Store').touch()
    lay_out(tmp_path, first+[('valid',1,'c.png',draw_digit(3))], {1:'one'})
    with pytest.raises(FileNotFoundError, match='a folder per class'): list(folder_items(tmp_path/'nowhere'))

def test_no_picture_is_passed_over_in_silence(tmp_path):
    for i,fn in enumerate(('a/1.gif','a/2.avif','a/more/3.jfif','b/4.WEBP','b/5.png','.quarantine/a/6.png')):
        (tmp_path/'src'/fn).parent.mkdir(parents=True, exist_ok=True)
        draw_digit(i).save(tmp_path/'src'/fn)
    (tmp_path/'src'/'a'/'notes.txt').write_text('no picture')
    assert sorted(name for *_,name,_ in folder_items(tmp_path/'src')) == ['1.gif','2.avif','4.WEBP','5.png','a-more-3.jfif']
    lay_out(tmp_path/'d', [(s,label,name,fn) for _,label,name,fn in folder_items(tmp_path/'src') for s in ('train','valid')], {})
    data = get_data(tmp_path/'d', 32, bs=2, workers=0)
    assert (len(data.train.dataset),[y for _,y in data.train.dataset.samples]) == (5,[0,0,1,1,2])
    assert torch.cat([x for x,_ in data.valid]).shape == (5,3,32,32)
    (tmp_path/'d'/'train'/'a'/'7.heic').write_bytes(b'not one at all')
    with pytest.raises(ValueError, match='7.heic.*verify_images'): list(get_data(tmp_path/'d', 32, workers=0).train)

def test_answers_are_of_pictures_prepared_as_the_model_has_learned(path, tmp_path):
    tr = trainer(path, epochs=1).fit()
    other = get_data(path, 64, bs=16, workers=0)
    assert accuracy_over(tr.model, other.test)==accuracy_over(tr.model, tr.data.test)
    p = Predictor(export_model(tr.model, tmp_path/'m.onnx', other))
    assert p.meta['crop']==[32,32] and p.meta['method']=='squish' and p.meta['max_diff']<1e-3

def test_a_body_freed_or_frozen_needs_a_new_trainer(path):
    tr = trainer(path, frozen=True, epochs=1)
    tr.fit()
    tr.model.freeze(False)
    with pytest.raises(ValueError, match='frozen was True, is False. Make a new Trainer'): tr.fit()

class Own:
    "A transform that says only where it lies in memory"
    def __call__(self, im): return im.resize((32,32))

def test_own_transforms_go_on(path, tmp_path):
    for epochs in (1,2):
        data = get_data(path, 32, tfm=Own(), method='squish', bs=16, workers=0)
        assert len(Trainer(build_model('squeezenet1_1', 10, (16,), weights=None), data, epochs, 'adam', path=tmp_path/'t.safetensors', half=False).fit().rows)==epochs
    with pytest.raises(TypeError, match='PIL Image'): next(iter(get_data(path, 32, tfm=lambda im: torch.rand(3,32,32), workers=0).train))

def test_a_training_that_failed_at_once_may_begin_anew(path, tmp_path):
    lay_out(tmp_path/'d', [(s,c,f'{i}.png',draw_digit(i)) for s in ('train','valid') for c in '01' for i in range(4)], {})
    bad = tmp_path/'d'/'train'/'0'/'x.png'
    bad.write_bytes(b'nothing')
    go = lambda: Trainer(build_model('squeezenet1_1', 2, (), weights=None), get_data(tmp_path/'d', 32, bs=4, workers=0), 2, 'adam', path=tmp_path/'t.safetensors', half=False).fit()
    with pytest.raises(ValueError, match='x.png.*verify_images'): go()
    bad.unlink()
    assert len(go().rows)==2

def test_mistakes_are_told(path, tmp_path):
    data,model = loaders(path),build_model('squeezenet1_1', 10, 8, weights=None)
    for kw,said in ((dict(epochs=0), 'epochs=0'), (dict(epochs=2.), 'whole'), (dict(lr=-1.), 'learning rate'), (dict(path=tmp_path/'a.pth'), 'safetensors'), (dict(preset='sgd'), 'adadelta'), (dict(views=2), 'frozen')):
        with pytest.raises(ValueError, match=said): Trainer(model, data, half=False, **kw)
    net = lambda *args, **kw: lambda: build_model('resnet18', *args, **dict(weights=None)|kw)
    get = lambda **kw: lambda: get_data(path, **kw)
    gets = get(size=(32,32)), get(bs=0), get(bs='16'), get(labels=['0','1'])
    for f in (net('3'), net(3, 0), *gets):
        with pytest.raises(ValueError, match='wanted'): f()
    for f in (lambda: Trainer(model, 'data'), lambda: accuracy_over(model, data), lambda: predict(path, 'm.safetensors')):
        with pytest.raises(AttributeError, match="has no attribute '(labels|dataset|info)'"): f()
    with pytest.raises(ValueError, match='64, 64. pixels'): get_data(path, 32, tfm=lambda im: im.resize((64,64)), workers=0)
    with pytest.raises(FileNotFoundError, match='not a folder'): get_data(path/'flowrs')
    with pytest.raises(ValueError, match='safetensors'): save_checkpoint(model, tmp_path/'m.pth')
    with pytest.raises(ValueError, match='its classes'): export_model(build_model('resnet18', 10, weights=None), tmp_path/'m.onnx', data)
    with pytest.raises(AttributeError, match='info'): Trainer(models.squeezenet1_1(weights=None), data)
    with pytest.raises(ValueError, match='fit first'): Trainer(model, data, half=False).plot()
    with pytest.raises(KeyError, match='IMAGENET1K_V9'): build_model('resnet18', 2, weights='IMAGENET1K_V9')
    with pytest.raises(ValueError, match='Unknown model resnet1800'): build_model('resnet1800', 2)
    with pytest.raises(AttributeError, match='`fc`'): build_model('squeezenet1_1', 2, weights=None, head='fc')
    lay_out(tmp_path/'d', [(s,1,'a.png',draw_digit(1)) for s in ('train','valid')], {})
    (tmp_path/'d'/'names.json').write_text('no')
    with pytest.raises(ValueError, match='names.json can not be read'): get_data(tmp_path/'d', 32)
    (tmp_path/'d'/'names.json').write_text('{}')
    (tmp_path/'d'/'train'/'2').mkdir()
    with pytest.warns(UserWarning, match='No pictures in 2: left out'): assert get_data(tmp_path/'d', 32, workers=0).labels==['1']
    with pytest.warns(UserWarning, match='train/2, valid/2'): assert get_data(tmp_path/'d', 32, labels=['1','2'], workers=0).labels==['1','2']

def test_the_head_does_not_depend_on_what_was_before():
    a = build_model('resnet18', 3, weights=None).state_dict()
    torch.rand(3)
    assert same(a, build_model('resnet18', 3, weights=None).state_dict())

def test_others_may_read_a_checkpoint(path, tmp_path):
    (tmp_path/'plain').touch()
    assert save_checkpoint(build_model('squeezenet1_1', 10, weights=None), tmp_path/'m.safetensors').stat().st_mode==(tmp_path/'plain').stat().st_mode

def test_a_pickle_that_runs_something_is_refused(tmp_path):
    mark = tmp_path/'ran'
    class Bad:
        def __reduce__(self): return os.mkdir,(str(mark),)
    torch.save(dict(state_dict={}, classifier=Bad(), architecture='vgg11'), tmp_path/'bad.pth')
    with pytest.raises(ValueError, match='safely'): read_pth(tmp_path/'bad.pth')
    assert not mark.exists()

def test_exported_it_answers_the_same(path, tmp_path):
    tr = trainer(path, epochs=1)
    tr.fit()
    p = Predictor(export_model(tr.model, tmp_path/'m.onnx', tr.data, title='Digits'))
    small = Predictor(export_model(tr.model, tmp_path/'m8.onnx', tr.data, examples=2, quantize=True, max_loss=1.))
    assert p.meta['names']['7']=='seven' and p.meta['title']=='Digits' and len(small.meta['examples'])<=2 and small.meta['precision']=='int8'
    assert p.meta['dataset']==version_digest(Dataset(path).version())
    for fn in sorted(path.glob('test/*/*'))[:10]:
        probs,labels = predict(fn, tr.model, 10)
        got = torch.tensor(p.session.run(None, dict(image=p.prepared(fn)[None]))[0][0]).softmax(0)
        assert np.allclose([got[p.labels.index(o)] for o in labels], probs, atol=.01)
        assert p.predict(fn).label==labels[0]
    view_classify(fn, tr.model)
    assert plt.gcf().axes[0].get_title()==p.meta['names'][fn.parent.name]
    (tmp_path/'Desktop').mkdir()
    elsewhere = tmp_path/'Desktop'/fn.name
    elsewhere.write_bytes(fn.read_bytes())
    for label,title in ((None,''),('3','three'),(3,'three'),('three','three'),('a drawing','a drawing')):
        view_classify(elsewhere, tr.model, label)
        assert plt.gcf().axes[0].get_title()==title
    plt.close('all')
    with pytest.raises(AttributeError, match='labels'): export_model(tr.model, tr.data, 'm.onnx')
    with pytest.raises(ValueError, match='export_model'): Predictor(save_checkpoint(tr.model, tmp_path/'m.safetensors'))

def test_training_needs_no_fastai(path):
    code = f'''import sys
from imgcls.learn.scratch import *
data = get_data({str(path)!r}, 32, workers=0)
Trainer(build_model('squeezenet1_1', 10, weights=None), data, 1).fit()
assert 'fastai' not in sys.modules'''
    subprocess.run([sys.executable, '-c', code], check=True, timeout=300, capture_output=True)

def test_nothing_is_not_the_default(path, tmp_path, old):
    data,model = loaders(path),build_model('squeezenet1_1', 10, 8, weights=None)
    frozen = build_model('squeezenet1_1', 10, 8, weights=None).freeze()
    for net,kw,said in ((model,dict(path=''),'safetensors'), (frozen,dict(views=0),'views=0'), (model,dict(device=''),'')):
        with pytest.raises((ValueError,RuntimeError), match=said): Trainer(net, data, half=False, **kw)
    with pytest.raises(FileNotFoundError, match='nor beside'): get_data(path, 32, names='', workers=0)
    empty = torch.nn.Sequential() # is false, and a transform all the same
    with pytest.raises((ValueError,NotImplementedError)): get_data(path, 32, tfm=empty, workers=0)
    for o in (0,(0,)):
        with pytest.raises(ValueError, match='width=0'): build_model('resnet18', 2, o, weights=None)
    with pytest.raises(ValueError): build_model('vit_b_16', 2, weights=None, image_size=0)

def test_classes_are_compared_by_name_with_both_lists(path, tmp_path):
    lay_out(tmp_path/'d', [(s,c,f'{i}.png',draw_digit(i)) for s in ('train','valid') for c in ('apple','banana') for i in range(3)], {})
    tr = Trainer(build_model('squeezenet1_1', 2, (), weights=None), get_data(tmp_path/'d', 32, bs=3, workers=0), 1, 'adam', path=tmp_path/'t.safetensors', half=False).fit()
    for s in ('train','valid'): (tmp_path/'d'/s/'apple').rename(tmp_path/'d'/s/'zucchini')
    other,model = get_data(tmp_path/'d', 32, bs=3, workers=0),load_checkpoint(tmp_path/'t.safetensors')
    for f in (lambda: Trainer(model, other, 1, half=False), lambda: accuracy_over(model, other.valid), lambda: export_model(model, tmp_path/'m.onnx', other)):
        with pytest.raises(ValueError, match='The model knows the classes apple, banana; the data has banana, zucchini'): f()
    new = Trainer(build_model('squeezenet1_1', 2, (), weights=None), other, 1, 'adam', path=tmp_path/'t.safetensors', half=False)
    with pytest.raises(ValueError, match='apple.*zucchini'): new.fit()
