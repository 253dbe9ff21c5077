// A multinomial logistic head on features, as learn.probe's, its weights held back. Rows of features stand in one Float32Array, one after the other.

const held = .01 // the larger, the smaller the weights
const most = 400 // steps

function dot(a, i, b, j, n) {
  let sum = 0
  for (let k = 0; k<n; k++) sum += a[i+k]*b[j+k]
  return sum
}

// Rows moved and scaled, so that their mean is 0 and their length 1 on average
function scaled(rows, n) {
  const f = rows.length/n, mean = new Float64Array(f), x = Float64Array.from(rows)
  for (let i = 0; i<x.length; i++) mean[i%f] += x[i]/n
  for (let i = 0; i<x.length; i++) x[i] -= mean[i%f]
  const scale = Math.sqrt(dot(x, 0, x, 0, x.length)/n) || 1
  return {mean, scale, f, x: x.map(o => o/scale)}
}

// How alike every two rows are
function products(x, n, f) {
  const g = new Float64Array(n*n)
  for (let i = 0; i<n; i++) for (let j = 0; j<=i; j++) g[i*n+j] = g[j*n+i] = dot(x, i*f, x, j*f, f)
  return g
}

export function softmax(z) {
  const top = Math.max(...z), e = z.map(o => Math.exp(o-top)), sum = e.reduce((a, b) => a+b, 0)
  return e.map(o => o/sum)
}

// What view i is held for, where each class has a weight for each view, and one of its own at the end
const said = (g, n, i, a) => softmax(a.map(o => o[n]+dot(g, i*n, o, 0, n)))

// These weights, for the views `seen`: gradient descent, accelerated as in Nesterov (1983)
function weights(g, n, y, classes, seen) {
  const step = 1/(.5*(1+Math.max(...seen.map(i => g[i*n+i])))+held)
  let a = Array.from({length: classes}, () => new Float64Array(n+1)), was = a
  for (let s = 0, far = 1; s<most && far>1e-4; s++) {
    const ahead = a.map((o, k) => o.map((v, j) => v+s/(s+3)*(v-was[k][j])))
    was = a
    a = ahead.map(o => o.map((v, j) => j<n ? v*(1-step*held) : v))
    for (const i of seen) said(g, n, i, ahead).forEach((p, k) => {
      const move = step*(p-(y[i]==k))/seen.length
      a[k][i] -= move
      a[k][n] -= move
    })
    far = Math.max(...a.map((o, k) => o.reduce((d, v, j) => Math.max(d, Math.abs(v-was[k][j])), 0)))
  }
  return a
}

const best = z => z.indexOf(Math.max(...z))

// The part, of `parts`, that each view is in: a class's views in the order they were taken, since neighbours are alike
export function pieces(y, parts) {
  const size = k => y.filter(o => o==k).length, seen = {}
  return y.map(k => Math.floor((seen[k] = (seen[k] ?? -1)+1)*parts/size(k)))
}

// How many views are told right by heads that saw neither them nor their neighbours
function right(g, n, y, classes, parts) {
  const part = pieces(y, parts), all = [...y.keys()]
  const hits = p => {
    const a = weights(g, n, y, classes, all.filter(i => part[i]!=p))
    return all.filter(i => part[i]==p && best(said(g, n, i, a))==y[i]).length
  }
  return Array.from({length: parts}, (_, p) => hits(p)).reduce((a, b) => a+b)
}

// The same weights for features as they are: {w: for each class one for each feature, b: for each class}
function unscaled(a, {mean, scale, f, x}, n) {
  const w = a.map(o => Float32Array.from({length: f}, (_, i) => { let v = 0; for (let j = 0; j<n; j++) v += o[j]*x[j*f+i]; return v/scale }))
  return {w, b: w.map((o, k) => a[k][n]-dot(o, 0, mean, 0, f))}
}

// A head for views `rows` of the classes `y`, numbers under `classes`: {w, b, n, right}; `right`: how many of the n are told right
// by heads that did not see them, null where a class has fewer than `parts`
export function fitted({rows, y, classes, parts=5}) {
  const n = y.length, s = scaled(rows, n), g = products(s.x, n, s.f), all = [...y.keys()]
  const least = Math.min(...Array.from({length: classes}, (_, k) => y.filter(o => o==k).length))
  return {...unscaled(weights(g, n, y, classes, all), s, n), n, right: least<parts ? null : right(g, n, y, classes, parts)}
}

// What a head says of one picture's features: a probability for each class
export const told = ({w, b}, features) => softmax(w.map((o, k) => b[k]+dot(o, 0, features, 0, o.length)))
