"""Estimators that hold points: neighbours, their trees and distances, support vectors, cluster centres."""

from __future__ import annotations

from typing import Any

from mlcycle.codecs._bounds_trees import require_valid

__all__ = ["check_centres", "check_distance", "check_neighbors", "check_point_tree", "check_support_vectors"]

_CLASSIFIERS = ("c_svc", "nu_svc")


def check_distance(metric: Any, features: int) -> None:
    """Check that the weights of a distance are as many as the features it compares."""
    import numpy as np

    name = type(metric).__name__.rstrip("3264")
    vector, matrix = (np.asarray(part) for part in metric.__getstate__()[1:3])
    if name == "SEuclideanDistance":
        require_valid(vector.shape == (features,), metric, f"{vector.shape} variances for {features} features")
    elif name == "MinkowskiDistance":
        require_valid(vector.shape in ((0,), (features,)), metric, f"{vector.shape} weights for {features} features")
    elif name == "MahalanobisDistance":
        require_valid(matrix.shape == (features, features), metric, f"a matrix {matrix.shape} for {features} features")
    elif name == "HaversineDistance":
        require_valid(features == 2, metric, f"{features} features, where there are only latitude and longitude")


def check_point_tree(tree: Any) -> None:
    """Check that a KDTree or BallTree divides its points into ranges, each node into those of its two children."""
    import numpy as np

    data, order, nodes, bounds, leaf_size, levels, count, *_, metric, weights = tree.__getstate__()
    require_valid(data.ndim == 2 and len(data) >= 1 and data.shape[1] >= 1, tree, f"points have the shape {data.shape}")
    points = len(data)
    require_valid(order.shape == (points,), tree, "the order is not that of its points")
    require_valid(order.min() >= 0 and order.max() < points, tree, "the order names points that are not there")
    sides = 2 if type(tree).__name__.startswith("KD") else 1
    require_valid(
        count == len(nodes) and bounds.shape == (sides, count, data.shape[1]), tree, "nodes and bounds do not fit"
    )
    require_valid(
        leaf_size >= 1 and 1 <= levels <= 63 and count == 2**levels - 1, tree, "its levels do not fit its nodes"
    )
    require_valid(weights is None or np.shape(weights) == (points,), tree, "there are not as many weights as points")
    require_valid(tuple(nodes[0])[:2] == (0, points), tree, "its root does not hold all points")
    check_distance(metric, data.shape[1])
    level = np.zeros(1, dtype=np.int64)
    while level.size:
        level = level[nodes["is_leaf"][level] == 0]
        left, right = 2 * level + 1, 2 * level + 2
        require_valid(level.size == 0 or right.max() < count, tree, "a node has no children")
        begin, end = nodes["idx_start"], nodes["idx_end"]
        follows = (begin[left] == begin[level]) & (end[left] == begin[right]) & (end[right] == end[level])
        ordered = (begin[left] <= end[left]) & (begin[right] <= end[right])
        require_valid((follows & ordered).all(), tree, "the ranges of two children are not that of their parent")
        level = np.concatenate([left, right])


def check_neighbors(model: Any) -> None:
    """Check that the points, answers and tree of a neighbours model are of one length and width."""
    import numpy as np

    held = vars(model)
    if "_fit_method" not in held:
        return
    points, tree, features = held["_fit_X"], held.get("_tree"), held.get("n_features_in_")
    count = held.get("n_samples_fit_")
    require_valid(
        points.shape == (count, features), model, f"points {points.shape} for {count} rows of {features} features"
    )
    method = held["_fit_method"]
    require_valid(method in ("brute", "kd_tree", "ball_tree"), model, f"its method is {method!r:.40}")
    if tree is not None:
        require_valid(np.shape(tree.data) == points.shape, model, "its tree holds other points")
    if type(held.get("effective_metric_")).__module__.startswith("sklearn."):
        check_distance(held["effective_metric_"], points.shape[1])
    if "_y" in held and held["_y"] is not None:
        _check_answers(model, held["_y"], held.get("classes_"), count)


def _check_answers(model: Any, answers: Any, classes: Any, count: int) -> None:
    import numpy as np

    require_valid(np.shape(answers)[:1] == (count,), model, "there are not as many answers as points")
    if classes is None:
        return
    several = isinstance(classes, list)
    codes = np.asarray(answers).reshape(count, -1)
    sizes = [len(values) for values in classes] if several else [len(classes)]
    require_valid(codes.dtype.kind in "iu" and codes.shape[1] == len(sizes), model, "answers are not codes of classes")
    inside = (codes >= 0) & (codes < np.asarray(sizes))
    require_valid(inside.all(), model, "an answer is not one of the classes")


def check_support_vectors(model: Any) -> None:
    """Check that the parts of a libsvm model are of one size: libsvm takes their shapes on trust."""
    held = vars(model)
    if "_dual_coef_" not in held:
        return
    require_valid("_impl" not in held and type(held["_sparse"]) is bool, model, "it says to be another kind of model")
    vectors, support, each = held["support_vectors_"], held["support_"], held["_n_support"]
    kinds, count = len(each), len(support)
    pairs = kinds * (kinds - 1) // 2
    require_valid(support.ndim == each.ndim == 1 and kinds >= 2, model, "it names no classes")
    require_valid(
        each.min() >= 0 and (model._impl not in _CLASSIFIERS or each.sum() == count), model, "counts do not fit"
    )
    for coefficients in (held["_dual_coef_"], held["dual_coef_"]):
        require_valid(coefficients.shape == (kinds - 1, count), model, "coefficients are not those of its vectors")
        stored = coefficients.data.size if held["_sparse"] else coefficients.size
        require_valid(stored == (kinds - 1) * count, model, "there are too few coefficients")
    require_valid(len(held["_intercept_"]) >= pairs, model, "there are too few intercepts")
    for part in (held["_probA"], held["_probB"]):
        require_valid(
            len(part) >= pairs or (len(part) == 0 and not _probable(held)), model, "its probabilities are missing"
        )
    kernel, features = held["kernel"], held.get("n_features_in_")
    if kernel == "precomputed" or callable(kernel):
        known = held["shape_fit_"][0]
        inside = count == 0 or (support.min() >= 0 and support.max() < known)
        require_valid(inside, model, "a support vector is not one of the rows it was fitted on")
        require_valid(kernel != "precomputed" or features == known, model, "its kernel has another width")
    else:
        require_valid(vectors.shape == (count, features), model, f"vectors {vectors.shape} of {features} features")


def _probable(held: dict[str, Any]) -> bool:
    # libsvm for sparse rows reads the probabilities whenever it is told that they are there
    return bool(held["_sparse"] and held.get("_effective_probability", held.get("probability")))


def check_centres(model: Any) -> None:
    """Check that cluster centres have the features that rows are made to have."""
    held = vars(model)
    centres, features = held.get("cluster_centers_"), held.get("n_features_in_")
    if centres is not None and hasattr(centres, "shape"):
        require_valid(len(centres.shape) == 2, model, f"centres have the shape {centres.shape}")
        require_valid(
            centres.shape[1] == features, model, f"centres of {centres.shape[1]} features, rows of {features}"
        )
