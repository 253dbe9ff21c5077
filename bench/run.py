"Run the benchmarks of this folder, all or those named (`run.py loader bears`), and write BENCHMARKS.md"
import os, platform, subprocess, sys
from datetime import date
from pathlib import Path

root = Path(__file__).parent.parent
md = root/'BENCHMARKS.md'

def machine():
    "The machine in words: absolute times mean nothing without it"
    cpu = next((o.split(':')[1].strip() for o in Path('/proc/cpuinfo').read_text().splitlines() if o.startswith('model name')), '') if Path('/proc/cpuinfo').exists() else platform.processor()
    return f'{cpu or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}'

def section(fn):
    "What benchmark `fn` prints, from its heading on"
    print(f'… {fn.name}', flush=True)
    out = subprocess.run([sys.executable, fn], capture_output=True, text=True, cwd=root)
    if out.returncode: sys.exit(f'{fn.name} failed:\n{out.stderr[-3000:]}')
    return out.stdout[out.stdout.index('## '):].strip() # what comes before are progress bars

def kept():
    "Sections of the present BENCHMARKS.md, by the name of their benchmark"
    parts = md.read_text(encoding='utf-8').split('\n<!-- ')[1:] if md.exists() else []
    return dict(o.strip().split(' -->\n', 1) for o in parts)

def main(names):
    old = kept()
    every = {fn.stem.removeprefix('bench_'):fn for fn in sorted((root/'bench').glob('bench_*.py'))}
    if set(names)-set(every): sys.exit(f'No such benchmark: {", ".join(set(names)-set(every))}. There are {", ".join(every)}.')
    when = f'*Measured on {date.today()}: {machine()}.*'
    new = {o:f'{section(fn)}\n\n{when}' if not names or o in names else old.get(o, '') for o,fn in every.items()}
    head = '# Benchmarks\n\nWritten by `make bench`. Ratios are what to look at; both sides ran in the same run, in turns.\n'
    txt = '\n'.join([head, *(f'<!-- {o} -->\n{t}\n' for o,t in new.items() if t)])
    md.write_text(txt, encoding='utf-8')
    print(txt)

if __name__=='__main__': main(sys.argv[1:])
