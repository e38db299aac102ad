"""Records as values: they print, compare, pickle, stay frozen and go into tables."""

from __future__ import annotations

import pickle
from typing import Any

import attrs
import pandas as pd
import pytest

from mlcycle import records
from mlcycle.errors import InvalidInput
from mlcycle.records import (
    AtLeast,
    AtMost,
    Code,
    Column,
    DatasetVersion,
    Decision,
    Environment,
    Evaluation,
    FileRef,
    Finding,
    Loosening,
    ModelVersion,
    Move,
    NotWorseThan,
    Override,
    Report,
    Result,
    Revision,
    Roles,
    Run,
    Scope,
    Signature,
    Status,
    UnknownCriterion,
    as_row,
    worst,
)

FILE = FileRef(key="files/a/<b>.skops", size=10, sha256="sha256:00", kind="model")
RESULT = Result(check="f1 ≥ <b>", subject="churn@7", verdict="fail", value=0.7, low=0.6, high=0.8, threshold=0.9, n=9)
FINDING = Finding(id="1", kind="drift", subject="eu", summary="<b>age</b> moved", evidence={"p": 0.01}, phase="data")
EXAMPLES: list[records.Record] = [
    FILE,
    Column(name="<b>", type="int64"),
    Roles(target="y"),
    DatasetVersion(name="d", number=1, id="i", columns=[Column(name="<b>", type="int64")], profile={"a": 1}),
    Scope(objective="<b>", criteria=[AtLeast("f1", 0.5)], loosened=[Loosening(before=AtMost("log_loss", 1))]),
    Code(commit="abc", diff_file=FILE, detail={"<b>": 1}),
    Environment(python="3.12", packages={"numpy": "2"}),
    Run(id="r", experiment="<b>", params={"<b>": [1]}, metrics={"loss": 0.1}, error="Traceback\nValueError: <b>"),
    Signature(inputs=[{"name": "<b>", "type": "int64"}], classes=["a", "b"]),
    ModelVersion(name="churn", number=7, id="m", files=[FILE], signature=Signature(inputs=[{"name": "x"}])),
    RESULT,
    Evaluation(id="e", subject="churn@7", data="d@1", results=[RESULT], overlap={"d.train@1": 3}),
    Override(reason="<b>", until="2026-12-31"),
    Decision(id="d", action="promote", subject="<b>", allowed=False, results=[RESULT], why="<b>"),
    Revision(deployment="eu", number=1, weights={"churn@7": 100}, reason="<b>"),
    FINDING,
    Report(deployment="eu", findings=[FINDING], table=[{"column": "<b>", "verdict": "fail"}]),
    Status(phases={"scope": [], "data": [FINDING]}),
    Move(kind="alias", name="churn", pointer="production", before="churn@7"),
    AtLeast("f1", 0.5),
    AtMost("log_loss", 0.5),
    NotWorseThan("production", "f1", margin=0.1),
    Loosening(before=AtLeast("f1", 0.5), reason="<b>"),
    UnknownCriterion({"type": "<b>"}),
]
EACH = pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: type(record).__name__)


def test_there_is_an_example_of_every_record() -> None:
    """No record escapes the tests below."""
    bases = {"Record", "Criterion"}
    public = {name for name in records.__all__ if isinstance(getattr(records, name), type)} - bases
    assert public == {type(record).__name__ for record in EXAMPLES}


@EACH
def test_it_pickles_and_compares(record: Any) -> None:
    """A record that went to another process equals the one here, and hashes like it."""
    copy = pickle.loads(pickle.dumps(record))
    assert record == copy
    assert hash(record) == hash(copy)


@EACH
def test_it_is_frozen(record: Any) -> None:
    """No field can be set."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(record, attrs.fields(type(record))[0].name, "changed")


@EACH
def test_it_prints_short(record: Any) -> None:
    """`repr` is one line that names the class, `str` is never empty."""
    assert repr(record).startswith(type(record).__name__ + "(")
    assert "\n" not in repr(record)
    assert str(record)
    assert len(repr(record)) < 400


@EACH
def test_its_html_is_escaped(record: Any) -> None:
    """Text from a store never becomes markup in a notebook."""
    shown = record._repr_html_()
    assert "<b>" not in shown
    assert shown.count("<table") == shown.count("</table>")


@EACH
def test_it_goes_into_a_table(record: Any) -> None:
    """A record is a cell, and as a row it is flat."""
    assert record == pd.DataFrame({"record": [record]}).loc[0, "record"]
    assert len(pd.DataFrame([as_row(record)])) == 1


def test_records_share_no_lists_with_their_maker() -> None:
    """Changing what was passed in changes no record."""
    params = {"layers": [1, 2]}
    run = Run(id="r", experiment="e", params=params)
    params["layers"].append(3)
    assert run.params == {"layers": [1, 2]}


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


def test_a_run_knows_how_long_it_took() -> None:
    """Duration is in seconds, and None while it runs."""
    run = Run(id="r", experiment="e", started_at="2026-01-01T00:00:00.000000Z", ended_at="2026-01-01T00:00:01.500000Z")
    assert run.duration == 1.5
    assert Run(id="r", experiment="e", started_at="2026-01-01T00:00:00.000000Z").duration is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reason": " ", "until": "2026-12-31"}, "says why"),
        ({"reason": "pilot", "until": None}, "an override ends"),
        ({"reason": "pilot", "until": "soon"}, "is not a date, a time or a span"),
        ({"reason": None, "until": "2026-12-31"}, "says why"),
    ],
)
def test_an_override_has_a_reason_and_an_end(arguments: dict[str, Any], message: str) -> None:
    """Neither can be left out, and the error shows how to write it."""
    with pytest.raises(InvalidInput, match=message):
        Override(**arguments)


def test_words_outside_the_vocabulary_are_refused() -> None:
    """Verdicts and severities are closed lists."""
    with pytest.raises(InvalidInput, match="a verdict is one of pass"):
        Result(check="c", verdict="good")
    with pytest.raises(InvalidInput, match="a severity is one of info"):
        Finding(id="1", kind="k", subject="s", summary="t", severity="bad")


def test_status_shows_every_phase() -> None:
    """Phases without findings are ticked, the others listed."""
    assert str(Status(phases={"scope": [], "data": [FINDING]})) == "scope  ✓\ndata   ! <b>age</b> moved"
    assert Status(phases={"scope": [], "data": [FINDING]}).findings == (FINDING,)
