"The first cell, topics, and the chapters on real photos"
import json, os, re, shutil, subprocess, sys
import pytest
import imgcls.course as K, imgcls.topic as T
from pathlib import Path
from unittest.mock import patch
from conftest import root

chapters = sorted((root/'nbs'/'course').glob('0[1-6]_*.ipynb'))

def cells(fn, kind): return [''.join(o['source']) for o in json.loads(fn.read_text())['cells'] if o['cell_type']==kind]

@pytest.mark.parametrize('fn', chapters, ids=lambda o: o.stem)
def test_a_chapter_is_a_chapter(fn):
    md,code = cells(fn, 'markdown'),cells(fn, 'code')
    assert re.match(r'# .*\?\n\n> ', md[0]), 'a question, and what it is about'
    for o in ('colab.research.google.com','kaggle.com/kernels/welcome','mybinder.org'): assert o in md[0] and md[0].count(fn.stem)>=3
    fenced = re.compile(r'(?s)```\w+\n(.*?)```') # code that is read, or run elsewhere
    assert len(fenced.sub('', ' '.join(md)).split())<=1200
    assert len([o for c in code+fenced.findall('\n'.join(md)) for o in c.splitlines() if o.strip()])<=120
    assert code[0].startswith('try: from imgcls.course import start\n') and code[0].endswith('\ntopic = start()') and code[1].startswith('from imgcls.all import *')
    assert '## Questionnaire' in md and '## Further work' in md and any('<details>' in o for o in md)
    assert '@@' not in ''.join(md)

@pytest.mark.parametrize('fn', chapters, ids=lambda o: o.stem)
def test_no_private_name_in_a_chapter(fn):
    private = {k for k,v in vars(T).items() if k not in T.__all__ and getattr(v, '__module__', '')=='imgcls.topic'}
    for o in cells(fn, 'code'):
        assert not re.search(r'(?<![\w.\'"])_[a-z]\w+', o)
        for names in re.findall(r'from imgcls\.topic import (.*)', o): assert not private & set(names.split(', '))

@pytest.mark.parametrize('fn', chapters, ids=lambda o: o.stem)
def test_every_cell_that_ran_kept_its_output(fn):
    nb = json.loads(fn.read_text())
    outs = [o for c in nb['cells'] if c['cell_type']=='code' for o in c['outputs']]
    assert any(o['output_type']=='stream' for o in outs) and any('image/png' in o.get('data', {}) or 'image/svg+xml' in o.get('data', {}) for o in outs)
    assert not [o for o in outs if o['output_type']=='error']

def test_the_branch_that_binder_opens(tmp_path):
    "The lines of the workflow, in a clone: the image of the course, and nothing else, in place of the app's"
    git = lambda *args: subprocess.run(['git', '-C', tmp_path/'on', *args], check=True, capture_output=True, text=True).stdout
    steps = (root/'.github'/'workflows'/'binder.yml').read_text().split('- run: |\n')[1]
    shutil.copytree(root/'.binder', tmp_path/'on'/'.binder')
    subprocess.run(['git', 'init', '-q', '--bare', tmp_path/'away'], check=True)
    for o in ('init -q -b main', 'add .', '-c user.name=a -c user.email=a@b.c commit -qm all', f'remote add origin {tmp_path/"away"}'): git(*o.split())
    subprocess.run(['bash', '-e', '-c', steps], cwd=tmp_path/'on', check=True)
    files = git('ls-tree', '-r', 'origin/course').splitlines()
    assert {o.split('\t')[1] for o in files}=={f'.binder/{o}' for o in ('jupyter_server_config.py','postBuild','requirements.txt','runtime.txt')}
    assert 'torchvision' in git('show', 'origin/course:.binder/requirements.txt') and '[app]' in git('show', 'origin/course:.binder/postBuild')
    assert next(o for o in files if 'postBuild' in o).startswith('100755'), 'Binder runs it'
    for fn in chapters: assert f'/course?urlpath=/lab/tree/nbs/course/{fn.name}' in cells(fn, 'markdown')[0]

def test_start_is_importable_where_nothing_is_installed(tmp_path):
    code = f'import sys; sys.path.insert(0, {str(root)!r}); import imgcls.course; print(sorted(o for o in sys.modules if o in ("torch","fastcore","fastai","numpy","pandas","httpx")))'
    res = subprocess.run([sys.executable, '-S', '-c', code], cwd=tmp_path, capture_output=True, text=True, env={k:v for k,v in os.environ.items() if k!='PYTHONPATH'})
    assert res.stdout.strip()=='[]', res.stderr

def test_pip_is_told_to_keep_torch(monkeypatch):
    seen = {}
    def fake(cmd, **kwargs):
        seen.update(cmd=[str(o) for o in cmd], rules=Path(cmd[cmd.index('-c')+1]).read_text())
        return subprocess.CompletedProcess(cmd, 0, '', '')
    monkeypatch.setattr(K.subprocess, 'run', fake)
    K.pip_install(['onnx>=1.17'])
    there = K.versions(K.kept)
    assert seen['rules'].split()==[f'{k}=={v}' for k,v in there.items()] and {'torch','numpy','pandas','pillow','ipywidgets'}<=there.keys()
    assert seen['cmd'][-1]=='onnx>=1.17' and '-U' not in seen['cmd'] and '--upgrade' not in seen['cmd']

def test_only_what_is_missing_is_installed(monkeypatch):
    monkeypatch.setattr(K.metadata, 'requires', lambda o: ['fastcore>=2.2','nothing-of-that-name>=1','numpy<1','voila; extra == "app"'])
    asked = []
    monkeypatch.setattr(K, 'pip_install', asked.extend)
    assert K.prepare()==['Not tried with what is here, and left as it is: wanted numpy<1'] and asked==['nothing-of-that-name>=1']

def test_what_is_first_on_the_path_counts(tmp_path, monkeypatch):
    "Debian's Python, Kaggle and a user's own folder have packages twice"
    (tmp_path/'numpy-0.1.dist-info').mkdir()
    (tmp_path/'numpy-0.1.dist-info'/'METADATA').write_text('Metadata-Version: 2.1\nName: numpy\nVersion: 0.1\n')
    here = K.versions(['numpy'])
    monkeypatch.setattr(sys, 'path', [*sys.path, str(tmp_path)])
    assert K.versions(['numpy'])==here
    monkeypatch.setattr(sys, 'path', [str(tmp_path), *sys.path])
    assert K.versions(['numpy'])=={'numpy':'0.1'}

def test_colab_is_rehearsed_at_the_floor_and_every_week():
    import colab_env, repo
    from packaging.requirements import Requirement
    from packaging.version import Version
    asked = {o.name:o.specifier for o in map(Requirement, repo.settings()['requirements'].split())}
    for o in ('fastai==2.8.8','pandas==2.2.3','pillow==11.3.0','ipywidgets==7.7.1'):
        name,version = o.split('==')
        assert o in colab_env.ends['old'].split() and [Version(f.version) for f in asked[name] if f.operator=='>=']==[Version(version)]
    weekly = (root/'.github'/'workflows'/'weekly.yml').read_text()
    assert re.findall(r'{end: (\w+),', weekly)==[*colab_env.ends] and 'python tools/colab_env.py --end ${{ matrix.end }} --tests' in weekly

def test_torch_is_lent_where_pip_cannot_change_it(tmp_path):
    import colab_env
    colab_env.lend(tmp_path/'lent')
    code = 'import sys; sys.path.insert(0, sys.argv[1]); from importlib import metadata; import torch; print(metadata.version("torch"), torch.__file__)'
    said = subprocess.run([sys.executable, '-c', code, tmp_path/'lent'], capture_output=True, text=True, check=True).stdout.split()
    assert said==[K.versions(['torch'])['torch'], str(tmp_path/'lent'/'torch'/'__init__.py')]
    assert not {'numpy','PIL','pandas','fastai'} & {o.name for o in (tmp_path/'lent').iterdir()} and all(o.is_symlink() for o in (tmp_path/'lent').iterdir())

def test_what_changed_while_in_use_asks_for_a_restart():
    said = K.added(dict(fastcore='1', onnx='1'), dict(fastcore='2', onnx='1', timm='1'))
    assert said[0]=='added: fastcore 2, timm 1' and 'Restart' in said[1] and 'fastcore' in said[1]

def test_bars_of_a_shell_are_gone_when_saved():
    "They come in pieces, one over the other; what was printed between them stays"
    import course
    from nbformat.v4 import new_code_cell, new_notebook, new_output
    said = ['epoch  loss\r\n', '\rEpoch 1/2 : |----------| 0.00%', '\rEpoch 1/2 : |█████-----| 50%', '\r        \r0      1.5\r\n', '\r |██████████| 100%', '\r      \rKept.\r\n']
    cell = new_code_cell('!imgcls-train', outputs=[new_output('stream', name='stdout', text=o) for o in said])
    nb = course.without_paths(new_notebook(cells=[cell]))
    assert [o.text for o in nb.cells[0].outputs]==['epoch  loss\n0      1.5\nKept.\n']

def test_lines_of_shell_find_our_commands(monkeypatch):
    "A kernel whose PATH lacks its own scripts, as an editor starts it; twice is once; the order of what is there stays"
    scripts,at = K.sysconfig.get_path('scripts'),os.pathsep.join
    for was,want in ((at(['/usr/bin','/bin']), at([scripts,'/usr/bin','/bin'])), (at(['/usr/bin',scripts]), at(['/usr/bin',scripts]))):
        monkeypatch.setenv('PATH', was)
        K.start('handwriting')
        K.find_commands()
        assert os.environ['PATH']==want
    monkeypatch.setenv('PATH', at(['/usr/bin','/bin']))
    K.start('handwriting')
    assert 'usage: imgcls-export' in subprocess.run('imgcls-export --help', shell=True, capture_output=True, text=True).stdout

def test_drive_is_mounted_on_colab(monkeypatch, tmp_path):
    stub = tmp_path/'google'/'colab'
    stub.mkdir(parents=True)
    (stub/'__init__.py').write_text('')
    (stub/'drive.py').write_text('mounted = []\nmount = mounted.append')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(K, 'Path', lambda o: tmp_path/'MyDrive')
    monkeypatch.chdir(tmp_path)
    K.to_drive()
    from google.colab import drive
    assert drive.mounted==['/content/drive'] and Path.cwd()==tmp_path/'MyDrive'

def test_topic_follows_network_variable_and_wish(monkeypatch):
    monkeypatch.delenv('IMGCLS_TOPIC', raising=False)
    for online,want in ((True,'bears'),(False,'digits')):
        monkeypatch.setattr(K, 'is_online', lambda: online)
        assert K.find_topic(None, {}).name==want
    monkeypatch.setenv('IMGCLS_TOPIC', 'photos')
    assert K.find_topic(None, {}).engine=='openverse'
    own = K.find_topic('tools', dict(hammer='claw hammer', saw=['hand saw','bow saw']))
    assert own.classes['saw']==['hand saw','bow saw'] and own.path==Path('data/tools')

@pytest.fixture(scope='module')
def on_photos():
    import course, real_photos
    if not real_photos.there(): pytest.skip('no real photos beside the repository: ../shared')
    with patch.dict(os.environ): return course.on_photos()

def test_chapters_run_on_real_photos(on_photos): assert [*on_photos][:len(chapters)]==[o.stem for o in chapters]

def on_real_photos(fn): return next((o for o in cells(fn, 'markdown') if o.startswith('**On real photos.**')), '')

@pytest.mark.parametrize('fn', [o for o in chapters if on_real_photos(o)], ids=lambda o: o.stem)
def test_figures_quoted_from_photos_are_those_of_a_run(on_photos, fn):
    import course
    quoted,shares = on_real_photos(fn),r'(\d+) of (\d+)'
    assert f'`python tools/course.py --photos {fn.stem}`' in quoted
    said = course.said(on_photos[fn.stem])
    got = re.findall(shares, said)
    assert {*re.findall(r'\b\d{3,}\b', quoted)}<={*re.findall(r'\d+', said)}
    for k,n in re.findall(shares, quoted):
        near = [abs(int(a)/int(b)-int(k)/int(n)) for a,b in got if b==n]
        assert near and min(near)<.04, f'{k} of {n} is quoted; a run says {got}'
