"""Two samples or two models in, effect and interval out: statistics whose verdicts can be believed.

Functions are pure and deterministic for a given ``seed``; they take numpy and pandas and return small frozen results
that print well. Nothing here knows of projects, records or storage. Names load on first use.

================ ===================================================================================================
`samples`        two samples of rows: tests, effects, `drift` for whole frames, profiles to keep, sample sizes
`joint`          two samples of rows, all columns at once
`models`         one model's metrics with intervals; two models, or many, on the same rows
`looks`          the same question asked again and again: martingales, confidence sequences, budgets of alarms
`unlabelled`     what a metric probably is where there are no labels yet, and audits that test it
`calibrated`     do probabilities mean what they say; recalibration; conformal intervals and sets
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
    from mlcycle.stats.calibrated._calibrators import Calibrator, recalibrate
    from mlcycle.stats.calibrated._conformal import (
        ConformalIntervals,
        ConformalSets,
        conformal_interval,
        conformal_sets,
    )
    from mlcycle.stats.calibrated._coverage import Coverage, coverage
    from mlcycle.stats.calibrated._error import CalibrationError, calibration_error
    from mlcycle.stats.calibrated._reliability import BrierDecomposition, Reliability, brier_decomposition, reliability
    from mlcycle.stats.joint._classifier import domain_classifier
    from mlcycle.stats.joint._distances import energy_distance, mmd
    from mlcycle.stats.joint._finding import JointDrift
    from mlcycle.stats.looks._alarms import EDetector, p_to_e
    from mlcycle.stats.looks._budget import Budget
    from mlcycle.stats.looks._changepoint import ChangePoint, change_point
    from mlcycle.stats.looks._detectors import ADWIN, DDM, PageHinkley
    from mlcycle.stats.looks._eprocess import EProcess
    from mlcycle.stats.looks._martingales import ConformalMartingale
    from mlcycle.stats.looks._ranks import conditional_p_values, conformal_p_values
    from mlcycle.stats.looks._sequences import ConfidenceSequence, MeanSequence, confidence_sequence
    from mlcycle.stats.models._best import BestOf, best_of
    from mlcycle.stats.models._bootstrap import interval, paired_difference
    from mlcycle.stats.models._classical import McNemar, corrected_t, delong, mcnemar
    from mlcycle.stats.models._compare import Comparison, compare
    from mlcycle.stats.models._metrics import metric_difference, metric_interval
    from mlcycle.stats.samples._binned import cramers_v, jensen_shannon, psi
    from mlcycle.stats.samples._drift import drift
    from mlcycle.stats.samples._effects import Debiased, quantile_shift, total_variation
    from mlcycle.stats.samples._findings import ColumnDrift, Drift, Shift
    from mlcycle.stats.samples._planning import Planned, minimum_detectable, sample_size
    from mlcycle.stats.samples._summary import ColumnSummary, Summary, summarise, summarise_chunks
    from mlcycle.stats.samples._tests import (
        TwoSampleTest,
        contingency,
        cramer_von_mises,
        kolmogorov_smirnov,
        proportions,
    )
    from mlcycle.stats.samples._transport import wasserstein
    from mlcycle.stats.unlabelled._audit import Audit, audit
    from mlcycle.stats.unlabelled._cbpe import cbpe
    from mlcycle.stats.unlabelled._confidences import atc, doc
    from mlcycle.stats.unlabelled._dle import dle
    from mlcycle.stats.unlabelled._label_free import LabelFree
    from mlcycle.stats.unlabelled._pape import pape
    from mlcycle.stats.unlabelled._sampling import AuditSample, audit_sample
    from mlcycle.stats.unlabelled._sequence import AuditSequence

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
    "calibrated._calibrators": (
        "Calibrator",
        "recalibrate",
    ),
    "calibrated._conformal": (
        "ConformalIntervals",
        "ConformalSets",
        "conformal_interval",
        "conformal_sets",
    ),
    "calibrated._coverage": (
        "Coverage",
        "coverage",
    ),
    "calibrated._error": (
        "CalibrationError",
        "calibration_error",
    ),
    "calibrated._reliability": (
        "BrierDecomposition",
        "Reliability",
        "brier_decomposition",
        "reliability",
    ),
    "joint._classifier": ("domain_classifier",),
    "joint._distances": (
        "energy_distance",
        "mmd",
    ),
    "joint._finding": ("JointDrift",),
    "looks._alarms": (
        "EDetector",
        "p_to_e",
    ),
    "looks._budget": ("Budget",),
    "looks._changepoint": (
        "ChangePoint",
        "change_point",
    ),
    "looks._detectors": (
        "ADWIN",
        "DDM",
        "PageHinkley",
    ),
    "looks._eprocess": ("EProcess",),
    "looks._martingales": ("ConformalMartingale",),
    "looks._ranks": (
        "conditional_p_values",
        "conformal_p_values",
    ),
    "looks._sequences": (
        "ConfidenceSequence",
        "MeanSequence",
        "confidence_sequence",
    ),
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
    "samples._binned": (
        "cramers_v",
        "jensen_shannon",
        "psi",
    ),
    "samples._drift": ("drift",),
    "samples._effects": (
        "Debiased",
        "quantile_shift",
        "total_variation",
    ),
    "samples._findings": (
        "ColumnDrift",
        "Drift",
        "Shift",
    ),
    "samples._planning": (
        "Planned",
        "minimum_detectable",
        "sample_size",
    ),
    "samples._summary": (
        "ColumnSummary",
        "Summary",
        "summarise",
        "summarise_chunks",
    ),
    "samples._tests": (
        "TwoSampleTest",
        "contingency",
        "cramer_von_mises",
        "kolmogorov_smirnov",
        "proportions",
    ),
    "samples._transport": ("wasserstein",),
    "unlabelled._audit": (
        "Audit",
        "audit",
    ),
    "unlabelled._cbpe": ("cbpe",),
    "unlabelled._confidences": (
        "atc",
        "doc",
    ),
    "unlabelled._dle": ("dle",),
    "unlabelled._label_free": ("LabelFree",),
    "unlabelled._pape": ("pape",),
    "unlabelled._sampling": (
        "AuditSample",
        "audit_sample",
    ),
    "unlabelled._sequence": ("AuditSequence",),
}

__all__ = [
    "ADWIN",
    "DDM",
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
    "EProcess",
    "Estimate",
    "Hierarchy",
    "JointDrift",
    "LabelFree",
    "McNemar",
    "MeanSequence",
    "PageHinkley",
    "Planned",
    "Reliability",
    "Shift",
    "Summary",
    "TwoSampleTest",
    "atc",
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
    "conditional_p_values",
    "confidence_sequence",
    "conformal_interval",
    "conformal_p_values",
    "conformal_sets",
    "contingency",
    "corrected_t",
    "coverage",
    "cramer_von_mises",
    "cramers_v",
    "delong",
    "dle",
    "doc",
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
    "p_to_e",
    "paired_difference",
    "pape",
    "proportions",
    "psi",
    "quantile_shift",
    "recalibrate",
    "reliability",
    "sample_size",
    "summarise",
    "summarise_chunks",
    "total_variation",
    "wasserstein",
    "wilson",
]

if not TYPE_CHECKING:  # a type checker takes a name that is not listed above for a mistake
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
