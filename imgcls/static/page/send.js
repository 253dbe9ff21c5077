// Cards wait in a queue. Two requests are under way at a time, and each takes as many cards as the service allows.
import {$, mb, sleep} from './dom.js'
import {answered, failed, newCard, waiting} from './card.js'
import {side, shrink} from './shrink.js'
import {key, wrongKey} from './key.js'
import {tell} from './status.js'

const limit = +document.body.dataset.bytes, most = +document.body.dataset.files, heap = Math.min(limit, 4e6), extra = 1000, tries = 4
const full = ['busy', 'stopping', 'too_many_requests'], passing = [...full, 'fetch_failed', 'fetch_timeout', 'too_slow', 'failed']
const redo = ['too_large', 'too_many_pixels', 'too_slow', 'not_a_picture']
const queue = [], stuck = new Set()
let answersTo, sending = 0, round = []

// `f` answers some cards; see ask.js
export const begin = f => { answersTo = f }
const say = () => tell(round, stuck)

const size = c => c.file ? (c.blob || c.file).size+extra : extra
const tooLarge = c => c.file && !c.blob && (size(c)>limit || c.error)
const readable = c => c.file ? c.file.slice(0, 1).arrayBuffer().then(() => true, () => false) : true
const joins = (a, b) => a.file && b.file && !a.alone && !b.alone

export function add(things) {
  const cards = [...things].map(newCard)
  if (!cards.length) return
  $('answers').prepend(...cards.map(c => c.el))
  enqueue(cards)
}

async function enqueue(cards) {
  if (!round.some(c => c.state=='wait')) round = []
  round.push(...cards.filter(c => !round.includes(c)))
  cards.forEach(c => waiting(c))
  say()
  const can = await Promise.all(cards.map(readable)), good = cards.filter((c, i) => can[i])
  const hint = 'If it is a folder, choose the pictures in it. If it was moved or changed, choose it again.'
  cards.filter((c, i) => !can[i]).forEach(c => failed(c, {message: 'This can not be read.', hint}))
  const large = good.filter(tooLarge)
  queue.push(...good.filter(c => !large.includes(c)))
  pump()
  for (const c of large) if (await made(c)) { queue.push(c); pump() }
  say()
}

async function made(c) {
  waiting(c, 'Making a JPEG of it …')
  const how = await shrink(c).catch(() => '')
  if (how && size(c)<=limit) {
    c.note.textContent = `${c.name} · ${how}`
    return true
  }
  failed(c, c.error || {
    message: `This file has ${mb(c.file.size)}, and at most ${mb(limit-extra)} can be sent.`,
    hint: `This browser can not draw it, and so not make it smaller. Save it as a JPEG with at most ${side} px a side, and try again.`})
}

function take() {
  const part = [queue.shift()]
  let n = size(part[0])
  while (queue.length && part.length<most && joins(part[0], queue[0]) && (n += size(queue[0]))<=heap) part.push(queue.shift())
  return part
}

export function pump() {
  if (key.missing) queue.forEach(c => waiting(c, 'Waiting for the key.'))
  while (queue.length && sending<2 && !key.missing) {
    sending++
    send(take()).finally(() => { sending--; pump() })
  }
  say()
}

async function send(part) {
  part.forEach(c => waiting(c))
  const used = key.text, {answers, error, why, after} = await answersTo(part, used)
  if (answers) return part.forEach((c, i) => answers[i].error ? refused(c, answers[i].error) : answered(c, answers[i]))
  if (why=='later') return later(part, error, after)
  if (why=='key' || part.length>1) queue.unshift(...part)
  if (why=='key') return wrongKey(used, error)
  if (part.length==1) return refused(part[0], error, why=='again')
  part.forEach(c => c.alone = true)
}

function giveUp(c, error) {
  stuck.add(c)
  failed(c, error, () => retry([c]))
}

function refused(c, error, again=passing.includes(error.code)) {
  if (full.includes(error.code)) return later([c], error)
  if (!redo.includes(error.code) || !c.file || c.blob) return again ? giveUp(c, error) : failed(c, error)
  c.error = error
  return enqueue([c])
}

async function later(part, error, after) {
  const n = Math.max(...part.map(c => ++c.tries)), wait = Math.min(after || 2**n, 60)
  if (n>tries) return part.forEach(c => giveUp(c, error))
  part.forEach(c => waiting(c, `${error.message} Trying again in ${wait} s (${n} of ${tries}).`))
  say()
  await sleep(wait)
  queue.unshift(...part)
  pump()
}

export function retry(cards=[...stuck]) {
  for (const c of cards) { stuck.delete(c); c.tries = 0 }
  if (cards.length) enqueue(cards)
}

export function forget() {
  $('answers').replaceChildren()
  stuck.clear()
  round = []
  say()
}
