"""How many rows of some data are among others, and that a pair is compared once a process."""

from __future__ import annotations

import uuid

import pandas as pd
import pytest

import mlcycle as mc
from mlcycle.lifecycle.datasets import shared_rows, tables
from mlcycle.state import resolve

FRAME = pd.DataFrame({"id": range(60), "x": [n % 7 for n in range(60)], "left": [0, 1] * 30})


def test_a_pair_is_compared_once_and_each_way_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions never change: what was found of two of them is found for good, by their contents and by the key."""
    project = mc.open(f"memory://shared-{uuid.uuid4().hex}", create=True)
    project.datasets.add("d", FRAME, target="left", key="id")
    project.datasets.add("some", FRAME.head(20), target="left", key="id")
    project.datasets.add("some", FRAME.head(20), target="left", key=None)  # the same rows, without a key
    session = project._session
    view = session.view()

    def shared(one: str, other: str) -> tuple[int, int, str]:
        found = shared_rows(session.blobs, view, *(resolve(view, f"dataset:{ref}") for ref in (one, other)))
        return found.rows, found.of, found.how

    pairs = [("d@1", "some@1"), ("some@1", "d@1"), ("d@1", "some@2")]
    expected = [(20, 20, "key"), (20, 60, "key"), (20, 20, "content")]
    assert [shared(*pair) for pair in pairs] == expected
    read: list[object] = []
    monkeypatch.setattr(tables, "read_frame", lambda *given, **more: read.append(given))
    assert ([shared(*pair) for pair in pairs], read) == (expected, [])
