"A five in every format that is a picture, under names as people have them"
import io, struct, zlib
from imgcls.picture import can_open
from imgcls.sample import draw_digit

def saved(fmt, im=None, **kwargs):
    "The content of a picture in format `fmt`"
    (im or draw_digit(930)).save(buf := io.BytesIO(), fmt, **kwargs)
    return buf.getvalue()

def with_words():
    "A PNG whose notes before the pixels speak of an SVG, as Content Credentials do"
    b,said = saved('PNG'),b'jumb c2pa image/svg+xml <svg xmlns="http://www.w3.org/2000/svg"/>'
    return b[:33]+struct.pack('>I', len(said))+b'caBX'+said+struct.pack('>I', zlib.crc32(b'caBX'+said))+b[33:]

grey = draw_digit(930).convert('L')
fives = {'words.png':with_words(), 'sign.ppm':saved('PPM'), 'face.PGM':saved('PPM', grey), 'b.jp2':saved('JPEG2000'), 'c.tga':saved('TGA'), 'd.ico':saved('ICO', sizes=[draw_digit(930).size]),
    'scan.tif':saved('TIFF'), 'e.bmp':saved('BMP'), 'f.webp':saved('WEBP', lossless=True), 'g.gif':saved('GIF', grey), 'h.jfif':saved('JPEG', quality=95), 'i.jpg_large':saved('JPEG', quality=95),
    '0a1b2c':saved('JPEG', quality=95), 'photo.jpg?w=200':saved('PNG')}
fives |= {f'j.{k.lower()}':saved(k, quality=95) for k in ('HEIF','AVIF') if can_open(k)}
