"""Two samples or two models in, effect and interval out: statistics whose verdicts can be believed.

Functions are pure and deterministic for a given ``seed``; they take numpy and pandas and return small frozen results
that print well. Nothing here knows of projects, records or storage. Names load on first use.

================ ===================================================================================================
`samples`        two samples of rows: tests, effects, `drift` for whole frames, joint tests, profiles to keep
`models`         one model's metrics with intervals; two models, or many, on the same rows
`looks`          the same question asked again and again: martingales, confidence sequences, budgets of alarms
`unlabelled`     what a metric probably is where there are no labels yet, and audits that test it
`calibrated`     do probabilities mean what they say; recalibration; conformal intervals and sets
================ ===================================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._doors import doors

if TYPE_CHECKING:
    from mlcycle.stats._estimate import Estimate
    from mlcycle.stats._multiple import benjamini_hochberg, benjamini_yekutieli, e_benjamini_hochberg, holm
    from mlcycle.stats._rates import wilson
    from mlcycle.stats.models._bootstrap import interval, paired_difference
    from mlcycle.stats.models._compare import Comparison, McNemar, compare, corrected_t, delong, mcnemar
    from mlcycle.stats.models._metrics import metric_difference, metric_interval
    from mlcycle.stats.samples._drift import drift
    from mlcycle.stats.samples._findings import ColumnDrift, Drift, Shift

_HOMES = {
    "_estimate": ("Estimate",),
    "_multiple": ("benjamini_hochberg", "benjamini_yekutieli", "e_benjamini_hochberg", "holm"),
    "_rates": ("wilson",),
    "models._bootstrap": ("interval", "paired_difference"),
    "models._compare": ("Comparison", "McNemar", "compare", "corrected_t", "delong", "mcnemar"),
    "models._metrics": ("metric_difference", "metric_interval"),
    "samples._drift": ("drift",),
    "samples._findings": ("ColumnDrift", "Drift", "Shift"),
}

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

__getattr__, __dir__ = doors(__name__, _HOMES)
