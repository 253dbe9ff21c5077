// The page that needs no server
import {$} from '../page/dom.js'
import {start} from '../page/page.js'
import {ask, predict, ready} from './ask.js'
import {watch} from './live.js'

window.imgcls = {predict, ready}
start(ask, watch)
performance.mark('page')

const say = text => { $('ready').textContent = text }
try {
  await ready()
  performance.mark('model')
  say('Pictures stay on this device.')
  const kept = await navigator.serviceWorker?.register(new URL('../sw.js', import.meta.url)).then(() => navigator.serviceWorker.ready)
  if (kept) say('Pictures stay on this device. From now on it works offline, too.')
} catch ({message, hint=''}) { say(`${message} ${hint}`) }
