"What is split stays split, what is decoded once is not decoded again, and what can't be done is said"
import json, random, shutil, warnings
import numpy as np, pandas as pd, pytest, torch
from fastai.vision.all import (aug_transforms, CategoryBlock, ColSplitter, DataBlock, ImageBlock, ImageDataLoaders, IndexSplitter, ItemGetter,
    load_learner, parent_label, Path, PILImage, RandomResizedCrop, RandomSplitter, Resize, set_seed)
from hypothesis import given, settings, strategies as st
from PIL import Image
from imgcls.learn.pixels import OnDevice, PixelCache, Pixels
from imgcls.learn.data import class_counts, class_labels, files, get_dls, picture_dl, targets
from imgcls.dataset import Table
from imgcls.twins import Dataset
from imgcls.sample import draw_digit
from imgcls.learn.train import get_learner

def folder(path, counts, start=0):
    "A dataset with so many different pictures of each class"
    i = start
    for c,n in counts.items():
        (path/c).mkdir(parents=True, exist_ok=True)
        for _ in range(n):
            draw_digit(i).save(path/c/f'{i:03d}.png')
            i += 1
    return path

@pytest.fixture
def data(tmp_path): return folder(tmp_path/'data', dict(cat=30, dog=20, owl=10))

def split(path, **kwargs):
    ds = Dataset(path)
    return ds.split(ds.items(), **kwargs)

def sides(path, **kwargs): return dict(split(path, **kwargs)[['sha256','split']].values)

def test_the_split_is_stratified_and_of_content(data, tmp_path):
    df = split(data)
    assert df[df.split=='valid'].label.value_counts().to_dict()==dict(cat=6, dog=4, owl=2)
    there = tmp_path/'elsewhere'
    for i,f in enumerate(reversed(Dataset(data).files())):
        (there/f.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(f, there/f.parent.name/f'other name {i}.png')
    assert sides(there)==dict(zip(df.sha256, df.split))
    assert sides(there, seed=1)!=sides(there)

def test_the_split_stays_when_pictures_come_go_move_and_change_their_label(data):
    old = sides(data)
    folder(data, dict(cat=40, owl=3), start=100)
    new = sides(data)
    assert {k:new[k] for k in old}==old and list(new.values()).count('valid')>list(old.values()).count('valid')
    for f in Dataset(data).files()[::7]: f.unlink()
    f = Dataset(data).files()[0]
    f.rename(data/'dog'/'moved and renamed.png')
    now = sides(data)
    assert now=={k:new[k] for k in now}
    assert set(pd.read_csv(data/'split.csv').columns)=={'seed','valid_pct','sha256','name','split'}

def test_twins_are_never_on_both_sides(data):
    fns = Dataset(data).files()
    for i,f in enumerate(fns[::3]):
        im = Image.open(f)
        im.resize((im.width+20, im.height+20)).save(f.parent/f'twin{i}.jpg', quality=80)
        if i%2: shutil.copy(f, data/'owl'/f'exact{i}.png')
    df = split(data)
    side = dict(zip(df.name, df.split))
    for i,f in enumerate(fns[::3]):
        rel = f.relative_to(data).as_posix()
        assert side[rel]==side[f'{f.parent.name}/twin{i}.jpg']
        if i%2: assert side[rel]==side[f'owl/exact{i}.png']
    assert set(df.split)=={'train','valid'}

def test_a_twin_of_what_was_trained_on_is_trained_on(data):
    df = split(data)
    v = df[(df.split=='valid') & (df.label=='cat')].iloc[0]
    t = df[(df.split=='train') & (df.label=='cat')].iloc[0]
    for o in (v,t): shutil.copy(o.file, o.file.parent/f'copy of {o.file.name}')
    now = dict(split(data)[['name','split']].values)
    assert [now[f'cat/copy of {o.file.name}'] for o in (v,t)]==['valid','train']

def state(path): return {f:(f.stat().st_mtime_ns,f.stat().st_size) for f in sorted((path/'.pixels').rglob('*.safetensors'))}

def test_only_what_changed_is_decoded_again(data, monkeypatch):
    made = []
    real = Pixels.make
    monkeypatch.setattr(Pixels, 'make', lambda self,x,split_idx=1: made.append(x) or real(self, x, split_idx))
    get_dls(data, size=32)
    assert len(made)==60
    old = state(data)
    get_dls(data, size=32)
    assert len(made)==60 and state(data)==old
    f = Dataset(data).files()[3]
    f.rename(data/'dog'/f.name)
    get_dls(data, size=32)
    assert len(made)==60
    draw_digit(500).save(data/'dog'/f.name)
    get_dls(data, size=32)
    assert len(made)==61
    get_dls(data, size=48)
    assert len(made)==61+60
    get_dls(data, size=32, cache=data.parent/'elsewhere')
    assert len(made)==61+120 and (data.parent/'elsewhere').is_dir()

def test_an_interrupted_cache_is_whole_as_far_as_it_goes(data):
    px,fns = Pixels(32),Dataset(data).files()
    cache,n = PixelCache(data/'c'),0
    def stop(f):
        nonlocal n
        n += 1
        if n>100: raise KeyboardInterrupt
        return px.make(f)
    with pytest.raises(KeyboardInterrupt): cache.build(stop, {f'{i}':fns[i%60] for i in range(200)}, n_workers=1)
    (data/'c'/'torn.safetensors.part').write_bytes(b'torn')
    again = PixelCache(data/'c')
    assert len(again)==64
    assert again.build(px.make, {f'{i}':fns[i%60] for i in range(200)})=={}
    last = PixelCache(data/'c')
    assert len(last)==200 and all((last[f'{i}']==px.make(fns[i%60])).all() for i in range(0, 200, 9))

@pytest.mark.filterwarnings('ignore')
def test_no_room_and_no_right_to_write_are_said_and_it_goes_on(data, monkeypatch):
    usage = shutil.disk_usage(data)
    monkeypatch.setattr(shutil, 'disk_usage', lambda p: usage._replace(free=1000))
    with pytest.warns(UserWarning, match='decoded anew'): dls = get_dls(data, size=32)
    assert 'not kept' in repr(dls.pixels) and not state(data)
    monkeypatch.undo()
    (data/'.pixels2').write_text('a file is in the way')
    with pytest.warns(UserWarning, match='decoded anew'): dls2 = get_dls(data, size=32, cache=data/'.pixels2')
    for a,b in zip(dls.valid.one_batch(), get_dls(data, size=32).valid.one_batch()): assert (a==b).all()
    assert len(dls2.train.one_batch()[0])==48

def test_pixels_are_those_of_fastai(data):
    dls = get_dls(data, size=32)
    x,_ = dls.valid.one_batch()
    want = np.stack([np.array(Resize(32)(PILImage.create(o), split_idx=1)) for o in dls.valid.items])
    assert (x*255).round().byte().permute(0,2,3,1).numpy().tolist()==want.tolist()
    big = data/'cat'/'big.jpg'
    Image.open(Dataset(data).files()[0]).convert('RGB').resize((1600,1200)).save(big, quality=92)
    a,b = Pixels(224).make(big).astype(int),np.array(Resize(224)(PILImage.create(big), split_idx=1)).astype(int)
    assert np.abs(a-b).mean()<1 and np.abs(a-b).max()<40

@pytest.mark.parametrize('method', ['crop','squish','pad'])
def test_batches_have_the_size_that_was_asked_for(data, method):
    for kw in ({}, dict(batch_tfms=[]), dict(batch_tfms=aug_transforms(size=40, min_scale=.5)), dict(batch_tfms=aug_transforms(size=40)), dict(cache=False)):
        dls = get_dls(data, size=40, method=method, **kw)
        for dl in dls:
            for x,y in dl: assert x.shape[1:]==(3,40,40) and x.dtype==torch.float32 and 0<=x.min() and x.max()<=1 and len(x)==len(y)
    with pytest.raises(ValueError, match='presize=460'): get_dls(data, size=460, batch_tfms=aug_transforms(size=224))

def test_the_same_transforms_serve_two_sizes(data):
    tfms = aug_transforms()
    assert [get_dls(data, size=s, batch_tfms=tfms).train.one_batch()[0].shape[-1] for s in (32,64,32)]==[32,64,32]

@pytest.mark.filterwarnings('ignore')
def test_all_of_fastai_goes_on_working(data, tmp_path):
    set_seed(0)
    dls = get_dls(data, size=32, bs=16)
    dls.show_batch(max_n=4)
    dls.train.show_batch(max_n=4, unique=True)
    learn = get_learner(dls, 'small')
    with learn.no_bar(), learn.no_logging():
        learn.fit_one_cycle(1, 1e-2)
        learn.show_results(max_n=4)
        probs,targs = learn.get_preds()
        fns = list(dls.valid.items)
        again,_ = learn.get_preds(dl=dls.test_dl(fns))
        shuffled,_ = learn.get_preds(dl=dls.valid.new(shuffle=True))
        assert torch.equal(probs, again) and torch.allclose(probs, shuffled, atol=1e-6)
        assert targs.tolist()==[dls.vocab.o2i[o.parent.name] for o in fns]
        im = Image.open(fns[0])
        for x in (fns[0], str(fns[0]), fns[0].read_bytes(), im.convert('RGB'), np.array(im.convert('RGB'))):
            assert torch.allclose(learn.predict(x)[2], probs[0], atol=1e-5)
        assert len(learn.predict(im.convert('RGBA'))[2])==3
        train,_ = learn.get_preds(ds_idx=0)
        assert len(train)==48 and learn.tta()[0].shape==probs.shape
        learn.export(tmp_path/'m.pkl')
        assert (tmp_path/'m.pkl').stat().st_size<5e6
        assert torch.allclose(load_learner(tmp_path/'m.pkl').predict(fns[0])[2], probs[0], atol=1e-5)

def test_pixels_on_a_device_make_the_same_batches(data):
    for dl in get_dls(data, size=32, bs=16, batch_tfms=[]):
        def batches():
            dl.rng = random.Random(5)
            return [torch.cat([o.as_subclass(torch.Tensor).flatten().float() for o in b]) for b in dl]
        was = batches()
        dl.made['on'] = OnDevice(dl.pixels.kept(dl.dataset.items, dl.view), dl.pixels.side(dl.view), 'cpu')
        assert len(was)==len(dl) and all(torch.equal(a, b) for a,b in zip(was, batches()))
        assert dl.new().made is dl.made and 'on' not in dl.new(dataset=dl.dataset.new_empty()).made

@pytest.mark.parametrize('free,stays', [(2**30,True), (1000,False), (0,False)])
def test_pictures_stay_on_the_gpu_where_they_fit(data, monkeypatch, free, stays):
    dl = get_dls(data, size=32, bs=16, batch_tfms=[]).valid
    was = torch.cat([x.as_subclass(torch.Tensor) for x,_ in dl])
    dl.made.clear()
    monkeypatch.setattr(type(dl), 'room', lambda self: free) # of a GPU
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        for _ in range(2): assert torch.equal(was, torch.cat([x.as_subclass(torch.Tensor) for x,_ in dl]))
    assert bool(dl.made['on'])==stays
    said = [str(o.message) for o in said if 'PixelDL.share' in str(o.message)]
    assert len(said)==(free==1000), said # once, not in every epoch

def test_item_tfms_bring_fastais_own_loader(data):
    dls = get_dls(data, size=32, item_tfms=RandomResizedCrop(32), balance=True, num_workers=0)
    assert dls.train.one_batch()[0].shape[-1]==32 and not (data/'.pixels').exists()

def test_random_squares_are_of_the_whole_length(tmp_path):
    path = folder(tmp_path/'d', dict(a=6, b=6))
    for i,f in enumerate(Dataset(path).files()): Image.fromarray(np.tile(np.linspace(0, 250-i, 300).astype('uint8'), (100,1))).convert('RGB').save(f)
    set_seed(0)
    px = Pixels(32, presize=36)
    dl = get_dls(path, size=32, presize=36, batch_tfms=[]).train
    assert px.make(Dataset(path).files()[0], 0).shape==(36,108,3)
    left = torch.cat([dl.one_batch()[0][:,0,:,0].mean(1) for _ in range(20)])
    assert left.min()<.05 and left.max()>.55

def test_rare_classes_are_shown_as_often(tmp_path):
    path = folder(tmp_path/'d', dict(common=90, rare=10))
    dls = get_dls(path, size=32, balance=True, bs=18)
    n = torch.cat([y for _ in range(10) for _,y in dls.train]).bincount()
    assert .4<n[1]/n.sum()<.6 and class_counts(dls).valid.to_dict()==dict(common=18, rare=2)
    assert len(torch.cat([y for _,y in dls.valid]))==20

def test_train_valid_and_test_folders_with_names(tmp_path):
    for i,s in enumerate(('train','valid','test')): folder(tmp_path/'f'/s, {'1':4, '21':3}, start=50*i)
    (tmp_path/'f'/'names.json').write_text(json.dumps({'1':'pink primrose', '21':'fire lily', '99':'none here'}))
    dls = get_dls(tmp_path/'f', size=32, names='names.json')
    assert list(dls.vocab)==['fire lily','pink primrose'] and (len(dls.train_ds),len(dls.valid_ds))==(7,7)
    assert {o.parts[-3] for o in dls.train.items}=={'train'} and not (tmp_path/'f'/'split.csv').exists()
    df = Dataset(tmp_path/'f').items()
    test = dls.test_dl(list(df.file[df.split=='test']), with_labels=True)
    assert [dls.vocab[i] for i in test.one_batch()[1]]==['pink primrose']*4+['fire lily']*3
    shutil.rmtree(tmp_path/'f'/'valid')
    assert len(get_dls(tmp_path/'f', size=32, names='names.json').train_ds)==5
    with pytest.raises(ValueError, match="'21'"): get_dls(tmp_path/'f', names={'1':'x'})

def test_lists_and_tables(data):
    rows = pd.DataFrame([(f.relative_to(data).as_posix(), f.parent.name, i%3==0) for i,f in enumerate(Dataset(data).files())], columns=['name','label','is_valid'])
    assert len(get_dls(data, size=32, df=rows).valid_ds)==20
    rows.assign(label='NA').assign(label=lambda o: o.label.where(o.index%2==0, 'null')).to_csv(data/'odd.csv', index=False)
    assert list(get_dls(data, size=32, csv='odd.csv').vocab)==['NA','null']
    with pytest.raises(ValueError, match='wanted name and label'): get_dls(data, df=rows.rename(columns=dict(label='class')))
    with pytest.raises(ValueError, match='leads out'): get_dls(data, df=pd.DataFrame(dict(name=['../x.png'], label=['a'])))
    (data/'cleaned.csv').write_text('name,label\ncat/000.png,cat\ncat/gone.png,cat\n')
    with pytest.warns(UserWarning, match='1 of 2'), pytest.raises(ValueError): get_dls(data, csv='cleaned.csv')

def test_bad_datasets_are_clear(data, tmp_path):
    one = folder(tmp_path/'one', dict(cat=6))
    with pytest.raises(ValueError, match='two classes'): get_dls(one)
    folder(one, dict(dog=1), start=50)
    with pytest.warns(UserWarning, match='validate with for dog'): assert len(get_dls(one, size=32).vocab)==2
    (one/'empty').mkdir()
    with pytest.warns(UserWarning, match='No pictures in empty'): get_dls(one, size=32)
    for kw,said in ((dict(size=0),'size=0'), (dict(valid_pct=1),'valid_pct=1'), (dict(valid_pct=0),'valid_pct=0')):
        with pytest.raises(ValueError, match=said): get_dls(data, **kw)
    (data/'cat'/'broken.jpg').write_bytes(b'\xff\xd8\xff'+b'x'*500)
    (data/'cat'/'half.png').write_bytes(Dataset(data).files()[0].read_bytes()[:900])
    with pytest.warns(UserWarning, match='2 of 62 pictures can not be read'): dls = get_dls(data, size=32)
    assert len(dls.train_ds)+len(dls.valid_ds)==60
    with pytest.raises(FileNotFoundError, match='not a folder'): get_dls(tmp_path/'nothing')
    with pytest.raises(FileNotFoundError, match='No pictures'): get_dls((tmp_path/'new').mkdir() or tmp_path/'new')

def test_augmentation_is_as_fastai_draws_it(data):
    fns = Dataset(data).files()
    f = DataBlock((ImageBlock,CategoryBlock), get_y=parent_label, splitter=IndexSplitter([0]), item_tfms=Resize(48), batch_tfms=aug_transforms(size=40))
    a = torch.cat([x for _ in range(6) for x,_ in f.dataloaders(fns, bs=59, num_workers=0).train])
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        b = torch.cat([x for _ in range(6) for x,_ in get_dls(data, size=40, presize=48, bs=48).train])
    assert abs(a.mean()-b.mean())<.02 and abs(a.std()-b.std())<.02

def test_a_folder_that_can_only_be_read_serves(data, monkeypatch):
    monkeypatch.setattr(Table, 'append', lambda *a: (_ for _ in ()).throw(PermissionError(13, 'Permission denied')))
    monkeypatch.setattr(Table, 'write', Table.append)
    monkeypatch.setattr('imgcls.learn.pixels.save_file', Table.append)
    with pytest.warns(UserWarning) as w: dls = get_dls(data, size=32)
    said = ' '.join(str(o.message) for o in w)
    assert 'split could not be noted' in said and 'decoded anew' in said and len(dls.train.one_batch()[0])==48

def test_a_dataset_may_be_called_like_one_of_its_classes(tmp_path, monkeypatch):
    monkeypatch.chdir(folder(tmp_path/'cat', dict(cat=5, dog=5)).parent)
    names = ['cat/000.png','cat/cat/001.png',str(tmp_path/'cat'/'dog'/'005.png')]
    assert [o.name for o in Dataset('cat').items(df=pd.DataFrame(dict(name=names, label=list('aab')))).file]==['000.png','001.png','005.png']

def test_paths_may_be_relative(data, monkeypatch):
    monkeypatch.chdir(data.parent)
    dls = get_dls('data', size=32)
    assert len(dls.train.pixels.keys)==60 and all(o in dls.pixels.caches[0] for o in map(dls.pixels.keys.get, dls.train.items))
    assert Path(dls.train.items[0]).exists()

def names_of(data): return [o.relative_to(data).as_posix() for o in Dataset(data).files()]

def by_table(data):
    df = pd.DataFrame(dict(kind=[o[:3] for o in names_of(data)], pic=names_of(data)))
    return ImageDataLoaders.from_df(df, data, fn_col=1, label_col=0, **common)

def by_csv(data):
    df = pd.DataFrame(dict(file=[o[4:] for o in names_of(data) if o[:3]=='cat'], n=[3,7]*15))
    df.to_csv(data/'t.csv', index=False)
    return ImageDataLoaders.from_csv(data, 't.csv', folder='cat', **common)

blocks = dict(blocks=(ImageBlock,CategoryBlock), splitter=RandomSplitter(.2, 1), item_tfms=Resize(32))

def by_number(data):
    fns = Dataset(data).files()
    return DataBlock(**blocks, get_items=lambda o: range(60), get_x=lambda i: fns[i], get_y=lambda i: i%2==0).dataloaders(data, bs=8, num_workers=0)

def by_pair(data):
    pairs = [(str(f),f.parent.name) for f in Dataset(data).files()]
    return DataBlock(**blocks, get_items=lambda o: pairs, get_x=ItemGetter(0), get_y=ItemGetter(1)).dataloaders(data, bs=8, num_workers=0)

def by_split(data):
    df = pd.DataFrame(dict(pic=[str(o) for o in Dataset(data).files()], kind=np.arange(60)%3, is_valid=[i%4==0 for i in range(60)]))
    return DataBlock(**blocks | dict(splitter=ColSplitter()), get_x=lambda r: r.pic, get_y=lambda r: r.kind).dataloaders(df, bs=8, num_workers=0)

common = dict(item_tfms=Resize(32), bs=8, num_workers=0, seed=1)

def ours(data): return get_dls(data, size=32, bs=8)

def by_folder(data): return ImageDataLoaders.from_folder(data, valid_pct=.2, **common)

@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('make', [by_table,by_csv,by_number,by_pair,by_split,by_folder,ours])
def test_files_and_labels_of_loaders_of_any_make(data, make):
    dls = make(data)
    found = [files(o) for o in dls]
    assert all(isinstance(o, Path) and o.exists() for part in found for o in part) and [len(o) for o in found]==[len(dls.train_ds),len(dls.valid_ds)]
    assert set(map(type, class_labels(dls)))=={str} and list(class_counts(dls).index)==class_labels(dls)==[str(o) for o in dls.vocab]
    x,y = dls.valid.one_batch()
    assert picture_dl(dls, found[1][:8], bs=8).one_batch()[0].shape==x.shape and targets(dls.valid)[:8]==y.tolist()

def test_two_classes_of_one_name_are_refused():
    for vocab in ([1,'1'],[True,'True'],['a','a']):
        with pytest.raises(ValueError, match='called'): class_labels(type('Loaders', (), dict(vocab=vocab)))

nasty = st.sampled_from(['NA','None','','01','1','3.0','a,b','"','é'])

@given(st.dictionaries(st.integers() | st.booleans() | nasty | st.text(max_size=9), st.none() | st.integers() | st.text(max_size=9), max_size=6))
@settings(max_examples=60, deadline=None)
def test_names_of_any_type_are_text(tmp_path_factory, names):
    "As dict and by way of a file, 0 is a name, and none or nothing is no name"
    path = tmp_path_factory.mktemp('names')
    got = Dataset(path).class_names(names)
    assert all(isinstance(o, str) for kv in got.items() for o in kv) and '' not in got.values()
    (path/'names.json').write_text(json.dumps({str(k):v for k,v in names.items()}), encoding='utf-8')
    assert Dataset(path).class_names()==Dataset(path).class_names('names.json')=={str(k):str(v) for k,v in {str(k):v for k,v in names.items()}.items() if v not in (None,'')}

@pytest.mark.filterwarnings('ignore')
def test_names_that_lie_there_are_taken_if_all_classes_have_one(data):
    vocab = lambda **kw: list(get_dls(data, size=32, **kw).vocab)
    (data/'names.json').write_text('{"cat":"Katze", "dog":"Hund"}')
    assert vocab()==['cat','dog','owl']
    with pytest.raises(ValueError, match="No name for 1 of the classes, e.g. 'owl'"): vocab(names='names.json')
    (data.parent/'cat_to_name.json').write_text('{"cat":"c"}')
    (data/'names.json').write_text('{"cat":"Katze", "dog":"Hund", "owl":0}')
    assert vocab()==['0','Hund','Katze'] and vocab(names={})==['cat','dog','owl']
    assert vocab(df=pd.DataFrame(dict(name=names_of(data), label=[o[:3] for o in names_of(data)])))==['cat','dog','owl'] # a table says what it says

@pytest.mark.filterwarnings('ignore')
def test_nothing_none_and_text_are_three_things(data, tmp_path):
    assert torch.device(get_dls(data, size=32, device='cpu').device).type=='cpu'
    learn = get_learner(ImageDataLoaders.from_folder(data, valid_pct=.2, device='cpu', **common), 'small')
    assert any(type(o).__name__=='BFloat16' for o in learn.cbs)
    for kw,said in ((dict(presize=0),'presize=0'), (dict(presize=16),'presize=16')):
        with pytest.raises(ValueError, match=said): get_dls(data, size=32, **kw)
    plain = get_dls(data, size=32, item_tfms=[], bs=4)
    assert not hasattr(plain.train, 'pixels') and not plain.train.after_item.fs.filter(lambda o: isinstance(o, Resize))

@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('name,content', [('a.HEIC',b'\0\0\0\x24ftypheic\0\0\0\0mif1heic'), ('a.jpg',b'\xff\xd8\xff'), ('a.png',b'')])
def test_where_nothing_can_be_read_the_first_says_why(tmp_path, name, content):
    for c in 'xy':
        for i in range(4):
            (tmp_path/c).mkdir(exist_ok=True)
            (tmp_path/c/f'{i}{name}').write_bytes(content+bytes([i])*200*bool(content))
    with pytest.raises(ValueError, match=f'None of the 8 pictures.*x/0{name}: .{{10}}'): get_dls(tmp_path, size=32)

def test_arrays_are_kept_as_they_are_seen(tmp_path):
    "safetensors would store them as they lie in memory"
    a = np.arange(5*4*3, dtype='uint8').reshape(5,4,3)
    arrs = dict(plain=a, turned=a.transpose(1,0,2), every=a[::2], back=a[:,::-1])
    cache = PixelCache((tmp_path/'c').mkdir() or tmp_path/'c')
    cache.keep(arrs)
    for again in (cache,PixelCache(tmp_path/'c')): assert all((again[k]==v).all() for k,v in arrs.items())
