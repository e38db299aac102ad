"""Criteria as data: what can be written, what is refused, and what counts as loosening."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcycle.errors import InvalidInput
from mlcycle.records import AtLeast, AtMost, Criterion, NotWorseThan, from_json, is_looser, to_json


def profit(y: Any, predicted: Any) -> float:
    """Return a metric at module level."""
    return float((y == predicted).mean())


def test_a_callable_is_kept_by_its_address() -> None:
    """A function of an importable module is stored as text, by its public name where it has one."""
    from sklearn.metrics import mean_absolute_error

    assert f"{__name__}:profit" == AtLeast(profit, 1).metric
    assert AtMost(mean_absolute_error, 1).metric == "sklearn.metrics:mean_absolute_error"


def test_a_criterion_is_readable_in_another_process() -> None:
    """Only text crosses: the other process needs neither the object nor scikit-learn to read it."""
    criterion = NotWorseThan("production", "f1", margin=0.02, slices=["region"])
    code = f"from mlcycle.records import from_json; print(repr(from_json({to_json(criterion)!r})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert repr(criterion) == done.stdout.strip()
    assert criterion == from_json(to_json(criterion))


def _local(y: Any, predicted: Any) -> float:
    return 0.0


def test_what_no_other_process_could_run_is_refused() -> None:
    """A lambda, an object without a name, the name of a script's function: each says what to pass instead."""
    for metric, why in [(lambda y, p: 0.0, "lambda"), (partial(_local, 1), "has no name")]:
        with pytest.raises(InvalidInput, match=f"{why}.*give it a name, 'def my_metric"):
            AtLeast(metric, 0.5)
    with pytest.raises(InvalidInput, match=r"script or notebook itself.*profit without quotes"):
        AtLeast("__main__:profit", 0.5)
    with pytest.raises(InvalidInput, match="gives another object"):
        AtLeast(_renamed(), 0.5)


def _renamed() -> Any:
    other = type(_local)(_local.__code__, globals())
    other.__module__, other.__qualname__ = __name__, "profit"
    return other


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AtLeast("", 0.5), "scorer name"),
        (lambda: AtLeast(3, 0.5), "got int: 3"),
        (lambda: AtLeast("a b:c", 0.5), "module:function"),
        (lambda: AtLeast("f1", "high"), "threshold is a number, got str"),
        (lambda: AtLeast("f1", float("nan")), "threshold is a finite number"),
        (lambda: AtMost("f1", 1, confidence=95), "confidence is a share such as 0.95"),
        (lambda: AtMost("f1", 1, slices=3), "slices is a column name"),
        (lambda: AtMost("f1", 1, on=" "), "on is text"),
        (lambda: NotWorseThan("production", "f1", margin=-0.1), "margin is how much worse"),
        (lambda: NotWorseThan("", "f1"), "reference is an alias such as 'production'.*got ''"),
        (lambda: NotWorseThan(None, "f1"), "reference is an alias such as 'production'.*got None"),  # type: ignore[arg-type]
    ],
)
def test_arguments_out_of_range_say_what_would_do(make: Any, message: str) -> None:
    """Each error names the argument, what came and what was expected."""
    with pytest.raises(InvalidInput, match=message):
        make()


@pytest.mark.parametrize(
    ("criterion", "text"),
    [
        (AtLeast("roc_auc", 0.75, slices="region"), "roc_auc ≥ 0.75 in every region"),
        (AtMost("log_loss", 0.4, on="customers.test"), "log_loss ≤ 0.4 on customers.test"),
        (NotWorseThan("production", "f1"), "f1 better than production"),
        (NotWorseThan("production", "f1", margin=0.02), "f1 not worse than production by more than 0.02"),
    ],
)
def test_a_criterion_reads_as_a_sentence(criterion: Criterion, text: str) -> None:
    """`str` is for people, `repr` can be pasted back."""
    assert text == str(criterion)
    assert criterion == eval(repr(criterion))


BASE = AtLeast("roc_auc", 0.8, slices=["region", "age"], confidence=0.95)


@pytest.mark.parametrize(
    "after",
    [
        AtLeast("roc_auc", 0.79, slices=["region", "age"]),
        AtLeast("roc_auc", 0.8, slices=["region"]),
        AtLeast("roc_auc", 0.8),
        AtLeast("roc_auc", 0.8, slices=["region", "age"], confidence=0.9),
        AtLeast("roc_auc", 0.8, slices=["region", "age"], blocking=False),
    ],
)
def test_each_way_of_loosening_is_seen(after: Criterion) -> None:
    """A lower threshold, fewer slices, less confidence, and no longer blocking are all looser."""
    assert [(BASE, after)] == is_looser([BASE], [after])


@pytest.mark.parametrize(
    "after",
    [
        BASE,
        AtLeast("roc_auc", 0.85, slices=["region", "age"]),
        AtLeast("roc_auc", 0.8, slices=["region", "age", "sex"]),
        AtLeast("roc_auc", 0.8, slices=["region", "age"], confidence=0.99),
    ],
)
def test_tightening_is_free(after: Criterion) -> None:
    """Asking for more, and asking something else besides, loosens nothing."""
    assert is_looser([BASE], [after, AtMost("log_loss", 1.0)]) == []


def test_other_ways_of_loosening() -> None:
    """A removed criterion, other data, a larger margin or threshold are looser; advisory ones never were strict."""
    most, other = AtMost("log_loss", 0.4), NotWorseThan("production", "f1", margin=0.01)
    assert [(most, None)] == is_looser([most], [])
    assert [(most, None)] == is_looser([most], [AtMost("log_loss", 0.4, on="easy.test")])
    assert [(most, AtMost("log_loss", 0.5))] == is_looser([most], [AtMost("log_loss", 0.5)])
    assert [(other, NotWorseThan("production", "f1", margin=0.02))] == is_looser(
        [other], [NotWorseThan("production", "f1", margin=0.02)]
    )
    assert [(other, None)] == is_looser([other], [NotWorseThan("churn@1", "f1", margin=0.01)])
    assert is_looser([AtMost("log_loss", 0.4, blocking=False)], []) == []


CRITERIA = st.one_of(
    st.builds(
        kind,
        st.sampled_from(["f1", "recall"]),
        st.sampled_from([0.1, 0.5, 0.9]),
        slices=st.sampled_from([None, "a", ["a", "b"]]),
        confidence=st.sampled_from([0.9, 0.95]),
        blocking=st.booleans(),
    )
    for kind in (AtLeast, AtMost)
)


@given(one=CRITERIA, two=CRITERIA, three=CRITERIA)
def test_covering_is_an_order(one: Criterion, two: Criterion, three: Criterion) -> None:
    """Covering is reflexive and transitive, so no loosening can be split into steps that are free."""
    assert one.covers(one)
    if one.covers(two) and two.covers(three):
        assert one.covers(three)
    if one.covers(two) and two.covers(one):
        assert set(one.slices) == set(two.slices)
        assert (one.confidence, one.blocking) == (two.confidence, two.blocking)


@pytest.mark.parametrize("value", ["0.9", b"0.9", True, np.True_, float("nan"), float("inf"), None, 10**400, 1j, [0.9]])
def test_thresholds_and_margins_are_finite_numbers(value: object) -> None:
    """Text, truth values and what is not finite are slips, not numbers."""
    with pytest.raises(InvalidInput, match=r"threshold is a (finite )?number"):
        AtLeast("accuracy", value)
    with pytest.raises(InvalidInput, match=r"margin is a (finite )?number"):
        NotWorseThan("production", "accuracy", margin=value)


@pytest.mark.parametrize("value", ["no", None, 2, 0.0])
def test_blocking_is_yes_or_no(value: object) -> None:
    """A word would always have meant yes."""
    with pytest.raises(InvalidInput, match="blocking is True or False"):
        AtLeast("accuracy", 0.9, blocking=value)
    assert AtLeast("accuracy", np.float32(0.5), blocking=np.bool_(False)).blocking is False
