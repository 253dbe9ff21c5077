"""1,000 pictures of about 100 KB from 20 hosts of this machine, 128 connections, 50–200 ms latency, without and with 2 % faults:
ours, ours at 725f37a, Daft, img2dataset and fastai in turns, each in a process of its own"""
import asyncio, collections, io, json, multiprocessing, os, random, shutil, socket, statistics, subprocess, sys, tempfile, threading, time, venv
from pathlib import Path
import psutil
from PIL import Image
from photos import photo

root = Path(__file__).parent.parent
before = os.environ.get('BEFORE', '725f37a')
faults = ['404']*8 + ['500']*2 + ['reset']*4 + ['cut']*2 + ['html']*4
hosts,connections = 20,128

def plan(n, faulty):
    "Path → fault of `n` addresses, 2 % of them faulty"
    kinds = faults*(n//1000)*faulty
    kinds += ['']*(n-len(kinds))
    random.Random(0).shuffle(kinds)
    return {f'/{"bad" if faulty else "good"}/{i}.jpg':o for i,o in enumerate(kinds)}

def addresses(paths, port): return [f'http://127.0.0.{i%hosts+1}:{port}{o}' for i,o in enumerate(paths)]

def jpeg(im):
    im.save(b := io.BytesIO(), 'JPEG', quality=85)
    return b.getvalue()

class Server(asyncio.Protocol):
    "Answers each address with another file, after a while"
    pics,what,tiny = [],{},b''
    def connection_made(self, t): self.t = t

    def data_received(self, b):
        path = b.split(b' ', 2)[1].decode()
        asyncio.get_running_loop().call_later(0 if path[:6]=='/tiny/' else random.uniform(.05, .2), self.answer, path)

    def answer(self, path):
        fault,i = self.what.get(path, ''),int(path.split('/')[2][:-4])
        if self.t.is_closing(): return
        if fault=='reset': return self.t.abort()
        body = self.tiny if path[:6]=='/tiny/' else self.pics[i%len(self.pics)]
        if fault=='html': body = b'<!DOCTYPE html><p>Please log in'+b' '*5000
        status = {'404':b'404 Not Found','500':b'500 Oops'}.get(fault, b'200 OK')
        head = b'HTTP/1.1 %s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n'%(status, len(body)+8)
        self.t.writelines([head, body[:50_000]] if fault=='cut' else [head, body, b'%08d'%i]) # some bytes behind its end make it another file
        if fault=='cut': self.t.close()

def serve(n, port):
    "Answer for ever"
    Server.pics,Server.tiny = [jpeg(photo(i, 850, 950)) for i in range(50)],jpeg(Image.new('RGB', (64,64), 'teal'))
    Server.what = plan(n, True)
    async def main():
        server = await asyncio.get_running_loop().create_server(Server, '0.0.0.0', port, backlog=512, reuse_port=True)
        await server.serve_forever()
    asyncio.run(main())

def servers(n, k=2):
    "(processes, port), when they answer"
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    ps = [multiprocessing.get_context('spawn').Process(target=serve, args=(n,port), daemon=True) for _ in range(k)]
    for p in ps: p.start()
    while sum(o.status=='LISTEN' for p in ps for o in psutil.Process(p.pid).net_connections())<k: time.sleep(.1)
    return ps,port

def earlier(top, commit):
    "The library at an earlier commit, in `top`; None if this repository doesn't go back so far"
    top.mkdir()
    tar = subprocess.run(['git','archive',commit,'imgcls'], cwd=root, capture_output=True)
    if tar.returncode: return print(f'{commit} is left out: {tar.stderr.decode().strip()}', file=sys.stderr)
    subprocess.run(['tar','-x'], cwd=top, input=tar.stdout, check=True)
    return top

def own_python(name, top=root/'build'):
    "A Python with `name` in an environment of its own, kept for the next time; None if it can't be had"
    py = top/name/'bin'/'python'
    if not py.exists():
        venv.create(top/name, with_pip=True)
        done = subprocess.run([py, '-m', 'pip', 'install', '-q', name], capture_output=True, text=True)
        if done.returncode: shutil.rmtree(top/name)
        if done.returncode: return print(f'{name} is left out: {done.stderr[-300:]}', file=sys.stderr)
    return py

def memory(p):
    "MB of a process and all below it"
    def one(o):
        try: return o.memory_full_info().pss
        except psutil.Error: return 0
    try: return sum(map(one, [p,*p.children(recursive=True)]))/2**20
    except psutil.Error: return 0

def watched(cmd, env, secs=300):
    "What a process prints, with `mb`, its peak"
    p,peak = subprocess.Popen(cmd, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True),0
    ps,over = psutil.Process(p.pid),threading.Timer(secs, p.kill)
    over.start()
    while p.poll() is None:
        peak = max(peak, memory(ps))
        time.sleep(.1)
    over.cancel()
    out = [o for o in p.stdout.read().splitlines() if o.startswith('{')]
    return dict(json.loads(out[-1]), mb=peak) if out else dict(secs=float('nan'), cpu=float('nan'), mb=peak, said={})

def run(name, urls, tree=root, python=sys.executable, secs=300):
    "One download"
    top = Path(tempfile.mkdtemp())
    (top/'urls').write_text('\n'.join(urls))
    (top/'data').mkdir()
    cmd = [python, root/'bench'/'downloaders.py', name, top/'urls', top/'data'/'new', str(connections)]
    res = watched(cmd, os.environ | dict(PYTHONPATH=str(tree), PYTHONWARNINGS='ignore', NO_ALBUMENTATIONS_UPDATE='1'), secs)
    shutil.rmtree(top)
    return dict(res, rate=len(urls)/res['secs'], cpu=1000*res['cpu']/len(urls))

def contenders(top):
    "Name → arguments of `run`, of all that can be had"
    old,py = earlier(top/'before', before),own_python('img2dataset')
    res = dict(imgcls=dict(name='imgcls'), **{f'imgcls {before}':old and dict(name='imgcls', tree=old)}, Daft=dict(name='daft'),
        img2dataset=py and dict(name='img2dataset', python=py), fastai=dict(name='fastai'))
    return {k:v for k,v in res.items() if v}

def in_turns(who, urls, times):
    "Name → results, in turns; `times` says of whom there are fewer"
    res = collections.defaultdict(list)
    for i in range(max(times.values())):
        for k,how in who.items():
            if i<times.get(k, times['']): res[k].append(run(urls=urls, **how))
            if i<times.get(k, times['']): print(k, res[k][-1], file=sys.stderr, flush=True)
    return res

def median(rs, k): return statistics.median(o[k] for o in rs)

def ratio(a, b, k):
    "Median of the pairs' ratios"
    return statistics.median(x[k]/y[k] for x,y in zip(a, b))

def table(res):
    "A row for each"
    ours = res['imgcls']
    rows = [f'| {k} | {median(o,"rate"):.0f} | {ratio(ours,o,"rate"):.2f} × | {median(o,"cpu"):.2f} | {ratio(ours,o,"cpu"):.2f} × '
        f'| {median(o,"mb"):.0f} | {ratio(ours,o,"mb"):.2f} × | {json.dumps(o[0]["said"])[1:-1] or "not done in 300 s"} |' for k,o in res.items()]
    return '\n'.join(['| | pictures a second | ours | CPU s for 1,000 | ours | peak MB | ours | said |', '|---|---|---|---|---|---|---|---|', *rows])

def main(n=1000, runs=3):
    top = Path(tempfile.mkdtemp())
    who = contenders(top)
    ps,port = servers(n)
    for how in who.values(): run(urls=addresses(list(plan(n, False))[:50], port), **how)
    good = in_turns(who, addresses(plan(n, False), port), {'':runs})
    bad = in_turns(who, addresses(plan(n, True), port), {'':runs, 'Daft':1, 'img2dataset':1, 'fastai':1})
    for p in ps: p.kill()
    shutil.rmtree(top)
    print(f'''## Download ({n:,} pictures of about 100 KB from {hosts} hosts of this machine, {connections} connections, 50–200 ms latency; {runs} runs each, in turns)

Each in a process of its own, the servers in two. *ours* is ours by theirs, the median of pairs. Daft stores nothing. Memory is of all processes.

{table(good)}

With {len(faults)*n//1000} faults (Daft, img2dataset and fastai once):

{table(bad)}''')

if __name__=='__main__': main()
