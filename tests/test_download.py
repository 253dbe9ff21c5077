"Faults of servers, networks and files, over a real loopback server"
import errno, gzip, re, socket, struct, subprocess, sys, threading, time, zlib
from email.utils import formatdate
import pandas as pd, pytest
from forks import Fork, code
from imgcls.gather.credits import attribution
from functools import partial
from imgcls.gather.download import Crew, fetch_picture, download_images as guarded_download
from imgcls.gather import download, fetch
from imgcls.gather.fetch import Fetcher
from imgcls.dataset import image_files, Dataset, read_manifest
from imgcls.gather.verify import tally, verify_images
from imgcls.gather.shell import gather
from imgcls.sample import SampleWeb, draw_digit, encode_image, running
from imgcls.gather.search import Hit
from kinds import fives
from web import Web, jpg, says

def download_images(*args, **kwargs): return guarded_download(*args, **{'allow_private':True, **kwargs})

def cut(h):
    h.send_response(200)
    h.send_header('Content-Length', str(len(jpg)))
    h.end_headers()
    h.wfile.write(jpg[:100])
    h.close_connection = True

def reset(h):
    h.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    h.close_connection = True
    h.connection.close()

def stall(h): time.sleep(4)

def drip(h):
    h.send_response(200)
    h.send_header('Content-Length', '100000')
    h.end_headers()
    for b in jpg*20:
        h.wfile.write(bytes([b]))
        h.wfile.flush()
        time.sleep(.1)

def endless(h):
    h.send_response(200)
    h.end_headers()
    h.wfile.write(jpg)
    while True: h.wfile.write(bytes(2**16))

def bomb(side=10_100):
    "A 1-bit PNG of more than 100 megapixels in a few KB"
    chunk = lambda tag,b: struct.pack('>I', len(b)) + tag + b + struct.pack('>I', zlib.crc32(tag+b))
    head = struct.pack('>IIBBBBB', side, side, 1, 0, 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR',head) + chunk(b'IDAT',zlib.compress(bytes(side*(side//8+1)), 9)) + chunk(b'IEND',b'')

@pytest.fixture
def web():
    routes = {'/ok.jpg':says(jpg), '/same.jpg':says(jpg), '/gone.jpg':says(status=404), '/broken.jpg':says(status=500), '/empty.jpg':says(), '/cut.jpg':cut, '/reset.jpg':reset,
        '/page.jpg':says(b'  <!DOCTYPE html><p>hello'), '/pic.svg':says(b'<svg xmlns="http://www.w3.org/2000/svg"/>', mime='image/svg+xml'), '/stall.jpg':stall, '/drip.jpg':drip,
        '/xml.svg':says(b'<?xml version="1.0"?><!-- x --><svg/>'), '/comment.jpg':says(b'\xef\xbb\xbf<!-- hi --><html>'), '/endless.jpg':endless, '/bomb.png':says(bomb()),
        '/loop':says(status=302, Location='/loop'), '/half.jpg':says(jpg[:len(jpg)//2]), '/noise.jpg':says(bytes(range(256))*9),
        '/noai.jpg':says(jpg+b'1', X_Robots_Tag='noindex, noai'), '/others.jpg':says(encode_image(draw_digit(5)), X_Robots_Tag='otherbot: noai, noimageai')}
    with Web(routes) as w: yield w

def test_every_fault_has_a_reason(web, tmp_path):
    urls = [web.url(o) for o in web.routes]+['http://127.0.0.1:1/x.jpg', 'ftp://x/y.jpg', 'not a url', 'http://no-such-host.invalid/z.jpg']
    t = time.monotonic()
    df = download_images(tmp_path/'three', urls=urls, tries=2, timeout=1, max_seconds=2, max_bytes=2**20)
    assert time.monotonic()-t<15
    got = dict(zip([o.split('/')[-1] for o in df.url], zip(df.status, df.reason)))
    assert len(df)==len(urls)==len((tmp_path/'manifest.csv').read_text().splitlines())-1
    assert {k for k,v in got.items() if v[0]=='ok'}=={'ok.jpg','half.jpg','others.jpg'}
    assert got['same.jpg'][0]=='duplicate' and {k for k,v in got.items() if v[0]=='quarantined'}=={'noise.jpg','bomb.png'}
    says_so = {'gone.jpg':'404', 'empty.jpg':'empty', 'page.jpg':'web page', 'pic.svg':'SVG', 'xml.svg':'web page|SVG', 'comment.jpg':'web page', 'endless.jpg':'too many bytes: over 1 MB', 'loop':'redirect',
        'noai.jpg':'noai', 'not a url':'web address', 'y.jpg':'web address', 'bomb.png':'too many pixels', 'drip.jpg':'not done after 2 s.*run again', 'stall.jpg':'Timeout.*run again',
        'broken.jpg':'500.*tried 2×.*run again', 'cut.jpg':'run again', 'reset.jpg':'run again', 'z.jpg':'run again'}
    odd = {k:got[k] for k,v in says_so.items() if not re.search(v, got[k][1], re.I)}
    assert not odd
    assert verify_images(tmp_path).file.str.contains('three/').all()
    assert len(image_files(tmp_path))==2 and tally(tmp_path).loc['all','URLs']==len(urls)
    kept = b''.join(o.read_bytes() for o in tmp_path.rglob('*.*') if o.suffix in ('.jpg','.png','.bin'))
    assert b'<html' not in kept and b'<svg' not in kept

def test_private_addresses_are_refused_unless_meant(web, tmp_path):
    df = guarded_download(tmp_path/'a', urls=[web.url('/ok.jpg'), 'http://localhost:1/', 'http://[::1]/x.jpg'])
    assert not web.asked and set(df.status)=={'failed'} and df.reason.str.contains('private network').all()
    assert guarded_download(tmp_path/'b', urls=[web.url('/ok.jpg')], allow_private=True).status[0]=='ok'
    web.routes['/inside'] = says(status=302, Location='http://169.254.169.254/x')
    running.add(web.server_port)
    try: assert 'leads to 169' in guarded_download(tmp_path/'c', urls=[web.url('/inside')]).reason[0]
    finally: running.discard(web.server_port)

def test_a_busy_server_is_given_the_time_it_asks_for(web, tmp_path):
    times = []
    def busy(h):
        times.append(time.monotonic())
        says(b'', 429, Retry_After='1')(h) if len(times)<2 else says(jpg)(h)
    def date(h):
        times.append(time.monotonic())
        says(b'', 503, Retry_After=formatdate(time.time()+2, usegmt=True))(h) if len(times)<2 else says(jpg)(h)
    for f in (busy,date):
        web.routes['/busy.jpg'] = f
        times.clear()
        assert download_images(tmp_path/f.__name__, urls=[web.url('/busy.jpg')]).status[0] in ('ok','duplicate')
        assert len(times)==2 and times[1]-times[0]>=.9
    web.routes['/later.jpg'] = says(b'', 429, Retry_After='3600')
    t = time.monotonic()
    df = download_images(tmp_path/'later', urls=[web.url('/later.jpg')]+[web.url(f'/later.jpg?{i}') for i in range(20)])
    assert time.monotonic()-t<10 and df.reason.str.contains('asks to wait 3600 s; run again').all() and len(df)==21
    assert len([o for o in web.asked if o.startswith('/later')])<=8

def test_few_at_a_time_from_one_host(web, tmp_path):
    now,most,lock = [0],[0],threading.Lock()
    def slow(h):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(.05)
        with lock: now[0] -= 1
        says(status=404)(h)
    web.routes['/slow.jpg'] = slow
    df = download_images(tmp_path/'a', urls=[web.url(f'/slow.jpg?{i}') for i in range(40)], per_host=3)
    assert len(df)==40 and most[0]==3
    assert len(download_images(tmp_path/'b', urls=[web.url('/gone.jpg'),web.url('/ok.jpg')], per_host=0, n_workers=0))==2

def test_a_slow_host_does_not_hold_up_the_others(web, tmp_path):
    def timed(at, secs=0): return lambda h: time.sleep(secs) or at.append(time.monotonic()) or says(status=404)(h)
    late,soon = [],[]
    web.routes['/soon.jpg'] = timed(soon)
    with Web({'/s.jpg':timed(late, 1)}) as other:
        slow = [other.url(f'/s.jpg?{i}').replace('127.0.0.1', 'localhost') for i in range(4)]
        urls = [x for o in zip(slow, [web.url(f'/soon.jpg?{i}') for i in range(4)]) for x in o]
        df = download_images(tmp_path/'a', urls=urls, n_workers=2, per_host=1)
        assert len(df)==8 and len(late)==4==len(soon) and max(soon)<late[2]

def test_what_may_work_later_is_tried_again(web, tmp_path):
    urls = [web.url(o) for o in ('/ok.jpg','/gone.jpg','/broken.jpg')]
    download_images(tmp_path/'a', urls=urls, tries=1)
    web.asked.clear()
    web.routes['/broken.jpg'] = says(encode_image(draw_digit(4)))
    df = download_images(tmp_path/'a', urls=urls, tries=1)
    assert web.asked==['/broken.jpg'] and sorted(df.status)==['failed','ok','ok']
    assert len(read_manifest(tmp_path))==3==len((tmp_path/'manifest.csv').read_text().splitlines())-1

def test_url_file_query_strings_and_junk(web, tmp_path):
    fn = tmp_path/'urls_three.csv'
    fn.write_text(f'\ufeff{web.url("/ok.jpg")}?id=7&w=1\r\n\r\n"{web.url("/gone.jpg")}"\r\n', encoding='utf-8')
    df = download_images(tmp_path/'three', fn)
    assert '/ok.jpg?id=7&w=1' in web.asked and list(df.status)==['ok','failed']

def test_one_picture_under_two_labels(web, tmp_path):
    download_images(tmp_path/'a', urls=[web.url('/ok.jpg')])
    df = download_images(tmp_path/'b', urls=[web.url('/same.jpg')])
    assert df.status[0]=='duplicate' and 'another label: a/' in df.reason[0]

def test_cells_come_back_as_they_were(web, tmp_path):
    hit = Hit(web.url('/ok.jpg'), title='two\nlines, and "quotes"', creator='=1+1')
    df = download_images(tmp_path/'a', urls=[hit])
    assert df.title[0]==hit.title=='two\nlines, and "quotes"' and len(read_manifest(tmp_path))==1

def test_two_at_a_time_and_one_that_died(web, tmp_path):
    dead = tmp_path/'.partial'/'dead'
    dead.mkdir(parents=True)
    (dead/'lock').touch()
    (dead/'half').write_bytes(jpg[:99])
    with Dataset(tmp_path).scratch() as other:
        (other/'half').write_bytes(jpg[:99])
        assert download_images(tmp_path/'a', urls=[web.url('/ok.jpg')]).status[0]=='ok'
        assert (other/'half').exists() and not dead.exists()
    assert not (tmp_path/'.partial').exists()

def test_every_format_whatever_the_server_calls_it(tmp_path):
    with Web({f'/{i}':says(b+bytes([i]), mime='text/plain' if i%2 else 'image/x-who-knows') for i,b in enumerate(fives.values())}) as w:
        df = download_images(tmp_path/'five', urls=[w.url(f'/{i}') for i in range(len(fives))])
    assert set(df.status)=={'ok'} and len(image_files(tmp_path))==len(fives), df
    assert not (verify_images(tmp_path).what=='quarantined').any()

one_of_two = """
import sys
from imgcls.gather.download import download_images
port,path,label = sys.argv[1:]
df = download_images(f'{path}/{label}', urls=[f'http://127.0.0.1:{port}/{label}{i}' for i in range(25)], n_workers=4, allow_private=True)
print(df.status.value_counts().to_dict())"""

def test_two_processes_at_a_time(tmp_path):
    def slow(b):
        def f(h):
            time.sleep(.05)
            says(b)(h)
        return f
    with Web({f'/{c}{i}':slow(jpg+bytes([i,len(c)])) for c in ('cat','mouse') for i in range(25)}) as w:
        cmd = [[sys.executable, '-c', one_of_two, str(w.server_port), tmp_path, c] for c in ('cat','mouse')]
        ps = [subprocess.Popen(o, stdout=subprocess.PIPE, text=True) for o in cmd]
        while any(o.poll() is None for o in ps): # and a third looks in meanwhile
            verify_images(tmp_path) if (tmp_path/'manifest.csv').exists() else time.sleep(.1)
        assert [o.communicate()[0].splitlines()[-1] for o in ps]==["{'ok': 25}"]*2
    df = read_manifest(tmp_path)
    assert len(df)==50 and set(df.status)=={'ok'} and len(image_files(tmp_path))==50 and not (tmp_path/'.partial').exists()

def test_arguments_in_the_wrong_place_are_a_sentence(tmp_path):
    (tmp_path/'pets').mkdir()
    (tmp_path/'photo.bin').write_bytes(b'x')
    url = 'https://example.org/1.jpg'
    for args,err,said in (
        ((tmp_path/'cat',tmp_path/'pets'), FileNotFoundError, 'pets is a folder'), ((tmp_path/'urls_cat.csv',tmp_path/'cat'), FileNotFoundError, 'urls_cat.csv is not there'),
        ((tmp_path/'cat',tmp_path/'urls_cat.csv'), FileNotFoundError, 'urls_cat.csv is not there'), ((tmp_path/'photo.bin',), ValueError, 'is a file: wanted'), ((tmp_path/'cat',), ValueError, 'Nothing to download'),
        (([url],tmp_path/'cat'), TypeError, 'Addresses go into urls'), ((tmp_path/'cat',None,'urls_cat.csv'), ValueError, 'goes into url_file'),
        ((tmp_path/'cat',None,pd.DataFrame(dict(url=[url]))), ValueError, 'wanted addresses'), ((tmp_path/'photo.bin',None,[url]), ValueError, 'is a file: wanted a class folder'),
        ((tmp_path/'cat',None,[url],0), ValueError, 'max_pics=0')):
        with pytest.raises(err, match=said): download_images(*args)
        assert not (tmp_path/'cat').exists()

def test_a_class_takes_its_own_of_a_table(web, tmp_path):
    (tmp_path/'pets.csv').write_text(f'url,label\n{web.url("/ok.jpg")},cat\n{web.url("/gone.jpg")},dog\n')
    for c in ('cat','dog'): download_images(tmp_path/c, url_file=tmp_path/'pets.csv')
    assert dict(read_manifest(tmp_path)[['label','status']].values)=={'cat':'ok','dog':'failed'}
    with pytest.raises(ValueError, match='2 classes, such as cat, dog'): download_images(tmp_path/'cow', url_file=tmp_path/'pets.csv')

def test_no_network_is_one_error(tmp_path):
    with pytest.raises(ConnectionError, match='goes on where it stopped'): download_images(tmp_path/'a', urls=[f'http://127.0.0.1:1/{i}.jpg' for i in range(30)], tries=1)
    assert not image_files(tmp_path) and not (tmp_path/'.partial').exists()

def test_a_torn_manifest_is_mended(web, tmp_path):
    download_images(tmp_path/'a', urls=[web.url('/ok.jpg')])
    with open(tmp_path/'manifest.csv', 'a') as f: f.write('a/123.jpg,a,half a li')
    df = download_images(tmp_path/'a', urls=[web.url('/ok.jpg'),web.url('/half.jpg')])
    assert sorted(df.status)==['ok','ok']

def test_what_comes_packed_is_measured_unpacked(web, tmp_path):
    "Though nobody asked for it packed"
    packed = dict(ok=gzip.compress(encode_image(draw_digit(9))), bomb=gzip.compress(bytes(300*2**20)), plain=b'\xff\xd8\xff'+bytes(99))
    web.routes |= {f'/{k}.gz':says(v, Content_Encoding='gzip') for k,v in packed.items()}
    df = download_images(tmp_path/'a', urls=[web.url(f'/{o}.gz') for o in packed], tries=1, max_bytes=2**20)
    assert df.status.tolist()==['ok','failed','failed'] and 'too many bytes' in df.reason[1] and 'run again' in df.reason[2]
    assert (tmp_path/df.file[0]).read_bytes()==encode_image(draw_digit(9))

def test_a_head_that_drips(web, tmp_path):
    def drip(h):
        for b in b'HTTP/1.1 200 OK\r\nX-Long: '+b'a'*900:
            h.wfile.write(bytes([b]))
            time.sleep(.1)
    web.routes['/head.jpg'] = drip
    t = time.monotonic()
    assert 'not done after 1 s' in download_images(tmp_path/'a', urls=web.url('/head.jpg'), timeout=1, max_seconds=1).reason[0] and time.monotonic()-t<4

def ours(): return [o for o in threading.enumerate() if 'process_request_thread' not in o.name] # the others are the server's, one a connection

def test_who_has_enough_is_not_kept_waiting(web, tmp_path):
    n = len(ours())
    crew = Crew(partial(fetch_picture, tmp=tmp_path, max_seconds=60, max_bytes=2**20, robots=True), Fetcher(True), 4, 4, 2)
    results = crew.run([Hit(web.url(o)) for o in ('/gone.jpg','/stall.jpg','/drip.jpg')])
    t = time.monotonic()
    assert next(results)[1]['reason']=='HTTP 404 Not Found'
    results.close()
    assert time.monotonic()-t<2 and len(ours())<=n

def test_what_goes_wrong_in_the_crew_is_not_waited_for(tmp_path):
    async def broken(hit, client): raise KeyError('a mistake of ours')
    with pytest.raises(KeyError, match='a mistake'): list(Crew(broken, Fetcher(), 4, 4, 2).run([Hit('http://a.test/1')]))
    class Shut(Fetcher):
        async def __aenter__(self): raise ValueError('no client')
    with pytest.raises(ValueError, match='no client'): list(Crew(broken, Shut(), 4, 4, 2).run([Hit('http://a.test/1')]))

def test_labels_never_lead_out(tmp_path):
    data = tmp_path/'data'
    for label in ('..', '.hidden', 'a:b', 'x'*200):
        with pytest.raises(ValueError, match='name of a class'): guarded_download(data/label, urls=[])
    with pytest.raises(ValueError, match='name of a class'): gather(data, {'../up':'three'})

def test_a_refusal_can_be_lifted(web, tmp_path):
    urls = [web.url('/ok.jpg'), web.url('/noai.jpg')]
    assert set(guarded_download(tmp_path/'a', urls=urls).status)=={'failed'}
    assert dict(zip(*[tally(tmp_path, 'reason').reset_index()[o] for o in ('reason','failed')]))['private network']==2
    assert guarded_download(tmp_path/'a', urls=urls, allow_private=True).status.tolist()==['ok','failed']
    assert guarded_download(tmp_path/'a', urls=urls, allow_private=True, robots=False).status.tolist()==['ok','ok']

def test_one_address_may_come_without_a_list(web, tmp_path): assert len(download_images(tmp_path/'a', urls=web.url('/ok.jpg')))==1

def test_only_hosts_that_ask_hear_whom_to_write_to(tmp_path, monkeypatch):
    heard = []
    def noting(then):
        def f(h): heard.append((h.headers['Host'].split(':')[0],h.headers['User-Agent'])) or then(h) # whom, what
        return f
    with Web({}) as w:
        away = f'http://127.0.0.1:{w.server_port}/b.jpg'
        w.routes |= {'/a.jpg':noting(says(status=302, Location=away)), '/b.jpg':noting(says(jpg))}
        monkeypatch.setattr(fetch, 'told_contact', ('localhost',))
        monkeypatch.setenv('IMGCLS_CONTACT', 'ann@example.org')
        df = download_images(tmp_path/'a', urls=f'http://localhost:{w.server_port}/a.jpg', allow_private=True)
    assert df.status.tolist()==['ok'] and [o for o,_ in heard]==['localhost','127.0.0.1']
    assert ['ann@example.org' in o for _,o in heard]==[True,False] and all(o.startswith('imgcls/') for _,o in heard)
    with pytest.raises(ValueError, match='IMGCLS_CONTACT'): download_images(tmp_path/'b', urls='https://example.com/a.jpg', contact='me')

def test_addresses_in_a_column_or_an_array(web, tmp_path):
    s = pd.Series([web.url('/ok.jpg'),web.url('/gone.jpg')])
    for i,o in enumerate((s, s.to_numpy(), tuple(s), iter(s))): assert len(download_images(tmp_path/str(i)/'a', urls=o))==2

def test_limits_of_a_gathering_concern_what_it_brings(tmp_path):
    with SampleWeb(100) as web:
        for label in ('three','seven'): (tmp_path/f'urls_{label}.csv').write_text('\n'.join(web.url+o for o in web.plan[web.plan.label==label].path))
        seven = (tmp_path/'urls_seven.csv').read_text()
        (tmp_path/'urls_seven.csv').unlink()
        n = gather(tmp_path).loc['three','ok']
        (tmp_path/'urls_seven.csv').write_text(seven)
        df = gather(tmp_path, min_size=5000)
        assert df.loc['three','ok']==n and df.loc['seven','ok']==0

def test_a_class_that_nothing_is_found_for_does_not_stop_the_others(tmp_path, monkeypatch):
    with SampleWeb(100) as web, pytest.warns(UserWarning, match="Nothing gathered for 'xyz'.*digits zero to nine"):
        monkeypatch.setattr('imgcls.gather.search.sample_web', lambda: web)
        df = gather(tmp_path, dict(three='three', xyz='unicorn', seven='seven'))
    assert list(df.index)==['seven','three','all']

def test_credits(web, tmp_path):
    hits = [Hit(web.url('/ok.jpg'), 'https://x.org/p', 'A | [b] <i>', licence='CC BY-SA 2.0', creator='Ann'), Hit(web.url('/others.jpg'), licence='CC0 1.0')]
    download_images(tmp_path/'a', urls=hits)
    df = attribution(tmp_path)
    txt = (tmp_path/'CREDITS.md').read_text()
    assert len(df)==2 and 'https://creativecommons.org/licenses/by-sa/2.0/' in txt and 'publicdomain/zero' in txt and '<i>' not in txt

gather_digits = """import sys
from fastprogress import fastprogress
from imgcls.gather.shell import gather
from imgcls.sample import digit_names, sample_web
fastprogress.NO_BAR = True
sample_web(200, int(sys.argv[2]))
gather(sys.argv[1], digit_names)
print('done')"""

def tree(path): return {o.relative_to(path).as_posix():o.read_bytes() for o in image_files(path)}

def test_kill_9_and_run_again(tmp_path):
    "The same folder as an undisturbed run, byte for byte, wherever it was interrupted"
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    def start(path): return Fork(tmp_path/'said', code, gather_digits, [str(path), str(port)])
    assert start(tmp_path/'calm').end(120).stdout.strip().endswith('done')
    rude = tmp_path/'rude'
    n = lambda fn: len(fn.read_bytes().splitlines()) if fn.exists() else 0
    for ready in (lambda: n(rude/'manifest.csv')>20, lambda: n(rude/'manifest.csv')>150, lambda: n(rude/'.quarantine'/'moves.csv')>3):
        p,t = start(rude),time.time()
        while not ready() and p.poll() is None and time.time()-t<60: time.sleep(.002)
        p.kill()
    assert start(rude).end(120).stdout.strip().endswith('done')
    assert tree(rude)==tree(tmp_path/'calm')
    a,b = [read_manifest(tmp_path/o) for o in ('calm','rude')]
    cols = ['label','url','status','file','sha256']
    pd.testing.assert_frame_equal(a[cols].sort_values(['label','url'], ignore_index=True), b[cols].sort_values(['label','url'], ignore_index=True))
    assert not list(rude.rglob('*.tmp')) and not (rude/'.partial').exists()

def test_gather_reads_url_files(tmp_path):
    with SampleWeb(100) as web:
        for label in ('three','seven'): (tmp_path/f'urls_{label}.csv').write_text('\n'.join(web.url+o for o in web.plan[web.plan.label==label].path))
        df = gather(tmp_path)
        assert list(df.index)==['seven','three','all'] and df.loc['all','URLs']==web.plan.label.isin(['three','seven']).sum()
    with pytest.raises(ValueError, match='Nothing to gather'): gather(tmp_path/'none')

def test_what_a_full_disk_had_no_room_for_is_fetched_later(web, tmp_path, monkeypatch):
    def full(*args, **kwargs): raise OSError(errno.ENOSPC, 'No space left on device')
    with monkeypatch.context() as m:
        m.setattr(download, 'stream_to', full)
        download_images(tmp_path/'a', urls=web.url('/ok.jpg'))
    assert not len(image_files(tmp_path)) and read_manifest(tmp_path).reason[0]=='No space left on device; run again to retry'
    download_images(tmp_path/'a', urls=web.url('/ok.jpg'))
    assert len(image_files(tmp_path))==1
