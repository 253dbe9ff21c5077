"A notebook in a real browser: in JupyterLab and in Voila, with ipywidgets 7 and 8"
import json, nbformat, os, psutil, re, socket, subprocess, sys, tempfile
from pathlib import Path
from urllib.request import Request, urlopen
from conftest import root
from processes import end, family, wait, words
import widgets7

fronts = [(k,m) for k in ('lab','voila') for m in (7,8)]
_version = "import ipywidgets\nfrom IPython.display import HTML\nHTML(f'ipywidgets <b class=ic-version>{ipywidgets.__version__}</b>')"
_outs = '.jp-OutputArea-output'

def write_nb(fn, *cells):
    "A notebook of code `cells` in file `fn`; a cell before them says which ipywidgets the kernel has"
    kernel = dict(display_name='Python 3', language='python', name='python3')
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(o.strip()) for o in (_version,*cells)], metadata=dict(kernelspec=kernel))
    nbformat.write(nb, fn)
    return Path(fn)

def upload(page, *files, name='Choose pictures'):
    "Choose `files` in the dialog that the upload button `name` opens"
    with page.expect_file_chooser() as fc: page.get_by_role('button', name=name).click()
    fc.value.set_files([str(o) for o in files])

def exact(s): return re.compile(rf'^\s*{re.escape(s)}\s*$')

class Front:
    "A server of `kind` 'lab' or 'voila' for the notebooks in `path`, with ipywidgets `major`; starts with the first `open`"
    def __init__(self, kind, major, path): self.kind,self.major,self.path,self.p,self.nbs = kind,major,Path(path),None,[]
    def __str__(self): return f'{self.kind}{self.major}'
    def __enter__(self): return self
    def __exit__(self, *_): self.close()

    def env(self):
        "Nothing of the user's own settings; this source tree; and, for 7, ipywidgets 7"
        own = {k:str(self.tmp/v) for k,v in dict(JUPYTER_CONFIG_DIR='config', JUPYTER_DATA_DIR='data', IPYTHONDIR='ipython').items()}
        res = dict(os.environ, **own, PYTHONPATH=os.pathsep.join([str(root), *filter(None, [os.environ.get('PYTHONPATH')])]))
        return widgets7.environ(**res) if self.major==7 else res

    def start(self):
        "Start the server, unless it runs"
        if self.p: return
        if self.major==7: widgets7.make()
        self.tmp_dir = tempfile.TemporaryDirectory(prefix=f'front-{self}-', ignore_cleanup_errors=True)
        self.tmp = Path(self.tmp_dir.name)
        news = self.tmp/'config'/'lab'/'user-settings'/'@jupyterlab'/'apputils-extension'/'notification.jupyterlab-settings'
        news.parent.mkdir(parents=True)
        news.write_text(json.dumps(dict(fetchNews='false', checkForUpdates=False)))
        with socket.create_server(('127.0.0.1',0)) as s: port = s.getsockname()[1]
        self.url,self.log = f'http://127.0.0.1:{port}',self.tmp/'server.log'
        lab = ['jupyterlab', f'--ServerApp.root_dir={self.path}', '--ServerApp.ip=127.0.0.1', '--ServerApp.port_retries=0', '--IdentityProvider.token=', '--allow-root',
            '--ServerApp.disable_check_xsrf=True', '--LabApp.expose_app_in_browser=True']
        voila = ['voila', str(self.path), '--Voila.ip=127.0.0.1', '--show_tracebacks=True', '--Voila.tornado_settings', 'disable_check_xsrf=True']
        cmd = [sys.executable, '-m', *(lab if self.kind=='lab' else voila), f'--port={port}', '--no-browser']
        with open(self.log, 'w') as f: self.p = psutil.Popen(cmd, cwd=self.path, env=self.env(), stdout=f, stderr=f, stdin=subprocess.DEVNULL)
        wait(lambda: self.p.poll() is not None or _listens(port), 60, lambda: f'{self} did not start:\n{self.logged()}')
        if self.p.poll() is not None: raise AssertionError(f'{self} stopped:\n{self.logged()}')

    def logged(self): return self.log.read_text()[-4000:]
    def kernels(self): return [o for o in family(self.p) if any('ipykernel' in a for a in words(o))]

    def api(self, path, method='GET'):
        "The server's answer"
        with urlopen(Request(f'{self.url}/{path}', method=method), timeout=10) as o: return json.loads(o.read() or 'null')

    def open(self, browser, nb, secs=90, **viewport):
        "Open notebook `nb` in a page of its own, and run all of it"
        self.start()
        self.nbs.append(res := Nb(self, browser, dict(width=1280, height=900)|viewport))
        res.run(Path(nb).absolute().relative_to(self.path.absolute()).as_posix(), secs)
        return res

    def close(self):
        "Stop all: pages, kernels, server"
        for o in list(self.nbs): o.close()
        if not self.p: return
        end(family(self.p))
        self.p = None
        self.tmp_dir.cleanup()

def _listens(port):
    with socket.socket() as s: return s.connect_ex(('127.0.0.1',port))==0

_idle = "() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status=='idle'"
_run = "() => { jupyterapp.commands.execute('notebook:run-all-cells').then(() => window.icRan = true) }"
_text = "r => [...document.querySelectorAll(r)].filter(o => !o.parentElement.closest(r)).map(o => o.innerText).join('\\n').replace(/\\s+/g, ' ')"
_bad = 'Traceback (most recent call last)','Error displaying widget','Error creating widget','Failed to load model','Click to show javascript error','Loading widget...'
_known7 = "(reading 'Queue')" # ipywidgets 7 typesets a description with MathJax 2, and JupyterLab 4 has 3: said when all is shown, and of no consequence
_loaded = "(es) => es.map(e => e.complete && e.naturalWidth)"

def _dicts(s):
    "The JSON objects in a message of Jupyter's"
    i = s.find('{')
    while i>=0:
        try: o,i = json.JSONDecoder().raw_decode(s, i)
        except ValueError: return
        yield o
        i = s.find('{', i)

class Nb:
    "A notebook that runs in a page: what it says, and what a person does there"
    def __init__(self, front, browser, viewport):
        self.front,self.said,self.err,self.console,self.urls,self.top = front,[],[],[],[],_outs
        self.ctx = browser.new_context(viewport=viewport)
        self.page = self.ctx.new_page()
        self.page.on('console', lambda o: self.console.append(o.text) if o.type=='error' else None)
        self.page.on('pageerror', lambda o: self.said.append(f'page: {o}'))
        self.page.on('request', lambda o: self.urls.append(o.url))
        self.page.on('websocket', lambda ws: ws.on('framereceived', self._frame))

    def _frame(self, o):
        "Keep the kernel's exceptions, those in callbacks too, and what it says on stderr"
        s = o if isinstance(o, str) else o.decode('utf8', 'replace')
        if re.search(r'"msg_type":\s*"error"', s): self.said += ['kernel: ' + re.sub(r'\x1b\[[\d;]*m', '', '\n'.join(m['traceback'])) for m in _dicts(s) if 'traceback' in m]
        if re.search(r'"name":\s*"stderr"', s): self.err += [m['text'] for m in _dicts(s) if m.get('name')=='stderr']

    def run(self, nb, secs):
        "Go to `nb` and run it: Voila does when asked for it, JupyterLab when told to"
        if self.front.kind=='voila': return self.page.goto(f'{self.front.url}/voila/render/{nb}', timeout=1000*secs)
        self.page.goto(f'{self.front.url}/doc/tree/{nb}?reset', timeout=1000*secs)
        self.page.wait_for_function(_idle, timeout=1000*secs)
        self.page.evaluate(_run)
        self.page.wait_for_function('window.icRan', timeout=1000*secs)

    def close(self):
        "Close the page, and shut its kernel down"
        f = self.front
        if self not in f.nbs: return
        f.nbs.remove(self)
        try:
            if f.kind=='voila': self.page.goto('about:blank')
            self.ctx.close()
            if f.kind=='lab':
                for k in f.api('api/kernels'): f.api(f'api/kernels/{k["id"]}', 'DELETE')
        except Exception as e: print(f'{f}: {e}')

    @property
    def version(self): return self.page.locator('.ic-version').inner_text()
    @property
    def manager(self):
        "The version of the widget manager that the page got: 3 goes with ipywidgets 7, 5 with 8"
        url = next(o for o in self.urls if 'jupyterlab-manager/static/remoteEntry' in o)
        return self.front.api(url.removeprefix(self.front.url)[1:].partition('/static/remoteEntry')[0]+'/package.json')['version']

    @property
    def text(self):
        "What the outputs, or the widget we are `within`, say, in one line"
        return self.page.evaluate(_text, self.top).strip()

    def within(self, top=_outs):
        "From now on, look only within what selector `top` finds"
        self.top = top
        return self

    def trouble(self):
        "Exceptions in the kernel and in the page, and what is shown in place of an output"
        shown = self.page.locator(', '.join(f'{_outs}:has-text("{o}")' for o in _bad)).all_inner_texts()
        return [o for o in self.said+shown if self.front.major!=7 or _known7 not in o]

    def stderr(self):
        "What the kernel said on stderr, shown or not"
        return list(dict.fromkeys(self.err + self.page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').all_inner_texts()))

    def shot(self, fn):
        "Save what the screen shows"
        self.page.screenshot(path=fn)
        return fn

    def _fail(self, what):
        fn = self.shot(Path(tempfile.gettempdir())/f'{self.front}.png')
        return f'{self.front}: {what}\nthe outputs: {self.text[:2000]}\ntrouble: {self.trouble()}\nconsole: {self.console[-5:]}\nscreen: {fn}'

    def wait(self, f, what, secs=15):
        "The first true answer of `f`; else all that is known"
        return wait(f, secs, lambda: self._fail(what), lambda o: self.page.wait_for_timeout(1000*o))

    def says(self, text, secs=15): return self.wait(lambda: text in self.text, f'{text!r} is not there', secs)
    def gone(self, text, secs=15): return self.wait(lambda: text not in self.text, f'{text!r} is still there', secs)

    def labelled(self, name, kind='dropdown'):
        "The widget of `kind` with description `name`"
        return self.page.locator(f'{self.top} .widget-{kind}', has=self.page.locator('.widget-label', has_text=exact(name)))

    def choose(self, name, option): self.labelled(name).locator('select').select_option(label=option)
    def chosen(self, name): return _label(self.labelled(name).locator('select'))
    def field(self, name): return self.labelled(name, 'text').locator('input')
    def type(self, name, text, delay=0): self.field(name).press_sequentially(text, delay=delay)
    def click(self, name): self.page.locator(f'{self.top} button.jupyter-button', has_text=exact(name)).click()
    def tick(self): self.page.locator(f'{self.top} .widget-checkbox input').click()

    def set(self, name, value):
        "Put `value` into a field, and leave it"
        self.field(name).fill(str(value))
        self.field(name).press('Enter')

    def upload(self, *files): upload(self.page, *files)

    @property
    def cards(self): return self.page.locator(f'{self.top} .widget-gridbox > .widget-vbox')
    def card(self, i): return self.cards.nth(i)
    def pick(self, i, option): self.card(i).locator('select').select_option(label=option)
    def picked(self, i): return _label(self.card(i).locator('select'))
    def keeps(self, i, option, secs=15): return self.wait(lambda: self.picked(i)==option, f'card {i} is not at {option}', secs)
    def button(self, i, icon): return self.card(i).locator(f'button:has(.fa-{icon})')
    def press(self, i, icon): self.button(i, icon).click()

    def pictures(self, n=None, secs=15):
        "The widths of the pictures in the cards, when all (all `n`) are there"
        def f():
            ws = self.cards.locator('img').evaluate_all(_loaded)
            return ws if ws and all(ws) and len(ws)==(n or len(ws)) else None
        return self.wait(f, f'{n or "all"} pictures are not there: {self.cards.count()} cards', secs)

def _label(sel): return sel.evaluate('e => e.selectedOptions[0]?.label')
