"Processes and what they have started; any of them may end in the moment in which it is asked something"
import psutil, time
from contextlib import suppress

def family(p):
    "`p`, which is of psutil, and its children all the way down: those that there are"
    with suppress(psutil.NoSuchProcess): return [p, *p.children(recursive=True)]
    return []

def is_alive(p):
    "It runs, and is not just waiting to be buried"
    with suppress(psutil.NoSuchProcess): return p.is_running() and p.status()!=psutil.STATUS_ZOMBIE
    return False

def words(p):
    "The words of its command line; none of one that has ended"
    with suppress(psutil.NoSuchProcess): return p.cmdline()
    return []

def memory(p):
    "Bytes that it holds; 0 of one that has ended"
    with suppress(psutil.NoSuchProcess): return p.memory_info().rss
    return 0

def signal_all(ps, how):
    "Send each of `ps` a signal by its method `how`: 'terminate' or 'kill'"
    for o in ps:
        with suppress(psutil.NoSuchProcess): getattr(o, how)()

def end(ps, secs=5):
    "End all `ps`; by force those that have not ended after `secs`"
    signal_all(ps, 'terminate')
    signal_all(psutil.wait_procs(ps, secs)[1], 'kill')
    psutil.wait_procs(ps, secs)

def wait(f, secs, said=lambda: 'too late', sleep=time.sleep):
    "The first true answer of `f`; after `secs` fail with what `said` gives"
    t = time.time()
    while time.time()-t<secs:
        if res := f(): return res
        sleep(.05)
    raise AssertionError(f'{said()} (waited {secs} s)')
