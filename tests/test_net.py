"Where the client connects, and for how long"
import aiohttp, asyncio, socket, threading, time
from concurrent.futures import ThreadPoolExecutor
import httpcore, httpx, pytest
import imgcls.net as G
from imgcls.gather.fetch import Fetcher, Guard
from imgcls.net import PrivateAddress, guarded_client, is_public, resolve, time_limit
from imgcls.sample import running
from web import Web, jpg, says

@pytest.fixture
def dns(monkeypatch):
    "Names that resolve as `dns[name]` says: a list of addresses, or a list of such lists, one for each time it is asked"
    names,real = {},socket.getaddrinfo
    def fake(host, port, *args, **kwargs):
        if host not in names: return real(host, port, *args, **kwargs)
        ips = names[host]
        if isinstance(ips[0], list): ips = ips.pop(0) if len(ips)>1 else ips[0]
        return [(socket.AF_INET6 if ':' in o else socket.AF_INET, socket.SOCK_STREAM, 6, '', (o,port)) for o in ips]
    monkeypatch.setattr(G.socket, 'getaddrinfo', fake)
    return names

def test_private_ranges_are_refused_in_every_notation():
    with guarded_client(timeout=2) as c:
        for host in ('127.0.0.1','localhost','[::1]','10.0.0.1','192.168.0.1','172.16.3.4','169.254.169.254','0.0.0.0','[::ffff:127.0.0.1]','2130706433','0x7f.1','127.1','100.64.0.1','[fe80::1]','[fd12::1]'):
            with pytest.raises((PrivateAddress,httpx.ConnectError,httpx.InvalidURL)) as e: c.get(f'http://{host}:9/x')
            assert type(e.value) is PrivateAddress or host in ('0x7f.1',), (host,e.value)

def test_one_private_address_among_public_ones_is_enough(dns):
    dns['mixed.test'] = ['93.184.216.34','10.0.0.7']
    with pytest.raises(PrivateAddress, match='10.0.0.7'): resolve('mixed.test', 80)
    assert not is_public('255.255.255.255') and is_public('93.184.216.34')

def test_a_name_that_changes_its_mind(dns, monkeypatch):
    "DNS rebinding: what is connected to is what was looked at"
    dns['rebind.test'] = [['93.184.216.34'],['127.0.0.1']]
    went = []
    def connect(self, host, *args): went.append(host) or (_ for _ in ()).throw(httpcore.ConnectError('no route'))
    monkeypatch.setattr(httpcore.SyncBackend, 'connect_tcp', connect)
    with guarded_client(timeout=2) as c:
        with pytest.raises(httpx.ConnectError): c.get('http://rebind.test/')
        assert went==['93.184.216.34']
        with pytest.raises(PrivateAddress): c.get('http://rebind.test/')

def test_redirects_are_looked_at_too(dns):
    routes = {'/in':says(status=302, Location='http://169.254.169.254/latest/meta-data'), '/file':says(status=302, Location='file:///etc/passwd'), '/ok':says(jpg)}
    with Web(routes) as web:
        port = web.server_port
        routes['/self'] = says(status=302, Location=f'http://inner.test:{port}/ok')
        running.add(port)
        dns['inner.test'] = ['192.168.7.7']
        try:
            with guarded_client(timeout=2) as c:
                assert c.get(web.url('/ok')).content==jpg
                for path,err in [('/in',PrivateAddress),('/self',PrivateAddress),('/file',httpx.UnsupportedProtocol)]:
                    with pytest.raises(err): c.get(web.url(path))
        finally: running.discard(port)
        with guarded_client(timeout=2) as c, pytest.raises(PrivateAddress): c.get(web.url('/ok'))
        with guarded_client(True, timeout=2) as c: assert c.get(web.url('/ok')).content==jpg

def test_time_is_kept_in_the_head_and_in_the_body():
    "One byte every .1 s never trips a timeout of a second"
    def drip(what):
        s = socket.create_server(('127.0.0.1', 0))
        def serve():
            c,_ = s.accept()
            c.recv(9999)
            try:
                for b in what: c.sendall(bytes([b])) or time.sleep(.1)
            except OSError: pass
        threading.Thread(target=serve, daemon=True).start()
        return s.getsockname()[1]
    for what in (b'HTTP/1.1 200 OK\r\nX-Long: '+b'a'*500, b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n'+b'a'*500):
        t = time.monotonic()
        with guarded_client(True, timeout=1) as c, time_limit(1.5), pytest.raises(httpx.TimeoutException): c.get(f'http://127.0.0.1:{drip(what)}/')
        assert time.monotonic()-t<3

def test_names_that_are_none():
    with guarded_client() as c:
        for url in ('http://no-such-host.invalid/x', 'http://'+'a'*70+'.test/'):
            with pytest.raises(httpx.ConnectError, match='no such host'): c.get(url)

def test_behind_a_proxy(monkeypatch):
    with Web({'/x':says(jpg)}) as proxy:
        proxy.routes['http://example.test/x'] = says(b'by proxy')
        monkeypatch.setenv('http_proxy', proxy.url(''))
        monkeypatch.delenv('no_proxy', raising=False)
        monkeypatch.delenv('NO_PROXY', raising=False)
        with guarded_client(timeout=2) as c:
            assert c.get('http://example.test/x').content==b'by proxy'
            for o in ('http://10.0.0.1/x','http://localhost/x','http://2130706433/x','http://127.1/x','http://[::1]/x'):
                with pytest.raises(PrivateAddress): c.get(o)

# the client for many at once: the same guard

def ask(*urls, allow_private=False):
    "What comes of each of `urls`, asked by one client: bytes or an error"
    async def one(c, url):
        async with await c.get(url) as r: return await r.read()
    async def go():
        async with Fetcher(allow_private, timeout=2) as c: return await asyncio.gather(*[one(c, o) for o in urls], return_exceptions=True)
    with ThreadPoolExecutor(1) as ex: return ex.submit(asyncio.run, go()).result() # a browser of other tests may have a loop in this thread

def test_many_at_once_are_refused_as_one_is(dns):
    dns['mixed.test'] = ['93.184.216.34','10.0.0.7']
    hosts = ['127.0.0.1','localhost','[::1]','10.0.0.1','169.254.169.254','0.0.0.0','[::ffff:127.0.0.1]','100.64.0.1','[fe80::1]','mixed.test']
    assert {type(o) for o in ask(*[f'http://{o}:9/x' for o in hosts])}=={PrivateAddress}
    for o in ask(*[f'http://{o}:9/x' for o in ('2130706433','0x7f.1','127.1')]): assert isinstance(o, (PrivateAddress,aiohttp.InvalidURL,aiohttp.ClientConnectorError))
    for o in ask('ftp://a/x', 'not a url', 'http:///x'): assert type(o) is httpx.UnsupportedProtocol
    assert isinstance(ask('http://no-such-host.invalid/x')[0], aiohttp.ClientConnectorError)

def test_the_socket_is_guarded_whatever_the_name_led_to(dns, monkeypatch):
    dns['rebind.test'] = [['93.184.216.34'],['127.0.0.1']]
    went,guarded = [],Guard.open
    def open(self, info):
        guarded(self, info)
        went.append(info[4][0])
        raise OSError('no route')
    monkeypatch.setattr(Guard, 'open', open)
    assert isinstance(ask('http://rebind.test/')[0], aiohttp.ClientConnectorError) and went==['93.184.216.34']
    assert type(ask('http://rebind.test/')[0]) is PrivateAddress
    async def fooled(self, host, port=0, family=0): return [dict(hostname=host, host='127.0.0.1', port=port, family=socket.AF_INET, proto=0, flags=0)]
    monkeypatch.setattr(Guard, 'resolve', fooled)
    assert type(ask('http://rebind.test/')[0]) is PrivateAddress and went==['93.184.216.34']

def test_each_redirect_is_looked_at(dns):
    routes = {'/in':says(status=302, Location='http://169.254.169.254/latest/meta-data'), '/file':says(status=302, Location='file:///etc/passwd'), '/ok':says(jpg),
        '/there':says(status=301, Location='ok'), '/loop':says(status=302, Location='/loop')}
    with Web(routes) as web:
        port = web.server_port
        routes['/self'] = says(status=307, Location=f'http://inner.test:{port}/ok')
        dns['inner.test'] = ['192.168.7.7']
        running.add(port)
        try: res = ask(*map(web.url, ('/ok','/there','/in','/self','/file','/loop')))
        finally: running.discard(port)
        assert res[:2]==[jpg,jpg] and [type(o) for o in res[2:]]==[PrivateAddress,PrivateAddress,httpx.UnsupportedProtocol,httpx.TooManyRedirects]
        assert len([o for o in web.asked if o=='/loop'])==11
        assert type(ask(web.url('/ok'))[0]) is PrivateAddress and ask(web.url('/ok'), allow_private=True)==[jpg]

def test_many_at_once_behind_a_proxy(monkeypatch):
    with Web({'/x':says(jpg)}) as proxy:
        proxy.routes['http://example.test/x'] = says(b'by proxy')
        monkeypatch.setenv('http_proxy', proxy.url(''))
        for o in ('no_proxy','NO_PROXY'): monkeypatch.delenv(o, raising=False)
        assert ask('http://example.test/x')==[b'by proxy']
        for o in ask(*[f'http://{o}/x' for o in ('10.0.0.1','localhost','2130706433','127.1','[::1]')]): assert type(o) is PrivateAddress
        monkeypatch.setenv('no_proxy', '127.0.0.1')
        assert type(ask('http://127.0.0.1:1/x')[0]) is PrivateAddress
