"What commands say to who stops them, and of what they leave out"
import importlib, pytest, warnings

commands = [('use.shell','imgcls_predict','named',('m.onnx','a.jpg')), ('learn.export','imgcls_export','load_kept',('data','m.onnx')), ('learn.train','imgcls_train','get_dls',('data',)),
    ('learn.probe','imgcls_probe','compare_archs',('data','resnet18')), ('gather.shell','imgcls_gather','gather',('data','cat','dog')), ('use.deploy','imgcls_deploy','deploy',('m.onnx','site')),
    ('clean.shell','imgcls_clean','Cleaning',('data',)), ('demo','imgcls_demo','Demo',('demo',))]

@pytest.mark.parametrize('module,command,inner,args', commands, ids=[o[1] for o in commands])
def test_ctrl_c_is_one_line(monkeypatch, capsys, module, command, inner, args):
    def stopped(*args, **kwargs):
        if module.split('.')[0]!='use': warnings.warn('a photo is left out')
        raise KeyboardInterrupt
    m = importlib.import_module(f'imgcls.{module}')
    monkeypatch.setattr(m, inner, stopped)
    monkeypatch.setattr(warnings, 'showwarning', warnings.showwarning) # put back at the end
    warnings.simplefilter('always')
    with pytest.raises(SystemExit, match='(?i)interrupted|stopped'): getattr(m, command)(*args)
    assert capsys.readouterr().err==('' if module.split('.')[0]=='use' else '! a photo is left out\n')
