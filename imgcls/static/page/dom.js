// What all parts of the page use. Names that a model or a visitor chose go in as text, never as HTML.
export const $ = id => document.getElementById(id)
export const percent = p => p<.9995 ? `${(100*p).toFixed(1)}%` : '100%'
export const mb = n => `${(n/1e6).toFixed(n<1e7 ? 1 : 0)} MB`
export const many = n => `${n} picture${n==1 ? '' : 's'}`
export const sleep = s => new Promise(f => setTimeout(f, 1000*s))

export function make(tag, cls='', text='', ...kids) {
  const el = document.createElement(tag)
  el.className = cls
  el.textContent = text
  el.append(...kids)
  return el
}
