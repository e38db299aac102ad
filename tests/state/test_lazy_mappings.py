"""Values kept as their JSON until somebody asks: parts, keys, and two threads at once."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcycle.state import _lazy_mappings as lines_module
from mlcycle.state._lazy_mappings import LazyMapping, NounMappings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Parts:
    """Parts of a checkpoint in a dict, and which of them were read.

    Attributes
    ----------
    read : list of str
        The parts asked for, in order.
    """

    def __init__(self, parts: dict[str, bytes]) -> None:
        self.parts = parts
        self.read: list[str] = []

    def __call__(self, part: str) -> bytes:
        """Return the bytes of a part."""
        self.read.append(part)
        return self.parts[part]


def _lists(parts: Sequence[tuple[str, Callable[[], bytes]]] = ()) -> LazyMapping[list[int]]:
    return LazyMapping(list, list, list, parts)


def _shelf(parts: Parts | None = None) -> NounMappings[list[int]]:
    return NounMappings("facts", _lists) if parts is None else NounMappings("facts", _lists, sorted(parts.parts), parts)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> Parts:
    """Return a shelf of 60 keys of two nouns, in parts of a few lines each."""
    monkeypatch.setattr(lines_module, "PART_BYTES", 60)
    shelf = _shelf()
    for i in range(60):
        shelf.need("model" if i % 2 else "dataset").need(f"key-{i:02}").append(i)
    return Parts(shelf.dump())


def test_parts_are_cut_by_key(many: Parts) -> None:
    """Each part is named by its first key, and no part is larger than it may be."""
    assert [name for name in many.parts if name.startswith("facts/dataset/")][:2] == [
        "facts/dataset/key-00",
        "facts/dataset/key-10",
    ]
    assert many.parts["facts/dataset/key-00"].startswith(b"key-00\t[0]\nkey-02\t[2]\n")
    assert max(map(len, many.parts.values())) <= 60


def test_a_key_reads_its_part_alone(many: Parts) -> None:
    """And each part once; a key before the first, between two or after the last is looked for where it would be."""
    shelf = _shelf(many)
    lines = shelf.of("dataset")
    assert lines is not None
    assert many.read == []
    assert (lines.get("key-12"), lines.get("key-14")) == ([12], [14])
    assert many.read == ["facts/dataset/key-10"]
    assert [lines.get(key) for key in ("a", "key-11", "z")] == [None, None, None]
    assert many.read == ["facts/dataset/key-10", "facts/dataset/key-00", "facts/dataset/key-50"]
    assert shelf.of("report") is None
    assert shelf.nouns() == ["dataset", "model"]


def test_a_part_that_could_not_be_read_is_asked_for_again(many: Parts) -> None:
    """A storage that did not answer once loses nothing."""
    kept, many.parts = many.parts, dict.fromkeys(many.parts, b"")
    lines = NounMappings("facts", _lists, sorted(kept), lambda part: many.parts[part]).of("dataset")
    many.parts = {}
    assert lines is not None
    with pytest.raises(KeyError):
        lines.get("key-12")
    many.parts = kept
    assert lines.get("key-12") == [12]


def test_one_object_a_key(many: Parts) -> None:
    """What is folded into a value is seen by who reads it, and is in the next dump."""
    lines = _shelf(many).need("dataset")
    lines.need("key-12").append(99)
    lines.need("new").append(1)
    assert (lines.get("key-12"), lines.get("new")) == ([12, 99], [1])
    assert b"key-12\t[12,99]\n" in b"".join(lines.dump("facts/dataset").values())
    assert 31 == len(lines.keys()) == len([*lines.values()])


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.lists(st.integers(), max_size=2), max_size=9),
    st.integers(1, 80),
    st.lists(st.integers(0, 8), max_size=4),
    st.sampled_from(["toy", "x-lab/toy", "50%2F", "a/b/", "ö"]),
)
def test_what_is_dumped_follows_from_the_values(
    wanted: dict[str, list[int]], size: int, touched: list[int], of: str
) -> None:
    """Any text is a key, or a noun; what was read or parsed on the way leaves no trace."""
    before = lines_module.PART_BYTES
    lines_module.PART_BYTES = size
    try:
        shelf = _shelf()
        for key, value in wanted.items():
            shelf.need(of).need(key).extend(value)
        dumped = Parts(shelf.dump())
        again = _shelf(dumped)
        for i in touched:
            again.need(of).get([*wanted, "other"][i % (len(wanted) + 1)])
        assert dumped.parts == again.dump()
        assert wanted == {key: again.need(of).get(key) for key in again.need(of).keys()}  # noqa: SIM118
    finally:
        lines_module.PART_BYTES = before


def test_many_readers_get_one_object_while_another_folds() -> None:
    """A value is parsed once, however many ask at the same moment; or what was folded into it would be lost."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(30):
            _read_and_fold([f"{i:02}" for i in range(40)])
    finally:
        sys.setswitchinterval(before)


def _read_and_fold(keys: list[str]) -> None:
    shelf = _shelf()
    for key in keys:
        shelf.need("toy").need(key).append(int(key))
    lines = _shelf(Parts(shelf.dump())).need("toy")
    found: list[list[list[int] | None]] = []
    readers = [threading.Thread(target=lambda: found.append([lines.get(key) for key in keys])) for _ in range(4)]
    for reader in readers:
        reader.start()
    for key in keys:
        lines.need(key).append(99)
    for reader in readers:
        reader.join()
    for seen in found:
        assert all(one is lines.get(key) for key, one in zip(keys, seen, strict=True))
    assert [[int(key), 99] for key in keys] == [lines.get(key) for key in keys]
