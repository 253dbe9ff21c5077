// What the camera sees, several times a second, smoothed. No frame is kept.
import {make} from '../page/dom.js'
import {worded} from '../page/card.js'
import {answer} from './ask.js'
import {frames} from './frames.js'

const keep = .6 // of what was said of the frames before
const mix = (a, b) => a==null || b==null ? b : keep*a+(1-keep)*b

export async function watch(video, el) {
  let was, times = []
  for await (const now of frames(video)) {
    was = {probs: now.probs.map((p, i) => mix(was?.probs[i], p)), distance: mix(was?.distance, now.distance)}
    times = [...times.slice(-20), performance.now()]
    const rate = times.length>1 ? 1000*(times.length-1)/(times.at(-1)-times[0]) : 0
    if (video.srcObject) el.replaceChildren(...worded(answer(was), false).els, make('small', '', `${rate.toFixed(0)} pictures a second. None is kept.`))
  }
}
