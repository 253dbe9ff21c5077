"The snippets in a real browser, on pages with the structure of the engines' own, and the files they save"
import json, warnings
import pytest
from pathlib import Path
from imgcls.gather.search import Hit, Hits
from imgcls.gather.console import bookmarklet, console_snippet, read_urls, url_files
from web import Web, says

def attr(o): return json.dumps(o).replace('&', '&amp;').replace('"', '&quot;')

bing = '<html><body>' + ''.join(f'''<li><div class="iuscp"><div class="imgpt"><a class="iusc" style="height:180px" m="{attr(dict(sid='', cid='x', purl=f'https://site{i}.org/page', murl=f'https://site{i}.org/a b%20c/bear.jpg?w=1&h={i}',
    turl=f'https://tse1.mm.bing.net/th?id=OIP.{i}', md5='0', t='Bear'))}" href="/images/search?view=detailV2&id={i}"><img class="mimg" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" data-src="https://tse1.mm.bing.net/th?id=OIP.{i}"></a>
    </div></div></li>''' for i in range(5)) + '<a class="iusc" m="not json">x</a><a class="iusc">y</a></body></html>'
bing = bing.replace('a b%20c', 'a%20c')

google = r'''<html><body><div data-lpage="https://a.org/page"><h3><a jsaction="mousedown:x" id="late"><img class="YQ4gaf" src="data:image/jpeg;base64,/9j/4AAQ"></a></h3></div>
<a href="/imgres?q=bear&imgurl=https%3A%2F%2Fb.org%2Fbear%2520two.jpg%3Fx%3D1%26y%3D2&imgrefurl=https%3A%2F%2Fb.org"><img class="YQ4gaf" data-src="https://encrypted-tbn0.gstatic.com/images?q=tbn:2"></a>
<script>AF_initDataCallback({key: 'ds:1', hash: '2', data:[[["https://encrypted-tbn0.gstatic.com/images?q\u003dtbn:AA\u0026s",183,275],["https://c.org/bear.jpg?w\u003d640\u0026h\u003d480",480,640]]], sideChannel: {}});</script>
<script>var m={"1":"[null,[\\\"https://d.org/x\\\"]]"};(function(){google.jl={};x=[0,["https://d.org/four.png",1200,900]];})();</script>
<script>document.getElementById('late').addEventListener('mousedown', e => e.currentTarget.href = '/imgres?imgurl=https%3A%2F%2Fa.org%2Fone.jpg&imgrefurl=https%3A%2F%2Fa.org')</script></body></html>'''

small = '<html><body><img src="https://encrypted-tbn0.gstatic.com/images?q=tbn:1"><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><img data-src="https://encrypted-tbn0.gstatic.com/images?q=tbn:2"></body></html>'

want = dict(bing=[f'https://site{i}.org/a%20c/bear.jpg?w=1&h={i}' for i in range(5)],
    google=['https://a.org/one.jpg', 'https://b.org/bear%20two.jpg?x=1&y=2', 'https://c.org/bear.jpg?w=640&h=480', 'https://d.org/four.png'])

@pytest.fixture
def page(browser):
    ctx = browser.new_context(accept_downloads=True)
    ctx.route('**/*', lambda r: r.continue_() if '127.0.0.1' in r.request.url or r.request.url.startswith('blob:') else r.abort())
    p = ctx.new_page()
    yield p
    ctx.close()

def saved(page, run, tmp_path):
    "The file that the browser saves when `run` is called"
    with page.expect_download(timeout=10_000) as d: run()
    fn = tmp_path/d.value.suggested_filename
    d.value.save_as(fn)
    return fn

@pytest.mark.parametrize('engine,html', [('bing',bing), ('google',google)])
def test_snippet_saves_original_addresses(page, tmp_path, engine, html):
    with Web({'/search':says(html.encode(), mime='text/html; charset=utf-8')}) as web:
        page.goto(web.url('/search?q=black+bear'))
        fn = saved(page, lambda: page.evaluate(console_snippet(engine, 'black bear/1')), tmp_path)
        assert fn.name=='urls_black bear_1.csv' and read_urls(fn).attrgot('url')==want[engine]

def test_it_asks_for_the_class_and_works_from_a_bookmark(page, tmp_path):
    with Web({'/search':says(google.encode(), mime='text/html')}) as web:
        page.goto(web.url('/search?q=grizzly'))
        asked = []
        page.on('dialog', lambda d: (asked.append((d.message, d.default_value)), d.accept('ours')))
        fn = saved(page, lambda: page.evaluate('u => { location.href = u }', bookmarklet('google')), tmp_path)
        assert 'Which class' in asked[0][0] and asked[0][1]=='grizzly'
        assert url_files(tmp_path)=={'ours':fn} and len(read_urls(fn))==4

def test_thumbnails_when_there_is_nothing_else_and_a_word_when_there_is_nothing(page, tmp_path):
    with Web({'/a':says(small.encode(), mime='text/html'), '/b':says(b'<p>hello', mime='text/html')}) as web:
        page.goto(web.url('/a'))
        log = []
        page.on('console', lambda m: log.append(m.text))
        fn = saved(page, lambda: page.evaluate(console_snippet('google', 'x')), tmp_path)
        assert [o[-5:] for o in read_urls(fn).attrgot('url')]==['tbn:1','tbn:2'] and 'thumbnails' in log[0]
        page.goto(web.url('/b'))
        said = []
        page.on('dialog', lambda d: (said.append(d.message), d.accept()))
        page.evaluate(console_snippet('bing', 'x'))
        assert 'no pictures found' in said[0] and 'Bing' in said[0]

def quiet(fn):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        return read_urls(fn).attrgot('url'),' '.join(str(o.message) for o in said)

def test_url_files_in_every_state(tmp_path):
    fn = tmp_path/'urls_x.csv'
    for enc in ('utf-8','utf-8-sig','utf-16'):
        fn.write_bytes('https://é.org/1.jpg?a=1,2\r\n\r\n  "https://x.org/2.jpg",comment\r\nurl\r\ndata:image/png;base64,AAAA,BBBB\r\nftp://x/3\r\nhttps://x.org/2.jpg#again'.encode(enc))
        urls,said = quiet(fn)
        assert urls==['https://é.org/1.jpg?a=1,2','https://x.org/2.jpg'] and 'skipped 3 of 6 lines' in said and '1 thumbnails' in said, (enc,urls,said)
    fn.write_bytes(b'PK\x03\x04rest')
    with pytest.raises(ValueError, match='save it as CSV'): read_urls(fn)
    fn.write_bytes(b'')
    assert quiet(fn)==([],'')
    fn.write_bytes(b'https://x.org/caf\xe9.jpg\nhttps://x.org/[oops\nhttp://[::1\n')
    assert quiet(fn)[0][0]=='https://x.org/café.jpg'

two = ['https://example.org/a.jpg?id=1,2','https://example.org/b.jpg']
kinds = { # as people have them
    'label last':'url,label\nhttps://example.org/a.jpg?id=1,2,cat\nhttps://example.org/b.jpg,cat\n',
    'label first, quoted':'"label","url"\n"cat","https://example.org/a.jpg?id=1,2"\n"cat","https://example.org/b.jpg"\n',
    'semicolons, Excel':'Category;Image URL\r\ncat;https://example.org/a.jpg?id=1,2\r\ncat;https://example.org/b.jpg\r\n',
    'tabs':'URL\tclass\nhttps://example.org/a.jpg?id=1,2\tcat\nhttps://example.org/b.jpg\tcat\n',
    'pandas, with an index and a title':',url,title,label\n0,"https://example.org/a.jpg?id=1,2","Bear, brown",cat\n1,https://example.org/b.jpg,,cat\n',
    'the page beside it':'id,url,page,label\n7,"https://example.org/a.jpg?id=1,2",https://example.org/p/1,cat\n8,https://example.org/b.jpg,https://example.org/p/2,cat\n',
    'a long thumbnail':'url,thumb,label\n"https://example.org/a.jpg?id=1,2","data:image/png;base64,'+'A'*200_000+'",cat\nhttps://example.org/b.jpg,,cat\n',
    'JSON lines':'{"label": "cat", "image_url": "https://example.org/a.jpg?id=1,2"}\n{"label": "cat", "image_url": "https://example.org/b.jpg"}\n',
    'JSON':'[{"url": "https://example.org/a.jpg?id=1,2", "label": "cat"},\n {"url": "https://example.org/b.jpg", "label": "cat"}]'}
bare = {'ImageNet':'n1_1\thttps://example.org/a.jpg?id=1,2\nn1_2\thttps://example.org/b.jpg\n', 'no heading':'https://example.org/a.jpg?id=1,2\nhttps://example.org/b.jpg,cat\n',
    'a list in JSON':'["https://example.org/a.jpg?id=1,2", "https://example.org/b.jpg"]', 'a heading alone':'url\nhttps://example.org/a.jpg?id=1,2\nhttps://example.org/b.jpg'}

@pytest.mark.parametrize('enc', ['utf-8-sig','utf-16'])
@pytest.mark.parametrize('kind', [*kinds,*bare])
def test_files_of_addresses_as_people_have_them(tmp_path, kind, enc):
    fn = tmp_path/'urls_cat.csv'
    fn.write_text((kinds|bare)[kind], encoding=enc, newline='')
    assert quiet(fn)==(two,'') and [o.term for o in read_urls(fn)]==['cat' if kind in kinds else '']*2

def test_several_classes_in_one_file(tmp_path):
    fn = tmp_path/'pets.csv'
    fn.write_text('url,label\nhttps://example.org/a.jpg,cat\nhttps://example.org/b.jpg,01\nhttps://example.org/c.jpg,cat\nhttps://example.org/d.jpg,\n')
    assert [o.url[-5] for o in read_urls(fn, 'cat')]==['a','c'] and len(read_urls(fn, '01'))==1
    for label in (None,'dog'):
        with pytest.raises(ValueError, match='2 classes, such as 01, cat'): read_urls(fn, label)

def test_what_is_no_file_of_addresses_says_so(tmp_path):
    for fn in (tmp_path,tmp_path/'gone.csv'):
        with pytest.raises(FileNotFoundError, match=f'{fn.name} is (a folder|not there): wanted a file'): read_urls(fn)
    for b,said in ((b'\xd0\xcf\x11\xe0'+bytes(99), 'save it as CSV'), (b'{"a": 1', 'JSON'), (b'name,label\nx,cat\n', 'an http')):
        (tmp_path/'x.csv').write_bytes(b)
        with pytest.raises(ValueError, match=f'x.csv: .*{said}'): read_urls(tmp_path/'x.csv')

def test_what_a_table_says_of_its_pictures_is_kept(tmp_path):
    found = Hits([Hit('https://example.org/a.jpg', 'https://example.org/p', 'A, "title"', licence='CC0', creator='Ada')])
    found.df().to_csv(tmp_path/'hits.csv')
    again, = read_urls(tmp_path/'hits.csv')
    assert (again.url,again.page,again.title,again.licence,again.creator)==('https://example.org/a.jpg','https://example.org/p','A, "title"','CC0','Ada')

def test_both_names_of_a_file_of_addresses(tmp_path):
    for o in ('urls_grizzly.csv','url_not meme.txt','urls.csv','curls_a.csv','urls_a.json'): (tmp_path/o).touch()
    assert {k:v.name for k,v in url_files(tmp_path).items()}=={'grizzly':'urls_grizzly.csv', 'not meme':'url_not meme.txt'}
    (tmp_path/'urls_grizzly.txt').touch()
    with pytest.raises(ValueError, match='both for grizzly'): url_files(tmp_path)

bears = Path(__file__).parent.parent.parent/'shared'/'data'/'bears'

@pytest.mark.skipif(not bears.exists(), reason='the development data is not here')
def test_the_bears_files_read_in():
    files = url_files(bears)
    assert list(files)==['black','grizzly','teddys']
    for label,fn in files.items():
        urls,said = quiet(fn)
        lines = [o for o in fn.read_text().splitlines() if o.strip()]
        assert len(set(lines))>=len(urls)>300*.9 and not said, label
