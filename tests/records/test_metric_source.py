"""A metric kept as text: what it is called, what is trusted of it, and that nothing runs by being read."""

from __future__ import annotations

import pytest

from mlcycle.errors import InvalidInput
from mlcycle.records import AtLeast, MetricSource, UnknownCriterion, from_json, function_of, to_json
from mlcycle.records._metric_source import made_here

SOURCE = "def helper(y):\n    return y\n\n\ndef profit(y_true, y_pred):\n    return float((y_true == y_pred).mean())\n"


def test_the_last_function_is_the_metric() -> None:
    """So the digest of the text says which one runs, and no other field does."""
    metric = MetricSource(SOURCE)
    assert (metric.name, str(metric)) == ("profit", "profit")
    assert metric.digest != MetricSource(SOURCE + "\n").digest
    assert repr(AtLeast(metric, 0.5)) == f"AtLeast(MetricSource('profit', digest='{metric.digest[:22]}…'), 0.5)"


@pytest.mark.parametrize(
    "source", ["", "x = 1", "class A:\n    def b(self): ...\n", 3, "def a\ud800(y): ...\ndef b(y): ..."]
)
def test_what_is_not_a_function_is_refused(source: object) -> None:
    """A text without a function could never be computed."""
    with pytest.raises(InvalidInput, match="the source of a metric"):
        MetricSource(source)  # type: ignore[arg-type]


def test_a_text_that_cannot_be_one_shuts_its_gate_alone() -> None:
    """A store may say anything; the other criteria of the scope stay readable."""
    document = to_json(AtLeast(MetricSource(SOURCE), 0.5))
    document["metric"]["source"] = "nothing"
    scope = from_json({"type": "Scope", "criteria": [document, to_json(AtLeast("f1", 0.5))]})
    assert isinstance(scope.criteria[0], UnknownCriterion)
    assert scope.criteria[1] == AtLeast("f1", 0.5)


def test_only_what_was_written_here_has_a_function() -> None:
    """Reading the same text does not make it one's own; having written it does, wherever it was read."""
    text = "def mine(y_true, y_pred):\n    return 0.25\n"
    read = from_json(to_json(AtLeast(MetricSource(text), 0.5))).metric
    assert function_of(read) is None

    def mine(y_true: object, y_pred: object) -> float:
        return 0.25

    made_here(mine, text)
    assert function_of(read) is mine


def test_a_text_inside_that_looks_like_a_function_is_refused() -> None:
    """Else another function than the one given would run."""

    def told(y_true: object, y_pred: object) -> float:
        return 0.0

    inside = "def other(y_true, y_pred):"
    with pytest.raises(InvalidInput, match=r"begins with 'def other\('"):
        made_here(told, f"def told(y_true, y_pred):\n    return len('''\n{inside}\n''')\n")


def test_odd_spacing_is_no_matter() -> None:
    """What Python takes for a function is one here."""
    assert MetricSource("def helper(y): ...\ndef  profit (y_true, y_pred): ...\n").name == "profit"
