"""mlcycle: the whole machine-learning lifecycle as a library, on any folder or bucket.

>>> import mlcycle as mc
>>> project = mc.open("memory://docs-package")
>>> criteria = [mc.AtLeast("roc_auc", 0.8)]
>>> project.scope.set(objective="Keep customers", criteria=criteria, test="customers.test").number
1
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mlcycle import errors, stats
    from mlcycle.lifecycle import ActiveRun, Deployment, Experiment, Project
    from mlcycle.lifecycle import open as open
    from mlcycle.lifecycle import trust as trust
    from mlcycle.records import (
        AtLeast,
        AtMost,
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
    "errors",
    "stats",
    "trust",
]

_ROOMS = {
    **dict.fromkeys(("ActiveRun", "Deployment", "Experiment", "Project", "open", "trust"), "mlcycle.lifecycle"),
    "Service": "mlcycle.serving",
    **dict.fromkeys(("Event", "after", "before"), "mlcycle.checks"),
}


def __getattr__(name: str) -> Any:
    """Open a room when something in it is first asked for, so that importing mlcycle costs next to nothing."""
    from importlib import import_module

    if name in ("errors", "stats"):
        return import_module(f"mlcycle.{name}")
    if name not in __all__ and name != "open":
        raise AttributeError(f"module 'mlcycle' has no attribute {name!r}")
    value = getattr(import_module(_ROOMS.get(name, "mlcycle.records")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", "open"])
