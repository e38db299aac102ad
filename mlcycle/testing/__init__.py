"""The test kit mlcycle itself is tested with: for those who write a storage of their own, or test what fails.

`FilesContract` is a suite to subclass (it needs pytest); `FaultyFiles` makes any storage fail where a plan says so.
"""

from __future__ import annotations

from mlcycle.testing._faults import Crash, Fault, FaultyFiles, fail_at, fail_on, fail_randomly
from mlcycle.testing._files_contract import FilesContract

__all__ = ["Crash", "Fault", "FaultyFiles", "FilesContract", "fail_at", "fail_on", "fail_randomly"]
