// What the views of all classes teach: a head, found in a thread of its own and again whenever there are other views.
let worker, last = 0, wanted, busy
const waiting = new Map()

function fit(views) {
  worker ??= Object.assign(new Worker(new URL('learn.js', import.meta.url), {type: 'module'}), {onmessage({data: {id, head}}) { waiting.get(id)(head); waiting.delete(id) }})
  return new Promise(yes => {
    waiting.set(++last, yes)
    worker.postMessage({id: last, views}, [views.rows.buffer])
  })
}

// The views of `classes`, each with {views: [features]}, as head.js wants them
function gathered(classes) {
  const all = classes.flatMap((o, k) => o.views.map(features => ({features, k}))), f = all[0].features.length, rows = new Float32Array(all.length*f)
  all.forEach((o, i) => rows.set(o.features, i*f))
  return {rows, y: all.map(o => o.k), classes: classes.length}
}

// Calls `found` with a head for `classes`, or with null while there are fewer than two; what changes meanwhile is learned next
export async function learn(classes, found) {
  wanted = classes
  if (busy) return
  busy = true
  while (wanted) {
    const now = wanted.filter(o => o.views.length)
    wanted = null
    const head = now.length>1 ? await fit(gathered(now)) : null
    if (!wanted) found(head && {...head, classes: now})
  }
  busy = false
}

// Wilson's interval of 95 % for `right` of `n`
export function interval(right, n, z=1.96) {
  const p = right/n, mid = p+z*z/(2*n), half = z*Math.sqrt(p*(1-p)/n+z*z/(4*n*n)), all = 1+z*z/n
  return [(mid-half)/all, Math.min(1, (mid+half)/all)]
}
