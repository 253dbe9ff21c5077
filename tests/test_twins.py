"Twins by bytes, hash and features; and who is far from everybody"
import subprocess, sys, warnings
import numpy as np, pandas as pd, pytest, torch
from hypothesis import given, settings, strategies as st
from pathlib import Path
from PIL import Image, ImageDraw
from imgcls.dataset import Dataset
from imgcls.picture import hash_array, is_plain, measure, phash
from imgcls.sample import draw_digit
from imgcls.twins import cut_pairs, duplicates, group_ids, hash_pairs, near_pairs, look_alikes, outliers, similar_pairs, stable_split

def unit(x): return x/np.linalg.norm(x, axis=1, keepdims=True).clip(1e-12)
def rand_hashes(n, seed=0): return np.random.default_rng(seed).integers(0, 2**64, (n,4), dtype='uint64')

def groups(pairs, n): return [o for o in pd.Series(range(n)).groupby(group_ids(pairs, n)).indices.values() if len(o)>1]

def flipped(h, n, seed=0):
    "Hash `h` with `n` bits changed"
    bits = np.zeros(256, bool)
    bits[np.random.default_rng(seed).permutation(256)[:n]] = True
    return h^np.packbits(bits).view('uint64')

@pytest.mark.parametrize('n', [2,700,5000])
def test_every_pair_is_found(n):
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n,64)).astype('float32')
    for i in range(0, n//3, 2): x[n-1-i] = x[i]+rng.normal(size=64)*rng.uniform(.1, 1)
    for min_sim in (.5,.8,.95,1):
        pairs,sims = similar_pairs(x, min_sim, crowd=n)
        s = unit(x)@unit(x).T
        got,want = {tuple(o) for o in pairs.tolist()},{tuple(o) for o in np.argwhere(np.triu(s>=min_sim, 1)).tolist()}
        close = {tuple(o) for o in np.argwhere(np.triu(abs(s-min_sim)<1e-5, 1)).tolist()}
        assert got^want<=close and pairs.shape==(len(sims),2)
        assert np.allclose(sims, s[tuple(pairs.T)], atol=1e-5) and (pairs[:,0]<pairs[:,1]).all() and sims.max(initial=0)<=1

def test_crowds_stay_joined_and_small():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6000,64)).astype('float32')
    x[::2] = x[0]
    x[1:2000:4] = x[1]+rng.normal(size=(500,64))*.01
    x[4001] = x[4003]
    pairs,_ = similar_pairs(x, .98)
    assert len(pairs)<4*6000
    found = {tuple(sorted(o)) for o in groups(pairs, len(x))}
    assert found=={tuple(range(0, 6000, 2)),tuple(range(1, 2000, 4)),(4001,4003)}
    few = similar_pairs(x[::2][:20])[0]
    assert len(few)==20*19//2

def test_two_crowds_that_meet_become_one():
    a,b = np.eye(2)
    x = np.stack([a]*100+[b]*100+[a+b])
    assert [len(o) for o in groups(similar_pairs(x, .7)[0], 201)]==[201]
    assert [len(o) for o in groups(similar_pairs(x[:-1], .7)[0], 200)]==[100,100]

def test_what_is_no_vector():
    x = np.random.default_rng(0).normal(size=(9,4))
    for bad in (np.nan,np.inf):
        y = x.copy()
        y[5,2] = bad
        for f in (similar_pairs, lambda o: outliers(o, [0]*9), lambda o: look_alikes(rand_hashes(9), o)):
            with pytest.raises(ValueError, match='1 of 9 rows, first in row 5'): f(y)
    with pytest.raises(ValueError, match=r'shape \(9,\).*n,features'): similar_pairs(x[:,0])
    for bad in (0,-1,1.1,98):
        with pytest.raises(ValueError, match='wanted a cosine'): similar_pairs(x, bad)
    x[2:7] = 0
    assert not {2,3,4,5,6}&set(similar_pairs(x, .01)[0].ravel().tolist())
    assert similar_pairs(np.zeros((0,8)))[0].shape==(0,2) and similar_pairs(x[:1])[0].shape==(0,2)
    assert len(similar_pairs(torch.tensor(x[:2]).half().requires_grad_(), .01)[1])<=1

@pytest.mark.skipif(not Path('/proc/self/status').exists(), reason='Linux tells the peak')
def test_memory_of_20_000_vectors():
    code = r'''import re, torch, numpy as np
from imgcls.twins import similar_pairs, outliers
x = np.random.default_rng(0).normal(size=(20_000,512)).astype('float32')
x[7000:9000] = x[7000]
def peak(): return int(re.search(r'VmHWM:\s+(\d+)', open('/proc/self/status').read())[1])/1024
open('/proc/self/clear_refs', 'w').write('5')
before = peak()
assert len(similar_pairs(x)[0])>=1999 and len(outliers(x, np.arange(20_000)%10))==20_000
print(peak()-before)'''
    assert float(subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout.split()[-1])<400

def test_kinds():
    h = rand_hashes(100)
    g = np.random.default_rng(1).random((32,32))
    h[0],h[1] = hash_array([phash(g), phash(g[:,::-1])])
    h[3],h[5],h[6] = flipped(h[2], 20),h[4],h[4]
    x = np.random.default_rng(0).normal(size=(100,64))
    x[11] = x[10]+np.random.default_rng(2).normal(size=64)*.1
    sha = [f'{i}' for i in range(100)]
    sha[5] = sha[6] = sha[4]
    df = look_alikes(h, x, sha)
    assert [tuple(o) for o in df[['i','j','kind']].values]==[(4,5,'exact'),(4,6,'exact'),(2,3,'near'),(0,1,'mirrored'),(10,11,'similar')]
    assert df.bits.tolist()[:4]==[0,0,20,0] and df.sim.between(-1, 1).all() and df.sim.iloc[-1]>.98
    assert list(look_alikes(h, sha=sha).kind)==['exact']*2+['near','mirrored'] and look_alikes(h).sim.isna().all()
    assert 'similar' not in set(look_alikes(h, x, chance=0).kind)

def test_pictures_without_a_hash():
    h = np.zeros((40,4), 'uint64')
    known = np.arange(40)<30
    h[:30] = rand_hashes(30)
    h[3] = h[2]
    x = np.random.default_rng(0).normal(size=(40,64))
    x[35] = x[34]
    sha = ['']*38+['same','same']
    df = look_alikes(h, x, sha, known)
    assert [tuple(o) for o in df[['i','j','kind']].values]==[(38,39,'exact'),(2,3,'near'),(34,35,'similar')]
    assert df.bits.isna().tolist()==[True,False,True]
    assert len(look_alikes(h[:0]))==len(look_alikes(h[:1]))==0 and list(look_alikes(h[:0], x[:0], []).columns)==['i','j','kind','bits','sim']

def test_copies_en_masse():
    h = np.tile(rand_hashes(1), (3000,1))
    x = np.ones((3000,16))
    df = look_alikes(h, x, ['a']*3000)
    assert len(df)==2999 and (df.kind=='exact').all() and (df.i==0).all()
    assert len(look_alikes(rand_hashes(3000), x))==0, 'features that are all the same say nothing'

def test_chance_keeps_its_word():
    "Points without a pattern, in few and in many dimensions: of 20 sets, nearly none may have a pair"
    for d in (3,6,30):
        n = [len(look_alikes(rand_hashes(300, s), np.random.default_rng(s).normal(size=(300,d+1)), chance=.1)) for s in range(20)]
        assert sum(n)<=8, (d,n)

def test_wrong_inputs_of_look_alikes():
    h,x = rand_hashes(9),np.ones((9,4))
    for bad in (['ab'*32]*9, h.astype(int), h[:,:2]):
        with pytest.raises(ValueError, match='hash_array'): look_alikes(bad)
    for k,v in dict(feats=x[:8], sha=['']*8, known=np.ones(8, bool)).items():
        with pytest.raises(ValueError, match=rf'{k} has shape \(8,'): look_alikes(h, **{k:v})
    with pytest.raises(ValueError, match='bool'): look_alikes(h, known=[0,1,2]*3)

def brute(x, t, g):
    "`outliers`, the long way"
    x,t,g = unit(x),np.array(t),np.array(g)
    d = np.full((len(x),t.max()+1), np.inf)
    for i in range(len(x)):
        for k in range(t.max()+1):
            of = (t==k)&(g!=g[i])
            if of.any(): d[i,k] = 1-unit(x[of].sum(0)[None])[0]@x[i]
    own = d[range(len(x)),t]
    return d.min(1)/np.median(own[np.isfinite(own)])

def test_outliers_against_the_long_way():
    rng = np.random.default_rng(0)
    x,t,g = rng.normal(size=(80,8))+3,rng.integers(0, 4, 80),rng.integers(0, 60, 80)
    t[7] = 4 # alone in its class
    assert np.allclose(outliers(x, t, g), brute(x, t, g), atol=1e-4)
    assert np.allclose(outliers(x, t), brute(x, t, range(80)), atol=1e-4)
    assert np.allclose(outliers(torch.tensor(x), np.array(list('abcde'))[t], [f'g{o}' for o in g]), outliers(x, t, g), atol=1e-6)

def test_twins_do_not_vouch_for_each_other():
    rng = np.random.default_rng(0)
    x = np.eye(6)[0]+rng.normal(size=(30,6))*.1
    x[20:] = np.eye(6)[1]+rng.normal(size=(10,6))*.1
    x[0] = x[1] = np.eye(6)[5]
    t,g = [0]*20+[1]*10,[0,0,*range(2, 30)]
    odd = outliers(x, t, g)
    assert set(np.argsort(-odd)[:2])=={0,1} and odd[0]>outliers(x, t)[0] and odd[0]>5*np.median(odd)

def test_outliers_of_little():
    assert outliers(np.zeros((0,4)), []).shape==(0,)
    assert np.isnan(outliers(np.ones((1,4)), ['a'])).all() and np.isnan(outliers(np.ones((2,4)), ['a','a'], [0,0])).all()
    assert np.isfinite(outliers(np.eye(3), list('abc'))).all()
    assert (outliers(np.ones((5,4)), [0]*5)<1).all() and np.isfinite(outliers(np.zeros((5,4)), [0]*5)).all()
    with pytest.raises(ValueError, match='one for each of the 5'): outliers(np.ones((5,4)), [0]*4)
    with pytest.raises(ValueError, match='groups has shape'): outliers(np.ones((5,4)), [0]*5, [1])

def test_a_table_is_a_table(): assert isinstance(look_alikes(rand_hashes(3)), pd.DataFrame)

@given(st.lists(st.tuples(st.sampled_from('abc'), st.integers(0, 8), st.sampled_from([None,None,'train','valid'])), min_size=1, max_size=40), st.floats(.05, .6))
@settings(deadline=None)
def test_groups_stay_whole_whatever_the_share(rows, pct):
    labels,group,was = map(list, zip(*rows))
    keys = [f'k{i}' for i in range(len(rows))]
    known = {k:v for k,v in zip(keys, was) if v}
    with warnings.catch_warnings(record=True):
        side = stable_split(labels, keys, group, pct, 1, known)
        order = np.random.default_rng(0).permutation(len(rows))
        again = stable_split(*[[o[i] for i in order] for o in (labels,keys,group)], pct, 1, known)
    df = pd.DataFrame(dict(label=labels, group=group, side=side, was=was))
    assert df.groupby('group').side.nunique().eq(1).all() and [side[i] for i in order]==again
    for g,o in df.groupby('group'):
        if {*o.was.dropna()}=={'train'} or {*o.was.dropna()}=={'valid'}: assert {*o.side}=={*o.was.dropna()}
    alone = df[df.groupby('group').label.transform('nunique')==1] # groups of one class
    if df.was.isna().all() and len(alone)==len(df):
        for k,o in df.groupby('label'): assert {*o.side}==({'train','valid'} if o.group.nunique()>1 else {'train'})

def burst(folder, tag, n, seed):
    "`n` shots of one thing"
    folder.mkdir(parents=True, exist_ok=True)
    a = np.random.default_rng(seed).integers(0, 255, (9,12,3), dtype='uint8')
    im = Image.fromarray(a).resize((240,180), Image.BICUBIC)
    for i in range(n): im.crop((i,0,200+i,178)).save(folder/f'{tag}-{i}.jpg')

def sides(path, **kwargs):
    ds = Dataset(path)
    df = ds.split(ds.items(), **kwargs)
    return df.assign(thing=df.name.str.split('-').str[0]).groupby(['label','thing']).split.agg(lambda o: ' '.join(sorted({*o}))).to_dict()

@pytest.mark.parametrize('n', [(8,8,8),(30,30,30),(30,2,1),(25,1)])
def test_bursts_stay_on_one_side(tmp_path, n):
    for s,c in enumerate(('cup','pen')):
        for k,m in enumerate(n): burst(tmp_path/c, f'{k}', m, 9*s+k)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        res = sides(tmp_path)
    assert {*res.values()}=={'train','valid'} and {k[0] for k,v in res.items() if v=='valid'}=={'cup','pen'}
    assert len(said)==(2 if min(n)>2 else 0) and all(f'{min(n)} of {sum(n)} pictures of' in str(o.message) for o in said)
    with warnings.catch_warnings(): assert sides(tmp_path)==res

def test_one_burst_in_each_class(tmp_path):
    for s,c in enumerate(('cup','pen')): burst(tmp_path/c, 'a', 12, s)
    with pytest.warns(UserWarning, match='look alike, so they are on both sides'): res = sides(tmp_path)
    assert {*res.values()}=={'train valid'}
    burst(tmp_path/'cup', 'b', 5, 7)
    with pytest.warns(UserWarning, match='5 of 17 pictures of cup'): res = sides(tmp_path, seed=1)
    assert {k[1].split('/')[1]:v for k,v in res.items() if k[0]=='cup'}==dict(a='train', b='valid') and res['pen','pen/a']=='train'

def test_leaks_in_given_splits_are_said(tmp_path):
    def said(**kwargs):
        with warnings.catch_warnings(record=True) as res:
            warnings.simplefilter('always')
            ds.split(ds.items(**kwargs))
        return [str(o.message) for o in res if 'training set too' in str(o.message)]
    for s,o in enumerate(('train/cat','train/dog','valid/cat','valid/dog','test/cat')): burst(tmp_path/o, 'x', 3, s)
    ds = Dataset(tmp_path)
    assert not said()
    im = Image.open(tmp_path/'train'/'dog'/'x-1.jpg')
    im.resize((90,80)).save(tmp_path/'valid'/'dog'/'small.png')
    assert len(said())==1 and said()[0].startswith('1 of 10 pictures') and 'valid/dog/small.png and train/dog/x-' in said()[0]
    im.save(tmp_path/'test'/'cat'/'again.jpg', quality=30)
    assert said()[0].startswith('2 of 11 pictures')
    df = pd.DataFrame(dict(name=ds.names(), label='a')).assign(split=(['train','valid']*9)[:17])
    assert 'of 8 pictures' in said(df=df)[0] and not said(df=df.assign(split=''))

def drawing(f, size=64, colour='white'):
    im = Image.new('RGB', (size,size), colour)
    f(ImageDraw.Draw(im))
    return im

def gradient(a, b): return Image.fromarray(np.linspace(a, b, 64).round().astype('uint8').repeat(64).reshape(64,64))
def speckled(level, seed): return Image.fromarray((level+np.random.default_rng(seed).normal(0, 1.5, (300,200,3))).clip(0, 255).astype('uint8'))
def tiny(n, seed): return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (n,n,3), dtype='uint8'))
def marks(at, r, size): return [drawing(lambda d: getattr(d, f)((at,at,at+r,at+r), 'black'), size) for f in ('ellipse','rectangle','line')]

plain = dict(swatches=[Image.new('RGB', (64,48), o) for o in ('red','blue','#c80a0a','#0a0ac8','white','black','#010101')])
plain |= dict(gradients=[gradient(*o) for o in ((100,110),(150,160),(0,255),(255,0),(30,31))], marks=marks(40, 48, 512)+marks(300, 30, 400))
plain |= {k:[speckled(v, o) for o in range(5)] for k,v in dict(scans=250, frames=1).items()} | {f'{n} px':[tiny(n, o) for o in range(7)] for n in (1,2,3)}
plain |= dict(letters=[drawing(lambda d: d.text((20,20), o, 'black')) for o in 'ABCDE'], lines=[drawing(lambda d: d.line((5,o,59,o), 'black')) for o in (9,21,40)])

@pytest.mark.parametrize('kind', plain)
def test_plain_pictures_are_twins_of_their_like_only(tmp_path, kind):
    for i,im in enumerate(plain[kind]):
        (tmp_path/f'{i%2}').mkdir(exist_ok=True)
        im.convert('RGB').save(tmp_path/f'{i%2}'/f'{i}.png')
    assert not len(duplicates(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        if len(plain[kind])>4: sides(tmp_path)
    Image.open(tmp_path/'0'/'0.png').save(tmp_path/'1'/'same.bmp')
    df = duplicates(tmp_path)
    assert df.file.tolist()==['0/0.png','1/same.bmp'] and df.across.all() and df.kind.eq('near').all()

def test_what_is_to_be_seen_has_a_hash_that_sees():
    for s in range(40):
        im = Image.fromarray(np.random.default_rng(s).integers(0, 255, (20,20,3), dtype='uint8')).resize((256,256), Image.BICUBIC)
        a,b = [np.asarray(o) for o in (im,im.resize((120,120)))]
        assert np.bitwise_count(hash_array([measure(a)['phash']])^hash_array([measure(b)['phash']])).sum()<=16 and not is_plain(np.asarray(im.convert('L').resize((32,32))))

def scene(seed):
    "A picture that is no other"
    rng = np.random.default_rng(seed)
    parts = [np.asarray(Image.fromarray(rng.integers(0, 255, (3*k,4*k,3), dtype='uint8')).resize((300,220), Image.BICUBIC))/k for k in (1,2,4,8,16)]
    return Image.fromarray((sum(parts)/2).astype('uint8'))

def test_pieces_and_mirror_images_are_twins(tmp_path):
    (tmp_path/'a').mkdir()
    made = {}
    for i in range(60):
        im = scene(i)
        im.save(tmp_path/'a'/f'{i}.png')
        if i<20: made[f'a/{i}.jpg'] = 'cropped',im.crop([round(o*k) for o,k in zip(im.size*2, (.025,.025,.975,.975))])
        elif i<40: made[f'a/{i}.jpg'] = 'mirrored',im.transpose(Image.FLIP_LEFT_RIGHT)
    for k,(_,im) in made.items(): im.resize((270,200)).save(tmp_path/k, quality=70)
    df = duplicates(tmp_path)
    assert {tuple(sorted(Path(o).stem for o in g)) for g in df.groupby('group').file.agg(list)}<={(str(i),str(i)) for i in range(40)}
    found = dict(zip(df.file, df.kind))
    n = {kind:sum(kind==v and found.get(k) in (kind,'near') for k,(v,_) in made.items()) for kind in ('cropped','mirrored')}
    assert n['mirrored']==20 and n['cropped']>=19, n

def test_digits_are_no_pieces_of_each_other(tmp_path):
    h = hash_array([measure(np.asarray(draw_digit(i)))['phash'] for i in range(600)])
    for i in range(600): draw_digit(i).save(tmp_path/f'{i}.png')
    assert len(near_pairs(h, 96))>600 and not len(cut_pairs([tmp_path/f'{i}.png' for i in range(600)], h)) and not len(hash_pairs(h)[1])
