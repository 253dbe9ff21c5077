"Twins by bytes, hash and features; and who is far from everybody"
import subprocess, sys
import numpy as np, pandas as pd, pytest, torch
from pathlib import Path
from imgcls.picture import hash_array, phash
from imgcls.twins import group_ids, look_alikes, outliers, similar_pairs

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
