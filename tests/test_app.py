"The app in a real browser, served by Voila"
import psutil, pytest
from imgcls.demo import app_notebook, serve_app
from imgcls.sample import draw_digit
from conftest import root

@pytest.fixture(scope='module')
def served():
    "Serve a notebook; all are stopped at the end"
    ps = []
    def f(nb):
        p,url = serve_app(nb)
        ps.append(p)
        return p,url
    yield f
    for p in ps: p.kill()

@pytest.fixture(scope='module')
def app(served): return served(root/'nbs'/'app.ipynb')

def upload(page, *files):
    with page.expect_file_chooser() as fc: page.get_by_role('button', name='Choose a picture').click()
    fc.value.set_files(*files)

def test_upload_answer_error_and_on(app, browser, tmp_path):
    p,url = app
    page = browser.new_page(viewport=dict(width=1280, height=800))
    page.goto(url)
    page.get_by_text('Your answer will be here').wait_for()
    fns = [tmp_path/f'{i}.png' for i in (930,0)]
    for f in fns: draw_digit(int(f.stem)).save(f)
    upload(page, fns[0])
    page.locator('.ic-p h3', has_text='five').wait_for(timeout=20_000)
    assert page.locator('.ic-p .ic-r').count()==5
    (tmp_path/'notes.png').write_text('not a picture at all')
    upload(page, tmp_path/'notes.png')
    page.get_by_role('alert').wait_for(timeout=20_000)
    assert 'not a picture' in page.get_by_role('alert').inner_text()
    for name in ('zero','five','zero'):
        upload(page, fns[name=='zero'])
        page.locator('.ic-p h3', has_text=name).wait_for(timeout=20_000)
    upload(page, fns[1])
    page.get_by_role('button', name='Try').first.click()
    page.locator('.ic-p h3').wait_for(timeout=20_000)
    assert 'Traceback' not in page.content()
    page.close()

def test_a_kernel_is_small(app, browser):
    p,url = app
    page = browser.new_page()
    page.goto(url)
    page.get_by_text('Your answer will be here').wait_for()
    kernels = [o for o in psutil.Process(p.pid).children(recursive=True) if any('ipykernel' in a for a in o.cmdline())]
    assert kernels and max(o.memory_info().rss for o in kernels)<300*2**20
    page.close()

@pytest.mark.parametrize('width', [1280,400])
def test_nothing_sticks_out(app, browser, width):
    page = browser.new_page(viewport=dict(width=width, height=800))
    page.goto(app[1])
    page.get_by_role('button', name='Try').first.click()
    page.locator('.ic-p h3').wait_for(timeout=20_000)
    assert page.evaluate('document.documentElement.scrollWidth')<=width
    assert all(o['x']>=0 and o['x']+o['width']<=width for o in [e.bounding_box() for e in page.locator('.ic-app, .ic-p, .ic-p img, button').all()] if o)
    page.close()

@pytest.mark.parametrize('damage,said', [('missing','There is no model'),('damaged','is damaged'),('pickle','pickle')])
def test_a_bad_model_is_a_sentence(served, browser, tmp_path, damage, said):
    nb,model = tmp_path/'app.ipynb',tmp_path/'digits.onnx'
    nb.write_text(app_notebook('Broken', 'digits.onnx'))
    if damage=='damaged': model.write_bytes((root/'nbs'/'models'/'digits.onnx').read_bytes()[:50_000])
    if damage=='pickle': model.write_bytes(b'PK\x03\x04')
    page = browser.new_page()
    page.goto(served(nb)[1])
    page.get_by_role('alert').wait_for(timeout=20_000)
    assert said in page.get_by_role('alert').inner_text() and 'Traceback' not in page.content()
    page.close()

def test_the_demo_leaves_an_app_that_runs(demo, served, browser):
    page = browser.new_page()
    page.goto(served(demo[0]/'app.ipynb')[1])
    upload(page, next((demo[0]/'heldout'/'seven').iterdir()))
    page.locator('.ic-p h3').wait_for(timeout=20_000)
    assert page.locator('h1').inner_text().startswith('Which digit')
    page.close()
