"The lines of the four articles, with only the import changed"
import json, shutil
import pytest
from imgcls.all import *

for o in [o for o in globals() if o.startswith('test')]: del globals()[o] # fastcore's

pytestmark = pytest.mark.filterwarnings('ignore')
bears = Path(__file__).parent.parent.parent/'shared'/'data'/'bears'
dirt = b'<!DOCTYPE html><title>Sorry</title>', b'\xff\xd8\xff\xe0 broken', b''

def pictures():
    "(class, file or picture) of two classes: photos where they are there, digits elsewhere"
    if bears.exists():
        for c in ('black','grizzly'): yield from ((c,fn) for fn in sorted((bears/c).glob('*.jpg'))[:24])
    else: yield from ((('black','grizzly')[i%2],draw_digit(i)) for i in range(48))

def put(fn, x):
    fn.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(x, Path): shutil.copyfile(x, fn)
    else: x.save(fn)

@pytest.fixture
def path(tmp_path):
    "A folder per class, as all four articles have it"
    for i,(c,x) in enumerate(pictures()): put(tmp_path/'bears'/c/f'{i:02}.jpg', x)
    return tmp_path/'bears'

def learner(path, **kwargs):
    dls = ImageDataLoaders.from_folder(path, train='.', valid_pct=.25, seed=42, item_tfms=Resize(64), bs=8, num_workers=0, **kwargs)
    return vision_learner(dls, resnet18, pretrained=False, metrics=error_rate)

def addresses(term, n=12): return [o.url for o in search_images(term, max_images=n)]

# 1. Zero to deployment (fastai v1)

@pytest.mark.parametrize('file', ['urls_seven.csv','url_teddy.txt'])
def test_download_with_the_file_first(tmp_path, file):
    path = tmp_path
    (path/file).write_text('\n'.join(addresses('seven')))
    dest = path/'seven'
    dest.mkdir()
    download_images(path/file, dest, max_pics=8)
    assert 1<=len(dest.ls())<=8
    n = len(dest.ls())
    download_images(str(path/file), str(dest), max_pics=8, max_workers=4) # again, as strings
    assert len(dest.ls())==n and len(read_manifest(path))==8

def test_download_as_fastai_2_has_it(tmp_path):
    urls = addresses('three')
    download_images(tmp_path/'three', urls=urls[:6], n_workers=2, preserve_filename=True)
    (tmp_path/'urls.txt').write_text('\n'.join(urls))
    download_images(tmp_path/'three', url_file=tmp_path/'urls.txt', max_pics=8)
    assert len(read_manifest(tmp_path))==8
    download_images(tmp_path/'three', tmp_path/'urls.txt', max_pics=10) # the second by its place
    assert len(read_manifest(tmp_path))==10

def test_verify_a_class_and_shrink(path):
    (path/'black'/'broken.jpg').write_bytes(dirt[1])
    for c in ('black','grizzly'): verify_images(path/c, delete=True, max_size=100)
    sizes = [max(load_image(o).size) for o in get_image_files(path)]
    assert len(sizes)==48 and max(sizes)<=100 and list((path/'.quarantine').rglob('broken*'))

def test_the_cleaners_of_fastai_1(path):
    learn = learner(path)
    ds,idxs = DatasetFormatter().from_toplosses(learn)
    w = ImageCleaner(ds, idxs, path)
    assert list(w.shown()) and w.cleaning.path.samefile(path)
    losses = scores(learn).loss
    worst = w.cards[0].row
    assert worst.loss==pytest.approx(losses.max())
    w.cards[0].no.click()
    w.apply()
    df = pd.read_csv(path/'cleaned.csv')
    assert list(df)[:2]==['name','label'] and len(df)==47 and worst.file not in set(df.name)
    shutil.copy(path/w.rows.file[0], path/'black'/'again.jpg')
    ds,idxs = DatasetFormatter().from_similars(learner(path))
    pairs = ImageCleaner(ds, idxs, path, duplicates=True)
    assert pairs.noun=='pair' and {w.rows.file[0],'black/again.jpg'}<=set(pairs.rows.file)
    again = ImageDataLoaders.from_csv(path, 'cleaned.csv', valid_pct=.25, item_tfms=Resize(64), bs=8, num_workers=0)
    assert len(again.train_ds)+len(again.valid_ds)==47

def test_the_words_of_fastai_1(path, tmp_path):
    set_seed(42)
    kwargs = dict(valid_pct=.25, ds_tfms=get_transforms(max_rotate=5.), size=64, num_workers=0, bs=8)
    data = ImageDataBunch.from_folder(path, train='.', **kwargs).normalize(imagenet_stats)
    assert list(data.classes)==['black','grizzly'] and data.c==2 and data.one_batch()[0].shape[2:]==(64,64)
    learn = create_cnn(data, models.resnet18, pretrained=False, metrics=error_rate)
    assert len(learn.dls.after_batch.fs.filter(risinstance(Normalize)))==1
    learn.fit_one_cycle(1, max_lr=slice(1e-6,1e-3))
    assert max(learn.recorder.hps['lr'])==pytest.approx(1e-3)
    learn.path = tmp_path
    learn.save('stage-1')
    learn.load('stage-1')
    learn.unfreeze()
    learn.lr_find(show_plot=False, stop_div=False) # of so few pictures the first losses may differ so much that it stops, with nothing to suggest
    learn.recorder.plot()
    learn.fit_one_cycle(1, slice(1e-4,2e-4)) # fastai 2's place for it
    assert max(learn.recorder.hps['lr'])==pytest.approx(2e-4)
    assert learn.predict(open_image(get_image_files(path)[0]))[0] in data.classes
    write_cleaned(path)
    again = ImageDataBunch.from_csv(path, csv_labels='cleaned.csv', folder='.', **kwargs).normalize(imagenet_stats)
    assert len(again.train_ds)+len(again.valid_ds)==48

# 2. The book

def test_searches_in_the_orders_of_the_book_and_of_fastai(monkeypatch):
    asked = []
    monkeypatch.setattr('imgcls.gather.search.search_images', lambda term, engine='sample', *args, **kwargs: asked.append((engine,term,kwargs)) or Hits([Hit('https://example.org/a.jpg')]))
    key = 'c0ffee'*8
    for res in (search_images_bing(key, 'grizzly bear'),search_images_bing('grizzly bear', key),search_images_ddg('grizzly bear')):
        assert res.attrgot('content_url')==['https://example.org/a.jpg']
    assert [(e,t) for e,t,_ in asked]==[('bing','grizzly bear')]*2+[('ddg','grizzly bear')] and [o[2].get('key') for o in asked[:2]]==[key]*2

def test_unlink_what_failed(path, monkeypatch):
    for o,b in zip(('black/a.jpg','grizzly/b.jpg','black/deep/c.jpg'), dirt):
        (path/o).parent.mkdir(exist_ok=True)
        (path/o).write_bytes(b)
    ex = PILImage.create(get_image_files(path)[0]).getexif()
    ex[274] = 6
    Image.open(path/'black'/'00.jpg').convert('RGB').save(path/'black'/'phone.jpg', exif=ex)
    for where in (path,path.relative_to(path.parent),Path('.')): # from outside, beside it and within
        monkeypatch.chdir(path if where==Path('.') else path.parent)
        failed = verify_images(get_image_files(where))
        assert len(failed)==(3 if where==path else 0) and all(o.exists() for o in failed)
        failed.map(Path.unlink)
        assert len(Dataset(path).files())==49
    kept = [o for o in (path/'.quarantine').rglob('*') if o.is_file()]
    assert {o.read_bytes() for o in kept}>=set(dirt)
    undo_last(path)

def test_the_widgets_are_there():
    for o in (VBox,HBox,Button,FileUpload,Output,Label,widgets.Dropdown): assert issubclass(o, widgets.DOMWidget)
    assert set(search_images_bing.__module__.split('.'))>={'imgcls'}

def test_cnn_learner_says_what_it_is_now(path):
    dls = ImageDataLoaders.from_folder(path, valid_pct=.25, seed=42, item_tfms=Resize(64), bs=8, num_workers=0)
    with pytest.warns(UserWarning, match='vision_learner'): learn = cnn_learner(dls, resnet18, pretrained=False, metrics=error_rate)
    assert isinstance(learn, Learner)

def block(path):
    bears = DataBlock(blocks=(ImageBlock,CategoryBlock), get_items=get_image_files, splitter=RandomSplitter(valid_pct=.2, seed=41),
        get_y=parent_label, item_tfms=Resize(128))
    bears = bears.new(item_tfms=RandomResizedCrop(64, min_scale=.5), batch_tfms=aug_transforms(mult=2))
    return bears.dataloaders(path, bs=8, num_workers=0)

def test_the_two_loops_after_the_cleaner(path):
    learn = vision_learner(block(path), resnet18, pretrained=False, metrics=error_rate)
    learn.fine_tune(1)
    ClassificationInterpretation.from_learner(learn).plot_confusion_matrix()
    cleaner = ImageClassifierCleaner(learn)
    bad,moved = cleaner.cards[0],cleaner.cards[1]
    other = {'black':'grizzly','grizzly':'black'}[moved.row.label]
    bad.menu.value,moved.menu.value = '<Delete>',other
    fns = list(cleaner.fns)
    for idx in cleaner.delete(): cleaner.fns[idx].unlink()
    for idx,cat in cleaner.change(): shutil.move(str(cleaner.fns[idx]), path/cat)
    assert not fns[0].exists() and (path/other/fns[1].name).exists()
    cleaner.apply()
    assert not len(cleaner.delete()) and not len(cleaner.change())
    df = scores(learn)
    assert len(df)==46 and not Cleaning(path, df).decisions # what has moved by hand is no file of this learner
    again = ImageClassifierCleaner(learn)
    assert len(again.fns)==46 and all(o.exists() for o in again.fns)
    learn.export(path/'export.pkl')
    label,i,probs = load_learner(path/'export.pkl').predict(again.fns[0])
    assert label==learn.dls.vocab[i]

def by_folder(path): return ImageDataLoaders.from_folder(path, train='.', valid_pct=.25, item_tfms=Resize(64), bs=8, num_workers=0)

def frame(path):
    fns = get_image_files(path).sorted()
    return pd.DataFrame(dict(picture=[o.relative_to(path).as_posix() for o in fns], kind=[o.parent.name for o in fns]))

def by_frame(path): return ImageDataLoaders.from_df(frame(path), path, valid_pct=.25, item_tfms=Resize(64), bs=8, num_workers=0)

def by_csv(path):
    frame(path).to_csv(path/'labels.csv', index=False)
    return ImageDataLoaders.from_csv(path, 'labels.csv', valid_pct=.25, item_tfms=Resize(64), bs=8, num_workers=0)

def by_function(path):
    def early(name): return int(name[:2])<24
    return ImageDataLoaders.from_name_func(path, get_image_files(path), early, valid_pct=.25, item_tfms=Resize(64), bs=8, num_workers=0)

def by_number(path):
    def number(fn): return int(fn.parent.name=='black')
    blk = DataBlock((ImageBlock,CategoryBlock), get_items=get_image_files, get_y=number, splitter=RandomSplitter(.25, 42), item_tfms=Resize(64))
    return blk.dataloaders(path, bs=8, num_workers=0)

@pytest.mark.parametrize('make', [by_folder,by_frame,by_csv,by_function,by_number])
def test_any_learner_is_scored_cleaned_and_exported(path, make):
    learn = vision_learner(make(path), resnet18, pretrained=False)
    labels = [str(o) for o in learn.dls.vocab]
    df = scores(learn)
    assert len(df)==48 and set(df.label)==set(labels) and (path/df.file[0]).exists()
    cleaner = ImageClassifierCleaner(learn)
    assert len(cleaner.fns)==48 and set(labels)<=set(cleaner.cleaning.vocab)
    model = Predictor(export_onnx(learn, path/'m.onnx'))
    fn = cleaner.fns[0]
    assert list(model.labels)==labels and model.predict(fn).label==str(learn.predict(fn)[0])

# 3. Plain PyTorch

@pytest.mark.parametrize('valid', ['val','valid'])
def test_the_flowers_layout(path, valid):
    top = path.parent/'flowers'
    for i,fn in enumerate(get_image_files(path).sorted()): put(top/('train',valid,'train','test')[i%4]/str(1+(fn.parent.name=='black'))/fn.name, fn)
    for o in ('train','test'): (top/o/'__MACOSX').mkdir()
    for names in ({'1':'fire lily','2':'rose'},{1:'fire lily',2:'rose'}): assert get_dls(top, size=64, bs=8, names=names).vocab==['fire lily','rose']
    (top/'cat_to_name.json').write_text(json.dumps({'1':'fire lily','2':'rose'}))
    dls = get_dls(top, size=64, bs=8)
    assert list(dls.vocab)==['fire lily','rose'] and len(dls.valid_ds)==12

# 4. Memes

def test_several_searches_a_class_in_one_list(tmp_path):
    urls = [*addresses('one', 5),*addresses('two', 5),*addresses('one', 5)]
    (tmp_path/'urls_notmeme.txt').write_text('\n'.join(urls))
    download_images(tmp_path/'urls_notmeme.txt', tmp_path/'notmeme', max_pics=200)
    assert len(read_manifest(tmp_path))==10
