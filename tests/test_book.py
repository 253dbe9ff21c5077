"The book as readers open it: built without executing, walked in a real browser on a desktop and on a phone"
import os, re, shutil, subprocess, sys
import nbformat, pytest
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urldefrag
from conftest import root
import book, repo

@pytest.fixture(scope='session')
def site(tmp_path_factory):
    "The book in a folder, and the seconds of a processor it took"
    dest,t = tmp_path_factory.mktemp('book')/'site',sum(os.times()[:4])
    book.build(dest)
    return dest,sum(os.times()[:4])-t

class Parts(HTMLParser):
    "Links, images and anchors of a page"
    def __init__(self, s):
        super().__init__()
        self.links,self.images,self.anchors = [],[],set()
        self.feed(s)

    def handle_starttag(self, tag, attrs):
        d = dict(attrs)
        if 'id' in d: self.anchors.add(d['id'])
        if tag=='a' and d.get('href'): self.links.append(d['href'])
        if tag=='img': self.images.append(d['src'])

def parsed(site): return {o.relative_to(site).as_posix():Parts(o.read_text(encoding='utf-8')) for o in site.rglob('*.html')}
def is_elsewhere(url): return re.match(r'\w+:', url) or url=='#'

def target(site, page, url):
    "The page and the anchor that `url` on `page` leads to"
    to,anchor = urldefrag(unquote(url))
    fn = ((site/page).parent/to).resolve() if to else site/page
    return fn/'index.html' if fn.is_dir() else fn,anchor

def test_it_is_soon_built(site): assert 1<site[1]<90 # of one processor, so that what else runs does not count

def test_every_chapter_and_every_page_of_the_library_is_in_it(site):
    for fn in repo.notebooks():
        rel = fn.relative_to(root/'nbs')
        if rel.parts[0] in ('course','lib'):
            assert (site[0]/rel.with_suffix('.html')).exists() and (site[0]/rel.with_suffix('.html.md')).exists(), rel

def test_every_internal_link_leads_somewhere(site):
    pages,bad = parsed(site[0]),[]
    for page,parts in pages.items():
        for url in [o for o in parts.links if not is_elsewhere(o)]:
            fn,anchor = target(site[0], page, url)
            found = fn.exists() and (not anchor or fn.suffix!='.html' or anchor in pages[fn.relative_to(site[0].resolve()).as_posix()].anchors)
            if not found: bad.append((page, url))
    assert not bad and len(pages)>50

def test_every_picture_is_there(site):
    shown = [(page,url) for page,parts in parsed(site[0]).items() for url in parts.images if not url.startswith('data:')]
    assert len(shown)>20 and not [(page,url) for page,url in shown if is_elsewhere(url) or not target(site[0], page, url)[0].exists()]

def test_directives_of_nbdev_and_raw_tables_are_not_shown(site):
    for fn in [*site[0].glob('course/*.html'), *site[0].glob('lib/**/*.html')]:
        txt = fn.read_text(encoding='utf-8')
        assert '&lt;table' not in txt and '#| export' not in re.sub('<[^>]*>', '', txt), fn

@pytest.fixture(scope='session')
def url(site):
    "The book, served as any file host does"
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args): pass
    server = ThreadingHTTPServer(('127.0.0.1',0), partial(Quiet, directory=site[0]))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    server.server_close()

broken = "[...document.images].filter(o => !o.complete || !o.naturalWidth).map(o => o.src)"

widths = 1280,400 # of a desktop, of a phone

def test_in_a_browser(site, url, browser):
    "Each page is loaded by one of the two, in turns, and then as wide as the other"
    page,asked,errors = browser.new_page(),[],[]
    page.on('request', lambda o: asked.append(o.url))
    page.on('pageerror', lambda o: errors.append(str(o)))
    def turn(width): page.set_viewport_size(dict(width=width, height=900))
    for i,name in enumerate(sorted(parsed(site[0]))):
        turn(widths[i%2])
        page.goto(f'{url}/{name}')
        page.evaluate('document.querySelectorAll("img").forEach(o => o.loading = "eager")')
        page.wait_for_function('[...document.images].every(o => o.complete)')
        assert not page.evaluate(broken), name
        for width in (widths[i%2],widths[i%2-1]):
            turn(width)
            assert page.evaluate('document.documentElement.scrollWidth')<=width, f'{name} is wider than a screen of {width}'
    elsewhere = [o for o in asked if not o.startswith((url, 'data:', 'blob:'))]
    assert not elsewhere and not errors
    page.close()

def test_search_finds_a_word_of_a_chapter(url, browser):
    page = browser.new_page()
    page.goto(f'{url}/search.html?q=calibration')
    page.wait_for_selector('#search-results li a[href*="07_sure"]')
    page.close()

def test_dark_mode(url, browser):
    context = browser.new_context(color_scheme='dark')
    page = context.new_page()
    page.goto(f'{url}/course/10_practice.html')
    rgb = page.evaluate('getComputedStyle(document.body).backgroundColor')
    assert max(int(o) for o in re.findall(r'\d+', rgb)[:3])<60
    context.close()

def test_launch_buttons_lead_to_the_chapter(site):
    cfg = repo.settings()
    txt = (site[0]/'course'/'10_practice.html').read_text()
    for host in (f'colab.research.google.com/github/{cfg["user"]}/{cfg["repo"]}', f'mybinder.org/v2/gh/{cfg["user"]}/{cfg["repo"]}/course'):
        assert re.search(rf'href="https://{host}[^"]*nbs/course/10_practice.ipynb"', txt), host

def test_the_api_says_what_a_parameter_means(site):
    txt = (site[0]/'api'/'use.html').read_text()
    assert 'id="deploy"' in txt and 'folder to write' in txt

def test_a_warning_stops_the_build(tmp_path, monkeypatch):
    pages = tmp_path/'pages'
    pages.mkdir()
    (pages/'index.md').write_text('# A page\n\n![gone](gone.png)\n')
    monkeypatch.setattr(book, 'gather', lambda: None)
    monkeypatch.setattr(book, 'pages', pages)
    with pytest.raises(SystemExit): book.build(tmp_path/'site')

# The chapters

def visible(nb):
    "Words of prose without what is folded, without badges and addresses; and lines of code"
    md = '\n'.join(o.source for o in nb.cells if o.cell_type=='markdown')
    md = re.sub(r'(?s)<details>.*?</details>|```.*?```', '', re.sub(r'(?m)^\[!\[Open.*$', '', md))
    words = re.findall(r"[\w’'-]+", re.sub(r'\]\([^)]*\)', ']', md))
    return len(words),sum(bool(l.strip()) for o in nb.cells if o.cell_type=='code' for l in o.source.splitlines())

@pytest.mark.parametrize('fn', [o for o in repo.chapters() if o.stem[:2]>='07'], ids=lambda o: o.stem)
def test_a_chapter_has_what_chapters_have(fn):
    nb = nbformat.read(fn, 4)
    md = [o.source for o in nb.cells if o.cell_type=='markdown']
    words,lines = visible(nb)
    assert md[0].startswith('# ') and '\n> ' in md[0] and repo.badge_line(fn.stem) in md[0], 'python tools/repo.py badges'
    assert words<=1200 and lines<=120
    assert '## Questionnaire' in md and '## Further work' in md and any(o.startswith('<details><summary>Answers') for o in md)
    assert not re.search(r'import _|\._[a-z]', '\n'.join(o.source for o in nb.cells if o.cell_type=='code')), 'a private name'
    questions = next(o for o in md[md.index('## Questionnaire')+1:])
    answers = next(o for o in md if o.startswith('<details>'))
    assert len(re.findall(r'(?m)^\d+\. ', questions))==len(re.findall(r'(?m)^\d+\. ', answers))

def test_pictures_that_chapters_show_are_in_the_tree():
    for fn in repo.chapters():
        for o in re.findall(r'raw\.githubusercontent\.com/[^/]+/[^/]+/[^/]+/(nbs/images/[\w.]+)', fn.read_text(encoding='utf-8')): assert (root/o).exists(), (fn.name, o)

def test_copies_without_prose_are_in_step():
    made = {o.name:repo.clean_copy(repo.read(o)) for o in repo.chapters()}
    assert {o.name:repo.read(o) for o in (root/'nbs'/'_clean').glob('*.ipynb')}==made, 'make clean-copies'

def test_the_table_of_chapters_is_in_step(): assert repo.toc_table() in (root/'README.md').read_text(encoding='utf-8'), 'make readme'

def test_figures_of_the_readme_were_measured():
    "Each figure of the table stands in BENCHMARKS.md, in the part of the script it names"
    parts = dict(re.findall(r'(?s)<!-- (\w+) -->\n(.*?)(?=<!-- \w+ -->|\Z)', (root/'BENCHMARKS.md').read_text(encoding='utf-8')))
    rows = re.findall(r'(?m)^\|[^|]+\|([^|]+)\|([^|]+)\| `python bench/bench_(\w+)\.py` \|$', (root/'README.md').read_text(encoding='utf-8'))
    assert len(rows)>3
    for ours,theirs,name in rows:
        for o in re.findall(r'\d+(?:\.\d+)?', ours+theirs): assert re.search(rf'(?<![\d.]){re.escape(o)}(?![\d])', parts[name]), (name, o)

shared = root.parent/'shared'

@pytest.mark.skipif(not (shared/'torch_home').exists(), reason='needs pretrained weights and photos')
def test_the_readme_s_script_for_your_own_photos(tmp_path):
    "As it stands, with a smaller network, one epoch and 24 photos a class"
    for folder in (shared/'data'/'bears').iterdir():
        for fn in [o for o in sorted(folder.glob('*')) if o.suffix in ('.jpg','.png')][:24]:
            (tmp_path/'photos'/folder.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(fn, tmp_path/'photos'/folder.name)
    script = re.findall(r'(?s)```python\n(.*?)```', (root/'README.md').read_text(encoding='utf-8'))[1]
    script = script.replace("'resnet34'", "'squeezenet1_1'").replace('train(learn, 4)', 'train(learn, 1)')
    (tmp_path/'own.py').write_text(f'import matplotlib\nmatplotlib.use("agg")\n{script}')
    env = {**os.environ, 'TORCH_HOME':str(shared/'torch_home'), 'PYTHONPATH':str(root)}
    p = subprocess.run([sys.executable, 'own.py'], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert p.returncode==0, p.stderr[-3000:]
    assert re.search(r'Probe: 0\.\d+ \(0\.\d+ to', p.stdout) and 'precision' in p.stdout
    assert all((tmp_path/o).stat().st_size>20_000 for o in ('doubtful.png','tools.onnx'))

def test_the_readme_is_short():
    txt = re.sub(r'(?s)```.*?```', '', (root/'README.md').read_text(encoding='utf-8'))
    assert len(re.findall(r"[A-Za-z0-9][\w’'.-]*", re.sub(r'\]\([^)]*\)', ']', txt)))<=800
