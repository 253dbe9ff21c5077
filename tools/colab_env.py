"""Rehearse Colab: each chapter alone in an empty folder, beside a stub of google.colab, in an environment with Colab's versions, where the first cell installs this tree.
torch is lent by the environment that runs this script: links in a folder beside the new one, named by a .pth file; so pip sees it, and can't change it"""
import argparse, os, re, shutil, subprocess, sys, tempfile, time, venv
import nbformat
from importlib import metadata
from pathlib import Path
import course, repo

root = course.root
kept = 'torch torchvision numpy pandas pillow ipywidgets'.split() # what the first cell must leave alone
ends = dict(
    old='fastai==2.8.8 fasttransform==0.0.2 timm==1.0.28 numpy==2.1.3 pandas==2.2.3 pillow==11.3.0 ipywidgets==7.7.1 ipython==7.34.0', # Colab in August 2026
    new='fastai timm numpy pandas>=3 pillow>=13 ipywidgets>=8.1 ipython')
stub = dict(__init__='', files='def upload(): return {}', drive='def mount(path): pass', output='def enable_custom_widget_manager(): pass')

def lend(dest):
    "Links in `dest` to torch as it is here, with what only torch needs"
    dest.mkdir()
    ours = [o for o in metadata.distributions() if re.match(r'(torch(vision)?|triton|nvidia|cuda)\b', o.metadata['Name'])]
    for o in {o.locate_file(f.parts[0]) for o in ours for f in o.files} - {o.locate_file('..') for o in ours}:
        if o.name!='__pycache__': (dest/o.name).symlink_to(Path(o).resolve())

def environment(dest, end):
    "Python of an environment in `dest`, with the versions of `end`, as the kernel `colab`; made if it is not there"
    python = dest/'env'/'bin'/'python'
    if python.exists(): return python
    venv.create(dest/'env', with_pip=True)
    lend(dest/'lent')
    site = subprocess.check_output([python, '-c', 'import site; print(site.getsitepackages()[0])'], text=True).strip()
    Path(site, 'lent.pth').write_text(str(dest/'lent'))
    pip(python, *ends[end].split(), 'ipykernel', 'psutil', 'packaging', 'protobuf') # which Colab has, the last beside google.colab
    subprocess.run([python, '-m', 'ipykernel', 'install', '--prefix', dest/'env', '--name', 'colab'], check=True, stderr=subprocess.DEVNULL)
    return python

def pip(python, *reqs):
    "Install `reqs`, and leave torch as it is"
    held = [f'{o}=={metadata.version(o)}' for o in ('torch','torchvision')]
    subprocess.run([python, '-m', 'pip', 'install', '-qq', *held, *reqs], check=True)

def versions(python):
    "Those of what is to stay as it is, by name"
    code = f'from importlib import metadata; print(*[metadata.version(o) for o in {kept}])'
    return dict(zip(kept, subprocess.check_output([python, '-c', code], text=True).split()))

def redirected(dest):
    "Variables with which git takes this tree, as it is now, for the branch main of the repository on GitHub"
    shutil.rmtree(dest, ignore_errors=True)
    git = ['git', '--git-dir', dest, '--work-tree', root, '-c', 'user.name=colab', '-c', 'user.email=colab@localhost']
    for o in ('init -q -b main', 'add -A', 'commit -qm tree'): subprocess.run([*git, *o.split()], check=True)
    cfg = repo.settings()
    return dict(GIT_CONFIG_COUNT='1', GIT_CONFIG_KEY_0=f'url.file://{dest}.insteadOf', GIT_CONFIG_VALUE_0=f'https://github.com/{cfg["user"]}/{cfg["repo"]}')

def alone(fn, folder):
    "Run a chapter in `folder`, where nothing is but the stub"
    for k,v in stub.items():
        at = folder/'google'/'colab'/f'{k}.py'
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(v)
    nb = nbformat.read(fn, 4)
    course.run(nb, folder, before='import google.colab', kernel='colab')
    return nb

def chapters(python, dest, names):
    "Run all, or those named; stop where a package has changed that must not"
    was = versions(python)
    for fn in [o for o in course.chapters if not names or o.stem in names]:
        t,folder = time.time(),dest/'alone'
        nb = alone(fn, folder)
        shutil.rmtree(folder)
        now = versions(python)
        if now!=was: sys.exit(f'{fn.stem} changed what Colab brings: {was} before, {now} after')
        first = [o for o in course.said(nb).splitlines() if o.startswith(('added:','Restart'))]
        print(f'{fn.stem}: {time.time()-t:.0f} s', *first, sep='\n  ', flush=True)

def quick_tests(python):
    "The tests that a contributor runs, on these versions"
    sys.path.insert(0, str(root/'tests'))
    from conftest import quick
    pip(python, 'pytest', 'hypothesis', 'pillow-heif', f'pillow=={versions(python)["pillow"]}')
    files = [f'tests/{o}.py' for o in quick if (root/'tests'/f'{o}.py').exists()]
    return subprocess.run([python, '-m', 'pytest', '-m', 'quick', '-p', 'no:cacheprovider', *files], cwd=root, env={**os.environ, 'PYTHONPATH':str(root)}).returncode

def main(dest, end, names, tests):
    os.environ.pop('PYTHONPATH', None) # this tree: there it is installed
    python = environment(dest, end)
    subprocess.run([python, '-m', 'pip', 'uninstall', '-qqy', 'imgcls'], check=True) # of another tree, in an environment that was kept
    print(sys.version.split()[0], *[f'{k} {v}' for k,v in versions(python).items()])
    os.environ.update(redirected(dest/'repo.git'), IMGCLS_TOPIC='handwriting', IMGCLS_CACHE=str(dest/'cache'), JUPYTER_PATH=str(dest/'env'/'share'/'jupyter'), COLAB_RELEASE_TAG='rehearsal')
    chapters(python, dest, names)
    if tests and quick_tests(python): sys.exit(f'the quick tests fail on {end} versions')

if __name__=='__main__':
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('names', nargs='*', help='of chapters, e.g. 01_first; default: all')
    p.add_argument('--end', choices=ends, default='old', help='of the range that is supported')
    p.add_argument('--folder', type=Path, help='keep the environment here, and use it again; default: one that is removed')
    p.add_argument('--tests', action='store_true', help='and the quick tests')
    args = p.parse_args()
    with tempfile.TemporaryDirectory(prefix='imgcls-colab-') as tmp: main((args.folder or Path(tmp)).resolve(), args.end, args.names, args.tests)
