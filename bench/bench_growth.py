"From 1,000 addresses of tiny pictures to 200,000, without latency, 128 connections on 20 hosts: does the rate fall, does the memory grow?"
from bench_download import addresses, run, servers

ways = dict(shards=('`gather_shards`, shards of 1,000 addresses, one process', 200_000), imgcls=('`download_images`, whose manifest is returned', 20_000))

def row(name, what, n, port):
    "Few and many addresses, by one way"
    a,b = [run(name, addresses([f'/tiny/{i}.jpg' for i in range(k)], port), secs=900) for k in (1000,n)]
    return f'| {what} | {n:,} | {a["rate"]:.0f} | {b["rate"]:.0f} | {a["mb"]:.0f} | {b["mb"]:.0f} | {b["mb"]-a["mb"]:+.0f} |'

def main():
    ps,port = servers(1000)
    rows = '\n'.join(row(k, *o, port) for k,o in ways.items())
    for p in ps: p.kill()
    print(f'''## Many addresses (tiny pictures, no latency, 128 connections on 20 hosts of this machine)

A second, and peak MB, of 1,000 addresses and of many; wanted: no slower, and at most 50 MB more.

| | many | of 1,000 | of many | MB of 1,000 | MB of many | more |
|---|---|---|---|---|---|---|
{rows}''')

if __name__=='__main__': main()
