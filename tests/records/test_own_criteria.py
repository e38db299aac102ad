"""Criteria of a user's own: known once their module is imported, kept and in the way where it is not."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st

from mlcycle.errors import InvalidInput, SchemaError
from mlcycle.records import (
    AtLeast,
    AtMost,
    Criterion,
    MetricCriterion,
    NotWorseThan,
    Result,
    RowCriterion,
    Scope,
    UnknownCriterion,
    from_json,
    to_json,
)
from mlcycle.records._criteria import class_of
from tests.checks.toys import Below, Between

ASKED = Between("recall", 0.2, 0.4, slices="region", on="customers.test", confidence=0.9, blocking=False)


@frozen
class Bare(MetricCriterion):
    """One that adds a number and says nothing of what it means."""

    least: float = 0.0


@given(
    metric=st.sampled_from(["recall", "package.metrics:profit"]),
    low=st.floats(-1e9, 1e9),
    high=st.floats(-1e9, 1e9),
    slices=st.lists(st.sampled_from(["region", "age band"]), unique=True),
    on=st.none() | st.just("customers.test@2"),
    confidence=st.sampled_from([0.8, 0.95]),
    blocking=st.booleans(),
)
def test_it_comes_back_as_it_went(**asked: Any) -> None:
    """Through JSON text, alone and within a scope."""
    one = Between(**asked)
    assert one == from_json(json.loads(json.dumps(to_json(one))))
    scope = Scope(criteria=[one, AtLeast("f1", 0.5)])
    assert scope == from_json(json.loads(json.dumps(to_json(scope))))


def test_it_is_stored_under_its_module_and_name() -> None:
    """With full refs, as every criterion."""
    document = to_json(ASKED)
    assert (document["type"], document["on"]) == ("tests.checks.toys:Between", "dataset:customers.test")


def test_where_its_module_was_not_imported_it_is_kept_unread() -> None:
    """Another process reads the scope, writes the same again, and says what to import; importing it there reads it."""
    document = to_json(Scope(criteria=[ASKED]))
    code = (
        "import sys\n"
        "from mlcycle.records import from_json, to_json\n"
        f"document = {document!r}\n"
        "[found] = from_json(document).criteria\n"
        "assert to_json(from_json(document)) == document\n"
        "assert 'tests.checks.toys' not in sys.modules\n"
        "print(type(found).__name__, found, sorted(found.needs), found.blocking, sep='|')\n"
        "import tests.checks.toys\n"
        "print(from_json(document).criteria[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    told = "UnknownCriterion|tests.checks.toys:Between (needs the import of tests.checks.toys)"
    assert done.stdout.splitlines() == [f"{told}|['the import of tests.checks.toys']|True", str(ASKED)]


@pytest.mark.parametrize(
    "name",
    ["os:system", "antigravity:geohash", "mlcycle.records:AtLeast", "tests.checks.toys:Imbalance", ":", "a:b:c", "x:"],
)
def test_a_name_in_a_store_imports_nothing(name: str) -> None:
    """Whatever it says: only classes that are criteria and were imported by somebody are made."""
    loaded = {*sys.modules}
    document = {"type": "Scope", "criteria": [{"type": name, "metric": "f1", "command": "true"}]}
    [found] = from_json(document).criteria
    assert isinstance(found, UnknownCriterion)
    assert to_json(found) == document["criteria"][0]
    assert loaded == {*sys.modules}
    with pytest.raises(SchemaError, match="import"):
        from_json(document["criteria"][0])


def test_a_class_that_no_longer_reads_what_was_kept_is_in_the_way() -> None:
    """It asks more today, or other things: the scope stays readable, and the gate shut."""
    document = {k: v for k, v in to_json(ASKED).items() if k != "high"} | {"low": "much"}
    [found] = from_json({"type": "Scope", "criteria": [document]}).criteria
    assert str(found) == "tests.checks.toys:Between (needs another release of tests.checks.toys)"
    assert to_json(found) == document


def test_fields_of_a_newer_release_of_it_are_ignored() -> None:
    """As those of records of the library."""
    assert from_json({**to_json(ASKED), "added": "later"}) == ASKED


def test_a_class_no_other_process_could_find_is_refused_when_kept() -> None:
    """Defined in a function or in the script itself, or defined again since."""

    @frozen
    class Local(MetricCriterion):
        """Nobody finds it."""

    script = type("Here", (MetricCriterion,), {"__module__": "__main__", "__qualname__": "Here"})
    for kind, why in ((Local, "inside a function"), (script, "script or notebook")):
        with pytest.raises(InvalidInput, match=rf"cannot be read back.*{why}.*put the class into a module"):
            to_json(kind("f1"))
    again = type("Bare", (MetricCriterion,), {"__module__": __name__, "__qualname__": "Bare"})
    assert class_of(f"{__name__}:Bare") is again
    with pytest.raises(InvalidInput, match="was defined again since"):
        to_json(Bare("f1"))


def test_what_it_does_not_say_is_the_strictest() -> None:
    """Nothing passes it, it covers only what asks the same, and any change of it loosens."""
    one = Bare("f1", 0.5)
    assert one.verdict(Result(check="f1", verdict="not_applicable", value=1.0, low=0.9, high=1.0)) == "inconclusive"
    assert one.covers(evolve(one, blocking=False))
    assert [one.covers(Bare("f1", other)) for other in (0.5, 0.4, 0.6)] == [True, False, False]
    assert not one.covers(AtLeast("f1", 0.5))


@frozen
class Positive(RowCriterion):
    """A column is above zero; it says of itself only what breaks it."""

    column: str

    def breaks(self, frame: Any) -> Any:
        """Say which rows are not."""
        return frame[self.column] <= 0


def test_what_a_criterion_of_rows_does_not_say_is_said_for_it() -> None:
    """It covers the same with more rows that may break it, reads as it prints, and keeps its question."""
    one = Positive("age", at_most=0.1, on="d")
    more = [evolve(one, **change) for change in ({}, {"at_most": 0.2}, {"blocking": False}, {"at_most": 0.0})]
    assert [one.covers(other) for other in more] == [True, True, True, False]
    assert {other.question for other in more} == {one.question}
    for other in (Positive("height", at_most=0.1, on="d"), Positive("age", at_most=0.1), Below("age", 0.0, on="d")):
        assert not one.covers(other)
        assert other.question != one.question
    assert str(one) == "Positive('age') but for 10% of rows on d"
    assert str(evolve(one, at_most=0.0, on=None, blocking=False)) == "Positive('age')"
    assert (one.needs, one.judges, one.edge) == ({"data"}, "dataset", 0.1)
    assert from_json(json.loads(json.dumps(to_json(one)))) == one
    with pytest.raises(InvalidInput, match="at_most is the share of rows"):
        Positive("age", at_most=1)


def test_which_rows_break_it_must_be_said() -> None:
    """Else nothing can be measured, which its question tells."""
    assert RowCriterion().question[0] == "RowCriterion"
    with pytest.raises(NotImplementedError, match="RowCriterion does not say which rows break it"):
        RowCriterion().breaks(None)  # type: ignore[arg-type]


def test_a_criterion_that_is_about_nothing_known_passes_nothing() -> None:
    """The base itself, and one whose class is not here."""
    unknown = UnknownCriterion({"type": "Calibrated", "within": 0.02})
    measured = Result(check="c", verdict="not_applicable", value=1.0, low=0.9, high=1.0)
    for one in (Criterion(), unknown):
        assert (one.verdict(measured), one.edge, one.slip(None)) == ("inconclusive", None, None)  # type: ignore[arg-type]
        assert one.covers(one)
        assert hash(one.question)
    assert unknown.question != UnknownCriterion({"type": "Calibrated", "within": 0.03}).question
    with pytest.raises(InvalidInput, match=r"decorate it @attrs\.frozen"):
        to_json(Undecorated())


class Undecorated(Criterion):
    """One without fields."""


@pytest.mark.parametrize(
    ("criterion", "low", "high", "verdict"),
    [
        (AtLeast("f1", 0.5), 0.5, 0.6, "pass"),
        (AtLeast("f1", 0.5), 0.4, 0.5, "inconclusive"),
        (AtLeast("f1", 0.5), 0.4, 0.49, "fail"),
        (AtMost("rmse", 0.5), 0.4, 0.5, "pass"),
        (AtMost("rmse", 0.5), 0.5, 0.6, "inconclusive"),
        (AtMost("rmse", 0.5), 0.51, 0.6, "fail"),
        (NotWorseThan("production", "f1", margin=0.1), -0.1, 0.0, "inconclusive"),
        (NotWorseThan("production", "f1", margin=0.1), -0.09, 0.0, "pass"),
        (NotWorseThan("production", "f1", margin=0.1), -0.3, -0.1, "inconclusive"),
        (NotWorseThan("production", "f1", margin=0.1), -0.3, -0.2, "fail"),
        (NotWorseThan("production", "f1"), 0.0, 0.0, "inconclusive"),
        (NotWorseThan("production", "f1"), 0.0, 0.2, "inconclusive"),
        (AtLeast("f1", 0.5), float("nan"), 0.6, "inconclusive"),
        (AtLeast("r2", 0.5), float("-inf"), 0.6, "inconclusive"),
        (AtLeast("r2", 0.5), float("-inf"), 0.4, "fail"),
        (AtMost("rmse", 0.5), 0.4, float("inf"), "inconclusive"),
        (AtLeast("f1", 0.5), None, None, "inconclusive"),
    ],
)
def test_verdicts_at_the_edge(criterion: Criterion, low: float, high: float, verdict: str) -> None:
    """A threshold reached is reached; a margin must be kept; the far end decides a failure strictly."""
    result = Result(check="c", verdict="not_applicable", value=0.5, low=low, high=high)
    assert verdict == criterion.verdict(result)


def test_one_question_one_measurement() -> None:
    """Thresholds, margins and blocking are no part of it; metric, reference, slices, data and confidence are."""
    base = AtLeast("f1", 0.7, slices=["a", "b"])
    for same in (AtLeast("f1", 0.9, slices=["b", "a"], blocking=False), AtMost("f1", 0.9, slices=["a", "b"])):
        assert same.question == base.question
    for other in (
        AtLeast("recall", 0.7, slices=["a", "b"]),
        AtLeast("f1", 0.7),
        AtLeast("f1", 0.7, slices=["a", "b"], on="d"),
        AtLeast("f1", 0.7, slices=["a", "b"], confidence=0.9),
        NotWorseThan("production", "f1", slices=["a", "b"]),
    ):
        assert other.question != base.question
    two = (NotWorseThan("production", "f1", margin=0.1), NotWorseThan("production", "f1"))
    assert two[0].question == two[1].question != NotWorseThan("churn@1", "f1").question
