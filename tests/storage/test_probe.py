"""The probe sees a storage that breaks its word."""

from __future__ import annotations

import json
import uuid

import pytest

from mlcycle.errors import StorageUnavailable, UnsupportedStorage
from mlcycle.storage import Outcome, open_files, probe
from mlcycle.storage._memory import MemoryFiles
from mlcycle.testing import Fault, FaultyFiles, fail_on


class Overwriting(MemoryFiles):
    """A storage that ignores the condition of a conditional put, as some do."""

    def create(self, key: str, data: bytes) -> Outcome:
        """Overwrite, and say it won."""
        self.put(key, data)
        return Outcome.WON


class OverwritingEmpty(MemoryFiles):
    """A storage that ignores it only for no bytes at all, as s3fs did."""

    def create(self, key: str, data: bytes) -> Outcome:
        """Overwrite with nothing, and say it won."""
        return super().create(key, data) if data else Outcome.WON


@pytest.mark.parametrize("kind", [Overwriting, OverwritingEmpty])
def test_overwriting_storage_is_refused(kind: type[MemoryFiles]) -> None:
    """A put-if-absent that overwrites is found out, and the refusal names the remedy; a single writer may."""
    name = uuid.uuid4().hex
    with pytest.raises(UnsupportedStorage, match=r"overwrote.*single_writer=True"):
        probe(kind(name))
    assert list(MemoryFiles(name).list("")) == []
    assert probe(kind(name, single_writer=True))["shared"] is False


def test_answer_is_json() -> None:
    """What was seen can be written down."""
    seen = probe(open_files(f"memory://{uuid.uuid4().hex}"))
    assert json.loads(json.dumps(seen)) == seen


def test_storage_that_does_not_answer() -> None:
    """No answer is no evidence."""
    real = open_files(f"memory://{uuid.uuid4().hex}")
    with pytest.raises(StorageUnavailable, match="did not answer"):
        probe(FaultyFiles(real, fail_on("create", Fault.UNKNOWN)))
    assert list(real.list("")) == []


def test_delete_that_fails_is_written_down() -> None:
    """A probe that cannot clean up says so."""
    real = open_files(f"memory://{uuid.uuid4().hex}")
    assert probe(FaultyFiles(real, fail_on("delete", Fault.BEFORE, times=1)))["delete"] is False
    assert list(real.list("")) == []
