"Stages go on where they stopped, to the same bits; learners are what they say; nothing is silently untrained"
import resource, shutil, subprocess, sys, time
import numpy as np, pytest, random, timm, torch
from fastai.vision.all import (BatchNorm, Callback, CancelStepException, CategoryBlock, DataBlock, ImageBlock, Learner, Path, RandomSplitter, Resize,
    get_image_files, nn, set_seed)
from forks import Fork, code, shell
from huggingface_hub import constants
from imgcls.learn.data import get_dls
from imgcls.sample import draw_digit
from imgcls.learn.export import imgcls_export, load_kept
from imgcls.use.predict import Predictor
from imgcls.learn.stages import check_classes, read_stage, write_stage
from imgcls.learn.train import features, get_learner, history, imgcls_train, in_shell, load_stage, suggest_lr, train, train_head

pytestmark = pytest.mark.filterwarnings('ignore')
shared = Path(__file__).parent.parent.parent/'shared'
has_weights = pytest.mark.skipif(not (shared/'torch_home').exists(), reason='needs the development weights in ../shared/torch_home')

@pytest.fixture(scope='module')
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp('train')/'data'
    for i in range(90):
        (path/'abc'[i%3]).mkdir(parents=True, exist_ok=True)
        draw_digit(i).save(path/'abc'[i%3]/f'{i:03d}.png')
    return path

def small(data, **kwargs):
    set_seed(3)
    return get_learner(get_dls(data, size=32, bs=16), 'small', **kwargs)

def weights(learn): return torch.cat([o.detach().float().flatten() for o in learn.model.state_dict().values()])

def quiet(learn, f):
    with learn.no_bar(), learn.no_logging(): return f()

def trained(learn, *args, **kwargs): return quiet(learn, lambda: train(learn, *args, **kwargs))

script = '''
import sys, time, warnings
warnings.filterwarnings('ignore')
from fastai.vision.all import *
from fastprogress import fastprogress
from imgcls.learn.data import get_dls
from imgcls.learn.train import get_learner, train
fastprogress.NO_BAR = True
class Slow(Callback):
    def after_batch(self): time.sleep(float(sys.argv[3]))
set_seed(3)
learn = get_learner(get_dls(sys.argv[1], size=32, bs=16), 'small', half=False)
train(learn, 12, 1e-2, stage=sys.argv[2], cbs=Slow())
np.save(f'{sys.argv[1]}/{sys.argv[2]}.npy', torch.cat([o.detach().float().flatten() for o in learn.model.state_dict().values()]).numpy())
print('random', random.random(), np.random.rand(), torch.rand(1).item())
'''

def test_killed_in_mid_epoch_it_ends_as_if_it_had_not_been(data, tmp_path):
    def run(stage, slow): return Fork(tmp_path/stage, code, script, [str(data), stage, str(slow)])
    whole = run('whole', 0).end(300).stdout
    for done in (0,3,6): # killed again and again
        p,fn,t = run('killed', .05),data/'.models'/'killed'/'last.safetensors',time.time()
        while not fn.exists() or len(read_stage(fn)[1]['values'])<done:
            assert p.poll() is None and time.time()-t<120
            time.sleep(.02)
        time.sleep(.1)
        p.kill()
        assert not (data/'killed.npy').exists()
    rest = run('killed', 0).end(300).stdout
    assert (np.load(data/'whole.npy')==np.load(data/'killed.npy')).all()
    assert whole.splitlines()[-1]==rest.splitlines()[-1]

def test_a_finished_stage_is_loaded_and_a_changed_plan_is_refused(data):
    learn = small(data)
    h = quiet(learn, lambda: train(learn, 2, 1e-2, stage='s1'))
    assert list(h)==['part','train_loss','valid_loss','error_rate','accuracy','f1_score'] and len(h)==2
    other = small(data)
    with pytest.warns(UserWarning, match='finished'): assert train(other, 2, 1e-2, stage='s1').equals(h)
    assert (weights(other)==weights(learn)).all()
    with pytest.raises(ValueError, match='epochs was 2, is 3'): train(other, 3, 1e-2, stage='s1')
    f = draw_digit(900)
    f.save(data/'a'/'900.png')
    try:
        with pytest.raises(ValueError, match='restart=True'): train(small(data), 2, 1e-2, stage='s1')
    finally: (data/'a'/'900.png').unlink()
    fn = next((data/'a').glob('*.png'))
    fn.rename(data/'b'/fn.name)
    try:
        with pytest.raises(ValueError, match='data was .*, is '): train(small(data), 2, 1e-2, stage='s1')
    finally: (data/'b'/fn.name).rename(fn)
    quiet(other, lambda: train(other, 1, 1e-2, stage='s1', restart=True))
    assert read_stage(data/'.models'/'s1'/'last.safetensors')[1]['plan']['epochs']==1

def test_best_and_last_are_kept_and_nothing_in_the_files_can_run(data):
    learn = small(data)
    h = quiet(learn, lambda: train(learn, 6, 3e-2, stage='s2', monitor='valid_loss'))
    _,best = read_stage(data/'.models'/'s2'/'best.safetensors')
    assert best['epoch']==h.valid_loss.argmin() and abs(best['valid_loss']-h.valid_loss.min())<1e-6
    load_stage(other := small(data), 's2', best=True)
    assert abs(quiet(other, lambda: other.validate())[0]-h.valid_loss.min())<1e-3
    assert {f.suffix for f in (data/'.models'/'s2').iterdir()}=={'.safetensors'}
    with pytest.raises(FileNotFoundError, match='s2'): load_stage(other, 'nothing')
    fn = data/'.models'/'torn'/'last.safetensors'
    fn.parent.mkdir()
    fn.write_bytes((data/'.models'/'s2'/'last.safetensors').read_bytes()[:5000])
    with pytest.raises(ValueError, match='restart=True'): train(other, 1, stage='torn')

def test_a_full_disk_leaves_the_stage_as_it_was(tmp_path):
    fn = write_stage(tmp_path/'s.safetensors', dict(model=dict(a=torch.zeros(1000))), dict(epoch=1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000,limits[1]))
    try:
        with pytest.raises(OSError, match='as it was'): write_stage(fn, dict(model=dict(a=torch.zeros(10**6))), dict(epoch=2))
    finally: resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert read_stage(fn)[1]==dict(epoch=1) and list(tmp_path.iterdir())==[fn]

def test_suggest_lr_changes_nothing(data, monkeypatch):
    monkeypatch.setenv('IMGCLS_HALF', 'no')
    learn = small(data)
    for when in ('before','after'):
        if when=='after': quiet(learn, lambda: learn.fit_one_cycle(2, 1e-2))
        old,opt,values = weights(learn).clone(),learn.opt,list(learn.recorder.values) if hasattr(learn.recorder, 'values') else None
        rand = random.getstate(),torch.get_rng_state(),np.random.get_state()[1].tolist(),learn.dls.train.rng.getstate()
        assert 1e-6<quiet(learn, lambda: suggest_lr(learn, show_plot=False))<1
        assert (weights(learn)==old).all() and (learn.opt is opt or opt is None)
        now = random.getstate(),torch.get_rng_state(),np.random.get_state()[1].tolist(),learn.dls.train.rng.getstate()
        assert all((a==b).all() if isinstance(a, torch.Tensor) else a==b for a,b in zip(rand, now))
        if values is not None: assert list(learn.recorder.values)==values

def test_predictions_are_in_full_precision_also_after_an_interruption(data):
    learn = small(data)
    learn.b_float16.on = True
    class Stop(Callback):
        def after_batch(self):
            if self.iter==2: raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt): quiet(learn, lambda: learn.fit_one_cycle(1, cbs=Stop()))
    plain = Learner(learn.dls, learn.model, loss_func=learn.loss_func)
    assert torch.equal(quiet(learn, lambda: learn.get_preds())[0], quiet(plain, lambda: plain.get_preds())[0])

def test_bfloat16_learns(data):
    learn = small(data)
    learn.b_float16.on = True
    quiet(learn, lambda: learn.fit_one_cycle(6, 2e-2))
    h = history(learn)
    assert h.train_loss.iloc[-1]<h.train_loss.iloc[0] and h.notna().all(axis=None)

def test_reproducible_means_the_same_bits(data):
    def go():
        set_seed(5, reproducible=True)
        learn = get_learner(get_dls(data, size=32, bs=16), 'small')
        quiet(learn, lambda: learn.fit_one_cycle(2, 1e-2))
        return weights(learn)
    try: assert (go()==go()).all()
    finally: torch.backends.cudnn.deterministic = False

@pytest.mark.parametrize('arch', 'resnet18 squeezenet1_1 densenet121 convnext_atto mobilenetv3_small_050 efficientnet_b0 vit_tiny_patch16_224 mobilenet_v3_small'.split())
def test_networks_of_torchvision_and_timm(data, arch):
    size = 224 if 'vit' in arch else 64
    learn = get_learner(get_dls(data, size=size, bs=8, cache=False), arch, pretrained=False)
    x,y = features(learn, learn.dls.valid)
    assert len(x)==len(y)==len(learn.dls.valid_ds) and x.ndim==2
    h = quiet(learn, lambda: train_head(learn, epochs=1, views=1))
    assert h.notna().all(axis=None) and quiet(learn, lambda: learn.get_preds())[0].shape==(18,3)

def test_weights_that_can_not_be_had_are_said(data, monkeypatch):
    dls = get_dls(data, size=32)
    with pytest.raises(ValueError, match='list_models'): get_learner(dls, 'resnet34000')
    bare = next(o for o in timm.list_models() if not timm.models.is_model_pretrained(o))
    with pytest.raises(ValueError, match='no pretrained weights'): get_learner(dls, bare)
    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', True)
    with pytest.raises(ConnectionError, match='HF_HOME.*pretrained=False'): get_learner(dls, 'convnext_atto')

@has_weights
def test_photos_are_learned_head_first_and_the_head_is_resumed(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(shared/'torch_home'))
    for fn in get_image_files(shared/'data'/'bears').sorted()[::2]:
        (to := tmp_path/'bears'/fn.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(fn, to)
    def fresh():
        set_seed(1, reproducible=True)
        return get_learner(get_dls(tmp_path/'bears', size=96), 'squeezenet1_1')
    try:
        learn = fresh()
        t = time.time()
        h = quiet(learn, lambda: train(learn, 0, stage='head'))
        assert h.accuracy.iloc[-1]>.85 and set(h.part)=={'head'} and time.time()-t<60
        learn = fresh()
        class Stop(Callback):
            def before_epoch(self):
                if self.epoch==1: raise KeyboardInterrupt
        with pytest.raises(KeyboardInterrupt): quiet(learn, lambda: train(learn, 2, stage='both', cbs=Stop()))
        again = fresh()
        a = quiet(again, lambda: train(again, 2, stage='both'))
        whole = fresh()
        b = quiet(whole, lambda: train(whole, 2, stage='whole'))
        assert list(a.part)==['head']*20+['all']*2 and a.equals(b) and (weights(again)==weights(whole)).all()
    finally: torch.backends.cudnn.deterministic = False

def test_the_command_trains_goes_on_and_exports(data, tmp_path):
    cmd = [Path(sys.executable).parent/'imgcls-train', str(data), '--epochs', '2', '--arch', 'small', '--size', '32', '--bs', '16', '--stage', 'shell']
    out = subprocess.run(cmd, capture_output=True, text=True, timeout=120)
    assert out.returncode==0 and 'accuracy' in out.stdout and 'Kept as' in out.stdout, out.stderr
    again = shell(tmp_path/'again', *cmd)
    assert again.returncode==0 and 'finished' in again.stderr
    assert f'imgcls-export {data} {data.name}.onnx --stage shell' in again.stdout
    exp = [cmd[0].with_name('imgcls-export'), str(data), str(tmp_path/'m.onnx'), '--stage', 'shell']
    out = shell(tmp_path/'exp', *exp)
    assert out.returncode==0 and 'm.onnx' in out.stdout and Predictor(tmp_path/'m.onnx').meta['size']==[32,32], out.stderr
    assert Predictor(tmp_path/'m.onnx').unknown['share']==.95
    imgcls_export(str(data), str(tmp_path/'all.onnx'), 'shell', share=0)
    imgcls_export(str(data), str(tmp_path/'half.onnx'), 'shell', share=.5)
    assert not Predictor(tmp_path/'all.onnx').unknown and Predictor(tmp_path/'half.onnx').unknown['share']==.5
    lost = shell(tmp_path/'lost', *exp[:3], '--stage', 'none')
    assert lost.returncode and 'imgcls-train' in lost.stderr and 'Traceback' not in lost.stderr
    bad = shell(tmp_path/'bad', cmd[0], data/'nothing')
    assert bad.returncode and 'not a folder' in bad.stderr and 'Traceback' not in bad.stderr

def test_a_stage_knows_its_classes(data, tmp_path):
    shutil.copytree(data, tmp_path/'d', ignore=shutil.ignore_patterns('.*'))
    imgcls_train(tmp_path/'d', 1, arch='small', size=32, bs=16)
    (tmp_path/'d'/'a').rename(tmp_path/'d'/'z')
    said = "'stage-1' knows the classes a, b, c; the data has b, c, z"
    for best in (False,True):
        with pytest.raises(ValueError, match=said): load_stage(small(tmp_path/'d'), best=best)
    with pytest.raises(ValueError, match=said): trained(small(tmp_path/'d'), 1)
    with pytest.raises(SystemExit, match=said): imgcls_export(tmp_path/'d', tmp_path/'m.onnx')
    assert not (tmp_path/'m.onnx').exists()
    (tmp_path/'d'/'z').rename(tmp_path/'d'/'a')
    assert load_stage(small(tmp_path/'d'))

@pytest.mark.parametrize('label', [lambda o: o.parent.name=='a', lambda o: 'abc'.index(o.parent.name)])
def test_stages_of_classes_that_are_no_text(data, label):
    def fresh():
        block = DataBlock((ImageBlock,CategoryBlock), get_items=get_image_files, get_y=label, splitter=RandomSplitter(.2, 1), item_tfms=Resize(32))
        return get_learner(block.dataloaders(data, path=data, bs=16, num_workers=0), 'small', half=False)
    stage = f'of {label(data/"a"/"x.png")!r}'
    h = trained(fresh(), 1, stage=stage)
    assert trained(fresh(), 1, stage=stage).equals(h) and load_stage(fresh(), stage)
    with pytest.raises(ValueError, match='knows the classes.*the data has a, b, c'): load_stage(small(data), stage)

def test_of_many_classes_those_are_named_that_differ():
    many = [f'class {i}' for i in range(102)]
    check_classes('m', many, list(many))
    check_classes('m', ['1','True'], [1,True])
    for other,said in ((many[:-1],'class 101 …'),(many[:90]+['x']+many[91:],'data has … x, class 91'),(['new']+many,'data has new, class 0,')):
        with pytest.raises(ValueError) as e: check_classes('m', many, other)
        assert len(str(e.value))<500 and said in str(e.value)

def test_where_nothing_can_be_written_an_option_is_named(data, tmp_path, monkeypatch):
    (tmp_path/'file').touch()
    with pytest.raises(OSError, match="could not be written.*model_dir='…' of get_learner"): trained(small(data, model_dir=tmp_path/'file'/'x'), 1, stage='ro')
    with pytest.raises(SystemExit, match='--keep FOLDER takes another'): imgcls_train(data, 1, arch='small', size=32, stage='ro', keep=tmp_path/'file')
    imgcls_train(data, 1, arch='small', size=32, stage='ro', keep=tmp_path/'keep')
    assert not (data/'.models'/'ro').exists() and (tmp_path/'keep'/'ro'/'last.safetensors').exists() and (tmp_path/'keep'/'.pixels').is_dir()
    assert load_kept(data, 'ro', tmp_path/'keep').dls.vocab==['a','b','c']
    with pytest.raises(FileNotFoundError, match='ro'): load_kept(data, 'ro')

@pytest.mark.parametrize('arch,said', [('vit_tiny_patch16_224','size=224'), ('swin_tiny_patch4_window7_224','size=224'), ('vit_small_patch14_dinov2','size=518'),
    ('levit_128s','size=224'), ('maxvit_pico_rw_256','size=256'), ('inception_v3','size=299'), ('vit_b_16','network of timm')])
def test_a_network_of_another_size_says_so_at_once(data, arch, said):
    with pytest.raises(ValueError, match=f'{arch}.*{said}'): get_learner(get_dls(data, size=64, cache=False), arch, pretrained=False)

def test_a_batch_of_one_is_refused_where_it_can_not_be_learned_from(data):
    with pytest.raises(ValueError, match='bs=1 makes a batch of one'): get_learner(get_dls(data, size=32, bs=1), 'resnet18', pretrained=False)
    rest = get_dls(data, size=32, bs=71)
    rest.train.drop_last = False
    with pytest.raises(ValueError, match='bs=71 makes a batch of one of 72'): get_learner(rest, 'resnet18', pretrained=False)
    rest.train.drop_last = True
    assert get_learner(rest, 'resnet18', pretrained=False)

def test_a_new_learner_is_what_it_would_be_without_a_look_at_it(data):
    set_seed(3)
    dls = get_dls(data, size=32, bs=16)
    a = random.random(),torch.rand(1).item(),dls.train.rng.random()
    set_seed(3)
    dls = get_dls(data, size=32, bs=16)
    nums = torch.get_rng_state(),dls.train.rng.getstate()
    learn = get_learner(dls, 'small')
    assert dls.train.rng.getstate()==nums[1] and learn.model.training

def test_tensors_are_kept_as_they_are_seen(tmp_path):
    "Turned, strided, tied and channels last"
    a = torch.arange(24.).reshape(2,3,4)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), BatchNorm(4)).to(memory_format=torch.channels_last)
    parts = dict(t=dict(turned=a.permute(2,0,1), every=a[:,::2], wide=a[:1].expand(5,3,4), same=a, tied=a), model=net.state_dict())
    got,_ = read_stage(write_stage(tmp_path/'s.safetensors', parts, {}))
    assert all((got[k][n]==v).all() and got[k][n].shape==v.shape for k,part in parts.items() for n,v in part.items())

def test_a_rate_of_nought_is_a_rate(data):
    learn = small(data)
    before = {k:v.clone() for k,v in learn.model.named_parameters()}
    quiet(learn, lambda: train(learn, 1, lr=0., stage='nought'))
    assert all((v==before[k]).all() for k,v in learn.model.named_parameters())

class NoNumber(Callback):
    "The loss of one batch is not a number"
    def __init__(self, epoch, skip=False): self.at,self.skip = epoch,skip
    def planted(self): return self.training and (self.epoch,self.iter)==(self.at,1)
    def after_loss(self):
        if not self.planted(): return
        self.learn.loss_grad = self.loss_grad*np.nan
        self.learn.loss = self.loss_grad.clone()
    def before_step(self):
        if self.skip and self.planted(): raise CancelStepException # as `MixedPrecision` does by way of its scaler

def finite(tensors): return all(o.isfinite().all() for o in tensors.values())

def test_what_diverges_is_not_kept_and_goes_on_at_another_rate(data):
    learn,fn = small(data, half=False),data/'.models'/'nan'/'last.safetensors'
    with pytest.raises(ValueError, match=r"'nan' diverged in epoch 2, at a rate of .*2 epochs are done.*a lower lr"): trained(learn, 4, 1e-2, stage='nan', cbs=NoNumber(2))
    tensors,facts = read_stage(fn)
    assert len(facts['values'])==2 and finite(tensors['model']) and finite(read_stage(fn.with_name('best.safetensors'))[0]['model'])
    assert all((v==tensors['model'][k]).all() for k,v in learn.model.state_dict().items())
    with pytest.raises(ValueError, match='epochs was 4, is 5'): trained(small(data, half=False), 5, 1e-3, stage='nan')
    for o in (learn,small(data, half=False)): # in the same notebook, and in a new one; the second finds it finished
        h = trained(o, 4, 1e-3, stage='nan')
        assert h.valid_loss[:2].tolist()==[o[1] for o in facts['values']] and len(h)==4 and h.notna().all(None) and weights(o).isfinite().all()
    facts = read_stage(fn)[1]
    assert facts['plan']['lr']==1e-3 and 'diverged' not in facts and facts['finished']
    with pytest.raises(ValueError, match='lr was'): trained(small(data, half=False), 4, 1e-4, stage='nan')

def test_the_first_epoch_may_diverge(data):
    learn = small(data, half=False)
    before = weights(learn).clone()
    with pytest.raises(ValueError, match='diverged in epoch 0.*0 epochs are done'): trained(learn, 2, 1e-2, stage='nan-0', cbs=NoNumber(0))
    assert (weights(learn)==before).all() and len(trained(learn, 2, 1e-3, stage='nan-0'))==2

def test_a_step_that_is_left_out_stops_nothing(data):
    learn = small(data, half=False)
    assert len(trained(learn, 3, 1e-2, stage='skip', cbs=NoNumber(1, skip=True)))==3 and weights(learn).isfinite().all()

def test_a_head_that_diverges_is_not_kept(data, monkeypatch):
    def spoil(learn, *args, **kwargs):
        learn.model[1][-1].weight.data.fill_(np.nan)
        return history(learn, [])
    learn = get_learner(get_dls(data, size=32, bs=16), 'squeezenet1_1', pretrained=False, half=False)
    learn.freeze()
    monkeypatch.setattr('imgcls.learn.train.train_head', spoil)
    with pytest.raises(ValueError, match='diverged in the head'): trained(learn, 1, stage='nan-head')
    assert finite(read_stage(data/'.models'/'nan-head'/'last.safetensors')[0]['model']) and weights(learn).isfinite().all()

def test_weights_that_are_no_numbers_are_not_trained(data):
    learn = small(data, half=False)
    learn.model[1][-1].weight.data.fill_(np.nan)
    with pytest.raises(ValueError, match='not numbers already'): trained(learn, 1, stage='nan-before')
    assert not (data/'.models'/'nan-before').exists() and in_shell('with a lower lr to go on')=='with a lower --lr to go on'

def test_no_rate_where_the_loss_rises_at_once(data):
    with pytest.raises(ValueError, match='too high to go on.*stop_div=False'): suggest_lr(small(data), start_lr=1e3, end_lr=1e4, show_plot=False)
