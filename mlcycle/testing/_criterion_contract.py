"""What every criterion must keep, as a suite to subclass."""

from __future__ import annotations

import json
import math
import pickle
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from mlcycle.checks import lacking
from mlcycle.records import Result, from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


__all__ = ["CriterionContract"]


class CriterionContract:
    """The laws of a criterion; subclass it in a test module, and give it a fixture named ``criteria``.

    The fixture returns some criteria of one class, the strictest first and each easier than the one before, that differ
    in nothing else: not in slices, data, confidence or blocking. ``values`` are values their measurement may have,
    among them some that meet each criterion and some that do not. With ``exact`` the value alone decides.

    Examples
    --------
    >>> import pytest
    >>> from mlcycle.records import AtLeast
    >>> from mlcycle.testing import CriterionContract
    >>> class TestAtLeast(CriterionContract):
    ...     @pytest.fixture
    ...     def criteria(self):
    ...         return [AtLeast("roc_auc", 0.8), AtLeast("roc_auc", 0.7), AtLeast("roc_auc", 0.6)]
    """

    exact = False
    values: Sequence[float] = tuple(i / 20 for i in range(21))

    def test_it_is_kept(self, criteria: list[Any]) -> None:
        """Its JSON form says its class, and reads back as the same criterion."""
        for one in criteria:
            document = json.loads(json.dumps(to_json(one)))
            back = from_json(document)
            assert (type(back), back) == (type(one), one)
            assert document["type"].rpartition(":")[2] == type(one).__qualname__

    def test_it_is_a_value(self, criteria: list[Any]) -> None:
        """Equal ones hash alike, others differ, a copy in another process is equal, and nothing in it can be set."""
        for one in criteria:
            copy = pickle.loads(pickle.dumps(one))
            assert (copy, hash(copy)) == (one, hash(one))
            name = attrs.fields(type(one))[0].name
            with pytest.raises(attrs.exceptions.FrozenError):
                setattr(one, name, getattr(one, name))
        assert all(one != other for one, other in combinations(criteria, 2))

    def test_its_repr_makes_it_again(self, criteria: list[Any]) -> None:
        """What a console shows can be pasted back, and the sentence for people is another."""
        for one in criteria:
            assert eval(repr(one), {type(one).__name__: type(one)}) == one
        assert len({str(one) for one in criteria}) == len(criteria)

    def test_its_question_is_the_same_however_strict_it_is(self, criteria: list[Any]) -> None:
        """So that a stored measurement answers it when it has been made stricter."""
        assert len({one.question for one in criteria}) == 1
        assert json.loads(json.dumps(criteria[0].question))
        assert attrs.evolve(criteria[0], blocking=False).question == criteria[0].question

    def test_it_needs_what_an_evaluation_offers(self, criteria: list[Any]) -> None:
        """What else it needed nobody would give it, and it would block for ever."""
        for one in criteria:
            assert isinstance(one.needs, frozenset)
            assert lacking(one) == ""

    def test_the_stricter_covers_the_easier(self, criteria: list[Any]) -> None:
        """Covering is an order: each covers itself and all that are easier, and none that is stricter."""
        for i, one in enumerate(criteria):
            covered = [one.covers(other) for other in criteria]
            assert covered == [i <= j for j in range(len(criteria))]

    def test_less_surely_covers_nothing(self, criteria: list[Any]) -> None:
        """One that no longer blocks does not cover one that does, and the reverse holds."""
        for one in criteria:
            lenient = attrs.evolve(one, blocking=False)
            assert (one.covers(lenient), lenient.covers(one)) == (True, False)

    def test_what_meets_the_stricter_meets_the_easier(self, criteria: list[Any]) -> None:
        """On every interval: what passes the one passes the other, what fails the other fails the one."""
        for strict, easy in pairwise(criteria):
            for result in self.results():
                verdicts = strict.verdict(result), easy.verdict(result)
                assert verdicts[0] != "pass" or verdicts[1] == "pass", (strict, easy, result)
                assert verdicts[1] != "fail" or verdicts[0] == "fail", (strict, easy, result)

    def test_each_can_pass_and_fail(self, criteria: list[Any]) -> None:
        """A verdict is one of three words, and the same of the same measurement."""
        for one in criteria:
            found = [one.verdict(result) for result in self.results()]
            assert {*found} == ({"pass", "fail"} if self.exact else {"pass", "fail", "inconclusive"})
            assert found == [one.verdict(result) for result in self.results()]

    def test_a_narrower_interval_decides_no_less(self, criteria: list[Any]) -> None:
        """What an interval decides, every interval within it decides alike."""
        for one in criteria:
            for outer in self.results():
                verdict = one.verdict(outer)
                if verdict != "inconclusive":
                    inner = {one.verdict(_at(value, value)) for value in (outer.low, outer.value, outer.high)}
                    assert inner == {verdict}, (one, outer)

    def test_without_an_interval_nothing_is_decided(self, criteria: list[Any]) -> None:
        """However good the value is; and without a value nothing is at all."""
        for one in criteria:
            assert one.verdict(Result(check="c", verdict="error")) == "inconclusive"
            for value in () if self.exact else self.values:
                assert one.verdict(Result(check="c", verdict="error", value=value)) == "inconclusive"
                assert one.verdict(_at(math.nan, math.nan, value)) == "inconclusive"

    def results(self) -> Iterator[Result]:
        """Yield a measurement for every interval between two of the values."""
        for low, high in () if self.exact else combinations(sorted(self.values), 2):
            yield _at(low, high)
        yield from (_at(value, value) for value in self.values)


def _at(low: Any, high: Any, value: float | None = None) -> Result:
    middle = (low + high) / 2 if value is None else value
    return Result(check="c", verdict="not_applicable", value=middle, low=low, high=high, n=100)
