// What the model says of one frame of a camera after the other. No frame is kept.
import {glance} from './ask.js'

export async function* frames(video) {
  while (video.srcObject) {
    await new Promise(requestAnimationFrame)
    if (video.videoWidth && video.srcObject) yield glance(await createImageBitmap(video))
  }
}
