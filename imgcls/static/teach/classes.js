// A class on the page: its name, ways to give it views, the last of them.
import {make} from '../page/dom.js'

const shown = 12 // small pictures a class
export const burst = 30 // views that one press takes
export const room = 300 // views a class

function small(source, w, h) {
  const to = make('canvas'), s = 64/Math.min(w, h)
  to.width = to.height = 64
  to.getContext('2d').drawImage(source, 32-s*w/2, 32-s*h/2, s*w, s*h)
  return to
}

// `on.change` is told of other views or names, `on.show` of the class that the camera shows, or null, `on.files` of files for it
export function newClass(number, on) {
  const name = Object.assign(make('input'), {value: `class ${number}`, id: `name-${number}`, maxLength: 60, autocomplete: 'off', spellcheck: false})
  const label = Object.assign(make('label', '', 'Name'), {htmlFor: name.id}), count = make('span', 'count', 'no views')
  const show = Object.assign(make('button', 'show', 'Show it'), {hidden: true})
  const files = Object.assign(make('input', 'pick'), {type: 'file', accept: 'image/*', multiple: true, id: `files-${number}`})
  const add = Object.assign(make('label', 'add', 'Add pictures'), {htmlFor: files.id}), forget = Object.assign(make('button', '', 'Forget'), {hidden: true})
  const said = make('p', 'alert ic-err'), strip = make('div', 'strip')
  said.role = 'alert'
  const el = make('article', 'class', '', make('div', 'ic-row', '', make('div', 'named', '', label, name), count), make('div', 'ways', '', show, files, add, forget), said, strip)
  const o = {el, number, views: [], get name() { return name.value.trim() || `class ${number}` }, say(text) { said.textContent = text }, camera(on) { show.hidden = !on }}

  function told() {
    count.textContent = o.views.length ? `${o.views.length} view${o.views.length==1 ? '' : 's'}` : 'no views'
    forget.hidden = !o.views.length
    el.setAttribute('aria-label', o.name)
    for (const b of [show, add, forget]) b.setAttribute('aria-label', `${b.textContent}: ${o.name}`)
    on.change()
  }
  o.full = () => o.views.length>=room
  o.add = (features, source, w, h) => {
    o.views.push(features)
    strip.prepend(small(source, w, h))
    strip.children[shown]?.remove()
    told()
  }
  o.showing = yes => {
    show.textContent = yes ? 'Stop' : 'Show it'
    el.classList.toggle('showing', yes)
    told()
  }
  show.onclick = () => on.show(el.classList.contains('showing') ? null : o)
  files.onchange = e => { on.files(o, [...e.target.files]); e.target.value = '' }
  forget.onclick = () => { o.views = []; strip.replaceChildren(); o.say(''); told(); name.focus() }
  name.oninput = told
  return o
}
