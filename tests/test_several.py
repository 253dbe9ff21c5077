"Two processes that learn together: each picture once, one writes, both go on where they were interrupted"
import json, os, subprocess, sys
import pytest
from pathlib import Path
from imgcls.dataset import Dataset
from imgcls.sample import heldout_folder

pytest.importorskip('accelerate', reason='what fastai shares work by')
pytest.importorskip('pyarrow', reason='comes with the extra scale')

@pytest.fixture(scope='module')
def two(tmp_path_factory):
    "What each of two processes says"
    from imgcls.gather import shards
    from imgcls.gather.banded import group_shards
    top = tmp_path_factory.mktemp('two')
    heldout_folder(top/'digits')
    for o in Dataset(top/'digits').files()[::3]: o.unlink()
    with pytest.MonkeyPatch.context() as m:
        m.setitem(shards.engines, 'pool', lambda f,todo,n: ((i,f(i)) for i in todo))
        shards.gather_shards(top/'digits', top/'shards', rows=70)
    group_shards(top/'shards')
    env = os.environ | dict(PYTHONPATH=os.pathsep.join(sys.path), OMP_NUM_THREADS='1')
    cmd = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=2', Path(__file__).with_name('several.py'), top]
    p = subprocess.run(cmd, env=env, capture_output=True, text=True, timeout=300)
    assert p.returncode==0, p.stderr[-3000:]
    return [json.loads((top/f'rank{i}.json').read_text()) for i in (0,1)],p.stdout

@pytest.mark.parametrize('kind', ['digits','shards'])
def test_each_picture_once(two, kind):
    a,b = (o[kind] for o in two[0])
    (train,valid),epochs = a['n'],list(zip(a['epochs'], b['epochs']))
    assert valid%2 # so that one has to be shown twice
    for mine,other in epochs[-1:]: # the first was gone through before the interruption
        assert not {*mine[0]}&{*other[0]} and train-16<len({*mine[0],*other[0]})<=train
        assert len({*mine[1],*other[1]})==valid and len(mine[1])==len(other[1])==(valid+1)//2
    assert a['table'][-1][2:]==pytest.approx(a['told']) and a['table'][0]!=a['table'][1]

@pytest.mark.parametrize('kind', ['digits','shards'])
def test_one_writes_what_all_have(two, kind):
    a,b = (o[kind] for o in two[0])
    assert a['weights']==b['weights']==a['kept']==b['kept'] and a['table']==b['table'] and len(a['table'])==2

def test_one_shows_how_it_goes(two): assert two[1].count('train_loss')==4 # two trainings, each interrupted once
