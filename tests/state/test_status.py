"""Where the project stands: what each phase says of a log, without any data being read."""

from __future__ import annotations

from typing import Any

import pytest

from mlcycle.records import AtLeast, Loosening, to_json
from mlcycle.state import NameSet, status_of
from tests.state.small_log import SmallLog

NOW = "2026-11-23T12:00:00.000000Z"
Found = list[tuple[str, str, str, str]]


def _found(log: SmallLog, phase: str, moment: str = NOW) -> Found:
    status = status_of(log.view(), moment)
    assert status.at == moment
    assert {one.phase for one in status.phases[phase]} <= {phase}
    return [(one.check, one.verdict, one.subject, one.detail) for one in status.phases[phase]]


def _scoped(**says: Any) -> SmallLog:
    """Return a log whose second scope says so; what the first said is of no more interest."""
    log = SmallLog()
    plain: dict[str, Any] = {"criteria": [], "test": None, "loosened": []}
    for scope in (plain, {**plain, **says}):
        log.add("scope", "scope", scope=scope)
    return log


def test_a_project_begins_with_nothing_and_a_place_to_go() -> None:
    """Every phase in the order of the cycle; what is missing says the call that adds it."""
    status = status_of(SmallLog().view(), NOW)
    assert {phase: [one.detail.partition(":")[0] for one in found] for phase, found in status.phases.items()} == {
        "scope": ["no scope yet"],
        "data": ["no data yet"],
        "model": ["no model yet"],
        "deployment": [],
    }
    assert len(status.findings) == 3


# scope ---------------------------------------------------------------------------------------------------------------

ANYWHERE = to_json(AtLeast("f1", 0.5))
SOMEWHERE = to_json(AtLeast("f1", 0.5, on="d.test"))


@pytest.mark.parametrize(
    ("says", "summary"),
    [
        ({"test": "dataset:d.test"}, "the scope has no criteria: no gate can block"),
        ({"criteria": [SOMEWHERE, ANYWHERE]}, "criteria name no data: project.scope.set(test='…')"),
        ({"criteria": [SOMEWHERE]}, None),
        ({"criteria": [ANYWHERE], "test": "dataset:d.test"}, None),
        ({"criteria": [{"type": "Calibrated", "within": 1}]}, "criteria name no data: project.scope.set(test='…')"),
    ],
)
def test_a_scope_needs_criteria_and_data_to_judge_on(says: dict[str, Any], summary: str | None) -> None:
    """Each criterion may name its own; the scope's test set serves the others, also of a newer release."""
    expected = [] if summary is None else [("missing", "warn", "scope:scope", summary)]
    assert expected == _found(_scoped(**says), "scope")


@pytest.mark.parametrize(
    ("moment", "verdict", "words"),
    [
        ("2026-12-31T23:59:59.999998Z", "not_applicable", "loosened f1 ≥ 0.5 ends 2026-12-31"),
        ("2026-12-31T23:59:59.999999Z", "warn", "loosened f1 ≥ 0.5 has expired, the former criterion holds again"),
    ],
)
def test_a_loosening_is_told_until_and_after_it_ends(moment: str, verdict: str, words: str) -> None:
    """Its last moment is no longer of it, as in the gate."""
    loosening = Loosening(before=AtLeast("f1", 0.5), until="2026-12-31T23:59:59.999999Z")
    log = _scoped(criteria=[SOMEWHERE], loosened=[to_json(loosening)])
    assert [("loosened", verdict, "scope:scope", words)] == _found(log, "scope", moment)


# data ----------------------------------------------------------------------------------------------------------------


def _split(log: SmallLog, of: str, *parts: str) -> None:
    for part in parts:
        log.add("dataset", part, layout="selection", made_from=[f"dataset:{of}"])


def test_a_part_of_data_that_has_gone_on_is_stale() -> None:
    """Split again, it no longer is; what was made from data otherwise is history, and not due again."""
    log = SmallLog()
    log.add("dataset", "d", layout="blocks")
    _split(log, "d@1", "d.test", "d.train")
    log.add("dataset", "sums", layout="blocks", made_from=["dataset:d@1"])
    assert _found(log, "data") == []
    log.add("dataset", "d", layout="blocks")
    _split(log, "d@2", "d.train")
    stale = ("stale", "warn", "dataset:d.test@1", "d.test@1 is a part of d@1; d@2 is newer: split it again")
    assert [stale] == _found(log, "data")
    log.mark("dataset", "d", "rejected", 2)
    told = "d@2 was rejected on 2026-11-23: project.datasets.decisions('d@2'); d@1 is still the latest"
    rejected = ("rejected", "warn", "dataset:d@2", told)
    later = ("stale", "warn", "dataset:d.train@2", "d.train@2 is a part of d@2; d@1 is newer: split it again")
    assert [rejected, later] == _found(log, "data")  # nobody is led to what was rejected
    log.mark("dataset", "d", "dropped", 1)
    [kept_out] = _found(log, "data")
    assert kept_out[3].endswith("no version of d stands")


def test_data_all_of_which_was_dropped_is_told_by_nothing() -> None:
    """There is a name, so no data is missing, and no version that could be stale."""
    log = SmallLog()
    log.add("dataset", "d", layout="blocks")
    _split(log, "d@1", "d.train")
    log.add("dataset", "d", layout="blocks")
    log.mark("dataset", "d.train", "dropped", 1)
    assert _found(log, "data") == []


# models --------------------------------------------------------------------------------------------------------------


def test_the_newest_of_a_model_is_due_until_it_was_judged() -> None:
    """An evaluation of the version before says nothing of this one."""
    log = SmallLog()
    for number in (1, 2):
        log.add("model", "m")
        words = f"m@{number} was never evaluated: project.models['m@{number}'].evaluate()"
        assert [("due", "warn", f"model:m@{number}", words)] == _found(log, "model")
        log.fact("evaluation", f"e{number}", f"model:m@{number}")
        assert _found(log, "model") == []


def test_a_model_that_answers_for_data_that_has_gone_on_is_stale() -> None:
    """Only where a pointer stands on it; models it was made from are not data."""
    log = SmallLog()
    for name in ("d", "other"):
        log.add("dataset", name)
    log.add("model", "m", made_from=["dataset:d@1", "model:other@7", "dataset:other@1"])
    log.fact("evaluation", "e", "model:m@1")
    log.add("dataset", "d")
    assert _found(log, "model") == []
    log.move("model", "m", "canary", 1)
    log.move("model", "m", "production", 1)
    words = "m@1 ({}) was trained on d@1; d@2 is there now"
    assert [("stale", "warn", "model:m@1", words.format(alias)) for alias in ("canary", "production")] == _found(
        log, "model"
    )
    log.move("model", "m", "canary", None)
    assert [("stale", "warn", "model:m@1", words.format("production"))] == _found(log, "model")


def _decide(log: SmallLog, identity: str, subject: str, *, allowed: bool) -> int:
    return log.fact("decision", identity, subject, allowed=allowed, action="promote")


def test_what_a_gate_blocked_last_is_told() -> None:
    """The last decision on the newest version counts, and models come in the order of their first ones."""
    log = SmallLog()
    for name in ("a", "b", "c"):
        log.add("model", name)
        log.fact("evaluation", name, f"model:{name}@1")
    _decide(log, "1", "model:b@1", allowed=True)
    _decide(log, "2", "model:a@1", allowed=False)
    _decide(log, "3", "model:b@1", allowed=False)
    _decide(log, "4", "model:c@1", allowed=False)
    _decide(log, "5", "model:c@1", allowed=True)
    blocked = [
        ("blocked", "warn", f"model:{m}@1", f"the gate blocked promote of {m}@1 on 2026-11-23") for m in ("b", "a")
    ]
    assert blocked == _found(log, "model")
    log.add("model", "a")
    log.fact("evaluation", "a2", "model:a@2")
    assert blocked[:1] == _found(log, "model")


def test_what_was_decided_of_other_things_blocks_no_model() -> None:
    """Only whether it may answer is told here."""
    log = SmallLog()
    log.add("model", "a")
    log.fact("evaluation", "a", "model:a@1")
    log.fact("decision", "1", "model:a@1", allowed=False, action="evaluate")
    assert _found(log, "model") == []


def test_rejected_data_is_told_until_newer_stands() -> None:
    """Of several the last; dropped, there is nothing to look at any more."""
    log = SmallLog()
    for _ in range(2):
        log.add("dataset", "d", layout="blocks")
        log.mark("dataset", "d", "rejected", log.view().versions.next_number("dataset", "d") - 1)
    told = "d@2 was rejected on 2026-11-23: project.datasets.decisions('d@2'); no version of d stands"
    assert _found(log, "data") == [("rejected", "warn", "dataset:d@2", told)]
    log.mark("dataset", "d", "dropped", 1, 2)
    assert _found(log, "data") == []
    log.mark("dataset", "d", "dropped", 2, on=False)
    assert len(_found(log, "data")) == 1
    log.add("dataset", "d", layout="blocks")
    assert _found(log, "data") == []


# deployments ---------------------------------------------------------------------------------------------------------


def _routed(log: SmallLog, **weights: int) -> None:
    """Route all traffic of ``eu`` to these versions of ``m``, given as ``m1=90``."""
    shares = {f"model:m@{version[1:]}": weight for version, weight in weights.items()}
    log.add("deployment", "eu", weights=shares, uses=[*shares])
    log.move("deployment", "eu", "current", log.view().versions.next_number("deployment", "eu") - 1)


def test_a_place_without_a_route_is_told() -> None:
    """It is open, and answers with nothing."""
    log = SmallLog()
    log.write(NameSet(of="deployment", name="eu"))
    assert _found(log, "deployment") == [("missing", "not_applicable", "deployment:eu", "eu has no route yet")]


def test_a_place_that_answers_with_other_than_production_is_told() -> None:
    """Each version that differs, also one beside production itself; without a production there is nothing to differ."""
    log = SmallLog()
    for _ in range(3):
        log.add("model", "m")
    _routed(log, m1=100)
    assert _found(log, "deployment") == []
    log.move("model", "m", "production", 2)
    differs = ("differs", "not_applicable", "deployment:eu", "eu answers with m@{}, while production is m@2")
    assert [(*differs[:3], differs[3].format(1))] == _found(log, "deployment")
    _routed(log, m1=1, m2=1, m3=1)
    assert [(*differs[:3], differs[3].format(number)) for number in (1, 3)] == _found(log, "deployment")
    _routed(log, m2=100)
    assert _found(log, "deployment") == []


@pytest.mark.parametrize(
    ("revision", "verdict", "told"),
    [
        (1, "fail", True),
        (1, "warn", True),
        (1, "error", True),
        (1, "inconclusive", False),
        (1, "pass", False),
        (2, "fail", False),
    ],
)
def test_the_last_check_of_what_answers_now_is_told(revision: int, verdict: str, told: bool) -> None:
    """Neither what was harmless, nor what was seen of another revision, nor any check before the last."""
    log = SmallLog()
    log.add("model", "m")
    _routed(log, m1=100)
    log.fact("evaluation", "1", "deployment:eu", revision=1, verdict="fail", findings=1)
    log.fact("evaluation", "2", "deployment:eu", revision=revision, verdict=verdict, findings=3)
    words = "the check of eu on 2026-11-23T00:00 found 3 things"
    assert ([("monitoring", verdict, "deployment:eu", words)] if told else []) == _found(log, "deployment")
