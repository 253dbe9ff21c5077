"The app: what it answers, remembers and forgives; in JupyterLab and in Voila, with ipywidgets 7 and 8"
import io, logging, os, re, sys, types
import ipywidgets as W, numpy as np, psutil, pytest
from base64 import b64decode
from contextlib import suppress
from PIL import Image
from ipywidgets.widgets.widget import _instances
from fronts import Front, exact, fronts, upload, write_nb
from imgcls.use.app import ClassifierApp, UrlField, about, address, uploads
from imgcls.use.host import app_notebook
from imgcls.use.predict import Predictor
from imgcls.sample import draw_digit, encode_image
from conftest import root
from processes import memory
from kinds import fives

model = root/'imgcls'/'assets'/'digits.onnx'

def text(s): return re.sub(r'\s+', ' ', re.sub('<[^>]+>', ' ', s))
def digit(i=930): return encode_image(draw_digit(i))

def bomb():
    "A small file that is a hundred megapixels"
    Image.new('L', (10_000,10_000)).save(buf := io.BytesIO(), 'PNG')
    return buf.getvalue()

def both():
    "A digit over another, so that the model is not sure, though they look like digits"
    p,ims = Predictor(model),[draw_digit(o).resize((150,150)) for o in (*range(900, 940),*range(10))]
    blends = (Image.blend(a, b, .5) for a in ims[:40] for b in ims[40:])
    return next(im for im in blends if (o := p.predict(im)).unsure and not o.unknown)

bad_files = {'letter.txt':(b'Dear classifier,','not a picture'), 'drawing.svg':(b'<svg xmlns="http://www.w3.org/2000/svg"/>','SVG'),
    'empty.jpg':(b'','empty'), 'cut.jpg':(digit()[:700],'damaged'), 'bomb.png':(bomb(),'too large')}

# Without a browser

def test_uploads_of_both_ipywidgets():
    eight = types.SimpleNamespace(value=({'name':'a.jpg', 'content':memoryview(b'a')},{'name':'a.jpg', 'content':memoryview(b'b')}))
    seven = types.SimpleNamespace(value={'a.jpg':dict(content=b'b')}, metadata=[dict(name='a.jpg')]*2, data=[b'a',b'b'])
    assert uploads(eight)==uploads(seven)==[('a.jpg',b'a'),('a.jpg',b'b')]
    assert uploads(types.SimpleNamespace(value=()))==uploads(types.SimpleNamespace(value={}, metadata=[], data=[]))==[]

@pytest.mark.parametrize('txt,want', [(' https://a.org/b c.jpg\n','https://a.org/b c.jpg'), ('HTTP://A.ORG','HTTP://A.ORG'), ('a.org','https://a.org'),
    ('a.org:8080/b?c=d','https://a.org:8080/b?c=d'), ('"a.org/b"','https://a.org/b'), ('data:image/png;base64,aGk=',b'hi')])
def test_addresses(txt, want): assert address(txt)==want

@pytest.mark.parametrize('txt', ['/etc/passwd','etc/passwd','../a.jpg','~/a.jpg','file:///etc/passwd','ftp://a.org/b','javascript:alert(1)','a picture','https://','data:image/png;base64,a'])
def test_no_addresses(txt):
    with pytest.raises(ValueError, match='https://|cut short'): address(txt)

def test_an_address_is_asked_once():
    "However Enter, leaving the field and the button follow each other; but a second try is a second try"
    asked = []
    for n in (1,0):
        f = UrlField(lambda get: asked.append(get()) or n)
        f.txt.value = 'a.org'
        for _ in range(2): f.btn.click()
        f.txt.value = 'a.org'
        assert len(asked)==1 and f.txt.value==('' if n else 'a.org')
        f.last = 'a.org',0
        f.txt.value = 'a.org'
        f.btn.click()
        assert len(asked)==2
        asked.clear()

@pytest.fixture
def app(): return ClassifierApp(model)

def test_bad_files_and_on(app):
    for name,(b,said) in bad_files.items():
        assert not app.answer(b, name)
        assert 'role="alert"' in app.errs.value and name in app.errs.value and said in app.errs.value and 'Your answer will be here' in app.out.value
        assert app.answer(digit(), 'five.jpg') and 'five' in app.out.value and not app.errs.value and not app.busy.value

def test_every_format(app):
    for name,b in fives.items(): assert app.answer(b, name) and 'five' in app.out.value and not app.errs.value, name
    offered = app.inputs.files.up.accept.split(',')
    assert offered[0]=='image/*' and {'.heic','.jfif','.tga','.pgm','.avif'}<={*offered}

def test_nothing_happens_before_anything_was_chosen(app):
    app.inputs.files.waited()
    assert 'If you have not chosen any pictures yet' in app.errs.value and app.inputs.files.up.value in ((),{})

def test_one_bad_file_stops_none_of_the_others(app):
    files = [(f'{i}.jpg',digit(i)) for i in range(9)]
    assert app.ask(lambda: files[:4]+[(k,v[0]) for k,v in bad_files.items()]+files[4:])==9
    assert len(app.history.tiles)==9 and app.history.tiles[0].what[1]=='8.jpg' and '8.jpg' in app.out.value
    assert 'All 14 by file name' in app.more.value and text(app.more.value).count('no answer')==5 and all(o in app.errs.value for o in bad_files)
    app.ask(lambda: [(f'{i}.txt',b'x') for i in range(30)])
    assert 'and 22 more' in app.errs.value and app.errs.value.count('not a picture')==8

def test_progress(app):
    seen = []
    app.busy.observe(lambda ch: seen.append(text(ch['new']).strip()), 'value')
    app.ask(lambda: [(str(i),digit(i)) for i in range(12)])
    assert seen==[f'Looking at {i} of 12 …' for i in range(1, 13)]+['']
    seen.clear()
    app.inputs.url.txt.value = 'http://127.0.0.1:9/a.png'
    assert seen==['Fetching your picture …',''] and 'private network' in app.errs.value and len(app.history.tiles)==12

def test_a_30_mb_photo(app):
    noise = np.random.default_rng(1).integers(0, 256, (4000,3600,3), 'uint8')
    noise[:] = np.asarray(draw_digit(930).resize((3600,4000)))//2+noise//2
    Image.fromarray(noise).save(buf := io.BytesIO(), 'JPEG', quality=97, subsampling=0)
    assert 25e6<buf.tell() and app.answer(buf.getvalue())==1 and len(app.history.tiles[0].what[0].thumb)<200_000

def test_a_bug_is_logged_and_said(app, monkeypatch, caplog):
    def oops(x): raise MemoryError('on purpose')
    with monkeypatch.context() as m:
        m.setattr(app.predictor, 'predict', oops)
        assert not app.answer(digit())
    assert 'role="alert"' in app.errs.value and 'another picture' in app.errs.value and 'on purpose' not in app.errs.value
    assert [o.levelno for o in caplog.records]==[logging.ERROR] and 'imgcls.use.app' in caplog.text and 'on purpose' in caplog.text and 'Traceback' in caplog.text
    monkeypatch.setattr('imgcls.use.app.uploads', lambda up: 1/0)
    app.inputs.files.up = types.SimpleNamespace(value=(1,))
    app.inputs.files.arrived()
    assert 'another picture' in app.errs.value and app.inputs.files.up.value==()
    assert app.answer(digit()) and not app.errs.value

def test_history(app):
    for i in range(30): app.answer(digit(i), f'{i}.jpg')
    h = app.history
    assert [o.what[1] for o in h.tiles]==[f'{i}.jpg' for i in range(29,5,-1)] and list(h.row.children)==[o.widget for o in h.tiles]
    assert [o for o in h.tiles if 'ic-on' in o.widget._dom_classes]==h.tiles[:1]
    h.tiles[5].btn.click()
    assert '24.jpg' in app.out.value and [o for o in h.tiles if 'ic-on' in o.widget._dom_classes]==[h.tiles[5]] and h.tiles[5].what[1]=='24.jpg'
    app.answer(digit(20), 'again.jpg')
    assert len(h.tiles)==24 and h.tiles[0].what[1]=='again.jpg' and not any(o.what[1]=='20.jpg' for o in h.tiles) # the same picture is no new one

def test_memory_stays_flat(app):
    pics = [draw_digit(i).resize((900,900)) for i in range(50)]
    rss = {}
    for i in range(500):
        app.answer(encode_image(pics[i%50].rotate(i//50)), f'{i}.jpg')
        if i in (99,499): rss[i] = psutil.Process().memory_info().rss,len(_instances)
    assert rss[499][1]==rss[99][1] and len(app.history.tiles)==24
    assert rss[499][0]-rss[99][0]<12*2**20 # a history without an end takes 22
    assert all(o.what[0].source is None and len(o.what[0].thumb)<100_000 for o in app.history.tiles)

def test_nothing_is_html():
    "Neither a file's name nor what a model's maker wrote"
    app,evil = ClassifierApp(model, title='<i>'),'<img src=x onerror=alert(1)>'
    p = app.predictor
    p.names = p.names | dict(five=evil)
    app.ask(lambda: [(evil,digit()),(evil,b'no')])
    meta = dict(p.meta, names=dict.fromkeys(p.labels, evil), title=evil, about=evil, arch=evil)
    said = app.out.value,app.errs.value,app.more.value,app.history.tiles[0].img.value,about(meta),app.widget.children[0].value
    assert all('<img src=x' not in o and '&lt;i' in o for o in said)

def test_what_it_knows():
    meta = ClassifierApp(model).predictor.meta
    said = text(about(meta|dict(metrics=dict(n_train=1131, n_valid=285, valid_accuracy=282/285), about='Ink on paper.', n_params=1234567, precision='int8', created='2026-03-01T10:00:00+00:00', arch='small'), .6))
    for o in ('Ink on paper.','10 classes','1,131 pictures','Of 285','got 282 right','Under 60%','small','1,234,567 weights','8-bit','1 March 2026'): assert o in said
    assert 'of the time' not in said
    surely = text(about(meta|dict(metrics=dict(n_valid=285, valid_accuracy=282/285, valid_interval=[.9696,.9964]))))
    assert 'right 98.9% of the time (97.0% to 99.6%' in surely and 'farther from all of these than 95%' in surely
    assert 'a picture of something else too' in text(about(dict(meta, unknown=None)))
    assert 'about this model' in about(dict(labels=['a'], names=dict(a='A'))).lower() # an old file, that says little
    many = [f'class {i}' for i in range(100)]
    assert 'and 80 more' in about(meta|dict(labels=many, names=dict(zip(many, many)))) and 'Under 70%' in about(meta, .7)

@pytest.fixture
def colab(monkeypatch, tmp_path):
    "Colab's module: its dialog writes what it uploads into the working folder"
    files = types.ModuleType('google.colab.files')
    def upload():
        res = files.chosen
        if isinstance(res, Exception): raise res
        for k,v in res.items(): open(k, 'wb').write(v)
        return res
    files.upload = upload
    m,g = types.ModuleType('google.colab'),types.ModuleType('google')
    m.files,g.colab = files,m
    for k,v in {'google':g, 'google.colab':m, 'google.colab.files':files}.items(): monkeypatch.setitem(sys.modules, k, v)
    monkeypatch.chdir(tmp_path)
    return files

def test_colab(colab, app, tmp_path):
    up = app.inputs.files.up
    assert isinstance(up, W.Button) and up.description=='Choose pictures'
    colab.chosen = {'five.jpg':digit(), 'letter.txt':b'Dear'}
    up.click()
    assert 'five' in app.out.value and 'letter.txt' in app.errs.value and len(app.history.tiles)==1
    assert not list(tmp_path.iterdir()) and os.path.samefile(os.getcwd(), tmp_path)
    colab.chosen = {}
    up.click()
    assert 'five' in app.out.value
    colab.chosen = RuntimeError('Upload widget is only available in the current browser session')
    up.click()
    assert 'role="alert"' in app.errs.value and os.path.samefile(os.getcwd(), tmp_path)

# In a browser

cell = f'''
from imgcls.sample import sample_web
from imgcls.use.app import ClassifierApp
from IPython.display import HTML, display
web = sample_web(100)
row = web.plan[web.plan.fault==''].iloc[0]
app = ClassifierApp({str(model)!r})
display(app)
HTML(f'<i class=ic-test>{{web.url}}{{row.path}}</i>')
'''

@pytest.fixture(scope='module')
def pics(tmp_path_factory):
    "Files to upload, by name"
    path = tmp_path_factory.mktemp('pics')
    for k,(b,_) in bad_files.items(): (path/k).write_bytes(b)
    for i in (930,0,*range(12)): draw_digit(i).save(path/f'{i}.png')
    both().save(path/'both.png')
    Image.new('RGB', (150,150), 'blue').save(path/'blue.png')
    (path/'large.jpg').write_bytes(digit()+bytes(12*2**20))
    return path

@pytest.fixture(scope='module', params=fronts, ids=lambda o: f'{o[0]}{o[1]}')
def front(request, tmp_path_factory):
    with Front(*request.param, tmp_path_factory.mktemp('front')) as f: yield f

@pytest.fixture(scope='module')
def visit(front, browser):
    "The app, open"
    nb = front.open(browser, write_nb(front.path/'app.ipynb', cell))
    nb.says('Your answer will be here', 60)
    yield nb
    nb.close()

def answered(nb, what, n=None):
    "Wait for answer `what`, and for `n` tiles in the history"
    nb.page.locator('.ic-said h2', has_text=exact(what)).wait_for(timeout=20_000)
    if n is not None: nb.wait(lambda: past(nb).count()==n, f'{n} answers in the history')
    assert nb.page.get_by_role('alert').count()==0 and nb.page.locator('.ic-said').count()==1

def refused(nb, *said):
    for o in said: nb.page.get_by_role('alert').get_by_text(o).wait_for(timeout=20_000)

def past(nb): return nb.page.locator('.ic-past .ic-tile')

_boxes = "q => [...document.querySelectorAll(q)].map(e => [e.className, e.getBoundingClientRect().toJSON()])"

def inside(nb, width):
    "Nothing sticks out of a window of `width`; where the parts are"
    nb.page.set_viewport_size(dict(width=width, height=800))
    def fits():
        boxes = nb.page.evaluate(_boxes, '.ic-app, .ic-app button, .ic-app img, .ic-app input, .ic-card, .ic-err, .ic-more')
        return nb.page.evaluate('document.documentElement.scrollWidth')<=width and all(o['left']>=0 and o['right']<=width+1 for _,o in boxes)
    nb.wait(fits, f'something sticks out at {width} px', 5)
    return [nb.page.evaluate(_boxes, o)[0][1] for o in ('.ic-ask','.ic-out','.ic-about')]

def test_one_and_the_same_again(visit, pics):
    for name in ('five','zero','five','five'):
        visit.upload(pics/('930.png' if name=='five' else '0.png'))
        answered(visit, name, 1 if name=='five' and past(visit).count()<2 and not visit.page.get_by_alt_text('zero').count() else 2)
    assert visit.page.locator('.ic-r').count()==5 and visit.page.get_by_alt_text('Your picture: 930.png').count()==1

def test_many(visit, pics):
    visit.upload(*[pics/f'{i}.png' for i in range(1, 12)])
    visit.says('All 11 by file name')
    answered(visit, 'one', 13)
    visit.page.locator('.ic-more summary').click()
    for i in range(1, 12): visit.says(f'{i}.png:')

def test_not_sure(visit, pics):
    visit.upload(pics/'both.png')
    answered(visit, 'Not sure')
    visit.says('The best guess is')

def test_none_of_the_classes(visit, pics):
    "One picture, then several: the headline, the tile and the list say so"
    visit.upload(pics/'blue.png')
    answered(visit, 'This looks like none of the classes')
    visit.says('Nearest is')
    past(visit).first.get_by_text('no class', exact=True).wait_for(timeout=20_000)
    inside(visit, 400)
    inside(visit, 1280)
    visit.upload(pics/'930.png', pics/'blue.png')
    visit.says('All 2 by file name')
    visit.page.locator('.ic-more summary').click()
    visit.says('none of the classes, nearest')
    visit.page.locator('.ic-past .ic-tile', has_text='five').first.get_by_role('button').click()
    answered(visit, 'five')

def test_bad_files(visit, pics):
    for name,(_,said) in list(bad_files.items())[:3]:
        visit.upload(pics/name)
        refused(visit, name, said)
    visit.upload(*[pics/o for o in bad_files], pics/'930.png')
    refused(visit, *bad_files)
    visit.page.locator('.ic-said h2', has_text='five').wait_for()
    visit.upload(pics/'0.png')
    answered(visit, 'zero')

def test_addresses_in_the_page(visit):
    field = visit.page.locator('.ic-row input')
    field.fill('http://127.0.0.1:9/five.png')
    field.press('Enter')
    refused(visit, 'private network')
    field.fill('/etc/passwd')
    visit.click('Classify')
    refused(visit, 'not the address of a picture')
    url,n = visit.page.locator('.ic-test').inner_text(),past(visit).count()
    for go in (lambda: field.press('Enter'), lambda: visit.click('Classify')):
        field.fill(url)
        go()
        visit.wait(lambda: field.input_value()=='', 'the field is not emptied')
        visit.page.get_by_alt_text(f'Your picture: {url}').wait_for()
    assert past(visit).count()==n+1 and visit.page.get_by_role('alert').count()==0

def test_examples_and_history_by_mouse_and_by_key(visit):
    p = Predictor(model)
    ex,(one,two) = visit.page.locator('.ic-ask .ic-tile button'),[p.predict(b64decode(o['jpeg'])).name for o in p.meta['examples'][:2]]
    ex.first.click()
    answered(visit, one)
    visit.page.get_by_alt_text('Your picture: example 1').wait_for()
    ex.first.focus()
    visit.page.keyboard.press('Tab')
    assert visit.page.evaluate('document.activeElement.title')=='Try example 2'
    style = visit.page.evaluate("(({outlineStyle:a, outlineWidth:b}) => [a,b])(getComputedStyle(document.activeElement))")
    assert style==['solid','3px']
    visit.page.keyboard.press('Enter')
    answered(visit, two)
    visit.page.get_by_role('button', name=re.compile(f'See again: {one}, .*example 1')).click()
    answered(visit, one)
    visit.wait(lambda: visit.page.locator('.ic-on img').get_attribute('alt')==one, 'the tile is not marked')
    assert visit.page.locator('.ic-app img').evaluate_all('es => es.every(e => e.alt && e.naturalWidth)')

def test_an_upload_that_the_server_cuts_off(visit, pics):
    visit.upload(pics/'large.jpg')
    told = visit.page.get_by_role('alert').get_by_text('Nothing has arrived')
    for _ in range(7): # a click that follows the upload into the connection that is being cut is lost with it: click again, as one does
        visit.page.get_by_role('button', name='Nothing happens?').click()
        with suppress(AssertionError):
            visit.wait(told.count, 'nothing is said', 3)
            break
    refused(visit, 'Nothing has arrived')
    visit.upload(pics/'930.png')
    answered(visit, 'five')
    visit.said = [o for o in visit.said if 'no comm channel' not in o] # the button that was thrown away may not have read its file to the end

def test_columns_and_no_trouble(visit, pics):
    ask,out,known = inside(visit, 1280)
    assert ask['right']<=out['left'] and known['right']<=out['left'] and ask['bottom']<=known['top']
    ask,out,known = inside(visit, 400)
    assert ask['bottom']<=out['top'] and out['bottom']<=known['top']
    for k in (pics/'letter.txt',pics/'both.png'):
        visit.upload(k)
        (visit.page.get_by_role('alert') if k.suffix=='.txt' else visit.page.locator('.ic-unsure')).wait_for()
        inside(visit, 400)
    assert not visit.trouble() and not [o for o in visit.stderr() if 'Traceback' in o or 'Unexpected' in o]
    assert visit.page.locator('.ic-app').count()==1 and visit.page.evaluate("[...document.querySelectorAll('style')].filter(o => o.textContent.includes('.ic-tile')).length")==1

# The app as Voila serves it

@pytest.fixture(scope='module')
def voila(tmp_path_factory):
    with Front('voila', 8, tmp_path_factory.mktemp('voila')) as f: yield f

def test_a_bad_model_is_a_sentence(voila, browser):
    (voila.path/'damaged.onnx').write_bytes(model.read_bytes()[:50_000])
    (voila.path/'pickle.onnx').write_bytes(b'PK\x03\x04')
    cells = [f'from imgcls.use.app import ClassifierApp\nClassifierApp("{o}.onnx")' for o in ('missing','damaged','pickle')]
    nb = voila.open(browser, write_nb(voila.path/'bad.ipynb', *cells))
    for o in ('There is no model','is damaged','pickle'): nb.page.get_by_role('alert').filter(has_text=o).wait_for(timeout=20_000)
    assert nb.page.get_by_role('alert').filter(has_text='can not start').count()==3 and not nb.page.locator('.ic-app button').count() and not nb.trouble()
    nb.close()

_light = "([q,k]) => getComputedStyle(document.querySelector(q))[k].match(/\\d+/g).slice(0, 3).reduce((a,b) => a+Number(b), 0) > 380"

def test_dark_light_and_small(voila, browser, pics):
    "Text is light where the page is dark, and the other way round; and a kernel is small"
    (voila.path/'digits.onnx').write_bytes(model.read_bytes())
    (voila.path/'app.ipynb').write_text(app_notebook('Which digit?', 'digits.onnx'))
    voila.start()
    light,page = {},browser.new_page()
    where = '.ic-said h2','.ic-r span','.ic-about p','.ic-unsure','.ic-row input','.ic-past p'
    for theme in ('light','dark'):
        page.goto(f'{voila.url}/voila/render/app.ipynb?theme={theme}')
        upload(page, pics/'both.png')
        for o in where: page.locator(o).first.wait_for()
        light[theme] = [page.evaluate(_light, o) for o in [('body','backgroundColor'), *((o,'color') for o in where)]]
    assert light==dict(light=[True]+[False]*6, dark=[False]+[True]*6) and page.locator('h1').count()==1
    assert 0<max(map(memory, voila.kernels()))<300*2**20
    page.close()
