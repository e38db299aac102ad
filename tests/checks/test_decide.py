"""Gates: what blocks, what does not, what an override does, and how the answer reads."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import attrs
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from mlcycle import records
from mlcycle.checks import decide, evidence_problems, require
from mlcycle.errors import GateBlocked
from mlcycle.records import (
    VERDICTS,
    AtLeast,
    Evaluation,
    Loosening,
    Override,
    Result,
    Scope,
    UnknownCriterion,
    from_json,
    is_looser,
    to_json,
    worst,
)

NOW = "2026-11-23T10:00:00.000000Z"
BAD = Result(
    check="roc_auc ≥ 0.8",
    verdict="fail",
    slice="region=DE",
    value=0.712,
    low=0.68,
    high=0.74,
    threshold=0.8,
    n=900,
    detail="0.088 below 0.8",
)
GOOD = Result(check="f1 ≥ 0.5", verdict="pass", value=0.6)


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("blocking", [True, False])
def test_each_verdict_blocks_as_stated(verdict: str, blocking: bool) -> None:
    """What failed or gave no answer blocks where it may; a warning, and what does not apply, never do."""
    decision = decide("promote", "churn@7", [Result(check="c", verdict=verdict, blocking=blocking)], now=NOW)
    stops = blocking and verdict in ("fail", "inconclusive", "error", "skipped")
    assert decision.allowed is not stops


@pytest.mark.parametrize("verdict", VERDICTS)
def test_what_is_no_pass_is_named_once(verdict: str) -> None:
    """Whether it is allowed or blocked; a pass and what does not apply say nothing."""
    words = {
        "fail": "  · c failed: why",
        "error": "  · c could not be computed: why",
        "skipped": "  · c was skipped: why",
        "inconclusive": "  · c is inconclusive: why",
        "warn": "  ! why",
    }
    told = Result(check="c", verdict=verdict, blocking=False, detail="why")
    allowed, blocked = (decide("promote", "churn@7", given, now=NOW) for given in ([told], [BAD, told]))
    wanted = [words[verdict]] if verdict in words else []
    assert allowed.why.splitlines()[1:] == wanted
    assert blocked.why.splitlines()[2:-1] == wanted


def test_what_warns_is_told_in_its_own_words_once() -> None:
    """With what was measured, where it has no words."""
    warned = Result(check="c", verdict="warn", detail="odd")
    measured = Result(check="f1 ≥ 0.5", verdict="warn", value=0.4, subject="model:b@2")
    why = decide("route", "deployment:eu", [warned, warned, measured], now=NOW).why
    assert why.splitlines()[1:] == ["  ! odd", "  ! b@2: f1 ≥ 0.5 warned: 0.4"]


def test_a_verdict_of_a_newer_release_lets_nothing_through() -> None:
    """A word that is not known here may mean anything, so it blocks where it may, and says why."""
    newer = from_json({"type": "Result", "check": "drift", "verdict": "splendid"})
    decision = decide("promote", "churn@7", [newer], now=NOW)
    assert not decision.allowed
    assert "drift has the verdict 'splendid', which this mlcycle does not know (upgrade it)" in decision.why
    assert decide("promote", "churn@7", [attrs.evolve(newer, blocking=False)], now=NOW).allowed
    assert (worst([GOOD, newer]), worst([attrs.evolve(newer, blocking=False)])) == ("splendid", "warn")
    assert worst([newer, BAD]) == "fail"


def test_a_criterion_of_a_newer_release_stays_in_force() -> None:
    """It covers itself and nothing else, and leaving it out loosens the scope."""
    newer, other = UnknownCriterion({"type": "Calibrated"}), UnknownCriterion({"type": "Fair"})
    assert (newer.covers(newer), newer.covers(other), AtLeast("f1", 0.5).covers(newer)) == (True, False, False)
    assert [(newer, None)] == is_looser([newer], [other, AtLeast("f1", 0.5)])
    eased = Loosening(before=newer, after=None, message="pilot", until="2026-01-01T00:00:00.000000Z")
    assert (newer,) == Scope(criteria=[], loosened=[eased]).criteria_at(NOW)


@given(st.lists(st.builds(Result, check=st.just("c"), verdict=st.sampled_from(VERDICTS), blocking=st.booleans())))
def test_more_evidence_against_never_opens_a_gate(results: list[Result]) -> None:
    """A gate allows exactly if no single result stops it."""
    alone = all(decide("promote", "m@1", [result], now=NOW).allowed for result in results)
    assert alone == decide("promote", "m@1", results, now=NOW).allowed


def test_the_answer_says_what_failed_by_how_much_and_the_way_out() -> None:
    """The message holds the check, the slice, the numbers, and a line that can be pasted."""
    with pytest.raises(GateBlocked) as caught:
        require(decide("promote", "churn@7", [GOOD, BAD], now=NOW))
    message = str(caught.value)
    for piece in [
        "promote churn@7 is blocked",
        "roc_auc ≥ 0.8 (region=DE) failed: 0.712",
        "0.088 below 0.8",
        "900 rows",
    ]:
        assert piece in message
    assert 'say why and until when: message="…", override_until="2026-12-31"; it will be recorded.' in message
    assert "f1" not in message
    assert caught.value.decision.results == (GOOD, BAD)
    assert caught.value.decision == pickle.loads(pickle.dumps(caught.value)).decision


def test_a_comparison_names_both_values() -> None:
    """Whoever reads it sees the two models side by side."""
    comparison = {"reference": "churn@6", "subject": 0.81, "reference_value": 0.84}
    result = Result(check="c", verdict="inconclusive", value=-0.03, low=-0.06, high=0.001, n=99, comparison=comparison)
    assert "0.81 against 0.84 of churn@6, difference -0.03" in decide("promote", "churn@7", [result], now=NOW).why


def test_an_override_opens_the_gate_until_it_ends() -> None:
    """It counts up to its last moment, is recorded either way, and is named in the answer."""
    override = Override(message="pilot", until="2026-11-23", author="ada")
    in_time = decide("promote", "churn@7", [BAD], now=NOW, override=override)
    assert in_time.allowed
    assert "allowed by override by ada until 2026-11-23 (pilot), in spite of" in in_time.why
    assert "roc_auc" in in_time.why
    late = decide("promote", "churn@7", [BAD], now="2026-11-24T00:00:00.000000Z", override=override)
    assert not late.allowed
    assert "The override given ended 2026-11-23." in late.why
    assert override == late.override


def test_an_override_nobody_needed_is_not_the_reason() -> None:
    """Where everything passed, the answer rests on the evidence."""
    override = Override(message="pilot", until="2026-12-31")
    decision = decide("promote", "churn@7", [GOOD], now=NOW, override=override)
    assert decision.allowed
    assert "override" not in decision.why
    assert decision.override is None  # and when it ends, nothing ends with it


def test_bad_evidence_blocks_good_results() -> None:
    """Passing on rows the model was trained on proves nothing."""
    leaky = Evaluation(id="1", subject="churn@7", data="c.test@1", results=[GOOD], overlap={"c.train@1": 12, "d@1": 0})
    (problem,) = evidence_problems(leaky)
    decision = decide("promote", "churn@7", leaky.results, now=NOW, problems=[problem], evaluations=[leaky.id])
    assert not decision.allowed
    assert "c.test@1 shares 12 rows with c.train@1" in decision.why
    assert decision.evaluations == ("1",)


def test_amendments_are_mentioned() -> None:
    """Whoever reads an allowed promotion sees what had been amended, by whom and until when; not what is over."""
    eased = Loosening(
        before=AtLeast("f1", 0.7), after=AtLeast("f1", 0.5), message="pilot", author="ada", until="2026-12-31"
    )
    moved = records.MovedTest(before="c.test@1", after="c.test@2", message="a new shop", author="eve")
    over = evolve(eased, until="2020-12-31")
    assert decide("promote", "churn@7", [GOOD], now=NOW, amended=[eased, moved, over]).why.splitlines()[1:] == [
        "  · amended until 2026-12-31 by ada: f1 ≥ 0.7 → f1 ≥ 0.5 (pilot)",
        "  · amended for good by eve: test c.test@1 → c.test@2 (a new shop)",
    ]


def test_no_criteria_are_said_so() -> None:
    """An empty scope allows, and does not pretend that anything was checked."""
    assert "no criterion of the scope asks for anything" in decide("promote", "churn@7", [], now=NOW).why


def test_a_decision_survives_storage() -> None:
    """With evidence, override and all."""
    override = Override(message="pilot", until="2026-12-31")
    decision = decide("promote", "churn@7", [BAD], now=NOW, override=override, message="release", author="ada", id="d1")
    assert decision == from_json(to_json(decision))
    assert (
        decision.id,
        decision.now,
        decision.at,
        decision.message,
        decision.author,
    ) == ("d1", NOW, NOW, "release", "ada")


STRICT, EASY = AtLeast("f1", 0.8), AtLeast("f1", 0.6)
BEFORE, AFTER = "2026-06-01T00:00:00.000000Z", "2026-07-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("criteria", "after", "now", "expected"),
    [
        ([EASY], EASY, BEFORE, (EASY,)),
        ([EASY], EASY, AFTER, (STRICT,)),
        ([], None, BEFORE, ()),
        ([], None, AFTER, (STRICT,)),
        ([AtLeast("f1", 0.9)], EASY, AFTER, (AtLeast("f1", 0.9),)),
        ([EASY, AtLeast("recall", 0.5)], EASY, AFTER, (AtLeast("recall", 0.5), STRICT)),
    ],
)
def test_what_was_loosened_comes_back_in_time(criteria: Any, after: Any, now: str, expected: Any) -> None:
    """A loosening is for a time: then the stricter criterion holds again, unless a stricter one still was set since."""
    eased = Loosening(before=STRICT, after=after, message="pilot", until="2026-06-30T23:59:59.999999Z")
    assert expected == Scope(criteria=criteria, loosened=[eased]).criteria_at(now)


def test_deciding_loads_nothing_heavy() -> None:
    """Gates work without numpy, pandas or scikit-learn in the process."""
    code = (
        "import sys; from mlcycle.checks import EvaluationContext, decide; "
        "decide('promote', 'm@1', [], now='2026-11-23'); "
        "print(*(m for m in ('numpy', 'pandas', 'sklearn', 'scipy', 'cattrs') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
