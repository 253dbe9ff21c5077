"""Kernels that start sooner: forks of a process that has imported PyTorch and its like, which is most of what a chapter's first cell waits for.
Only what doesn't ask whether it is in a notebook: fastai and the library are imported by the chapter, as a reader's are"""
import json, os, psutil, runpy, signal, subprocess, sys
from contextlib import contextmanager, suppress
from unittest.mock import patch

early = 'onnx onnxruntime pandas scipy.stats sklearn.datasets sklearn.linear_model sklearn.metrics sklearn.model_selection sklearn.neighbors torch torchvision'.split()

class Kernel(psutil.Process):
    "A kernel as `jupyter_client` likes to have it"
    stdin = stdout = stderr = None
    def poll(self):
        with suppress(psutil.NoSuchProcess):
            if self.is_running() and self.status()!=psutil.STATUS_ZOMBIE: return None
        return 0
    def send_signal(self, sig):
        with suppress(psutil.NoSuchProcess): super().send_signal(sig) # as `Popen` has it: it may have ended just now
    def terminate(self): self.send_signal(signal.SIGTERM)
    def kill(self): self.send_signal(signal.SIGKILL)

@contextmanager
def forked():
    "Within, `jupyter_client` starts kernels by asking for a fork"
    with subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
        def start(cmd, cwd=None, env=None, **kwargs):
            p.stdin.write(json.dumps(dict(args=cmd[3:], cwd=cwd, env=env))+'\n')
            p.stdin.flush()
            return Kernel(int(p.stdout.readline()))
        with patch('jupyter_client.provisioning.local_provisioner.launch_kernel', start): yield
        p.stdin.close()

def become_kernel(args, cwd, env):
    "Say the number of this process, and do what `python -m ipykernel_launcher` does"
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    print(os.getpid(), flush=True) # in a group of its own by now, which is what is interrupted
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    os.environ.clear()
    os.environ.update(env, JPY_PARENT_PID=str(os.getppid()))
    os.chdir(cwd)
    sys.argv = ['ipykernel_launcher',*args]
    runpy.run_module('ipykernel_launcher', run_name='__main__', alter_sys=True)

def serve():
    "Fork at each line that comes in"
    sys.path.pop(0) # this folder
    for o in early: __import__(o)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN) # so that no kernel that ended is left behind
    for line in sys.stdin:
        if not os.fork(): return become_kernel(**json.loads(line))

if __name__=='__main__': serve()
