"Processes that are spared the seconds of importing the library: forks of one that has, from a server of `multiprocessing`"
import multiprocessing, os, runpy, sys
from pathlib import Path
from subprocess import CompletedProcess
from unittest.mock import patch

context = multiprocessing.get_context('forkserver')
context.set_forkserver_preload(['imgcls.all','imgcls.demo','nbdev.test','frozen'])

def within(f, args, path, env):
    "Call `f` as a process of its own does: in folder `path`, where its words go"
    for i,o in enumerate(('out','err'), 1): os.dup2(os.open(path/o, os.O_WRONLY|os.O_CREAT|os.O_TRUNC), i)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(path)
    f(*args)

class Fork:
    "`f(*args)` in a process of its own, which works in folder `path`"
    def __init__(self, path, f, *args, **env):
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.p = context.Process(target=within, args=(f, args, self.path, {**os.environ, **env}))
        with patch.dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)): self.p.start() # so that the server has the library from where we do
    @property
    def pid(self): return self.p.pid
    def poll(self): return self.p.exitcode
    def kill(self):
        self.p.kill()
        self.p.join()

    def end(self, timeout):
        "The end of it, as `subprocess.run` has it"
        self.p.join(timeout)
        if self.p.is_alive(): self.kill()
        out,err = [(self.path/o).read_text() for o in ('out','err')]
        return CompletedProcess(self.p.name, self.p.exitcode, out, err)

def script(name, args):
    "What the console script `name` (or its path) does"
    fn = Path(sys.executable).parent/name
    sys.argv = [str(fn),*args]
    runpy.run_path(str(fn), run_name='__main__')

def code(text, args):
    "What `python -c text` does"
    sys.argv = ['-c', *args]
    exec(compile(text, '-c', 'exec'), dict(__name__='__main__'))

def shell(path, name, *args, timeout=300, **env): return Fork(path, script, name, [str(o) for o in args], **env).end(timeout)
