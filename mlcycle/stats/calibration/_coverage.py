"""Measured coverage: how often intervals or sets held the truth, overall and in every group."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import asdict, frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._estimate import Estimate, check_confidence
from mlcycle.stats._rates import clopper_pearson, wilson
from mlcycle.stats.calibration._conformal import ConformalIntervals, ConformalSets

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Coverage", "GroupCoverage", "coverage"]


@frozen
class GroupCoverage:
    """Coverage of one group.

    Attributes
    ----------
    name : str
        The group.
    share : Estimate
        Share of its rows that were held; the intervals of all groups hold at once.
    size : float
        Mean width of its intervals, or mean labels in its sets.
    """

    name: str
    share: Estimate
    size: float


@frozen(repr=False)
class Coverage:
    """What `coverage` found.

    Attributes
    ----------
    share : Estimate
        Share of rows that were held, with Wilson's interval.
    size : float
        Mean width of intervals, or mean number of labels in sets.
    groups : tuple of GroupCoverage
        The least covered first; empty without groups.
    """

    share: Estimate
    size: float
    groups: tuple[GroupCoverage, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return everything as nested plain dicts."""
        return asdict(self)

    def frame(self) -> pd.DataFrame:
        """Return one row for all, and one a group."""
        import pandas as pd

        rows = [("all", self.share, self.size), *((each.name, each.share, each.size) for each in self.groups)]
        table = [{"rows": s.n, "coverage": s.value, "low": s.low, "high": s.high, "size": size} for _, s, size in rows]
        return pd.DataFrame(table, index=pd.Index([name for name, _, _ in rows], name="group"))

    def __str__(self) -> str:
        least = self.groups[0] if self.groups else None
        worst = f"; least in {least.name}: {least.share}" if least else ""
        return f"{self.share}, mean size {self.size:.4g}{worst}"

    def __repr__(self) -> str:
        return f"Coverage({self})"

    def _repr_html_(self) -> str:
        from mlcycle import _html

        rows = [
            [name, *row[["rows", "coverage"]], _html.bar(row["coverage"], row["low"], row["high"]), row["size"]]
            for name, row in self.frame().astype({"rows": object}).iterrows()
        ]
        return str(_html.table(["group", "rows", "coverage", "", "mean size"], rows))


def coverage(
    y: ArrayLike,
    low: ArrayLike | ConformalIntervals | ConformalSets,
    high: ArrayLike | None = None,
    *,
    groups: ArrayLike | None = None,
    confidence: float = 0.95,
) -> Coverage:
    """Measure how often intervals or sets hold the truth, and how large they are for it.

    Parameters
    ----------
    y : array-like of shape (n,)
        The truth, of rows that were not used for calibration.
    low, high : array-like of shape (n,)
        Limits, which belong to the interval; or, as `low` alone, what `conformal_interval` or `conformal_sets`
        returned.
    groups : array-like of shape (n,), optional
        Measure within each as well. Intervals of the groups hold all at once (Šidák's correction; groups share no
        rows), so that one group below what was promised is a finding.
    confidence : float, default 0.95
        Share of intervals that hold the true coverage.

    Raises
    ------
    InvalidInput
        For lengths that differ, missing values, a lower limit above the upper one.

    References
    ----------
    Wilson (1927), JASA 22. Šidák (1967), JASA 62. Angelopoulos and Bates (2023), Conformal prediction: a gentle
    introduction, Foundations and Trends in Machine Learning 16, section 3, for what to measure.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> y = np.arange(10.0)
    >>> stats.coverage(y, np.zeros(10), np.full(10, 7.0))
    Coverage(0.80, 95 % interval 0.49 to 0.94, n = 10, mean size 7)
    """
    confidence = check_confidence(confidence)
    held, size = _held(y, low, high)
    share = wilson(int(held.sum()), len(held), confidence)
    overall = Coverage(share, float(size.mean()) if len(size) else math.nan)
    if groups is None:
        return overall
    names = np.asarray(groups).astype(str)
    if names.shape != held.shape:
        raise InvalidInput(f"groups needs one label per row, shape ({len(held)},), got shape {names.shape}")
    each, code = np.unique(names, return_inverse=True)
    level = confidence ** (1 / max(len(each), 1))
    found = [
        GroupCoverage(
            str(name),
            clopper_pearson(int(held[code == k].sum()), int((code == k).sum()), level),
            float(size[code == k].mean()),
        )
        for k, name in enumerate(each)
    ]
    return Coverage(share, overall.size, tuple(sorted(found, key=lambda group: group.share.value)))


def _held(
    y: ArrayLike, low: ArrayLike | ConformalIntervals | ConformalSets, high: ArrayLike | None
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which rows were held, and the size of every region."""
    truth = np.asarray(y)
    if isinstance(low, ConformalSets):
        if truth.shape != (len(low.member),):
            raise InvalidInput(f"y needs one label a set, shape ({len(low.member)},), got shape {truth.shape}")
        own = truth[:, None] == np.asarray(low.labels)[None, :]
        if strange := sorted({str(label) for label in truth[~own.any(axis=1)]}):
            raise InvalidInput(f"y holds labels the sets do not know: {strange[:5]}, not among {list(low.labels)[:5]}")
        return np.any(own & low.member, axis=1), low.member.sum(axis=1).astype(np.float64)
    if isinstance(low, ConformalIntervals):
        return _held(y, low.low, low.high)
    if high is None:
        raise InvalidInput("give both limits, or what conformal_interval or conformal_sets returned")
    truth, lower, upper = (np.asarray(part, dtype=np.float64) for part in (truth, low, high))
    if not truth.ndim == lower.ndim == upper.ndim == 1 or not len(truth) == len(lower) == len(upper):
        raise InvalidInput(f"y, low and high have one number per row, got {truth.shape}, {lower.shape}, {upper.shape}")
    for name, values in (("y", truth), ("low", lower), ("high", upper)):
        if np.isnan(values).any():
            raise InvalidInput(f"{name} has {int(np.isnan(values).sum())} missing values; drop those rows from all")
    if np.any(lower > upper):
        raise InvalidInput(f"low lies above high in {int((lower > upper).sum())} rows")
    return (lower <= truth) & (truth <= upper), upper - lower
