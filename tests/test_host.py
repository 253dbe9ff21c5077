"The app hosted: warm kernels, a limit, closed pages, large uploads, and the page itself, in a real browser"
import asyncio, gzip, json, os, psutil, pytest, re, shutil, signal, subprocess, sys, threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, ExitStack
from playwright.sync_api import expect
from traitlets.config import PyFileConfigLoader
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen
from imgcls.use.host import app_notebook, free_port, serve_app, server_config, stop_app, voila_config
from imgcls.sample import draw_digit, encode_image
from conftest import root
from fronts import _known7, wait, write_nb
from processes import family, is_alive, words
import widgets7

model = root/'imgcls'/'assets'/'digits.onnx'
five = dict(name='five.png', mimeType='image/png', buffer=encode_image(draw_digit(930), 'PNG'))

def kernels(p):
    "The kernels of server `p`, by id"
    return {a.split('kernel-')[1].removesuffix('.json'):o for o in family(psutil.Process(p.pid)) for a in words(o) if 'kernel-' in a and a.endswith('.json')}

def visit(browser, url, says='Your answer will be here', **kwargs):
    "A visitor of their own: (page, id of its kernel)"
    page = browser.new_context(**kwargs).new_page()
    page.trouble = []
    page.on('pageerror', lambda o: page.trouble.append(str(o)))
    page.goto(url)
    page.get_by_text(says).first.wait_for(timeout=20_000)
    return page,json.loads(page.locator('#jupyter-config-data').text_content())['kernelId']

def leave(page):
    "As people do: on to another page"
    page.goto('about:blank')
    page.context.close()

def choose(page, *files):
    with page.expect_file_chooser() as fc: page.locator('.widget-upload').click()
    fc.value.set_files(list(files))

def answers(page, fn=None):
    "An upload, and the answer"
    choose(page, fn or five)
    page.locator('.ic-said h2', has_text='five').wait_for(timeout=30_000)

@pytest.fixture
def serve(tmp_path):
    "Serve a notebook, the app by default; all are stopped at the end"
    ps = []
    def f(nb=None, **kwargs):
        if not nb: (nb := tmp_path/'app.ipynb').write_text(app_notebook('Which digit is it?', model))
        ps.append(serve_app(nb, **kwargs))
        return ps[-1]
    yield f
    for p,_ in ps: stop_app(p)

def status(url, method='GET'):
    try:
        with urlopen(Request(url, method=method), timeout=30) as r: return r.status,r.headers,r.read().decode()
    except HTTPError as e: return e.code,e.headers,e.read().decode()

# Settings

def test_one_place_for_settings():
    assert json.loads((root/'voila.json').read_text())==voila_config()
    ours,theirs = server_config(),PyFileConfigLoader('jupyter_server_config.py', path=str(root/'.binder')).load_config()
    sockets = {k:v for k,v in ours['ServerApp']['tornado_settings'].items() if k!='headers'}
    assert theirs.ServerApp.tornado_settings==sockets
    assert all(ours['MappingKernelManager'][k]==v for k,v in theirs.MappingKernelManager.items()) and len(theirs.MappingKernelManager)==2

def test_a_closed_page_is_noticed_within_two_minutes():
    cfg = voila_config()
    cull,ws = cfg['MappingKernelManager'],cfg['Voila']['tornado_settings']
    assert ws['ws_ping_timeout']>2*ws['ws_ping_interval'] # Jupyter looks for an answer before it asks for the first time
    lost = (ws['ws_ping_interval']+ws['ws_ping_timeout'])/1000
    assert not cull['cull_connected'] and max(cull['cull_idle_timeout'], lost)+cull['cull_interval']+10<120

# Visitors

def test_several_at_once_have_a_port_each(serve):
    with ThreadPoolExecutor(3) as ex: ps = list(ex.map(lambda _: serve(pool_size=0), range(3)))
    assert len({url for _,url in ps})==3 and all(p.poll() is None for p,_ in ps)
    for p,url in ps: assert urlsplit(url).port in {o.laddr.port for o in psutil.Process(p.pid).net_connections() if o.status=='LISTEN'}

def test_three_in_a_row_find_it_warm(serve, browser):
    p,url = serve()
    warm = wait(lambda: len(kernels(p))==3 and kernels(p), 90)
    pages = [visit(browser, url) for _ in range(3)]
    assert len({k for _,k in pages}&set(warm))==3
    for page,_ in pages:
        answers(page)
        assert not page.trouble
    wait(lambda: len(kernels(p))==5, 90) # two more are warm, and five the most
    for page,_ in pages: leave(page)
    wait(lambda: not {k for _,k in pages}&set(kernels(p)), 20)
    wait(lambda: len(kernels(p))==3, 90)

def test_a_page_that_is_gone_without_a_word(serve, browser):
    p,url = serve(pool_size=0, idle=6, every=1)
    page,k = visit(browser, url)
    page.evaluate('navigator.sendBeacon = () => false')
    page.wait_for_timeout(7500)
    assert k in kernels(p) # open and idle is no reason
    answers(page)
    page.context.close()
    page,gone = visit(browser, url)
    leave(page)
    wait(lambda: gone not in kernels(p), 5) # a word is enough; without it, idle counts
    wait(lambda: not kernels(p), 30)
    assert status(url)[0]==200 and len(kernels(p))==1
    wait(lambda: not kernels(p), 30) # nobody ever opened the page

def test_all_places_are_taken(serve, browser):
    p,url = serve(pool_size=1, max_kernels=1)
    page,k = visit(browser, url)
    code,head,body = status(url)
    assert (code,head['Retry-After'])==(503,'15') and 'All places are taken' in body and 'Traceback' not in body
    assert status(url, 'HEAD')[0]==200 and status(f'{url}/health')[2]=='ok' and list(kernels(p))==[k]
    answers(page)
    leave(page)
    wait(lambda: k not in kernels(p), 20)
    page,_ = visit(browser, url)
    page.context.close()

def test_an_idle_page_makes_room(serve, browser):
    p,url = serve(pool_size=0, max_kernels=1, spare=1)
    first,k = visit(browser, url)
    first.wait_for_timeout(2500)
    second,_ = visit(browser, url)
    expect(first.get_by_role('alert')).to_contain_text('needed for somebody else', timeout=20_000)
    assert k not in kernels(p) and len(kernels(p))==1
    answers(second)
    leave(second)
    wait(lambda: not kernels(p), 20)
    first.get_by_role('button', name='Start again').click()
    expect(first.get_by_role('alert')).to_have_count(0, timeout=20_000)
    first.get_by_text('Your answer will be here').wait_for(timeout=20_000)
    first.context.close()

def test_large_uploads(serve, browser, tmp_path):
    _,url = serve(pool_size=0)
    page,_ = visit(browser, url)
    for mb in (30,60): (tmp_path/f'{mb}.png').write_bytes(five['buffer']+os.urandom(mb*2**20))
    choose(page, tmp_path/'60.png')
    expect(page.locator('.visit-notice')).to_contain_text('61 MB is too much: 47 MB')
    expect(page.locator('.ic-app').get_by_role('alert')).to_contain_text('Nothing has arrived') # and the button is a new one
    page.get_by_role('button', name='OK', exact=True).click()
    answers(page, tmp_path/'30.png')
    assert not page.get_by_role('alert').count() and not page.trouble
    page.context.close()

@contextmanager
def slow_line(port, rate):
    "A port before `port`, that passes on `rate` bytes a second at most"
    async def pass_on(r, w, rate):
        while b := await r.read(2**14):
            w.write(b)
            await w.drain()
            await asyncio.sleep(len(b)/rate)
        w.close()
    async def both(r, w):
        r2,w2 = await asyncio.open_connection('127.0.0.1', port)
        await asyncio.gather(pass_on(r, w2, rate), pass_on(r2, w, 1e9), return_exceptions=True)
    async def end():
        for o in (ts := asyncio.all_tasks()-{asyncio.current_task()}): o.cancel()
        await asyncio.gather(*ts, return_exceptions=True)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(both, '127.0.0.1', 0), loop).result(10)
    yield server.sockets[0].getsockname()[1]
    asyncio.run_coroutine_threadsafe(end(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)

def test_a_slow_line_is_waited_for(serve, browser, tmp_path):
    "A picture that takes some seconds to send, under way when the server first looks whether the visitor is still there"
    _,url = serve(pool_size=0)
    (tmp_path/'2.png').write_bytes(five['buffer']+os.urandom(2*2**20))
    with slow_line(urlsplit(url).port, 3e5) as port:
        page,_ = visit(browser, url.replace(str(urlsplit(url).port), str(port)))
        said = []
        page.on('console', lambda o: said.append(o.text))
        page.wait_for_timeout(6000)
        choose(page, tmp_path/'2.png')
        expect(page.locator('.visit-notice')).to_contain_text('Sending 2', timeout=5000)
        page.locator('.ic-said h2', has_text='five').wait_for(timeout=30_000)
        expect(page.locator('.visit-notice')).to_have_count(0)
        assert not page.trouble and not [o for o in said if 'onnection lost' in o]
        page.context.close()

# What a visitor sees when something goes wrong

def test_kernel_and_connection_lost(serve, browser):
    p,url = serve(pool_size=0)
    page,k = visit(browser, url)
    other,_ = visit(browser, url)
    kernels(p)[k].kill()
    expect(page.get_by_role('alert')).to_contain_text('had to stop', timeout=40_000)
    stop_app(p)
    expect(other.get_by_role('alert')).to_contain_text('connection is lost', timeout=20_000)
    for o in (page,other): o.context.close()

def test_a_warm_kernel_that_died_waits_for_nobody(serve, browser):
    p,url = serve(pool_size=2)
    warm = wait(lambda: len(kernels(p))==2 and kernels(p), 60)
    for o in warm.values(): o.kill()
    wait(lambda: all(status(f'{url}/api/kernels/{o}')[0]==404 for o in warm), 30)
    page,k = visit(browser, url) # on a new one
    assert k not in warm
    answers(page)

@pytest.mark.parametrize('heated', [False,True])
def test_a_kernel_that_died_just_before_somebody_came(serve, browser, heated):
    page = browser.new_context().new_page()
    for _ in range(5): # the server looks every three seconds, and may be first
        p,url = serve(pool_size=1)
        k,kernel = wait(lambda: [*kernels(p).items()], 60)[0]
        if heated: wait(lambda: json.loads(status(f'{url}/api/kernels/{k}')[2]).get('execution_state')=='idle', 60)
        kernel.kill()
        page.goto(url)
        if not page.locator('#jupyter-config-data').count() or f'"{k}"' in page.content(): break
        stop_app(p)
    expect(page.get_by_role('alert')).to_contain_text('had to stop', timeout=20_000)
    page.get_by_role('button', name='Start again').click()
    answers(page)

def test_the_connection_comes_back(serve, browser):
    p,url = serve(pool_size=0)
    page,k = visit(browser, url)
    page.evaluate('visitSocket.close()')
    page.wait_for_function('visitSocket.readyState==1')
    answers(page)
    assert list(kernels(p))==[k]
    page.context.close()

# The page

zoo = '''
import ipywidgets as W
said = W.HTML('<b>nothing yet</b>')
def say(ch): said.value = f'{type(ch["owner"]).__name__} says {ch["new"]!r}'
ws = [W.Text(description='name'), W.Textarea(description='words'), W.Dropdown(options=['a','b'], description='pick'), W.Checkbox(description='tick'), W.ToggleButton(description='turn')]
for o in ws: o.observe(say, 'value')
out,bar = W.Output(),W.IntProgress(max=4, description='bar')
def press(b):
    bar.value += 1
    box.children += (W.Label(f'press {bar.value}'),)
    with out: print('captured', bar.value)
    with quiet:
        quiet.clear_output(wait=True)
        print('only', bar.value)
b,quiet = W.Button(description='press', icon='check', button_style='success'),W.Output()
b.on_click(press)
box = W.VBox([b, bar])
acc = W.Accordion([W.Label('folded')], selected_index=None)
acc.observe(say, 'selected_index')
acc.set_title(0, 'more')
W.HBox([box, W.VBox(ws), W.VBox([said, out, quiet, acc])])
'''

@pytest.mark.parametrize('major', [7,8])
def test_widgets_of_both_versions(serve, browser, tmp_path, monkeypatch, major):
    if major==7:
        widgets7.make()
        for k,v in widgets7.environ().items(): monkeypatch.setenv(k, v)
    nb = write_nb(tmp_path/'zoo.ipynb', zoo, f"from imgcls.use.app import ClassifierApp\nClassifierApp({str(model)!r})", "display({'text/plain':'plain'}, raw=True)")
    _,url = serve(nb, pool_size=0)
    page,_ = visit(browser, url)
    assert page.locator('.ic-version').inner_text().startswith(str(major))
    said = lambda s: expect(page.get_by_text(s, exact=True)).to_be_visible(timeout=10_000)
    page.get_by_label('name').fill('Ada')
    page.get_by_label('name').press('Enter')
    said("Text says 'Ada'")
    page.get_by_label('words').fill('x')
    page.get_by_label('words').blur()
    said("Textarea says 'x'")
    page.get_by_label('pick').select_option('b')
    said("Dropdown says 'b'")
    page.get_by_label('tick').check()
    said('Checkbox says True')
    page.get_by_role('button', name='turn').click()
    said('ToggleButton says True')
    for i in (1,2):
        page.get_by_role('button', name='press').click()
        said(f'press {i}')
        said(f'only {i}')
    expect(page.locator('.widget-output').first).to_have_text(re.compile(r'captured 1\s+captured 2'))
    assert page.locator('.progress-bar').evaluate('e => e.style.width')=='50%'
    page.get_by_text('more').click()
    said('folded')
    said('Accordion says 0')
    said('plain')
    for _ in range(2): answers(page)
    assert not [o for o in page.trouble if major!=7 or _known7 not in o]
    page.context.close()

def test_a_slider(serve, browser, tmp_path):
    nb = write_nb(tmp_path/'more.ipynb', "import ipywidgets as W\ns,l = W.IntSlider(7, description='turn'),W.Label('none')\ns.observe(lambda ch: setattr(l, 'value', f'now {ch.new}'), 'value')\nW.VBox([s,l])")
    _,url = serve(nb, pool_size=0)
    page,_ = visit(browser, url, 'turn')
    page.locator('.noUi-handle, .ui-slider-handle').first.press('ArrowRight')
    page.get_by_text('now 8').wait_for(timeout=20_000)
    page.context.close()

def test_scripts_are_sent_compressed(serve):
    _,url = serve(pool_size=0)
    def get(path, **headers):
        with urlopen(Request(f'{url}/voila/static/{path}', headers=headers)) as r: return r.headers['Content-Encoding'],r.headers['Etag'],r.read()
    (no,_,plain),(how,tag,small) = get('voila.js'),get('voila.js', **{'Accept-Encoding':'gzip'})
    assert (no,how)==(None,'gzip') and gzip.decompress(small)==plain and len(small)<len(plain)/2
    for path,code in {'voila.js':304, '../voila.js':403, '%2e%2e/app.py':403}.items():
        with pytest.raises(HTTPError) as e: get(path, **{'Accept-Encoding':'gzip', 'If-None-Match':tag})
        assert e.value.code==code

# Starting and stopping

@pytest.fixture
def command(tmp_path):
    "The console script, as a process of its own"
    (fn := tmp_path/'imgcls-app').write_text('from imgcls.use.host import imgcls_app\nimgcls_app()')
    kw = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    with ExitStack() as stack:
        def start(*args):
            p = subprocess.Popen([sys.executable, str(fn), *map(str, args)], **kw)
            stack.callback(stop_app, p)
            return p
        yield start

@pytest.mark.parametrize('how', ['Ctrl-C','SIGTERM'])
def test_nothing_is_left(command, how):
    port = free_port(0)
    p = command(model, '--port', port, '--title', 'Which one?')
    assert f'http://localhost:{port}' in p.stdout.readline()
    ps = wait(lambda: (o := family(psutil.Process(p.pid))[1:]) and len(o)==4 and o, 60)
    assert 'Which one?' in status(f'http://127.0.0.1:{port}')[2]
    os.killpg(p.pid, signal.SIGINT) if how=='Ctrl-C' else p.terminate()
    assert p.wait(30)==0 and 'Traceback' not in p.stderr.read()
    wait(lambda: not any(map(is_alive, ps)), 20)

def test_killed_takes_its_kernels_along(serve):
    p,_ = serve(pool_size=1)
    ps = wait(lambda: list(kernels(p).values()), 90)
    p.kill()
    wait(lambda: not any(map(is_alive, ps)), 30)

@pytest.mark.parametrize('args,said', [(['nowhere.onnx'],'no model'), ([__file__],'is damaged'), ([model,'--port'],'in use')])
def test_a_sentence_and_no_server(command, args, said, serve):
    if args[-1]=='--port': args = [*args, serve(pool_size=0)[1].split(':')[-1]]
    out,err = (p := command(*args)).communicate(timeout=60)
    assert p.returncode==1 and not out and err.startswith('imgcls-app: ') and said in err.lower() and len(err.splitlines())==1, err

def test_binder_culls_what_voila_started(tmp_path, browser):
    cfg = (root/'.binder'/'jupyter_server_config.py').read_text()
    (tmp_path/'jupyter_server_config.py').write_text(cfg.replace('timeout = 60', 'timeout = 6').replace('interval = 15', 'interval = 1'))
    shutil.copy(root/'voila.json', tmp_path)
    (tmp_path/'app.ipynb').write_text(app_notebook('Which digit is it?', model))
    port,env = free_port(0),dict(os.environ, JUPYTER_CONFIG_DIR=str(tmp_path), PYTHONPATH=os.pathsep.join([str(root), os.environ.get('PYTHONPATH', '')]))
    cmd = [sys.executable, '-m', 'jupyter', 'server', '--no-browser', '--allow-root', f'--port={port}', '--IdentityProvider.token=', '--ip=127.0.0.1', '--ServerApp.disable_check_xsrf=True', '--ServerApp.port_retries=0']
    p = subprocess.Popen(cmd, cwd=tmp_path, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        api = f'http://127.0.0.1:{port}/api/kernels'
        def up():
            try: return status(api)[0]==200
            except OSError: return False
        wait(up, 60)
        mine = json.loads(urlopen(Request(api, b'{"name":"python3"}')).read())['id']
        page,k = visit(browser, f'http://127.0.0.1:{port}/voila/render/app.ipynb')
        there = lambda: {o['id'] for o in json.loads(status(api)[2])}
        assert there()=={mine,k}
        (tmp_path/'30.png').write_bytes(five['buffer']+os.urandom(30*2**20))
        answers(page, tmp_path/'30.png')
        leave(page)
        wait(lambda: there()=={mine}, 30)
    finally: stop_app(p)

def test_a_rush(serve):
    "However many come at once, there is never a kernel more than there is room for"
    p,url = serve(pool_size=1, max_kernels=2)
    with ThreadPoolExecutor(8) as ex: codes = [o[0] for o in ex.map(lambda _: status(url), range(8))]
    assert sorted(codes)==[200]*2+[503]*6 and len(kernels(p))==2
