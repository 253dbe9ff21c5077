"One reader of layouts, and a journal that loses nothing"
import pytest
from imgcls.learn.data import list_items
from imgcls.gather.download import download_images as guarded_download
from imgcls.dataset import Moves, read_manifest, sync
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
    before,m = read_manifest(tmp_path),Moves(tmp_path)
    f = before.file[0]
    g = m.move(f, 'b/'+f.split('/')[1], batch='1')
    assert sync(tmp_path).file[0]==g
    m.quarantine(g, 'blurred', '2')
    assert (sync(tmp_path).status[0],sync(tmp_path).reason[0])==('quarantined','blurred')
    m.undo('2')
    m.undo('1')
    assert sync(tmp_path).equals(before)
    m.table.append(dict(batch='3', action='move', src=f, dst='b/never.jpg'))
    assert sync(tmp_path).equals(before)

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
    with pytest.raises(ValueError, match='leads out'): list_items(data, 'cleaned.csv')
