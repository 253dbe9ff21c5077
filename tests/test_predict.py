"The exported file answers as the learner does, without torch; and a bad file says what it is"
import os, shutil, subprocess, sys
import numpy as np, pytest, torch
from fastai.vision.all import RandomResizedCrop, set_seed, squeezenet1_1
from pathlib import Path
from imgcls.data import get_dls
from imgcls.download import image_files
from imgcls.export import export_onnx, preprocessing
from imgcls.predict import ModelError, Predictor, open_image
from imgcls.sample import draw_digit, encode_image, heldout_folder
from imgcls.train import get_learner
from conftest import root

shared = root.parent/'shared'

@pytest.fixture(scope='session')
def digits(tmp_path_factory): return heldout_folder(tmp_path_factory.mktemp('digits'), n=120)

def agree(learn, fn, fns):
    "Labels are the same on all of `fns`; the largest difference of probabilities, temperature aside"
    p = Predictor(export_onnx(learn, fn))
    p.meta['temperature'] = 1
    with learn.no_bar(): probs,_ = learn.get_preds(dl=learn.dls.test_dl(fns, num_workers=0))
    mine = np.concatenate([p.probs([open_image(o)]) for o in fns])
    assert [learn.dls.vocab[int(i)] for i in probs.argmax(1)]==[p.predict(o).label for o in fns]
    return abs(mine-probs.numpy()).max()

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

@pytest.mark.skipif(not (shared/'data'/'bears').exists(), reason='needs the real photos and weights that only developers have')
def test_real_photos_and_pretrained_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, '_hub_dir', None, raising=False)
    monkeypatch.setenv('TORCH_HOME', str(shared/'torch_home'))
    shutil.copytree(shared/'data'/'bears', tmp_path/'bears')
    learn = get_learner(get_dls(tmp_path/'bears', size=128, bs=32), 'squeezenet1_1')
    set_seed(1)
    with learn.no_bar(), learn.no_logging(): learn.fine_tune(1)
    fns = image_files(tmp_path/'bears')[::6]
    assert len(fns)==100 and agree(learn, tmp_path/'bears.onnx', fns)<1e-3
    assert Predictor(tmp_path/'bears.onnx').meta['metrics']['valid_accuracy']>.7

def test_weights_that_can_not_be_had_are_a_clear_error(digits, tmp_path, monkeypatch):
    def no_net(*args, **kwargs): raise __import__('urllib.error').error.URLError('no route to host')
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    monkeypatch.setattr('torch.hub.download_url_to_file', no_net)
    with pytest.raises(ConnectionError, match='pretrained=False') as e: get_learner(get_dls(digits, size=64, bs=16, num_workers=0), 'resnet18')
    assert 'TORCH_HOME' in str(e.value)

def test_pictures_of_all_kinds():
    im = draw_digit(930)
    p = Predictor(root/'nbs'/'models'/'digits.onnx')
    for mode in ('RGB','L','P','RGBA','CMYK','1','I;16'):
        got = open_image(encode_image(im.convert('L').convert(mode) if mode=='I;16' else im.convert(mode), 'TIFF' if mode in ('CMYK','I;16') else 'PNG'))
        assert got.mode=='RGB' and got.size==im.size
    for o in (1,3,6,8): assert p.predict(encode_image(im, orientation=o)).label=='five'
    for bad in (b'', b'hello', b'<svg/>', encode_image(im)[:500]):
        with pytest.raises(ValueError, match='picture'): p.predict(bad)
    with pytest.raises(FileNotFoundError): p.predict('nowhere.jpg')

def test_an_onnx_file_of_somebody_else(tmp_path):
    import onnx
    m = onnx.load(root/'nbs'/'models'/'digits.onnx')
    props = {o.key:o.value for o in m.metadata_props}
    onnx.helper.set_model_props(m, dict(imgcls=props['imgcls'].replace('"format": 1', '"format": 2')))
    onnx.save(m, tmp_path/'new.onnx')
    with pytest.raises(ModelError, match='upgrade'): Predictor(tmp_path/'new.onnx')
    del m.metadata_props[:]
    onnx.save(m, tmp_path/'other.onnx')
    with pytest.raises(ModelError, match='not one of imgcls'): Predictor(tmp_path/'other.onnx')
    with pytest.raises((ModelError,FileNotFoundError,IsADirectoryError)): Predictor(tmp_path)

def test_the_serving_side_imports_no_torch():
    code = 'import sys, imgcls.predict, imgcls.app; print(sorted({o.split(".")[0] for o in sys.modules} & {"torch","fastai","pandas","sklearn","matplotlib","onnx","httpx"}))'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, env={**os.environ, 'PYTHONPATH':str(root)}).stdout=='[]\n'

def test_import_imgcls_is_light():
    code = 'import sys; old = set(sys.modules); import imgcls; print(sorted(set(sys.modules)-old))'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=root).stdout=="['imgcls']\n"

def test_modules_import_only_from_above():
    order = [o.stem.split('_',1)[1] for o in sorted((root/'nbs').glob('[0-9]*.ipynb'))]
    for i,o in enumerate(order):
        used = {m for l in Path(root/'imgcls'/f'{o}.py').read_text().splitlines() if l.startswith('from .') for m in [l.split()[1][1:]] if m}
        assert used<=set(order[:i]), f'{o} imports {used-set(order[:i])}'
