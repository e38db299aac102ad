"""Two models on the same rows: better, not worse, inconclusive or worse."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attrs import asdict, frozen

from mlcycle.stats._arguments import check_size
from mlcycle.stats._estimate import POWER, Estimate, z_value
from mlcycle.stats._resampling import Resampling, ResamplingOptions, resampling_of
from mlcycle.stats.models._metrics import resample

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from numpy.typing import ArrayLike

__all__ = ["Comparison", "compare"]


@frozen(repr=False)
class Comparison:
    """What `compare` found.

    Attributes
    ----------
    verdict : str
        ``better``, ``not worse``, ``inconclusive`` or ``worse``: model a against model b.
    metric : str
        Its name.
    a, b : Estimate
        The metric of either model.
    gain : Estimate
        How much better a is, in units of the metric; positive is better, whichever way the metric points.
    margin : float
        The loss that would not matter.
    superiority : float
        The gain that is asked of ``better``.
    rows_needed : int or None
        When inconclusive, rows of this kind that would settle it with 80 % power if the gain is as estimated.
    """

    verdict: str
    metric: str
    a: Estimate
    b: Estimate
    gain: Estimate
    margin: float
    superiority: float
    rows_needed: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as nested plain dicts."""
        return asdict(self)

    def __str__(self) -> str:
        values = f"{self.a.value:.4g} against {self.b.value:.4g}"
        return f"{self.verdict}: {self.metric} {values}, gain {self.gain}, {self._asked()}{self._more()}"

    def __repr__(self) -> str:
        return f"Comparison({self})"

    def _asked(self) -> str:
        return f"margin {self.margin:g}" + (f", superiority {self.superiority:g}" if self.superiority else "")

    def _more(self) -> str:
        return f"; about {self.rows_needed} rows would settle it" if self.rows_needed else ""

    def _repr_html_(self) -> str:
        from mlcycle import _html

        rows = [
            [name, found.value, _limits(found), _html.bar(found.value, found.low, found.high, at, verdict=colour)]
            for name, found, at, colour in (
                ("a", self.a, None, ""),
                ("b", self.b, None, ""),
                ("gain of a", self.gain, -self.margin, self.verdict),
            )
        ]
        facts = [
            ("asked", self._asked()),
            ("rows", self.gain.n),
            ("rows needed", self.rows_needed),
            ("note", self.gain.reason),
        ]
        level = f"{100 * self.gain.confidence:g} % interval"
        found = _html.table(["", self.metric, level, ""], rows)
        return str(_html.card(_html.badge(self.verdict), facts, found))


def _limits(found: Estimate) -> str:
    return f"{found.low:.4g} to {found.high:.4g}" if found.conclusive else "none"


def compare(
    y: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    metric: str | Callable[[Any, Any], float],
    *,
    margin: float = 0.0,
    superiority: float = 0.0,
    labels: ArrayLike | None = None,
    resampling: Resampling | None = None,
    **options: Unpack[ResamplingOptions],
) -> Comparison:
    """Compare model a with model b on the same rows, against a margin.

    ``better`` when the whole interval of the gain lies above `superiority`, ``not worse`` when it lies above
    ``-margin``, ``worse`` when it lies below ``-margin``, else ``inconclusive``. Each of the first two is wrong in at
    most about ``(1 - confidence) / 2`` of cases. Two models that agree on every row may still differ on the next: for
    metrics between 0 and 1 the interval then says by how much, and without a margin the verdict is ``inconclusive``.

    Parameters
    ----------
    y : array-like of shape (n,)
        The truth.
    a, b : array-like
        Predictions of the two models, as in `metric_interval`.
    metric, labels
        As in `metric_interval`.
    margin : float, default 0.0
        The loss that would not matter, in units of the metric.
    superiority : float, default 0.0
        The gain from which on a counts as better, in units of the metric: what a change has to be worth.
    resampling, **options
        How the rows are drawn, as in `metric_interval`. Both models are measured on the same resamples, so that what
        the rows have in common cancels out.

    Returns
    -------
    Comparison

    Raises
    ------
    InvalidInput
        As `metric_interval`, and for a margin or superiority below 0.

    References
    ----------
    Piaggio et al. (2012), Reporting of noninferiority and equivalence randomized trials, JAMA 308, figure 1.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, 1000)
    >>> a, b = y + rng.normal(0, 0.8, 1000), y + rng.normal(0, 1.2, 1000)
    >>> stats.compare(y, a, b, "roc_auc", margin=0.01).verdict
    'better'
    >>> stats.compare(y, a, b, "roc_auc", superiority=0.2).verdict
    'not worse'
    """
    margin = check_size(margin, "margin", "an amount of the metric")
    superiority = check_size(superiority, "superiority", "an amount of the metric")
    found = resample(y, [a, b], metric, labels, resampling_of(resampling, options))
    gain = found.difference(0, 1) if found.metric.higher_is_better else found.difference(1, 0)
    verdict = _verdict(gain, margin, superiority)
    return Comparison(
        verdict,
        found.metric.name,
        a=found.estimate(0),
        b=found.estimate(1),
        gain=gain,
        margin=margin,
        superiority=superiority,
        rows_needed=_rows_needed(gain, margin) if verdict == "inconclusive" else None,
    )


def _verdict(gain: Estimate, margin: float, superiority: float) -> str:
    if not gain.conclusive:
        return "inconclusive"
    if gain.low > superiority:
        return "better"
    if gain.low > -margin:
        return "not worse"
    return "worse" if gain.high < -margin else "inconclusive"


def _rows_needed(gain: Estimate, margin: float) -> int | None:
    distance = abs(gain.value + margin)
    if gain.standard_error == 0 and 0 < distance < 1:
        # No row differed: so many without one exclude that more than the margin do.
        return max(math.ceil(math.log(0.5 - gain.confidence / 2) / math.log1p(-distance)), gain.n + 1)
    width = (z_value(0.5 + gain.confidence / 2) + z_value(POWER)) * gain.standard_error
    if not (math.isfinite(width) and distance > 0):
        return None
    return max(math.ceil(gain.n * (width / distance) ** 2), gain.n + 1)
