"What the repository needs beside its code: `links` follows settings.ini, `badges` and `toc` follow the chapters, `clean_copies` writes them without prose, `readme` writes README.md from index.ipynb"
import configparser, json, re, shutil, sys
from pathlib import Path

root = Path(__file__).parent.parent

def settings():
    cp = configparser.ConfigParser(delimiters=['='], interpolation=None)
    cp.read(root/'settings.ini', encoding='utf-8')
    return cp['DEFAULT']

def relink(txt, user, repo, branch):
    "`txt` with every address of the repository, its pages, Colab and Binder pointing to `user`/`repo` at `branch`"
    slug = r'[\w.-]+/[\w.-]+?'
    subs = [  # chkstyle: ignore-node
        (rf'(colab\.research\.google\.com/github/){slug}/blob/[^/\s"]+/nbs/', rf'\g<1>{user}/{repo}/blob/{branch}/nbs/'),
        (rf'(mybinder\.org/v2/gh/){slug}/(?!HEAD\?|course\?)[^?\s"]+\?', rf'\g<1>{user}/{repo}/{branch}?'),
        (rf'(mybinder\.org/v2/gh/){slug}/course\?', rf'\g<1>{user}/{repo}/course?'),
        (rf'(https://github\.com/){slug}/blob/[^/\s"]+/(?=nbs/|BENCHMARKS|CONTRIBUTING)', rf'\g<1>{user}/{repo}/blob/{branch}/'),
        (rf'(https://raw\.githubusercontent\.com/){slug}/[^/\s"]+/nbs/', rf'\g<1>{user}/{repo}/{branch}/nbs/'),
        (rf'(git\+https://github\.com/){slug}@[\w.-]+', rf'\g<1>{user}/{repo}@{branch}'),
        (r'(git clone https://github\.com/)[\w.-]+/[\w.-]+ && cd [\w.-]+', rf'\g<1>{user}/{repo} && cd {repo}'),
        (r'(\+https://github\.com/)[\w.-]+/[\w.-]+(?=\))', rf'\g<1>{user}/{repo}'),
        (r'(repository-code: "https://github\.com/)[\w.-]+/[\w.-]+', rf'\g<1>{user}/{repo}'),
        (r'(Repository = "https://github\.com/)[\w.-]+/[\w.-]+', rf'\g<1>{user}/{repo}'),
        (r'(Documentation = "https://|\[the book\]\(https://|url: "https://)[\w.-]+\.github\.io/[\w.-]+', rf'\g<1>{user}.github.io/{repo}'),
        (r'(?m)^(branch = ")[^"]+(?=")', rf'\g<1>{branch}')]
    for pat,new in subs: txt = re.sub(pat, new, txt)
    return txt

def notebooks(): return [o for o in sorted((root/'nbs').rglob('*.ipynb')) if '.ipynb_checkpoints' not in o.parts]
def chapters(): return sorted((root/'nbs'/'course').glob('*.ipynb'))
def read(fn): return json.loads(fn.read_text(encoding='utf-8'))
def source(cell): return ''.join(cell['source'])
def write(fn, nb): fn.write_text(json.dumps(nb, indent=1, ensure_ascii=False)+'\n', encoding='utf-8')

def edited(fn, i, txt):
    "Write `txt` into cell `i` of notebook `fn`; its name if that changed anything"
    nb = read(fn)
    if source(nb['cells'][i])==txt: return
    nb['cells'][i]['source'] = txt.splitlines(True)
    write(fn, nb)
    return fn.name

def badge_line(stem):
    "Where chapter `stem` can be opened"
    cfg = settings()
    slug,at = f'{cfg["user"]}/{cfg["repo"]}',f'blob/{cfg["branch"]}/nbs'
    colab = f'https://colab.research.google.com/github/{slug}/{at}'
    return ' '.join(f'[![{name}]({image})]({url})' for name,image,url in (
        ('Open in Colab', 'https://colab.research.google.com/assets/colab-badge.svg', f'{colab}/course/{stem}.ipynb'),
        ('Open in Kaggle', 'https://kaggle.com/static/images/open-in-kaggle.svg', f'https://kaggle.com/kernels/welcome?src=https://github.com/{slug}/{at}/course/{stem}.ipynb'),
        ('Open in Binder', 'https://mybinder.org/badge_logo.svg', f'https://mybinder.org/v2/gh/{slug}/course?urlpath=/lab/tree/nbs/course/{stem}.ipynb'),
        ('Without prose', 'https://img.shields.io/badge/Colab-without%20prose-lightgrey', f'{colab}/_clean/{stem}.ipynb')))

def badges():
    "Write the line of badges of each chapter; the files that changed"
    res = []
    for fn in chapters():
        head = source(read(fn)['cells'][0])
        res.append(edited(fn, 0, re.sub(r'(?m)^\[!\[Open in Colab\].*$', lambda m: badge_line(fn.stem), head)))
    return [o for o in res if o]

def toc_table():
    "The chapters, with what each is about"
    cfg = settings()
    at = f'https://github.com/{cfg["user"]}/{cfg["repo"]}/blob/{cfg["branch"]}/nbs/course'
    rows = []
    for fn in chapters():
        title,said = re.match(r'# (.+)\n+> (.+)', source(read(fn)['cells'][0])).groups()
        rows.append(f'| {int(fn.stem[:2]) if fn.stem[0].isdigit() else "+"} | [{title}]({at}/{fn.name}) | {said} |')
    return '\n'.join(['## The course', '', '| | chapter | |', '|---|---|---|', *rows])

def toc():
    "Write the table of chapters into index.ipynb"
    fn = root/'nbs'/'index.ipynb'
    i = next(i for i,o in enumerate(read(fn)['cells']) if source(o).startswith(('## The course','TOC')))
    return edited(fn, i, toc_table())

def clean_copy(nb):
    "A chapter without prose and outputs: headings and code"
    cells = []
    for o in nb['cells']:
        head = '\n'.join(re.findall(r'(?m)^#+ .*', source(o)))
        if o['cell_type']=='code': cells.append(dict(o, outputs=[], execution_count=None))
        elif head: cells.append(dict(o, source=head.splitlines(True)))
    return dict(nb, cells=cells)

def clean_copies():
    "Write nbs/_clean"
    dest = root/'nbs'/'_clean'
    shutil.rmtree(dest, ignore_errors=True)
    dest.mkdir()
    for fn in chapters(): write(dest/fn.name, clean_copy(read(fn)))

def links():
    "Rewrite all addresses after settings.ini; the files that changed"
    cfg = settings()
    res = []
    for fn in [*notebooks(), *(root/'book').glob('*.md'), root/'pyproject.toml', root/'README.md', root/'CITATION.cff']:
        old = fn.read_text(encoding='utf-8')
        new = relink(old, cfg['user'], cfg['repo'], cfg['branch'])
        if new!=old: res.append(fn.write_text(new, encoding='utf-8') and fn.name)
    init = root/'imgcls'/'__init__.py'
    init.write_text(re.sub(r'__version__ = .*', f'__version__ = "{cfg["version"]}"', init.read_text()))
    return res

def markdown():
    "index.ipynb as the text of README.md"
    import nbformat
    from nbconvert import MarkdownExporter
    from traitlets.config import Config
    nb = nbformat.read(root/'nbs'/'index.ipynb', 4)
    nb.metadata.language_info = dict(name='python')
    md,_ = MarkdownExporter(Config(NbConvertBase=dict(display_data_priority=['text/plain']))).from_notebook_node(nb)
    md = md.replace('](images/', '](nbs/images/').replace('](../imgcls/', '](imgcls/')
    md = re.sub(r'\n{3,}', '\n\n', re.sub(r'[ \t]+\n', '\n', md)).replace('\n```\n\n```python\n', '\n') # cells that follow each other are one listing
    return md.strip()+'\n'

def readme():
    "Write README.md"
    (root/'README.md').write_text(markdown(), encoding='utf-8')

if __name__=='__main__':
    for o in sys.argv[1:]: print(o, globals()[o]() or 'done')
