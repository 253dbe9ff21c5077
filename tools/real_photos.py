"Real photos of bears where they are (../shared), found by a server of this machine that answers as Openverse does"
import io, json, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit
from imgcls.sample import draw_digit

shared = Path(__file__).resolve().parents[2]/'shared'
folders = dict(grizzly='grizzly', black='black', teddy='teddys', plush='teddys', toy='teddys')
later = 'Alaska','American','stuffed' # words of the searches for pictures to test with: the last 20 of each class

def there(): return (shared/'data'/'bears').exists() and (shared/'torch_home').exists()

def found(term):
    "Paths of the pictures for `term`; digits for furniture, streets and leaves"
    words = term.split()
    folder = next((v for k,v in folders.items() if k in words), None)
    if not folder: return [f'/digit/{i}' for i in range(5)] if {'armchair','street','leaf'}&{*words} else []
    every = [f'/{folder}/{o.name}' for o in sorted((shared/'data'/'bears'/folder).iterdir())]
    if any(o in words for o in later): return every[-20:]
    half = slice('plush' in words, None, 2) if folder=='teddys' else slice(None)
    return every[:-20][half]

def digit(i):
    out = io.BytesIO()
    draw_digit(i).save(out, 'JPEG')
    return out.getvalue()

class Openverse:
    "A server that finds bears: `with Openverse() as web: web.url`"
    def __init__(self): self.root,web = shared,self
    def __enter__(self):
        web = self
        class H(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            def log_message(self, *args): pass
            def say(self, body, mime):
                self.send_response(200)
                for k,v in {'Content-Type':mime, 'Content-Length':len(body)}.items(): self.send_header(k, str(v))
                self.end_headers()
                if self.command=='GET': self.wfile.write(body)
            def do_GET(self):
                at = urlsplit(self.path)
                if at.path=='/v1/images/': return self.say(json.dumps(web.search(**parse_qs(at.query))).encode(), 'application/json')
                _,folder,name = at.path.split('/')
                self.say(digit(int(name)) if folder=='digit' else (shared/'data'/'bears'/folder/Path(name).name).read_bytes(), 'image/jpeg')
            do_HEAD = do_GET
        self.server = ThreadingHTTPServer(('127.0.0.1', 0), H)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self
    def __exit__(self, *args):
        self.server.shutdown()
        self.server.server_close()
    @property
    def url(self): return f'http://127.0.0.1:{self.port}/v1/images/'
    def search(self, q=('',), page=('1',), **kwargs):
        "A page of 100 in Openverse's shape"
        paths,i = found(q[0]),int(page[0])-1
        res = [dict(url=f'http://127.0.0.1:{self.port}{quote(o)}', title=q[0], license='by', license_version='2.0', creator='somebody', source='here') for o in paths]
        return dict(result_count=len(res), page_count=-(-len(res)//100), results=res[100*i:100*(i+1)])

def settings(web):
    "Code that points a kernel to `web`, and to the network whose weights are there, at a size that a processor is quick with"
    return f'''import os
os.environ['IMGCLS_TOPIC'] = 'photos'
import imgcls.gather.search as S, imgcls.net as net, imgcls.topic as T
S.hosts['openverse'],S.pace = {web.url!r},lambda *args: None
net.running.add({web.port})
bears = T.photos
def photos():
    topic = bears()
    topic.arch,topic.epochs = 'squeezenet1_1',2
    return topic
T.photos,T.Topic.data = photos,property(lambda self: dict(size=128))'''
