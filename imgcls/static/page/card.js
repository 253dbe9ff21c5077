// A card: a picture and what is said of it. Its picture is a small copy, drawn when the card comes near the screen.
import {make, percent} from './dom.js'
import {jpeg} from './shrink.js'

const near = new IntersectionObserver(seen => {
  for (const {isIntersecting, target} of seen) if (isIntersecting) { near.unobserve(target); target.draw() }
}, {rootMargin: '600px'})

function preview({file, name}) {
  const el = make('figure'), ending = /\.(\w{1,5})$/.exec(name)?.[1].toUpperCase()
  const none = () => el.replaceChildren(make('span', 'none', file ? ending || 'FILE' : 'WEB'))
  if (!file) { none(); return el }
  near.observe(el)
  el.draw = async () => {
    const small = await jpeg(file, 480).catch(() => null), img = make('img')
    const url = URL.createObjectURL(small?.blob || file), free = () => URL.revokeObjectURL(url)
    img.onload = free
    img.onerror = () => { free(); none() }
    el.append(Object.assign(img, {alt: `Your picture ${name}`, draggable: false, decoding: 'async', src: url}))
  }
  return el
}

// `what` is a File, or the address of a picture
export function newCard(what) {
  const file = what instanceof File ? what : null, name = file ? file.name : what
  const said = make('div', 'ic-said'), note = make('small', '', name)
  const el = make('article', '', '', preview({file, name}), said)
  el.setAttribute('aria-label', name)
  return {file, name, said, note, el, url: what, tries: 0}
}

function show(card, state, ...kids) {
  card.state = state
  card.el.className = `ic-card ${state}`
  card.el.setAttribute('aria-busy', state=='wait')
  card.said.replaceChildren(...kids, card.note)
}

export const waiting = (card, text='Looking …') => show(card, 'wait', make('p', '', text))

function bar([name, p]) {
  const i = make('i')
  i.style.width = `${100*p}%`
  return make('div', 'ic-r', '', make('span', '', name), make('div', '', '', i), make('b', '', percent(p)))
}

const blurred = 'A sharper picture, with less around it, may help; or it may be something that this model does not know.'
const strange = 'It is unlike the pictures that this model learned from. If it is of a class, one with less around it may help.'

// An answer in a line, and as elements; `tips` say what may help
export function worded({name, prob, unsure, unknown, topk}, tips=true) {
  const best = unknown ? 'This looks like none of the classes' : unsure ? `Not sure. My best guess is ${name}` : name
  const sure = unknown ? `nearest is ${name}, confidence ${percent(prob)}` : `confidence ${percent(prob)}`
  const doubt = !tips ? '' : unknown ? strange : unsure ? blurred : ''
  const els = [make('h3', '', best), make('p', '', sure), ...(doubt ? [make('p', 'ic-unsure', doubt)] : []), make('div', 'ic-bars', '', ...topk.map(bar))]
  return {line: `${best}, ${sure}`, els}
}

export function answered(card, answer) {
  const {line, els} = worded(answer)
  card.summary = line
  show(card, 'done', ...els)
}

// `again`: what a button does, if there is to be one
export function failed(card, {message, hint}, again) {
  card.summary = message
  const btn = make('button', '', 'Try again')
  btn.onclick = again
  show(card, 'bad', make('p', 'ic-err', message), ...(hint ? [make('small', '', hint)] : []), ...(again ? [make('div', '', '', btn)] : []))
}
