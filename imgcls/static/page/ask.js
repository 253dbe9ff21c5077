// How the page asks: one HTTP request for several cards. Another page may bring another `ask` to `begin`:
// it returns {answers}, one for each card, or {error, why}, where `why` is 'key', 'later' (in `after` seconds), 'again' or ''.
const lost = r => ({
  message: 'The connection is lost.',
  hint: r.name=='TimeoutError' ? 'The server took longer than five minutes.' : 'Is this machine online, and the service running?'})
const noRoom = {message: 'The server is busy.', hint: 'Try again in a minute.'}
const odd = status => ({
  code: status==413 ? 'too_large' : '',
  message: `The server answers, but not as it should (${status}).`,
  hint: 'Try again in a minute.'})

export async function ask(cards, key) {
  const form = new FormData()
  for (const c of cards) c.file ? form.append('file', c.blob || c.file, c.name) : form.append('url', c.url)
  const opts = {method: 'POST', body: form, headers: key ? {'X-API-Key': key} : {}, signal: AbortSignal.timeout?.(300_000)}
  const r = await fetch('predict?topk=5', opts).catch(e => e), o = await r.json?.().catch(() => null)
  if (r.ok && o?.predictions?.length==cards.length) return {answers: o.predictions}
  const said = o?.message ? o : null
  if (!r.status) return {why: 'later', error: lost(r)}
  if (r.status==401) return {why: 'key', error: said}
  if (r.status==503 || r.status==429) return {why: 'later', error: said || noRoom, after: +r.headers.get('Retry-After')}
  return {why: r.status>=500 || r.ok ? 'again' : '', error: said || odd(r.status)}
}
