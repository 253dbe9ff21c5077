// A picture, or the address of one, pasted; text that is pasted into a field is the field's.
import {brought} from './drop.js'

export function paste(add) {
  document.onpaste = e => {
    const some = e.clipboardData.files.length
    if (!some && e.target.tagName=='INPUT') return
    if (some) e.preventDefault()
    add(brought(e.clipboardData))
  }
}
