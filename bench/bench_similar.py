"Similar pairs among 20,000 vectors of 512: the tiles of `similar_pairs`, the full matrix in torch, and scikit-learn's `NearestNeighbors(radius)`, in turns"
import statistics, subprocess, sys, time
import numpy as np, torch
from sklearn.neighbors import NearestNeighbors
from imgcls.twins import outliers, similar_pairs

def vectors(n, planted):
    "`n` vectors of which `planted` are near another"
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n,512)).astype('float32')
    x[n-planted:] = x[:planted]+rng.normal(size=(planted,512)).astype('float32')*.2
    return x

def ours(x, min_sim): return len(similar_pairs(x, min_sim)[0])

def full(x, min_sim):
    y = torch.nn.functional.normalize(torch.from_numpy(x), dim=1)
    return len((y@y.T>=min_sim).triu(1).nonzero())

def sklearn(x, min_sim):
    y = x/np.linalg.norm(x, axis=1, keepdims=True)
    nn = NearestNeighbors(radius=(2-2*min_sim)**.5, algorithm='brute').fit(y)
    return (sum(map(len, nn.radius_neighbors(y, return_distance=False)))-len(x))//2

def strange(x, min_sim): return len(outliers(x, np.arange(len(x))%10))

ways = dict(ours=ours, full=full, sklearn=sklearn, strange=strange)

def peak(way, n, planted):
    "MB that `way` adds to the largest size of a process of its own (Linux; `getrusage` would start from the parent's)"
    code = rf'''import re, sys; sys.path.insert(0, 'bench')
from bench_similar import vectors, ways
x = vectors({n}, {planted})
ways['{way}'](x[:2000], .95)
mb = lambda: int(re.search(r'VmHWM:\s+(\d+)', open('/proc/self/status').read())[1])/1024
open('/proc/self/clear_refs', 'w').write('5')
old = mb()
ways['{way}'](x, .95)
print(mb()-old)'''
    return float(subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout.split()[-1])

def main(n=20_000, planted=500, runs=5):
    x = vectors(n, planted)
    ts,found = {o:[] for o in ways},{}
    for f in ways.values(): f(x[:5000], .95)
    for _ in range(runs):
        for o,f in ways.items():
            t = time.perf_counter()
            found[o] = f(x, .95)
            ts[o].append(time.perf_counter()-t)
    ratio = lambda o: statistics.median(b/a for a,b in zip(ts['ours'], ts[o]))
    names = dict(ours='`similar_pairs`', full='full matrix, torch', sklearn='`NearestNeighbors(radius)`, scikit-learn')
    rows = [f'| {v} | {statistics.median(ts[k]):.2f} | {ratio(k):.1f} × | {peak(k, n, planted):.0f} | {found[k]:,} |' for k,v in names.items()]
    print(f'''## Similar pairs ({n:,} vectors of 512, cosine .95 or more, {planted} planted; {runs} runs, in turns)

| | seconds | as long (median of pairs) | peak MB, besides the vectors | pairs found |
|---|---|---|---|---|
{chr(10).join(rows)}

`outliers` of the same vectors in ten classes: {statistics.median(ts['strange']):.2f} s, {peak('strange', n, planted):.0f} MB.''')

if __name__=='__main__': main()
