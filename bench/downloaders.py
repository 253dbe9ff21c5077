"One download in a process of its own, for `bench_download.py`: `downloaders.py NAME FILE_OF_ADDRESSES FOLDER CONNECTIONS` prints what it took"
import json, os, resource, sys, time
from functools import partial
from pathlib import Path

def imgcls(urls, to, n):
    "Ours, of whatever tree PYTHONPATH names: a row for every address"
    from fastprogress import fastprogress
    from imgcls.gather.download import download_images
    fastprogress.NO_BAR = True
    def go(): return download_images(to/'photo', urls=urls, max_pics=len(urls), n_workers=n, allow_private=True)
    return go,lambda df: df.status.value_counts().to_dict()

def shards(urls, to, n):
    "The same by shards, in one process"
    from fastprogress import fastprogress
    from imgcls.gather.shards import gather_shards
    fastprogress.NO_BAR = True
    fn = to.with_suffix('.txt')
    fn.write_text('\n'.join(urls))
    urls.clear() # it is the file that is read
    def go(): return gather_shards(fn, to, rows=1000, n_workers=1, connections=n, allow_private=True)
    return go,lambda df: df[['ok','duplicate','failed']].sum().to_dict()

def fastai(urls, to, n):
    "A file for what came, nothing said of the rest"
    from fastai.vision.utils import download_images
    return partial(download_images, to, urls=urls, max_pics=len(urls), n_workers=n),lambda _: dict(ok=len(list(to.iterdir())))

def daft(urls, to, n):
    "Bytes in memory, stored nowhere; None for what didn't come"
    import daft
    from daft.functions import download
    df = daft.from_pydict(dict(url=urls))
    df.collect() # its runner starts
    def go(): return df.select(download(df['url'], max_connections=n, on_error='null').alias('b')).collect()
    return go,lambda df: dict(ok=sum(o['b'] is not None for o in df.iter_rows()))

def img2dataset(urls, to, n):
    "Files as they come, in two processes, with a JSON each"
    from img2dataset import download
    fn = to.with_suffix('.txt')
    fn.write_text('\n'.join(urls))
    how = dict(processes_count=2, thread_count=n//2, number_sample_per_shard=len(urls)//2, resize_mode='no', disable_all_reencoding=True)
    return partial(download, str(fn), output_folder=str(to), **how),lambda _: dict(ok=len(list(to.rglob('*.jpg'))))

def seconds(): return sum(o.ru_utime+o.ru_stime for o in map(resource.getrusage, (resource.RUSAGE_SELF,resource.RUSAGE_CHILDREN)))

def main(name, fn, to, n):
    go,said = globals()[name](Path(fn).read_text().split(), Path(to), int(n))
    cpu,start = seconds(),time.perf_counter()
    res = go()
    took = dict(secs=time.perf_counter()-start, cpu=seconds()-cpu)
    print(json.dumps(took | dict(said=said(res))), flush=True)
    os._exit(0) # nobody waits for threads that linger

if __name__=='__main__': main(*sys.argv[1:])
