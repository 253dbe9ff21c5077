// The page where visitors teach classes of their own.
import {$, make, percent} from '../page/dom.js'
import {camera} from '../page/camera.js'
import {answered, failed, newCard, worded} from '../page/card.js'
import {ready, see} from '../web/ask.js'
import {frames} from '../web/frames.js'
import {burst, newClass, room} from './classes.js'
import {told} from './head.js'
import {withHead} from './onnx.js'
import {interval, learn} from './taught.js'

const least = 5 // views a class, without which nobody can say how well it is told
const gap = 120 // ms between two views, since neighbours teach little
const classes = []
let head, showing, left = 0, saved = true

// In words and numbers: what the head says of features
function answer(features, most=5) {
  const p = told(head, features), order = [...p.keys()].sort((a, b) => p[b]-p[a]), topk = order.slice(0, most).map(i => [head.classes[i].name, p[i]])
  return {name: topk[0][0], prob: topk[0][1], topk, unsure: p[order[0]]<(1+1/p.length)/2, unknown: false}
}

function twice() {
  const names = classes.map(o => o.name)
  return names.find((o, i) => names.indexOf(o)!=i)
}

// What keeps the model from being saved; '' if nothing does
function wanting() {
  const name = twice(), few = classes.filter(o => o.views.length).find(o => o.views.length<least)
  if (name) return `Two classes are called ${name}: give one another name.`
  if (classes.filter(o => o.views.length).length<2) return 'Give views to two classes, by the camera or from files.'
  return few ? `${few.name} wants ${least} views at least.` : ''
}

function say() {
  const lacks = wanting()
  $('save').disabled = Boolean(lacks) || !head || head.right==null
  const [low, high] = head?.right!=null ? interval(head.right, head.n) : []
  $('status').textContent = lacks || (head?.right!=null ? `${percent(head.right/head.n)} of ${head.n} views are told right when left out (95% interval ${percent(low)}–${percent(high)}).` : 'Learning …')
}

function changed() {
  saved = false
  say()
  learn(classes, o => { head = o; say() })
}

function show(o) {
  const was = showing
  showing = o
  left = burst
  was?.showing(false)
  o?.showing(true)
}

async function addFiles(o, files) {
  o.say('')
  for (const file of files) {
    if (o.full()) return o.say(`${o.name} has ${room} views, which is enough.`)
    try {
      const {features} = await see(file), bitmap = await createImageBitmap(file)
      o.add(features, bitmap, bitmap.width, bitmap.height)
      bitmap.close()
    } catch ({message, hint=''}) { o.say(`${file.name}: ${message} ${hint}`) }
  }
}

function another() {
  const o = newClass(classes.length+1, {change: changed, show, files: addFiles})
  classes.push(o)
  o.camera(Boolean($('video').srcObject))
  $('classes').append(o.el)
  return o
}

// While the camera runs: its frames are views of the class that is shown, or are answered
async function watch(video, el) {
  for (const o of classes) o.camera(true)
  let last = 0
  for await (const {features} of frames(video)) {
    if (showing && performance.now()-last>gap) {
      last = performance.now()
      showing.add(features, video, video.videoWidth, video.videoHeight)
      if (--left<1 || showing.full()) show(null)
    }
    el.replaceChildren(...(head && !showing ? worded(answer(features), false).els : []))
  }
  show(null)
  for (const o of classes) o.camera(false)
}

async function ask(file) {
  const card = newCard(file)
  $('asked').prepend(card.el)
  if (!head) return failed(card, {message: 'Nothing is learned yet.', hint: 'Give views to two classes first.'}, () => { card.el.remove(); ask(file) })
  try { answered(card, answer((await see(file)).features)) } catch (e) { failed(card, e, () => { card.el.remove(); ask(file) }) }
}

// The network with the head, and what Python's side has to know
async function file() {
  const {model, taught} = await ready(), labels = head.classes.map(o => o.name), body = await (await fetch(model.url)).arrayBuffer()
  const metrics = {valid_accuracy: head.right/head.n, valid_interval: interval(head.right, head.n), accuracy_lost: 0, n_valid: head.n, n_train: head.n}
  const own = {labels, names: Object.fromEntries(labels.map(o => [o, o])), threshold: (1+1/labels.length)/2, metrics, created: new Date().toISOString()}
  return new Blob([withHead(body, head, {...taught, ...own})])
}

async function save() {
  const url = URL.createObjectURL(await file())
  Object.assign(make('a'), {href: url, download: 'taught.onnx'}).click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
  saved = true
}

document.documentElement.classList.add('js')
another()
another()
saved = true
say()
camera(null, watch)
$('more').onclick = () => another().el.querySelector('input').focus()
$('pick').onchange = e => { [...e.target.files].forEach(ask); e.target.value = '' }
$('save').onclick = save
addEventListener('beforeunload', e => { if (!saved) e.preventDefault() })

try {
  await ready()
  const kept = await navigator.serviceWorker?.register(new URL('../sw.js', import.meta.url)).then(() => navigator.serviceWorker.ready)
  $('ready').textContent = kept ? 'Pictures stay on this device. It works offline, too.' : 'Pictures stay on this device.'
} catch ({message, hint=''}) { $('ready').textContent = `${message} ${hint}` }
