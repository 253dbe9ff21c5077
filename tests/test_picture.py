"One decode: whole or not, how it must be stored, and what it looks like"
import io, struct
import numpy as np, pytest
from PIL import Image, ImageDraw
from imgcls.picture import PictureError, look, peek, sniff
from imgcls.twins import groups, near_pairs
from imgcls.sample import draw_digit

def save(im, fmt, **kw):
    im.save(b := io.BytesIO(), fmt, **kw)
    return b.getvalue()

def scene(mode='RGB', size=(120,80)):
    "Red at the left, white at the right, a black spot at the upper left"
    im = Image.new('RGB', size, (220,20,20))
    d = ImageDraw.Draw(im)
    d.rectangle((size[0]//2,0,*size), fill='white')
    d.rectangle((0,0,20,20), fill='black')
    return im.convert(mode)

def new(b, **kw):
    res = look(b, **kw)
    assert not res['wrong'], res
    return res,Image.open(io.BytesIO(res['new'])) if res['new'] else None

def near(px, want): return max(abs(a-b) for a,b in zip(px, want))<30

@pytest.mark.parametrize('fmt,mode,kw', [('JPEG','CMYK',{}), ('PNG','P',{}), ('GIF','P',{}), ('PNG','RGBA',{}), ('WEBP','RGBA',dict(lossless=True)), ('TIFF','CMYK',{}), ('BMP','RGB',{}), ('PNG','LA',{}), ('PNG','1',{})])
def test_every_mode_becomes_rgb(fmt, mode, kw):
    old = scene(mode)
    if mode=='RGBA': old.putpixel((119,79), (255,255,255,0))
    res,im = new(save(old, fmt, **kw))
    assert im.mode=='RGB' and im.size==(120,80)==(res['width'],res['height'])
    assert near(im.getpixel((100,40)), (255,255,255)) and near(im.getpixel((10,10)), (0,0,0))
    if mode not in ('LA','1'): assert near(im.getpixel((40,60)), (220,20,20))

def test_16_bits_are_scaled_and_not_clipped():
    a = np.linspace(0, 65535, 64*64).reshape(64,64).astype('uint16')
    _,im = new(save(Image.fromarray(a), 'PNG'))
    got = np.asarray(im)[...,0].astype(float)
    assert abs(got-a/257).max()<=1 and im.mode=='RGB'

def test_transparency_lies_on_white_and_animations_stand_still():
    im = scene().convert('RGBA')
    im.putalpha(Image.new('L', im.size, 0))
    assert near(new(save(im, 'PNG'))[1].getpixel((40,60)), (255,255,255))
    frames = [Image.new('RGB', (64,64), c) for c in ('red','green','blue')]
    for fmt in ('GIF','WEBP','PNG'):
        res,im = new(save(frames[0], fmt, save_all=True, append_images=frames[1:]))
        assert '3 frames' in res['why'] and getattr(im, 'n_frames', 1)==1 and near(im.convert('RGB').getpixel((30,30)), (255,0,0))

@pytest.mark.parametrize('turn', range(1, 9))
def test_every_orientation_is_applied_once(turn):
    from PIL import ImageOps
    exif = Image.Exif()
    exif[0x0112] = turn
    b = save(scene(), 'JPEG', exif=exif.tobytes(), quality=95)
    want = ImageOps.exif_transpose(Image.open(io.BytesIO(b)))
    res = look(b)
    assert (res['width'],res['height'])==want.size
    if turn==1: return
    im = Image.open(io.BytesIO(res['new']))
    assert im.size==want.size and im.getexif().get(0x0112, 1)==1 and abs(np.asarray(im, float)-np.asarray(want, float)).mean()<3
    assert not look(res['new'])['why']

def test_truncations_at_every_length_are_noticed():
    for fmt in ('JPEG','PNG','WEBP','GIF'):
        b = save(draw_digit(3), fmt)
        for k in (.2,.5,.8,.95): assert look(b[:int(len(b)*k)])['wrong'], (fmt,k)
        assert not look(b)['wrong']

def test_a_jpeg_with_harmless_oddities_is_whole():
    b = save(draw_digit(3), 'JPEG')
    assert not look(b+b'trailing junk'*9)['wrong'] and not look(b[:2]+b'\xff\xff\xff'+b[2:])['wrong']

def test_what_is_never_opened():
    ps = b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n'
    for b in (ps, b'8BPS\0\1'+bytes(200), b'%PDF-1.7', b'{"a":1}', b'<svg/>', b'\xef\xbb\xbf  <HTML>', b'', b'\0\0\0\x18ftypmp42'+bytes(99)):
        assert look(b)['wrong'], b
    assert look(b'GIF89a<svg onload=alert(1)>')['wrong'] and sniff(b'GIF89a<svg onload=alert(1)>')=='GIF'
    with pytest.raises(PictureError, match='too many pixels'): peek(save(Image.new('1', (200,200)), 'PNG'), most=1000)

def test_heic():
    heif = pytest.importorskip('pillow_heif')
    heif.register_heif_opener()
    res,im = new(save(scene(size=(128,96)), 'HEIF', quality=90))
    assert res['ext']=='.jpg' and im.format=='JPEG' and near(im.getpixel((100,40)), (255,255,255))

def test_shrinking_is_exact_and_looks_right():
    im = Image.fromarray(np.random.default_rng(0).integers(0, 255, (9,12,3), 'uint8')).resize((1200,900), Image.BICUBIC)
    want = np.asarray(im.resize((500,375), Image.LANCZOS), float)
    for fmt,tol in (('JPEG',4),('PNG',2),('WEBP',4)):
        res,got = new(save(im, fmt, quality=95), max_size=500)
        assert got.size==(500,375) and abs(np.asarray(got.convert('RGB'), float)-want).mean()<tol, fmt
    icc = b'fake profile'
    assert Image.open(io.BytesIO(look(save(im, 'JPEG', icc_profile=icc), max_size=500)['new'])).info['icc_profile']==icc
    assert not look(save(im, 'JPEG'), max_size=1200)['why'] and 'too small' in look(save(im.resize((40,20)), 'JPEG'))['wrong']

def test_near_pairs_against_every_pair():
    rng = np.random.default_rng(1)
    h = rng.integers(0, 2**64, (3000,4), dtype='uint64')
    for i in range(0, 600, 2):
        bits = np.zeros(256, bool)
        bits[rng.permutation(256)[:rng.integers(0, 33)]] = True
        h[i+1] = h[i]^np.packbits(bits).view('uint64')
    h[1000:1050] = h[1000]
    d = np.bitwise_count(h[:,None]^h[None]).sum(-1)
    low = np.bitwise_count(h[:,None,0]^h[None,:,0])
    found = near_pairs(h)
    assert all(i<j and d[i,j]==k<=32 for i,j,k in found)
    want = {(i,j) for i,j in np.argwhere(np.triu((d<=32)&(low<=7), 1)) if not (1000<=i<1050 and 1000<=j<1050)}
    got = {(i,j) for i,j,_ in found if not (1000<=i<1050 and 1000<=j<1050)}
    assert got==want and len(want)>250
    assert {tuple(o) for o in found[(found[:,0]>=1000)&(found[:,1]<1050)&(found[:,2]==0)][:,:2]}=={(1000,j) for j in range(1001, 1050)}
    assert len(near_pairs(h[:0]))==0 and len(near_pairs(h[:1]))==0
    assert [list(o) for o in groups(np.array([[0,1,3],[1,4,2]]), 6)]==[[0,1,4]] and groups(np.zeros((0,3), int), 5)==[]

def test_hashes_of_blank_pages_do_not_explode():
    h = np.zeros((20_000,4), dtype='uint64')
    h[::2,0] = 1
    assert len(near_pairs(h))<20_001

def test_random_bytes_never_raise():
    rng = np.random.default_rng(0)
    good = [save(draw_digit(3), o) for o in ('JPEG','PNG','GIF','WEBP','BMP','TIFF')] + [struct.pack('<H', 7)*50]
    for i in range(600):
        b = bytearray(good[i%len(good)])
        for _ in range(rng.integers(1, 9)): b[rng.integers(len(b))] = rng.integers(256)
        assert isinstance(look(bytes(b))['wrong'], str)
