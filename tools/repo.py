"What the repository needs beside its code: `links` follows settings.ini, `readme` writes README.md from index.ipynb"
import configparser, re, sys
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
        (rf'(mybinder\.org/v2/gh/){slug}/(?!HEAD\?)[^?\s"]+\?', rf'\g<1>{user}/{repo}/{branch}?'),
        (rf'(https://github\.com/){slug}/blob/[^/\s"]+/nbs/', rf'\g<1>{user}/{repo}/blob/{branch}/nbs/'),
        (rf'(git\+https://github\.com/){slug}@[\w.-]+', rf'\g<1>{user}/{repo}@{branch}'),
        (r'(git clone https://github\.com/)[\w.-]+/[\w.-]+ && cd [\w.-]+', rf'\g<1>{user}/{repo} && cd {repo}'),
        (r'(\+https://github\.com/)[\w.-]+/[\w.-]+(?=\))', rf'\g<1>{user}/{repo}'),
        (r'(Repository = "https://github\.com/)[\w.-]+/[\w.-]+', rf'\g<1>{user}/{repo}'),
        (r'(Documentation = "https://)[\w.-]+\.github\.io/[\w.-]+', rf'\g<1>{user}.github.io/{repo}'),
        (r'(?m)^(branch = ")[^"]+(?=")', rf'\g<1>{branch}')]
    for pat,new in subs: txt = re.sub(pat, new, txt)
    return txt

def links():
    "Rewrite all addresses after settings.ini; the files that changed"
    cfg = settings()
    res = []
    for fn in [*sorted((root/'nbs').rglob('*.ipynb')), root/'pyproject.toml', root/'README.md']:
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
    md = md.replace('](images/', '](nbs/images/')
    md = re.sub(r'\n{3,}', '\n\n', re.sub(r'[ \t]+\n', '\n', md))
    return md.strip()+'\n'

def readme():
    "Write README.md"
    (root/'README.md').write_text(markdown(), encoding='utf-8')

if __name__=='__main__':
    for o in sys.argv[1:]: print(o, globals()[o]() or 'nothing to change' if o=='links' else globals()[o]() or 'written')
