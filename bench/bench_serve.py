"The HTTP service against the tutorials' design, fastai's `predict` in an asynchronous route: same weights, same pictures, same visitors, in turns"
import statistics, tempfile
from importlib.util import find_spec
from pathlib import Path
import photos
from bench_predict import models
from service import load, mb, running

theirs = '''from io import BytesIO
from fastai.vision.all import *
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
import sys, uvicorn
learn = load_learner('m.pkl')
async def upload(request):
    data = await request.form()
    img = PILImage.create(BytesIO(await data['file'].read()))
    with learn.no_bar(): _,_,probs = learn.predict(img)
    return JSONResponse({'predictions': sorted(zip(learn.dls.vocab, map(float, probs)), key=lambda o: o[1], reverse=True)})
app = Starlette(routes=[Route('/upload', upload, methods=['POST'])])
if __name__=='__main__': uvicorn.run(app, port=int(sys.argv[-1]), log_level='warning')
'''
def served(*args): return ['imgcls.use.listen', *args, '--quiet', '--engine']
sides = {'fp32':[*served('fp32.onnx'), 'onnxruntime'], 'int8':[*served('int8.onnx'), 'onnxruntime']}
if find_spec('openvino'): sides['fp32, OpenVINO'] = [*served('fp32.onnx'), 'openvino']
sides['fastai'] = ['theirs']

def measure(cmd, path, secs, users=16):
    "Requests a second with `users` who don't pause; at half of that median and 99 % in ms; peak MB; failures"
    with running(cmd, path) as (p,url):
        load(url, path/'photos', 4, 3)
        most,_,_,bad1 = load(url, path/'photos', users, secs)
        _,mid,p99,bad2 = load(url, path/'photos', 40, secs, rate=most/2)
        return most,mid,p99,mb(p),bad1+bad2

def main(n=3, secs=12):
    path = Path(tempfile.mkdtemp())
    photos.write(path/'photos', 64)
    models(path)
    (path/'theirs.py').write_text(theirs)
    runs = [{k:measure(cmd, path, secs) for k,cmd in sides.items()} for _ in range(n)]
    own = [o for o in sides if o!='fastai']
    med = lambda k,i: statistics.median(o[k][i] for o in runs)
    ratio = lambda k,i: statistics.median(o[k][i]/o['fastai'][i] for o in runs)
    cells = lambda xs: ' | '.join(xs)
    def line(what, i): return f'| {what} | {cells(f"{med(k,i):.0f}" for k in sides)} | {cells(f"{ratio(k,i):.2f} ×" for k in own)} |'
    spread = cells(f'{statistics.median(o[k][2]/o[k][1] for o in runs):.1f}' for k in sides)
    print(f'''## The HTTP service (resnet18, 224 px, JPEG photos of 500 to 1,600 px; {n} runs of each, in turns; visitors on the same machine)

The other side is the tutorials' server: fastai's `learn.predict` inside an asynchronous route of Starlette. Sixteen visitors who don't pause saturate each server; then 40 ask half as often, evenly spread.

| | {cells(sides)} | {cells(f'{k} : fastai' for k in own)} |
|---|{'---|'*(len(sides)+len(own))}
{line('requests a second', 0)}
{line('at half of that: median, ms', 1)}
{line('at half of that: 99 %, ms', 2)}
| 99 % over median | {spread} |{' |'*len(own)}
{line('peak memory, MB', 3)}
| requests that failed | {cells(str(sum(o[k][4] for o in runs)) for k in sides)} |{' |'*len(own)}''')

if __name__=='__main__': main()
