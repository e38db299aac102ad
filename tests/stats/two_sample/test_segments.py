"""Which values of another column the rows had that are gone, or that lost a value."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlcycle import stats


def shops(rows: int, seed: int) -> pd.DataFrame:
    """Return sales of four shops, of which one sells far more at a time."""
    rng = np.random.default_rng(seed)
    shop = rng.choice(["Bonn", "Jena", "Kiel", "Ulm"], rows, p=[0.2, 0.3, 0.3, 0.2])
    return pd.DataFrame({"shop": shop, "amount": rng.gamma(3, 10, rows) * np.where(shop == "Ulm", 3, 1)})


def test_a_column_that_moved_because_a_segment_is_gone_says_so() -> None:
    """The level that is gone comes first, and the other column is told to follow from it."""
    now = shops(5000, 2)
    found = stats.drift(shops(5000, 1), now[now["shop"] != "Ulm"])
    assert [(one.name, one.family) for one in found.findings] == [("shop", "level lost"), ("amount", "segment missing")]
    assert found.findings[1].guess == "because rows with shop 'Ulm' are missing?"


def test_nulls_say_which_rows_have_them() -> None:
    """Where nearly all rows without a value share a level of another column, it is named."""
    now = shops(5000, 2)
    now["amount"] = now["amount"].mask(now["shop"] == "Jena")
    [column] = stats.drift(shops(5000, 1), now).findings
    assert (column.name, column.family, column.guess) == ("amount", "nulls", "100 % of them where shop is 'Jena'")


def test_nulls_anywhere_name_no_segment() -> None:
    """Rows that lost a value at random share nothing."""
    now = shops(5000, 2)
    now["amount"] = now["amount"].mask(np.random.default_rng(0).random(5000) < 0.3)
    assert stats.drift(shops(5000, 1), now).findings[0].guess == ""
