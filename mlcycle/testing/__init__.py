"""The test kit mlcycle itself is tested with: for those who write a storage of their own, or test what fails.

`FilesContract` is a suite to subclass (it needs pytest); `FaultyFiles` makes any storage fail where a plan says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle.testing._faults import Crash, Fault, FaultyFiles, fail_at, fail_on, fail_randomly

if TYPE_CHECKING:
    from mlcycle.testing._files_contract import FilesContract

__all__ = ["Crash", "Fault", "FaultyFiles", "FilesContract", "fail_at", "fail_on", "fail_randomly"]


def __getattr__(name: str) -> Any:
    if name != "FilesContract":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib
    import sys

    import pytest

    suite = f"{__name__}._files_contract"
    if suite not in sys.modules:
        pytest.register_assert_rewrite(suite)  # so that a failing assert there shows its values, as in one's own tests
    return importlib.import_module(suite).FilesContract
