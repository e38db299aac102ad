"""Two samples or two models in, effect and interval out: statistics whose verdicts can be believed.

Functions are pure and deterministic for a given ``seed``; they take numpy and pandas and return small frozen results
that print well. Nothing here knows of projects, records or storage. Names load on first use.

================ ===================================================================================================
`two_sample`     two samples of rows: `drift` for whole frames, profiles to keep
`multivariate`   two samples of rows, all columns at once
`models`         one model's metrics with intervals; two models, or many, on the same rows
`sequential`     the same question asked again and again: martingales, confidence sequences, budgets of alarms
`label_free`     what a metric probably is where there are no labels yet, and audits that test it
`calibration`    do probabilities mean what they say
================ ===================================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._lazy import lazy_names

if TYPE_CHECKING:
    from mlcycle.stats._estimate import Estimate
    from mlcycle.stats._multiple import holm
    from mlcycle.stats._rates import wilson
    from mlcycle.stats._resampling import Resampling
    from mlcycle.stats.calibration._error import CalibrationError, calibration_error
    from mlcycle.stats.calibration._reliability import Reliability, reliability
    from mlcycle.stats.label_free._audit import Audit, audit
    from mlcycle.stats.label_free._cbpe import cbpe
    from mlcycle.stats.label_free._dle import dle
    from mlcycle.stats.label_free._pape import pape
    from mlcycle.stats.label_free._result import LabelFree
    from mlcycle.stats.label_free._sampling import AuditSample, audit_sample
    from mlcycle.stats.label_free._sequence import AuditSequence
    from mlcycle.stats.models._best import BestOf, best_of
    from mlcycle.stats.models._bootstrap import interval
    from mlcycle.stats.models._compare import Comparison, compare
    from mlcycle.stats.models._metrics import metric_interval
    from mlcycle.stats.multivariate._classifier import JointDrift, domain_classifier
    from mlcycle.stats.sequential._alarms import EDetector
    from mlcycle.stats.sequential._budget import Budget
    from mlcycle.stats.sequential._changepoint import ChangePoint, change_point
    from mlcycle.stats.sequential._evidence import Evidence, restored
    from mlcycle.stats.sequential._martingales import ConformalMartingale
    from mlcycle.stats.sequential._sequences import ConfidenceSequence
    from mlcycle.stats.two_sample._column_summary import ColumnSummary
    from mlcycle.stats.two_sample._drift import drift
    from mlcycle.stats.two_sample._findings import ColumnDrift, Drift, Shift
    from mlcycle.stats.two_sample._healthy import margins
    from mlcycle.stats.two_sample._kolmogorov_smirnov import TwoSampleTest, kolmogorov_smirnov
    from mlcycle.stats.two_sample._planning import minimum_detectable
    from mlcycle.stats.two_sample._summarising import summarise_values
    from mlcycle.stats.two_sample._summary import Summary, summarise, summarise_chunks

_HOMES = {
    "_estimate": ("Estimate",),
    "_multiple": ("holm",),
    "_rates": ("wilson",),
    "_resampling": ("Resampling",),
    "calibration._error": ("CalibrationError", "calibration_error"),
    "calibration._reliability": ("Reliability", "reliability"),
    "label_free._audit": ("Audit", "audit"),
    "label_free._cbpe": ("cbpe",),
    "label_free._dle": ("dle",),
    "label_free._pape": ("pape",),
    "label_free._result": ("LabelFree",),
    "label_free._sampling": ("AuditSample", "audit_sample"),
    "label_free._sequence": ("AuditSequence",),
    "models._best": ("BestOf", "best_of"),
    "models._bootstrap": ("interval",),
    "models._compare": ("Comparison", "compare"),
    "models._metrics": ("metric_interval",),
    "multivariate._classifier": ("JointDrift", "domain_classifier"),
    "sequential._alarms": ("EDetector",),
    "sequential._budget": ("Budget",),
    "sequential._changepoint": ("ChangePoint", "change_point"),
    "sequential._evidence": ("Evidence", "restored"),
    "sequential._martingales": ("ConformalMartingale",),
    "sequential._sequences": ("ConfidenceSequence",),
    "two_sample._column_summary": ("ColumnSummary",),
    "two_sample._drift": ("drift",),
    "two_sample._findings": ("ColumnDrift", "Drift", "Shift"),
    "two_sample._healthy": ("margins",),
    "two_sample._kolmogorov_smirnov": ("TwoSampleTest", "kolmogorov_smirnov"),
    "two_sample._planning": ("minimum_detectable",),
    "two_sample._summarising": ("summarise_values",),
    "two_sample._summary": ("Summary", "summarise", "summarise_chunks"),
}

__all__ = [
    "Audit",
    "AuditSample",
    "AuditSequence",
    "BestOf",
    "Budget",
    "CalibrationError",
    "ChangePoint",
    "ColumnDrift",
    "ColumnSummary",
    "Comparison",
    "ConfidenceSequence",
    "ConformalMartingale",
    "Drift",
    "EDetector",
    "Estimate",
    "Evidence",
    "JointDrift",
    "LabelFree",
    "Reliability",
    "Resampling",
    "Shift",
    "Summary",
    "TwoSampleTest",
    "audit",
    "audit_sample",
    "best_of",
    "calibration_error",
    "cbpe",
    "change_point",
    "compare",
    "dle",
    "domain_classifier",
    "drift",
    "holm",
    "interval",
    "kolmogorov_smirnov",
    "margins",
    "metric_interval",
    "minimum_detectable",
    "pape",
    "reliability",
    "restored",
    "summarise",
    "summarise_chunks",
    "summarise_values",
    "wilson",
]

if not TYPE_CHECKING:  # a type checker takes a name that is not listed above for a mistake
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
