"Firefox, told what to do in WebDriver BiDi, which it speaks by itself"
import json, shutil, socket, subprocess, tempfile, websocket
from fronts import wait

def firefox(): return shutil.which('firefox') or shutil.which('firefox-esr')

class Firefox:
    "One tab"
    def __enter__(self):
        with socket.create_server(('127.0.0.1',0)) as s: port = s.getsockname()[1]
        self.tmp,self.n = tempfile.TemporaryDirectory(ignore_cleanup_errors=True),0
        cmd = [firefox(), '--headless', '--no-remote', '--profile', self.tmp.name, f'--remote-debugging-port={port}']
        self.p = subprocess.Popen(cmd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.ws = wait(lambda: _connected(port), 60, sleep=lambda _: self.p.poll())
        self.send('session.new', capabilities={})
        self.tab = self.send('browsingContext.getTree')['contexts'][0]['context']
        return self

    def __exit__(self, *_):
        self.p.terminate()
        self.p.wait(20)
        self.tmp.cleanup()

    def send(self, method, **params):
        "The result of a command"
        self.n += 1
        self.ws.send(json.dumps(dict(id=self.n, method=method, params=params)))
        while (o := json.loads(self.ws.recv())).get('id')!=self.n: pass
        assert o['type']=='success', o
        return o['result']

    def goto(self, url): self.send('browsingContext.navigate', context=self.tab, url=url, wait='complete')

    def run(self, js, *args):
        "What the function `js` gives, as JSON"
        call = f'(async () => JSON.stringify(await ({js})(...{json.dumps(args)})))()'
        o = self.send('script.evaluate', expression=call, awaitPromise=True, target=dict(context=self.tab))
        assert o['type']=='success', o
        return json.loads(o['result']['value'])

def _connected(port):
    try: return websocket.create_connection(f'ws://127.0.0.1:{port}/session', suppress_origin=True, timeout=60)
    except (OSError,websocket.WebSocketException): return None
