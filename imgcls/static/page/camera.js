// The camera: what it sees is answered while it runs, where that can be, and a picture of it can be taken. No other frame is kept.
import {$, make} from './dom.js'
import {worded} from './card.js'

const keep = .6 // of what was said of the frames before
const trouble = {
  NotAllowedError: 'The camera is not allowed here. Allow it beside the address of this page, and press the button again.',
  NotFoundError: 'There is no camera here. Choose a picture in place of it.',
  NotReadableError: 'The camera is in use by another program. Close that, and press the button again.'}
const unsafe = 'A browser shows its camera only to pages whose address begins with https://'

async function open() {
  if (!navigator.mediaDevices) throw Error(unsafe)
  return navigator.mediaDevices.getUserMedia({video: {facingMode: 'environment'}})
}

function blend(was, now) {
  const mixed = now.probs.map((p, i) => was ? keep*was.probs[i]+(1-keep)*p : p)
  const distance = was && now.distance!=null ? keep*was.distance+(1-keep)*now.distance : now.distance
  return {probs: mixed, distance}
}

async function watch(video, see) {
  let seen, times = []
  while (video.srcObject) {
    await new Promise(requestAnimationFrame)
    if (!video.videoWidth || !video.srcObject) continue
    seen = blend(seen, await see.frame(await createImageBitmap(video)))
    times = [...times.slice(-20), performance.now()]
    const rate = times.length>1 ? 1000*(times.length-1)/(times.at(-1)-times[0]) : 0
    $('seen').replaceChildren(...worded(see.answer(seen), false).els, make('small', '', `${rate.toFixed(0)} pictures a second. None is kept.`))
  }
}

async function photo(video) {
  const to = document.createElement('canvas')
  to.width = video.videoWidth
  to.height = video.videoHeight
  to.getContext('2d').drawImage(video, 0, 0)
  const blob = await new Promise(f => to.toBlob(f, 'image/png'))
  return new File([blob], `Camera ${new Date().toLocaleTimeString()}`, {type: 'image/png'})
}

export function camera(add, see) {
  const video = $('video')
  const say = text => { $('camera-said').textContent = text }
  function shown(on) {
    $('camera').hidden = !on
    $('live').setAttribute('aria-expanded', on)
    $('live').textContent = on ? 'Stop the camera' : 'Use the camera'
  }
  function stop() {
    video.srcObject?.getTracks().forEach(o => o.stop())
    video.srcObject = null
    $('seen').replaceChildren()
    shown(false)
  }
  $('live').onclick = async () => {
    say('')
    if (video.srcObject) return stop()
    try {
      video.srcObject = await open()
      shown(true)
      await video.play()
      if (see) await watch(video, see)
    } catch (e) {
      stop()
      say(trouble[e.name] || e.message)
    }
  }
  $('take').onclick = async () => { if (video.videoWidth) add([await photo(video)]) }
}
