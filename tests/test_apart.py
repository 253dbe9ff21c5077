"A decoder that dies costs a picture, not the run: harmless files, and helpers that are killed"
import io, os, signal, subprocess, sys
import pytest
from concurrent.futures import ThreadPoolExecutor
from imgcls import apart
from imgcls.apart import look_safely
from imgcls.picture import is_rare, look
from imgcls.sample import draw_digit
from conftest import root

def save(fmt, im=None, **kwargs):
    (im or draw_digit(3).resize((90,80))).save(buf := io.BytesIO(), fmt, **kwargs)
    return buf.getvalue()

def die(): os.kill(os.getpid(), signal.SIGKILL)
def where(): return os.getpid()

def deadly(b, **kwargs):
    "A decoder that some files kill"
    if b.endswith(b'deadly'): die()
    return look(b, **kwargs)

def test_rare_kinds_are_told():
    common = [save('JPEG'), save('JPEG', progressive=True), save('PNG'), save('GIF'), save('BMP'), save('WEBP')]
    odd = [save('TIFF'), save('TGA'), save('JPEG2000'), save('PPM'), save('JPEG').replace(b'\xff\xc0', b'\xff\xc1')]
    assert [is_rare(o) for o in (*common,*odd)]==[False]*6+[True]*5 and not any(map(is_rare, (b'', b'<html>', save('JPEG')[:30])))

def test_the_answer_is_the_same(monkeypatch):
    for fmt in ('JPEG','TIFF','TGA','JPEG2000'): assert look_safely(save(fmt), max_size=60)==look(save(fmt), max_size=60)
    monkeypatch.setattr(apart, 'apart', lambda *args, **kwargs: pytest.fail('a helper for a common kind'))
    for fmt in ('JPEG','PNG','WEBP'): assert not look_safely(save(fmt))['wrong']
    assert 'damaged' in look_safely(save('JPEG')[:-500])['wrong'] and 'web page' in look_safely(b'<html>')['wrong']

def test_one_that_dies_costs_itself_only(monkeypatch):
    monkeypatch.setattr(apart, 'look', deadly)
    files = [save('TIFF')+b'deadly'*(i%7==3) for i in range(40)]
    with ThreadPoolExecutor(3) as ex: rows = list(ex.map(look_safely, files))
    assert [bool(o['wrong']) for o in rows]==[i%7==3 for i in range(40)]
    assert rows[3]==dict(wrong='This picture is damaged: its decoder died (SIGKILL).')

def test_a_helper_is_used_again_and_one_that_was_killed_meanwhile_replaced():
    a = apart.apart(where)
    assert a==apart.apart(where)!=os.getpid()
    os.kill(a, signal.SIGKILL)
    assert apart.apart(where)!=a

class Odd(int):
    def __reduce__(self): raise TypeError('this is not to be pickled')
def odd(): return Odd()

class Mumbling:
    "A helper that answers what nothing can read, and lives"
    def __init__(self): self.p = subprocess.Popen(['sh','-c','echo what; cat >/dev/null'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    call,end = apart.Helper.call,lambda self: self.p.kill()

def test_a_result_that_cannot_come_back_is_an_error_of_its_own():
    with pytest.raises(TypeError, match='not to be pickled'): apart.apart(odd)
    assert apart.apart(len, 'abc')==3

def test_one_that_answers_nonsense_is_left(monkeypatch):
    monkeypatch.setattr(apart, 'a_helper', Mumbling)
    with pytest.raises(ChildProcessError, match='no sense'): apart.apart(len, 'abc', tries=1)

def test_errors_and_prints_come_back_as_they_should(capfd):
    with pytest.raises(ZeroDivisionError): apart.apart(eval, '1/0')
    assert apart.apart(print, 'hello') is None and capfd.readouterr().out==''

def test_many_threads_and_large_answers():
    with ThreadPoolExecutor(4) as ex: assert [len(o) for o in ex.map(lambda i: apart.apart(bytes, 10**6+i), range(40))]==[10**6+i for i in range(40)]

def test_a_script_is_not_run_again_and_leaves_nobody(tmp_path):
    (tmp_path/'s.py').write_text('print("once")\nfrom imgcls.apart import apart\nimport os\nprint(apart(os.getpid))')
    p = subprocess.run([sys.executable, '-W', 'error', tmp_path/'s.py'], capture_output=True, text=True, env=os.environ|dict(PYTHONPATH=str(root)))
    once,pid = p.stdout.split()
    assert once=='once' and p.stderr=='' and p.returncode==0
    with pytest.raises(ProcessLookupError): os.kill(int(pid), 0)
