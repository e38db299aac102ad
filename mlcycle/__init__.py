"""mlcycle: the whole machine-learning lifecycle as a library, on any folder or bucket.

>>> import mlcycle as mc
>>> project = mc.open("memory://docs-package")
>>> criteria = [mc.AtLeast("roc_auc", 0.8)]
>>> project.scope.set(objective="Keep customers", criteria=criteria, test="customers.test").number
1
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._lazy import lazy_names

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mlcycle import errors, stats
    from mlcycle.checks import Event, after, before
    from mlcycle.lifecycle import ActiveRun, Deployment, Experiment, Project
    from mlcycle.lifecycle import current_run as current_run
    from mlcycle.lifecycle import open as open
    from mlcycle.lifecycle import trust as trust
    from mlcycle.records import (
        AtLeast,
        AtMost,
        Cost,
        DatasetVersion,
        Decision,
        Evaluation,
        InRange,
        ModelVersion,
        NotWorseThan,
        Result,
        Revision,
        RowCount,
        Run,
        Scope,
        Unique,
    )
    from mlcycle.serving import Service

__all__ = [
    "ActiveRun",
    "AtLeast",
    "AtMost",
    "Cost",
    "DatasetVersion",
    "Decision",
    "Deployment",
    "Evaluation",
    "Event",
    "Experiment",
    "InRange",
    "ModelVersion",
    "NotWorseThan",
    "Project",
    "Result",
    "Revision",
    "RowCount",
    "Run",
    "Scope",
    "Service",
    "Unique",
    "after",
    "before",
    "current_run",
    "errors",
    "stats",
    "trust",
]

_HOMES = {
    "checks": ("Event", "after", "before"),
    "errors": (),
    "lifecycle": ("ActiveRun", "Deployment", "Experiment", "Project", "current_run", "open", "trust"),
    "records": (
        "AtLeast",
        "AtMost",
        "Cost",
        "DatasetVersion",
        "Decision",
        "Evaluation",
        "InRange",
        "ModelVersion",
        "NotWorseThan",
        "Result",
        "Revision",
        "RowCount",
        "Run",
        "Scope",
        "Unique",
    ),
    "serving": ("Service",),
    "stats": (),
}

if not TYPE_CHECKING:  # a type checker takes a name that is not listed above for a mistake
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
