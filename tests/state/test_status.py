"""Where the project stands: what each phase says of a log, without any data being read."""

from __future__ import annotations

from typing import Any

import pytest

from mlcycle.records import AtLeast, Loosening, MovedTest, Scope, to_json
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
    plain = to_json(Scope())
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
        (
            {"test": "dataset:d.test"},
            "the scope has no criteria, so no gate can block: project.scope.set(criteria=[…])",
        ),
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


END = "2026-12-31T23:59:59.999999Z"
EASED = {"before": AtLeast("f1", 0.5), "after": AtLeast("f1", 0.4), "author": "ada", "message": "pilot"}


@pytest.mark.parametrize(
    ("until", "moment", "verdict", "words"),
    [
        (END, "2026-12-31T23:59:59.999998Z", "not_applicable", " until 2026-12-31"),
        (
            END,
            END,
            "warn",
            (
                "; that was over on 2026-12-31, and f1 ≥ 0.5 holds again: "
                "write it into project.scope.set(criteria=[…]), or loosen it anew"
            ),
        ),
        ("", NOW, "not_applicable", ", for good"),
        ("", "2999-01-01T00:00:00.000000Z", "not_applicable", ", for good"),
    ],
)
def test_a_loosening_is_told_until_and_after_it_ends(until: str, moment: str, verdict: str, words: str) -> None:
    """Its last moment is no longer of it, as in the gate; one without an end is told for ever."""
    eased = to_json(Loosening(until=until, **EASED))
    log = _scoped(criteria=[to_json(AtLeast("f1", 0.4, on="d.test"))], loosened=[eased])
    told = f"f1 ≥ 0.5 → f1 ≥ 0.4 was loosened by ada (pilot){words}"
    assert [("loosened", verdict, "scope:scope", told)] == _found(log, "scope", moment)


@pytest.mark.parametrize(
    ("until", "moment", "verdict", "words"),
    [
        ("", NOW, "not_applicable", ", for good"),
        (END, NOW, "not_applicable", " until 2026-12-31"),
        (
            END,
            END,
            "warn",
            (
                "; that was over on 2026-12-31, and models are judged on d.test@1 again: "
                "project.scope.set(test='d.test@1'), or move it anew"
            ),
        ),
    ],
)
def test_a_move_of_the_test_is_told(until: str, moment: str, verdict: str, words: str) -> None:
    """By whom, why and until when, as it is stored."""
    ends = {"before": "d.test@1", "after": "d.test@2"}
    move = to_json(MovedTest(**ends, message="the old one is labelled badly", author="eve", until=until))
    by = "moved by eve (the old one is labelled badly)"
    told = f"models are judged on d.test@2 instead of d.test@1, {by}{words}"
    log = _scoped(criteria=[SOMEWHERE], moved=[move])
    assert [("moved", verdict, "scope:scope", told)] == _found(log, "scope", moment)


def test_data_to_judge_on_that_is_not_there_is_told_once_there_is_any() -> None:
    """Before there is any data it is a promise."""
    log = _scoped(criteria=[SOMEWHERE])
    assert _found(log, "scope") == []
    log.add("dataset", "d", layout="blocks")
    [(check, verdict, _, words)] = _found(log, "scope")
    assert (check, verdict) == ("missing", "warn")
    assert words.startswith("no gate lets a model through that is judged on d.test: no dataset is called")
    log.add("dataset", "d.test", layout="selection", made_from=["dataset:d@1"])
    assert _found(log, "scope") == []


# data ----------------------------------------------------------------------------------------------------------------


def _split(log: SmallLog, of: str, *parts: str) -> None:
    for part in parts:
        log.add("dataset", part, layout="selection", made_from=[f"dataset:{of}"])


def _using(*parts: str) -> SmallLog:
    """Return a log with data d, and a scope that judges on d.test and a model trained on these parts of it."""
    log = _scoped(criteria=[SOMEWHERE])
    log.add("dataset", "d", layout="blocks")
    _split(log, "d@1", "d.test", *parts)
    log.add("model", "m", made_from=[f"dataset:{part}@1" for part in parts])
    return log


def test_data_that_has_gone_on_since_it_was_split_is_told_once() -> None:
    """However many parts are used, until it is split again; what was made otherwise is history, and not due again."""
    log = _using("d.train")
    _split(log, "d@1", "d.unused")
    log.add("dataset", "sums", layout="blocks", made_from=["dataset:d@1"])
    assert _found(log, "data") == []
    log.add("dataset", "d", layout="blocks")
    log.add("dataset", "sums", layout="blocks", made_from=["dataset:d@2"])  # which is no split
    again = "split it again: project.datasets['d'].split(…)"
    told = f"d.test@1 and d.train@1 are parts of d@1, and d@2 stands now; {again}"
    assert [("stale", "warn", "dataset:d@2", told)] == _found(log, "data")
    _split(log, "d@2", "d.other")
    assert _found(log, "data") == []
    log.mark("dataset", "d", "rejected", 2)
    log.add("model", "m", made_from=["dataset:d.other@1"])
    kept_out = "d@2 was rejected on 2026-11-23: project.datasets.decisions('d@2'); d@1 is still the latest"
    assert [("rejected", "warn", "dataset:d@2", kept_out)] == _found(log, "data")  # nobody is led to what was rejected
    log.mark("dataset", "d", "dropped", 1)
    [(*_, words)] = _found(log, "data")
    assert words.endswith("no version of d stands")


def test_parts_that_nothing_uses_are_nobodys_concern() -> None:
    """Those of former versions of a model neither, once another is the newest and answers."""
    log = _using("d.train")
    log.mark("dataset", "d.test", "dropped", 1)
    log.move("model", "m", "production", 1)
    log.add("dataset", "d", layout="blocks")
    log.add("model", "m", made_from=["dataset:d@2"])
    assert [one[0] for one in _found(log, "data")] == ["stale"]
    log.move("model", "m", "production", 2)
    assert _found(log, "data") == []


def test_many_parts_are_named_in_brief() -> None:
    """Ten folds are one finding of one line."""
    log = _using(*(f"d.fold-{number}" for number in range(10)))
    log.add("dataset", "d", layout="blocks")
    [(*_, words)] = _found(log, "data")
    assert words.startswith("d.fold-0@1, d.fold-1@1, d.fold-2@1 and 8 more are parts of d@1, and d@2 stands now")


def test_data_all_of_which_was_dropped_is_told_by_nothing() -> None:
    """There is a name, so no data is missing, and no version that could be stale."""
    log = SmallLog()
    log.add("dataset", "d", layout="blocks")
    _split(log, "d@1", "d.train")
    log.add("dataset", "d", layout="blocks")
    log.mark("dataset", "d.train", "dropped", 1)
    assert _found(log, "data") == []


# models --------------------------------------------------------------------------------------------------------------


def _judged(log: SmallLog, ref: str, data: str | None = "d@1", **says: Any) -> int:
    """Add an evaluation of a version, numbered by its entry."""
    on = None if data is None else f"dataset:{data}"
    said = {"verdict": "pass", "scope": None, **says}
    return log.fact("evaluation", f"e{len(log.entries)}", f"model:{ref}", *([on] if on else []), data=on, **said)


def test_the_newest_of_a_model_is_due_until_it_was_judged() -> None:
    """An evaluation of the version before says nothing of this one, and what was found without data judges nothing."""
    log = SmallLog()
    for number in (1, 2):
        log.add("model", "m")
        words = f"m@{number} was never evaluated: project.models['m@{number}'].evaluate('…')"
        _judged(log, f"m@{number}", None)
        log.fact("evaluation", f"other{number}", "model:other@1", f"model:m@{number}", data="dataset:d@1")
        assert [("due", "warn", f"model:m@{number}", words)] == _found(log, "model")
        _judged(log, f"m@{number}")
        assert _found(log, "model") == []


def test_a_model_that_answers_for_data_that_has_gone_on_is_stale() -> None:
    """Once, with all places it answers at; models it was made from are not data."""
    log = SmallLog()
    for name in ("d", "other"):
        log.add("dataset", name)
    log.add("model", "m", made_from=["dataset:d@1", "model:other@7", "dataset:other@1"])
    _judged(log, "m@1")
    log.add("dataset", "d")
    assert _found(log, "model") == []
    words = "m@1 ({}) was trained on d@1, and d@2 is there now: train anew"
    for alias, places in (("canary", "canary"), ("production", "canary and production")):
        log.move("model", "m", alias, 1)
        assert [("stale", "warn", "model:m@1", words.format(places))] == _found(log, "model")
    _routed(log, m1=1)
    log.move("model", "m", "canary", None)
    assert [("stale", "warn", "model:m@1", words.format("production and eu"))] == _found(log, "model")


@pytest.mark.parametrize("known", ["declared", "read"])
def test_a_model_is_stale_through_the_parts_it_was_trained_on(known: str) -> None:
    """Also where no newer part is there yet, and where only what its run read is known."""
    log = SmallLog()
    log.add("dataset", "d", layout="blocks")
    _split(log, "d@1", "d.train", "d.valid")
    parts = ["dataset:d.train@1", "dataset:d.valid@1"]
    log.add("model", "m", **({"made_from": parts} if known == "declared" else {"reads": parts}))
    _judged(log, "m@1")
    log.move("model", "m", "production", 1)
    assert _found(log, "model") == []
    log.add("dataset", "d", layout="blocks")
    words = "m@1 (production) was trained on d.train@1 (of d@1) and d.valid@1 (of d@1), and d@2 is there now: "
    assert [("stale", "warn", "model:m@1", f"{words}split again and train anew")] == _found(log, "model")
    _split(log, "d@2", "d.train", "d.valid")
    words = "m@1 (production) was trained on d.train@1 and d.valid@1, and d.train@2 and d.valid@2 are there now: "
    assert [("stale", "warn", "model:m@1", f"{words}train anew")] == _found(log, "model")


def test_appended_data_is_no_part_of_what_it_came_from() -> None:
    """A model trained on the newest version is not stale for the versions before it."""
    log = SmallLog()
    log.add("dataset", "d", layout="blocks")
    log.add("dataset", "d", layout="blocks", made_from=["dataset:d@1"])
    log.add("model", "m", made_from=["dataset:d@2"])
    _judged(log, "m@1")
    log.move("model", "m", "production", 1)
    assert _found(log, "model") == []


def _decide(log: SmallLog, identity: str, subject: str, *, allowed: bool) -> int:
    return log.fact("decision", identity, subject, allowed=allowed, action="promote", override=None, evaluations=[])


def test_what_a_gate_blocked_last_is_told() -> None:
    """In one line: the last decision on each newest version; where another one answers, the gate did its work."""
    log = SmallLog()
    for name in ("a", "b", "c"):
        log.add("model", name)
        _judged(log, f"{name}@1")
    _decide(log, "1", "model:b@1", allowed=True)
    _decide(log, "2", "model:a@1", allowed=False)
    _decide(log, "3", "model:b@1", allowed=False)
    _decide(log, "4", "model:c@1", allowed=False)
    _decide(log, "5", "model:c@1", allowed=True)
    why = "project.models['b@1'].decisions()[-1] says why"
    assert _found(log, "model") == [("blocked", "warn", "model:b@1", f"the gate blocked b@1 and a@1: {why}")]
    log.move("model", "b", "production", 1)
    why = "project.models['a@1'].decisions()[-1] says why"
    assert _found(log, "model") == [("blocked", "warn", "model:a@1", f"the gate blocked b@1 and a@1: {why}")]
    log.add("model", "a")
    _judged(log, "a@2")
    why = "project.models['b@1'].decisions()[-1] says why"
    assert _found(log, "model") == [("blocked", "not_applicable", "model:b@1", f"the gate blocked b@1: {why}")]


def test_what_was_decided_of_other_things_blocks_no_model() -> None:
    """Only whether it may answer is told here."""
    log = SmallLog()
    log.add("model", "a")
    _judged(log, "a@1")
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
    """It is open, and answers with nothing; what can be routed is named."""
    log = SmallLog()
    log.write(NameSet(of="deployment", name="eu"))
    words = "eu has no route yet: register a model first"
    assert _found(log, "deployment") == [("missing", "not_applicable", "deployment:eu", words)]
    log.add("model", "m")
    for line in ("m@1", "m@production"):
        words = f"eu has no route yet: project.deployments['eu'].route({line!r})"
        assert _found(log, "deployment") == [("missing", "not_applicable", "deployment:eu", words)]
        log.move("model", "m", "production", 1)


def test_a_model_in_production_that_no_deployment_answers_with_is_told() -> None:
    """Until one does; where a place waits for its route, that is said instead."""
    log = SmallLog()
    log.add("model", "m")
    assert _found(log, "deployment") == []
    log.move("model", "m", "production", 1)
    how = "project.deployments.open('…').route('m@production')"
    words = f"m@1 is in production, and no deployment answers with it: {how}"
    assert _found(log, "deployment") == [("undeployed", "not_applicable", "model:m@1", words)]
    log.write(NameSet(of="deployment", name="eu"))
    assert [one[0] for one in _found(log, "deployment")] == ["missing"]
    _routed(log, m1=100)
    assert _found(log, "deployment") == []


def test_a_place_that_answers_with_other_than_production_is_told() -> None:
    """Beside production it is good to know, instead of it a warning; without a production nothing differs."""
    log = SmallLog()
    for _ in range(3):
        log.add("model", "m")
    _routed(log, m1=100)
    assert _found(log, "deployment") == []
    log.move("model", "m", "production", 2)
    words = "eu answers with m@1, while production is m@2: project.deployments['eu'].route('m@production')"
    assert [("differs", "warn", "deployment:eu", words)] == _found(log, "deployment")
    _routed(log, m1=1, m2=1, m3=1)
    words = "eu answers with m@1 and m@3, while production is m@2"
    assert [("differs", "not_applicable", "deployment:eu", words)] == _found(log, "deployment")
    _routed(log, m2=100)
    assert _found(log, "deployment") == []


CHECKED = [
    ([(1, "fail")], "fail", 1),
    ([(1, "warn")], "warn", 1),
    ([(1, "error")], "error", 1),
    ([(1, "inconclusive")], None, None),
    ([(1, "fail"), (1, "pass")], None, None),
    ([(1, "fail"), (1, "inconclusive")], "fail", 1),  # no traffic yet mends nothing
    ([(1, "fail"), (1, "warn")], "fail", 1),
    ([(1, "fail"), (1, "pass"), (1, "warn")], "warn", 1),
    ([(1, "fail"), (2, "fail")], "fail", 2),
    ([(1, "fail"), (2, "pass")], None, None),
    ([(2, "pass"), (1, "fail")], "fail", 1),
]


@pytest.mark.parametrize(("checks", "verdict", "revision"), CHECKED)
@pytest.mark.parametrize("current", [1, 2])
def test_a_check_that_failed_is_told_until_one_passes(
    checks: list[tuple[int, str]], verdict: str | None, revision: int | None, current: int
) -> None:
    """A new route mends nothing before a check has seen it; it says which revision was looked at."""
    log = SmallLog()
    log.add("model", "m")
    for _ in range(current):
        _routed(log, m1=100)
    for number, (at, found) in enumerate(checks):
        says = {"revision": at, "verdict": found, "findings": number + 1, "until": f"moment {number}"}
        log.fact("evaluation", f"{number}", "deployment:eu", **says)
    log.fact("evaluation", "none", "deployment:eu", verdict="pass", data=None)  # no window of traffic, so no check
    where = "" if revision == current else f" at revision {revision} (revision {current} answers now)"
    told = [one[:3] for one in _found(log, "deployment")]
    assert told == ([("monitoring", verdict, "deployment:eu")] if verdict else [])
    for *_, words in _found(log, "deployment"):
        things = next(n for n, one in reversed([*enumerate(checks, 1)]) if one == (revision, verdict))
        seen = f" found {things} thing{'s' if things > 1 else ''}{where}, and none has passed since: "
        assert words.startswith("the check of eu on 2026-11-23T00:00")
        since = f"since='moment {things - 1}'" if revision == current else ""
        assert words.endswith(f"{seen}project.deployments['eu'].check({since})")
