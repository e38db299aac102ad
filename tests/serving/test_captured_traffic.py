"""Labels that are of no prediction are counted apart, each id once."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcycle.serving import LabelCounts, decode_traffic, encode_labels
from mlcycle.serving._captured_traffic import is_captured


def prediction(identity: str, moment: float = 15.0, **more: Any) -> bytes:
    """Return a line as a service writes it."""
    return json.dumps({"t": moment, "id": identity, "v": "model:m@1", "in": {"a": 1}, "out": 0, **more}).encode()


def label(identity: str, outcome: Any, moment: float = 50.0) -> bytes:
    """Return a line as a service writes it."""
    return json.dumps({"t": moment, "id": identity, "y": outcome}).encode()


WINDOW = {"since": "1970-01-01T00:00:10.000000Z", "until": "1970-01-01T00:00:20.000000Z"}


def test_ids_of_any_type_are_one_id_and_the_last_label_counts() -> None:
    """17, 17.0 and "17" are one; "017" is another; a label twice is one label, one taken back is none."""
    labels = encode_labels([17], [0]) + encode_labels(["17"], [1]) + encode_labels(np.array([18.0]), [1])
    labels += encode_labels(["017", "019"], [1, 1]) + encode_labels(["019"], [None])
    traffic = decode_traffic([prediction("17"), prediction("18"), prediction("17", 16.0), *labels.splitlines()])
    assert traffic.frame["label"].tolist() == [1, 1, 1]
    assert traffic.labels == LabelCounts(joined=2, unknown=1)


def test_a_label_of_a_prediction_outside_the_window_is_not_unknown() -> None:
    """Before it and after it; an id predicted inside as well is joined."""
    lines = [prediction("early", 5.0), prediction("late", 25.0), prediction("in"), prediction("in", 5.0)]
    lines += [label(one, 1) for one in ("early", "late", "in", "nobody")]
    assert decode_traffic(lines, **WINDOW).labels == LabelCounts(joined=1, elsewhere=2, unknown=1)
    assert decode_traffic(lines).labels == LabelCounts(joined=3, unknown=1)
    assert decode_traffic(lines, **WINDOW, complete=False).labels.complete is False


def test_shadows_and_failures_are_predictions_too() -> None:
    """Somebody was asked about the id."""
    failed = {"t": 15.0, "id": "b", "v": "model:m@1", "error": "ValueError: no"}
    lines = [prediction("a", role="shadow"), json.dumps(failed).encode(), label("a", 1), label("b", 0)]
    assert decode_traffic(lines).labels == LabelCounts(joined=2)


def test_ids_that_capture_left_out_are_no_unknown_ones() -> None:
    """A service that keeps a share says so with each line, and which ids those are follows from it."""
    ids = [str(one) for one in range(400)]
    kept = is_captured(ids, 0.25, "shop")
    lines = [prediction(one, c=0.25) for one, there in zip(ids, kept, strict=True) if there]
    lines += [label(one, 1) for one in ids]
    found = decode_traffic(lines, deployment="shop").labels
    assert found == LabelCounts(joined=int(kept.sum()), left_out=int((~kept).sum()))
    assert 70 < found.joined < 130
    wrong = [f"row {one}" for one in ids]
    lost = is_captured(wrong, 0.25, "shop")
    found = decode_traffic([*lines[: found.joined], *(label(one, 1) for one in wrong)], deployment="shop").labels
    assert found == LabelCounts(left_out=int((~lost).sum()), unknown=int(lost.sum()))


_IDS = st.sampled_from("abcdef")


@settings(deadline=None)
@given(
    asked=st.lists(st.tuples(_IDS, st.integers(0, 30)), max_size=12),
    told=st.lists(
        st.tuples(_IDS, st.sampled_from([None, 0, 1]), st.integers(0, 99)), max_size=12, unique_by=lambda x: x[2]
    ),
    order=st.randoms(use_true_random=False),
)
def test_every_label_is_counted_once(asked: Any, told: Any, order: Any) -> None:
    """Against a plain count, in any order of lines."""
    lines = [prediction(one, float(t)) for one, t in asked] + [label(one, y, float(t)) for one, y, t in told]
    order.shuffle(lines)
    traffic = decode_traffic(lines, **WINDOW)
    last = {one: y for one, y, _ in sorted(told, key=lambda one: one[2])}
    inside, all_ids = {one for one, t in asked if 10 <= t < 20}, {one for one, _ in asked}
    where = Counter(
        "joined" if one in inside else "elsewhere" if one in all_ids else "unknown"
        for one, y in last.items()
        if y is not None
    )
    assert traffic.labels == LabelCounts(**where)
    assert traffic.labels.total == sum(where.values())
    expected = [last.get(one) for one in traffic.frame["id"]]
    assert traffic.frame["label"].tolist() == expected
