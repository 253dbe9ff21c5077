"Notebooks and what is made from them are in step, in style, and within the gauge"
import hashlib, subprocess, sys
from pathlib import Path

root = Path(__file__).parent.parent
bin = Path(sys.executable).parent

def state():
    "A hash of every source file"
    fns = [f for d in ('imgcls','nbs') for f in (root/d).rglob('*') if f.suffix in ('.py','.ipynb')]
    return {str(f.relative_to(root)):hashlib.sha256(f.read_bytes()).hexdigest() for f in fns}

def run(*cmd):
    "The exit status of `cmd`"
    print('$', *cmd, flush=True)
    return subprocess.run([bin/cmd[0], *cmd[1:]], cwd=root).returncode

def unchanged(*cmd):
    "Run `cmd`, which must leave all sources as they are"
    old = state()
    if run(*cmd): sys.exit(f'{cmd[0]} failed')
    new = state()
    diff = sorted(k for k in old.keys()|new.keys() if old.get(k)!=new.get(k))
    if diff: sys.exit(f'{cmd[0]} changed {", ".join(diff)}: run it and commit what it changes')

unchanged('nbdev-export')
unchanged('nbdev-clean')
if run('chkstyle', *'nbs tests bench tools book setup.py imgcls'.split()): sys.exit('chkstyle: mend the style')
if run('python', 'tools/gauge.py', '--check'): sys.exit('gauge: some figures are over their limits')
