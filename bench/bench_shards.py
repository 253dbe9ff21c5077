"Shards: near-duplicates of generated hashes by bands, and 100,000 pictures of 64 px from addresses to predictions; seconds and peak memory, each step in a process of its own"
import asyncio, io, multiprocessing, resource, shutil, socket, sys, tempfile, time
import numpy as np, pandas as pd, pyarrow as pa, pyarrow.parquet as pq
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from fastprogress import fastprogress
from PIL import Image
from imgcls.gather.banded import group_shards
from imgcls.gather.shards import gather_shards, predict_shards, verify_shards
from imgcls.gather.banded import banded_groups
from imgcls.gather.shards import shard_file, write_json
from imgcls.twins import group_ids, near_pairs
from imgcls.use.predict import sample_model

def measured(f, *args, **kwargs):
    "(seconds, of processor time, peak MB of the process, of the largest that it started; what `f` returned)"
    t = time.perf_counter()
    res = f(*args, **kwargs)
    t = time.perf_counter()-t
    use = [resource.getrusage(o) for o in (resource.RUSAGE_SELF,resource.RUSAGE_CHILDREN)]
    return t,sum(o.ru_utime+o.ru_stime for o in use),*(o.ru_maxrss/1024 for o in use),res

def alone(f, *args, **kwargs):
    "`measured`, in a new process"
    with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as ex: return ex.submit(measured, f, *args, **kwargs).result()

def quiet(f, *args, **kwargs):
    fastprogress.NO_BAR = True
    res = f(*args, **kwargs)
    return len(res) if f in (verify_shards,predict_shards,group_shards) else res.drop(columns='error').sum(numeric_only=True).to_dict()

def generated(path, n, rows=50_000, seed=0):
    "Manifests of `n` pictures with made-up hashes, a hundredth of them near to another"
    rng = np.random.default_rng(seed)
    for kind in ('manifest','stats','.partial/keep'): (path/kind).mkdir(parents=True)
    for i in range(n//rows):
        h = rng.integers(2**64, size=(rows,4), dtype='uint64')
        old,new = rng.permutation(rows)[:rows//50].reshape(2, -1)
        h[new] = h[old]^(np.uint64(1)<<rng.integers(64, size=(len(new),4), dtype='uint64'))
        hexed = h.byteswap().tobytes().hex()
        cols = dict(file=[f'{i:05}_{k:06}.jpg' for k in range(rows)], phash=[hexed[64*k:64*k+64] for k in range(rows)], status=['ok']*rows)
        pq.write_table(pa.table(cols), shard_file(path, 'manifest', i))
        write_json(shard_file(path, 'stats', i, 'json'), dict(shard=i, rows=rows, ok=rows))

def groups(path): return quiet(group_shards, path)

def in_groups(path): return sum(o.group.duplicated(keep=False).sum() for o in map(pd.read_parquet, (path/'groups').iterdir()))

def serve(port, n):
    "Answer for ever, each address with another picture of 64 px"
    rng = np.random.default_rng(0)
    base = [np.asarray(Image.fromarray(rng.integers(256, size=(8,8,3), dtype='uint8')).resize((64,64), Image.BICUBIC)) for _ in range(200)]
    def body(i):
        a = np.roll(base[i%200], (i//200%64, i//12800), (0,1))
        Image.fromarray(a).save(b := io.BytesIO(), 'JPEG', quality=80)
        return b.getvalue()+b'%d'%i
    async def client(r, w):
        try:
            while True:
                path = (await r.readuntil(b'\r\n\r\n')).split()[1].decode()
                b = body(int(path[1:-4]))
                w.write(b'HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n'%len(b)+b)
                await w.drain()
        except (asyncio.IncompleteReadError,ConnectionError): w.close()
    async def main(): await (await asyncio.start_server(client, '127.0.0.1', port, backlog=512)).serve_forever()
    asyncio.run(main())

def listed(fn, n, port):
    t = pa.table(dict(url=[f'http://127.0.0.1:{port}/{i}.jpg' for i in range(n)], label=[f'class {i%10}' for i in range(n)]))
    pq.write_table(t, fn)

def run_all(top, n, port):
    "Each step of the way from addresses to predictions"
    web = multiprocessing.get_context('spawn').Process(target=serve, args=(port,n), daemon=True)
    web.start()
    for _ in range(300):
        with socket.socket() as s:
            if s.connect_ex(('127.0.0.1', port))==0: break
        time.sleep(.1)
    listed(top/'urls.parquet', n, port)
    yield 'gather',alone(quiet, gather_shards, top/'urls.parquet', top/'out', allow_private=True)
    web.kill()
    yield 'verify',alone(quiet, verify_shards, top/'out')
    yield 'near-duplicates',alone(quiet, group_shards, top/'out')
    yield 'predict',alone(quiet, predict_shards, sample_model(), top/'out')

def main(hashes=10_000_000, pictures=100_000, port=18811):
    top = Path(tempfile.mkdtemp())
    rows = []
    for n in (10**6,hashes):
        generated(top/f'{n}', n)
        t,cpu,mb,_,_ = alone(groups, top/f'{n}')
        rows.append(f'| {n:,} hashes | {t:.0f} | {cpu:.0f} | {mb:,.0f} | | {in_groups(top/str(n)):,} in groups (planted: {n//50:,}) |')
    h = np.random.default_rng(1).integers(2**64, size=(20_000,4), dtype='uint64')
    same = (banded_groups(h)==group_ids(near_pairs(h), len(h))).all()
    rows += [f'| {k} | {t:.0f} | {cpu:.0f} | {mb:,.0f} | {most:,.0f} | {res} |' for k,(t,cpu,mb,most,res) in run_all(top, pictures, port)]
    shutil.rmtree(top)
    text = '\n'.join(rows)
    print(f'''## Shards (near-duplicates of generated hashes; {pictures:,} pictures of 64 px from a loopback server through all steps)

| | seconds | of processor time | peak MB | … of a worker | |
|---|---|---|---|---|---|
{text}

The same groups as `near_pairs` on 20,000 hashes: {same}''')

if __name__=='__main__': main(*map(int, sys.argv[1:]))
