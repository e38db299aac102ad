"""Numbers inside trusted types that would crash the process."""

from __future__ import annotations

import contextlib
import copy
import io
import itertools
import json
import os
import re
import signal
import sys
import warnings
import zipfile

import numpy as np
import pytest
import skops.io
from scipy import sparse
from sklearn.cluster import HDBSCAN, FeatureAgglomeration, KMeans
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KernelDensity, KNeighborsClassifier, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier
from sklearn.tree._tree import Tree

from mlcycle.codecs._bounds import check_bounds
from mlcycle.codecs._models import load_model
from mlcycle.errors import Corrupt

RNG = np.random.default_rng(0)
X = np.abs(RNG.normal(size=(60, 5)))
Y = np.digitize(X[:, 0], [0.4, 0.9])
CODES = np.c_[Y, X[:, :3], RNG.integers(0, 8, 60)].astype(float)
SPARSE = sparse.csr_matrix(X * (X > 0.5))


def _tree(change):
    model = DecisionTreeClassifier(random_state=0).fit(X, Y)
    old = model.tree_
    state = {name: copy.copy(value) for name, value in old.__getstate__().items()}
    change(state)
    model.tree_ = Tree(old.n_features, old.n_classes, old.n_outputs)
    model.tree_.__setstate__(state)
    return model


def _set(field, value, where=0):
    def change(state):
        state["nodes"][field][where] = value

    return change


TREES = {
    "left child far outside": _set("left_child", 2**40),
    "left child just outside": lambda state: _set("left_child", len(state["nodes"]))(state),
    "left child negative": _set("left_child", -2),
    "right child far outside": _set("right_child", 2**31),
    "right child no leaf mark": _set("right_child", -1),
    "a child is its own parent": _set("left_child", 0),
    "two parents": lambda state: _set("left_child", state["nodes"]["right_child"][0])(state),
    "a root without children": lambda state: (_set("left_child", -1)(state), _set("right_child", -1)(state)),
    "feature outside": _set("feature", 5),
    "feature negative": _set("feature", -3),
    "shallower than it is": lambda state: state.update(max_depth=1),
    "depth that overflows": lambda state: state.update(max_depth=2**62),
    "fewer nodes than there are": lambda state: state.update(node_count=1),
    "no nodes": lambda state: state.update(nodes=state["nodes"][:0], values=state["values"][:0]),
}


@pytest.mark.parametrize("damage", TREES)
def test_damaged_trees_are_refused(damage):
    """A decision tree whose indices lead outside, or in circles, is never used."""
    check_bounds(_tree(lambda state: None))
    with pytest.raises(Corrupt, match="damaged: in "):
        check_bounds(_tree(TREES[damage]))


def _attribute(name, value):
    def change(model):
        old = getattr(model, name)
        setattr(model, name, value(old) if callable(value) else value)

    return change


def _first_tree_of_another_width(model):
    narrow = DecisionTreeClassifier().fit(X[:, :3], Y)
    model.estimators_[0] = narrow


def _nodes(field, value):
    def change(model):
        predictor = model._predictors[0][0]
        predictor.nodes = predictor.nodes.copy()
        inner = np.flatnonzero(predictor.nodes["is_leaf"] == 0)
        predictor.nodes[field][inner] = value

    return change


def _point_tree(position, change):
    def apply(model):
        name = "_tree" if hasattr(model, "_tree") else "tree_"
        state = list(getattr(model, name).__getstate__())
        state[position] = change(
            np.copy(state[position]) if isinstance(state[position], np.ndarray) else state[position]
        )
        getattr(model, name).__setstate__(tuple(state))

    return apply


def _field(field, value, where=0):
    def change(nodes):
        nodes[field][where] = value
        return nodes

    return change


def _short(array):
    return np.ascontiguousarray(array[..., : array.shape[-1] // 2])


def _together(*changes):
    def change(model):
        for part in changes:
            part(model)

    return change


FOREST = RandomForestClassifier(3, random_state=0).fit(X, Y)
BOOSTING = GradientBoostingClassifier(n_estimators=2).fit(X, Y)
HIST = HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=3, categorical_features=[0, 4]).fit(CODES, Y)
ISOLATION = IsolationForest(n_estimators=3, max_features=0.5).fit(X)
KNN = KNeighborsClassifier(algorithm="kd_tree", leaf_size=5).fit(X, Y)
WEIGHTED = KNeighborsClassifier(algorithm="ball_tree", metric="seuclidean", metric_params={"V": np.ones(5)}).fit(X, Y)
DENSITY = KernelDensity(algorithm="ball_tree").fit(X, sample_weight=np.ones(60))
ONE_HOT = OneHotEncoder(min_frequency=15, handle_unknown="infrequent_if_exist").fit(Y[:, None])
SVM = SVC().fit(X, Y)
SVM_SPARSE = SVC().fit(SPARSE, Y)
SVM_KERNEL = SVC(kernel="precomputed").fit(X @ X.T, Y)

DAMAGE = {
    "forest: a tree of another width": (FOREST, _first_tree_of_another_width),
    "forest: no width": (FOREST, lambda model: delattr(model, "n_features_in_")),
    "forest: another width": (FOREST, _attribute("n_features_in_", 4)),
    "forest: too many threads": (FOREST, _attribute("n_jobs", 10**7)),
    "forest: a tree that is none": (FOREST, lambda model: setattr(model.estimators_[0], "tree_", 5)),
    "boosting: fewer scores than trees": (BOOSTING, _attribute("n_trees_per_iteration_", 1)),
    "boosting: a stage is missing": (BOOSTING, _attribute("estimators_", lambda old: old[:, :1])),
    "boosting: a start of fewer classes": (
        BOOSTING,
        lambda model: setattr(model.init_, "class_prior_", np.ones(2) / 2),
    ),
    "hierarchy: joins what is not there": (
        HDBSCAN(copy=True).fit(X),
        lambda model: model._single_linkage_tree_["left_node"].fill(-2),
    ),
    "hist: left outside": (HIST, _nodes("left", 10**6)),
    "hist: right to itself": (HIST, _nodes("right", 0)),
    "hist: feature outside": (HIST, _nodes("feature_idx", 5)),
    "hist: a number taken for a category": (HIST, _together(_nodes("is_categorical", 1), _nodes("feature_idx", 2))),
    "hist: a bitset that is not there": (
        HIST,
        _together(_nodes("is_categorical", 1), _nodes("feature_idx", 0), _nodes("bitset_idx", 99)),
    ),
    "hist: a category beyond the bitset": (
        HIST,
        lambda model: model._bin_mapper.bin_thresholds_.__setitem__(0, np.array([300.0])),
    ),
    "hist: thresholds are missing": (HIST, lambda model: model._bin_mapper.bin_thresholds_.pop()),
    "hist: rows prepared narrower": (HIST, lambda model: model._preprocessor.transformers_.pop(0)),
    "isolation: features of another number": (
        ISOLATION,
        _attribute("estimators_features_", lambda old: [part[:1] for part in old]),
    ),
    "isolation: another width for all": (ISOLATION, _attribute("_max_features", 5)),
    "knn: order outside": (KNN, _point_tree(1, lambda order: order + 1)),
    "knn: order too short": (KNN, _point_tree(1, _short)),
    "knn: range outside": (KNN, _point_tree(2, _field("idx_end", 10**6))),
    "knn: children overlap": (KNN, _point_tree(2, _field("idx_start", 0, 2))),
    "knn: a leaf that has children": (KNN, _point_tree(2, _field("is_leaf", 0, -1))),
    "knn: bounds too short": (KNN, _point_tree(3, _short)),
    "knn: leaves of no size": (KNN, _point_tree(4, lambda size: 0)),
    "knn: more nodes than stored": (KNN, _point_tree(6, lambda count: count * 2)),
    "knn: fewer answers": (KNN, _attribute("_y", _short)),
    "knn: an answer that is no class": (KNN, _attribute("_y", lambda old: old + 100)),
    "knn: fewer points": (KNN, _attribute("_fit_X", lambda old: old[:30])),
    "knn: another method": (KNN, _attribute("_fit_method", "magic")),
    "knn: weights of another number": (
        WEIGHTED,
        lambda model: model._tree.__getstate__()[11].__setstate__((2.0, np.ones(1), np.ones((1, 1)))),
    ),
    "density: too few weights": (
        DENSITY,
        lambda model: model.tree_.__setstate__((*model.tree_.__getstate__()[:12], np.ones(2))),
    ),
    "svm: too many support": (SVM, _attribute("support_", lambda old: np.tile(old, 9))),
    "svm: no vectors": (SVM, _attribute("support_vectors_", lambda old: old[:0])),
    "svm: too few coefficients": (SVM, _attribute("_dual_coef_", _short)),
    "svm: too few intercepts": (SVM, _attribute("_intercept_", lambda old: old[:1])),
    "svm: counts do not add up": (SVM, _attribute("_n_support", lambda old: old + 1)),
    "svm: another kind": (SVR().fit(X, Y), lambda model: setattr(model, "_impl", "c_svc")),
    "svm: probabilities that are not there": (SVM_SPARSE, _attribute("_effective_probability", True)),
    "svm: a kernel of other rows": (SVM_KERNEL, _attribute("support_", lambda old: old + 60)),
    "svm: a kernel it was not fitted with": (SVM_KERNEL, _attribute("kernel", "linear")),
    "kmeans: centres of another width": (
        KMeans(2, n_init=1).fit(X),
        _attribute("cluster_centers_", lambda old: old[:, :2]),
    ),
    "groups: a label far outside": (FeatureAgglomeration().fit(X), lambda model: model.labels_.fill(2**63 - 1)),
    "kmeans: no threads": (KMeans(2, n_init=1).fit(X), _attribute("_n_threads", -1)),
    "kmeans: too many threads": (KMeans(2, n_init=1).fit(X), _attribute("_n_threads", 10**7)),
    "words: a place outside": (CountVectorizer().fit(["a1 b1 c1"]), lambda model: model.vocabulary_.update(a1=10**6)),
    "words: a place used twice": (
        DictVectorizer().fit([{"a": 1, "b": 2}]),
        lambda model: model.vocabulary_.update(a=1),
    ),
    "one against the rest: two scores a row": (
        OneVsRestClassifier(make_pipeline(StandardScaler(), LogisticRegression())).fit(X, Y > 0),
        lambda model: setattr(model.estimators_[0][-1], "coef_", np.ones((2, 5))),
    ),
    "one hot: columns of another number": (ONE_HOT, lambda model: model._n_features_outs.__setitem__(0, 1)),
    "one hot: rare ones lead outside": (
        ONE_HOT,
        lambda model: model._default_to_infrequent_mappings.__setitem__(0, np.array([0, 99, 1])),
    ),
    "one hot: categories in no order": (ONE_HOT, _attribute("categories_", lambda old: [part[::-1] for part in old])),
    "one hot: drops what is not there": (ONE_HOT, _attribute("_drop_idx_after_grouping", np.array([7], dtype=object))),
    "spline: too few knots": (SplineTransformer().fit(X), lambda model: setattr(model.bsplines_[0], "k", 50)),
    "spline: knots in no order": (
        SplineTransformer().fit(X),
        lambda model: setattr(model.bsplines_[0], "t", model.bsplines_[0].t[::-1]),
    ),
    "sparse: an index outside": (LogisticRegression().fit(X, Y).sparsify(), lambda model: model.coef_.indices.fill(99)),
    "sparse: rows in no order": (
        NearestNeighbors().fit(SPARSE.copy()),
        lambda model: model._fit_X.indptr.__setitem__(-1, 0),
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_models_are_refused(damage):
    """Each of these crashed, hung, or read foreign memory when the model was used."""
    model, change = DAMAGE[damage]
    model = copy.deepcopy(model)
    check_bounds(model)
    change(model)
    with pytest.raises(Corrupt, match="the model file is damaged"):
        check_bounds(model)


def test_random_states_are_inside_their_arrays():
    """The position of a random generator is an index that C follows."""
    for bits in (np.random.MT19937(1), np.random.Philox(1)):
        generator = np.random.Generator(bits)
        check_bounds([generator])
        state = bits.state
        if "buffer_pos" in state:
            state["buffer_pos"] = 10**6
        else:
            state["state"]["pos"] = 10**6
        bits.state = state
        with pytest.raises(Corrupt, match="position"):
            check_bounds({"deep": (generator,)})
    old = np.random.RandomState(1)
    check_bounds(old)
    name, keys, _, gauss, cached = old.get_state()
    old.set_state((name, keys, 10**6, gauss, cached))
    with pytest.raises(Corrupt, match="position"):
        check_bounds(np.array([old], dtype=object))


def test_models_that_are_not_fitted_pass():
    """Prototypes inside searches and ensembles have nothing to check."""
    for model in (FOREST, BOOSTING, HIST, ISOLATION, KNN, DENSITY, SVM):
        check_bounds(type(model)())


def test_methods_are_not_hidden():
    """An attribute in the place of a method or a private constant could skip the checks of rows."""
    for model, name in [
        (FOREST, "_validate_X_predict"),
        (SVM, "_sparse_kernels"),
        (KNN, "predict"),
        (FOREST, "estimators_samples_"),
    ]:
        model = copy.copy(model)
        vars(model)[name] = np.asarray
        with pytest.raises(Corrupt, match=f"{name!r} hides its own"):
            check_bounds(model)
        check_bounds(model, shadows=False)


def test_circles_end():
    """An object that holds itself is looked at once."""
    model = LogisticRegression().fit(X, Y)
    model.myself = [model]
    check_bounds(model)


# Every number and array in a file of every estimator is changed, and the file loaded and used in a child process.

_USES = (
    "predict",
    "predict_proba",
    "decision_function",
    "transform",
    "score_samples",
    "apply",
    "decision_path",
    "kneighbors",
    "radius_neighbors",
    "dbscan_clustering",
    "staged_predict",
    "kneighbors_graph",
)


def _use(model, rows):
    for name, part in itertools.product(_USES, (rows, rows[:1])):
        try:
            answer = getattr(model, name)(0.5 if name == "dbscan_clustering" else part)
            list(answer) if hasattr(answer, "__next__") else None
            answer.tocsc().sum() if hasattr(answer, "tocsc") else None
        except Exception:  # noqa: BLE001 - only a crash counts
            pass


def _changed_arrays(array):
    if array.dtype.names:
        for name in array.dtype.names:
            for value in (-2, -1, 0, 1, len(array), 2**31 - 1, -(2**31)):
                copied = array.copy()
                copied[name] = np.array([value]).astype(array.dtype[name])[0]
                yield f"{name}={value}", copied
    elif array.dtype.kind in "iu":
        info = np.iinfo(array.dtype)
        for value in (-1, 0, int(array.max(initial=0)) + 1, 100_000, 2**31 - 1, 2**40, info.min, info.max):
            if info.min <= value <= info.max and array.size:
                yield f"={value}", np.full_like(array, value)
                for place in (0, -1):
                    copied = array.copy()
                    copied.flat[place] = value
                    yield f"[{place}]={value}", copied
    elif array.dtype.kind == "f":
        yield from ((f"={value}", np.full_like(array, value)) for value in (np.nan, np.inf, 1e300))
        yield "float32", array.astype(np.float32)
    if array.ndim:
        yield from (
            ("empty", array[:0]),
            ("half", array[: max(1, len(array) // 2)]),
            ("twice", np.concatenate([array, array])),
        )
    if array.ndim > 1:
        yield from (("turned", np.ascontiguousarray(array.T)), ("narrow", np.ascontiguousarray(array[..., :1])))


def _changed_values(value):
    if isinstance(value, bool) or value is None:
        return [not value, -1]
    if isinstance(value, int):
        return [-1, 0, value + 1, value - 1, 10**6, 2**31 - 1, 2**62, -(2**63)]
    return [] if isinstance(value, str) else [float("nan"), -1.0, 2**62]


def _nodes_of(schema, path=""):
    if isinstance(schema, dict):
        yield path, schema
    items = schema.items() if isinstance(schema, dict) else enumerate(schema)
    for key, value in items:
        if isinstance(value, dict | list):
            yield from _nodes_of(value, f"{path}.{key}")


def _mutants(data, most=2):
    """Yield what was changed, and the file; of things that look alike only the first `most`."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(entries["schema.json"])
    counts: dict[str, int] = {}

    def seldom(path):
        key = re.sub(r"\d+", "#", path)
        counts[key] = counts.get(key, 0) + 1
        return counts[key] <= most

    def packed(**changed):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in entries.items():
                archive.writestr(name, changed.get(name, content))
        return buffer.getvalue()

    for path, node in list(_nodes_of(schema)):
        if node.get("__loader__") == "JsonNode" and seldom(path):
            before = dict(node)
            for value in _changed_values(json.loads(node["content"])):
                node.update(content=json.dumps(value), __id__=-1)
                yield f"{path}={value}", packed(**{"schema.json": json.dumps(schema)})
            node.update(before)
        elif str(node.get("file")).endswith(".npy") and seldom(path):
            for what, array in _changed_arrays(np.load(io.BytesIO(entries[node["file"]]))):
                buffer = io.BytesIO()
                np.save(buffer, array)
                yield f"{path} {what}", packed(**{node["file"]: buffer.getvalue()})


def _crashes(model, rows, path, most=2):
    """Return the changes that killed a process which loaded and used the file."""
    mutants, crashed = list(_mutants(skops.io.dumps(model), most)), []
    done = 0
    while done < len(mutants):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123
            warnings.simplefilter("ignore")
            for _, data in mutants[done:]:
                signal.alarm(5)
                path.write_bytes(data)
                with contextlib.suppress(BaseException):  # only a crash counts
                    _use(load_model(path, "skops"), rows)
                os.write(writer, b".")
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            done += len(pipe.read())
        _, status = os.waitpid(child, 0)
        if done < len(mutants):
            # A parameter like a number of samples may make work for ever; that is no crash.
            if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM):
                crashed.append(mutants[done][0])
            done += 1
    return crashed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="crashes are watched from outside, in a forked process")
def test_changed_files_do_not_crash(tmp_path):
    """A small tree model survives every change of its file."""
    model = DecisionTreeClassifier(max_depth=2).fit(X, Y)
    assert _crashes(model, X, tmp_path / "model", most=1) == []


@pytest.mark.deep
@pytest.mark.parametrize(
    "model",
    [FOREST, BOOSTING, HIST, ISOLATION, KNN, WEIGHTED, DENSITY, SVM, SVM_SPARSE],
    ids=lambda m: type(m).__name__,
)
def test_changed_files_of_tree_and_point_models_do_not_crash(model, tmp_path):
    """The models that compiled code follows most survive every change of their files."""
    rows = CODES if model is HIST else SPARSE if model is SVM_SPARSE else X
    assert _crashes(model, rows, tmp_path / "model") == []


def _fitted(model):
    """Fit to the first of some data that it takes, if skops can hold it then; return the rows."""
    tries = [
        (X, Y),
        (X, X[:, 0]),
        (X, np.c_[Y, Y] > 0),
        (X[:, 0], X[:, 1]),
        (X[:, :1], X[:, 0]),
        (X @ X.T, Y),
        (X, None),
    ]
    for rows, answers in tries:
        with contextlib.suppress(Exception):
            model.fit(rows, answers)
            skops.io.dumps(model)
            return rows
    return None


@pytest.mark.deep
@pytest.mark.filterwarnings("ignore")
def test_changed_files_of_every_estimator_do_not_crash(tmp_path):
    """What a new scikit-learn brings is found here."""
    from sklearn.utils import all_estimators
    from sklearn.utils._test_common.instance_generator import _construct_instances

    crashed, tried = {}, 0
    for name, kind in all_estimators():
        model = None
        with contextlib.suppress(BaseException):  # the skip of unittest is one
            model = next(iter(_construct_instances(kind)))
        rows = None if model is None else _fitted(model)
        if rows is not None:
            tried += 1
            crashed[name] = _crashes(model, rows, tmp_path / "model", most=1)
    assert {name: changes for name, changes in crashed.items() if changes} == {}
    assert tried > 150
