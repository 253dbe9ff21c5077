"The book: tools/book.py gathers its pages, Sphinx makes the site of them"
import configparser
from pathlib import Path

cp = configparser.ConfigParser(delimiters=['='], interpolation=None)
cp.read(Path(__file__).parent.parent/'settings.ini', encoding='utf-8')
cfg = cp['DEFAULT']

project = cfg['lib_name']
author = cfg['author']
copyright = cfg['author']
version = release = cfg['version']
extensions = ['myst_nb']
nb_execution_mode = 'off'
nb_merge_streams = True
nb_ipywidgets_js = {}
myst_enable_extensions = ['colon_fence']
myst_heading_anchors = 3
html_theme = 'sphinx_book_theme'
html_title = project
html_static_path = ['_static']
html_extra_path = [str(Path(__file__).parent.parent/'build'/'book'/'_extra')]
exclude_patterns = ['_extra']
html_css_files = ['book.css']
html_copy_source = html_show_sourcelink = False
html_theme_options = dict(repository_url=f'https://github.com/{cfg["user"]}/{cfg["repo"]}', repository_branch=cfg['branch'], path_to_docs='nbs',
    use_repository_button=True, use_download_button=False, home_page_in_toc=True, navbar_persistent=[], show_toc_level=2, show_navbar_depth=1,
    launch_buttons=dict(colab_url='https://colab.research.google.com')) # for Binder, whose image of the course is another branch, chapters have a link
