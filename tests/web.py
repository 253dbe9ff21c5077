"A small server whose every answer is a function, for tests of what can go wrong on the web"
import functools, httpx, io, json, os, pytest, tarfile, threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from imgcls.sample import draw_digit, encode_image

jpg = encode_image(draw_digit(3))

class Web(ThreadingHTTPServer):
    "Answers with what `routes` says: path → function of the request handler"
    daemon_threads,request_queue_size = True,128
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
    def __enter__(self): return self
    def __exit__(self, *args):
        self.shutdown()
        self.server_close()

def says(body=b'', status=200, mime='image/jpeg', **headers):
    "A route that answers with `body`"
    def f(h):
        h.send_response(status)
        for k,v in {'Content-Type':mime, 'Content-Length':len(body), **headers}.items(): h.send_header(k.replace('_','-'), str(v))
        h.end_headers()
        h.wfile.write(body)
    return f

def tells(status=200, headers=None, **kw): return says(json.dumps(kw).encode(), status, 'application/json', **(headers or {}))

def focused(tab, n):
    "What the Tab key leads to on a page, `n` times: ids or words"
    tab.evaluate('document.activeElement.blur()')
    def press():
        tab.keyboard.press('Tab')
        return tab.evaluate('document.activeElement.id || document.activeElement.textContent')
    return [press() for _ in range(n)]

@contextmanager
def served(path, **headers):
    "The folder `path` at an address, as any web server hands it out; `headers` are sent along"
    class H(SimpleHTTPRequestHandler):
        def log_message(self, *args): pass
        def end_headers(self):
            for k,v in headers.items(): self.send_header(k.replace('_', '-'), v)
            super().end_headers()
    srv = ThreadingHTTPServer(('127.0.0.1',0), functools.partial(H, directory=path))
    threading.Thread(target=srv.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{srv.server_port}/'
    srv.shutdown()
    srv.server_close()

def axe():
    "axe-core, from the npm registry or the cache"
    fn = Path(os.environ.get('XDG_CACHE_HOME') or '~/.cache').expanduser()/'imgcls'/'axe-core-4.14.1.js'
    if fn.exists(): return fn.read_text(encoding='utf-8')
    registry = os.environ.get('NPM_CONFIG_REGISTRY') or 'https://registry.npmjs.org'
    try: b = httpx.get(f'{registry.rstrip("/")}/axe-core/-/axe-core-4.14.1.tgz', timeout=60).raise_for_status().content
    except httpx.HTTPError as e: pytest.skip(f'axe-core can not be fetched: {e}')
    with tarfile.open(fileobj=io.BytesIO(b)) as tar: fn.write_bytes(tar.extractfile('package/axe.min.js').read())
    return fn.read_text(encoding='utf-8')

fake = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'] # Chromium's own camera
