// All parts together
import {$} from './dom.js'
import {ask} from './ask.js'
import {key, askKey, keyForm} from './key.js'
import {add, begin, forget, pump, retry} from './send.js'
import {choose} from './choose.js'
import {drop} from './drop.js'
import {paste} from './paste.js'

document.documentElement.classList.add('js')
for (const way of [choose, drop, paste]) way(add)
begin(ask)
keyForm(pump)
$('again').onclick = () => retry()
addEventListener('online', () => retry())
$('clear').onclick = () => { forget(); $('pick').focus() }
if (document.body.dataset.key && !key.text) askKey()
pump()
