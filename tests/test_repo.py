"What is made from something else is in step with it"
import json, re
import imgcls, pytest
from conftest import root
import repo

def test_readme_is_made_from_index(): assert repo.markdown()==(root/'README.md').read_text()

def test_links_follow_the_settings():
    cfg = repo.settings()
    for f in [*(root/'nbs').rglob('*.ipynb'), root/'README.md', root/'pyproject.toml']:
        txt = f.read_text()
        assert repo.relink(txt, cfg['user'], cfg['repo'], cfg['branch'])==txt, f'{f.name}: run make links'

def test_a_fork_is_one_edit_away():
    for f in (root/'README.md', root/'nbs'/'index.ipynb', root/'pyproject.toml'):
        txt = repo.relink(f.read_text(), 'ada', 'eyes', 'dev')
        left = [o[:200] for o in txt.splitlines() if 'imgcls/imgcls' in o]
        assert not left, left
        back = repo.relink(txt, 'imgcls', 'imgcls', 'main')
        assert back==f.read_text()

def test_one_version(): assert imgcls.__version__==repo.settings()['version']

@pytest.mark.parametrize('fn', sorted((root/'nbs'/'lib').rglob('*.ipynb')), ids=lambda o: o.stem)
def test_a_page_has_what_pages_have(fn):
    cells = json.loads(fn.read_text())['cells']
    md = [''.join(o['source']) for o in cells if o['cell_type']=='markdown']
    assert md[0].startswith('# ') and '\n> ' in md[0]
    assert any(o.get('outputs') for o in cells), 'saved outputs are gone: make notebooks'

@pytest.mark.parametrize('fn', sorted((root/'nbs').rglob('*.ipynb')), ids=lambda o: o.stem)
def test_no_notebook_tells_of_the_machine_it_ran_on(fn):
    outputs = json.dumps([o.get('outputs', []) for o in json.loads(fn.read_text())['cells']])
    assert str(root) not in outputs and '/site-packages/' not in outputs, 'make notebooks'

below = dict(sample='picture net', picture='', net='', apart='picture', dataset='picture apart', twins='picture dataset', gather='sample picture net apart dataset twins use',
    learn='sample picture net dataset twins gather use', clean='picture net dataset twins gather learn', use='picture net')
any_of = {*below}|{'clean'}
below |= {o:' '.join(any_of) for o in ('demo','all','topic')}|dict(course='topic gather')

def imports(fn):
    "What module `fn` of the library imports of it, as (package or module of the top)"
    dots = {1:fn.parent, 2:fn.parent.parent}
    for dot,name in re.findall(r'(?m)^\s*from (\.+)([\w.]*) import', fn.read_text()):
        at = dots[len(dot)].relative_to(root/'imgcls').parts+tuple(o for o in name.split('.') if o)
        if at: yield at[0]

@pytest.mark.parametrize('fn', sorted((root/'imgcls').rglob('[!_]*.py')), ids=lambda o: o.relative_to(root/'imgcls').as_posix())
def test_arrows_run_one_way(fn):
    own = fn.relative_to(root/'imgcls').with_suffix('').parts[0]
    odd = {*imports(fn)}-{own}-{*below[own].split()}
    assert not odd, f'{fn.name} imports {odd}'
