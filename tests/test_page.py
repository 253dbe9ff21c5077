"The page of the HTTP service, in a real browser: how pictures come in, what is said when it doesn't work, and that its policy holds"
import httpx, io, json, re, shlex, subprocess, sys
import numpy as np, pytest
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from PIL import Image
from imgcls.use.page import asset, csp, document, page
from imgcls.use.predict import Predictor
from imgcls.sample import draw_digit, encode_image
from imgcls.use.serve import make_app, start_server
from playwright.sync_api import expect
from conftest import root
from web import focused

predictor = Predictor(root/'imgcls'/'assets'/'digits.onnx', n_threads=1)
evil = '</style></title><script>alert(1)</script><img src=x onerror=alert(1)>"\' onload="alert(1)'

def digit(i=930): return encode_image(draw_digit(i))
def file(name, b=None): return dict(name=name, mimeType='', buffer=b or digit())

# Without a browser

class Tags(HTMLParser):
    "All tags and attributes of a page"
    def __init__(self, s):
        super().__init__()
        self.tags,self.attrs,self.ids = [],[],[]
        self.feed(s)
    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attrs += [(tag,k,v) for k,v in attrs]

@pytest.mark.parametrize('html', [page('a', 'b', dict(c='d'), True), page(evil, evil, {evil:evil}), document('docs')], ids=['page','evil','docs'])
def test_one_file_and_nothing_inline(html):
    t = Tags(html)
    ids = [v for _,k,v in t.attrs if k=='id']
    assert not [o for o in t.attrs if o[1]=='style' or o[1].startswith('on') or o[1] in ('src','srcset')] and len(ids)==len(set(ids))
    assert t.tags.count('script')<=1 and t.tags.count('style')==1 and '<script>alert' not in html and len(html.encode())<28_000
    assert all(re.match(r'(data:,|docs|openapi\.json|\./|#)', v) for tag,k,v in t.attrs if k=='href')
    labelled = {v for tag,k,v in t.attrs if tag=='label' and k=='for'}
    assert all(v in labelled for tag,k,v in t.attrs if tag=='input' and k=='id')

@pytest.mark.parametrize('name,html', [('index',page('a')), ('docs',document('docs'))])
def test_policy_names_our_script_and_no_other(name, html):
    for tag in ('style','script'):
        body = re.search(rf'<{tag}[^>]*>(.*?)</{tag}>', html, re.S)[1]
        assert f"{tag}-src 'sha256-{b64encode(sha256(body.encode()).digest()).decode()}';" in csp(name)
    assert "frame-ancestors 'none'" in csp(name, "'none'") and "default-src 'none'" in csp(name)
    assert csp('index')!=csp('docs')

def test_a_copy_without_its_files_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr('imgcls.use.predict.files', lambda _: tmp_path)
    with pytest.raises(FileNotFoundError, match='install is incomplete'): asset.__wrapped__('index.html')

# In Chromium, on the real service

@pytest.fixture(scope='module')
def service():
    server,url = start_server(make_app(predictor))
    yield url
    server.should_exit = True

@pytest.fixture(scope='module')
def locked():
    server,url = start_server(make_app(predictor, api_keys=('opensesame',)))
    yield url
    server.should_exit = True

@pytest.fixture
def tab(browser):
    "A tab that minds its console: nothing but answers that are errors, and those only where they are meant"
    ctx = browser.new_context(viewport=dict(width=1000, height=900))
    tab = ctx.new_page()
    tab.set_default_timeout(10_000)
    said = []
    tab.on('console', lambda m: said.append(m.text))
    tab.on('pageerror', lambda e: said.append(f'error: {e}'))
    yield tab
    ctx.close()
    bad = [o for o in said if not o.startswith('Failed to load resource')]
    assert not bad, bad

def give(tab, *files): tab.set_input_files('#pick', list(files))
def cards(tab, n):
    expect(tab.locator('.ic-card')).to_have_count(n)
    expect(tab.locator('.wait')).to_have_count(0)
    return tab.locator('.ic-card')

def heading(o):
    "What the card of a `Prediction` says first"
    if o.unknown: return 'This looks like none of the classes'
    return f'Not sure. My best guess is {o.name}' if o.unsure else o.name

def test_one_and_several(tab, service):
    sent = []
    tab.on('request', lambda r: r.url.endswith('topk=5') and sent.append(r))
    tab.goto(service)
    expect(tab.locator('h1')).to_have_text(predictor.meta['title'])
    expect(tab.locator('#empty')).to_be_visible()
    give(tab, file('image.jpg'))
    expect(cards(tab, 1).locator('h3')).to_have_text('five')
    want = predictor.predict(digit())
    assert [o.split('\n') for o in tab.locator('.ic-card .ic-r').all_inner_texts()]==[[k,f'{p:.1%}'] for k,p in want.topk]
    expect(tab.locator('#status')).to_have_text(f'image.jpg: five, confidence {want.prob:.1%}')
    assert tab.locator('.ic-card img').evaluate('o => o.decode().then(() => o.naturalWidth)')>30
    some = [(f'image.jpg',digit(i)) for i in range(40)]
    give(tab, *[file(*o) for o in some], file('both.png', both()), file('letter.pdf', b'%PDF-1.4'))
    got = cards(tab, 43).locator('.ic-said>:first-child').all_text_contents()
    assert got[:40]==[heading(o) for o in predictor.predict([b for _,b in some])]
    assert got[40]==heading(predictor.predict(both())) and 'not a picture but a PDF' in got[41] and got[42]=='five'
    expect(tab.locator('#status')).to_have_text('41 pictures answered, 1 not.')
    assert len(sent)==4
    tab.click('#clear')
    expect(tab.locator('.ic-card')).to_have_count(0)

def both():
    "A five and a zero, one over the other"
    Image.blend(*[draw_digit(o).resize((150,150)) for o in (930,0)], .5).save(buf := io.BytesIO(), 'PNG')
    return buf.getvalue()

def test_names_are_text(tab, service):
    tab.goto(service)
    give(tab, file('<img src=x onerror=alert(1)>.jpg'))
    expect(cards(tab, 1).locator('small')).to_have_text('<img src=x onerror=alert(1)>.jpg')

def test_the_policy_holds(browser, service):
    "Somebody who smuggled a script, a style or a picture's address in would get nothing from it"
    tab = browser.new_page()
    tab.goto(service)
    said = []
    tab.on('console', lambda m: said.append(m.text))
    tab.evaluate("""() => { document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.hit = 1'}))
    document.body.insertAdjacentHTML('beforeend', '<img id=x src="blob:x" onerror="window.hit = 2"><img src="https://example.com/a.png"><p style="color:red">') }""")
    assert tab.evaluate("fetch('https://example.com/').catch(() => 'no')")=='no'
    tab.wait_for_function("document.querySelector('#x').complete")
    assert tab.evaluate('window.hit')is None and sum('Content Security Policy' in o for o in said)>=4, said
    tab.close()

def test_bad_files_have_their_own_errors(tab, service):
    tab.goto(service)
    give(tab, file('cut.jpg', digit()[:700]), file('letter.pdf', b'%PDF-1.4'), file('empty.jpg', b' '), file('drawing.svg', b'<svg xmlns="http://www.w3.org/2000/svg"/>'))
    said = cards(tab, 4).all_text_contents()
    assert all(o in s for o,s in zip(('damaged','PDF','not a picture','SVG'), said)), said
    expect(tab.locator('.bad')).to_have_count(4)
    expect(tab.locator('#status')).to_have_text('None of 4 answered.')

def test_drop(tab, service, tmp_path):
    "Real files, dropped by the browser's own means; one of them a folder"
    tab.goto(service)
    (tmp_path/'a.jpg').write_bytes(digit())
    (tmp_path/'folder').mkdir()
    cdp = tab.context.new_cdp_session(tab)
    data = dict(items=[], files=[str(tmp_path/'a.jpg'),str(tmp_path/'folder')], dragOperationsMask=1)
    send = lambda kind: cdp.send('Input.dispatchDragEvent', dict(type=kind, x=500, y=700, data=data))
    send('dragEnter')
    for _ in range(50): # as a hand does that holds the files above the page; what comes before it was painted goes nowhere
        send('dragOver')
        if tab.locator('body.drag').count(): break
        tab.wait_for_timeout(100)
    expect(tab.locator('body')).to_have_class('drag')
    send('drop')
    expect(tab.locator('body')).not_to_have_class('drag')
    expect(cards(tab, 2).first.locator('h3')).to_have_text('five')
    expect(tab.locator('.bad')).to_contain_text('can not be read')

paste = '''([b64, txt]) => { const dt = new DataTransfer()
if (b64) dt.items.add(new File([Uint8Array.from(atob(b64), o => o.charCodeAt(0))], 'image.png', {type: 'image/png'}))
else dt.setData('text/plain', txt)
document.activeElement.dispatchEvent(new ClipboardEvent('paste', {clipboardData: dt, bubbles: true, cancelable: true})) }'''

def test_paste_and_addresses(tab, service):
    tab.goto(service)
    tab.evaluate(paste, [b64encode(digit()).decode(),''])
    expect(cards(tab, 1).locator('h3')).to_have_text('five')
    tab.evaluate(paste, ['','some words'])
    tab.evaluate(paste, ['','127.0.0.1:9/a.jpg'])
    expect(cards(tab, 2).first).to_contain_text('private network')
    expect(tab.locator('.ic-card small').nth(1)).to_have_text('https://127.0.0.1:9/a.jpg')
    tab.fill('#address', '/etc/passwd')
    tab.press('#address', 'Enter')
    expect(tab.locator('#url-said')).to_contain_text('https://')
    tab.fill('#address', 'data:image/jpeg;base64,'+b64encode(digit()).decode())
    tab.click('#url button')
    expect(cards(tab, 3).first.locator('h3')).to_have_text('five')
    expect(tab.locator('#url-said')).to_be_empty()

def test_an_address_is_answered(tab):
    server,url = start_server(make_app(predictor, allow_private=True))
    other,at = start_server(picture)
    tab.goto(url)
    tab.fill('#address', f'{at}/five.jpg')
    tab.press('#address', 'Enter')
    expect(cards(tab, 1).locator('h3')).to_have_text('five')
    expect(tab.locator('.none')).to_have_text('WEB')
    server.should_exit = other.should_exit = True

async def picture(scope, receive, send):
    "A server with one picture"
    if scope['type']!='http': return
    await send(dict(type='http.response.start', status=200, headers=[(b'content-type',b'image/jpeg')]))
    await send(dict(type='http.response.body', body=digit()))

def busy(n, status=503):
    "Answer the first `n` requests that all places are taken"
    left = [n]
    def f(route):
        left[0] -= 1
        if left[0]<0: return route.continue_()
        body = json.dumps(dict(code='busy', message='All places are taken.', hint='Try again.'))
        route.fulfill(status=status, headers={'Retry-After':'1'}, content_type='application/json', body=body)
    return f

def test_busy_then_answered(tab, service):
    tab.goto(service)
    tab.route('**/predict*', busy(1))
    give(tab, file('a.jpg'))
    expect(tab.locator('.ic-card')).to_contain_text('All places are taken. Trying again in 1 s (1 of 4).')
    expect(cards(tab, 1).locator('h3')).to_have_text('five')

def test_busy_and_lost_for_long(tab, service):
    "With a clock that is wound on: first no connection, then a busy server, then a button that works"
    tab.clock.install()
    tab.goto(service)
    tab.route('**/predict*', lambda r: r.abort())
    give(tab, file('a.jpg'), file('b.jpg'))
    for i in range(1, 5):
        expect(tab.locator('.ic-card').nth(1)).to_contain_text(f'The connection is lost. Trying again in {2**i} s ({i} of 4).')
        tab.clock.run_for(2**i*1000+50)
    expect(tab.locator('.bad')).to_have_count(2)
    tab.unroute('**/predict*')
    tab.route('**/predict*', busy(100))
    tab.locator('.bad button').first.click()
    for i in range(1, 5):
        expect(tab.locator('.ic-card').first).to_contain_text(f'Trying again in 1 s ({i} of 4).')
        tab.clock.run_for(1050)
    expect(tab.locator('.ic-card').first).to_contain_text('All places are taken.')
    tab.unroute('**/predict*')
    tab.click('#again')
    expect(cards(tab, 2).locator('h3')).to_have_text(['five','five'])

def test_too_large_is_made_smaller_and_said(tab):
    server,url = start_server(make_app(predictor, max_body=300_000))
    noise = np.random.default_rng(0).integers(0, 256, (480,640,3), np.uint8)
    Image.blend(Image.fromarray(noise), draw_digit(930).resize((640,480)), .7).save(buf := io.BytesIO(), 'PNG')
    tab.goto(url)
    give(tab, file('large.png', buf.getvalue()), file('large.tif', bytes(500_000)))
    said = cards(tab, 2).all_text_contents()
    assert re.search(r'large.png · sent as a JPEG made here: from \d.\d MB, 640 × 480 px, to 0.\d MB, 640 × 480 px', said[0]) and '%' in said[0]
    assert 'at most 0.3 MB can be sent' in said[1]
    server.should_exit = True

def test_what_only_the_browser_can_read(tab, service):
    "A cursor, which is an icon with another number in its head"
    draw_digit(930).resize((64,64)).save(buf := io.BytesIO(), 'ICO')
    b = buf.getvalue()
    tab.goto(service)
    give(tab, file('five.cur', b[:2]+b'\2'+b[3:]))
    expect(cards(tab, 1).locator('h3')).to_have_text('five')
    expect(tab.locator('.ic-card small')).to_contain_text('five.cur · sent as a JPEG made here')

def test_a_key_is_asked_for(tab, locked):
    tab.goto(locked)
    give(tab, file('a.jpg'), file('b.jpg'))
    expect(tab.locator('.ic-card').first).to_contain_text('Waiting for the key.')
    for key in ('wrong','opensesame'):
        tab.fill('#key-field', key)
        tab.press('#key-field', 'Enter')
        if key=='wrong': expect(tab.locator('#key-said')).to_contain_text('key')
    expect(cards(tab, 2).locator('h3')).to_have_text(['five','five'])
    expect(tab.locator('#key')).to_be_hidden()
    tab.reload()
    give(tab, file('a.jpg'))
    expect(cards(tab, 1).locator('h3')).to_have_text('five')

def test_behind_a_prefix_and_other_pages(tab, service):
    "All addresses are relative; what the page links to is there, and its policy holds there, too"
    tab.route('**/bears/**', lambda r: r.fulfill(response=r.fetch(url=r.request.url.replace('/bears', ''))))
    tab.goto(f'{service}/bears/')
    give(tab, file('a.jpg'))
    expect(cards(tab, 1).locator('h3')).to_have_text('five')
    tab.click('text=how to call')
    assert tab.url==f'{service}/bears/docs'
    expect(tab.locator('h2', has_text='POST /predict')).to_be_visible()
    tab.click('text=The page')
    expect(tab.locator('#empty')).to_be_visible()

def test_the_manual(tab, service, tmp_path):
    "All routes are there, and what it says can be done is done: with curl and in Python"
    tab.goto(f'{service}/docs')
    expect(tab.locator('h2', has_text='GET /openapi.json')).to_be_visible()
    txt,spec = tab.inner_text('main'),httpx.get(f'{service}/openapi.json').json()
    for path,ops in spec['paths'].items():
        for verb,op in ops.items(): assert f'{verb.upper()} {path}' in txt and op['summary'] in txt
    assert all(o in txt for o in ('topk','several, too','"label":"grizzly"','too_many_pixels','Bearer KEY'))
    (tmp_path/'a.jpg').write_bytes(digit())
    said = [o for o in tab.locator('.route pre').all_inner_texts() if o.startswith(('curl','import')) and 'classify-url' not in o]
    for o in said:
        cmd = shlex.split(o) if o.startswith('curl') else [sys.executable, '-c', o]
        out = subprocess.run([*cmd, *(['-s'] if cmd[0]=='curl' else [])], cwd=tmp_path, capture_output=True, text=True, timeout=30).stdout
        assert 'five' in out or '/health' in o or '/ready' in o or 'openapi' in out or 'doctype' in out, (o,out)
    assert len(said)==26

def test_the_manual_of_a_service_with_a_key(tab, locked):
    tab.goto(f'{locked}/docs#predict')
    expect(tab.locator('#predict pre').first).to_have_text(f"curl -H 'Authorization: Bearer KEY' -F file=@a.jpg '{locked}/predict?topk=5'")
    expect(tab.locator('#predict pre').nth(1)).to_contain_text("open('a.jpg', 'rb')}, headers={'Authorization': 'Bearer KEY'})")
    assert 'Bearer' not in tab.locator('#health pre').first.inner_text()

mine = """import {add, begin, pump} from './send.js'
import {choose} from './choose.js'
begin(async cards => ({answers: cards.map(c => ({name: `seen ${c.name}`, prob: .9, unsure: false, topk: [['a', .9], ['b', .1]]}))}))
choose(add)
pump()"""

def test_another_page_with_another_ask(tab):
    "The parts are modules that another page can import, and whoever answers cards can be exchanged"
    html = re.sub('(?s)(<script type="module">).*?(?=</script>)', lambda m: m[1]+mine, page('Mine'))
    def answer(route):
        name = route.request.url.split('/')[-1]
        route.fulfill(body=asset(name) if name else html, content_type='text/javascript' if name else 'text/html')
    tab.route('http://page.test/**', answer)
    tab.goto('http://page.test/')
    give(tab, file('a.png'))
    expect(cards(tab, 1).locator('h3')).to_have_text('seen a.png')
    expect(tab.locator('#status')).to_have_text('a.png: seen a.png, confidence 90.0%')

def test_narrow_dark_and_by_keyboard(browser, service):
    ctx = browser.new_context(viewport=dict(width=400, height=800), color_scheme='dark', reduced_motion='reduce')
    tab = ctx.new_page()
    tab.goto(service)
    give(tab, file('a very long name without any blank '.replace(' ', '_')*4+'.jpg'), file('both.png', both()), file('letter.pdf', b'%PDF-1.4'))
    cards(tab, 3)
    assert tab.evaluate('document.documentElement.scrollWidth')==400
    assert tab.evaluate('getComputedStyle(document.body).backgroundColor')=='rgb(21, 24, 28)'
    still = "(o => { o.className = 'wait'; o.innerHTML = '<p>'; return getComputedStyle(document.body.appendChild(o).firstChild, '::before').animationName })(document.createElement('div'))"
    assert tab.evaluate(still)=='none'
    seen = focused(tab, 5)
    assert seen==['pick','live','address','Classify','clear'], seen
    with tab.expect_file_chooser() as chooser:
        tab.focus('#pick')
        tab.keyboard.press('Enter')
    assert chooser.value.is_multiple()
    ctx.close()

def test_without_javascript(browser, service):
    ctx = browser.new_context(java_script_enabled=False)
    tab = ctx.new_page()
    tab.goto(service)
    expect(tab.locator('noscript p')).to_be_visible()
    expect(tab.locator('#h-out')).to_be_hidden()
    give(tab, file('a.jpg'))
    tab.click('text=Send')
    assert json.loads(tab.inner_text('pre'))['predictions'][0][0]=='five'
    ctx.close()
