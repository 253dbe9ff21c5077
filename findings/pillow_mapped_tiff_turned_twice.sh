#!/usr/bin/env bash
# An uncompressed TIFF with an orientation looks different in Pillow when it is opened by its name and when its bytes are.
#
# One would guess: Image.open(path) and Image.open(BytesIO(bytes of path)) give the same picture; Pillow turns TIFFs upright by
# itself while it loads them.
# What happens (Pillow 11.3.0 and 13.0.0): opened by name, files that are not compressed are mapped into memory for the modes
# L, P, I;16, CMYK and RGBA (for RGB, LA and 1 they are not). A mapped picture with orientation 6 is turned twice: a photo that
# should be 20 wide and 30 high, as size said before loading, comes out 30 wide and 20 high: the rows as stored, upside down. The same bytes
# from memory, and the same pixels with LZW, are right. The EXIF tag is gone in both, so that nobody can put it right later.
# Where it bites: scanners write uncompressed grey and CMYK TIFFs; a cache keyed by content shows one picture, the loader that
# opens by path another. Hand Pillow an open file or bytes, never a path.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > look.py <<'T'
import io, sys
import numpy as np, PIL
from PIL import Image
a = np.zeros((20,30), 'uint8')
a[:5,:5] = 255 # a mark at the start of the first row
turned = np.rot90(a, -1) # what orientation 6 asks for
exif = Image.Exif()
exif[274] = 6
def pixels(src):
    im = Image.open(src)
    said = im.size
    im.load()
    grey = np.asarray(im.convert('RGB'))[...,1]
    return said,im.size,grey.shape==turned.shape and abs(grey.astype(int)-turned).max()<2
res = {}
for mode in ('L','P','I;16','CMYK','RGBA','RGB','LA','1'):
    im = Image.fromarray(a) if mode!='I;16' else Image.fromarray(a.astype('uint16')*257)
    if mode not in ('L','I;16'): im = im.convert(mode)
    for comp in (None,'tiff_lzw'):
        fn = f'{mode.replace(";","")}-{comp}.tif'
        im.save(fn, exif=exif, **({'compression':comp} if comp else {}))
        by_name,by_bytes = pixels(fn),pixels(io.BytesIO(open(fn, "rb").read()))
        res[mode,comp] = by_name[1],by_bytes[1]
        print(PIL.__version__, f'{mode:5} {comp or "uncompressed":12}', 'size before loading', by_name[0], 'by name', by_name[1], 'by bytes', by_bytes[1])
        if mode!='I;16': assert by_bytes[2], 'the bytes are wrong: this has changed'
twice = {k for k,(n,b) in res.items() if n!=b}
assert twice=={(o,None) for o in ('L','P','I;16','CMYK','RGBA')}, f'this has changed: {twice}'
T
for version in 11.3.0 13.0.0; do
    python3 -m venv env-$version
    env-$version/bin/pip install -q --disable-pip-version-check pillow==$version numpy==2.1.3
    env-$version/bin/python look.py
done
