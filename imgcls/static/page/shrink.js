// A photo that is too large, or that only the browser can read, is drawn anew as a smaller JPEG.
import {mb} from './dom.js'

export const side = 2048

export async function jpeg(file, side) {
  const im = await createImageBitmap(file), {width: w, height: h} = im, scale = Math.min(1, side/Math.max(w, h))
  const to = document.createElement('canvas'), g = to.getContext('2d')
  to.width = Math.max(1, Math.round(w*scale))
  to.height = Math.max(1, Math.round(h*scale))
  Object.assign(g, {fillStyle: '#fff', imageSmoothingQuality: 'high'})
  g.fillRect(0, 0, to.width, to.height)
  g.drawImage(im, 0, 0, to.width, to.height)
  im.close()
  const blob = await new Promise(f => to.toBlob(f, 'image/jpeg', .9))
  return {blob, from: `${w} × ${h} px`, to: `${to.width} × ${to.height} px`}
}

// Put a smaller JPEG into `card`; what was done, in words
export async function shrink(card) {
  const {blob, from, to} = await jpeg(card.file, side)
  card.blob = blob
  return `sent as a JPEG made here: from ${mb(card.file.size)}, ${from}, to ${mb(blob.size)}, ${to}`
}
