"""What every check must keep, as a suite to subclass."""

from __future__ import annotations

import contextlib
import pickle
from typing import TYPE_CHECKING, Any

from mlcycle.checks import EvaluationContext, run
from mlcycle.errors import InvalidInput
from mlcycle.records import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlcycle.checks import Context

__all__ = ["CheckContract"]


class CheckContract:
    """What is asked of a check, or a signal of traffic; subclass it, and give it three fixtures.

    ``check`` is the check; ``subject`` the full ref of what it is to look at, and ``context`` a `Context` in which it
    finds what it needs, so that it has an answer.

    Examples
    --------
    >>> import pandas as pd
    >>> import pytest
    >>> from attrs import frozen
    >>> from mlcycle.checks import EvaluationContext, LoadedData, EvaluationData
    >>> from mlcycle.testing import CheckContract
    >>> @frozen
    ... class AtMostRows:
    ...     most: int
    ...     def __call__(self, subject, context):
    ...         return len(context.data.load()) <= self.most
    >>> class TestAtMostRows(CheckContract):
    ...     @pytest.fixture
    ...     def check(self):
    ...         return AtMostRows(3)
    ...     @pytest.fixture
    ...     def subject(self):
    ...         return "dataset:d@1"
    ...     @pytest.fixture
    ...     def context(self):
    ...         frame = pd.DataFrame({"x": [1, 2]})
    ...         data = LoadedData(default="d@1", read=lambda ref: EvaluationData(ref, frame, frame))
    ...         return EvaluationContext(data=data)
    """

    def test_it_answers(self, check: Any, subject: str, context: Context) -> None:
        """Results, numbers, yes or no: nothing that `run` turns into an error."""
        found = run([check], subject, context)
        assert [one.detail for one in found if one.verdict == "error"] == []
        assert found != ()
        assert all(":" in one.subject for one in found)

    def test_what_it_answers_can_be_kept(self, check: Any, subject: str, context: Context) -> None:
        """Each result has a JSON form."""
        assert [to_json(one)["verdict"] for one in run([check], subject, context)]

    def test_it_answers_the_same_again(self, check: Any, subject: str, context: Context) -> None:
        """From the same evidence, also as the copy another process has of it."""
        copy = pickle.loads(pickle.dumps(check))
        first, second, other = (repr(run([one], subject, context)) for one in (check, check, copy))
        assert first == second == other

    def test_it_is_called_something(self, check: Any, subject: str, context: Context) -> None:
        """Its results are named by what it is and how it is set, not by where it lies in memory."""
        name = getattr(check, "__name__", None) or repr(check)
        assert name != "<lambda>"
        assert " at 0x" not in name

    def test_it_leaves_what_others_see(self, check: Any, subject: str, context: Context) -> None:
        """Data and traffic are after it what they were before."""
        before = list(_seen(context))
        run([check], subject, context)
        for was, now in zip(before, _seen(context), strict=True):
            assert was.equals(now)

    def test_it_stands_evidence_it_did_not_expect(self, check: Any, subject: str) -> None:
        """Where nothing is offered its error says what is missing, and is nothing worse."""
        for one in run([check], subject, EvaluationContext()):
            assert one.verdict != "error" or "this evaluation has no" in one.detail


def _seen(context: Context) -> Iterator[Any]:
    asked: list[Callable[[], Any]] = [lambda: context.data.load(), lambda: context.traffic.frame.copy()]
    for ask in asked:
        with contextlib.suppress(InvalidInput):  # there is none of it in this context
            yield ask()
