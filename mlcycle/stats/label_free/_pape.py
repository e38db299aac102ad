"""CBPE where the inputs have shifted: what a score means, learned from reference rows weighted to look like the new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_seed
from mlcycle.stats.label_free._cbpe import estimated
from mlcycle.stats.label_free._density import feature_pair, weighted
from mlcycle.stats.label_free._scores import chances_of, reference_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from mlcycle.stats.label_free._result import LabelFree

__all__ = ["pape"]

_ASSUMES = (
    "labels depend on the inputs as they did in the reference (covariate shift only), "
    "and the inputs given are those that shifted"
)


def pape(
    X_reference: Any,
    y_reference: ArrayLike,
    score_reference: ArrayLike,
    X: Any,
    score: ArrayLike,
    *,
    metric: str = "roc_auc",
    threshold: float = 0.5,
    confidence: float = 0.95,
    resamples: int = 400,
    seed: int = 0,
) -> LabelFree:
    """Estimate a classifier's metric on rows without labels whose inputs have shifted.

    As `cbpe`, but a reference row counts as often as rows like it occur among the new ones. So a score may mean
    something else than it did on the whole reference, as long as rows with the same inputs have the same labels.

    Parameters
    ----------
    X_reference, X : DataFrame or array-like of shape (m, d) and (n, d)
        Inputs of both sides; numbers, dates, categories, texts (as categories), nulls. A running id or a clock (a date,
        a year, the number of a batch) of which no new value lies within the reference's tells the sides apart and says
        nothing else: it is left out, and `reason` names it.
    y_reference, score_reference, score, metric, threshold, confidence, resamples, seed
        As in `cbpe`.

    Returns
    -------
    LabelFree
        `effective_n` says how many reference rows the weighted ones are worth. Refused, with the reason, when that is
        below 100, when more than a tenth of the rows lies where there are over 20 of them to a reference row, and
        wherever `cbpe` refuses. The limits take the density ratios as known.

    Raises
    ------
    InvalidInput
        As `cbpe`; if the columns of the two sides differ.

    References
    ----------
    Białek, Kuberski, Perrakis and Bifet (2024), Estimating model performance under covariate shift without labels,
    arXiv 2401.08348 (PAPE).

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> def rows(n, share):  # a group whose labels are noise, and another where the score is right
    ...     noisy = rng.random(n) < share
    ...     score = rng.random(n)
    ...     return noisy[:, None], rng.random(n) < np.where(noisy, 0.5, score), score
    >>> (X, y, score), (X_new, y_new, score_new) = rows(4000, 0.1), rows(2000, 0.8)
    >>> found = stats.pape(X, y, score, X_new, score_new, metric="accuracy")
    >>> realised = np.mean((score_new >= 0.5) == y_new)
    >>> bool(abs(found.value - realised) < 0.05 < stats.cbpe(y, score, score_new, metric="accuracy").value - realised)
    True
    """
    reference = reference_of(y_reference, score_reference)
    chances = chances_of("score", score, reference.chances.shape[1])
    inputs = feature_pair(X_reference, X)
    for name, side, rows in (("X_reference", inputs.old, reference.chances), ("X", inputs.new, chances)):
        if len(side) != len(rows):
            raise InvalidInput(f"{name} needs {len(rows)} rows as its scores have, got {len(side)}")
    weights, unsupported, reason = weighted(inputs, check_seed(seed))
    return estimated(
        reference, weights, chances, "PAPE", _ASSUMES,
        metric=metric, threshold=threshold, confidence=confidence, resamples=resamples, seed=seed,
        reason=reason, unsupported=unsupported, note=inputs.note,
    )  # fmt: skip
