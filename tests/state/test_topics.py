"""What a history may be narrowed to: which refs, versions and moves are meant."""

from __future__ import annotations

import pytest

from mlcycle.state import Topic

NAME, VERSION, ALIAS, RUN = (
    Topic("model", "m"),
    Topic("model", "m", 7),
    Topic("model", "m", pointer="p"),
    Topic("run", "0a"),
)


@pytest.mark.parametrize(
    ("topic", "means"),
    [
        (NAME, ["model:m", "model:m@7", "model:m@70"]),
        (VERSION, ["model:m@7"]),
        (ALIAS, []),
        (RUN, ["run:0a"]),
    ],
)
def test_which_refs_are_meant(topic: Topic, means: list[str]) -> None:
    """Of a name all its versions, of a version that one, of a pointer none; longer names are others."""
    refs = ["model:m", "model:m@7", "model:m@70", "model:mm@7", "dataset:m@7", "run:0a", "run:0ab", None, 7]
    assert [ref for ref in refs if topic.means(ref)] == means


@pytest.mark.parametrize(("topic", "takes"), [(NAME, [1, 7]), (VERSION, [7]), (ALIAS, [])])
def test_which_versions_are_meant(topic: Topic, takes: list[int]) -> None:
    """All, one, or none."""
    assert [number for number in (1, 7) if topic.takes(number)] == takes


@pytest.mark.parametrize(
    ("topic", "moves"),
    [
        (NAME, [("p", None, 7), ("p", 7, 8), ("q", 1, None)]),
        (VERSION, [("p", None, 7), ("p", 7, 8)]),
        (ALIAS, [("p", None, 7), ("p", 7, 8)]),
        (RUN, []),
    ],
)
def test_which_moves_are_meant(topic: Topic, moves: list[tuple[str, int | None, int | None]]) -> None:
    """Of a version those to it and away from it; names are compared as everywhere."""
    every = [("p", None, 7), ("p", 7, 8), ("q", 1, None)]
    assert [one for one in every if topic.is_moved("model", "M", *one)] == moves
    assert not any(topic.is_moved("dataset", "m", *one) for one in every)
