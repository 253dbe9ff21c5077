#!/usr/bin/env bash
# chkstyle takes the cells that nbdev exports by `#| exporti` for examples.
#
# One would guess: the style checker of nbdev projects knows nbdev's directives, and a cell is held to the rules of a module or of
# an example by whether nbdev puts it into the module. `#| exporti` does: it only leaves the names out of `__all__`.
# What happens (chkstyle of fastaistyle 0.0.20, nbdev 3.3.26): `export` and `exports` are known, `exporti` is not. The same notebook is clean with
# `#| export`; with `#| exporti` an import that only such a cell needs is reported as one that no exported cell uses.
# Where it bites: a library that keeps `__all__` short by exporti gets a report for nearly every helper, and the hint (make the
# import local to an example) would break the module. Settings have no key for it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check fastaistyle==0.0.20 nbdev==3.3.26 nbformat==5.11.1 setuptools
mkdir -p nbs pkg
echo '__version__ = "0.0.1"' > pkg/__init__.py
cat > pyproject.toml <<'T'
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "pkg"
version = "0.0.1"
[tool.nbdev]
lib_path = "pkg"
T
cat > make.py <<'T'
import nbformat, sys
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
key = sys.argv[1]
cells = ['#| default_exp area', '#| export\nimport math', f'#| {key}\ndef area(\n    r, # radius\n):\n    "Area of a disc"\n    return math.pi*r*r', 'area(1)']
said = ['# Area', 'What the module needs:', 'A disc has an area.', 'That of the smallest:']
nb = new_notebook(metadata=dict(kernelspec=dict(name='python3', display_name='python3', language='python')))
nb.cells = [f(o) for pair in zip(said, cells) for f,o in zip((new_markdown_cell,new_code_cell), pair)]
nbformat.write(nb, 'nbs/area.ipynb')
T
for key in export exporti; do
  env/bin/python make.py $key
  env/bin/nbdev-export
  grep -q '^def area' pkg/area.py # in the module, either way
  env/bin/chkstyle --show-rule nbs > $key.txt || true
  echo "$key: $(grep -c '^# nbs' $key.txt || true) reports"; grep '^# nbs' $key.txt || true
done
! grep -q '^# nbs' export.txt
grep -q exported-import-nonexport exporti.txt || { echo 'no report: this has changed'; exit 1; }
