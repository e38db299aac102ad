"""Can a classifier tell on which side a row is? The domain classifier: cross-fitted, with an exact permutation test."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.stats._arguments import check_seed, check_whole
from mlcycle.stats._estimate import POWER, z_value
from mlcycle.stats._simulated import simulated_p
from mlcycle.stats.multivariate._crossfit import CrossFit, Fitted, Ridge, Wrapped, folds_of
from mlcycle.stats.multivariate._finding import JointDrift, Setting, finding, joint_verdict, undecided
from mlcycle.stats.multivariate._points import Points, points_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from numpy.typing import NDArray

__all__ = ["domain_classifier"]

# What one normal column moved by 0.1 standard deviations gives at best: Phi(0.1 / sqrt(2)).
_MARGIN = 0.528
# An estimator of one's own is fitted `folds` times a permutation.
_PERMUTATIONS = (999, 99)
_MOST_TELLING = 10


def domain_classifier(
    reference: Any,
    current: Any,
    *,
    folds: int = 5,
    estimator: Any = None,
    columns: Iterable[Hashable] | None = None,
    groups: tuple[Any, Any] | None = None,
    scale: str = "ranks",
    alpha: float = 0.05,
    margin: float | None = None,
    permutations: int | None = None,
    most: int = 2000,
    seed: int = 0,
) -> JointDrift:
    """Test whether two samples of rows differ in anything, by a classifier that tells them apart, and say by what.

    `statistic` and `effect` are its cross-fitted AUC: rows are scored by a classifier that never saw them, and pairs of
    a row of either side are compared within a fold. 0.5 is no difference. The interval is for the AUC of classifiers
    trained on this many rows, which is at most that of the best there could be. The p-value comes from permuting the
    sides of rows within folds and **training again** for every permutation, so it is exact whatever the classifier.

    Unless an estimator is given, the classifier is a ridge regression of the side on the coordinates, their squares and
    200 random Fourier features of them all, about as free as the root of the number of rows allows: it sees shifts,
    spreads and dependence, and training it anew for a thousand permutations is one product of matrices.

    Parameters
    ----------
    folds : int, default 5
        Fewer where a side has not two rows (or groups) for each.
    estimator : scikit-learn classifier, optional
        Fitted `folds` times for every permutation; stopped early when there is nothing to find.
    margin : float, optional
        The smallest AUC that matters, 0.528 unless given: what one column moved by 0.1 standard deviations allows.
    permutations : int, optional
        999, or 99 with an estimator, unless given; with the 20th that is as large as what was found, no more are made
        (Besag and Clifford 1991).
    reference, current, columns, groups, scale, alpha, most, seed
        As in `energy_distance`. An `estimator` without a ``random_state`` gets the seed.

    Returns
    -------
    JointDrift
        When the test is significant, `telling` has the columns whose shuffling, within the held-out rows, costs most
        AUC (permutation importance).

    Raises
    ------
    InvalidInput
        For arguments that cannot be used.

    References
    ----------
    Kim, Ramdas, Singh and Wasserman (2021), Classification accuracy as a proxy for two-sample testing, Annals of
    Statistics 49. Rahimi and Recht (2007), Random features for large-scale kernel machines. DeLong, DeLong and
    Clarke-Pearson (1988), Biometrics 44, for the interval; LeDell, Petersen and van der Laan (2015), Electronic Journal
    of Statistics 9, for its use across folds.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> before, after = rng.normal(size=(400, 6)), rng.normal(size=(400, 6)) + [0, 0, 0, 0, 0, 0.7]
    >>> found = stats.domain_classifier(before, after)
    >>> found.verdict, found.telling[0][0], round(found.effect, 2)
    ('drifted', 5, 0.71)
    """
    folds, seed = check_whole(folds, "folds", 2), check_seed(seed)
    made = _PERMUTATIONS[estimator is not None] if permutations is None else permutations
    setting = Setting.checked(alpha, margin, made)
    alpha, least = setting.alpha, _MARGIN if setting.margin is None else setting.margin
    rng = np.random.default_rng(seed)
    points = points_of(reference, current, columns=columns, groups=groups, scale=scale, most=most, rng=rng)
    test = f"domain classifier, {'ridge' if estimator is None else type(estimator).__name__}"
    if reason := points.too_few(alpha) or _too_few(points, folds, alpha):
        return undecided(test, points, "AUC", least, alpha, reason)
    fold = folds_of(points.unit, points.first, folds, rng)
    model = Ridge.of(points.values, rng) if estimator is None else Wrapped.of(estimator, points.values, seed)
    fit = CrossFit(model, fold, points.unit, ~points.first)
    found = fit.found()
    p, chance = _permuted(fit, found.auc, setting.permutations, rng)
    low, high = _interval(found, chance, points, 1 - alpha)
    detectable = _detectable(chance, alpha, least) if estimator is None else math.nan
    verdict, note = joint_verdict(p, low, high, alpha, least, detectable)
    return finding(
        points,
        note,
        test=test,
        p=p,
        statistic=found.auc,
        effect=found.auc,
        low=low,
        high=high,
        unit="AUC",
        margin=least,
        detectable=detectable,
        alpha=alpha,
        verdict=verdict,
        telling=_telling(fit, found, points, rng) if p <= alpha else (),
    )


def _too_few(points: Points, folds: int, alpha: float) -> str:
    """Return why no permutation within folds can be significant; empty when one can."""

    def ways(n: int, m: int) -> float:
        parts = min(folds, min(n, m) // 2)
        return math.prod(math.comb((n + m) // parts, n // parts) for _ in range(parts))

    needed = 4
    while 1 / ways(needed, needed) > alpha:
        needed += 1
    fewest = min(points.units)
    return "" if fewest >= needed else f"too few rows or groups for any verdict; {needed} on either side would do"


def _permuted(
    fit: CrossFit, found: float, permutations: int, rng: np.random.Generator
) -> tuple[float, NDArray[np.float64]]:
    seen: list[NDArray[np.float64]] = []

    def simulate(size: int) -> NDArray[np.float64]:
        values = fit.permuted(size, found, rng)
        seen.append(values)
        return values

    p = simulated_p(simulate, found, permutations)
    values = np.concatenate(seen)
    return p, values[np.isfinite(values)]


def _interval(found: Fitted, chance: NDArray[np.float64], points: Points, confidence: float) -> tuple[float, float]:
    """Return Wald's limits, or where every pair is in order the exact lower one of as many disjoint pairs.

    Folds share the rows they are trained on, which DeLong's error does not see. Where there is little to find that
    matters most, and there the permutations tell it: the error is not less than theirs.
    """
    if found.auc >= 1:
        return ((1 - confidence) / 2) ** (1 / min(points.units)), 1.0
    reach = z_value(0.5 + confidence / 2) * max(found.error, float(np.std(chance)))
    return max(found.auc - reach, 0.0), min(found.auc + reach, 1.0)


def _detectable(chance: NDArray[np.float64], alpha: float, margin: float) -> float:
    """Return the AUC of the trained classifiers that is called drift with 80 % power; infinite when none below 1 is.

    It must exceed the critical value of the permutations and its interval the margin. An AUC spreads most at one half,
    as under permutations.
    """
    noise, critical = float(np.std(chance)), float(np.quantile(chance, 1 - alpha))
    needed = critical + z_value(POWER) * noise, margin + (z_value(POWER) + z_value(1 - alpha / 2)) * noise
    return max(needed) if max(needed) < 1 else math.inf


def _telling(
    fit: CrossFit, found: Fitted, points: Points, rng: np.random.Generator
) -> tuple[tuple[Hashable, float], ...]:
    lost = fit.importance(found, points.owner, len(points.columns), rng)
    order = [at for at in np.argsort(-lost, kind="stable")[:_MOST_TELLING] if lost[at] > 0]
    return tuple((points.columns[at], float(lost[at])) for at in order)
