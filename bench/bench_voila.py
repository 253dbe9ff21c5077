"The app for visitors: `imgcls-app`'s server, and a fastbook-style app of a fastai learner in plain Voila; same weights, same browser"
import json, os, psutil, statistics, subprocess, sys, tempfile, time
from pathlib import Path
from playwright.sync_api import sync_playwright
sys.path.insert(0, str(Path(__file__).parent.parent/'tools'))
from browser import chromium
from imgcls.learn.data import get_dls
from imgcls.learn.export import export_onnx
from imgcls.use.host import await_port, app_notebook, serve_app, stop_app
from imgcls.sample import draw_digit, heldout_folder
from imgcls.learn.train import get_learner

theirs = '''from fastai.vision.all import *
from ipywidgets import *
learn = load_learner('m.pkl')
up,run,out,lbl = FileUpload(),Button(description='Classify'),Output(),Label()
def classify(_):
    img = PILImage.create(io.BytesIO(bytes(up.value[0]['content'])))
    out.clear_output()
    with out: display(img.to_thumb(128,128))
    with learn.no_bar(): pred,i,probs = learn.predict(img)
    lbl.value = f'Prediction: {pred}; Probability: {probs[i]:.04f}'
run.on_click(classify)
VBox([Label('What is it?'), up, run, out, lbl])'''

def plain(path, *args):
    "Voila as it comes"
    log = open(path/'log', 'w')
    p = subprocess.Popen([sys.executable, '-m', 'voila', 'theirs.ipynb', '--no-browser', '--Voila.ip=127.0.0.1', *args], cwd=path, stdout=log, stderr=log)
    return p,f'http://localhost:{await_port(p, path/"log")}'

def is_kernel(o):
    try: return 'ipykernel' in ' '.join(o.cmdline())
    except psutil.Error: return False # it has ended

def kernels(p): return [o for o in psutil.Process(p.pid).children(recursive=True) if is_kernel(o)]
def mb(o): return next(int(l.split()[1]) for l in Path(f'/proc/{o.pid}/smaps_rollup').read_text().splitlines() if l.startswith('Pss:'))/1024

def warm(p, n, secs=90):
    "Until `n` kernels wait, and have nothing more to do"
    t,still = time.time(),0
    while time.time()-t<secs and still<8:
        busy = sum(o.cpu_percent(.3) for o in kernels(p))
        still = still+1 if len(kernels(p))==n and busy<5 else 0

def visit(b, url):
    "(page, seconds until the upload button is there)"
    page = b.new_context().new_page()
    t = time.perf_counter()
    page.goto(url, wait_until='commit')
    page.locator('.widget-upload').wait_for(timeout=120_000)
    return page,time.perf_counter()-t

def ask(page, fn):
    with page.expect_file_chooser() as fc: page.locator('.widget-upload').click()
    fc.value.set_files(fn)
    run = page.get_by_role('button', name='Classify')
    if run.count(): run.click()
    page.locator('.ic-said h2').or_(page.get_by_text('Prediction:')).first.wait_for(timeout=60_000)

def gone(p, page, secs=150):
    "Seconds from closing the page to the end of its kernel, which is the only one"
    t = time.time()
    page.context.close()
    while kernels(p) and time.time()-t<secs: time.sleep(.1)
    return time.time()-t if not kernels(p) else float('inf')

def cold(b, start, fn):
    "Nothing is warm: seconds, and MB of a kernel that has answered"
    p,url = start(0)
    page,secs = visit(b, url)
    more = [visit(b, url)[0] for _ in range(2)]
    for o in (page,*more): ask(o, fn)
    res = secs,statistics.mean(map(mb, kernels(p)))
    for o in (page,*more): o.context.close()
    stop_app(p)
    return res

def row(b, start, n):
    "Three visitors in a row, `n` kernels being warm: seconds of each, and MB of the server and its warm kernels"
    p,url = start(n)
    warm(p, n)
    size = sum(map(mb, [psutil.Process(p.pid), *kernels(p)]))
    vs = [visit(b, url) for _ in range(3)]
    for o,_ in vs: o.context.close()
    stop_app(p)
    return *[s for _,s in vs],size

def left(b, start, silent):
    "Seconds until the kernel of a closed page is gone, when the browser says goodbye, or not"
    p,url = start(0)
    page,_ = visit(b, url)
    if silent: page.evaluate('navigator.sendBeacon = () => false')
    secs = gone(p, page)
    stop_app(p)
    return secs

def prepare(path):
    learn = get_learner(get_dls(heldout_folder(path/'d', 100), size=224, bs=16, num_workers=0), 'resnet18', pretrained=False)
    export_onnx(learn, path/'m.onnx', quantize=True, max_loss=1, max_diff=1)
    learn.export(path/'m.pkl')
    draw_digit(930).resize((640,640)).save(path/'x.png')
    (path/'ours.ipynb').write_text(app_notebook('What is it?', path/'m.onnx'))
    nb = json.loads(app_notebook('What is it?', ''))
    nb['cells'][1]['source'] = theirs
    (path/'theirs.ipynb').write_text(json.dumps(nb))

def main(n=3):
    path = Path(tempfile.mkdtemp())
    prepare(path)
    us = lambda n: serve_app(path/'ours.ipynb', pool_size=n)
    they = lambda n: plain(path, *([f'--pool_size={n}', '--preheat_kernel=True'] if n else []))
    with sync_playwright() as pw:
        b = pw.chromium.launch(executable_path=chromium(), args=['--no-sandbox'] if os.geteuid()==0 else [])
        for f in (us,they): cold(b, f, path/'x.png')
        a,z = zip(*[(cold(b, us, path/'x.png'),cold(b, they, path/'x.png')) for _ in range(n)])
        c,d = zip(*[(row(b, us, 3),row(b, they, 1)) for _ in range(n)])
        ends = [(left(b, us, o),left(b, they, o)) for o in (False,True)]
    med = lambda rs,i: statistics.median(o[i] for o in rs)
    def line(what, xs, ys, i, fmt): return f'| {what} | {med(xs,i):{fmt}} | {med(ys,i):{fmt}} | {statistics.median(y[i]/x[i] for x,y in zip(xs,ys)):.1f} × less |'
    secs = lambda o: f'{o:.1f}' if o<150 else 'still there after 150'
    rows = [line('seconds to the upload button, nothing warm', a, z, 0, '.2f'), line('seconds, kernels warm', c, d, 0, '.2f'),
        line('seconds for the third visitor in a row', c, d, 2, '.2f'), line('MB of a visitor who got an answer', a, z, 1, '.0f'), line('MB of the server with its warm kernels', c, d, 3, '.0f')]
    ends = [f'| seconds until a closed page\'s kernel is gone{o} | {secs(x)} | {secs(y)} | |' for o,(x,y) in zip(('',', the browser saying nothing'), ends)]
    print(f'''## Visitors of the app (resnet18, 224 px; ours in 8 bits; {n} runs each, in turns)

Ours has three warm kernels. The other is an app as in fastbook, with `load_learner`, in Voila as it comes, and for the warm rows with `--preheat_kernel=True`, which keeps one.
MB are proportional set sizes.

| | imgcls | fastai and Voila | ratio (median of pairs) |
|---|---|---|---|
{chr(10).join(rows+ends)}''')

if __name__=='__main__': main(int(sys.argv[1]) if sys.argv[1:] else 3)
