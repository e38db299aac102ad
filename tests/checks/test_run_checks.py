"""Checks of the user's own: whatever they answer becomes results."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from attrs import frozen

from mlcycle.checks import EvaluationContext, EvaluationData, name_of, run
from mlcycle.records import AtLeast, Result
from tests.checks.contexts import context_of

Make = Callable[..., Any]


@frozen
class Spread:
    """A configured check: how far predictions are apart."""

    least: float

    def __call__(self, subject: str, context: Any) -> Any:
        """Return the spread and whether it suffices."""
        spread = float(context.models.predict(subject).std())
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
        (np.array(True), [("pass", None)]),
    ],
    ids=repr,
)
def test_answers_become_results(answer: Any, expected: Any, context_for: Make) -> None:
    """Yes and no decide, numbers are measurements, a result is itself, anything else is an error that says so."""

    def check(subject: str, context: Any) -> Any:
        return answer

    found = run([check], "m@2", context_for({}, [0, 1]))
    assert expected == [(result.verdict, result.value) for result in found]
    assert all((result.subject, result.data) == ("model:m@2", "d@1") for result in found)


def test_a_configured_check_is_named_by_its_repr(context_for: Make, scored: Make) -> None:
    """A frozen class with a good repr is a check, and may answer one thing after another."""
    found = run([Spread(least=0.1)], "m@2", context_for({"m@2": scored([0.1, 0.9])}, [0, 1]))
    assert [result.check for result in found] == ["Spread(least=0.1)"] * 2
    assert [result.verdict for result in found] == ["not_applicable", "pass"]


class Named:
    """A check with the repr that every object has, and one with an object like that in it."""

    def __init__(self, inner: Any = None) -> None:
        self.inner = inner

    def __call__(self, subject: str, context: Any) -> bool:
        """Pass."""
        return True

    def asked(self, subject: str, context: Any) -> bool:
        """Pass."""
        return True

    @classmethod
    def of_all(cls, subject: str, context: Any) -> bool:
        """Pass."""
        return True


@frozen
class Holding:
    """One that prints what it holds."""

    inner: Any

    def __call__(self, subject: str, context: Any) -> bool:
        """Pass."""
        return True


def above(lim: float, subject: str, context: Any, **more: Any) -> bool:
    """Pass."""
    return True


@pytest.mark.parametrize(
    ("check", "name"),
    [
        (above, "above"),
        (partial(above, lim=100), "above(lim=100)"),
        (partial(above, 100, by="me"), "above(100, by='me')"),
        (partial(above, 1, rows=pd.DataFrame({"x": [1, 2]}), also=Named()), "above(1, rows=DataFrame, also=Named)"),
        (partial(partial(above, 1), by=above), "above(1, by=above)"),
        (partial(Named().asked), "Named.asked()"),
        (Named(), "Named"),
        (Named().asked, "Named.asked"),
        (Named.of_all, "Named.of_all"),
        (Holding(2), "Holding(inner=2)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_check_is_called_the_same_everywhere(check: Any, name: str) -> None:
    """What it is called is kept: never where it lay in memory."""
    assert name == name_of(check)


def test_no_name_holds_an_address(context_for: Make) -> None:
    """However deep it lies."""
    [found] = run([Holding([Named(), above])], "m@2", context_for({}, [0, 1]))
    assert "Named object" in found.check
    assert "0x" not in found.check


def test_a_check_that_raises_takes_no_other_with_it(context_for: Make, scored: Make) -> None:
    """Its exception becomes an error result, also halfway through its answers; an interrupt is no error."""

    def halfway(subject: str, context: Any) -> Any:
        yield True
        raise RuntimeError("no more")

    def interrupted(subject: str, context: Any) -> Any:
        raise KeyboardInterrupt

    y = np.array([0, 1] * 50)
    context = context_for({"m@2": scored(y * 0.5 + 0.25)}, y)
    broken, fine = run([halfway, AtLeast("accuracy", 0.9)], "m@2", context)
    assert (broken.verdict, broken.detail) == ("error", "RuntimeError: no more")
    assert fine.verdict == "pass"
    with pytest.raises(KeyboardInterrupt):
        run([interrupted], "m@2", context)


def test_a_result_is_filled_in_where_it_says_nothing(context_for: Make) -> None:
    """Its own subject and data stay."""

    def check(subject: str, context: Any) -> Any:
        return [Result(check="a", verdict="pass", subject="m@1"), Result(check="b", verdict="pass", data="d@9")]

    found = run([check], "m@2", context_for({}, [0, 1]))
    assert [(one.subject, one.data) for one in found] == [("model:m@1", "d@1"), ("model:m@2", "d@9")]


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (float("inf"), "it answered inf"),
        (pd.Series([True] * 1200), "it answered a Series of 1,200 values; answer one, for example with .all()"),
        (np.array([True]), "it answered a ndarray of 1 value; answer one, for example with .all()"),
        (
            pd.DataFrame({"a": [1, 2], "b": 0}),
            "it answered a DataFrame of 4 values; answer one, for example with .all()",
        ),
        ([1.0, pd.Series([], dtype=bool)], "it answered a Series of 0 values; answer one, for example with .all()"),
        (b"x", "it answered bytes; a check answers a Result, a number, True or False, or several"),
        ([1.0, [None]], "it answered NoneType; a check answers a Result, a number, True or False, or several"),
    ],
)
def test_what_is_not_an_answer_says_what_would_be(answer: Any, detail: str, context_for: Make) -> None:
    """Also deep inside others, which count all the same."""

    def check(subject: str, context: Any) -> Any:
        return answer

    *others, last = run([check], "m@2", context_for({}, [0, 1]))
    assert (last.check, last.verdict, last.detail) == ("check", "error", detail)
    assert [one.verdict for one in others] == (["not_applicable"] if isinstance(answer, list) else [])


def _untold() -> EvaluationContext:
    """Return a context whose data has no target."""
    frame = pd.DataFrame({"i": [0, 1]})
    return context_of(
        lambda ref: EvaluationData(ref, frame, frame),
    )


def test_an_error_of_the_library_is_said_without_its_class() -> None:
    """Its message is written for whoever reads the result; one of foreign code is named by its class."""
    ours, theirs = run(
        [lambda subject, context: context.data.target("d@1"), lambda subject, context: {}["age"]], "m@2", _untold()
    )
    assert ours.detail == "d@1 has no target; add it with target=… so that metrics can be computed"
    assert theirs.detail == "KeyError: 'age'"
    assert {one.check for one in (ours, theirs)} == {"<lambda>"}


def test_a_check_that_answers_without_end_is_cut(context_for: Make) -> None:
    """The first thousand count, and an error says that there were more; other checks go on."""

    def endless(subject: str, context: Any) -> Any:
        while True:
            yield True

    found = run([endless, lambda subject, context: True], "m@2", context_for({}, [0, 1]))
    assert len(found) == 1002
    assert [found[i].verdict for i in (0, 999, 1000, 1001)] == ["pass", "pass", "error", "pass"]
    assert "more than 1,000 results" in found[1000].detail
    assert len(run([lambda subject, context: [1.0] * 1000], "m@2", context_for({}, [0, 1]))) == 1000


def test_what_a_context_lacks_is_an_error_in_words() -> None:
    """A check that asks for traffic of a model is told who can."""
    [found] = run([lambda subject, context: context.traffic.live()], "m@2", EvaluationContext())
    assert (found.verdict, found.data) == ("error", None)
    assert found.detail == "this evaluation has no traffic; only checks of a deployment can ask for traffic"


def test_a_check_that_exits_takes_nobody_with_it() -> None:
    """It is an error of that check; who presses Ctrl-C is heard."""

    def leaving(subject: str, context: Any) -> bool:
        sys.exit(1)

    def pressed(subject: str, context: Any) -> bool:
        raise KeyboardInterrupt

    found = run([leaving, lambda subject, context: True], "m@2", EvaluationContext())
    assert [(one.verdict, one.detail) for one in found] == [("error", "SystemExit: 1"), ("pass", "")]
    with pytest.raises(KeyboardInterrupt):
        run([pressed], "m@2", EvaluationContext())
