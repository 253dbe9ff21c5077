"The page where visitors teach: views from files and the camera, answers, and a model file that Python opens"
import json, re, subprocess, sys
import numpy as np, onnx, pytest
from sklearn.linear_model import LogisticRegression
from imgcls.sample import draw_digit, encode_image
from imgcls.use.deploy import deploy
from imgcls.use.predict import Predictor, percent, sample_model
from playwright.sync_api import expect
from sklearn.datasets import load_digits
from web import axe, fake, served

model = sample_model()
def file(name, b): return dict(name=name, mimeType='', buffer=b)
names = 'zero','one','two'
where = {o:np.flatnonzero(load_digits().target==i) for i,o in enumerate(names)}
def digits(name, n, start=0): return [file(f'{name}_{i}.png', encode_image(draw_digit(int(i)), 'PNG')) for i in where[name][start:start+n]]

@pytest.fixture(scope='module')
def folder(runtime, tmp_path_factory): return deploy(model, tmp_path_factory.mktemp('teach')/'page', kind='teach', user='me', runtime=str(runtime))

@pytest.fixture(scope='module')
def site(folder):
    with served(folder) as url: yield url

def give_views(tab, views):
    "Name a class for each of `views`, and give it its files"
    for i,(name,files) in enumerate(views.items()):
        if i>=tab.locator('.class').count(): tab.click('#more')
        tab.fill(f'#name-{i+1}', name)
        tab.set_input_files(f'#files-{i+1}', files)
        expect(tab.locator('.class').nth(i).locator('.count')).to_have_text(f'{len(files)} views')

def taught(tab, n, views):
    "Open the page, give `n` views a class, and wait until they are learned"
    give_views(tab, {o:digits(o, n) for o in views})
    expect(tab.locator('#status')).to_contain_text(f'of {n*len(views)} views are told right when left out')

def saved(tab, path):
    "The model as a visitor gets it"
    with tab.expect_download() as d: tab.click('#save')
    d.value.save_as(path)
    return path

def asked(tab, files):
    "{name: (answer, confidence in percent)} of what the page says about pictures"
    tab.set_input_files('#pick', files)
    expect(tab.locator('#asked .ic-card.done')).to_have_count(len(files))
    rows = "e => [...e.querySelectorAll('.ic-r')].map(o => [o.children[0].textContent, parseFloat(o.children[2].textContent)])"
    return {o.get_attribute('aria-label'):o.evaluate(rows) for o in tab.locator('#asked .ic-card').all()}

def test_what_is_taught_is_told_as_in_python(tab, site, tmp_path):
    "Three digits from 20 views each: told right, and the file that is downloaded says the same"
    tab.goto(site)
    taught(tab, 20, names)
    said = tab.inner_text('#status')
    assert float(re.match(r'([\d.]+)%', said)[1])>=90, said
    held = [f for o in names for f in digits(o, 8, 40)]
    got = asked(tab, held)
    assert np.mean([got[o['name']][0][0]==o['name'].split('_')[0] for o in held])>.9
    p = Predictor(saved(tab, tmp_path/'taught.onnx'))
    for o in held:
        want = dict(p.predict(o['buffer']).topk)
        assert all(abs(100*want[k]-v)<.2 for k,v in got[o['name']]), (got[o['name']], want)
    m = p.meta['metrics']
    assert p.labels==list(names) and p.threshold==pytest.approx(2/3) and not p.unknown and m['n_valid']==60
    assert said.startswith(percent(m['valid_accuracy'])) and m['valid_interval'][0]<m['valid_accuracy']<=1.001*m['valid_interval'][1]
    onnx.checker.check_model(onnx.load(tmp_path/'taught.onnx'))
    cmd = [f'{sys.prefix}/bin/imgcls-predict', tmp_path/'taught.onnx', '--help']
    assert not subprocess.run(cmd, capture_output=True).returncode

def test_a_taught_model_is_deployed(tab, site, folder, tmp_path):
    "As a page that answers, and as one that learns anew"
    tab.goto(site)
    taught(tab, 8, names[:2])
    fn = saved(tab, tmp_path/'taught.onnx')
    runtime = str(folder/'runtime')
    with served(deploy(fn, tmp_path/'answers', kind='static', runtime=runtime)) as url:
        tab.goto(url)
        tab.set_input_files('#pick', digits('one', 1, 50))
        expect(tab.locator('.ic-card.done h3')).to_have_text('one')
    again = deploy(fn, tmp_path/'again', kind='teach', runtime=runtime)
    assert (again/'model.onnx').stat().st_size==pytest.approx((folder/'model.onnx').stat().st_size, rel=.01)

fit = """async ([rows, y, classes]) => { const {fitted, pieces} = await import('./teach/head.js'), o = fitted({rows: Float32Array.from(rows), y, classes})
return {w: o.w.map(w => [...w]), b: o.b, right: o.right, pieces: pieces(y, 5)} }"""

@pytest.mark.parametrize('n,nf,classes', [(45,16,3),(90,200,4)])
def test_the_head_is_scikit_learns(tab, site, n, nf, classes):
    "The same probabilities as LogisticRegression gives for the same features and strength"
    tab.goto(site)
    r = np.random.default_rng(0)
    y = np.sort(np.arange(n)%classes)
    x = (r.normal(size=(classes,nf))[y]*.8+r.normal(size=(n,nf))+3).astype('float32')
    got = tab.evaluate(fit, [x.ravel().tolist(), y.tolist(), classes])
    z = x@np.array(got['w']).T+got['b']
    p = np.exp(z-z.max(1, keepdims=True))
    d = x-x.mean(0)
    d /= np.sqrt((d**2).sum()/n)
    want = LogisticRegression(C=1/(.01*n), tol=1e-8, max_iter=5000).fit(d, y).predict_proba(d)
    assert abs(p/p.sum(1, keepdims=True)-want).max()<5e-3
    assert n/classes<got['right']<=n
    for k in range(classes):
        part = [got['pieces'][i] for i in np.flatnonzero(y==k)]
        assert part==sorted(part) and set(part)==set(range(5)), 'a class is not in five stretches'

def test_what_is_wrong_is_said(tab, site):
    "Nothing learned yet, a file that is none, too few views, two classes of one name"
    tab.goto(site)
    tab.set_input_files('#pick', digits('one', 1))
    expect(tab.locator('#asked .bad')).to_contain_text('Nothing is learned yet.')
    expect(tab.locator('#status')).to_contain_text('Give views to two classes')
    tab.set_input_files('#files-1', [file('letter.pdf', b'%PDF-1.4'), *digits('zero', 3)])
    expect(tab.locator('.class').first.get_by_role('alert')).to_contain_text('letter.pdf: This is not a picture but a PDF.')
    tab.set_input_files('#files-2', digits('one', 6))
    expect(tab.locator('#status')).to_contain_text('class 1 wants 5 views at least.')
    expect(tab.locator('#save')).to_be_disabled()
    tab.fill('#name-2', 'class 1')
    expect(tab.locator('#status')).to_contain_text('Two classes are called class 1')
    tab.fill('#name-2', 'one')
    tab.set_input_files('#files-1', digits('zero', 4, 10))
    expect(tab.locator('#save')).to_be_enabled()
    tab.locator('.class').first.get_by_role('button', name='Forget').click()
    expect(tab.locator('#save')).to_be_disabled()
    expect(tab.locator('.class').first.locator('.count')).to_have_text('no views')

show = '''
import json, re, sys
from playwright.sync_api import expect, sync_playwright
url,path,fake = sys.argv[1],sys.argv[2],sys.argv[3:]
with sync_playwright() as p:
    b = p.chromium.launch(executable_path=path, args=['--no-sandbox', *fake])
    tab = b.new_page()
    tab.goto(url)
    hidden = tab.locator('.show').first.is_hidden()
    tab.click('#live')
    tab.locator('.show').first.click()
    expect(tab.locator('.count').first).to_have_text('30 views', timeout=30_000)
    expect(tab.locator('.show').first).to_have_text('Show it')
    tab.locator('.show').nth(1).click()
    tab.wait_for_function("""() => {
        const enough = parseInt(document.querySelectorAll('.count')[1].textContent) >= 4
        if (enough) document.querySelectorAll('.show')[1].click()
        return enough
    }""")
    tab.wait_for_selector('#seen h3')
    seen = tab.inner_text('#seen')
    tab.wait_for_timeout(1000)
    n = tab.inner_text('.class:nth-child(2) .count')
    tab.click('#live')
    off = [tab.evaluate("document.querySelector('#video').srcObject"), tab.locator('.show').first.is_hidden()]
    print(json.dumps([hidden, seen, n, off, tab.locator('.class').first.locator('canvas').count()]))
    b.close()
'''

def test_the_camera_shows_classes(site):
    "A press takes 30 views, another press stops it before; then what is seen is told"
    from browser import chromium
    out = subprocess.run([sys.executable, '-c', show, site, chromium(), *fake], capture_output=True, text=True, timeout=120)
    assert not out.returncode, out.stderr[-2000:]
    hidden,seen,n,off,pics = json.loads(out.stdout)
    assert hidden and off==[None,True] and pics==12
    assert re.search(r'confidence \d', seen) and {'class 1','class 2'} <= set(seen.split('\n'))
    assert 3<int(n.split()[0])<30

@pytest.mark.parametrize('scheme,width', [('light',1280),('dark',400)])
def test_seen_and_heard(browser, site, scheme, width):
    "Nothing sticks out, and axe-core finds nothing serious"
    ctx = browser.new_context(viewport=dict(width=width, height=900), color_scheme=scheme, bypass_csp=True)
    tab = ctx.new_page()
    tab.goto(site)
    expect(tab.locator('#ready')).to_contain_text('offline')
    taught(tab, 6, names)
    tab.fill('#name-3', 'a rather long name for a class that nobody would give')
    asked(tab, digits('two', 2, 60))
    assert tab.evaluate('document.documentElement.scrollWidth')==width
    tab.click('text=About this page')
    tab.evaluate(axe())
    found = tab.evaluate("axe.run().then(o => o.violations.map(v => [v.impact, v.id, v.nodes.map(n => n.html.slice(0, 120))]))")
    assert not [o for o in found if o[0] in ('serious','critical')], found
    ctx.close()

def test_what_the_folder_says(folder, tmp_path):
    "No word of the classes that the network was trained for; what it can't be is said"
    text = (folder/'README.md').read_text()
    assert 'visitors teach' in text and 'eight' not in text and 'What visitors take home' in text
    facts = json.loads((folder/'model.json').read_text())
    assert 'labels' not in facts and facts['taught']['format']==1
    with pytest.raises(ValueError, match='takes the network as it is'): deploy(model, tmp_path/'a', kind='teach', runtime=str(folder/'runtime'), precision='int8')
    with pytest.raises(ValueError, match='is of the kind teach'): deploy(model, folder, kind='static')
