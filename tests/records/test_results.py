"""Verdicts weighed against one another, evaluations, and overrides that have a reason and an end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from mlcycle.errors import InvalidInput
from mlcycle.records import VERDICTS, Decision, Evaluation, Override, Result, from_json, to_json, worst
from mlcycle.records._vocabulary import UnknownWord

RESULT = Result(check="f1 ≥ 0.9", subject="churn@7", verdict="fail", value=0.7, low=0.6, high=0.8, threshold=0.9, n=9)


def test_an_evaluation_is_a_frame_of_its_results() -> None:
    """One row a result, with the columns people filter by."""
    frame = Evaluation(id="e", subject="churn@7", results=[RESULT, RESULT]).frame()
    assert frame["verdict"].tolist() == ["fail", "fail"]
    assert {"check", "slice", "value", "low", "high", "threshold", "n", "detectable"} <= set(frame.columns)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "not_applicable"),
        (["pass", "not_applicable"], "pass"),
        (["pass", "warn"], "warn"),
        (["warn", "inconclusive"], "inconclusive"),
        (["inconclusive", "error"], "error"),
        (["error", "fail", "pass"], "fail"),
        (["pass", "skipped"], "skipped"),
    ],
)
def test_the_worst_verdict_counts(verdicts: list[str], expected: str) -> None:
    """Nothing that blocks hides behind what passed."""
    assert expected == worst(Result(check="c", verdict=verdict) for verdict in verdicts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"message": " ", "until": "2026-12-31"}, "says why"),
        ({"message": "pilot", "until": None}, "an override ends"),
        ({"message": "pilot", "until": "soon"}, "is not a date, a time or a span"),
        ({"message": None, "until": "2026-12-31"}, "says why"),
        ({"message": "pilot", "until": "2026-12-31", "author": 3}, "author of an override is a name .* got int: 3"),
        ({"message": "pilot", "until": "2026-12-31", "author": " "}, "author of an override is a name"),
    ],
)
def test_an_override_has_a_reason_and_an_end(arguments: dict[str, Any], message: str) -> None:
    """Neither can be left out, the error shows how, and an author who is none would make the decision unreadable."""
    with pytest.raises(InvalidInput, match=message):
        Override(**arguments)


EACH = st.builds(
    Result,
    check=st.just("c"),
    verdict=st.sampled_from([*VERDICTS, UnknownWord("splendid")]),
    blocking=st.booleans(),
)


@given(results=st.lists(EACH, max_size=4), one=EACH)
def test_more_results_are_never_better(results: list[Result], one: Result) -> None:
    """In any order; and what does not block never weighs more than an answer that could not be had."""
    gravity = ("not_applicable", "pass", "warn", "skipped", "inconclusive", "splendid", "error", "fail")
    before, after = worst(results), worst([*results, one])
    assert gravity.index(after) >= gravity.index(before)
    assert (after in ("error", "splendid")) == (worst([one, *results]) in ("error", "splendid"))
    if not any(result.blocking for result in results):
        assert before in ("not_applicable", "pass", "warn", "skipped")


@pytest.mark.parametrize(
    ("verdict", "blocking", "expected"),
    [
        ("fail", False, "warn"),
        ("error", False, "warn"),
        ("inconclusive", False, "warn"),
        ("skipped", False, "skipped"),
        ("pass", False, "pass"),
        (UnknownWord("splendid"), False, "warn"),
        (UnknownWord("splendid"), True, "splendid"),
    ],
)
def test_what_does_not_block_is_a_warning_at_most(verdict: str, blocking: bool, expected: str) -> None:
    """A word of a newer release weighs as an error where it blocks, and stays the word it is."""
    assert expected == worst([Result(check="c", verdict="pass"), Result(check="c", verdict=verdict, blocking=blocking)])


@pytest.mark.parametrize(
    ("measured", "text"),
    [
        ({}, "fail: c"),
        ({"detail": "no rows"}, "fail: c: no rows"),
        ({"value": 0.0, "detail": "no rows"}, "fail: c: 0"),
        ({"value": 0.71239, "n": 1200}, "fail: c: 0.7124, n=1200"),
        ({"value": 1.0, "low": 0.0, "high": 2.0, "slice": "region=EU"}, "fail: c (region=EU): 1 [0, 2]"),
        ({"value": float("nan"), "n": 0}, "fail: c: nan, n=0"),
    ],
)
def test_a_result_tells_what_was_measured(measured: dict[str, Any], text: str) -> None:
    """The value with its interval and rows, each where there is one; zero is a value, and without any the detail."""
    assert text == str(Result(check="c", verdict="fail", **measured))


WINDOW: dict[str, Any] = {"id": "e", "subject": "deployment:eu", "since": "2026-01-01T00:00:00.000000Z"}
TRAFFIC = Result(check="labelled rows", look="traffic", verdict="pass", value=9, n=12_000)
MOVED = Result(check="age", look="data drift", verdict="warn", value=0.5, phase="data", detail="age moved")


@pytest.mark.parametrize(("count", "words"), [(0, "0 findings"), (1, "1 finding"), (2, "2 findings")])
def test_an_evaluation_of_a_window_counts_what_it_found(count: int, words: str) -> None:
    """And lists it, below how many predictions it saw; what is fine is in its table alone."""
    seen = Evaluation(**WINDOW, results=[TRAFFIC, *[MOVED] * count], revision=2)
    assert str(seen).splitlines() == [f"eu: 12,000 predictions, {words}", *["  warn: age moved"] * count]
    assert (len(seen.findings), seen.frame()["look"].tolist()) == (count, ["traffic", *["data drift"] * count])
    shown = seen._repr_html_()
    assert (">12,000<" in shown, shown.count(">age moved<")) == (True, 2 * count)  # a finding, and a row of the table
    assert str(Evaluation(**WINDOW)) == "eu: 0 findings"


def test_many_findings_of_a_signal_are_told_by_the_first() -> None:
    """A wide frame does not bury the other signals; the table has all."""
    slow = Result(check="ms", look="latency", verdict="warn", phase="deployment", detail="slower")
    seen = Evaluation(**WINDOW, results=[*[MOVED] * 60, slow])
    assert str(seen).splitlines()[1:] == [
        *["  warn: age moved"] * 3,
        "  warn: and 57 more of data drift",
        "  warn: slower",
    ]
    assert ("and 57 more of data drift" in seen._repr_html_(), len(seen.frame())) == (True, 61)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "not_applicable"),
        (["pass", "inconclusive"], "inconclusive"),
        (["inconclusive", "warn"], "warn"),
        (["error", "warn"], "warn"),
        (["warn", "fail"], "fail"),
        (["inconclusive", UnknownWord("splendid")], "splendid"),
    ],
)
def test_an_alarm_of_a_window_is_not_hidden_by_what_is_undecided(verdicts: list[str], expected: str) -> None:
    """Labels come late, and most windows have too few of something."""
    results = [Result(check="c", verdict=verdict) for verdict in verdicts]
    assert expected == Evaluation(**WINDOW, results=results).verdict


@pytest.mark.parametrize(
    ("subject", "full"),
    [("churn@7", "model:churn@7"), ("model:churn@7", "model:churn@7"), ("deployment:eu", "deployment:eu"), ("", "")],
)
def test_a_subject_says_its_kind(subject: str, full: str) -> None:
    """Of every record that has one; printed it is bare."""
    for record in (
        Result(check="c", verdict="pass", subject=subject),
        Evaluation(id="e", subject=subject),
        Decision(id="d", action="promote", subject=subject, allowed=True),
    ):
        assert full == record.subject
        assert full == from_json(to_json(record)).subject
        assert ":" not in str(record).replace(": ", "")


def test_an_evaluation_lists_its_results() -> None:
    """Below its own verdict; without data it is of the subject alone."""
    evaluation = Evaluation(id="e", subject="churn@7", data="d@1", results=[RESULT, Result(check="b", verdict="pass")])
    assert str(evaluation) == "churn@7 on d@1: fail\n  fail: f1 ≥ 0.9: 0.7 [0.6, 0.8], n=9\n  pass: b"
    assert str(Evaluation(id="e", subject="churn@7")) == "churn@7: not_applicable"
    assert Evaluation(id="e", subject="churn@7").frame().empty


def test_a_decision_shows_the_override_it_was_given() -> None:
    """With its reason and its end, whether it was needed or not."""
    override = Override(message="pilot", until="2026-12-31")
    decision = Decision(id="d", action="promote", subject="churn@7", allowed=True, override=override, results=[RESULT])
    assert str(decision) == "promote churn@7: allowed"
    assert str(evolve(decision, why="a\n  ✗ b")) == "a\n  ✗ b"
    assert "pilot (until 2026-12-31T23:59:59.999999Z)" in decision._repr_html_()
    assert "churn@7: blocked" in str(Decision(id="d", action="promote", subject="churn@7", allowed=False))


@pytest.mark.parametrize(
    ("fields", "made"),
    [
        ({"n": np.int64(3)}, 3),
        ({"value": np.float32(0.5)}, 0.5),
        ({"value": 1}, 1.0),
        ({"blocking": np.bool_(False)}, False),
        ({"slice": 1}, "1"),
        ({"detail": "half \ud800"}, "half \\ud800"),
    ],
    ids=["count", "number", "whole", "truth", "group", "surrogate"],
)
def test_a_result_is_what_it_will_be_read_as(fields: dict[str, Any], made: Any) -> None:
    """Whatever numpy gave a check becomes plain, so that it can be kept and read again."""
    found = Result(check="c", verdict="pass", **fields)
    [field] = fields
    assert getattr(found, field) == made
    assert type(getattr(found, field)) is type(made)
    assert from_json(to_json(found)) == found


@pytest.mark.parametrize(
    "fields",
    [{"value": True}, {"value": "high"}, {"n": 1.5}, {"n": "many"}, {"blocking": None}, {"keep": 1}, {"detail": 5},
     {"data": 7}, {"check": None}, {"look": 3}],
    ids=lambda fields: next(iter(fields)),
)  # fmt: skip
def test_a_result_that_nobody_could_read_again_is_not_made(fields: dict[str, Any]) -> None:
    """One in a log would hide what is beside it."""
    with pytest.raises(InvalidInput, match="of a result is"):
        Result(**{"check": "c", "verdict": "pass", **fields})
