"""Decision trees: every child is a node, every node has one parent, and every feature is one the caller must pass.

scikit-learn follows these indices in C without looking (scikit-learn#34558), so a wrong one reads or writes anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle.errors import Corrupt

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "check_boosting",
    "check_forest",
    "check_hist_boosting",
    "check_isolation",
    "check_predictor",
    "check_tree",
    "check_tree_model",
    "require_valid",
]

_CATEGORIES = 256  # a bitset of HistGradientBoosting is eight words of 32 bits


def require_valid(fact: Any, where: Any, what: str) -> None:
    """Raise `Corrupt` about an object unless the fact holds."""
    if not fact:
        raise Corrupt(f"the model file is damaged: in {type(where).__name__}, {what}")


def check_tree(tree: Any) -> None:
    """Check the nodes of a ``sklearn.tree._tree.Tree``."""
    import numpy as np

    state = tree.__getstate__()
    nodes, values = state["nodes"], state["values"]
    count = tree.node_count
    require_valid(1 <= count == len(nodes) == len(values), tree, "the number of nodes is not the number stored")
    require_valid(tree.n_outputs >= 1 and values.size >= count, tree, "there are fewer values than nodes")
    left, right = nodes["left_child"], nodes["right_child"]
    leaf = left == -1
    require_valid(np.array_equal(leaf, right == -1), tree, "a node has one child")
    depth = _check_children(tree, left.astype(np.int64), right.astype(np.int64), leaf)
    # decision_path allots this many nodes a row, in a product that may overflow, and writes as many as it meets
    require_valid(depth <= tree.max_depth <= count, tree, f"it says to be {tree.max_depth} deep, and is {depth}")
    feature = nodes["feature"][~leaf]
    fits = feature.size == 0 or (feature.min() >= 0 and feature.max() < tree.n_features)
    require_valid(fits, tree, f"a node splits on a feature outside the {tree.n_features} there are")


def _check_children(tree: Any, left: np.ndarray, right: np.ndarray, leaf: np.ndarray) -> int:
    """Check that the nodes are one tree whose parents come before their children; return its depth."""
    import numpy as np

    inner = np.flatnonzero(~leaf)
    children = np.concatenate([left[inner], right[inner]])
    parents = np.concatenate([inner, inner])
    inside = children.size == 0 or (children.min() > 0 and children.max() < len(leaf))
    require_valid(inside and (children > parents).all(), tree, "a child is not a later node")
    require_valid(len(children) == len(leaf) - 1, tree, "some nodes have no parent")
    require_valid((np.bincount(children, minlength=len(leaf))[1:] == 1).all(), tree, "a node has two parents")
    depth, level = 0, inner[inner == 0]
    while level.size:
        depth += 1
        level = np.concatenate([left[level], right[level]])
        level = level[~leaf[level]]
    return depth


def check_tree_model(model: Any) -> None:
    """Check that a decision tree asks for the features its estimator makes callers pass."""
    held = vars(model)
    if "tree_" in held:
        _check_features(model, held["tree_"], held.get("n_features_in_"))


def _check_features(model: Any, tree: Any, features: Any) -> None:
    name = type(tree).__name__
    require_valid(name == "Tree", model, f"a tree is a {name}")
    require_valid(tree.n_features == features, model, f"a tree has {tree.n_features} features, the model {features}")


def check_forest(model: Any) -> None:
    """Check that the trees of a forest agree with it: rows are checked once, by the forest."""
    held = vars(model)
    for estimator in held.get("estimators_", ()):
        _check_features(model, estimator.tree_, held.get("n_features_in_"))


def check_isolation(model: Any) -> None:
    """Check that each tree of an isolation forest has the features chosen for it."""
    held = vars(model)
    if "estimators_" not in held:
        return
    for estimator, features in zip(held["estimators_"], held["estimators_features_"], strict=True):
        _check_features(model, estimator.tree_, len(features))
        require_valid(len(features) == held["_max_features"], model, "a tree has features of its own number")


def check_boosting(model: Any) -> None:
    """Check that boosting stages have as many columns as the scores they are added to."""
    import numpy as np

    held = vars(model)
    if "estimators_" not in held:
        return
    stages = held["estimators_"]
    require_valid(isinstance(stages, np.ndarray) and stages.ndim == 2, model, "stages are not a table of trees")
    for estimator in stages.ravel():
        _check_features(model, estimator.tree_, held.get("n_features_in_"))
    trees = held.get("n_trees_per_iteration_", stages.shape[1])
    require_valid(trees == stages.shape[1], model, f"{trees} trees a stage are announced, {stages.shape[1]} are there")
    # The scores begin as what `init_` says, so its width is that of the memory the stages write to.
    row = np.zeros((1, held["n_features_in_"]), dtype=np.float32)
    start = model._raw_predict_init(row)
    require_valid(start.shape == (1, stages.shape[1]), model, f"its start has {start.shape[-1]} columns")


def check_predictor(predictor: Any) -> None:
    """Check the nodes of one tree of HistGradientBoosting."""
    import numpy as np

    nodes = predictor.nodes
    leaf = nodes["is_leaf"] != 0
    require_valid(nodes.ndim == 1 and len(nodes) >= 1, predictor, "there are no nodes")
    require_valid(nodes["is_leaf"].max() <= 1, predictor, "a node is neither a leaf nor none")
    _check_children(predictor, nodes["left"].astype(np.int64), nodes["right"].astype(np.int64), leaf)
    sets = nodes["bitset_idx"][~leaf & (nodes["is_categorical"] != 0)]
    for bitsets in (predictor.raw_left_cat_bitsets, predictor.binned_left_cat_bitsets):
        require_valid(
            bitsets.ndim == 2 and bitsets.shape[1] == _CATEGORIES // 32, predictor, "bitsets are not 8 words wide"
        )
        require_valid(sets.size == 0 or sets.max() < len(bitsets), predictor, "a node names a bitset that is not there")


def check_hist_boosting(model: Any) -> None:
    """Check that the trees of HistGradientBoosting use the features, and the categories, it will be given."""
    import numpy as np

    held = vars(model)
    if "_predictors" not in held:
        return
    mapper, features = held["_bin_mapper"], held.get("n_features_in_")
    thresholds, categorical = mapper.bin_thresholds_, mapper.is_categorical_
    require_valid(np.shape(categorical) == (features,), model, "categorical columns do not fit")
    categorical = np.asarray(categorical) != 0
    require_valid(len(thresholds) == features, model, "thresholds are not those of its features")
    for values in (thresholds[i] for i in np.flatnonzero(categorical)):
        inside = len(values) == 0 or (np.min(values) >= 0 and np.max(values) < _CATEGORIES)
        require_valid(inside, model, f"a category is outside 0 to {_CATEGORIES - 1}")
    trees = held.get("n_trees_per_iteration_")
    for stage in held["_predictors"]:
        require_valid(len(stage) == trees, model, f"{trees} trees a stage are announced, {len(stage)} are there")
        for predictor in stage:
            nodes = predictor.nodes[predictor.nodes["is_leaf"] == 0]
            used = nodes["feature_idx"]
            inside = used.size == 0 or (used.min() >= 0 and used.max() < features)
            require_valid(inside, model, f"a node splits on a feature outside the {features} there are")
            require_valid(
                categorical[used[nodes["is_categorical"] != 0]].all(), model, "a split takes a number for a category"
            )
    if held.get("_preprocessor") is not None:
        _check_preprocessor(model, held["_preprocessor"], features)


def _check_preprocessor(model: Any, preprocessor: Any, features: int) -> None:
    """Check that what is done to rows first leaves them as wide as they were."""
    import numpy as np

    steps = [part for part in vars(preprocessor).get("transformers_", ()) if not isinstance(part[1], str)]
    kinds = [type(step).__name__ for _, step, _ in steps]
    require_valid(kinds == ["OrdinalEncoder", "FunctionTransformer"][: len(kinds)], model, f"rows go through {kinds}")
    columns = [np.arange(features)[chosen] for _, _, chosen in steps]
    together = np.sort(np.concatenate(columns)) if columns else np.arange(0)
    require_valid(
        np.array_equal(together, np.arange(features)), model, "the columns prepared are not those of the model"
    )
    require_valid(preprocessor.n_features_in_ == features, model, "rows are prepared for another width")
    for _, step, chosen in steps:
        encoder = type(step).__name__ == "OrdinalEncoder"
        require_valid(
            not encoder or step.n_features_in_ == np.arange(features)[chosen].size, model, "an encoder is too narrow"
        )
        func = None if encoder else getattr(step.func, "func", step.func)
        require_valid(func is None or func.__name__ == "check_array", model, "rows are prepared by another function")
