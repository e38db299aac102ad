"""The test kit mlcycle itself is tested with: for whoever writes a storage, check, criterion or hook of his own.

Names that end in ``Contract`` are suites to subclass (they need pytest); `FaultyFiles` makes any storage fail where a
plan says so.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mlcycle._lazy import lazy_names
from mlcycle.testing._faults import Crash, Fault, FaultyFiles, fail_at, fail_on, fail_randomly

if TYPE_CHECKING:
    from mlcycle.testing._check_contract import CheckContract
    from mlcycle.testing._criterion_contract import CriterionContract
    from mlcycle.testing._files_contract import FilesContract
    from mlcycle.testing._hook_contract import HookContract

__all__ = [
    "CheckContract",
    "Crash",
    "CriterionContract",
    "Fault",
    "FaultyFiles",
    "FilesContract",
    "HookContract",
    "fail_at",
    "fail_on",
    "fail_randomly",
]

_HOMES = {
    "_check_contract": ("CheckContract",),
    "_criterion_contract": ("CriterionContract",),
    "_files_contract": ("FilesContract",),
    "_hook_contract": ("HookContract",),
}

if "pytest" in sys.modules:  # so that a failing assert of a suite shows its values, as in one's own tests
    sys.modules["pytest"].register_assert_rewrite(*(f"{__name__}.{module}" for module in _HOMES))

if not TYPE_CHECKING:  # a type checker takes a name that is not listed above for a mistake
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
