"""Names of segments, and lines put together again from them, whatever way they were cut."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcycle.errors import InvalidInput
from mlcycle.storage import KeyNotFound, Listed, read_lines
from mlcycle.storage._flock import host_tag
from mlcycle.storage._segments import lines_of, new_writer, read_tail, segment_key, segments

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX, STEM = "runs/2026-11/a/", "points-"
WRITERS = [f"{i}a" * 20 for i in range(3)]
WRITER = WRITERS[0]
PIECE = "mlcycle.storage._segments._PIECE"


class Kept:
    """Files in a dict, all that readers of streams need; every read is noted.

    Parameters
    ----------
    files : dict
        Key to bytes.
    can_append : bool, default True
        Whether they say that reading them is no journey.
    """

    def __init__(self, files: dict[str, bytes], *, can_append: bool = True) -> None:
        self.files, self.can_append = files, can_append
        self.reads: list[tuple[str, int | None, int | None]] = []
        self.threads: set[str] = set()

    def read(self, key: str, start: int | None = None, stop: int | None = None) -> bytes:
        """Return bytes of a file."""
        self.reads.append((key, start, stop))
        self.threads.add(threading.current_thread().name.partition("_")[0])
        if key not in self.files:
            raise KeyNotFound(key)
        return self.files[key][start:stop]

    def list(self, prefix: str) -> Iterator[Listed]:
        """Yield what begins with a prefix."""
        return itertools.chain(
            Listed(key, len(data), 0.0) for key, data in self.files.items() if key.startswith(prefix)
        )


def _stream(**named: bytes) -> Kept:
    """Return files with segments of one writer, named by their ends as ``_0`` or ``_0_4``."""
    files = {}
    for name, data in named.items():
        start, _, end = name.strip("_").partition("_")
        files[segment_key(PREFIX, STEM, WRITER, int(start), int(end) if end else None)] = data
    return Kept(files)


def _lines(files: Kept) -> list[bytes]:
    return [text for _, text in read_lines(files, PREFIX, STEM)]


# names ---------------------------------------------------------------------------------------------------------------


def test_a_writer_sorts_by_the_time_it_began() -> None:
    """And names this machine at its end, so that the next process can tell whose it was."""
    writers = [new_writer() for _ in range(3)]
    assert [one[:12] for one in writers] == sorted(one[:12] for one in writers)
    assert ({len(one) for one in writers}, len({*writers})) == ({40}, 3)
    assert {one[32:] for one in writers} == {host_tag()}


@given(
    start=st.integers(0, 10**18 - 1),
    size=st.none() | st.integers(0, 10**6),
    stem=st.sampled_from(["", "points-", "a-0-"]),
    prefix=st.sampled_from(["", "a/", PREFIX]),
)
def test_a_key_says_what_is_in_it(start: int, size: int | None, stem: str, prefix: str) -> None:
    """Writer and bytes are read back from the name, if the stream is the one it was made for."""
    end = None if size is None or start + size >= 10**18 else start + size
    key = segment_key(prefix, stem, WRITER, start, end)
    files = Kept({key: b"x" * 7})
    [[one]] = segments(files, prefix, stem).values()
    assert (one.writer, one.offset, one.size, one.key) == (
        WRITER,
        start,
        7 if end is None else min(7, end - start),
        key,
    )
    assert segments(files, prefix, "other-") == {}


def test_a_prefix_is_a_folder() -> None:
    """What does not end like one would name the segments of another stream; no prefix is the top."""
    with pytest.raises(InvalidInput, match=r"^the prefix of a stream is a folder and ends in '/', got 'runs/a'$"):
        segment_key("runs/a", STEM, WRITER, 0)
    assert segment_key("", "", WRITER, 3, 4) == f"{WRITER}-3-4.jsonl"


@pytest.mark.parametrize(
    "name",
    [
        f"labels-{WRITER}-0.jsonl",
        f"points-{WRITER}-00.jsonl",
        f"points-{WRITER}-x.jsonl",
        f"points-{WRITER}-0-07.jsonl",
        f"points-{WRITER}-0-7-9.jsonl",
        f"points-{WRITER}-0.jsonl.tmp",
        f"points-{WRITER[1:]}-0.jsonl",
        f"points-{WRITER.upper()}-0.jsonl",
        f"points-{WRITER}-{10**18}.jsonl",
        f"files/points-{WRITER}-0.jsonl",
        f"points-\n{WRITER}-0.jsonl",
        "head.jsonl",
    ],
)
def test_other_keys_are_no_segments(name: str) -> None:
    """Neighbours in the folder, other streams and numbers in another form are left alone, whoever made the listing."""
    mine = segment_key(PREFIX, STEM, "fe" * 20, 0)
    files = Kept({PREFIX + name: b"{}\n", mine: b"mine\n"})
    for listed in (None, files.list("runs/"), files.list("")):
        assert list(read_lines(files, PREFIX, STEM, listed=listed)) == [("fe" * 20, b"mine")]


def test_segments_are_in_the_order_of_bytes_and_writers() -> None:
    """Of two that begin alike the longer comes first, since it may make the other needless."""
    keys = [segment_key(PREFIX, STEM, WRITERS[i], 0) for i in (2, 0, 1)]
    files = Kept(dict.fromkeys(keys, b"x\n"))
    assert [*segments(files, PREFIX, STEM)] == sorted(WRITERS)
    pieces = segments(_stream(_9=b"x", _0_2=b"12", _10=b"x", _0_4=b"1234", _2=b"34"), PREFIX, STEM)[WRITER]
    assert [(one.offset, one.size) for one in pieces] == [(0, 4), (0, 2), (2, 2), (9, 1), (10, 1)]


# lines ---------------------------------------------------------------------------------------------------------------

TEXT = st.binary(max_size=12).filter(lambda one: b"\n" not in one)


@given(
    texts=st.lists(TEXT, max_size=12),
    cuts=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=6),
    tail=TEXT,
)
def test_segments_cut_anywhere_give_the_lines(texts: list[bytes], cuts: list[tuple[int, int]], tail: bytes) -> None:
    """However a writer's bytes are cut and uploaded twice, the lines are the same, and so are the last of them."""
    whole = b"".join(text + b"\n" for text in texts) + tail
    marks = sorted({0, len(whole), *(one % (len(whole) + 1) for one, _ in cuts)})
    spans = set(itertools.pairwise(marks)) or {(0, 0)}
    spans |= {(min(ends), max(ends)) for ends in ((a % (len(whole) + 1), b % (len(whole) + 1)) for a, b in cuts)}
    files = Kept({segment_key(PREFIX, STEM, WRITER, start, stop): whole[start:stop] for start, stop in spans})
    files.files[segment_key(PREFIX, STEM, WRITER, 0)] = whole[: marks[len(marks) // 2]]
    expected = [text for text in texts if text]
    assert [(WRITER, text) for text in expected] == list(read_lines(files, PREFIX, STEM))
    [pieces] = segments(files, PREFIX, STEM).values()
    for most in range(len(whole) + 2):
        lines, everything = read_tail(files, pieces, most)
        assert (lines, everything) == (expected[len(expected) - len(lines) :], most >= len(whole))
        assert sum(map(len, lines)) + len(lines) + len(tail) <= most or not lines


@pytest.mark.parametrize(
    ("files", "lines"),
    [
        (_stream(_0=b"one\n\ntwo\nthr"), [b"one", b"two"]),
        (_stream(_0=b""), []),
        (_stream(_0=b"torn at once"), []),
        (_stream(_0=b"\n\n"), []),
        (_stream(_0_4=b"one\nodd\n", _4_12=b"two\n", _12_16=b"ten\n"), [b"one", b"two", b"ten"]),
        (_stream(_0=b"one\nfi", _9=b"ve\nsix\n"), [b"one", b"fi", b"ve", b"six"]),
        (_stream(_4=b"two\n"), [b"two"]),
        (_stream(_0=b"one\ntw", _4_8=b"two\n"), [b"one", b"two"]),
    ],
    ids=["torn", "empty", "torn at once", "blank", "longer and shorter than named", "gap", "begins late", "overlap"],
)
def test_only_whole_lines_are_handed_over(files: Kept, lines: list[bytes]) -> None:
    """A name speaks for no byte beyond its end, and bytes that are missing never join two halves into a line."""
    assert lines == _lines(files)


def test_writers_come_one_after_another() -> None:
    """Oldest first, each torn at its own end; the next one's line begins anew."""
    files = Kept({segment_key(PREFIX, STEM, one, 0): b"%d\ntorn" % i for i, one in enumerate(WRITERS)})
    assert [(one, b"%d" % i) for i, one in enumerate(WRITERS)] == list(read_lines(files, PREFIX, STEM))


def test_a_long_segment_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than so many bytes at a time, none of them twice, and lines that lie across pieces join."""
    monkeypatch.setattr(PIECE, 7)
    whole = b"".join(b"line %d\n" % number for number in range(6))
    files = _stream(_0=whole, _10=whole[10:20])
    assert [b"line %d" % number for number in range(6)] == _lines(files)
    assert [stop - start for _, start, stop in files.reads] == [7] * 6  # type: ignore[operator]
    assert {key for key, *_ in files.reads} == {segment_key(PREFIX, STEM, WRITER, 0)}


def test_a_segment_that_grows_is_read_as_it_was_listed() -> None:
    """Whoever made a listing gets what there was then."""
    files = _stream(_0=b"one\n")
    listed = list(files.list(PREFIX))
    files.files[listed[0].key] += b"two\n"
    assert [text for _, text in read_lines(files, PREFIX, STEM, listed=listed)] == [b"one"]
    assert _lines(files) == [b"one", b"two"]


@pytest.mark.parametrize("can_append", [True, False])
def test_small_segments_are_fetched_together_where_that_is_a_journey(can_append: bool) -> None:
    """In the order of bytes all the same, and however many there are."""
    files = Kept({}, can_append=can_append)
    for number in range(50):
        start = 10 * number
        files.files[segment_key(PREFIX, STEM, WRITER, start, start + 10)] = b"line %04d\n" % number
    [pieces] = segments(files, PREFIX, STEM).values()
    assert [b"line %04d" % number for number in range(50)] == list(lines_of(files, pieces))
    assert ("mlcycle-segments" in files.threads) == (not can_append)
    files.files.pop(pieces[30].key)
    with pytest.raises(KeyNotFound):
        list(lines_of(files, pieces))


def test_the_tail_reads_no_more_than_it_was_told() -> None:
    """What a tail begins in the middle of is left out, even where its first byte begins a line."""
    files = _stream(_0_8=b"one\ntwo\n", _8_12=b"six\n")
    [pieces] = segments(files, PREFIX, STEM).values()
    assert read_tail(files, pieces, 4) == ([], False)
    assert sum(stop - start for _, start, stop in files.reads) == 4  # type: ignore[operator]
    assert read_tail(files, pieces, 5) == ([b"six"], False)
    assert read_tail(files, pieces, 12) == ([b"one", b"two", b"six"], True)
