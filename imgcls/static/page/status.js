// One line that says how far things are, for those who look and those who listen.
import {$, many} from './dom.js'

function summary(round) {
  const n = round.length, left = round.filter(c => c.state=='wait').length, bad = round.filter(c => c.state=='bad').length
  if (left) return `Looking at ${n==1 ? 'it' : `${many(n)}, ${n-left} done`} …`
  if (n<2) return round.map(c => `${c.name}: ${c.summary}`).join('')
  return n==bad ? `None of ${n} answered.` : `${many(n-bad)} answered${bad ? `, ${bad} not` : ''}.`
}

// `round`: the cards that are spoken of; `stuck`: those that can be tried again
export function tell(round, stuck) {
  const said = summary(round), left = round.filter(c => c.state=='wait').length, all = $('answers').children.length
  if ($('status').textContent!=said) $('status').textContent = said
  Object.assign($('progress'), {max: round.length || 1, value: round.length-left, hidden: round.length<2 || !left})
  $('empty').hidden = all>0
  $('clear').hidden = !all || left>0
  $('again').hidden = stuck.size<2
  $('again').textContent = `Try all ${stuck.size} again`
}
