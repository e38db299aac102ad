"""Checks of the user's own: whatever they answer becomes results."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from attrs import frozen

from mlcycle.checks import Bench, Rows, run
from mlcycle.errors import InvalidInput
from mlcycle.records import AtLeast, Result

Make = Callable[..., Any]


@frozen
class Spread:
    """A configured check: how far predictions are apart."""

    least: float

    def __call__(self, subject: str, context: Any) -> Any:
        """Return the spread and whether it suffices."""
        spread = float(context.predict(subject).std())
        yield spread
        yield spread >= self.least


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (True, [("pass", None)]),
        (np.bool_(False), [("fail", None)]),
        (0.5, [("not_applicable", 0.5)]),
        (np.float32(0.5), [("not_applicable", 0.5)]),
        (3, [("not_applicable", 3.0)]),
        ([True, 2.0], [("pass", None), ("not_applicable", 2.0)]),
        (Result(check="own", verdict="warn"), [("warn", None)]),
        (float("nan"), [("error", None)]),
        (None, [("error", None)]),
        ("good", [("error", None)]),
        ({"a": 1}, [("error", None)]),
        ([], []),
    ],
    ids=repr,
)
def test_answers_become_results(answer: Any, expected: Any, bench: Make) -> None:
    """Yes and no decide, numbers are measurements, a result is itself, anything else is an error that says so."""

    def check(subject: str, context: Any) -> Any:
        return answer

    found = run([check], "m@2", bench({}, [0, 1]))
    assert expected == [(result.verdict, result.value) for result in found]
    assert all((result.subject, result.data) == ("m@2", "d@1") for result in found)


def test_a_configured_check_is_named_by_its_repr(bench: Make, scored: Make) -> None:
    """A frozen class with a good repr is a check, and may answer one thing after another."""
    found = run([Spread(least=0.1)], "m@2", bench({"m@2": scored([0.1, 0.9])}, [0, 1]))
    assert [result.check for result in found] == ["Spread(least=0.1)"] * 2
    assert [result.verdict for result in found] == ["not_applicable", "pass"]


def test_a_check_that_raises_takes_no_other_with_it(bench: Make, scored: Make) -> None:
    """Its exception becomes an error result, also halfway through its answers; an interrupt is no error."""

    def halfway(subject: str, context: Any) -> Any:
        yield True
        raise RuntimeError("no more")

    def interrupted(subject: str, context: Any) -> Any:
        raise KeyboardInterrupt

    y = np.array([0, 1] * 50)
    context = bench({"m@2": scored(y * 0.5 + 0.25)}, y)
    broken, fine = run([halfway, AtLeast("accuracy", 0.9)], "m@2", context)
    assert (broken.verdict, broken.detail) == ("error", "RuntimeError: no more")
    assert fine.verdict == "pass"
    with pytest.raises(KeyboardInterrupt):
        run([interrupted], "m@2", context)


def test_the_context_gives_data_truth_and_answers(bench: Make, scored: Make) -> None:
    """A check may load the data, the target and predictions of any model on it."""
    context = bench({"m@1": scored([0.2, 0.9])}, [0, 1], region=["a", "b"])
    assert list(context.load().columns) == ["i", "region"]
    assert [0, 1] == context.target().tolist() == context.predict("m@1").tolist()
    assert context.predict("m@1", method="predict_proba")[:, 1].tolist() == [0.2, 0.9]
    assert (context.find("production"), context.find("m@5")) == ("m@1", None)


def test_a_context_without_data_or_target_says_what_to_do() -> None:
    """Both errors name the remedy."""
    frame = pd.DataFrame({"x": [1]})
    empty = Bench(
        data=None,
        load_rows=lambda ref: Rows(ref, frame, frame),
        load_model=lambda ref: None,
        find_version=lambda name: None,
    )
    with pytest.raises(InvalidInput, match=r"project\.scope\.set\(test=…\)"):
        empty.rows()
    with pytest.raises(InvalidInput, match="d@1 has no target"):
        empty.target("d@1")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (pd.Series([True, None, False], dtype="boolean"), [True, False]),
        (pd.Series([1, None, 2], dtype="Int64"), [1, 2]),
        (pd.Series([1.5, None, 2], dtype="Float64"), [1.5, 2.0]),
        (pd.Series(["a", None, "b"], dtype="string"), ["a", "b"]),
        (pd.Series(["a", None, "b"], dtype="category"), ["a", "b"]),
        (pd.Series([True, None, False], dtype=object), [True, False]),
        (pd.Series([1, None, 2], dtype="category"), [1, 2]),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_labels_of_any_type_become_arrays_metrics_take(labels: Any, expected: Any, bench: Make) -> None:
    """Nullable and categorical targets lose their missing rows and become plain arrays."""
    found = bench({}, labels).rows()
    assert expected == found.y.tolist()
    assert found.y.dtype != object
    assert found.unlabelled == 1
    assert found.X["i"].tolist() == [0, 2]


def test_deciding_loads_nothing_heavy() -> None:
    """Gates work without numpy, pandas or scikit-learn in the process."""
    code = (
        "import sys; from mlcycle.checks import decide, Bench; decide('promote', 'm@1', [], now='2026-11-23'); "
        "print(*(m for m in ('numpy', 'pandas', 'sklearn', 'scipy', 'cattrs') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
