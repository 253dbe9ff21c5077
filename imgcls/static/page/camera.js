// The camera: a picture of it can be taken, and where `watch` can say what it sees, that is shown while it runs.
import {$} from './dom.js'

const trouble = {
  NotAllowedError: 'The camera is not allowed here. Allow it beside the address of this page, and press the button again.',
  NotFoundError: 'There is no camera here. Choose a picture in place of it.',
  NotReadableError: 'The camera is in use by another program. Close that, and press the button again.'}
const unsafe = 'A browser shows its camera only to pages whose address begins with https://'

async function open() {
  if (!navigator.mediaDevices) throw Error(unsafe)
  return navigator.mediaDevices.getUserMedia({video: {facingMode: 'environment'}})
}

async function photo(video) {
  const to = document.createElement('canvas')
  to.width = video.videoWidth
  to.height = video.videoHeight
  to.getContext('2d').drawImage(video, 0, 0)
  const blob = await new Promise(f => to.toBlob(f, 'image/png'))
  return new File([blob], `Camera ${new Date().toLocaleTimeString()}`, {type: 'image/png'})
}

export function camera(add, watch) {
  const video = $('video'), say = text => { $('camera-said').textContent = text }
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
      await watch?.(video, $('seen'))
    } catch (e) {
      stop()
      say(trouble[e.name] || e.message)
    }
  }
  if ($('take')) $('take').onclick = async () => { if (video.videoWidth) add([await photo(video)]) }
}
