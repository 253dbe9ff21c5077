"""Run the chapters of the course in order, in one folder, as a reader would, offline on handwriting, and save their outputs. Names of chapters run only those.
`--wheel`: on the installed wheel only, nothing saved; `--photos`: on the photos of ../shared, nothing saved; `--pages`: tidy the library's pages"""
import os, re, shutil, socket, subprocess, sys, tempfile, time
import nbformat
from nbclient import NotebookClient
from pathlib import Path
from kernels import forked

root = Path(__file__).parent.parent
chapters = sorted((root/'nbs'/'course').glob('*.ipynb'))

def build(dest):
    "The wheel of this tree, unpacked into `dest` as pip does"
    src = Path(dest)/'src'
    shutil.copytree(root, src, ignore=lambda d,names: [o for o in names if o in ('.git','.venv','nbs','tests','bench','demo','build') or o.endswith('.egg-info')])
    pip = [sys.executable, '-m', 'pip', '-q', '--disable-pip-version-check']
    subprocess.run([*pip, 'wheel', '--no-deps', '--no-build-isolation', '-w', Path(dest)/'wheel', src], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run([*pip, 'install', '--no-deps', '--target', Path(dest)/'lib', *(Path(dest)/'wheel').glob('*.whl')], check=True)
    return Path(dest)/'lib'

def skipped(cell): return re.match(r'#\|\s*eval:\s*false', cell.source)

def run(nb, path, timeout=600, before='', kernel='python3'):
    "Execute `nb` in folder `path`, after the code `before`; cells that are marked are left as they are"
    client = NotebookClient(nb, timeout=timeout, resources=dict(metadata=dict(path=str(path))), kernel_name=kernel, record_timing=False)
    if before: nb.cells.insert(0, nbformat.v4.new_code_cell(before))
    with client.setup_kernel():
        for i,o in enumerate(nb.cells):
            if o.cell_type=='code' and not skipped(o): client.execute_cell(o, i)
    if before: nb.cells.pop(0)

def is_progress(o):
    "Is output `o` a progress bar that has gone, or the style of one?"
    html = o.get('data', {}).get('text/html')
    return o.output_type=='display_data' and html is not None and not re.sub(r'(?s)<style>.*?</style>|</?div>', '', ''.join(html)).strip()

def anonymous(txt):
    "`txt` without the paths of this machine and links to its servers, and warnings without the line of code that gives them"
    txt = re.sub(r'(?m)^\S+\.py:\d+: (\w*Warning: .*\n(?:\S.*\n)*?)  .*\n', r'\1', ''.join(txt))
    txt = re.sub(r'(?s)<a href="http://127\.0\.0\.1:[^>]*>(.*?)</a>', r'\1', txt)
    return re.sub(r'[^\s"\'(]*/site-packages/', '', ''.join(txt).replace(f'{root}/', ''))

def joined(outputs):
    "`outputs`, of which those of one stream that follow each other are one: a bar comes in pieces"
    res = []
    for o in outputs:
        if res and o.output_type=='stream' and res[-1].get('name')==o.name: res[-1].text += o.text
        else: res.append(o)
    return res

def without_bars(txt):
    "`txt` as a terminal shows it in the end: without bars that were drawn over, and a shell's ends of lines"
    txt = re.sub(r'[^\n]*\r', '', txt.replace('\r\n', '\n'))
    return re.sub(r'(?m)^[^\n]*\|[█-]{10,}\|[^\n]*\n?', '', txt)

def without_paths(nb):
    "Take the paths of this machine, and bars that were drawn over, out of outputs"
    for c in nb.cells:
        if c.cell_type=='code': c.outputs = joined(c.outputs)
    for o in (x for c in nb.cells if c.cell_type=='code' for x in c.outputs if x.output_type=='stream'): o.text = without_bars(''.join(o.text))
    for c in nb.cells:
        if c.cell_type=='code': c.outputs = [o for o in c.outputs if o.output_type!='stream' or o.text.strip()]
    for o in (x for c in nb.cells if c.cell_type=='code' for x in c.outputs):
        if o.output_type=='stream': o.text = anonymous(o.text)
        for k in [k for k in o.get('data', {}) if k.startswith('text/')]: o.data[k] = anonymous(o.data[k])
    return nb

def tidy(nb):
    "Take out of outputs what differs from run to run, and what shows nothing"
    for o in nb.cells:
        o.metadata = {}
        if o.cell_type!='code': continue
        o.execution_count = None
        o.outputs = [x for x in o.outputs if not is_progress(x) and 'application/vnd.jupyter.widget-view+json' not in x.get('data', {})]
        for x in o.outputs:
            if x.output_type=='execute_result': x.execution_count = None
    nb.metadata = dict(kernelspec=dict(display_name='python3', language='python', name='python3'))

def free_port():
    "A port of this machine that nobody uses"
    with socket.create_server(('127.0.0.1', 0)) as s: return s.getsockname()[1]

def main(wheel=False, names=()):
    "Run all chapters, or those named"
    os.environ['IMGCLS_TOPIC'] = 'handwriting'
    with tempfile.TemporaryDirectory(prefix='imgcls-course-') as tmp:
        lib,work = build(tmp) if wheel else root,Path(tmp)/'work'
        work.mkdir()
        port,n = free_port(),350 if wheel else 700 # the same port in all chapters, so that addresses stay the same
        os.environ['PYTHONPATH'] = str(lib)
        os.environ['IMGCLS_CACHE'] = str(Path(tmp)/'cache')
        at = subprocess.run([sys.executable, '-c', 'import imgcls; print(imgcls.__file__)'], cwd=work, capture_output=True, text=True).stdout.strip()
        if not at.startswith(str(lib)): sys.exit(f'{at} is imported, and not what is in {lib}')
        with forked():
            for fn in [o for o in chapters if not names or o.stem in names]:
                nb,t = nbformat.read(fn, 4),time.time()
                run(nb, work, before=f'import imgcls, imgcls.sample as o; assert imgcls.__file__.startswith({str(lib)!r}); o.sample_web({n}, {port})')
                print(f'{fn.stem}: {time.time()-t:.0f} s', flush=True)
                if wheel: continue
                tidy(nb)
                nbformat.write(without_paths(nb), fn)

def on_photos(names=()):
    "Chapters 1 to 8, or those named, on photos of bears that a server of this machine finds, as Openverse would: name → notebook with outputs"
    from real_photos import Openverse, settings
    res = {}
    os.environ['PYTHONPATH'] = str(root)
    with tempfile.TemporaryDirectory(prefix='imgcls-photos-') as tmp, Openverse() as web, forked():
        os.environ.update(IMGCLS_CACHE=str(Path(tmp)/'cache'), TORCH_HOME=str(web.root/'torch_home'))
        for fn in [o for o in chapters if o.stem<'09' and (not names or o.stem in names)]:
            nb,t = nbformat.read(fn, 4),time.time()
            run(nb, tmp, before=settings(web))
            print(f'{fn.stem} on photos: {time.time()-t:.0f} s', *re.findall(r'.*\d+ of \d+: .*', said(nb)), sep='\n  ', flush=True)
            res[fn.stem] = nb
    return res

def said(nb):
    "All text that the cells of `nb` have put out"
    outs = [o for c in nb.cells if c.cell_type=='code' for o in c.outputs]
    return '\n'.join(''.join(o.get('text', '') or o.get('data', {}).get('text/plain', '')) for o in outs)

def clean_pages():
    "Tidy the outputs of the library's pages, as nbdev saved them, and of the course"
    for fn in (root/'nbs').rglob('*.ipynb'):
        old = fn.read_text(encoding='utf-8')
        if any(o in old for o in (str(root),'/site-packages/','\\r')): nbformat.write(without_paths(nbformat.reads(old, 4)), fn)

if __name__=='__main__':
    names = [o for o in sys.argv[1:] if o[0]!='-']
    if '--pages' in sys.argv: clean_pages()
    elif '--photos' in sys.argv: on_photos(names)
    else: main('--wheel' in sys.argv, names)
