"""One document under one name, written once."""

from __future__ import annotations

import pytest

from mlcycle.errors import Corrupt, StorageUnavailable
from mlcycle.storage import create_once, open_files
from mlcycle.testing import Fault, FaultyFiles, fail_on


@pytest.mark.parametrize("fault", [None, Fault.UNKNOWN, Fault.UNDONE])
def test_it_is_written_whatever_the_answer(fault: Fault | None) -> None:
    """A lost answer is asked for again, and a repetition changes nothing."""
    files = FaultyFiles(open_files(f"memory://once-{fault}"), fault and fail_on("create", fault, times=2))
    create_once(files, "a", b"one")
    create_once(files, "a", b"one")
    assert files.read("a") == b"one"


def test_other_bytes_are_left_as_they_are() -> None:
    """What stands there already is never overwritten."""
    files = open_files("memory://once-other")
    files.create("a", b"one")
    with pytest.raises(Corrupt, match="a holds 3 other bytes already"):
        create_once(files, "a", b"two")
    assert files.read("a") == b"one"


def test_a_storage_that_never_answers_is_told() -> None:
    """Three lost answers in a row are trouble."""
    files = FaultyFiles(open_files("memory://once-away"), fail_on("create", Fault.UNDONE))
    with pytest.raises(StorageUnavailable, match="lost 3 times"):
        create_once(files, "a", b"one")
