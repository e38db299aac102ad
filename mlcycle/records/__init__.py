"""Frozen facts and their one JSON form, criteria as data included.

A record prints, compares, pickles and goes into a DataFrame; it does no input or output and holds no live object.
Names load on first use, so importing this room costs nothing.

>>> from mlcycle.records import AtLeast, from_json, to_json
>>> to_json(AtLeast("roc_auc", 0.8))["type"]
'AtLeast'
>>> from_json(to_json(AtLeast("roc_auc", 0.8))) == AtLeast("roc_auc", 0.8)
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._directions import higher_is_better
from mlcycle._lazy import lazy_names

if TYPE_CHECKING:
    from mlcycle.records._committed import Committed
    from mlcycle.records._comparisons import Comparison
    from mlcycle.records._costs import Cost
    from mlcycle.records._criteria import Criterion, UnknownCriterion, becomes, is_looser
    from mlcycle.records._data import Column, FileRef, Roles
    from mlcycle.records._data_criteria import DataCriterion, InRange, RowCount, RowCriterion, Unique
    from mlcycle.records._datasets import DatasetVersion
    from mlcycle.records._decisions import Decision, Override
    from mlcycle.records._deployments import Move, Revision
    from mlcycle.records._evaluations import Evaluation
    from mlcycle.records._folds import Folds
    from mlcycle.records._json import TYPES, from_json, to_json
    from mlcycle.records._listing import Listing
    from mlcycle.records._living import Home, Living, at_home, check_home
    from mlcycle.records._metric_asked import AnyMetric
    from mlcycle.records._metric_criteria import AtLeast, AtMost, MetricCriterion, NotWorseThan
    from mlcycle.records._metric_source import MetricSource, function_of
    from mlcycle.records._models import ModelVersion, Signature
    from mlcycle.records._part import Part
    from mlcycle.records._parts import Parts
    from mlcycle.records._record import Record, as_row
    from mlcycle.records._results import PHASES, VERDICTS, Result, worst
    from mlcycle.records._runs import Code, Environment, Run
    from mlcycle.records._scope import Loosening, MovedTest, Scope
    from mlcycle.records._status import Status

_HOMES = {
    "_committed": ("Committed",),
    "_comparisons": ("Comparison",),
    "_costs": ("Cost",),
    "_criteria": ("Criterion", "UnknownCriterion", "becomes", "is_looser"),
    "_data": ("Column", "FileRef", "Roles"),
    "_data_criteria": ("DataCriterion", "InRange", "RowCount", "RowCriterion", "Unique"),
    "_datasets": ("DatasetVersion",),
    "_decisions": ("Decision", "Override"),
    "_deployments": ("Move", "Revision"),
    "_evaluations": ("Evaluation",),
    "_folds": ("Folds",),
    "_json": ("TYPES", "from_json", "to_json"),
    "_listing": ("Listing",),
    "_living": ("Home", "Living", "at_home", "check_home"),
    "_metric_asked": ("AnyMetric",),
    "_metric_criteria": ("AtLeast", "AtMost", "MetricCriterion", "NotWorseThan"),
    "_metric_source": ("MetricSource", "function_of"),
    "_models": ("ModelVersion", "Signature"),
    "_part": ("Part",),
    "_parts": ("Parts",),
    "_record": ("Record", "as_row"),
    "_results": ("PHASES", "VERDICTS", "Result", "worst"),
    "_runs": ("Code", "Environment", "Run"),
    "_scope": ("Loosening", "MovedTest", "Scope"),
    "_status": ("Status",),
}

__all__ = [
    "PHASES",
    "TYPES",
    "VERDICTS",
    "AnyMetric",
    "AtLeast",
    "AtMost",
    "Code",
    "Column",
    "Committed",
    "Comparison",
    "Cost",
    "Criterion",
    "DataCriterion",
    "DatasetVersion",
    "Decision",
    "Environment",
    "Evaluation",
    "FileRef",
    "Folds",
    "Home",
    "InRange",
    "Listing",
    "Living",
    "Loosening",
    "MetricCriterion",
    "MetricSource",
    "ModelVersion",
    "Move",
    "MovedTest",
    "NotWorseThan",
    "Override",
    "Part",
    "Parts",
    "Record",
    "Result",
    "Revision",
    "Roles",
    "RowCount",
    "RowCriterion",
    "Run",
    "Scope",
    "Signature",
    "Status",
    "Unique",
    "UnknownCriterion",
    "as_row",
    "at_home",
    "becomes",
    "check_home",
    "from_json",
    "function_of",
    "higher_is_better",
    "is_looser",
    "to_json",
    "worst",
]

if not TYPE_CHECKING:  # a type checker takes a name that is not listed above for a mistake
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
