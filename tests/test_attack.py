"Attacks on the HTTP service, over a real socket: each is refused in a sentence, and meanwhile others are answered"
import gzip, httpx, io, json, numpy as np, os, psutil, pytest, socket, struct, threading, time, zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from imgcls.sample import draw_digit, encode_image
from imgcls.use.serve import make_app, start_server
from imgcls.use.listen import Impatient
from PIL import Image
from conftest import root
from test_fuzz import ask, chunk, served
from test_serve import served as logged
from web import Web, says

model,five = root/'imgcls'/'assets'/'digits.onnx',encode_image(draw_digit(930), 'PNG')

@pytest.fixture(scope='module')
def server():
    with served() as o: yield o

@contextmanager
def here(**limits):
    "The service in this process: its port"
    class Hasty(Impatient): secs = 1
    server,url = start_server(make_app(model, **limits), http=Hasty)
    try: yield int(url.split(':')[-1])
    finally: server.should_exit = True

def raw(port, *parts, secs=5):
    "Send `parts` as they are; what comes back until the end, which has to come"
    with socket.create_connection(('127.0.0.1', port)) as s:
        s.settimeout(secs)
        try:
            for o in parts: s.sendall(o)
        except ConnectionError: pass
        res = b''
        try:
            while b := s.recv(2**16): res += b
        except ConnectionError: pass
        return res

def code(body): return json.loads(body)['code']
def post(port, body, path='/predict', **headers):
    status,said,_ = ask(port, 'POST', path, body, **headers)
    return status,(code(said) if status!=200 else 'ok')

# pictures that are more than they seem

def seg(m, b): return b'\xff'+bytes([m])+struct.pack('>H', len(b)+2)+b
def jpeg(w=64, **kw):
    f = io.BytesIO()
    Image.new('RGB', (w,w), (9,8,7)).save(f, 'JPEG', **kw)
    return f.getvalue()

def apart(w, h):
    "A JPEG whose colors come one after the other: to decode even a small copy, all of it has to be in memory"
    def table(c): return seg(0xc4, bytes([c,1]+[0]*15)+b'\0')
    head = seg(0xdb, b'\0'+b'\1'*64)+seg(0xc0, struct.pack('>BHHB', 8, h, w, 3)+b'\1\x11\0\2\x11\0\3\x11\0')+table(0)+table(0x10)
    return b'\xff\xd8'+head+b''.join(seg(0xda, bytes([1,c,0,0,63,0]))+bytes(-(-w//8)*-(-h//8)//4+1) for c in (1,2,3))+b'\xff\xd9'

def scans(n):
    j = jpeg(4990, progressive=True)
    return j[:-2]+j[j.rindex(b'\xff\xc4'):-2]*n+j[-2:]

def png(w, h, extra=b''):
    head,pixels = chunk(b'IHDR', struct.pack('>IIBBBBB', w, h, 8, 0, 0, 0, 0)),chunk(b'IDAT', zlib.compress(bytes((w+1)*min(h, 100))))
    return b'\x89PNG\r\n\x1a\n'+head+extra+pixels+chunk(b'IEND', b'')

def notes(n): return jpeg()[:2]+seg(0xe1, b'Exif\0\0'+bytes(100))*n+jpeg()[2:]
def tags(n, size): return struct.pack('<2sHIH', b'II', 42, 8, n)+b''.join(struct.pack('<HHII', 1000+i, 7, size, 14+12*n) for i in range(n))+bytes(4+size)
def runs():
    head = struct.pack('<IHHI', 0, 0, 0, 1078)+struct.pack('<IiiHHIIiiII', 40, 5000, 5000, 1, 8, 1, 10**7, 0, 0, 256, 0)
    return b'BM'+head+bytes(1024)+b'\1\1'*5_000_000

bombs = dict(png=lambda: png(30_000, 30_000), gif=lambda: b'GIF89a'+struct.pack('<HH', 60_000, 60_000)+bytes(30),
    apart=lambda: apart(65_000, 2700), scans=lambda: scans(10_000),
    notes=lambda: notes(90_000), segments=lambda: jpeg()[:2]+seg(0xe5, b'')*2_000_000+jpeg()[2:],
    chunks=lambda: png(8, 8, chunk(b'abCd', b'')*800_000), runs=runs, tags=lambda: tags(100, 10**7),
    digits=lambda: b'P3\n100 100\n255\n'+b'#\n'*4_000_000+b'0 '*30_000, rare=lambda: b'P6\n1500 1500\n254\n'+bytes(6_750_000))

@pytest.mark.parametrize('name', bombs)
def test_bombs(server, name):
    p,port = server
    b,me = bombs[name](),psutil.Process(p.pid)
    before,t = me.memory_info().rss,time.perf_counter()
    status,said = post(port, b)
    assert status in (413,415,422), said
    assert time.perf_counter()-t<3 and me.memory_info().rss-before<150e6

@pytest.mark.parametrize('kind', [b'iCCP',b'zTXt',b'iTXt',b'eXIf'])
def test_chunks_that_unpack_to_much(server, kind):
    p,port = server
    packed = zlib.compress(bytes(200_000_000), 9)
    before = psutil.Process(p.pid).memory_info().rss
    assert post(port, png(8, 8, chunk(kind, (b'a\0\1\0\0\0' if kind==b'iTXt' else b'a\0\0')+packed)))[0] in (200,422)
    assert psutil.Process(p.pid).memory_info().rss-before<100e6

def test_the_largest_pictures_at_once(server):
    p,port = server
    f = io.BytesIO()
    Image.new('RGB', (5000,5000), (1,2,3)).save(f, 'PNG')
    peak,done = 0,threading.Event()
    def watch():
        nonlocal peak
        while not done.wait(.01): peak = max(peak, psutil.Process(p.pid).memory_info().rss)
    t = threading.Thread(target=watch)
    t.start()
    try:
        with ThreadPoolExecutor(8) as ex: assert list(ex.map(lambda _: post(port, f.getvalue()), range(8)))==[(200,'ok')]*8
    finally: done.set()
    t.join()
    print(f'peak {peak/1e6:.0f} MB')
    assert peak<250e6+150e6*os.cpu_count()

# those who dawdle, lie and flood

def head(n, *more): return b'POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n'%n+b''.join(o+b'\r\n' for o in more)+b'\r\n'

def test_who_says_much_and_sends_nothing_takes_no_room():
    with here() as port:
        idle = [socket.create_connection(('127.0.0.1', port)) for _ in range(200)]
        for i,s in enumerate(idle): s.sendall(head(20_000_000)+b'x' if i%2 else b'POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n')
        time.sleep(.2)
        secs = []
        for _ in range(20):
            t = time.perf_counter()
            assert post(port, five)==(200,'ok')
            secs.append(time.perf_counter()-t)
        assert sorted(secs)[10]<.2
        for s in idle: s.close()

def test_more_than_fits():
    with here(max_bodies=1_000_000) as port:
        s = socket.create_connection(('127.0.0.1', port))
        s.sendall(head(900_000)+bytes(800_000))
        time.sleep(.3)
        status,body,headers = ask(port, 'POST', '/predict', bytes(300_000))
        assert (status,code(body))==(503,'busy') and int(headers['retry-after'])>0
        assert post(port, five)==(200,'ok')
        s.close()

def test_slow_bodies_and_heads():
    with here(body_secs=.5) as port:
        t = time.perf_counter()
        assert b' 408 ' in raw(port, head(1000)+b'x') and b' 408 ' in raw(port, b'POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n')
        assert raw(port, b'GET / HTTP/1.1\r\nHost: a\r\nX: y')==b'' and time.perf_counter()-t<5

def test_who_asks_and_does_not_read_is_let_go():
    with here() as port, socket.create_connection(('127.0.0.1', port)) as s:
        s.settimeout(5)
        s.sendall(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n'*500)
        time.sleep(3)
        n = 0
        try:
            while b := s.recv(2**20): n += len(b)
        except ConnectionError: pass
        assert n<400*len(ask(port, 'GET', '/')[1])

def test_a_head_without_end(server):
    p,port = server
    before = psutil.Process(p.pid).memory_info().rss
    assert raw(port, b'GET /health HTTP/1.1\r\nHost: a\r\nX: ', *[b'y'*10**6]*60)==b''
    assert psutil.Process(p.pid).memory_info().rss-before<20e6

def test_a_body_without_end(server): assert b'too_large' in raw(server[1], b'POST /predict HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n', *[b'f4240\r\n'+bytes(10**6)+b'\r\n']*30)

@pytest.mark.parametrize('lines,want', [([b'Content-Length: -5'],400), ([b'Content-Length: '+b'9'*5000],400), ([b'Content-Length: 9223372036854775807'],413), ([b'Content-Length: 5',b'Content-Length: 6'],400),
    ([b'Content-Length: 5',b'Transfer-Encoding: chunked'],400), ([b'Content-Length: 25000000',b'Expect: 100-continue'],413)])
def test_lies_about_length(server, lines, want):
    res = raw(server[1], b'POST /predict HTTP/1.1\r\nHost: a\r\nConnection: close\r\n'+b'\r\n'.join(lines)+b'\r\n\r\n')
    assert res.startswith(b'HTTP/1.1 %d '%want)

def test_continue_and_pipelines(server):
    with socket.create_connection(('127.0.0.1', server[1])) as s:
        s.sendall(head(len(five), b'Expect: 100-continue'))
        assert s.recv(100).startswith(b'HTTP/1.1 100 ')
        s.sendall(five)
        assert s.recv(9999).startswith(b'HTTP/1.1 200 ')
    res = raw(server[1], head(len(five)), five, b'GET /health HTTP/1.1\r\nHost: a\r\n\r\n', head(1), b'x', b'GET /ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    assert [int(o[:3]) for o in res.split(b'HTTP/1.1 ')[1:]]==[200, 200, 415, 200]

def form(name=b'a.png', n=1, said=b''):
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="'+name+b'"\r\n\r\n'+five+b'\r\n'
    return part*n+b'--b--\r\n',{'Content-Type':b'multipart/form-data; boundary=b'+said}

@pytest.mark.parametrize('charset', ['undefined','idna','punycode','utf-7','unicode_escape','hex','x\x01'])
@pytest.mark.parametrize('name', [b'a.png',b'+2AA-.png',b'\\\\ud800',b'\xff\xfe',b'xn--a-ecp.ru'])
def test_encodings_of_names(server, charset, name):
    body,kind = form(name, said=f'; charset={charset}'.encode())
    res = raw(server[1], head(len(body), b'Content-Type: '+kind['Content-Type'], b'Connection: close'), body)
    assert res.startswith((b'HTTP/1.1 200 ',b'HTTP/1.1 400 '))

@pytest.mark.parametrize('body,kind,want', [(lambda: form(n=10_000)[0],b'multipart/form-data; boundary=b',413), (b'url=a&'*10**6,b'application/x-www-form-urlencoded',415), (b'--b\r\n'+b'a:b\r\n'*10**6,b'multipart/form-data; boundary=b',400),
    (form()[0],b'multipart/form-data; boundary='+b'b'*10_000,400), (form()[0],b'multipart/form-data; boundary=',400), (form()[0],b'multipart/form-data; \xff;;==;boundary="',400), (form(b'a'*10_000)[0],b'multipart/form-data; boundary=b',400)])
def test_forms_that_are_too_much(server, body, kind, want):
    if callable(body): body = body()
    t = time.perf_counter()
    assert raw(server[1], head(len(body), b'Content-Type: '+kind, b'Connection: close'), body)[9:12]==b'%d'%want and time.perf_counter()-t<2

def test_names_are_no_headers_and_not_in_the_log(tmp_path):
    fn = tmp_path/'log'
    with open(fn, 'w') as f, logged(log=f) as (_,web):
        r = web.post('/predict?topk=1&secret-query=1', files=dict(file=('secret-name\r\nX-Evil: 1', five)), headers={'X-API-Key':'secret-key'})
        assert r.status_code==200 and 'x-evil' not in r.headers
        port = int(str(web.base_url).split(':')[-1].strip('/'))
        for body,kind in (form(b'secret-name', said=b'; charset=undefined'), (b'--b\r\nsecret-part',{'Content-Type':b'multipart/form-data; boundary="b'}), (b'P3 secret-bytes',{})):
            raw(port, head(len(body), b'Connection: close', *[b'Content-Type: '+o for o in kind.values()]), body)
        web.get('/classify-url', params=dict(url='http://127.0.0.1/secret-url'))
        web.get('/secret-path')
    lines = fn.read_text().splitlines()
    assert len(lines)>5 and all(json.loads(o) for o in lines) and not [o for o in lines if 'secret' in o]

@pytest.mark.parametrize('host', [b'[', b'evil.example', b'a b', b'', b'"><script>'])
@pytest.mark.parametrize('path', [b'/health/', b'/nothing', b'/docs', b'/../../etc/passwd', b'/%2e%2e/%00%ff'])
def test_odd_hosts_and_paths(server, host, path):
    res = raw(server[1], b'GET '+path+b' HTTP/1.1\r\nHost: '+host+b'\r\nConnection: close\r\n\r\n')
    assert res.startswith(b'HTTP/1.1 200 ' if path==b'/docs' else b'HTTP/1.1 404 ') or res.startswith(b'HTTP/1.1 400 ')
    assert b'\r\nlocation' not in res.lower() and b'<script>>' not in res

# keys, rates, other websites

def test_keys():
    with here(api_keys=['sesam','schlüssel',''], rate=0) as port:
        def got(*lines): return int(raw(port, b'GET /model HTTP/1.1\r\nHost: a\r\nConnection: close\r\n'+b''.join(o+b'\r\n' for o in lines)+b'\r\n')[9:12])
        for o in (b'X-API-Key: sesam', b'Authorization: Bearer sesam', 'X-API-Key: schlüssel'.encode()): assert got(o)==200
        for o in (b'X: y', b'X-API-Key:', b'X-API-Key: ses', b'X-API-Key: \xff\xfe', b'Authorization: Bearer ', b'Authorization: Basic sesam', b'X-API-Key: sesam, schluessel'): assert got(o)==401

def test_rates_and_guessing():
    with here(api_keys=['sesam'], rate=5) as port:
        guesses = [ask(port, 'GET', '/model', None, **{'X-API-Key':f'{i}'}) for i in range(8)]
        assert [o[0] for o in guesses]==[401]*5+[429]*3 and int(guesses[-1][2]['retry-after'])>0
        assert ask(port, 'GET', '/model', None, **{'X-API-Key':'sesam'})[0]==200

def test_other_websites():
    pre = {'Origin':'https://a.example', 'Access-Control-Request-Method':'POST', 'Access-Control-Request-Headers':'X-API-Key'}
    with here() as port: assert 'access-control-allow-origin' not in ask(port, 'OPTIONS', '/predict', None, **pre)[2]
    with here(cors=['https://a.example'], api_keys=['k']) as port:
        status,_,h = ask(port, 'OPTIONS', '/predict', None, **pre)
        assert (status,h['access-control-allow-origin'])==(200,'https://a.example') and h['x-request-id']
        assert 'access-control-allow-origin' not in ask(port, 'OPTIONS', '/predict', None, **{**pre, 'Origin':'https://b.example'})[2]
        assert ask(port, 'POST', '/predict', five, Origin='https://a.example')[2]['access-control-allow-origin']=='https://a.example'

# addresses

private = '''http://127.0.0.1/ http://2130706433/ http://0x7f.1/ http://127.1/ http://0/ http://[::]/ http://[::1]/ http://[::ffff:127.0.0.1]/ http://[::127.0.0.1]/ http://[64:ff9b::7f00:1]/ http://[2002:7f00:1::]/
    http://[fec0::1]/ http://[fe80::1]/ http://localhost:1/ http://user@127.0.0.1/ http://8.8.8.8@127.0.0.1/ http://169.254.169.254/ http://100.64.0.1/ https://0:443/'''.split()
nowhere = ['file:///etc/passwd','gopher://127.0.0.1/','ftp://a/','//127.0.0.1/','http://','http:///','http://[::1','http://xn--/','http://a:b/','http://\0/','http://a\r\nb/','javascript:alert(1)','http://１２７.１/', 'http://0177.0.0.1/']

@pytest.mark.parametrize('url', private+nowhere)
def test_addresses_that_lead_inside(server, url):
    with httpx.Client(base_url=f'http://127.0.0.1:{server[1]}') as web:
        for r in (web.get('/classify-url', params=dict(url=url)), web.post('/predict', files=[('url',(None,url))])):
            assert (r.status_code,r.json()['code'])==(400,'private_address' if url in private else 'bad_address')

def drip(h):
    h.send_response(200)
    h.end_headers()
    for _ in range(100):
        h.wfile.write(b'x')
        time.sleep(.1)

def endless(h):
    h.send_response(200)
    h.end_headers()
    for _ in range(1000): h.wfile.write(bytes(10**6))

def test_servers_that_are_traps():
    packed = gzip.compress(gzip.compress(bytes(200_000_000)))
    traps = {'/drip':drip, '/endless':endless, '/packed':says(packed, Content_Encoding='gzip, gzip'), '/pdf':says(b'%PDF-1.7'), '/loop':says(status=302, Location='/loop'), '/inside':says(status=302, Location='file:///etc/passwd'),
        '/odd':says(status=302, Location='http://xn--/'), '/big':says(bytes(3_000_000)), '/cut':says(b'abc', Content_Length=100), '/none':says(five, status=404)}
    with Web(traps) as far, here(allow_private=True, fetch_secs=1, max_body=2_000_000) as port:
        def got(path): return post(port, b'--b\r\nContent-Disposition: form-data; name="url"\r\n\r\n'+far.url(path).encode()+b'\r\n--b--\r\n', **{'Content-Type':'multipart/form-data; boundary=b'})
        before = psutil.Process().memory_info().rss
        want = dict(drip=504, endless=413, packed=415, pdf=415, loop=502, inside=400, odd=400, big=413, none=502)
        for k,v in want.items(): assert got('/'+k)[0]==v, k
        assert psutil.Process().memory_info().rss-before<60e6
        with ThreadPoolExecutor(20) as ex:
            slow = [ex.submit(got, '/drip') for _ in range(20)]
            time.sleep(.2)
            t = time.perf_counter()
            assert [post(port, five)[0] for _ in range(10)]==[200]*10 and time.perf_counter()-t<2
            assert {o.result()[0] for o in slow}<={503,504}

def test_sixteen_addresses_in_a_request():
    with Web({'/five.png':says(five)}) as far, here(allow_private=True) as port:
        r = httpx.post(f'http://127.0.0.1:{port}/predict', files=[('url',(None,far.url('/five.png')))]*16)
        assert [o.get('label') for o in r.json()['predictions']]==['five']*16

def test_others_are_answered_meanwhile(server):
    "A client that sends what is most work, all the time, and one who sends a small picture"
    p,port = server
    f = io.BytesIO()
    Image.new('RGB', (4000,4000), (1,2,3)).save(f, 'WEBP', lossless=True, method=0)
    work,stop,secs = [f.getvalue(),jpeg(4990, progressive=True),apart(5000, 4000),bombs['runs']()],threading.Event(),[]
    def busy(b):
        while not stop.is_set(): post(port, b)
    ts = [threading.Thread(target=busy, args=(o,)) for o in work]
    for o in ts: o.start()
    for _ in range(6):
        t = time.perf_counter()
        assert ask(port, 'GET', '/health')[0]==200
        mid = time.perf_counter()
        assert post(port, five)==(200,'ok')
        secs.append((mid-t,time.perf_counter()-mid))
    stop.set()
    for o in ts: o.join()
    print('slowest health, picture:', [f'{max(o):.2f} s' for o in zip(*secs)])
    assert np.median(secs, 0)[0]<1.5 and np.median(secs, 0)[1]<5
