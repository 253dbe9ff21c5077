"The HTTP service as a process of its own, asked over a real socket: the tutorials' contracts, several at once, stopping, workers"
import http.client, httpx, json, os, psutil, pytest, re, signal, socket, subprocess, sys, threading, time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import quote
from imgcls.use.host import free_port
from imgcls.use.predict import Predictor
from imgcls.sample import draw_digit, encode_image, sample_web
from imgcls.use.serve import make_app, start_server
from conftest import root
from kinds import fives
from processes import is_alive, wait, words
from PIL import Image
from web import Web, says

model = root/'imgcls'/'assets'/'digits.onnx'
five,pics = encode_image(draw_digit(930), 'PNG'),[encode_image(draw_digit(i)) for i in range(900, 924)]

@contextmanager
def served(*args, log=None, **env):
    "`imgcls-serve` in a process of its own: (process, client)"
    port = free_port(0)
    cmd = [sys.executable, '-m', 'imgcls.use.listen', str(model), f'--port={port}', *args]
    p = subprocess.Popen(cmd, stdout=subprocess.DEVNULL, stderr=log or subprocess.DEVNULL, env=os.environ | env | dict(PYTHONPATH=str(root)))
    web = httpx.Client(base_url=f'http://127.0.0.1:{port}', timeout=20)
    end = time.time()+60
    while True:
        try: web.get('/health')
        except httpx.ConnectError:
            assert p.poll() is None and time.time()<end
            time.sleep(.05)
        else: break
    try: yield p,web
    finally:
        p.terminate()
        p.wait(20)

@pytest.fixture(scope='module')
def server():
    with served() as (p,web): yield p,web

def test_contracts_of_the_tutorials(server):
    _,web = server
    p = Predictor(model)
    want = p.predict(five, topk=10)
    res = web.post('/upload', files=dict(file=('five.png',five))).json()
    assert list(res)==['predictions'] and sorted(o[0] for o in res['predictions'])==sorted(p.labels)
    assert [round(o[1], 5) for o in res['predictions']]==[round(o[1], 5) for o in want.topk]
    assert web.post('/analyze', files=dict(file=five)).json()=={'result':'five'}
    r = web.post('/predict?topk=3', files=[('a',('x.png',five)), ('b',('Große Fünf.png',five))]).json()
    assert [o['file'] for o in r['predictions']]==['x.png','Große Fünf.png'] and r['predictions'][1]['label']=='five' and len(r['predictions'][0]['topk'])==3
    assert r['model']['name']==p.meta['title'] and len(r['model']['version'])==12 and r['ms']>0
    for kw in (dict(content=five), dict(content=five, headers={'content-type':'image/png'}), dict(content=five, headers={'content-type':'application/x-www-form-urlencoded'})):
        assert web.post('/predict', **kw).json()['predictions'][0]|{'file':None, 'topk':0}==dict(want.as_dict(), file=None, topk=0)|{'prob':pytest.approx(want.prob, abs=1e-5)}

def test_a_picture_of_something_else(server):
    "It is said in /predict; the tutorials' routes answer as they always have"
    _,web = server
    blue = encode_image(Image.new('RGB', (99,99), 'blue'), 'PNG')
    files = [('a',('blue.png',blue)), ('b',('five.png',five)), ('c',('no.txt',b'Dear'))]
    assert [o.get('unknown') for o in web.post('/predict', files=files).json()['predictions']]==[True,False,None]
    assert list(web.post('/analyze', files=dict(file=blue)).json())==['result'] and list(web.post('/upload', files=dict(file=blue)).json())==['predictions']
    schema = web.get('/openapi.json').json()['components']['schemas']['Prediction']
    assert schema['properties']['unknown']['type']=='boolean' and 'unknown' in schema['required']
    card = web.get('/model').json()
    assert card['unknown']['share']==.95 and 'interval' in card['facts']['right for'] and 'farther' in card['facts']['none of these']
    assert 'unknown="True"' in web.get('/metrics').text and 'answers with one of its classes' not in web.get('/').text

def test_every_format(server):
    _,web = server
    for name,b in fives.items(): assert web.post('/analyze', files=dict(file=(name,b))).json()=={'result':'five'}, name
    assert '.heic' in web.get('/').text.split('accept="image/*,')[1].split('"')[0]

def test_many_at_once_get_their_own_answers(server):
    _,web = server
    want = [o.label for o in Predictor(model).predict(pics)]
    def ask(i): return web.post('/analyze', files=dict(file=pics[i%24])).json().get('result')
    with ThreadPoolExecutor(24) as ex: assert list(ex.map(ask, range(240)))==want*10
    text = web.get('/metrics').text
    assert next(float(o.split()[1]) for o in text.splitlines() if o.startswith('imgcls_picture_seconds_count'))>=240

def test_what_it_says_about_itself(server):
    _,web = server
    card,p = web.get('/model').json(),Predictor(model)
    assert card['labels']==list(p.labels) and card['sha256'].startswith(card['version']) and card['facts']['knows']==p.facts()['knows']
    assert web.get('/health').json()=={'status':'ok'} and web.get('/ready').json()['status']=='ready'
    assert 'process_resident_memory_bytes' in web.get('/metrics').text
    assert set(web.get('/openapi.json').json()['paths'])>={'/predict','/upload','/classify-url','/analyze'}
    for path in ('/','/docs'): assert "default-src 'none'" in web.get(path).headers['content-security-policy']

def test_all_codes_have_a_status():
    "The description names every problem under its status, and knows whatever is said of a picture or an address"
    from imgcls.use.serve import described, problems
    said = {k:v['description'].split(', ') for k,v in described['components']['responses'].items()}
    assert all(code in said[str(status)] for code,(status,_) in problems.items() if status not in (404,405))
    assert sorted(described['components']['schemas']['Problem']['properties']['code']['enum'])==sorted(problems)
    texts = [(root/'imgcls'/o).read_text(encoding='utf-8') for o in ('picture.py','use/predict.py')]
    codes = {o for t in texts for o in re.findall(r"PictureError\(.*, '(\w+)'\)", t)}
    assert len(codes)>5 and codes-{'too_small'}<=set(problems) # which `look` alone says

def ask_at(web, url): return web.get('/classify-url', params=dict(url=url))

def test_addresses():
    w = sample_web(200)
    at = w.url+w.plan[w.plan.fault==''].path.iloc[0]
    slow = lambda h: time.sleep(4)
    with Web({'/five.png':says(five, mime='image/png'), '/page':says(b'<html>', mime='text/html'), '/slow':slow, '/big':says(bytes(3_000_000))}) as far:
        server,url = start_server(make_app(model, fetch_secs=1, max_body=2_000_000))
        with httpx.Client(base_url=url, timeout=20) as web:
            assert ask_at(web, at).status_code==200
            codes = {o:ask_at(web, o).json()['code'] for o in ('http://127.0.0.1/x.png', 'http://2130706433/', 'http://[::ffff:10.0.0.1]/', far.url('/five.png'), 'ftp://a/b', '', 'http://')}
            assert list(codes.values())==['private_address']*4+['bad_address']*3
        server.should_exit = True
        server,url = start_server(make_app(model, fetch_secs=1, max_body=2_000_000, allow_private=True))
        with httpx.Client(base_url=url, timeout=20) as web:
            far.routes['/away'] = says(status=302, Location=far.url('/five.png'))
            assert ask_at(web, far.url('/away')).json()['predictions'][0][0]=='five'
            assert web.get(f'/classify-url?url={quote(far.url("/five.png"))}').json()['predictions'][0][0]=='five'
            assert web.post('/predict', data=dict(url=far.url('/five.png'))).json()['predictions'][0]['label']=='five'
            codes = {o:(r.status_code,r.json()['code']) for o in ('/page','/slow','/big','/nowhere') for r in [ask_at(web, far.url(o))]}
            assert codes=={'/page':(415,'not_a_picture'), '/slow':(504,'fetch_timeout'), '/big':(413,'too_large'), '/nowhere':(502,'fetch_failed')}
        server.should_exit = True

def ask_until_gone(port, stop, seen, keep):
    "Ask and ask; what came is counted, and what was sent and not answered above all"
    c = None
    while not stop.is_set():
        try:
            if c is None:
                c = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
                c.connect()
        except ConnectionRefusedError:
            c = seen.update(['refused'])
            time.sleep(.05)
            continue
        try:
            c.request('POST', '/predict', five)
            r = c.getresponse()
            r.read()
        except (OSError,http.client.HTTPException) as e: c = seen.update([repr(e)])
        else:
            seen.update([r.status])
            if not keep or r.getheader('connection')=='close': c = c.close()

@pytest.mark.parametrize('workers', [1,2])
def test_nothing_is_lost_when_it_stops(workers):
    with served(f'--workers={workers}', '--quiet') as (p,web):
        stop,seen = threading.Event(),Counter()
        ts = [threading.Thread(target=ask_until_gone, args=(web.base_url.port, stop, seen, i%2)) for i in range(16)]
        for t in ts: t.start()
        wait(lambda: seen[200]>100, 60)
        p.terminate()
        assert p.wait(20)==0
        stop.set()
        for t in ts: t.join()
    reset = seen.pop(repr(ConnectionResetError(104, 'Connection reset by peer')), 0) # the system had taken it, and nobody would any more
    assert set(seen)=={200,'refused'} and reset<=2, (seen,reset)

def test_a_worker_that_dies_is_replaced():
    with served('--workers=2', '--quiet') as (p,web):
        workers = lambda: {o.pid for o in psutil.Process(p.pid).children() if is_alive(o) and 'spawn_main' in ' '.join(words(o))}
        old = workers()
        psutil.Process(min(old)).kill()
        end = time.time()+30
        while len(workers()-old)<1 and time.time()<end: time.sleep(.1)
        assert len(workers()&old)==1 and len(workers())==2
        for _ in range(20): assert httpx.post(web.base_url.join('/analyze'), files=dict(file=five)).json()=={'result':'five'}

def test_the_log_is_lines_of_json_without_pictures(tmp_path):
    with open(tmp_path/'log', 'w') as f, served(log=f, IMGCLS_API_KEY='first, second') as (_,web):
        assert web.post('/predict', files=dict(file=('secret-name.png',five))).status_code==401
        for h in ({'x-api-key':'second'}, {'authorization':'Bearer first'}):
            r = web.post('/predict', files=dict(file=('secret-name.png',five)), headers=h)
            assert r.status_code==200
        web.get('/classify-url', params=dict(url='http://127.0.0.1/secret-name'), headers=h)
    rows = [json.loads(o) for o in (tmp_path/'log').read_text().splitlines()]
    asked = [o for o in rows if o['said']=='request']
    assert [o['status'] for o in asked if o['route']=='/predict']==[401,200,200] and r.headers['x-request-id'] in {o['id'] for o in asked}
    assert 'secret' not in (tmp_path/'log').read_text() and 'first' not in (tmp_path/'log').read_text()

@pytest.mark.parametrize('args,said', [(['nowhere.onnx'],'no model'), ([str(model),'--sha256','0'*64],'another file'), ([str(model),'--workers','0'],'1 or more'), ([str(model),'--port','70000'],'1 to 65535')])
def test_what_cannot_be_served_says_so(args, said):
    r = subprocess.run([sys.executable, '-m', 'imgcls.use.listen', *args], capture_output=True, text=True, timeout=60)
    assert r.returncode==1 and said in r.stderr and 'Traceback' not in r.stderr

def test_a_port_in_use():
    with socket.create_server(('127.0.0.1', 0)) as s:
        r = subprocess.run([sys.executable, '-m', 'imgcls.use.listen', str(model), '--port', str(s.getsockname()[1])], capture_output=True, text=True, timeout=60)
    assert r.returncode==1 and 'in use' in r.stderr

def test_it_runs_without_torch():
    code = "import sys, imgcls.use.listen; print([o for o in ('torch','fastai','pandas','matplotlib','httpx') if o in sys.modules])"
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout.strip()=='[]'

def test_keys_and_websites_as_text(monkeypatch):
    from starlette.testclient import TestClient
    ask = lambda c, key=None, **head: c.post('/analyze', files=dict(file=five), headers={**({'x-api-key':key} if key else {}), **head})
    c = TestClient(make_app(model, api_keys='sesame, open', cors='https://shop.example/'))
    assert [ask(c, o).status_code for o in (None,'s','sesame','open')]==[401,401,200,200]
    r = ask(c, 'open', origin='https://shop.example')
    assert r.headers['access-control-allow-origin']=='https://shop.example' and 'Retry-After' in r.headers['access-control-expose-headers']
    assert 'access-control-allow-origin' not in ask(c, 'open', origin='https://other.example').headers
    monkeypatch.setenv('IMGCLS_API_KEY', 'from-outside')
    assert [ask(TestClient(make_app(model)), o).status_code for o in (None,'from-outside')]==[401,200]
    assert ask(TestClient(make_app(model, api_keys=()))).status_code==200
    for kw in (dict(cors='shop.example'), dict(rate=-5), dict(max_body=0)):
        with pytest.raises(ValueError, match='wanted'): make_app(model, **kw)

def test_under_a_prefix():
    from starlette.applications import Starlette
    from starlette.routing import Mount
    from starlette.testclient import TestClient
    c = TestClient(Starlette(routes=[Mount('/bears', make_app(model, api_keys='k', title='Bears'))]), base_url='http://shop.example')
    assert c.post('/bears/analyze', files=dict(file=five), headers={'x-api-key':'k'}).json()=={'result':'five'}
    doc = c.get('/bears/openapi.json').json()
    assert "'http://shop.example/bears/predict'" in json.dumps(doc) and '<h1>Bears</h1>' in c.get('/bears/').text
    assert doc['servers']==[{'url':'http://shop.example/bears'}] and {} not in doc['paths']['/predict']['post']['security']

def test_settings_from_the_environment():
    port = free_port(0)
    env = os.environ | dict(PYTHONPATH=str(root), PORT=str(port), IMGCLS_RATE='3', IMGCLS_CORS='https://shop.example', IMGCLS_FRAMES='https://shop.example')
    p = subprocess.Popen([sys.executable, '-m', 'imgcls.use.listen', str(model), '--drain=20', '--quiet'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    said = [p.stdout.readline() for _ in range(2)]
    assert str(port) in said[0] and 'without a key' in said[1] and '3 times a minute' in said[1] and 'https://shop.example' in said[1]
    with httpx.Client(base_url=f'http://127.0.0.1:{port}', transport=httpx.HTTPTransport(retries=8)) as c:
        assert 'frame-ancestors https://shop.example' in c.get('/').headers['content-security-policy']
        assert [c.post('/analyze', files=dict(file=five)).status_code for _ in range(4)]==[200,200,200,429]
    for _ in range(2):
        p.send_signal(signal.SIGINT)
        time.sleep(.5)
    assert p.wait(3)==1 and 'Traceback' not in p.stderr.read(), 'Ctrl-C twice: at once'

def test_names_that_lead_inside(monkeypatch):
    "A name for a private address, and one that changes its mind after it was looked at"
    names,real = {'inside.test':['10.0.0.1'], 'rebind.test':['192.0.2.7','127.0.0.1']},socket.getaddrinfo
    looked = Counter()
    def fake(host, port, *args, **kwargs):
        if host not in names: return real(host, port, *args, **kwargs)
        ip = names[host][min(looked[host], len(names[host])-1)]
        looked[host] += 1
        return real(ip, port, *args, **kwargs)
    monkeypatch.setattr(socket, 'getaddrinfo', fake)
    monkeypatch.setattr('imgcls.net.is_public', lambda ip: ip=='192.0.2.7')
    with Web({'/five.png':says(five, mime='image/png')}) as inner:
        server,url = start_server(make_app(model, fetch_secs=1))
        with httpx.Client(base_url=url, timeout=20) as web:
            assert ask_at(web, 'http://inside.test/five.png').json()['code']=='private_address'
            r = ask_at(web, f'http://rebind.test:{inner.server_port}/five.png')
            assert r.json()['code'] in ('fetch_failed','fetch_timeout') and looked['rebind.test']==1
            assert ask_at(web, f'http://rebind.test:{inner.server_port}/five.png').json()['code']=='private_address'
        assert inner.asked==[]
        server.should_exit = True
