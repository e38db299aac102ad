"""An index from text to entry in 12 bytes an item: a dict is the model."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcycle import _compact_index
from mlcycle._compact_index import CompactIndex
from mlcycle.errors import Corrupt

STEPS = st.lists(
    st.tuples(st.sampled_from(["set", "pop", "reopen"]), st.sampled_from("abcdefgh"), st.integers(0, 2**32 - 1)),
    max_size=40,
)


def record(text: str, n: int) -> bytes:
    """Return the record of one text, as the format says."""
    return hashlib.sha256(text.encode()).digest()[:8] + n.to_bytes(4, "big")


@given(STEPS, st.sampled_from([1, 3, 4096]))
def test_it_is_a_dict(steps: list[tuple[str, str, int]], most: int) -> None:
    """Whatever was set, forgotten, written and read back: it answers as a dict does, and its bytes follow from that."""
    model: dict[str, int] = {}
    index = CompactIndex()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_compact_index, "_MOST", most)
        for what, text, n in steps:
            if what == "set":
                index.set(text, n)
                model[text] = n
            elif what == "pop":
                index.pop(text)
                model.pop(text, None)
            else:
                index = CompactIndex(index.dump)
    assert [model.get(text) for text in "abcdefghi"] == [index.get(text) for text in "abcdefghi"]
    assert b"".join(sorted(record(text, n) for text, n in model.items())) == index.dump()


def test_it_is_read_when_first_asked() -> None:
    """To set and to forget reads nothing; what was not touched is given back as it came, and read once."""
    read = []
    block = b"".join(sorted(record(text, i) for i, text in enumerate(map(str, range(1000)))))

    def load() -> bytes:
        read.append(1)
        return block

    index = CompactIndex(load)
    index.set("new", 7)
    index.pop("5")
    assert (index.get("new"), read) == (7, [])
    assert [index.get(text) for text in ("4", "5", "999", "nothing")] == [4, None, 999, None]
    assert len(index.dump()) == len(block)
    untouched = CompactIndex(load)
    assert untouched.dump() is block
    assert read == [1, 1]


def test_a_failure_to_read_may_be_asked_again() -> None:
    """What cannot be read raises, and the next question reads again; half a record is damage."""
    answers = iter([b"x" * 13, record("a", 1)])
    index = CompactIndex(lambda: next(answers))
    with pytest.raises(Corrupt, match="records of 12 bytes, this one has 13 bytes"):
        index.get("a")
    assert index.get("a") == 1
