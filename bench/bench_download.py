"1,000 pictures from a loopback server with 50–200 ms latency and 2 % faults: our `download_images` and fastai's, both at their defaults"
import asyncio, collections, io, multiprocessing, random, shutil, socket, statistics, tempfile, time
from fastai.vision.utils import download_images as fastai_download
from fastprogress import fastprogress
from pathlib import Path
from imgcls.gather.download import download_images
from photos import photo

faults = ['404']*8 + ['500']*2 + ['reset']*4 + ['cut']*2 + ['html']*4

def plan(n):
    "Path → fault of `n` addresses, 2 % of them faulty"
    kinds = faults*(n//1000) + ['']*(n-len(faults)*(n//1000))
    random.Random(0).shuffle(kinds)
    return {f'/{i:04d}.jpg':o for i,o in enumerate(kinds)}

def bodies(k=50):
    "Pictures of about 100 KB; a few bytes behind the end of each make it another file"
    for i in range(k):
        photo(i, 850, 950).save(b := io.BytesIO(), 'JPEG', quality=85)
        yield b.getvalue()

def serve(n, port):
    "Answer for ever"
    pics,what = list(bodies()),plan(n)
    async def client(r, w):
        try:
            while True:
                path = (await r.readuntil(b'\r\n\r\n')).split()[1].decode()
                await asyncio.sleep(random.uniform(.05, .2))
                fault,i = what[path],int(path[1:5])
                body = pics[i%len(pics)]+b'%04d'%i
                if fault=='reset': return w.transport.abort()
                if fault=='html': body = b'<!DOCTYPE html><p>Please log in'+b' '*5000
                status = {'404':b'404 Not Found','500':b'500 Oops'}.get(fault, b'200 OK')
                w.write(b'HTTP/1.1 '+status+b'\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n'%len(body))
                w.write(body[:50_000] if fault=='cut' else body)
                await w.drain()
                if fault=='cut': return w.close()
        except (asyncio.IncompleteReadError,ConnectionError): w.close()
    async def main(): await (await asyncio.start_server(client, '127.0.0.1', port, backlog=512)).serve_forever()
    asyncio.run(main())

def run(f, urls, **kwargs):
    "(seconds, what `f` returned, files, of which web pages)"
    path = Path(tempfile.mkdtemp())/'data'/'photo'
    path.parent.mkdir()
    t = time.perf_counter()
    res = f(path, urls=urls, **kwargs)
    t = time.perf_counter()-t
    files = [o for o in path.iterdir()]
    pages = sum(o.read_bytes()[:9]==b'<!DOCTYPE' for o in files)
    shutil.rmtree(path.parent.parent)
    return t,res,len(files),pages

def main(n=1000, runs=3, port=18799):
    fastprogress.NO_BAR = True
    p = multiprocessing.get_context('spawn').Process(target=serve, args=(n,port), daemon=True)
    p.start()
    urls = [f'http://127.0.0.1:{port}{o}' for o in plan(n)]
    for _ in range(300):
        with socket.socket() as s:
            if s.connect_ex(('127.0.0.1', port))==0: break
        time.sleep(.1)
    run(fastai_download, urls[:50])
    run(download_images, urls[:50], allow_private=True)
    pairs = [(run(download_images, urls, allow_private=True),run(fastai_download, urls)) for _ in range(runs)]
    p.kill()
    df,med = pairs[0][0][1],lambda i: n/statistics.median(o[i][0] for o in pairs)
    (a,b),n_bad = pairs[0],len(faults)*n//1000
    said = collections.Counter(df.status)
    print(f'''## Download ({n:,} pictures of about 100 KB from one loopback server, 50–200 ms latency, {n_bad} faults; {runs} runs each, in turns)

| | imgcls | fastai | ratio (median of pairs) |
|---|---|---|---|
| pictures a second | {med(0):.0f} | {med(1):.0f} | {statistics.median(y[0]/x[0] for x,y in pairs):.1f} × |
| outcomes reported | {len(df):,} of {n:,} ({said['ok']} ok, {said['failed']} failed) | {0 if b[1] is None else len(b[1])} of {n:,} | |
| web pages kept as pictures | {a[3]} | {b[3]} | |''')

if __name__=='__main__': main()
