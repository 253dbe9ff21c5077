"How the library reads, in figures: size of functions, length of lines, what is private, how soon something runs"
import ast, json, re, statistics, sys
from pathlib import Path

root = Path(__file__).parent.parent
wanted = dict(nodes=0, median=55, p90=170, long_lines=.03, private=.45, long_strings=.025, crowded_cells=.2, wait_median=12, wait_max=90, public=180, unused=0)
reached = dict(median=55) # on the way to what is wanted; these may only fall
said = dict(nodes='syntax nodes in all', median='syntax nodes a function, median', p90='… 90th percentile', long_lines='code lines over 120 characters',
    private='private share of module functions', long_strings='lines in long strings (pages, styles, scripts)', crowded_cells='exported cells with more than one definition',
    wait_median='exported lines before something runs, median', wait_max='… at most', public='public names', unused='… used nowhere else')
defs = ast.FunctionDef,ast.AsyncFunctionDef,ast.ClassDef

def modules(): return [o for o in sorted((root/'imgcls').rglob('*.py')) if o.name!='_modidx.py']
def notebooks(): return sorted((root/'nbs'/'lib').rglob('*.ipynb'))
def dotted(fn, top): return '.'.join(fn.relative_to(root/top).with_suffix('').parts)
def size(node): return sum(1 for _ in ast.walk(node))
def share(k, n): return k/max(n, 1)

def functions(tree):
    "Functions and methods of a module"
    return [o for o in ast.walk(tree) if isinstance(o, defs[:2])]

def is_code(line): return line.strip() and not line.strip().startswith('#')

def strings(node):
    "Strings in `node`; one with values in it counts as one"
    if isinstance(node, ast.JoinedStr) or isinstance(node, ast.Constant) and isinstance(node.value, str): yield node
    else:
        for o in ast.iter_child_nodes(node): yield from strings(o)

def string_lines(tree, least=4):
    "Lines of strings that take `least` or more"
    return sum(n for o in strings(tree) if (n := o.end_lineno-o.lineno+1)>=least)

def exported_names(tree):
    "What `__all__` of a module lists in the end: nbdev writes one on top, and a cell may have a shorter one"
    lists = [o.value for o in tree.body if isinstance(o, ast.Assign) and ast.unparse(o.targets[0])=='__all__']
    return ast.literal_eval(lists[-1]) if lists and isinstance(lists[-1], ast.List) else []

def code_cells(fn): return [''.join(o['source']) for o in json.loads(fn.read_text(encoding='utf-8'))['cells'] if o['cell_type']=='code']
def is_exported(src): return re.match(r'\s*#\|\s*export[is]?\b', src)
def runs(src): return not re.match(r'\s*#\|\s*(hide|default_exp)', src)

def waits(fn):
    "Lines exported before each cell of notebook `fn` that runs something"
    res,n = [],0
    for src in code_cells(fn):
        if is_exported(src): n += len([o for o in src.splitlines() if is_code(o)])
        elif runs(src): n = res.append(n) or 0
    return [o for o in (*res,n) if o]

def is_crowded(src): return sum(isinstance(o, defs) for o in ast.parse(src).body)>1

def unused(names):
    "Those of the public `names` (name → module) that no chapter, no command, neither README nor manual and no other module mentions"
    places = [*modules(), *(root/'nbs'/'course').glob('*.ipynb'), *(root/'book').glob('*.md'), root/'README.md', root/'settings.ini']
    words = {o:set(re.findall(r'\w+', o.read_text(encoding='utf-8'))) for o in places if '_modidx' not in o.name}
    return sorted(k for k,home in names.items() if not any(k in w for fn,w in words.items() if fn!=home and fn.name not in ('__init__.py','all.py')))

def measure(*names):
    "All figures of this tree, or of the modules with these `names`, such as use.predict"
    texts = {o:o.read_text(encoding='utf-8') for o in modules() if not names or dotted(o, 'imgcls') in names}
    trees = {k:ast.parse(v) for k,v in texts.items()}
    sizes = sorted(size(f) for t in trees.values() for f in functions(t))
    lines = [o for v in texts.values() for o in v.splitlines() if is_code(o)]
    tops = [o.name for t in trees.values() for o in t.body if isinstance(o, defs[:2])]
    pages = [o for o in notebooks() if not names or dotted(o, 'nbs/lib') in names]
    cells = [o for fn in pages for o in code_cells(fn) if is_exported(o)]
    gaps = [o for fn in pages for o in waits(fn)]
    public = {n:fn for fn,t in trees.items() if fn.name!='__init__.py' for n in exported_names(t)}
    sized = dict(median=statistics.median(sizes), p90=sizes[int(.9*len(sizes))], private=share(sum(o[0]=='_' for o in tops), len(tops)))
    text = dict(long_lines=share(sum(len(o)>120 for o in lines), len(lines)), long_strings=share(sum(map(string_lines, trees.values())), len(lines)))
    cellwise = dict(crowded_cells=share(sum(map(is_crowded, cells)), len(cells)), wait_median=statistics.median(gaps), wait_max=max(gaps))
    return dict(nodes=sum(map(size, trees.values())), **sized, **text, **cellwise, public=len(public), unused=len(unused(public)))

def in_words(v): return f'{v:.1%}' if isinstance(v, float) and v<1 else f'{v:,.0f}'

def table(found, limits):
    "Figures beside their limits; those that are over are marked"
    rows = [(said[k], in_words(v), in_words(limits[k]) if k in limits else '', '  <' if k in limits and v>limits[k] else '') for k,v in found.items()]
    return '\n'.join(f'{a:48} {b:>8} {c:>8}{d}' for a,b,c,d in rows)

if __name__=='__main__':
    found,limits = measure(*(o for o in sys.argv[1:] if o[0]!='-')),{k:v for k,v in wanted.items() if k!='nodes'}
    print(f'{"":48} {"is":>8} {"wanted":>8}\n{table(found, limits)}')
    if '--unused' in sys.argv: print(*unused({n:fn for fn in modules() for n in exported_names(ast.parse(fn.read_text(encoding='utf-8')))}))
    if '--check' in sys.argv and any(found[k]>v for k,v in (limits|reached).items()): sys.exit('gauge: some figures are over their limits')
