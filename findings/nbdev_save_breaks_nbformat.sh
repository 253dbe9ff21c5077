#!/usr/bin/env bash
# A notebook that `nbdev-test --save` has run is no longer valid by nbformat's own schema.
#
# One would guess: saving outputs leaves a notebook that every Jupyter tool accepts.
# What happens (nbdev 3.3.26, execnb 0.3.4, nbformat 5.11.1): each executed cell gets metadata.execution.total, a number. The
# schema of nbformat 4.5 knows metadata.execution and wants text (times as ISO 8601) for every entry in it, so validation fails.
# Reading only warns in the log; whatever validates before it works raises: nbconvert's exporters, for one.
# Where it bites: `nbdev-test --save`, then nbconvert, in one Makefile. Run nbdev-clean in between: it takes the metadata out.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check nbdev==3.3.26 execnb==0.3.4 nbformat==5.11.1 setuptools ipykernel
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
import nbformat
from nbformat.v4 import new_code_cell, new_notebook
nb = new_notebook(cells=[new_code_cell('1+1')], metadata=dict(kernelspec=dict(name='python3', display_name='python3', language='python')))
nbformat.validate(nb)
nbformat.write(nb, 'nbs/sum.ipynb')
T
cat > check.py <<'T'
import json, nbformat, sys
cell = json.load(open('nbs/sum.ipynb'))['cells'][0]
print('metadata:', cell['metadata'])
try: nbformat.validate(nbformat.from_dict(json.load(open('nbs/sum.ipynb'))))
except nbformat.ValidationError as e: print('invalid:', str(e).splitlines()[0])
else: sys.exit('valid: this has changed')
assert isinstance(cell['metadata']['execution']['total'], float), 'this has changed'
T
env/bin/python make.py
env/bin/nbdev-test --n-workers 1 --save nbs/sum.ipynb
env/bin/python check.py
