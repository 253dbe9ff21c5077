"""Ask each service that needs no key once, and say in what its answers differ from those that the tests serve. It needs a network, and is no part of CI:

    python bench/live_search.py [--contact ann@example.org] [commons inaturalist gbif openverse]"""
import os, sys, tempfile, warnings
from argparse import ArgumentParser
from contextlib import contextmanager
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent.parent/'tests'))
import imgcls.gather.search as S
from apis import hosts, services
from web import Web

terms = dict(commons='Ursus americanus', inaturalist='Ursus americanus', gbif='American black bear', openverse='black bear')

def fields(doc, at=''):
    "Pairs of path and type of all values in a JSON document; items of a list are []"
    if isinstance(doc, dict): return {o for k,v in doc.items() for o in fields(v, f'{at}.{k}')} | {(at,'dict')}
    if isinstance(doc, list): return {o for v in doc for o in fields(v, f'{at}[]')} | {(at,'list')}
    return {(at,type(doc).__name__)}

def differences(documented, real):
    "What `real` lacks, what is of another type there, and what is new, of two lists of fields; null is of every type"
    a,b = [{p:{t for q,t in fs if q==p}-{'NoneType'} for p,_ in fs} for fs in (documented,real)]
    other = sorted(f'{p}: {"/".join(sorted(a[p]))} → {"/".join(sorted(b[p]))}' for p in a if b.get(p) and a[p] and not b[p]&a[p])
    return sorted(a.keys()-b),other,sorted(b.keys()-a)

@contextmanager
def overheard():
    "All answers to `ask` within the block: pairs of last part of the address and answer"
    ask,heard = S.ask,[]
    def noting(who, url, *args, **kwargs):
        ans = ask(who, url, *args, **kwargs)
        heard.append((url.rstrip('/').rsplit('/', 1)[-1],ans))
        return ans
    S.ask = noting
    try: yield heard
    finally: S.ask = ask

def asked(name, contact=None):
    "The first page of an engine: hits, and fields of each kind of answer"
    with overheard() as heard: hits,_ = S.engines[name](S.Query(terms[name], contact=contact), None)
    found = {}
    for k,ans in heard: found[k] = found.get(k, set()) | fields(ans)
    return hits,found

def tested(name):
    "The same, of the server in the tests"
    real = dict(S.hosts)
    with Web(services()) as web:
        S.hosts.update(hosts(web))
        try: return asked(name)
        finally: S.hosts.update(real)

def report(name, contact=None):
    "Print how an engine answers; is everything there that the tests have?"
    documented = [*tested(name)[1].values()]
    try: hits,real = asked(name, contact)
    except S.SearchError as e: return print(f'## {name}\nno answer to compare: {e}\n')
    hits = [o for o in hits if o.url]
    known = sum(bool(S.kind_of(o.licence)) for o in hits)
    print(f'## {name}\n{len(hits)} hits, {known} with a licence that is known, {sum(bool(o.creator) for o in hits)} with a maker, {sum(o.width>0 for o in hits)} with a size')
    lacks,other,new = differences(set().union(*documented), set().union(*real.values()))
    for said,what in (('lacks',lacks),('other type',other)): print(f'{said}: {", ".join(what) or "nothing"}')
    print(f'new: {len(new)} fields, such as {", ".join(new[:5]) or "none"}')
    print(f'first: {hits[0] if hits else None}\n')
    return not lacks and not other

def main():
    p = ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('engine', nargs='*', default=[*terms], help='which to ask; default: all')
    p.add_argument('--contact', help='mail or page of yours, for Wikimedia')
    args = p.parse_args()
    wrong = {*args.engine}-{*terms}
    if wrong: p.error(f'no such engine: {", ".join(sorted(wrong))}; wanted some of {", ".join(terms)}')
    os.environ['IMGCLS_CACHE'] = os.environ.get('IMGCLS_CACHE') or tempfile.mkdtemp()
    warnings.simplefilter('default')
    same = [report(o, args.contact) for o in args.engine]
    sys.exit(0 if all(same) else 1)

if __name__=='__main__': main()
