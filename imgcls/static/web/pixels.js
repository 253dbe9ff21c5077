// Pixels as Python's side has them: a JPEG at n/8 of its size, turned upright, cropped or padded, and resized by the arithmetic
// of Pillow's BILINEAR, in whole numbers. A picture here is {w, h, px}, `px` having a number for each pixel, 0xAABBGGRR.

// The whole divisor, 8 at most, at which no side of w × h gets smaller than `least`
export const divisor = (w, h, least) => [8, 4, 2].find(k => least && k<=Math.floor(Math.min(w, h)/least)) || 1

const context = (w, h) => new OffscreenCanvas(w, h).getContext('2d', {willReadFrequently: true, alpha: false})

// The same one again when the next picture has the size of the last: half of the time is in a new one
let last
function canvas(w, h) {
  if (last?.canvas.width!=w || last.canvas.height!=h) last = context(w, h)
  return last
}

// Does this browser halve a picture as it should, each pixel being the mean of four? It does so in half of our time.
// If so: by how much its colours are too small on average, since some browsers round down; else null.
let missing
function halves() {
  if (missing!==undefined) return missing
  const n = 64, from = context(n, n), to = context(n/2, n/2), px = from.createImageData(n, n)
  px.data.forEach((_, i, a) => { a[i] = i%4==3 ? 255 : Math.imul(i*i+i, 0x9e3779b1)>>>24 })
  from.putImageData(px, 0, 0)
  to.drawImage(from.canvas, 0, 0, n/2, n/2)
  const mean = i => {
    const x = (i>>2)%(n/2), y = (i>>2)/(n/2)|0, at = 8*(y*n+x)+i%4
    return [0, 4, 4*n, 4*n+4].reduce((sum, o) => sum+px.data[at+o]/4, 0)
  }
  const off = [...to.getImageData(0, 0, n/2, n/2).data].map((v, i) => mean(i)-v).filter((_, i) => i%4<3)
  missing = off.every(o => Math.abs(o)<=1) ? off.reduce((a, b) => a+b)/off.length : null
  return missing
}

// The pixels of `bitmap` on white, each the mean of k × k; drawn in strips, since a large picture's pixels would take too much memory
export function drawn(bitmap, k=1) {
  const {width: w, height: h} = bitmap, d = k>2 && w%k==0 && h%k==0 && halves()!=null ? 2 : 1
  const strip = Math.min(h, Math.max(8, 2**19/w&~7)), g = canvas(w/d, strip/d), res = {w: Math.ceil(w/k), h: Math.ceil(h/k)}
  const px = k==1 && strip==h ? null : new Int32Array(res.w*res.h)
  for (let y = 0; y<h; y += strip) {
    const n = Math.min(strip, h-y)
    g.fillStyle = '#fff'
    g.fillRect(0, 0, w/d, n/d)
    g.drawImage(bitmap, 0, y, w, n, 0, 0, w/d, n/d)
    const rows = new Int32Array(g.getImageData(0, 0, w/d, n/d).data.buffer)
    if (!px) return {...res, px: rows}
    if (k==1) px.set(rows, w*y)
    else means(rows, w/d, n/d, k/d, px.subarray(res.w*y/k), d==2 ? missing : 0)
  }
  return {...res, px}
}

// Two colours are added up in one number: 64 times 255 stays within 16 bits
function means(px, w, h, k, to, more) {
  for (let y = 0, at = 0; y<h; y += k) for (let x = 0; x<w; x += k, at++) {
    const wide = Math.min(k, w-x), end = Math.min(y+k, h)*w, m = 1/(wide*Math.min(k, h-y)), half = more+.5
    let a = 0, b = 0
    for (let p = y*w+x; p<end; p += w) for (let i = p; i<p+wide; i++) {
      a = a+(px[i]&0xff00ff)|0
      b = b+(px[i]>>>8&0xff00ff)|0
    }
    to[at] = (a>>>16)*m+half<<16|(b&0xffff)*m+half<<8|(a&0xffff)*m+half
  }
}

// `im` upright, `turn` being EXIF's number
export function turned({w, h, px}, turn) {
  if (turn<2) return {w, h, px}
  const r = w-1, b = w*(h-1), size = turn>4 ? {w: h, h: w} : {w, h}, to = new Int32Array(w*h)
  const [first, right, down] = [[r, -1, w], [r+b, -1, -w], [b, 1, -w], [0, w, 1], [b, -w, 1], [r+b, -w, -1], [r, w, -1]][turn-2] // steps in `px`
  for (let y = 0, at = 0; y<size.h; y++) for (let x = 0; x<size.w; x++, at++) to[at] = px[first+x*right+y*down]
  return {...size, px: to}
}

// [left, top, right, bottom] of the box of shape `size` in the middle of w × h, or around it: `least` is Math.min or Math.max
function middle(w, h, size, least) {
  const s = least(w/size[0], h/size[1]), bw = Math.trunc(s*size[0]), bh = Math.trunc(s*size[1])
  const x = Math.trunc((w-bw)/2), y = Math.trunc((h-bh)/2)
  return [x, y, x+bw, y+bh]
}

const inside = (i, n) => i>=0 && i<n
const mirrored = (i, n) => { const p = 2*(n-1), k = p ? (i%p+p)%p : 0; return k<n ? k : p-k }
const pads = {
  zeros: (i, n) => inside(i, n) ? i : null,
  border: (i, n) => Math.max(0, Math.min(i, n-1)),
  reflection: mirrored}

function padded({w, h, px}, size, mode) {
  const [left, top, right, bottom] = middle(w, h, size, Math.max), wide = right-left, tall = bottom-top, to = new Int32Array(wide*tall)
  const places = (from, n, most) => Array.from({length: n}, (_, i) => pads[mode](i+from, most))
  const xs = places(left, wide, Math.min(right, w)), ys = places(top, tall, Math.min(bottom, h))
  for (let y = 0; y<tall; y++) for (let x = 0; x<wide; x++) if (xs[x]!=null && ys[y]!=null) to[y*wide+x] = px[ys[y]*w+xs[x]]
  return {w: wide, h: tall, px: to}
}

// For each of `n` places: where the pixels that it is made of begin, how many there are, and their weights, of 22 bits
function weights(size, n) {
  const scale = size/n, wide = Math.max(scale, 1), most = 2*Math.ceil(wide)+1, k = new Int32Array(n*most), from = new Int32Array(n), many = new Int32Array(n)
  for (let i = 0; i<n; i++) {
    const mid = (i+.5)*scale, a = Math.max(0, Math.trunc(mid-wide+.5)), b = Math.min(size, Math.trunc(mid+wide+.5)), ws = []
    for (let x = a; x<b; x++) ws.push(Math.max(0, 1-Math.abs((x-mid+.5)*(1/wide))))
    const sum = ws.reduce((p, q) => p+q, 0)
    ws.forEach((w, j) => { k[i*most+j] = Math.trunc(.5+w/sum*2**22) })
    from[i] = a
    many[i] = b-a
  }
  return {k, from, many, most}
}

// The sum of `n` pixels of `px` from `p` on, `step` apart, by the weights from k[at] on
function mixed(px, p, step, k, at, n) {
  let r = 2**21, g = 2**21, b = 2**21
  for (const end = at+n; at<end; at++, p += step) {
    const c = k[at], o = px[p]
    r = r+Math.imul(c, o&255)|0
    g = g+Math.imul(c, o>>>8&255)|0
    b = b+Math.imul(c, o>>>16&255)|0
  }
  return b>>22<<16|g>>22<<8|r>>22
}

// The box [left, top, right, bottom] of `im` as w × h
function resized(im, [left, top, right, bottom], w, h) {
  const rows = bottom-top, half = new Int32Array(w*rows), px = new Int32Array(w*h), a = weights(right-left, w), b = weights(rows, h)
  for (let x = 0; x<w; x++) for (let y = 0, p = top*im.w+left+a.from[x]; y<rows; y++, p += im.w) half[y*w+x] = mixed(im.px, p, 1, a.k, x*a.most, a.many[x])
  for (let y = 0, q = 0; y<h; y++) for (let x = 0; x<w; x++, q++) px[q] = mixed(half, b.from[y]*w+x, w, b.k, y*b.most, b.many[y])
  return px
}

// `im` as the model wants it: [3,h,w] of colours 0 to 1
export function prepared(im, {size, crop, method, pad_mode}) {
  if (method=='pad') im = padded(im, size, pad_mode)
  const box = method=='crop' ? middle(im.w, im.h, size, Math.min) : [0, 0, im.w, im.h]
  const px = resized(im, box, ...size), [w, h] = size, [cw, ch] = crop, x = Math.floor((w-cw)/2), y = Math.floor((h-ch)/2), n = cw*ch
  const res = new Float32Array(3*n)
  for (let j = 0, q = 0; j<ch; j++) for (let i = 0; i<cw; i++, q++) {
    const o = px[(y+j)*w+x+i]
    res[q] = (o&255)/255
    res[q+n] = (o>>>8&255)/255
    res[q+2*n] = (o>>>16)/255
  }
  return res
}
