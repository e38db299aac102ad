"""Average thresholded confidence and difference of confidences: two simple estimates of accuracy, for comparison."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.stats._estimate import Estimate, check_confidence, smallest_detectable, z_value
from mlcycle.stats.label_free._result import LabelFree, label_free, refusal
from mlcycle.stats.label_free._scores import chances_of, decisions, reference_of
from mlcycle.stats.label_free._support import missing_scores, unsupported_scores

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Rows = NDArray[np.float64]

__all__ = ["atc", "doc"]

_FEWEST = 30


def atc(
    y_reference: ArrayLike,
    score_reference: ArrayLike,
    score: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    confidence: float = 0.95,
) -> LabelFree:
    """Estimate accuracy as the share of rows above the confidence that as many reference rows exceed as are right.

    Parameters
    ----------
    y_reference, score_reference, score, labels, confidence
        As in `cbpe`; the likeliest label is decided.

    Returns
    -------
    LabelFree
        The limits take the assumption as true: that rows right and rows above the threshold stay equally many. It
        fails already when only the inputs shift, so the limits often miss then; `cbpe` and `pape` ask for less.

    Raises
    ------
    InvalidInput
        As `cbpe`.

    References
    ----------
    Garg, Balakrishnan, Lipton, Neyshabur and Sedghi (2022), Leveraging unlabeled data to predict out-of-distribution
    performance, ICLR (with maximum confidence).

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> score = np.random.default_rng(0).random(3000)
    >>> y = np.random.default_rng(1).random(3000) < score
    >>> abs(stats.atc(y[:2000], score[:2000], score[2000:]).value - 0.75) < 0.03
    True
    """

    def passed(right: Rows, old: Rows, new: Rows) -> tuple[Rows, Rows, float]:
        wrong = int(np.sum(right == 0))
        least = np.sort(old)[wrong] if wrong < len(old) else math.inf
        above = (old >= least).astype(np.float64)
        return above, (new >= least).astype(np.float64), 0.0

    assumption = "as many rows are right as lie above a confidence learned from the reference"
    return _compared("ATC", assumption, passed, y_reference, score_reference, score, labels, confidence)


def doc(
    y_reference: ArrayLike,
    score_reference: ArrayLike,
    score: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    confidence: float = 0.95,
) -> LabelFree:
    """Estimate accuracy as that of the reference, moved by the difference of mean confidences.

    Parameters
    ----------
    y_reference, score_reference, score, labels, confidence
        As in `cbpe`; the likeliest label is decided.

    Returns
    -------
    LabelFree
        The limits take the assumption as true: that confidence exceeds accuracy by as much as in the reference.

    Raises
    ------
    InvalidInput
        As `cbpe`.

    References
    ----------
    Guillory, Shankar, Ebrahimi, Darrell and Schmidt (2021), Predicting with confidence on unseen distributions, ICCV.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> score = np.random.default_rng(0).random(3000)
    >>> y = np.random.default_rng(1).random(3000) < score
    >>> abs(stats.doc(y[:2000], score[:2000], score[2000:]).value - 0.75) < 0.03
    True
    """

    def moved(right: Rows, old: Rows, new: Rows) -> tuple[Rows, Rows, float]:
        return old, new, float(right.mean() - old.mean())

    assumption = "confidence is as far from accuracy as it was in the reference"
    return _compared("DoC", assumption, moved, y_reference, score_reference, score, labels, confidence)


def _compared(
    method: str,
    assumption: str,
    stand_in: Callable[[Rows, Rows, Rows], tuple[Rows, Rows, float]],
    y_reference: ArrayLike,
    score_reference: ArrayLike,
    score: ArrayLike,
    labels: ArrayLike | None,
    confidence: float,
) -> LabelFree:
    """Return the mean of what stands in for being right, with the error of both sides' differences from it."""
    reference, confidence = reference_of(y_reference, score_reference, labels), check_confidence(confidence)
    chances = chances_of("score", score, reference.chances.shape[1])
    right = (decisions(reference.chances, 0.5) == reference.code).astype(np.float64)
    facts: dict[str, Any] = {
        "metric": "accuracy", "method": method, "assumption": assumption, "reference": float(right.mean()),
        "effective_n": float(len(right)), "unsupported": unsupported_scores(reference.chances, chances),
    }  # fmt: skip
    m, n = len(right), len(chances)
    if m < _FEWEST or n == 0:
        reason = f"{m} reference rows are too few; {_FEWEST} would do" if n else "there are no rows to estimate"
        return refusal(n, confidence, reason, **facts)
    if reason := missing_scores(facts["unsupported"]):
        return refusal(n, confidence, reason, **facts)
    old, new, gap = stand_in(right, reference.chances.max(axis=1), chances.max(axis=1))
    value = min(max(float(new.mean()) + gap, 0.0), 1.0)
    # Realised minus estimated is a mean of (right - stand-in) over the new rows minus that over the reference.
    spread = max(float(np.std(right - old, ddof=1)), math.sqrt(1 / m))
    error, error_reference = spread * math.sqrt(1 / m + 1 / n), spread / math.sqrt(m)
    half, seen = z_value(0.5 + confidence / 2) * error, smallest_detectable(error, confidence)
    found = Estimate(value, max(value - half, 0.0), min(value + half, 1.0), confidence, n, error, seen, method)
    return label_free(found, reference_error=error_reference, **facts)
