"Verify, hash and shrink: `verify_images(max_size=500)`, one decode for all three; the same at an earlier commit (BEFORE); fastai's `verify_images` followed by `resize_images(max_size=500)`"
import os, shutil, statistics, subprocess, sys, tempfile, time
from pathlib import Path
from bench_download import earlier

before = os.environ.get('BEFORE', 'fab1763')

def ours(path):
    from imgcls.gather.verify import verify_images
    verify_images(path, max_size=500)

def theirs(path):
    from fastai.vision.all import get_image_files
    from fastai.vision.utils import resize_images, verify_images
    verify_images(get_image_files(path))
    resize_images(path, max_size=500, dest=path, recurse=True)

def work(name):
    "Verify the folders whose names come in, and say how long each took"
    from fastprogress import fastprogress
    fastprogress.NO_BAR = True
    for line in sys.stdin:
        t = time.perf_counter()
        dict(ours=ours, theirs=theirs)[name](Path(line.strip()))
        print(f'took {time.perf_counter()-t}', flush=True)

def worker(name, tree):
    "A process that verifies with the library in `tree`"
    env,pipe = os.environ | dict(PYTHONPATH=f'{tree}', PYTHONWARNINGS='ignore'),subprocess.PIPE
    return subprocess.Popen([sys.executable, __file__, name], env=env, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)

def ask(p, src, top):
    "Seconds that process `p` takes for a copy of `src`"
    shutil.copytree(src, top/'work')
    print(top/'work', file=p.stdin, flush=True)
    said = next(o for o in p.stdout if o.startswith('took '))
    shutil.rmtree(top/'work')
    return float(said.split()[1])

def main(n=2000, runs=3):
    from photos import write
    top,root = Path(tempfile.mkdtemp()),Path(__file__).parent.parent
    write(top/'src', n)
    size = sum(o.stat().st_size for o in (top/'src').rglob('*.jpg'))/n/1024
    old = earlier(top/'before', before)
    who = dict(imgcls=worker('ours', root), **{f'imgcls {before}':old and worker('ours', old)}, **{'fastai (verifies and shrinks only)':worker('theirs', root)})
    who = {k:p for k,p in who.items() if p}
    ts = [{k:ask(p, top/'src', top) for k,p in who.items()} for _ in range(runs+1)][1:] # the first run warms up
    for p in who.values(): p.stdin.close()
    shutil.rmtree(top)
    med = lambda k: n/statistics.median(o[k] for o in ts)
    rows = '\n'.join(f'| {k} | {med(k):.0f} | {statistics.median(o[k]/o["imgcls"] for o in ts):.2f} × |' for k in who)
    print(f'''## Verify, hash and shrink ({n:,} photos of 500–1600 px, {size:.0f} KB on average; {runs} runs each, in turns, each library in a process of its own)

| | photos a second | imgcls is faster by (median of the pairs) |
|---|---|---|
{rows}''')

if __name__=='__main__': work(sys.argv[1]) if sys.argv[1:] else main()
