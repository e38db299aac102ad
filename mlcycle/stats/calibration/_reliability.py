"""Reliability: what scores promise against what comes, bin by bin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve, frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._estimate import Estimate, check_confidence
from mlcycle.stats._labels import events_of
from mlcycle.stats._rates import wilson
from mlcycle.stats.calibration._bins import bins_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

__all__ = ["Reliability", "ReliabilityBin", "reliability"]

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
        Share of rows where the event came, with its exact interval: those of all bins hold at once.
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
        That the intervals of all bins hold at once.
    """

    bins: tuple[ReliabilityBin, ...]
    n: int
    confidence: float

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
        found = f"{len(off)} of {len(self.bins)} bins off{most}"
        return f"{found} ({100 * self.confidence:g} % intervals, all at once, n = {self.n})"

    def __repr__(self) -> str:
        return f"Reliability({self})"

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
) -> Reliability:
    """Return the reliability curve: for bins of the score, how often the event came.

    Parameters
    ----------
    y, score, strategy, labels
        As in `calibration_error`.
    bins : int, default 10
        Bins; fewer where scores are tied.
    confidence : float, default 0.95
        That all intervals hold the true rate at once, so that one bin off is a finding (Šidák's correction; bins are
        independent).

    References
    ----------
    Murphy and Winkler (1977), Reliability of subjective probability forecasts of precipitation and temperature,
    Applied Statistics 26. Clopper and Pearson (1934), Biometrika 26. Šidák (1967), JASA 62.

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
    positive, chances = events_of(y, score, labels)
    if not len(chances):
        raise InvalidInput("reliability needs rows, got none")
    found = bins_of(positive, chances, bins, strategy)
    count = len(found.size)
    level = confidence ** (1 / count)
    made = []
    for code in range(count):
        mine = found.code == code
        scores, rate = chances[mine], _exact(int(positive[mine].sum()), int(found.size[code]), level)
        made.append(ReliabilityBin(float(scores.min()), float(scores.max()), float(found.score[code]), rate))
    return Reliability(tuple(made), len(chances), confidence)


def _exact(successes: int, n: int, confidence: float) -> Estimate:
    """Return the rate with the exact interval of Clopper and Pearson.

    Wilson's covers on average; at the levels that many bins at once need, and near 0 or 1, far too seldom (Brown, Cai
    and DasGupta 2001, Statistical Science 16).
    """
    from scipy.stats import binomtest

    low, high = binomtest(successes, n).proportion_ci(confidence, method="exact")
    return evolve(wilson(successes, n, confidence), low=float(low), high=float(high), method="Clopper-Pearson")
