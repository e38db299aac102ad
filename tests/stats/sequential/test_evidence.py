"""The contract of evidence over time: kept, taken up elsewhere and gone on with, it is what it would have been."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcycle import stats
from mlcycle.errors import InvalidInput
from mlcycle.stats._estimate import unknown
from mlcycle.stats.sequential._evidence import EVIDENCE


def audited(share: float) -> tuple[Any, ...]:
    """Return an audit of forty rows, more of which are as the score says the larger the share."""
    score = np.linspace(0.05, 0.95, 40)
    rows = np.column_stack([1 - score, score])
    estimate = stats.LabelFree("accuracy", "CBPE", unknown(0.8, 40, 0.95, "test", ""), "", 0.8, rows=rows)
    sample = stats.audit_sample(score, 10)
    y = np.where(np.arange(10) < 10 * share, score[sample.indices] >= 0.5, score[sample.indices] < 0.5)
    return sample, y.astype(int), estimate


MADE: dict[str, tuple[Callable[[], stats.Evidence], Callable[[list[float]], Any]]] = {
    "martingale": (lambda: stats.ConformalMartingale([0.2, 0.4, 0.6], shuffled=True), lambda look: look),
    "e-detector": (lambda: stats.EDetector(5), lambda look: [3 * x for x in look]),
    "confidence sequence": (lambda: stats.ConfidenceSequence(), lambda look: look),
    "audits": (lambda: stats.AuditSequence("accuracy"), lambda look: audited(look[0])),
}
LOOKS = st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=6), min_size=1, max_size=6)


def test_the_table_is_tested_whole() -> None:
    """Every kind of evidence there is has a maker here, and says its kind in its state."""
    assert [*MADE] == [*EVIDENCE]
    assert [make().state()["kind"] for make, _ in MADE.values()] == [*EVIDENCE]


@pytest.mark.parametrize("kind", MADE)
@given(looks=LOOKS, at=st.integers(0, 6))
def test_interrupted_evidence_is_what_it_would_have_been(kind: str, looks: list[list[float]], at: int) -> None:
    """Saved as JSON after any look, restored by the table and gone on with: the same after every look."""
    make, values = MADE[kind]
    whole, parted = make(), make()
    for number, look in enumerate(looks):
        if number == at:
            parted = stats.restored(json.loads(json.dumps(parted.state(), allow_nan=False)))
        told = whole.update(values(look))
        assert parted.update(values(look)) == told
        assert (parted.alarm, whole.alarm) == (told.alarm, told.alarm)
    assert parted.state() == whole.state()


@pytest.mark.parametrize("kind", MADE)
def test_a_state_that_is_none_says_what_is_expected(kind: str) -> None:
    """Nothing, another kind, a part, and values of another type are refused in words."""
    make, _ = MADE[kind]
    state, restore = make().state(), type(make()).from_state
    name = type(make()).__name__
    for wrong in ({}, None, [], {**state, "kind": "other"}, {"kind": kind}):
        with pytest.raises(InvalidInput, match=f"the state of an? {name} is the dict that its state\\(\\) returned"):
            restore(wrong)
    for field in state.keys() - {"kind"}:
        with pytest.raises(InvalidInput, match=f"this one lacks {field}"):
            restore({key: value for key, value in state.items() if key != field})
        if field not in ("shuffled", "labels"):
            with pytest.raises(InvalidInput):
                restore({**state, field: {"odd": object()}})


@pytest.mark.parametrize("state", [{}, None, "x", {"kind": "adwin"}, {"kind": 3}], ids=str)
def test_only_known_kinds_are_restored(state: Any) -> None:
    """Whatever is no state of ours is answered with the kinds there are."""
    with pytest.raises(
        InvalidInput, match="with kind one of 'martingale', 'e-detector', 'confidence sequence', 'audits'"
    ):
        stats.restored(state)
