"Widgets and the cleaner in a real browser, in JupyterLab and Voila, with ipywidgets 7 and 8"
import pytest
from fronts import Front, fronts, wait, write_nb

tiny = '''
import io, ipywidgets as W
from IPython.display import display
from PIL import Image
buf = io.BytesIO()
Image.new('RGB', (30,20), 'teal').save(buf, 'PNG')
menu = W.Dropdown(options=['one','two','<three>'], description='Number')
btn,slider,out = W.Button(description='Press me', icon='check'),W.IntSlider(description='Slide'),W.HTML('nothing yet')
text = W.Text(description='Name', continuous_update=True)
grid = W.GridBox([W.VBox([W.Image(value=buf.getvalue(), format='png'), W.Dropdown(options=['<Keep>','<Delete>'])]) for i in range(3)],
    layout=dict(grid_template_columns='repeat(3, 1fr)'))
def says(o): out.value = f'<b>{o}</b>'
menu.observe(lambda ch: says(f"chose {ch['new']!r}".replace('<', '&lt;')), 'value')
text.observe(lambda ch: says(f"name {ch['new']}"), 'value')
btn.on_click(lambda _: says('pressed'))
for i,o in enumerate(grid.children): o.children[1].observe(lambda ch, i=i: says(f"card {i} {ch['new'][1:-1]}"), 'value')
def fail(_): raise KeyError('on purpose')
bad = W.Button(description='Fail')
bad.on_click(fail)
W.VBox([menu,btn,text,slider,grid,out,bad,W.Label(f'controls {btn._view_module_version}')])
'''

cleaner = '''
from fastai.vision.all import *
from imgcls.sample import draw_digit, digit_names, _digits
from imgcls.data import get_dls
from imgcls.train import get_learner
from imgcls.clean import ImageClassifierCleaner
path = Path('digits').absolute()
for i in range(60):
    fn = path/digit_names[_digits().target[i]%3]/f'{i}.png'
    fn.parent.mkdir(parents=True, exist_ok=True)
    draw_digit(i).save(fn)
set_seed(42)
learn = get_learner(get_dls(path, size=32, method='squish', bs=16, num_workers=0), 'small')
with learn.no_bar(): c = ImageClassifierCleaner(learn)
c
'''

@pytest.fixture(scope='module', params=fronts, ids=lambda o: f'{o[0]}{o[1]}')
def front(request, tmp_path_factory):
    with Front(*request.param, tmp_path_factory.mktemp('front')) as f: yield f

def test_widgets(front, browser):
    nb = front.open(browser, write_nb(front.path/'tiny.ipynb', tiny))
    manager,controls,slider = {7:('3.1','1.5.0','.ui-slider'), 8:('5.0','2.0.0','.noUi-target')}[front.major]
    nb.says(f'controls {controls}')
    assert nb.version.startswith(f'{front.major}.') and nb.manager.startswith(manager) and nb.page.locator(slider).count()==1
    nb.choose('Number', 'two')
    nb.says("chose 'two'")
    nb.click('Press me')
    nb.says('pressed')
    nb.type('Name', 'Ada')
    nb.says('name Ada')
    nb.pick(1, '<Delete>')
    nb.says('card 1 Delete')
    assert nb.pictures(3)==[30]*3
    assert not nb.trouble()
    nb.click('Fail')
    nb.wait(nb.trouble, 'the exception is not seen')
    assert len(nb.trouble())==1 and "KeyError: 'on purpose'" in nb.trouble()[0]
    nb.close()
    wait(lambda: not front.kernels(), 10)

def test_cleaner(front, browser):
    nb = front.open(browser, write_nb(front.path/'clean.ipynb', cleaner))
    nb.says('Page 1 of 4 · 60 pictures', 60)
    nb.pictures(16)
    nb.pick(0, '<Delete>')
    nb.says('to delete 1')
    nb.choose('Class', 'one')
    nb.says('16 pictures')
    nb.keeps(0, '<Keep>')
    nb.choose('Class', 'All classes')
    nb.says('60 pictures')
    nb.keeps(0, '<Delete>')
    assert nb.pictures(16) and nb.picked(1)=='<Keep>'
    nb.click('Next batch')
    nb.says('Page 2 of 4')
    nb.keeps(0, '<Keep>')
    assert nb.pictures(16) and not nb.trouble()
    nb.close()
    wait(lambda: not front.kernels(), 10)
