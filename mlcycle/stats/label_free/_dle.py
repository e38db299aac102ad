"""Direct loss estimation: how wrong a regression probably is, from a model of its losses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_numbers, check_seed
from mlcycle.stats._estimate import check_confidence
from mlcycle.stats._resampling import check_resamples
from mlcycle.stats.label_free._calibration import effective_rows
from mlcycle.stats.label_free._density import feature_pair, one_thread, weighted
from mlcycle.stats.label_free._result import LabelFree, joined, predicted, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Rows = NDArray[np.float64]

__all__ = ["LOSSES", "dle", "losses_of"]

LOSSES = ("mae", "mse", "rmse")
_FOLDS, _BINS = 5, 10
# Rows the loss must rest on (Kish): of fewer, what a further large loss would do is anybody's guess.
_CARRIERS = 30
_ASSUMES = "errors depend on the inputs as they did in the reference: no concept drift"


def dle(
    X_reference: Any,
    y_reference: ArrayLike,
    prediction_reference: ArrayLike,
    X: Any,
    prediction: ArrayLike,
    *,
    metric: str = "mae",
    confidence: float = 0.95,
    resamples: int = 400,
    seed: int = 0,
) -> LabelFree:
    """Estimate a regression's loss on rows without labels, from a second model that predicts losses.

    The second model (gradient boosting of the inputs and the prediction) is fitted by folds on the reference; what it
    says is brought to the level that reference rows weighted to look like the new ones have.

    Parameters
    ----------
    X_reference, X : DataFrame or array-like of shape (m, d) and (n, d)
        Inputs, as in `pape`.
    y_reference, prediction_reference : array-like of shape (m,)
        Truth and prediction of rows the model was not trained on.
    prediction : array-like of shape (n,)
        Predictions of the rows without labels.
    metric : {"mae", "mse", "rmse"}, default "mae"
        Which loss.
    confidence, resamples, seed
        As in `cbpe`.

    Returns
    -------
    LabelFree
        Refused, with the reason, as `pape` is: for fewer than 100 rows on either side, when more than a tenth of the
        rows lies where the reference has hardly any, or when the weighted reference is worth fewer than 100 rows.

    Raises
    ------
    InvalidInput
        For missing or infinite numbers, sides that do not fit, an unknown metric.

    References
    ----------
    NannyML, How it works: performance estimation, "Direct Loss Estimation" (2022), made doubly robust to shifted inputs
    (Reddi, Póczos and Smola 2015, Doubly robust covariate shift correction, AAAI). Limits: losses of reference rows of
    like expected loss are drawn around resampled levels; they take the density ratios as known.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((3000, 2))
    >>> y = X[:, 0] + rng.normal(0, 0.1 + X[:, 1])  # noisier the larger the second input
    >>> new = np.column_stack([rng.random(1000), rng.uniform(0.5, 1, 1000)])
    >>> found = stats.dle(X, y, X[:, 0], new, new[:, 0], metric="mae")
    >>> round(found.reference, 1), round(found.value, 1)
    (0.5, 0.7)
    """
    if metric not in LOSSES:
        raise InvalidInput(f"no loss {metric!r}; there are {', '.join(LOSSES)}")
    confidence, seed = check_confidence(confidence), check_seed(seed)
    resamples = check_resamples(resamples, confidence)
    inputs = feature_pair(X_reference, X)
    old, new = inputs.old, inputs.new
    guess_old = check_numbers(prediction_reference, "prediction_reference", len(old))
    guess = check_numbers(prediction, "prediction", len(new))
    loss = losses_of(metric, check_numbers(y_reference, "y_reference", len(old)), guess_old)
    if not len(loss):
        raise InvalidInput("y_reference has no rows; give labelled rows the model was not trained on")
    root: Callable[[float], float] = math.sqrt if metric == "rmse" else float
    facts: dict[str, Any] = {
        "metric": metric, "method": "DLE", "assumption": _ASSUMES, "reference": root(float(loss.mean())),
    }  # fmt: skip
    weights, unsupported, reason = weighted(inputs, seed)
    facts.update(unsupported=unsupported, effective_n=effective_rows(weights))
    if reason := reason or _too_few_carriers(weights * loss):
        return refusal(len(new), confidence, joined(reason, inputs.note), **facts)
    held, ahead = _modelled(np.column_stack([old, guess_old]), loss, np.column_stack([new, guess]), seed)
    rows, realised, levels = _drawn(held, loss, weights, ahead, resamples, seed)
    roots = np.sqrt if metric == "rmse" else np.asarray
    found = predicted(
        root(float(rows.mean())), roots(realised) - roots(levels), len(new), confidence,
        f"DLE ({_FOLDS} folds, {resamples} resamples)", (0.0, math.inf),
    )  # fmt: skip
    told = evolve(found, reason=joined(found.reason, inputs.note))
    return LabelFree(interval=told, rows=rows, reference_error=float(np.std(roots(levels), ddof=1)), **facts)


def losses_of(metric: str, y: Rows, prediction: Rows) -> Rows:
    """Return the loss of every row; that of ``rmse`` is squared, and the root is taken of the mean."""
    error = np.abs(y - prediction)
    return error if metric == "mae" else np.asarray(error**2)


def _too_few_carriers(carried: Rows) -> str:
    if not carried.any():
        return "the reference has no loss at all; there is nothing to model"
    count = effective_rows(carried)
    why = f"the whole loss rests on {count:.0f} reference rows, the others have next to none; {_CARRIERS} would do"
    return why if count < _CARRIERS else ""


def _modelled(old: Rows, loss: Rows, new: Rows, seed: int) -> tuple[Rows, Rows]:
    """Return expected losses of reference rows, each from folds without it, and of new rows."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.model_selection import KFold, cross_val_predict

    model = HistGradientBoostingRegressor(
        loss="poisson", max_iter=60, max_leaf_nodes=15, min_samples_leaf=30, early_stopping=False, random_state=seed
    )
    # Rows of one fold may have no loss at all, and then Poisson has nothing to fit.
    target, folds = loss + 1e-12 * loss.max(), KFold(_FOLDS, shuffle=True, random_state=seed)
    with one_thread():
        held = cross_val_predict(model, old, target, cv=folds)
        return held, model.fit(old, target).predict(new)


def _drawn(held: Rows, loss: Rows, weights: Rows, ahead: Rows, resamples: int, seed: int) -> tuple[Rows, Rows, Rows]:
    """Return the expected loss of every new row, means of simulated losses, and means other references would give."""
    rng, n = np.random.default_rng(seed), len(held)
    # Weighted to look like the new rows, the reference says how far the model's losses are from the level there.
    rows = ahead * float(weights @ loss / (weights @ held))
    edges = np.quantile(held, np.linspace(0, 1, _BINS + 1)[1:-1])
    bins, at = np.searchsorted(edges, held), np.searchsorted(edges, ahead)
    realised, levels = np.zeros(resamples), np.empty(resamples)
    for b in range(_BINS):
        mine, pool = rows[at == b], np.flatnonzero(bins == b)
        if len(mine) and weights[pool].sum() > 0:
            surprise = loss[pool] / held[pool]
            surprise *= weights[pool].sum() / (weights[pool] @ surprise) if weights[pool] @ surprise > 0 else 1.0
            chances = weights[pool] / weights[pool].sum()
            for r in range(resamples):
                realised[r] += float(mine @ rng.choice(surprise, len(mine), p=chances)) / len(rows)
    for r in range(resamples):
        counted = np.bincount(rng.integers(0, n, n), minlength=n) * weights
        levels[r] = ahead.mean() * float(counted @ loss / (counted @ held))
    return rows, realised, levels
