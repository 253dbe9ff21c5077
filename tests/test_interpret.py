"Scores, label issues, reports, maps and calibration, against what others compute and on data that is hardly there"
import math
import numpy as np, pandas as pd, pytest, torch, torch.nn.functional as F
from fastai.vision.all import ImageDataLoaders, Learner, Resize, TensorImage, load_learner, nn, set_seed, vision_learner
from sklearn.metrics import f1_score, precision_recall_fscore_support
from imgcls.learn.data import get_dls
from imgcls.learn.interpret import (calibration_error, class_indices, class_report, grad_cam, most_confused, plot_reliability, reliability,
    show_cam, show_confused, temperature, wilson)
from imgcls.learn.probe import suggestions
from imgcls.learn.scores import (body_features, grouped_folds, held_out_probs, known_pairs, label_issues, learner_items, score_rows, scores,
    show_scores, sure_groups)
from imgcls.gather.verify import verify_images
from imgcls.sample import draw_digit
from imgcls.learn.train import get_learner

pytestmark = pytest.mark.filterwarnings('ignore')

def folder(path, counts):
    "A dataset with so many pictures of each class; pictures differ"
    i = 0
    for c,n in counts.items():
        (path/c).mkdir(parents=True)
        for _ in range(n):
            draw_digit(i).save(path/c/f'{i:03d}.png')
            i += 1
    return path

def small(path, **kwargs):
    set_seed(0)
    learn = get_learner(get_dls(path, size=32, bs=8, num_workers=0, **kwargs), 'small')
    return learn

@pytest.fixture(scope='module')
def learn(tmp_path_factory): return small(folder(tmp_path_factory.mktemp('d')/'digits', dict(cat=20, dog=20, owl=20)))

def cases():
    "Probabilities and labels, ordinary and degenerate"
    rng = np.random.default_rng(0)
    for n,c,a in [(200,3,.5), (500,10,.2), (60,2,1), (1000,37,.1), (12,4,1)]:
        p,t = rng.dirichlet([a]*c, n),rng.integers(0, c, n)
        t[:c] = range(c)
        yield p,t
        sure = p.argmax(1)
        sure[:c] = range(c)
        yield p,np.where(rng.random(n)<.1, t, sure)
        yield np.eye(c)[p.argmax(1)],t
        yield np.full((n,c), 1/c),t
        yield np.round(p*4)/4/np.maximum((np.round(p*4)/4).sum(1, keepdims=True), .25),t
        if c>2: yield p,t%(c-1)

def test_confident_learning_agrees_with_cleanlab():
    filt,rank = [pytest.importorskip(f'cleanlab.{o}') for o in ('filter','rank')]
    for p,t in cases():
        p = p/np.maximum(p.sum(1, keepdims=True), 1e-9)
        np.testing.assert_array_equal(label_issues(p, t), filt.find_label_issues(t, p, filter_by='confident_learning', n_jobs=1))
        rows = score_rows(p, t, range(p.shape[1]))
        for o,q in dict(normalized_margin=(rows.margin+1)/2, self_confidence=rows.label_prob).items():
            np.testing.assert_allclose(q, rank.get_label_quality_scores(t, p, method=o), atol=1e-12)

def test_inputs_are_left_as_they_are_and_may_be_tensors():
    p,t = next(cases())
    old = p.copy()
    np.testing.assert_array_equal(label_issues(torch.tensor(p), torch.tensor(t)), label_issues(p, t))
    assert score_rows(torch.tensor(p), torch.tensor(t), list('abc')).equals(score_rows(p, t, list('abc')))
    held_out_probs(np.random.default_rng(0).normal(size=(len(t),4)), t, p)
    assert (p==old).all()

def test_scores_twice_equal_and_the_learner_as_it_was(learn):
    state = {k:v.clone() for k,v in learn.model.state_dict().items()}
    learn.model.train()
    a,b = scores(learn),scores(learn)
    assert a.equals(b) and list(a)=='file label pred prob label_prob loss margin issue outlier second twin kind split'.split()
    assert len(a)==60 and a.issue.between(0, 1).all() and a.margin.between(-1, 1).all() and a.loss.is_monotonic_decreasing
    assert (a.file.map(lambda o: o.parent.name)==a.label).all()
    assert set(a.file[a.split=='valid'])==set(learn.dls.valid.items)
    assert all((v==state[k]).all() for k,v in learn.model.state_dict().items())
    assert not learn.model[1]._forward_pre_hooks and all(p.grad is None for p in learn.model.parameters())

def test_features_are_what_the_head_is_given(learn):
    f,p = body_features(learn, list(learn.dls.valid.items))
    with torch.no_grad(): z = learn.model[1][-1](torch.tensor(f))
    np.testing.assert_allclose(z.softmax(1), p, atol=1e-5)

@pytest.mark.parametrize('counts', [dict(cat=1, dog=20, owl=20), dict(cat=2, dog=3, owl=4), dict(cat=3, dog=3), dict(cat=1, dog=30)])
def test_tiny_classes(tmp_path, counts):
    path = folder(tmp_path/'d', counts)
    for seed in range(50):
        try: learn = small(path, valid_pct=.3, seed=seed)
        except ValueError: continue
        break
    df = scores(learn)
    assert len(df)==sum(counts.values()) and df.issue.between(0, 1).all()
    rep = class_report(df)
    assert list(rep.index)==[*counts,'all'] and rep.loc['all','n'].item()==(df.split=='valid').sum()

def test_planted_errors_come_first():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 5, 600)
    feats,targs,wrong = np.eye(5)[true]@rng.normal(size=(5,32))+rng.normal(size=(600,32)),true.copy(),np.arange(600)<20
    targs[wrong] = (true[wrong]+1)%5
    margin = score_rows(held_out_probs(feats, targs, np.eye(5)[targs]), targs, range(5)).margin
    assert wrong[np.argsort(margin)[:40]].sum()>=19

def test_a_rare_class_is_not_suspect_for_being_rare():
    rng = np.random.default_rng(0)
    t = np.array([0]*300+[1]*300+[2]*4)
    feats = np.eye(3)[t]@rng.normal(size=(3,32))*1.5+rng.normal(size=(604,32))
    assert (score_rows(held_out_probs(feats, t, np.full((604,3), 1/3)), t, range(3)).margin[t==2]>0).all()

def test_folds_keep_groups_together_and_classes_even():
    t,g = np.repeat([0,1,2], [100,50,5]),np.arange(155)
    g[[3,120]] = g[60] = 3
    f = grouped_folds(t, g, 5)
    assert f[3]==f[120]==f[60]
    assert all(np.ptp(np.bincount(f[t==c], minlength=5))<=2 for c in (0,1)) and set(f[t==2])==set(range(5))

def test_twins_are_known_from_the_looks(tmp_path):
    path = folder(tmp_path/'d', dict(cat=6, dog=6))
    draw_digit(0).resize((90,90)).save(path/'dog'/'twin.png')
    fns = sorted(path.glob('*/*.png'))
    assert not len(known_pairs(path, fns))
    verify_images(path)
    g = dict(zip([o.name for o in fns], sure_groups(known_pairs(path, fns), len(fns))))
    assert g['000.png']==g['twin.png'] and len(set(g.values()))==len(fns)-1

def test_a_model_without_body_and_head_is_said(learn):
    flat = Learner(learn.dls, nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, 3)), loss_func=nn.CrossEntropyLoss())
    with pytest.warns(UserWarning, match='body, head'): df = scores(flat)
    assert len(df)==60
    with pytest.raises(ValueError, match='body, head'): grad_cam(flat, df.file[0])

def test_a_learner_without_pictures_is_said(learn, tmp_path):
    learn.export(tmp_path/'m.pkl')
    with pytest.raises(ValueError, match='no pictures'): scores(load_learner(tmp_path/'m.pkl'))

def test_a_diverged_model_is_said(learn):
    bad = small(learn.path)
    with torch.no_grad(): next(bad.model.parameters()).fill_(float('nan'))
    with pytest.raises(ValueError, match='diverged'): scores(bad)

families = 'resnet18 squeezenet1_1 densenet121 vgg11_bn mobilenet_v3_small efficientnet_b0 shufflenet_v2_x0_5 regnet_y_400mf'.split()
timms = 'convnext_atto mobilenetv3_small_050 resnet10t efficientnet_lite0 regnetx_002'.split()

def cam_is_good(learn):
    fns,modes = list(learn.dls.valid.items)[:3],None
    learn.model.train()
    learn.model[0].eval()
    modes,state = [m.training for m in learn.model.modules()],{k:v.clone() for k,v in learn.model.state_dict().items()}
    m = grad_cam(learn, fns[0])
    assert m.shape==(64,64) and m.min()>=0 and (m.max()==0 or abs(m.max()-1)<1e-6)
    maps = [grad_cam(learn, fns[0], o) for o in learn.dls.vocab]
    assert max(o.max() for o in maps)==pytest.approx(1) and np.ptp(np.stack(maps), 0).max()>.1
    assert modes==[o.training for o in learn.model.modules()] and all(p.grad is None for p in learn.model.parameters())
    assert all(torch.equal(v, state[k]) for k,v in learn.model.state_dict().items())
    assert not any(o._forward_hooks or o._forward_pre_hooks for o in learn.model.modules())

@pytest.fixture(scope='module')
def dls64(learn): return get_dls(learn.path, size=64, bs=8, num_workers=0)

@pytest.mark.parametrize('arch', families+timms+['small'])
def test_grad_cam_of(dls64, arch):
    import torchvision
    set_seed(0)
    if arch=='small': return cam_is_good(get_learner(dls64, 'small'))
    cam_is_good(vision_learner(dls64, arch if arch in timms else getattr(torchvision.models, arch), pretrained=False))

def test_grad_cam_is_the_paper(dls64):
    "With a head of average and linear layer, the map is that of CAM, which needs no gradient"
    learn = get_learner(dls64, 'small')
    fn,net = dls64.valid.items[0],learn.model.eval()
    x = dls64.test_dl([fn], num_workers=0).one_batch()[0].as_subclass(torch.Tensor)
    with torch.no_grad(): cam = (net[1][-1].weight[1][:,None,None]*net[0](x)[0]).sum(0).clamp(min=0)
    cam = nn.functional.interpolate(cam[None,None], (64,64), mode='bicubic')[0,0].clamp(min=0)
    np.testing.assert_allclose(grad_cam(learn, fn, dls64.vocab[1]), cam/cam.max(), atol=1e-4)

def test_a_transformer_has_no_map_and_says_so(learn):
    dls = get_dls(learn.path, size=224, bs=8, num_workers=0)
    vit = vision_learner(dls, 'vit_tiny_patch16_224', pretrained=False)
    with pytest.raises(ValueError, match='convolutional'): grad_cam(vit, dls.valid.items[0])
    assert len(scores(vit))==60

def test_labels_of_maps_are_checked(learn):
    fns = list(learn.dls.valid.items)[:2]
    show_cam(learn, fns, ['cat','owl'])
    show_cam(learn, fns[0])
    with pytest.raises(ValueError, match='wanted one of'): grad_cam(learn, fns[0], 'bear')
    with pytest.raises(ValueError, match='3 labels for 2'): show_cam(learn, fns, ['cat']*3)
    with pytest.raises(ValueError, match='empty'): show_cam(learn, [])

def rows(n=300, c=4, acc=.8, seed=0):
    rng = np.random.default_rng(seed)
    t = rng.integers(0, c, n)
    p = rng.dirichlet([.3]*c, n)*.5
    p[np.arange(n),np.where(rng.random(n)<acc, t, rng.integers(0, c, n))] += .5
    return score_rows(p, t, [f'c{i}' for i in range(c)])

def test_class_report_is_sklearns():
    for df in (rows(), rows(40, 7, .5), rows(30, 2, 1)):
        rep,cls = class_report(df),sorted({*df.label,*df.pred})
        want = precision_recall_fscore_support(df.label, df.pred, labels=cls, zero_division=np.nan)
        for name,w in zip(('precision','recall','F1'), want): np.testing.assert_allclose(rep[name,'value'].iloc[:-1], w)
        np.testing.assert_array_equal(rep['n'].iloc[:-1], want[3])
        assert rep.loc['all',('F1','value')]==pytest.approx(f1_score(df.label, df.pred, average='macro'))
        for o in ('precision','recall','F1'):
            ok = rep[o].dropna()
            assert ((ok.low<=ok.value+1e-9) & (ok.value<=ok.high+1e-9)).all() and (ok.high-ok.low>0).all()

def test_wilson_is_as_published():
    "Two intervals of Newcombe (1998), table I"
    np.testing.assert_allclose(np.round(wilson([81,0], [263,20]), 4), [[.2553,0],[.3662,.1611]])
    assert [float(o) for o in wilson(0, 0)]==pytest.approx([0,1])

def test_intervals_hold_the_truth():
    "Of 95 % intervals, more than 92 in 100 do, for each of four classes, and for the mean of F1"
    P = np.array([[20,2,0,1],[1,15,3,0],[2,2,30,1],[0,1,0,12.]])
    P /= P.sum()
    hit,rng,names = [],np.random.default_rng(0),list('abcd')
    j = P.diagonal()/(P.sum(0)+P.sum(1)-P.diagonal())
    f = 2*j/(1+j)
    truth = np.r_[f, f.mean()]
    pairs = [(a,b) for a in names for b in names]
    for _ in range(400):
        lab,pred = zip(*[pairs[i] for i in rng.choice(16, 80, p=P.ravel())])
        r = class_report(pd.DataFrame(dict(label=lab, pred=pred)))['F1']
        hit.append((r.low.values<=truth) & (truth<=r.high.values))
    assert np.mean(hit, 0).min()>.92

def test_confused_and_shown(learn):
    df = scores(learn)
    n = most_confused(df, split=None)
    assert n.n.sum()==(df.label!=df.pred).sum() and n.n.is_monotonic_decreasing
    assert (most_confused(df, 3, None).n>=3).all()
    for d in (df, df.head(3), df.head(1)): show_scores(d)
    show_confused(df, split=None)
    right = df.assign(pred=df.label)
    assert most_confused(right).empty
    with pytest.raises(ValueError, match='Nothing to show'): show_confused(right)
    with pytest.raises(ValueError, match='no rows'): show_scores(df[:0])
    with pytest.raises(ValueError, match="'train', 'valid'"): class_report(df, 'test')

def test_reliability_counts_every_picture_once():
    df = pd.DataFrame(dict(prob=[0,.1,.100001,.5,.95,1], label=list('aaaaaa'), pred=list('abaaba')))
    r = reliability(df)
    assert list(r.n)==[2,1,0,0,1,0,0,0,0,2] and list(r.accuracy.dropna())==[.5,1,1,.5]
    assert calibration_error(df)==pytest.approx(np.abs([.05-.5, .100001-1, .5-1, .975-.5])@[2,1,1,2]/6)
    d = rows(500)
    right,b = (d.pred==d.label).values,np.clip(np.ceil(d.prob*15)-1, 0, 14)
    want = sum(abs(right[b==i].mean()-d.prob[b==i].mean())*(b==i).mean() for i in range(15) if (b==i).any())
    assert calibration_error(d, 15)==pytest.approx(want)
    plot_reliability(d)
    plot_reliability(dict(one=d, two=df), 5)

@pytest.mark.parametrize('t', [.5,1,2.5,6])
def test_temperature_recovers_a_known_one(t):
    torch.manual_seed(0)
    z = torch.randn(20_000, 5)*2
    y = torch.distributions.Categorical(logits=z).sample()
    assert temperature(z*t, y)==pytest.approx(t, rel=.04)
    assert temperature((z*t).softmax(1).log(), y)==pytest.approx(temperature(z*t, y), rel=1e-3)

def test_temperature_of_few_pictures_is_near_one():
    "The fewer there are, and the less they say, the nearer; without the prior, all that are right want the least"
    z = torch.tensor([[2.,0]])
    few,some,many = [temperature(z.repeat(n, 1), torch.zeros(n)) for n in (2,20,2000)]
    assert 1>few>some>many>=.3 and few>.8 and many<.4
    assert temperature(z.repeat(20, 1), torch.zeros(20), math.inf)==pytest.approx(.3, rel=1e-3)
    assert temperature(z, torch.ones(1))<2<temperature(z.repeat(2000, 1), torch.ones(2000))

def test_temperature_on_other_pictures(tmp_path):
    "A head whose validation pictures are few and nearly all right does not get worse by it"
    torch.manual_seed(0)
    x = torch.randn(40, 3, 2000)*2
    y = torch.distributions.Categorical(logits=x.movedim(1, 2)).sample()
    def loss(i, t): return F.cross_entropy(x[i,:,30:].T/t, y[i,30:]).item()
    def mean(spread): return sum(loss(i, temperature(x[i,:,:30].T, y[i,:30], spread)) for i in range(40))/40
    assert mean(.5)<mean(math.inf) and mean(.5)<sum(loss(i, 1) for i in range(40))/40+.01

def test_temperature_of_odd_inputs():
    z,y = torch.tensor([[9.,0],[0,9]]),torch.tensor([0,1])
    for o in (z,z.numpy().tolist(),TensorImage(z)): assert temperature(o, y)==pytest.approx(1, abs=.01)
    assert temperature(z, 1-y)>1.5 and temperature(z, 1-y, math.inf)==pytest.approx(10, rel=1e-3)
    assert .3<=temperature(torch.eye(2).log(), torch.tensor([0,0]))<=10.001
    with pytest.raises(ValueError, match='No pictures'): temperature(torch.empty(0, 3), torch.empty(0))

@pytest.fixture(scope='module')
def numbered(tmp_path_factory):
    "Labels True and False, in a table"
    path = folder(tmp_path_factory.mktemp('t')/'digits', dict(cat=20, dog=20))
    df = pd.DataFrame(dict(picture=[f'{c}/{i:03d}.png' for i,c in enumerate(['cat']*20+['dog']*20)], tame=[False]*20+[True]*20))
    return get_learner(ImageDataLoaders.from_df(df, path, valid_pct=.25, seed=1, item_tfms=Resize(32), bs=8, num_workers=0), 'small', half=False)

def test_a_learner_of_a_table_with_labels_that_are_no_text(numbered):
    df = scores(numbered)
    assert len(df)==40 and {*df.label,*df.pred,*df.second}=={'True','False'} and ((df.label=='True')==(df.file.map(lambda o: o.parent.name)=='dog')).all()
    assert set(class_report(df, split=None).index)=={'False','True','all'}
    g = suggestions(numbered, df.file[:5])
    assert set(g.pred)<={'True','False'} and list(g.sort_values('file').prob)==pytest.approx(list(df[:5].sort_values('file').prob), abs=1e-4)
    for o in (True,'True',[True,None]): show_cam(numbered, df.file[:2], o)
    assert class_indices(['False','True'], True, 2).tolist()==[1,1] and class_indices(['3','7'], [7,3], 2).tolist()==[1,0]
    with pytest.raises(ValueError, match="label='maybe': wanted one of False, True"): show_cam(numbered, df.file[0], 'maybe')

def test_pictures_that_are_gone_are_left_out_aloud(tmp_path):
    learn = small(folder(tmp_path/'d', dict(cat=10, dog=10)))
    fns = sorted((tmp_path/'d').glob('*/*.png'))
    fns[0].unlink()
    fns[15].rename(tmp_path/'elsewhere.png')
    with pytest.warns(UserWarning, match='2 of the 20 pictures of this learner are gone'): df = scores(learn)
    assert len(df)==18 and df.file.map(lambda o: o.exists()).all()
    for o in fns: o.unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError, match='All 20'): learner_items(learn)

def test_what_is_shown_can_be_found_again(learn):
    import matplotlib.pyplot as plt
    df = scores(learn)
    show_scores(df, n=4)
    said = {o.get_text() for ax in plt.gcf().axes for o in ax.texts}
    assert said=={o.name for o in df.file[:4]}
    plt.close('all')
    with pytest.raises(ValueError, match='n=0'): show_scores(df, n=0)

def test_a_split_without_a_name_is_not_all():
    df = pd.DataFrame(dict(label=['a','b'], pred=['a','b'], split=['train','valid']))
    assert class_report(df, split=None).n.iloc[-1]==2
    for o in ('','test'):
        with pytest.raises(ValueError, match='No pictures in split'): class_report(df, split=o)
