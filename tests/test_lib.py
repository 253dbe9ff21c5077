"Every page of the library runs: each in a process of its own"
import pytest
from conftest import root
from forks import Fork
from nbdev.test import nbdev_test

pages = sorted(o for o in (root/'nbs'/'lib').rglob('*.ipynb') if '.ipynb_checkpoints' not in o.parts)

@pytest.mark.parametrize('fn', pages, ids=lambda o: o.relative_to(root/'nbs'/'lib').with_suffix('').as_posix())
def test_page(fn, tmp_path):
    p = Fork(tmp_path, nbdev_test, str(fn)).end(600)
    assert p.returncode==0 and 'Success' in p.stdout, p.stderr
