"Everything a chapter needs: `fastai.vision.all`, then ours, whose `download_images`, `verify_images` and `ImageClassifierCleaner` take fastai's place"
from fastai.vision.all import *
from .sample import *
from .search import *
from .console import *
from .guard import *
from .records import *
from .look import *
from .download import *
from .harvest import *
from .cache import *
from .augment import *
from .data import *
from .train import *
from .similar import *
from .interpret import *
from .decisions import *
from .clean import *
from .export import *
from .predict import *
from .batch import *
from .app import *
from .host import *
from .serve import *
from .listen import *
from .deploy import *

# Words too plain to take from whoever imports `*`; they are there in their modules
del sample, bing, google, openverse, ddg, hosts, running, resolve, inside, pixels, shrink, measure, distance, groups, endings, dark, blurred
del squares, ahead, progress, features, random_state, set_random_state, kept_random, guess, views
del about, address, uploads, fetch, attend, python, pins, requirements, card
del problems, log, routes, limits, spec, app, Problem, Room, Rate, Figures, Service, Door, Server, Worker, Workers
