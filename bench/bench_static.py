"The page without a server, beside a bare page that loads the same runtime and model and asks once: in turns, in the same browser"
import functools, gzip, os, psutil, re, statistics, sys, tempfile, threading, time
from contextlib import suppress
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from PIL import Image
from playwright.sync_api import sync_playwright
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent/'tools')]
from browser import chromium
from photos import photo
from imgcls.sample import heldout_folder
from imgcls.use.deploy import deploy
from imgcls.use.host import app_notebook, serve_app, stop_app

bare = '''<!doctype html><title>bare</title><script type="module">
import * as ort from './runtime/ort.wasm.bundle.min.mjs'
ort.env.wasm.numThreads = 1
const session = await ort.InferenceSession.create('model.onnx'), n = 224*224
window.ask = async blob => {
  const im = await createImageBitmap(blob), to = document.createElement('canvas')
  to.width = to.height = 224
  const g = to.getContext('2d', {willReadFrequently: true})
  g.drawImage(im, 0, 0, 224, 224)
  const px = g.getImageData(0, 0, 224, 224).data, x = new Float32Array(3*n)
  im.close()
  for (let i = 0; i<n; i++) for (let c = 0; c<3; c++) x[c*n+i] = px[4*i+c]/255
  return (await session.run({image: new ort.Tensor('float32', x, [1, 3, 224, 224])})).logits.data
}
window.ready = performance.now()
</script>'''
asked = {'bare':'ask', 'ours':'imgcls.predict'}
ready = {'bare':'new Promise(f => { const look = () => window.ready ? f(window.ready) : setTimeout(look, 2); look() })', 'ours':'imgcls.ready().then(() => performance.now())'}

class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args): pass

def serve(path):
    "The folder at an address, as `python -m http.server` serves it"
    srv = ThreadingHTTPServer(('127.0.0.1',0), functools.partial(Quiet, directory=path))
    threading.Thread(target=srv.serve_forever, daemon=True).start()
    return f'http://127.0.0.1:{srv.server_port}/'

def made(path):
    "A model of squeezenet1_1 that has learned nothing, and the pictures to ask about"
    from imgcls.learn.data import get_dls
    from imgcls.learn.export import export_onnx
    from imgcls.learn.train import get_learner
    learn = get_learner(get_dls(heldout_folder(path/'d', 60), size=224, bs=16, num_workers=0), 'squeezenet1_1', pretrained=False)
    return export_onnx(learn, path/'m.onnx', max_diff=1)

def pictures(path):
    "A phone's photo of 12 megapixels, and one from the web"
    photo(3, 1000, 1000).resize((4032,3024), Image.BICUBIC).save(path/'phone.jpg', quality=88)
    photo(4, 1000, 1000).resize((640,480)).save(path/'web.jpg', quality=88)

def browse(pw, profile, *args):
    root = ['--no-sandbox'] if os.name=='posix' and os.geteuid()==0 else []
    return pw.chromium.launch_persistent_context(profile, executable_path=chromium(), args=[*root, *args])

def opened(ctx, url, who):
    "(tab, milliseconds until the model can be asked)"
    tab = ctx.new_page()
    tab.goto(url, wait_until='commit')
    tab.wait_for_load_state()
    return tab,tab.evaluate(ready[who])

def mark(tab, name): return tab.evaluate(f"performance.getEntriesByName('{name}')[0].startTime")

def ms(tab, who, name):
    "Milliseconds of an answer"
    return tab.evaluate(f"async () => {{ const b = await (await fetch('{name}')).blob(), t = performance.now(); await {asked[who]}(b); return performance.now()-t }}")

def visit(pw, urls, turn):
    "Somebody who was never here: what each page takes"
    res = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as d:
        ctx = browse(pw, d)
        tabs = {}
        for who in list(urls)[::turn]: tabs[who],res[f'{who} cold'] = opened(ctx, urls[who], who)
        res['page cold'] = mark(tabs['ours'], 'page')
        for name in ('phone.jpg','web.jpg'):
            for who in tabs: res[f'{who} first {name}'] = ms(tabs[who], who, name)
            times = [{who:ms(tabs[who], who, name) for who in tabs} for _ in range(10)]
            for who in tabs: res[f'{who} {name}'] = statistics.median(o[who] for o in times[2:])
        tabs['ours'].evaluate('navigator.serviceWorker.ready.then(() => 1)')
        tabs['ours'].wait_for_timeout(500)
        for o in tabs.values(): o.close()
        tab,res['ours again'] = opened(ctx, urls['ours'], 'ours')
        res['page again'] = mark(tab, 'page')
        ctx.close()
    return res

def rss():
    "MB of the browser's processes that show pages"
    total = 0
    for o in psutil.Process().children(recursive=True):
        with suppress(psutil.Error): total += o.memory_info().rss if '--type=renderer' in o.cmdline() else 0
    return total/2**20

def memory(pw, url, n=500):
    "MB after 50 answers, and after `n` more"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as d:
        ctx = browse(pw, d)
        tab,_ = opened(ctx, url, 'ours')
        many = "async n => { const b = await (await fetch('web.jpg')).blob(); for (let i = 0; i<n; i++) await imgcls.predict(b) }"
        res = []
        for o in (50,n):
            tab.evaluate(many, o)
            res.append(rss())
        ctx.close()
    return res

def frames(pw, url):
    "Answers a second from Chromium's own camera"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as d:
        ctx = browse(pw, d, '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream')
        tab,_ = opened(ctx, url, 'ours')
        tab.click('#live')
        tab.wait_for_selector('#seen h3')
        tab.wait_for_timeout(4000)
        res = int(re.search(r'(\d+) pictures a second', tab.inner_text('#seen'))[1])
        ctx.close()
    return res

def voila(pw, model, path):
    "Seconds until the app's button is there, nothing warm"
    (path/'app.ipynb').write_text(app_notebook('What is it?', model))
    p,url = serve_app(path/'app.ipynb', pool_size=0)
    b = pw.chromium.launch(executable_path=chromium(), args=['--no-sandbox'] if os.name=='posix' and os.geteuid()==0 else [])
    tab,t = b.new_page(),time.perf_counter()
    tab.goto(url, wait_until='commit')
    tab.locator('.widget-upload').wait_for(timeout=120_000)
    t = time.perf_counter()-t
    b.close()
    stop_app(p)
    return t

def sizes(site):
    "Files as they are, and as hosts send them"
    def packed(fns):
        bs = [o.read_bytes() for o in fns]
        row = [sum(map(len, bs)), sum(len(gzip.compress(o, 6)) for o in bs)]
        with suppress(ImportError):
            import brotli
            row.append(sum(len(brotli.compress(o, quality=9)) for o in bs))
        return ' | '.join(f'{o/1000:,.0f}' for o in row)
    own = [o for o in site.rglob('*') if o.suffix in ('.js','.css','.html','.json','.svg','.webmanifest') and o.name!='.imgcls.json']
    rows = {'the page':own, 'the runtime':list((site/'runtime').iterdir()), 'the model':[site/'model.onnx']}
    return '\n'.join(f'| {k} | {packed(v)} |' for k,v in rows.items())

def main(n=5):
    path = Path(tempfile.mkdtemp())
    model = made(path)
    site = deploy(model, path/'site', kind='static')
    (site/'bare.html').write_text(bare)
    pictures(site)
    url = serve(site)
    urls = dict(bare=url+'bare.html', ours=url)
    with sync_playwright() as pw:
        vs = [visit(pw, urls, 1-2*(i%2)) for i in range(n)]
        mb = memory(pw, url)
        fps = frames(pw, url)
        app = statistics.median(voila(pw, model, path) for _ in range(3))
    def med(k): return statistics.median(o[k] for o in vs)
    def line(what, a, b, wanted): return f'| {what} | {med(a):.0f} | {med(b):.0f} | {statistics.median(o[a]/o[b] for o in vs):.2f} | {wanted} |'
    rows = [line('the page takes a picture, first visit', 'page cold', 'bare cold', '1.3'), line('the model can be asked, first visit', 'ours cold', 'bare cold', '1.3'),
        line('the page takes a picture, second visit', 'page again', 'bare cold', '0.3'), line('the model can be asked, second visit', 'ours again', 'bare cold', ''),
        line('first photo of 12 megapixels', 'ours first phone.jpg', 'bare first phone.jpg', ''), line('another one', 'ours phone.jpg', 'bare phone.jpg', '1.5'),
        line('picture of 640 × 480', 'ours web.jpg', 'bare web.jpg', '1.15')]
    print(f'''## A page without a server (squeezenet1_1, 224 px, fp32; {n} visitors, in turns; others had the machine too: load {psutil.getloadavg()[0]:.0f} on {os.cpu_count()} cores)

The bare page loads the same runtime and model, scales by canvas, upright or not, and answers; ours does what Python does with the pixels, in a worker. Milliseconds.

| | imgcls | bare | ratio (median of pairs) | wanted at most |
|---|---|---|---|---|
{chr(10).join(rows)}

The app in Voila has its button after {app:.2f} s, {1000*app/med('ours cold'):.1f} × as long as this page takes until its model can be asked. The camera: {fps} answers a second (wanted: 8).
Memory of the tab: {mb[0]:.0f} MB after 50 answers, {mb[1]:.0f} MB after 500 more.

| KB to load | as it is | gzip | brotli |
|---|---|---|---|
{sizes(site)}''')

if __name__=='__main__': main(int(sys.argv[1]) if sys.argv[1:] else 5)
