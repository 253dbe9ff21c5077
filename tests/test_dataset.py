"One reader of layouts, and a journal that loses nothing"
import errno, os, shutil, subprocess, sys, tempfile, unicodedata, warnings
import pandas as pd, pytest
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hypothesis import HealthCheck, example, given, settings, strategies as st
from pathlib import Path
from imgcls.clean.decisions import Cleaning, write_cleaned
from imgcls.dataset import Dataset, Moves, Table, as_label, check_label, sayable
from imgcls.gather.bring import import_folder
from imgcls.gather.download import download_images as guarded_download
from imgcls.gather.verify import verify_images
from imgcls.sample import draw_digit, encode_image
from imgcls.twins import duplicates
from killed import Killed, killed_at
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
    with pytest.warns(UserWarning, match='cat/2023 lies in a class folder'): assert list(ds.items().label)==['cat','2023']
    assert ds.names()==['cat/1.jpg','cat/2023/2.jpg']==Dataset.of(ds.path).names() and list(ds.layout().label)==['cat','2023']

# folders → (label, side) of each picture that counts; the others are left out
layouts = {'train/cat test/cat':['cat test','cat '], 'Train/cat VAL/cat TESTING/cat':['cat test','cat train','cat valid'], 'Training/cat Validation/dog models':['cat train','dog valid'],
    'training_set/cat test_set/dog':['dog test','cat '], 'seg_train/seg_train/sea seg_test/seg_test/sea seg_pred/seg_pred':['sea test','sea '], 'zip/train/cat zip/test/dog':['dog test','cat '],
    'cat/train cat/val dog/train':['cat train','cat valid','dog train'], 'train/cat/2023 valid/cat/2024/05':['cat train','cat valid'], 'cat dog test':['cat ','dog '], 'cat dog test/cat':['cat ','dog ','cat test'],
    'cat dog valid/cat':['cat train','dog train','cat valid'], 'car plane train':['car ','plane ','train '], 'valid invalid':['invalid ','valid '], 'steam_train bullet_train':['bullet_train ','steam_train '],
    'train val':[], 'train test':[], 'train/cat/a val/cat/b holdout/cat':['cat train','cat valid'], 'cafe\u0301 caf\u00e9':['caf\u00e9 ']*2, 'test/train test/car train/train train/car':['car test','train test','car ','train ']}

@pytest.mark.parametrize('folders', layouts)
def test_what_folders_say(tmp_path, folders):
    ds = put(tmp_path, *(f'{o}/1.jpg' for o in folders.split()))
    df = ds.layout()
    assert [f'{a} {b}' for a,b in zip(df.label, df.split)]==layouts[folders]
    assert all(ds.label(o)==k for o,k in zip(df.name, df.label))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        ds.remark()
    left = len(folders.split())-len(df)
    assert bool(left)==any('Left out' in str(o.message) for o in said)
    if 'car plane train'==folders or 'valid invalid'==folders: assert 'taken for a class' in str(said[0].message)

def test_what_is_left_out_is_counted(tmp_path):
    ds = put(tmp_path, 'train/cat/1.jpg', 'train/cat/2', 'train/dog/3.jpg_large', 'valid/cat/4.jpg', 'models/5.jpg', 'cover.jpg', 'train/6.jpg')
    (tmp_path/'train'/'cat'/'gone.jpg').symlink_to(tmp_path/'nowhere.jpg')
    for o in ('train/cat/notes.txt','train/dog/Thumbs.db','labels.csv','models/x.pth'): (tmp_path/o).write_bytes(b'BM, no picture')
    for o in ('train/__MACOSX/._1.jpg','train/cow/.DS_Store'): put(tmp_path, o)
    with pytest.warns(UserWarning) as said: df = ds.items()
    assert list(df.label)==['cat','cat','dog','cat'] and len(said)==2
    assert str(said[0].message).startswith('No pictures in __MACOSX, cow: left out')
    for o in ('broken link: 1 (train/cat/gone.jpg)','no picture: 3 (models/x.pth; 1 .pth, 1 .txt, 1 .db)','in no split: 1 (models/5.jpg)','in no folder: 1 (cover.jpg)','without a label: 1 (train/6.jpg)'): assert o in str(said[1].message)

def test_links_to_folders(tmp_path):
    ds = put(tmp_path/'pets-new', 'cat/1.jpg', 'dog/2.jpg')
    put(tmp_path/'pets', '3.jpg')
    (ds.path/'cow').symlink_to('../pets')
    (ds.path/'cat'/'to-dog').symlink_to('../dog')
    (ds.path/'dog'/'to-cat').symlink_to('../cat')
    (tmp_path/'pets'/'top').symlink_to('..')
    assert ds.names()==['cat/1.jpg','cat/to-dog/2.jpg','cow/3.jpg','dog/2.jpg','dog/to-cat/1.jpg']

def test_what_a_dataset_is_of(tmp_path):
    ds = put(tmp_path/'a', 'train/cat/1.jpg', 'valid/cat/2.jpg')
    assert Dataset.of(ds.files()).path==ds.path==Dataset.of(ds).path==Dataset(ds).path
    assert Dataset.of(ds.path/'valid'/'cat').names()==['valid/cat/2.jpg']
    with pytest.raises(FileNotFoundError, match='no such file'): Dataset.of([ds.path/'train'/'cat'/'9.jpg'])
    with pytest.raises(FileNotFoundError, match='folder per class'): Dataset.of(tmp_path/'none')
    with pytest.raises(ValueError, match='from 2 datasets'): Dataset.of([*ds.files(), *put(tmp_path/'b', 'cat/1.jpg').files()])
    nested = put(tmp_path/'n', 'cat/1.jpg', 'cat/2023/2.jpg', 'dog/2024/3.jpg', 'dog/4.jpg', 'cover.jpg')
    assert Dataset.of([*nested.files(), nested.path/'cover.jpg']).path==nested.path==Dataset.of(nested.files()).path
    assert [(o.path,o.names()) for o in Dataset.around(map(str, [*ds.files(), *nested.files()[:1]]))]==[(ds.path,ds.names()),(nested.path,['cat/1.jpg'])]
    assert not Dataset.of([]).names() and not Dataset(ds.path, []).names()

def test_tables_say_sides_in_several_ways(tmp_path):
    ds = put(tmp_path, 'cat/1.jpg', 'dog/2.jpg', 'dog/3.jpg')
    df = pd.DataFrame(dict(file=ds.names(), label=[0,1,1.]))
    assert list(ds.items(df=df.assign(split=['Train','val',None])).split)==['train','valid',''] and list(ds.items(df=df).label)==['0','1','1']
    for col in (dict(is_valid=[1,0,'True']),dict(is_valid=['Yes',' no ','y']),dict(is_train=[0,1,False]),dict(isTrain=['n','1.0','FALSE']),dict(subset=['Validation Set','training','val']),{'data set':['valid','train','VALID']}):
        assert list(ds.items(df=df.assign(**col)).split)==['valid','train','valid'], col
    assert list(ds.items(df=df.assign(is_test=[1,0,0])).split)==['test','','']
    for col,said in (dict(split='holdout'),"split 'holdout'"),(dict(split=[0,1,2]),"split '0'"),(dict(is_valid=['1','2','0']),"is_valid '2'"),(dict(split='train', is_test=0),'leave one'):
        with pytest.raises(ValueError, match=said): ds.items(df=df.assign(**col))
    with pytest.warns(UserWarning, match='no label for 2 of 3'): assert len(ds.items(df=df.assign(label=['a',None,' '])))==1

def test_several_labels_are_for_another_kind_of_classifier(tmp_path):
    ds = put(tmp_path, 'cat/1.jpg', 'dog/2.jpg', 'hot dog/3.jpg', 'dog house/4.jpg', 'x/5.jpg')
    assert len(ds.items(df=ds.layout()))==5 # they are folders
    def table(*labels): return pd.DataFrame(dict(name=ds.names()[:len(labels)], label=labels))
    for o in (('meme','not meme'),('bear','polar bear'),('rose','water lily','tiger lily','sea rose'),('a, b','c')): assert sorted(ds.items(df=table(*o)).label)==sorted(o)
    for o in (('dog cat','cat','dog'),('cat|dog','cat','dog'),('cat, dog','cat','dog'),('bear','bear cub')):
        with pytest.raises(ValueError, match='one label a picture'): ds.items(df=table(*o))
    with pytest.raises(ValueError, match='several labels for cat/1.jpg'): ds.items(df=pd.DataFrame(dict(name=['cat/1.jpg']*2, label=['cat','dog'])))
    (tmp_path/'a.csv').write_text('name,label\ncat/1.jpg,cat,dog\n')
    with pytest.raises(ValueError, match='one label'): ds.items('a.csv')

def test_names_in_tables_are_met_halfway(tmp_path):
    ds = put(tmp_path, 'images/IMG_1.JPG', 'images/cafe\u0301.png', 'images/3.png', 'more/3.jpg', 'loose.jpg', 'more/4.webp')
    df = pd.DataFrame(dict(name=['img_1.jpg','images\\caf\u00e9','images/3','loose','more/4.gone',str(ds.path/'more'/'3.jpg')], label=list('abcdef')))
    with pytest.warns(UserWarning, match='1 of 6 files are gone and left out, the first is more/4.gone'): res = ds.items(df=df)
    assert {o.relative_to(ds.path).as_posix():k for o,k in zip(res.file, res.label)}=={'images/IMG_1.JPG':'a','images/cafe\u0301.png':'b','images/3.png':'c','loose.jpg':'d','more/3.jpg':'f'}
    with pytest.warns(UserWarning, match='1 of 2'): assert len(ds.items(df=pd.DataFrame(dict(name=['3','loose.jpg'], label=['a','b']))))==1 # two are called 3
    (tmp_path/'new').write_bytes(encode_image(draw_digit(9)))
    ds.moves.replace('images/3.png', tmp_path/'new', '60fd.jpg', 'turned', 'b')
    for c in 'cf': assert ds.items(df=df[df.label==c]).file[0].name==dict(c='60fd.jpg', f='3.jpg')[c]
    ds.moves.undo('b')
    assert ds.items(df=df[df.label=='c']).file[0].name=='3.png'

label = st.sampled_from(['NA','None','nan','01','1.0','True','0','-','<Keep>','été','cat, black','"q"',"o'x",'a;b','名前','=1+1','#x','a b','e\u0301']) | st.text(st.characters(exclude_categories=['Cs','Cc','Zl','Zp'], exclude_characters='/\\:*?"<>|.'), min_size=1, max_size=12)

@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(label.filter(lambda o: o.strip()), min_size=1, max_size=5), st.sampled_from([',',';','\t']), st.sampled_from(['utf-8','utf-8-sig','utf-16']))
def test_lists_give_back_any_label(tmp_path_factory, labels, sep, encoding):
    path = tmp_path_factory.mktemp('nasty')
    ds = put(path, *(f'img/{i}.jpg' for i in range(len(labels))))
    plain = [unicodedata.normalize('NFC', o).strip() for o in labels]
    df = pd.DataFrame(dict(name=ds.names(), label=labels))
    try: items = ds.items(df=df)
    except ValueError as e:
        assert 'several labels' in str(e)
        return
    assert list(items.label)==plain
    write_cleaned(path, items.assign(file=items.file.map(ds.rel)))
    assert list(ds.items('cleaned.csv').label)==plain
    (path/'l.csv').write_bytes(df.to_csv(sep=sep, index=False).encode(encoding))
    assert list(ds.items('l.csv').label)==plain

def test_names_of_classes_are_found_however_they_are_typed(tmp_path):
    ds = put(tmp_path, '1/a.jpg', 'cafe\u0301/b.jpg')
    for k in ('caf\u00e9','cafe\u0301'): assert list(ds.items(names={'1':'fire lily', k:'Café'}).label)==['fire lily','Café']

@pytest.mark.parametrize('at', range(12))
def test_an_undo_cut_short_anywhere_can_be_called_again(tmp_path, at, monkeypatch):
    ds = put(tmp_path, 'cat/1.jpg', 'cat/2.jpg', 'dog/3.jpg')
    (tmp_path/'list.csv').write_text('mine')
    def tree(): return {o.relative_to(tmp_path).as_posix():o.read_bytes() for o in tmp_path.rglob('*') if o.is_file() and '.quarantine' not in o.parts and o.suffix!='.new'}
    old = tree()
    (tmp_path/'x.new').write_bytes(b'upright')
    ds.moves.replace('cat/1.jpg', tmp_path/'x.new', '60fd.jpg', 'turned', 'b')
    ds.moves.move('cat/2.jpg', 'owl/2.jpg', '', 'b')
    ds.moves.make('list.csv', '', 'b')
    (tmp_path/'list.csv').write_text('new')
    with killed_at(monkeypatch, at, (Table,'append'),(os,'replace')): ds.moves.undo('b')
    if ds.moves.pending(): ds.moves.undo('b')
    assert tree()==old and not (tmp_path/'owl').exists()

def test_a_move_to_another_disk_is_a_copy(tmp_path, monkeypatch):
    ds = put(tmp_path, 'cat/1.jpg')
    real = os.replace
    def far(src, dst):
        if str(src).endswith('.tmp'): return real(src, dst)
        raise OSError(errno.EXDEV, 'Invalid cross-device link')
    monkeypatch.setattr(os, 'replace', far)
    b = (tmp_path/'cat'/'1.jpg').read_bytes()
    assert ds.moves.quarantine('cat/1.jpg', 'dark', '1')=='.quarantine/cat/1.jpg' and not ds.names()
    assert ds.undo()==1 and ds.files()[0].read_bytes()==b and not list(tmp_path.rglob('*.tmp'))

def test_a_journal_of_the_version_before_stops_nothing(tmp_path):
    ds = put(tmp_path, 'cat/1.png')
    rows = [('copy','cat/1.gif','.quarantine/cat/1.gif'),('convert','cat/1.gif','cat/1.png'),('back','cat/1.png','cat/1.gif'),('aside','a','b')]
    ds.moves.table.append(*[dict(batch='verify old'*(a[0]=='c'), action=a, src=s, dst=d) for a,s,d in rows])
    assert ds.undo()==0 and not ds.moves.pending() and ds.names()==['cat/1.png'] and not len(ds.manifest())

nasty = ['-rf', 'a\\b', 'a\nb', 'a\r\nb', '\r', '"', '""\n"', "it's, \"so\"", ' x ', 'NA', 'null', '#', '=1+1', '\ufeff', 'x'*251, 'ä'*125, '..', '%41', '\u2028', 'C:', '~']
words = st.one_of(st.sampled_from(nasty), st.text(st.characters(exclude_characters='/\0', exclude_categories=['Cs']), max_size=60))
pictures = words.map(lambda o: o.encode()[:251].decode(errors='ignore')+'.png')

@given(st.lists(st.tuples(words, words), max_size=5), st.integers(0, 40))
@settings(deadline=None)
def test_what_is_read_is_what_was_written(rows, cut):
    with tempfile.TemporaryDirectory() as d:
        rows,t = [dict(name=a, label=b) for a,b in rows],Table(Path(d)/'t.csv', ['name','label'])
        t.append(*rows)
        assert t.read().to_dict('records')==rows==pd.read_csv(t.fn, dtype=str, keep_default_na=False).to_dict('records')
        t.write(t.read())
        assert t.read().to_dict('records')==rows
        os.truncate(t.fn, max(len(t.head()), t.fn.stat().st_size-cut))
        t = Table(t.fn, t.cols)
        left = t.read().to_dict('records')
        assert left==rows[:len(left)] and (cut or left==rows)
        t.append(dict(name='new', label='\n'))
        assert t.read().to_dict('records')==[*left, dict(name='new', label='\n')]

@given(pictures, pictures, st.sampled_from(['cat','ca "t"\n','-']))
@example('a.png', 'a.png', 'cat')
@settings(deadline=None, max_examples=60)
def test_any_name_is_moved_and_comes_back(a, b, label):
    with tempfile.TemporaryDirectory() as d:
        ds,names = Dataset(d),{f'{label}/{a}',f'{label}/{b}'}-{f'{label}/..png'}
        for i,o in enumerate(sorted(names)):
            ds.moves.at(o).parent.mkdir(exist_ok=True)
            ds.moves.at(o).write_bytes(encode_image(draw_digit(i)))
        old = {o:ds.moves.at(o).read_bytes() for o in names}
        shown = {o for o in names if o.split('/')[1][0]!='.'}
        assert set(ds.names())==shown=={*ds.looks().file}
        for o in names: ds.moves.quarantine(o, 'a\n"reason"', '1')
        for o in names: ds.moves.move(f'.quarantine/{o}', f'dog/{o.split("/")[1]}', batch='2')
        assert not any(map(ds.moves.there, names))
        ds.undo()
        assert ds.undo()==len(names) and {o:ds.moves.at(o).read_bytes() for o in names}==old and not ds.moves.pending()

@pytest.mark.parametrize('name', ['a\\b.jpg','a\nb.jpg','-f "x".jpg','é'*125+'.jpg','x'*251+'.jpg'])
def test_damaged_files_with_such_names_are_put_away(tmp_path, name):
    ds = put(tmp_path, 'cat/1.jpg', 'dog/2.jpg')
    for o in (f'cat/{name}','dog/z.jpg'): (tmp_path/o).write_bytes(b'\xff\xd8 broken')
    assert set(verify_images(tmp_path).file)=={f'cat/{name}','dog/z.jpg'} and ds.undo()==2 and len(ds.names())==4
    assert len(verify_images(tmp_path))==2 and not len(verify_images(tmp_path))

def test_a_write_that_failed_halfway_leaves_no_half_row(tmp_path):
    t = Table(tmp_path/'t.csv', ['name','label'])
    t.append(dict(name='a', label='1'))
    with pytest.MonkeyPatch.context() as m:
        real = open
        def full(*args):
            with real(*args) as f: f.write(b'"half\na')
            raise OSError(errno.ENOSPC, 'No space left on device')
        m.setattr('builtins.open', full)
        with pytest.raises(OSError, match='t.csv could not be written .No space left'): t.append(dict(name='b', label='2'))
    t.append(dict(name='c', label='3'))
    assert list(t.read().name)==['a','c']

def odd_named(folder, name):
    "A picture whose name isn't UTF-8"
    fn = os.fsdecode(os.fsencode(folder)+b'/'+name)
    os.makedirs(os.path.dirname(fn), exist_ok=True)
    with open(fn, 'wb') as f: f.write(encode_image(draw_digit(7)))
    return fn

@pytest.mark.skipif(sys.platform!='linux', reason='other systems have no such names')
@pytest.mark.parametrize('name', [b'cat/caf\xe9.png',b'caf\xe9/1.png'])
def test_names_that_are_not_utf8(tmp_path, name):
    ds = put(tmp_path/'a', 'cat/1.png', 'dog/2.png')
    fn = odd_named(ds.path, name)
    df = pd.DataFrame(dict(name=['cat/1.png','dog/2.png',fn], label='a'), dtype=object) # pyarrow's strings hold no such names
    for f in (lambda: ds.looks().file, lambda: ds.layout().name, lambda: Dataset.of(map(ds.path.joinpath, df.name)).names(), lambda: ds.listed(df).name):
        assert list(f())==['cat/1.png','dog/2.png']
    for f in (ds.items,lambda: verify_images(ds)):
        with pytest.warns(UserWarning, match='not in UTF-8'): f()
    df = import_folder(ds.path, tmp_path/'b')
    assert list(df.status)==['ok']*2 and os.path.exists(fn) and all(map(str.isprintable, df.title))
    with pytest.raises(ValueError, match='rename the file'): ds.moves.quarantine(ds.rel(fn), 'dark')
    with pytest.raises(ValueError, match="can't be the name of a class"): check_label('caf\udce9')
    assert sayable(['ä','\udce9'][:1])==['ä']

def test_links_lead_to_the_same_file_wherever_they_go(tmp_path):
    ds = put(tmp_path/'a', 'cat/1.jpg', 'dog/2.jpg')
    put(tmp_path/'store', 'x/3.jpg', 'x/4.jpg')
    (ds.path/'cat'/'3.jpg').symlink_to('../../store/x/3.jpg')
    (ds.path/'cat'/'4.jpg').symlink_to(tmp_path/'store'/'x'/'4.jpg')
    os.link(ds.path/'cat'/'1.jpg', ds.path/'cat'/'hard.jpg')
    def leads(): return {o:((ds.path/o).resolve(),(ds.path/o).is_symlink(),(ds.path/o).read_bytes()) for o in ds.names()}
    old = leads()
    for o in old: ds.moves.quarantine(o, 'dark', '1')
    kept = ds.path/'.quarantine'/'cat'
    assert not ds.names() and (kept/'3.jpg').read_bytes()==old['cat/3.jpg'][2] and (kept/'4.jpg').is_symlink() and ds.undo()==5 and leads()==old
    ds.moves.move('cat/3.jpg', 'train/owl/3.jpg', batch='2')
    assert (ds.path/'train'/'owl'/'3.jpg').resolve()==old['cat/3.jpg'][0] and ds.undo()==1 and leads()==old
    ds.moves.move('cat/hard.jpg', 'cat/1.jpg', batch='3')
    assert (ds.path/'cat'/'1-1.jpg').samefile(ds.path/'cat'/'1.jpg') and ds.undo()==1 and leads()==old and (tmp_path/'store'/'x'/'3.jpg').exists()

def test_links_to_nothing_stay_where_they_are(tmp_path):
    ds = put(tmp_path/'a', 'cat/1.jpg', 'dog/2.jpg', 'dog/3.jpg')
    disk = put(tmp_path/'disk', 'x/4.jpg').path
    (ds.path/'cat'/'4.jpg').symlink_to(disk/'x'/'4.jpg')
    (ds.path/'owl').symlink_to(disk/'owl')
    assert not len(verify_images(ds)) and len(ds.looks())==4
    disk.rename(tmp_path/'unplugged')
    assert len(ds.looks())==3
    for f in (verify_images, Dataset.items, verify_images):
        with pytest.warns(UserWarning, match='broken link: .*cat/4.jpg'): f(ds)
    assert ds.moves.move('cat/1.jpg', 'cat/4.jpg', batch='1')=='cat/4-1.jpg' and ds.undo()==1
    with pytest.raises(OSError): ds.moves.move('cat/1.jpg', 'owl/1.jpg', batch='2')
    ds.undo()
    assert (ds.path/'owl').is_symlink() and (ds.path/'cat'/'1.jpg').exists()
    (tmp_path/'unplugged').rename(disk)
    assert len(ds.looks())==4 and not len(verify_images(ds))
    os.mkfifo(ds.path/'cat'/'pipe.jpg')
    with pytest.warns(UserWarning, match='cat/pipe.jpg'): assert not len(verify_images(ds))

@contextmanager
def nobody(*folders):
    "As somebody who may read `folders` and not write to them"
    for o in folders: o.chmod(0o555)
    if root := os.geteuid()==0: os.seteuid(65534)
    try: yield
    finally:
        if root: os.seteuid(0)
        for o in folders: o.chmod(0o755)

@pytest.fixture
def open_path():
    path = Path(tempfile.mkdtemp())
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)

@pytest.mark.skipif(os.name!='posix', reason='Windows has other rights')
def test_files_of_others(open_path):
    ds = put(open_path, 'cat/1.jpg', 'dog/2.jpg', 'dog/secret.jpg')
    for o in ('cat/z.jpg','dog/z.jpg'): (ds.path/o).write_bytes(b'\xff\xd8 broken')
    (ds.path/'cat'/'1.jpg').chmod(0o444)
    ds.moves.quarantine('cat/1.jpg', 'dark', '1')
    assert ds.undo()==1 and (ds.path/'cat'/'1.jpg').stat().st_mode&0o777==0o444
    for o in ds.path.rglob('*'): o.chmod(0o777 if o.is_dir() else 0o666)
    (ds.path/'dog'/'secret.jpg').chmod(0)
    with nobody(ds.path/'cat'), pytest.warns(UserWarning, match='dog/secret.jpg: Permission denied'): df = verify_images(ds.path)
    assert df.what.tolist()==['left','quarantined'] and 'Permission denied' in df.reason[0] and (ds.path/'cat'/'z.jpg').exists()
    assert verify_images(ds.path).file.tolist()==['cat/z.jpg'] and len(ds.names())==3

@pytest.mark.skipif(os.name!='posix', reason='Windows has other rights')
def test_a_dataset_that_can_only_be_read(open_path):
    ds = put(open_path, *[f'{c}/{i}.png' for c in ('cat','dog') for i in range(4)])
    want = ds.split(ds.items())
    for o in ('.looks.csv','split.csv'): (ds.path/o).unlink()
    with nobody(ds.path):
        for f in (ds.looks, lambda: duplicates(ds), ds.manifest): f()
        with pytest.warns(UserWarning, match='The split could not be noted'): assert list(ds.split(ds.items()).split)==list(want.split)
        for f in (lambda: verify_images(ds), lambda: ds.moves.quarantine('cat/0.png', 'dark')):
            with pytest.raises(OSError, match='Copy the dataset to a folder of yours'): f()
    assert len(ds.names())==8

far = Path('/dev/shm')
@pytest.mark.skipif(not os.access(far, os.W_OK) or far.stat().st_dev==os.stat(tempfile.gettempdir()).st_dev, reason='there is one disk only')
@pytest.mark.parametrize('cut', [None,'unlink','replace'])
def test_a_class_on_another_disk(tmp_path, cut, monkeypatch):
    with tempfile.TemporaryDirectory(dir=far) as d:
        put(Path(d), 'cat/1.jpg', 'cat/2.jpg')
        ds = put(tmp_path, 'dog/3.jpg')
        (tmp_path/'cat').symlink_to(Path(d)/'cat')
        os.link(Path(d)/'cat'/'1.jpg', Path(d)/'hard.jpg')
        old = {o:(tmp_path/o).read_bytes() for o in ds.names()}
        def killed(src, *args): raise Killed() if Path(src).name!='.1' else 0
        with monkeypatch.context() as m:
            if cut: m.setattr(os, cut, killed)
            try: ds.moves.quarantine('cat/1.jpg', 'dark', '1')
            except Killed: assert cut
        assert any((tmp_path/o/'cat'/'1.jpg').exists() for o in ('','.quarantine'))
        ds = Dataset(tmp_path)
        ds.undo()
        assert {o:(tmp_path/o).read_bytes() for o in ds.names()}==old and (Path(d)/'hard.jpg').exists()
        assert not [o for o in Path(d).rglob('.*')]

def same_but(a, b, new):
    "Let file `b` have the content `new`, and the time and size of `a`"
    b.write_bytes(new.ljust(a.st_size, b'\0'))
    os.utime(b, ns=(a.st_atime_ns,a.st_mtime_ns))

def test_what_was_seen_is_known_by_content(tmp_path):
    "Two files of one size and time are exchanged; another is copied over one, with its time"
    ds = put(tmp_path, 'cat/1.png', 'dog/2.png', 'dog/3.png')
    a,b,c = ds.files()
    for o in (a,b,c):
        o.write_bytes(o.read_bytes().ljust(20_000, b'\0'))
        os.utime(o, (1.7e9,1.7e9))
    old = ds.looks().set_index('file').sha256
    a.rename(tmp_path/'t')
    b.rename(a)
    (tmp_path/'t').rename(b)
    new = ds.looks().set_index('file').sha256
    assert new['cat/1.png']==old['dog/2.png'] and new['dog/2.png']==old['cat/1.png'] and new['dog/3.png']==old['dog/3.png']
    same_but(c.stat(), c, a.read_bytes())
    assert ds.looks().set_index('file').sha256['dog/3.png']==new['cat/1.png'] and not ds.unseen(ds.names())

def test_a_table_may_be_written_by_many(tmp_path):
    t,df = Table(tmp_path/'split.csv', ['name','label']),pd.DataFrame(dict(name=['a']*999, label='b'))
    with ThreadPoolExecutor(8) as ex: list(ex.map(lambda _: Table(t.fn, t.cols).write(df), range(60)))
    assert t.read().equals(df.astype(str)) and len(list(tmp_path.iterdir()))==1

def test_columns_of_others(tmp_path):
    "A table of an earlier version, in which somebody made notes"
    fn = tmp_path/'t.csv'
    fn.write_text('label,name,my notes\na,1,good\n')
    t = Table(fn, ['name','label','sha256'])
    t.append(dict(name='2', label='b', sha256='f00'))
    assert fn.read_text()=='label,name,my notes,sha256\na,1,good,\nb,2,,f00\n'
    t = Table(fn, t.cols[:2])
    t.write(t.read())
    assert t.read()['my notes'].tolist()==['good','']

adding = """import sys
from imgcls.dataset import Dataset
ds,me = Dataset(sys.argv[1]),sys.argv[2]
for i in range(150):
    ds.enter(dict(label=me, url=f'http://{me}/{i}', status='failed'), {})
    if i%5==0: ds.manifest()
    if i%10==0: ds.noted.append(dict(label=me, url=f'http://{me}/{i}', status='failed'))
"""
def test_processes_take_turns_at_the_manifest(tmp_path):
    ps = [subprocess.Popen([sys.executable, '-c', adding, str(tmp_path), o]) for o in 'abc']
    assert [o.wait(120) for o in ps]==[0]*3
    df = Dataset(tmp_path).manifest()
    assert df.groupby('label').url.nunique().tolist()==[150]*3 and len(df)==450

@pytest.mark.parametrize('at', range(8))
def test_a_list_is_there_at_any_time(tmp_path, at, monkeypatch):
    ds = put(tmp_path, 'cat/1.jpg')
    fn,t = tmp_path/'cleaned.csv',Table(tmp_path/'cleaned.csv', ['name','label'])
    fn.write_text('name,label\nmine,cat\n')
    with killed_at(monkeypatch, at, (Table,'append'),(os,'replace'),(os,'unlink'),(shutil,'copy2')):
        ds.moves.make('cleaned.csv', '', 'b')
        t.write(pd.DataFrame(dict(name=['new'], label='dog')))
    assert t.read().name[0] in ('mine','new')
    if ds.moves.pending(): ds.undo()
    assert fn.read_text()=='name,label\nmine,cat\n'

folders = words.filter(lambda o: o and o[0]!='.' and as_label(o)==o)

@given(st.sets(st.tuples(folders, pictures.filter(lambda o: o[0]!='.')), min_size=1, max_size=6))
@settings(deadline=None, max_examples=40)
def test_lists_say_what_folders_say(paths):
    with tempfile.TemporaryDirectory() as d:
        ds = put(Path(d), *[f'{a}/{b}' for a,b in sorted(paths)])
        want = ds.items()
        write_cleaned(d)
        assert ds.items('cleaned.csv')[['file','label']].equals(want[['file','label']]) and len(want)==len(paths)
        side = ds.split(want)
        assert dict(ds.sides.read()[['name','split']].values)==dict(side[['name','split']].values)
        c = Cleaning(d, vocab=['new'])
        for o in ds.names(): c.decide(o, '<Delete>' if 'a' in o else 'new')
        assert c.apply().done.all() and all(o.startswith('new/') for o in ds.names())
        c.undo()
        assert ds.items()[['file','label']].equals(want[['file','label']]) and ds.items('cleaned.csv').file.equals(want.file)

@pytest.mark.skipif(sys.platform!='linux', reason='other systems have no such names')
def test_names_that_are_no_text_are_left_out(tmp_path):
    ds = put(tmp_path, 'cat/1.jpg', 'dog/2.jpg')
    odd = os.fsencode(tmp_path)+b'/cat/caf\xe9.jpg'
    os.rename(tmp_path/'dog'/'2.jpg', odd)
    with pytest.warns(UserWarning, match=r'name not in UTF-8: 1 \(cat/caf\?.jpg\)'): assert ds.items().file.tolist()==[tmp_path/'cat'/'1.jpg']
