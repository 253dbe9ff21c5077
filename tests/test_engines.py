"Engines that need no key, asked on a loopback server that answers in each one's documented shape; what they allow, kept by two processes; depth; credits"
import copy, subprocess, sys, time, warnings
import httpx, pytest
import imgcls.gather.search as S
from pathlib import Path
from imgcls.dataset import Dataset
from imgcls.gather.credits import attribution, credits_for
from imgcls.gather.licence import allows, kind_of
from imgcls.gather.search import Blocked, NoResults, QuotaUsedUp, SearchError, normal_url, search_images
from imgcls.gather.shell import gather
from imgcls.net import TooMany, leave_alone, take_turn, turns
from imgcls.sample import draw_digit, encode_image
from apis import hosts, openverse, services
from web import Web, says, tells

keyless = 'commons inaturalist gbif openverse'.split()
term = 'Ursus americanus'

@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    "An empty cache, nobody's address"
    monkeypatch.setenv('IMGCLS_CACHE', str(tmp_path/'cache'))
    monkeypatch.delenv('IMGCLS_CONTACT', raising=False)

@pytest.fixture
def web(monkeypatch):
    with Web(services()) as w:
        monkeypatch.setattr(S, 'hosts', S.hosts | hosts(w))
        monkeypatch.setitem(S.published, w.url('').removeprefix('http://'), [(1000,60)])
        w.agents = []
        handle = w.RequestHandlerClass.do_GET
        def noting(h): w.agents.append(h.headers['User-Agent']) or handle(h)
        w.RequestHandlerClass.do_GET = noting
        yield w

def params(web, path): return [dict(httpx.URL(o).params) for o in web.asked if o.split('?')[0]==path]

def test_commons(web):
    hits = search_images('bear -toy', 'commons', 1000)
    by = {o.title:o for o in hits}
    assert [o.title for o in hits[:3]]==['Bear 0','Bear 1','Bear 2'] and len(hits)==120-3
    assert not {'Bear 3','Bear 11','Bear 15'} & {*by}
    o = by['Bear 0']
    assert (o.url,o.width,o.height,o.licence,o.creator,o.page)==('https://upload.wikimedia.org/wikipedia/commons/thumb/a/ab/Bear_0.jpg/1280px-Bear_0.jpg',1280,960,'CC BY-SA 4.0','Ann & Bob','https://commons.wikimedia.org/wiki/File:Bear_0.jpg')
    assert '/250px-' in o.thumb and by['Bear 5'].licence=='Public domain' and by['Bear 5'].creator=='' and by['Bear 7'].licence=='GFDL' and by['Bear 9'].licence==''
    assert (by['Bear 13'].width,by['Bear 13'].url[-20:])==(800,'commons/a/ab/Bear_13.jpg'[-20:])
    first,second,third = params(web, '/w/api.php')
    assert first['gsrsearch']=='bear -toy filetype:bitmap' and first['gsrnamespace']=='6' and first['maxlag']=='5' and first['iiurlwidth']=='1280' and 'gsroffset' not in first
    assert (second['gsroffset'],second['continue'],third['gsroffset'])==('50','gsroffset||','100')
    ok = search_images('bear -toy', 'commons', 1000, licence='free')
    assert {o.title for o in hits}-{o.title for o in ok}=={'Bear 7','Bear 9'}

def test_inaturalist(web):
    hits = search_images('American black bears', 'inaturalist', 1000)
    by = {normal_url(o.url):o for o in hits}
    o = by['inaturalist.org/photos/0']
    assert (o.url,o.width,o.height,o.licence,o.creator,o.title)==('https://inaturalist-open-data.s3.amazonaws.com/photos/0/large.jpg',1024,768,'CC BY 4.0','Ann Bee','American Black Bear (Ursus americanus)')
    assert o.thumb.endswith('/photos/0/small.jpg') and o.page=='https://www.inaturalist.org/observations/0'
    assert len(hits)==450-3 and by['inaturalist.org/photos/2'].licence=='' and by['inaturalist.org/photos/10'].width==0
    asked = params(web, '/v1/observations')
    assert [o['page'] for o in asked]==['1','2','3'] and asked[0]['quality_grade']=='research' and asked[0]['taxon_id']=='41638' and 'photo_license' not in asked[0] and len(params(web, '/v1/taxa'))==1
    ok = search_images(term, 'inaturalist', 1000, licence='free', extra=dict(quality_grade='any'))
    free = {normal_url(o.url):o for o in ok}
    assert not {'inaturalist.org/photos/2','inaturalist.org/photos/4'} & {*free} and free['inaturalist.org/photos/6000'].licence=='CC0 1.0' and free['inaturalist.org/photos/6000'].creator=='annbee'
    last = params(web, '/v1/observations')[-1]
    assert last['photo_license']=='cc0,cc-by,cc-by-sa' and last['quality_grade']=='any'
    assert '/original.' in search_images(term, 'inaturalist', 1, min_size=1000)[0].url

def test_gbif(web):
    hits = search_images(term, 'gbif', 1000)
    by = {o.url.split('/')[-1]:o for o in hits}
    o = by['0.jpg']
    assert (o.licence,o.creator,o.title,o.source,o.page)==('CC BY 4.0','Ann Bee','Ursus americanus','iNaturalist','https://pictures.example/0')
    assert o.thumb.startswith('https://api.gbif.org/v1/image/cache/200x/occurrence/1000/media/') and by['11.jpg'].creator=='Cy Dee'
    assert len(hits)==400-4 and by['1.jpg'].licence=='' and by['3.jpg'].licence=='© all rights reserved' and by['9.jpg'].licence=='CC BY-NC 4.0'
    ok = {o.url.split('/')[-1] for o in search_images(term, 'gbif', 1000, licence='free')}
    assert {*by}-ok=={'1.jpg','3.jpg','9.jpg'}
    assert [o.get('offset') for o in params(web, '/v1/occurrence/search')][:2]==[None,'300'] and params(web, '/v1/occurrence/search')[0]['taxonKey']=='2433407'
    assert len(search_images('american black-bear', 'gbif', 5))==5

@pytest.mark.parametrize('engine,word,near', [('inaturalist','teddy bear','Teddy-bear Cholla'),('inaturalist','walrus',''),('gbif','peach','peach virus'),('gbif','papaya','papaya virus')])
def test_a_species_that_is_none(web, engine, word, near):
    with pytest.raises(NoResults, match='scientific or a common name') as e: search_images(word, engine)
    assert near in str(e.value) and ('Near it' in str(e.value))==bool(near)

def test_openverse_goes_deeper_and_says_so(web):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert len(search_images('bear', 'openverse', 240))==240
    with pytest.warns(UserWarning, match='openverse gives 240 hits of a query.*license, size, aspect_ratio, source'): hits = search_images('bear', 'openverse', 700, refresh=True)
    assert len(hits)==700==len({normal_url(o.url) for o in hits})
    with pytest.warns(UserWarning, match='asking again'): free = search_images('bear', 'openverse', 5000, licence='free')
    assert len(free)==600 and {kind_of(o.licence) for o in free}=={'by','by-sa','cc0','pdm'}
    assert not {o.get('license') for o in params(web, '/v1/images/')[-30:]} & {'by-nc','by-nd'}

@pytest.mark.parametrize('engine', keyless)
@pytest.mark.parametrize('answer,err,said', [
    (says(b'<h1>Bad Gateway</h1>', 502, 'text/html'), SearchError, 'HTTP 502'),
    (says(b'<!doctype html><p>Please enable JavaScript', 200, 'text/html'), SearchError, 'no JSON'),
    (says(b'null', 200, 'application/json'), SearchError, 'no JSON'),
    (says(b'Forbidden', 403, 'text/plain'), Blocked, 'another engine'),
    (tells(429, {'Retry_After':3000}, error='Too Many Requests'), Blocked, 'HTTP 429'),
    (tells(results=None, query=None, total_results=None), NoResults, 'ther words'),
    (tells(results=7, query=dict(pages=7)), SearchError, 'ther words|shape that imgcls does not know'),
    (tells(results=[], query=dict(pages=[]), endOfRecords=True), NoResults, 'ther words')])
def test_what_can_go_wrong(web, engine, answer, err, said):
    paths = '/w/api.php /v1/taxa /v1/observations /v1/species/match /v1/species/search /v1/occurrence/search /v1/images/'.split()
    web.routes.update({o:answer for o in paths})
    with pytest.raises(SearchError, match=said) as e: search_images(term, engine)
    assert isinstance(e.value, err)

@pytest.mark.parametrize('engine,path', [('inaturalist','/v1/observations'),('gbif','/v1/occurrence/search'),('commons','/w/api.php'),('openverse','/v1/images/')])
def test_a_later_page_that_fails_costs_nothing(web, engine, path):
    good,n = web.routes[path],[]
    def second_fails(h):
        n.append(1)
        (good if len(n)==1 else says(b'oops', 500, 'text/plain'))(h)
    web.routes[path] = second_fails
    with pytest.warns(UserWarning, match=r'After \d+ hits: .*HTTP 500'): hits = search_images(term, engine, 1000)
    assert len(hits)>10

def test_a_null_page_and_odd_fields(web):
    web.routes['/v1/images/'] = tells(page_count=1, results=[None, dict(url='https://x.org/1.jpg', license=None, width='wide', height=[]), dict(url=None, license='by'), 'x'])
    assert [(o.url,o.licence,o.width) for o in search_images('bear', 'openverse')]==[('https://x.org/1.jpg','',0)]

def test_maxlag_is_waited_for(web):
    good,n = web.routes['/w/api.php'],[]
    def lagged(h):
        n.append(1)
        if len(n)>1: return good(h)
        tells(200, {'Retry_After':0, 'X_Database_Lag':7}, error=dict(code='maxlag', info='Waiting for 10.64.0.1: 7 seconds lagged', host='10.64.0.1', lag=7))(h)
    web.routes['/w/api.php'] = lagged
    assert len(search_images('bear', 'commons', 10))==10 and len(n)==2
    web.routes['/w/api.php'] = tells(200, {'Retry_After':0}, error=dict(code='maxlag', info='Waiting for 10.64.0.1: 7 seconds lagged'))
    with pytest.raises(SearchError, match='7 seconds lagged'): search_images('wolf', 'commons')

def test_a_long_pause_is_kept_by_all(web):
    web.routes['/v1/images/'] = tells(429, {'Retry_After':86000}, detail='Request was throttled. Expected available in 86000 seconds.')
    with pytest.raises(QuotaUsedUp, match='86000'): search_images('bear', 'openverse')
    n = len(web.asked)
    web.routes['/v1/images/'] = openverse()
    with pytest.raises(QuotaUsedUp, match=r'available in (8\d{4}) seconds'): search_images('wolf', 'openverse')
    assert len(web.asked)==n

def test_who_asks(web, monkeypatch):
    search_images('bear', 'commons', 5)
    search_images('wolf', 'commons', 5, contact='ann@example.org')
    monkeypatch.setenv('IMGCLS_CONTACT', 'https://example.org/ann')
    search_images('lynx', 'commons', 5)
    a,b,c = web.agents
    assert a.startswith('imgcls/') and '@' not in a and b.endswith('; ann@example.org)') and c.endswith('; https://example.org/ann)')
    for bad in ('ann','ann@example.org\r\nX-Evil: 1','änn@example.org'):
        with pytest.raises(ValueError, match='a mail address or a page'): search_images('bear', 'commons', contact=bad)
    fn,host = S.turns_file(),'commons.wikimedia.org'
    for _ in range(10): take_turn(fn, host, S.published[host])
    with pytest.raises(TooMany): take_turn(fn, host, S.published[host], patience=1)
    monkeypatch.setattr(S.time, 'sleep', lambda secs: None)
    with pytest.warns(UserWarning, match='allows more to those who pass `contact`'), monkeypatch.context() as m: m.delenv('IMGCLS_CONTACT') or S.wait_turn('commons', host)
    assert take_turn(fn, host, S.with_contact[host], patience=1)==0

caller = '''
import sys, time, httpx
import imgcls.gather.search as S
url = sys.argv[1]
S.published[url.split('/')[2]] = [(5,.5),(1000,86400)]
for _ in range(12): S.ask('loopback', url)
'''

def test_two_processes_keep_one_limit():
    times = []
    def note(h): times.append(time.time()) or tells(ok=1)(h)
    with Web({'/x':note}) as web:
        jobs = [subprocess.Popen([sys.executable, '-c', caller, web.url('/x')], stderr=subprocess.PIPE, text=True) for _ in range(2)]
        for o in jobs: assert o.wait(60)==0, o.stderr.read()
    fn = S.turns_file()
    with turns(fn) as db: turn = [o for o, in db.execute('select at from turns order by at')]
    assert len(times)==len(turn)==24 and min(b-a for a,b in zip(turn, turn[5:]))>.499
    assert all(came>at-.01 for came,at in zip(sorted(times), turn)) and times[-1]-times[0]>1.5
    with pytest.raises(TooMany, match='available in'): take_turn(fn, web.url('/').split('/')[2], [(24,86400)])

def test_turns_are_first_come_first_served_and_forget(tmp_path):
    fn = tmp_path/'t.db'
    assert [round(take_turn(fn, 'a', [(2,10),(3,100)]), -1) for _ in range(4)]==[0,0,10,100]
    assert take_turn(fn, 'b', [(2,10)])==0 and take_turn(fn, 'a')==0
    leave_alone(fn, 'b', 50)
    assert 49<take_turn(fn, 'b', [(9,10)])<=50
    fn.write_bytes(b'this is no database, and longer than a header of one would be, so that it is looked at'*9)
    with pytest.raises(OSError, match='delete it'): take_turn(fn, 'a')

def test_no_picture_twice_across_engines_and_sizes(web):
    web.routes['/v1/occurrence/search'] = tells(offset=0, limit=300, endOfRecords=True, count=1, results=[dict(key=1, species=term, media=[dict(type='StillImage', identifier='https://inaturalist-open-data.s3.amazonaws.com/photos/7/original.jpg', license='CC BY 4.0')])])
    hits = search_images(term, ['inaturalist','gbif'], 50)
    assert len(hits)==50 and hits[-1].engine=='inaturalist'

@pytest.mark.parametrize('said,kind', [('cc-by-nc-sa','by-nc-sa'),('CC BY-NC-ND 2.0','by-nc-nd'),('http://creativecommons.org/licenses/by-sa/3.0/de/legalcode','by-sa'),('CC_BY_NC_4_0','by-nc'),('CC0 1.0','cc0'),
    ('https://creativecommons.org/publicdomain/zero/1.0/','cc0'),('pdm','pdm'),('pd','pdm'),('Public domain','pdm'),('by-nd-nc','by-nc-nd'),('Creative Commons Attribution-ShareAlike 4.0','by-sa'),('CC BY 4.0 and CC BY-NC 4.0','by-nc'),
    ('All rights reserved',''),('by Ann',''),('',''),('GFDL',''),('No restrictions',''),('© 2020 Ann Bee, all rights reserved','')])
def test_one_vocabulary(said, kind):
    assert kind_of(said)==kind
    assert allows(said, 'free')==(kind in ('cc0','pdm','by','by-sa')) and allows(said, 'cc')==bool(kind) and allows(said, 'public')==(kind in ('cc0','pdm'))

def test_engines_that_do_not_tell_are_said(monkeypatch):
    monkeypatch.setitem(S.engines, 'ddg', lambda q, page: ([S.Hit('http://x.org/a.jpg'), S.Hit('http://x.org/b.jpg', licence='CC BY-NC 2.0')],None))
    with pytest.warns(UserWarning, match='1 of 1 will be credited as unknown'): assert search_images('bear', 'ddg', licence='free').attrgot('url')==['http://x.org/a.jpg']
    monkeypatch.setitem(S.engines, 'mine', lambda q, page: ([S.Hit('http://x.org/a.jpg')],None))
    with pytest.raises(NoResults, match='nothing that passes'): search_images('bear', 'mine', licence='free')

def test_from_the_engine_to_the_credits(web, tmp_path):
    pics = [encode_image(draw_digit(i)) for i in range(3)]
    web.routes.update({f'/{i}.jpg':says(b) for i,b in enumerate(pics)} | {'/again.jpg':says(pics[0])})
    def media(name, **kw): return dict(key=1, species=term, media=[dict(type='StillImage', identifier=web.url(f'/{name}.jpg'), license='CC BY 4.0', rightsHolder='A|B <b>') | kw])
    rows = [media(0), media(1, license=None), media(2, license='CC0 1.0', rightsHolder='Cy'), media('again')]
    web.routes['/v1/occurrence/search'] = tells(offset=0, limit=300, endOfRecords=True, count=4, results=rows)
    gather(tmp_path/'d', {'bear':term}, 'gbif', licence='free', contact='ann@example.org', allow_private=True, min_size=16)
    ds = Dataset(tmp_path/'d')
    assert sorted(ds.manifest().status)==['duplicate','ok','ok'] and len(ds.names())==2
    df = attribution(ds)
    md = (tmp_path/'d'/'CREDITS.md').read_text()
    assert 'All 2 pictures have a known licence' in md and 'A\\|B &lt;b>' in md and 'licenses/by/4.0/' in md and set(df.licence)=={'CC BY 4.0','CC0 1.0'}
    one = ds.path/df.file[0]
    page = credits_for([one])
    assert 'All 1 pictures' in page and df.file[1] not in page
    assert '| examples/1.jpg |' in credits_for([one], ['examples/1.jpg'])
    (ds.path/'bear'/'mine.jpg').write_bytes(encode_image(draw_digit(9)))
    assert '1 of 2 pictures have no known licence' in credits_for([one, ds.path/'bear'/'mine.jpg'])
    (tmp_path/'loose.jpg').write_bytes(pics[0])
    assert '1 of 1 pictures have no known licence' in credits_for([tmp_path/'loose.jpg'])
    with pytest.raises(FileNotFoundError): credits_for([tmp_path/'gone.jpg'])
    with pytest.raises(ValueError, match='2 names for 1'): credits_for([one], ['a','b'])

@pytest.mark.parametrize('engine', keyless)
def test_asking_twice_costs_once(web, engine):
    a = search_images(term, engine, 1000)
    n = len(web.asked)
    assert search_images(term, engine, 1000)==a and len(web.asked)==n>1
    with pytest.raises(ValueError, match='wanted a dict'): search_images(term, engine, extra='any')

def test_nothing_is_written_for_who_has_no_limit(monkeypatch, tmp_path):
    monkeypatch.setenv('IMGCLS_CACHE', str(tmp_path/'none'))
    with Web({'/x':tells(429, {'Retry_After':0}, error='busy')}) as w:
        with pytest.raises(Blocked): S.ask('x', w.url('/x'))
        assert len(w.asked)==3 and not (tmp_path/'none').exists()

def test_what_a_service_has_changed_is_told(web, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent/'bench'))
    import live_search as L
    same = 'lacks: nothing\nother type: nothing\nnew: 0 fields'
    for o in keyless: assert L.report(o) and same in capsys.readouterr().out, o
    web.routes['/v1/images/'] = tells(result_count='many', page_count=1, page_size=20, page=1, warnings=[], extra=1, results=[dict(id='1', url='https://x.org/1.jpg', title='x')])
    assert not L.report('openverse')
    out = capsys.readouterr().out
    assert '.results[].license' in out and '.result_count: int → str' in out and 'new: 1 fields, such as .extra' in out and '1 hits, 0 with a licence' in out
    web.routes['/v1/images/'] = says(b'down', 503, 'text/plain')
    assert L.report('openverse') is None and 'no answer to compare' in capsys.readouterr().out
    assert L.differences(L.fields(dict(a=dict(b=1, c=[2]))), L.fields(dict(a=None, d='x')))==(['.a.b','.a.c','.a.c[]'],[],['.d'])

def nodes(doc, at=()):
    "Where something is in a JSON document"
    for k,v in doc.items() if isinstance(doc, dict) else enumerate(doc) if isinstance(doc, list) else ():
        yield (*at,k)
        yield from nodes(v, (*at,k))

def with_new(doc, at, new):
    "`doc` with `new` in the place `at`"
    if not at: return new
    doc = copy.copy(doc)
    doc[at[0]] = with_new(doc[at[0]], at[1:], new)
    return doc

@pytest.mark.parametrize('licence', [None,'free'])
@pytest.mark.parametrize('engine', keyless)
def test_whatever_stands_where_there_is_hits_or_a_sentence(web, monkeypatch, engine, licence):
    def few(doc): return {k:few(v) for k,v in doc.items()} if isinstance(doc, dict) else [*map(few, doc[:2])] if isinstance(doc, list) else doc
    real,q = S.ask,S.Query(term, licence)
    heard = {}
    def noting(who, url, *args, **kw): return heard.setdefault(url, few(real(who, url, *args, **kw)))
    monkeypatch.setattr(S, 'ask', noting)
    S.page_of(engine, q)
    ended = []
    for url,doc in heard.items():
        for at in nodes(doc):
            for new in (None,7,'x',[],{},[None],['x'],dict(value=None)):
                now = heard | {url:with_new(doc, at, new)}
                monkeypatch.setattr(S, 'ask', lambda who, url, *args, **kw: now[url])
                try: ended.append(all(isinstance(v, str) for o in S.page_of(engine, q)[0] for v in (o.url,o.page,o.title,o.licence,o.creator)))
                except SearchError as e: ended.append('shape' in str(e) or 'no species' in str(e))
    assert len(ended)>300 and all(ended)
