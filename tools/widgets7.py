"Make a folder with ipywidgets 7.7 and its front ends that goes before the environment's own 8: `PYTHONPATH=it JUPYTER_PATH=it/share/jupyter`"
import os, shutil, subprocess, sys
from pathlib import Path

# what must go together; all else, notebook 7 and JupyterLab 4 among it, is the environment's, so no dependencies
pins = ['ipywidgets>=7.7,<7.8', 'jupyterlab_widgets>=1.1.11,<2', 'widgetsnbextension>=3.6.6,<4', 'ipython_genutils>=0.2,<0.3']
where = Path(os.environ.get('IMGCLS_WIDGETS7') or Path(sys.prefix)/'widgets7')

def versions(path=where):
    "What is in the folder, by name"
    return dict(o.name.split('-')[:2] for o in sorted(Path(path).glob('*.dist-info')) for o in [Path(o.name.removesuffix('.dist-info'))])

def environ(path=where, **env):
    "An environment in which ipywidgets, and what Jupyter and Voila serve for it, are those of the folder"
    old = {k:env.get(k, os.environ.get(k)) for k in ('PYTHONPATH','JUPYTER_PATH')}
    new = dict(PYTHONPATH=str(path), JUPYTER_PATH=str(Path(path)/'share'/'jupyter'))
    return env | {k:os.pathsep.join([v, *([old[k]] if old[k] else [])]) for k,v in new.items()}

def make(path=where):
    "Install the pins into `path`, in one step, unless they are there"
    path = Path(path)
    done = path/'.pins'
    if done.exists() and done.read_text()=='\n'.join(pins): return path
    tmp = path.with_name(f'{path.name}.tmp')
    for o in (tmp,path): shutil.rmtree(o, ignore_errors=True)
    cmd = [sys.executable, '-m', 'pip', 'install', '-q', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check', '--target', str(tmp), *pins]
    if subprocess.run(cmd).returncode: sys.exit('ipywidgets 7 for the tests could not be installed: see what pip said above, and run make widgets7 again.')
    (tmp/'.pins').write_text('\n'.join(pins))
    os.replace(tmp, path)
    return path

if __name__=='__main__': print('widgets7:', make(), ' '.join(f'{k}={v}' for k,v in versions().items()))
