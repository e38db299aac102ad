"""All signals on one window: quiet on nothing, and what breaks one leaves the others."""

from __future__ import annotations

from typing import Any

import pytest

from mlcycle.errors import StorageUnavailable, UntrustedModel
from mlcycle.monitoring import SIGNALS
from tests.monitoring.windows import (
    COLUMNS,
    check,
    kinds,
    people,
    serve,
)


def test_the_same_population_is_quiet() -> None:
    """Rows like the reference give no finding, and every look is in the table."""
    report = check(serve(*people(600, 5)))
    assert kinds(report) == []
    table = report.frame()
    assert [*dict.fromkeys(table["look"])] == [one for one in SIGNALS if one != "failures"]
    assert set(table[table["look"] == "data drift"]["check"]) == {*COLUMNS, "region", "since"}
    assert (report.n_predictions, report.verdict) == (600, "pass")


def test_one_part_that_breaks_leaves_the_others() -> None:
    """A reference, answers or criteria that cannot be had are findings of the report; a failing storage ends it."""
    lines = serve(*people(600, 5))

    def broken(*_: Any) -> Any:
        raise ValueError("nothing fits")

    def unreachable(*_: Any) -> Any:
        raise StorageUnavailable("the network is gone")

    def untrusted(*_: Any) -> Any:
        raise UntrustedModel("it is a pickle")

    report = check(lines, judge=broken, reference=broken, expected=broken)
    assert kinds(report) == [
        ("data drift", "data drift", "error", "data"),
        ("prediction drift", "prediction drift", "error", "scope"),
        ("quality", "quality", "error", "model"),
    ]
    told = "data drift could not be looked at: ValueError: nothing fits"
    assert (report.findings[0].detail, "latency" in set(report.frame()["look"])) == (told, True)
    kept = check(lines, expected=untrusted)
    assert kinds(kept) == []
    assert kept.frame().set_index("look").loc["prediction drift", "verdict"] == "not_applicable"
    for what in ("judge", "reference", "expected"):
        with pytest.raises(StorageUnavailable, match="network"):
            check(lines, **{what: unreachable})
