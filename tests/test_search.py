"Answers of the engines in their documented shapes, from a loopback server; the real addresses are what the code uses otherwise"
import json, logging, time, warnings
import httpx, pytest
import imgcls.gather.search as S
from imgcls.sample import SampleWeb
from imgcls.gather.search import BadKey, Blocked, Hit, NoResults, QuotaUsedUp, SearchError, Unreachable, search_all, search_images, search_images_bing
from web import Web, says, tells

@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    "An empty cache, no key, nobody else's calls"
    monkeypatch.setenv('IMGCLS_CACHE', str(tmp_path/'cache'))
    monkeypatch.delenv('SERPAPI_KEY', raising=False)

def serp_page(i, n=5, **more):
    res = [dict(position=j, original=f'http://x.org/{i}{j}.jpg', link=f'http://x.org/p{j}', title='A bear', source='x.org', original_width=640, original_height=480,
        thumbnail='https://t.org/t.jpg', is_product=False) for j in range(n)]
    return tells(search_metadata=dict(status='Success'), search_parameters=dict(q='bear'), images_results=res, serpapi_pagination=more)

def params(web): return [dict(httpx.URL(o).params) for o in web.asked]

def use(monkeypatch, web, name='serpapi', path='/search'): monkeypatch.setitem(S.hosts, name, web.url(path))

def test_serpapi_pages_filters_and_the_key(monkeypatch):
    def page(h):
        q = httpx.URL(h.path).params
        i = int(q.get('ijn', 0))
        more = dict(next=web.url(f'/search?engine=bing_images&q=bear&ijn={i+1}&api_key=echoed')) if i<2 else {}
        (serp_page(i, **more) if q.get('api_key')=='k3y' else tells(401, error='Invalid API key.'))(h)
    with Web({'/search':page}) as web:
        use(monkeypatch, web)
        hits = search_images('bear', 'bing', 12, licence='free', key='k3y')
        asked = params(web)
        assert len(hits)==12 and hits[11]==Hit('http://x.org/21.jpg', 'http://x.org/p1', 'A bear', 640, 480, source='x.org', engine='bing', term='bear', thumb='https://t.org/t.jpg')
        assert asked[0]==dict(engine='bing_images', q='bear', safeSearch='Strict', license='L2_L3', api_key='k3y')
        assert asked[1]['ijn']=='1' and asked[1]['api_key']=='k3y'
        search_images('bear', 'google', 5, licence='cc', safe=False, key='k3y')
        assert params(web)[-1]==dict(engine='google_images', q='bear', safe='off', tbs='il:cl', api_key='k3y')
        monkeypatch.setenv('SERPAPI_KEY', 'k3y')
        assert len(search_images_bing('bear', max_images=3))==3

def test_the_key_goes_nowhere_else(monkeypatch, tmp_path, caplog):
    evil = lambda h: serp_page(0, next='http://elsewhere.invalid/search?page=2')(h)
    with Web({'/search':evil}) as web:
        use(monkeypatch, web)
        with caplog.at_level(logging.DEBUG): assert len(search_images('bear', 'bing', 99, key='s3cret'))==5
        cached = ''.join(o.read_text() for o in (tmp_path/'cache').rglob('*.json'))
        assert 's3cret' not in caplog.text and cached and 's3cret' not in cached and 'api_key=…' in caplog.text
        web.routes['/search'] = tells(401, error='Invalid API key s3cret')
        with pytest.raises(BadKey) as e: search_images('wolf', 'bing', key='s3cret')
        assert 's3cret' not in str(e.value) and 's3cret' not in repr(S.Query('wolf', key='s3cret'))

@pytest.mark.parametrize('answer,err,said', [
    (tells(error="Google hasn't returned any results for this query."), NoResults, 'other words'),
    (tells(401, error='Invalid API key. Your API key should be here: https://serpapi.com/manage-api-key'), BadKey, 'SERPAPI_KEY'),
    (tells(429, error='Your account has run out of searches.'), QuotaUsedUp, 'until it is renewed'),
    (tells(429, error="You've exceeded your hourly throughput limit."), Blocked, 'some minutes'),
    (says(b'<h1>Forbidden</h1>', 403, 'text/html'), Blocked, 'another engine'),
    (says(b'<h1>Oops</h1>', 502, 'text/html'), SearchError, 'HTTP 502'),
    (says(b'[1,2]', mime='application/json'), SearchError, 'no JSON')])
def test_each_trouble_is_its_own_error(monkeypatch, answer, err, said):
    with Web({'/search':answer}) as web:
        use(monkeypatch, web)
        with pytest.raises(SearchError, match=said) as e: search_images('bear', 'google', key='k')
        assert type(e.value) is err

def test_a_dead_service_and_the_next_engine(monkeypatch):
    with Web({}) as web: pass
    use(monkeypatch, web)
    with pytest.raises(Unreachable, match='Check the network'): search_images('bear', 'bing', key='k')
    with SampleWeb(100) as sample:
        monkeypatch.setattr(S, 'sample_web', lambda: sample)
        with pytest.warns(UserWarning, match='Asking sample instead'): hits = search_images('three', 'bing', key='k', fallback='sample')
        assert set(hits.attrgot('engine'))=={'sample'}
        with pytest.warns(UserWarning, match='Went on without'): assert search_all(['three','walrus'], 'sample').attrgot('term')[0]=='three'

def test_asking_twice_costs_once(monkeypatch):
    with Web({'/search':serp_page(0)}) as web:
        use(monkeypatch, web)
        a = search_images('bear', 'bing', key='k')
        assert search_images('bear', 'bing', key='other')==a and len(web.asked)==1
        assert search_images('bear', 'bing', key='k', refresh=True)==a and len(web.asked)==2
        search_images('bear', 'bing', key='k', safe=False)
        assert len(web.asked)==3
        web.routes['/search'] = tells(429, error='run out of searches')
        with pytest.raises(QuotaUsedUp): search_images('wolf', 'bing', key='k')
        web.routes['/search'] = serp_page(1)
        assert len(search_images('wolf', 'bing', key='k'))==5

def open_result(i, lic='by-sa', version='2.0', **kw):
    return dict(id=f'{i}', title=f'Bear {i}', url=f'https://live.staticflickr.com/{i}.jpg', foreign_landing_url=f'https://www.flickr.com/photos/x/{i}', creator='Ann Bee',
        creator_url='https://www.flickr.com/photos/x', license=lic, license_version=version, license_url='https://creativecommons.org/licenses/by-sa/2.0/', provider='flickr', source='flickr',
        category=None, filesize=None, filetype=None, attribution='"Bear" by Ann Bee', height=768, width=1024, thumbnail=f'https://api.openverse.org/v1/images/{i}/thumb/', mature=False) | kw

def test_openverse(monkeypatch):
    def page(h):
        i = int(httpx.URL(h.path).params['page'])
        cc0 = dict(lic='cc0', version='1.0', creator=None)
        tells(result_count=50, page_count=3, page_size=20, page=i, results=[open_result(i*20+j, **(cc0 if j==0 else {})) for j in range(20 if i<3 else 10)])(h)
    with Web({'/v1/images/':page}) as web:
        use(monkeypatch, web, 'openverse', '/v1/images/')
        hits = search_images('bear -toy', 'openverse', 200, licence='free')
        assert len(hits)==50 and len(web.asked)==3
        assert params(web)[0]==dict(q='bear -toy', page='1', page_size='20', mature='false', license_type='commercial,modification')
        assert hits[1]==Hit('https://live.staticflickr.com/21.jpg', 'https://www.flickr.com/photos/x/21', 'Bear 21', 1024, 768, 'CC BY-SA 2.0', 'Ann Bee', 'flickr', 'openverse', 'bear -toy',
            'https://api.openverse.org/v1/images/21/thumb/')
        assert (hits[0].licence,hits[0].creator)==('CC0 1.0','')

def test_openverse_limits_are_kept(monkeypatch):
    n = []
    def busy_then_fine(h):
        n.append(1)
        (tells(429, {'Retry_After':0}, detail='Request was throttled. Expected available in 0 seconds.') if len(n)==1 else tells(page_count=1, results=[open_result(1)]))(h)
    with Web({'/i':busy_then_fine}) as web:
        use(monkeypatch, web, 'openverse', '/i')
        assert len(search_images('bear', 'openverse'))==1 and len(n)==2
        web.routes['/i'] = tells(429, {'Retry_After':86000}, detail='Request was throttled. Expected available in 86000 seconds.')
        with pytest.raises(QuotaUsedUp, match='86000'): search_images('wolf', 'openverse')
    slept = []
    monkeypatch.setattr(S.time, 'sleep', slept.append)
    monkeypatch.setitem(S.published, 'test.example', [(20,60)])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        t = time.monotonic()
        for _ in range(21): S.wait_turn('test', 'test.example')
        took = time.monotonic()-t
    assert slept[:20]==[0]*20 and 59-took<slept[20]<=60 and len(said)==1 and 'only so many calls: waiting' in str(said[0].message)

def test_ddg(monkeypatch):
    from ddgs.engines.duckduckgo_images import DuckduckgoImages as D
    result = dict(title='A bear', image='https://x.org/bear.jpg', thumbnail='https://tse.example/th', url='https://x.org/page', height=480, width=640, source='Bing')
    routes = {'/':says(b'<html><script>vqd="4-123456789";</script></html>', mime='text/html'), '/i.js':tells(results=[result, dict(result, image='https://x.org/2.jpg')], next='')}
    with Web(routes) as web:
        monkeypatch.setattr(D, 'search_url', web.url('/i.js'))
        monkeypatch.setattr(D, '_get_vqd', lambda self, query: 'vqd' if b'vqd' in self.http_client.request('GET', web.url('/'), params={'q':query}).content else '')
        hits = search_images('bear', 'ddg', 2, licence='public')
        assert hits[0]==Hit('https://x.org/bear.jpg', 'https://x.org/page', 'A bear', 640, 480, source='Bing', engine='ddg', term='bear', thumb='https://tse.example/th')
        sent = next(o for o in params(web) if 'vqd' in o)
        assert sent['q']=='bear' and 'license:Public' in sent['f'] and sent['p']=='1'
        web.routes['/i.js'] = tells(results=[])
        with pytest.raises(NoResults, match='says the same to both'): search_images('walrus', 'ddg')

def test_filters_exclusions_and_repeats(monkeypatch):
    def page(q, page): return [Hit('http://X.org/a.jpg?utm_source=1', title='bear'), Hit('https://x.org/a.jpg#top', title='bear'), Hit('http://x.org/b.jpg', title='Toy bear'),
        Hit('http://x.org/toys/c.jpg', title='bear'), Hit('http://x.org/d.jpg', width=100, height=900), Hit('http://x.org/e.jpg', width=500, height=300), Hit('http://x.org/f.jpg')],None
    monkeypatch.setitem(S.engines, 'mine', page)
    assert search_images('bear -toy', 'mine', min_size=200).attrgot('url')==['http://X.org/a.jpg?utm_source=1','http://x.org/e.jpg','http://x.org/f.jpg']
    with pytest.raises(ValueError, match='no word'): search_images(' -toy ', 'mine')
    with pytest.raises(ValueError, match='wanted None or one of'): search_images('bear', 'mine', licence='gpl')

def test_an_endless_engine_ends(monkeypatch):
    monkeypatch.setitem(S.engines, 'loop', lambda q, page: ([Hit('http://x.org/a.jpg')],(page or 0)+1))
    assert len(search_images('bear', 'loop'))==1

def test_a_late_failure_keeps_what_came_before(monkeypatch):
    def f(q, page):
        if page: raise Blocked('turned away')
        return [Hit('http://x.org/a.jpg')],2
    monkeypatch.setitem(S.engines, 'late', f)
    with pytest.warns(UserWarning, match='After 1 hits: turned away'): assert len(search_images('bear', 'late'))==1

def test_what_the_web_says_is_text():
    html = S.Hits([Hit('javascript:alert(1)', page='javascript:alert(2)', title='<script>x</script>', creator='<img src=x onerror=y>', thumb='javascript:z')])._repr_html_()
    assert '<script' not in html and 'javascript:' not in html.replace('&lt;', '') and '<img' not in html

def test_a_torn_cache_file_is_asked_again(monkeypatch, tmp_path):
    with Web({'/search':serp_page(0)}) as web:
        use(monkeypatch, web)
        search_images('bear', 'bing', key='k')
        for o in (tmp_path/'cache').rglob('*.json'): o.write_text(json.dumps([[1]])[:4])
        assert len(search_images('bear', 'bing', key='k'))==5
