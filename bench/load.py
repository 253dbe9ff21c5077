"Visitors of the HTTP service for locust, LOAD_N of them: pictures from the folder LOAD_PICS; a share LOAD_BAD of them send something else; each asks LOAD_RATE times a second, or without a pause"
import gevent, os, random
from itertools import count
from pathlib import Path
from locust import FastHttpUser, task
from time import monotonic as time

pics = [o.read_bytes() for o in sorted(Path(os.environ['LOAD_PICS']).rglob('*.jpg'))]
bad,rate,n = [float(os.environ.get(o, 0)) for o in ('LOAD_BAD','LOAD_RATE','LOAD_N')]
i,who,begun = count(),count(),time()

def form(b):
    "A form with file `b`, ready to be sent"
    head = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="x.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    return dict(data=head+b+b'\r\n--xyz--\r\n', headers={'Content-Type':'multipart/form-data; boundary=xyz'})

good = [form(o) for o in pics]
odd = [('a PDF', 415, '/upload', form(b'%PDF-1.7 '+bytes(5000))), ('half a picture', 422, '/upload', form(pics[0][:len(pics[0])//2])), ('no picture', 400, '/upload', {}),
    ('bytes', 415, '/predict', dict(data=random.Random(1).randbytes(50_000))), ('elsewhere', 404, '/wp-admin.php', {})]

class Visitor(FastHttpUser):
    connection_timeout = network_timeout = 60

    def on_start(self):
        self.due = begun+next(who)/rate/n if rate else 0
        gevent.sleep(self.wait_time())

    def wait_time(self):
        "Until this visitor's turn: each has their own, evenly spread over the time between two requests"
        while rate and self.due<time(): self.due += 1/rate
        return self.due-time() if rate else 0

    @task
    def ask(self):
        name,want,path,kw = random.choice(odd) if random.random()<bad else ('a picture', 200, '/upload', good[next(i)%len(good)])
        with self.client.post(path, name=name, catch_response=True, **kw) as r:
            if r.status_code==want: r.success()
            else: r.failure(f'status {r.status_code}' if r.status_code else f'no answer: {type(r.error).__name__} {r.error}'[:200])
