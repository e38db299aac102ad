"""What is done for skops before it writes, and what a file may not use it for."""

from __future__ import annotations

import json
import operator
import sys
import types
import warnings
import zipfile
from functools import partial

import numpy as np
import pandas as pd
import pytest
import skops.io
from scipy import special, stats
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_selector
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, normalize
from sklearn.tree import DecisionTreeClassifier

from mlcycle.codecs._models import dump_model, load_model
from mlcycle.codecs._trusted_types import _names, report_types
from mlcycle.errors import Corrupt, MlcycleWarning, UntrustedModel

X, y = make_classification(80, 6, n_informative=4, random_state=0)
X = np.abs(X) + 0.1

FUNCTIONS = [
    np.log1p,
    np.asarray,
    np.array,
    np.abs,
    np.sqrt,
    np.clip,
    np.nan_to_num,
    np.ascontiguousarray,
    np.float32,
    special.expit,
    special.softmax,
    stats.zscore,
    normalize,
    pd.DataFrame,
    abs,
    partial(np.clip, a_min=0, a_max=2),
    operator.itemgetter(slice(0, 40)),
]

DTYPES = [
    np.number,
    np.integer,
    np.floating,
    np.generic,
    np.float64,
    np.dtype("float64"),
    np.dtype(object),
    object,
    bool,
    float,
    "number",
    "category",
    pd.CategoricalDtype,
    pd.CategoricalDtype(),
    pd.StringDtype(),
    pd.StringDtype("python"),
    pd.Series(["x"]).dtype,
    pd.Int64Dtype,
    pd.Int64Dtype(),
    [np.number, "category", pd.BooleanDtype()],
]

DISTRIBUTIONS = [
    stats.uniform(0.1, 2),
    stats.uniform(loc=0.1, scale=2),
    stats.loguniform(1e-3, 1),
    stats.reciprocal(1e-3, 1),
    stats.expon(scale=np.float32(2)),
    stats.gamma(2.0, scale=0.5),
    stats.truncnorm(0.1, 2),
    stats.randint(1, 5),
    stats.poisson(2, loc=1),
]


@pytest.fixture
def file(tmp_path):
    """Give a place for a model."""
    return tmp_path / "model"


def _through(thing, file):
    """Save something beside a model, and load it without trust."""
    model = LogisticRegression().fit(X, y)
    model.thing = thing
    packed = dump_model(model, file)
    assert (packed.format, packed.untrusted) == ("skops", ())
    return load_model(file, "skops").thing


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_over_arrays_need_no_trust(function, file):
    """What people put into a FunctionTransformer comes back as itself."""
    options = {"a_min": 0, "a_max": 2} if function is np.clip else None
    model = FunctionTransformer(function, kw_args=options).fit(X)
    assert dump_model(model, file, example=X[:5]).format == "skops"
    again = load_model(file, "skops")
    assert again.func is function or repr(again.func) == repr(function)
    np.testing.assert_array_equal(again.transform(X), model.transform(X))


@pytest.mark.filterwarnings("ignore:For backward compatibility, 'str' dtypes:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Instantiating .* without any arguments:UserWarning")
@pytest.mark.parametrize("dtype", DTYPES, ids=repr)
def test_kinds_of_columns_need_no_trust(dtype, file):
    """Whatever selects columns by dtype selects the same columns afterwards."""
    frame = pd.DataFrame({"n": [1.0], "i": [2], "t": ["x"], "b": [True]})
    frame = frame.assign(c=pd.Categorical(["p"]), s=pd.array(["q"], dtype="string"), m=pd.array([3], dtype="Int64"))
    selector = make_column_selector(dtype_include=dtype)
    again = _through(selector, file)
    assert again(frame) == selector(frame)
    assert repr(again.dtype_include) == repr(dtype)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda one: f"{one.dist.name}{one.args}")
def test_distributions_need_no_trust(distribution, file):
    """A frozen distribution draws the same numbers, and nothing in the file is executed."""
    again = _through({"C": distribution}, file)["C"]
    assert type(again) is type(distribution)
    assert (again.args, again.kwds, again.dist.name) == (distribution.args, distribution.kwds, distribution.dist.name)
    assert again.rvs(3, random_state=0).tolist() == distribution.rvs(3, random_state=0).tolist()
    with zipfile.ZipFile(file) as archive:
        assert b"_parse_args" not in archive.read("schema.json")


def test_the_model_that_is_saved_stays_as_it_was(file):
    """A model with distributions inside is written from a copy."""
    distribution = stats.uniform(1, 2)
    model = RandomizedSearchCV(LogisticRegression(), {"C": distribution}, n_iter=1, cv=2).fit(X, y)
    dump_model(model, file, example=X[:5])
    assert model.param_distributions == {"C": distribution}


def test_a_distribution_of_somebodys_own_is_not_trusted(file):
    """Only what scipy.stats itself holds under a name can be looked up there."""
    own = stats.rv_histogram(np.histogram([1.0, 2.0, 2.5], bins=2))()
    model = RandomizedSearchCV(LogisticRegression(), {"C": own}, n_iter=1, cv=2).fit(X, y)
    with pytest.warns(MlcycleWarning, match="is kept as joblib"):
        assert dump_model(model, file, example=X[:5]).format == "joblib"


@pytest.mark.parametrize("function", [special.expit, np.log1p, special.xlogy])
def test_ufuncs_are_named_by_their_home(function, file, monkeypatch):
    """A module of one's own that was imported first and holds a ufunc gives it no name that is unknown elsewhere."""
    module = types.ModuleType("my_tools")
    setattr(module, function.__name__, function)
    monkeypatch.setattr(sys, "modules", {"my_tools": module, **sys.modules})
    assert _through(function, file) is function
    with zipfile.ZipFile(file) as archive:
        assert b"my_tools" not in archive.read("schema.json")


@pytest.mark.parametrize(
    "weights",
    [
        {False: 1, True: 2},
        {True: 2},
        {np.False_: 1, np.True_: 2},
        {0: 1, 1: 2},
        {np.int64(0): 1, np.int64(1): 2},
        {"no": 1, "yes": 2},
        {0.5: 1, float("inf"): 2},
    ],
    ids=repr,
)
def test_keys_of_dicts_come_back(weights, file):
    """Keys are equal, and in order, whatever JSON makes of them."""
    again = _through(weights, file)
    assert list(again.items()) == list(weights.items())


@pytest.mark.parametrize("keys", [{1: "a", "1": "b"}, {False: 1, "": 2}, {None: 1}, {(1, 2): 1}], ids=repr)
def test_keys_that_would_be_lost_make_a_pickle(keys, file):
    """Where skops would write two keys as one, or keys it cannot read, the model is kept in the next format."""
    model = LogisticRegression().fit(X, y)
    model.keys = keys
    with pytest.warns(MlcycleWarning, match="is kept as joblib"):
        packed = dump_model(model, file)
    assert load_model(file, packed.format, trust=True).keys == keys


def test_a_type_skops_does_not_know_is_named(file):
    """The warning says what inside a model keeps it from being data."""
    model = LogisticRegression().fit(X, y)
    model.seen = pd.DataFrame({"a": [1]})
    with pytest.warns(MlcycleWarning, match=r"is kept as joblib, because .*pandas.*DataFrame"):
        dump_model(model, file)


def test_modules_that_warn_when_asked_are_not_heard(file, monkeypatch):
    """Skops asks every module for names; what they say to that is no reason for another format."""
    module = types.ModuleType("deprecated_things")
    module.__getattr__ = lambda name: warnings.warn(f"{name} is old", FutureWarning, stacklevel=1)  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "modules", {"deprecated_things": module, **sys.modules})
    assert _through(special.expit, file) is special.expit


# hostile files --------------------------------------------------------------------------------------------------------

FORBIDDEN = sorted(
    _names("""
builtins: __import__ compile eval exec filter getattr input map max min open print setattr sorted type vars
functools: partial reduce
importlib: import_module
joblib: load
joblib.memory: Memory
joblib.numpy_pickle: load
numpy: apply_along_axis apply_over_axes array2string frombuffer fromfile fromfunction fromiter frompyfunc
numpy: fromregex fromstring genfromtxt load loadtxt memmap ndarray pad piecewise repeat save savetxt savez
numpy: seterrcall test tile vectorize zeros
numpy.ctypeslib: load_library
numpy.f2py: run_main
numpy.lib._npyio_impl: load
numpy.lib.npyio: DataSource
numpy.lib.stride_tricks: as_strided
numpy.testing: rundocs
operator: attrgetter call methodcaller
os: system
pandas: HDFStore eval read_csv read_parquet read_pickle set_option
pandas.core.computation.eval: eval
pandas.io.common: get_handle
pandas.io.pickle: read_pickle
pickle: loads
scipy: LowLevelCallable
scipy.integrate: quad
scipy.io: loadmat
scipy.optimize: minimize
scipy.special: test
scipy.stats._continuous_distns: norm_gen uniform_gen
scipy.stats: bootstrap make_distribution rv_continuous rv_discrete rv_histogram
scipy.stats.norm: expect
shutil: rmtree
sklearn.callback._scoring_monitor: ScoringMonitor
sklearn.callback._transport: ListenerHandle
sklearn.datasets._base: load_files
sklearn.datasets._svmlight_format_io: load_svmlight_file
sklearn.linear_model._logistic: LogisticRegression
sklearn.metrics._dist_metrics: PyFuncDistance64
sklearn.metrics._scorer: make_scorer
sklearn.model_selection._validation: cross_validate
sklearn.tree._tree: Tree
sklearn.utils._joblib: load
subprocess: run
""")
)

SKOPS = {"protocol": 2, "_skops_version": skops.__version__, "__id__": 1}


def _node(name, loader, **more):
    module, _, attribute = name.rpartition(".")
    return {"__class__": attribute, "__module__": module, "__loader__": loader, **more}


def _json(value):
    return _node("builtins.str", "JsonNode", content=json.dumps(value), is_json=True)


def _tuple(*items):
    return _node("builtins.tuple", "TupleNode", content=list(items))


def _dict(**items):
    kinds = _node("builtins.list", "ListNode", content=[_node("builtins.str", "TypeNode") for _ in items])
    return _node("builtins.dict", "DictNode", content=items, key_types=kinds)


def _hostile(path, node):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", json.dumps({**SKOPS, **node}))


@pytest.mark.parametrize("loader", ["FunctionNode", "TypeNode", "ConstructorFromReduceNode", "OperatorFuncNode"])
def test_names_that_act_are_refused_in_every_way(loader):
    """What opens, evaluates, imports, or calls what it is given is named, however a file would have it rebuilt."""
    content = {"content": _tuple(), "attrs": _tuple()}
    found = {name: report_types({**SKOPS, **_node(name, loader, **content)}).untrusted for name in FORBIDDEN}
    assert found == {name: (name,) for name in FORBIDDEN}


def test_objects_that_act_are_refused():
    """None of these may be rebuilt from a state of the file, trusted estimators and trees aside."""
    known = {"sklearn.linear_model._logistic.LogisticRegression"}
    found = {name: report_types({**SKOPS, **_node(name, "ObjectNode")}).untrusted for name in FORBIDDEN}
    assert {name for name, names in found.items() if not names} == known


FROZEN = "scipy.stats._distn_infrastructure.rv_continuous_frozen"
HELD = {"args": _tuple(), "kwds": _dict(), "a": _json(0.0), "b": _json(1.0)}
LIES = {
    "a distribution with a text of its own": (
        _node(
            FROZEN,
            "ObjectNode",
            content=_dict(
                **HELD,
                dist=_node(
                    "scipy.stats._continuous_distns.uniform_gen",
                    "ObjectNode",
                    content=_dict(_parse_arg_template=_json("open('touched', 'w')")),
                ),
            ),
        ),
        UntrustedModel,
    ),
    "a function in the place of a distribution": (
        _node(FROZEN, "ObjectNode", content=_dict(**HELD, dist=_node("numpy.asarray", "TypeNode"))),
        Corrupt,
    ),
    "a class in the place of a distribution": (
        _node(FROZEN, "ObjectNode", content=_dict(**HELD, dist=_node("builtins.object", "TypeNode"))),
        Corrupt,
    ),
    "a function in the place of a number": (
        _node(
            FROZEN,
            "ObjectNode",
            content=_dict(
                **{**HELD, "args": _tuple(_node("numpy.asarray", "TypeNode"))},
                dist=_node("scipy.stats.uniform", "TypeNode"),
            ),
        ),
        Corrupt,
    ),
    "a method hidden by a function": (
        _node(
            FROZEN,
            "ObjectNode",
            content=_dict(
                **HELD, dist=_node("scipy.stats.uniform", "TypeNode"), rvs=_node("numpy.asarray", "TypeNode")
            ),
        ),
        Corrupt,
    ),
    "a progress bar that is connected": (
        _node(
            "sklearn.callback._progressbar.ProgressBar",
            "ObjectNode",
            content=_dict(max_propagation_depth=_json(1), _listener_handles=_dict(x=_json("/somewhere"))),
        ),
        Corrupt,
    ),
    "a distribution called by a key": (
        _node(
            "builtins.dict",
            "DictNode",
            content={"import os": _json(1)},
            key_types=_node("builtins.list", "ListNode", content=[_node("scipy.stats.rv_continuous", "TypeNode")]),
        ),
        UntrustedModel,
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_trusted_names_with_a_state_that_lies_are_refused(lie, file, monkeypatch):
    """A distribution or a callback is data as this library writes it, and in no other way."""
    pytest.importorskip("sklearn.callback")
    monkeypatch.chdir(file.parent)
    node, expected = LIES[lie]
    _hostile(file, node)
    with pytest.raises(expected):
        load_model(file, "skops")
    assert [file] == list(file.parent.iterdir())


def test_a_progress_bar_needs_no_trust(file):
    """The bar that scikit-learn shows during a fit is no reason for a pickle."""
    callback = pytest.importorskip("sklearn.callback")
    pytest.importorskip("rich")
    model = make_pipeline(FunctionTransformer(np.log1p), DecisionTreeClassifier())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # callbacks are an experiment of scikit-learn
        model.set_callbacks(callback.ProgressBar()).fit(X, y)
    assert dump_model(model, file, example=X[:5]).format == "skops"
    np.testing.assert_array_equal(load_model(file, "skops").predict(X), model.predict(X))


def test_requests_for_metadata_need_no_trust(file):
    """An estimator that was told which metadata it gets still is, though the request refers to the estimator."""
    from sklearn import config_context

    weights = np.ones(len(y))
    with config_context(enable_metadata_routing=True):
        inner = LogisticRegression().set_fit_request(sample_weight=True).set_score_request(sample_weight="w")
        model = GridSearchCV(inner, {"C": [0.1, 1.0]}, cv=2).fit(X, y, sample_weight=weights, w=weights)
        assert dump_model(model, file, example=X[:5]).format == "skops"
        again = load_model(file, "skops")
        assert repr(again.get_metadata_routing()) == repr(model.get_metadata_routing())
        assert again.fit(X, y, sample_weight=weights, w=weights).best_params_ == model.best_params_


def test_what_is_frozen_needs_no_trust(file):
    """An estimator that is not to be fitted again comes back with the one inside."""
    frozen = pytest.importorskip("sklearn.frozen")
    model = CalibratedClassifierCV(frozen.FrozenEstimator(LogisticRegression().fit(X, y))).fit(X, y)
    assert dump_model(model, file, example=X[:5]).format == "skops"
    np.testing.assert_array_equal(load_model(file, "skops").predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("scoring", ["roc_auc", "f1", ["accuracy", "f1"]])
def test_searches_by_name_of_a_score_need_no_trust(scoring, file):
    """A search holds the scorers that its names stand for."""
    refit = scoring if isinstance(scoring, str) else scoring[0]
    model = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, scoring=scoring, refit=refit, cv=2).fit(X, y)
    assert dump_model(model, file, example=X[:5]).format == "skops"
    assert load_model(file, "skops").score(X, y) == model.score(X, y)
