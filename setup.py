"Everything pip wants to know about imgcls, read from settings.ini"
from configparser import ConfigParser
from pathlib import Path
from setuptools import find_namespace_packages, setup

here = Path(__file__).parent
cp = ConfigParser(delimiters=['='], interpolation=None)
cp.read(here/'settings.ini', encoding='utf-8')
cfg = cp['DEFAULT']
reqs = {k:cfg[f'{k}_requirements'].split() for k in ('app', 'course', 'scale', 'openvino', 'dev')}
reqs['dev'] += reqs['app']+reqs['scale']+reqs['openvino']

data = {'imgcls':['assets/*', 'static/**/*', 'templates/**/*', 'templates/**/.*']}
scripts = dict(console_scripts=cfg['console_scripts'].split(), nbdev=['imgcls = imgcls._modidx:d'])
setup(version=cfg['version'], description=cfg['description'], keywords=cfg['keywords'].split(), author=cfg['author'], author_email=cfg['author_email'],
    license=cfg['license'], packages=find_namespace_packages(include=['imgcls', 'imgcls.*']), package_data=data, entry_points=scripts,
    install_requires=cfg['requirements'].split(), extras_require=reqs, long_description_content_type='text/markdown',
    long_description=(here/'README.md').read_text(encoding='utf-8'))
