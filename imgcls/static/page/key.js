// The key of a service that asks for one. `sessionStorage` forgets with the tab; a browser may forbid it.
import {$} from './dom.js'

const store = f => { try { return f(sessionStorage) } catch { return null } }
export const key = {text: store(o => o.getItem('key')) || '', missing: false}

export function askKey(said='') {
  key.missing = true
  $('key').hidden = false
  $('key-said').textContent = said
}

// The service refused `used`, with `error`
export function wrongKey(used, error) {
  if (used!=key.text) return
  askKey(used ? error?.message || 'This key is not right.' : '')
  $('key-field').focus()
}

export function keyForm(given) {
  if ($('key')) $('key').onsubmit = e => {
    e.preventDefault()
    key.text = $('key-field').value.trim()
    key.missing = false
    store(o => o.setItem('key', key.text))
    $('key-field').value = ''
    $('key').hidden = true
    given()
  }
}
