"""Scores of rows by classifiers that never saw them, for the true sides of rows and for a thousand permuted ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._simulated import ENOUGH, as_large
from mlcycle.stats.multivariate._pairs import median_distance

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Scorer = Callable[[NDArray[np.float64]], NDArray[np.float64]]

__all__ = ["CrossFit", "Features", "Fitted", "Model", "Ridge", "Wrapped", "folds_of"]

_WAVES = 200
# Rows of all folds together on which the loss of a shuffled column is measured.
_ROWS_SHUFFLED = 1000
# Scores of equal rows differ by rounding; a tie must stay one.
_DIGITS = 9
# A feature that spreads no more than this is a constant.
_NOTHING = 1e-9


class Model(Protocol):
    """A way to learn sides from rows, for many labellings of the same rows at once."""

    @property
    def values(self) -> NDArray[np.float64]:
        """The points."""

    def scores(
        self, train: NDArray[np.intp], test: NDArray[np.intp], labels: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the scores of the test rows, a column for each column of the labels of the train rows."""

    def scorer(self, train: NDArray[np.intp], labels: NDArray[np.float64]) -> Scorer:
        """Return a function that scores any rows of points, trained with one labelling."""

    @property
    def many(self) -> bool:
        """Whether many labellings at once cost little more than one."""


@frozen(eq=False)
class Features:
    """Coordinates, their squares, and random waves of them all; made of both sides together, whichever is which.

    Attributes
    ----------
    middle : ndarray of shape (coordinates,)
        Taken off the points.
    waves, phases : ndarray
        Of the random Fourier features.
    centre, weight : ndarray of shape (features,)
        What is taken off every feature, and what it is multiplied by then.
    """

    middle: NDArray[np.float64]
    waves: NDArray[np.float64]
    phases: NDArray[np.float64]
    centre: NDArray[np.float64]
    weight: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[np.float64], rng: np.random.Generator) -> Features:
        """Choose the features for these points: each of the three kinds with a total variance of about 1."""
        d = values.shape[1]
        width = median_distance(values, rng)
        waves, phases = rng.normal(size=(d, _WAVES)) / width, rng.uniform(0, 2 * np.pi, _WAVES)
        raw = cls(values.mean(axis=0), waves, phases, np.zeros(2 * d + _WAVES), np.ones(2 * d + _WAVES))
        found = raw(values)
        spread, centre = found.std(axis=0), found.mean(axis=0)
        lines, squares, waved = np.split(spread, [d, 2 * d])
        # The levels of one column share its variance of 1; they must not be blown up to 1 each.
        sizes = np.maximum(lines, min(float(np.median(lines)), 1.0)), squares
        scales = [np.where(size > _NOTHING, 1 / np.maximum(size, _NOTHING), 0) / np.sqrt(d) for size in sizes]
        shared = 1 / max(float(np.sqrt(np.sum(waved**2))), _NOTHING)
        return cls(raw.middle, waves, phases, centre, np.concatenate([*scales, np.full(_WAVES, shared)]))

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the features of any points."""
        x = values - self.middle
        found: NDArray[np.float64] = np.hstack([x, x**2, np.cos(x @ self.waves + self.phases)])
        return (found - self.centre) * self.weight


@frozen(eq=False)
class Ridge:
    """Ridge regression of the side on features, with a penalty that leaves the root of the rows as its freedom."""

    values: NDArray[np.float64]
    make: Features
    features: NDArray[np.float64]

    many = True

    @classmethod
    def of(cls, values: NDArray[np.float64], rng: np.random.Generator) -> Ridge:
        """Make the features once for all folds and labellings."""
        make = Features.of(values, rng)
        return cls(values, make, make(values))

    def scores(
        self, train: NDArray[np.intp], test: NDArray[np.intp], labels: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the scores of the test rows for every labelling."""
        centre, weights = self._weights(train, labels)
        found: NDArray[np.float64] = (self.features[test] - centre) @ weights
        return found

    def scorer(self, train: NDArray[np.intp], labels: NDArray[np.float64]) -> Scorer:
        """Return a function that scores rows with one labelling."""
        centre, weights = self._weights(train, labels[:, None])

        def score(values: NDArray[np.float64]) -> NDArray[np.float64]:
            result: NDArray[np.float64] = (self.make(values) - centre) @ weights[:, 0]
            return result

        return score

    def _weights(
        self, train: NDArray[np.intp], labels: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        centre = self.features[train].mean(axis=0)
        known = self.features[train] - centre
        aim = labels - labels.mean(axis=0)
        if known.shape[1] <= len(train):
            sizes, axes = np.linalg.eigh(known.T @ known)
            shrunk = np.maximum(sizes, 0) + _penalty(sizes, np.sqrt(len(train)))
            return centre, axes @ ((axes.T @ (known.T @ aim)) / shrunk[:, None])
        sizes, axes = np.linalg.eigh(known @ known.T)
        shrunk = np.maximum(sizes, 0) + _penalty(sizes, np.sqrt(len(train)))
        return centre, known.T @ (axes @ ((axes.T @ aim) / shrunk[:, None]))


def _penalty(sizes: NDArray[np.float64], freedom: float) -> float:
    """Return the ridge penalty that leaves so many effective degrees of freedom, ``sum(s / (s + penalty))``.

    Examples
    --------
    >>> round(_penalty(np.ones(10), 5.0), 6)
    1.0
    """
    kept = sizes[sizes > 1e-12 * max(float(sizes.max(initial=0.0)), 1e-300)]
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        enough = float(np.sum(kept / (kept + kept.mean() * np.exp(middle)))) > freedom
        low, high = (middle, high) if enough else (low, middle)
    return float(kept.mean() * np.exp(high)) if len(kept) else 1.0


@frozen(eq=False)
class Wrapped:
    """A scikit-learn classifier, fitted anew for every labelling."""

    values: NDArray[np.float64]
    estimator: Any

    many = False

    @classmethod
    def of(cls, estimator: Any, values: NDArray[np.float64], seed: int) -> Wrapped:
        """Copy the estimator, seeded where it has no seed."""
        from sklearn.base import clone, is_classifier

        if isinstance(estimator, type):
            raise InvalidInput(f"estimator is a scikit-learn classifier, got a class; make one: {estimator.__name__}()")
        if not (hasattr(estimator, "get_params") and is_classifier(estimator)):
            raise InvalidInput(f"estimator is a scikit-learn classifier, got {type(estimator).__name__}")
        copy = clone(estimator)
        loose = [n for n, v in copy.get_params().items() if v is None and n.split("__")[-1] == "random_state"]
        return cls(values, copy.set_params(**dict.fromkeys(loose, seed)))

    def scores(
        self, train: NDArray[np.intp], test: NDArray[np.intp], labels: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the scores of the test rows, fitting once a labelling."""
        return np.column_stack([self.scorer(train, one)(self.values[test]) for one in labels.T])

    def scorer(self, train: NDArray[np.intp], labels: NDArray[np.float64]) -> Scorer:
        """Return what the estimator makes of rows: the probability of the current side, or its decision."""
        from sklearn.base import clone

        model = clone(self.estimator).fit(self.values[train], labels.astype(int))

        def score(values: NDArray[np.float64]) -> NDArray[np.float64]:
            if hasattr(model, "predict_proba"):
                return np.asarray(model.predict_proba(values)[:, 1], dtype=np.float64)
            return np.asarray(model.decision_function(values), dtype=np.float64)

        return score


def folds_of(
    unit: NDArray[np.intp], first: NDArray[np.bool_], folds: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Return the fold of every row: whole units, both sides spread evenly.

    Examples
    --------
    >>> first = np.repeat([True, False], [4, 6])
    >>> fold = folds_of(np.arange(10), first, 5, np.random.default_rng(0))
    >>> np.bincount(fold[first]).tolist(), np.bincount(fold[~first]).tolist()
    ([2, 2], [3, 3])
    """
    sides = [np.unique(unit[first]), np.unique(unit[~first])]
    parts = min(folds, min(map(len, sides)) // 2)
    fold_of_unit = np.zeros(int(unit.max()) + 1, dtype=np.intp)
    for units in sides:
        fold_of_unit[rng.permutation(units)] = np.arange(len(units)) % parts
    return fold_of_unit[unit]


@frozen(eq=False)
class Fitted:
    """The cross-fitted AUC of the true sides, its standard error, and the classifier of every fold."""

    auc: float
    error: float
    scorers: tuple[Scorer, ...]


@frozen(eq=False)
class CrossFit:
    """Rows in folds, their units and sides, and the way to learn from them."""

    model: Model
    fold: NDArray[np.intp]
    unit: NDArray[np.intp]
    current: NDArray[np.bool_]

    def found(self) -> Fitted:
        """Return the AUC within folds for the sides as they are."""
        labels, wins, scorers = self.current.astype(np.float64), np.empty(len(self.fold)), []
        weights = np.empty(len(self.fold))
        for train, test in self._splits():
            scorers.append(self.model.scorer(train, labels[train]))
            scores, mine = scorers[-1](self.model.values[test]), self.current[test]
            wins[test], weights[test] = _wins(scores, mine), np.where(mine, (~mine).sum(), mine.sum())
        auc = float(np.average(wins[self.current], weights=weights[self.current]))
        error = sum(self._variance(wins - auc, weights, side) for side in (self.current, ~self.current)) ** 0.5
        return Fitted(auc, float(error), tuple(scorers))

    def _variance(self, apart: NDArray[np.float64], weights: NDArray[np.float64], side: NDArray[np.bool_]) -> float:
        _, at = np.unique(self.unit[side], return_inverse=True)
        sums = np.bincount(at, weights=(apart * weights)[side]) / weights[side].sum()
        return float(np.sum(sums**2)) * len(sums) / max(len(sums) - 1, 1)

    def permuted(self, size: int, found: float, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return the AUC, learnt anew, for so many permutations of units within folds.

        A model that learns one labelling at a time stops where `simulated_p` will; what is left is ``-inf``.
        """
        if self.model.many:
            return self._aucs(self._relabelled(size, rng))
        values, large = np.full(size, -np.inf), 0
        for at in range(size):
            values[at] = self._aucs(self._relabelled(1, rng))[0]
            large += int(as_large(values[at], found))
            if large == ENOUGH:
                break
        return values

    def _relabelled(self, size: int, rng: np.random.Generator) -> NDArray[np.float64]:
        _, start, at = np.unique(self.unit, return_index=True, return_inverse=True)
        labels = np.tile(self.current[start].astype(np.float64), (size, 1))
        for k in range(self.fold.max() + 1):
            members = np.flatnonzero(self.fold[start] == k)
            labels[:, members] = rng.permuted(labels[:, members], axis=1)
        return labels[:, at].T

    def _aucs(self, labels: NDArray[np.float64]) -> NDArray[np.float64]:
        from scipy import stats

        won, pairs = np.zeros(labels.shape[1]), np.zeros(labels.shape[1])
        for train, test in self._splits():
            ranks = stats.rankdata(np.round(self.model.scores(train, test, labels[train]), _DIGITS), axis=0)
            mine = labels[test]
            n = mine.sum(axis=0)
            won += (ranks * mine).sum(axis=0) - n * (n + 1) / 2
            pairs += n * (len(test) - n)
        return won / pairs

    def importance(
        self, found: Fitted, owner: NDArray[np.intp], columns: int, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return how much of the AUC is lost when the values of a column are shuffled among held-out rows."""
        lost, pairs = np.zeros(columns), 0
        for (_, test), score in zip(self._splits(), found.scorers, strict=True):
            rows = rng.permutation(test)[: max(_ROWS_SHUFFLED // len(found.scorers), 20)]
            values, mine = self.model.values[rows], self.current[rows]
            if mine.all() or not mine.any():
                continue
            before = _wins(score(values), mine)[mine].sum() * (~mine).sum()
            for column in range(columns):
                shuffled = values.copy()
                shuffled[:, owner == column] = rng.permutation(values[:, owner == column])
                lost[column] += before - _wins(score(shuffled), mine)[mine].sum() * (~mine).sum()
            pairs += int(mine.sum()) * int((~mine).sum())
        return lost / max(pairs, 1)

    def _splits(self) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        folds = range(int(self.fold.max()) + 1)
        return [(np.flatnonzero(self.fold != k), np.flatnonzero(self.fold == k)) for k in folds]


def _wins(scores: NDArray[np.float64], mine: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return for each row the share of rows of the other side it is in order with, ties one half.

    Examples
    --------
    >>> _wins(np.array([1.0, 2.0, 3.0]), np.array([False, True, False])).tolist()
    [1.0, 0.5, 0.0]
    """
    scores, found = np.round(scores, _DIGITS), np.empty(len(scores))
    for side, sign in ((mine, 1), (~mine, -1)):
        other = np.sort(sign * scores[~side])
        ours = sign * scores[side]
        found[side] = (other.searchsorted(ours, "left") + other.searchsorted(ours, "right")) / 2 / max(len(other), 1)
    return found
