"Faults of servers, networks and files, over a real loopback server"
import threading
import httpx, pytest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from PIL import Image
from imgcls.download import Moves, download_images, image_files, read_manifest, sync, tally, verify_images
from imgcls.sample import SampleWeb, draw_digit, encode_image
from imgcls.search import Hit, SearchError, _serpapi, search_images

jpg = encode_image(draw_digit(3))

class Web(ThreadingHTTPServer):
    "Answers with what `routes` says: path → function of the request handler"
    daemon_threads = True
    def __init__(self, routes):
        self.routes,self.asked = routes,[]
        class H(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            def log_message(self, *args): pass
            def do_GET(self):
                self.server.asked.append(self.path)
                self.server.routes[self.path.split('?')[0]](self)
        super().__init__(('127.0.0.1', 0), H)
        threading.Thread(target=self.serve_forever, args=(.05,), daemon=True).start()
    def url(self, path): return f'http://127.0.0.1:{self.server_port}{path}'
    def handle_error(self, *args): pass

def says(body=b'', status=200, mime='image/jpeg', **headers):
    def f(h):
        h.send_response(status)
        for k,v in dict({'Content-Type':mime, 'Content-Length':len(body)}, **headers).items(): h.send_header(k, str(v))
        h.end_headers()
        h.wfile.write(body)
    return f

def cut(h):
    h.send_response(200)
    h.send_header('Content-Length', str(len(jpg)))
    h.end_headers()
    h.wfile.write(jpg[:100])
    h.close_connection = True

@pytest.fixture
def web():
    routes = {'/ok.jpg':says(jpg), '/same.jpg':says(jpg), '/gone.jpg':says(status=404), '/broken.jpg':says(status=500), '/empty.jpg':says(), '/cut.jpg':cut,
        '/page.jpg':says(b'  <!DOCTYPE html><p>hello'), '/pic.svg':says(b'<svg xmlns="http://www.w3.org/2000/svg"/>', mime='image/svg+xml'),
        '/loop':says(status=302, Location='/loop'), '/half.jpg':says(jpg[:len(jpg)//2]), '/noise.jpg':says(bytes(range(256))*9)}
    w = Web(routes)
    yield w
    w.shutdown()
    w.server_close()

def test_every_fault_has_a_reason(web, tmp_path):
    urls = [web.url(o) for o in web.routes]+['http://127.0.0.1:1/x.jpg', 'ftp://x/y.jpg', 'not a url']
    df = download_images(tmp_path/'three', urls=urls, tries=2, timeout=3)
    got = dict(zip([o.split('/')[-1] for o in df.url], zip(df.status, df.reason)))
    assert len(df)==len(urls)
    assert {k for k,v in got.items() if v[0]=='ok'}=={'ok.jpg','half.jpg'}
    assert got['same.jpg'][0]=='duplicate' and got['noise.jpg'][0]=='quarantined'
    assert '404' in got['gone.jpg'][1] and 'empty' in got['empty.jpg'][1] and 'web page' in got['page.jpg'][1] and 'web page' in got['pic.svg'][1]
    assert all('run again' in got[o][1] for o in ('broken.jpg','cut.jpg')) and 'redirect' in got['loop'][1].lower()
    assert 'web address' in got['not a url'][1] and 'web address' in got['y.jpg'][1]
    assert verify_images(tmp_path).file.str.contains('three/').all()
    assert len(image_files(tmp_path))==1 and tally(tmp_path).loc['all','URLs']==len(urls)

def test_what_may_work_later_is_tried_again(web, tmp_path):
    urls = [web.url(o) for o in ('/ok.jpg','/gone.jpg','/broken.jpg')]
    download_images(tmp_path/'a', urls=urls, tries=1)
    web.asked.clear()
    web.routes['/broken.jpg'] = says(encode_image(draw_digit(4)))
    df = download_images(tmp_path/'a', urls=urls, tries=1)
    assert web.asked==['/broken.jpg'] and sorted(df.status)==['failed','ok','ok']
    assert len(read_manifest(tmp_path))==3==len((tmp_path/'manifest.csv').read_text().splitlines())-1

def test_url_file_query_strings_and_junk(web, tmp_path):
    fn = tmp_path/'urls_three.csv'
    fn.write_text(f'\ufeff{web.url("/ok.jpg")}?id=7&w=1\r\n\r\n"{web.url("/gone.jpg")}"\r\n', encoding='utf-8')
    df = download_images(tmp_path/'three', fn)
    assert '/ok.jpg?id=7&w=1' in web.asked and list(df.status)==['ok','failed']

def test_one_picture_under_two_labels(web, tmp_path):
    download_images(tmp_path/'a', urls=[web.url('/ok.jpg')])
    df = download_images(tmp_path/'b', urls=[web.url('/same.jpg')])
    assert df.status[0]=='duplicate' and 'another label: a/' in df.reason[0]

def test_cells_stay_on_their_line(web, tmp_path):
    hit = Hit(web.url('/ok.jpg'), title='two\nlines, and "quotes"', creator='=1+1')
    df = download_images(tmp_path/'a', urls=[hit])
    assert df.title[0]=='two lines, and "quotes"' and len(read_manifest(tmp_path))==1

def test_no_network_is_one_error(tmp_path):
    with pytest.raises(ConnectionError, match='goes on where it stopped'): download_images(tmp_path/'a', urls=[f'http://127.0.0.1:1/{i}.jpg' for i in range(30)], tries=1)
    assert not image_files(tmp_path) and not (tmp_path/'.partial').exists()

def test_a_torn_manifest_is_mended(web, tmp_path):
    download_images(tmp_path/'a', urls=[web.url('/ok.jpg')])
    with open(tmp_path/'manifest.csv', 'a') as f: f.write('a/123.jpg,a,half a li')
    df = download_images(tmp_path/'a', urls=[web.url('/ok.jpg'),web.url('/half.jpg')])
    assert sorted(df.status)==['ok','ok']

def test_verify_turns_upright_and_keeps_the_original(tmp_path):
    (tmp_path/'a').mkdir()
    raw = encode_image(draw_digit(3), orientation=6)
    (tmp_path/'a'/'x.jpg').write_bytes(raw)
    (tmp_path/'a'/'y.gif').write_bytes(encode_image(Image.new('RGB', (8,8)), 'GIF'))
    df = verify_images(tmp_path)
    assert dict(zip(df.file, df.what))=={'a/x.jpg':'turned upright', 'a/y.gif':'quarantined'}
    assert Image.open(tmp_path/'a'/'x.jpg').size==draw_digit(3).size
    m = Moves(tmp_path)
    m.undo(m.pending('verify')[0])
    assert (tmp_path/'a'/'x.jpg').read_bytes()==raw and (tmp_path/'a'/'y.gif').exists()

def test_moves_never_overwrite(tmp_path):
    for o in ('a','b'):
        (tmp_path/o).mkdir()
        (tmp_path/o/'x.jpg').write_text(o)
    m = Moves(tmp_path)
    assert m.move('a/x.jpg', 'b/x.jpg', batch='1')=='b/x-1.jpg' and (tmp_path/'b'/'x.jpg').read_text()=='b'
    (tmp_path/'a'/'x.jpg').write_text('new')
    with pytest.raises(FileExistsError, match='undo again'): m.undo('1')
    assert (tmp_path/'a'/'x.jpg').read_text()=='new'

def test_manifest_follows_moves_and_their_undo(web, tmp_path):
    download_images(tmp_path/'a', urls=[web.url('/ok.jpg')])
    before,m = read_manifest(tmp_path),Moves(tmp_path)
    f = before.file[0]
    g = m.move(f, 'b/'+f.split('/')[1], batch='1')
    assert sync(tmp_path).file[0]==g
    m.quarantine(g, 'blurred', '2')
    assert (sync(tmp_path).status[0],sync(tmp_path).reason[0])==('quarantined','blurred')
    m.undo('2')
    m.undo('1')
    assert sync(tmp_path).equals(before)
    m.table.append(dict(batch='3', action='move', src=f, dst='b/never.jpg'))
    assert sync(tmp_path).equals(before)

def serp(**kw): return says(__import__('json').dumps(kw).encode(), mime='application/json')

def test_search_errors_say_what_to_do_and_never_the_key():
    routes = {'/none':serp(error="hasn't returned any results"), '/key':says(status=401), '/quota':says(status=429), '/html':says(b'<p>', mime='text/html')}
    w = Web(routes)
    for path,said in [('/none','other words'),('/key','SERPAPI_KEY'),('/quota','quota'),('/html','no JSON')]:
        with pytest.raises(SearchError, match=said) as e: _serpapi('bear', 10, 'bing', w.url(path), dict(api_key='secret'))
        assert 'secret' not in str(e.value)
    w.shutdown()

def test_serpapi_pages_are_followed_with_the_key():
    def page(h):
        q = httpx.URL(h.path).params
        i = int(q.get('ijn', 0))
        more = dict(next=w.url(f'/search?q=bear&ijn={i+1}')) if i<2 else {}
        serp(images_results=[dict(original=f'http://x/{i}{j}.jpg', link='http://x', title='A bear', source='x', original_width=4, original_height=3) for j in range(5)],
            serpapi_pagination=more)(h) if q.get('api_key')=='k' else says(status=401)(h)
    w = Web({'/search':page})
    hits = _serpapi('bear', 12, 'bing', w.url('/search'), dict(api_key='k'))
    assert len(hits)==12 and hits[11]==Hit('http://x/21.jpg', 'http://x', 'A bear', 4, 3, source='x', engine='bing', term='bear')
    w.shutdown()

def test_a_dead_sample_web_is_a_sentence(monkeypatch):
    with SampleWeb(100) as w: pass
    monkeypatch.setattr('imgcls.search.sample_web', lambda: w)
    with pytest.raises(SearchError, match='Check the network'): search_images('three')
