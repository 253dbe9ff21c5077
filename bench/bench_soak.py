"Ten minutes of the HTTP service at 80 % of what it can, with 5 % bad requests; then the signal to stop, in mid-load"
import re, statistics, sys, tempfile, time
from collections import Counter
from pathlib import Path
import photos
from bench_predict import models
from service import load, mb, rows, running, visitors

cmd = ['imgcls.use.listen','int8.onnx','--quiet']

def watch(p, gone, every=2):
    "Memory of process `p` until process `gone` ends: [(seconds, MB)]"
    t,res = time.time(),[]
    while gone.poll() is None:
        res.append((time.time()-t, mb(p, 'VmRSS')))
        time.sleep(every)
    return res

def failures(out):
    "What visitors saw that they should not have seen: words → how often"
    return Counter({re.sub(r'\d{2,}', 'N', o['Error']) if 'status' not in o['Error'] else o['Error']:int(o['Occurrences']) for o in rows(out, 'failures')})

def soak(path, rate, secs):
    "(table of `secs` seconds at `rate`, memory over time, failures)"
    with running(cmd, path) as (p,url):
        gen,out = visitors(url, path/'photos', 64, secs, rate=rate, bad=.05)
        mem = watch(p, gen)
    return rows(out, 'stats'),mem,failures(out)

def stop(path, rate):
    "(answers, failures) when the service is told to stop in mid-load"
    with running(cmd, path) as (p,url):
        gen,out = visitors(url, path/'photos', 64, 12, rate=rate, bad=.05)
        time.sleep(8)
        p.terminate()
        gen.wait()
    return int(rows(out, 'stats')[-1]['Request Count']),failures(out)

def main(secs=600):
    path = Path(tempfile.mkdtemp())
    photos.write(path/'photos', 64)
    models(path)
    with running(cmd, path) as (_,url):
        load(url, path/'photos', 4, 3)
        most = statistics.median(load(url, path/'photos', 16, 10)[0] for _ in range(3))
    stats,mem,bad = soak(path, .8*most, secs)
    total = stats[-1]
    first,last = [statistics.median(m for t,m in mem if a<=t<b) for a,b in ((secs*.1, secs*.2),(secs*.9, secs+60))]
    n,gone = stop(path, .8*most)
    refused = sum(v for k,v in gone.items() if 'refused' in k.lower())
    kinds = '\n'.join(f'| {o["Name"]} | {int(o["Request Count"]):,} | {o["Failure Count"]} | {float(o["Median Response Time"]):.0f} | {float(o["99%"]):.0f} |' for o in stats)
    print(f'''## The HTTP service for {secs/60:g} minutes at 80 % of what it can (resnet18, int8, 224 px; {.8*most:.0f} requests a second, 5 % of them bad)

| | requests | other than expected | median, ms | 99 %, ms |
|---|---|---|---|---|
{kinds.replace("Aggregated", "all")}

What was not as expected: {", ".join(f"{k} ({v})" for k,v in bad.items()) or "nothing"}. Memory after a tenth of the time {first:.0f} MB, at the end {last:.0f} MB, at most {max(m for _,m in mem):.0f} MB.

Told to stop (SIGTERM) in mid-load: {n-sum(gone.values()):,} of {n:,} requests got the right answer, {refused} were refused a connection after the end, {sum(gone.values())-refused} were lost{": "+str(dict(gone)) if sum(gone.values())>refused else ""}.''')

if __name__=='__main__': main(int(sys.argv[1]) if sys.argv[1:] else 600)
