"""What values a metric can take: intervals end where it does, and criteria refuse thresholds outside."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["Range", "function_behind", "range_of"]

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

    That of a scorer of scikit-learn, with `sign` -1 where its sign is turned, or of a function of `sklearn.metrics`.

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
