"What the benchmarks of the HTTP service share: servers in processes of their own, and visitors"
import csv, httpx, os, subprocess, sys, tempfile, time
from contextlib import contextmanager
from pathlib import Path
from imgcls.use.host import free_port

here = Path(__file__).parent

def start(cmd, cwd):
    "(process, address) of a server, once it answers"
    port,log = free_port(0),open(Path(cwd)/'server.log', 'w')
    env = os.environ | dict(PYTHONPATH=str(here.parent))
    p = subprocess.Popen([sys.executable, '-m', *cmd, '--port', str(port)], cwd=cwd, stdout=log, stderr=log, env=env)
    end = time.time()+120
    while p.poll() is None and time.time()<end:
        try: httpx.get(f'http://127.0.0.1:{port}/health', timeout=60)
        except httpx.ConnectError: time.sleep(.1)
        else: return p,f'http://127.0.0.1:{port}'
    sys.exit(f'{cmd} did not start:\n{(Path(cwd)/"server.log").read_text()[-2000:]}')

@contextmanager
def running(cmd, cwd):
    p,url = start(cmd, cwd)
    try: yield p,url
    finally:
        p.terminate()
        p.wait(60)

def visitors(url, pics, n, secs, rate=0, bad=0):
    "Start `n` visitors who ask for `secs` seconds, `rate` times a second together or, with 0, as fast as they are answered: (process, prefix of its tables)"
    out = Path(tempfile.mkdtemp())/'load'
    env = os.environ | dict(LOAD_PICS=str(pics), LOAD_RATE=str(rate/n), LOAD_BAD=str(bad), LOAD_N=str(n))
    cmd = [sys.executable, '-m', 'locust', '-f', here/'load.py', '--headless', '-u', str(n), '-r', str(n), '-t', f'{secs}s', '--stop-timeout', '30', '-H', url, '--csv', out, '--only-summary']
    return subprocess.Popen(list(map(str, cmd)), env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL),out

def rows(out, what): return list(csv.DictReader(open(f'{out}_{what}.csv')))

def load(url, pics, n, secs, **kwargs):
    "(requests a second, median ms, 99 % of requests took at most ms, failures) of visitors who ask"
    p,out = visitors(url, pics, n, secs, **kwargs)
    p.wait()
    o = rows(out, 'stats')[-1]
    return float(o['Requests/s']),float(o['Median Response Time']),float(o['99%']),int(o['Failure Count'])

def mb(p, what='VmHWM'): return next(int(o.split()[1]) for o in Path(f'/proc/{p.pid}/status').read_text().splitlines() if o.startswith(what))/1024
