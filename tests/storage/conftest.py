"""The six calls on every storage we have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlcycle.storage import open_files

if TYPE_CHECKING:
    from mlcycle.storage import Files


@pytest.fixture
def files(store_url: tuple[str, dict[str, Any]]) -> Files:
    """Empty files: on disk, in memory, on S3."""
    url, options = store_url
    return open_files(url, storage_options=options)
