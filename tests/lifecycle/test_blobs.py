"""Stored objects of which this library may not know how they are kept."""

from __future__ import annotations

import pytest

from mlcycle.errors import MlcycleWarning, SchemaError
from mlcycle.lifecycle.blobs._placement import readable


def test_one_of_a_newer_library_hides_no_other() -> None:
    """What can be read comes back in order; of the rest it is said why not."""

    def read(n: int) -> str:
        if n == 2:
            raise SchemaError("d@2 needs 'pieces'; upgrade mlcycle")
        return f"d@{n}"

    with pytest.warns(MlcycleWarning, match="d@2 needs 'pieces'"):
        assert readable(read, iter([1, 2, 3])) == ["d@1", "d@3"]
