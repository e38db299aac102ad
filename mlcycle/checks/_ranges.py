"""What values a metric can take: thresholds outside are slips, and intervals end where the metric does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlcycle._text import plain
from mlcycle.errors import InvalidInput
from mlcycle.records import AtLeast, AtMost, NotWorseThan

if TYPE_CHECKING:
    from mlcycle.records import Criterion

__all__ = ["check_range", "function_behind", "range_of"]

Range = tuple[float, float]

_SHARE: Range = (0.0, 1.0)
_ERROR: Range = (0.0, math.inf)
_SCORE: Range = (-math.inf, 1.0)
_ANY: Range = (-math.inf, math.inf)

# By the function behind a scorer, as it stands in sklearn.metrics; a scorer with neg_ turns the sign.
_RANGES: dict[str, Range] = {
    **dict.fromkeys(("accuracy_score", "balanced_accuracy_score", "f1_score", "fbeta_score"), _SHARE),
    **dict.fromkeys(("precision_score", "recall_score", "jaccard_score", "hamming_loss", "zero_one_loss"), _SHARE),
    **dict.fromkeys(("roc_auc_score", "average_precision_score", "top_k_accuracy_score", "ndcg_score"), _SHARE),
    **dict.fromkeys(("completeness_score", "homogeneity_score", "v_measure_score", "rand_score"), _SHARE),
    **dict.fromkeys(("fowlkes_mallows_score", "normalized_mutual_info_score"), _SHARE),
    **dict.fromkeys(("label_ranking_average_precision_score",), _SHARE),
    **dict.fromkeys(("matthews_corrcoef", "cohen_kappa_score"), (-1.0, 1.0)),
    "adjusted_rand_score": (-0.5, 1.0),
    "adjusted_mutual_info_score": _SCORE,
    # Of two classes at most 1, of more at most 2.
    "brier_score_loss": (0.0, 2.0),
    **dict.fromkeys(("r2_score", "explained_variance_score", "d2_absolute_error_score", "d2_pinball_score"), _SCORE),
    **dict.fromkeys(("d2_tweedie_score", "d2_log_loss_score", "d2_brier_score"), _SCORE),
    **dict.fromkeys(("mutual_info_score", "positive_likelihood_ratio", "negative_likelihood_ratio"), _ERROR),
    **dict.fromkeys(("log_loss", "hinge_loss", "dcg_score", "coverage_error", "label_ranking_loss"), _ERROR),
    **dict.fromkeys(("max_error", "mean_absolute_error", "mean_squared_error", "median_absolute_error"), _ERROR),
    **dict.fromkeys(("mean_absolute_percentage_error", "mean_squared_log_error", "root_mean_squared_error"), _ERROR),
    **dict.fromkeys(("root_mean_squared_log_error", "mean_poisson_deviance", "mean_gamma_deviance"), _ERROR),
    **dict.fromkeys(("mean_tweedie_deviance", "mean_pinball_loss"), _ERROR),
}


def range_of(scorer: str | None, sign: int, function: Any = None) -> Range:
    """Return the smallest and largest value a metric can take; infinite where there is no bound, or none is known.

    Parameters
    ----------
    scorer : str or None
        A scorer of scikit-learn; or a function.
    sign : int
        -1 where the value is the scorer's with the sign turned.
    function : callable, optional
        Functions of `sklearn.metrics` are known, too.

    Examples
    --------
    >>> range_of("accuracy", 1), range_of("neg_log_loss", 1), range_of("neg_log_loss", -1)
    ((0.0, 1.0), (-inf, 0.0), (0.0, inf))
    """
    if scorer is not None:
        low, high = _RANGES.get(function_behind(scorer), _ANY)
        return (low, high) if scorer.startswith("neg_") == (sign < 0) else (0.0 - high, 0.0 - low)
    known = str(getattr(function, "__module__", "")).startswith("sklearn.metrics")
    return _RANGES.get(getattr(function, "__name__", ""), _ANY) if known else _ANY


def function_behind(scorer: str) -> str:
    """Return the name of the function in sklearn.metrics that a scorer calls.

    Examples
    --------
    >>> function_behind("f1_macro"), function_behind("neg_brier_score"), function_behind("roc_auc_ovr")
    ('f1_score', 'brier_score_loss', 'roc_auc_score')
    """
    plain = scorer.removeprefix("neg_")
    for average in ("_macro", "_micro", "_weighted", "_samples"):
        plain = plain.removesuffix(average)
    plain = "roc_auc" if plain.startswith("roc_auc") else plain
    return next((name for name in (plain, f"{plain}_score", f"{plain}_loss") if name in _RANGES), plain)


def check_range(criterion: Criterion, low: float, high: float) -> None:
    """Refuse a threshold the metric always or never reaches, and a margin no difference exceeds.

    Parameters
    ----------
    criterion : AtLeast, AtMost or NotWorseThan
    low, high : float
        The range of its metric.

    Raises
    ------
    InvalidInput
        With the metric's range, and what was meant if the threshold looks like a percentage.
    """
    claim, span = plain(criterion), f"{criterion.metric} lies {_spelled(low, high)}"
    if isinstance(criterion, NotWorseThan):
        if criterion.margin >= high - low:
            meant = _as_share(criterion.margin, low, high)
            raise InvalidInput(f"{claim} can never fail: {span}, so no model is worse by that much{meant}")
        return
    assert isinstance(criterion, (AtLeast, AtMost))
    asked, least = criterion.threshold, isinstance(criterion, AtLeast)
    meant = _as_share(asked, low, high)
    if asked > high if least else asked < low:
        raise InvalidInput(f"{claim} can never pass: {span}{meant}")
    # At the very end it never fails either, but that is how people ask for a value without judging it.
    if asked < low if least else asked > high:
        raise InvalidInput(f"{claim} can never fail: {span}{meant}")


def _spelled(low: float, high: float) -> str:
    if math.isinf(high):
        return f"at {low:g} or above"
    return f"at {high:g} or below" if math.isinf(low) else f"between {low:g} and {high:g}"


def _as_share(asked: float, low: float, high: float) -> str:
    share = abs(asked) / 100
    return f"; did you mean {share:g}?" if abs(asked) >= 2 and high <= 2 and max(low, 0) < share < high else ""
