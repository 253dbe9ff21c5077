// All parts together
import {$} from './dom.js'
import {key, askKey, keyForm} from './key.js'
import {add, begin, forget, pump, retry} from './send.js'
import {camera} from './camera.js'
import {choose} from './choose.js'
import {drop} from './drop.js'
import {paste} from './paste.js'

// `ask` answers cards, see ask.js; `watch` says what the camera sees, where that is near enough to be asked several times a second
export function start(ask, watch) {
  document.documentElement.classList.add('js')
  for (const way of [choose, drop, paste]) way(add)
  begin(ask)
  camera(add, watch)
  keyForm(pump)
  $('again').onclick = () => retry()
  addEventListener('online', () => retry())
  $('clear').onclick = () => { forget(); $('pick').focus() }
  if (document.body.dataset.key && !key.text) askKey()
  pump()
}
