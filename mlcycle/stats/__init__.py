"""Two samples or two models in, effect and interval out: statistics whose verdicts can be believed.

Functions are pure and deterministic for a given ``seed``; they take numpy and pandas and return small frozen results
that print well. Nothing here knows of projects, records or storage. Names load on first use.

================ ===================================================================================================
`two_sample`     two samples of rows: `drift` for whole frames, profiles to keep
`multivariate`   two samples of rows, all columns at once
`models`         one model's metrics with intervals; two models, or many, on the same rows
`sequential`     the same question asked again and again: martingales, confidence sequences, budgets of alarms
`label_free`     what a metric probably is where there are no labels yet, and audits that test it
`calibration`    do probabilities mean what they say; recalibration; conformal intervals and sets
================ ===================================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._lazy import lazy_names

if TYPE_CHECKING:
    from mlcycle.stats._estimate import Estimate
    from mlcycle.stats._hierarchy import Hierarchy, hierarchy
    from mlcycle.stats._multiple import benjamini_hochberg, benjamini_yekutieli, e_benjamini_hochberg, holm
    from mlcycle.stats._rates import wilson
    from mlcycle.stats.calibration._calibrators import Calibrator, recalibrate
    from mlcycle.stats.calibration._conformal import (
        ConformalIntervals,
        ConformalSets,
        conformal_interval,
        conformal_sets,
    )
    from mlcycle.stats.calibration._coverage import Coverage, coverage
    from mlcycle.stats.calibration._error import CalibrationError, calibration_error
    from mlcycle.stats.calibration._reliability import BrierDecomposition, Reliability, brier_decomposition, reliability
    from mlcycle.stats.label_free._audit import Audit, audit
    from mlcycle.stats.label_free._cbpe import cbpe
    from mlcycle.stats.label_free._dle import dle
    from mlcycle.stats.label_free._pape import pape
    from mlcycle.stats.label_free._result import LabelFree
    from mlcycle.stats.label_free._sampling import AuditSample, audit_sample
    from mlcycle.stats.label_free._sequence import AuditSequence
    from mlcycle.stats.models._best import BestOf, best_of
    from mlcycle.stats.models._bootstrap import interval, paired_difference
    from mlcycle.stats.models._classical import McNemar, corrected_t, delong, mcnemar
    from mlcycle.stats.models._compare import Comparison, compare
    from mlcycle.stats.models._metrics import metric_difference, metric_interval
    from mlcycle.stats.multivariate._classifier import domain_classifier
    from mlcycle.stats.multivariate._distances import energy_distance, mmd
    from mlcycle.stats.multivariate._finding import JointDrift
    from mlcycle.stats.sequential._alarms import EDetector
    from mlcycle.stats.sequential._budget import Budget
    from mlcycle.stats.sequential._changepoint import ChangePoint, change_point
    from mlcycle.stats.sequential._evidence import Evidence, restored
    from mlcycle.stats.sequential._martingales import ConformalMartingale
    from mlcycle.stats.sequential._sequences import ConfidenceSequence
    from mlcycle.stats.two_sample._binned import cramers_v, jensen_shannon, psi
    from mlcycle.stats.two_sample._drift import drift
    from mlcycle.stats.two_sample._effects import Debiased, quantile_shift, total_variation
    from mlcycle.stats.two_sample._findings import ColumnDrift, Drift, Shift
    from mlcycle.stats.two_sample._planning import Planned, minimum_detectable, sample_size
    from mlcycle.stats.two_sample._summary import ColumnSummary, Summary, summarise, summarise_chunks
    from mlcycle.stats.two_sample._tests import (
        TwoSampleTest,
        contingency,
        cramer_von_mises,
        kolmogorov_smirnov,
        proportions,
    )
    from mlcycle.stats.two_sample._transport import wasserstein

_HOMES = {
    "_estimate": ("Estimate",),
    "_hierarchy": (
        "Hierarchy",
        "hierarchy",
    ),
    "_multiple": (
        "benjamini_hochberg",
        "benjamini_yekutieli",
        "e_benjamini_hochberg",
        "holm",
    ),
    "_rates": ("wilson",),
    "calibration._calibrators": (
        "Calibrator",
        "recalibrate",
    ),
    "calibration._conformal": (
        "ConformalIntervals",
        "ConformalSets",
        "conformal_interval",
        "conformal_sets",
    ),
    "calibration._coverage": (
        "Coverage",
        "coverage",
    ),
    "calibration._error": (
        "CalibrationError",
        "calibration_error",
    ),
    "calibration._reliability": (
        "BrierDecomposition",
        "Reliability",
        "brier_decomposition",
        "reliability",
    ),
    "multivariate._classifier": ("domain_classifier",),
    "multivariate._distances": (
        "energy_distance",
        "mmd",
    ),
    "multivariate._finding": ("JointDrift",),
    "sequential._alarms": ("EDetector",),
    "sequential._budget": ("Budget",),
    "sequential._changepoint": (
        "ChangePoint",
        "change_point",
    ),
    "sequential._evidence": (
        "Evidence",
        "restored",
    ),
    "sequential._martingales": ("ConformalMartingale",),
    "sequential._sequences": ("ConfidenceSequence",),
    "models._best": (
        "BestOf",
        "best_of",
    ),
    "models._bootstrap": (
        "interval",
        "paired_difference",
    ),
    "models._classical": (
        "McNemar",
        "corrected_t",
        "delong",
        "mcnemar",
    ),
    "models._compare": (
        "Comparison",
        "compare",
    ),
    "models._metrics": (
        "metric_difference",
        "metric_interval",
    ),
    "two_sample._binned": (
        "cramers_v",
        "jensen_shannon",
        "psi",
    ),
    "two_sample._drift": ("drift",),
    "two_sample._effects": (
        "Debiased",
        "quantile_shift",
        "total_variation",
    ),
    "two_sample._findings": (
        "ColumnDrift",
        "Drift",
        "Shift",
    ),
    "two_sample._planning": (
        "Planned",
        "minimum_detectable",
        "sample_size",
    ),
    "two_sample._summary": (
        "ColumnSummary",
        "Summary",
        "summarise",
        "summarise_chunks",
    ),
    "two_sample._tests": (
        "TwoSampleTest",
        "contingency",
        "cramer_von_mises",
        "kolmogorov_smirnov",
        "proportions",
    ),
    "two_sample._transport": ("wasserstein",),
    "label_free._audit": (
        "Audit",
        "audit",
    ),
    "label_free._cbpe": ("cbpe",),
    "label_free._dle": ("dle",),
    "label_free._result": ("LabelFree",),
    "label_free._pape": ("pape",),
    "label_free._sampling": (
        "AuditSample",
        "audit_sample",
    ),
    "label_free._sequence": ("AuditSequence",),
}

__all__ = [
    "Audit",
    "AuditSample",
    "AuditSequence",
    "BestOf",
    "BrierDecomposition",
    "Budget",
    "CalibrationError",
    "Calibrator",
    "ChangePoint",
    "ColumnDrift",
    "ColumnSummary",
    "Comparison",
    "ConfidenceSequence",
    "ConformalIntervals",
    "ConformalMartingale",
    "ConformalSets",
    "Coverage",
    "Debiased",
    "Drift",
    "EDetector",
    "Estimate",
    "Evidence",
    "Hierarchy",
    "JointDrift",
    "LabelFree",
    "McNemar",
    "Planned",
    "Reliability",
    "Shift",
    "Summary",
    "TwoSampleTest",
    "audit",
    "audit_sample",
    "benjamini_hochberg",
    "benjamini_yekutieli",
    "best_of",
    "brier_decomposition",
    "calibration_error",
    "cbpe",
    "change_point",
    "compare",
    "conformal_interval",
    "conformal_sets",
    "contingency",
    "corrected_t",
    "coverage",
    "cramer_von_mises",
    "cramers_v",
    "delong",
    "dle",
    "domain_classifier",
    "drift",
    "e_benjamini_hochberg",
    "energy_distance",
    "hierarchy",
    "holm",
    "interval",
    "jensen_shannon",
    "kolmogorov_smirnov",
    "mcnemar",
    "metric_difference",
    "metric_interval",
    "minimum_detectable",
    "mmd",
    "paired_difference",
    "pape",
    "proportions",
    "psi",
    "quantile_shift",
    "recalibrate",
    "reliability",
    "restored",
    "sample_size",
    "summarise",
    "summarise_chunks",
    "total_variation",
    "wasserstein",
    "wilson",
]

if not TYPE_CHECKING:  # a type checker takes a name that is not listed above for a mistake
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
