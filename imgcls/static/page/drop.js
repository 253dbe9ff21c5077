// Pictures, or the address of one, dropped anywhere on the page.
import {address} from './choose.js'

// Files or an address in what was dropped or pasted
export function brought(data) {
  if (data.files.length) return data.files
  const at = address(data.getData('text/uri-list').split('\n')[0] || data.getData('text/plain'))
  return at ? [at] : []
}

const takes = e => [...e.dataTransfer.types].some(o => o=='Files' || o=='text/uri-list')
const drag = on => document.body.classList.toggle('drag', on)

export function drop(add) {
  let timer
  document.ondragover = e => {
    if (!takes(e)) return
    e.preventDefault()
    drag(true)
    clearTimeout(timer)
    timer = setTimeout(drag, 400, false)
  }
  document.ondrop = e => { if (takes(e)) { e.preventDefault(); drag(false); add(brought(e.dataTransfer)) } }
}
