"""The project after an entry: every question agrees with the plainest meaning, and the past stays as it was."""

from __future__ import annotations

import threading
from typing import Any

from hypothesis import given, settings

from mlcycle.state import State, TagSet, View
from tests.state.plain_state import PlainName, PlainState
from tests.state.random_logs import MARKS, NOUNS, POINTERS, asked, logs
from tests.state.small_log import SmallLog


def _plain(names: dict[tuple[str, str], PlainName], of: str, name: str) -> dict[str, Any]:
    found = names.get((of, name))
    if found is None:
        return {}
    there = range(found.count + 1)  # a range may name versions that are still to come
    marks = {mark: found.marked(mark) & {*there} for mark in MARKS}
    stacks = {pointer: found.stacks.get(pointer, []) for pointer in POINTERS}
    return {"count": found.count, "latest": found.latest(), "marks": marks, "stacks": stacks}


@settings(max_examples=150, deadline=None)
@given(log=logs())
def test_every_entry_is_as_if_everything_were_copied(log: SmallLog) -> None:
    """Counts, marks, `latest`, pointers and stacks at every entry, from the last state, rollbacks of rollbacks too."""
    plain = PlainState()
    for entry in log.entries:
        plain.apply(entry)
    for n, names in enumerate(plain.after):
        for of in NOUNS:
            for name in ("a", "b", "ärger"):
                assert _plain(names, of, name) == asked(log.view(n), of, name), (n, of, name)


def test_tags_move() -> None:
    """A tag names the entry it was last set to."""
    log = SmallLog()
    log.write(TagSet(name="first", to=0))
    log.write(TagSet(name="first", to=1), TagSet(name="second", to=0))
    assert [log.view(n).tags() for n in (0, 1)] == [{"first": 0}, {"first": 1, "second": 0}]


def test_a_child_forked_while_a_view_is_asked_asks_its_own() -> None:
    """No question holds a lock that all views share: the thread that would give it back is not in the child."""
    begun, go_on = threading.Event(), threading.Event()

    class Slow(State):
        @property
        def backs(self) -> list[tuple[int, int, list[str]]]:
            begun.set()
            go_on.wait(20)
            return []

        @backs.setter
        def backs(self, backs: object) -> None:
            pass

    slow = threading.Thread(target=lambda: View(Slow(), lambda n: {}).versions)
    slow.start()
    assert begun.wait(20)
    other = threading.Thread(target=lambda: View(State(), lambda n: {}).versions, daemon=True)
    other.start()
    other.join(5)
    blocked = other.is_alive()
    go_on.set()
    slow.join()
    assert not blocked
