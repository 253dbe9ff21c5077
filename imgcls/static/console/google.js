// Google puts original addresses into its scripts for the first results,
// and into the link of each result as soon as the mouse goes down on it

// Text out of a script: escaped once or twice
function plain(text) {
  for (let i = 0; i < 2 && text.includes('\\'); i++) {
    const json = text.replace(/\\x([0-9a-f]{2})/gi, '\\u00$1');
    try { text = JSON.parse('"' + json + '"') } catch { break }
  }
  return text;
}

function originals() {
  const results = document.querySelectorAll('div[data-lpage] a, h3 a, a[role="link"], a:not([href])');
  results.forEach(a => a.dispatchEvent(new MouseEvent('mousedown', { bubbles: true })));
  const links = [...document.querySelectorAll('a[href*="imgurl="]')];
  const linked = links.map(a => new URL(a.href).searchParams.get('imgurl'));
  const scripts = [...document.scripts].map(s => s.textContent).join('\n');
  const sized = scripts.matchAll(/\["(https?:[^"\s]{8,}?)",\s*\d{3,5},\s*\d{3,5}\]/g); // ["address", height, width]
  const written = [...sized].map(found => plain(found[1]));
  return [...linked, ...written].filter(url => !/^https?:\/\/encrypted-tbn\d*\.gstatic\.com\//.test(url));
}

function thumbnails() {
  const urls = [...document.querySelectorAll('img')].map(i => i.dataset.src || i.src);
  return urls.filter(url => /encrypted-tbn/.test(url));
}
