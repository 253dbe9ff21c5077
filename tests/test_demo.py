"The main job from end to end, and what a rude interruption does to it"
import json, time
import pandas as pd
from forks import Fork, script, shell
from fronts import upload
from imgcls.dataset import image_files, read_manifest
from imgcls.use.host import serve_app, stop_app
from imgcls.sample import plan_web
from conftest import calm, run_demo

def test_every_url_is_accounted_for(demo):
    path,rep = demo
    plan = plan_web()
    assert rep['n_urls']==len(plan)==rep['n_ok']+rep['n_failed']+rep['n_quarantined']+rep['n_duplicates']
    want = plan.status.value_counts()
    assert [rep[o] for o in ('n_ok','n_failed','n_quarantined','n_duplicates')]==[want[o] for o in ('ok','failed','quarantined','duplicate')]

def test_each_fault_ends_where_it_should(demo):
    df = read_manifest(demo[0]/'digits')
    assert not df.duplicated(['label','url']).any()
    df['path'] = '/'+df.url.str.split('/', n=3).str[3]
    both = df.merge(plan_web(), on='path', suffixes=('','_plan'))
    odd = both[both.status!=both.status_plan]
    assert len(both)==len(plan_web()) and odd.empty, odd[['path','status','reason','status_plan']]
    assert both[both.status!='ok'].reason.ne('').all()

def test_the_files_are_what_the_manifest_says(demo):
    path = demo[0]/'digits'
    df = read_manifest(path)
    ok = df[df.status=='ok']
    assert {path/o for o in ok.file}==set(image_files(path))
    assert all((path/o).exists() for o in df[df.status=='quarantined'].file)
    assert not (path/'.partial').exists()
    cleaned = pd.read_csv(path/'cleaned.csv')
    assert set(cleaned.name)==set(ok.file) and (cleaned.name.str.split('/').str[0]==cleaned.label).all()

def test_it_learns(demo):
    rep = demo[1]
    assert .5<rep['probe_low']<rep['probe_accuracy']<rep['probe_high']<1
    assert rep['accuracy_before']>=.97
    assert rep['accuracy_after']>=.985
    assert rep['accuracy_app']>=.985
    assert rep['valid_accuracy_after']>rep['valid_accuracy_before']
    assert rep['model_bytes']<2e6

def test_a_second_run_has_nothing_to_do(demo):
    path,rep = demo
    seen = {f:f.stat().st_mtime_ns for f in (path/'digits').rglob('*.*')}
    p = run_demo(path)
    out = p.communicate(timeout=120)[0]
    assert p.returncode==0 and out.count('done before')==len(rep['seconds']), out
    assert seen=={f:f.stat().st_mtime_ns for f in (path/'digits').rglob('*.*')}
    assert json.loads((path/'report.json').read_text())==rep

def small(path): return Fork(path.with_name(f'{path.name} said'), script, 'imgcls-demo', ['--path', str(path), '--no-serve', '--n', '120', '--epochs', '1'], **calm)

def killed_when(path, ready):
    "Start the small demo and kill it the moment `ready` is true"
    p = small(path)
    t = time.time()
    while not ready():
        assert p.poll() is None and time.time()-t<120, 'it ended before it could be killed'
        time.sleep(.002)
    p.kill()

def lines(fn): return len(fn.read_text().splitlines()) if fn.exists() else 0
def tree(path): return {f.relative_to(path).as_posix():f.read_bytes() for f in image_files(path)}

def test_kill_9_loses_nothing(tmp_path):
    calm,rude = tmp_path/'calm',tmp_path/'rude'
    p = small(calm).end(240)
    assert p.stdout and p.returncode==0
    data = rude/'digits'
    report = lambda: json.loads((rude/'report.json').read_text()) if (rude/'report.json').exists() else dict(seconds={})
    moments = [lambda: lines(data/'manifest.csv')>20, lambda: lines(data/'manifest.csv')>90, lambda: lines(data/'.quarantine'/'moves.csv')>3,
        lambda: 'gather' in report()['seconds'], lambda: 'interpret' in report()['seconds']]
    done = {}
    for ready in moments:
        killed_when(rude, ready)
        now = report()['seconds']
        assert done.items()<=now.items(), 'a step that was reported as done was done again'
        done = now
    p = small(rude).end(240)
    assert p.returncode==0, p.stdout+p.stderr
    assert done.items()<=report()['seconds'].items()
    assert tree(data)==tree(calm/'digits')
    a,b = [read_manifest(o/'digits') for o in (calm,rude)]
    assert [*zip(a.label, a.url.str.split('/', n=3).str[3], a.status)]==[*zip(b.label, b.url.str.split('/', n=3).str[3], b.status)]
    assert not list(rude.rglob('*.tmp'))

def test_another_size_in_the_same_folder_is_refused(demo, tmp_path):
    p = shell(tmp_path, 'imgcls-demo', '--path', demo[0], '--no-serve', '--n', 200)
    assert p.returncode!=0 and 'another folder' in p.stderr and 'Traceback' not in p.stdout+p.stderr

def test_the_demo_leaves_an_app_that_runs(demo, browser):
    p,url = serve_app(demo[0]/'app.ipynb')
    try:
        page = browser.new_page()
        page.goto(url)
        upload(page, next((demo[0]/'heldout'/'seven').iterdir()))
        page.locator('.ic-said h2').wait_for(timeout=20_000)
        assert page.locator('h1').inner_text().startswith('Which digit')
        page.close()
    finally: stop_app(p)
