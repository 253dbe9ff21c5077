"Nonsense of all kinds, over a real socket: what its own OpenAPI document allows and forbids, and thousands of broken pictures"
import http.client, io, json, os, psutil, pytest, random, schemathesis, struct, subprocess, sys, time, zlib
import numpy as np
from contextlib import contextmanager
from hypothesis import HealthCheck, Phase, given, settings, strategies as st
from hypothesis.errors import Unsatisfiable
from imgcls.use.host import free_port
from imgcls.sample import draw_digit
from PIL import Image
from schemathesis import checks, openapi
from schemathesis.specs.openapi import checks as more
from conftest import root

n_pictures,n_cases = int(os.environ.get('FUZZ_PICTURES', 2200)),int(os.environ.get('FUZZ_CASES', 30))
fresh = 'FUZZ_FRESH' in os.environ # other inputs each time

@contextmanager
def served(*args):
    "`imgcls-serve` in a process of its own: (process, port)"
    port = free_port(0)
    cmd = [sys.executable, '-m', 'imgcls.use.listen', str(root/'imgcls'/'assets'/'digits.onnx'), f'--port={port}', '--quiet', *args]
    p = subprocess.Popen(cmd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | dict(PYTHONPATH=str(root)))
    try:
        for _ in range(600):
            try: ask(port, 'GET', '/ready')
            except ConnectionRefusedError: time.sleep(.05)
            else: break
        yield p,port
    finally:
        p.terminate()
        assert p.wait(30)==0

def ask(port, method, path, body=None, **headers):
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
    try: return said(c, method, path, body, headers)
    finally: c.close()

def said(c, method, path, body, headers):
    c.request(method, path, body, headers)
    r = c.getresponse()
    return r.status,r.read(),r.headers

@pytest.fixture(scope='module')
def server():
    with served() as o: yield o

# its own document

wanted = [checks.not_a_server_error, more.status_code_conformance, more.content_type_conformance, more.response_schema_conformance,
    more.response_headers_conformance]
quick = dict(derandomize=not fresh, database=None, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])

def test_it_does_what_its_document_says(server):
    p,port = server
    doc = ask(port, 'GET', '/openapi.json')[1].decode().replace('"prefixItems":[{"type":"string"},{"type":"number"}],', '') # schemathesis 4.32 reads it wrongly
    schema,n = openapi.from_dict(json.loads(doc)),0
    for op in schema.get_all_operations():
        op = op.ok()
        for mode in schemathesis.GenerationMode:
            strategy = op.as_strategy(generation_mode=mode)
            @settings(max_examples=n_cases, **quick)
            @given(strategy)
            def f(case):
                nonlocal n
                n += 1
                r = case.call(base_url=f'http://127.0.0.1:{port}', timeout=30)
                if r.status_code in (502,504): return # an address that can't be fetched is what was made up here
                case.validate_response(r, checks=wanted)
            try: f()
            except Unsatisfiable: pass # a route that takes nothing can't be asked wrongly
    assert n>200 and p.poll() is None

@pytest.mark.parametrize('path', ['/predict','/upload','/analyze','/classify-url','/health','/model','/'])
def test_methods_that_are_none(server, path):
    take = 'POST' if path in ('/predict','/upload','/analyze') else 'GET'
    for m in ('GET','POST','PUT','PATCH','DELETE','OPTIONS','TRACE'):
        if m==take: continue
        status,body,head = ask(server[1], m, path)
        assert status==405 and json.loads(body)['code']=='not_allowed' and take in head['allow']

# broken pictures

def saved(fmt, mode='RGB', side=40, **kw):
    im = draw_digit(930).convert('RGB').resize((side,side))
    im = Image.fromarray(np.asarray(im.convert('L')).astype(np.uint16)*257) if mode=='I;16' else im.convert(mode)
    f = io.BytesIO()
    im.save(f, fmt, **kw)
    return f.getvalue()

def chunk(kind, b): return struct.pack('>I', len(b))+kind+b+struct.pack('>I', zlib.crc32(kind+b))

def interlaced(side=16):
    passes = (0,0,8,8),(4,0,8,8),(0,4,4,8),(2,0,4,4),(0,2,2,4),(1,0,2,2),(0,1,1,2)
    rows = [b'\0'+bytes(3*-(-(side-x)//dx)) for x,y,dx,dy in passes for _ in range(-(-(side-y)//dy))]
    return b'\x89PNG\r\n\x1a\n'+chunk(b'IHDR', struct.pack('>IIBBBBB', side, side, 8, 2, 0, 0, 1))+chunk(b'IDAT', zlib.compress(b''.join(rows)))+chunk(b'IEND', b'')

def turned():
    exif = Image.Exif()
    exif[0x112] = 6
    return exif.tobytes()

def pictures():
    yield from (saved('JPEG'), saved('JPEG', progressive=True), saved('JPEG', 'CMYK'), saved('JPEG', 'L'), saved('JPEG', exif=turned()), saved('JPEG', comment=b'c'*99, icc_profile=b'p'*99))
    yield from (saved('PNG'), saved('PNG', 'P'), saved('PNG', 'RGBA'), saved('PNG', 'I;16'), saved('PNG', '1'), interlaced(), saved('WEBP'), saved('WEBP', 'RGBA', lossless=True))
    yield from (saved('GIF', 'P'), saved('GIF', 'P', save_all=True, append_images=[Image.new('P', (40,40), 3)]), saved('BMP'), saved('BMP', 'P'), saved('PPM'), saved('PPM', '1'))
    yield from (saved('TIFF'), saved('TIFF', compression='tiff_lzw'), saved('TIFF', 'CMYK', compression='tiff_adobe_deflate'), saved('TIFF', compression='jpeg'))
    for fmt,kw in (('AVIF',dict(speed=10)),('JPEG2000',{}),('JPEG2000',dict(tile_size=(16,16)))):
        if fmt in Image.SAVE: yield saved(fmt, **kw)

def edges(r, n): return r.choice([0, 1, 2, 127, 128, 255, 256, 32767, 65535, 65536, 2**24, 2**31-1, 2**31, 2**32-1, n, n-1, n+1])

def flip(r, b, seeds):
    b = bytearray(b)
    for _ in range(r.choice([1, 1, 2, 5, 30])): b[r.randrange(len(b))] ^= 1<<r.randrange(8)
    return bytes(b)

def header(r, b, seeds):
    b = bytearray(b)
    for _ in range(r.choice([1, 2, 4])): b[r.randrange(min(len(b), 120))] = r.choice([0, 1, 127, 128, 255, r.randrange(256)])
    return bytes(b)

def number(r, b, seeds):
    i,size = r.randrange(len(b)),r.choice([1, 2, 4])
    return b[:i]+(edges(r, len(b))%256**size).to_bytes(size, r.choice(['big','little']))+b[i+size:]

def cut(r, b, seeds): return b[:r.randrange(len(b))]
def splice(r, b, seeds):
    o = r.choice(seeds)
    return b[:r.randrange(len(b))]+o[r.randrange(len(o)):]

def again(r, b, seeds):
    i,j = sorted(r.randrange(len(b)) for _ in '12')
    return b[:j]+b[i:j]*r.choice([1, 2, 50])+b[j:]

def added(r, b, seeds):
    note = chunk(r.choice([b'iCCP',b'zTXt',b'iTXt',b'eXIf',b'acTL',b'fcTL',b'PLTE',b'tRNS']), r.choice([b'', b'a\0\0'+zlib.compress(bytes(10**6)), r.randbytes(40)]))
    kinds = [note, b'\xff'+bytes([r.randrange(0xc0, 0xff)])+struct.pack('>H', r.choice([0, 1, 2, 30, 65535]))+r.randbytes(30)]
    i = r.choice([2, 8, 33, r.randrange(len(b))])
    return b[:i]+r.choice(kinds)+b[i:]

def huge(r, b, seeds):
    "Another size, checksum and all, where the format is known"
    w,h = r.choice([(30_000,30_000),(65_535,65_535),(2**31-1,1),(1,2**31-1),(0,5),(5000,5000)])
    if b[:4]==b'\x89PNG': return b[:8]+chunk(b'IHDR', struct.pack('>II', w, h)+b[24:29])+b[33:]
    if b[:3]==b'GIF': return b[:6]+struct.pack('<HH', w%65536, h%65536)+b[10:]
    if b[:2]==b'BM': return b[:18]+struct.pack('<ii', w, r.choice([h,-h]))+b[26:]
    if b[:1]==b'P': return b[:3]+f'{w} {h}\n'.encode()+b[9:]
    i = max(b.find(b'\xff\xc0'), b.find(b'\xff\xc2'))
    return b[:i+5]+struct.pack('>HH', h%65536, w%65536)+b[i+9:] if i>0 else number(r, b, seeds)

def noise(r, b, seeds): return b[:r.choice([0, 3, 8, 12, 16])]+r.randbytes(r.choice([0, 1, 50, 3000]))
harms = [flip, flip, header, header, number, number, cut, splice, again, added, huge, noise]

def harmed(r, seeds):
    b = r.choice(seeds)
    for _ in range(r.choice([1, 1, 2, 3])): b = r.choice(harms)(r, b or b'x', seeds)
    return b

def sent(r, b, seeds):
    "(path, body, headers) that carry `b`, not always as they should"
    kind = r.choice(['image/jpeg','image/png','application/octet-stream','text/html','', 'x'*300, 'multipart/form-data', 'application/x-www-form-urlencoded'])
    if r.random()<.6: return r.choice(['/predict','/predict','/upload','/analyze']),b,{'Content-Type':kind}
    mark = r.choice(['b', 'b'*70, 'b'*300, 'a"b', ''])
    disp = r.choice(['name="file"; filename="a.jpg"', 'name="file"', 'filename="x"', "name=\"f\"; filename*=UTF-8''%ff%00", 'name="url"', 'name="f"; filename="\\"\r\nX: y"', 'name="f"; filename="\xff\xfe"'])
    part = f'--{mark}\r\nContent-Disposition: form-data; {disp}\r\n{r.choice(["", "Content-Type: multipart/mixed; boundary=c", "Content-Transfer-Encoding: base64"])}\r\n\r\n'.encode('latin1')
    body = (part.replace(b'\r\n\r\n\r\n', b'\r\n\r\n')+b+b'\r\n')*r.choice([1, 1, 3, 17])+r.choice([f'--{mark}--\r\n'.encode(), b'', b'--'])
    said = f'multipart/form-data; boundary={r.choice([mark, mark, mark, "other"])}{r.choice(["", "", "; charset=utf-7", "; charset=undefined", "; charset=idna"])}'
    return '/predict',harmed(r, [body]) if r.random()<.2 else body,{'Content-Type':said}

def test_broken_pictures(server):
    p,port = server
    seeds,c,n,slowest = list(pictures()),http.client.HTTPConnection('127.0.0.1', port, timeout=20),0,(0,b'')
    for b in seeds: assert said(c, 'POST', '/predict', b, {})[0]==200
    rss,codes = psutil.Process(p.pid).memory_info().rss,{}

    @settings(max_examples=n_pictures, **quick)
    @given(st.integers(0, 2**63))
    def f(seed):
        nonlocal n,slowest,rss
        r = random.Random(seed)
        path,body,headers = sent(r, harmed(r, seeds), seeds)
        t = time.perf_counter()
        status,said_,head = said(c, 'POST', path, body, headers)
        secs = time.perf_counter()-t
        if status in (502,504): return
        assert status<500, f'{seed}: {status} {said_}'
        res = json.loads(said_)
        assert res.keys()&{'predictions','result'} if status==200 else res.keys()=={'code','message','hint'}, f'{seed}: {res}'
        assert secs<5, f'{seed}: {secs:.1f} s'
        n,slowest,codes[status] = n+1,max(slowest, (secs,body[:20])),codes.get(status, 0)+1
        if n==n_pictures//4: rss = psutil.Process(p.pid).memory_info().rss

    f()
    grown = psutil.Process(p.pid).memory_info().rss-rss
    print(f'{n} pictures, slowest {slowest[0]:.2f} s {slowest[1]}, {grown/1e6:+.0f} MB, {codes}')
    assert n>=.95*n_pictures and grown<100e6 and p.poll() is None and ask(port, 'GET', '/health')[0]==200
