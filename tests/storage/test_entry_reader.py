"""Entries by name: from their own files or from rollups, one at a time or many at once, up to the end and no gap."""

from __future__ import annotations

import gzip
import itertools

import pytest

from mlcycle._digest import sha256_bytes
from mlcycle.errors import Corrupt, SchemaError, StorageUnavailable
from mlcycle.storage import KeyNotFound, _entry_reader
from mlcycle.storage._entries import encode_entry, entry_key
from mlcycle.storage._entry_reader import EntryReader, Stored, missing
from mlcycle.storage._rollups import pack, rollup_key
from tests.storage.shelf import small_rollups

ENTRIES = [
    encode_entry(n, "", op=f"auto:{n}", verb="x", author="ann", at="2026-11-23T00:00:00.000000Z", changes=[])
    for n in range(40)
]


class Kept:
    """Files in a dict, all that a reader needs.

    Parameters
    ----------
    files : dict
        Key to bytes.
    can_append : bool, default True
        Whether they are read one at a time.

    Attributes
    ----------
    reads : list of str
        The keys that were asked for.
    """

    def __init__(self, files: dict[str, bytes], *, can_append: bool = True) -> None:
        self.files, self.can_append = files, can_append
        self.reads: list[str] = []

    def read(self, key: str) -> bytes:
        """Return the bytes of a file."""
        self.reads.append(key)
        if key not in self.files:
            raise KeyNotFound(key)
        return self.files[key]


def _log(count: int, *, rolled: int = 0, emptied: int = 0, can_append: bool = True) -> Kept:
    """Return a log of so many entries, the first of them in rollups too, the first of those in rollups alone."""
    files = {entry_key(n): b"" if n < emptied else ENTRIES[n] for n in range(count)}
    files |= {rollup_key(first): pack(ENTRIES[first : first + 8]) for first in range(0, rolled, 8)}
    return Kept(files, can_append=can_append)


@pytest.fixture(autouse=True)
def _eight(monkeypatch: pytest.MonkeyPatch) -> None:
    small_rollups(monkeypatch)
    monkeypatch.setattr(_entry_reader, "_FAR", 4)
    monkeypatch.setattr(_entry_reader, "_WIDEST", 5)


# in order ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("can_append", [True, False], ids=["near", "far away"])
@pytest.mark.parametrize("rollups", [True, False])
@pytest.mark.parametrize(("count", "rolled", "emptied"), [(0, 0, 0), (1, 0, 0), (21, 0, 0), (21, 16, 0), (40, 32, 30)])
def test_entries_come_in_order(can_append: bool, rollups: bool, count: int, rolled: int, emptied: int) -> None:
    """From any to any, whatever is believed of the end, however old ones are kept."""
    for start, stop, expect in itertools.product((0, 3, 8, 17), (None, 3, 16, 30, 99), (-1, 7, 20, 500)):
        reader = EntryReader(_log(count, rolled=rolled, emptied=emptied, can_append=can_append))  # type: ignore[arg-type]
        found = list(reader.run(start, stop, expect=expect, rollups=rollups, ahead=2))
        wanted = range(start, count if stop is None else min(stop, count))
        assert found == [Stored(n, ENTRIES[n]) for n in wanted]


@pytest.mark.parametrize(("gap", "ahead", "can_append"), [(19, 1, True), (18, 1, True), (15, 3, True), (19, 0, False)])
def test_a_gap_is_no_end(gap: int, ahead: int, can_append: bool) -> None:
    """An entry behind the absent one proves that there were more, once all before it were handed over."""
    files = _log(21, can_append=can_append)
    del files.files[entry_key(gap)]
    entries = EntryReader(files).run(0, ahead=ahead)  # type: ignore[arg-type]
    assert [stored.n for stored in itertools.islice(entries, gap)] == list(range(gap))
    with pytest.raises(Corrupt, match=f"^{entry_key(gap)} is missing, though {entry_key(gap + 1)} is there"):
        next(entries)


@pytest.mark.parametrize("ahead", [0, 1])
def test_how_far_behind_the_end_to_look_is_up_to_the_caller(ahead: int) -> None:
    """A gap of two is an end to whoever looks at one number behind it, where nothing else is read with it."""
    files = _log(21)
    del files.files[entry_key(18)], files.files[entry_key(19)]
    assert [stored.n for stored in EntryReader(files).run(0, ahead=ahead)] == list(range(18))  # type: ignore[arg-type]
    assert files.reads[-1] == entry_key(18 + ahead)


def test_a_gap_that_was_filled_meanwhile_is_none() -> None:
    """Whoever was writing has written when it is looked at again; the end is where it was, and nothing is skipped."""
    files = _log(6)
    filled = files.files.pop(entry_key(4))
    read = files.read

    def slowly(key: str) -> bytes:
        if key == entry_key(5):
            files.files[entry_key(4)] = filled
        return read(key)

    files.read = slowly  # type: ignore[method-assign]
    assert [stored.n for stored in EntryReader(files).run(0, ahead=2)] == [0, 1, 2, 3]  # type: ignore[arg-type]


def test_old_entries_come_from_rollups_where_it_is_far() -> None:
    """One request for eight; the few that are left, and what is said to be wanted without, from their own files."""
    files = _log(21, rolled=16)
    list(EntryReader(files).run(0, expect=18))  # type: ignore[arg-type]
    assert files.reads == [rollup_key(0), rollup_key(8), *map(entry_key, range(16, 22))]
    files.reads.clear()
    list(EntryReader(files).run(0, expect=20, rollups=False))  # type: ignore[arg-type]
    assert files.reads == [*map(entry_key, range(22))]


def test_many_are_read_at_once_where_each_takes_a_while() -> None:
    """Ever more of them, up to so many; behind the end only those that were read with it."""
    files = _log(21, can_append=False)
    list(EntryReader(files).run(0))  # type: ignore[arg-type]
    assert len(files.reads) < 21 + 2 * 5
    assert {*files.reads} >= {*map(entry_key, range(22))}


@pytest.mark.parametrize("harm", ["absent", "torn", "short"])
def test_emptied_entries_without_a_good_rollup_are_handed_over_empty(harm: str) -> None:
    """Reading them says what is wrong; what comes after is not kept from anybody."""
    files = _log(20, rolled=16, emptied=16)
    whole = files.files.pop(rollup_key(8))
    if harm != "absent":
        files.files[rollup_key(8)] = whole[:-9] if harm == "torn" else pack(ENTRIES[8:12])
    found = list(EntryReader(files).run(0, expect=19))  # type: ignore[arg-type]
    assert [stored.n for stored in found] == list(range(20))
    assert [stored.n for stored in found if not stored.data] == list(range(8, 16))


# one by one ----------------------------------------------------------------------------------------------------------


def test_damage_is_mended_from_the_rollup() -> None:
    """Bytes that are not the entry's are passed over, the single's as well as the rollup's."""
    files = _log(20, rolled=16)
    files.files |= {entry_key(3): b"", entry_key(4): ENTRIES[4][:-1], entry_key(5): ENTRIES[6]}
    reader = EntryReader(files)  # type: ignore[arg-type]
    for n in (3, 4, 5):
        assert reader.one(n) == ENTRIES[n]
        entry, stored = reader.believed(Stored(n, files.files[entry_key(n)]))
        assert (entry["n"], stored) == (n, Stored(n, ENTRIES[n]))
    files.files[rollup_key(8)] = pack([b"{}"] * 8)
    reader = EntryReader(files)  # type: ignore[arg-type]
    assert (reader.rolled(9), reader.one(9)) == (b"{}", ENTRIES[9])
    assert (reader.one(17), reader.one(20), reader.single(20)) == (ENTRIES[17], None, None)


def test_damage_that_cannot_be_mended_is_told() -> None:
    """As what is wrong with the single; mended afterwards, it is read without opening the project anew."""
    files = _log(20, rolled=16)
    files.files |= {entry_key(3): b"{", rollup_key(0): pack([b"[]"] * 8), entry_key(18): b"{"}
    reader = EntryReader(files)  # type: ignore[arg-type]
    for n in (3, 18):
        with pytest.raises(Corrupt, match=f"{entry_key(n)} is damaged: its 1 bytes are not JSON"):
            reader.believed(Stored(n, b"{"))
        assert reader.one(n) == b"{"
    files.files[rollup_key(0)] = pack(ENTRIES[:8])
    assert reader.one(3) == ENTRIES[3]


def test_an_entry_of_a_newer_library_is_not_mended() -> None:
    """It is no damage, whatever a rollup holds; nor is a link that does not follow made to follow."""
    files = _log(8, rolled=8)
    newer = ENTRIES[3].replace(b'"v":1', b'"v":9')
    with pytest.raises(SchemaError, match="newer mlcycle"):
        EntryReader(files).believed(Stored(3, newer))  # type: ignore[arg-type]
    with pytest.raises(Corrupt, match="it follows nothing"):
        EntryReader(files).believed(Stored(3, ENTRIES[3]), sha256_bytes(b"other"))  # type: ignore[arg-type]


def test_neighbours_are_unpacked_once() -> None:
    """Who wants one old entry wants another: a rollup is read once, as long as it is the last one asked."""
    files = _log(20, rolled=16, emptied=16)
    reader = EntryReader(files)  # type: ignore[arg-type]
    assert [reader.one(n) for n in (0, 1, 7, 2)] == [ENTRIES[n] for n in (0, 1, 7, 2)]
    assert files.reads.count(rollup_key(0)) == 1
    assert (reader.one(9), reader.one(0)) == (ENTRIES[9], ENTRIES[0])
    assert (files.reads.count(rollup_key(0)), files.reads.count(rollup_key(8))) == (2, 1)


def test_a_rollup_packed_again_by_hand_is_as_good() -> None:
    """In one piece, without the lengths of its members."""
    files = _log(8, rolled=8, emptied=8)
    files.files[rollup_key(0)] = gzip.compress(b"".join(line + b"\n" for line in ENTRIES[:8]))
    reader = EntryReader(files)  # type: ignore[arg-type]
    assert (reader.rolled(5), reader.rollup(0)) == (ENTRIES[5], ENTRIES[:8])


def test_no_answer_is_no_damage() -> None:
    """Of one entry it is told; a whole rollup is a short cut, and there is another way."""
    files = _log(8, rolled=8)
    read = files.read

    def away(key: str) -> bytes:
        if "rollup" in key:
            raise StorageUnavailable("it is away")
        return read(key)

    files.read = away  # type: ignore[method-assign]
    reader = EntryReader(files)  # type: ignore[arg-type]
    with pytest.raises(StorageUnavailable):
        reader.rolled(3)
    assert reader.rollup(0) is None
    assert [stored.n for stored in reader.run(0, expect=7)] == list(range(8))


# words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("later", "on_purpose"),
    [("log/0000000009.json", False), ("hint.json", False), (rollup_key(8), True), ("checkpoints/9.json", True)],
)
def test_what_proves_a_gap_is_named_with_the_remedy(later: str, on_purpose: bool) -> None:
    """Caches outlive an older log that was put back: then they are to be deleted."""
    text = str(missing(7, later))
    assert text.startswith(f"log/0000000007.json is missing, though {later} is there. Put the file back from a copy")
    assert (f"put back on purpose, delete {later} and hint.json" in text) == on_purpose
