// Keeps what the page needs, so that it opens at once, and offline. A file is kept under its digest: a new version of the page
// fetches what has changed, and nothing else.
const files = {{ kept|json }}
const scope = registration.scope
const key = path => new Request(new URL(`${path}?${files[path]}`, scope))
const store = () => caches.open(`imgcls ${scope}`)

async function fill() {
  const c = await store()
  await Promise.all(Object.keys(files).map(async path => {
    if (await c.match(key(path))) return
    const r = await fetch(new Request(new URL(path, scope), {cache: 'no-cache'}))
    if (!r.ok) throw Error(`${path}: ${r.status}`)
    await c.put(key(path), r)
  }))
}

async function sweep() {
  const c = await store(), wanted = new Set(Object.keys(files).map(o => key(o).url))
  for (const o of await c.keys()) if (!wanted.has(o.url)) await c.delete(o)
}

function path(url) {
  const bare = url.split(/[?#]/)[0]
  return bare.startsWith(scope) ? bare.slice(scope.length) || 'index.html' : bare
}

addEventListener('install', e => { skipWaiting(); e.waitUntil(fill()) })
addEventListener('activate', e => e.waitUntil(sweep()))
addEventListener('fetch', e => {
  const at = path(e.request.url)
  if (at in files) e.respondWith(store().then(c => c.match(key(at))).then(r => r || fetch(e.request)))
})
