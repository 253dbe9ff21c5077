#!/usr/bin/env bash
# From Pillow 13 on, the same resize of the same pixels may differ by one level from all Pillows before.
#
# One would guess: Image.resize with a filter is two passes of fixed-point sums, rows first, then columns, and has been for ten
# years; so what a model is shown, a perceptual hash or a golden file stays the same to the last bit, whatever the version.
# What happens: each pass rounds to 8 bits, so the order matters. Pillow 12.0.0 always does the rows first. Pillow 13.0.0 does the
# columns first where the picture gets wider and lower: 300 high and 200 wide to 224 × 224 is such a case. There some pixels are
# one level off. Where both shrink it depends on how much each does: 100 × 100 is as before, 190 × 30 is not. Where the height
# grows nothing has changed.
# Where it bites: a square for a network is made of a small upright photo this way, so features and hashes that were kept under
# 12 are not those of 13; whoever wrote the same sums for another place (a web page, a phone) is exact with one of them only.
# Compare with a tolerance of one level, and name the version in a cache's key.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > look.py <<'T'
import sys
import numpy as np, PIL
from PIL import Image
im = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300,200,3), dtype='uint8')) # 200 wide, 300 high
sizes = dict(wider_lower=[(400,100),(400,290),(224,224),(1000,20)], higher_narrower=[(100,600),(190,600)], both_smaller=[(100,100)], much_lower=[(190,30)], both_larger=[(400,600)])
def in_two(size, by):
    "Rows first or columns first, each pass a call of its own"
    half = (size[0],im.height) if by=='rows' else (im.width,size[1])
    return np.asarray(im.resize(half, Image.BILINEAR).resize(size, Image.BILINEAR)).astype(int)
found = {}
for case,them in sizes.items():
    for size in them:
        once = np.asarray(im.resize(size, Image.BILINEAR)).astype(int)
        off = {by:int(abs(once-in_two(size, by)).max()) for by in ('rows','columns')}
        assert sorted(off.values())==[0,1], f'neither order: {size} {off}'
        found.setdefault(case, set()).add(min(off, key=off.get))
        print(PIL.__version__, case, size, 'levels from rows first, columns first:', *off.values())
new = 'columns' if PIL.__version__>='13' else 'rows'
assert found==dict(wider_lower={new}, higher_narrower={'rows'}, both_smaller={'rows'}, much_lower={new}, both_larger={'rows'}), f'this has changed: {found}'
T
for version in 12.0.0 13.0.0; do
    python3 -m venv env-$version
    env-$version/bin/pip install -q --disable-pip-version-check pillow==$version numpy==2.1.3
    env-$version/bin/python look.py
done
