"""What mistakes cost, as data: what may be said, and how it reads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from mlcycle.errors import InvalidInput
from mlcycle.records import AtMost, Cost, NotWorseThan, from_json, is_looser, to_json

CHURN = {("leave", "stay"): 10, ("stay", "leave"): 1}


@pytest.mark.parametrize(
    ("criterion", "text"),
    [
        (AtMost(Cost(false_negative=10, false_positive=1), 0.4), "mean cost (miss 10, false alarm 1) ≤ 0.4"),
        (
            AtMost(Cost(CHURN), 0.4, slices="r"),
            "mean cost ('stay' for 'leave' 10, 'leave' for 'stay' 1) ≤ 0.4 in every r",
        ),
        (
            NotWorseThan("production", Cost(false_negative=1 / 3, false_positive=0), margin=0.1),
            "mean cost (miss 0.3333333333333333, false alarm 0) not worse than production by more than 0.1",
        ),
    ],
)
def test_it_reads_as_a_sentence_and_can_be_pasted_back(criterion: Any, text: str) -> None:
    """Printed, evaluated, and as JSON."""
    assert text == str(criterion)
    assert criterion == eval(repr(criterion)) == from_json(to_json(criterion))


def test_many_classes_still_read() -> None:
    """Nobody reads ninety pairs."""
    three = Cost({(a, b): 1 + a for a in range(3) for b in range(3) if a != b})
    assert str(three) == "mean cost (1 for 0 1, 2 for 0 1, 0 for 1 2, 2 for 1 2, 2 more)"


def test_the_order_of_pairs_is_no_matter() -> None:
    """A dict, a list as JSON has it, labels of numpy: one cost."""
    listed = [[np.str_("stay"), "leave", 1], ["leave", "stay", np.int64(10)]]
    assert Cost(CHURN) == Cost(dict(reversed(CHURN.items()))) == Cost(listed)
    assert hash(Cost(CHURN)) == hash(Cost(listed))


def test_other_costs_are_another_metric() -> None:
    """So that cheaper mistakes loosen."""
    strict, easy = AtMost(Cost(CHURN), 0.4), AtMost(Cost({**CHURN, ("leave", "stay"): 2}), 0.4)
    assert [(strict, None)] == is_looser([strict], [easy])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Cost(), "takes false_negative= and false_positive=, or costs by pair"),
        (lambda: Cost(CHURN, false_negative=1), "or costs by pair"),
        (lambda: Cost(false_negative=1), "lacks false_positive=; give 0"),
        (lambda: Cost(false_negative="1", false_positive=1), "false_positive of Cost is a number, got str"),  # type: ignore[arg-type]
        (lambda: Cost(false_negative=math.inf, false_positive=1), "false_positive of Cost is a finite number"),
        (lambda: Cost(false_negative=-1, false_positive=1), "it pays to answer 0 for 1: -1"),
        (lambda: Cost(false_negative=0, false_positive=0), "every answer costs the same"),
        (lambda: Cost({("a", "b"): 1}), "does not say what it costs to answer 'a' for 'b'; give 0"),
        (
            lambda: Cost({("a", "b"): 1, ("b", "a"): 1, ("a", "a"): 2}),
            "pays to answer 'b' for 'a': 1, and the right",
        ),
        (lambda: Cost({"a": 1}), "costs are given by pair"),
        (lambda: Cost(3), "costs are given by pair.*got int: 3"),
        (lambda: Cost({(None, "b"): 1}), "a class in Cost is a text or a finite number, got NoneType"),
        (lambda: Cost([["a", "b", 1], ["a", "b", 2]]), "'b' for 'a' is given twice"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any, message: str) -> None:
    """Each error says what came and what would do."""
    with pytest.raises(InvalidInput, match=message):
        make()


def test_a_gain_is_a_cost_below_nothing() -> None:
    """Of a right answer; the range holds it."""
    assert Cost({**CHURN, ("stay", "stay"): -2}).range == (-2, 10)
    assert Cost(CHURN).range == (0, 10)
