// Answers from the model in this browser. `predict` is for any page of this site; `ask` and `see` are for ours.
const here = o => ({...o, url: new URL(o.url, new URL('..', import.meta.url)).href})
const waiting = new Map()
let facts, worker, starting, last = 0

function call(what, transfer=[]) {
  return new Promise((yes, no) => {
    waiting.set(++last, {yes, no})
    worker.postMessage({id: last, ...what}, transfer)
  })
}

function lost(message, hint) {
  for (const {no} of waiting.values()) no({message, hint})
  waiting.clear()
  worker.terminate()
  starting = null
}

function told({data: {id, value, error}}) {
  const {yes, no} = waiting.get(id)
  waiting.delete(id)
  error ? no(error) : yes(value)
}

async function begin() {
  const r = await fetch(here({url: 'model.json'}).url, {cache: 'no-cache'}).catch(() => null)
  if (!r?.ok) throw {message: r ? `The model's description is missing: the server answers ${r.status}.` : 'The model can not be fetched.', hint: 'Is this device online? Load the page again.'}
  facts = await r.json()
  worker = new Worker(here({url: 'web/worker.js'}).url, {type: 'module'})
  worker.onmessage = told
  worker.onerror = () => lost('The model does not start in this browser.', 'Load the page again, or try a newer browser.')
  const {script, wasm} = facts.runtime
  await call({facts: {...facts, model: here(facts.model), runtime: {script: here(script), wasm: here(wasm)}}})
  return facts
}

// The model's facts, when it can be asked; what went wrong is tried again by whoever asks next
export function ready() {
  starting ??= begin().catch(e => {
    worker?.terminate()
    starting = null
    throw e
  })
  return starting
}

// What the model says of one frame of the camera, and of a picture's file, for `answer`
export async function glance(bitmap) {
  await ready()
  return call({bitmap}, [bitmap])
}

export async function see(blob) {
  await ready()
  return call({blob})
}

// That in words
export function answer({probs, distance}, most=5) {
  const {labels, names, threshold, unknown} = facts, order = [...probs.keys()].sort((a, b) => probs[b]-probs[a]), name = i => names[labels[i]]
  const [best] = order, topk = order.slice(0, most).map(i => [name(i), probs[i]])
  return {label: labels[best], name: name(best), prob: probs[best], topk, unsure: probs[best]<threshold, unknown: Boolean(unknown && distance>unknown.limit)}
}

// What is in `blob`, the file of a picture: {label, name, prob, topk, unsure, unknown}
export async function predict(blob, {topk=5}={}) {
  try { return answer(await see(blob), topk) } catch ({message, hint}) { throw Object.assign(Error(message), {hint}) }
}

// For page.js
const far = {message: 'This page fetches nothing from other sites.', hint: 'Save the picture, and choose the file.'}
export async function ask([card]) {
  if (!card.file) return {why: '', error: far}
  const failed = await ready().then(() => null, e => e)
  if (failed) return {why: 'again', error: failed}
  return {answers: [await predict(card.file).catch(error => ({error}))]}
}
