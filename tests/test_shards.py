"Shards: whole or not there, whoever makes them and whatever dies"
import errno, functools, hashlib, json, os, random, signal, subprocess, sys, time, warnings
import numpy as np, pandas as pd, psutil, pytest
from pathlib import Path
from processes import family, is_alive, signal_all, wait, words
from web import Web, says
from imgcls.dataset import Dataset
from imgcls.picture import hash_array
from imgcls.sample import draw_digit, encode_image, heldout_folder
from imgcls.twins import group_ids, near_pairs
from imgcls.use.predict import Predictor, sample_model

pa = pytest.importorskip('pyarrow', reason='comes with the extra scale')
from imgcls.gather import banded, shards
from imgcls.gather.banded import group_shards
from imgcls.gather.shards import gather_shards, import_shards, predict_shards, verify_shards

pics = [encode_image(draw_digit(i), 'PNG' if i%2 else 'JPEG') for i in range(60)]

def slowly(b):
    def f(h):
        time.sleep(.02)
        says(b)(h)
    return f

@pytest.fixture(scope='module')
def web():
    "Sixty pictures, and what else there is on the web"
    routes = {f'/{i}.jpg':slowly(b) for i,b in enumerate(pics)}
    odd = {'/cut.jpg':says(pics[0][:900]), '/page.jpg':says(b'<html>no</html>'), '/gone.jpg':says(status=404), '/again.jpg':says(pics[5])}
    with Web(routes | odd) as o: yield o

@pytest.fixture(scope='module')
def urls(web, tmp_path_factory):
    "A list of their addresses, with labels that tables like to change, junk and a label that is none"
    fn = tmp_path_factory.mktemp('urls')/'urls.parquet'
    rows = [dict(url=web.url(f'/{i}.jpg'), label=['NA','01','True'][i%3], creator='Ada, "B"') for i in range(60)]
    rows[7:7] = [dict(url=web.url(f'/{o}.jpg'), label='NA', creator=None) for o in ('cut','page','gone','again')]
    rows[20:20] = [dict(url='junk', label='NA'), dict(url=web.url('/3.jpg'), label='a/b'), dict(url=None, label=None)]
    pd.DataFrame(rows).to_parquet(fn)
    return fn

def manifest(out): return pd.concat(map(pd.read_parquet, sorted((out/'manifest').glob('*.parquet'))), ignore_index=True).drop(columns='fetched')
def content(out, kind='pictures'): return {o.name:hashlib.sha256(o.read_bytes()).hexdigest() for o in sorted((out/kind).iterdir())}
def same(a, b): return content(a)==content(b) and manifest(a).equals(manifest(b))

@pytest.fixture
def here(monkeypatch):
    "An engine in this process"
    monkeypatch.setitem(shards.engines, 'pool', lambda f,todo,n: ((i,f(i)) for i in todo))

@pytest.fixture(scope='module')
def pool(urls, tmp_path_factory):
    out = tmp_path_factory.mktemp('pool')/'out'
    gather_shards(urls, out, rows=20, n_workers=2, allow_private=True)
    return out

@pytest.fixture(scope='module')
def parquet(urls, tmp_path_factory):
    out = tmp_path_factory.mktemp('parquet')/'out'
    with pytest.MonkeyPatch.context() as m:
        m.setitem(shards.engines, 'pool', lambda f,todo,n: ((i,f(i)) for i in todo))
        gather_shards(urls, out, rows=20, form='parquet', allow_private=True)
    return out

def test_every_address_has_a_row_and_a_reason(pool):
    df = manifest(pool)
    assert len(df)==67 and df.status.value_counts().to_dict()==dict(ok=60, failed=5, quarantined=1, duplicate=1)
    why = dict(zip(df.url.str.rsplit('/', n=1).str[-1], df.reason))
    assert why['gone.jpg'].startswith('HTTP 404') and 'web page' in why['page.jpg'] and 'damaged' in why['cut.jpg'] and why['again.jpg'].startswith('same bytes: 00000_')
    assert why['junk'].startswith('not a web address') and "can't be the name of a class" in df.reason[df.label=='a/b'].item()
    assert {*df.label}=={'NA','01','True','a/b',''} and df.creator[0]=='Ada, "B"'

def dies_once(i, top):
    "Work that kills its process the first time"
    fn = Path(top)/f'{i}'
    if i==1 and not fn.exists():
        fn.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    fn.write_text('done')

def dies(i, top):
    if i==1: os._exit(9)
    (Path(top)/f'{i}').write_text('done')

def is_done(i, top): return (Path(top)/f'{i}').exists() and (Path(top)/f'{i}').read_text()=='done'

def in_daft(urls, out, top, ray):
    "What runs in a process of its own, since Daft's runner is set once"
    if ray: __import__('ray').init(num_cpus=2, include_dashboard=False, logging_level='ERROR')
    gather_shards(urls, out, rows=20, engine='daft', n_workers=2, allow_private=True)
    how = dict(done=functools.partial(is_done, top=top), engine='daft', n=2)
    assert shards.over_shards(functools.partial(dies_once, top=top), [0,1,2], **how)=={}

@pytest.mark.parametrize('runner', ['native','ray'])
def test_daft_and_ray_make_what_the_pool_makes(runner, urls, pool, tmp_path):
    pytest.importorskip('daft', reason='comes with the extra scale')
    if runner=='ray': pytest.importorskip('ray', reason='comes with the extra dev')
    calm = dict(DO_NOT_TRACK='1', DAFT_PROGRESS_BAR='0', RAY_memory_monitor_refresh_ms='0')
    env = os.environ | dict(DAFT_RUNNER=runner, PYTHONPATH=os.pathsep.join([str(Path(__file__).parent), *sys.path])) | calm
    code = f'import test_shards as t; t.in_daft({str(urls)!r}, {str(tmp_path/"out")!r}, {str(tmp_path)!r}, {runner=="ray"})'
    p = subprocess.run([sys.executable, '-c', code], env=env, capture_output=True, text=True, timeout=600)
    assert p.returncode==0, p.stderr[-3000:]
    assert same(pool, tmp_path/'out') and all(is_done(i, tmp_path) for i in range(3))

def test_a_shard_that_kills_its_worker_is_known_in_the_end(tmp_path):
    said = shards.over_shards(functools.partial(dies, top=tmp_path), [0,1,2], functools.partial(is_done, top=tmp_path), n=2)
    assert [*said]==[1] and 'died' in said[1]
    assert is_done(0, tmp_path) and is_done(2, tmp_path)

def workers(p):
    "Processes of the pool whose parent is `p`"
    return [o for o in family(p)[1:] if 'spawn_main' in ' '.join(words(o))]

@pytest.mark.parametrize('seed', range(int(os.environ.get('IMGCLS_ROUNDS', 1))))
def test_killed_at_any_moment_and_run_again(seed, urls, pool, tmp_path):
    rng,model = random.Random(seed),sample_model()
    code = f'import sys; from imgcls.gather.shards import gather_shards as f; f(*sys.argv[1:], rows=20, n_workers=2, model={str(model)!r}, allow_private=True)'
    seen = 0
    for i in range(4):
        p = psutil.Popen([sys.executable, '-c', code, str(urls), str(tmp_path)], stderr=subprocess.DEVNULL)
        end = time.monotonic()+60
        while not workers(p) and p.poll() is None and time.monotonic()<end: time.sleep(.05)
        time.sleep(rng.random()) # a job takes two seconds where the machine is quick
        mine = workers(p)
        seen += len(mine)
        signal_all([p] if i%2 else mine[:1], 'kill')
        p.wait(180) # the pool may be made five times, each with all that it imports
        wait(lambda: not any(map(is_alive, mine)), 30, lambda: 'workers outlive their parent')
    df = gather_shards(urls, tmp_path, rows=20, n_workers=1, model=model, allow_private=True)
    assert seen and (df.error=='').all() and same(pool, tmp_path) and len(content(tmp_path, 'predictions'))==4
    assert [*(tmp_path/'.partial').iterdir()]==[tmp_path/'.partial'/'keep']

def test_a_finished_shard_is_never_done_again(urls, pool, web):
    n,old = len(web.asked),content(pool)
    df = gather_shards(urls, pool, rows=20, allow_private=True)
    assert len(web.asked)==n and content(pool)==old and df.ok.sum()==60

def test_a_full_disk_is_said_and_other_shards_go_on(here, urls, tmp_path, monkeypatch):
    write,full = shards.write_tar,[1]
    def writing(fn, items):
        write(fn, items)
        if full and full.pop(): raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setitem(shards.forms, 'tar', (writing,shards.tar_items))
    with pytest.warns(UserWarning, match='Shard 0 is not done: No space left'): df = gather_shards(urls, tmp_path, rows=20, allow_private=True)
    assert df.error.tolist()==['No space left on device','','',''] and df.ok.sum()<60
    df = gather_shards(urls, tmp_path, rows=20, allow_private=True)
    assert df.ok.sum()==60

def test_a_disk_that_is_full_while_fetching_leaves_the_shard_undone(here, urls, tmp_path, monkeypatch):
    def no_room(*args, **kwargs): raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with monkeypatch.context() as m:
        m.setattr(shards, 'download_images', lambda dest,urls,**kw: pd.DataFrame([dict(url=o.url, status='failed', reason=f'[Errno 28] {os.strerror(28)}', file='', sha256='') for o in urls]))
        with pytest.warns(UserWarning, match='No space left'): df = gather_shards(urls, tmp_path, rows=20)
    assert (df.error=='No space left on device').all()

def test_junk_lines(here, tmp_path):
    fn = tmp_path/'urls.csv'
    with open(fn, 'wb') as f:
        f.write(b'url,label\n')
        for i in range(20_000): f.write([b'\x00\xff\xfe"junk"\n', b'a,b,c,d\n', b'ftp//no,x\n', b',\n', b'"open,x\n'][i%5])
    df = gather_shards(fn, tmp_path/'out', rows=5000)
    assert df.rows.sum()==20_000 and (df.failed==df.rows).all()
    why = manifest(tmp_path/'out').reason
    assert why.str.startswith('not a web address').all() and why.str.contains('4 cells where 2 are wanted').sum()==4000

def test_odd_addresses_have_their_rows(here, web, tmp_path):
    odd = ['http://a/\n/x.jpg', 'http://[::bad/x.jpg', 'http://a/\x00.jpg', 'http://a/"q",.jpg', ' '+web.url('/1.jpg'), 'file:///etc/passwd', 'http://a/\r.jpg', web.url('/2.jpg')]
    pd.DataFrame(dict(url=odd)).to_parquet(tmp_path/'u.parquet')
    gather_shards(tmp_path/'u.parquet', tmp_path/'out', allow_private=True)
    df = manifest(tmp_path/'out')
    assert df.url.tolist()==odd and df.status.tolist()==['failed']*7+['ok'] and (df.reason[:7]!='').all()

@pytest.mark.parametrize('b,said', [(b'', 'wanted url'), (b'name,size\na,1\n', 'wanted url'), (b'PAR1junk', 'wanted url')])
def test_lists_that_are_none(here, b, said, tmp_path):
    (tmp_path/'urls.csv').write_bytes(b)
    with pytest.raises(ValueError, match=said): gather_shards(tmp_path/'urls.csv', tmp_path/'out')

def test_foreign_parquet(here, tmp_path):
    pd.DataFrame(dict(a=[1])).to_parquet(tmp_path/'a.parquet')
    (tmp_path/'b.parquet').write_bytes(b'no parquet')
    with pytest.raises(ValueError, match='has the columns a: wanted url'): gather_shards(tmp_path/'a.parquet', tmp_path/'out')
    with pytest.raises(ValueError, match='can not be read as Parquet'): gather_shards(tmp_path/'b.parquet', tmp_path/'out')
    with pytest.raises(ValueError, match='wanted image'): import_shards(tmp_path/'a.parquet', tmp_path/'data')
    assert not (tmp_path/'out'/'plan.json').exists()

def test_another_list_in_the_same_folder_is_refused(here, urls, pool, tmp_path):
    with pytest.raises(ValueError, match='another list'): gather_shards(urls, pool, rows=21)
    (tmp_path/'urls.txt').write_text('http://localhost:1/a.jpg\n')
    with pytest.raises(ValueError, match='another list'): gather_shards(tmp_path/'urls.txt', pool, rows=20)

def stored(out): return manifest(out).query('status=="ok"')

def test_webdataset_opens_it(pool):
    wds = pytest.importorskip('webdataset', reason='comes with the extra dev')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        found = [o for o in wds.WebDataset([str(o) for o in sorted((pool/'pictures').iterdir())], shardshuffle=False).decode('pil')]
    df = stored(pool)
    assert [o['json']['label'] for o in found]==df.label.tolist() and len({o['__key__'] for o in found})==60
    sizes = [next(o[k] for k in ('jpg','png') if k in o).size for o in found]
    assert sizes==[*zip(df.width, df.height)]

def test_datasets_sees_pictures_without_a_cast(parquet, tmp_path):
    datasets = pytest.importorskip('datasets', reason='comes with the extra dev')
    ds = datasets.load_dataset('parquet', data_files=str(parquet/'pictures'/'*.parquet'), split='train', cache_dir=str(tmp_path))
    df = stored(parquet)
    assert ds['label']==df.label.tolist() and ds[0]['image'].size==(df.width.iloc[0],df.height.iloc[0])

def test_pandas_opens_it(parquet, pool):
    df = pd.concat(map(pd.read_parquet, sorted((parquet/'pictures').iterdir())))
    assert [hashlib.sha256(o['bytes']).hexdigest() for o in df.image]==df.sha256.tolist()
    a,b = stored(pool),stored(parquet)
    assert a.equals(b), 'both forms hold the same'

def contents(top): return sorted((o.parent.name,hashlib.sha256(o.read_bytes()).hexdigest()) for o in Dataset(top).files())

@pytest.mark.parametrize('form', ['tar','parquet'])
def test_there_and_back(here, form, tmp_path):
    heldout_folder(tmp_path/'digits')
    gather_shards(tmp_path/'digits', tmp_path/'out', rows=170, form=form)
    df = import_shards(tmp_path/'out', tmp_path/'back')
    assert contents(tmp_path/'back')==contents(tmp_path/'digits') and len(df)==400
    assert len(import_shards(tmp_path/'out', tmp_path/'back'))==400

def test_what_others_wrote_comes_in(tmp_path):
    rows = [(dict(file=f'a/{i}.seg.png', label=''),pics[i]) for i in (1,3)]
    import tarfile
    with tarfile.open(tmp_path/'x.tar', 'w') as t:
        for row,b in rows:
            shards.put(t, row['file'], b)
            shards.put(t, row['file'].split('.')[0]+'.cls', b'seven')
    assert import_shards(tmp_path, tmp_path/'data').label.tolist()==['seven']*2
    schema = pa.schema(dict(image=pa.struct(dict(bytes=pa.binary(), path=pa.string())), label=pa.int64()))
    t = pa.Table.from_pylist([dict(image=dict(bytes=pics[i], path=f'{i}.png'), label=v) for i,v in ((5,0),(7,1),(9,None))], schema)
    pa.parquet.write_table(t, tmp_path/'x.parquet')
    df = import_shards(tmp_path/'x.parquet', tmp_path/'two')
    assert df.label.tolist()==['0','1',''] and (df.status=='ok').all()

def test_a_label_with_a_slash_in_others_shards_is_a_row(tmp_path):
    shards.write_tar(tmp_path/'x.tar', [(dict(file=f'{i}.png', label=v),pics[i]) for i,v in ((1,'a/b'),(3,'c'))])
    df = import_shards(tmp_path/'x.tar', tmp_path/'data')
    assert df.status.tolist()==['failed','ok'] and "can't be the name of a class" in df.reason[0]

def test_verify_says_what_is_damaged(here, parquet, urls, tmp_path):
    gather_shards(urls, tmp_path, rows=20, allow_private=True)
    assert len(verify_shards(tmp_path))==len(verify_shards(parquet))==0
    fn = tmp_path/'pictures'/'00001.tar'
    b = bytearray(fn.read_bytes())
    b[700] ^= 255
    fn.write_bytes(b)
    (tmp_path/'pictures'/'00002.tar').unlink()
    fn.with_name('00003.tar').write_bytes(fn.with_name('00003.tar').read_bytes()[:1536])
    df = verify_shards(tmp_path)
    assert df.wrong[3:].str.contains('other bytes|can not be read|pictures can be read').all() and len(df)>3
    df = df[:3]
    assert df.shard.tolist()==[1,2,2] and 'other bytes' in df.wrong[0] and 'can not be read' in df.wrong[1] and df.wrong[2].startswith('0 pictures')

def test_predictions_are_those_of_a_folder(here, tmp_path):
    heldout_folder(tmp_path/'digits')
    gather_shards(tmp_path/'digits', tmp_path/'out', rows=170)
    fns = predict_shards(sample_model(), tmp_path/'out')
    at = dict(zip(stored(tmp_path/'out').file, stored(tmp_path/'out').url))
    got = pd.concat(map(pd.read_parquet, fns))
    got = got.assign(file=[at[o] for o in got.file]).sort_values('file')
    want = Predictor(sample_model()).predict_folder(tmp_path/'digits')
    assert got.file.tolist()==[(tmp_path/'digits'/o).as_uri() for o in want.file]
    assert got.predicted.tolist()==want.label.tolist() and np.allclose(got.prob, want.prob, atol=1e-5)
    old = [o.stat().st_mtime_ns for o in fns]
    assert [o.stat().st_mtime_ns for o in predict_shards(sample_model(), tmp_path/'out')]==old
    pa.parquet.write_table(pa.parquet.read_table(fns[0]).replace_schema_metadata(dict(model='another')), fns[0])
    assert [o.stat().st_mtime_ns==t for o,t in zip(predict_shards(sample_model(), tmp_path/'out'), old)]==[False,True,True]

def test_a_model_sees_what_is_gathered(urls, web, pool, tmp_path):
    df = gather_shards(urls, tmp_path, rows=20, n_workers=2, model=sample_model(), allow_private=True)
    assert same(pool, tmp_path) and (df.error=='').all()
    seen = content(tmp_path, 'predictions')
    want = [*map(pd.read_parquet, predict_shards(sample_model(), pool))]
    assert len(seen)==4 and all(pd.read_parquet(tmp_path/'predictions'/f'{i:05}.parquet').equals(o) for i,o in enumerate(want))
    (tmp_path/'predictions'/'00001.parquet').unlink()
    n,old = len(web.asked),content(tmp_path)
    gather_shards(urls, tmp_path, rows=20, n_workers=1, model=sample_model(), allow_private=True)
    assert content(tmp_path, 'predictions')==seen and content(tmp_path)==old and len(web.asked)==n
    with pytest.raises(Exception, match='none.onnx'): gather_shards(urls, tmp_path, rows=20, model=tmp_path/'none.onnx', allow_private=True)

def test_features_are_those_of_the_files(here, tmp_path):
    import torch
    from imgcls.learn.shards import feature_shards, frozen
    n = torch.get_num_threads()
    heldout_folder(tmp_path/'digits')
    gather_shards(tmp_path/'digits', tmp_path/'out', rows=170)
    net = 'resnet18',32,False
    fns = feature_shards(tmp_path/'out', *net)
    got = pd.concat(map(pd.read_parquet, fns))
    at = dict(zip(stored(tmp_path/'out').file, stored(tmp_path/'out').url))
    files = [Path(at[o].removeprefix('file://')) for o in got.file]
    want,bad = frozen(*net)[0].of(files)
    assert len(files)==400 and not bad and np.allclose(np.stack(got.features), want, atol=1e-5)
    old = [o.stat().st_mtime_ns for o in fns]
    fns[1].unlink()
    assert [o.stat().st_mtime_ns==t for o,t in zip(feature_shards(tmp_path/'out', *net), old)]==[True,False,True]
    assert all(o.stat().st_mtime_ns!=t for o,t in zip(feature_shards(tmp_path/'out', 'resnet18', 64, False), old))
    torch.set_num_threads(n)

def hashes(n, copies, seed, skew=0):
    "Hashes, of which `copies` are near to others or the same; `skew`: bits of the first word that nearly all share"
    rng = np.random.default_rng(seed)
    h = rng.integers(2**64, size=(n,4), dtype='uint64')
    h[:,0] &= np.uint64(2**(64-skew)-1)
    old,new = rng.integers(n, size=(2,copies))
    k = rng.integers(0, 45, copies)
    for i,j,m in zip(old, new, k):
        flip = np.zeros(256, 'uint8')
        flip[rng.choice(256, m, replace=False)] = 1
        h[j] = h[i] ^ np.packbits(flip).view('>u8').astype('uint64')
    return h

@pytest.mark.parametrize('n,copies,skew', [(0,0,0),(1,0,0),(2,1,0),(300,200,0),(5000,3000,0),(5000,3000,40),(30_000,10_000,0)])
def test_banded_groups_are_those_in_memory(n, copies, skew):
    h = hashes(n, copies, n, skew)
    want = group_ids(near_pairs(h), n)
    assert (banded.banded_groups(h)==want).all()
    if copies>100: assert (want!=np.arange(n)).sum()>copies/4

def test_sorting_in_portions_changes_no_group(monkeypatch):
    h = hashes(20_000, 8000, 1)
    want = group_ids(near_pairs(h), len(h))
    monkeypatch.setattr(banded, 'portions', functools.partial(banded.portions, most=700))
    assert (banded.banded_groups(h)==want).all() and (want!=np.arange(len(h))).any()

def test_groups_over_shards(here, pool):
    df = pd.concat(map(pd.read_parquet, group_shards(pool)), ignore_index=True)
    ok = stored(pool)
    ids = group_ids(near_pairs(hash_array(ok.phash)), len(ok))
    assert df.file.tolist()==ok.file.tolist() and df.group.tolist()==ok.file.iloc[ids].tolist()

def test_the_command(urls, tmp_path):
    cmd = [Path(sys.executable).parent/'imgcls-gather', str(urls), str(tmp_path/'out'), '--shards', '40', '--allow-private', '--model', sample_model()]
    p = subprocess.run(cmd, capture_output=True, text=True)
    assert p.returncode==0, p.stderr
    assert json.loads((tmp_path/'out'/'plan.json').read_text())['shards']==2 and 'quarantined' in p.stdout
    assert len(content(tmp_path/'out', 'predictions'))==2
    p = subprocess.run([cmd[0],'x','--model',cmd[-1]], capture_output=True, text=True)
    assert p.returncode and 'goes with --shards' in p.stderr
    p = subprocess.run(cmd[:2], capture_output=True, text=True)
    assert p.returncode and 'Traceback' not in p.stderr

def test_streams_show_each_picture_once_an_epoch_and_twins_on_one_side(here, tmp_path):
    from imgcls.learn.data import get_dls
    heldout_folder(tmp_path/'digits')
    gather_shards(tmp_path/'digits', tmp_path/'out', rows=90)
    with pytest.warns(UserWarning, match='group_shards'): get_dls(tmp_path/'out', 32)
    group_shards(tmp_path/'out')
    dls = get_dls(tmp_path/'out', 32, bs=16, batch_tfms=[])
    def epoch(dl): return [tuple(x.flatten()[::97].tolist()) for b in dl for x in b[0]]
    a,b,valid = epoch(dls.train),epoch(dls.train),epoch(dls.valid)
    assert a!=b and len(a)+len(valid)>400-16 and valid==epoch(dls.valid) and len(valid)==dls.valid.n
    groups = pd.concat(map(pd.read_parquet, sorted((tmp_path/'out'/'groups').iterdir())))
    from imgcls.learn.stream import shard_table
    sides = pd.concat(shard_table(tmp_path/'out', i) for i in range(5)).merge(groups)
    assert (sides.groupby('group').valid.nunique()==1).all() and len(sides)==400

def test_a_network_learns_from_a_stream(here, tmp_path):
    from fastai.vision.all import Learner, accuracy, nn, set_seed
    from imgcls.learn.data import get_dls
    heldout_folder(tmp_path/'digits')
    gather_shards(tmp_path/'digits', tmp_path/'out', rows=150, max_size=48)
    group_shards(tmp_path/'out')
    dls = get_dls(tmp_path/'out', 28, bs=32, batch_tfms=[])
    set_seed(42)
    net = nn.Sequential(nn.Conv2d(3,16,3,2,1), nn.ReLU(), nn.Conv2d(16,32,3,2,1), nn.ReLU(), nn.Flatten(), nn.LazyLinear(dls.c))
    net(dls.one_batch()[0])
    learn = Learner(dls, net, metrics=accuracy)
    with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(8, 5e-3)
    assert learn.validate()[1]>.4

def test_what_a_stream_can_not_do_is_said(here, tmp_path):
    from imgcls.learn.data import get_dls
    heldout_folder(tmp_path/'digits')
    gather_shards(tmp_path/'digits', tmp_path/'out', rows=400)
    with pytest.raises(ValueError, match='balance'): get_dls(tmp_path/'out', 32, balance=True)
