"""Kolmogorov-Smirnov of one column on two sides: the one test of a column that is better here than in scipy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import asdict, frozen

from mlcycle._html import number, table
from mlcycle._text import printable
from mlcycle.errors import InvalidInput
from mlcycle.stats.two_sample import _columns, _ordered
from mlcycle.stats.two_sample._column_drafts import compared_as
from mlcycle.stats.two_sample._ties import tie_blocks

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["TwoSampleTest", "kolmogorov_smirnov"]

_SIDES = ("reference", "current")
_NONE = "it is empty or all missing; give at least one on either side"


@printable
@frozen(repr=False)
class TwoSampleTest:
    """What a test of two samples found.

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
    """

    test: str
    statistic: float
    p: float
    n_reference: int
    n_current: int
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dict, one row of a table."""
        return asdict(self)

    def __str__(self) -> str:
        found = f"{self.test}: {self.statistic:.4g}, p {self.p:.3g}, n = {self.n_reference} and {self.n_current}"
        return found + (f" ({self.note})" if self.note else "")

    def __repr__(self) -> str:
        return f"TwoSampleTest({self})"

    def _repr_html_(self) -> str:
        cells = [self.test, number(self.statistic), number(self.p), self.n_reference, self.n_current, self.note]
        return table(["test", "statistic", "p", "reference", "current", "note"], [cells])


def kolmogorov_smirnov(reference: Any, current: Any) -> TwoSampleTest:
    """Test two columns of numbers by the largest distance of their distribution functions.

    Exact for sides of equal size, up to ``n * m = 250 000``, and up to 10 million where one side has at most 100 rows;
    the exact law of one sample where a side is a thousand times as large as the other; else Kolmogorov's limit with
    Stephens' correction. With repeated values these are conservative, so the p-value is exact given the ties, at any
    size, down to 1e-8; `scipy.stats.ks_2samp` takes no account of ties. `test` says whether it is exact. Missing values
    are left out, infinities are values.

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
    Hodges (1958), Arkiv för Matematik 3; Schröer and Trenkler (1995), Computational Statistics & Data Analysis 20, for
    ties; Stephens (1970), JRSS B 32.

    Examples
    --------
    >>> from mlcycle import stats
    >>> stats.kolmogorov_smirnov([1, 2, 3, 4], [5, 6, 7, None])
    TwoSampleTest(Kolmogorov-Smirnov exact: 1, p 0.0571, n = 4 and 3 (1 missing in the current data))
    """
    a, b, note = _numbers_of(reference, current)
    distance = _ordered.ks_statistic(a, b)
    p, test = _ordered.ks_p_value(distance, len(a), len(b), tie_blocks(a, b))
    return TwoSampleTest(test, distance, p, len(a), len(b), note)


def _numbers_of(reference: Any, current: Any) -> tuple[NDArray[Any], NDArray[Any], str]:
    """Return both sides sorted, infinities kept as the lowest and highest values, and what was left out.

    Whole numbers stay what they are: as floats those beyond 2**53 would lose their last digits, and ids their order.
    """
    a, b = _series(reference, "reference"), _series(current, "current")
    kind, why = compared_as(a, b)
    if kind not in ("numeric", "boolean", "datetime", "empty"):
        what = why or f"they hold {kind} values; compare those with `drift`"
        raise InvalidInput(f"reference and current are numbers or moments: {what}")
    sides = [_known(side, kind) for side in (a, b)]
    for name, values in zip(_SIDES, sides, strict=True):
        if not len(values):
            raise InvalidInput(f"{name} has no values: {_NONE}")
    return *_comparable(*sides), _missing(a, b)


def _series(data: Any, side: str) -> pd.Series[Any]:
    frame = _columns.as_frame(data if not np.isscalar(data) else [data], side)
    if not frame.shape[1]:
        raise InvalidInput(f"{side} has no values: {_NONE}")
    if frame.shape[1] != 1:
        raise InvalidInput(f"{side} is one column, got {frame.shape[1]}; `drift` compares whole frames")
    return frame.iloc[:, 0]


def _known(column: pd.Series[Any], kind: str) -> NDArray[Any]:
    # Through `ordered_of` infinities would go; rank tests want them at their places.
    found = _columns.ordered_of(column, "datetime" if kind == "datetime" else "numeric")
    values = found.values
    if values.dtype.kind == "f":
        values = values.astype(np.float64)
    if not found.infinite:
        return values
    low = int((column.dropna() == -np.inf).sum())
    return np.concatenate([np.full(low, -np.inf), values, np.full(found.infinite - low, np.inf)])


def _comparable(a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return whole numbers as one type that holds both sides, if there is one; numpy makes floats of int and uint."""
    if a.dtype.kind not in "iu" or b.dtype.kind not in "iu":
        return a, b
    least, most = min(int(a[0]), int(b[0])), max(int(a[-1]), int(b[-1]))
    if most <= np.iinfo(np.int64).max:
        return a.astype(np.int64), b.astype(np.int64)
    return (a.astype(np.uint64), b.astype(np.uint64)) if least >= 0 else (a, b)


def _missing(a: pd.Series[Any], b: pd.Series[Any]) -> str:
    counts = [int(side.isna().sum()) for side in (a, b)]
    names = ("the reference", "the current data")
    return ", ".join(f"{count} missing in {name}" for count, name in zip(counts, names, strict=True) if count)
