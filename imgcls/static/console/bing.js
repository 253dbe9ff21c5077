// Bing writes all it knows about a result as JSON into an attribute of the link, original address included

function originals() {
  const links = [...document.querySelectorAll('a.iusc[m], [m*="murl"]')];
  return links.map(a => {
    try { return JSON.parse(a.getAttribute('m')).murl } catch { return '' }
  });
}

function thumbnails() {
  return [...document.querySelectorAll('img.mimg')].map(i => i.src || i.dataset.src);
}
