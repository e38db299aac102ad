"""Captured values beside those they are compared with, whatever their type."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlcycle.serving._capture import encode_predictions
from tests.monitoring.windows import (
    check,
)


@pytest.mark.parametrize(
    "seen",
    [
        lambda n: pd.Series(pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n) * 0.5, unit="s")),
        lambda n: pd.Series(pd.date_range("2026-03-28", periods=n, freq="30min", tz="Europe/Berlin")),
        lambda n: pd.Series(pd.date_range("2026-01-01", periods=n)).dt.date,
        lambda n: pd.Series(pd.date_range("2026-01-01", periods=n)).dt.date.astype("date32[pyarrow]"),
        lambda n: pd.Series([Decimal(i) / 4 for i in range(n)], dtype=object),
        lambda n: pd.Series([timedelta(seconds=i) for i in range(n)], dtype=object),
        lambda n: pd.Series(range(n), dtype="Int64"),
        lambda n: pd.Series([bool(i % 2) for i in range(n)], dtype="boolean"),
    ],
    ids=["half seconds", "zoned", "dates", "arrow dates", "decimals", "durations", "Int64", "boolean"],
)
def test_what_came_through_json_is_compared_as_it_was(seen: Any) -> None:
    """The same values on both sides, some missing, are stable in every type."""
    rng = np.random.default_rng(0)
    values = seen(400)
    values = values.where(pd.Series(rng.random(400) > 0.05))
    reference = pd.DataFrame({"x": values})
    facts = {"v": "m@1", "r": 3, "role": "live", "ms": 1.0}
    rows = reference.sample(300, random_state=1).reset_index(drop=True)
    lines = encode_predictions([str(i) for i in range(300)], rows, {"out": np.zeros(300)}, facts).splitlines()
    report = check(lines, reference=lambda: reference, expected=lambda: None)
    assert [(one.check, one.verdict) for one in report.results if one.look == "data drift"] == [("x", "pass")]
