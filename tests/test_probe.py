"Features are computed once, by content; a probe's number is honest, and its learner answers as it does"
import shutil, time
import numpy as np, pandas as pd, pytest
from pathlib import Path
from fastai.vision.all import set_seed
from imgcls.learn.export import export_onnx
from imgcls.learn.features import FeatureStore, Features, features
from imgcls.learn.probe import compare, compare_archs, cross_probs, folds_for, probe, probe_features
from imgcls.learn.train import accuracy_on
from imgcls.sample import draw_digit
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

def test_a_torn_file_is_made_anew(path):
    f = feats(path)
    fn = next((path/'.features').iterdir())
    fn.write_bytes(fn.read_bytes()[:1000])
    assert (feats(path).x==f.x).all() and stored(path)==30

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
    with pytest.raises(ValueError, match="'rare' has 1 picture"): folds_for(np.array([0,0,0,1,1]), [0,1,2,3,3], 5, ['often','rare'])

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
    with pytest.raises(ValueError, match='same pictures'): compare(a, probe_features(made(100, 'ab'), groups=range(100)))

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
    df = compare_archs(tmp_path/'b', 'squeezenet1_1', (64,128))
    assert df['size'].tolist()==[128,64] or df.accuracy[0]>=df.accuracy[1]
