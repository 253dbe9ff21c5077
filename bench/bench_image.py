"What the image of a deployed service weighs: the sum of what goes into its layers, as there is no container engine here to build it"
import subprocess, sys, tempfile
from importlib.metadata import distributions
from pathlib import Path
from imgcls.use.deploy import deploy, python

model = Path(__file__).parent.parent/'imgcls'/'assets'/'digits.onnx'
# python:3.12-slim on disk (3.12.14, Debian trixie, amd64): 119.25 "Mb", docker-library/repo-info, repos/python/local/3.12-slim.md of August 2026; taken as MiB, which is the larger
base,most = 119.25*2**20/1e6,400 # MB

def size(path): return sum(o.stat().st_size for o in path.rglob('*') if o.is_file())/1e6

def packages(
    path, # folder that pip installed into
)->dict: # name and version → MB with bytecode, the largest first
    "What each package takes; pip itself is in the base image"
    mb = lambda d: sum(Path(d.locate_file(o)).stat().st_size for o in d.files if Path(d.locate_file(o)).exists())/1e6
    ds = [o for o in distributions(path=[str(path)]) if o.name not in ('pip','setuptools')]
    return dict(sorted(((f'{o.name} {o.version}', mb(o)) for o in ds), key=lambda o: -o[1]))

def install(reqs, path):
    "As the image's `RUN pip install` does, whatever machine this is"
    linux = [o for v in ('2014','_2_28') for o in ('--platform', f'manylinux{v}_x86_64')]
    cmd = [sys.executable, '-m', 'pip', 'install', '-q', '--disable-pip-version-check', '--target', path, '--python-version', python, '--only-binary=:all:', *linux, '-r', reqs]
    subprocess.run(cmd, check=True, stdout=sys.stderr)

def main():
    with tempfile.TemporaryDirectory() as d:
        path,site = deploy(model, Path(d)/'my_api', kind='http'),Path(d)/'site'
        install(path/'requirements.txt', site)
        pkgs,own,onnx = packages(site),size(path),(path/model.name).stat().st_size/1e6
    big = {k:v for k,v in pkgs.items() if v>=2}
    rows = {f'`python:{python}-slim`':base, **big, f'{len(pkgs)-len(big)} smaller packages':sum(pkgs.values())-sum(big.values()), 'the folder, without its model':own-onnx, f'`{model.name}`':onnx}
    total = sum(rows.values())
    print(f'## The image of a service\n\nMB on disk of what goes into the layers of the image that `imgcls-deploy … --kind http` describes, bytecode included. {most} were allowed.\n')
    print('| | MB |\n|---|---|\n'+''.join(f'| {k} | {v:.1f} |\n' for k,v in rows.items())+f'| **all** | **{total:.1f}** |\n')
    print(f'A model may have {most-total:.0f} MB more before that is reached.' if total<most else f'That is {total-most:.0f} MB too much.')

if __name__=='__main__': main()
