"""The protocol holds in every interleaving of small cases, and no part of it can be left out."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from tests.storage.protocol import files, heads, rollups
from tests.storage.protocol.checker import Actor, Outcome, explore
from tests.storage.protocol.committers import BlockWriter, Compactor, Dropper, Registrar, Restorer, Writer
from tests.storage.protocol.files import RUN, Caches, Network
from tests.storage.protocol.heads import Starter, Stranger
from tests.storage.protocol.rollups import Client, Damage, Delivery, Maintenance, Power
from tests.storage.protocol.sweepers import Reader, Sweeper

CALM = {"crashes": False, "lost_answers": False}
MANIFEST = {"first": "manifest>block"}


def in_files(actors: list[Actor], rules: files.Rules, **world: Any) -> Outcome:
    """Explore the log, the files it names, and checkpoints."""
    return explore(files.World.beginning(**world), actors, rules, files.trouble)


def in_rollups(actors: list[Actor], rules: rollups.Rules, **world: Any) -> Outcome:
    """Explore rollups and emptied singles."""
    return explore(rollups.World.beginning(**world), actors, rules, rollups.trouble)


def in_heads(actors: list[Actor], rules: heads.Rules) -> Outcome:
    """Explore code and environment of runs."""
    return explore(heads.World(), actors, rules, heads.trouble)


# Commits, sweeps, readers ------------------------------------------------------------------------------------------

WRITERS: list[Actor] = [Writer("a"), Dropper("v0"), Sweeper(), Network()]
TWO_WRITERS: list[Actor] = [*WRITERS, Writer("b")]
THREE_WRITERS: list[Actor] = [Writer("a"), Writer("b"), Writer("c"), Dropper("v0"), Sweeper()]
RESTORE: list[Actor] = [*WRITERS, Restorer("restored", "v0")]
TWO_SWEEPS: list[Actor] = [Dropper("v0"), Restorer("restored", "v0"), Sweeper("one"), Sweeper("two"), Network()]
COMPACTION: list[Actor] = [Compactor("copy"), Dropper("v0"), Restorer("r", "v0"), Sweeper(), Reader(), Network()]
REUSE: list[Actor] = [Compactor("copy"), Writer("a"), Sweeper(), Reader(), Network()]
RUNS: list[Actor] = [Registrar("model"), Dropper(RUN), Restorer("restored", RUN), Sweeper(), Network()]
BLOCKS: list[Actor] = [BlockWriter("a"), Dropper("v0"), Restorer("r", "v0"), Sweeper()]
MOVED: list[Actor] = [BlockWriter("a"), Compactor("copy"), Dropper("v0"), Sweeper()]
LATER: list[Actor] = [BlockWriter("a"), Dropper("v0"), Dropper("a"), Restorer("r", "a"), Sweeper()]


@pytest.mark.parametrize(
    ("actors", "rules", "world", "states"),
    [
        pytest.param(WRITERS, files.Rules(sweeps=2), {}, 7_289, id="writer"),
        pytest.param(TWO_WRITERS, files.Rules(crashes=False, uploads=1), {}, 68_425, id="two writers"),
        pytest.param(RESTORE, files.Rules(), {}, 12_161, id="restore"),
        pytest.param(TWO_SWEEPS, files.Rules(sweeps=2), {}, 1_094, id="two sweeps"),
        pytest.param(COMPACTION, files.Rules(), {}, 13_041, id="compaction"),
        pytest.param(REUSE, files.Rules(crashes=False), {}, 17_943, id="reuse while compacting"),
        pytest.param(RUNS, files.Rules(sweeps=2), {"run": True}, 2_466, id="a run that no entry names"),
        pytest.param(LATER, files.Rules(**CALM), MANIFEST, 1_898, id="a block used again, and dropped"),
    ],
)
def test_commits_and_sweeps_hold(actors: list[Actor], rules: files.Rules, world: dict[str, Any], states: int) -> None:
    """No interleaving, crash or lost answer breaks a promise."""
    assert in_files(actors, rules, **world) == Outcome(states, None)


@pytest.mark.deep
@pytest.mark.parametrize(
    ("actors", "rules", "world", "states"),
    [
        pytest.param(TWO_WRITERS, files.Rules(), {}, 172_281, id="two writers"),
        pytest.param(REUSE, files.Rules(), {}, 30_792, id="reuse while compacting"),
        pytest.param([*WRITERS, Sweeper("another")], files.Rules(sweeps=2), {}, 472_254, id="two sweepers"),
        pytest.param([*COMPACTION, Writer("a")], files.Rules(uploads=1, **CALM), {}, 143_582, id="everybody"),
        pytest.param(
            [*RUNS, Writer("a")], files.Rules(crashes=False), {"run": True}, 465_035, id="a run, and a writer"
        ),
        pytest.param(THREE_WRITERS, files.Rules(uploads=1, **CALM), {}, 1_052_154, id="three writers"),
    ],
)
def test_commits_and_sweeps_hold_in_larger_cases(
    actors: list[Actor], rules: files.Rules, world: dict[str, Any], states: int
) -> None:
    """Two sweeps, three writers, everybody at once."""
    assert in_files(actors, rules, **world) == Outcome(states, None)


@pytest.mark.parametrize(
    ("actors", "rules", "world", "states"),
    [
        pytest.param(WRITERS, files.Rules(sweeps=2, uploads=1), {}, 18_300, id="writer"),
        pytest.param(RUNS, files.Rules(), {"run": True}, 13_990, id="a run that no entry names"),
        pytest.param(BLOCKS, files.Rules(uploads=1, **CALM), MANIFEST, 14_835, id="a block used again"),
        pytest.param(MOVED[:2] + MOVED[3:], files.Rules(uploads=1, **CALM), MANIFEST, 6_711, id="a block moved"),
    ],
)
def test_checkpoints_may_forget_sweeps(
    actors: list[Actor], rules: files.Rules, world: dict[str, Any], states: int
) -> None:
    """A checkpoint keeps nothing of sweeps, finished or not, and anybody may go on from any checkpoint at any time."""
    rules = evolve(rules, checkpoints=1)
    assert in_files([*actors, Caches()], rules, **world) == Outcome(states, None)


@pytest.mark.deep
@pytest.mark.parametrize(
    ("actors", "rules", "world", "states"),
    [
        pytest.param(WRITERS, files.Rules(sweeps=2, checkpoints=2), {}, 168_289, id="writer, two checkpoints"),
        pytest.param(TWO_WRITERS, files.Rules(uploads=1, **CALM), {}, 106_641, id="two writers"),
        pytest.param([*WRITERS, Sweeper("another")], files.Rules(sweeps=2, uploads=1), {}, 624_752, id="two sweepers"),
        pytest.param(RESTORE, files.Rules(sweeps=2, uploads=1, lost_answers=False), {}, 122_288, id="restore"),
        pytest.param(RUNS, files.Rules(sweeps=2, checkpoints=2), {"run": True}, 42_534, id="a run"),
        pytest.param(
            [Writer("a"), Compactor("copy"), Dropper("v0"), Sweeper()],
            files.Rules(sweeps=2, uploads=1, **CALM),
            {},
            138_653,
            id="compaction",
        ),
        pytest.param(
            BLOCKS, files.Rules(sweeps=2, uploads=1, lost_answers=False), MANIFEST, 421_615, id="a block used again"
        ),
        pytest.param(MOVED, files.Rules(uploads=1, lost_answers=False), MANIFEST, 318_813, id="a block moved"),
    ],
)
def test_checkpoints_may_forget_sweeps_in_larger_cases(
    actors: list[Actor], rules: files.Rules, world: dict[str, Any], states: int
) -> None:
    """Two checkpoints, two sweeps, a restore, compactions."""
    rules = evolve(rules, checkpoints=max(rules.checkpoints, 1))
    assert in_files([*actors, Caches()], rules, **world) == Outcome(states, None)


LIVE = "a sweep named the file of a live object"
DOOMED = "a live object lies in a doomed file"
FAILED = "a commit that was said to have failed is in the log"
DELETED = "a reader was told that v0 was deleted, and it was not"


@pytest.mark.parametrize(
    ("actors", "without", "violation"),
    [
        pytest.param(WRITERS, {"logged_sweep": False}, "dangling: ['a.0'] is named and gone", id="mark and delete"),
        pytest.param(
            WRITERS,
            {"logged_sweep": False, "age_grace": True},
            "dangling: ['old'] is named and gone",
            id="age grace",
        ),
        pytest.param(WRITERS, {"recheck": False}, LIVE, id="stale sweep"),
        pytest.param(WRITERS, {"unique_names": False}, DOOMED, id="names of content"),
        pytest.param(WRITERS, {"read_back": False, "lost_answers": True}, FAILED, id="no read-back"),
        pytest.param(WRITERS, {"keeps_u": False}, DOOMED, id="u taken anew after a lost race"),
        pytest.param(REUSE, {"refold": False}, DELETED, id="reader that looks once"),
        pytest.param(BLOCKS, {"swept_objects": False}, DOOMED, id="objects inferred from their first file"),
        pytest.param(LATER, {"swept_in_plan": False}, LIVE, id="objects of the state the sweep began with"),
        pytest.param(MOVED, {"reuse_by_file": False}, DOOMED, id="a block counted on while its object is placed"),
    ],
)
def test_every_part_of_commits_and_sweeps_is_needed(
    actors: list[Actor], without: dict[str, bool], violation: str
) -> None:
    """Without one part of it the protocol breaks; the model shows how."""
    world = MANIFEST if {"BlockWriter"} & {type(actor).__name__ for actor in actors} else {}
    found = in_files(actors, files.Rules(**{**CALM, **without}), **world)
    assert found.violation == violation
    assert len(found.trace) > 2


ONLY_REUSE: list[Actor] = [Writer("a", writes=False), Dropper("v0"), Sweeper(), Caches()]
ONLY_UPLOADS: list[Actor] = [Writer("a", reuses=False), Dropper("v0"), Sweeper(), Caches()]
ONLY_REGISTER: list[Actor] = [Registrar("model"), Dropper(RUN), Sweeper(), Caches()]
ONLY_RESTORE: list[Actor] = [Restorer("restored", RUN), Dropper(RUN), Sweeper(), Caches()]


@pytest.mark.parametrize(
    ("actors", "without"),
    [
        pytest.param(ONLY_UPLOADS, "base_check", id="own uploads trusted after a jump"),
        pytest.param(ONLY_REUSE, "base_check", id="reused files trusted after a jump"),
        pytest.param(ONLY_REGISTER, "run_mark", id="register from a swept run"),
        pytest.param(ONLY_RESTORE, "run_mark", id="restore a swept run"),
    ],
)
def test_forgetting_needs_its_rules(actors: list[Actor], without: str) -> None:
    """With checkpoints that forget, a file is named that a sweep has named, if either rule goes."""
    rules = files.Rules(checkpoints=1, **CALM, **{without: False})
    found = in_files(actors, rules, run=any(RUN in actor.name for actor in actors))
    assert found.violation == DOOMED
    assert in_files(actors, evolve(rules, **{without: True}), run=True).violation is None


def test_a_reader_can_be_overtaken_twice() -> None:
    """The bound of folding again once: two compactions, each swept, while one reader looks. It then asks to retry."""
    actors: list[Actor] = [Compactor("copy"), Compactor("second"), Sweeper(), Reader()]
    found = in_files(actors, files.Rules(sweeps=2, **CALM))
    assert found.violation == DELETED
    assert sum(entry.kind == "sweep" for entry in found.trace[-1].world.log) == 2


# Rollups -----------------------------------------------------------------------------------------------------------

TWO: list[Actor] = [Client("a"), Client("b", 2), Maintenance(), rollups.Reader(), Delivery()]
ONE_EACH: list[Actor] = [Client("a"), Client("b"), Maintenance(), rollups.Reader(), Delivery()]
SMALL: list[Actor] = [*ONE_EACH, Maintenance("another")]
BOTH: list[Actor] = [*TWO, Maintenance("another")]
MANY: list[Actor] = [Client("a"), Client("b", 2), Client("c", 2), Maintenance(), rollups.Reader()]


@pytest.mark.parametrize(
    ("actors", "rules", "world", "states"),
    [
        pytest.param(TWO, rollups.Rules(lost_answers=False), {}, 7_548, id="crashes"),
        pytest.param(ONE_EACH, rollups.Rules(), {}, 10_812, id="lost answers"),
        pytest.param(SMALL, rollups.Rules(**CALM), {}, 8_254, id="two maintenances"),
        pytest.param([*TWO, Power()], rollups.Rules(**CALM), {"power": 1}, 7_794, id="loss of power"),
        pytest.param([*TWO, Damage()], rollups.Rules(**CALM), {"damage": 1}, 14_737, id="a damaged single"),
        pytest.param(TWO, rollups.Rules(empty="in place", **CALM), {}, 5_092, id="emptied in place"),
        pytest.param(SMALL, rollups.Rules(write="put", **CALM), {}, 8_254, id="put, and stop at an empty single"),
    ],
)
def test_rollups_hold(actors: list[Actor], rules: rollups.Rules, world: dict[str, int], states: int) -> None:
    """Singles are emptied behind a rollup, and everybody who folds or reads back asks it."""
    assert in_rollups(actors, rules, **world) == Outcome(states, None)


@pytest.mark.deep
@pytest.mark.parametrize(
    ("actors", "rules", "world", "states"),
    [
        pytest.param(TWO, rollups.Rules(), {}, 92_147, id="crashes and lost answers"),
        pytest.param(SMALL, rollups.Rules(), {}, 91_332, id="two maintenances, crashes and lost answers"),
        pytest.param(BOTH, rollups.Rules(lost_answers=False), {}, 86_484, id="two maintenances, crashes"),
        pytest.param(BOTH, rollups.Rules(crashes=False), {}, 451_758, id="two maintenances, lost answers"),
        pytest.param(MANY, rollups.Rules(**CALM), {}, 574_186, id="three clients"),
        pytest.param([*TWO, Power()], rollups.Rules(lost_answers=False), {"power": 2}, 22_644, id="loss of power"),
        pytest.param(
            [*SMALL, Damage()], rollups.Rules(lost_answers=False), {"damage": 2}, 73_110, id="damaged singles"
        ),
        pytest.param(TWO, rollups.Rules(empty="in place", lost_answers=False), {}, 18_890, id="emptied in place"),
        pytest.param(TWO, rollups.Rules(seal=True, lost_answers=False), {}, 263_023, id="sealed, which nobody needs"),
        pytest.param(BOTH, rollups.Rules(write="put", lost_answers=False), {}, 86_484, id="put"),
    ],
)
def test_rollups_hold_in_larger_cases(
    actors: list[Actor], rules: rollups.Rules, world: dict[str, int], states: int
) -> None:
    """Two maintenances, three clients, a longer log, power that fails twice."""
    assert in_rollups(actors, rules, **world) == Outcome(states, None)


END = "a reader believes that the log ends at 0, and it does not"
GONE = "the bytes of entry 1 are gone"


@pytest.mark.parametrize(
    ("actors", "without", "violation"),
    [
        pytest.param(TWO, {"empty": "delete"}, END, id="singles deleted"),
        pytest.param(
            TWO,
            {"empty": "delete", "ask_when_absent": True},
            "a reader folds b0 as entry 1, which the history has not",
            id="singles deleted, absent ones asked for",
        ),
        pytest.param(TWO, {"empty": "delete, write"}, END, id="deleted, then written empty"),
        pytest.param(
            TWO,
            {"seal": True, "trust_unsealed": False},
            "entry 1 is empty, and its reader knows of no rollup yet",
            id="only sealed rollups are read",
        ),
        pytest.param([*TWO, Power()], {"durable": False}, GONE, id="rollup not durable"),
        pytest.param(BOTH, {"write": "in place"}, GONE, id="rollup overwritten in place"),
        pytest.param(BOTH, {"write": "put", "stop_at_empty": False}, GONE, id="empty singles rolled up"),
        pytest.param(
            TWO,
            {"empty": "in place", "ask_when_torn": False},
            "an entry was taken for damaged",
            id="torn singles are damage",
        ),
        pytest.param(
            TWO,
            {"read_back_asks": False, "lost_answers": True},
            "an operation was committed twice",
            id="empty singles are another's",
        ),
        pytest.param(
            TWO,
            {"spare_first": False},
            "entry 0 has no single of its own: nothing to prove the place with",
            id="entry 0 emptied",
        ),
    ],
)
def test_every_part_of_rollups_is_needed(actors: list[Actor], without: dict[str, Any], violation: str) -> None:
    """Without one part of it somebody folds a false history, or bytes are gone."""
    found = in_rollups(actors, rollups.Rules(**{**CALM, **without}), power=1)
    assert found.violation == violation
    assert len(found.trace) > 2


# Code and environment of runs --------------------------------------------------------------------------------------

START: list[Actor] = [heads.Dropper("r0"), Starter("r1"), heads.Sweeper()]
BACK: list[Actor] = [*START, heads.Restorer("r0")]
TWO_SWEEPERS: list[Actor] = [*START, heads.Sweeper("another")]


@pytest.mark.parametrize(
    ("actors", "rules", "states"),
    [
        pytest.param(START, heads.Rules(rounds=2), 1_257, id="one starter"),
        pytest.param([*START, Starter("r2")], heads.Rules(), 5_922, id="two starters"),
        pytest.param(BACK, heads.Rules(rounds=2), 2_766, id="restore"),
        pytest.param(TWO_SWEEPERS, heads.Rules(), 8_873, id="two sweepers"),
        pytest.param([*TWO_SWEEPERS, heads.Restorer("r0")], heads.Rules(), 19_319, id="two sweepers, restore"),
        pytest.param([*START, Stranger()], heads.Rules(rounds=2), 1_257, id="a sweeper that knows no heads"),
        pytest.param(START, heads.Rules(look_first=False, rounds=2), 486, id="the first look is thrift"),
    ],
)
def test_the_handshake_holds(actors: list[Actor], rules: heads.Rules, states: int) -> None:
    """A run that has looked again has its environment, whoever sweeps."""
    assert in_heads(actors, rules) == Outcome(states, None)


@pytest.mark.deep
@pytest.mark.parametrize(
    ("actors", "rules", "states"),
    [
        pytest.param([*START, Starter("r2"), Starter("r3")], heads.Rules(rounds=2), 1_490_242, id="three starters"),
        pytest.param([*TWO_SWEEPERS, Starter("r2")], heads.Rules(), 392_396, id="two starters, two sweepers"),
        pytest.param([*TWO_SWEEPERS, heads.Restorer("r0")], heads.Rules(rounds=2), 134_982, id="restore"),
        pytest.param(
            [*TWO_SWEEPERS, heads.Dropper("r1"), heads.Restorer("r1")],
            heads.Rules(),
            61_819,
            id="dropped and restored while it starts",
        ),
        pytest.param(
            [*BACK, Starter("r2"), heads.Sweeper("another")], heads.Rules(crashes=False), 510_839, id="everybody"
        ),
    ],
)
def test_the_handshake_holds_in_larger_cases(actors: list[Actor], rules: heads.Rules, states: int) -> None:
    """Three starters, two sweepers that begin twice, a run dropped and restored meanwhile."""
    assert in_heads(actors, rules) == Outcome(states, None)


def test_what_no_run_names_is_swept() -> None:
    """The handshake does not hold by never sweeping: once its run is dropped, the environment goes."""
    found = explore(
        heads.World(), START, heads.Rules(), lambda world: None if "blob" in world.files else "the environment went"
    )
    assert found.violation == "the environment went"
    assert [entry.kind for entry in found.trace[-1].world.log] == ["pin", "drop", "ask", "sweep"]


@pytest.mark.parametrize(
    ("actors", "without", "run"),
    [
        pytest.param(START, "look_again", "r1", id="no second look"),
        pytest.param(START, "ask_first", "r1", id="no mark"),
        pytest.param(START, "list_after", "r1", id="heads listed before the mark"),
        pytest.param(TWO_SWEEPERS, "same_pins", "r1", id="any pins that are marked"),
        pytest.param(BACK, "drop_in_plan", "r0", id="dropped when listed"),
        pytest.param(BACK, "restore_looks", "r0", id="restored unseen"),
        pytest.param([*START, Stranger()], "keeping_mark", "r0", id="a mark that ends what it asks about"),
    ],
)
def test_every_part_of_the_handshake_is_needed(actors: list[Actor], without: str, run: str) -> None:
    """Without one part of it a run that stands loses its environment."""
    found = in_heads(actors, heads.Rules(**{without: False}))
    assert found.violation == f"{run} stands, and its environment is gone"
