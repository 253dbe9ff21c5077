"Near-duplicate pairs among 100,000 hashes: the look-up of `near_pairs`, and comparing every hash with every other in numpy"
import statistics, time
import numpy as np
from imgcls.twins import near_pairs

def brute(h, max_dist=32, rows=64):
    "All pairs that are near, the long way"
    res = []
    for i in range(0, len(h), rows):
        d = np.bitwise_count(h[i:i+rows,None]^h[None,i:]).sum(-1)
        a,b = np.nonzero(d<=max_dist)
        res.append(np.stack([a+i,b+i,d[a,b]], 1)[b>a])
    return np.concatenate(res)

def main(n=100_000, planted=2000, runs=7):
    rng = np.random.default_rng(0)
    h = rng.integers(0, 2**64, (n,4), dtype='uint64')
    for i,j in rng.permutation(n)[:2*planted].reshape(-1, 2):
        bits = np.zeros(256, bool)
        bits[rng.permutation(256)[:rng.integers(0, 17)]] = True
        h[j] = h[i]^np.packbits(bits).view('uint64')
    ts = []
    near_pairs(h)
    for _ in range(runs):
        t = time.perf_counter()
        found = near_pairs(h)
        ts.append(time.perf_counter()-t)
    m = n//10
    t = time.perf_counter()
    want = brute(h[:m])
    slow = (time.perf_counter()-t)*(n/m)**2
    small = near_pairs(h[:m])
    print(f'''## Near-duplicates ({n:,} hashes of 256 bits, {planted:,} of them changed in 0–16 bits; {runs} runs)

| | imgcls | every pair, in numpy | ratio |
|---|---|---|---|
| seconds | {statistics.median(ts):.2f} | {slow:.0f} (from a tenth of the hashes, times 100) | {slow/statistics.median(ts):.0f} × |
| pairs found | {len(found):,} of {planted:,} | | |
| on that tenth | {len(small)} | {len(want)} | |''')

if __name__=='__main__': main()
