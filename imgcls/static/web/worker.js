// The runtime and the model, in a thread of their own, so that the page goes on while they work.
import {Said, looked} from './file.js'
import {divisor, drawn, prepared, turned} from './pixels.js'

const upload = 'Load the page again. If that does not help, whoever put it here should do so once more, with all files that imgcls-deploy wrote.'
const nothing = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0) // the shortest program for WebAssembly
let facts, ort, session

function allowed() {
  if (!self.WebAssembly) throw new Said('This browser has no WebAssembly, which the model runs in.', 'Try a newer browser.')
  try { new WebAssembly.Module(nothing) } catch {
    const hint = "Whoever runs the site should allow 'wasm-unsafe-eval' in its Content-Security-Policy, in script-src."
    throw new Said("This site's policy forbids WebAssembly, which the model runs in.", hint)
  }
}

async function digest(buf) {
  const all = new Uint8Array(await crypto.subtle.digest('SHA-256', buf))
  return [...all].map(o => o.toString(16).padStart(2, '0')).join('')
}

// What is wrong with `buf`, which should be a file; the page may be newer than what the browser keeps of it
async function wrong(what, buf, {bytes, sha256}) {
  if (buf.byteLength!=bytes) return new Said(`The ${what} is damaged: of ${bytes} bytes ${buf.byteLength} came.`, upload)
  if (self.isSecureContext && await digest(buf)!=sha256) return new Said(`The ${what} is of another version than this page.`, upload)
}

async function got(what, file, cache='default') {
  const r = await fetch(file.url, {cache}).catch(() => null)
  if (!r && !navigator.onLine) throw new Said(`You are offline, and the ${what} was not here before.`, 'Come back when there is a connection: after that it works without one.')
  if (!r) throw new Said(`The ${what} can not be fetched.`, 'Is this device online? Load the page again.')
  if (!r.ok) throw new Said(`The ${what} is missing: the server answers ${r.status}.`, upload)
  const buf = await r.arrayBuffer().catch(() => new ArrayBuffer(0)), error = await wrong(what, buf, file)
  if (!error) return buf
  if (cache=='reload') throw error
  return got(what, file, 'reload')
}

// From another site nothing runs that was not looked at; from our own the browser compiles while it loads, and keeps that
async function runtime({script, wasm}) {
  if (new URL(wasm.url).origin==self.location.origin) {
    ort = await import(script.url)
    ort.env.wasm.wasmPaths = {wasm: wasm.url}
  } else {
    const [js, binary] = await Promise.all([got('runtime', script), got('runtime', wasm)])
    const url = URL.createObjectURL(new Blob([js], {type: 'text/javascript'}))
    ort = await import(url)
    ort.env.wasm.wasmBinary = binary
  }
  ort.env.wasm.numThreads = 1
  await ort.InferenceSession.create(nothing).catch(() => {}) // no model, and refused as such: the runtime starts while the model loads
}

// What is wrong with the runtime, as far as can be found out
async function blamed(e) {
  if (e instanceof Said) return e
  const parts = await Promise.all([got('runtime', facts.runtime.script), got('runtime', facts.runtime.wasm)]).catch(o => o)
  return parts instanceof Said ? parts : new Said('The model does not start in this browser.', `Try a newer browser. (${String(e.message).slice(0, 200)})`)
}

async function begin(o) {
  facts = o
  allowed()
  const fail = e => blamed(e).then(o => { throw o })
  const [buf] = await Promise.all([got('model', facts.model), runtime(facts.runtime).catch(fail)])
  const extra = facts.packed ? {session: {disable_quant_qdq: '1'}} : {} // weights of 8 bits become 32 bits now, and not with every picture
  session = await ort.InferenceSession.create(new Uint8Array(buf), {executionProviders: ['wasm'], extra}).catch(fail)
}

async function decoded(file) {
  const {kind, turn, blob} = await looked(file)
  const how = kind=='JPEG' ? {} : {colorSpaceConversion: 'none', premultiplyAlpha: 'none'} // a JPEG has no use for them, and takes longer
  const bitmap = await createImageBitmap(blob, how).catch(() => {
    if (['HEIC', 'TIFF', 'AVIF'].includes(kind)) throw new Said(`This is a ${kind} picture, which this browser can not read.`, 'Save it as a JPEG, as phones can, and try again.')
    throw new Said('This picture is damaged, or of a kind that this browser can not read.', 'Save it as a JPEG or PNG and try again.')
  })
  return {bitmap, turn, k: kind=='JPEG' ? divisor(bitmap.width, bitmap.height, facts.least) : 1}
}

function softmax(z) {
  const most = Math.max(...z), e = z.map(o => Math.exp((o-most)/facts.temperature)), sum = e.reduce((a, b) => a+b, 0)
  return e.map(o => o/sum)
}

async function seen({bitmap, turn=1, k=1}) {
  const x = prepared(turned(drawn(bitmap, k), turn), facts), [w, h] = facts.crop
  bitmap.close()
  const out = await session.run({image: new ort.Tensor('float32', x, [1, 3, h, w])})
  const {data} = out.logits || out.features
  if (!data.every(Number.isFinite)) throw new Said('The model is damaged: its answer is not a number.', upload)
  return out.logits ? {probs: softmax(Array.from(data)), distance: out.distance?.data[0]} : {features: data}
}

onmessage = async ({data: {id, facts, blob, bitmap}}) => {
  try { postMessage({id, value: await (facts ? begin(facts) : seen(bitmap ? {bitmap} : await decoded(blob)))}) }
  catch (e) { postMessage({id, error: {message: e.message, hint: e.hint || ''}}) }
}
