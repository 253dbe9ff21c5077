// A model file with a head. Two messages of Protocol Buffers one after the other are one message, whose lists are joined:
// what is missing of the graph is written behind the file of the network as it is.

function joined(...parts) {
  const res = new Uint8Array(parts.reduce((n, o) => n+o.length, 0))
  let at = 0
  for (const o of parts) { res.set(o, at); at += o.length }
  return res
}

const varint = n => n<128 ? [n] : [n%128+128, ...varint(Math.floor(n/128))]
const number = (field, n) => Uint8Array.of(...varint(8*field), ...varint(n))
const piece = (field, o) => joined(Uint8Array.of(...varint(8*field+2), ...varint(o.length)), o)
const text = (field, s) => piece(field, new TextEncoder().encode(s))

// Fields by number, as onnx.proto has them
const float = 1
const node = (op, ins, out) => piece(1, joined(...ins.map(o => text(1, o)), text(2, out), text(4, op)))
const tensor = (name, dims, a) => piece(5, joined(...dims.map(o => number(1, o)), number(2, float), text(8, name), piece(9, new Uint8Array(a.buffer))))
const shape = dims => piece(2, joined(...dims.map(o => piece(1, typeof o=='string' ? text(2, o) : number(1, o)))))
const output = (name, dims) => piece(12, joined(text(1, name), piece(2, piece(1, joined(number(1, float), shape(dims))))))
const meta = (key, value) => piece(14, joined(text(1, key), text(2, value)))

// The file `body`, whose output is `features`, with the head {w, b} behind it, and `facts` for Python's side
export function withHead(body, {w, b}, facts) {
  const n = b.length, f = w[0].length, flat = new Float32Array(f*n)
  for (let i = 0; i<f; i++) for (let k = 0; k<n; k++) flat[i*n+k] = w[k][i]
  const layers = [node('MatMul', ['features', 'taught_weight'], 'taught_sums'), node('Add', ['taught_sums', 'taught_bias'], 'logits')]
  const graph = piece(7, joined(...layers, tensor('taught_weight', [f, n], flat), tensor('taught_bias', [n], Float32Array.from(b)), output('logits', ['batch', n])))
  return joined(new Uint8Array(body), graph, meta('imgcls', JSON.stringify(facts)))
}
