#!/usr/bin/env bash
# fastai 2.8.8 cannot print its own random transforms with fasttransform 0.0.3, and then cannot make a DataLoader with them.
#
# One would guess: a patch release of fasttransform, which fastai 2.8.8 allows (>=0.0.2), changes nothing for a
# RandomResizedCrop; and printing a transform is harmless anyway.
# What happens (fastai 2.8.8, Python 3.11): with fasttransform 0.0.2 repr(RandomResizedCrop(64)) is a line. With 0.0.3 it ends
# in RecursionError: fastai keeps a bound method of the transform (before_call) among its arguments, the name of a transform
# shows its arguments, and the repr of a bound method shows the object it is bound to. A DataLoader formats its transforms into a message
# that is not even printed, so DataBlock(item_tfms=RandomResizedCrop(64)).dataloaders(...) raises, too. fastai 2.8.12 is mended.
# Where it bites: an image that has fastai 2.8.8 and then `pip install -U` of something else that brings the newer
# fasttransform; the traceback names neither package's version. Upgrade fastai with it, or keep fasttransform at 0.0.2.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check fastai==2.8.8 fasttransform==0.0.2 fastcore==2.2.41 plum-dispatch==2.9.0 torch==2.11.0 torchvision==0.26.0
cat > crop.py <<'T'
import sys, tempfile, warnings
warnings.filterwarnings('ignore')
import fastai, numpy as np
from importlib.metadata import version
from fastai.vision.all import CategoryBlock, DataBlock, Image, ImageBlock, Path, RandomResizedCrop, get_image_files, parent_label
path = Path(tempfile.mkdtemp())
for c in ('cat','dog'):
    (path/c).mkdir()
    for i in range(4): Image.fromarray(np.full((80,80,3), 60*i, 'uint8')).save(path/c/f'{i}.png')
def outcome(f):
    try: return f()
    except RecursionError: return 'RecursionError'
block = DataBlock((ImageBlock,CategoryBlock), get_items=get_image_files, get_y=parent_label, item_tfms=RandomResizedCrop(64))
said = outcome(lambda: len(repr(RandomResizedCrop(64)))>0),outcome(lambda: len(block.dataloaders(path, bs=2, num_workers=0))>0)
print('fastai', fastai.__version__, 'fasttransform', version('fasttransform'), 'repr:', said[0], 'DataLoaders:', said[1])
assert said==((True,True) if sys.argv[1]=='fine' else ('RecursionError',)*2), 'this has changed'
T
env/bin/python crop.py fine
env/bin/pip install -q --disable-pip-version-check --no-deps fasttransform==0.0.3
env/bin/python crop.py recurses
env/bin/pip install -q --disable-pip-version-check --no-deps fastai==2.8.12
env/bin/python crop.py fine
