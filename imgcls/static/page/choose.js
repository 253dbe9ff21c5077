// The button that opens a dialog, and the field for an address.
import {$} from './dom.js'

// What `txt` names: an address, which may lack its https://, or the picture itself when it is a data: address, or null
export function address(txt) {
  const s = txt.trim().replace(/^[<"']+|[>"']+$/g, ''), m = /^data:(image\/[\w.+-]+);base64,/.exec(s)
  try { if (m) return new File([Uint8Array.from(atob(s.slice(m[0].length)), o => o.charCodeAt(0))], 'picture', {type: m[1]}) }
  catch { return null }
  if (/^https?:\/\/[^/\s]+/i.test(s)) return s
  return /^[\w-]+(\.[\w-]+)+(:\d+)?(\/\S*)?$/.test(s) ? `https://${s}` : null
}

export function choose(add) {
  Object.assign($('pick'), {multiple: true, required: false})
  $('pick').onchange = e => { add([...e.target.files]); e.target.value = '' }
  if ($('url')) $('url').onsubmit = e => {
    e.preventDefault()
    const at = address($('address').value)
    $('url-said').textContent = at ? '' : 'This is not the address of a picture. It should begin with https://'
    if (at) { $('address').value = ''; add([at]) }
  }
}
