"""Scores of rows by classifiers that never saw them, for the true sides of rows and for permuted ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._simulated import simulated_p

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

        values, cv = self.points.values, self.splits
        if self.many:
            return np.asarray(cross_val_predict(self.model, values, labels, cv=cv).reshape(labels.shape).round(_DIGITS))
        method = "predict_proba" if hasattr(self.model, "predict_proba") else "decision_function"
        found = [cross_val_predict(self.model, values, one.astype(int), cv=cv, method=method) for one in labels.T]
        return np.round(np.column_stack([one[:, 1] if one.ndim == 2 else one for one in found]), _DIGITS)

    def aucs(self, labels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the AUC of every labelling over pairs of rows of one fold."""
        from scipy.stats import rankdata

        scores = self.scores(labels)
        won, pairs = np.zeros(labels.shape[1]), np.zeros(labels.shape[1])
        for _, test in self.splits:
            mine = labels[test]
            n = mine.sum(axis=0)
            won += (rankdata(scores[test], axis=0) * mine).sum(axis=0) - n * (n + 1) / 2
            pairs += n * (len(test) - n)
        return np.asarray(won / pairs)

    def found(self) -> tuple[float, float]:
        """Return the AUC of the sides as they are, and its standard error (DeLong's within folds, over units)."""
        from scipy.stats import rankdata

        current = ~self.points.first
        scores = self.scores(current[:, None].astype(np.float64))[:, 0]
        wins, weights = np.empty(len(current)), np.empty(len(current))
        for _, test in self.splits:
            ranks = rankdata(scores[test])
            for side, turn in ((current[test], 1), (~current[test], -1)):
                at, others = test[side], int((~side).sum())
                # Of the rows a row outranks, those of its own side do not count.
                beaten = (ranks[side] - rankdata(scores[at])) / max(others, 1)
                wins[at], weights[at] = beaten if turn > 0 else 1 - beaten, others
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
            seen.append(self.aucs(self.relabelled(size, rng)))
            return seen[-1]

        p = simulated_p(simulate, found, permutations, at_once=None if self.many else 1)
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
        from sklearn.metrics import roc_auc_score

        current, owner = ~self.points.first, self.points.owner
        lost, pairs = np.zeros(len(self.points.columns)), 0
        for train, test in self.splits:
            fitted = clone(self.model).fit(self.points.values[train], current[train].astype(int))
            rows = rng.permutation(test)[: max(_ROWS_SHUFFLED // len(self.splits), 20)]
            values, mine = self.points.values[rows], current[rows]
            weight = int(mine.sum()) * int((~mine).sum())
            if not weight:
                continue
            before = roc_auc_score(mine, scored(fitted, values))
            for column in range(len(lost)):
                shuffled = values.copy()
                shuffled[:, owner == column] = rng.permutation(values[:, owner == column])
                lost[column] += weight * (before - roc_auc_score(mine, scored(fitted, shuffled)))
            pairs += weight
        return lost / max(pairs, 1)


def scored(fitted: Any, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how sure a fitted model is that rows are of the current side."""
    if hasattr(fitted, "predict_proba"):
        return np.asarray(fitted.predict_proba(values)[:, 1].round(_DIGITS))
    return np.asarray(getattr(fitted, "decision_function", fitted.predict)(values).round(_DIGITS))
