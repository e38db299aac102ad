"""The contract as people see it: what is asked, on which data, and what was loosened meanwhile."""

from __future__ import annotations

import re

import pytest

from mlcycle.records import AtLeast, AtMost, Loosening, NotWorseThan, Scope


@pytest.mark.parametrize(("number", "title"), [(0, "scope not set yet"), (1, "scope 1"), (12, "scope 12")])
def test_a_scope_is_called_by_its_number(number: int, title: str) -> None:
    """Before the first one there is none, and nobody is shown a number 0."""
    assert title == str(Scope(number=number))


def test_a_loosening_says_what_holds_instead() -> None:
    """Another criterion, or none."""
    before = AtLeast("f1", 0.5)
    assert str(Loosening(before=before, after=AtLeast("f1", 0.4))) == "f1 ≥ 0.5 → f1 ≥ 0.4"
    assert str(Loosening(before=before)) == "f1 ≥ 0.5 → removed"


def test_each_criterion_is_shown_with_the_data_it_is_judged_on() -> None:
    """Its own, else the scope's test set, else none; and whether it blocks."""
    criteria = [AtLeast("f1", 0.5), AtMost("rmse", 1, on="own.test"), NotWorseThan("production", "f1", blocking=False)]

    def cells(scope: Scope) -> list[list[str]]:
        rows = re.findall(r"<tr>(.*?)</tr>", scope._repr_html_().split(">judged on<")[1].split("</table>")[0])
        return [re.findall(r">([^<]*)</td>", row) for row in rows]

    assert cells(Scope(criteria=criteria, test="d.test")) == [
        ["f1 ≥ 0.5", "d.test", "yes"],
        ["rmse ≤ 1 on own.test", "own.test", "yes"],
        ["f1 better than production", "d.test", "no"],
    ]
    assert [row[1] for row in cells(Scope(criteria=criteria))] == ["–", "own.test", "–"]


def test_one_text_or_several_are_taken_where_several_may_stand() -> None:
    """What is left out is empty, and a scope has no table of what it has none of."""
    scope = Scope(number=1, requirements="fast", risks=["bias", "drift"])
    assert (scope.requirements, scope.risks, scope.data_needed) == (("fast",), ("bias", "drift"), ())
    shown = scope._repr_html_()
    assert "bias; drift" in shown
    assert [text in shown for text in (">criterion<", ">loosened<")] == [False, False]
