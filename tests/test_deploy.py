"What Binder and Docker do with this repository and with a deployed folder, done in an environment with the lean runtime and nothing else"
import errno, functools, hashlib, io, json, os, re, shlex, shutil, signal, socket, subprocess, sys, threading
import httpx, onnx, psutil, pytest, yaml
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen
from imgcls.use.deploy import deploy, files_in, is_page, kinds, python, requirements
from imgcls.sample import draw_digit
from imgcls.use.predict import Predictor
from imgcls.use.serve import Options, make_app, routes
from conftest import root
from fronts import wait
from processes import end, family, memory, words

sys.path.insert(0, str(root/'bench'))
import bench_image

model = root/'imgcls'/'assets'/'digits.onnx'

def tree(path): return {o.relative_to(path).as_posix():o.read_bytes() for o in sorted(path.rglob('*')) if o.is_file()}

def run(cmd, ok=True, **kwargs):
    "Run `cmd`; what it said, when it ended as it should"
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, **kwargs)
    assert (p.returncode==0)==ok, f'{cmd} ended with {p.returncode}:\n{p.stdout[-3000:]}'
    return p.stdout

def interpreter():
    "The Python that the folder names if it is here, else this one, if the pins are for it too"
    named = shutil.which(f'python{python}')
    if named and subprocess.run([named, '-c', 'import ensurepip'], capture_output=True).returncode==0: return named
    if sys.version_info<(3,11): pytest.skip(f'the lean runtime needs Python 3.11 or later, and there is no python{python} here')
    return sys.executable

@pytest.mark.parametrize('kind', ['static','app'])
def test_a_full_disk_leaves_no_part_of_a_folder(tmp_path, monkeypatch, kind):
    write,n = Path.write_bytes,[0]
    def until_full(fn, b):
        n[0] += 1
        if n[0]==6: raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(fn))
        return write(fn, b)
    monkeypatch.setattr(Path, 'write_bytes', until_full)
    with pytest.raises(OSError, match='No space left'): deploy(model, tmp_path/'site'/'my_page', kind=kind, runtime='cdn')
    assert n[0]==6 and list((tmp_path/'site').iterdir())==[]
    deploy(model, tmp_path/'site'/'my_page', kind=kind, runtime='cdn')
    assert {'README.md','.imgcls.json'}<={*tree(tmp_path/'site'/'my_page')} and len(list((tmp_path/'site').iterdir()))==1
    mode = oct((tmp_path/'site'/'my_page').stat().st_mode & 0o777)
    assert os.name=='nt' or mode==oct(tmp_path.joinpath('site').stat().st_mode & 0o777), 'a server can read it'

class Lean:
    "An environment made by the command `install`"
    def __init__(self, path, install, cwd=root):
        self.path,self.bin = path,path/'venv'/('Scripts' if os.name=='nt' else 'bin')
        run([interpreter(), '-m', 'venv', path/'venv'])
        self.run(install, cwd)

    def env(self, **kwargs):
        "As a container has it: nothing of this library's environment, nothing of the user's settings"
        own = {k:str(self.path/v) for k,v in dict(JUPYTER_CONFIG_DIR='config', JUPYTER_DATA_DIR='data', IPYTHONDIR='ipython').items()}
        rest = {k:v for k,v in os.environ.items() if k not in ('PYTHONPATH','PYTHONHOME','JUPYTER_PATH','VIRTUAL_ENV','PORT')}
        return rest | own | dict(PATH=f'{self.bin}{os.pathsep}{rest["PATH"]}', PIP_DISABLE_PIP_VERSION_CHECK='1', PIP_RETRIES='10', PIP_TIMEOUT='60') | kwargs

    def run(self, cmd, cwd, ok=True, **env): return run(cmd, ok, shell=True, cwd=cwd, env=self.env(**env))
    def has(self, *names): return eval(self.run(f'python -c "from importlib.util import find_spec as f; print([o for o in {names!r} if f(o)])"', self.path))
    def mb(self): return sum(o.stat().st_size for o in (self.path/'venv').rglob('*') if o.is_file() and not o.is_symlink())/2**20

    @contextmanager
    def serving(self, cmd, cwd, url, **env):
        "Run server `cmd` while `url` answers"
        log = self.path/'server.log'
        with open(log, 'w') as f: p = psutil.Popen(cmd, shell=True, cwd=cwd, env=self.env(**env), stdout=f, stderr=f, stdin=subprocess.DEVNULL)
        try:
            wait(lambda: p.poll() is not None or _answers(url), 60, lambda: f'{cmd} did not start:\n{log.read_text()[-3000:]}')
            assert p.poll() is None, log.read_text()[-3000:]
            yield p
        finally: end(family(p))

def free_port():
    with socket.create_server(('127.0.0.1',0)) as s: return s.getsockname()[1]

def _answers(url):
    try: return urlopen(url, timeout=2).status==200
    except OSError: return False

@pytest.fixture(scope='module')
def lean(tmp_path_factory):
    "An empty environment with what Binder installs for this repository"
    path = tmp_path_factory.mktemp('lean')
    yield Lean(path, 'pip install -q -r .binder/requirements.txt')
    shutil.rmtree(path)

def ask(browser, url, tmp_path, secs=60):
    "Open the app, upload a five, and see it recognised"
    page = browser.new_page()
    page.goto(url, timeout=1000*secs)
    with page.expect_file_chooser() as fc: page.locator('.widget-upload').first.click(timeout=1000*secs)
    draw_digit(930).save(tmp_path/'five.png')
    fc.value.set_files(tmp_path/'five.png')
    page.locator('.ic-p h3, .ic-said h2', has_text='five').wait_for(timeout=1000*secs)
    assert 'Traceback' not in page.content()
    return page

def docker(path, word): return [o.removeprefix(word).strip() for o in (path/'Dockerfile').read_text().splitlines() if o.startswith(f'{word} ')]

def test_one_set_of_pins_for_all(tmp_path):
    binder = root/'.binder'
    assert (binder/'requirements.txt').read_text()==requirements() and (binder/'runtime.txt').read_text().strip()==f'python-{python}'
    linux = [o for v in ('2014','_2_28') for o in ('--platform', f'manylinux{v}_x86_64')]
    cmd = [sys.executable, '-m', 'pip', 'install', '-q', '--dry-run', '--ignore-installed', '--only-binary=:all:', '--python-version', python, *linux]
    served = [o for o in kinds if not is_page(o)]
    for o in served: (tmp_path/o).write_text(requirements(o))
    for o in served: run([*cmd, '--target', tmp_path, '-r', tmp_path/o])

def test_the_lean_runtime_is_lean(lean):
    assert lean.has('torch', 'fastai', 'pandas', 'matplotlib', 'fastcore', 'imgcls')==[]
    assert lean.mb()<400

def test_a_deployed_folder_needs_nothing_else(lean, browser, tmp_path):
    path = deploy(model, tmp_path/'my_app', user='me', title='Digits')
    assert lean.has('imgcls')==[]
    install, = [o for o in docker(path, 'RUN') if 'pip' in o]
    assert 'Successfully installed' not in lean.run(install, path), "the folder's requirements are not those of .binder/"
    port = free_port()
    url,(cmd,),(check,) = f'http://127.0.0.1:{port}',docker(path, 'CMD'),docker(path, 'HEALTHCHECK')
    check = check.partition(' CMD ')[2]
    lean.run(check, path, ok=False, PORT=str(port))
    with lean.serving(cmd, path, url+'/health', PORT=str(port)) as p:
        lean.run(check, path, PORT=str(port))
        with urlopen(url) as r: assert 'https://huggingface.co' in r.headers['Content-Security-Policy']
        page = ask(browser, url, tmp_path)
        assert page.title()=='Digits' and page.locator('h1').inner_text().startswith('Digits')
        kernels = [o for o in family(p) if any('ipykernel' in a for a in words(o))]
        assert 0<max(map(memory, kernels))<300*2**20
        page.close()
    assert not (path/'.imgcls-').exists() and deploy(model, path)==path, 'serving a folder changed it'

@pytest.fixture(scope='module')
def service(tmp_path_factory):
    "A folder that holds a service, and the environment that its Dockerfile makes"
    tmp = tmp_path_factory.mktemp('service')
    path = deploy(model, tmp/'my_api', user='me', title='Digits', kind='http')
    install, = [o for o in docker(path, 'RUN') if 'pip' in o]
    yield path,Lean(tmp, install, path)
    shutil.rmtree(tmp)

def picture(seed=930):
    draw_digit(seed).save(buf := io.BytesIO(), 'PNG')
    return {'file':('five.png', buf.getvalue(), 'image/png')}

def test_a_deployed_service_needs_nothing_else(service):
    path,lean = service
    assert lean.has('torch', 'fastai', 'pandas', 'matplotlib', 'imgcls', 'voila', 'IPython')==[]
    port,(cmd,),(check,) = free_port(),docker(path, 'CMD'),docker(path, 'HEALTHCHECK')
    url,check = f'http://127.0.0.1:{port}',check.partition(' CMD ')[2]
    lean.run(check, path, ok=False, PORT=str(port))
    env = dict(o.split('=', 1) for line in docker(path, 'ENV') for o in shlex.split(line))
    with lean.serving(cmd, path, url+'/health', **(env | dict(PORT=str(port), IMGCLS_API_KEY='open, sesame'))) as p, httpx.Client(base_url=url) as c:
        lean.run(check, path, PORT=str(port))
        assert 'frame-ancestors \'self\' https://huggingface.co' in c.get('/').headers['content-security-policy']
        assert c.post('/predict', files=picture()).status_code==401
        c.headers['X-API-Key'] = 'sesame'
        res = c.post('/predict', files=picture()).json()
        assert res['predictions'][0]['label']=='five' and c.post('/analyze', files=picture()).json()=={'result':'five'}
        said = json.loads(re.search('(?s)```\n({"model.*?)\n```', (path/'README.md').read_text())[1])
        assert shape(said)==shape(res) and said['model']==res['model'], 'the README shows another answer'
        assert all(c.get(o).status_code==200 for o in ('/ready','/docs','/openapi.json','/model','/metrics'))
        assert p.memory_info().rss<kinds['http']['least']*2**20
        p.send_signal(signal.SIGTERM)
        assert p.wait(20) in (0,-signal.SIGTERM)
    assert deploy(model, path)==path, 'serving a folder changed it'

def shape(o):
    "The keys of a JSON object, and those in it; the first of a list for all"
    return {k:shape(v) for k,v in o.items()} if isinstance(o, dict) else [shape(v) for v in o[:1]] if isinstance(o, list) else type(o)

def test_what_the_readme_of_a_service_says_works(service, tmp_path):
    path,lean = service
    port,txt = free_port(),(path/'README.md').read_text()
    cmd, = re.findall('(?m)^python -m imgcls.use.listen .*$', txt)
    curl = re.search('(?m)^curl .*$', txt)[0].replace('picture.jpg', 'a.jpg')
    for o in 'ab': (tmp_path/f'{o}.jpg').write_bytes(picture()['file'][1])
    (tmp_path/'ask.py').write_text(re.search('(?s)```python\n(.*?)```', txt)[1].replace('8000', str(port)))
    with lean.serving(f'exec {cmd} --port {port}', path, f'http://127.0.0.1:{port}/health'):
        assert lean.run('python ask.py', tmp_path).split()==['a.jpg', 'five', 'b.jpg', 'five']
        if shutil.which('curl'): assert '"label":"five"' in lean.run(curl.replace('8000', str(port))+' -sS --noproxy "*"', tmp_path).replace(': ', ':')

def test_the_image_of_a_service_is_small(service):
    path,lean = service
    site, = (lean.path/'venv').glob('**/site-packages')
    assert bench_image.base+sum(bench_image.packages(site).values())+bench_image.size(path)<bench_image.most

def test_what_binder_does_with_this_repository(lean, browser, tmp_path):
    repo = tmp_path/'repo'
    shutil.copytree(root, repo, ignore=shutil.ignore_patterns('.git', '.venv', 'demo', 'build', '*.egg-info', '__pycache__', '.pytest_cache', 'data', 'bears'))
    assert (repo/'.binder'/'postBuild').read_text().startswith('#!')
    try:
        lean.run('chmod +x .binder/postBuild && ./.binder/postBuild', repo)
        assert 'cull_idle_timeout = 60' in lean.run('jupyter server --allow-root --show-config', repo)
        port,token = free_port(),'binder'
        url = f'http://127.0.0.1:{port}'
        cmd = f'exec jupyter server --ip 127.0.0.1 --port {port} --ServerApp.port_retries=0 --no-browser --allow-root --IdentityProvider.token={token}'
        with lean.serving(cmd, repo, f'{url}/api') as p:
            assert json.loads(urlopen(f'{url}/api/kernels?token={token}').read())==[]
            ask(browser, f'{url}/voila/render/nbs/app.ipynb?token={token}', tmp_path).close()
        assert lean.has('torch', 'fastai')==[]
    finally: lean.run('pip uninstall -q -y imgcls', repo)

@pytest.fixture()
def host(tmp_path):
    "A folder that is served over HTTP, and its address"
    path = tmp_path/'host'
    path.mkdir()
    srv = ThreadingHTTPServer(('127.0.0.1',0), functools.partial(SimpleHTTPRequestHandler, directory=path))
    threading.Thread(target=srv.serve_forever, daemon=True).start()
    yield path,f'http://127.0.0.1:{srv.server_port}'
    srv.shutdown()
    srv.server_close()

def test_a_model_by_address_is_fetched_and_checked(lean, host, tmp_path):
    files,url = host
    path = deploy(model, tmp_path/'big', model_url=f'{url}/v1.onnx')
    assert not (path/model.name).exists() and f'/{model.name}' in (path/'.gitignore').read_text().split()
    assert 'python fetch_model.py' in docker(path, 'RUN') and (path/'.binder'/'postBuild').stat().st_mode & 0o111
    build = lambda ok: lean.run('./.binder/postBuild', path, ok, XDG_CACHE_HOME=str(tmp_path/'cache'))
    assert '404' in build(False)
    (files/'v1.onnx').write_bytes(model.read_bytes()[:-1])
    out = build(False)
    assert 'wanted was' in out and 'Traceback' not in out and not list(path.glob('*.onnx*'))
    shutil.copy(model, files/'v1.onnx')
    build(True)
    assert (path/model.name).read_bytes()==model.read_bytes()
    (files/'v1.onnx').unlink()
    build(True)
    (path/model.name).write_bytes(b'half')
    assert 'another file' in build(False)

def test_a_model_that_is_elsewhere_already(host, tmp_path, monkeypatch):
    files,url = host
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path/'cache'))
    shutil.copy(model, files/'eyes.onnx')
    path = deploy(f'{url}/eyes.onnx?raw=1', tmp_path/'my_app')
    assert (path/'eyes.onnx').read_bytes()==model.read_bytes() and 'eyes.onnx' in (path/'app.ipynb').read_text()

def test_a_service_fetches_its_model(service, host, tmp_path):
    (files,url),(_,lean) = host,service
    path = deploy(model, tmp_path/'big', model_url=f'{url}/v1.onnx', kind='http')
    fetch = docker(path, 'RUN')[-1]
    build = lambda ok: lean.run(fetch, path, ok, XDG_CACHE_HOME=str(tmp_path/'cache'))
    assert '404' in build(False)
    shutil.copy(model, files/'v1.onnx')
    build(True)
    assert (path/model.name).read_bytes()==model.read_bytes() and f'python fetch_model.py\npython -m imgcls.use.listen {model.name}' in (path/'README.md').read_text()

def test_the_readme_of_a_service_says_what_is_so(tmp_path):
    txt,app = (deploy(model, tmp_path/'my_api', kind='http')/'README.md').read_text(),make_app(model)
    assert f'{Options.max_body//10**6} MB and {Options.max_files} pictures, and a picture {app.predictor.max_pixels//10**6} megapixels' in txt
    named = {o.partition('?')[0] for o in re.findall(r'`(?:GET|POST) (/[^` ]*)`', txt)} | {'/','/docs'}
    assert named<=set(routes) and set(routes)-named<={'/openapi.json'}

def test_a_readme_claims_no_limit_that_the_model_has_not(tmp_path):
    o = onnx.load(model)
    meta = json.loads(o.metadata_props[0].value)
    del meta['unknown']
    onnx.helper.set_model_props(o, dict(imgcls=json.dumps(meta)))
    onnx.save(o, tmp_path/'old.onnx')
    def readme(file, kind): return (deploy(file, tmp_path/f'{file.stem}_{kind}', kind=kind)/'README.md').read_text()
    for kind in ('app','http'):
        assert 'one of its classes' not in readme(model, kind) and ' |\n\n## On your own machine' in readme(model, kind)
        assert '| limits | whatever it is shown, it answers with one of its classes |\n\n##' in readme(tmp_path/'old.onnx', kind)
    assert all(f'"{k}": ' in readme(model, 'http') for k in Predictor(model).predict(draw_digit(930)).as_dict()) # the answer it shows

def test_what_render_is_told(tmp_path):
    def told(path): return yaml.safe_load((path/'render.yaml').read_text())['services'][0]
    path = deploy(model, tmp_path/'My.api_2', kind='http')
    assert told(path)==dict(type='web', name='my-api-2', runtime='docker', plan='free', healthCheckPath='/health', autoDeployTrigger='commit')
    assert [told(deploy(model, path, memory=o))['plan'] for o in (513,2048,4000,9000)]==['standard','standard','pro','pro']
    marked = re.sub('(?m)^    # (?!For)', '    ', (path/'render.yaml').read_text())
    assert yaml.safe_load(marked)['services'][0]['envVars']==[dict(key='IMGCLS_API_KEY', sync=False)]
    with pytest.raises(ValueError, match='service needs .* MB at least'): deploy(model, path, memory=100)

@pytest.mark.parametrize('name', ["it's a model.onnx", 'two words.onnx', '$HOME.onnx', 'take #2.onnx', 'bears?v=3.onnx', 'my%20bears.onnx', r'C:\models\bears.onnx', 'bears[1]*.onnx'])
def test_any_name_of_a_model_can_be_started(tmp_path, name):
    shutil.copy(model, tmp_path/name)
    path = deploy(str(tmp_path/name), tmp_path/'my_api', kind='http')
    assert (path/name).read_bytes()==model.read_bytes()
    assert shlex.split(docker(path, 'CMD')[0])[:5]==['exec', 'python', '-m', 'imgcls.use.listen', name]

def test_a_fetched_model_of_any_name_is_no_part_of_the_repository(tmp_path):
    for i,name in enumerate(('take #2.onnx','bears[1]*.onnx','my%20bears.onnx')):
        shutil.copy(model, tmp_path/name)
        path = deploy(tmp_path/name, tmp_path/f'app{i}', model_url='https://example.org/m.onnx')
        run(['git', 'init', '-q', path])
        run(['git', '-C', path, 'check-ignore', name])
        run(['git', '-C', path, 'check-ignore', 'bears1x.onnx'], ok=False)

def test_a_kind_is_remembered_and_not_changed_unasked(tmp_path):
    app,api = deploy(model, tmp_path/'app', user='me', repo='eyes'),deploy(model, tmp_path/'api', user='me', repo='eyes', kind='http')
    was = tree(app),tree(api)
    assert not was[0].keys() & {'render.yaml','imgcls/use/listen.py'} and not [o for o in was[1] if 'binder' in o or 'voila' in o or o in ('app.ipynb','imgcls/use/app.py')]
    with pytest.raises(ValueError, match='is of the kind app: name another folder for http'): deploy(model, app, kind='http')
    with pytest.raises(ValueError, match='is of the kind http'): deploy(model, api, kind='app')
    with pytest.raises(ValueError, match="kind='web': wanted app or http or static or teach"): deploy(model, api, kind='web')
    assert (tree(app),tree(api))==was and (tree(deploy(model, app)),tree(deploy(model, api)))==was

def test_a_folder_from_before_there_were_kinds_is_an_app(tmp_path):
    path = deploy(model, tmp_path/'my_app')
    note = json.loads((path/'.imgcls.json').read_text())
    note['asked'].pop('kind')
    (path/'.imgcls.json').write_text(json.dumps(note))
    with pytest.raises(ValueError, match='is of the kind app'): deploy(model, path, kind='http')
    assert (deploy(model, path)/'app.ipynb').exists()

def test_changes_of_yours_are_never_written_over(tmp_path):
    path = deploy(model, tmp_path/'my_app', user='me')
    (path/'README.md').write_text('mine')
    (path/'notes.txt').write_text('mine too')
    (path/'.git').mkdir() # no repository that git would know
    (path/'.git'/'HEAD').write_text('ref')
    before = tree(path)
    with pytest.raises(ValueError, match=r'README\.md changed.*Nothing was written.*Commit'): deploy(model, path, user='you')
    assert tree(path)==before
    (path/'README.md').rename(path/'README.old')
    deploy(model, path, user='you')
    assert 'gh/you/my_app' in (path/'README.md').read_text() and (path/'README.old').read_text()=='mine' and (path/'notes.txt').read_text()=='mine too'

git = 'git -c user.name=me -c user.email=me@example.org -c core.excludesFile= -c core.autocrlf=false'

@pytest.mark.skipif(not shutil.which('git'), reason='git is not here')
@pytest.mark.parametrize('sub', ['.','inner'])
def test_git_is_the_undo(tmp_path, sub):
    "Changes that git has are written over; others never, whether they are staged or not"
    path = deploy(model, tmp_path/sub/'my_app')
    run(f'git init -q && git add -A && {git} commit -q -m app', shell=True, cwd=tmp_path)
    for cmd in ('true','git add -A'):
        (path/'README.md').write_text(f'mine, {cmd}')
        run(cmd, shell=True, cwd=path)
        with pytest.raises(ValueError, match='README.md changed'): deploy(model, path)
    run(f'{git} commit -q -a -m mine', shell=True, cwd=path)
    deploy(model, path, title='New')
    assert (path/'README.md').read_text().startswith('---\ntitle: "New"')
    assert run('git show HEAD:./README.md', shell=True, cwd=path)=='mine, git add -A'

def test_a_file_that_was_there_first_is_yours(tmp_path):
    path = deploy(model, tmp_path/'my_app')
    (path/'fetch_model.py').write_text('mine')
    with pytest.raises(ValueError, match='fetch_model.py'): deploy(model, path, model_url='https://example.org/m.onnx')
    assert (path/'fetch_model.py').read_text()=='mine'

def test_line_ends_of_another_system_are_no_change(tmp_path):
    path = deploy(model, tmp_path/'my_app')
    for fn in ('README.md','Dockerfile','imgcls/use/app.py'): (path/fn).write_bytes((path/fn).read_bytes().replace(b'\n', b'\r\n'))
    deploy(model, path)
    assert b'\r\n' not in (path/'README.md').read_bytes()

def test_from_a_copy_to_an_address_and_back(tmp_path):
    path = deploy(model, tmp_path/'my_app')
    plain = tree(path)
    deploy(model, path, model_url='https://example.org/m.onnx')
    assert (path/'fetch_model.py').exists() and (path/model.name).exists(), 'a model is never deleted'
    deploy(model, path)
    assert (path/'fetch_model.py').exists(), 'the address is remembered'
    deploy(model, path, model_url='')
    assert tree(path)==plain

@pytest.mark.parametrize('n', [0,1,2,9])
@pytest.mark.parametrize('e', [KeyboardInterrupt, OSError(28, 'No space left on device')])
def test_a_run_that_was_cut_off_can_be_repeated(tmp_path, monkeypatch, n, e):
    path,other = deploy(model, tmp_path/'my_app', title='Old'),tmp_path/'other.onnx'
    shutil.copy(model, other)
    left,replace = [n],os.replace
    def f(a, b):
        left[0] -= 1
        if left[0]<0: raise e
        replace(a, b)
    with monkeypatch.context() as m:
        m.setattr(os, 'replace', f)
        for o in (path, tmp_path/'new'):
            left[0] = n
            with pytest.raises(type(e) if isinstance(e, OSError) else e): deploy(other, o, title='New')
    for o in (path, tmp_path/'new'): deploy(other, o, title='Newest')
    (path/model.name).unlink()
    fresh = deploy(other, tmp_path/'fresh'/'my_app', title='Newest')
    differ = {k for k,v in (tree(path).items() ^ tree(fresh).items())}
    assert differ<={'.imgcls.json'}

def test_what_is_refused(tmp_path):
    used = tmp_path/'used'
    used.mkdir()
    (used/'thesis.tex').write_text('all my work')
    with pytest.raises(ValueError, match=r'not empty \(thesis\.tex\)'): deploy(model, used)
    with pytest.raises(ValueError, match='is a file'): deploy(model, used/'thesis.tex')
    with pytest.raises(ValueError, match='GitHub'): deploy(model, tmp_path/'a', user='me/you')
    with pytest.raises(ValueError, match='https://'): deploy(model, tmp_path/'a', model_url='m.onnx')
    assert not (tmp_path/'a').exists() and tree(used)=={'thesis.tex':b'all my work'}

def test_a_model_too_big_for_github(tmp_path):
    big,proto = tmp_path/'big.onnx',onnx.load(model)
    proto.doc_string = 'x'*110*2**20
    onnx.save(proto, big)
    with pytest.raises(ValueError, match='110 MB.*model-url'): deploy(big, tmp_path/'a')
    assert not (tmp_path/'a').exists()
    deploy(big, tmp_path/'a', model_url='https://example.org/big.onnx')
    assert hashlib.sha256(big.read_bytes()).hexdigest() in (tmp_path/'a'/'fetch_model.py').read_text()

def test_a_host_lets_in_as_many_as_it_has_room_for(tmp_path):
    def seats(path): return json.loads((path/'voila.json').read_text())['Kernels']['max_kernels']
    path = deploy(model, tmp_path/'my_app')
    assert seats(path)==5 and '5 in at a time, which 512 MB' in (path/'README.md').read_text()
    assert seats(deploy(model, path, memory=2000))>20 and seats(deploy(model, path))>20
    assert seats(deploy(model, tmp_path/'tiny', memory=250))==1
    with pytest.raises(ValueError, match='250 MB at least'): deploy(model, tmp_path/'none', memory=-5)

@pytest.mark.skipif(not shutil.which('git'), reason='git is not here')
def test_a_push_takes_everything_along(tmp_path):
    path = deploy(model, tmp_path/'my_app')
    was = tree(path)
    me = '-c user.name=me -c user.email=me@example.org -c core.excludesFile= -c core.autocrlf=false'
    run(f'git init -q && git add -A && git {me} commit -q -m app && git clone -q . ../clone', shell=True, cwd=path)
    shutil.rmtree(tmp_path/'clone'/'.git')
    assert tree(tmp_path/'clone')==was

def test_without_a_name_there_is_no_badge(tmp_path):
    txt = (deploy(model, tmp_path/'my_app')/'README.md').read_text()
    assert 'mybinder.org' not in txt and '`--user`' in txt and 'github.com/YOU/my_app.git' in txt

def test_an_empty_folder_or_a_new_clone_will_do(tmp_path):
    clone = tmp_path/'clone'
    (clone/'.git').mkdir(parents=True)
    assert (deploy(model, clone)/'app.ipynb').exists()

def test_any_title(tmp_path):
    title = 'A "title" | with <b>tags</b>\n# and: ümläuts'
    path = deploy(model, tmp_path/'my_app', title=title)
    nb = json.loads((path/'app.ipynb').read_text('utf-8'))
    assert nb['metadata']['title']==' '.join(title.split()) and len(''.join(nb['cells'][0]['source']).splitlines())==1
    head = (path/'README.md').read_text('utf-8').split('---\n')[1]
    assert json.loads(re.search('(?m)^title: (.*)$', head)[1])==' '.join(title.split()) and 'sdk: docker' in head

def test_from_the_shell(tmp_path):
    cmd = [Path(sys.executable).parent/'imgcls-deploy', model, tmp_path/'my_app']
    out = run([*cmd, '--user', 'me', '--repo', 'eyes'])
    assert 'README.md' in out and 'gh/me/eyes/HEAD' in (tmp_path/'my_app'/'README.md').read_text()
    (tmp_path/'my_app'/'voila.json').write_text('{}')
    out = run(cmd, ok=False)
    assert 'voila.json changed' in out and 'Traceback' not in out
    out = run([cmd[0], tmp_path/'no.onnx', tmp_path/'b'], ok=False)
    assert 'There is no model' in out and 'Traceback' not in out
    api = [*cmd[:2], tmp_path/'my_api']
    run([*api, '--kind', 'http'])
    assert 'README.md' in run(api) and (tmp_path/'my_api'/'render.yaml').exists()
    out = run([*api, '--kind', 'app'], ok=False)
    assert 'is of the kind http' in out and 'Traceback' not in out
    new = shutil.copy(model, tmp_path/'better.onnx')
    assert f'No longer used, yours to remove: {model.name}' in run([cmd[0], new, tmp_path/'my_api'])

def test_what_git_keeps_is_not_told_to_be_too_large(tmp_path):
    for o in ('index.html','web/a.js','.git/objects/pack/pack-1.pack'):
        (tmp_path/o).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path/o).write_bytes(b'')
    assert sorted(files_in(tmp_path))==['index.html','web/a.js']
