"Cleaning without a browser: what is decided is done, can be taken back, and survives whatever happens in between"
import os, re, shutil, signal, subprocess, sys, tempfile, time
import pandas as pd, pytest
from concurrent.futures import ThreadPoolExecutor
from hypothesis import given, settings, strategies as st
from pathlib import Path
from imgcls.clean.decisions import Cleaning, as_text, views, write_cleaned
from imgcls.dataset import Dataset, Moves, Table, manifest_cols, unlabelled
from imgcls.sample import draw_digit
from killed import killed_at

odd = f'name  with  spaces, ünïcode {"x"*150}.png'
long = 'y'*251+'.png'
files = [f'cat/{o}.png' for o in range(4)] + [f'dog/{o}.png' for o in range(3)] + [f'cat/{odd}', f'dog/{odd}', f'cat/{long}', f'dog/{long}', f'{unlabelled}/0.png', f'{unlabelled}/z.png']
whats = ['<Keep>','<Delete>','cat','dog','owl']

def make(path, listed=False):
    "A small dataset in `path`, every file with a content of its own, and a manifest"
    for i,f in enumerate(files):
        (path/f).parent.mkdir(parents=True, exist_ok=True)
        (path/f).write_bytes(f'picture {i}'.encode())
    Table(path/'manifest.csv', manifest_cols).append(*[dict(file=f, label=Path(f).parent.name.replace(unlabelled, ''), url=f'http://a/{i}', status='ok') for i,f in enumerate(files)])
    if listed: write_cleaned(path)
    return path

def tree(path, skip=('decisions.csv',)):
    "Everything but quarantine and journal: files with their bytes, folders with None"
    here = [o for o in path.rglob('*') if '.quarantine' not in o.parts and o.name not in skip and o.suffix!='.tmp']
    return {o.relative_to(path).as_posix():o.read_bytes() if o.is_file() else None for o in here}

def contents(path): return sorted(o.read_bytes() for o in path.rglob('*.png'))
def fresh(path): return Cleaning(path, vocab=['cat','dog','owl'])

@pytest.fixture
def data(tmp_path): return make(tmp_path/'data')

@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(files), st.sampled_from(whats)), max_size=20), st.booleans())
def test_apply_and_undo_give_back_the_same_tree(todo, listed):
    with tempfile.TemporaryDirectory() as tmp:
        path = make(Path(tmp)/'data', listed)
        c = fresh(path)
        for f,what in todo: c.decide(f, what)
        old,decided,plan = tree(path),dict(c.decisions),c.plan()
        done = c.apply()
        assert done.done.all() and list(done.to)==list(plan.to) and not len(c.plan())
        assert contents(path)==sorted(f'picture {i}'.encode() for i in range(len(files)))
        here = {o.relative_to(path).as_posix() for o in Dataset(path).files()}
        assert set(pd.read_csv(path/'cleaned.csv').name)==here
        m = Dataset(path).manifest()
        assert all((path/f).exists() for f in m.file) and {f for f,s in zip(m.file, m.status) if s=='quarantined'}=={o for o in done.to if o[0]=='.'}
        c.undo()
        assert tree(path)==old and {k:v for k,v in c.decisions.items() if (path/k).exists()}==decided
        assert list(c.plan().to)==list(plan.to)

at = st.integers(0, 30)
op = st.one_of(st.tuples(st.just('decide'), at, st.sampled_from(whats)), st.tuples(st.just('forget'), at), *[st.just((o,)) for o in ('apply','undo','open')])
@settings(max_examples=60, deadline=None)
@given(st.lists(op, max_size=30))
def test_any_history_can_be_taken_back(ops):
    with tempfile.TemporaryDirectory() as tmp:
        path = make(Path(tmp)/'data')
        old,c = tree(path),fresh(path)
        for o,*args in ops:
            here = sorted([*Dataset(path).files(), *(path/unlabelled).glob('*.png')])
            if o=='open': c = fresh(path)
            elif o=='decide' and here: c.decide(here[args[0]%len(here)], args[1])
            elif o=='forget' and here: c.forget(here[args[0]%len(here)])
            elif o in ('apply','undo'): getattr(c, o)()
            assert fresh(path).decisions==c.decisions
            assert contents(path)==sorted(f'picture {i}'.encode() for i in range(len(files)))
        while len(Moves(path).pending('clean ')): c.undo()
        assert tree(path)==old and c.undo()==[]

def test_a_taken_name_gets_a_suffix_and_nothing_is_overwritten(data):
    c = fresh(data)
    for f in (f'cat/{odd}', f'cat/{long}', 'cat/0.png'): c.decide(f, 'dog')
    done = c.apply()
    assert list(done.to)==[f'dog/{odd[:-4]}-1.png', f'dog/{"y"*249}-1.png', 'dog/0-1.png'] and contents(data)==contents(make(data.parent/'again'))

def test_a_file_that_is_gone_is_said_and_stops_nothing(data):
    c = fresh(data)
    for f in ('cat/0.png','cat/2.png'): c.decide(f, '<Delete>')
    (data/'cat'/'0.png').unlink()
    done = c.apply()
    assert dict(zip(done.file, done.why))=={'cat/0.png':'the file is gone', 'cat/2.png':''} and not c.plan().file.tolist()

def test_what_can_not_be_moved_stays_on_the_list(data, monkeypatch):
    c,move = fresh(data),Moves.move
    for f in ('cat/0.png','cat/2.png'): c.decide(f, '<Delete>')
    def broken(self, src, *args, **kwargs):
        if src=='cat/0.png': raise PermissionError(13, 'Permission denied')
        return move(self, src, *args, **kwargs)
    with monkeypatch.context() as m:
        m.setattr(Moves, 'move', broken)
        done = c.apply()
    assert list(done.why)==['Permission denied',''] and list(c.plan().file)==['cat/0.png']==list(fresh(data).plan().file)
    assert c.apply().done.all() and len(c.undo())==1 and len(c.undo())==1

def test_what_was_done_is_told_apart_from_what_was_not(data):
    fns = [f'cat/{i}.png' for i in range(4)]
    df = pd.DataFrame(dict(file=[data/o for o in fns], label='cat', pred='cat', loss=[4.,3,2,1]))
    c = Cleaning(data, df, ['cat','dog'])
    for o in fns: c.decide(o, 'dog')
    (data/fns[0]).unlink()
    c.apply()
    assert [(o.file,o.loss) for o in c.view('loss').itertuples()]==[('dog/1-1.png',3.),('dog/2-1.png',2.),('dog/3.png',1.)]
    c.undo()
    assert [(o.file,o.loss) for o in c.view('loss').itertuples()]==[(fns[1],3.),(fns[2],2.),(fns[3],1.)]

def test_a_first_label_is_in_the_manifest(data):
    c = fresh(data)
    c.decide(f'{unlabelled}/z.png', 'owl')
    c.apply()
    assert Dataset(data).manifest().set_index('file').label['owl/z.png']=='owl'

def test_the_working_folder_may_change(data, monkeypatch):
    monkeypatch.chdir(data.parent)
    c = Cleaning('data')
    monkeypatch.chdir('/')
    c.decide('cat/0.png', '<Delete>')
    assert c.apply().done.all() and repr(c).endswith('0 to keep, 0 to delete, 0 to relabel')

def test_a_dry_run_moves_nothing(data):
    c = fresh(data)
    c.decide('cat/0.png', 'dog')
    old = tree(data)
    assert list(c.apply(dry_run=True)[['to','done']].iloc[0])==['dog/0-1.png',False] and tree(data)==old and len(c.plan())==1

def test_apply_twice_is_apply_once(data):
    c = fresh(data)
    c.decide('cat/0.png', '<Delete>')
    assert (len(c.apply()),len(c.apply()),len(c.undo()),len(c.undo()))==(1,0,1,0)

def test_two_applies_are_undone_one_by_one(data):
    write_cleaned(data)
    old,c = tree(data),fresh(data)
    for f in ('cat/0.png','cat/2.png'):
        c.decide(f, '<Delete>')
        c.apply()
    assert (c.undo(),c.undo())==(['cat/2.png'],['cat/0.png']) and tree(data)==old

def test_your_own_cleaned_csv_comes_back(data):
    (data/'cleaned.csv').write_text('name,label,note\ncat/0.png,cat,"mine, by hand"\n')
    old,c = tree(data),fresh(data)
    c.decide('cat/1.png', 'dog')
    c.apply()
    assert 'by hand' not in (data/'cleaned.csv').read_text()
    c.undo()
    assert tree(data)==old

def test_undo_refuses_to_push_a_file_aside(data):
    c = fresh(data)
    for f in ('cat/0.png','cat/1.png'): c.decide(f, '<Delete>')
    c.apply()
    (data/'cat'/'0.png').write_text('mine')
    old = tree(data)
    with pytest.raises(FileExistsError, match='Move it away'): c.undo()
    assert tree(data)==old
    (data/'cat'/'0.png').rename(data/'mine.png')
    assert sorted(c.undo())==['cat/0.png','cat/1.png']

def test_undo_last_brings_decisions_back_too(data):
    c = fresh(data)
    c.decide('cat/0.png', 'dog')
    c.apply()
    Dataset(data).undo()
    assert list(fresh(data).plan().file)==['cat/0.png']

def test_two_kernels_share_a_journal(data):
    a,b = fresh(data),fresh(data)
    a.decide('cat/0.png', '<Delete>')
    b.decide('cat/1.png', '<Delete>')
    assert set(a.apply().file)=={'cat/0.png','cat/1.png'} and len(b.apply())==0 and not len(b.plan())

def test_applies_at_once(data):
    for f in files: fresh(data).decide(f, 'owl')
    with ThreadPoolExecutor(8) as ex: done = list(ex.map(lambda _: fresh(data).apply(), range(8)))
    assert sorted(len(o) for o in done)==[0]*7+[len(files)] and all(o.done.all() for o in done)
    assert len(fresh(data).undo())==len(files)

def test_a_new_class_folder_goes_with_undo(data):
    old,c = tree(data),fresh(data)
    c.decide(f'{unlabelled}/z.png', 'owl')
    c.apply()
    assert (data/'owl'/'z.png').exists() and c.label_of('owl/z.png')=='owl'
    c.undo()
    assert tree(data)==old

@pytest.mark.parametrize('bad,said', [('cat/none.png','no such picture'), ('/etc/hostname','no such picture'), ('../data/cat/0.png','no such picture')])
def test_what_is_not_in_the_dataset(data, bad, said):
    with pytest.raises(FileNotFoundError, match=said): fresh(data).decide(bad, '<Delete>')

def test_bad_input_is_said(data):
    with pytest.raises(ValueError, match="'lynx': wanted"): fresh(data).decide('cat/0.png', 'lynx')
    with pytest.raises(ValueError, match='vocab='): Cleaning(data, ['cat','dog'])
    with pytest.raises(TypeError, match='list of labels'): Cleaning(data, vocab='cat')
    with pytest.raises(TypeError, match='in a loop'): fresh(data).decide(['cat/0.png'], '<Delete>')
    for o in ('',None):
        with pytest.raises(ValueError, match='takes a decision back'): fresh(data).decide('cat/0.png', o)
    with pytest.raises(FileNotFoundError, match='no such picture in the class folders'): fresh(data).decide('manifest.csv', '<Delete>')
    with pytest.raises(ValueError, match='wanted one of cat'): fresh(data).view('all', label='lynx')
    with pytest.raises(ValueError, match='without label'): Cleaning(data, pd.DataFrame(dict(file=['cat/0.png'])))
    with pytest.raises(FileNotFoundError, match='another dataset'): Cleaning(data/'cat', pd.DataFrame(dict(file=[data/'dog'/'0.png'], label='dog')))
    with pytest.raises(ValueError, match='be the name of a class'): Cleaning(data, vocab=['../cat'])
    with pytest.raises(ValueError, match='needs what a model thinks'): fresh(data).view('loss')
    with pytest.raises(ValueError, match='wanted one of'): fresh(data).view('worst')

def test_a_folder_that_can_only_be_read(data, monkeypatch):
    c = fresh(data)
    def broken(*args): raise PermissionError(13, 'Read-only file system')
    monkeypatch.setattr(Table, '_mend', broken)
    with pytest.raises(PermissionError, match='Copy the dataset'): c.decide('cat/0.png', '<Delete>')
    assert not c.decisions

# What a kill leaves behind

clicks = '''
import sys
from imgcls.clean.decisions import Cleaning
c = Cleaning(sys.argv[1], vocab=['cat','dog','owl'])
for i in range(10**6):
    f,what = sys.argv[3+i%(len(sys.argv)-3)],['<Delete>','owl','<Keep>',''][i%4]
    c.decide(f, what) if what else c.forget(f)
    print(i, f, what, sep='|', flush=True)
    if sys.argv[2]=='apply' and i%7==6: c.apply(), c.undo()
'''

@pytest.mark.parametrize('how', ['decide','apply'])
def test_the_journal_survives_kill(data, how):
    old = tree(data)
    with subprocess.Popen([sys.executable, '-c', clicks, data, how, *files[:5]], stdout=subprocess.PIPE, text=True) as p:
        lines = [p.stdout.readline() for _ in range(40)]
        time.sleep(.013)
        p.send_signal(signal.SIGKILL)
        lines += p.stdout.readlines()
    c,said = fresh(data),{}
    for l in lines:
        if l.endswith('\n') and l.count('|')==2: said[l.split('|')[1]] = l[:-1].split('|')[2]
    said = {k:v for k,v in said.items() if v}
    late = [k for k in files[:5] if c.decisions.get(k, '')!=said.get(k, '')]
    assert len(late)<=1 or how=='apply' # one more click may have been on its way when the kill came
    while Moves(data).pending('clean '): c.undo()
    assert contents(data)==sorted(f'picture {i}'.encode() for i in range(len(files))) and (tree(data)==old or how=='decide')

@pytest.mark.parametrize('at', range(12))
def test_an_apply_cut_short_anywhere(data, at, monkeypatch):
    old,c = tree(data),fresh(data)
    for f,what in zip(files[:4]+files[-1:], ['<Delete>','dog','owl','<Keep>','owl']): c.decide(f, what)
    want,decided = list(c.plan().to),dict(c.decisions)
    with killed_at(monkeypatch, at, (Table,'append'),(os,'rename'),(os,'replace')): c.apply()
    c.lock.release(force=True) # what the end of a process does
    c = fresh(data)
    assert contents(data)==sorted(f'picture {i}'.encode() for i in range(len(files)))
    c.apply()
    assert sorted((data/o).exists() for o in want)==[True]*4
    while Moves(data).pending('clean '): c.undo()
    assert tree(data)==old and {k:v for k,v in fresh(data).decisions.items() if (data/k).exists()}==decided

# Labels that are in a list, and names that are not those of the folders

def scored(path, rows): return pd.DataFrame([dict(file=path/f, label=l, pred=l, loss=1., split=s) for f,l,s in rows])

def test_a_list_of_labels(tmp_path):
    for i in range(4): (tmp_path/'images').mkdir(exist_ok=True), (tmp_path/'images'/f'{i}.png').write_text(str(i))
    df = scored(tmp_path, [(f'images/{i}.png', ['cat','dog'][i%2], ['train','valid'][i//3]) for i in range(4)])
    old,c = tree(tmp_path),Cleaning(tmp_path, df)
    c.decide('images/0.png', 'dog')
    c.decide('images/1.png', '<Delete>')
    assert c.apply().done.all() and (tmp_path/'images'/'0.png').exists()
    listed = Dataset(tmp_path).items('cleaned.csv')
    assert list(listed.label)==['dog','cat','dog'] and list(listed.split)==['train','train','valid']
    assert list(c.view('loss').label)==['dog','cat','dog']
    c.undo()
    assert tree(tmp_path)==old and c.label_of('images/0.png')=='cat' and len(c.plan())==2

def test_names_of_classes(tmp_path):
    for f in ('1/a.png','2/b.png','2/c.png'): (tmp_path/f).parent.mkdir(exist_ok=True), (tmp_path/f).write_text(f)
    c = Cleaning(tmp_path, scored(tmp_path, [('1/a.png','rose','train'),('2/b.png','lily','train'),('2/c.png','lily','valid')]))
    c.decide('2/c.png', 'rose')
    assert list(c.apply().to)==['1/c.png'] and c.label_of('1/c.png')=='rose'
    assert (tmp_path/'cleaned.csv').read_text()=='name,label\n1/a.png,1\n1/c.png,1\n2/b.png,2\n'

def test_train_and_valid_folders(tmp_path):
    for f in ('train/cat/a.png','train/dog/b.png','valid/cat/c.png','valid/dog/d.png'): (tmp_path/f).parent.mkdir(parents=True, exist_ok=True), (tmp_path/f).write_text(f)
    c = Cleaning(tmp_path)
    assert c.vocab==['cat','dog']
    c.decide('valid/cat/c.png', 'dog')
    assert list(c.apply().to)==['valid/dog/c.png']
    assert (tmp_path/'cleaned.csv').read_text().splitlines()[-1]=='valid/dog/d.png,dog,valid'

# Labels and names that are no plain words

odd_labels = ['NA','None','nan','01','1','True','False','null','a,b','a;b','"quoted"',"it's",' led','trailing ','two  spaces','tab\tbed','#1','=1+1','caf\u00e9','\u0391','<b>','a/b','back\\slash','-','0','1e3','2026-11-27']
odd_names = ['NA','01','a;b','a,b','"q"',' led','trailing ',"it's",'100%','#','=1','caf\u00e9','cafe\u0301','[x]','a..b','-rf','~','{0}','$HOME','&amp;','日本']
label = st.sampled_from(odd_labels)|st.text(st.characters(exclude_categories=['Cc','Cs','Zl','Zp']), min_size=1, max_size=20).filter(lambda o: o.strip() and o not in ('<Keep>','<Delete>'))
name = st.sampled_from(odd_names)

@settings(max_examples=60, deadline=None)
@given(st.dictionaries(name, st.tuples(label, label), min_size=2, max_size=6))
def test_any_label_comes_back_from_the_journal_and_the_list(rows):
    with tempfile.TemporaryDirectory() as tmp:
        path = Path(tmp)
        (path/'images').mkdir()
        for i,o in enumerate(rows): (path/'images'/f'{o}.png').write_text(f'{i}')
        df = scored(path, [(f'images/{o}.png', a, '') for o,(a,_) in rows.items()]).assign(second=[b for _,b in rows.values()])
        everything = [as_text(o) for ab in rows.values() for o in ab]
        df = pd.concat([df, scored(path, [(f'gone/{i}.png', o, '') for i,o in enumerate(everything)])])
        c = Cleaning(path, df)
        if not c.labels: return # one label a folder: folders it is
        for o,(_,b) in rows.items(): c.decide(f'images/{o}.png', b)
        again,want = Cleaning(path, df),{f'images/{o}.png':as_text(b) for o,(_,b) in rows.items()}
        assert again.decisions==c.decisions and {k:c.label_of(k) if v=='<Keep>' else v for k,v in c.decisions.items()}==want
        assert again.apply().done.all()
        if not (path/'cleaned.csv').exists(): assert not len(c.plan())
        else: assert dict(pd.read_csv(path/'cleaned.csv', dtype=str, keep_default_na=False).values)==want
        while again.undo(): pass
        assert Cleaning(path, df).decisions==c.decisions

@settings(max_examples=40, deadline=None)
@given(name, st.sampled_from(['<Delete>','other']), st.sampled_from([o for o in odd_labels if not re.search(r'[/\\:*?"<>|\t]', o) and o.strip()==o]))
def test_any_name_goes_and_comes_back(name, what, folder):
    with tempfile.TemporaryDirectory() as tmp:
        path = Path(tmp)
        for o in (f'{folder}/{name}.png', f'{folder}/z.png', 'other/z.png'): (path/o).parent.mkdir(exist_ok=True), (path/o).write_text(o)
        old,c = tree(path),Cleaning(path)
        c.decide(path/folder/f'{name}.png', what)
        assert Cleaning(path).decisions=={f'{folder}/{name}.png':what} and c.apply().done.all()
        listed = Dataset(path).items('cleaned.csv')
        assert set(listed.file)==set(Dataset(path).files()) and len(listed)==(2 if what=='<Delete>' else 3)
        c.undo()
        assert tree(path)==old and Cleaning(path).decisions==c.decisions

@pytest.mark.parametrize('bad', ['two\nlines','<Delete>','<Keep>'])
def test_labels_that_are_no_choice(data, bad):
    with pytest.raises(ValueError, match='Rename the class'): Cleaning(data, scored(data, [('cat/0.png',bad,''),('cat/1.png','cat','')]))

@pytest.mark.parametrize('none', [None,float('nan'),''])
def test_scores_without_labels(data, none):
    with pytest.raises(ValueError, match='no label for 1 of 2'): Cleaning(data, scored(data, [('cat/0.png',none,''),('cat/1.png','cat','')]))

@pytest.mark.parametrize('yes,no', [(True,False),(1,0),('True','False')])
def test_labels_that_are_no_text(tmp_path, yes, no):
    for i in range(4): (tmp_path/f'{i}.png').write_text(str(i))
    c = Cleaning(tmp_path, scored(tmp_path, [(f'{i}.png', yes if i%2 else no, '') for i in range(4)]))
    c.decide('0.png', yes)
    assert c.vocab==sorted(map(str, (yes,no))) and c.plan().decision.tolist()==[str(yes)] and len(c.view('all', label=yes))==2
    c.apply()
    assert Dataset(tmp_path).items('cleaned.csv').label.tolist()==[str(yes),str(yes),str(no),str(yes)]

def test_one_class_however_it_is_typed(tmp_path):
    "A folder has the name that its disk gave it; its pictures stay in it"
    for o in ('cafe\u0301/a.png','dog/b.png'): (tmp_path/o).parent.mkdir(), (tmp_path/o).write_text(o)
    c = Cleaning(tmp_path)
    c.decide('dog/b.png', 'caf\u00e9')
    assert c.apply().done.all() and (tmp_path/'cafe\u0301'/'b.png').exists() and not (tmp_path/'dog'/'b.png').exists()
    c.decide('cafe\u0301/a.png', 'cafe\u0301')
    assert c.decisions['cafe\u0301/a.png']=='<Keep>'

@pytest.mark.parametrize('ask', [True,False])
def test_a_decision_is_about_a_picture_not_a_name(data, ask):
    "What is gone is settled, and whatever gets its name later is another picture"
    c = fresh(data)
    for f,what in {'cat/0.png':'<Delete>', 'cat/1.png':'dog', 'cat/2.png':'<Keep>', 'dog/2.png':'cat'}.items(): c.decide(f, what)
    for i in (0,2): (data/'cat'/f'{i}.png').unlink()
    shutil.move(data/'cat'/'1.png', data/'dog'/'by hand.png')
    if ask:
        assert fresh(data).decisions=={'dog/2.png':'cat'} and set(c.apply().why)=={'','the file is gone'} and not len(c.plan())
        c.undo()
    for i in range(3): (data/'cat'/f'{i}.png').write_text('another')
    c,old = fresh(data),tree(data)
    done = c.apply().set_index('file')
    assert done.done.to_dict()=={'cat/0.png':False, 'cat/1.png':False, 'dog/2.png':True} and 'decide again' in done.why['cat/0.png']
    assert not len(c.plan()) and not len(fresh(data).plan())
    c.undo()
    assert tree(data)==old
    c.decide('cat/0.png', '<Delete>')
    assert set(c.apply().file)=={'cat/0.png','dog/2.png'}

def test_a_journal_of_the_first_release_counts(data):
    (data/'decisions.csv').write_text('time,action,file,decision,batch\n2026-11-01T10:00:00.000+00:00,decide,cat/0.png,<Delete>,\n')
    c = fresh(data)
    c.decide('cat/1.png', 'dog')
    assert c.apply().done.tolist()==[True,True]

def test_decisions_need_no_torch():
    code = 'import sys; from imgcls.clean import Cleaning, ImageCleaner, ImageLabeler; print([o for o in ("torch","fastai.vision","sklearn") if o in sys.modules])'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout=='[]\n'

# Views

@pytest.fixture
def digits(tmp_path):
    for i in range(12):
        fn = tmp_path/('cat','dog')[i%2]/f'{i:02}.png'
        fn.parent.mkdir(exist_ok=True)
        draw_digit(i).resize((120,120)).save(fn)
    shutil.copy(tmp_path/'cat'/'00.png', tmp_path/'dog'/'copy.png')
    shutil.copy(tmp_path/'dog'/'01.png', tmp_path/'dog'/'same.png')
    draw_digit(3).resize((300,300)).save(tmp_path/'dog'/'03 large.png')
    return tmp_path

def test_look_alikes_without_a_model(digits):
    v = Cleaning(digits).view('alike')
    assert list(v.file)==['cat/00.png','dog/copy.png','dog/01.png','dog/same.png','dog/03 large.png','dog/03.png']
    assert list(v.why)==['one of 2','other label, the same file as cat/00.png','one of 2','the same file as dog/01.png','largest of 2','looks like dog/03 large.png']
    assert list(Cleaning(digits).view('alike', label='cat').file)==['cat/00.png','dog/copy.png']

def test_views_follow_what_is_applied(digits):
    fns = Dataset(digits).files()
    rows = [dict(file=o, label=o.parent.name, loss=float(i), margin=(i-7)/10, issue=i/15) for i,o in enumerate(fns)]
    df = pd.DataFrame(rows).assign(pred='dog', second='cat', prob=.9, outlier=1.)
    df['split'] = ['valid' if i%3 else 'train' for i in df.index]
    c = Cleaning(digits, df)
    assert c.view('loss').file[0]==fns[-1].relative_to(digits).as_posix() and set(views)-{'unlabelled','next'}=={o for o in views if len(c.view(o))}
    assert abs(c.view('margin').margin).is_monotonic_increasing
    assert set(c.view('loss', 'cat', 'train').label)=={'cat'} and set(c.view('loss', 'cat', 'train').split)=={'train'}
    c.decide('dog/copy.png', '<Delete>')
    c.decide('cat/00.png', 'dog')
    assert len(c.view('loss', new=True))==len(fns)-2
    c.apply()
    assert len(c.view('loss'))==len(fns)-1 and c.view('all').label.value_counts()['cat']==5 and 'dog/00.png' in set(c.view('issue').file)
    assert len(c.view('loss', new=True))==len(fns)-2 # what was given another label was looked at
    c.undo()
    assert len(c.view('loss'))==len(fns) and c.view('all').label.value_counts()['cat']==6
