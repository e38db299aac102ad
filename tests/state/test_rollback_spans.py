"""What counts at an entry: spans of entries, name by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcycle.state import Name, NameSet, State
from mlcycle.state._rollback_spans import Spans, keyed, within
from tests.state.small_log import SmallLog, promoted

# against the plainest meaning ----------------------------------------------------------------------------------------

Back = tuple[int, int, list[str]]
History = tuple[int, list[Back]]
KEPT = st.sampled_from([[], ["model:M"], ["dataset:m"], ["toy:x", "model:m"]])


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Return how many entries there are, and which of them are rollbacks: to where, and what they keep."""
    length = draw(st.integers(1, 30))
    backs = [(n, draw(st.integers(0, n - 1)), draw(KEPT)) for n in range(1, length) if draw(st.booleans())]
    return length, backs


def _counting(length: int, backs: list[Back], fixed: int | None) -> list[set[int]]:
    """Return what counts of ``model:m`` after each entry: what counted after the one gone back to, and what came since.

    A rollback itself moves nothing of a name, so its entry does not count.
    """
    to_of = {n: to for n, to, keep in backs if "model:m" not in map(str.lower, keep) and (fixed is None or n < fixed)}
    after: list[set[int]] = []
    for n in range(length):
        after.append({*after[to_of[n]]} if n in to_of else {*(after[-1] if after else ()), n})
    return after


@given(history=histories(), fixed=st.none() | st.integers(0, 30))
def test_spans_hold_what_counts(history: History, fixed: int | None) -> None:
    """At every entry: of rollbacks of rollbacks, of what was kept, and of a name fixed from some entry on."""
    length, backs = history
    state, name = State(), Name("M", 0)
    state.backs, name.fixed = backs, fixed
    for n, counting in enumerate(_counting(length, backs, fixed)):
        spans = Spans(state, n).of("model", name)
        assert counting == {entry for low, high in spans for entry in range(low + 1, high + 1)}
        ends = [end for span in spans for end in span]
        assert ends == sorted(ends)
        assert (ends[0], ends[-1]) == (-1, n)


@given(entries=st.lists(st.integers(0, 20)).map(sorted), low=st.integers(-1, 20), high=st.integers(-1, 20))
def test_items_of_a_span_are_those_after_low_up_to_high(entries: list[int], low: int, high: int) -> None:
    """In their order, several of one entry among them."""
    items = [(n, i) for i, n in enumerate(entries)]
    assert [one for one in items if low < one[0] <= high] == within(items, low, high)


@pytest.mark.parametrize(
    ("full", "key"),
    [
        ("model:Churn", "model:churn"),
        ("Model:a:B", "Model:a:b"),
        ("model:A\u0308", "model:\u00e4"),
        ("churn", "churn:"),
    ],
)
def test_names_are_kept_whatever_their_case(full: str, key: str) -> None:
    """The noun is compared as it is; what follows its colon is the name, in one normal form."""
    assert key == keyed(full)


# spans, one by one ---------------------------------------------------------------------------------------------------


def test_a_rollback_brings_back_what_lay_beneath() -> None:
    """Not only where a pointer stood, but what it would have gone back to from there."""
    log = promoted(1, 2)
    then = len(log.entries) - 1
    log.move("model", "m", "production", 1, pops=1, how="rollback")
    log.move("model", "m", "production", 2)
    log.back(then)
    assert log.view().pointers.stack("model", "m", "production") == [1, 2]


def test_rollbacks_lie_in_each_other() -> None:
    """Back, on, and back to before the first rollback: that one counts no more; back to after it, and it does."""
    log = promoted(1)
    one = len(log.entries) - 1
    log.add("model", "m")
    log.move("model", "m", "production", 2)
    two = len(log.entries) - 1
    first = log.back(one)
    assert (log.view().pointers.at("model", "m", "production"), log.view().versions.latest("model", "m")) == (1, 1)
    log.add("model", "m")
    log.move("model", "m", "production", 3)
    log.back(two)  # to before the first rollback: version 2 stands again
    assert (log.view().pointers.at("model", "m", "production"), log.view().versions.latest("model", "m")) == (2, 2)
    log.back(first)  # to the rollback itself, and what it retracted is retracted
    assert (log.view().pointers.at("model", "m", "production"), log.view().versions.latest("model", "m")) == (1, 1)


def test_a_rollback_is_undone_by_going_back_to_before_it() -> None:
    """There is no other way, and none is needed."""
    log = promoted(1, 2)
    before = len(log.entries) - 1
    undone = log.back(2)
    assert log.view().pointers.stack("model", "m", "production") == [1]
    log.back(undone - 1)
    assert before == undone - 1
    assert log.view().pointers.stack("model", "m", "production") == [1, 2]
    assert set() == log.view().marks.numbers("model", log.view().names.known("model", "m"), "retracted")


def test_what_is_fixed_or_kept_stays() -> None:
    """A fixed name never goes back; a kept one does not this time, whatever case its name is in."""
    log = SmallLog()
    log.write(NameSet(of="scope", name="scope", fixed=True))
    for of, name in (("scope", "scope"), ("model", "M"), ("model", "n")):
        log.add(of, name)
        log.move(of, name, "p", 1)
    log.back(0, "model:m")
    view = log.view()
    names = (("scope", "scope"), ("model", "m"), ("model", "n"))
    assert [view.pointers.at(of, name, "p") for of, name in names] == [1, 1, None]
    assert [view.versions.latest(of, name) for of, name in names] == [1, 1, None]
    log.back(0)
    assert [log.view().pointers.at(of, name, "p") for of, name in names] == [1, None, None]
