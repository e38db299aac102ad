"""The numbers inside trusted types, checked before use: a wrong index in a fitted model crashes the process.

`check_bounds` walks everything an estimator holds and runs what `_CHECKS` says about each type. The list was found by
changing every array and every number in a file of every scikit-learn estimator and watching which processes died; the
test that does so (``tests/codecs/test_bounds.py``, marked ``deep``) finds what a new version adds.
"""

from __future__ import annotations

import functools
import types
from typing import TYPE_CHECKING, Any

from mlcycle.codecs import _bounds_points as points
from mlcycle.codecs import _bounds_trees as trees
from mlcycle.codecs._bounds_trees import require_valid
from mlcycle.errors import Corrupt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["check_bounds", "parts_of"]

_THREADS = 1024
_POINT_TREES = ("sklearn.neighbors._kd_tree.KDTree", "sklearn.neighbors._ball_tree.BallTree")
_ATOMS = (str, bytes, int, float, complex, bool, type(None), type, slice, range, types.ModuleType)


def check_bounds(model: Any, *, shadows: bool = True) -> None:
    """Check everything inside a model that compiled code will take on trust.

    Parameters
    ----------
    model : object
        A model that was just rebuilt and not used yet.
    shadows : bool, default True
        Also refuse attributes that hide a method or a private constant of a scikit-learn class, since a file could
        put another function in the place of the one that checks rows, and distributions and callbacks that hold more
        than numbers. A pickle may have them for its own reasons.

    Raises
    ------
    Corrupt
        Naming the type and what is wrong in it.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> model = DecisionTreeClassifier().fit([[0.0], [1.0]], [0, 1])
    >>> check_bounds(model)
    >>> model.n_features_in_ = 2
    >>> check_bounds(model)
    Traceback (most recent call last):
    ...
    mlcycle.errors.Corrupt: the model file is damaged: in DecisionTreeClassifier, a tree has 1 features, the model 2
    """
    for here in parts_of(model):
        if shadows:
            _check_shadows(here)
            _check(here, _DATA_CHECKS)
        _check(here, _CHECKS)


def parts_of(model: Any) -> Iterator[Any]:
    """Walk everything an estimator holds, itself first, each object once and without recursion."""
    seen: set[int] = set()
    # Held, because the id of an object that is gone may come back as another one's.
    held: list[Any] = []
    todo = [model]
    while todo:
        here = todo.pop()
        if isinstance(here, _ATOMS) or id(here) in seen:
            continue
        seen.add(id(here))
        held.append(here)
        yield here
        todo.extend(_parts(here))


def _check(here: Any, checks: dict[str, Callable[[Any], None]]) -> None:
    for kind in type(here).__mro__[:-1]:
        check = checks.get(f"{kind.__module__}.{kind.__name__}")
        if check is None:
            continue
        try:
            check(here)
        except Corrupt:
            raise
        except Exception as error:
            what = f"{type(here).__name__} is not as it was written ({type(error).__name__}: {error!s:.200})"
            raise Corrupt(f"the model file is damaged: {what}") from error


def _check_shadows(here: Any) -> None:
    kind = type(here)
    if not kind.__module__.startswith("sklearn."):
        return
    for name in _held(here):
        hidden = getattr(kind, name, None)
        private = name.startswith("_") and hidden is not None
        require_valid(
            not (private or callable(hidden) or isinstance(hidden, property)), here, f"{name!r} hides its own"
        )


def _parts(here: Any) -> Iterator[Any]:
    import numpy as np

    if isinstance(here, np.ndarray):
        if here.dtype.hasobject:
            yield from here.ravel().tolist()
    elif isinstance(here, dict):
        yield from here.keys()
        yield from here.values()
    elif isinstance(here, list | tuple | set | frozenset):
        yield from here
    elif isinstance(here, functools.partial):
        yield from (here.func, here.args, here.keywords)
    yield from _held(here).values()
    if f"{type(here).__module__}.{type(here).__name__}".startswith(_POINT_TREES):
        yield from here.__getstate__()


def _held(here: Any) -> dict[str, Any]:
    """Return what an object keeps in its ``__dict__``; classes of others may answer anything when asked for it."""
    try:
        held = here.__dict__
    except Exception:  # noqa: BLE001 - a `__getattr__` of somebody's own
        return {}
    return held if isinstance(held, dict) else {}


def _check_estimator(model: Any) -> None:
    held = vars(model)
    jobs, threads = held.get("n_jobs"), held.get("_n_threads", 1)
    require_valid(jobs is None or abs(jobs) <= _THREADS, model, f"n_jobs is {jobs!r:.40}")
    require_valid(1 <= threads <= _THREADS, model, f"its number of threads is {threads!r:.40}")
    features = held.get("n_features_in_")
    require_valid(
        features is None or (isinstance(features, int) and features >= 0), model, f"features are {features!r:.40}"
    )
    # Estimators around others (searches, voting, stacking …) keep the names, and ask those inside for the number.
    names = held.get("feature_names_in_")
    fits = names is None or features is None or len(names) == features
    require_valid(fits, model, "there are not as many names as features")


def _check_sparse(matrix: Any) -> None:
    if hasattr(matrix, "indptr"):
        starts = matrix.indptr
        # check_format looks at no row when the last one says that there is nothing
        ordered = len(starts) > 0 and starts[0] == 0 and (starts[1:] >= starts[:-1]).all()
        require_valid(ordered and len(matrix.data) >= starts[-1], matrix, "rows begin outside its data")
        matrix.check_format(full_check=True)
    elif hasattr(matrix, "coords"):
        for indices, length in zip(matrix.coords, matrix.shape, strict=True):
            inside = len(indices) == 0 or (indices.min() >= 0 and indices.max() < length)
            require_valid(inside and len(indices) == len(matrix.data), matrix, "an index is outside its shape")


def _check_random(source: Any) -> None:
    generator = getattr(source, "_bit_generator", None) or source.bit_generator
    state = generator.state
    position = state["state"].get("pos", 0) if isinstance(state["state"], dict) else 0
    require_valid(0 <= position <= 624, source, f"its position {position} is outside its state")
    require_valid(0 <= state.get("buffer_pos", 0) <= 4, source, "its position is outside its buffer")


def _check_vocabulary(model: Any) -> None:
    words = vars(model).get("vocabulary_")
    if words is not None:
        require_valid(isinstance(words, dict), model, "its vocabulary is not a dict")
        places = sorted(words.values())
        require_valid(places == list(range(len(places))), model, "its vocabulary leaves places out, or uses them twice")


def _check_one_hot(model: Any) -> None:
    """Check that the columns an encoder counts are those its categories lead to: it builds a sparse matrix of them."""
    import numpy as np

    held = vars(model)
    if "categories_" not in held:
        return
    widths = [int(width) for width in model._compute_n_features_outs()]
    require_valid(list(held["_n_features_outs"]) == widths, model, "its columns are not those of its categories")
    dropped = held.get("_drop_idx_after_grouping")
    mappings = held.get("_default_to_infrequent_mappings") or [None] * len(widths)
    for i, categories in enumerate(held["categories_"]):
        drop = None if dropped is None else dropped[i]
        count = widths[i] + (drop is not None)
        require_valid(drop is None or 0 <= drop < count, model, "it drops a category that is not there")
        if categories.dtype.kind not in "OUS":
            known = categories[categories == categories]
            require_valid((known[1:] > known[:-1]).all(), model, "categories are in no order")
        mapping = mappings[i]
        if mapping is not None:
            fits = np.shape(mapping) == (len(categories),) and mapping.min() >= 0 and mapping.max() < count
            require_valid(fits, model, "rare categories lead to columns that are not there")


def _check_agglomeration(model: Any) -> None:
    """Check that features are put into groups that can be counted: numpy allots as many as the largest label."""
    held = vars(model)
    if "labels_" in held:
        labels, features = held["labels_"], held.get("n_features_in_")
        require_valid(labels.shape == (features,), model, f"{labels.shape} labels for {features} features")
        require_valid(
            labels.size == 0 or (labels.min() >= 0 and labels.max() < features), model, "a label is not a group"
        )


def _check_linkage(model: Any) -> None:
    """Check that each step of a hierarchy joins what steps before it have made."""
    import numpy as np

    steps = vars(model).get("_single_linkage_tree_")
    if steps is not None:
        made = len(steps) + 1 + np.arange(len(steps))
        for side in ("left_node", "right_node"):
            require_valid(
                (steps[side] >= 0).all() and (steps[side] < made).all(), model, "a step joins what is not there"
            )


def _check_one_vs_rest(model: Any) -> None:
    """Check that each binary model scores a row once: rows of the sparse answer are counted by their scores."""
    import numpy as np

    for estimator in vars(model).get("estimators_", ()):
        last = vars(estimator)
        while "steps" in last:
            last = vars(last["steps"][-1][1])
        sizes = [np.shape(last[name]) for name in ("coef_", "intercept_", "y_") if np.ndim(last.get(name)) > 0]
        # coefficients of a regressor are one line, without a row for each score
        scores = [size[0] for size in sizes if len(size) == 2 or size != np.shape(last.get("coef_"))]
        require_valid(all(count == 1 for count in scores), model, f"a binary model gives {scores} scores a row")


def _check_frozen_distribution(frozen: Any) -> None:
    """Check that a frozen distribution is one of scipy's own, with numbers for its parameters."""
    import numpy as np
    from scipy.stats import rv_continuous, rv_discrete

    held = vars(frozen)
    require_valid(held.keys() <= {"args", "kwds", "dist", "a", "b"}, frozen, "it holds more than its parameters")
    require_valid(isinstance(held["dist"], rv_continuous | rv_discrete), frozen, "it stands for no distribution")
    numbers = [*held["args"], *held["kwds"].values(), held["a"], held["b"]]
    require_valid(
        all(np.asarray(number).dtype.kind in "biuf" for number in numbers), frozen, "a parameter is not a number"
    )


def _check_progress_bar(bar: Any) -> None:
    require_valid(vars(bar).get("_listener_handles") == {}, bar, "it is connected to another process")


def _check_spline(spline: Any) -> None:
    knots, weights, degree = spline.t, spline.c, spline.k
    require_valid(type(degree) is int and 0 <= degree <= 100, spline, f"its degree is {degree!r:.40}")
    require_valid(knots.ndim == 1 and (knots[1:] >= knots[:-1]).all(), spline, "its knots are in no order")
    require_valid(len(weights) >= len(knots) - degree - 1 >= degree + 1, spline, "it has too few knots or weights")
    require_valid(weights.dtype.kind == "f" and knots.dtype == float, spline, "its knots are not numbers")


# What may stand in objects that a file describes as data; a pickle that was trusted may hold what it likes.
_DATA_CHECKS: dict[str, Callable[[Any], None]] = {
    "scipy.stats._distn_infrastructure.rv_frozen": _check_frozen_distribution,
    "sklearn.callback._progressbar.ProgressBar": _check_progress_bar,
}

_CHECKS: dict[str, Callable[[Any], None]] = {
    "numpy.random._generator.Generator": _check_random,
    "numpy.random.mtrand.RandomState": _check_random,
    "scipy.interpolate._bsplines.BSpline": _check_spline,
    "scipy.sparse._base._spbase": _check_sparse,
    "sklearn.base.BaseEstimator": _check_estimator,
    "sklearn.cluster._agglomerative.FeatureAgglomeration": _check_agglomeration,
    "sklearn.cluster._hdbscan.hdbscan.HDBSCAN": _check_linkage,
    "sklearn.cluster._bisect_k_means.BisectingKMeans": points.check_centres,
    "sklearn.cluster._kmeans._BaseKMeans": points.check_centres,
    "sklearn.cluster._mean_shift.MeanShift": points.check_centres,
    "sklearn.ensemble._forest.BaseForest": trees.check_forest,
    "sklearn.ensemble._gb.BaseGradientBoosting": trees.check_boosting,
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.BaseHistGradientBoosting": trees.check_hist_boosting,
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor": trees.check_predictor,
    "sklearn.ensemble._iforest.IsolationForest": trees.check_isolation,
    "sklearn.feature_extraction.text.CountVectorizer": _check_vocabulary,
    "sklearn.feature_extraction._dict_vectorizer.DictVectorizer": _check_vocabulary,
    "sklearn.multiclass.OneVsRestClassifier": _check_one_vs_rest,
    "sklearn.neighbors._ball_tree.BallTree": points.check_point_tree,
    "sklearn.neighbors._ball_tree.BallTree32": points.check_point_tree,
    "sklearn.neighbors._base.NeighborsBase": points.check_neighbors,
    "sklearn.neighbors._kd_tree.KDTree": points.check_point_tree,
    "sklearn.neighbors._kd_tree.KDTree32": points.check_point_tree,
    "sklearn.preprocessing._encoders.OneHotEncoder": _check_one_hot,
    "sklearn.svm._base.BaseLibSVM": points.check_support_vectors,
    "sklearn.tree._classes.BaseDecisionTree": trees.check_tree_model,
    "sklearn.tree._tree.Tree": trees.check_tree,
}
