"""The best of many models on one test set: what it is probably worth, and which others may be as good."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import asdict, evolve, frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._estimate import Estimate, unknown
from mlcycle.stats._resampling import Resampling, ResamplingOptions, resampling_of
from mlcycle.stats.models._metrics import resample
from mlcycle.stats.models._units import Draws, enough

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Unpack

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from mlcycle.stats.models._resampled import Resampled

__all__ = ["BestOf", "Contender", "best_of"]


@frozen
class Contender:
    """One of the models that `best_of` compared.

    Attributes
    ----------
    name : str
        As given.
    value : Estimate
        Its metric, with the interval of a model that was not chosen by it.
    behind : Estimate
        How much worse than the winner it is on these rows, in units of the metric, never negative, with the paired
        interval of the two alone.
    p : float
        P-value that no other is better, all others allowed for at once.
    tied : bool
        Whether it may be the best: the truly best model is among the tied with the confidence asked.
    """

    name: str
    value: Estimate
    behind: Estimate
    p: float
    tied: bool


@frozen(repr=False)
class BestOf:
    """What `best_of` found.

    Attributes
    ----------
    winner : str
        The model with the best metric on these rows.
    metric : str
        Its name.
    naive : Estimate
        The winner's metric as if it had been chosen beforehand: too good on average, the more so the more models.
    corrected : Estimate
        What the winner is worth on new rows, with an interval that holds after the choice.
    models : tuple of Contender
        Every model, the best first.
    """

    winner: str
    metric: str
    naive: Estimate
    corrected: Estimate
    models: tuple[Contender, ...]

    @property
    def tied(self) -> tuple[str, ...]:
        """Names of the models that may be the best, the winner among them."""
        return tuple(model.name for model in self.models if model.tied)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as nested plain dicts."""
        return asdict(self)

    def frame(self) -> pd.DataFrame:
        """Return one row a model, the best first."""
        import pandas as pd

        rows = [
            {
                "model": model.name, "value": model.value.value, "low": model.value.low, "high": model.value.high,
                "behind": model.behind.value, "behind_low": model.behind.low, "behind_high": model.behind.high,
                "p": model.p, "tied": model.tied,
            }
            for model in self.models
        ]  # fmt: skip
        return pd.DataFrame(rows).set_index("model")

    def __str__(self) -> str:
        others = [name for name in self.tied if name != self.winner]
        alike = f"; not to be told from it: {', '.join(others)}" if others else "; alone at the top"
        seen = f"{self.naive.value:.4g} seen, {self.corrected} after the choice"
        return f"{self.winner}, best of {len(self.models)} by {self.metric}: {seen}{alike}"

    def __repr__(self) -> str:
        return f"BestOf({self})"

    def _repr_html_(self) -> str:
        from mlcycle import _html

        rows = []
        for model in self.models:
            value, colour = model.value, "pass" if model.tied else ""
            picture = _html.bar(value.value, value.low, value.high, self.corrected.value, verdict=colour)
            rows.append([model.name, value.value, picture, model.behind.value, model.p, "yes" if model.tied else "no"])
        heads = ["model", self.metric, "", "behind", "p", "may be the best"]
        facts = [("seen", str(self.naive)), ("after the choice", str(self.corrected))]
        title = f"{self.winner}, best of {len(self.models)}"
        return str(_html.card(title, facts, _html.table(heads, rows)))


def best_of(
    y: ArrayLike,
    predictions: Mapping[str, ArrayLike],
    metric: str | Callable[[Any, Any], float],
    *,
    labels: ArrayLike | None = None,
    resampling: Resampling | None = None,
    **options: Unpack[ResamplingOptions],
) -> BestOf:
    """Choose the best of many models on one test set, and say what it is worth after the choice.

    The best of many is partly the luckiest (the winner's curse). Its worth is estimated on rows it was not chosen by:
    on every resample the winner is found anew and measured on the rows left out. That is right on average where all are
    alike, and a little pessimistic where one leads but not for sure.

    Parameters
    ----------
    y : array-like of shape (n,)
        The truth.
    predictions : mapping of str to array-like
        At least two models' predictions of the same rows, as in `metric_interval`.
    metric, labels
        As in `metric_interval`.
    resampling, **options
        How the rows are drawn, as in `metric_interval`; but blocks do not overlap, so that rows can be left out.

    Returns
    -------
    BestOf
        The upper limit of `corrected` is that of a model chosen beforehand, since the choice favours values that are
        too high. The lower limit holds for every model at once that could have won (locally simultaneous).

    Raises
    ------
    InvalidInput
        For fewer than two models, and as `metric_interval`.

    References
    ----------
    Tsamardinos, Greasidou and Borboudakis (2018), Bootstrapping the out-of-sample predictions for efficient and
    accurate cross-validation, Machine Learning 107, for the estimate. Zrnic and Fithian (2024), Locally simultaneous
    inference, Annals of Statistics 52, for the lower limit. Hsu (1981), Simultaneous confidence intervals for all
    distances from the "best", Annals of Statistics 9, for those that may be the best; the largest t of bootstrap draws
    as in Romano and Wolf (2005), Econometrica 73.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, 500)
    >>> coins = {f"coin {k}": rng.integers(0, 2, 500) for k in range(20)}
    >>> found = stats.best_of(y, coins, "accuracy")
    >>> found.winner, round(found.naive.value, 2), round(found.corrected.value, 2), len(found.tied)
    ('coin 12', 0.53, 0.48, 20)
    """
    if not hasattr(predictions, "items"):
        raise InvalidInput(f"predictions maps names to predictions, got {type(predictions).__name__}")
    predictions = {str(name): guess for name, guess in predictions.items()}
    names = list(predictions)
    if len(names) < 2:
        raise InvalidInput(f"best_of chooses among two models or more, got {len(names)}")
    drawn = resampling_of(resampling, options)
    found = resample(y, list(predictions.values()), metric, labels, drawn, by_rows=True)
    turn = 1.0 if found.metric.higher_is_better else -1.0
    seen = turn * np.array([form.shown for form in found.forms])
    if np.isnan(seen).any():
        lost = ", ".join(name for name, value in zip(names, seen, strict=True) if math.isnan(value))
        raise InvalidInput(f"{found.metric.name} is undefined on these rows for {lost}; nothing can be chosen by it")
    best = int(np.argmax(seen))
    values = np.stack([found.shown(k) for k in range(len(names))])
    levels = _levels(found, turn * values, seen)
    ranked = tuple(
        Contender(
            name=names[k],
            value=found.estimate(k),
            behind=found.difference(best, k) if turn > 0 else found.difference(k, best),
            p=float(levels[k]),
            tied=k == best or not levels[k] <= 1 - drawn.confidence + 1e-12,
        )
        for k in map(int, np.argsort(-seen, kind="stable"))
    )
    return BestOf(
        names[best], found.metric.name, ranked[0].value, _corrected(found, values, turn, best, drawn.seed), ranked
    )


def _levels(found: Resampled, values: NDArray[np.float64], seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for every model the p-value that none is better: its largest t against any other, of all at once."""
    levels = np.full(len(seen), math.nan)
    noise = values[:, np.isfinite(values).all(axis=0)] - seen[:, None]
    if found.units.count < enough(found.confidence) or noise.shape[1] < 2:
        return levels
    for k in range(len(seen)):
        error = (noise - noise[k]).std(axis=1, ddof=1)
        told = error > 1e-12
        surely = bool(np.any(seen[~told] > seen[k] + 1e-12))
        if surely or not told.any():
            levels[k] = 0.0 if surely else 1.0
            continue
        largest = ((seen[told] - seen[k]) / error[told]).max()
        drawn = ((noise[told] - noise[k]) / error[told, None]).max(axis=0)
        levels[k] = (np.count_nonzero(drawn >= largest) + 1) / (len(drawn) + 1)
    return levels


def _corrected(found: Resampled, values: NDArray[np.float64], turn: float, best: int, seed: int) -> Estimate:
    """Return the winner's metric after the choice: the mean out of the bag, the limits locally simultaneous."""
    naive, units = found.estimate(best), found.units
    name = f"out-of-bag bootstrap of the choice{units}"
    if not naive.conclusive or len(np.unique(values[best][np.isfinite(values[best])])) < 2:
        # A perfect score has an exact limit; that of the best of k holds at a k-th of the level (Bonferroni).
        strict = evolve(found, confidence=1 - (1 - found.confidence) / len(found.forms)).estimate(best)
        limits = (strict.low, strict.high) if naive.conclusive else (naive.low, naive.high)
        return evolve(naive, low=limits[0], high=limits[1], method=name)
    outside = _outside(found, turn * values, seed)
    if not len(outside):
        reason = "the measure is undefined outside every resample"
        return unknown(math.nan, units.n, found.confidence, name, reason)
    value, near = float(outside.mean()), _near_limit(found, values, turn, best)
    limits = (min(near, naive.low), naive.high) if turn > 0 else (naive.low, max(near, naive.high))
    return evolve(naive, value=value, low=limits[0], high=limits[1], method=name)


def _outside(found: Resampled, values: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Return, for every resample, its winner measured on the units that were not drawn."""
    units, outside = found.units, []
    drawn = (row for draws in units.draws(values.shape[1], seed) for row in draws.picks)
    for column, row in zip(values.T, drawn, strict=True):
        rest = np.ones(units.count, dtype=bool)
        rest[row] = False
        if rest.any() and np.isfinite(column).all():
            form = found.forms[int(np.argmax(column))]
            outside.append(float(form.on(Draws(units, np.flatnonzero(rest)[None, :]))[0]))
    return np.array([value for value in outside if math.isfinite(value)])


def _near_limit(found: Resampled, values: NDArray[np.float64], turn: float, best: int) -> float:
    """Return the limit on the side of being worse, which holds for all that could have won."""
    from scipy import special

    values = values[:, np.isfinite(values).all(axis=0)]
    plain = np.array([form.shown for form in found.forms])
    bend, unbend = _scale(found, plain, values)
    seen, values = turn * bend(plain), turn * bend(values)
    noise = values - seen[:, None]
    errors = noise.std(axis=1, ddof=1)
    side = (1 - found.confidence) / 2
    spent = side / 10
    rivals = (seen >= seen[best] - 2 * _widest(noise, best, spent)) & (errors > 1e-12)
    rivals[best] = True
    largest = (noise[rivals] / errors[rivals, None]).max(axis=0)
    count = min(found.units.count, found.unseen.rarer or found.units.count)
    reach = float(np.quantile(largest, 1 - (side - spent)))
    reach = float(special.stdtrit(count - 1, special.ndtr(reach))) * math.sqrt(count / (count - 1))
    return float(unbend(turn * (seen[best] - reach * errors[best])))


def _scale(found: Resampled, plain: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[Any, Any]:
    """Return a scale on which errors do not depend on the value: one that looks too good also looks too sure."""
    sign = 1.0 if found.metric.range[1] > 0 else -1.0
    if found.metric.range in ((0.0, 1.0), (-1.0, 0.0)):
        return (
            lambda x: sign * np.arcsin(np.sqrt(np.clip(sign * x, 0, 1))),
            lambda x: sign * np.sin(np.clip(sign * x, 0, np.pi / 2)) ** 2,
        )
    if np.all(sign * plain > 0) and np.all(sign * values > 0):
        return (lambda x: sign * np.log(sign * x)), (lambda x: sign * np.exp(sign * x))
    return (lambda x: x), (lambda x: x)


def _widest(noise: NDArray[np.float64], best: int, level: float) -> NDArray[np.float64]:
    """Return how far every difference from the winner may be off, for all pairs at once at this level."""
    largest = np.zeros(noise.shape[1])
    for k in range(len(noise) - 1):
        apart = noise[k + 1 :] - noise[k]
        error = apart.std(axis=1, ddof=1)
        told = error > 1e-12
        if told.any():
            largest = np.maximum(largest, np.abs(apart[told] / error[told, None]).max(axis=0))
    errors = (noise - noise[best]).std(axis=1, ddof=1)
    widest: NDArray[np.float64] = float(np.quantile(largest, 1 - level)) * errors
    return widest
