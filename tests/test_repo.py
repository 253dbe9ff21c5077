"What is made from something else is in step with it"
import json
import imgcls, pytest
from conftest import root
import repo

def test_readme_is_made_from_index(): assert repo.markdown()==(root/'README.md').read_text()

def test_links_follow_the_settings():
    cfg = repo.settings()
    for f in [*(root/'nbs').glob('*.ipynb'), root/'README.md', root/'pyproject.toml']:
        txt = f.read_text()
        assert repo.relink(txt, cfg['user'], cfg['repo'], cfg['branch'])==txt, f'{f.name}: run make links'

def test_a_fork_is_one_edit_away():
    for f in (root/'README.md', root/'nbs'/'00_sample.ipynb', root/'nbs'/'02_download.ipynb', root/'pyproject.toml'):
        txt = repo.relink(f.read_text(), 'ada', 'eyes', 'dev')
        left = [o[:200] for o in txt.splitlines() if 'imgcls/imgcls' in o]
        assert not left, left
        back = repo.relink(txt, 'imgcls', 'imgcls', 'main')
        assert back==f.read_text()

def test_one_version(): assert imgcls.__version__==repo.settings()['version']

@pytest.mark.parametrize('fn', sorted((root/'nbs').glob('[0-9]*.ipynb')), ids=lambda o: o.stem)
def test_a_chapter_has_what_chapters_have(fn):
    cells = json.loads(fn.read_text())['cells']
    md = [''.join(o['source']) for o in cells if o['cell_type']=='markdown']
    assert md[0].startswith('# ') and '\n> ' in md[0] and f'colab.research.google.com/github/imgcls/imgcls/blob/main/nbs/{fn.name}' in md[0]
    assert any(o.startswith('## Questionnaire') for o in md)
    assert any(o.get('outputs') for o in cells), 'saved outputs are gone: make notebooks'
