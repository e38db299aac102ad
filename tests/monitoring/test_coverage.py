"""Too little traffic is said, and with how much would do."""

from __future__ import annotations

import json

import pytest

from mlcycle.records import Result
from mlcycle.serving import decode_traffic, encode_labels
from tests.monitoring.windows import (
    check,
    kinds,
    people,
    serve,
)


def test_too_little_is_said_not_passed_over() -> None:
    """No traffic, few rows, no labels, few values: each is a finding with the number that would do."""
    assert kinds(check([])) == [("traffic", "predictions", "inconclusive", "deployment")]
    few = check(serve(*people(12, 3))).findings[0]
    assert (few.value, few.threshold, few.detail.partition(";")[0]) == (
        12.0,
        30.0,
        "12 predictions are too few for any verdict",
    )
    [finding] = check(serve(people(500, 3)[0])).findings
    assert (finding.check, finding.verdict, finding.value, finding.n) == ("labelled rows", "inconclusive", 0.0, 500)
    assert (finding.phase, "report outcomes with label(ids, outcomes)" in finding.detail) == ("data", True)


def test_unreadable_lines_are_told() -> None:
    """Torn lines do not vanish."""
    told = kinds(check([*serve(*people(100, 3)), b'{"t":1']))
    assert ("traffic", "unreadable lines", "inconclusive", "deployment") in told


def _apart(lines: list[bytes], **limits: bool) -> Result | None:
    found = check(decode_traffic(lines, **limits)).results
    return next((one for one in found if one.check == "labels of unknown ids"), None)


def _unknown(count: int) -> list[bytes]:
    return encode_labels([f"row {i}" for i in range(count)], [1] * count).splitlines()


def test_labels_that_all_join_are_not_told() -> None:
    """There is nothing to count apart."""
    assert _apart(serve(*people(100, 3))) is None


def test_a_few_labels_of_unknown_ids_are_counted() -> None:
    """They are told, and no finding."""
    found = _apart([*serve(*people(100, 3)), *_unknown(5)])
    assert found is not None
    assert (found.verdict, found.phase, found.n, found.value) == ("not_applicable", None, 105, 5 / 105)
    assert found.detail == "of 105 labels 5 are of ids that no captured prediction has"


def test_many_labels_of_unknown_ids_are_a_finding() -> None:
    """Somebody labels by another id than was predicted under."""
    frame, y = people(100, 3)
    lines = [*serve(frame), *_unknown(37), *encode_labels(range(40), y[:40]).splitlines()]
    assert ("traffic", "labels of unknown ids", "warn", "data") in kinds(check(lines))
    found = _apart(lines)
    assert found is not None
    assert found.detail.startswith("of 77 labels 37 are of ids that no captured prediction has; label(ids, outcomes)")


@pytest.mark.parametrize("where", ["unread", "nothing captured"])
def test_what_cannot_be_known_is_no_finding(where: str) -> None:
    """Ids may have been predicted before, where not all was read; and by anybody, where nothing was captured."""
    lines = [*(serve(people(100, 3)[0]) if where == "unread" else []), *_unknown(90)]
    found = _apart(lines, complete=where != "unread")
    assert found is not None
    assert (found.verdict, found.phase) == ("not_applicable", None)
    assert ("since 2026-01-01, and may be of earlier ones" in found.detail) == (where == "unread")


def test_labels_of_other_windows_and_of_ids_left_out_are_told_as_that() -> None:
    """Each for itself."""
    early = json.dumps({"t": 1.0, "id": "early", "v": "model:m@1", "c": 1e-9, "out": 1}).encode()
    lines = [*serve(*people(100, 3)), early, *encode_labels(["early", "left out"], [1, 1]).splitlines()]
    found = check(decode_traffic(lines, since="2026-01-01T00:00:00.000000Z", deployment="shop")).results
    [apart] = [one for one in found if one.check == "labels of unknown ids"]
    assert apart.detail == (
        "of 102 labels 1 are of predictions outside this window, 1 are of ids that capture left out"
    )
