"""What a metric probably is without labels: the record every method of this room returns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import asdict, field, frozen

from mlcycle.stats._estimate import Estimate, smallest_detectable, unknown

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LabelFree", "joined", "predicted", "refusal"]


@frozen(repr=False)
class LabelFree:
    """A metric estimated without labels.

    Attributes
    ----------
    metric : str
        What was estimated.
    method : str
        ``CBPE``, ``PAPE`` or ``DLE``.
    interval : Estimate
        The value and its limits. They hold the metric *these rows* will turn out to have when their labels arrive in
        the stated share of cases, if the assumption holds; for the mean over all labels the rows could have had they
        are wider than needed. A refusal has the value ``nan``, no limits, and the reason.
    assumption : str
        What must be true for the number to mean anything; no data without labels can test it (`audit` can).
    reference : float
        The realised metric of the reference rows, to compare with.
    calibration : str
        What was done to the scores: ``none``, ``beta``, ``isotonic``; empty where it does not apply.
    effective_n : float
        Reference rows the estimate rests on, after weighting (Kish): the reference rows themselves without weights.
    unsupported : float
        Share of rows unlike any of the reference.
    reference_error : float
        The part of the standard error that comes from the reference rows being finitely many.
    rows : ndarray of shape (n, k), or (n,) for losses, or None
        What is expected of every row, which `audit` uses: calibrated probabilities of its labels, or its loss.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> score = np.random.default_rng(0).random(3000)
    >>> y = np.random.default_rng(1).random(3000) < score
    >>> found = stats.cbpe(y[:2000], score[:2000], score[2000:], metric="accuracy")
    >>> print(found)
    accuracy without labels (CBPE): 0.748, 95 % interval 0.721 to 0.776, n = 1000
      reference 0.760; assumes that a score means here what it meant in the reference: no concept drift
    """

    metric: str
    method: str
    interval: Estimate
    assumption: str
    reference: float
    calibration: str = ""
    effective_n: float = math.nan
    unsupported: float = 0.0
    reference_error: float = math.nan
    rows: NDArray[np.float64] | None = field(default=None, eq=False)

    @property
    def value(self) -> float:
        """The estimate; ``nan`` when refused."""
        return self.interval.value

    @property
    def n(self) -> int:
        """Rows without labels."""
        return self.interval.n

    @property
    def refused(self) -> bool:
        """Whether no estimate is given; `reason` says why."""
        return math.isnan(self.interval.value)

    @property
    def reason(self) -> str:
        """Empty, why it was refused, or what a reader must know before believing the limits."""
        return self.interval.reason

    def as_dict(self) -> dict[str, Any]:
        """Return everything but `rows` as one flat dict."""
        own = asdict(self, filter=lambda a, _: a.name not in ("interval", "rows"))
        return {**own, **self.interval.as_dict(), "method": self.method, "refused": self.refused}

    def _headline(self) -> str:
        shown = f"refused: {self.reason}" if self.refused else str(self.interval)
        return f"{self.metric} without labels ({self.method}): {shown}"

    def __str__(self) -> str:
        return f"{self._headline()}\n  reference {self.reference:.3f}; assumes that {self.assumption}"

    def __repr__(self) -> str:
        return f"LabelFree({self._headline()})"

    def _repr_html_(self) -> str:
        from mlcycle import _html

        shown, title = self.interval, f"{self.metric} without labels ({self.method})"
        facts = [
            ("refused" if self.refused else "estimate", self.reason if self.refused else str(shown)),
            ("", _html.bar(shown.value, shown.low, shown.high, self.reference)), ("reference", self.reference),
            ("assumes that", self.assumption), ("calibration", self.calibration),
            ("reference rows it rests on", None if math.isnan(self.effective_n) else round(self.effective_n)),
            ("rows unlike the reference", f"{self.unsupported:.1%}"),
        ]  # fmt: skip
        return str(_html.card(title, facts))


def joined(*notes: str) -> str:
    """Return what there is to be told in one line."""
    return "; ".join(note for note in notes if note)


def refusal(n: int, confidence: float, reason: str, **facts: Any) -> LabelFree:
    """Return a refusal."""
    return LabelFree(interval=unknown(math.nan, n, confidence, "none", reason), **facts)


def predicted(
    value: float,
    errors: NDArray[np.float64],
    n: int,
    confidence: float,
    method: str,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Estimate:
    """Return the estimate whose limits hold the realised value: `errors` are draws of realised minus estimated."""
    defined = errors[np.isfinite(errors)]
    lost = len(errors) - len(defined)
    reason = f"{lost} of {len(errors)} simulated outcomes left the metric undefined" if lost else ""
    if math.isnan(value):
        return unknown(value, n, confidence, method, "the metric is undefined on these rows: a label is never decided")
    if 2 * len(defined) < len(errors):
        return unknown(value, n, confidence, method, f"{reason}; more rows would help")
    tail = (1 - confidence) / 2
    low = value + float(np.quantile(defined, tail, method="lower"))
    high = value + float(np.quantile(defined, 1 - tail, method="higher"))
    low, high = (min(max(limit, bounds[0]), bounds[1]) for limit in (low, high))
    if high - low <= 1e-12:
        low = high = value
    error = float(np.std(defined, ddof=1))
    return Estimate(value, low, high, confidence, n, error, smallest_detectable(error, confidence), method, reason)
