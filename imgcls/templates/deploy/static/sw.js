// Keeps what the page needs, so that it opens at once, and offline. The model and the runtime are kept under their digests, and
// fetched again only when those change; of the small files the page gets what was there the last time, and they are looked up anew when it is at rest.
const large = {{ large|json }}
const small = {{ small|json }} // with digests, so that a new page is a new worker
const scope = registration.scope
const whole = path => new URL(path, scope).href
const digests = Object.fromEntries(Object.entries(large).map(([k, v]) => [whole(k), v])), files = new Set(Object.keys(small).map(whole))
const key = url => `${url}?${digests[url]}`
const store = () => caches.open(`imgcls ${scope}`)

async function fetched(url) {
  const r = await fetch(new Request(url, {cache: 'no-cache'}))
  if (!r.ok) throw Error(`${url}: ${r.status}`)
  return r
}

async function renew(url) {
  const r = await fetched(url)
  await (await store()).put(url, r)
}

async function get(url) {
  const c = await store()
  if (await c.match(key(url))) return
  const r = await fetched(url), all = new Uint8Array(await crypto.subtle.digest('SHA-256', await r.clone().arrayBuffer()))
  if ([...all].map(o => o.toString(16).padStart(2, '0')).join('')!=digests[url]) throw Error(`${url} is another file`)
  await c.put(key(url), r)
}

async function sweep() {
  const c = await store(), wanted = new Set([...files, ...Object.keys(digests).map(key)])
  for (const o of await c.keys()) if (!wanted.has(o.url)) await c.delete(o)
}

async function kept(request, url) {
  const r = await (await store()).match(url in digests ? key(url) : url)
  return r || fetch(request)
}

addEventListener('install', e => { skipWaiting(); e.waitUntil(Promise.all([...[...files].map(renew), ...Object.keys(digests).map(get)])) })
addEventListener('activate', e => e.waitUntil(sweep()))
addEventListener('fetch', e => {
  const bare = e.request.url.split(/[?#]/)[0], url = bare==scope ? whole('index.html') : bare
  if (!(url in digests) && !files.has(url)) return
  e.respondWith(kept(e.request, url))
  if (e.request.mode=='navigate') e.waitUntil(new Promise(f => setTimeout(f, 5000)).then(() => Promise.allSettled([...files].map(renew))))
})
