"The page without a server, as `python -m http.server` hands it out, in a real browser: pixels, answers, every way to ask, what can go wrong"
import base64, functools, httpx, io, json, os, re, shutil, subprocess, sys, threading
import numpy as np, pytest
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from PIL import Image
from imgcls.picture import open_image, prepare
from imgcls.sample import draw_digit, encode_image
from imgcls.use.deploy import deploy
from imgcls.use.predict import Predictor
from imgcls.use.static import npm_runtime, runtime_files
from playwright.sync_api import expect
from conftest import root
from kinds import saved

model = root/'imgcls'/'assets'/'digits.onnx'
predictor = Predictor(model, n_threads=1)
digit = encode_image(draw_digit(930))
def file(name, b=digit): return dict(name=name, mimeType='', buffer=b)

@pytest.fixture(scope='session')
def runtime():
    "The runtime, from the npm registry or the cache"
    try: return npm_runtime()
    except (OSError,ValueError) as e: pytest.skip(f'onnxruntime-web is not here and can not be fetched: {e}')

@contextmanager
def served(path, **headers):
    "The folder `path` at an address, as any web server hands it out; `headers` are sent along"
    class H(SimpleHTTPRequestHandler):
        def log_message(self, *args): pass
        def end_headers(self):
            for k,v in headers.items(): self.send_header(k.replace('_', '-'), v)
            super().end_headers()
    srv = ThreadingHTTPServer(('127.0.0.1',0), functools.partial(H, directory=path))
    threading.Thread(target=srv.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{srv.server_port}/'
    srv.shutdown()
    srv.server_close()

@pytest.fixture(scope='module')
def folder(runtime, tmp_path_factory): return deploy(model, tmp_path_factory.mktemp('site')/'digits', kind='static', user='me', runtime=str(runtime))

@pytest.fixture(scope='module')
def site(folder):
    "The address of the folder, from the command that its README names"
    p = subprocess.Popen([sys.executable, '-u', '-m', 'http.server', '0', '--bind', '127.0.0.1'], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    yield re.search(r'http://\S+:\d+/', p.stdout.readline())[0]
    p.kill()

@pytest.fixture
def copy(folder, tmp_path): return shutil.copytree(folder, tmp_path/'copy')

@pytest.fixture
def tab(browser):
    "A tab that minds its console, and that asks nobody but its own site"
    ctx = browser.new_context(viewport=dict(width=1280, height=900))
    tab,said,asked = ctx.new_page(),[],[]
    tab.set_default_timeout(20_000)
    tab.on('console', lambda m: m.type=='error' and said.append(m.text))
    tab.on('pageerror', lambda e: said.append(f'error: {e}'))
    ctx.on('request', lambda r: asked.append(r.url))
    yield tab
    ctx.close()
    bad = [o for o in said if not o.startswith('Failed to load resource')]
    assert not bad, bad
    assert not [o for o in asked if not o.startswith(('http://127.0.0.1:','blob:','data:'))], 'the page asks another site'

def give(tab, *files): tab.set_input_files('#pick', list(files))

def cards(tab, n):
    expect(tab.locator('.ic-card')).to_have_count(n)
    expect(tab.locator('.wait')).to_have_count(0)
    return tab.locator('.ic-card')

b64 = lambda b: base64.b64encode(b).decode()
as_blob = "b => new Blob([Uint8Array.from(atob(b), o => o.charCodeAt(0))])"

# Pixels

resize = """async ([b, w, h, meta]) => {
const {prepared} = await import('./web/pixels.js'), data = Uint8ClampedArray.from(atob(b), o => o.charCodeAt(0))
return [...prepared({w, h, data}, meta)].map(o => Math.round(255*o)) }"""

def in_browser(tab, im, meta):
    "What pixels.js makes of `im`, [3,h,w]"
    w,h = meta['crop']
    return np.array(tab.evaluate(resize, [b64(im.convert('RGBA').tobytes()), *im.size, meta])).reshape(3, h, w)

ways = [('squish','zeros',[64,64],[64,64]), ('crop','zeros',[72,56],[64,48]), ('crop','zeros',[224,224],[224,224]), *[('pad',o,[64,40],[64,40]) for o in ('zeros','border','reflection')]]

@pytest.mark.parametrize('method,pad_mode,size,crop', ways)
def test_pixels_are_those_of_pillow(tab, site, method, pad_mode, size, crop):
    "All methods, on shapes that are larger and smaller than wanted, odd and even, of one pixel a side; noise, the worst there is for rounding"
    tab.goto(site)
    rng,meta = np.random.default_rng(0),dict(method=method, pad_mode=pad_mode, size=size, crop=crop)
    for w,h in ((640,427),(33,181),(63,64),(300,301),(1,7),(9,2)):
        im = Image.fromarray(rng.integers(0, 256, (h,w,3), np.uint8))
        off = abs(in_browser(tab, im, meta)-(255*prepare(im, meta)).round())
        assert off.max()<=(0 if w>=size[0] and h>=size[1] else 1), (w,h) # where it enlarges one side, Pillow may begin with the other pass
