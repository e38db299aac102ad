"""Reliability: what scores promise against what comes, bin by bin, and the Brier score taken apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import asdict, frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._estimate import Estimate, check_confidence
from mlcycle.stats._rates import clopper_pearson, wilson
from mlcycle.stats.calibration._bins import Bins, bins_of
from mlcycle.stats.calibration._scores import check_probabilities

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["BrierDecomposition", "Reliability", "ReliabilityBin", "brier_decomposition", "reliability"]

_SIDE = 220


@frozen
class ReliabilityBin:
    """Rows of similar score.

    Attributes
    ----------
    low, high : float
        Smallest and largest score in the bin.
    score : float
        Mean score: what was promised.
    rate : Estimate
        Share of rows where the event came, with Wilson's interval.
    """

    low: float
    high: float
    score: float
    rate: Estimate

    @property
    def agrees(self) -> bool:
        """Whether the interval of the rate holds the mean score."""
        return self.rate.low <= self.score <= self.rate.high


@frozen(repr=False)
class Reliability:
    """What `reliability` found.

    Attributes
    ----------
    bins : tuple of ReliabilityBin
        By rising score.
    n : int
        Rows.
    confidence : float
        Of the intervals: of all at once when `simultaneous`, else of each alone.
    simultaneous : bool
        Which of the two.
    """

    bins: tuple[ReliabilityBin, ...]
    n: int
    confidence: float
    simultaneous: bool

    def as_dict(self) -> dict[str, Any]:
        """Return everything as nested plain dicts."""
        return asdict(self)

    def frame(self) -> pd.DataFrame:
        """Return one row a bin."""
        import pandas as pd

        rows = [
            {
                "from": each.low, "to": each.high, "rows": each.rate.n, "score": each.score,
                "rate": each.rate.value, "low": each.rate.low, "high": each.rate.high, "agrees": each.agrees,
            }
            for each in self.bins
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def __str__(self) -> str:
        off = [each for each in self.bins if not each.agrees]
        worst = max(off, key=lambda each: abs(each.rate.value - each.score), default=None)
        most = f", most at {worst.score:.2f} promised, {worst.rate.value:.2f} came" if worst else ""
        return f"{len(off)} of {len(self.bins)} bins off{most} ({self._level()}, n = {self.n})"

    def __repr__(self) -> str:
        return f"Reliability({self})"

    def _level(self) -> str:
        return f"{100 * self.confidence:g} % intervals, {'all at once' if self.simultaneous else 'each alone'}"

    def _repr_html_(self) -> str:
        from mlcycle import _html

        rows = [
            [f"{b.low:.3g} to {b.high:.3g}", b.rate.n, b.score, b.rate.value, f"{b.rate.low:.3g} to {b.rate.high:.3g}"]
            for b in self.bins
        ]
        found = _html.table(["scores", "rows", "mean score", "rate", "interval"], rows, caption=str(self))
        return f'<div style="display:flex;gap:16px;align-items:start;flex-wrap:wrap">{self._picture()}{found}</div>'

    def _picture(self) -> str:
        def x(chance: float) -> str:
            return f"{_SIDE * chance:.1f}"

        def y(chance: float) -> str:
            return f"{_SIDE * (1 - chance):.1f}"

        line = '<line x1="{}" x2="{}" y1="{}" y2="{}" stroke="{}" stroke-width="{}"/>'
        parts = [
            f'<rect width="{_SIDE}" height="{_SIDE}" fill="none" stroke="currentColor" stroke-opacity="0.3"/>',
            line.format(0, _SIDE, _SIDE, 0, "currentColor", 1).replace("/>", ' stroke-dasharray="4 4"/>'),
        ]
        for each in self.bins:
            colour = "#2e9e5b" if each.agrees else "#d64545"
            at, rate = x(each.score), each.rate
            parts.append(line.format(at, at, y(rate.low), y(rate.high), colour, 2))
            parts.append(f'<circle cx="{at}" cy="{y(rate.value)}" r="3.5" fill="{colour}"/>')
        label = "rate of the event, upwards, against its score, to the right"
        return (
            f'<svg width="{_SIDE}" height="{_SIDE}" viewBox="-5 -5 {_SIDE + 10} {_SIDE + 10}" role="img" '
            f'aria-label="{label}"><title>{label}</title>{"".join(parts)}</svg>'
        )


def reliability(
    y: ArrayLike,
    score: ArrayLike,
    *,
    bins: int = 10,
    strategy: str = "quantile",
    labels: ArrayLike | None = None,
    confidence: float = 0.95,
    simultaneous: bool = True,
) -> Reliability:
    """Return the reliability curve: for bins of the score, how often the event came.

    Parameters
    ----------
    y, score, strategy, labels
        As in `calibration_error`.
    bins : int, default 10
        Bins; fewer where scores are tied.
    confidence : float, default 0.95
        Share of intervals that hold the true rate.
    simultaneous : bool, default True
        Whether all intervals hold at once with this confidence, so that one bin off is a finding (Šidák's correction;
        bins are independent), or each alone.

    References
    ----------
    Murphy and Winkler (1977), Reliability of subjective probability forecasts of precipitation and temperature,
    Applied Statistics 26. Wilson (1927), JASA 22. Šidák (1967), JASA 62.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> chance = rng.random(1000)
    >>> y = rng.random(1000) < chance
    >>> stats.reliability(y, chance)
    Reliability(0 of 10 bins off (95 % intervals, all at once, n = 1000))
    >>> stats.reliability(y, chance**2, bins=4)
    Reliability(4 of 4 bins off, most at 0.17 promised, 0.41 came (95 % intervals, all at once, n = 1000))
    """
    confidence = check_confidence(confidence)
    positive, chances = check_probabilities(y, score, labels)
    if not len(chances):
        raise InvalidInput("reliability needs rows, got none")
    found = bins_of(positive, chances, bins, strategy)
    count = len(found.size)
    level = confidence ** (1 / count) if simultaneous else confidence
    rate = clopper_pearson if simultaneous else wilson
    hits = np.bincount(found.code, weights=positive, minlength=count)
    least, most = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(least, found.code, chances)
    np.maximum.at(most, found.code, chances)
    return Reliability(
        tuple(
            ReliabilityBin(float(low), float(high), float(mean), rate(round(came), int(size), level))
            for low, high, mean, came, size in zip(least, most, found.score, hits, found.size, strict=True)
        ),
        len(chances),
        confidence,
        simultaneous,
    )


@frozen(repr=False)
class BrierDecomposition:
    """The Brier score taken apart: ``brier = reliability - resolution + uncertainty + within``.

    Attributes
    ----------
    brier : float
        Mean squared difference of score and truth.
    reliability : float
        How far scores are from the rates of their bins; 0 is best. The part that recalibration can win.
    resolution : float
        How far the rates of the bins are from the overall rate; the more the better.
    uncertainty : float
        Variance of the truth, which no model can help.
    within : float
        What the bins hide: variance of scores within bins, less twice their covariance with the truth.
    debiased : bool
        Whether the first three are without the bias of their plug-ins; they may then be negative.
    bins, n : int
        Bins and rows.
    """

    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float
    debiased: bool
    bins: int
    n: int

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dict."""
        return asdict(self)

    def __str__(self) -> str:
        kind = "debiased" if self.debiased else "plug-in"
        return (
            f"Brier score {self.brier:.4f} = reliability {self.reliability:.4f} - resolution {self.resolution:.4f} "
            f"+ uncertainty {self.uncertainty:.4f} + within bins {self.within:.4f} "
            f"({kind}, {self.bins} bins, n = {self.n})"
        )

    def __repr__(self) -> str:
        return f"BrierDecomposition({self})"


def brier_decomposition(
    y: ArrayLike,
    score: ArrayLike,
    *,
    bins: int = 10,
    strategy: str = "quantile",
    labels: ArrayLike | None = None,
    debiased: bool = True,
) -> BrierDecomposition:
    """Take the Brier score apart into reliability, resolution and uncertainty.

    The parts sum to the Brier score exactly, debiased or not.

    Parameters
    ----------
    y, score, bins, strategy, labels
        As in `reliability`.
    debiased : bool, default True
        Whether to take off the bias: plug-ins overrate reliability and resolution alike, by the sampling variance of
        the bins' rates. Bins of one row, whose variance is unknown, keep theirs.

    References
    ----------
    Murphy (1973), A new vector partition of the probability score, Journal of Applied Meteorology 12. Stephenson,
    Coelho and Jolliffe (2008), Two extra components in the Brier score decomposition, Weather and Forecasting 23, for
    the terms within bins. Ferro and Fricker (2012), A bias-corrected decomposition of the Brier score, Quarterly
    Journal of the Royal Meteorological Society 138; Bröcker (2012), Climate Dynamics 39.

    Examples
    --------
    >>> from mlcycle import stats
    >>> y, score = [0, 0, 1, 1, 0, 1, 1, 1], [0.2, 0.2, 0.2, 0.2, 0.8, 0.8, 0.8, 0.8]
    >>> stats.brier_decomposition(y, score, debiased=False)
    BrierDecomposition(Brier score 0.2650 = reliability 0.0462 - resolution 0.0156 + uncertainty 0.2344
    + within bins 0.0000 (plug-in, 2 bins, n = 8))
    """
    positive, chances = check_probabilities(y, score, labels)
    n = len(chances)
    if n < 2:
        raise InvalidInput(f"brier_decomposition needs 2 rows or more, got {n}")
    found = bins_of(positive, chances, bins, strategy)
    truth = positive.astype(np.float64)
    overall, share = float(truth.mean()), found.share
    brier = float(np.mean((chances - truth) ** 2))
    reliable = float(share @ (found.score - found.rate) ** 2)
    resolved = float(share @ (found.rate - overall) ** 2)
    unsure = overall * (1 - overall)
    within = _within(found, chances, truth)
    if debiased:
        noise = float(share @ (found.rate * (1 - found.rate) / np.maximum(found.size - 1, 1)))
        overall_noise = unsure / (n - 1)
        reliable, resolved, unsure = reliable - noise, resolved - noise + overall_noise, unsure + overall_noise
    return BrierDecomposition(brier, reliable, resolved, unsure, within, debiased, len(found.size), n)


def _within(found: Bins, chances: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    apart = chances - found.score[found.code]
    return float(np.mean(apart**2) - 2 * np.mean(apart * (truth - found.rate[found.code])))
