"A dry run of a release: the sdist and the wheel, checked, the wheel installed into a fresh environment, and the ten lines of the README run there, away from the tree"
import re, shutil, subprocess, sys, tarfile, tempfile, venv, zipfile
from pathlib import Path
import repo

root = Path(__file__).parent.parent
wanted = 'LICENSE README.md settings.ini setup.py pyproject.toml imgcls/assets/digits.onnx imgcls/templates/deploy/app/Dockerfile'.split() # in the sdist

def run(*cmd, **kwargs):
    print('$', *cmd, flush=True)
    subprocess.run([str(o) for o in cmd], check=True, **kwargs)

def ten_lines():
    "The README's first Python, as a script that prints its last value"
    *lines,last = re.search(r'(?s)```python\n(.*?)```', (root/'README.md').read_text(encoding='utf-8'))[1].strip().splitlines()
    return '\n'.join([*lines, f'res = {last}', 'print(res)', "assert res.label=='five'"])

def build(dest):
    "sdist, and the wheel made from it"
    shutil.rmtree(dest, ignore_errors=True)
    run(sys.executable, '-m', 'build', '--no-isolation', '--outdir', dest, root)
    return next(dest.glob('*.tar.gz')),next(dest.glob('*.whl'))

def names(fn):
    "What is in an archive"
    if fn.suffix=='.whl': return zipfile.ZipFile(fn).namelist()
    with tarfile.open(fn) as f: return ['/'.join(o.split('/')[1:]) for o in f.getnames()]

def check(sdist, wheel):
    "Stop if something is missing, or if one of the two has files the other should have"
    version = repo.settings()['version']
    lost = [o for o in wanted if o not in names(sdist)]
    package = {o for o in names(sdist) if o.startswith('imgcls/') and '.' in o.split('/')[-1]}
    lost += sorted(package-{*names(wheel)})
    if lost or version not in wheel.name: sys.exit(f'{wheel.name} of version {version}: missing {lost}')

def fresh(tmp, wheel, shared):
    "A new environment with the wheel; `shared` lends it what this one has, in place of 7 GB of downloads"
    env = Path(tmp)/'env'
    venv.create(env, with_pip=True)
    python = env/('Scripts' if sys.platform=='win32' else 'bin')/'python'
    if shared:
        site = subprocess.run([python, '-c', 'import site; print(site.getsitepackages()[0])'], capture_output=True, text=True, check=True).stdout.strip()
        (Path(site)/'lent.pth').write_text(str(next(Path(o) for o in sys.path if o.endswith('site-packages'))))
    run(python, '-m', 'pip', 'install', '-q', *['--no-deps']*shared, wheel)
    return python

def main(shared=False):
    "Build, check, install, run"
    sdist,wheel = build(root/'dist')
    check(sdist, wheel)
    with tempfile.TemporaryDirectory() as tmp:
        python = fresh(tmp, wheel, shared)
        (Path(tmp)/'ten.py').write_text(f'import imgcls, matplotlib\nmatplotlib.use("agg")\nassert imgcls.__file__.startswith({tmp!r}), imgcls.__file__\n{ten_lines()}\n')
        p = subprocess.run([python, 'ten.py'], cwd=tmp, env=dict(PATH='/usr/bin:/bin', HOME=tmp), capture_output=True, text=True)
        if p.returncode: sys.exit(f'The ten lines of the README failed: {p.stderr[-2000:]}')
        print(p.stdout.splitlines()[-1][-60:])
    print(f'{sdist.name} and {wheel.name} are ready; upload with: twine upload dist/*')

if __name__=='__main__': main('--lent' in sys.argv)
