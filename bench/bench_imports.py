"What an import costs, in fresh processes in turns: ours beside what it can't do without"
import statistics, subprocess, sys, time

codes = dict(nothing='pass', fastai='from fastai.vision.all import *', all='from imgcls.all import *', gather='from imgcls.gather import download_images',
    use='import imgcls.use', predict='from imgcls.use import Predictor', serve='from imgcls.use import make_app')

def secs(code):
    "Seconds of a fresh process"
    t = time.perf_counter()
    subprocess.run([sys.executable, '-W', 'ignore', '-c', code], check=True)
    return time.perf_counter()-t

def heavy(code, names=('torch','fastai')):
    "Which of `names` are there afterwards"
    out = subprocess.run([sys.executable, '-W', 'ignore', '-c', f'import sys\n{code}\nprint(*sorted({set(names)}&set(sys.modules)))'], capture_output=True, text=True, check=True)
    return out.stdout.strip() or 'neither torch nor fastai'

def main(n=9):
    for o in codes.values(): secs(o) # files are read from the disk once
    runs = [{k:secs(o) for k,o in codes.items()} for _ in range(n)]
    med = statistics.median
    def more(a, b): return med(r[a]-r[b] for r in runs)
    def line(k, than, most): return f'| `{codes[k]}` | {med(r[k] for r in runs):.2f} | {more(k, than):.2f} | {most} | {heavy(codes[k])} |'
    print(f"""## Imports (fresh processes, {n} runs each, in turns)

`{codes['fastai']}` takes {med(r['fastai'] for r in runs):.2f} s, a Python that does nothing {med(r['nothing'] for r in runs):.2f} s. The first row is beside fastai's, the others beside nothing, medians of pairs.

| | seconds | more than that | wanted at most | brings |
|---|---|---|---|---|
{line('all', 'fastai', 0.2)}
{line('gather', 'nothing', 0.4)}
{line('use', 'nothing', 0.35)}
{line('predict', 'nothing', 0.35)}
{line('serve', 'nothing', '')}""")

if __name__=='__main__': main()
