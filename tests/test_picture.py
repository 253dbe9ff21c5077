"One decode: whole or not, how it must be stored, and what it looks like"
import io, os, struct, subprocess, sys, zlib
import numpy as np, pytest
from PIL import Image, ImageDraw
from imgcls.picture import PictureError, is_picture_file, is_picture_name, look, open_image, peek, sniff, thumbnail
from imgcls.twins import group_ids, near_pairs
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
    assert list(group_ids(np.array([[0,1,3],[1,4,2]]), 6))==[0,0,2,3,0,5] and list(group_ids(np.zeros((0,3), int), 3))==[0,1,2]

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

# what 0.1.0 got wrong

def chunk(kind, data): return struct.pack('>I', len(data))+kind+data+struct.pack('>I', zlib.crc32(kind+data))
def png(w, h, depth, color, rows, extra=b''):
    head = chunk(b'IHDR', struct.pack('>IIBBBBB', w, h, depth, color, 0, 0, 0))
    return b'\x89PNG\r\n\x1a\n'+head+extra+chunk(b'IDAT', zlib.compress(rows))+chunk(b'IEND', b'')

@pytest.mark.parametrize('depth', [1,2,4,8,16])
def test_the_transparent_colour_of_a_png_of_any_depth(depth):
    top = 2**depth-1
    vals = ([0, top//3, top]*8)[:8]
    row = int(''.join(f'{v:0{depth}b}' for v in vals), 2).to_bytes(depth, 'big')
    for clear in {*vals}:
        got = np.asarray(open_image(png(8, 2, depth, 0, (b'\0'+row)*2, chunk(b'tRNS', struct.pack('>H', clear)))), int)[0,:,0]
        assert abs(got-[255 if v==clear else v*255/top for v in vals]).max()<=1, clear

def test_the_transparent_colour_of_a_deep_coloured_png():
    row = b'\0'+struct.pack('>6H', 2570, 5140, 7710, 51400, 25700, 12850)
    got = open_image(png(2, 1, 16, 2, row, chunk(b'tRNS', struct.pack('>3H', 2570, 5140, 7710))))
    assert [got.getpixel((x,0)) for x in (0,1)]==[(255,255,255), (200,100,50)]

def tiff(bits, inverted, data):
    tags = {256:(3,4), 257:(3,1), 258:(3,bits), 259:(3,1), 262:(3,0 if inverted else 1), 277:(3,1), 278:(3,1), 279:(4,len(data)), 273:(4,8+2+12*9+4)}
    rows = [struct.pack('<HHI', k, t, 1)+struct.pack('<I', v) for k,(t,v) in sorted(tags.items())]
    return struct.pack('<2sHIH', b'II', 42, 8, 9)+b''.join(rows)+bytes(4)+data

def test_tiffs_of_12_bits_and_inverted_ones():
    vals = np.array([0,1000,3000,4095])
    packed = int(''.join(f'{v:012b}' for v in vals), 2).to_bytes(6, 'big')
    deep = (vals*16).astype('<u2').tobytes()
    for b,want in ((tiff(12, False, packed), vals*255/4095), (tiff(16, False, deep), vals*16/257), (tiff(16, True, deep), 255-vals*16/257)):
        assert abs(np.asarray(open_image(b), int)[0,:,0]-want).max()<=1

def test_one_scale_for_all_of_16_bits():
    means = [np.asarray(open_image(save(Image.fromarray(np.full((40,40), v, 'uint16')), fmt))).mean() for fmt in ('PNG','TIFF') for v in (200, 256, 300, 4095, 65535)]
    assert means==[0, 0, 1, 15, 255]*2

odd = [(1,1,b'\6\0\0\0'), (2,2,b'6\0\0\0'), (3,1,b'\x63\0\0\0'), (3,0,bytes(4)), (3,9999,b'\xff'*4), (5,1,b'\x26\0\0\0'), (7,4,b'6666'), (11,1,struct.pack('<f', 6)), (99,1,b'\6\0\0\0')]
@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('kind,n,value', odd)
def test_an_odd_orientation_is_no_fault(kind, n, value):
    exif = b'Exif\0\0II*\0'+struct.pack('<IHHHI', 8, 1, 0x112, kind, n)+value+bytes(4)+b'6\0\0\0\0\0\0\0'
    for fmt in ('JPEG','PNG','WEBP','AVIF','TIFF'):
        try: b = save(scene(), fmt, exif=exif)
        except Exception: continue # what Pillow can't write
        assert not look(b)['wrong'] and open_image(b).size in ((120,80),(80,120)), fmt

@pytest.mark.parametrize('fmt', ['JPEG','PNG','WEBP','TIFF','AVIF'])
def test_turned_once_whatever_it_comes_in(tmp_path, fmt):
    exif = Image.Exif()
    exif[0x0112] = 6
    b = save(scene('CMYK' if fmt=='TIFF' else 'RGB'), fmt, exif=exif.tobytes(), quality=95)
    (tmp_path/'x').write_bytes(b)
    want = scene().transpose(Image.ROTATE_270)
    res = look(b)
    for x in (b, tmp_path/'x', io.BytesIO(b), Image.open(io.BytesIO(b)), open_image(b), res['new'], thumbnail(b)):
        got = open_image(x)
        assert got.size==want.size and abs(np.asarray(got, float)-np.asarray(want, float)).mean()<8, type(x)
    assert (res['width'],res['height'])==want.size

def test_a_magic_number_counts_at_its_place():
    said = b'jumb c2pa image/svg+xml <svg xmlns="http://www.w3.org/2000/svg"/> <html> %PDF'
    b = save(scene(), 'PNG')
    b = b[:33]+chunk(b'caBX', said)+b[33:]
    assert not look(b)['wrong'] and sniff(b)=='PNG' and open_image(b).size==(120,80)
    for fmt,ext in (('PPM','.ppm'),('JPEG2000','.jp2'),('BMP','.bmp'),('ICO','.ico'),('TIFF','.tif'),('TGA','.tga')):
        b = save(scene(size=(64,64)), fmt)
        assert sniff(b)==fmt and is_picture_name(f'a/B{ext.upper()}') and look(b)['ext']=='.png'
    assert sniff(b'\xff\xd8') == '' and not any(map(is_picture_name, ('x.txt','jpg','.png','x.svg','x.mp4','')))

def test_content_decides_where_the_name_says_nothing(tmp_path):
    def put(name, b):
        (tmp_path/name).write_bytes(b)
        return is_picture_file(tmp_path/name)
    for fmt in ('JPEG','PNG','WEBP','GIF','BMP','PPM','TGA','JPEG2000','ICO'):
        for name in ('0a1b2c','photo.jpg_large','photo.jpg?w=200','St. Bernard 12'): assert put(name, save(scene(size=(64,64)), fmt)), (fmt,name)
    assert put('scan', save(scene(), 'TIFF')) and put('IMG_1', b'\0\0\0\x18ftypheic\0\0\0\0mif1heic')
    assert not any([put('raw.NEF', save(scene(), 'TIFF')), put('half.crdownload', save(scene(), 'JPEG')), put('BMW.txt', b'BMW is a make of cars'), put('P1.md', b'P1 is the first'),
        put('a.svg', b'<svg/>'), put('a', b''), put('labels.xml', b'<?xml version="1.0"?><annotation/>'), put('x.npy', b'\x93NUMPY'), put('clip', b'\0\0\0\x18ftypmp42')])
    (tmp_path/'folder').mkdir()
    os.mkfifo(tmp_path/'pipe') if hasattr(os, 'mkfifo') else None
    assert not any(is_picture_file(tmp_path/o) for o in ('folder','pipe','gone'))

def test_a_machine_without_a_mime_table_answers_alike(tmp_path):
    said = """
import mimetypes; mimetypes.init(files=[]); mimetypes.types_map.clear(); mimetypes._db = None
from imgcls.picture import is_picture_name
print(*[o for o in 'a.jfif a.JPE a.heic a.avif a.pgm a.jp2 a.tga a.ico a.webp a.svg a.txt'.split() if is_picture_name(o)])"""
    assert subprocess.run([sys.executable, '-c', said], capture_output=True, text=True, check=True).stdout.split()==[f'a.{o}' for o in 'jfif JPE heic avif pgm jp2 tga ico webp'.split()]

@pytest.mark.parametrize('kind', ['path','file','bytes'])
def test_guards_hold_for_every_way_in(tmp_path, kind):
    j,big = save(scene(size=(640,480)), 'JPEG', progressive=True),save(Image.new('1', (9000,9000)), 'PNG')
    scans = j[:-2]+j[j.rindex(b'\xff\xc4'):-2]*200+j[-2:]
    notes = j[:2]+(b'\xff\xe1'+struct.pack('>H', 108)+b'Exif\0\0'+bytes(100))*60+j[2:]
    digits = b'P3\n100 100\n255\n'+b'0 '*30_000
    for b,code in ((scans,'damaged'), (notes,'damaged'), (big,'too_many_pixels'), (digits,'not_a_picture'), (b'<html>','not_a_picture'), (b'','not_a_picture')):
        (tmp_path/'x.jpg').write_bytes(b)
        with pytest.raises(PictureError) as e: open_image(dict(path=tmp_path/'x.jpg', file=io.BytesIO(b), bytes=b)[kind])
        assert e.value.code==code and str(e.value)[0]=='T' and str(e.value)
        if kind=='bytes': assert look(b, max_pixels=50e6)['wrong']==str(e.value)

def test_without_simplejpeg_and_without_heif(monkeypatch):
    want = {k:v for k,v in look(save(scene(size=(900,600)), 'JPEG'), max_size=300).items() if k!='new'}
    monkeypatch.setitem(sys.modules, 'simplejpeg', None)
    res = look(save(scene(size=(900,600)), 'JPEG'), max_size=300)
    assert open_image(res.pop('new')).size==(300,200) and {k:res[k] for k in ('format','width','height','why','ext')}=={k:want[k] for k in ('format','width','height','why','ext')}
    monkeypatch.setattr('imgcls.picture.can_open', lambda name: name!='HEIF')
    for f in (sniff, open_image):
        with pytest.raises(PictureError, match='pillow-heif.*run again'): f(b'\0\0\0\x18ftypheic\0\0\0\0mif1heic'+bytes(50))

def test_a_rare_kind_of_jpeg_is_never_decoded_reduced(monkeypatch):
    import simplejpeg
    b = save(scene(size=(900,600)), 'JPEG')
    at = b.index(b'\xff\xc0')
    monkeypatch.setattr(simplejpeg, 'decode_jpeg', lambda *args, **kwargs: pytest.fail('decoded by simplejpeg'))
    assert look(b[:at]+b'\xff\xc1'+b[at+2:])['width']==900
