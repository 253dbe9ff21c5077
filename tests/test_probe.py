"Features are computed once, by content; a probe's number is honest, and its learner answers as it does"
import re, shutil, time, warnings
import numpy as np, pandas as pd, pytest, torch
from pathlib import Path
from types import SimpleNamespace
from PIL import Image
from fastai.vision.all import set_seed
from huggingface_hub import constants
from sklearn.datasets import load_digits
from torch._subclasses import FakeTensorMode
from imgcls.clean.widgets import ImageClassifierCleaner, ImageLabeler
from imgcls.learn import features as features_module, probe as probe_module
from imgcls.learn.data import get_dls
from imgcls.learn.export import export_onnx
from imgcls.learn.features import Embedder, FeatureStore, Features, extractor, features, shown
from imgcls.learn.pixels import Pixels
from imgcls.learn.probe import (candidates, compare, compare_archs, cross_probs, folds_for, imgcls_probe, label_order, online, probe,
    probe_features, suggestions)
from imgcls.learn.train import accuracy_on, get_learner, train
from imgcls.sample import draw_digit, split_digits
from imgcls.use.predict import Predictor

pytestmark = pytest.mark.filterwarnings('ignore')
shared = Path(__file__).parent.parent.parent/'shared'
has_weights = pytest.mark.skipif(not (shared/'torch_home').exists(), reason='needs the development weights and photos in ../shared')

@pytest.fixture
def path(tmp_path):
    for i in range(30):
        (tmp_path/'d'/'abc'[i%3]).mkdir(parents=True, exist_ok=True)
        draw_digit(i).save(tmp_path/'d'/'abc'[i%3]/f'{i:02}.png')
    return tmp_path/'d'

def feats(path, **kwargs):
    set_seed(1)
    return features(path, 'resnet18', 48, pretrained=False, **kwargs)

def stored(path): return len(FeatureStore(next((path/'.features').iterdir())))

def test_only_new_content_is_computed(path):
    f = feats(path)
    assert (len(f),stored(path))==(30,30)
    (path/'a'/'00.png').rename(path/'b'/'moved.png') # another label, the same picture
    shutil.copy(path/'c'/'02.png', path/'c'/'copy.png')
    draw_digit(99).save(path/'c'/'02.png') # the same name, another picture
    again = feats(path)
    assert (len(again),stored(path))==(31,31)
    x,y = [dict(zip(o.items.sha256, o.x)) for o in (f,again)]
    both = set(x)&set(y)
    assert len(both)==30 and all((x[k]==y[k]).all() for k in both)
    assert again.items.set_index('file').label[path/'b'/'moved.png']=='b'

def test_other_weights_sizes_and_methods_are_other_features(path):
    for kwargs in (dict(size=48),dict(size=64),dict(size=48, method='squish')):
        set_seed(1)
        features(path, 'resnet18', pretrained=False, **kwargs)
    set_seed(2)
    features(path, 'resnet18', 48, pretrained=False)
    assert len(list((path/'.features').iterdir()))==4

def test_features_of_another_version_are_made_anew(path, monkeypatch):
    monkeypatch.setattr(features_module, 'features_version', 1)
    f = feats(path)
    f.x[:] = 0
    monkeypatch.undo()
    assert len(FeatureStore(next((path/'.features').iterdir())))==0
    assert (feats(path).x!=0).any() and stored(path)==30

def test_each_network_is_shown_pictures_in_its_own_way():
    assert extractor('resnet18', pretrained=False).how['interpolation']=='bilinear'
    own = extractor('mobilenetv4_conv_small', pretrained=False)
    assert own.how['interpolation']=='bicubic' and own.how['size']==224
    assert own.shown_by('bilinear').store.fn is None
    im = draw_digit(5).resize((90,70))
    assert (shown(im, 32)==Pixels(32).make(im)).all() and (shown(im, 32)!=shown(im, 32, interpolation='bicubic')).any()
    with pytest.raises(NotImplementedError, match='levit_128s takes pictures of 224 px alone'): extractor('levit_128s', 128, pretrained=False)

def test_kernels_are_other_features(path):
    for o in ('bilinear','bicubic'): feats(path, interpolation=o)
    assert len(list((path/'.features').iterdir()))==2

def test_a_photo_is_decoded_just_large_enough(tmp_path, monkeypatch):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (800,1200,3), 'uint8')).save(tmp_path/'a.jpg')
    sizes,create = [],features_module.UprightImage.create.__func__
    def seen(cls, *args, **kwargs):
        sizes.append((res := create(cls, *args, **kwargs)).size)
        return res
    monkeypatch.setattr(features_module.UprightImage, 'create', classmethod(seen))
    assert shown(tmp_path/'a.jpg', 128).shape==(128,128,3) and sizes==[(300,200)]

def test_a_network_that_can_not_be_had_is_said(path, monkeypatch, tmp_path):
    monkeypatch.setattr('fastai.vision.learner.timm.create_model', lambda *a, **kw: (_ for _ in ()).throw(OSError('no route to host')))
    with pytest.raises(ConnectionError, match='levit_128s can not be had'): features(path, 'levit_128s')
    with pytest.raises(ValueError, match='nonsense'): probe(path, 'nonsense')

def test_half_labelled_and_unlabelled_folders(path, tmp_path):
    draw_digit(31).save(path/'loose.png')
    (path/'.unlabelled').mkdir()
    draw_digit(32).save(path/'.unlabelled'/'w.png')
    with pytest.warns(UserWarning, match='loose.png'): assert len(feats(path))==30
    (tmp_path/'bare').mkdir()
    draw_digit(33).save(tmp_path/'bare'/'x.png')
    with pytest.raises(ValueError, match="All pictures are 'bare': a classifier needs two"): probe(tmp_path/'bare', 'resnet18', 48, pretrained=False)

def test_what_can_not_be_read_is_left_out_with_its_name(path):
    (path/'a'/'broken.png').write_bytes(b'no picture')
    (path/'a'/'gone.png').symlink_to(path/'nowhere.png')
    with pytest.warns(UserWarning, match='broken.png'): f = feats(path)
    assert len(f)==30

def test_a_folder_that_can_only_be_read_serves(path, monkeypatch):
    def refuse(*args, **kwargs): raise OSError(30, 'Read-only file system')
    monkeypatch.setattr('imgcls.learn.features.write_stage', refuse)
    with pytest.warns(UserWarning, match='Read-only'): assert len(feats(path))==30
    assert len(feats(path, cache=False))==30

def test_a_torn_file_is_made_anew(path, monkeypatch):
    monkeypatch.setattr(features_module, 'forward_type', lambda *args: None) # on a busy machine, half precision may be faster one time and not the next
    f = feats(path)
    fn = next((path/'.features').iterdir())
    fn.write_bytes(fn.read_bytes()[:1000])
    assert (feats(path).x==f.x).all() and stored(path)==30

class Halved(torch.nn.Module):
    def forward(self, x): return x.to(torch.bfloat16)

def test_features_come_from_a_gpu_in_single_precision():
    "A GPU that is only played"
    with FakeTensorMode():
        net = Embedder(Halved(), [.5]*3, [.5]*3)
        net.mean,net.std = net.mean.to('cuda'),net.std.to('cuda')
        x = torch.zeros((2,16,16,3), dtype=torch.uint8, device='cuda')
        body,f = net.body(x),net(x)
        assert (body.device.type,body.dtype)==('cuda',torch.bfloat16) and (f.device.type,f.dtype,f.shape)==('cpu',torch.float32,(2,3))

def test_features_in_half_precision_are_kept(tmp_path):
    net = Embedder(torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3)).to(torch.bfloat16), [.5]*3, [.5]*3)
    net.mean,net.std,net.precision = net.mean.bfloat16(),net.std.bfloat16(),None
    with torch.inference_mode(): f = net.answer([np.zeros((16,16,3), 'uint8')]*2)
    store = FeatureStore(tmp_path/'f.safetensors')
    store.update(a=f[0], b=f[1])
    store.keep()
    assert f.dtype==np.float32 and (FeatureStore(tmp_path/'f.safetensors')['b']==f[1]).all() and features_module.weights_key(net)

def made(n, labels, gap=3., seed=0, nf=32):
    "Features of `n` pictures whose classes lie apart"
    rng = np.random.default_rng(seed)
    y = np.arange(n)%len(labels)
    items = pd.DataFrame(dict(file=[Path(f'{i}.png') for i in range(n)], label=np.array(list(labels))[y], split='', sha256=[f'{i:064}' for i in range(n)]))
    x = (rng.normal(size=(n,nf))+gap*np.eye(nf)[y]).astype('float32')
    return Features(items, x, Path('.'), dict(arch='none', size=1, method='crop', pretrained=False))

def test_random_features_know_nothing():
    p = probe_features(made(300, 'abc', gap=0), groups=range(300))
    assert p.interval[0]<1/3<p.interval[1] # a head that had seen the pictures would be far better

def test_groups_are_on_one_side():
    f = made(200, 'ab', gap=0, nf=400)
    f.x[100:] = f.x[:100]
    twice = probe_features(f, groups=np.arange(200)%100)
    assert all(len(set(o))==1 for o in twice.fold.reshape(2,100).T)
    assert twice.accuracy<.7<probe_features(f, groups=range(200)).accuracy # copies on both sides are a leak

def test_small_classes_make_fewer_folds():
    y = np.array([0]*20+[1]*3)
    with pytest.warns(UserWarning, match="'rare' has 3"): fold = folds_for(y, range(23), 5, ['often','rare'])
    assert len(set(fold))==3 and len(set(fold[20:]))==3
    with pytest.raises(ValueError, match='k=1: wanted 2 parts'): folds_for(y, range(23), 1, ['often','rare'])
    with pytest.raises(ValueError, match="'rare' has 1 picture"): folds_for(np.array([0,0,0,1,1]), [0,1,2,3,3], 5, ['often','rare'])

def test_a_class_of_copies_of_others_is_said():
    y,groups = np.array([0]*8+[1]*2),[*range(8),0,0]
    x = np.random.default_rng(0).normal(size=(10,4)).astype('float32')
    groups[8:] = [0,1]
    fold = folds_for(y, groups, 2, ['often','copied'])
    fold[8:] = 0
    with pytest.warns(UserWarning, match="All pictures of 'copied' look like"): folds_for(np.array([0]*8+[1]*2), [0,0,*range(6),0,1], 2, ['often','copied'])
    p = cross_probs(x, y, fold)
    assert (p[fold==0][:,1]==0).all() and np.allclose(p.sum(1), 1)

@pytest.mark.parametrize('spoil,said', [(lambda f: f.items.assign(label='a'), 'two classes'),(lambda f: f.items[:0], 'none of its pictures')])
def test_what_is_no_dataset_is_said(spoil, said):
    f = made(30, 'ab')
    f.items = spoil(f)
    with pytest.raises(ValueError, match=said): probe_features(f, groups=range(30))

def test_broken_weights_are_said():
    f = made(30, 'ab')
    f.x[3] = np.nan
    with pytest.raises(ValueError, match='not numbers'): probe_features(f, groups=range(30))

def test_better_or_luck():
    a,b,c = [probe_features(made(200, 'ab', gap=o), groups=range(200)) for o in (.5,.5,6)]
    assert compare(a, b).p==1 and compare(a, c).p<.001 and compare(a, c).gain>5
    assert compare(a, c).low>0 and not compare(a, c).luck and compare(a, b).luck
    with pytest.raises(ValueError, match='same pictures'): compare(a, probe_features(made(100, 'ab'), groups=range(100)))

def test_luck_is_called_luck():
    "Of pairs that are equally good one in twenty may be called different; of pairs 12 points apart nearly none may not"
    rng,base = np.random.default_rng(0),probe_features(made(300, 'ab', gap=2), groups=range(300))
    def of(acc):
        right = rng.random(300)<acc
        return type(base)(base.feats, base.fold, np.eye(2)[np.where(right, base.y, 1-base.y)], 0)
    same,apart = [[compare(of(.8), of(o)).luck for _ in range(100)] for o in (.8,.92)]
    assert np.mean(same)>=.9 and np.mean(apart)<=.1

def test_two_trainings_are_compared_on_what_both_were_validated_with(path):
    def learner(seed, epochs):
        set_seed(seed)
        learn = get_learner(get_dls(path, 32, bs=8, valid_pct=.5), 'small', model_dir=f'.models{seed}')
        with learn.no_bar(), learn.no_logging(): train(learn, epochs, 6e-3)
        return learn
    a,b = learner(1, 1),learner(2, 1)
    res = compare(a, b)
    assert res.only_a+res.only_b<=len(a.dls.valid_ds) and res.luck and res.low<=res.gain<=res.high
    other = get_learner(get_dls(path, 32, bs=8, seed=1, valid_pct=.5), 'small')
    with pytest.raises(ValueError, match='same pictures'): compare(a, other)

@pytest.fixture
def offline(monkeypatch, tmp_path):
    "No connection, and one network on the disk"
    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', True)
    monkeypatch.setattr('imgcls.learn.features.try_to_load_from_cache', lambda repo, fn: 'it.bin' if repo in there else None)
    monkeypatch.setattr(torch.hub, '_hub_dir', str(tmp_path/'hub')) # `set_dir` could not be taken back
    return (there := set())

def test_without_a_connection_what_is_on_the_disk_is_taken(offline, tmp_path):
    assert not online()
    with pytest.raises(ConnectionError, match='no pretrained weights on this disk'): candidates('auto')
    (tmp_path/'hub'/'checkpoints').mkdir(parents=True)
    (tmp_path/'hub'/'checkpoints'/'squeezenet1_1-b8a52dc0.pth').touch()
    assert candidates('auto')[0]==['squeezenet1_1']
    offline.add('timm/levit_256.fb_dist_in1k')
    names,out = candidates('laptop')
    assert names==['levit_256'] and list(out)==['hgnetv2_b2'] and 'not on this disk' in out['hgnetv2_b2']
    assert candidates('resnet18')==(['resnet18'],{})

def test_a_budget_leaves_the_slow_out_and_says_so(path, monkeypatch):
    monkeypatch.setattr('imgcls.learn.probe.candidates', lambda archs: (['resnet18','resnet34','levit_128s'],{'far_away':'no connection'}))
    p = probe(path, 'auto', 48, seconds=0, pretrained=False)
    assert p.feats.how['arch']=='resnet18' and 'would take' in p.others.left_out['resnet34 at 48 px']
    for o in (repr(p),p._repr_html_()): assert 'far_away: no connection' in o and '224 px alone' in o and 'resnet18' in o
    monkeypatch.setattr('imgcls.learn.probe.candidates', lambda archs: (['levit_128s'],{}))
    with pytest.raises(ConnectionError, match='None of these networks'): compare_archs(path, 'auto', 48, pretrained=False)

def test_the_best_comes_first_with_what_it_costs(path):
    set_seed(1)
    res = compare_archs(path, ['squeezenet1_1','resnet18'], 48, pretrained=False)
    t = res.table
    assert t.accuracy.is_monotonic_decreasing and t.p[0]==1 and res.best.accuracy==t.accuracy[0]
    assert t.set_index('arch').MB['resnet18']>40>t.set_index('arch').MB['squeezenet1_1']>1 and (t['per second']>0).all()
    assert len(res.plot().axes)==1

def test_what_to_label_next_is_doubted_and_differs():
    rng = np.random.default_rng(0)
    heaps = np.repeat(np.eye(6)*9, 10, 0)+rng.normal(0, .1, (60,6))
    doubt = np.repeat([.9,.9,.9,.9,.01,.9], 10)
    first = label_order(heaps, doubt, known=heaps[50:]).argsort()[:4]//10
    assert set(first)=={0,1,2,3} # one of each heap that is doubted and far from what is known
    assert sorted(label_order(heaps, doubt, most=7))==list(range(60))

def test_the_cleaner_opens_on_a_probe(path):
    set_seed(1)
    p = probe(path, 'resnet18', 48, pretrained=False)
    (path/'.unlabelled').mkdir()
    for i in range(40, 46): draw_digit(i).save(path/'.unlabelled'/f'{i}.png')
    (path/'.unlabelled'/'x.png').write_text('no picture')
    c = ImageClassifierCleaner(p)
    assert len(c.rows)==30 and c.cleaning.vocab==['a','b','c'] and not c.said.value
    for o in c.dd_view.options:
        c.dd_view.value = o
        assert not c.said.value, (o,c.said.value)
    c.dd_view.value = 'Label next'
    assert len(c.rows)==7 and c.rows.next[:6].tolist()==list(range(6)) and re.fullmatch(r'[abc] or [abc]\? \d+% apart', c.rows.why[0])
    lab = ImageLabeler(path, learn=p)
    assert lab.cleaning.vocab==['a','b','c'] and list(lab.dd_view.options)==['No label yet','Label next']
    lab.dd_view.value = 'Label next'
    assert list(lab.rows.file)==list(c.rows.file)
    with pytest.raises(TypeError, match='a trained learner or a probe'): ImageClassifierCleaner(path)

def test_training_goes_on_from_the_head_of_a_probe(path):
    set_seed(1)
    p = probe(path, 'squeezenet1_1', 64, pretrained=False)
    learn = p.learner(bs=8)
    before = learn.model[1][-1].weight.detach().clone()
    with learn.no_bar(), learn.no_logging(): h = train(learn, 1)
    assert h.part.tolist()==['all'] and 0<(learn.model[1][-1].weight-before).abs().max()<.1
    again = p.learner(bs=8)
    assert (again.model[1][-1].weight==before).all()
    with again.no_bar(), again.no_logging(): h = train(again, 1, stage='head-too', head_epochs=2)
    assert h.part.tolist()==['head','head','all']

def test_fine_tuning_in_the_same_parts(path):
    set_seed(1)
    p = probe(path, 'squeezenet1_1', 64, k=2, pretrained=False)
    tuned = p.finetuned(1, bs=8)
    assert (tuned.fold==p.fold).all() and np.allclose(tuned.p.sum(1), 1, atol=1e-5) and tuned.table.epochs[0]==1
    assert compare(p, tuned).index.tolist()==['gain','low','high','only_a','only_b','p','luck']
    assert not (path/'.models').exists()

def test_many_pictures_are_quick():
    rng = np.random.default_rng(0)
    y = np.arange(20_000)%10
    x = (rng.normal(size=(20_000,64))+np.eye(64)[y]*3).astype('float32')
    t = time.perf_counter()
    assert (cross_probs(x, y, np.arange(20_000)//10%5).argmax(1)==y).mean()>.85
    assert time.perf_counter()-t<60

@has_weights
def test_bears_their_learner_and_its_file(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(shared/'torch_home'))
    for c in ('black','grizzly','teddys'):
        (tmp_path/'b'/c).mkdir(parents=True)
        for fn in sorted((shared/'data'/'bears'/c).glob('*'))[:60]: shutil.copy(fn, tmp_path/'b'/c)
    p = probe(tmp_path/'b', 'squeezenet1_1', 128)
    assert p.accuracy>.85 and len(p.scores())==len(p.y) and p.confusion().values.sum()==len(p.y)
    learn = p.learner(bs=16)
    with learn.no_bar():
        held = list(learn.dls.valid.items)
        assert accuracy_on(learn, held)>.8
        model = Predictor(export_onnx(learn, tmp_path/'b.onnx'))
        for fn in held[:4]: assert model.predict(fn).label==learn.predict(fn)[0]
    assert suggestions(p, p.feats.items.file[:5]).pred.tolist()!=[]

@has_weights
def test_the_size_that_is_better_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(shared/'torch_home'))
    for c in ('black','grizzly'):
        (tmp_path/'b'/c).mkdir(parents=True)
        for fn in sorted((shared/'data'/'bears'/c).glob('*'))[:120]: shutil.copy(fn, tmp_path/'b'/c)
    res = compare_archs(tmp_path/'b', 'squeezenet1_1', (48,224))
    assert res.best.feats.how['size']==224 and res.table.p[1]<.05

def test_the_shell_speaks_plainly(monkeypatch, capsys):
    def stopped(*args, **kwargs):
        warnings.warn('a photo is left out')
        raise KeyboardInterrupt
    monkeypatch.setattr(probe_module, 'compare_archs', stopped)
    monkeypatch.setattr(warnings, 'showwarning', warnings.showwarning) # put back at the end
    warnings.simplefilter('always')
    with pytest.raises(SystemExit, match='imgcls-probe was interrupted'): imgcls_probe('b', 'resnet18')
    assert capsys.readouterr().err=='! a photo is left out\n'

def test_what_cannot_be_probed_is_said_before_any_network_is_fetched(tmp_path, monkeypatch):
    monkeypatch.setattr(probe_module, 'candidates', lambda *args: pytest.fail('asked for networks'))
    fn = lambda c,i: tmp_path/c/f'{i}.png'
    for c,i in (('cat',0),('cat',1),('cat',2)):
        fn(c, i).parent.mkdir(exist_ok=True)
        draw_digit(i).save(fn(c, i))
    for ask in (lambda: probe(tmp_path), lambda: compare_archs(tmp_path, 'resnet18')):
        with pytest.raises(ValueError, match='needs two classes'): ask()
    (tmp_path/'dog').mkdir()
    draw_digit(9).save(fn('dog', 9))
    with pytest.raises(ValueError, match="'dog' has 1 picture: wanted 2 or more"): probe(tmp_path)
    with pytest.raises(SystemExit, match='--size abc: wanted pixels a side'): imgcls_probe(str(tmp_path), size='abc')
    with pytest.raises(SystemExit, match='--issues many: wanted how many'): imgcls_probe(str(tmp_path), issues='many')

def test_doubtful_labels_from_the_shell(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for i in split_digits()[0][:300]:
        c = load_digits().target[i]
        if c>1: continue
        (tmp_path/'d'/'01'[c]).mkdir(parents=True, exist_ok=True)
        draw_digit(int(i)).save(tmp_path/'d'/'01'[c]/f'{i}.png')
    odd = sorted((tmp_path/'d'/'1').iterdir())[0]
    wrong = odd.rename(tmp_path/'d'/'0'/odd.name)
    monkeypatch.setattr(probe_module, 'features', lambda *args, **kwargs: features(*args, pretrained=False, **kwargs))
    set_seed(42)
    imgcls_probe('d', 'resnet18', size='64', issues='3')
    assert f'd/0/{wrong.name}     0         1' in capsys.readouterr().out
    set_seed(42)
    imgcls_probe('d', 'resnet18', size='64', issues='doubts.csv')
    df = pd.read_csv('doubts.csv', dtype=str)
    assert list(df)==['file','label','suggested','probability','decision'] and f'd/0/{wrong.name}' in df.file.tolist() and (df.label!=df.suggested).all()
    assert f'{len(df)} labels in doubt are in doubts.csv' in capsys.readouterr().out

def test_a_model_that_is_there_is_not_written_over_unasked(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    mine = tmp_path/'b.onnx'
    mine.write_text('mine')
    found = SimpleNamespace(best=SimpleNamespace(learner=lambda: None))
    monkeypatch.setattr(probe_module, 'compare_archs', lambda *args, **kwargs: found)
    monkeypatch.setattr(probe_module, 'export_onnx', lambda learn, fname: Path(fname).write_text('new'))
    monkeypatch.setattr(warnings, 'showwarning', warnings.showwarning)
    warnings.simplefilter('always')
    imgcls_probe('b')
    assert mine.read_text()=='mine' and '--model b.onnx' in capsys.readouterr().err
    imgcls_probe('b', model='b.onnx')
    assert mine.read_text()=='new'

@has_weights
def test_from_the_shell_the_model_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('TORCH_HOME', str(shared/'torch_home'))
    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', True)
    monkeypatch.chdir(tmp_path)
    for c in ('black','teddys'):
        (tmp_path/'b'/c).mkdir(parents=True)
        for fn in sorted((shared/'data'/'bears'/c).glob('*'))[:20]: shutil.copy(fn, tmp_path/'b'/c)
    imgcls_probe('b', size='128')
    out = capsys.readouterr().out
    assert 'squeezenet1_1' in out and 'vit_small_patch14_dinov2: no connection' in out and 'per second' in out
    assert Predictor(tmp_path/'b.onnx').labels==['black','teddys']
