"Visitors of the HTTP service for locust: pictures from the folder LOAD_PICS; a share LOAD_BAD of them send something else; each asks LOAD_RATE times a second, or without a pause"
import gevent, os, random
from itertools import count
from pathlib import Path
from locust import FastHttpUser, constant, constant_throughput, task

pics = [o.read_bytes() for o in sorted(Path(os.environ['LOAD_PICS']).rglob('*.jpg'))]
bad,rate,i = float(os.environ.get('LOAD_BAD', 0)),float(os.environ.get('LOAD_RATE', 0)),count()

def form(b): return dict(files=dict(file=('x.jpg', b, 'image/jpeg')))
odd = [('a PDF', 415, '/upload', form(b'%PDF-1.7 '+bytes(5000))), ('half a picture', 422, '/upload', form(pics[0][:len(pics[0])//2])), ('no picture', 400, '/upload', {}),
    ('bytes', 415, '/predict', dict(data=random.Random(1).randbytes(50_000))), ('elsewhere', 404, '/wp-admin.php', {})]

class Visitor(FastHttpUser):
    wait_time = constant_throughput(rate) if rate else constant(0)
    connection_timeout = network_timeout = 60

    def on_start(self):
        if rate: gevent.sleep(random.random()/rate) # not all in the same moment

    @task
    def ask(self):
        name,want,path,kw = random.choice(odd) if random.random()<bad else ('a picture', 200, '/upload', form(pics[next(i)%len(pics)]))
        with self.client.post(path, name=name, catch_response=True, **kw) as r:
            if r.status_code==want: r.success()
            else: r.failure(f'status {r.status_code}' if r.status_code else f'no answer: {type(r.error).__name__} {r.error}'[:200])
