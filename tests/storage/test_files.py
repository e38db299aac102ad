"""The six calls: the contract on every storage, and what each storage has of its own."""

from __future__ import annotations

from mlcycle.testing import FilesContract


class TestContract(FilesContract):
    """The shipped suite, on a folder, in memory and on S3."""
