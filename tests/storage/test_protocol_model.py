"""The commit protocol holds in every interleaving of small cases, and no part of it can be left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.storage.protocol_model import (
    RUN,
    Compactor,
    Dropper,
    Network,
    Reader,
    Registrar,
    Restorer,
    Rules,
    Sweeper,
    Writer,
    explore,
)

if TYPE_CHECKING:
    from tests.storage.protocol_model import Actor

WRITERS: list[Actor] = [Writer("a"), Dropper("v0"), Sweeper(), Network()]
TWO_WRITERS: list[Actor] = [Writer("a"), Writer("b"), Dropper("v0"), Sweeper(), Network()]
RESTORE: list[Actor] = [Writer("a"), Dropper("v0"), Restorer("restored", "v0"), Sweeper(), Network()]
TWO_SWEEPS: list[Actor] = [Dropper("v0"), Restorer("restored", "v0"), Sweeper(), Sweeper(), Network()]
COMPACTION: list[Actor] = [Compactor("copy"), Dropper("v0"), Restorer("r", "v0"), Sweeper(), Reader(), Network()]
REUSE: list[Actor] = [Compactor("copy"), Writer("a"), Sweeper(), Reader(), Network()]
RUNS: list[Actor] = [Registrar("model"), Dropper(RUN), Restorer("restored", RUN), Sweeper(), Network()]
ALL: list[Actor] = [*COMPACTION, Writer("a")]
CALM = {"crashes": False, "lost_answers": False}


@pytest.mark.parametrize(
    ("actors", "rules", "least"),
    [
        (WRITERS, Rules(sweeps=2), 4_000),
        (TWO_WRITERS, Rules(crashes=False), 50_000),
        (RESTORE, Rules(), 15_000),
        (TWO_SWEEPS, Rules(sweeps=2), 1_000),
        (COMPACTION, Rules(), 20_000),
        (REUSE, Rules(crashes=False), 20_000),
    ],
    ids=["writer", "two writers", "restore", "two sweeps", "compaction", "reuse while compacting"],
)
def test_the_protocol_holds(actors: list[Actor], rules: Rules, least: int) -> None:
    """No interleaving, crash or lost answer breaks a promise."""
    found = explore(actors, rules)
    assert found.violation is None
    assert found.states >= least


def test_unlogged_runs() -> None:
    """A run's file, which no entry names, can be registered, and swept only once the run is dropped."""
    found = explore(RUNS, Rules(sweeps=2), run=True)
    assert found.violation is None
    assert found.states >= 2_000


@pytest.mark.deep
@pytest.mark.parametrize(
    ("actors", "rules"),
    [
        (TWO_WRITERS, Rules()),
        (TWO_WRITERS, Rules(sweeps=2)),
        (REUSE, Rules()),
        (ALL, Rules(**CALM)),
        ([*WRITERS, Sweeper()], Rules(sweeps=3)),
        ([Writer("a"), Writer("b"), Writer("c"), Dropper("v0"), Sweeper()], Rules(**CALM)),
        ([*RUNS, Writer("a")], Rules()),
    ],
)
def test_the_protocol_holds_in_larger_cases(actors: list[Actor], rules: Rules) -> None:
    """Two sweeps, three writers, everybody at once."""
    assert explore(actors, rules, run=True).violation is None


@pytest.mark.parametrize(
    ("actors", "rules", "violation"),
    [
        (WRITERS, Rules(logged_sweep=False, **CALM), "dangling: ['a.0'] is named and gone"),
        (WRITERS, Rules(logged_sweep=False, age_grace=True, **CALM), "dangling: ['old'] is named and gone"),
        (WRITERS, Rules(unique_names=False, **CALM), "a live object lies in a doomed file"),
        (WRITERS, Rules(read_back=False, crashes=False), "a commit that was said to have failed is in the log"),
        (WRITERS, Rules(recheck=False, **CALM), "a sweep named the file of a live object"),
        (REUSE, Rules(refold=False, **CALM), "a reader was told that v0 was deleted, and it was not"),
    ],
    ids=["mark and delete", "age grace", "names of content", "no read-back", "stale sweep", "reader that looks once"],
)
def test_every_part_is_needed(actors: list[Actor], rules: Rules, violation: str) -> None:
    """Without one part of it the protocol breaks; the model shows how."""
    found = explore(actors, rules)
    assert found.violation == violation
    assert len(found.trace) > 2


def test_a_reader_can_be_overtaken_twice() -> None:
    """The bound of folding again once: two compactions, each swept, while one reader looks. It then asks to retry."""
    actors: list[Actor] = [Compactor("copy"), Compactor("second"), Sweeper(), Sweeper(), Reader()]
    found = explore(actors, Rules(sweeps=2, **CALM))
    assert found.violation == "a reader was told that v0 was deleted, and it was not"
    assert sum(entry.kind == "sweep" for entry in found.trace[-1].log) == 2
