// What Voila's page does not tell a visitor: that the connection is lost, that the kernel is gone, that a photo is too large.
// And what it does not tell the server: that the visitor has left. It listens at the page's one websocket.
window.voila_heartbeat = window.voila_process = () => {};
window.voila_finish = window.display_cells = () => document.getElementById('loading')?.remove();

(() => {
  const whole = () => document.getElementById('jupyter-config-data') // a page whose kernel died meanwhile breaks off before it
  const config = () => JSON.parse(whole().textContent)
  const address = what => { const { baseUrl, kernelId } = config(); return baseUrl + what + kernelId }
  const stopped = 'This app had to stop: the server may have run out of memory.'
  let socket, sent, met = false, left = false

  function notice(said, name, action) {
    document.querySelector('.visit-notice')?.remove()
    if (!said) return
    const el = Object.assign(document.createElement('div'), { className: 'visit-notice', role: 'alert' })
    el.append(said)
    if (name) el.append(Object.assign(document.createElement('button'), { textContent: name, onclick: action }))
    document.body.append(el)
  }

  function end(said) {
    if (!left) notice(said, 'Start again', () => location.reload())
    left = true
  }

  function heard(data) {
    const size = data.byteLength ?? data.length
    if (size > 4000) return
    const said = typeof data == 'string' ? data : new TextDecoder().decode(data)
    if (/"execution_state":\s*"(restarting|dead)"/.test(said)) end(stopped)
    if (/"msg_type":\s*"shutdown_reply"/.test(said)) end('This page was not used for a while, and its place was needed for somebody else.')
  }

  // An upload that is larger than the server takes would cut the connection. The app's own “Nothing happens?” renews the button that waits for it.
  function refuse(size, limit) {
    const mb = o => o / 2**20
    notice(`${Math.ceil(mb(size))} MB is too much: ${Math.floor(mb(limit))} MB can be sent at a time.`, 'OK', () => notice())
    document.querySelector('.ic-link')?.click()
  }

  // What takes a while to arrive is said, until the kernel says something
  function sending(size) {
    clearTimeout(sent)
    sent = setTimeout(notice, 700, `Sending ${(size / 2**20).toFixed(1)} MB …`)
  }

  function arrived() {
    if (sent) notice()
    sent = clearTimeout(sent)
  }

  window.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args)
      window.visitSocket = socket = this
      this.addEventListener('open', () => { met = true; left || notice() })
      this.addEventListener('message', o => { arrived(); heard(o.data) })
    }
    send(data) {
      const size = data.byteLength ?? data.length, limit = config().uploadLimit
      if (size > limit) return refuse(size, limit)
      super.send(data)
      if (size > 2**17) sending(size)
    }
  }

  const lost = () => socket?.readyState == WebSocket.CLOSED

  async function watch() {
    if (left || document.readyState != 'complete' || met && !lost()) return
    if (!whole()) return end(stopped)
    if (lost()) notice('The connection is lost. Trying again …')
    const answer = await fetch(address('api/kernels/')).catch(() => null)
    if (answer?.status == 404) end(met ? 'This page was not used for a while, and has gone to sleep.' : stopped)
  }
  setInterval(watch, 2000)

  addEventListener('pagehide', () => { left = true; if (whole()) navigator.sendBeacon(address('voila/api/shutdown/')) })
  addEventListener('pageshow', o => o.persisted && location.reload())
})()
