"""Two samples or two models in, effect and interval out: statistics whose verdicts can be believed.

Functions are pure and deterministic for a given ``seed``; they take numpy and pandas and return small frozen results
that print well. Nothing here knows of projects, records or storage.
"""

from __future__ import annotations

from mlcycle.stats._bootstrap import interval, paired_difference
from mlcycle.stats._compare import Comparison, McNemar, compare, corrected_t, delong, mcnemar
from mlcycle.stats._drift import drift
from mlcycle.stats._estimate import Estimate
from mlcycle.stats._findings import ColumnDrift, Drift, Shift
from mlcycle.stats._metrics import metric_difference, metric_interval
from mlcycle.stats._multiple import benjamini_hochberg, benjamini_yekutieli, e_benjamini_hochberg, holm
from mlcycle.stats._rates import wilson

__all__ = [
    "ColumnDrift",
    "Comparison",
    "Drift",
    "Estimate",
    "McNemar",
    "Shift",
    "benjamini_hochberg",
    "benjamini_yekutieli",
    "compare",
    "corrected_t",
    "delong",
    "drift",
    "e_benjamini_hochberg",
    "holm",
    "interval",
    "mcnemar",
    "metric_difference",
    "metric_interval",
    "paired_difference",
    "wilson",
]
