"Stages go on where they stopped, to the same bits; learners are what they say; nothing is silently untrained"
import os, resource, shutil, signal, subprocess, sys, time
import numpy as np, pytest, random, timm, torch
from fastai.vision.all import Callback, Learner, Path, set_seed
from huggingface_hub import constants
from imgcls.learn.data import get_dls
from imgcls.sample import draw_digit
from imgcls.use.predict import Predictor
from imgcls.learn.stages import read_stage, write_stage
from imgcls.learn.train import features, get_learner, history, load_stage, suggest_lr, train, train_head

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
train(learn, 8, 1e-2, stage=sys.argv[2], cbs=Slow())
np.save(f'{sys.argv[1]}/{sys.argv[2]}.npy', torch.cat([o.detach().float().flatten() for o in learn.model.state_dict().values()]).numpy())
print('random', random.random(), np.random.rand(), torch.rand(1).item())
'''

def run(data, stage, slow): return subprocess.Popen([sys.executable, '-c', script, str(data), stage, str(slow)], stdout=subprocess.PIPE, text=True)

def test_killed_in_mid_epoch_it_ends_as_if_it_had_not_been(data):
    whole = run(data, 'whole', 0).communicate(timeout=300)[0]
    for done in (0,3,6): # killed again and again
        p,fn,t = run(data, 'killed', .05),data/'.models'/'killed'/'last.safetensors',time.time()
        while not fn.exists() or len(read_stage(fn)[1]['values'])<done:
            assert p.poll() is None and time.time()-t<120
            time.sleep(.02)
        time.sleep(.1)
        os.kill(p.pid, signal.SIGKILL)
        p.wait()
        assert not (data/'killed.npy').exists()
    rest = run(data, 'killed', 0).communicate(timeout=300)[0]
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

def test_suggest_lr_changes_nothing(data):
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
    shutil.copytree(shared/'data'/'bears', tmp_path/'bears')
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
    again = subprocess.run(cmd, capture_output=True, text=True, timeout=120)
    assert again.returncode==0 and 'finished' in again.stderr
    assert f'imgcls-export {data} {data.name}.onnx --stage shell' in again.stdout
    exp = [cmd[0].with_name('imgcls-export'), str(data), str(tmp_path/'m.onnx'), '--stage', 'shell']
    out = subprocess.run(exp, capture_output=True, text=True, timeout=120)
    assert out.returncode==0 and 'm.onnx' in out.stdout and Predictor(tmp_path/'m.onnx').meta['size']==[32,32], out.stderr
    lost = subprocess.run([*exp[:3], '--stage', 'none'], capture_output=True, text=True, timeout=120)
    assert lost.returncode and 'imgcls-train' in lost.stderr and 'Traceback' not in lost.stderr
    bad = subprocess.run([*cmd[:1], str(data/'nothing')], capture_output=True, text=True, timeout=120)
    assert bad.returncode and 'not a folder' in bad.stderr and 'Traceback' not in bad.stderr
