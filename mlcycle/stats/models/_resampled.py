"""One metric of some models on the same resamples, and what it says: of each its interval, of two their difference."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from attrs import evolve, frozen

from mlcycle.stats._estimate import Estimate, smallest_detectable, unknown
from mlcycle.stats._rates import wilson
from mlcycle.stats.models._bootstrap import FLAT, jackknife, name_of, spread_of, summarise
from mlcycle.stats.models._units import Units
from mlcycle.stats.models._unseen import MANY, Unseen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlcycle.stats._resampling import Resampling
    from mlcycle.stats.models._forms import Form
    from mlcycle.stats.models._metric_names import NamedMetric

    Values = NDArray[np.float64]

__all__ = ["Resampled", "resampled"]

# One row is said to carry a value when it holds so large a share of it, and so many times what the largest of as many
# exponential losses does: of 50 normal errors squared one does in a tenth of samples, of t-distributed ones (3 degrees
# of freedom) in three quarters.
_CARRIES, _LARGEST = 0.05, 2.2
# An area that rests on fewer rows of a class says so.
_FEW = 30


@frozen(eq=False)
class Resampled:
    """One metric of some models, all on the same resamples.

    `values`, of shape (models, resamples), are those of `forms`, one a model: of a root what is below it. `few` says
    why there can be no interval, if there are too few rows of a class.
    """

    metric: NamedMetric
    units: Units
    forms: tuple[Form, ...]
    values: Values
    unseen: Unseen
    confidence: float
    few: str = ""

    def estimate(self, which: int) -> Estimate:
        """Return the metric of one model with its interval."""
        form, units = self.forms[which], self.units
        if self.few:
            return unknown(form.shown, units.n, self.confidence, name_of(units), self.few)
        if self.metric.scorer == "accuracy" and type(units) is Units and units.n:  # a share of any rows has limits
            return wilson(round(form.shown * units.n), units.n, self.confidence)
        bounds = self.unseen.around(form.value) or form.ends
        # Near the end of its range a percentile interval passes too often; draws that allow for unseen rows do not.
        # Where nothing is known of those, the bias-corrected interval helps; with many rows it no longer shows.
        slopes = None
        if bounds is None and form.measure is not None and units.count >= 2 and units.n <= MANY:
            slopes = jackknife(form.measure, units)
        found = summarise(
            form.value, self.values[which], units, self.confidence,
            slopes=slopes, bounds=bounds, rests_on=self.unseen.rests_on, ranged=self.unseen.bounds is not None,
        )  # fmt: skip
        said = self._carried(form)
        if self.unseen.rarer is not None and self.unseen.rarer < _FEW:
            said = f"the limits rest on {self.unseen.rarer} rows of the rarer class, and are wide for that"
        return _with_reason(self._rooted(found, form, which), said)

    def difference(self, one: int, other: int) -> Estimate:
        """Return the metric of one model minus that of another, with its interval."""
        value, bounds = self.forms[one].shown - self.forms[other].shown, self.unseen.apart
        if self.few:
            return unknown(value, self.units.n, self.confidence, name_of(self.units), self.few)
        apart, rests_on = self.shown(one) - self.shown(other), self.unseen.rests_on
        found = summarise(value, apart, self.units, self.confidence, bounds=bounds, rests_on=rests_on)
        if found.reason == FLAT:
            return _without_width(found, "the two differ by exactly this on every resample")
        return _with_reason(found, self._carried(self.forms[one]) or self._carried(self.forms[other]))

    def shown(self, which: int) -> Values:
        """Return the metric of one model on every resample."""
        found: Values = self.forms[which].unrooted(self.values[which])
        return found

    def _rooted(self, found: Estimate, form: Form, which: int) -> Estimate:
        if form.rooted:
            value, low, high = (float(form.unrooted(one)) for one in (found.value, found.low, found.high))
            error = found.standard_error
            if found.standard_error > 0:
                error = spread_of(self.shown(which)[np.isfinite(self.values[which])])
            seen = smallest_detectable(error, self.confidence)
            found = evolve(found, value=value, low=low, high=high, standard_error=error, detectable=seen)
        if found.reason != FLAT:
            return self.unseen.no_surer_than_perfect(found)
        return _without_width(
            found, "every resample gave this value, so the interval has no width and says nothing of other rows"
        )

    def _carried(self, form: Form) -> str:
        """Say so where one unit carries a loss, so that another like it, or one less, would move it far."""
        if form.losses is None or self.unseen.bounds is not None or self.units.count < 2:
            return ""
        sums = self.units.sums(form.losses)
        whole = float(sums.sum())
        share = float(sums.max()) / whole if whole > 0 and math.isfinite(whole) else 0.0
        count = len(sums)
        if share < max(_CARRIES, min(_LARGEST * math.log(count) / count, 0.5)):
            return ""
        what = "row" if type(self.units) is Units else "group" if self.units.what == "groups" else "block"
        return f"one {what} of {count:,} carries {100 * share:.0f} % of the loss; a few more like it would move it far"


def _without_width(found: Estimate, reason: str) -> Estimate:
    return evolve(found, low=found.value, high=found.value, standard_error=0.0, detectable=0.0, reason=reason)


def _with_reason(found: Estimate, said: str) -> Estimate:
    if not (said and found.conclusive):
        return found
    return evolve(found, reason="; ".join(text for text in (found.reason, said) if text))


def resampled(
    metric: NamedMetric,
    forms: Sequence[Form],
    units: Units,
    resampling: Resampling,
    unseen: Unseen,
    *,
    few: str = "",
    by_rows: bool = False,
) -> Resampled:
    """Measure every form on the same resamples.

    Of more than 20 000 rows none are drawn where the pull of every row is known, unless `by_rows`: their mean is
    normal, and drawn from that law; whole groups and blocks are drawn while they are few.
    """
    forms = tuple(forms)
    if units.count < 2:
        values = np.empty((len(forms), 0))
    elif units.n > MANY and not by_rows and all(form.pulls is not None for form in forms):
        values = _by_pulls(forms, units, resampling)
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.hstack(
                [
                    np.stack([form.resampled(draws) for form in forms])
                    for draws in units.draws(resampling.resamples, resampling.seed)
                ]
            )
    return Resampled(metric, units, forms, values, unseen, resampling.confidence, few)


def _by_pulls(forms: tuple[Form, ...], units: Units, resampling: Resampling) -> Values:
    """Return values on resamples whose rows need not be drawn: the value, and the mean of what rows pull."""
    pulls = [form.pulls() for form in forms if form.pulls is not None]
    whole = np.array([[form.value] for form in forms])
    if type(units) is not Units and units.count <= MANY:
        means = [units.means(pull) for pull in pulls]
        chunks = units.draws(resampling.resamples, resampling.seed)
        return whole + np.hstack([np.stack([mean(draws.picks) for mean in means]) for draws in chunks])
    sums = np.stack([units.sums(pull) for pull in pulls]) / units.n
    spread, ways = np.linalg.eigh(sums @ sums.T)
    noise = np.random.default_rng(resampling.seed).standard_normal((len(forms), resampling.resamples))
    noise -= noise.mean(axis=1, keepdims=True)
    noise /= noise.std(axis=1, ddof=1, keepdims=True)
    drawn: Values = whole + ways @ (np.sqrt(np.maximum(spread, 0))[:, None] * noise)
    return drawn
