"Ways to answer many at once in the HTTP service: all servers run, bursts of visitors go to each in turn. Two cores, 4 minutes"
import asyncio, http.client, os, statistics, sys, tempfile, threading, time
import numpy as np
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from imgcls.use import batch, serve
from imgcls.use.predict import Predictor

kinds = dict(pool='ours', batches='small batches', shared='all cores for each', single='one thread each')

class Batches(batch.Pool):
    "Pictures are read side by side, and go through the network in batches of those that are ready: what imgcls had before"
    bs,wait = 8,.004
    def __init__(self, *args):
        super().__init__(*args)
        self.net,self.ready,self.reading,self.worker = ThreadPoolExecutor(1),deque(),0,None
        self.single = self.predictor # no second session

    async def read(self, x):
        self.reading += 1
        try: return await asyncio.get_running_loop().run_in_executor(self.threads, self.predictor.prepared, x)
        finally: self.reading -= 1

    async def probs(self, x):
        with self.room.share() as take:
            take()
            self.ready.append((await self.read(x),fut := asyncio.get_running_loop().create_future()))
            if self.worker is None: self.worker = asyncio.create_task(self.work())
            return await fut

    async def work(self):
        while self.ready:
            end = time.monotonic()+self.wait
            while self.reading and len(self.ready)<self.bs and (left := end-time.monotonic())>0: await asyncio.sleep(min(left, .001))
            part = [self.ready.popleft() for _ in range(min(self.bs, len(self.ready)))]
            xs = np.stack([a for a,_ in part])
            ps = await asyncio.get_running_loop().run_in_executor(self.net, self.predictor.probs, xs)
            for p,(_,fut) in zip(ps, part): fut.set_result(p)
        self.worker = None

class Shared(batch.Pool):
    def __init__(self, *args):
        super().__init__(*args)
        self.single = self.predictor

def run(kind, model, port):
    "The service of `model`, as `kind` answers many at once"
    import uvicorn
    serve.Pool = dict(batches=Batches, shared=Shared, single=Shared).get(kind, batch.Pool)
    app = serve.make_app(Predictor(model, n_threads=int(kind=='single'), max_pixels=25_000_000))
    uvicorn.run(app, port=port, log_level='warning', access_log=False)

def burst(url, pics, users, secs):
    "(requests a second, median ms) of `users` who ask for `secs` seconds without a pause"
    end,times,turn = time.time()+secs,[],count()
    def visit():
        c = http.client.HTTPConnection(url.split('//')[1], timeout=60)
        while time.time()<end:
            t = time.perf_counter()
            c.request('POST', '/upload', pics[next(turn)%len(pics)], {'Content-Type':'image/jpeg'})
            r = c.getresponse()
            assert r.read() and r.status==200
            times.append(time.perf_counter()-t)
    ts,begun = [threading.Thread(target=visit) for _ in range(users)],time.time()
    for t in ts: t.start()
    for t in ts: t.join()
    return len(times)/(time.time()-begun),1000*statistics.median(times)

def main(n=12, path=None, model='int8.onnx'):
    import photos
    from bench_predict import models
    from service import mb, start
    if path is None:
        photos.write((path := Path(tempfile.mkdtemp()))/'photos', 64)
        models(path)
    pics = [o.read_bytes() for o in sorted((path/'photos').rglob('*.jpg'))]
    servers = {k:start(['bench.bench_batch',k,str(path/model)], path) for k in kinds}
    for p,url in servers.values(): burst(url, pics, 4, 2)
    def one(k): return burst(servers[k][1], pics, 16, 2),burst(servers[k][1], pics, 1, 1)
    runs = [{k:one(k) for k in list(kinds)[::1-2*(i%2)]} for i in range(n)]
    med = lambda k,i,j: statistics.median(o[k][i][j] for o in runs)
    ratio = lambda k,i,j: statistics.median(o[k][i][j]/o['batches'][i][j] for o in runs)
    print(f'''## Many at once (resnet18, {model[:4]}, 224 px, JPEG photos of 500 to 1,600 px, {os.cpu_count()} cores; {n} bursts of each, in turns)

| | requests a second, 16 visitors | of those in batches | median, ms | one visitor, median ms | of that in batches | peak memory, MB |
|---|---|---|---|---|---|---|''')
    for k,said in kinds.items():
        print(f'| {said} | {med(k,0,0):.0f} | {ratio(k,0,0):.2f} × | {med(k,0,1):.0f} | {med(k,1,1):.1f} | {ratio(k,1,1):.2f} × | {mb(servers[k][0]):.0f} |')
    for p,_ in servers.values(): p.terminate()

if __name__=='__main__':
    if '--port' in sys.argv: run(sys.argv[1], sys.argv[2], int(sys.argv[-1]))
    else: main(path=Path(sys.argv[1]) if sys.argv[1:] else None)
