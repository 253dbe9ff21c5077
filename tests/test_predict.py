"The exported file answers as the learner does, without torch; and a bad file says what it is"
import hashlib, http.server, io, json, os, shutil, subprocess, sys, threading
import numpy as np, onnx, pytest, torch
from fastai.vision.all import CategoryBlock, DataBlock, ImageBlock, ImageDataLoaders, L, RandomResizedCrop, Resize, Transform
from fastai.vision.all import TensorImage, load_learner, parent_label, resnet18, set_seed, squeezenet1_1, vision_learner
from pathlib import Path
from PIL import Image
from imgcls.learn.pixels import UprightImage
from imgcls.learn.data import get_dls
from imgcls.dataset import image_files
from imgcls.learn.export import export_onnx, preprocessing
from imgcls.picture import PictureError, look, max_pixels, open_image
from imgcls.use.predict import ModelError, Prediction, Predictor, fetch
from imgcls.sample import draw_digit, encode_image, heldout_folder, sample_web
from imgcls.learn.train import get_learner, train
from imgcls.use.shell import imgcls_predict
from sklearn.metrics import roc_auc_score
from conftest import root
from kinds import fives

shared,model = root.parent/'shared',root/'imgcls'/'assets'/'digits.onnx'

@pytest.fixture(scope='session')
def digits(tmp_path_factory): return heldout_folder(tmp_path_factory.mktemp('digits'), n=120)

def plain(fn, learn):
    "A predictor for `learn` whose probabilities are not calibrated, as the learner's are not"
    p = Predictor(export_onnx(learn, fn))
    p.meta['temperature'] = 1
    return p

def differ(p, learn, fns):
    "Labels are the same on all of `fns`; the largest difference of probabilities from those of `learn.predict`"
    worst = 0
    for fn in fns:
        with learn.no_bar(): label,_,want = learn.predict(fn)
        got = p.predict(fn, topk=99)
        assert got.label==label, fn
        worst = max(worst, abs(dict(got.topk)[label]-float(want.max())))
    return worst

def agree(learn, fn, fns): return differ(plain(fn, learn), learn, fns)

def dirty(path, fns):
    "`fns` again in all modes, formats, sizes and orientations there are, in `path`"
    modes = ['L','P','RGBA','LA','1','CMYK','I;16','RGB']
    for i,fn in enumerate(fns):
        im = open_image(fn)
        exif = Image.Exif()
        exif[0x0112] = i%8+1
        side = [(37,400),(400,37),(1600,1200),(3,3),(224,224),(50,64)][i%6]
        mode = modes[i%8]
        im = im.resize(side).convert('L').convert(mode) if mode=='I;16' else im.resize(side).convert(mode)
        kind = 'tiff' if mode in ('I;16','CMYK') and i%2 else 'png' if mode not in ('L','RGB','CMYK') else ('jpg','webp')[i//8%2] if mode!='CMYK' else 'jpg'
        im.save(path/f'{i:03d}.{kind}', exif=exif)
    return sorted(path.iterdir())

@pytest.mark.parametrize('kw', [dict(method='squish'), dict(method='crop'), dict(method='pad'), dict(item_tfms=RandomResizedCrop(64, min_scale=.5))], ids=str)
def test_it_prepares_pictures_as_the_learner_does(digits, tmp_path, kw):
    set_seed(1)
    learn = get_learner(get_dls(digits, size=64, bs=16, num_workers=0, **kw), 'small')
    with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(1, 1e-2)
    assert agree(learn, tmp_path/'m.onnx', image_files(digits)[:40])<1e-3
    with learn.no_bar(): assert learn.predict(str(image_files(digits)[0]))[0] in learn.dls.vocab

def test_without_normalize_it_does_not_normalise(digits, tmp_path):
    learn = get_learner(get_dls(digits, size=64, bs=16, num_workers=0), squeezenet1_1, pretrained=False)
    assert preprocessing(learn)['mean'] is None
    assert agree(learn, tmp_path/'m.onnx', image_files(digits)[:20])<1e-3

def test_plain_fastai_learners_too(digits, tmp_path):
    dls = ImageDataLoaders.from_folder(digits, valid_pct=.3, seed=1, item_tfms=Resize(48), bs=16, num_workers=0)
    learn = vision_learner(dls, resnet18, pretrained=False)
    assert agree(learn, tmp_path/'m.onnx', image_files(digits)[:20])<1e-3

def test_pictures_of_all_modes_sizes_and_orientations(digits, tmp_path):
    learn = get_learner(get_dls(digits, size=64, bs=16, num_workers=0), 'small')
    with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(1, 1e-2)
    (tmp_path/'dirty').mkdir()
    fns = dirty(tmp_path/'dirty', image_files(digits)[:96])
    assert len(fns)==96 and agree(learn, tmp_path/'m.onnx', fns)<1e-3

@pytest.mark.skipif(not (shared/'data'/'bears').exists(), reason='needs the real photos and weights that only developers have')
def test_real_photos_and_pretrained_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, '_hub_dir', None, raising=False)
    monkeypatch.setenv('TORCH_HOME', str(shared/'torch_home'))
    for fn in image_files(shared/'data'/'bears')[::2]:
        (to := tmp_path/'bears'/fn.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(fn, to)
    learn = get_learner(get_dls(tmp_path/'bears', size=128, bs=32), 'squeezenet1_1')
    set_seed(1)
    with learn.no_bar(), learn.no_logging(): learn.fine_tune(1)
    fns = image_files(tmp_path/'bears')[::3]
    (tmp_path/'dirty').mkdir()
    p = plain(tmp_path/'bears.onnx', learn)
    assert len(fns)==100 and differ(p, learn, [*fns, *dirty(tmp_path/'dirty', fns[:48])])<1e-3
    assert p.meta['metrics']['valid_accuracy']>.7
    small = Predictor(export_onnx(learn, tmp_path/'bears8.onnx', quantize=True, max_loss=.05))
    assert small.path.stat().st_size<.3*p.path.stat().st_size and small.meta['metrics']['accuracy_lost']<=.05
    assert np.mean([small.predict(o).label==p.predict(o).label for o in fns])>.85

class Invert(Transform):
    "What no program without fastai could know of"
    def encodes(self, x:TensorImage): return 1-x

@pytest.mark.parametrize('kw,said', [(dict(), 'No Resize'), (dict(item_tfms=Resize(48), batch_tfms=[Invert()]), 'do more'), (dict(item_tfms=[Resize(48),Invert()]), 'Invert changes')], ids=['none','batch','item'])
def test_what_can_not_be_repeated_is_refused(digits, kw, said):
    dls = DataBlock((ImageBlock,CategoryBlock), get_items=image_files, get_y=parent_label, **kw).dataloaders(digits, bs=16, num_workers=0)
    with pytest.raises(ValueError, match=said): preprocessing(vision_learner(dls, resnet18, pretrained=False))

def test_a_learner_without_its_data(digits, tmp_path):
    get_learner(get_dls(digits, size=64, bs=16, num_workers=0), 'small').export(tmp_path/'m.pkl')
    with pytest.raises(ValueError, match='no pictures in files'): export_onnx(load_learner(tmp_path/'m.pkl'), tmp_path/'m.onnx')
    assert not (tmp_path/'m.onnx').exists()

def test_two_classes_can_be_unsure(digits, tmp_path):
    for o in ('three','eight'): shutil.copytree(digits/o, tmp_path/'d'/o)
    p = Predictor(export_onnx(get_learner(get_dls(tmp_path/'d', size=48, bs=8, num_workers=0), 'small'), tmp_path/'m.onnx'))
    assert p.threshold==.75 and p.predict(draw_digit(8)).unsure
    assert not Predictor(p.path, threshold=.5).predict(draw_digit(8)).unsure

def test_weights_that_can_not_be_had_are_a_clear_error(digits, tmp_path, monkeypatch):
    def no_net(*args, **kwargs): raise __import__('urllib.error').error.URLError('no route to host')
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    monkeypatch.setattr('torch.hub.download_url_to_file', no_net)
    with pytest.raises(ConnectionError, match='pretrained=False') as e: get_learner(get_dls(digits, size=64, bs=16, num_workers=0), 'resnet18')
    assert 'TORCH_HOME' in str(e.value)

def test_pictures_of_all_kinds():
    im,p = draw_digit(930),Predictor(model)
    for mode in ('RGB','L','P','RGBA','CMYK','1','I;16'):
        got = open_image(encode_image(im.convert('L').convert(mode) if mode=='I;16' else im.convert(mode), 'TIFF' if mode in ('CMYK','I;16') else 'PNG'))
        assert got.mode=='RGB' and got.size==im.size
    for o in (1,3,6,8): assert p.predict(encode_image(im, orientation=o)).label=='five'
    turned = Image.open(io.BytesIO(encode_image(im, orientation=6)))
    size = turned.size
    assert p.predict(turned).label=='five' and turned.size==size
    with pytest.raises(FileNotFoundError): p.predict('nowhere.jpg')

def test_checked_learned_and_answered_alike(tmp_path):
    "Transparency lies on white and 16 bits are scaled, by verify, the loader and the predictor alike"
    grey = draw_digit(930).convert('L')
    deep = Image.fromarray(np.asarray(grey).astype('uint16')*257)
    ink = Image.new('RGBA', grey.size, (0,0,0,0))
    ink.putalpha(grey.point(lambda v: 255-v))
    for fmt,im in (('PNG',grey),('PNG',deep),('TIFF',deep),('TIFF',Image.fromarray(np.asarray(grey, dtype='float32')/255)),('PNG',ink),('WEBP',ink),('PNG',ink.convert('LA'))):
        im.save(f := io.BytesIO(), fmt, lossless=True)
        b = f.getvalue()
        got = [np.asarray(o).astype(int) for o in (open_image(b), UprightImage.create(b), open_image(look(b)['new'] or b))]
        assert (got[0]==got[1]).all() and abs(got[0]-np.asarray(grey)[...,None]).max()<=1, (fmt,im.mode)
        assert abs(got[0]-got[2]).max()<=(12 if fmt=='WEBP' else 0), (fmt,im.mode) # stored anew, a WebP loses a little
    p = Predictor(model)
    assert p.predict(deep).label==p.predict(ink).label==p.predict(grey).label=='five'
    with pytest.raises(PictureError, match='fetch'): open_image('https://example.com/a.jpg')

heic = b'\0\0\0\x18ftypheic\0\0\0\0mif1heic'+b'\0'*50
notes = [(b'', 'empty'), (b'hello', 'not a picture'), (b'<svg xmlns="http://www.w3.org/2000/svg"/>', 'SVG'), (b'<?xml version="1.0"?>\n<svg/>', 'SVG'), (b'%PDF-1.7', 'PDF')]
notes += [(b'<!doctype html><p>Not here', 'web page'), (heic, 'HEIC'), (b'\0\0\0\x18ftypmp42\0\0\0\0isom', 'video'), (encode_image(draw_digit(1))[:500], 'damaged')]
@pytest.mark.parametrize('content,said', notes, ids=[o for _,o in notes])
def test_what_is_no_picture_says_what_it_is(tmp_path, content, said):
    p,fn = Predictor(model),tmp_path/'x.jpg'
    fn.write_bytes(content)
    for o in (content, fn, io.BytesIO(content)):
        with pytest.raises(ValueError, match=said): p.predict(o)

def jpg(im, **kwargs):
    im.save(buf := io.BytesIO(), 'JPEG', **kwargs)
    return buf.getvalue()

@pytest.mark.filterwarnings('error', 'default::ResourceWarning', 'default::pytest.PytestUnraisableExceptionWarning') # the last two are of tests before
def test_bombs_are_not_decoded():
    big,p = Image.new('1', (10_000,10_000)),Predictor(model)
    with pytest.raises(ValueError, match='100 megapixels'): p.predict(encode_image(big, 'PNG'))
    big = big.convert('L')
    with pytest.raises(ValueError, match='100 megapixels'): p.predict(jpg(big, progressive=True))
    assert big.width*big.height>max_pixels and p.meta['least'] and isinstance(p.predict(jpg(big)), Prediction)

def test_a_list_is_its_parts():
    p,ims = Predictor(model),[draw_digit(i) for i in range(20)]
    got = p.predict(ims)
    assert [o.label for o in got]==[p.predict(o).label for o in ims]
    assert max(abs(a.prob-p.predict(im).prob) for a,im in zip(got, ims))<1e-5
    assert '<img' in got._repr_html_() and p.predict([])==[] and p.predict(L(ims))==got==p.predict(iter(ims))
    with pytest.raises(TypeError, match='int can not be'): p.predict(5)
    for bad,said in [(np.zeros((3,8,8), 'uint8'),'wanted uint8'), (np.zeros((8,8,3)),'float64'), (np.zeros((0,0,3), 'uint8'),'no picture'), ('ftp://x/y.jpg','http')]:
        with pytest.raises(ValueError, match=said): p.predict(bad)
    with pytest.raises(ValueError, match='topk'): p.predict(ims[0], topk=0)
    with pytest.raises(ValueError, match='Picture 3 of the list: This is not a picture'): p.predict([*ims[:3],b'hello',*ims])
    said = [isinstance(o, ValueError) for o in p.stream([b'hello',*ims,b''])]
    assert said==[True]+20*[False]+[True]

def test_every_format_and_name(tmp_path):
    for name,b in fives.items(): (tmp_path/name).write_bytes(b)
    (tmp_path/'labels.csv').write_text('a,b')
    p = Predictor(model)
    df = p.predict_folder(tmp_path)
    assert set(df.file)=={*fives} and set(df.label)=={'five'}, df
    assert {p.predict(tmp_path/o).label for o in fives}=={'five'}

def test_heic_where_nothing_else_was_done_before(tmp_path):
    pytest.importorskip('pillow_heif')
    (tmp_path/'a.HEIC').write_bytes(fives['j.heif'])
    said = 'import sys; from imgcls.use.predict import Predictor; print(Predictor(sys.argv[1]).predict(sys.argv[2]).label)'
    assert run(said, model, tmp_path/'a.HEIC').strip()=='five'
    with pytest.raises(AssertionError, match='pip install -U pillow pillow-heif'): run(f'import sys; sys.modules["pillow_heif"] = None; {said}', model, tmp_path/'a.HEIC')

@pytest.mark.parametrize('name', ['take #2','50%20off','what?','a & b','C:\\pics'])
def test_a_local_path_is_a_path(tmp_path, name):
    top = tmp_path/name
    top.mkdir()
    fn = shutil.copy(model, top/f'{name}.onnx')
    pics = [top/f'{name}.png', top/name]
    for o in pics: o.write_bytes(encode_image(draw_digit(930), 'PNG'))
    p = Predictor(str(fn))
    assert p.path==Path(fn) and [p.predict(o).label for o in (*pics,*map(str, pics))]==['five']*4 and len(p.predict_folder(str(top)))==2

def test_what_is_not_there_is_a_sentence(tmp_path):
    p = Predictor(model)
    for x in (tmp_path/'gone.jpg', 'gone.jpg', '/9j/4AAQSkZJRg'*500, 'a\0b'):
        with pytest.raises(FileNotFoundError, match='There is no picture at .*check the path') as e: p.predict(x)
        assert len(str(e.value))<400 and 'Errno' not in str(e.value)
    with pytest.raises(PictureError, match='is a folder'): p.predict(tmp_path)

@pytest.mark.parametrize('name', ['app','batch','deploy','host','listen','page','predict','serve','shell','voila'])
def test_importing_says_nothing(name):
    r = python('-W', 'default', '-c', f'import imgcls.use.{name}')
    assert (r.stdout,r.stderr,r.returncode)==('','',0)

def test_what_was_predicted_may_go_away(tmp_path):
    draw_digit(930).save(tmp_path/'x.png')
    a,b = [Predictor(model).predict(tmp_path/'x.png') for _ in range(2)]
    assert a.thumb[:2]==b'\xff\xd8'
    (tmp_path/'x.png').unlink()
    assert b.thumb==b'' and '<img' not in b._repr_html_() and 'five' in b._repr_html_()

@pytest.fixture
def web(tmp_path):
    "A server of the files in `tmp_path`, and what it was asked for"
    asked = []
    class H(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args): super().__init__(*args, directory=tmp_path)
        def log_message(self, *args): asked.append(self.path)
    s = http.server.ThreadingHTTPServer(('127.0.0.1',0), H)
    threading.Thread(target=s.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{s.server_address[1]}',asked
    s.shutdown()

def test_addresses(web, tmp_path):
    p,w = Predictor(model),sample_web(200)
    path = w.plan[w.plan.fault==''].path.iloc[0]
    assert p.predict(w.url+path).label in p.labels
    with pytest.raises(ValueError, match='404'): p.predict(w.url+'/nowhere.jpg')
    with pytest.raises(ValueError, match='private network'): p.predict(f'{web[0]}/x.png')
    assert not web[1]
    with pytest.raises(ValueError, match='too large'): fetch(w.url+path, most=100)
    with pytest.raises(ValueError, match='could not be fetched'): p.predict('http://nowhere.invalid/x.jpg')

def test_a_model_at_an_address(web, tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path/'cache'))
    shutil.copy(model, tmp_path/'m.onnx')
    (tmp_path/'page.onnx').write_text('<!doctype html><p>Sign in')
    url,sha = f'{web[0]}/m.onnx',hashlib.sha256(model.read_bytes()).hexdigest()
    for _ in range(2): assert Predictor(url, sha256=sha).predict(draw_digit(930)).label=='five'
    assert web[1]==['/m.onnx']
    for _ in range(2): Predictor(url)
    assert len(web[1])==3
    with pytest.raises(ModelError, match='sha256'): Predictor(url, sha256='0'*64)
    with pytest.raises(ModelError, match='404'): Predictor(f'{web[0]}/gone.onnx')
    with pytest.raises(ModelError, match='web page'): Predictor(f'{web[0]}/page.onnx')
    assert not list((tmp_path/'cache').rglob('*.part'))
    next((tmp_path/'cache').rglob(f'{sha}*')).write_bytes(b'other')
    with pytest.raises(ModelError, match='another file'): Predictor(url, sha256=sha)

def test_a_model_cut_off_anywhere(tmp_path):
    b,fn = model.read_bytes(),tmp_path/'m.onnx'
    for i in [0,1,10,100,*range(1000, len(b), len(b)//12),len(b)-1]:
        fn.write_bytes(b[:i])
        with pytest.raises(ModelError, match='damaged|empty|not one of'): Predictor(fn)
    with pytest.raises(ModelError, match='folder'): Predictor(tmp_path)

def test_weights_that_are_no_numbers(tmp_path):
    import onnx
    m = onnx.load(model)
    for o in m.graph.initializer:
        if o.data_type==onnx.TensorProto.FLOAT: o.CopyFrom(onnx.numpy_helper.from_array(np.full(tuple(o.dims), np.nan, 'float32'), o.name))
    onnx.save(m, tmp_path/'m.onnx')
    with pytest.raises(ModelError, match='not a number|damaged'): Predictor(tmp_path/'m.onnx').predict(draw_digit(1))

def test_an_onnx_file_of_somebody_else(tmp_path):
    import onnx
    m = onnx.load(root/'imgcls'/'assets'/'digits.onnx')
    props = {o.key:o.value for o in m.metadata_props}
    onnx.helper.set_model_props(m, dict(imgcls=props['imgcls'].replace('"format": 1', '"format": 2')))
    onnx.save(m, tmp_path/'new.onnx')
    with pytest.raises(ModelError, match='upgrade'): Predictor(tmp_path/'new.onnx')
    del m.metadata_props[:]
    onnx.save(m, tmp_path/'other.onnx')
    with pytest.raises(ModelError, match='not one of imgcls'): Predictor(tmp_path/'other.onnx')
    with pytest.raises((ModelError,FileNotFoundError,IsADirectoryError)): Predictor(tmp_path)

def python(*args): return subprocess.run([sys.executable, *map(str, args)], capture_output=True, text=True, env={**os.environ, 'PYTHONPATH':str(root)})

def run(code, *args):
    r = python('-c', code, *args)
    assert not r.returncode, r.stderr
    return r.stdout

def test_the_serving_side_imports_no_torch():
    heavy = {'torch','fastai','pandas','sklearn','matplotlib','onnx','httpx','fastcore'}
    assert run(f'import sys, imgcls.use.predict, imgcls.use.app; print(sorted({{o.split(".")[0] for o in sys.modules}} & {heavy}))')=='[]\n'

peak = "\nprint(next(int(o.split()[1])//1024 for o in open('/proc/self/status') if o.startswith('VmHWM')))"

@pytest.mark.skipif(not Path('/proc/self/status').exists(), reason='measures memory as Linux tells it')
def test_a_folder_of_any_size_takes_the_same_memory(tmp_path):
    for n in (20,60): (tmp_path/str(n)).mkdir()
    Image.effect_noise((1600,1066), 60).convert('RGB').save(tmp_path/'20'/'000.webp', quality=60)
    for n in (20,60):
        for i in range(n): (tmp_path/str(n)/f'{i:03d}.webp').exists() or os.link(tmp_path/'20'/'000.webp', tmp_path/str(n)/f'{i:03d}.webp')
    code = 'import sys; from fastprogress import fastprogress; from imgcls.use.predict import Predictor; fastprogress.NO_BAR = True; assert len(Predictor(sys.argv[1]).predict_folder(sys.argv[2]))==int(sys.argv[3])'+peak
    few,many = [int(run(code, model, tmp_path/str(n), n).split()[-1]) for n in (20,60)]
    assert many<few+60

@pytest.mark.skipif(not Path('/proc/self/status').exists(), reason='measures memory as Linux tells it')
def test_memory_stays_flat():
    code = '''import sys, psutil
from imgcls.sample import draw_digit, encode_image
from imgcls.use.predict import Predictor
p,bufs = Predictor(sys.argv[1]),[encode_image(draw_digit(i).resize((900,700))) for i in range(20)]
for i in range(500):
    p.predict(bufs[i%20])._repr_html_()
    if i in (99,499): print(psutil.Process().memory_info().rss)'''
    a,b = map(int, run(code, model).split())
    assert b<a+8*2**20

def test_the_shell(tmp_path):
    draw_digit(930).save(tmp_path/'five.png')
    (tmp_path/'notes.png').write_text('hello')
    (tmp_path/'sh').mkdir()
    (tmp_path/'sh'/'run.py').write_text('from imgcls.use.shell import imgcls_predict\nimgcls_predict()')
    sh = lambda *args: python(tmp_path/'sh'/'run.py', *args)
    r = sh(model, tmp_path/'five.png')
    assert r.returncode==0 and r.stdout.split()[1]=='five', r
    r = sh(model, tmp_path, '--json')
    rows = [json.loads(o) for o in r.stdout.splitlines()]
    assert r.returncode==1 and rows[0]['label']=='five' and len(rows[0]['topk'])==5 and 'not a picture' in rows[1]['error']
    r = sh(tmp_path/'gone.onnx', tmp_path)
    assert r.returncode==1 and 'There is no model' in r.stderr and 'Traceback' not in r.stderr

def test_import_imgcls_is_light():
    code = 'import sys; old = set(sys.modules); import imgcls; print(sorted(set(sys.modules)-old))'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=root).stdout=="['imgcls']\n"

# None of these

@pytest.fixture
def old(tmp_path):
    "The model's file as it was before it told how far a picture is"
    o = onnx.load(model)
    del o.graph.output[1]
    meta = json.loads(o.metadata_props[0].value)
    del meta['unknown'],meta['metrics']['valid_interval']
    onnx.helper.set_model_props(o, dict(imgcls=json.dumps(meta)))
    onnx.save(o, tmp_path/'old.onnx')
    return tmp_path/'old.onnx'

blue = Image.new('RGB', (224,224), 'blue')

def strangers():
    "Flat colours and noise"
    rng = np.random.default_rng(1)
    flat = [Image.new('RGB', (99,99), tuple(int(v) for v in rng.integers(0, 256, 3))) for _ in range(20)]
    return flat,[Image.fromarray(rng.integers(0, 256, (s,s,3)).astype('uint8')).resize((128,128)) for s in (4,16,128)*7]

def test_the_sample_model_knows_what_is_no_digit(digits):
    p = Predictor(model)
    for ims in ([blue],*strangers()): assert np.mean([o.unknown for o in p.predict(ims)])>.9
    fns = image_files(digits)
    assert np.mean([o.unknown for o in p.predict(fns)])<.12
    if (shared/'data'/'bears').exists():
        found = [o for o in p.stream(image_files(shared/'data'/'bears')[::12]) if isinstance(o, Prediction)]
        assert len(found)>40 and np.mean([o.unknown for o in found])>.9

def test_none_of_the_classes_is_said_everywhere(tmp_path, capsys):
    p,five = Predictor(model),draw_digit(930)
    one,other = p.predict([blue,five])
    assert (one.unknown,other.unknown)==(True,False) and one.as_dict()['unknown'] is True and 'none of the classes' in repr(one)
    assert 'This looks like none of the classes' in one._repr_html_() and 'none of the classes' not in other._repr_html_()
    (tmp_path/'d').mkdir()
    blue.save(tmp_path/'d'/'blue.png')
    five.save(tmp_path/'d'/'five.png')
    (tmp_path/'d'/'letter.png').write_text('Dear')
    df = p.predict_folder(tmp_path/'d')
    assert list(df.unknown)==[True,False,None] and list(df.columns)==['file','label','prob','unsure','unknown','error']
    capsys.readouterr()
    with pytest.raises(SystemExit): imgcls_predict(str(model), str(tmp_path/'d'))
    said = capsys.readouterr().out.splitlines()
    assert 'looks like none of the classes' in said[0] and 'of the classes' not in said[1]
    with pytest.raises(SystemExit): imgcls_predict(str(model), str(tmp_path/'d'), json=True)
    assert [json.loads(o).get('unknown') for o in capsys.readouterr().out.splitlines()]==[True,False,None]

def test_an_old_file_works_as_before(old):
    p,now = Predictor(old),Predictor(model)
    a,b = p.predict([blue,draw_digit(930)]),now.predict([blue,draw_digit(930)])
    assert [o.unknown for o in a]==[False,False] and [o.topk for o in a]==[o.topk for o in b]
    assert 'can not be told' in p.facts()['none of these'] and '95%' in now.facts()['none of these']
    assert 'interval' in now.facts()['right for'] and 'interval' not in p.facts()['right for']

@pytest.mark.skipif(not (shared/'data'/'bears').exists(), reason='needs the real photos and weights that only developers have')
def test_a_model_of_bears_knows_what_is_no_bear(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, '_hub_dir', None, raising=False)
    monkeypatch.setenv('TORCH_HOME', str(shared/'torch_home'))
    fns = image_files(shared/'data'/'bears')
    for i,fn in enumerate(fns):
        (to := tmp_path/('held' if i%5==0 else 'bears')/fn.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(fn, to)
    learn = get_learner(get_dls(tmp_path/'bears', size=128, bs=32, num_workers=0), 'squeezenet1_1')
    with learn.no_bar(), learn.no_logging():
        train(learn, 0, restart=True)
        p = Predictor(export_onnx(learn, tmp_path/'m.onnx'))
    def far(xs): return p.session.run(['distance'], dict(image=np.stack([p.prepared(o) for o in xs])))[0]
    own,digit,(flat,noise) = far(image_files(tmp_path/'held')),far(image_files(digits)),map(far, strangers())
    assert (own<=p.meta['unknown']['limit']).mean()>.88 # wanted are 95 in 100, of 120 that leaves room for luck
    for o in (digit,flat,noise): assert roc_auc_score([0]*len(own)+[1]*len(o), [*own,*o])>.95
