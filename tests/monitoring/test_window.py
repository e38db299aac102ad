"""A window as signals see it."""

from __future__ import annotations

import pandas as pd

from mlcycle.checks import EvaluationContext
from mlcycle.monitoring import Window
from mlcycle.monitoring._window import inputs_of
from mlcycle.records import Revision
from mlcycle.serving import decode_traffic

LINES = [
    b'{"t":1.0,"id":"1","v":"model:m@1","in":{"a":1},"out":1}',
    b'{"t":2.0,"id":"2","v":"model:m@2","role":"shadow","in":{"a":2},"out":0}',
    b'{"t":3.0,"id":"3","v":"model:m@2","error":"ValueError: no"}',
    b'{"t":4.0,"id":"9","y":1}',
    b'{"t":',
]


def test_a_window_is_its_traffic_and_who_answers() -> None:
    """What cannot be had is none, where nobody says more."""
    revision = Revision(deployment="eu", number=2, weights={"m@1": 10, "m@2": 90})
    seen = Window(since="1970-01-01", until="1970-01-02", revision=revision, captured=decode_traffic(LINES))
    assert (len(seen.frame), seen.live()["id"].tolist(), seen.skipped, seen.labels.unknown) == (3, ["1"], 1, 1)
    assert (seen.main, seen.reference(), seen.expected(), seen.judge("m@1", seen.frame)) == ("m@2", None, None, ())
    assert repr(seen) == f"Window(since='1970-01-01', until='1970-01-02', revision={revision!r})"
    assert EvaluationContext(traffic=seen).traffic is seen


def test_inputs_lose_their_prefix_alone() -> None:
    """An input may be called like a column of the traffic."""
    rows = pd.DataFrame({"id": ["a"], "in.id": [1], "in.in.x": [2]})
    assert inputs_of(rows).iloc[0].to_dict() == {"id": 1, "in.x": 2}
