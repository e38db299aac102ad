"""How long a commit waits: ever longer, never for ever, and what it says when it gives up."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mlcycle.errors import ConflictError, StorageUnavailable
from mlcycle.storage import _backoff
from mlcycle.storage._backoff import Backoff

WINNER: Any = {"n": 7, "author": "ada", "at": "2026-11-23T00:00:00.000000Z", "message": "why", "changes": []}


class Clock:
    """A clock that only sleeping moves on; the longest pause that could have been drawn is drawn.

    Attributes
    ----------
    slept : list of float
        The pauses.
    """

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock that waits go by, with nothing left to chance."""
    clock = Clock()
    monkeypatch.setattr(_backoff, "time", clock)
    monkeypatch.setattr(_backoff.random, "uniform", lambda low, high: high)
    return clock


@pytest.mark.parametrize(("quick", "first", "longest"), [(True, 0.001, 0.05), (False, 0.05, 2.0)])
def test_pauses_double_up_to_the_longest(clock: Clock, quick: bool, first: float, longest: float) -> None:
    """Of whichever kind; a storage over a network is given more time."""
    waits = Backoff(quick, 1000)
    for i in range(12):
        (waits.silent, lambda: waits.lost(WINNER), lambda: waits.unanswered(3))[i % 3]()
    assert clock.slept == pytest.approx([min(first * 2**i, longest) for i in range(12)])
    assert clock.slept[-1] == longest


def test_no_two_commits_wait_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause is drawn from nothing up to what it may be, so that losers do not meet again."""
    drawn: list[tuple[float, float]] = []
    monkeypatch.setattr(_backoff, "time", Clock())
    monkeypatch.setattr(_backoff.random, "uniform", lambda low, high: drawn.append((low, high)) or 0)
    waits = Backoff(True, 1)
    for _ in range(3):
        waits.silent()
    assert drawn == [(0, 0.001), (0, 0.002), (0, 0.004)]


def test_patience_is_of_the_whole_commit(clock: Clock) -> None:
    """Not of one pause; at its very end one more try is made, and after it none."""
    waits = Backoff(True, 10)
    clock.now += 10
    waits.silent()
    assert len(clock.slept) == 1
    with pytest.raises(StorageUnavailable):
        waits.silent()
    with pytest.raises(ConflictError):
        waits.lost(WINNER)
    assert len(clock.slept) == 1


@pytest.mark.parametrize(
    ("give_up", "error", "words"),
    [
        (
            lambda waits: waits.lost(WINNER),
            ConflictError,
            "others committed first for 2.5 s, the last of them ada with entry 7; try again when fewer",
        ),
        (
            lambda waits: waits.unanswered(7),
            StorageUnavailable,
            " 2.5 s: whether log/0000000007.json was written is unknown. Repeat the commit with an operation id",
        ),
        (
            lambda waits: waits.silent(),
            StorageUnavailable,
            "the storage has not answered for 2.5 s; nothing was committed, try again",
        ),
    ],
    ids=["lost", "unanswered", "silent"],
)
def test_giving_up_says_what_is_known_and_what_to_do(clock: Clock, give_up: Any, error: Any, words: str) -> None:
    """Who won, whether something was written, and how it may be tried again."""
    waits = Backoff(False, 2.5)
    clock.now += 2.6
    with pytest.raises(error, match=re.escape(words)) as caught:
        give_up(waits)
    if error is ConflictError:
        assert caught.value.winner == {name: WINNER[name] for name in ("n", "author", "at", "message")}
