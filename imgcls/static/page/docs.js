// openapi.json for people: each route with its examples, to copy.
import {$, make} from './dom.js'

const spec = await fetch('openapi.json').then(r => r.json())
const deref = o => o?.$ref ? o.$ref.split('/').slice(1).reduce((at, k) => at[k], spec) : o || {}
const code = text => make('code', '', text)
const para = (...kids) => make('p', '', '', ...kids)
const pre = o => make('pre', '', typeof o=='string' ? o : JSON.stringify(o))
const row = (tag, cells) => make('tr', '', '', ...cells.map(o => make(tag, '', '', o)))
const table = (heads, rows) => rows.length ? [make('table', '', '', row('th', heads), ...rows.map(o => row('td', o)))] : []
const schema = content => deref(Object.values(content || {})[0]?.schema)

function params(op) {
  const about = o => make('span', '', o.description, ...(o.required ? [make('b', '', ' needed')] : []))
  return table(['parameter', 'type', ''], (op.parameters || []).map(o => [code(o.name), o.schema.type, about(o)]))
}

function fields(op) {
  const props = Object.entries(schema(op.requestBody?.content).properties || {})
  const one = o => deref(deref(o).items || o)
  const kind = o => o.format=='binary' ? 'file' : 'text'
  return table(['field', '', ''], props.map(([k, o]) => [code(k), kind(one(o)), `${one(o).description}${o.items ? '; several, too' : ''}`]))
}

// With a key, where the service wants one
function sample({lang, source}, op) {
  if (!op.security || op.security.some(o => !Object.keys(o).length)) return pre(source)
  const head = "'Authorization: Bearer KEY'", arg = "headers={'Authorization': 'Bearer KEY'}"
  return pre(lang=='Shell' ? source.replace('curl', `curl -H ${head}`) : source.replace(/\)\nprint/, `, ${arg})\nprint`))
}

function answer(op) {
  const example = schema(op.responses[200].content).example
  return [para(code('200'), ` ${op.responses[200].description}`), ...(example ? [pre(example)] : [])]
}

function otherwise(op) {
  const bad = Object.entries(op.responses).filter(([k]) => k!='200')
  const kids = bad.flatMap(([k, o]) => [code(k), ` ${deref(o).description}; `])
  return bad.length ? [para(make('small', '', 'Otherwise: ', ...kids))] : []
}

for (const [path, ops] of Object.entries(spec.paths)) for (const [verb, op] of Object.entries(ops)) {
  const el = make('section', 'route', '', make('h2', '', '', code(`${verb.toUpperCase()} ${path}`)), para(op.summary), ...params(op), ...fields(op),
    ...op['x-codeSamples'].map(o => sample(o, op)), ...answer(op), ...otherwise(op))
  el.id = op.operationId
  $('routes').append(el)
  const link = make('a', '', '', code(`${verb.toUpperCase()} ${path}`))
  link.href = `#${op.operationId}`
  $('links').append(make('li', '', '', link, ` ${op.summary}`))
}
const problems = Object.entries(spec['x-problems']).map(([k, [status, hint]]) => [code(k), `${status}`, hint])
$('problems').append(...table(['code', 'status', 'what to do'], problems))
$('what').append(make('b', '', spec.info.title), ` ${spec.info.description}`)
$('error').textContent = JSON.stringify(spec.components.schemas.Problem.example)
document.title = `How to call ${spec.info.title}`
$(location.hash.slice(1))?.scrollIntoView()
document.documentElement.classList.add('js')
