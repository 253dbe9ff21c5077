"A folder tree brought in, a dataset taken stock of, and all of it from the shell"
import errno, forks, re, subprocess, sys, tempfile, warnings
import numpy as np, pandas as pd, pytest
from pathlib import Path
from PIL import Image, ImageFilter
from imgcls.clean.decisions import Cleaning, write_cleaned
from imgcls.gather.verify import tally, verify_images
from imgcls.gather.audit import audit
from imgcls.gather.bring import import_folder
from imgcls.gather.credits import attribution
from imgcls.learn.data import get_dls, targets
from imgcls.learn.scratch import get_data
from imgcls.dataset import Dataset, unlabelled
from imgcls.sample import draw_digit, encode_image
from imgcls.twins import duplicates

def tree(src):
    "A folder as it comes off a phone: name → content"
    files = {'Cats/a.JPG':encode_image(draw_digit(1)), 'Cats/2023/05/b.Jpeg':encode_image(draw_digit(2), orientation=8), 'Dogs/c d é.PNG':encode_image(draw_digit(3), 'PNG'),
        'Dogs/copy.png':encode_image(draw_digit(3), 'PNG'), 'x.jpg':encode_image(draw_digit(4)), 'Dogs/broken.jpg':encode_image(draw_digit(5))[:700], 'Dogs/page.jpg':b'<!doctype html>',
        'Dogs/notes.txt':b'hi', '.thumbs/t.jpg':encode_image(draw_digit(6)), '__MACOSX/._a.jpg':b'x', 'Cats/noending':encode_image(draw_digit(7)), 'Cats/README':b'read me'}
    for k,v in files.items():
        (src/k).parent.mkdir(parents=True, exist_ok=True)
        (src/k).write_bytes(v)
    return files

def content(path): return {o.relative_to(path).as_posix():o.read_bytes() for o in path.rglob('*') if o.is_file()}

def test_nothing_moves_and_everything_is_accounted_for(tmp_path):
    src,dest = tmp_path/'photos',tmp_path/'data'
    files = tree(src)
    rows = import_folder(src, dest)
    assert content(src)==files
    by = {Path(o.url).name:o for o in rows.itertuples()}
    assert {k:(o.label,o.status) for k,o in by.items()}=={'a.JPG':('Cats','ok'), 'b.Jpeg':('05','ok'), 'c%20d%20%C3%A9.PNG':('Dogs','ok'), 'copy.png':('Dogs','duplicate'), 'x.jpg':('','ok'),
        'broken.jpg':('Dogs','quarantined'), 'page.jpg':('Dogs','failed'), 'noending':('Cats','ok')}
    assert {o.parent.name for o in Dataset(dest).files()}=={'Cats','05','Dogs'} and len(list((dest/unlabelled).iterdir()))==1
    b = next(o for o in Dataset(dest).files() if o.parent.name=='05')
    assert Image.open(b).size==draw_digit(2).size
    names = {o.title:Path(o.file).name for o in rows.itertuples() if o.status=='ok'}
    assert all(re.fullmatch(rf'{re.sub(r"[^A-Za-z0-9é]", "_", Path(k).stem)}~[0-9a-f]{{8}}\.\w+', v) for k,v in names.items()), names
    assert names['b.Jpeg']==b.name.replace(b.suffix, '.jpg') and len(names)==5, 'a name stays through what is stored anew'
    before = content(dest)
    assert len(import_folder(src, dest))==len(rows) and content(dest)==before

@pytest.mark.parametrize('label,want', [('top',{'Cats','Dogs'}), (None,set()), (lambda o: 'animal' if len(o.parts)>1 else None,{'animal'})])
def test_labels_from_where_you_say(tmp_path, label, want):
    tree(tmp_path/'photos')
    import_folder(tmp_path/'photos', tmp_path/'data', label)
    assert {o.parent.name for o in Dataset(tmp_path/'data').files()}==want
    assert set(Dataset(tmp_path/'data').manifest(sync=False).label)<=want|{''}

@pytest.mark.parametrize('src,dest', [('photos','photos/data'), ('photos','photos'), ('data/raw','data'), ('photos','link/data'), ('link/data/raw','photos/data')])
def test_a_source_and_its_dataset_lie_apart(tmp_path, src, dest):
    "or verifying the dataset would move the originals to its quarantine"
    (tmp_path/'photos').mkdir()
    (tmp_path/'link').symlink_to('photos')
    (tmp_path/src).mkdir(parents=True, exist_ok=True)
    files = tree(tmp_path/src)
    with pytest.raises(ValueError, match='so that nothing in it is changed'): import_folder(tmp_path/src, tmp_path/dest)
    assert content(tmp_path/src)==files

def test_classes_named_after_folders_further_down_are_said(tmp_path):
    for i,o in enumerate(['Bears/DCIM/100APPLE','Cats/2024']):
        (tmp_path/'photos'/o).mkdir(parents=True)
        (tmp_path/'photos'/o/'a.jpg').write_bytes(encode_image(draw_digit(i)))
    with pytest.warns(UserWarning, match='lies in: 100APPLE, 2024. .* at the top: Bears, Cats'): import_folder(tmp_path/'photos', tmp_path/'data')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        import_folder(tmp_path/'photos', tmp_path/'data2', 'top')

def test_new_photos_come_in_later(tmp_path):
    src = tmp_path/'photos'
    tree(src)
    import_folder(src, tmp_path/'data')
    (src/'Dogs'/'new.jpg').write_bytes(encode_image(draw_digit(9)))
    assert import_folder(src, tmp_path/'data').status.tolist().count('ok')==6

def test_a_flat_folder_is_one_class(tmp_path):
    (tmp_path/'con:x').mkdir()
    (tmp_path/'con:x'/'a.jpg').write_bytes(encode_image(draw_digit(1)))
    assert import_folder(tmp_path/'con:x', tmp_path/'data', lambda o: 'bear').label[0]=='bear'
    (tmp_path/'cat').mkdir()
    (tmp_path/'cat'/'a.jpg').write_bytes(encode_image(draw_digit(2)))
    assert import_folder(tmp_path/'cat', tmp_path/'data2').label[0]=='cat'
    (tmp_path/'con:x'/'b:c').mkdir()
    (tmp_path/'con:x'/'b:c'/'b.jpg').write_bytes(encode_image(draw_digit(3)))
    assert 'b_c' in import_folder(tmp_path/'con:x', tmp_path/'data3').label.tolist()

agreed = dict(plain='cat dog', nested='cat cat/2023 dog', split='train/cat train/dog valid/cat valid/dog test/cat test', junk='Train/cat Train/dog Val/cat Val/dog models',
    deep='train/cat/a train/dog/b/c val/cat val/dog/d', around='zip/train/cat zip/train/dog zip/valid/cat zip/valid/dog', inside='cat/train dog/train cat/val dog/val',
    nfd='train/cafe\u0301 train/dog valid/caf\u00e9 valid/dog')

@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('kind', [*agreed,'table'])
def test_all_parts_agree_on_labels(tmp_path, kind):
    for i,o in enumerate(agreed.get(kind, 'images images/more').split()):
        (tmp_path/o).mkdir(parents=True, exist_ok=True)
        for j in range(6): (tmp_path/o/f'{i}{j}.jpg').write_bytes(encode_image(draw_digit(6*i+j)))
    ds = Dataset(tmp_path)
    if kind=='table':
        pd.DataFrame(dict(name=ds.names(), label=['cat','dog']*6, split=['train']*8+['val']*4)).to_csv(tmp_path/'labels.csv', index=False)
        df = ds.items('labels.csv')
    else: df = ds.items()
    want = dict(zip(df.file, df.label))
    dls = get_dls(tmp_path, size=32, bs=4, csv='labels.csv' if kind=='table' else None)
    learned = df[df.split!='test']
    assert {fn:dls.vocab[y] for dl in dls for fn,y in zip(dl.items, targets(dl))}==dict(zip(learned.file, learned.label))
    assert {*attribution(tmp_path).file}=={*ds.names()}>={ds.rel(o) for o in df.file}
    if kind=='table': return
    assert {tmp_path/o.file:o.label for o in audit(tmp_path, plot=False).looks.itertuples()}==want
    assert {tmp_path/k:Cleaning(tmp_path).label_of(k) for k in ds.layout().name}==want=={fn:ds.label(fn) for fn in want}
    c = Cleaning(tmp_path)
    for rel,label in [*zip(ds.layout().name, ds.layout().label)][:2]: assert ds.label(c.home(rel, 'dog'))=='dog' and ds.label(c.home(rel, label))==label
    for fn in list(want)[::3]: (fn.parent/f'twin{fn.name}').write_bytes(fn.read_bytes())
    assert all(o.label==ds.label(o.file)!='' and not o.across for o in duplicates(tmp_path).itertuples())
    if 'valid' in {*df.split}: assert get_data(tmp_path, 32, 4, workers=0).labels==sorted({*want.values()})==tally(tmp_path).index.drop('all').tolist()

def test_splits_without_classes_are_said(tmp_path):
    for o in ('train/1','train/2','val/3','test/4'):
        (tmp_path/o).parent.mkdir(exist_ok=True)
        (tmp_path/f'{o}.jpg').write_bytes(encode_image(draw_digit(int(o[-1]))))
    for f in (audit,get_dls):
        with pytest.raises((ValueError,FileNotFoundError), match='also within train and valid; or labels from a table'), pytest.warns(UserWarning, match=r'without a label: 4 \(test/4.jpg\)'): f(tmp_path)
    with pytest.warns(UserWarning, match='without a label'): assert not len(verify_images(tmp_path))
    assert len(Dataset(tmp_path).seen())==4

def test_pictures_on_both_given_sides_are_counted(tmp_path):
    def put(name, i, **kwargs):
        (tmp_path/name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path/name).write_bytes(encode_image(draw_digit(i), **kwargs))
    for i in range(12):
        for s,n in dict(train=0, valid=40, test=80).items(): put(f'{s}/{"cat" if i%2 else "dog"}/{i}.jpg', n+i)
    with warnings.catch_warnings():
        warnings.simplefilter('error', UserWarning)
        get_dls(tmp_path, size=32)
    put('valid/dog/again.jpg', 4) # the same bytes, smaller and for the test
    put('valid/cat/near.jpg', 3, quality=60)
    put('test/cat/there.jpg', 5)
    for csv in (None,'all.csv'):
        with pytest.warns(UserWarning, match='3 of 27 pictures'): get_dls(tmp_path, size=32, csv=csv)
        write_cleaned(tmp_path).rename(tmp_path/'all.csv')

def test_what_nothing_can_read_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr('imgcls.apart.is_rare', lambda b: False) # here, where readers can be taken away
    monkeypatch.setattr('imgcls.picture.can_open', lambda name: name not in ('HEIF','AVIF'))
    for i in range(6):
        fn = tmp_path/('cat','dog')[i%2]/f'IMG_{i}{("", ".HEIC",".avif")[i%3]}'
        fn.parent.mkdir(exist_ok=True)
        fn.write_bytes(b'\0\0\0\x24ftyp'+(b'avif' if i%3==2 else b'heic')+b'\0\0\0\0mif1heic'+bytes([i])*200)
    with pytest.raises(ValueError, match='pip install -U pillow pillow-heif'): get_dls(tmp_path, size=32)
    assert audit(tmp_path, plot=False).table.damaged.sum()==6 and verify_images(tmp_path).reason.str.contains('pip install').sum()==6

def test_splits_come_in_as_they_are(tmp_path):
    src = tmp_path/'photos'
    for i,o in enumerate(['Train/ant','Train/bee/2023','Valid/ant','Valid/bee','test/ant','test']):
        (src/o).mkdir(parents=True, exist_ok=True)
        (src/o/'a').write_bytes(encode_image(draw_digit(i)))
    for label in ('top','parent',lambda o: 'x'+o.parts[1]):
        df = import_folder(src, tmp_path/str(label)[:3], label)
        k = 'x' if callable(label) else ''
        assert sorted(Path(o).parent.as_posix() for o in df.file)==sorted([f'{s}/{k}{c}' for s in ('train','valid','test') for c in ('ant','bee')][:-1]+['test/xa' if k else unlabelled])
        assert sorted(Dataset(tmp_path/str(label)[:3]).layout().split)==['test']*(2 if k else 1)+['train']*2+['valid']*2

def test_audit_names_what_is_wrong(tmp_path):
    def put(name, im, **kw):
        (tmp_path/name).parent.mkdir(exist_ok=True)
        (tmp_path/name).write_bytes(encode_image(im, **kw))
    for i in range(12): put(f'cat/{i}.jpg', draw_digit(i))
    put('dog/dark.jpg', Image.fromarray((np.asarray(draw_digit(20))*.1).astype('uint8')))
    put('dog/blur.jpg', draw_digit(21).resize((256,256)).filter(ImageFilter.GaussianBlur(6)))
    put('dog/twin.jpg', draw_digit(3).resize((200,200)), quality=60)
    (tmp_path/'dog'/'half.jpg').write_bytes(encode_image(draw_digit(22))[:900])
    a = audit(tmp_path)
    t = a.table
    assert list(t.index)==['cat','dog'] and t.loc['dog','of largest']==round(4/12, 2)
    assert t.loc['dog',['dark','twins','across','damaged']].tolist()==[1,1,1,1] and t.loc['dog','blurred']>=1 and t.loc['cat',['dark','damaged']].tolist()==[0,0]
    assert 'pictures' in a._repr_html_() and len(a.plot('dog').axes)==6
    assert sorted(o.name for o in (tmp_path/'dog').iterdir())==['blur.jpg','dark.jpg','half.jpg','twin.jpg'] and len(Dataset(tmp_path).seen())==16
    (tmp_path/'none').mkdir()
    with pytest.raises(ValueError, match='no labelled pictures'): audit(tmp_path/'none')

def shell(*args, **env):
    with tempfile.TemporaryDirectory() as tmp: p = forks.shell(tmp, 'imgcls-gather', *args, timeout=120, **env)
    return p.returncode,p.stdout,p.stderr

def test_from_the_shell(tmp_path):
    data = tmp_path/'digits'
    asked = data,'three','odd=five,seven -walrus','--engine','sample','--max-images','20'
    p = subprocess.run([Path(sys.executable).parent/'imgcls-gather', *asked], capture_output=True, text=True, timeout=120)
    assert p.returncode==0 and 'of largest' in p.stdout and not p.stderr, p.stderr
    assert {o.name for o in data.iterdir() if o.is_dir()}=={'three','odd','.quarantine'} and (data/'audit_odd.png').stat().st_size>5000
    assert len(Dataset(data).manifest(sync=False))==60 and 'Alpaydin' in (data/'CREDITS.md').read_text()
    def kept():
        df = Dataset(data).manifest(sync=False) # another sample web on this machine may have the usual port
        return Dataset(data).files(),sorted(set(zip(df.label, df.url.str.split('/', n=3).str[3])))
    was = kept()
    assert shell(*asked)[0]==0 and kept()==was
    tree(tmp_path/'photos')
    rc,out,_ = shell(tmp_path/'own', '--src', tmp_path/'photos', '--label', 'top')
    assert rc==0 and 'Cats' in out and 'Dogs' in out and '1 pictures without a label wait in' in out and 'empty' not in out and 'web page' in out
    rc,out,err = shell(tmp_path/'none', '--src', tmp_path/'photos', '--label', 'none')
    assert rc==0 and '5 pictures without a label wait' in out, err

def test_taking_stock_first_does_not_keep_verify_from_its_work(tmp_path):
    (tmp_path/'a').mkdir()
    (tmp_path/'a'/'turned.jpg').write_bytes(encode_image(draw_digit(3), orientation=6))
    (tmp_path/'a'/'x.gif').write_bytes(encode_image(draw_digit(7), 'GIF'))
    before = content(tmp_path)
    audit(tmp_path, plot=False)
    assert {k:v for k,v in content(tmp_path).items() if not k.startswith('.')}==before
    assert verify_images(tmp_path).reason.tolist()==['EXIF orientation 6','palette, GIF format'] and len(verify_images(tmp_path))==0
    assert [Image.open(o).getexif().get(0x0112, 1) for o in Dataset(tmp_path).files()]==[1,1]

def test_from_the_shell_errors_are_sentences(tmp_path):
    cases = {'walrus --engine sample':'Try other words', 'x --engine altavista':'wanted one of', '':'Nothing to gather', 'x --engine bing':'SERPAPI_KEY', '../x=y':'name of a class', '--src nowhere':'not a folder',
        'three --src nowhere':'leave out', 'three --engine sample --max-size -3':'number of pixels', 'three --max-images 0':'1 or more'}
    for args,said in cases.items():
        rc,out,err = shell(tmp_path/'a', *args.split(), SERPAPI_KEY='')
        assert rc==1 and said in err and 'Traceback' not in err, (args,err)

def test_a_full_disk_stops_an_import_that_can_go_on_later(tmp_path, monkeypatch):
    tree(tmp_path/'photos')
    write,room = Path.write_bytes,iter(range(2))
    def full(fn, b):
        if next(room, None) is None: raise OSError(errno.ENOSPC, 'No space left on device')
        return write(fn, b)
    with monkeypatch.context() as m:
        m.setattr(Path, 'write_bytes', full)
        with pytest.raises(OSError, match='No space left on device.*Make room'): import_folder(tmp_path/'photos', tmp_path/'data')
    assert import_folder(tmp_path/'photos', tmp_path/'data').status.tolist().count('ok')==5

def test_classes_that_only_capitals_tell_apart_are_said(tmp_path):
    for i,o in enumerate(['train/bears','train/cats','valid/Bears','valid/cats']):
        (tmp_path/'photos'/o).mkdir(parents=True)
        (tmp_path/'photos'/o/'a.jpg').write_bytes(encode_image(draw_digit(i)))
    with pytest.warns(UserWarning, match='Bears and bears are taken for different classes'): import_folder(tmp_path/'photos', tmp_path/'data')

def test_what_lies_beside_photos_is_counted_by_kind(tmp_path):
    (tmp_path/'photos'/'cat').mkdir(parents=True)
    (tmp_path/'photos'/'cat'/'a.jpg').write_bytes(encode_image(draw_digit(0)))
    for o in ('a.jpg.json','b.json','a.AAE','a.mov'): (tmp_path/'photos'/'cat'/o).write_bytes(b'\0\0\0\x14ftypqt  ')
    with pytest.warns(UserWarning, match=r'no picture: 4 \(cat/a.AAE; 2 .json, 1 .aae, 1 .mov\)'): import_folder(tmp_path/'photos', tmp_path/'data')
