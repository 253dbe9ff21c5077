"The page without a server, as `python -m http.server` hands it out, in a real browser: pixels, answers, every way to ask, what can go wrong"
import base64, functools, json, re, shutil, subprocess, sys
import numpy as np, onnx, pytest, yaml
from pathlib import Path
from PIL import Image
from imgcls.picture import prepare
from imgcls.sample import draw_digit, encode_image
from imgcls.use.deploy import deploy
from imgcls.use.predict import Predictor
from imgcls.use.static import runtime_files
from playwright.sync_api import expect
from conftest import root
from web import axe, fake, focused, served
from firefox import Firefox, firefox
from kinds import saved

model = root/'imgcls'/'assets'/'digits.onnx'
predictor = Predictor(model, n_threads=1)
digit = encode_image(draw_digit(930))
def file(name, b=digit): return dict(name=name, mimeType='', buffer=b)

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

def give(tab, *files): tab.set_input_files('#pick', list(files))

def cards(tab, n):
    expect(tab.locator('.ic-card')).to_have_count(n)
    expect(tab.locator('.wait')).to_have_count(0)
    return tab.locator('.ic-card')

b64 = lambda b: base64.b64encode(b).decode()
as_blob = "b => new Blob([Uint8Array.from(atob(b), o => o.charCodeAt(0))])"

# Pixels

resize = """async ([b, w, h, meta]) => {
const {prepared} = await import('./web/pixels.js'), all = Uint8Array.from(atob(b), o => o.charCodeAt(0))
return [...prepared({w, h, px: new Int32Array(all.buffer)}, meta)].map(o => Math.round(255*o)) }"""

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

# Answers

ask = """async bs => { const res = []
for (const b of bs) res.push(await imgcls.predict(new Blob([Uint8Array.from(atob(b), o => o.charCodeAt(0))])).catch(e => `${e.message} ${e.hint}`))
return res }"""

def answers(tab, bs):
    "What the page says of pictures"
    run = tab.run if isinstance(tab, Firefox) else tab.evaluate
    return [o for i in range(0, len(bs), 16) for o in run(ask, [b64(b) for b in bs[i:i+16]])]

def farthest(p, tab, bs):
    "The largest difference in a probability between the page and `p`, when labels are the same wherever `p` is not in two minds"
    res = []
    for b,got in zip(bs, answers(tab, bs)):
        assert isinstance(got, dict), got
        want = p.predict(b, topk=3)
        (_,p1),(_,p2) = want.topk[:2]
        assert got['label']==want.label or p1-p2<=.02, (got,want)
        assert got['unsure']==want.unsure or abs(want.prob-p.threshold)<.01
        known = dict(map(tuple, got['topk']))
        res.append(max(abs(known.get(k, 0)-v) for k,v in want.topk))
    return max(res)

def turned(im, fmt, turn, **kwargs):
    "`im` as a file of format `fmt` that says how it has to be turned"
    exif = Image.Exif()
    exif[0x112] = turn
    return saved(fmt, im, exif=exif, **kwargs)

def odd(im, i):
    "`im` in the `i`-th of many ways to store it, turned in the `i`-th of 8 ways"
    turn = i%8+1
    alpha = im.copy()
    alpha.putalpha(Image.linear_gradient('L').resize(im.size))
    how = [('JPEG',im,dict(quality=90)), ('PNG',im,{}), ('WEBP',im,dict(quality=90)), ('JPEG',im.convert('L'),{}), ('PNG',alpha,{}), ('WEBP',im,dict(lossless=True)),
        ('PNG',im.convert('P'),{}), ('JPEG',im,dict(progressive=True, subsampling=0)), ('PNG',im.convert('LA'),{}), ('WEBP',alpha,dict(quality=80)), ('PNG',im.convert('1'),{})]
    fmt,im,kw = how[i%len(how)]
    return turned(im, fmt, turn, **kw)

def test_the_sample_is_answered_as_in_python(tab, site):
    tab.goto(site)
    digits = [draw_digit(i) for i in range(96)]
    assert farthest(predictor, tab, [encode_image(o) for o in digits])<.01
    assert farthest(predictor, tab, [odd(o.resize((150,210)), i) for i,o in enumerate(digits)])<.01

shared = root.parent/'shared'
photos = sorted(shared.glob('data/bears/*/*.jpg'))[::4][:148]

@pytest.fixture(scope='module')
def bears(runtime, tmp_path_factory):
    "A folder with a model of real photos, trained for a moment"
    if not photos: pytest.skip('the photos are not here')
    from fastai.vision.all import set_seed
    from imgcls.learn.data import get_dls
    from imgcls.learn.export import export_onnx
    from imgcls.learn.train import get_learner
    tmp = tmp_path_factory.mktemp('bears')
    for fn in sorted(shared.glob('data/bears/*/*.jpg'))[1::4]:
        (tmp/'bears'/fn.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(fn, tmp/'bears'/fn.parent.name)
    with pytest.MonkeyPatch.context() as m:
        m.setenv('TORCH_HOME', str(shared/'torch_home'))
        set_seed(42)
        learn = get_learner(get_dls(tmp/'bears', 224, num_workers=0), 'squeezenet1_1')
    with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(1)
    return deploy(export_onnx(learn, tmp/'bears.onnx', title='Bears'), tmp/'site', kind='static', runtime=str(runtime))

def test_real_photos_are_answered_as_in_python(tab, bears):
    p = Predictor(bears/'model.onnx', n_threads=1)
    with served(bears) as url:
        tab.goto(url)
        assert farthest(p, tab, [o.read_bytes() for o in photos])<.01
        assert farthest(p, tab, [odd(Image.open(o).convert('RGB'), i) for i,o in enumerate(photos)])<.01

def phone(i, mp=12):
    "A photo as a phone takes it: large, in colours of half the size, lying on its side"
    sys.path.insert(0, str(root/'bench'))
    from photos import photo
    w = round((mp*1e6*4/3)**.5)
    return turned(photo(i, 1000, 1000).resize((w,w*3//4), Image.BICUBIC), 'JPEG', [1,6,8,3][i%4], quality=88)

def test_large_photos_are_answered_as_in_python(tab, bears):
    "Python decodes them at n/8 of their size, the page averages"
    p = Predictor(bears/'model.onnx', n_threads=1)
    with served(bears) as url:
        tab.goto(url)
        assert farthest(p, tab, [phone(i, mp) for i,mp in enumerate((12,12,3,1.3,5,20))])<.01

def test_formats(tab, site):
    "Whatever a browser reads is answered as in Python; of the rest it says what to do"
    tab.goto(site)
    from kinds import fives
    said = dict(zip(fives, answers(tab, list(fives.values()))))
    not_read = {k for k,v in said.items() if isinstance(v, str)}
    assert not_read=={'sign.ppm','face.PGM','b.jp2','c.tga','scan.tif','j.heif'}&fives.keys(), said
    assert 'TIFF picture, which this browser can not read. Save it as a JPEG' in said['scan.tif'] and 'a kind that this browser can not read' in said['c.tga']
    if 'j.heif' in said: assert 'HEIC picture' in said['j.heif']
    for k in fives.keys()-not_read: assert said[k]['label']=='five' and abs(said[k]['prob']-predictor.predict(fives[k]).prob)<.01, k

def test_colour_profiles_change_nothing(tab, site):
    "A profile that swaps what red and blue mean; Pillow leaves it alone, and so do we"
    from PIL import ImageCms
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile('LAB')).tobytes(), ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
    tab.goto(site)
    p3 = bytearray(icc[1])
    at = p3.index(b'rXYZ', 128) # swap the offsets of red and blue in its table of tags
    bt = p3.index(b'bXYZ', 128)
    p3[at+4:at+8],p3[bt+4:bt+8] = p3[bt+4:bt+8],p3[at+4:at+8]
    red = Image.blend(draw_digit(930).resize((90,90)), Image.new('RGB', (90,90), 'red'), .5)
    bs = [saved(o, red, icc_profile=bytes(p3), **kw) for o,kw in (('JPEG',dict(quality=95)),('PNG',{}),('WEBP',dict(lossless=True)))]
    assert farthest(predictor, tab, bs)<.001

# The page

def test_one_and_several(tab, site):
    tab.goto(site)
    expect(tab.locator('#ready')).to_have_text('Pictures stay on this device. From now on it works offline, too.')
    some = [encode_image(draw_digit(i)) for i in (0,1,2,3,4,6,7,8,930,931,932,933)]
    give(tab, *[file(f'{i}.jpg', b) for i,b in enumerate(some)], file('letter.pdf', b'%PDF-1.4'), file('empty.jpg', b''))
    got = cards(tab, 14).locator('.ic-said>:first-child').all_text_contents()
    assert got[:12]==[f'Not sure. My best guess is {o.name}' if o.unsure else o.name for o in predictor.predict(some)]
    assert got[12]=='This is not a picture but a PDF.' and got[13]=='This file is empty.'
    expect(tab.locator('#status')).to_have_text('12 pictures answered, 2 not.')
    want = predictor.predict(some[0])
    assert [o.split('\n') for o in tab.locator('.ic-card').first.locator('.ic-r').all_inner_texts()][:2]==[[k,f'{p:.1%}' if p<.9995 else '100%'] for k,p in want.topk[:2]]
    tab.click('#clear')
    expect(tab.locator('.ic-card')).to_have_count(0)
    tab.click('text=About this model')
    expect(tab.locator('dl')).to_contain_text('10 classes')

def test_drop_and_paste(tab, site, tmp_path):
    tab.goto(site)
    tab.wait_for_selector('html.js') # the page's script has run
    (tmp_path/'a.jpg').write_bytes(digit)
    data = tab.evaluate_handle("""b => { const d = new DataTransfer()
d.items.add(new File([Uint8Array.from(atob(b), o => o.charCodeAt(0))], 'a.jpg'))
return d }""", b64(digit))
    tab.dispatch_event('main', 'dragover', dict(dataTransfer=data))
    expect(tab.locator('body')).to_have_class('drag')
    tab.dispatch_event('main', 'drop', dict(dataTransfer=data))
    expect(cards(tab, 1).locator('h3')).to_have_text('five')
    tab.evaluate("d => document.body.dispatchEvent(new ClipboardEvent('paste', {clipboardData: d, bubbles: true, cancelable: true}))", data)
    expect(cards(tab, 2).first.locator('h3')).to_have_text('five')
    tab.evaluate("""() => { const d = new DataTransfer()
d.setData('text/plain', 'https://example.org/a.jpg')
document.body.dispatchEvent(new ClipboardEvent('paste', {clipboardData: d, bubbles: true})) }""")
    expect(cards(tab, 3).first).to_contain_text('This page fetches nothing from other sites.Save the picture, and choose the file.')

def test_offline_after_one_visit(tab, folder, tmp_path):
    "The server is gone, and the page comes and answers; in another folder of the same site nothing is kept"
    path = tmp_path/'www'
    shutil.copytree(folder, path/'digits')
    (path/'other.html').write_text('other')
    with served(path) as url:
        tab.goto(f'{url}digits/')
        expect(tab.locator('#ready')).to_contain_text('offline')
        tab.evaluate('navigator.serviceWorker.ready')
    tab.reload()
    expect(tab.locator('#ready')).to_contain_text('Pictures stay on this device.')
    give(tab, file('a.jpg'))
    expect(cards(tab, 1).locator('h3')).to_have_text('five')
    assert tab.evaluate("fetch('../other.html').catch(() => 'no')")=='no'

def test_a_new_model_is_fetched_and_the_runtime_is_not(tab, copy):
    with served(copy) as url:
        tab.goto(url)
        expect(tab.locator('#ready')).to_contain_text('offline')
        deploy(model, copy, title='Another title')
        shutil.rmtree(copy/'runtime')
        tab.goto(url)
        tab.evaluate("""async () => { const r = await navigator.serviceWorker.getRegistration()
await r.update()
while (r.installing || r.waiting) await new Promise(f => setTimeout(f, 50)) }""")
        tab.goto(url)
        expect(tab.locator('h1')).to_have_text('Another title')
        n = tab.evaluate("async () => (await (await caches.open((await caches.keys())[0])).keys()).length")
        kept = re.findall(r'(?s)const (?:large|small) = (\{.*?\})', (copy/'sw.js').read_text())
        assert n==sum(len(json.loads(o)) for o in kept), 'what the old page had is still kept'

def test_narrow_dark_and_by_keyboard(browser, site):
    ctx = browser.new_context(viewport=dict(width=400, height=800), color_scheme='dark')
    tab = ctx.new_page()
    tab.goto(site)
    expect(tab.locator('#ready')).to_contain_text('offline')
    give(tab, file('a_very_long_name_without_any_blank_'*4+'.jpg'), file('letter.pdf', b'%PDF-1.4'))
    cards(tab, 2)
    assert tab.evaluate('document.documentElement.scrollWidth')==400
    assert tab.evaluate('getComputedStyle(document.body).backgroundColor')=='rgb(21, 24, 28)'
    seen = focused(tab, 5)
    assert seen==['pick','live','clear','About this model','Who made what is here'], seen
    ctx.close()

@pytest.mark.parametrize('scheme,width', [('light',1280),('dark',400)])
def test_axe_finds_nothing_serious(browser, site, scheme, width):
    ctx = browser.new_context(viewport=dict(width=width, height=900), color_scheme=scheme, permissions=['camera'], bypass_csp=True)
    tab = ctx.new_page()
    tab.goto(site)
    expect(tab.locator('#ready')).to_contain_text('offline')
    give(tab, file('a.jpg'), file('both.png', both()), file('letter.pdf', b'%PDF-1.4'))
    cards(tab, 3)
    tab.click('text=About this model')
    tab.click('#live') # there is no camera: the sentence
    expect(tab.locator('#camera-said')).not_to_be_empty()
    tab.evaluate(axe())
    found = tab.evaluate("axe.run().then(o => o.violations.map(v => [v.impact, v.id, v.nodes.map(n => n.html.slice(0, 120))]))")
    assert not [o for o in found if o[0] in ('serious','critical')], found
    ctx.close()

def both():
    "A five and a zero, one over the other"
    return saved('PNG', Image.blend(*[draw_digit(o).resize((150,150)) for o in (930,0)], .5))

# What can go wrong

def ready_says(tab, url, *words):
    "The page says each of `words` about its model, and of a picture too, with a button to try again; it goes on"
    tab.goto(url)
    for o in words: expect(tab.locator('#ready')).to_contain_text(o)
    give(tab, file('a.jpg'))
    expect(tab.locator('.bad')).to_contain_text(words[0])
    expect(tab.locator('.bad button')).to_be_visible()

def test_a_model_that_is_missing_cut_or_another(tab, copy):
    whole = (copy/'model.onnx').read_bytes()
    with served(copy) as url:
        (copy/'model.onnx').unlink()
        ready_says(tab, url, 'The model is missing: the server answers 404.', 'with all files that imgcls-deploy wrote')
        (copy/'model.onnx').write_bytes(whole[:-10])
        ready_says(tab, url, f'The model is damaged: of {len(whole)} bytes {len(whole)-10} came.')
        (copy/'model.onnx').write_bytes(whole[:-1]+bytes([whole[-1]^1]))
        ready_says(tab, url, 'The model is of another version than this page.')
        (copy/'model.onnx').write_bytes(whole)
        tab.click('.bad button')
        expect(cards(tab, 1).locator('h3')).to_have_text('five')

def test_a_runtime_that_is_missing_or_cut(browser, copy):
    "Each time for somebody who was never here before"
    script,wasm = [copy/'runtime'/o[0] for o in runtime_files.values()]
    half = wasm.read_bytes()[:10**6]
    with served(copy) as url:
        for change,said in ((lambda: wasm.write_bytes(half),'The runtime is damaged: of'), (wasm.unlink,'The runtime is missing: the server answers 404.'),
            (script.unlink,'The runtime is missing: the server answers 404.'), ((copy/'model.json').unlink,"The model's description is missing: the server answers 404.")):
            change()
            ctx = browser.new_context()
            ready_says(ctx.new_page(), url, said)
            ctx.close()

def test_wasm_that_the_site_forbids(browser, folder):
    tab = browser.new_page()
    with served(folder, Content_Security_Policy="script-src 'self'") as url:
        ready_says(tab, url, "This site's policy forbids WebAssembly", "should allow 'wasm-unsafe-eval'")
    with served(folder, Content_Security_Policy="script-src 'self' 'wasm-unsafe-eval'") as url:
        tab.goto(url)
        give(tab, file('a.jpg'))
        expect(cards(tab, 1).locator('h3')).to_have_text('five')
    tab.close()

def test_offline_at_the_first_visit(browser, site):
    "The page came, and then the connection was gone; when it is back, a button helps"
    ctx = browser.new_context(service_workers='block')
    tab = ctx.new_page()
    tab.route('**/*.{onnx,wasm}', lambda r: r.abort())
    tab.add_init_script("Object.defineProperty(navigator, 'onLine', {get: () => !window.cut})")
    ready_says(tab, site, 'The model can not be fetched.', 'Is this device online?')
    tab.unroute('**/*.{onnx,wasm}')
    tab.click('.bad button')
    expect(cards(tab, 1).locator('h3')).to_have_text('five')
    ctx.set_offline(True)
    give(tab, file('b.jpg'))
    expect(cards(tab, 2).first.locator('h3')).to_have_text('five')
    ctx.close()

def test_pictures_that_are_none(tab, site):
    "Each in a sentence, and the page goes on"
    tab.goto(site)
    big = saved('PNG', Image.new('1', (10_000,10_000)))
    long = saved('JPEG', Image.new('L', (9_000,8_000)))
    bs = {'too large: it has 100 megapixels where 50':big, '72 megapixels':long, 'This file is empty':b'', 'not a picture but a PDF':b'%PDF-1.4', 'a web page':b'<!doctype html><p>',
        'an SVG drawing':b'<?xml version="1.0"?><svg xmlns="x"/>', 'a ZIP':b'PK\3\4aaaa', 'a video':b'\0\0\0\x18ftypisom', 'not a picture. Wanted':b'hello', 'ends too early':digit[:700],
        'file ends too early':saved('PNG')[:-20], 'its file ends':saved('WEBP')[:-100], 'ends too early.':b'\x89PNG\r\n\x1a\n'+bytes(30)+b'IEND'+bytes(20), 'damaged':b'\xff\xd8\xff\xff\xff\xff',
        'This picture is damaged':b'GIF89a'+bytes(30), 'HEIC picture, which this browser':b'\0\0\0\x18ftypheic'+bytes(100)}
    for want,got in zip(bs, answers(tab, list(bs.values()))): assert isinstance(got, str) and want in got, (want,got)
    assert answers(tab, [digit])[0]['label']=='five'

def test_bytes_of_any_kind(tab, site):
    "Whatever is changed in a file, there is an answer or a sentence"
    tab.goto(site)
    rng = np.random.default_rng(0)
    bs = [turned(draw_digit(930), o, 6) for o in ('JPEG','PNG','WEBP')]+[saved('GIF'),saved('BMP')]
    some = []
    for i in range(200):
        b = bytearray(bs[i%len(bs)])
        for at in rng.integers(0, min(len(b), 400), 3): b[at] = rng.integers(256)
        some.append(bytes(b[:rng.integers(1, len(b)) if i%3==0 else None]))
    for o in answers(tab, some): assert isinstance(o, dict) or re.match(r'This (is|file|picture)', o), o

# The camera

def test_no_camera_and_no_permission(browser, folder, site):
    ctx = browser.new_context()
    tab = ctx.new_page()
    tab.goto(site)
    tab.click('#live')
    expect(tab.locator('#camera-said')).to_have_text(re.compile('There is no camera here|The camera is not allowed here'))
    tab.evaluate("() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError')) }")
    tab.click('#live')
    expect(tab.locator('#camera-said')).to_contain_text('The camera is not allowed here. Allow it beside the address')
    tab.evaluate("() => Object.defineProperty(navigator, 'mediaDevices', {value: undefined})")
    tab.click('#live')
    expect(tab.locator('#camera-said')).to_contain_text('https://')
    give(tab, file('a.jpg'))
    expect(cards(tab, 1).locator('h3')).to_have_text('five')
    ctx.close()

watch = '''
import json, sys
from playwright.sync_api import expect, sync_playwright
url,path,fake = sys.argv[1],sys.argv[2],sys.argv[3:]
with sync_playwright() as p:
    b = p.chromium.launch(executable_path=path, args=['--no-sandbox', *fake])
    tab = b.new_page()
    tab.goto(url)
    tab.click('#live')
    tab.wait_for_selector('#seen h3')
    tab.wait_for_timeout(4000)
    said = tab.inner_text('#seen')
    pressed = tab.inner_text('#live')
    tab.click('#take')
    tab.wait_for_selector('.ic-card.done')
    name = tab.inner_text('.ic-card > .ic-said > small')
    tab.click('#live')
    off = tab.evaluate("[document.querySelector('#camera').hidden, document.querySelector('#video').srcObject]")
    print(json.dumps([said, pressed, name, off]))
    b.close()
'''

def test_the_camera(site):
    "Chromium's own, which shows a clock; in a process, since a browser is needed that has one"
    from browser import chromium
    out = subprocess.run([sys.executable, '-c', watch, site, chromium(), *fake], capture_output=True, text=True, timeout=90)
    assert not out.returncode, out.stderr[-2000:]
    said,pressed,name,off = json.loads(out.stdout)
    rate = int(re.search(r'(\d+) pictures a second\. None is kept\.', said)[1])
    assert rate>=1 and re.search(r'confidence \d', said) and len(re.findall(r'(?m)^\S+%$', said))==5, said
    assert pressed=='Stop the camera' and name.startswith('Camera ') and off==[True,None]

# In another browser

choose = """async b => { const d = new DataTransfer(), pick = document.getElementById('pick')
d.items.add(new File([Uint8Array.from(atob(b), o => o.charCodeAt(0))], 'a.jpg'))
pick.files = d.files
pick.dispatchEvent(new Event('change'))
while (!document.querySelector('.ic-card.done, .ic-card.bad')) await new Promise(f => setTimeout(f, 50))
const kept = await navigator.serviceWorker.ready
return [document.querySelector('.ic-card').innerText, document.getElementById('ready').innerText, kept.active.scriptURL] }"""

@pytest.mark.skipif(not firefox(), reason='Firefox is not here')
def test_firefox(folder):
    "The same answers, whatever the format and however it is turned, but for transparent pictures, which it puts on white in its own way"
    digits = [draw_digit(i).resize((150,210)) for i in range(33)]
    with served(folder) as url, Firefox() as tab:
        tab.goto(url)
        said,ready,kept = tab.run(choose, b64(digit))
        assert said.startswith('five') and ready.startswith('Pictures stay') and kept==f'{url}sw.js'
        bs = [odd(o, i) for i,o in enumerate(digits)]
        assert farthest(predictor, tab, [o for i,o in enumerate(bs) if i%11 not in (4,9)])<.01
        assert farthest(predictor, tab, [o for i,o in enumerate(bs) if i%11 in (4,9)])<.05

# The folder

def test_what_the_folder_holds(folder):
    "All that the page asks for is there, small, without third parties; licences and credits; what visitors load is what was pinned"
    names = {o.relative_to(folder).as_posix() for o in folder.rglob('*') if o.is_file()}
    assert {'index.html','model.onnx','model.json','sw.js','manifest.webmanifest','README.md','CREDITS.md','.nojekyll','LICENSES/imgcls.txt','LICENSES/onnxruntime.txt','.github/workflows/pages.yml'}<=names
    page = sum((folder/o).stat().st_size for o in names if o.startswith(('page/','web/')) or o in ('index.html','sw.js','manifest.webmanifest','icon.svg','model.json'))
    assert page<60_000
    html = (folder/'index.html').read_text()
    assert not re.search(r'https?://', html) and 'style=' not in html and '<style' not in html and not re.search(r'\son\w+=', html) and "'unsafe" not in html
    asked = set(re.findall(r'(?:href|src)="([^"#]+)"', html)) | {f'{o.parent.name}/{m}' for o in folder.glob('*/*.js') for m in re.findall(r"(?m)^import .* from '\./(.*)'", o.read_text())}
    assert asked<=names, asked-names
    assert (folder/'model.onnx').read_bytes()==model.read_bytes() and json.loads((folder/'manifest.webmanifest').read_text())['start_url']=='./'
    assert yaml.safe_load((folder/'.github'/'workflows'/'pages.yml').read_text())['jobs']['deploy']['environment']['url']=='${{ steps.page.outputs.page_url }}'
    head = yaml.safe_load((folder/'README.md').read_text().split('---\n')[1])
    assert head['sdk']=='static' and head['app_file']=='index.html' and 'me.github.io/digits' in (folder/'README.md').read_text()

def test_a_page_is_brought_up_to_date(copy):
    "As any folder: the kind is remembered, what is yours is not written over"
    with pytest.raises(ValueError, match='is of the kind static'): deploy(model, copy, kind='app')
    assert deploy(model, copy, title='Eyes & "ears"')==copy and '<h1>Eyes &amp; &#34;ears&#34;</h1>' in (copy/'index.html').read_text()
    assert json.loads((copy/'manifest.webmanifest').read_text())['name']=='Eyes & "ears"'
    (copy/'page'/'page.css').write_text('body {}')
    with pytest.raises(ValueError, match='page.css changed'): deploy(model, copy)
    with pytest.raises(ValueError, match='leave out model_url'): deploy(model, copy.parent/'b', kind='static', model_url='https://example.org/m.onnx')

def test_a_runtime_of_your_own(runtime, tmp_path):
    with pytest.raises(FileNotFoundError, match='ort.wasm.bundle.min.mjs is missing: wanted the folder `dist` of the npm package'): deploy(model, tmp_path/'a', kind='static', runtime=str(tmp_path))
    other = shutil.copytree(runtime, tmp_path/'dist')
    (other/runtime_files['wasm'][0]).write_bytes(b'x')
    with pytest.raises(ValueError, match='another file than the one of onnxruntime-web'): deploy(model, tmp_path/'a', kind='static', runtime=str(other))
    assert not (tmp_path/'a').exists()

def test_from_a_cdn(browser, runtime, tmp_path):
    "Fetched with its digest in mind: a runtime that somebody changed does not run"
    path = deploy(model, tmp_path/'a', kind='static', runtime='cdn')
    assert not (path/'runtime').exists()
    def answer(route, more):
        body = (runtime/route.request.url.split('/')[-1]).read_bytes()
        if more and len(body)>10**6: return # it takes its time, and the other is wrong before
        route.fulfill(body=body[:-1]+more if more else body, headers={'Access-Control-Allow-Origin':'*'})
    for more in (b'',b' '):
        ctx = browser.new_context(service_workers='block')
        ctx.route('https://cdn.jsdelivr.net/**', functools.partial(answer, more=more))
        tab = ctx.new_page()
        tab.set_default_timeout(20_000)
        with served(path) as url:
            if not more:
                tab.goto(url)
                give(tab, file('a.jpg'))
                expect(tab.locator('.ic-card h3')).to_have_text('five', timeout=20_000)
            else: ready_says(tab, url, 'The runtime is of another version than this page.')
        ctx.close()

def test_what_a_host_will_not_take_is_said(runtime, tmp_path):
    proto = onnx.load(model)
    proto.doc_string = 'x'*110*2**20
    onnx.save(proto, tmp_path/'big.onnx')
    cmd = [Path(sys.executable).parent/'imgcls-deploy', tmp_path/'big.onnx', tmp_path/'a', '--kind', 'static', '--runtime', runtime]
    out = subprocess.run(cmd, capture_output=True, text=True, timeout=120).stdout
    assert 'model.onnx has 110 MiB, and Cloudflare Pages takes 25 a file at most.' in out and 'GitHub takes 100 a file at most' in out
    assert 'model.onnx has 110 MiB' in (tmp_path/'a'/'README.md').read_text()

def test_another_page_of_the_site_asks(tab, folder, tmp_path):
    "The ten lines of the README"
    shutil.copytree(folder, tmp_path/'digits')
    html = re.search('(?s)```html\n(.*?)```', (folder/'README.md').read_text())[1]
    (tmp_path/'mine.html').write_text(f'<!doctype html><link rel="icon" href="data:,">{html}')
    with served(tmp_path) as url:
        tab.goto(f'{url}mine.html')
        tab.set_input_files('#file', file('a.jpg'))
        expect(tab.locator('#said')).to_have_text(f'five, {100*predictor.predict(digit).prob:.0f} %')

def test_unlike_all_classes(tab, site):
    "What is none of the classes is said to be so, as in Python"
    tab.goto(site)
    none = [saved('PNG', Image.new('RGB', (90,90), o)) for o in ('blue','white')]
    for b,got in zip((digit,*none), answers(tab, [digit,*none])): assert got['unknown']==predictor.predict(b).unknown==(b!=digit)
    give(tab, file('blue.png', none[0]))
    expect(cards(tab, 1).locator('h3')).to_have_text('This looks like none of the classes')
    expect(tab.locator('.ic-card p').first).to_have_text(re.compile(f'nearest is {predictor.predict(none[0]).name}, confidence '))
    known = [encode_image(draw_digit(i)) for i in range(96)]
    assert [o['unknown'] for o in answers(tab, known)]==[o.unknown for o in predictor.predict(known)]

@pytest.mark.parametrize('width', [1280,400])
def test_the_whole_way_from_the_demo(browser, demo, runtime, tmp_path, width):
    "What `make demo` made, put into a folder by the command and asked in the browser"
    path,report = demo
    cmd = [Path(sys.executable).parent/'imgcls-deploy', path/'digits.onnx', tmp_path/'site', '--kind', 'static', '--runtime', runtime]
    assert 'is ready' in subprocess.run(cmd, capture_output=True, text=True, timeout=120).stdout
    held = sorted((path/'heldout').rglob('*.png'))[::20] or sorted((path/'heldout').rglob('*.jpg'))[::20]
    p = Predictor(path/'digits.onnx')
    with served(tmp_path/'site') as url:
        tab = browser.new_page(viewport=dict(width=width, height=900))
        tab.goto(url)
        give(tab, *[file(o.name, o.read_bytes()) for o in held])
        cards(tab, len(held))
        got = answers(tab, [o.read_bytes() for o in held])
        assert np.mean([a['label']==b.label for a,b in zip(got, p.predict(held))])>.95 and report['accuracy_app']>.8
        tab.close()

def test_weights_in_8_bits(tab, bears, tmp_path):
    "A third of the size at most, the same labels where the model is not in two minds, and Python reads the file, too"
    path = deploy(bears/'model.onnx', tmp_path/'a', kind='static', precision='int8', runtime=str(bears/'runtime'))
    p,small = Predictor(bears/'model.onnx', n_threads=1),path/'model.onnx'
    assert small.stat().st_size<.34*(bears/'model.onnx').stat().st_size
    bs = [o.read_bytes() for o in photos[::3]]
    with served(path) as url:
        tab.goto(url)
        assert farthest(Predictor(small, n_threads=1), tab, bs)<.01
        pairs = [(a,b) for a,b in zip(answers(tab, bs), p.predict(bs, topk=2)) if b.topk[0][1]-b.topk[1][1]>.05]
    assert len(pairs)>20 and all((a['label'],a['unknown'])==(b.label,b.unknown) for a,b in pairs)
    deploy(bears/'model.onnx', path)
    assert small.stat().st_size<.34*(bears/'model.onnx').stat().st_size, 'what was asked for is forgotten'

def test_8_bits_where_they_save_a_visitor_time(bears, tmp_path):
    "A small file stays as it is; of one that is not, both are measured and said"
    runtime = str(bears/'runtime')
    assert (bears/'model.onnx').read_bytes()==(bears.parent/'bears.onnx').read_bytes()
    proto = onnx.load(bears/'model.onnx')
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((2500,2000), np.float32), 'more'))
    onnx.save(proto, tmp_path/'large.onnx')
    path = deploy(tmp_path/'large.onnx', tmp_path/'a', kind='static', runtime=runtime)
    assert re.search(r'the model 6\.\d MB as int8, a first answer after 1\d s \(in place of 25\.\d MB as fp32, a first answer after 3\d s', (path/'README.md').read_text())
    assert json.loads((path/'model.json').read_text())['packed'] and (path/'model.onnx').stat().st_size<8e6
    cmd = [Path(sys.executable).parent/'imgcls-deploy', tmp_path/'large.onnx', path, '--precision', 'fp32']
    assert 'the model 25.' in subprocess.run(cmd, capture_output=True, text=True, timeout=120).stdout
    assert (path/'model.onnx').read_bytes()==(tmp_path/'large.onnx').read_bytes()
    with pytest.raises(ValueError, match="wanted 'int8' or 'fp32'"): deploy(model, tmp_path/'b', kind='static', runtime=runtime, precision='fp16')
