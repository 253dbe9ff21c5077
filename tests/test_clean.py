"Cleaning without a browser: what is decided is done, and can be taken back"
import pandas as pd, pytest
from imgcls.clean import Cleaning, write_cleaned
from imgcls.download import image_files
from imgcls.sample import draw_digit

@pytest.fixture
def data(tmp_path):
    for i in range(12):
        fn = tmp_path/('cat','dog')[i%2]/(f'{i}.png' if i<9 else f'name with spaces, ünïcode {i} {"x"*150}.png')
        fn.parent.mkdir(exist_ok=True)
        draw_digit(i).save(fn)
    return tmp_path

def tree(path): return {f.relative_to(path).as_posix():f.read_bytes() for f in path.rglob('*') if f.is_file() and '.quarantine' not in f.parts}

def test_apply_and_undo_give_back_the_same_tree(data):
    write_cleaned(data)
    old,fns,c = tree(data),image_files(data),Cleaning(data)
    for i,f in enumerate(fns): c.decide(f, ('<Keep>','<Delete>','cat','dog')[i%4])
    done = c.apply()
    assert done.done.all() and tree(data)!=old
    assert set(pd.read_csv(data/'cleaned.csv').name)=={f.relative_to(data).as_posix() for f in image_files(data)}
    assert not c.decisions and len(c.undo())==len(done) and tree(data)==old
    assert len(c.undo())==0

def test_a_taken_name_gets_a_suffix_and_nothing_is_overwritten(data):
    (data/'dog'/'0.png').write_bytes((data/'dog'/'1.png').read_bytes())
    old,c = tree(data),Cleaning(data)
    c.decide(data/'cat'/'0.png', 'dog')
    c.apply()
    assert (data/'dog'/'0-1.png').read_bytes()==old['cat/0.png'] and (data/'dog'/'0.png').read_bytes()==old['dog/0.png']

def test_a_file_that_is_gone_is_said_and_stops_nothing(data):
    c = Cleaning(data)
    c.decide(data/'cat'/'0.png', '<Delete>')
    c.decide(data/'cat'/'2.png', '<Delete>')
    (data/'cat'/'0.png').unlink()
    assert dict(zip(*c.apply()[['file','done']].values.T))=={'cat/0.png':False, 'cat/2.png':True}

def test_two_applies_are_undone_one_by_one(data):
    old,c = tree(data),Cleaning(data)
    for f in ('0.png','2.png'):
        c.decide(data/'cat'/f, '<Delete>')
        c.apply()
    assert (c.undo(),c.undo())==(['cat/2.png'],['cat/0.png'])
    assert {k:v for k,v in tree(data).items() if k!='cleaned.csv'}==old
