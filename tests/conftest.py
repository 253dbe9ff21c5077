import faulthandler, json, os, signal, subprocess, sys, tempfile
import pytest
from filelock import FileLock
from pathlib import Path

root = Path(__file__).parent.parent
sys.path.insert(0, str(root/'tools'))
os.environ.setdefault('IMGCLS_ENGINE', 'onnxruntime') # what is faster here is no matter of chance
signal.signal(signal.SIGINT, signal.default_int_handler) # a shell that runs us in the background has it ignored, by all that we start too

calm = dict(IMGCLS_HALF='no') # where trainings are compared: what half precision does is no matter of chance, either

def run_demo(path, *args, **kwargs):
    "The console script, as a process of its own"
    cmd = [Path(sys.executable).parent/'imgcls-demo', '--path', str(path), '--no-serve', *map(str, args)]
    return subprocess.Popen(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | calm, **kwargs)

quick = 'test_repo test_net test_search test_dataset test_picture test_twins test_batch'.split() # files whose tests take seconds

longest = 'test_course test_wheel test_demo test_host test_fronts test_train test_app test_export test_predict test_static test_deploy'.split() # in this order
last = 'test_lib', # short ones, each of which may go to any process

def pytest_collection_modifyitems(items):
    "The longest files first and the shortest tests last, so that all processes end at the same time; those that are quick are marked"
    order = longest+['']+[*last]
    items.sort(key=lambda o: order.index(o.path.stem if o.path.stem in order else ''))
    for o in items:
        if o.path.stem in quick and 'browser' not in o.fixturenames: o.add_marker('quick')

@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    "For `-n auto`: one more than there are processors, since tests of servers and browsers wait, too"
    return min(os.cpu_count() or 1, 4)+1

@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    "A file is for one process, which has its fixtures; of the last ones, each test is for any"
    if config.option.dist!='loadfile': return
    from xdist.scheduler import LoadFileScheduling
    class Files(LoadFileScheduling):
        def _split_scope(self, nodeid): return nodeid if Path(super()._split_scope(nodeid)).stem in last else super()._split_scope(nodeid)
        def remove_node(self, node):
            "What a process that died has done is not handed to another, which would wait for its end for ever"
            self.assigned_work[node] = {k:v for k,v in self.assigned_work[node].items() if not all(v.values())}
            return super().remove_node(node)
    config.option.loadscopereorder = False
    return Files(config, log)

def last_words(node): return Path(tempfile.gettempdir())/f"{node.workerinput['testrunuid']}-{node.workerinput['workerid']}.txt"

def pytest_sessionstart(session):
    "Where a process of the tests dies, its stacks are kept: its stderr is captured, and lost with it"
    if hasattr(session.config, 'workerinput'): faulthandler.enable(last_words(session.config).open('w'))

@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    "Of a process that died, say how and where"
    if error: print(f'\n{node.gateway.id} ended with {node.gateway._io.popen.wait(10)}\n{last_words(node).read_text()}') # minus the signal's number
    last_words(node).unlink(missing_ok=True)

@pytest.fixture(scope='session')
def demo(tmp_path_factory):
    "The whole demo, run once, whichever process of the tests asks first: (its folder, its report)"
    top = tmp_path_factory.getbasetemp()
    if 'PYTEST_XDIST_WORKER' in os.environ: top = top.parent # of all processes
    path,said = top/'demo'/'demo',top/'demo.txt'
    with FileLock(top/'demo.lock'):
        if not said.exists():
            p = run_demo(path)
            said.write_text(p.communicate(timeout=900)[0])
            assert p.returncode==0, said.read_text()
    return path,json.loads((path/'report.json').read_text())

@pytest.fixture(scope='session')
def browser():
    "A real browser"
    from browser import chromium
    from playwright.sync_api import expect, sync_playwright
    expect.set_options(timeout=20_000)
    with sync_playwright() as p:
        b = p.chromium.launch(executable_path=chromium(), args=['--no-sandbox'] if os.name=='posix' and os.geteuid()==0 else [])
        yield b
        b.close()

@pytest.fixture(scope='session')
def runtime(tmp_path_factory):
    "The runtime, from the npm registry or the cache; one process fetches it"
    from imgcls.use.static import npm_runtime
    try:
        with FileLock(tmp_path_factory.getbasetemp().parent/'runtime.lock'): return npm_runtime()
    except (OSError,ValueError) as e: pytest.skip(f'onnxruntime-web is not here and can not be fetched: {e}')

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
