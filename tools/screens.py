"Take the pictures of app and service in nbs/images anew: `python tools/screens.py`"
import tempfile
from pathlib import Path
from playwright.sync_api import sync_playwright
from PIL import Image
from browser import chromium
from imgcls.sample import draw_digit
from imgcls.use.deploy import app_notebook
from imgcls.use.host import serve_app, stop_app
from imgcls.use.predict import sample_model
from imgcls.use.serve import make_app, start_server

images = Path(__file__).parent.parent/'nbs'/'images'

def pictures(path):
    "Some that are answered, one that is doubtful, and what is none, in `path`"
    for i in (930,0,12,33,72,41): draw_digit(i).save(path/f'IMG_{i:04}.jpg')
    five,zero = [draw_digit(o).resize((120,120)) for o in (5,0)]
    Image.blend(five, zero, .5).save(path/'two at once.png')
    (path/'letter.pdf').write_bytes(b'%PDF-1.4\nDear classifier,')
    return sorted(path.glob('IMG*'))

def of_service(page, path):
    "The page of the service, with three answers"
    server,url = start_server(make_app(sample_model()))
    page.goto(url)
    for o in ('letter.pdf','two at once.png','IMG_0930.jpg'):
        page.set_input_files('#pick', path/o)
        page.get_by_text(o).first.wait_for()
    page.get_by_text('About this model').click()
    page.wait_for_timeout(500)
    page.screenshot(path=images/'page.png', full_page=True)
    server.should_exit = True

def of_app(page, path):
    "The app, after a visit of seven pictures"
    (path/'digits.onnx').write_bytes(sample_model().read_bytes())
    (path/'app.ipynb').write_text(app_notebook('Which digit is it?', 'digits.onnx'))
    process,url = serve_app(path/'app.ipynb')
    page.set_viewport_size(dict(width=1000, height=890)) # Voila's page scrolls within
    page.goto(url)
    for o in ('IMG_0000.jpg','IMG_0012.jpg','IMG_0033.jpg','IMG_0041.jpg','IMG_0072.jpg','two at once.png','IMG_0930.jpg'):
        with page.expect_file_chooser(timeout=90_000) as chosen: page.get_by_role('button', name='Choose pictures').click()
        chosen.value.set_files(path/o)
        page.get_by_text(o, exact=True).wait_for(timeout=60_000)
    page.wait_for_timeout(500)
    page.screenshot(path=images/'app.png', full_page=True)
    stop_app(process)

if __name__=='__main__':
    with tempfile.TemporaryDirectory() as tmp, sync_playwright() as p:
        pictures(Path(tmp))
        browser = p.chromium.launch(executable_path=chromium(), args=['--no-sandbox'])
        for f in (of_service,of_app): f(browser.new_page(viewport=dict(width=1000, height=800)), Path(tmp))
