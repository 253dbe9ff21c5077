"The course and the library as a site. `book.py` gathers the pages from nbs/ and book/, writes the API from docments, and has Sphinx build build/site; nothing is executed"
import importlib, inspect, os, re, shutil, subprocess, sys, time
from fastcore.docments import docments
from pathlib import Path
import nbformat
from nbconvert import MarkdownExporter
import course, repo

root = Path(__file__).parent.parent
pages,site = root/'build'/'book',root/'build'/'site'
packages = {'':'Shared by all', 'gather':'Gather', 'learn':'Learn', 'clean':'Clean', 'use':'Use'}

def address():
    "Addresses of this repository that lead into nbs/, as a pattern"
    cfg = repo.settings()
    slug = f'{cfg["user"]}/{cfg["repo"]}'
    return rf'https://(?:github\.com/{slug}/blob/{cfg["branch"]}|raw\.githubusercontent\.com/{slug}/{cfg["branch"]})/nbs/'

def local(txt, depth):
    "`txt` of a page `depth` folders down, with addresses of pages and pictures made relative"
    txt = re.sub(rf'(?<=\]\(){address()}([^)\s?]+)[^)\s]*', lambda m: '../'*depth+m[1], txt)
    txt = re.sub(r'(?<=\]\()https://[^)\s]+/blob/[^)\s/]+/(BENCHMARKS|CONTRIBUTING)\.md', lambda m: f'{"../"*depth}{m[1]}.md', txt)
    txt = re.sub(r'(?<=\]\()imgcls/static/course/', '../'*depth+'images/', txt)
    return re.sub(r'(?<=\]\()nbs/', '../'*depth, txt)

def linked(txt): return re.sub(r'\[!\[([^\]]+)\]\(https?:[^)]*\)\]\(([^)]+)\)', r'[\1](\2)', txt) # badges as plain links

def launch(txt):
    "The line of badges with dots between: a book that is read offline loads nothing from elsewhere"
    return re.sub(r'(?m)^\[!\[.*\)$', lambda m: linked(m[0]).replace(') [', ') · ['), txt)

def is_blank(o): return not o['data'] or not re.sub(r'(?s)<style>.*?</style>|<[^>]*>|\s', '', ''.join(o['data'].get('text/html', 'x'))) and not any(k.startswith('image') for k in o['data'])

def shown(o):
    "Output `o` as the book shows it: a training table of fastprogress is HTML in its text"
    data = o.get('data', {})
    html = ''.join(data.get('text/plain', ''))
    if html.startswith('<div>'): o['data'] = {'text/html':html}
    if 'text/markdown' in data: data['text/markdown'] = linked(''.join(data['text/markdown']))
    return o

def outputs(cell): return [shown(o) for o in cell['outputs'] if not course.is_progress(o) and not ('data' in o and is_blank(shown(o)))]

def is_hidden(cell): return cell['cell_type']=='code' and re.match(r'#\|\s*(hide|default_exp)\b', cell['source'])

def page(nb, depth):
    "Notebook `nb` as a page of the book"
    nb.metadata.language_info = dict(name='python', pygments_lexer='ipython3')
    nb.cells = [o for o in nb.cells if not is_hidden(o)]
    for o in nb.cells:
        if o.cell_type=='markdown': o.source = launch(local(o.source, depth))
        else: o.source,o.outputs = re.sub(r'(?m)^#\|.*\n?', '', o.source),outputs(o)
    return nb

def pretty(name): return name.replace('_', r'\_')

def anno(v): return '' if v in (inspect._empty, type(None)) else getattr(v, '__name__', str(v))

def row(name, o):
    "A parameter as a line of a table"
    default = '' if o['default'] is inspect._empty else f'`{o["default"]!r}`'
    cells = f'`{name}`',anno(o['anno']),default,o['docment'] or ''
    return '| ' + ' | '.join(str(c).replace('|', r'\|').replace('\n', ' ') for c in cells) + ' |'

def signature(f):
    try: return ', '.join(list(inspect.signature(f).parameters)[1:])
    except (TypeError, ValueError): return '…'

def methods(obj):
    "The public methods of a class of ours, a line each"
    own = [(k,v) for k,v in vars(obj).items() if k[0]!='_' and inspect.isfunction(v) and inspect.getdoc(v)] if inspect.isclass(obj) else []
    return [f'- `.{k}({signature(v)})`: {inspect.getdoc(v).splitlines()[0]}' for k,v in own]

def entry(name, obj, page):
    "What the API says about one name"
    try: params = docments(obj, full=True, returns=True)
    except (OSError, TypeError, ValueError): params = {} # a dataclass has no source of its `__init__`
    told = params.pop('return', None)
    head = [f'### {pretty(name)}', '', f'{inspect.getdoc(obj) or ""} ([explained]({page}))', '']
    rows = [row(k, v) for k,v in params.items() if k!='self' and isinstance(v, dict)]
    table = ['| parameter | type | default | |', '|---|---|---|---|', *rows, ''] if rows else []
    gives = [f'Returns {anno(told["anno"])} {told["docment"] or ""}'.strip(), ''] if told and (told['docment'] or told['anno'] is not inspect._empty) else []
    return '\n'.join(head+table+gives+[*methods(obj), ''])

def module_api(fn):
    "The API of the module that page `fn` exports"
    first = next(m for m in (re.match(r'#\|\s*default_exp\s+(\S+)', o.source) for o in nbformat.read(fn, 4).cells if o.cell_type=='code') if m)
    if first[1].endswith('__init__'): return ''
    mod = importlib.import_module(f'imgcls.{first[1]}')
    own = [o for o in getattr(mod, '__all__', []) if getattr(getattr(mod, o), '__module__', '')==mod.__name__]
    if not own: return ''
    rel = os.path.relpath(fn, root/'nbs')
    return f'## imgcls.{first[1]}\n\n' + '\n'.join(entry(o, getattr(mod, o), f'../{rel}') for o in own)

def lib_pages(package): return sorted((root/'nbs'/'lib'/package).glob('*.ipynb'), key=lambda o: (o.stem!='overview', o.stem))

def write_api():
    "A page of the API for each package"
    (pages/'api').mkdir()
    for k,title in packages.items():
        parts = [o for o in map(module_api, lib_pages(k)) if o]
        (pages/'api'/f'{k or "shared"}.md').write_text(f'# API: {title}\n\n' + '\n'.join(parts), encoding='utf-8')

def tree(caption, names): return f'```{{toctree}}\n:hidden:\n:caption: {caption}\n\n' + '\n'.join(names) + '\n```\n'

def numbered(fn):
    "A chapter's line in the list of contents"
    title = re.match('# (.+)', nbformat.read(fn, 4).cells[0].source)[1]
    return f'{int(fn.stem[:2])}. {title} <course/{fn.stem}>'

def contents():
    "What is in the book, in order"
    chapters = [o for o in course.chapters if o.stem[0].isdigit()]
    yield tree('Course', map(numbered, chapters))
    yield tree('Appendices', [*(f'course/{o.stem}' for o in course.chapters if o not in chapters), 'manual', 'BENCHMARKS', 'CONTRIBUTING', 'CHANGELOG'])
    for k,title in packages.items(): yield tree(f'Library: {title}', [os.path.relpath(o, root/'nbs').removesuffix('.ipynb') for o in lib_pages(k)])
    yield tree('API', [f'api/{k or "shared"}' for k in packages])

def write_page(fn):
    "Page `fn` of nbs/ for the book, and as text beside it (the docstrings of modules point there)"
    rel = fn.relative_to(root/'nbs')
    nb = page(nbformat.read(fn, 4), len(rel.parts)-1)
    dest = pages/rel
    dest.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, dest)
    md,_ = MarkdownExporter().from_notebook_node(nb)
    text = pages/'_extra'/rel.with_suffix('.html.md')
    text.parent.mkdir(parents=True, exist_ok=True)
    text.write_text(re.sub(r'(?s)!\[png\]\([^)]*\)', '', md), encoding='utf-8')

def gather():
    "All pages into build/book"
    shutil.rmtree(pages, ignore_errors=True)
    shutil.copytree(root/'book', pages)
    for o in ('nbs/images','imgcls/static/course'): shutil.copytree(root/o, pages/'images', dirs_exist_ok=True)
    for fn in [*course.chapters, *(root/'nbs'/'lib').rglob('*.ipynb')]:
        if '.ipynb_checkpoints' not in fn.parts: write_page(fn)
    for o in ('BENCHMARKS','CONTRIBUTING','CHANGELOG'): (pages/f'{o}.md').write_text(local((root/f'{o}.md').read_text(encoding='utf-8'), 0), encoding='utf-8')
    head = launch(local(repo.markdown(), 0))
    (pages/'index.md').write_text('\n'.join([head, *contents()]), encoding='utf-8')
    write_api()

def build(dest=site):
    "The site; Sphinx's warnings are errors"
    t = time.time()
    gather()
    shutil.rmtree(dest, ignore_errors=True)
    cmd = [sys.executable, '-m', 'sphinx', '-q', '-W', '--keep-going', '-j', 'auto', '-c', root/'book', '-d', root/'build'/'doctrees', pages, dest]
    status = subprocess.run(cmd).returncode
    if status: sys.exit(status)
    print(f'{len([*dest.rglob("*.html")])} pages in {os.path.relpath(dest)}, {time.time()-t:.0f} s')

if __name__=='__main__': build(Path(sys.argv[1]) if sys.argv[1:] else site)
