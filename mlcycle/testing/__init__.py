"""The test kit mlcycle itself is tested with: for whoever writes a storage, check, criterion or hook of his own.

Names that end in ``Contract`` are suites to subclass (they need pytest); `FaultyFiles` makes any storage fail where a
plan says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

_SUITES = {
    "CheckContract": "_check_contract",
    "CriterionContract": "_criterion_contract",
    "FilesContract": "_files_contract",
    "HookContract": "_hook_contract",
}


def __getattr__(name: str) -> Any:
    if name not in _SUITES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib
    import sys

    import pytest

    suite = f"{__name__}.{_SUITES[name]}"
    if suite not in sys.modules:
        pytest.register_assert_rewrite(suite)  # so that a failing assert there shows its values, as in one's own tests
    return getattr(importlib.import_module(suite), name)
