"Copies planted among 2,000 photos: how many of each kind `duplicates` finds, and what else. The photos are 600 of bears and quarters of them"
import random, shutil, tempfile, time
from fastprogress import fastprogress
from pathlib import Path
from PIL import Image
from imgcls.dataset import Dataset
from imgcls.twins import duplicates

bears = Path(__file__).parent.parent.parent/'shared'/'data'/'bears' # photos that only developers have

def quarters(im):
    "Four pictures that have nothing in common"
    w,h = im.size
    return [im.crop((x, y, x+w//2, y+h//2)).resize(im.size, Image.BICUBIC) for x in (0,w//2) for y in (0,h//2)]

def cut(im, x=.025, y=.025):
    "95 % of the width and the height"
    return im.crop([round(o*k) for o,k in zip(im.size*2, (x,y,.95+x,.95+y))])

ways = dict(smaller=lambda im: im.resize([o*2//3 for o in im.size]), cropped=cut, mirrored=lambda im: im.transpose(Image.FLIP_LEFT_RIGHT),
    cropped_anywhere=lambda im: cut(im, random.uniform(0, .05), random.uniform(0, .05)))

def plant(path, n, each):
    "Write `n` photos; (kind, original, copy) of each copy"
    whole = [Image.open(o).convert('RGB') for o in Dataset(bears).files()]
    parts = [o for im in whole for o in quarters(im)]
    random.shuffle(parts)
    pics,copied = (whole+parts)[:n-each*len(ways)],random.sample(range(len(whole)), each*len(ways))
    for i,im in enumerate(pics): im.save(path/f'{i}.jpg', quality=90)
    for k,i in enumerate(copied): ways[[*ways][k//each]](pics[i]).save(path/f'copy{i}.jpg', quality=75)
    return [([*ways][k//each], f'{i}.jpg', f'copy{i}.jpg') for k,i in enumerate(copied)]

def main(n=2000, each=40):
    fastprogress.NO_BAR = True
    random.seed(0)
    top = Path(tempfile.mkdtemp())
    (top/'a').mkdir()
    planted = plant(top/'a', n, each)
    t = time.perf_counter()
    df = duplicates(top)
    t = time.perf_counter()-t
    group = dict(zip(df.file.map(lambda o: Path(o).name), df.group))
    found = {k:sum(group.get(a, -1)==group.get(b, -2) for kind,a,b in planted if kind==k) for k in ways}
    others = len({*group.values()}-{group.get(b) for _,_,b in planted})
    shutil.rmtree(top)
    rows = '\n'.join(f'| {k.replace("_", " ")} | {v} of {each} |' for k,v in found.items())
    print(f'''## Copies among photos ({n:,}, {each} planted of each kind, saved anew; {t:.1f} s, all decoded)

| a copy that is | found |
|---|---|
{rows}
| groups without a planted copy | {others} |''')

if __name__=='__main__': main()
