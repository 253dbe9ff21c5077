"What is written is what was learned, by either of torch's exporters; what can't be written says why"
import base64, io, json, warnings
import numpy as np, onnx, pandas as pd, pytest, torch
from fastai.vision.all import ImageDataLoaders, Resize, set_seed
from hypothesis import given, strategies as st
from pathlib import Path
from PIL import Image
from imgcls.dataset import snapshot
from imgcls.learn.data import get_dls
from imgcls.learn import export
from imgcls.learn.export import compare_models, export_onnx, wishes
from imgcls.learn.train import get_learner
from imgcls.sample import draw_digit, encode_image, heldout_folder
from imgcls.use.predict import ModelError, Predictor

pytestmark = pytest.mark.filterwarnings('ignore')

@pytest.fixture(scope='module')
def learn(tmp_path_factory):
    path = heldout_folder(tmp_path_factory.mktemp('digits'), n=80)
    set_seed(1)
    learn = get_learner(get_dls(path, size=48, bs=16, num_workers=0), 'small')
    with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(1, 1e-2)
    return learn

def test_the_older_exporter_where_the_newer_lacks_an_operation(learn, tmp_path, monkeypatch):
    "As torch 2.11 does for the pooling in fastai's head"
    by_torch,asked = torch.onnx.export,[]
    def lacking(*args, dynamo, **kwargs):
        asked.append(dynamo)
        if dynamo: raise torch.onnx.OnnxExporterError('No ONNX function found for aten.adaptive_max_pool2d')
        return by_torch(*args, dynamo=dynamo, **kwargs)
    new = Predictor(export_onnx(learn, tmp_path/'new.onnx'))
    monkeypatch.setattr(torch.onnx, 'export', lacking)
    with pytest.warns(UserWarning, match='older one was taken.*adaptive_max_pool2d'): old = Predictor(export_onnx(learn, tmp_path/'old.onnx', quantize=True, max_loss=1.))
    old = Predictor(export_onnx(learn, tmp_path/'old.onnx'))
    assert asked==[True,False]*2 and b'site-packages' not in old.path.read_bytes()
    xs = np.random.rand(3,3,48,48).astype('float32') # any number of pictures at a time
    a,b = [o.session.run(None, dict(image=xs))[0] for o in (new,old)]
    assert a.shape==(3,len(learn.dls.vocab)) and np.allclose(a, b, atol=1e-3)

def test_what_is_wished_for_is_written_or_refused(learn, tmp_path):
    facts = lambda fn: json.loads(onnx.load(fn).metadata_props[0].value)
    assert facts(export_onnx(learn, tmp_path/'m.onnx', threshold=0))['threshold']==0
    assert facts(export_onnx(learn, tmp_path/'m.onnx'))['threshold']==.55
    for fn,kw,said in (('m.pkl',{},'ends in .onnx'), ('a.onnx',dict(threshold=70),'from 0 to 1'), ('a.onnx',dict(examples=-1),'0 or more'), ('a.onnx',dict(max_diff=-1),'nothing was written')):
        with pytest.raises(ValueError, match=said): export_onnx(learn, tmp_path/fn, **kw)
    assert [o.name for o in tmp_path.iterdir()]==['m.onnx']

def test_compared_are_files_of_ours(learn, tmp_path):
    fns = [export_onnx(learn, tmp_path/'a.onnx'),export_onnx(learn, tmp_path/'b.onnx', quantize=True, max_loss=1.)]
    df = compare_models(*fns, n=2)
    assert list(df.index)==['a.onnx','b.onnx'] and list(df.precision)==['fp32','int8'] and (df.ms>0).all() and df.MB.iloc[1]<.4*df.MB.iloc[0]
    assert df.lost.iloc[0]==0 and abs(df.accuracy.iloc[0]-df.lost.iloc[1]-df.accuracy.iloc[1])<1e-6
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12,2))
    torch.onnx.export(net, (torch.rand(1,3,2,2),), tmp_path/'foreign.onnx', dynamo=False)
    with pytest.raises(ValueError, match='foreign.onnx was not written'): compare_models(fns[0], tmp_path/'foreign.onnx')
    for o in ((), (tmp_path/'nowhere.onnx',)):
        with pytest.raises(FileNotFoundError, match='wanted'): compare_models(*o)

def test_examples_stand_upright(tmp_path):
    "Photos of phones, that nobody has verified"
    for c in 'ab':
        (tmp_path/c).mkdir()
        for i in range(12): (tmp_path/c/f'{i}.jpg').write_bytes(encode_image(draw_digit(i).resize((60,90)), orientation=6))
    learn = get_learner(ImageDataLoaders.from_folder(tmp_path, valid_pct=.4, seed=1, item_tfms=Resize(32), bs=4, num_workers=0), 'small')
    found = Predictor(export_onnx(learn, tmp_path/'m.onnx', examples=2)).meta['examples']
    sizes = {Image.open(io.BytesIO(base64.b64decode(o['jpeg']))).size for o in found}
    assert found and sizes=={(60,90)}

@given(st.lists(st.text(max_size=8), min_size=2, max_size=5, unique=True), st.data())
def test_names_come_back_as_they_were(labels, data):
    names = data.draw(st.dictionaries(st.sampled_from(labels), st.one_of(st.text(max_size=8), st.integers())))
    got = json.loads(json.dumps(wishes(labels, names, 0, '', '', False)))
    assert got['threshold']==0 and got['names']=={o:str(names.get(o, o)) for o in labels}

def test_names_have_numbers_for_keys_too(tmp_path):
    for i in range(12):
        (tmp_path/str(i%2)).mkdir(exist_ok=True)
        draw_digit(i).save(tmp_path/str(i%2)/f'{i}.png')
    learn = get_learner(get_dls(tmp_path, size=32, bs=4), 'small', half=False)
    m = Predictor(export_onnx(learn, tmp_path/'m.onnx', names={0:'fire lily'}))
    assert m.names=={'0':'fire lily','1':'1'} and m.predict(learn.dls.valid.items[0]).name in m.names.values()

def test_models_of_other_classes_are_not_compared_in_silence(learn, tmp_path):
    a = export_onnx(learn, tmp_path/'a.onnx')
    model = onnx.load(a)
    meta = json.loads(model.metadata_props[0].value)
    meta['labels'][0] = 'zucchini'
    model.metadata_props[0].value = json.dumps(meta)
    onnx.save(model, tmp_path/'b.onnx')
    with pytest.warns(UserWarning, match='b.onnx knows.*zucchini'): df = compare_models(a, tmp_path/'b.onnx', n=1)
    assert 'labels' not in df

def test_a_place_where_nothing_can_be_written_is_said(learn, tmp_path):
    (tmp_path/'file').touch()
    with pytest.raises(OSError, match='could not be written.*folder of yours'): export_onnx(learn, tmp_path/'file'/'m.onnx')

fewer = dict(swin_tiny_patch4_window7_224=dict(depths=(1,2,2,1))) # blocks of each kind, plain and shifted, are enough

@pytest.mark.parametrize('arch,size', [('swin_tiny_patch4_window7_224',224), ('mobilenetv4_conv_small',64), ('hgnetv2_b0',64), ('convnextv2_atto',64), ('efficientvit_b0',64), ('mambaout_femto',64)])
def test_networks_of_timm_learn_and_answer_alike_from_the_file(tmp_path, arch, size):
    for i in range(12):
        (tmp_path/'ab'[i%2]).mkdir(exist_ok=True)
        draw_digit(i).save(tmp_path/'ab'[i%2]/f'{i}.png')
    learn = get_learner(get_dls(tmp_path, size=size, bs=4, cache=False, num_workers=0), arch, pretrained=False, half=False, **fewer.get(arch, {}))
    with learn.no_bar(), learn.no_logging():
        learn.fit(1)
        m,fn = Predictor(export_onnx(learn, tmp_path/'m.onnx')),learn.dls.valid.items[0]
        assert m.predict(fn).label==learn.predict(fn)[0] and m.meta['max_diff']<1e-3 and m.unknown

def test_the_dataset_is_named_by_its_digest(tmp_path):
    path = tmp_path/'d'
    for i in range(24):
        (path/'ab'[i%2]).mkdir(parents=True, exist_ok=True)
        draw_digit(i).save(path/'ab'[i%2]/f'{i}.png')
    def exported(**kwargs):
        learn = get_learner(get_dls(path, size=32, bs=4, num_workers=0, **kwargs), 'small', half=False)
        return Predictor(export_onnx(learn, tmp_path/'m.onnx', share=None))
    p = exported()
    assert p.meta['dataset']==snapshot(path) and p.facts()['learned from'].endswith(f'version {p.meta["dataset"]} of its dataset')
    rows = pd.DataFrame(dict(name=[o.relative_to(path).as_posix() for o in sorted(path.glob('*/*.png'))]))
    rows = rows.assign(label=rows.name.str[0])
    rows[2:].to_csv(path/'few.csv', index=False)
    listed = exported(csv='few.csv').meta['dataset']
    assert listed==snapshot(path, 'few.csv')!=p.meta['dataset']
    assert 'dataset' not in exported(df=rows[2:]).meta
    (path/'a'/'0.png').rename(path/'b'/'0.png')
    moved = exported().meta['dataset']
    assert moved==snapshot(path)!=p.meta['dataset']

def test_pictures_that_are_no_dataset_have_no_digest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fns = [tmp_path/'pics'/f'{c}{i}.png' for c in 'ab' for i in range(8)]
    fns[0].parent.mkdir()
    for i,fn in enumerate(fns): draw_digit(i).save(fn)
    dls = ImageDataLoaders.from_name_func('.', fns, lambda o: Path(o).name[0], valid_pct=.4, seed=1, item_tfms=Resize(32), bs=4, num_workers=0)
    p = Predictor(export_onnx(get_learner(dls, 'small', half=False), tmp_path/'m.onnx', share=None))
    assert 'dataset' not in p.meta and p.facts()['learned from'].endswith('pictures')

# None of these

def outputs(fn): return [o.name for o in onnx.load(fn).graph.output]

@pytest.mark.parametrize('quantize', [False,True], ids=['fp32','int8'])
def test_pictures_like_those_it_was_checked_on_pass(learn, tmp_path, quantize):
    p = Predictor(export_onnx(learn, tmp_path/'m.onnx', quantize=quantize, max_loss=1.))
    assert outputs(p.path)==['logits','distance'] and p.meta['unknown']['share']==.95 and 'unknown_why' not in p.meta
    fns = learn.dls.valid.items
    assert sum(not o.unknown for o in p.predict(list(fns)))>=.95*len(fns)
    x = np.random.rand(3,3,48,48).astype('float32')
    d = p.session.run(['distance'], dict(image=x))[0]
    assert d.shape==(3,) and d.dtype==np.float32 and (d>=0).all()
    inits = [o for o in onnx.load(p.path).graph.initializer if o.name.startswith('far_')]
    assert {o.data_type for o in inits}<={onnx.TensorProto.FLOAT,onnx.TensorProto.INT64} # in full precision in int8, too

def test_how_many_are_to_pass_is_up_to_you(learn, tmp_path):
    few,all_ = [Predictor(export_onnx(learn, tmp_path/f'{o}.onnx', share=o)) for o in (.5,1)]
    assert few.meta['unknown']['limit']<all_.meta['unknown']['limit'] and not any(o.unknown for o in all_.predict(list(learn.dls.valid.items)))
    none = Predictor(export_onnx(learn, tmp_path/'none.onnx', share=None))
    assert outputs(none.path)==['logits'] and not {'unknown','unknown_why'} & set(none.meta)
    for o in (0,95,-1,float('nan')):
        with pytest.raises(ValueError, match='share of pictures'): export_onnx(learn, tmp_path/'no.onnx', share=o)

def test_a_graph_that_says_otherwise_is_not_written(learn, tmp_path, monkeypatch):
    monkeypatch.setattr(export, 'tail', export.tail.replace('Sub(far_all, far_inside)', 'Add(far_all, far_inside)'))
    with pytest.raises(ValueError, match='how far.*nothing was written'): export_onnx(learn, tmp_path/'m.onnx')
    assert not (tmp_path/'m.onnx').exists()

def two_classes(path, counts, arch='small', **kwargs):
    "A learner of so many pictures a class, the first two of each for validation"
    for c,n in counts.items():
        for i in range(n):
            fn = path/('valid' if i<2 else 'train')/c/f'{i}.png'
            fn.parent.mkdir(parents=True, exist_ok=True)
            draw_digit(i).save(fn)
    return get_learner(get_dls(path, size=32, bs=4, num_workers=0), arch, half=False, **kwargs)

def test_what_can_not_be_told_is_said(learn, tmp_path):
    few = two_classes(tmp_path/'d', dict(a=8, b=3))
    with pytest.warns(UserWarning, match='none of its classes: .*fewer than 2 pictures of b'): p = Predictor(export_onnx(few, tmp_path/'few.onnx'))
    assert outputs(p.path)==['logits'] and not p.predict(draw_digit(3)).unknown and 'fewer than 2' in p.facts()['none of these']
    odd = two_classes(tmp_path/'e', dict(a=8, b=8))
    odd.model = torch.nn.Sequential(*odd.model[0], *odd.model[1])
    with pytest.warns(UserWarning, match='where its body ends'): p = Predictor(export_onnx(odd, tmp_path/'odd.onnx'))
    assert 'where its body ends' in p.facts()['none of these'] and p.predict(draw_digit(3)).label in ('a','b')

def test_one_class(tmp_path):
    "As plain fastai lets one train"
    (tmp_path/'d'/'a').mkdir(parents=True)
    for i in range(12): draw_digit(i).save(tmp_path/'d'/'a'/f'{i}.png')
    learn = get_learner(ImageDataLoaders.from_folder(tmp_path/'d', valid_pct=.4, seed=1, item_tfms=Resize(32), bs=4, num_workers=0), 'small', half=False)
    p = Predictor(export_onnx(learn, tmp_path/'one.onnx'))
    assert outputs(p.path)==['logits','distance'] and p.predict(draw_digit(3)).label=='a'

def test_numbers_that_are_none(tmp_path):
    learn = two_classes(tmp_path/'d', dict(a=8, b=8))
    fn = export_onnx(learn, tmp_path/'m.onnx')
    model = onnx.load(fn)
    o = next(o for o in model.graph.initializer if o.name=='far_means')
    o.CopyFrom(onnx.numpy_helper.from_array(np.full(o.dims, np.nan, 'float32'), o.name))
    onnx.save(model, fn)
    with pytest.raises(ModelError, match='not a number'): Predictor(fn).predict(draw_digit(3))
    torch.nn.init.constant_(next(learn.model.parameters()), float('nan'))
    with pytest.raises(ValueError): export_onnx(learn, tmp_path/'nan.onnx')
    assert not (tmp_path/'nan.onnx').exists()

def test_8_bits_that_are_slower_are_said(learn, tmp_path, monkeypatch):
    for ms,n in (((1.,2.),1), ((2.,1.),0)):
        monkeypatch.setattr('imgcls.learn.export.in_turns', lambda *args: ms)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter('always')
            export_onnx(learn, tmp_path/'m.onnx', quantize=True, max_loss=1.)
        assert len([o for o in said if '2.0 ms a picture on this machine in 8 bits' in str(o.message)])==n
