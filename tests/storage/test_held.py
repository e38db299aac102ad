"""Deciding without asking the storage."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from mlcycle.storage._held import decided, fetch


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

    assert (decided(decide), read, asked) == ("ABA", ["a", "b"], [0, 1, 2])


def test_nothing_stays_of_a_decision_that_failed() -> None:
    """An error comes out as it is, and the next question is free again."""

    def decide() -> None:
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        decided(decide)
    assert fetch("a", lambda: 1) == 1


def test_reading_may_fail() -> None:
    """What the storage says while something is read for a decision comes out."""

    def gone() -> int:
        raise FileNotFoundError("log/0000000007.json")

    with pytest.raises(FileNotFoundError, match="0007"):
        decided(lambda: fetch("a", gone))
    assert fetch("a", lambda: 1) == 1


def test_a_decision_is_of_one_thread() -> None:
    """Another thread asks freely meanwhile."""
    found: list[int] = []

    def decide() -> int:
        other = threading.Thread(target=lambda: found.append(fetch("a", lambda: 1)))
        other.start()
        other.join()
        return fetch("a", lambda: 2)

    assert decided(decide) == 2
    assert set(found) == {1}
