// What a file is, going by its bytes: how large the picture is, how it has to be turned, whether all of it is there.
export const most = 50e6 // pixels

export class Said extends Error {
  constructor(message, hint='') { super(message); this.hint = hint }
}

const ascii = (v, i, n) => String.fromCharCode(...new Uint8Array(v.buffer, i, Math.max(0, Math.min(n, v.byteLength-i))))
const wanted = 'Wanted is a JPEG, PNG, WebP, GIF or the like.'
const others = [
  [/^%PDF/, 'a PDF'], [/^PK\x03\x04/, 'a ZIP or Office file'], [/^\s*(<[?!][^]*)?<svg/i, 'an SVG drawing'],
  [/^\s*(<|\{)/, 'a web page'], [/^.{4}ftyp(?!avi|hei|hev|mif1|msf1)/s, 'a video']]
const kinds = {
  JPEG: /^\xff\xd8\xff/, PNG: /^\x89PNG\r\n/, WebP: /^RIFF.{4}WEBP/s, GIF: /^GIF8/, BMP: /^BM/, ICO: /^\0\0[\1\2]\0/,
  AVIF: /^.{4}ftyp(avi|mif1.{4}(.{4})*avif)/s, HEIC: /^.{4}ftyp(hei|hev|mif1|msf1)/s, TIFF: /^(II[*+]\0|MM\0[*+])/}

// Where EXIF says how a picture is turned: {turn, at}, `at` its first byte
function exif(v, i) {
  if (ascii(v, i, 4)=='Exif') i += 6
  const little = ascii(v, i, 2)=='II', dir = i+v.getUint32(i+4, little)
  for (let k = 0; k<v.getUint16(dir, little); k++) {
    const at = dir+2+12*k
    if (v.getUint16(at, little)!=0x112) continue
    const turn = v.getUint16(at+8, little)
    return turn>1 && turn<9 ? {turn, at: at+8} : {}
  }
}

const readers = {
  JPEG(v) {
    let o = {}, i = 2, end = v.byteLength-2
    for (; i+9<v.byteLength; i += 2+v.getUint16(i+2)) {
      while (v.getUint8(i+1)==0xff) i++
      const m = v.getUint8(i+1)
      if (m>=0xc0 && m<=0xcf && m!=0xc4 && m!=0xc8 && m!=0xcc) o = {...o, h: v.getUint16(i+5), w: v.getUint16(i+7)}
      if (m==0xe1 && ascii(v, i+4, 4)=='Exif') o.exif ??= i+4
      if (m==0xe2 && ascii(v, i+4, 3)=='ICC') o.blank = [...(o.blank || []), i+4]
      if (m==0xda) break
    }
    while (end>i && v.getUint16(end)!=0xffd9) end--
    return {...o, whole: end>i}
  },
  PNG(v) {
    const o = {w: v.getUint32(16), h: v.getUint32(20)}
    for (let i = 8; i+12<=v.byteLength; i += 12+v.getUint32(i)) {
      const name = ascii(v, i+4, 4)
      if (name=='eXIf') o.exif = i+8
      if (name=='IEND') o.whole = true
    }
    return o
  },
  WebP(v) {
    const o = {whole: v.getUint32(4, true)+8<=v.byteLength}
    for (let i = 12; i+8<=v.byteLength;) {
      const name = ascii(v, i, 4), n = v.getUint32(i+4, true), u24 = k => v.getUint16(k, true)+(v.getUint8(k+2)<<16)
      if (name=='VP8X') Object.assign(o, {w: u24(i+12)+1, h: u24(i+15)+1})
      if (name=='VP8 ') o.w ||= v.getUint16(i+14, true)&0x3fff, o.h ||= v.getUint16(i+16, true)&0x3fff
      if (name=='VP8L') o.w ||= (v.getUint32(i+9, true)&0x3fff)+1, o.h ||= (v.getUint32(i+9, true)>>14&0x3fff)+1
      if (name=='EXIF') o.exif = i+8
      i += 8+n+n%2
    }
    return o
  },
  GIF: v => ({w: v.getUint16(6, true), h: v.getUint16(8, true), whole: true}),
  BMP: v => ({w: Math.abs(v.getInt32(18, true)), h: Math.abs(v.getInt32(22, true)), whole: v.getUint32(2, true)<=v.byteLength})}

// `fn`, or what it gives when a file ends before it should
const within = (fn, otherwise) => { try { return fn() } catch (e) { if (e instanceof RangeError) return otherwise; throw e } }

// {kind, turn, blob}: the picture in `blob`, with no word left in it that would have the browser turn it, or a JPEG's colours changed
export async function looked(blob) {
  const buf = await blob.arrayBuffer(), v = new DataView(buf), head = ascii(v, 0, 1024)
  if (!buf.byteLength) throw new Said('This file is empty.')
  const kind = Object.keys(kinds).find(k => kinds[k].test(head))
  const other = !kind && others.find(([r]) => r.test(head))
  if (!kind) throw new Said(`This is not a picture${other ? ` but ${other[1]}` : ''}.`, wanted)
  const o = readers[kind] ? within(() => readers[kind](v), {whole: false}) : {whole: true}
  if (!o.whole) throw new Said('This picture is damaged: its file ends too early.', 'Copy or save it again.')
  const n = o.w*o.h
  if (n>most) throw new Said(`This picture is too large: it has ${(n/1e6).toFixed(0)} megapixels where ${most/1e6} can be looked at.`, 'Make it smaller and try again.')
  const {turn=1, at} = o.exif && within(() => exif(v, o.exif)) || {}
  const b = new Uint8Array(buf), blank = [...(o.blank || []), ...(at ? [at, at+1] : [])]
  for (const i of blank) b[i] = 0 // a turn 0 there is none; nor a profile of that name
  return {kind, turn, blob: blank.length ? new Blob([b], {type: blob.type}) : blob}
}
