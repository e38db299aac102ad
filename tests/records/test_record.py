"""Records as values: they print, compare, pickle, stay frozen and go into tables."""

from __future__ import annotations

import pickle
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest

from mlcycle import records
from mlcycle.records import (
    AtLeast,
    AtMost,
    Code,
    Column,
    Committed,
    Cost,
    DatasetVersion,
    Decision,
    Environment,
    Evaluation,
    FileRef,
    InRange,
    Loosening,
    MetricSource,
    ModelVersion,
    Move,
    MovedTest,
    NotWorseThan,
    Override,
    Part,
    Result,
    Revision,
    Roles,
    RowCount,
    Run,
    Scope,
    Signature,
    Status,
    Unique,
    UnknownCriterion,
    as_row,
)
from mlcycle.records._record import copied, listed, texts

FILE = FileRef(key="files/a/<b>.skops", size=10, sha256="sha256:00", kind="model")
RESULT = Result(check="f1 ≥ <b>", subject="churn@7", verdict="fail", value=0.7, low=0.6, high=0.8, threshold=0.9, n=9)
FINDING = Result(
    check="<b>", subject="deployment:eu", verdict="warn", detail="<b>age</b> moved", phase="data", look="data drift"
)
PART = Part(method="time", column="<b>", gap="7d", share=0.25, place=2, of=2)
EXAMPLES: list[records.Record] = [
    FILE,
    Column(name="<b>", type="int64"),
    Roles(target="y"),
    DatasetVersion(name="d", number=1, id="i", columns=[Column(name="<b>", type="int64")], part=PART),
    PART,
    Scope(objective="<b>", criteria=[AtLeast("f1", 0.5)], loosened=[Loosening(before=AtMost("log_loss", 1))]),
    Code(commit="abc", diff_file=FILE, detail={"<b>": 1}),
    Environment(python="3.12", packages={"numpy": "2"}),
    Run(id="r", experiment="<b>", params={"<b>": [1]}, metrics={"loss": 0.1}, error="Traceback\nValueError: <b>"),
    Signature(inputs=[{"name": "<b>", "type": "int64"}], classes=["a", "b"]),
    ModelVersion(name="churn", number=7, id="m", files=[FILE], signature=Signature(inputs=[{"name": "x"}])),
    RESULT,
    Evaluation(id="e", subject="churn@7", data="d@1", results=[RESULT], overlap={"d.train@1": 3}),
    Override(message="<b>", until="2026-12-31"),
    Decision(id="d", action="promote", subject="<b>", allowed=False, results=[RESULT], why="<b>"),
    Revision(deployment="eu", number=1, weights={"churn@7": 100}, message="<b>"),
    FINDING,
    records.Comparison(
        subject="churn@7", reference="churn@6", data="d@1", results=[RESULT], n=3, differ=2, won=1, lost=1
    ),
    Evaluation(id="e", subject="deployment:eu", results=[FINDING, RESULT], since="2026-01-01", revision=2),
    Status(phases={"scope": [], "data": [FINDING]}),
    MovedTest(before="d.test@1", after="d.test@2", message="<b>"),
    Move(kind="alias", name="churn", pointer="production", before="churn@7"),
    AtLeast("f1", 0.5),
    AtMost("log_loss", 0.5),
    Cost({("<b>", "b"): 2, ("b", "<b>"): 1}),
    MetricSource("def profit(y_true, y_pred):\n    return float((y_true < y_pred).mean())\n"),
    InRange("age", 0, 120),
    RowCount(at_least=10),
    Unique(["a", "b"]),
    NotWorseThan("production", "f1", margin=0.1),
    Loosening(before=AtLeast("f1", 0.5), message="<b>"),
    UnknownCriterion({"type": "<b>"}),
]
EACH = pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: type(record).__name__)


def test_there_is_an_example_of_every_record() -> None:
    """No record escapes the tests below."""
    bases = {"Committed", "Criterion", "DataCriterion", "Living", "MetricCriterion", "Record", "RowCriterion"}
    kinds = {name: getattr(records, name) for name in records.__all__}
    public = {
        name for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, records.Record)
    } - bases
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


@pytest.mark.parametrize(
    "record", [one for one in EXAMPLES if not isinstance(one, Status)], ids=lambda record: type(record).__name__
)
def test_it_prints_short(record: Any) -> None:
    """`repr` is one line that names the class, `str` is never empty; a status is read as it is printed."""
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


def test_who_committed_when_and_why_comes_last() -> None:
    """In the order of the base, and of those records alone that an entry keeps."""
    history = [field.name for field in attrs.fields(Committed)]
    found = [type(one) for one in EXAMPLES if isinstance(one, Committed)]
    assert found == [DatasetVersion, Scope, ModelVersion, Evaluation, Decision, Revision, Evaluation]
    assert all([field.name for field in attrs.fields(kind)][-len(history) :] == history for kind in found)
    assert list(as_row(Revision(deployment="eu", number=1)))[-len(history) :] == history


def test_records_share_no_lists_with_their_maker() -> None:
    """Changing what was passed in changes no record."""
    params = {"layers": [1, 2]}
    run = Run(id="r", experiment="e", params=params)
    params["layers"].append(3)
    assert run.params == {"layers": [1, 2]}


# what they share -----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True, repr=False)
class Trip(records.Record):
    """A record made here, with a field of every sort."""

    to: str = ""
    days: float | None = None
    stops: tuple[Any, ...] = attrs.field(default=(), converter=listed)
    costs: dict[str, Any] = attrs.field(factory=dict, converter=copied, hash=False)
    before: records.Record | None = None

    def _title(self) -> str:
        return self.to

    def _facts(self) -> list[tuple[str, Any]]:
        return [("days", self.days), ("all stops", self.stops), ("costs", self.costs)]


@pytest.mark.parametrize(
    ("trip", "shown"),
    [
        (Trip(), "Trip()"),
        (Trip(to="Rome", days=0.0), "Trip('Rome', days=0)"),
        (Trip(days=1.23456), "Trip(days=1.235)"),
        (Trip(stops=["a", "b"]), "Trip(all_stops=[a, b])"),
        (Trip(stops="abcdefg"), "Trip(all_stops=[a, b, c, d, e, f, …])"),
        (Trip(costs={"a": 0.5, "b": "x"}), "Trip(costs={a: 0.5, b: 'x'})"),
        (Trip(costs=dict.fromkeys("abcdefg", 1)), "Trip(costs={a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, …})"),
        (Trip(costs={"a": "x" * 61}), f"Trip(costs={{a: '{'x' * 57}…'}})"),
        (Trip(costs={"a": "x" * 60}), f"Trip(costs={{a: '{'x' * 60}'}})"),
        (Trip(stops=[1, 2]), "Trip(all_stops=(1, 2))"),
    ],
)
def test_a_record_shows_its_title_and_what_it_says(trip: Trip, shown: str) -> None:
    """What is empty is left out, zero is not; what is long is cut."""
    assert shown == repr(trip)
    assert str(trip) == (trip.to or shown)


def test_a_row_is_flat() -> None:
    """Records and dicts inside become columns of their own, however deep; records in a tuple are counted."""
    inner = Trip(to="Pisa", costs={"bus": 3}, before=Trip(to="Home"))
    row = as_row(Trip(to="Rome", stops=[inner, inner], costs={"train": {"to": 9}}, before=inner))
    assert row == {
        "to": "Rome",
        "days": None,
        "stops": 2,
        "costs.train": {"to": 9},
        "before.to": "Pisa",
        "before.days": None,
        "before.stops": (),
        "before.costs.bus": 3,
        "before.before.to": "Home",
        "before.before.days": None,
        "before.before.stops": (),
        "before.before.before": None,
    }
    assert as_row(Trip(stops=["a", inner]))["stops"] == ("a", inner)


def test_plain_data_is_copied_to_its_depth() -> None:
    """Dicts, lists and tuples; whatever else is inside is shared, since it cannot be known how to copy it."""
    thing = object()
    given = {"a": [1, {"b": (2, [3])}], "c": thing}
    found = copied(given)
    given["a"][1]["b"][1].append(4)  # type: ignore[index]
    given["a"].append(5)  # type: ignore[attr-defined]
    assert found == {"a": [1, {"b": (2, [3])}], "c": thing}
    assert found["c"] is thing


@pytest.mark.parametrize(
    ("value", "found"),
    [("ab", ("ab",)), (["a", "b"], ("a", "b")), (None, ()), ([], ()), ("", ("",)), (iter("ab"), ("a", "b"))],
)
def test_one_text_or_several_are_texts(value: Any, found: tuple[str, ...]) -> None:
    """A text is never taken letter by letter."""
    assert found == texts(value)


def test_items_of_any_sequence_are_listed() -> None:
    """Also of an array; each is copied."""
    inner = [1]
    found = listed([inner, 2])
    inner.append(3)
    assert (found, listed(None), listed(np.array([1, 2]))) == (([1], 2), (), (1, 2))
