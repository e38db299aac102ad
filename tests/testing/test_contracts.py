"""The contracts of checks and criteria hold for what the library has, and for one class of a user's own each."""

from __future__ import annotations

import sys
from typing import Any

import pandas as pd
import pytest
from attrs import frozen

from mlcycle.checks import EvaluationContext, EvaluationData, LoadedData
from mlcycle.records import AtLeast, AtMost, InRange, MetricCriterion, NotWorseThan, RowCount, Unique
from mlcycle.testing import CheckContract, CriterionContract
from tests.checks.toys import Below, Between, Imbalance


class TestAtLeast(CriterionContract):
    """A threshold from below."""

    @pytest.fixture
    def criteria(self) -> list[Any]:
        """Return criteria, the strictest first."""
        return [AtLeast("roc_auc", one, slices=["a", "b"], on="t", confidence=0.9) for one in (0.8, 0.75, 0.3)]


class TestAtMost(CriterionContract):
    """A threshold from above."""

    @pytest.fixture
    def criteria(self) -> list[Any]:
        """Return criteria, the strictest first."""
        return [AtMost("log_loss", one) for one in (0.2, 0.25, 0.9)]


class TestNotWorseThan(CriterionContract):
    """A margin; a difference may be negative."""

    values = tuple(i / 20 for i in range(-10, 11))

    @pytest.fixture
    def criteria(self) -> list[Any]:
        """Return criteria, the strictest first."""
        return [NotWorseThan("production", "roc_auc", margin=one) for one in (0.0, 0.05, 0.2)]


class TestBetween(CriterionContract):
    """One class in one place."""

    @pytest.fixture
    def criteria(self) -> list[Any]:
        """Return criteria, the strictest first."""
        return [Between("recall", 0.5, 0.6), Between("recall", 0.4, 0.6), Between("recall", 0.1, 0.9)]


class TestUnique(CriterionContract):
    """A key."""

    exact = True

    @pytest.fixture
    def criteria(self) -> list[Any]:
        """Return criteria, the strictest first."""
        return [Unique(["a", "b"], at_most=one) for one in (0, 0.1, 0.5)]


class TestInRange(CriterionContract):
    """Values between two ends."""

    exact = True

    @pytest.fixture
    def criteria(self) -> list[Any]:
        """Return criteria, the strictest first."""
        return [InRange("age", 0, 120, at_most=one) for one in (0, 0.1, 0.5)]


class TestRowCount(CriterionContract):
    """So many rows."""

    exact = True
    values = (0, 1, 5, 10, 50)

    @pytest.fixture
    def criteria(self) -> list[Any]:
        """Return criteria, the strictest first."""
        return [RowCount(at_least=10, at_most=20), RowCount(at_least=5, at_most=20), RowCount(at_least=1, at_most=40)]


class TestBelow(CriterionContract):
    """A user's own about rows."""

    exact = True

    @pytest.fixture
    def criteria(self) -> list[Any]:
        """Return criteria, the strictest first."""
        return [Below("age", 120.0), Below("age", 120.0, at_most=0.1), Below("age", 120.0, at_most=0.5)]


class TestImbalance(CheckContract):
    """One class in one place."""

    @pytest.fixture
    def check(self) -> Any:
        """Return the check."""
        return Imbalance(most=2.0)

    @pytest.fixture
    def subject(self) -> str:
        """Return what it looks at."""
        return "dataset:d@1"

    @pytest.fixture
    def context(self) -> EvaluationContext:
        """Return what it finds."""
        frame = pd.DataFrame({"x": range(6), "y": [0, 1, 1] * 2})
        read = LoadedData(default="d@1", read=lambda ref: EvaluationData(ref, frame, frame[["x"]], frame["y"]))
        return EvaluationContext(data=read)


@frozen
class Lenient(MetricCriterion):
    """Whoever covers too much makes loosening free; whoever passes without an interval is too sure."""

    threshold: float

    def covers(self, other: Any) -> bool:
        """Cover whatever it is about."""
        return self.terms_cover(other)

    def verdict(self, result: Any) -> str:
        """Look at the value alone."""
        return "pass" if result.value >= self.threshold else "fail"


@pytest.mark.parametrize(
    "law",
    [
        "test_the_stricter_covers_the_easier",
        "test_each_can_pass_and_fail",
        "test_a_narrower_interval_decides_no_less",
        "test_without_an_interval_nothing_is_decided",
    ],
)
def test_a_criterion_that_breaks_a_law_is_found(law: str) -> None:
    """Each law is one that a criterion can break."""
    with pytest.raises((AssertionError, TypeError)):
        getattr(CriterionContract(), law)([Lenient("f1", 0.8), Lenient("f1", 0.4)])


def _lazy(subject: str, context: Any) -> Any:
    context.data._all["d@1"]._frame["x"] = 0
    return None


def test_a_check_that_breaks_the_contract_is_found() -> None:
    """One that answers nothing, changes what others see, or has no name."""
    frame = pd.DataFrame({"x": [1, 2]})
    context = EvaluationContext(data=LoadedData(default="d@1", read=lambda ref: EvaluationData(ref, frame, frame)))
    suite = CheckContract()
    for test, check in (
        (suite.test_it_answers, _lazy),
        (suite.test_it_leaves_what_others_see, _lazy),
        (suite.test_it_is_called_something, lambda subject, context: True),
        (suite.test_it_is_called_something, object()),
    ):
        with pytest.raises(AssertionError):
            test(check, "dataset:d@1", context)
        frame["x"] = [1, 2]


@pytest.mark.parametrize("suite", [CheckContract, CriterionContract])
def test_a_failing_assert_of_a_suite_shows_its_values(suite: type) -> None:
    """Pytest rewrites the suites as it does the tests of whoever subclasses them."""
    assert "@pytest_ar" in vars(sys.modules[suite.__module__])
