"""What a score means, learned from labelled rows: a beta or an isotonic curve; and others as likely."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mlcycle.stats.label_free._scores import Reference

    Rows = NDArray[np.float64]

__all__ = ["Calibration", "calibration_of", "effective_rows"]

# Reference scores are summed up in so many groups of equal size: a resample then costs a pass over the groups.
_GROUPS = 400
_FOLDS = 5
_LEAST = 1e-6
# A faint prior around "scores mean what they say": without it separable rows have no finite fit.
# Coefficients are drawn from a law somewhat wider than it should be, so many for each that is kept.
_CANDIDATES, _WIDER = 10, 1.5
_PRIOR, _PRECISION = np.array([0.0, 1.0, 1.0]), np.array([0.25, 1.0, 1.0])


@frozen(eq=False)
class _Curve:
    """One label's scores: means of groups, rising; the group of every row; ones where a row has the label."""

    centre: Rows
    group: NDArray[np.intp]
    truth: Rows

    def sums(self, weights: Rows) -> tuple[Rows, Rows]:
        """Return the weight of every group, and the weight in it that has the label."""
        group, m = self.group, len(self.centre)
        return np.bincount(group, weights, m).astype(float), np.bincount(group, weights * self.truth, m).astype(float)


@frozen(eq=False)
class Calibration:
    """Fitted curves of a kind, ``beta`` or ``isotonic``, one a label, and how to draw others as likely."""

    kind: str
    _curves: tuple[_Curve, ...]
    _weights: Rows
    _fits: list[Rows] = field(init=False)

    @_fits.default
    def _fitted(self) -> list[Rows]:
        return self._fit(self._weights)

    def rows(self, chances: Rows) -> Rows:
        """Return the calibrated probabilities of rows, shape (n, k)."""
        return self._applied(self._fits, self._features(chances))

    def others(self, chances: Rows, rng: np.random.Generator, times: int) -> Iterator[Rows]:
        """Yield the probabilities that other curves, as likely given the reference, would have given.

        A beta curve is drawn from what the reference and the faint prior leave possible, an isotonic one comes from
        resampled rows.
        """
        n, features = len(self._weights), self._features(chances)
        if self.kind == "isotonic":
            for _ in range(times):
                counts = np.bincount(rng.integers(0, n, n), minlength=n)
                yield self._applied(self._fit(counts * self._weights), features)
            return
        # Weighted rows tell as much as their effective number; no curve is of the family for certain, so the rarest
        # label counts less by as many rows as there are coefficients.
        sides = [side for curve in self._curves for side in (curve.truth > 0, curve.truth == 0)]
        rarest = min(effective_rows(self._weights[side]) for side in sides)
        worth = effective_rows(self._weights) / n * rarest / (rarest + len(_PRIOR))
        drawn = [
            _drawn(fit, _design(curve.centre), [worth * part for part in curve.sums(self._weights)], rng, times)
            for curve, fit in zip(self._curves, self._fits, strict=True)
        ]
        for b in range(times):
            yield self._applied([thetas[b] for thetas in drawn], features)

    def _fit(self, weights: Rows) -> list[Rows]:
        fit = _isotonic if self.kind == "isotonic" else _beta
        return [fit(curve.centre, *curve.sums(weights)) for curve in self._curves]

    def _features(self, chances: Rows) -> list[Rows]:
        of = _design if self.kind == "beta" else np.asarray
        return [of(chances[:, chances.shape[1] - len(self._curves) + k]) for k in range(len(self._curves))]

    def _applied(self, fits: list[Rows], features: list[Rows]) -> Rows:
        if self.kind == "beta":
            columns = [_sigmoid(theta, design) for theta, design in zip(fits, features, strict=True)]
        else:
            known = zip(self._curves, fits, features, strict=True)
            columns = [np.interp(score, curve.centre, values) for curve, values, score in known]
        if len(columns) == 1:
            return np.stack([1 - columns[0], columns[0]], axis=1)
        found = np.stack(columns, axis=1) + 1e-12
        return np.asarray(found / found.sum(axis=1)[:, None])


def calibration_of(reference: Reference, weights: Rows, seed: int) -> Calibration:
    """Return the curve that predicts held-out reference rows best, the beta curve where two are equal.

    Scores as they are do not compete: the prior of the beta curve is that they mean what they say, and few rows that
    cannot tell a wrong score from a right one would take it for right, with limits that miss.

    References
    ----------
    Kull, Silva Filho and Flach (2017), Beta calibration, AISTATS. Zadrozny and Elkan (2002), Transforming classifier
    scores into accurate multiclass probability estimates, KDD (isotonic, and one curve a label for more than two). The
    choice is by log loss over five folds.
    """
    k = reference.chances.shape[1]
    # One curve says all about two labels.
    curves = tuple(_curve(reference.chances[:, at], reference.truth[:, at]) for at in range(k == 2, k))
    fold = np.random.default_rng(seed).permutation(len(weights)) % _FOLDS
    losses = {}
    for kind in ("beta", "isotonic"):
        own = np.empty(len(weights))
        for held in (fold == k for k in range(_FOLDS)):
            chances = Calibration(kind, curves, np.where(held, 0.0, weights)).rows(reference.chances[held])
            own[held] = chances[np.arange(held.sum()), reference.code[held]]
        losses[kind] = float(weights @ -np.log(np.maximum(own, 1 / (len(own) + 2))))
    return Calibration(min(losses, key=lambda kind: losses[kind]), curves, weights)


def effective_rows(weights: Rows) -> float:
    """Return how many rows of weight one these are worth (Kish 1965, Survey Sampling).

    Examples
    --------
    >>> effective_rows(np.array([1.0, 1.0, 1.0])), effective_rows(np.array([4.0, 0.0]))
    (3.0, 1.0)
    """
    return float(weights.sum() ** 2 / (weights**2).sum())


def _curve(score: Rows, truth: Rows) -> _Curve:
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    coarse = (np.cumsum(counts) - 1) * _GROUPS // len(score)
    group = np.unique(coarse, return_inverse=True)[1][inverse].astype(np.intp)
    return _Curve(np.bincount(group, score) / np.bincount(group), group, truth)


def _drawn(fit: Rows, design: Rows, sums: list[Rows], rng: np.random.Generator, times: int) -> Rows:
    """Return coefficients of a beta curve, as likely as the reference makes them, shape (times, 3).

    References
    ----------
    Rubin (1988), Using the SIR algorithm to simulate posterior distributions, Bayesian Statistics 3: more are drawn
    from the normal law around the fit, and kept in proportion to how much too seldom it draws them.
    """
    weight, positive = sums
    root = np.linalg.cholesky(np.linalg.inv(_curvature(fit, design, weight)))
    steps = rng.normal(size=(_CANDIDATES * times, 3))
    thetas = fit + _WIDER * steps @ root.T
    odds = np.clip(thetas @ design, -40, 40)
    gain = odds @ positive - np.logaddexp(0, odds) @ weight - (_PRECISION * (thetas - _PRIOR) ** 2).sum(axis=1) / 2
    lag = gain + (steps**2).sum(axis=1) / 2
    chance = np.exp(lag - lag.max())
    return np.asarray(thetas[rng.choice(len(thetas), times, p=chance / chance.sum())])


def _design(score: Rows) -> Rows:
    """Return the terms of a beta curve; with coefficients 0, 1, 1 they add up to the log odds of the score."""
    kept = np.clip(score, _LEAST, 1 - _LEAST)
    return np.stack([np.ones_like(kept), np.log(kept), -np.log1p(-kept)])


def _sigmoid(theta: Rows, design: Rows) -> Rows:
    return np.asarray(1 / (1 + np.exp(-np.clip(theta @ design, -40, 40))))


def _beta(centre: Rows, weight: Rows, positive: Rows) -> Rows:
    """Return the coefficients of a beta curve by Newton's method."""
    design, theta = _design(centre), _PRIOR
    for _ in range(30):
        mean = _sigmoid(theta, design)
        slope = design @ (positive - weight * mean) - _PRECISION * (theta - _PRIOR)
        step = np.linalg.solve(_curvature(theta, design, weight), slope)
        theta = theta + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-8:
            break
    return theta


def _curvature(theta: Rows, design: Rows, weight: Rows) -> Rows:
    """Return the second derivatives of minus the log posterior: the inverse of the covariance of the coefficients."""
    mean = _sigmoid(theta, design)
    return np.asarray((design * (weight * mean * (1 - mean))) @ design.T + np.diag(_PRECISION))


def _isotonic(centre: Rows, weight: Rows, positive: Rows) -> Rows:
    """Return the value at every group; a block counts one row more, of the overall rate, so that none is certain."""
    from scipy import optimize

    seen = weight > 0
    fitted = optimize.isotonic_regression(positive[seen] / weight[seen], weights=weight[seen])
    sizes, lengths = fitted.weights, np.diff(fitted.blocks)
    overall = positive.sum() / weight.sum()
    values = np.repeat((fitted.x[fitted.blocks[:-1]] * sizes + overall) / (sizes + 1), lengths)
    return np.interp(centre, centre[seen], np.maximum.accumulate(values))
