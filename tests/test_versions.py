"Which pictures, labels and splits a dataset had, and what has changed since"
import shutil
import pandas as pd, pytest
from imgcls.dataset import Dataset, diff, snapshot, version_digest
from imgcls.sample import draw_digit, encode_image

@pytest.fixture
def data(tmp_path):
    "Two classes on both sides of a split; cat/1 is there twice"
    for i,o in enumerate('train/cat/0 train/cat/1 train/dog/2 valid/cat/3 valid/dog/4'.split()):
        fn = tmp_path/'d'/f'{o}.png'
        fn.parent.mkdir(parents=True, exist_ok=True)
        fn.write_bytes(encode_image(draw_digit(i), 'PNG'))
    shutil.copy(tmp_path/'d/train/cat/1.png', tmp_path/'d/train/cat/again.png')
    return tmp_path/'d'

def test_each_change_is_told(data):
    digest = snapshot(data)
    fn = data/f'snapshot_{digest}.csv'
    df = pd.read_csv(fn, dtype=str, keep_default_na=False)
    assert list(df)==['file','sha256','label','split'] and len(df)==6 and set(df.split)=={'train','valid'}
    assert snapshot(data)==digest and len(diff(fn, data))==0 and len(list(data.glob('snapshot_*')))==1
    (data/'train/cat/0.png').rename(data/'train/dog/0.png')
    (data/'train/dog/2.png').rename(data/'valid/dog/2.png')
    (data/'valid/cat/3.png').rename(data/'train/dog/3.png')
    (data/'valid/dog/4.png').unlink()
    (data/'train/cat/again.png').unlink()
    (data/'train/cat/new.png').write_bytes(encode_image(draw_digit(9), 'PNG'))
    (data/'train/cat/1.png').rename(data/'train/cat/renamed.png')
    got = {o.file:(o.what,o.label_was,o.label,o.split_was,o.split) for o in diff(fn, data).itertuples()}
    assert got=={'train/dog/0.png':('relabelled','cat','dog','train','train'), 'valid/dog/2.png':('moved','dog','dog','train','valid'), 'train/dog/3.png':('relabelled, moved','cat','dog','valid','train'),
        'valid/dog/4.png':('removed','dog','','valid',''), 'train/cat/again.png':('removed','cat','','train',''), 'train/cat/new.png':('added','','cat','','train')}
    assert snapshot(data)!=digest
    back = {o.what for o in diff(data, fn).itertuples()}
    assert back=={'relabelled','moved','relabelled, moved','added','removed'}

def test_names_do_not_count_and_lists_do(data):
    digest = snapshot(data)
    (data/'train/dog/2.png').rename(data/'train/dog/two.png')
    assert snapshot(data)==digest
    pd.DataFrame(dict(name=['train/cat/0.png','valid/dog/4.png'], label=['NA','01'])).to_csv(data/'cleaned.csv', index=False)
    part = snapshot(data, 'cleaned.csv')
    assert part!=digest and sorted(diff(data/f'snapshot_{digest}.csv', data/f'snapshot_{part}.csv').what)==['relabelled, moved']*2+['removed']*4
    assert {*Dataset(data).version('cleaned.csv').label}=={'NA','01'}

def test_a_digest_stands_for_its_file(data, tmp_path, monkeypatch):
    was = snapshot(data)
    (data/'train/cat/0.png').unlink()
    now = snapshot(data)
    for old,new in ((was, data), (was, Dataset(data)), (was, str(data)), (was, data/f'snapshot_{now}.csv'), (data/f'snapshot_{was}.csv', now)):
        assert diff(old, new).what.tolist()==['removed']
    assert diff(data, was).what.tolist()==['added']
    with pytest.raises(FileNotFoundError, match=f'is not there.*there are .*{was}'): diff('0'*16, data)
    with pytest.raises(ValueError, match='may be of any dataset: give the file'): diff(was, now)
    (tmp_path/was).mkdir() # a folder that happens to be called so
    shutil.copytree(data, tmp_path/was, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    assert len(diff(was, data))==0

def test_they_come_with_all():
    import imgcls.all
    assert {'snapshot','diff'}<={*imgcls.all.__all__}

def test_what_is_no_version(data, tmp_path):
    (tmp_path/'x.csv').write_text('name,label\na,b\n')
    with pytest.raises(ValueError, match='`snapshot` writes one'): diff(tmp_path/'x.csv', data)
    with pytest.raises(FileNotFoundError): diff(tmp_path/'gone', data)
    with pytest.raises(FileNotFoundError, match='no such list'): snapshot(data, 'gone.csv')
    assert version_digest(Dataset(data).version())==snapshot(data)
