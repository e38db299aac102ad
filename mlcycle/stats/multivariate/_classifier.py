"""Can a classifier tell on which side a row is? The domain classifier: cross-fitted, with an exact permutation test."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import asdict, evolve, frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_seed, check_share, check_size, check_whole
from mlcycle.stats._estimate import POWER, z_value
from mlcycle.stats.multivariate._cross_fit import CrossFit, ridge, seeded, splits_of
from mlcycle.stats.multivariate._points import Points, points_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from numpy.typing import NDArray

__all__ = ["JointDrift", "domain_classifier"]

# What one normal column moved by 0.1 standard deviations gives at best: Phi(0.1 / sqrt(2)).
_MARGIN = 0.528
# An estimator of one's own is fitted `folds` times a permutation.
_PERMUTATIONS = (999, 99)
_MOST_TELLING = 10


@frozen(repr=False, kw_only=True)
class JointDrift:
    """Whether two samples differ in anything, column by column or in how columns go together.

    Attributes
    ----------
    test : str
        The test and its settings.
    verdict : str
        ``drifted`` when the test is significant **and** the near end of the interval lies beyond the margin, ``within
        margin`` when the far end does not, ``not seen`` when neither is sure, or there was nothing to compare.
    p : float
        Its permutation p-value; ``nan`` when there was nothing to compare.
    effect, low, high : float
        The cross-fitted AUC (0.5 no difference, 1 nothing in common), and its interval of confidence ``1 - alpha``.
    margin : float
        The smallest AUC that matters.
    detectable : float
        The smallest AUC that would have been called drift with 80 % power at these sizes; ``nan`` if not known,
        ``inf`` if none would have been.
    alpha : float
        The level.
    n_reference, n_current : int
        Rows given.
    used : tuple of int
        Rows compared on either side.
    columns : tuple
        Columns compared.
    dropped : tuple of (column, reason)
        Columns that cannot be compared.
    only_reference, only_current : tuple
        Columns that one side does not have.
    telling : tuple of (column, float)
        The columns that tell the samples apart, most telling first: the AUC that is lost without them.
    note : str
        What a reader must know: rows left out, why there is no verdict and how many rows would do.
    """

    test: str
    verdict: str = "not seen"
    p: float = math.nan
    effect: float = math.nan
    low: float = math.nan
    high: float = math.nan
    margin: float
    detectable: float = math.nan
    alpha: float
    n_reference: int
    n_current: int
    used: tuple[int, int]
    columns: tuple[Hashable, ...]
    dropped: tuple[tuple[Hashable, str], ...] = ()
    only_reference: tuple[Hashable, ...] = ()
    only_current: tuple[Hashable, ...] = ()
    telling: tuple[tuple[Hashable, float], ...] = ()
    note: str = ""

    @property
    def drifted(self) -> bool:
        """Whether the verdict is ``drifted``."""
        return self.verdict == "drifted"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dict, one row of a table."""
        return asdict(self)

    def _size(self) -> str:
        if math.isnan(self.effect):
            return "not compared"
        return f"AUC {self.effect:.3g} [{self.low:.3g}, {self.high:.3g}], margin {self.margin:.3g}, p {self.p:.2g}"

    def _asides(self) -> list[tuple[str, str]]:
        return [
            *((f"left out: {name!s}", reason) for name, reason in self.dropped),
            ("only in the reference", ", ".join(map(str, self.only_reference))),
            ("only in the current data", ", ".join(map(str, self.only_current))),
            ("note", self.note),
        ]

    def __str__(self) -> str:
        lines = [f"{self.verdict}: {self.test}, {self._size()}, {len(self.columns)} columns"]
        lines[0] += f", {self.n_reference} and {self.n_current} rows"
        if not self.drifted and math.isfinite(self.detectable):
            lines[0] += f", could have seen {self.detectable:.2g}"
        if self.telling:
            lines.append("  telling: " + ", ".join(f"{name!s} {lost:.3f}" for name, lost in self.telling[:5]))
        lines += [f"  {name}: {said}" for name, said in self._asides() if said]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"JointDrift({self.verdict}: {self.test}, {self._size()})"

    def _repr_html_(self) -> str:
        from mlcycle import _html

        facts = [
            ("verdict", _html.badge(self.verdict)),
            ("AUC", self.effect),
            ("interval", _html.bar(self.effect, self.low, self.high, self.margin, verdict=self.verdict)),
            ("margin", self.margin),
            ("detectable", self.detectable if math.isfinite(self.detectable) else None),
            ("p", self.p),
            ("rows", f"{self.n_reference:,} and {self.n_current:,}"),
            ("columns", len(self.columns)),
            *self._asides(),
        ]
        telling = [[str(name), lost] for name, lost in self.telling]
        extra = [_html.table(["column", "AUC lost without it"], telling)] if telling else []
        return str(_html.card(self.test, facts, *extra))


def domain_classifier(
    reference: Any,
    current: Any,
    *,
    folds: int = 5,
    estimator: Any = None,
    columns: Iterable[Hashable] | None = None,
    groups: Any = None,
    alpha: float = 0.05,
    margin: float | None = None,
    permutations: int | None = None,
    most: int = 2000,
    seed: int = 0,
) -> JointDrift:
    """Test whether two samples of rows differ in anything, by a classifier that tells them apart, and say by what.

    `effect` is its cross-fitted AUC: rows are scored by a classifier that never saw them, and pairs of
    a row of either side are compared within a fold. 0.5 is no difference. The interval is for the AUC of classifiers
    trained on this many rows, which is at most that of the best there could be. The p-value comes from permuting the
    sides of rows within folds and **training again** for every permutation, so it is exact whatever the classifier.

    Unless an estimator is given, the classifier is scikit-learn's ridge regression of the side on the coordinates,
    their squares and 200 random Fourier features of them all, about as free as the root of the number of rows allows:
    it sees shifts, spreads and dependence, and a thousand permutations are one regression with a thousand targets.
    Numbers are compared by their ranks, text by its length, levels one by one; all learnt from both samples together.

    Parameters
    ----------
    reference, current : DataFrame, Series, Arrow table, ndarray or mapping of columns
        The samples, as for `drift`; embeddings as one array.
    folds : int, default 5
        Fewer where a side has not two rows (or groups) for each.
    estimator : scikit-learn classifier, optional
        Fitted `folds` times for every permutation; stopped early when there is nothing to find. Without a
        ``random_state`` it gets the seed.
    columns : iterable, optional
        The columns to use; all that both sides have, unless given.
    groups : column, or pair of array-like, optional
        What every row of either side belongs to, as for `drift`; rows of one group change sides together.
    alpha : float, default 0.05
        The level; intervals have confidence ``1 - alpha``.
    margin : float, optional
        The smallest AUC that matters, 0.528 unless given: what one column moved by 0.1 standard deviations allows.
    permutations : int, optional
        999, or 99 with an estimator, unless given; with the 20th that is as large as what was found, no more are made
        (Besag and Clifford 1991).
    most : int, default 2000
        Rows of a side above which a random part of it is compared.
    seed : int, default 0
        For folds, waves, permutations and that part.

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
    from threadpoolctl import threadpool_limits

    folds, seed = check_whole(folds, "folds", 2), check_seed(seed)
    alpha, least, made = _checked(alpha, margin, _PERMUTATIONS[estimator is not None], permutations)
    rng = np.random.default_rng(seed)
    points = points_of(reference, current, columns=columns, groups=groups, most=most, rng=rng)
    model = None if estimator is None else seeded(estimator, seed)
    found = JointDrift(
        test=f"domain classifier, {'ridge' if estimator is None else type(estimator).__name__}",
        margin=least, alpha=alpha, n_reference=points.rows[0], n_current=points.rows[1], used=points.used,
        columns=points.columns, dropped=points.dropped,
        only_reference=points.only_reference, only_current=points.only_current,
    )  # fmt: skip
    if reason := _too_few(points, folds, alpha):
        return _noted(found, reason)
    # Small matrices: threads of BLAS win nothing, and on a busy machine wait for each other a hundred times as long.
    with threadpool_limits(1, "blas"):
        splits = splits_of(points, folds, seed)
        used = ridge(points.values, len(splits[0][0]), seed) if model is None else model
        fit = CrossFit(points, used, splits, model is None)
        auc, error = fit.found()
        p, chance = fit.permuted(auc, made, rng)
        telling = _telling(fit, points, rng) if p <= alpha else ()
    low, high = _interval(auc, max(error, float(np.std(chance))), points, 1 - alpha)
    detectable = _detectable(chance, alpha, least) if model is None else math.nan
    return _judged(evolve(found, p=p, effect=auc, low=low, high=high, detectable=detectable, telling=telling))


def _judged(found: JointDrift) -> JointDrift:
    significant = found.p <= found.alpha
    if significant and found.low > found.margin:
        return _noted(evolve(found, verdict="drifted"), "")
    if found.high <= found.margin:
        return _noted(evolve(found, verdict="within margin"), "")
    if significant:
        return _noted(found, "a difference for certain, but not whether it is beyond the margin")
    few = "too few rows: no difference, however large, is seen with 80 % power; more rows would do"
    return _noted(found, few if math.isinf(found.detectable) else "")


def _noted(found: JointDrift, note: str) -> JointDrift:
    given, used = (found.n_reference, found.n_current), found.used
    part = f"compared {used[0]:,} and {used[1]:,} of {given[0]:,} and {given[1]:,} rows, chosen at random"
    return evolve(found, note="; ".join(text for text in (note, part if used != given else "") if text))


def _checked(alpha: Any, margin: Any, usual: int, permutations: Any) -> tuple[float, float, int]:
    alpha = check_share(alpha, "alpha", 0.05)
    made = check_whole(usual if permutations is None else permutations, "permutations", 1)
    least = _MARGIN if margin is None else check_size(margin, "margin", "the smallest AUC that matters, below 1")
    if least >= 1:
        raise InvalidInput(f"margin is the smallest AUC that matters, below 1, got {margin!r}")
    if made < 1 / alpha - 1:
        needed = math.ceil(1 / alpha - 1)
        raise InvalidInput(f"permutations must be {needed} at least to reach alpha {alpha:g}, got {permutations!r}")
    return alpha, least, made


def _too_few(points: Points, folds: int, alpha: float) -> str:
    """Return why there is nothing to compare, or no permutation within folds can be significant."""
    if not points.columns:
        return "no column that can be compared"

    def ways(n: int, m: int) -> float:
        parts = min(folds, min(n, m) // 2)
        return math.prod(math.comb((n + m) // parts, n // parts) for _ in range(parts))

    needed = 4
    while 1 / ways(needed, needed) > alpha:
        needed += 1
    if min(points.units) >= needed:
        return ""
    of = "rows" if len(np.unique(points.unit)) == len(points.unit) else "groups"
    return f"too few {of} for any verdict; {needed} on either side would do"


def _interval(auc: float, error: float, points: Points, confidence: float) -> tuple[float, float]:
    """Return Wald's limits, or where every pair is in order the exact lower one of as many disjoint pairs.

    Folds share the rows they are trained on, which DeLong's error does not see. Where there is little to find that
    matters most, and there the permutations tell it: the error is not less than theirs.
    """
    if auc >= 1:
        return ((1 - confidence) / 2) ** (1 / min(points.units)), 1.0
    reach = z_value(0.5 + confidence / 2) * error
    return max(auc - reach, 0.0), min(auc + reach, 1.0)


def _detectable(chance: NDArray[np.float64], alpha: float, margin: float) -> float:
    """Return the AUC of the trained classifiers that is called drift with 80 % power; infinite when none below 1 is.

    It must exceed the critical value of the permutations and its interval the margin. An AUC spreads most at one half,
    as under permutations.
    """
    noise, critical = float(np.std(chance)), float(np.quantile(chance, 1 - alpha))
    needed = critical + z_value(POWER) * noise, margin + (z_value(POWER) + z_value(1 - alpha / 2)) * noise
    return max(needed) if max(needed) < 1 else math.inf


def _telling(fit: CrossFit, points: Points, rng: np.random.Generator) -> tuple[tuple[Hashable, float], ...]:
    lost = fit.importance(rng)
    order = [at for at in np.argsort(-lost, kind="stable")[:_MOST_TELLING] if lost[at] > 0]
    return tuple((points.columns[at], float(lost[at])) for at in order)
