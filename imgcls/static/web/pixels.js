// Pixels as Python's side has them: a JPEG at n/8 of its size, turned upright, cropped or padded, and resized by the arithmetic
// of Pillow's BILINEAR, in whole numbers. A picture here is {w, h, data}, `data` being RGBA.
const strip = 256 // rows that are drawn at a time: a multiple of 8

// The whole divisor, 8 at most, at which no side of w × h gets smaller than `least`
export const divisor = (w, h, least) => [8, 4, 2].find(k => least && k<=Math.floor(Math.min(w, h)/least)) || 1

const context = (w, h) => new OffscreenCanvas(w, h).getContext('2d', {willReadFrequently: true, alpha: false})

// Does this browser halve a picture as it should, each pixel being the mean of four? It does so in half of our time.
// If so: by how much its colours are too small on average, since some browsers round down; else null.
let missing
function halves() {
  if (missing!==undefined) return missing
  const n = 64, from = context(n, n), to = context(n/2, n/2), px = from.createImageData(n, n)
  px.data.forEach((_, i, a) => { a[i] = i%4==3 ? 255 : Math.imul(i, 0x9e3779b1)>>>24 })
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

// The pixels of `bitmap` on white, each the mean of k × k
export function drawn(bitmap, k=1) {
  const {width: w, height: h} = bitmap, d = k>2 && w%k==0 && h%k==0 && halves()!=null ? 2 : 1
  const g = context(w/d, Math.min(h, strip)/d), res = {w: Math.ceil(w/k), h: Math.ceil(h/k)}, data = new Uint8ClampedArray(4*res.w*res.h)
  for (let y = 0; y<h; y += strip) {
    const n = Math.min(strip, h-y)
    g.fillStyle = '#fff'
    g.fillRect(0, 0, w/d, n/d)
    g.drawImage(bitmap, 0, y, w, n, 0, 0, w/d, n/d)
    const rows = g.getImageData(0, 0, w/d, n/d).data
    if (k==1) data.set(rows, 4*w*y)
    else means(new Uint32Array(rows.buffer), w/d, n/d, k/d, new Uint32Array(data.buffer, 4*res.w*y/k), d==2 ? missing : 0)
  }
  return {...res, data}
}

// Two colours are added up in one number: 64 times 255 stays within 16 bits. Four pixels at a time: half of the speed is in that.
function means(px, w, h, k, to, more=0) {
  const n = Math.ceil(w/k), even = new Uint32Array(n), odd = new Uint32Array(n)
  for (let y = 0, at = 0; y<h; y += k) {
    const end = Math.min(y+k, h)
    even.fill(0)
    odd.fill(0)
    for (let p = y*w; p<end*w; p += w) for (let c = 0, i = p; c<n; c++) {
      let a = 0, b = 0
      const last = Math.min(i+k, p+w)
      for (; i+3<last; i += 4) {
        const p0 = px[i], p1 = px[i+1], p2 = px[i+2], p3 = px[i+3]
        a += (p0&0xff00ff)+(p1&0xff00ff)+(p2&0xff00ff)+(p3&0xff00ff)
        b += (p0>>>8&0xff00ff)+(p1>>>8&0xff00ff)+(p2>>>8&0xff00ff)+(p3>>>8&0xff00ff)
      }
      for (; i<last; i++) {
        a += px[i]&0xff00ff
        b += px[i]>>>8&0xff00ff
      }
      even[c] += a
      odd[c] += b
    }
    for (let c = 0; c<n; c++, at++) {
      const m = (end-y)*Math.min(k, w-c*k), f = s => s/m+more+.5|0
      to[at] = (0xff000000|f(even[c]>>>16)<<16|f(odd[c]&0xffff)<<8|f(even[c]&0xffff))>>>0
    }
  }
}

// A picture of w × h whose pixel x, y is that of `im` at `from(x, y)` = [x, y]; black where that is null
function moved(im, w, h, from) {
  const data = new Uint8ClampedArray(4*w*h), a = new Uint32Array(im.data.buffer), b = new Uint32Array(data.buffer)
  for (let y = 0; y<h; y++) for (let x = 0; x<w; x++) {
    const at = from(x, y)
    if (at) b[y*w+x] = a[at[1]*im.w+at[0]]
  }
  return {w, h, data}
}

// `im` upright, `turn` being EXIF's number
export function turned(im, turn) {
  const {w, h} = im, r = w-1, b = h-1
  const from = [(x, y) => [r-x, y], (x, y) => [r-x, b-y], (x, y) => [x, b-y], (x, y) => [y, x], (x, y) => [y, b-x], (x, y) => [r-y, b-x], (x, y) => [r-y, x]][turn-2]
  return from ? moved(im, turn>4 ? h : w, turn>4 ? w : h, from) : im
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

function padded(im, size, mode) {
  const [left, top, right, bottom] = middle(im.w, im.h, size, Math.max), at = pads[mode], w = Math.min(right, im.w), h = Math.min(bottom, im.h)
  return moved(im, right-left, bottom-top, (x, y) => {
    const i = at(x+left, w), j = at(y+top, h)
    return i==null || j==null ? null : [i, j]
  })
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

// dst[q] = the sum of `n` pixels of `src`, `step` apart, by the weights from k[at] on
function mixed(src, p, step, k, at, n, dst, q) {
  let r = 2**21, g = 2**21, b = 2**21
  for (const end = at+n; at<end; at++, p += step) {
    const c = k[at]
    r += c*src[p]
    g += c*src[p+1]
    b += c*src[p+2]
  }
  dst[q] = r>>22
  dst[q+1] = g>>22
  dst[q+2] = b>>22
}

// The box [left, top, right, bottom] of `im` as w × h
export function resized(im, [left, top, right, bottom], w, h) {
  const rows = bottom-top, half = new Uint8Array(4*w*rows), data = new Uint8Array(4*w*h), a = weights(right-left, w), b = weights(rows, h)
  for (let y = 0, q = 0; y<rows; y++) for (let x = 0; x<w; x++, q += 4)
    mixed(im.data, 4*((top+y)*im.w+left+a.from[x]), 4, a.k, x*a.most, a.many[x], half, q)
  for (let y = 0, q = 0; y<h; y++) for (let x = 0; x<w; x++, q += 4)
    mixed(half, 4*(b.from[y]*w+x), 4*w, b.k, y*b.most, b.many[y], data, q)
  return {w, h, data}
}

// `im` as the model wants it: [3,h,w] of colours 0 to 1
export function prepared(im, {size, crop, method, pad_mode}) {
  if (method=='pad') im = padded(im, size, pad_mode)
  const box = method=='crop' ? middle(im.w, im.h, size, Math.min) : [0, 0, im.w, im.h]
  const {w, h, data} = resized(im, box, ...size), [cw, ch] = crop, x = Math.floor((w-cw)/2), y = Math.floor((h-ch)/2), n = cw*ch
  const res = new Float32Array(3*n)
  for (let j = 0; j<ch; j++) for (let i = 0; i<cw; i++) for (let c = 0; c<3; c++) res[c*n+j*cw+i] = data[4*((y+j)*w+x+i)+c]/255
  return res
}
