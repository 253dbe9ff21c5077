"OpenVINO takes onnxruntime's place where it is installed, faster, and of the same opinion; else it is said why not"
import asyncio, json, sys, warnings
import numpy as np, pytest
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from starlette.testclient import TestClient
from imgcls.picture import cores
from imgcls.sample import draw_digit, encode_image
from imgcls.use import engine
from imgcls.use.batch import Pool
from imgcls.use.engine import clouds
from imgcls.use.predict import Predictor, open_session, sample_model
from imgcls.use.serve import make_app

real = pytest.mark.skipif(find_spec('openvino') is None, reason='OpenVINO is not installed')
model = sample_model()

@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path/'cache'))
    monkeypatch.delenv('IMGCLS_ENGINE')

def test_a_variable_names_it(monkeypatch):
    monkeypatch.setenv('IMGCLS_ENGINE', 'onnxruntime')
    assert Predictor(model).engine=='onnxruntime'
    monkeypatch.setenv('IMGCLS_ENGINE', 'tensorrt')
    with pytest.raises(ValueError, match="engine='tensorrt'"): Predictor(model)

@pytest.fixture
def vino(monkeypatch, tmp_path):
    "A stand-in for OpenVINO: onnxruntime, which is told how long to take and what to say. A list of what was opened"
    class Stand:
        precision,opened,sign,slow = 'bf16',[],1,0
        def __init__(self, path, n_threads):
            self.opened.append(n_threads)
            self.session = open_session(path, 1)
        def run(self, outputs, feeds):
            for _ in range(self.slow): self.session.run(outputs, feeds)
            return [self.sign*o for o in self.session.run(outputs, feeds)]
    monkeypatch.setattr('imgcls.use.predict.OpenVino', Stand)
    monkeypatch.setattr('imgcls.use.predict.find_spec', lambda name: name)
    monkeypatch.setattr('imgcls.use.engine.version', lambda name: '1')
    return Stand

def set_speed(monkeypatch, old, new): monkeypatch.setattr(engine, 'in_turns', lambda *args: np.array([old,new]))

def test_the_faster_is_taken_and_measured_once(vino, monkeypatch):
    set_speed(monkeypatch, 9, 3)
    p = Predictor(model)
    assert p.engine=='openvino' and isinstance(p.session, vino) and '9.0 ms' in p.runs_on and '3.0 in bf16' in p.runs_on
    assert '9.0 ms' in p._repr_html_() and 'runs on' in p._repr_html_()
    set_speed(monkeypatch, 3, 9) # not asked again
    assert Predictor(model).engine=='openvino' and len(vino.opened)==3
    assert Predictor(model, engine='onnxruntime').engine=='onnxruntime'

def test_what_is_slower_is_not_taken(vino, monkeypatch):
    set_speed(monkeypatch, 3, 9)
    assert Predictor(model).engine=='onnxruntime' and Predictor(model).engine=='onnxruntime'
    assert len(vino.opened)==1 # what doesn't pay is not opened again

def test_a_copy_is_the_same_model_and_another_model_is_not(vino, monkeypatch, tmp_path):
    set_speed(monkeypatch, 9, 3)
    (tmp_path/'copy.onnx').write_bytes(model.read_bytes())
    for o in (model, tmp_path/'copy.onnx'): Predictor(o)
    assert len(list((tmp_path/'cache'/'imgcls').glob('*.json')))==1
    (tmp_path/'other.onnx').write_bytes(model.read_bytes().replace(b'"title"', b'"Title"'))
    Predictor(tmp_path/'other.onnx')
    assert len(list((tmp_path/'cache'/'imgcls').glob('*.json')))==2

def test_other_answers_are_not_taken_however_fast(vino, monkeypatch):
    set_speed(monkeypatch, 9, 3)
    vino.sign = -1
    p = Predictor(model)
    assert p.engine=='onnxruntime' and 'with other answers' in p.runs_on

def test_it_is_really_timed(vino):
    vino.slow = 30
    assert Predictor(model).engine=='onnxruntime'

def test_one_that_can_not_run_says_so(monkeypatch, tmp_path):
    "A package openvino without what is wanted of it, as a broken install has it"
    (tmp_path/'openvino').mkdir()
    (tmp_path/'openvino'/'__init__.py').write_text('raise OSError("libtbb.so.12: cannot open shared object file")')
    for o in [o for o in sys.modules if o.split('.')[0]=='openvino']: monkeypatch.delitem(sys.modules, o)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr('imgcls.use.engine.version', lambda name: '1')
    with pytest.warns(UserWarning, match='libtbb.so.12.*onnxruntime does'): p = Predictor(model)
    assert p.engine=='onnxruntime' and 'libtbb' in p.runs_on and p.predict(draw_digit(930)).label=='five'
    with pytest.raises(OSError, match='libtbb'): Predictor(model, engine='openvino')

def test_one_that_is_not_there(monkeypatch):
    monkeypatch.setattr('imgcls.use.predict.find_spec', lambda name: None)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert Predictor(model).runs_on=='onnxruntime'
    with pytest.raises(ModuleNotFoundError, match=r'imgcls\[openvino\]'): Predictor(model, engine='openvino')
    with pytest.raises(ValueError, match="engine='tpu'"): Predictor(model, engine='tpu')

def test_the_service_says_what_runs_it(vino, monkeypatch):
    set_speed(monkeypatch, 9, 3)
    with TestClient(make_app(model)) as c:
        assert c.get('/model').json()['engine'].startswith('openvino: onnxruntime takes 9.0 ms')
        b = encode_image(draw_digit(930), 'PNG')
        assert c.post('/predict', content=b).json()['predictions'][0]['label']=='five'
    assert 1 in vino.opened or cores()==1 # the crowd's session, too

@real
def test_one_core_for_all_networks(monkeypatch):
    import openvino
    made = []
    monkeypatch.setattr(openvino, 'Core', lambda f=openvino.Core: made.append(f()) or made[-1])
    with ThreadPoolExecutor(4) as ex: nets = list(ex.map(lambda _: engine.OpenVino(model), range(4)))
    assert len(nets)==4 and len(made)<2

@real
def test_the_same_answers():
    ims = [draw_digit(900+i) for i in range(30)]
    a,b = [Predictor(model, engine=o) for o in ('onnxruntime','openvino')]
    for x,y in zip(a.predict(ims), b.predict(ims)): assert x.label==y.label and abs(x.prob-y.prob)<.03
    xs = clouds(a.meta['crop'])
    assert abs(a.probs(xs)-b.probs(xs)).max()<.03

@real
def test_many_threads_at_once():
    "Each gets the answer to its own picture"
    p = Predictor(model, n_threads=1, engine='openvino')
    xs = [p.prepared(draw_digit(900+i))[None] for i in range(40)]
    want = [p.probs(o) for o in xs]
    with ThreadPoolExecutor(8) as ex:
        for _ in range(5): assert max(abs(a-b).max() for a,b in zip(want, ex.map(p.probs, xs)))<1e-3
    async def ask(): return await asyncio.gather(*(Pool(p).ask(encode_image(draw_digit(900+i), 'PNG')) for i in range(10)))
    with ThreadPoolExecutor(1) as ex: got = ex.submit(asyncio.run, ask()).result() # a browser's tests leave a loop in this thread
    assert [o[0].argmax() for o in got]==[o.argmax() for o in want[:10]]

@real
def test_it_is_measured_and_kept(tmp_path):
    p = Predictor(model)
    kept, = (tmp_path/'cache'/'imgcls').glob('*.json')
    found = json.loads(kept.read_text())
    assert found['pays']==(p.engine=='openvino') and min(found['ms'].values())>0
    t = kept.stat().st_mtime_ns
    assert Predictor(model).runs_on==p.runs_on and kept.stat().st_mtime_ns==t
