"Run every benchmark of this folder and write BENCHMARKS.md"
import os, platform, subprocess, sys
from datetime import date
from pathlib import Path

root = Path(__file__).parent.parent

def machine():
    "The machine in words: absolute times mean nothing without it"
    cpu = next((o.split(':')[1].strip() for o in Path('/proc/cpuinfo').read_text().splitlines() if o.startswith('model name')), '') if Path('/proc/cpuinfo').exists() else platform.processor()
    return f'{cpu or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}'

def main():
    parts = [f'# Benchmarks\n\nWritten by `make bench` on {date.today()}: {machine()}. Ratios are what to look at; both sides ran in the same run, in turns.']
    for fn in sorted((root/'bench').glob('bench_*.py')):
        print(f'… {fn.name}', flush=True)
        out = subprocess.run([sys.executable, fn], capture_output=True, text=True, cwd=root)
        if out.returncode: sys.exit(f'{fn.name} failed:\n{out.stderr[-3000:]}')
        parts.append(out.stdout[out.stdout.index('## '):].strip()) # what comes before are progress bars
    txt = '\n\n'.join(parts)+'\n'
    (root/'BENCHMARKS.md').write_text(txt, encoding='utf-8')
    print(txt)

if __name__=='__main__': main()
