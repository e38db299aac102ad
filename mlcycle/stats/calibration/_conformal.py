"""Conformal intervals and sets: regions that hold the truth as often as asked, whatever the model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import asdict, cmp_using, field, frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_seed
from mlcycle.stats._labels import check_pair

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ConformalIntervals", "ConformalSets", "Promise", "conformal_interval", "conformal_sets"]

_same = cmp_using(eq=np.array_equal)


@frozen
class Promise:
    """What a conformal threshold of `rank` among `n` calibration rows promises.

    Attributes
    ----------
    coverage : float
        Asked.
    n : int
        Calibration rows.
    threshold : float
        The `rank`-th smallest nonconformity of the calibration rows; infinite when there are too few.
    rank : int
        ``ceil((n + 1) * coverage)``.
    """

    coverage: float
    n: int
    threshold: float
    rank: int

    @property
    def expected(self) -> float:
        """Coverage on average over calibration sets: ``rank / (n + 1)`` for scores without ties, more with ties."""
        return min(1.0, self.rank / (self.n + 1))

    @property
    def assured(self) -> float:
        """Coverage that 95 % of calibration sets of this size reach: a quantile of Beta(rank, n + 1 - rank)."""
        from scipy import special

        return float(special.betaincinv(self.rank, self.n + 1 - self.rank, 0.05)) if self.rank <= self.n else 1.0

    @property
    def reason(self) -> str:
        """Empty, or why the regions hold everything and how many rows would do."""
        if self.rank <= self.n:
            return ""
        least = math.ceil(self.coverage / (1 - self.coverage) - 1e-9)
        return f"{self.n} calibration rows cannot bound {100 * self.coverage:g} %; {least} would do"

    def __str__(self) -> str:
        if self.reason:
            return f"unbounded: {self.reason}"
        return (
            f"{100 * self.coverage:g} % asked, {100 * self.expected:.1f} % expected, "
            f"{100 * self.assured:.1f} % or more in 95 of 100 calibrations of {self.n} rows"
        )


@frozen(repr=False)
class ConformalIntervals:
    """Intervals for new rows, from `conformal_interval`.

    Attributes
    ----------
    low, high : ndarray of shape (m,)
        Limits, infinite when there are too few calibration rows (`promise` then says how many would do).
    promise : Promise
        What they promise.
    """

    low: NDArray[np.float64] = field(eq=_same)
    high: NDArray[np.float64] = field(eq=_same)
    promise: Promise

    def as_dict(self) -> dict[str, Any]:
        """Return what was promised and the mean width, without the rows."""
        return {**asdict(self.promise), "rows": len(self.low), "mean_width": self._width()}

    def frame(self) -> pd.DataFrame:
        """Return one row an interval."""
        import pandas as pd

        return pd.DataFrame({"low": self.low, "high": self.high})

    def _width(self) -> float:
        return float(np.mean(self.high - self.low)) if len(self.low) else math.nan

    def __str__(self) -> str:
        return f"{len(self.low)} intervals, mean width {self._width():.4g}; {self.promise}"

    def __repr__(self) -> str:
        return f"ConformalIntervals({self})"


@frozen(repr=False)
class ConformalSets:
    """Sets of labels for new rows, from `conformal_sets`.

    Attributes
    ----------
    member : ndarray of bool of shape (m, labels)
        Which labels are in the set of a row. A set may be empty: no label conforms.
    labels : tuple
        The columns of `member`.
    promise : Promise
        What they promise.
    """

    member: NDArray[np.bool_] = field(eq=_same)
    labels: tuple[Any, ...]
    promise: Promise

    def sets(self) -> list[tuple[Any, ...]]:
        """Return the labels in the set of every row."""
        return [tuple(label for label, held in zip(self.labels, row, strict=True) if held) for row in self.member]

    def as_dict(self) -> dict[str, Any]:
        """Return what was promised and the mean size, without the rows."""
        return {**asdict(self.promise), "rows": len(self.member), "mean_size": self._size()}

    def frame(self) -> pd.DataFrame:
        """Return one row a set, one column a label."""
        import pandas as pd

        return pd.DataFrame(self.member, columns=list(self.labels))

    def _size(self) -> float:
        return float(self.member.sum(axis=1).mean()) if len(self.member) else math.nan

    def __str__(self) -> str:
        return f"{len(self.member)} sets of {len(self.labels)} labels, mean size {self._size():.3g}; {self.promise}"

    def __repr__(self) -> str:
        return f"ConformalSets({self})"


def conformal_interval(
    y_calibration: ArrayLike,
    prediction_calibration: ArrayLike,
    prediction: ArrayLike,
    *,
    coverage: float = 0.9,
    scale_calibration: ArrayLike | None = None,
    scale: ArrayLike | None = None,
) -> ConformalIntervals:
    """Return intervals for numbers to come that hold them with at least the coverage asked.

    This holds for every model and every distribution, on average over rows and calibration sets, as long as calibration
    rows and new rows are exchangeable and the model has seen neither. It need not hold within a group: see `coverage`.

    Parameters
    ----------
    y_calibration : array-like of shape (n,)
        The truth of the calibration rows.
    prediction_calibration, prediction : array-like of shape (n,) and (m,), or (n, 2) and (m, 2)
        Predicted numbers, or a lower and an upper quantile of each row (conformalised quantile regression).
    coverage : float, default 0.9
        Share of intervals to hold the truth.
    scale_calibration, scale : array-like of shape (n,) and (m,), optional
        Predicted spread of either rows, above 0: intervals are then wide in proportion.

    Raises
    ------
    InvalidInput
        For shapes that do not fit, missing or infinite values, a coverage outside (0, 1), a scale that is not above 0,
        one scale without the other.

    References
    ----------
    Papadopoulos et al. (2002), Inductive confidence machines for regression, ECML; Lei et al. (2018), Distribution-free
    predictive inference for regression, JASA 113, for scales. Romano, Patterson and Candès (2019), Conformalized
    quantile regression, NeurIPS. Vovk (2012), Conditional validity of inductive conformal predictors, ACML, for the
    Beta law of the coverage of one calibration set.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> stats.conformal_interval(rng.normal(size=199), np.zeros(199), np.zeros(3))
    ConformalIntervals(3 intervals, mean width 3.028; 90 % asked, 90.0 % expected, 86.3 % or more in 95 of 100
    calibrations of 199 rows)
    >>> stats.conformal_interval([1, 2], [1, 1], [1]).promise.reason
    '2 calibration rows cannot bound 90 %; 9 would do'
    """
    truth, known = check_pair(y_calibration, prediction_calibration)
    truth, known, new = (np.asarray(part, dtype=np.float64) for part in (truth, known, prediction))
    if new.ndim != known.ndim or (known.ndim == 2 and (known.shape[1], new.shape[1]) != (2, 2)):
        raise InvalidInput(
            f"predictions are one number a row, or two quantiles, on both sides; got shapes {known.shape}, {new.shape}"
        )
    for name, values in (("y", truth), ("predictions", known), ("predictions", new)):
        if not np.all(np.isfinite(values)):
            raise InvalidInput(f"{name} hold {int((~np.isfinite(values)).sum())} values that are missing or infinite")
    if (scale is None) != (scale_calibration is None):
        raise InvalidInput("give scale_calibration= and scale= together, or neither")
    spread, new_spread = _spread(scale_calibration, len(truth)), _spread(scale, len(new))
    low, high = (known[:, 0], known[:, 1]) if known.ndim == 2 else (known, known)
    promise = _promise(np.maximum(low - truth, truth - high) / spread, coverage)
    new_low, new_high = (new[:, 0], new[:, 1]) if new.ndim == 2 else (new, new)
    reach = promise.threshold * new_spread
    low, high = new_low - reach, new_high + reach
    # Quantiles further apart than needed are drawn together, past each other where they were close: nothing conforms.
    middle = (new_low + new_high) / 2
    return ConformalIntervals(np.where(low > high, middle, low), np.where(low > high, middle, high), promise)


def conformal_sets(
    y_calibration: ArrayLike,
    probabilities_calibration: ArrayLike,
    probabilities: ArrayLike,
    *,
    labels: ArrayLike,
    coverage: float = 0.9,
    method: str = "lac",
    seed: int = 0,
) -> ConformalSets:
    """Return sets of labels that hold the true one with at least the coverage asked.

    What `conformal_interval` says of exchangeable rows holds here.

    Parameters
    ----------
    y_calibration : array-like of shape (n,)
        The truth of the calibration rows.
    probabilities_calibration, probabilities : array-like of shape (n, k) and (m, k)
        One column a label.
    labels : array-like of shape (k,)
        The label of every column.
    coverage : float, default 0.9
        Share of sets to hold the truth.
    method : {"lac", "aps"}, default "lac"
        ``lac`` takes labels above one threshold: the smallest sets on average, small for easy rows and too seldom right
        for hard ones. ``aps`` adds labels from the likeliest down to a share of probability, the last one by a throw of
        dice: larger sets, more even coverage.
    seed : int, default 0
        The dice of ``aps``.

    Raises
    ------
    InvalidInput
        For shapes that do not fit, probabilities outside [0, 1] or not summing to one, labels of `y_calibration` that
        are not among `labels`, a coverage outside (0, 1).

    References
    ----------
    Sadinle, Lei and Wasserman (2019), Least ambiguous set-valued classifiers with bounded error levels, JASA 114.
    Romano, Sesia and Candès (2020), Classification with valid and adaptive coverage, NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> chances = rng.dirichlet([1, 1, 1], 500)
    >>> y = np.array([rng.choice(list("abc"), p=row) for row in chances])
    >>> found = stats.conformal_sets(y[:400], chances[:400], chances[400:], labels=list("abc"), coverage=0.8)
    >>> found.sets()[0], round(stats.coverage(y[400:], found).share.value, 2)
    (('a',), 0.75)
    """
    names = np.asarray(labels)
    truth, known = check_pair(y_calibration, probabilities_calibration)
    known = _table(known, len(names), "probabilities_calibration")
    new = _table(probabilities, len(names), "probabilities")
    if len(np.unique(names)) != len(names):
        raise InvalidInput(f"labels names every column once, got {names.tolist()!r:.80}")
    own = truth[:, None] == names[None, :]
    if strange := sorted({str(label) for label in truth[~own.any(axis=1)]}):
        raise InvalidInput(f"y_calibration holds labels that are not among `labels`: {strange}")
    if method == "lac":
        odd, new_odd = 1 - known, 1 - new
    elif method == "aps":
        rng = np.random.default_rng(np.random.SeedSequence(check_seed(seed), spawn_key=(0,)))
        odd, new_odd = (_heaped(table, rng.random(len(table))) for table in (known, new))
    else:
        raise InvalidInput(f"method is 'lac' or 'aps', got {method!r}")
    promise = _promise(odd[own], coverage)
    return ConformalSets(new_odd <= promise.threshold, tuple(names.tolist()), promise)


def _promise(odd: NDArray[np.float64], coverage: float) -> Promise:
    if not 0 < coverage < 1:
        raise InvalidInput(f"coverage is a share between 0 and 1 such as 0.9, got {coverage!r}")
    n = len(odd)
    # Rounded first: 0.9 * 10 is a hair above 9 for a computer.
    rank = max(1, math.ceil(round((n + 1) * coverage, 9)))
    threshold = float(np.partition(odd, rank - 1)[rank - 1]) if rank <= n else math.inf
    return Promise(float(coverage), n, threshold, rank)


def _spread(scale: ArrayLike | None, n: int) -> NDArray[np.float64]:
    if scale is None:
        return np.ones(n)
    values = np.asarray(scale, dtype=np.float64)
    if values.shape != (n,):
        raise InvalidInput(f"scale has one number per row, shape ({n},), got shape {values.shape}")
    wrong = ~(np.isfinite(values) & (values > 0))
    if wrong.any():
        raise InvalidInput(f"scale is a spread above 0 and finite, got {values[wrong][0]!r} in {int(wrong.sum())} rows")
    return values


def _table(values: ArrayLike, labels: int, name: str) -> NDArray[np.float64]:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != labels:
        raise InvalidInput(f"{name} has one column a label, {labels} of them, got shape {table.shape}")
    if table.size and not (table.min() >= 0 and table.max() <= 1):
        raise InvalidInput(f"probabilities lie in [0, 1], got {table.min():.4g} to {table.max():.4g}")
    sums = table.sum(axis=1)
    if not np.allclose(sums, 1, atol=1e-4):
        raise InvalidInput(f"the probabilities of a row sum to one, got {sums[np.argmax(np.abs(sums - 1))]:.4g}")
    return table


def _heaped(table: NDArray[np.float64], dice: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for every label the probability of all likelier ones, and a random part of its own."""
    order = np.argsort(-table, axis=1, kind="stable")
    ranked = np.take_along_axis(table, order, axis=1)
    before = np.cumsum(ranked, axis=1) - ranked + dice[:, None] * ranked
    heaped = np.empty_like(table)
    np.put_along_axis(heaped, order, before, axis=1)
    return heaped
