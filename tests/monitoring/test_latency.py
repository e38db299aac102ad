"""Latency of the later half of a window against the earlier."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlcycle.serving import decode_traffic
from tests.monitoring.windows import (
    check,
    kinds,
    people,
    serve,
)


@pytest.mark.parametrize(
    ("factor", "expected"), [(1.0, []), (3.0, [("latency", "95 %, later to earlier half", "warn", "deployment")])]
)
def test_growing_latency_is_noticed(factor: float, expected: list[Any]) -> None:
    """The later half of the window is held against the earlier one, beyond noise that comes in runs."""
    rng = np.random.default_rng(0)
    waves = np.repeat(rng.lognormal(0, 0.3, 50), 20) * rng.lognormal(0, 0.2, 1000)
    waves[500:] *= factor
    frame, y = people(1000, 3)
    traffic = decode_traffic(serve(frame, y, ms=waves))
    assert kinds(check(traffic)) == expected
