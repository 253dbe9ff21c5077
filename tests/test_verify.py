"Pictures that are damaged, turned, too large or there twice; and that whatever is done to them can be taken back"
import errno, io, os, pytest
from pathlib import Path
from PIL import Image
from imgcls.gather.credits import attribution
from imgcls.gather.download import download_images as guarded_download
from imgcls.gather.verify import tally, verify_images
from imgcls.dataset import Dataset, Moves
from imgcls.twins import duplicates
from imgcls.picture import look
from imgcls.sample import draw_digit, encode_image
from web import Web, jpg, says

def download_images(*args, **kwargs): return guarded_download(*args, **{'allow_private':True, **kwargs})

@pytest.fixture
def web():
    routes = {'/ok.jpg':says(jpg), '/same.jpg':says(jpg), '/half.jpg':says(jpg[:len(jpg)//2]), '/others.jpg':says(encode_image(draw_digit(5)))}
    with Web(routes) as w: yield w

def test_verify_turns_upright_and_keeps_the_original(tmp_path):
    (tmp_path/'a').mkdir()
    raw = encode_image(draw_digit(3), orientation=6)
    (tmp_path/'a'/'x.jpg').write_bytes(raw)
    (tmp_path/'a'/'y.gif').write_bytes(encode_image(Image.new('RGB', (8,8)), 'GIF'))
    df = verify_images(tmp_path)
    assert dict(zip(df.file, df.what))=={'a/x.jpg':'stored anew', 'a/y.gif':'quarantined'}
    assert [Image.open(o).size for o in Dataset(tmp_path).files()]==[draw_digit(3).size]
    m = Moves(tmp_path)
    m.undo(m.pending('verify')[0])
    assert (tmp_path/'a'/'x.jpg').read_bytes()==raw and (tmp_path/'a'/'y.gif').exists()

def test_old_and_new_ways_to_call_verify(web, tmp_path):
    download_images(tmp_path/'a', urls=[web.url('/ok.jpg'), web.url('/half.jpg')])
    download_images(tmp_path/'b', urls=[web.url('/others.jpg')])
    df = verify_images(tmp_path/'a', delete=True, max_size=40)
    assert sorted(df.what)==['quarantined','stored anew'] and max(Image.open(Dataset(tmp_path).files()[0]).size)==40
    assert len(list((tmp_path/'.quarantine').rglob('*.jpg')))==2
    assert len(verify_images([*(tmp_path/'b').iterdir()], max_size=40))==0 # stored anew, so it didn't fail
    assert [max(Image.open(o).size) for o in Dataset(tmp_path).files()]==[40,40] and len(verify_images(tmp_path, max_size=40))==0
    with pytest.raises(FileNotFoundError, match='folder per class'): verify_images(tmp_path/'none')

@pytest.mark.parametrize('links', [True,False])
def test_what_failed_of_a_list_can_be_unlinked(tmp_path, links, monkeypatch):
    def no_link(*args, **kwargs): raise OSError('no links here')
    if not links: monkeypatch.setattr(os, 'link', no_link)
    for o in ('one/train/cat','one/valid/cat','one/valid/dog/deep','two/cat'):
        (tmp_path/o).mkdir(parents=True)
        (tmp_path/o/'good.jpg').write_bytes(encode_image(draw_digit(len(o)), orientation=6))
        (tmp_path/o/'bad.jpg').write_bytes(b'<html>'+o.encode())
    (tmp_path/'two'/'cat'/'gone.jpg').symlink_to(tmp_path/'nowhere.jpg')
    monkeypatch.chdir(tmp_path/'one')
    fns = [o.relative_to(tmp_path/'one') for o in Path(tmp_path/'one').rglob('*.jpg')]+list((tmp_path/'two').rglob('*.jpg'))
    failed = verify_images(fns)
    assert len(failed)==4 and all(o.read_bytes().startswith(b'<html>') for o in failed)
    kept = [tmp_path/o/'bad.jpg' for o in ('one/.quarantine/train/cat','one/.quarantine/valid/cat','one/.quarantine/valid/dog/deep','two/.quarantine/cat')]
    failed.map(Path.unlink)
    assert all(o.exists() for o in kept) and len(Dataset(tmp_path/'one').files())==3 and not verify_images(Dataset(tmp_path/'one').files())
    assert Dataset(tmp_path/'one').undo()==6 and Dataset(tmp_path/'two').undo()==2

def test_a_folder_without_a_manifest_is_counted(tmp_path):
    for o in ('cat','dog'):
        (tmp_path/o).mkdir()
        (tmp_path/o/'1.jpg').write_bytes(encode_image(draw_digit(3)))
    assert tally(tmp_path).loc[['cat','dog','all'],'ok'].tolist()==[1,1,2] and not tally(tmp_path).URLs.any()
    assert tally(tmp_path, 'reason').loc['kept','ok']==2
    assert list(attribution(tmp_path).file)==['cat/1.jpg','dog/1.jpg'] and '2 of 2 pictures have no known licence' in (tmp_path/'CREDITS.md').read_text()

def test_stored_anew_under_a_new_ending_and_back(tmp_path):
    (tmp_path/'a').mkdir()
    gif = encode_image(draw_digit(7), 'GIF')
    (tmp_path/'a'/'x.gif').write_bytes(gif)
    (tmp_path/'a'/'x.png').write_bytes(encode_image(draw_digit(8), 'PNG'))
    (tmp_path/'a'/'p.JPEG').write_bytes(encode_image(draw_digit(9), orientation=6))
    df = verify_images(tmp_path)
    assert sorted(df.file)==['a/p.JPEG','a/x.gif'] and {Image.open(tmp_path/o).mode for o in df.now}=={'RGB'}
    m = Moves(tmp_path)
    m.undo(m.pending('verify')[0])
    assert (tmp_path/'a'/'x.gif').read_bytes()==gif and sorted(o.name for o in (tmp_path/'a').iterdir())==['p.JPEG','x.gif','x.png']

def test_the_manifest_follows_a_new_ending(tmp_path):
    with Web({'/x.gif':says(encode_image(draw_digit(7), 'GIF'))}) as web: download_images(tmp_path/'a', urls=[web.url('/x.gif')])
    verify_images(tmp_path)
    df = Dataset(tmp_path).manifest()
    assert df.file[0].endswith('.png') and df.status[0]=='ok' and (tmp_path/df.file[0]).exists()
    m = Moves(tmp_path)
    m.undo(m.pending('verify')[0])
    df = Dataset(tmp_path).manifest()
    assert df.file[0].endswith('.gif') and df.status[0]=='ok' and (tmp_path/df.file[0]).exists()

def test_a_rewrite_that_was_cut_short_is_finished(tmp_path, monkeypatch):
    (tmp_path/'a').mkdir()
    (tmp_path/'a'/'x.gif').write_bytes(encode_image(draw_digit(7), 'GIF'))
    with monkeypatch.context() as m:
        m.setattr(Moves, 'quarantine', lambda *args, **kwargs: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt): verify_images(tmp_path)
    assert sorted(o.suffix for o in (tmp_path/'a').iterdir())==['.gif','.png']
    verify_images(tmp_path)
    assert [o.suffix for o in (tmp_path/'a').iterdir()]==['.png']

def test_an_undo_loses_nothing(tmp_path):
    (tmp_path/'a').mkdir()
    fn,first = tmp_path/'a'/'x.jpg',encode_image(draw_digit(3).resize((400,400)))
    fn.write_bytes(first)
    verify_images(tmp_path, max_size=200)
    second = (now := Dataset(tmp_path).files()[0]).read_bytes()
    verify_images(tmp_path, max_size=100)
    m = Moves(tmp_path)
    with pytest.raises(ValueError, match='came later and touched'): m.undo(m.pending()[0])
    assert Dataset(tmp_path).undo()==1 and Dataset(tmp_path).files()==[now] and now.read_bytes()==second
    now.write_bytes(edited := encode_image(draw_digit(8)))
    assert Dataset(tmp_path).undo('verify')==1 and fn.read_bytes()==first
    assert edited in [o.read_bytes() for o in (tmp_path/'.quarantine').rglob('*.jpg')]
    with pytest.raises(ValueError, match='nothing to take back'): Dataset(tmp_path).undo()

def test_duplicates_across_classes(tmp_path):
    for label,name,b in [('a','1.jpg',jpg), ('b','2.jpg',jpg), ('a','3.jpg',encode_image(draw_digit(3).resize((90,90)), quality=60)), ('a','4.jpg',encode_image(draw_digit(8)))]:
        (tmp_path/label).mkdir(exist_ok=True)
        (tmp_path/label/name).write_bytes(b)
    df = duplicates(tmp_path)
    assert dict(zip(df.file, df.kind))=={'a/1.jpg':'exact', 'b/2.jpg':'exact', 'a/3.jpg':'near'} and df.across.all() and df.group.nunique()==1

def test_looks_are_kept_and_changes_are_seen(tmp_path):
    (tmp_path/'a').mkdir()
    (tmp_path/'a'/'x.jpg').write_bytes(jpg)
    verify_images(tmp_path)
    assert len(Dataset(tmp_path).seen())==1
    (tmp_path/'a'/'x.jpg').write_bytes(jpg[:900])
    assert verify_images(tmp_path).what.tolist()==['quarantined']

def test_bad_arguments_are_sentences(tmp_path):
    for kw in (dict(max_size=-5), dict(max_size=0), dict(max_size='200'), dict(min_size=0)):
        with pytest.raises(ValueError, match='wanted a number of pixels'): verify_images(tmp_path, **kw)
    with pytest.raises(ValueError, match="'label' or 'reason'"): tally(tmp_path, 'engine')
    for f in (tally, attribution, duplicates):
        with pytest.raises(FileNotFoundError, match='folder per class'): f(tmp_path/'none')

def test_a_cut_file_is_seen_at_whatever_size_it_is_decoded():
    im = draw_digit(8).resize((880,640))
    for progressive in (False,True):
        im.save(f := io.BytesIO(), 'JPEG', quality=90, progressive=progressive)
        b = f.getvalue()
        for size in (None,100,200,400,500,700,800,2000):
            assert look(b, max_size=size)['wrong']=='', size
            cuts = [len(b)*k//20 for k in range(2, 20)]+[len(b)-40]
            assert all('damaged' in look(b[:n], max_size=size)['wrong'] for n in cuts), size

def test_a_full_disk_stops_it_with_a_sentence_and_nothing_is_left_out(tmp_path, monkeypatch):
    (tmp_path/'a').mkdir()
    for i in range(3): (tmp_path/'a'/f'{i}.gif').write_bytes(encode_image(draw_digit(i), 'GIF'))
    def full(*args): raise OSError(errno.ENOSPC, 'No space left on device')
    with monkeypatch.context() as m:
        m.setattr(Path, 'write_bytes', full)
        with pytest.raises(OSError, match='No space left on device.*Make room'): verify_images(tmp_path)
    assert len(Dataset(tmp_path).names())==3
    assert list(verify_images(tmp_path).what)==['stored anew']*3
