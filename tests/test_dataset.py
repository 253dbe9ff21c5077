"One reader of layouts, and a journal that loses nothing"
import errno, os
import pandas as pd, pytest
from imgcls.gather.download import download_images as guarded_download
from imgcls.dataset import Dataset, Moves, Table
from imgcls.sample import draw_digit, encode_image
from web import Web, jpg, says

def download_images(*args, **kwargs): return guarded_download(*args, **{'allow_private':True, **kwargs})

@pytest.fixture
def web():
    with Web({'/ok.jpg':says(jpg)}) as w: yield w

def test_moves_never_overwrite(tmp_path):
    for o in ('a','b'):
        (tmp_path/o).mkdir()
        (tmp_path/o/'x.jpg').write_text(o)
    m = Moves(tmp_path)
    assert m.move('a/x.jpg', 'b/x.jpg', batch='1')=='b/x-1.jpg' and (tmp_path/'b'/'x.jpg').read_text()=='b'
    (tmp_path/'a'/'x.jpg').write_text('new')
    with pytest.raises(FileExistsError, match='undo again'): m.undo('1')
    assert (tmp_path/'a'/'x.jpg').read_text()=='new'

def test_manifest_follows_moves_and_their_undo(web, tmp_path):
    download_images(tmp_path/'a', urls=[web.url('/ok.jpg')])
    before,m = Dataset(tmp_path).manifest(sync=False),Moves(tmp_path)
    f = before.file[0]
    g = m.move(f, 'b/'+f.split('/')[1], batch='1')
    assert Dataset(tmp_path).manifest().file[0]==g
    m.quarantine(g, 'blurred', '2')
    assert (Dataset(tmp_path).manifest().status[0],Dataset(tmp_path).manifest().reason[0])==('quarantined','blurred')
    m.undo('2')
    m.undo('1')
    assert Dataset(tmp_path).manifest().equals(before)
    m.table.append(dict(batch='3', action='move', src=f, dst='b/never.jpg'))
    assert Dataset(tmp_path).manifest().equals(before)

def test_paths_never_lead_out(tmp_path):
    data = tmp_path/'data'
    (data/'a').mkdir(parents=True)
    (data/'a'/'x.jpg').write_bytes(jpg)
    (tmp_path/'secret.jpg').write_bytes(b'mine')
    m = Moves(data)
    for src,dst in [('../secret.jpg','a/y.jpg'), ('a/x.jpg','../y.jpg'), ('/etc/passwd','a/y'), ('a/x.jpg','/tmp/y')]:
        with pytest.raises(ValueError, match='leads out'): m.move(src, dst)
    m.table.append(dict(batch='evil', action='move', src='a/x.jpg', dst='../secret.jpg'))
    with pytest.raises(ValueError, match='leads out'): m.undo('evil')
    assert (tmp_path/'secret.jpg').read_bytes()==b'mine' and (data/'a'/'x.jpg').exists()
    (data/'cleaned.csv').write_text('name,label\n../secret.jpg,a\n')
    with pytest.raises(ValueError, match='leads out'): Dataset(data).items('cleaned.csv')

def put(path, *names):
    "Pictures called `names` in the dataset `path`, each with a content of its own"
    for i,o in enumerate(names):
        (path/o).parent.mkdir(parents=True, exist_ok=True)
        (path/o).write_bytes(encode_image(draw_digit(i)))
    return Dataset(path)

def test_layouts_that_people_have(tmp_path):
    ds = put(tmp_path/'a', 'Training/cat/1.jpg', 'val/cat/2.jpg', 'val/dog/3.jpg', '.hidden/x.jpg', 'Training/._1.jpg')
    put(tmp_path/'disk', 'x.jpg')
    (ds.path/'Training'/'dog').symlink_to(tmp_path/'disk')
    (ds.path/'Training'/'cat'/'round').symlink_to(ds.path)
    assert ds.names()==['Training/cat/1.jpg','Training/dog/x.jpg','val/cat/2.jpg','val/dog/3.jpg']
    assert list(ds.items().split)==['train','train','valid','valid'] and list(ds.items().label)==['cat','dog','cat','dog']
    ds = put(tmp_path/'b', 'cover.jpg', 'cat/1.jpg', 'cat/2023/2.jpg')
    assert ds.names()==['cat/1.jpg','cat/2023/2.jpg']==Dataset.of(ds.path).names() and list(ds.layout().label)==['cat','2023']
    assert put(tmp_path/'c', 'train/cat/1.jpg', 'test/cat/2.jpg').layout().split.tolist()==['test','']

def test_what_a_dataset_is_of(tmp_path):
    ds = put(tmp_path/'a', 'train/cat/1.jpg', 'valid/cat/2.jpg')
    assert Dataset.of(ds.files()).path==ds.path==Dataset.of(ds).path==Dataset(ds).path
    assert Dataset.of(ds.path/'valid'/'cat').names()==['valid/cat/2.jpg']
    with pytest.raises(FileNotFoundError, match='no such file'): Dataset.of([ds.path/'train'/'cat'/'9.jpg'])
    with pytest.raises(FileNotFoundError, match='folder per class'): Dataset.of(tmp_path/'none')
    with pytest.raises(ValueError, match='from 2 datasets'): Dataset.of([*ds.files(), *put(tmp_path/'b', 'cat/1.jpg').files()])

def test_tables_say_sides_in_several_ways(tmp_path):
    ds = put(tmp_path, 'cat/1.jpg', 'dog/2.jpg', 'dog/3.jpg')
    df = pd.DataFrame(dict(file=ds.names(), label=[0,1,'']))
    assert list(ds.items(df=df.assign(split=['Train','val',None])).split)==['train','valid','']
    assert list(ds.items(df=df.assign(is_valid=[1,0,'True'])).split)==['valid','train','valid'] and list(ds.items(df=df).label)==['0','1','']
    with pytest.raises(ValueError, match="the split 'holdout'"): ds.items(df=df.assign(split='holdout'))
    with pytest.raises(ValueError, match='no label for 1 of 3'): ds.items(df=df.assign(label=['a',None,'b']))

class Killed(BaseException): pass

@pytest.mark.parametrize('at', range(12))
def test_an_undo_cut_short_anywhere_can_be_called_again(tmp_path, at, monkeypatch):
    ds = put(tmp_path, 'cat/1.jpg', 'cat/2.jpg', 'dog/3.jpg')
    (tmp_path/'list.csv').write_text('mine')
    def tree(): return {o.relative_to(tmp_path).as_posix():o.read_bytes() for o in tmp_path.rglob('*') if o.is_file() and '.quarantine' not in o.parts and o.suffix!='.new'}
    old,n = tree(),0
    (tmp_path/'x.new').write_bytes(b'upright')
    ds.moves.replace('cat/1.jpg', tmp_path/'x.new', '60fd.jpg', 'turned', 'b')
    ds.moves.move('cat/2.jpg', 'owl/2.jpg', '', 'b')
    ds.moves.make('list.csv', '', 'b')
    (tmp_path/'list.csv').write_text('new')
    def dying(f):
        def g(*args, **kwargs):
            nonlocal n
            n += 1
            if n>at: raise Killed()
            return f(*args, **kwargs)
        return g
    with monkeypatch.context() as m:
        for o in (Table,'append'),(os,'replace'): m.setattr(*o, dying(getattr(*o)))
        try: ds.moves.undo('b')
        except Killed: pass
    if ds.moves.pending(): ds.moves.undo('b')
    assert tree()==old and not (tmp_path/'owl').exists()

def test_a_move_to_another_disk_is_a_copy(tmp_path, monkeypatch):
    ds = put(tmp_path, 'cat/1.jpg')
    real = os.replace
    def far(src, dst):
        if str(src).endswith('.part'): return real(src, dst)
        raise OSError(errno.EXDEV, 'Invalid cross-device link')
    monkeypatch.setattr(os, 'replace', far)
    b = (tmp_path/'cat'/'1.jpg').read_bytes()
    assert ds.moves.quarantine('cat/1.jpg', 'dark', '1')=='.quarantine/cat/1.jpg' and not ds.names()
    assert ds.undo()==1 and ds.files()[0].read_bytes()==b and not list(tmp_path.rglob('*.part'))

def test_a_journal_of_the_version_before_stops_nothing(tmp_path):
    ds = put(tmp_path, 'cat/1.png')
    rows = [('copy','cat/1.gif','.quarantine/cat/1.gif'),('convert','cat/1.gif','cat/1.png'),('back','cat/1.png','cat/1.gif'),('aside','a','b')]
    ds.moves.table.append(*[dict(batch='verify old'*(a[0]=='c'), action=a, src=s, dst=d) for a,s,d in rows])
    assert ds.undo()==0 and not ds.moves.pending() and ds.names()==['cat/1.png'] and not len(ds.manifest())
