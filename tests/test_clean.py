"The cleaners without a browser: what their buttons do"
import io, os, re, shutil, subprocess, sys, time
import pandas as pd, pytest
from fastai.vision.all import ImageDataLoaders, Resize, resnet18, set_seed, vision_learner
from pathlib import Path
from PIL import Image
from imgcls.clean.widgets import ImageClassifierCleaner, ImageCleaner, ImageLabeler, Thumbs, caption, known, learner_home
from imgcls.learn.data import get_dls
from imgcls.clean.decisions import Cleaning
from imgcls.clean.shell import imgcls_clean
from imgcls.learn.probe import suggestions
from imgcls.learn.scores import scores
from imgcls.dataset import Dataset, unlabelled
from imgcls.sample import draw_digit
from imgcls.learn.train import get_learner

def write(path, n=60):
    for i in range(n):
        fn = path/('cat','dog','owl')[i%3]/f'{i:03}.png'
        fn.parent.mkdir(parents=True, exist_ok=True)
        draw_digit(i).resize((64,64)).save(fn)
    return path

def put_back(path):
    "All pictures in their places, nothing decided"
    for o in path.iterdir():
        if o.name in ('cat','dog','owl','.quarantine'): shutil.rmtree(o)
        elif o.suffix=='.csv' and o.name!='split.csv': o.unlink()
    write(path)

@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    path = write(tmp_path_factory.mktemp('clean')/'d')
    set_seed(42)
    return get_learner(get_dls(path, size=32, method='squish', bs=16, num_workers=0), 'small')

@pytest.fixture
def cleaner(trained):
    "A new cleaner on the same pictures, all of them in their places"
    put_back(trained.path)
    with trained.no_bar(): return ImageClassifierCleaner(trained)

def said(c): return c.said.value

def test_the_loops_of_fastai(cleaner):
    c,fns,path = cleaner,list(cleaner.fns),cleaner.cleaning.path
    assert len(fns)==60 and all(o.exists() for o in fns) and (c.delete(),c.change())==([],[])
    other = [next(o for o in ('cat','dog','owl') if o!=c.cards[i].row.label) for i in range(6)]
    for i in (0,3): c.cards[i].menu.value = '<Delete>'
    for i in (1,5): c.cards[i].menu.value = other[i]
    assert (c.delete(),c.change())==([0,3],[(1,other[1]),(5,other[5])])
    for i in c.delete(): c.fns[i].unlink()
    for i,cat in c.change(): shutil.move(str(c.fns[i]), path/cat)
    assert [o.exists() for o in fns[:7]]==[False,False,True,False,True,False,True] and all((path/other[i]/fns[i].name).exists() for i in (1,5))
    c.apply() # what is left of the decisions has no file any more, and harms nobody
    assert len(c.fns)==56 and len(Dataset(path).files())==58

def test_scores_that_are_there_are_not_made_again(trained, monkeypatch):
    with trained.no_bar(): df,fresh = scores(trained),ImageClassifierCleaner(trained)
    monkeypatch.setattr(type(trained), 'get_preds', lambda *args, **kwargs: pytest.fail('asked again'))
    c = ImageClassifierCleaner(trained, scores=df)
    assert c.df.equals(fresh.df) and c.fns==fresh.fns and c.cleaning.vocab==fresh.cleaning.vocab

def test_decisions_stay_through_every_menu(cleaner):
    c = cleaner
    c.cards[2].no.click()
    fn = c.cards[2].row.file
    for o in ('cat','All classes'): c.dd_cats.value = o
    for o in ('Look-alikes','Outliers','Highest loss'): c.dd_view.value = o
    for o in ('Valid','Train and valid'): c.dd_ds.value = o
    assert c.cards[2].row.file==fn and c.cards[2].menu.value=='<Delete>' and 'to delete <b>1</b>' in c.info.value
    c.cards[2].back.click()
    assert c.cards[2].menu.value=='<Keep>' and not c.cleaning.decisions and c.btn_apply.disabled

def test_next_notes_what_was_looked_at(cleaner):
    c = cleaner
    c.cards[0].no.click()
    c.next()
    assert c.page==1 and len(c.cleaning.decisions)==24 and list(c.cleaning.decisions.values()).count('<Keep>')==23
    c.new.value = True
    assert c.page==0 and len(c.rows)==36 and not set(c.rows.file)&set(c.cleaning.decisions)
    c.next()
    c.next()
    assert 'last page' in said(c) and len(c.cleaning.decisions)==60
    c.choose()
    assert 'Nothing to look at' in c.info.value and c.grid.children==()

def test_apply_undo_and_the_line_of_code(cleaner):
    c,old = cleaner,sorted(Dataset(cleaner.cleaning.path).files())
    c.cards[0].no.click()
    c.btn_apply.click()
    assert "get_dls(" in said(c) and 'size=32' in said(c) and 'cleaned.csv' in said(c) and len(c.rows)==59 and c.btn_apply.disabled and not c.btn_undo.disabled
    c.btn_undo.click()
    assert sorted(Dataset(c.cleaning.path).files())==old and len(c.rows)==60 and 'to delete <b>1</b>' in c.info.value and c.btn_undo.disabled

def test_a_double_click_is_one(cleaner):
    for _ in range(2): cleaner.btn_next.click()
    assert cleaner.page==1
    time.sleep(.31)
    cleaner.btn_next.click()
    assert cleaner.page==2

def test_a_late_click_means_the_picture_that_was_there(cleaner):
    card = cleaner.cards[0]
    fn = card.row.file
    cleaner.next()
    card.no.click()
    assert cleaner.cleaning.decisions[fn]=='<Delete>' and cleaner.delete()==[0]

def test_what_goes_wrong_is_said(cleaner, monkeypatch):
    c = cleaner
    fn = c.cleaning.path/c.cards[0].row.file
    fn.rename(fn.with_suffix('.away'))
    c.cards[0].no.click()
    assert 'role="alert"' in said(c) and 'no such picture' in said(c) and c.cards[0].menu.value=='<Keep>'

def test_a_class_is_never_html():
    rows = [dict(label='<b>cat</b>', pred='<i>', prob=.5, loss=1., split='train', why='<script>alert(1)</script>', file='a.png')]
    txt = caption(*known(pd.DataFrame(rows)))
    assert '&lt;b&gt;cat' in txt and not any(o in txt for o in ('<b>','<i>','<script'))

def test_pairs(tmp_path):
    write(tmp_path/'d', 12)
    for i in (0,3): shutil.copy(tmp_path/'d'/'cat'/f'{i:03}.png', tmp_path/'d'/'dog'/f'copy{i}.png')
    shutil.copy(tmp_path/'d'/'cat'/'000.png', tmp_path/'d'/'owl'/'again.png')
    c = ImageCleaner(tmp_path/'d', duplicates=True, max_n=5)
    assert len(c.rows)==6 and c.max_n==4 and len(c.grid.children)==2 and '3 pairs' in c.info.value
    assert [o.row.file for o in c.shown()]==['cat/000.png','dog/copy0.png','cat/000.png','owl/again.png']
    c.cards[0].no.click()
    assert c.cards[2].menu.value=='<Delete>' # the same picture, twice on the page
    c.apply()
    assert '2 pairs' in c.info.value and not (tmp_path/'d'/'cat'/'000.png').exists()

@pytest.fixture
def waiting(tmp_path):
    (tmp_path/unlabelled).mkdir()
    for i in range(5): draw_digit(i).resize((64,64)).save(tmp_path/unlabelled/f'{i} ü.png')
    return tmp_path

def typed(c, *values):
    for o in values: c.keys.value = o
    return [c.cleaning.decisions.get(f'{unlabelled}/{i} ü.png') for i in range(5)]

def test_keys(waiting):
    c = ImageLabeler(waiting, ['cat','dog','owl'])
    assert [o for o in c.shown() if 'imgcls-here' in o.box._dom_classes]==c.cards[:1]
    assert typed(c, '1', '13')[:3]==['cat','owl',None]
    assert typed(c, '1', '12')[:3]==['cat','dog',None]
    assert typed(c, '12 0')==['cat','dog',None,'<Delete>',None] # a space skips
    assert typed(c, '12 09x1')==['cat','dog',None,'<Delete>','cat'] # keys that mean nothing do nothing
    assert typed(c, '')==[None]*5
    c.cards[1].labels['owl'].click()
    assert typed(c, '11')==['cat','owl','cat',None,None] # what a button has decided is passed over
    c.apply()
    assert (waiting/'cat'/'0 ü.png').exists() and (waiting/'owl'/'1 ü.png').exists() and len(c.rows)==2 and c.keys.value==''
    c.undo()
    assert len(list((waiting/unlabelled).iterdir()))==5 and not (waiting/'owl').exists()

def test_a_full_page_turns(waiting):
    c = ImageLabeler(waiting, ['cat','dog'], max_n=2)
    c.keys.value = '12'
    assert c.page==1 and c.turn() is c.cards[0]
    assert typed(c, '122')==['cat','dog','dog',None,None] and typed(c, '12')[2]==None
    c.next()
    assert c.page==2 and c.keys.value=='' and typed(c, '1')[4]=='cat'

def test_labels_need_classes(waiting):
    with pytest.raises(ValueError, match='say which classes'): ImageLabeler(waiting)
    many = ImageLabeler(waiting, [f'class {i}' for i in range(30)])
    assert not many.cards[0].labels and len(many.cards[0].menu.options)==32

def test_a_model_guesses_first(waiting, trained):
    c = ImageLabeler(waiting, ['cat','other'], trained)
    probs = [o.row.prob for o in c.shown()]
    assert probs==sorted(probs, reverse=True) and all(o.proposal in ('cat','') for o in c.shown())
    assert all(('imgcls-proposes' in o.box._dom_classes)==(o.row.pred=='cat') for o in c.shown())

def test_thumbnails_are_made_once_and_anew_when_the_picture_changes(tmp_path, monkeypatch):
    fn = tmp_path/'a.jpg'
    Image.new('RGB', (2000,500), 'red').save(fn)
    t = Thumbs(tmp_path, 100)
    b = t.one('a.jpg')
    assert Image.open(io.BytesIO(b)).size==(100,25) and t.one('a.jpg')==b
    monkeypatch.setattr('imgcls.clean.widgets.thumb', lambda *args: b'new')
    assert t.one('a.jpg')==b
    os.utime(fn, ns=(1,1))
    assert t.one('a.jpg')==b'new'

def test_what_can_not_be_read_has_a_thumbnail(tmp_path):
    (tmp_path/'a.jpg').write_text('no picture')
    t = Thumbs(tmp_path, 100)
    for o in ('a.jpg','gone.jpg'): assert Image.open(io.BytesIO(t.one(o))).size==(100,100)

@pytest.mark.parametrize('ext', ['jpg','png','webp','tif'])
@pytest.mark.parametrize('turn', [3,6,8])
def test_thumbnails_are_upright_whatever_the_camera_noted(tmp_path, ext, turn):
    "As a viewer shows the photo, also one that `verify_images` has never seen"
    im = Image.new('RGB', (200,100), 'white')
    im.paste((255,0,0), (0,0,20,20)) # a corner that is red
    ex = Image.Exif()
    ex[274] = turn
    im.save(tmp_path/f'a.{ext}', exif=ex)
    got = Image.open(io.BytesIO(Thumbs(tmp_path, 100).one(f'a.{ext}')))
    corner = {3:(-1,-1), 6:(-1,0), 8:(0,-1)}[turn]
    at = [(2,n-3)[o] for o,n in zip(corner, got.size)]
    assert got.size==((100,50) if turn==3 else (50,100)) and got.getpixel(tuple(at))[1]<90

def test_a_page_speaks_no_machine(tmp_path, monkeypatch):
    "No numbers of errors, no names of classes without a word on what to do; what can't be written is named"
    c = ImageCleaner(draw(tmp_path, 4, 'ant','bee'))
    c.cards[0].no.click()
    for e,said in {PermissionError(13, 'Permission denied', 'x/cleaned.csv'):'Permission denied: x/cleaned.csv', KeyError('twin'):'What was decided so far is on disk', RuntimeError('CUDA out of memory'):'CUDA out of memory'}.items():
        def broken(*args, **kwargs): raise e
        monkeypatch.setattr(Cleaning, 'apply', broken)
        c.last = None,0
        c.btn_apply.click()
        assert said in said_plainly(c) and 'Errno' not in said_plainly(c) and 'role="alert"' in c.said.value

def said_plainly(c): return re.sub('<[^>]+>', '', c.said.value)

def test_thumbnails_write_nothing(tmp_path):
    draw_digit(1).save(tmp_path/'a.png')
    t = Thumbs(tmp_path, 100)
    assert t.one('a.png')==t.one('a.png') and [o.name for o in tmp_path.iterdir()]==['a.png']

def test_a_learner_that_is_all_fastai(tmp_path, monkeypatch):
    path = write(tmp_path/'data'/'d', 24)
    learn = vision_learner(ImageDataLoaders.from_folder(path, valid_pct=.25, seed=1, item_tfms=Resize(32), bs=8, num_workers=0), resnet18, pretrained=False)
    with learn.no_bar(): c = ImageClassifierCleaner(learn, max_n=10)
    assert len(c.rows)==24 and len(c.cards)==10 and Path(c.cleaning.path).samefile(path)
    c.dd_view.value = 'Look-alikes'
    c.dd_view.value = 'Wrong labels?'
    c.cards[0].no.click()
    assert c.apply().done.all() and len(Dataset(path).files())==23

def by_name(path, **kwargs):
    def odd(name): return bool(int(Path(name).stem)%2)
    return ImageDataLoaders.from_name_func(path, sorted(path.glob('*.png')), odd, **kwargs)
def by_folder(path, **kwargs): return ImageDataLoaders.from_folder(path, **kwargs)
def by_block(path, **kwargs):
    from fastai.vision.all import CategoryBlock, DataBlock, ImageBlock, RandomSplitter, get_image_files, parent_label
    blk = DataBlock((ImageBlock,CategoryBlock), get_items=get_image_files, get_y=parent_label, splitter=RandomSplitter(.25, 42), item_tfms=Resize(32))
    return blk.dataloaders(path, bs=8, num_workers=0)

@pytest.mark.parametrize('make,classes', [(by_name,['']),(by_folder,['ant','bee']),(by_block,['ant','bee']),(by_folder,['train/ant','train/bee'])])
def test_where_a_learners_dataset_is(tmp_path, make, classes):
    "Its folder is found, whether it is flat, or has splits, or was not said to the learner"
    path = draw(tmp_path/'d', 16, *classes)
    kwargs = {} if make==by_block else dict(valid_pct=.25, seed=1, item_tfms=Resize(32), bs=8, num_workers=0)
    assert learner_home(vision_learner(make(path, **kwargs), resnet18, pretrained=False), sorted(path.rglob('*.png'))).samefile(path)

def test_pages_are_quick(tmp_path):
    write(tmp_path/'d', 60)
    for i in range(3000): os.link(tmp_path/'d'/('cat','dog','owl')[i%3]/f'{i%60//3*3+i%3:03}.png', tmp_path/'d'/'cat'/f'many{i}.png')
    c = ImageCleaner(tmp_path/'d')
    t = time.perf_counter()
    for _ in range(3): c.next()
    assert (time.perf_counter()-t)/3<1 and len(c.rows)==3060

# What went wrong once

def draw(path, n, *classes):
    for i in range(n):
        (fn := path/classes[i%len(classes)]/f'{i:02d}.png').parent.mkdir(parents=True, exist_ok=True)
        draw_digit(i).save(fn)
    return path

def text(o): return re.sub('<[^>]+>', '', f'{o.info.value} {o.said.value}')

def test_undo_without_a_label(tmp_path):
    "What is taken back is undecided again, not kept"
    lab = ImageLabeler(draw(tmp_path, 3, '.unlabelled'), ['cat','dog'])
    lab.cards[0].labels['cat'].click()
    lab.cards[0].back.click()
    assert not lab.cleaning.decisions and '0 looked at' in text(lab)
    for o in ('1','12','1','11'): lab.keys.value = o
    assert lab.cleaning.decisions=={'.unlabelled/00.png':'cat', '.unlabelled/01.png':'cat'}

def test_keys_faster_than_pages(tmp_path):
    "The browser sends all of its text, whatever page we are on by now"
    lab = ImageLabeler(draw(tmp_path, 9, '.unlabelled'), ['cat','dog'], max_n=4)
    for o in ('121','121221','121221212'): lab.keys.value = o
    assert list(lab.cleaning.decisions.values())==['cat' if o=='1' else 'dog' for o in '121221212'] and lab.page==2

def test_decisions_for_other_classes(tmp_path):
    "A decision for a class that this widget doesn't offer is no reason not to open"
    Cleaning(draw(tmp_path, 4, 'ant','bee'), vocab=['ant','bee','cat']).decide('ant/00.png', 'cat')
    c = ImageCleaner(tmp_path)
    assert 'to relabel 1' in text(c) and len(c.shown())==4

def test_counts_after_undo(tmp_path):
    c = ImageCleaner(draw(tmp_path, 6, 'ant','bee'))
    c.cards[0].menu.value = 'bee'
    c.apply()
    c.undo()
    assert '6 pictures · 1 looked at · to delete 0 · to relabel 1' in text(c)

def test_words(tmp_path):
    "What is said below the buttons is about what was just done"
    c = ImageCleaner(draw(tmp_path, 6, 'ant','bee'), max_n=4)
    c.next()
    c.next()
    assert 'last page' in text(c)
    c.back()
    assert 'last page' not in text(c)
    assert not len(c.apply()) and '0.0' not in text(c)
    append = c.cleaning.journal.append
    def no(*_): raise PermissionError(13, 'Permission denied')
    c.cleaning.journal.append = no
    c.safely(c.next)
    c.cards[0].no.click()
    assert 'role="alert"' in c.said.value and '[Errno' not in text(c)
    c.cleaning.journal.append = append
    c.cards[0].no.click()
    assert 'to delete 1' in text(c) and 'role="alert"' not in c.said.value

@pytest.fixture
def learn(trained):
    put_back(trained.path)
    draw(trained.path, 6, unlabelled)
    with trained.no_bar(): yield trained
    shutil.rmtree(trained.path/unlabelled)

def test_guesses_stay_with_their_pictures(learn):
    path = learn.path
    by = suggestions(learn, sorted((path/'.unlabelled').iterdir()))
    by = dict(zip([o.name for o in by.file], by.prob))
    for c in (ImageClassifierCleaner(learn), ImageLabeler(path, learn=learn)):
        if isinstance(c, ImageClassifierCleaner): c.dd_view.value = 'No label yet'
        assert {o.file.rpartition('/')[2]:o.prob for o in c.rows.itertuples()}==pytest.approx(by)
        assert list(c.rows.prob)==sorted(by.values(), reverse=True) # the surest first

def test_no_picture_among_the_unlabelled(learn, tmp_path):
    draw(tmp_path, 3, '.unlabelled')
    (tmp_path/'.unlabelled'/'x.jpg').write_text('no picture')
    assert len(ImageLabeler(tmp_path, learn=learn).shown())==4
    path = learn.path
    shutil.copy(tmp_path/'.unlabelled'/'x.jpg', path/'.unlabelled')
    c = ImageClassifierCleaner(learn)
    c.dd_view.value = 'No label yet'
    assert len(c.rows)==7 and not c.said.value

@pytest.fixture
def sheet(tmp_path, monkeypatch):
    "A dataset in the working folder, and what writes decisions about it"
    write(tmp_path/'d', 12)
    monkeypatch.chdir(tmp_path)
    def fill(rows, sep=',', code='utf-8', name='t.csv'):
        lines = ['file;label;decision'.replace(';', sep), *(sep.join([f,'x',o]) for f,o in rows)]
        (tmp_path/name).write_bytes('\r\n'.join(lines).encode(code))
        return name
    return fill

def files(path='d'): return sorted(Dataset(path).files())

@pytest.mark.parametrize('sep,code', [(',','utf-8'),(';','cp1252'),('\t','utf-16')])
def test_decisions_come_back_from_a_spreadsheet(sheet, capsys, sep, code):
    shutil.move('d/dog', 'd/caf\xe9')
    old = files()
    t = sheet([('d/cat/000.png','caf\xe9'),('owl/002.png',' Delete '),(str(Path('d/owl/005.png').absolute()),'<Keep>'),('cat/003.png',''),('gone.png','')], sep, code)
    imgcls_clean('d', t, dry_run=True)
    assert files()==old and 'nothing was moved' in capsys.readouterr().out
    imgcls_clean('d', t)
    out = capsys.readouterr().out
    assert '2 of 2 done' in out and '--undo' in out and 'why' not in out
    assert Path('d/caf\xe9/000.png').exists() and Path('d/.quarantine/owl/002.png').exists() and Path('d/owl/005.png').exists()
    assert Cleaning('d').decisions['owl/005.png']=='<Keep>'
    imgcls_clean('d')
    assert 'Nothing to change' in capsys.readouterr().out
    imgcls_clean('d', undo=True)
    assert files()==old and capsys.readouterr().out.endswith('were: 2\n')

@pytest.mark.parametrize('row,said', [(('cat/000.png','dgo'),"decision='dgo': wanted one of <Keep>, <Delete>, cat, dog, owl"),(('cat/gone.png','dog'),'cat/gone.png: no such picture'),
    (('../out.png','dog'),'no such picture'),(('006.png','dog'),'Is it cat/006.png?'),(('cat/003.png','owl'),'cat/003.png has two decisions: dog and owl')])
def test_a_wrong_row_stops_all_of_them(sheet, row, said):
    old = files()
    with pytest.raises(SystemExit, match=re.escape(said)): imgcls_clean('d', sheet([('cat/003.png','dog'),row]))
    assert files()==old and not Cleaning('d').decisions

def test_tables_that_are_none(sheet):
    Path('u.csv').write_text('file,label\ncat/000.png,dog')
    with pytest.raises(SystemExit, match='no column decision'): imgcls_clean('d', 'u.csv')
    with pytest.raises(SystemExit, match='imgcls-clean: .*no.csv'): imgcls_clean('d', 'no.csv')
    with pytest.raises(SystemExit, match='e is no folder'): imgcls_clean('e')
    imgcls_clean('d', sheet([]))

def test_in_a_shell_with_several_tables(sheet):
    ask = [Path(sys.executable).parent/'imgcls-clean','d',sheet([('cat/000.png','dog')]),sheet([('cat/003.png','owl')], name='u.csv'),'--dry-run']
    out = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    for was,now in (('cat/000','dog/000'),('cat/003','owl/003')): assert re.search(rf'{was}\.png +cat +\w+ +{now}\.png', out)

def test_a_class_may_be_called_delete(sheet):
    shutil.move('d/owl', 'd/delete')
    imgcls_clean('d', sheet([('cat/000.png','delete'),('cat/003.png','<Delete>')]))
    assert Path('d/delete/000.png').exists() and Path('d/.quarantine/cat/003.png').exists()

def test_what_could_not_be_done_is_said_by_the_exit_code(sheet, capsys):
    t = sheet([('cat/000.png','dog'),('cat/003.png','dog')])
    Cleaning('d').decide('cat/000.png', 'dog')
    Image.new('RGB', (9,9)).save('d/cat/000.png') # another picture under the same name
    with pytest.raises(SystemExit, match='1'): imgcls_clean('d')
    assert 'why' in capsys.readouterr().out and Path('d/cat/000.png').exists()
    imgcls_clean('d', t)
    assert Path('d/dog/000.png').exists() and Path('d/dog/003.png').exists()
