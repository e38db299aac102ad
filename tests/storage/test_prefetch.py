"""Deciding without asking the storage."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from mlcycle.storage._prefetch import _now, fetch, run_prefetched


def test_what_is_missing_is_read_outside_and_asked_again() -> None:
    """Each thing is read once, in no decision, and the decision sees all of them together."""
    read: list[str] = []

    def of(key: str) -> Callable[[], str]:
        def reading() -> str:
            read.append(key)
            return fetch("deep " + key, lambda: key.upper())  # outside a decision, a question in a question is free

        return reading

    asked = []

    def decide() -> str:
        asked.append(len(read))
        return fetch("a", of("a")) + fetch("b", of("b")) + fetch("a", of("a"))

    assert (run_prefetched(decide), read, asked) == ("ABA", ["a", "b"], [0, 1, 2])


def test_nothing_stays_of_a_decision_that_failed() -> None:
    """An error comes out as it is, and the next question is free again."""

    def decide() -> None:
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        run_prefetched(decide)
    assert fetch("a", lambda: 1) == 1


def test_nothing_stays_of_a_decision_that_was_interrupted() -> None:
    """Wherever Ctrl-C strikes, also where its traceback is kept: the next question is free again."""
    for call in itertools.count(1):
        left, struck = call, None

        def strike(frame: FrameType, event: str, arg: object) -> Any:
            nonlocal left
            left -= event in ("call", "return")  # Python looks for signals there, and not at every line
            if left == 0:
                raise KeyboardInterrupt
            return strike

        sys.settrace(strike)
        try:
            run_prefetched(lambda: fetch("a", lambda: 1))
        except KeyboardInterrupt as error:
            struck = error
        finally:
            sys.settrace(None)
        held, _now.held = _now.held, None
        assert held is None, f"after call {call}: {struck!r}"
        if struck is None:
            break
    assert call > 5


def test_reading_may_fail() -> None:
    """What the storage says while something is read for a decision comes out."""

    def gone() -> int:
        raise FileNotFoundError("log/0000000007.json")

    with pytest.raises(FileNotFoundError, match="0007"):
        run_prefetched(lambda: fetch("a", gone))
    assert fetch("a", lambda: 1) == 1


def test_a_decision_is_of_one_thread() -> None:
    """Another thread asks freely meanwhile."""
    found: list[int] = []

    def decide() -> int:
        other = threading.Thread(target=lambda: found.append(fetch("a", lambda: 1)))
        other.start()
        other.join()
        return fetch("a", lambda: 2)

    assert run_prefetched(decide) == 2
    assert set(found) == {1}
