"This tree against an earlier commit (BEFORE, or the last one with flat modules): the same operations in turns, each version in a process of its own"
import os, shutil, statistics, subprocess, sys, tempfile, time
from pathlib import Path
from service import free_port, load

root = Path(__file__).parent.parent
before = os.environ.get('BEFORE', '7edfb0b')
names = dict(loader='three epochs of the training loader, 200 photos, 224 px', epoch='an unfrozen epoch of resnet18',
    head='its head, two views and five epochs', verify='verify, hash and shrink 400 photos', predict='64 predictions, one by one')

def git(*args): return subprocess.run(['git', *args], cwd=root, check=True, capture_output=True, text=True).stdout.strip()

def environ(tree): return os.environ | dict(PYTHONPATH=f'{tree}{os.pathsep}{root/"bench"}', OMP_NUM_THREADS=str(os.cpu_count()))

def worker(tree, model):
    "A process that runs operations with the library in `tree`"
    cmd,pipe = [sys.executable, root/'bench'/'ops.py', model],subprocess.PIPE
    return subprocess.Popen(cmd, cwd=tree, env=environ(tree), stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)

def ask(p, what):
    "Seconds that `what` takes"
    print(what, file=p.stdin, flush=True)
    return float(p.stdout.readline())

def server(tree, module, model):
    "(process, address) of the service of `tree`"
    port = free_port(0)
    cmd,none = [sys.executable, '-m', module, model, f'--port={port}', '--quiet'],subprocess.DEVNULL
    p = subprocess.Popen(cmd, cwd=tree, env=environ(tree), stdout=none, stderr=none)
    time.sleep(5)
    return p,f'http://127.0.0.1:{port}'

def operations(trees, model, n):
    "Per operation: pairs of seconds, this tree first"
    ps = [worker(o, model) for o in trees]
    for p in ps: p.stdout.readline()
    rs = {k:[[ask(p, k) for p in ps] for _ in range(n+1)][1:] for k in names} # the first warms up
    for p in ps: p.stdin.close()
    return rs

def serving(trees, model, pics, n, secs=5):
    "Pairs of requests a second with 16 visitors, this tree first"
    ps = [server(t, m, model) for t,m in zip(trees, ('imgcls.use.listen','imgcls.listen'))]
    try: return [[load(url, pics, 16, secs)[0] for _,url in ps] for _ in range(n+1)][1:]
    finally:
        for p,_ in ps: p.terminate()

def main(n=7):
    top = Path(tempfile.mkdtemp())
    git('worktree', 'add', '--detach', str(top/'old'), before)
    try:
        trees,model = [root,top/'old'],str(export(top))
        rs = operations(trees, model, n)
        asked = serving(trees, model, top/'photos', n)
    finally:
        git('worktree', 'remove', '--force', str(top/'old'))
        shutil.rmtree(top)
    med = lambda rs,i: statistics.median(o[i] for o in rs)
    line = lambda k,rs: f'| {names[k]}, s | {med(rs,0):.2f} | {med(rs,1):.2f} | {statistics.median(b/a for a,b in rs):.2f} × |'
    rows = '\n'.join(line(k, o) for k,o in rs.items())
    print(f"""## Against the commit before (this tree: {git('rev-parse', '--short', 'HEAD')}; before: {before}; {n} runs each, in turns)

| | now | before | as fast (median of pairs) |
|---|---|---|---|
{rows}
| requests a second, 16 visitors, int8 | {med(asked,0):.0f} | {med(asked,1):.0f} | {statistics.median(a/b for a,b in asked):.2f} × |""")

def export(top):
    "An int8 resnet18 that both versions read"
    code = '''import sys; from fastprogress import fastprogress; fastprogress.NO_BAR = True
import photos; from imgcls.all import *
photos.write(sys.argv[1]+'/photos', 64)
export_onnx(get_learner(get_dls(sys.argv[1]+'/photos', size=224), 'resnet18', pretrained=False), sys.argv[1]+'/int8.onnx', quantize=True, max_loss=1.)'''
    subprocess.run([sys.executable, '-c', code, str(top)], env=environ(root), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return top/'int8.onnx'

if __name__=='__main__': main()
