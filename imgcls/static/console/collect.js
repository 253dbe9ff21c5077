// Saves the addresses of the pictures on a page of results as urls_<label>.csv

// A page may no longer open a data: address in a new tab; a Blob behind a link that clicks itself also names the file
function save(name, text) {
  const a = document.createElement('a');
  a.href = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  a.download = name;
  document.body.append(a);
  a.click();
  a.remove();
}

function collect(engine, label, originals, thumbnails) {
  const query = new URLSearchParams(location.search).get('q') || '';
  label = label || prompt('Which class is this? Its name becomes urls_<class>.csv', query) || '';
  if (!label.trim()) return;
  const web = urls => [...new Set(urls)].filter(url => /^https?:\/\//.test(url));
  const small = web(thumbnails()), full = web(originals());
  const urls = full.length ? full : small;
  if (!urls.length) return alert(`imgcls: no pictures found. Is this a page of image results from ${engine}?`);
  const name = `urls_${label.trim().replace(/[^\p{L}\p{N} _-]+/gu, '_')}.csv`;
  save(name, urls.join('\n') + '\n');
  const note = full.length ? '' : ' (thumbnails: the page has no original addresses)';
  console.log(`imgcls: ${urls.length} addresses in ${name}${note}`);
}
