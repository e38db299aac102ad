"""Tests of one column on two sides, each with its statistic and p-value."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import asdict, frozen

from mlcycle._html import number, table
from mlcycle._text import printable
from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_seed, check_share, check_whole
from mlcycle.stats._estimate import Estimate, smallest_detectable
from mlcycle.stats._rates import difference_of_rates, fisher
from mlcycle.stats.two_sample import _levels, _ordered
from mlcycle.stats.two_sample._cramer_von_mises import cvm_p_value, cvm_statistic, tie_sizes
from mlcycle.stats.two_sample._one_column import counts_of, numbers_of
from mlcycle.stats.two_sample._ties import tie_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TwoSampleTest", "contingency", "cramer_von_mises", "kolmogorov_smirnov", "proportions"]


@printable
@frozen(repr=False)
class TwoSampleTest:
    """What one test of two samples found.

    Attributes
    ----------
    test : str
        Which test, and how its p-value was made.
    statistic : float
        The distance the test is about.
    p : float
        Chance of a distance as large when both samples come from one distribution.
    n_reference, n_current : int
        Rows with a value.
    note : str
        What was left out.
    difference : Estimate or None
        For `proportions`, the difference of the two with its interval.
    """

    test: str
    statistic: float
    p: float
    n_reference: int
    n_current: int
    note: str = ""
    difference: Estimate | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dict, one row of a table."""
        return asdict(self)

    def __str__(self) -> str:
        found = f"{self.test}: {self.statistic:.4g}, p {self.p:.3g}, n = {self.n_reference} and {self.n_current}"
        more = f"; difference {self.difference}" if self.difference else ""
        return found + more + (f" ({self.note})" if self.note else "")

    def __repr__(self) -> str:
        return f"TwoSampleTest({self})"

    def _repr_html_(self) -> str:
        cells = [self.test, number(self.statistic), number(self.p), self.n_reference, self.n_current, self.note]
        return table(["test", "statistic", "p", "reference", "current", "note"], [cells])


def kolmogorov_smirnov(reference: Any, current: Any) -> TwoSampleTest:
    """Test two columns of numbers by the largest distance of their distribution functions.

    Exact for sides of equal size, up to ``n * m = 250 000``, and up to 10 million where one side has at most 100 rows;
    the exact law of one sample where a side is a thousand times as large as the other; else Kolmogorov's limit with
    Stephens' correction. With repeated values these are conservative, so where they leave a doubt the p-value is exact
    given the ties, at any size. Missing values are left out, infinities are values.

    Parameters
    ----------
    reference, current : array-like of shape (n,) and (m,)
        Numbers or moments.

    Raises
    ------
    InvalidInput
        If a side has no values, or values that have no order.

    References
    ----------
    Hodges (1958), Arkiv för Matematik 3; Stephens (1970), JRSS B 32.

    Examples
    --------
    >>> from mlcycle import stats
    >>> stats.kolmogorov_smirnov([1, 2, 3, 4], [5, 6, 7, None])
    TwoSampleTest(Kolmogorov-Smirnov exact: 1, p 0.0571, n = 4 and 3 (1 missing in the current data))
    """
    found = numbers_of(reference, current)
    n, m = len(found.reference), len(found.current)
    distance = _ordered.ks_statistic(found.reference, found.current)
    p, test = _ordered.ks_p_value(distance, n, m, tie_blocks(found.reference, found.current))
    return TwoSampleTest(test, distance, p, n, m, found.note)


def cramer_von_mises(reference: Any, current: Any, *, seed: int = 0) -> TwoSampleTest:
    """Test two columns of numbers by the mean squared distance of their distribution functions.

    Looks at the whole of the distribution, where Kolmogorov-Smirnov looks at one place. The p-value takes account of
    ties; see `cvm_p_value` for when it is exact. Missing values are left out, infinities are values.

    Parameters
    ----------
    reference, current : array-like of shape (n,) and (m,)
        Numbers or moments.
    seed : int, default 0
        For random divisions, where one side is very small.

    Raises
    ------
    InvalidInput
        If a side has no values, or values that have no order.

    References
    ----------
    Anderson (1962), On the distribution of the two-sample Cramér-von Mises criterion, Annals of Mathematical
    Statistics 33.

    Examples
    --------
    >>> from mlcycle import stats
    >>> stats.cramer_von_mises([1, 2, 3, 4], [5, 6, 7, 8])
    TwoSampleTest(Cramér-von Mises exact: 0.6875, p 0.0286, n = 4 and 4)
    """
    seed = check_seed(seed)
    found = numbers_of(reference, current)
    n, m = len(found.reference), len(found.current)
    distance = cvm_statistic(found.reference, found.current)
    p, test = cvm_p_value(distance, n, m, tie_sizes(found.reference, found.current), seed=seed)
    return TwoSampleTest(test, distance, p, n, m, found.note)


def contingency(
    table_or_reference: Any, current: Any = None, *, bins: int = 10, draws: int = 9999, seed: int = 0
) -> TwoSampleTest:
    """Test whether levels are as frequent on either side.

    Two levels: Fisher's exact test where an expected count is below 1 000, Pearson's chi-square otherwise. More levels:
    chi-square, or its permutation distribution where an expected count is below 5, and below 30 where chi-square finds
    the table striking (p below 0.01). Levels too rare to compare are pooled.

    Parameters
    ----------
    table_or_reference : array-like
        Counts of shape (2, levels), or the column of the reference.
    current : array-like, optional
        The column now; numbers of more than `bins` values are cut at quantiles of both sides together: a test that
        deals rows to sides at random must not have its bins from one of them (effects are cut at the reference).
    bins : int, default 10
        Bins for numbers.
    draws : int, default 9999
        Random tables, where any are drawn: more bring the p-value nearer to the exact one.
    seed : int, default 0
        For random tables.

    Raises
    ------
    InvalidInput
        If the table is not one of counts, a side has no rows, or an option is out of range.

    References
    ----------
    Pearson (1900), Philosophical Magazine 50; Cochran (1954), Biometrics 10, for the rule of 5.

    Examples
    --------
    >>> from mlcycle import stats
    >>> stats.contingency([[50, 30, 20], [30, 30, 40]])
    TwoSampleTest(chi-square: 11.67, p 0.00293, n = 100 and 100)
    """
    draws, seed = check_whole(draws, "draws", 1), check_seed(seed)
    if current is None:
        check_whole(bins, "bins", 2)
        counts, note = _counts(table_or_reference), ""
    else:
        found = counts_of(table_or_reference, current, bins, pooled=True)
        counts, note = found.table, found.note
    n, m = (int(side) for side in counts.sum(axis=1))
    p, test = _levels.level_test(counts, draws, np.random.default_rng(seed), enough=None)
    if counts.shape[1] < 2:
        note = "; ".join(filter(None, ["constant: one level on both sides", note]))
    totals = counts.sum(axis=0)
    squares = (counts[0] - totals * (n / (n + m))) ** 2 / totals
    return TwoSampleTest(test, float(squares.sum()) * (n + m) ** 2 / (n * m), p, n, m, note)


def _counts(data: Any) -> NDArray[np.intp]:
    given = np.asarray(data)
    if given.ndim != 2 or given.shape[0] != 2:
        raise InvalidInput(f"without current, the table has 2 rows of counts, got shape {given.shape}")
    if given.dtype.kind not in "iuf":
        raise InvalidInput(
            f"a table of counts holds whole numbers, got {given.dtype}; count the levels of either side first"
        )
    if not np.isfinite(given).all() or (given < 0).any() or (given != np.floor(given)).any():
        raise InvalidInput("a table of counts holds whole numbers of 0 or more; give counts, not shares")
    if (given.sum(axis=1) == 0).any():
        raise InvalidInput("each row of the table counts at least one row of data; one side has none")
    return _levels.pooled_levels(given[0], given[1])


def proportions(
    hits_reference: int, n_reference: int, hits_current: int, n_current: int, *, confidence: float = 0.95
) -> TwoSampleTest:
    """Test whether a property is as frequent on either side; `difference` is current less reference.

    Fisher's exact test where an expected count is below 1 000, Pearson's chi-square otherwise; Newcombe's interval for
    the difference.

    Parameters
    ----------
    hits_reference, hits_current : int
        Rows that have the property.
    n_reference, n_current : int
        Rows in all.
    confidence : float, default 0.95
        Share of intervals that hold the true difference.

    Raises
    ------
    InvalidInput
        If hits are not between 0 and the rows, or a side has no rows.

    References
    ----------
    Fisher (1935); Newcombe (1998), Statistics in Medicine 17, method 10.

    Examples
    --------
    >>> from mlcycle import stats
    >>> found = stats.proportions(48, 80, 56, 70)
    >>> round(found.p, 4), round(found.difference.value, 2), round(found.difference.low, 4)
    (0.0125, 0.2, 0.0524)
    """
    confidence = check_share(confidence, "confidence", 0.95)
    sides = (
        check_whole(hits_reference, "hits_reference", 0), check_whole(n_reference, "n_reference", 1),
        check_whole(hits_current, "hits_current", 0), check_whole(n_current, "n_current", 1),
    )  # fmt: skip
    for side, hits, n in (("reference", *sides[:2]), ("current", *sides[2:])):
        if hits > n:
            raise InvalidInput(f"hits_{side} is a count between 0 and n_{side}, got {hits!r} of {n!r}")
    found, low, high = difference_of_rates(*sides, confidence)
    pooled = (sides[0] + sides[2] + 1) / (sides[1] + sides[3] + 2)
    error = math.sqrt(pooled * (1 - pooled) * (1 / sides[1] + 1 / sides[3]))
    rows, detectable = sides[1] + sides[3], smallest_detectable(error, confidence)
    difference = Estimate(found, low, high, confidence, rows, error, detectable, "Newcombe")
    if sides[0] + sides[2] in (0, rows):
        return TwoSampleTest("Fisher exact", found, 1.0, sides[1], sides[3], "the same on every row", difference)
    p, test = fisher(*sides)
    return TwoSampleTest(test, found, p, sides[1], sides[3], "", difference)
