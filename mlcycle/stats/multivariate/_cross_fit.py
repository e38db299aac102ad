"""Scores of rows by classifiers that never saw them, for the true sides of rows and for permuted ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._simulated import ENOUGH, as_large, simulated_p

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlcycle.stats.multivariate._points import Points

__all__ = ["CrossFit", "ridge", "seeded", "splits_of"]

_WAVES = 200
# Rows whose distances give the width of the waves, and rows on which the loss of a shuffled column is measured.
_ROWS_WIDTH, _ROWS_SHUFFLED = 500, 1000
# Scores of equal rows differ by rounding; a tie must stay one.
_DIGITS = 9

_Splits = list[tuple["NDArray[np.intp]", "NDArray[np.intp]"]]


def ridge(values: NDArray[np.float64], rows: int, seed: int) -> Any:
    """Return a ridge regression on coordinates, their squares and random waves of them all.

    Its penalty leaves ``sum(s / (s + penalty)) = sqrt(rows)`` degrees of freedom, `s` the squared singular values of
    the features: it is known without the sides, so all permutations of them are one regression with as many targets.
    """
    from scipy import optimize
    from scipy.spatial.distance import pdist
    from sklearn.kernel_approximation import RBFSampler
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    some = np.random.default_rng(seed).permutation(len(values))[:_ROWS_WIDTH]
    width = float(np.median(pdist(values[some]))) or 1.0
    waves = RBFSampler(gamma=1 / (2 * width**2), n_components=_WAVES, random_state=seed)
    parts = make_union(FunctionTransformer(), make_pipeline(FunctionTransformer(np.square), StandardScaler()), waves)
    # Each of the three kinds has a total variance of about 1.
    share = 1 / np.sqrt(values.shape[1])
    parts.set_params(transformer_weights={"functiontransformer": share, "pipeline": share})
    features = parts.fit_transform(values)
    sizes = np.linalg.svd(features - features.mean(axis=0), compute_uv=False) ** 2 * rows / len(values)
    sizes = sizes[sizes > 1e-9 * sizes.max(initial=1e-300)]

    def excess(power: float) -> float:
        return float(np.sum(sizes / (sizes + np.exp(power))) - np.sqrt(rows))

    low, high = np.log(sizes.min()) - 20, np.log(sizes.max()) + 20
    penalty = np.exp(optimize.brentq(excess, low, high)) if excess(low) > 0 else np.exp(low)
    return make_pipeline(parts, Ridge(alpha=float(penalty)))


def seeded(estimator: Any, seed: int) -> Any:
    """Return a copy of a classifier of scikit-learn, seeded where it has no seed."""
    from sklearn.base import clone, is_classifier

    if isinstance(estimator, type):
        raise InvalidInput(f"estimator is a scikit-learn classifier, got a class; make one: {estimator.__name__}()")
    if not (hasattr(estimator, "get_params") and is_classifier(estimator)):
        raise InvalidInput(f"estimator is a scikit-learn classifier, got {type(estimator).__name__}")
    copy = clone(estimator)
    loose = [n for n, v in copy.get_params().items() if v is None and n.split("__")[-1] == "random_state"]
    return copy.set_params(**dict.fromkeys(loose, seed))


def splits_of(points: Points, folds: int, seed: int) -> _Splits:
    """Return the rows to train on and those to score, fold by fold: whole units, both sides spread evenly."""
    from sklearn.model_selection import StratifiedKFold

    _, start, unit = np.unique(points.unit, return_index=True, return_inverse=True)
    dealt = StratifiedKFold(min(folds, min(points.units) // 2), shuffle=True, random_state=seed)
    parts = dealt.split(start, points.first[start])
    return [(np.flatnonzero(np.isin(unit, train)), np.flatnonzero(np.isin(unit, test))) for train, test in parts]


@frozen(eq=False)
class CrossFit:
    """Points in folds, and the model that learns to tell the sides apart; `many`: all labellings of a call at once."""

    points: Points
    model: Any
    splits: _Splits
    many: bool

    def scores(self, labels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the cross-fitted scores of all rows, a column for each column of labels."""
        from sklearn.model_selection import cross_val_predict

        if self.many:
            found = cross_val_predict(self.model, self.points.values, labels, cv=self.splits)
            return np.asarray(found).reshape(labels.shape)
        return np.column_stack([self._scores(one.astype(int)) for one in labels.T])

    def _scores(self, labels: NDArray[np.intp]) -> NDArray[np.float64]:
        from sklearn.model_selection import cross_val_predict

        method = "predict_proba" if hasattr(self.model, "predict_proba") else "decision_function"
        found = cross_val_predict(self.model, self.points.values, labels, cv=self.splits, method=method)
        return np.asarray(found[:, 1] if found.ndim == 2 else found, dtype=np.float64)

    def aucs(self, labels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the AUC of every labelling over pairs of rows of one fold."""
        from scipy.stats import rankdata

        scores = np.round(self.scores(labels), _DIGITS)
        won, pairs = np.zeros(labels.shape[1]), np.zeros(labels.shape[1])
        for _, test in self.splits:
            mine = labels[test]
            n = mine.sum(axis=0)
            won += (rankdata(scores[test], axis=0) * mine).sum(axis=0) - n * (n + 1) / 2
            pairs += n * (len(test) - n)
        return np.asarray(won / pairs)

    def found(self) -> tuple[float, float]:
        """Return the AUC of the sides as they are, and its standard error (DeLong's within folds, over units)."""
        current = ~self.points.first
        scores = self.scores(current[:, None].astype(np.float64))[:, 0]
        wins, weights = np.empty(len(current)), np.empty(len(current))
        for _, test in self.splits:
            mine = current[test]
            wins[test], weights[test] = _wins(scores[test], mine), np.where(mine, (~mine).sum(), mine.sum())
        auc = float(np.average(wins[current], weights=weights[current]))
        variance = 0.0
        for side in (current, ~current):
            at = np.unique(self.points.unit[side], return_inverse=True)[1]
            sums = np.bincount(at, weights=((wins - auc) * weights)[side]) / weights[side].sum()
            variance += float(np.sum(sums**2)) * len(sums) / max(len(sums) - 1, 1)
        return auc, variance**0.5

    def permuted(self, found: float, permutations: int, rng: np.random.Generator) -> tuple[float, NDArray[np.float64]]:
        """Return the p-value, and the AUC learnt anew for permutations of units within folds."""
        seen: list[NDArray[np.float64]] = []

        def simulate(size: int) -> NDArray[np.float64]:
            if self.many:
                values = self.aucs(self.relabelled(size, rng))
            else:  # stop where `simulated_p` will; what is left is not asked for
                values = np.full(size, -np.inf)
                for at in range(size):
                    values[at] = self.aucs(self.relabelled(1, rng))[0]
                    if np.count_nonzero(as_large(values[: at + 1], found)) == ENOUGH:
                        break
            seen.append(values[np.isfinite(values)])
            return values

        p = simulated_p(simulate, found, permutations)
        return p, np.concatenate(seen)

    def relabelled(self, size: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return so many permutations of the sides of units within folds, a column each."""
        _, start, at = np.unique(self.points.unit, return_index=True, return_inverse=True)
        labels = np.tile((~self.points.first[start]).astype(np.float64), (size, 1))
        for _, test in self.splits:
            members = np.unique(at[test])
            labels[:, members] = rng.permuted(labels[:, members], axis=1)
        return labels[:, at].T

    def importance(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return how much of the AUC is lost when the values of a column are shuffled among held-out rows."""
        from sklearn.base import clone

        current, owner = ~self.points.first, self.points.owner
        lost, pairs = np.zeros(len(self.points.columns)), 0
        for train, test in self.splits:
            fitted = clone(self.model).fit(self.points.values[train], current[train].astype(int))
            rows = rng.permutation(test)[: max(_ROWS_SHUFFLED // len(self.splits), 20)]
            values, mine = self.points.values[rows], current[rows]
            if mine.all() or not mine.any():
                continue
            weight = int(mine.sum()) * int((~mine).sum())
            before = _wins(_scored(fitted, values), mine)[mine].mean()
            for column in range(len(lost)):
                shuffled = values.copy()
                shuffled[:, owner == column] = rng.permutation(values[:, owner == column])
                lost[column] += weight * (before - _wins(_scored(fitted, shuffled), mine)[mine].mean())
            pairs += weight
        return lost / max(pairs, 1)


def _scored(fitted: Any, values: NDArray[np.float64]) -> NDArray[np.float64]:
    if hasattr(fitted, "predict_proba"):
        return np.asarray(fitted.predict_proba(values)[:, 1])
    return np.asarray(getattr(fitted, "decision_function", fitted.predict)(values))


def _wins(scores: NDArray[np.float64], mine: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return for each row the share of rows of the other side it is in order with, ties one half.

    Examples
    --------
    >>> _wins(np.array([1.0, 2.0, 3.0]), np.array([False, True, False])).tolist()
    [1.0, 0.5, 0.0]
    """
    scores, found = np.round(scores, _DIGITS), np.empty(len(scores))
    for side, sign in ((mine, 1), (~mine, -1)):
        other, ours = np.sort(sign * scores[~side]), sign * scores[side]
        found[side] = (other.searchsorted(ours, "left") + other.searchsorted(ours, "right")) / 2 / max(len(other), 1)
    return found
