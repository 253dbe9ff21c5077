"""Four services on one port of this machine, each in the shape of its documentation, with the faults that their records have.
The shapes are from the documentation and from published samples of answers, and were not checked against the live services: `bench/live_search.py` does that"""
import httpx, json
from web import jpg, says, tells

def answer(**doc): return says(json.dumps(doc).encode(), mime='application/json')

at = 'https://upload.wikimedia.org/wikipedia/commons'

def wiki_page(i, licence='CC BY-SA 4.0', url='https://creativecommons.org/licenses/by-sa/4.0', artist='<a href="//commons.wikimedia.org/wiki/User:Ann" title="User:Ann">Ann &amp; Bob</a>', **info):
    "A file as `generator=search` with `formatversion=2` lists it; `index` is its rank, and pages don't come in its order"
    meta = {k:dict(value=v, source='commons-desc-page') for k,v in dict(LicenseShortName=licence, LicenseUrl=url, Artist=artist, License='cc-by-sa-4.0').items() if v is not None}
    name = f'Bear_{i}.jpg'
    full = dict(size=4_000_000, width=4000, height=3000, thumburl=f'{at}/thumb/a/ab/{name}/1280px-{name}', thumbwidth=1280, thumbheight=960, url=f'{at}/a/ab/{name}',
        descriptionurl=f'https://commons.wikimedia.org/wiki/File:{name}', descriptionshorturl=f'https://commons.wikimedia.org/w/index.php?curid={i}', mime='image/jpeg', extmetadata=meta) | info
    return dict(pageid=i, ns=6, title=f'File:Bear {i}.jpg', index=i+1, imagerepository='local', imageinfo=[full])

def wiki_bare(i): return dict(pageid=i, ns=6, title=f'File:Bear {i}.jpg', index=i+1, imagerepository='local')
def wiki_pdf(i): return wiki_page(i, mime='application/pdf', thumburl=f'{at}/thumb/a/ab/B.pdf/page1-1280px-B.pdf.jpg')

wiki_faults = {3:wiki_bare(3), 5:wiki_page(5, licence='Public domain', url=None, artist=None), 7:wiki_page(7, licence='GFDL', url='https://www.gnu.org/copyleft/fdl.html'), 9:wiki_page(9, extmetadata=[]),
    11:wiki_pdf(11), 13:wiki_page(13, thumburl=None, thumbwidth=None, thumbheight=None, width=800, height=600), 15:None}
wiki_faults[7]['imageinfo'][0]['extmetadata']['License'] = dict(value='gfdl', source='commons-templates')

def wiki(n=120):
    "Commons with `n` files, 50 a page"
    def f(h):
        q = httpx.URL(h.path).params
        i = int(q.get('gsroffset', 0))
        now = [wiki_faults[j] if j in wiki_faults else wiki_page(j) for j in range(i, min(n, i+50))]
        tells(batchcomplete=True, **({'continue':{'gsroffset':i+50,'continue':'gsroffset||'}} if i+50<n else {}), **(dict(query=dict(pages=now[::-1])) if now else {}))(h)
    return f

def inat_photo(i, licence='cc-by', **kw):
    host = 'inaturalist-open-data.s3.amazonaws.com' if licence else 'static.inaturalist.org'
    rights = 'all rights reserved' if not licence else 'no rights reserved' if licence=='cc0' else f'some rights reserved ({licence.upper().replace("CC-", "CC ")})'
    return dict(id=i, license_code=licence, original_dimensions=dict(width=2048, height=1536), url=f'https://{host}/photos/{i}/square.jpg', attribution=f'(c) Ann Bee, {rights}',
        flags=[], moderator_actions=[], hidden=False) | kw

bear = dict(id=41638, name='Ursus americanus', rank='species', preferred_common_name='American Black Bear', matched_term='Black Bear', is_active=True, observations_count=50_000, iconic_taxon_name='Mammalia')

def observation(i, *photos, **kw):
    return dict(id=i, uuid=f'u{i}', quality_grade='research', uri=f'https://www.inaturalist.org/observations/{i}', species_guess='bear', license_code='cc-by-nc', captive=False, taxon=bear,
        user=dict(id=1, login='annbee', name=None), photos=list(photos) or [inat_photo(i)], sounds=[]) | kw

observations = {2:observation(2, inat_photo(2, None)), 4:observation(4, inat_photo(4, 'cc-by-nc')), 8:observation(8, photos=[]), 12:observation(12, taxon=None)}
observations |= {6:observation(6, inat_photo(6, None), inat_photo(6000, 'cc0', attribution=None)), 10:observation(10, inat_photo(10, original_dimensions=None))}
observations |= {14:None, 16:observation(16, inat_photo(16, url=None))}

def inat(n=450):
    "iNaturalist with `n` observations of one species"
    def taxa(h):
        q = httpx.URL(h.path).params['q'].lower().removesuffix('s')
        found = [bear] if q in 'american black bear ursus americanus' else [dict(id=1, name='Cylindropuntia bigelovii', preferred_common_name='Teddy-bear Cholla', matched_term='Teddy-bear Cholla')] if q=='teddy bear' else []
        tells(total_results=len(found), page=1, per_page=30, results=found)(h)
    def seen(h):
        q = httpx.URL(h.path).params
        page,per = int(q['page']),int(q['per_page'])
        ids = range((page-1)*per, min(n, page*per))
        tells(total_results=n, page=page, per_page=per, results=[observations[i] if i in observations else observation(i) for i in ids])(h)
    return {'/v1/taxa':taxa, '/v1/observations':seen}

def medium(i, licence='http://creativecommons.org/licenses/by/4.0/', **kw):
    return dict(type='StillImage', format='image/jpeg', identifier=f'https://pictures.example/{i}.jpg', references=f'https://pictures.example/{i}', creator='Ann Bee', publisher='iNaturalist', license=licence, rightsHolder='Ann Bee') | kw

def occurrence(i, *media, **kw):
    return dict(key=1000+i, datasetKey='50c9509d-22c7-4a22-a47d-8c48425ef4a7', basisOfRecord='HUMAN_OBSERVATION', scientificName='Ursus americanus Pallas, 1780', species='Ursus americanus', recordedBy='Cy Dee',
        license='http://creativecommons.org/licenses/by-nc/4.0/legalcode', media=list(media) or [medium(i)], mediaType=['StillImage']) | kw

occurrences = {1:occurrence(1, medium(1, None)), 3:occurrence(3, medium(3, '© all rights reserved')), 5:occurrence(5, dict(type='StillImage', references='https://pictures.example/5')), 7:occurrence(7) | dict(media=None),
    9:occurrence(9, medium(9, 'Creative Commons Attribution-NonCommercial 4.0 International')), 11:occurrence(11, medium(11, rightsHolder=None, creator=None)), 13:None, 15:occurrence(15, dict(medium(15), type='Sound'))}

def gbif(n=400):
    "GBIF with `n` occurrences of one species"
    def match(h):
        name = httpx.URL(h.path).params['name'].lower()
        if name=='ursus americanus': return answer(usageKey=2433407, scientificName='Ursus americanus Pallas, 1780', canonicalName='Ursus americanus', rank='SPECIES', status='ACCEPTED', confidence=99, matchType='EXACT', kingdom='Animalia', synonym=False)(h)
        if name=='papaya': return answer(usageKey=1, scientificName='? papaya Olsson, 1922', rank='SPECIES', status='DOUBTFUL', confidence=97, matchType='EXACT', synonym=False)(h)
        tells(confidence=100, matchType='NONE', synonym=False, note='No match because of too little confidence')(h)
    def species(h):
        name = httpx.URL(h.path).params['q'].lower()
        called = dict(key=2433407, nubKey=2433407, canonicalName='Ursus americanus', scientificName='Ursus americanus Pallas, 1780', rank='SPECIES', taxonomicStatus='ACCEPTED',
            vernacularNames=[dict(vernacularName='American Black Bear', language='eng'), dict(vernacularName='Baribal')])
        wrong = dict(key=9, nubKey=9, canonicalName='Bearia', vernacularNames=[dict(vernacularName=f'{name} virus', language='eng')])
        found = [wrong, *[called]*('bear' in name)]
        tells(offset=0, limit=50, endOfRecords=True, count=len(found), results=found)(h)
    def search(h):
        q = httpx.URL(h.path).params
        i,k = int(q.get('offset', 0)),int(q['limit'])
        now = [occurrences[j] if j in occurrences else occurrence(j) for j in range(i, min(n, i+k))]
        tells(offset=i, limit=k, endOfRecords=i+k>=n, count=n, results=now, facets=[])(h)
    return {'/v1/species/match':match, '/v1/species/search':species, '/v1/occurrence/search':search}

free = 'cc0 pdm by by-sa'.split()

def open_result(i, lic='by-sa', **kw):
    return dict(id=f'{i}', title=f'Bear {i}', url=f'https://live.staticflickr.com/65535/{10_000+i}_0123456789_b.jpg', foreign_landing_url=f'https://www.flickr.com/photos/x/{i}', creator='Ann Bee', creator_url='https://www.flickr.com/photos/x',
        license=lic, license_version='2.0', license_url=f'https://creativecommons.org/licenses/{lic}/2.0/', provider='flickr', source='flickr', category='photograph', filesize=None,
        filetype='jpg', tags=[], attribution='"Bear" by Ann Bee', fields_matched=['title'], mature=False,
        height=768, width=1024, thumbnail=f'https://api.openverse.org/v1/images/{i}/thumb/', detail_url=f'https://api.openverse.org/v1/images/{i}/', related_url=f'https://api.openverse.org/v1/images/{i}/related/', unstable__sensitivity=[]) | kw

def openverse(n=900):
    "Openverse with `n` pictures, of which it shows the first 240 of each query"
    every = [open_result(i, 'by by-sa by-nc by-nd cc0 pdm'.split()[i%6], width=(3000,1024,300)[i%3]) for i in range(n)]
    def f(h):
        q = httpx.URL(h.path).params
        ok = every
        if use := q.get('license'): ok = [o for o in ok if o['license'] in use.split(',')]
        if 'modification' in q.get('license_type', ''): ok = [o for o in ok if o['license'] in free]
        if size := q.get('size'): ok = [o for o in ok if o['width']==dict(large=3000, medium=1024, small=300)[size]]
        page = int(q.get('page', 1))
        top = ok[:240]
        tells(result_count=len(ok), page_count=-(-len(top)//20), page_size=20, page=page, results=top[(page-1)*20:page*20], warnings=[])(h)
    return f

def services(**kw):
    "All of them"
    return {'/w/api.php':wiki(), '/v1/images/':openverse(), '/a.jpg':says(jpg), **inat(), **gbif(), **kw}

def hosts(web): return dict(commons=web.url('/w/api.php'), inaturalist=web.url('/v1/'), gbif=web.url('/v1/'), openverse=web.url('/v1/images/'))
