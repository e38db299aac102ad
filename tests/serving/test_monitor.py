"""What traffic is said to say: quiet on nothing, loud on something, and never silent about too little."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

from mlcycle import stats
from mlcycle.errors import StorageUnavailable, UntrustedModel
from mlcycle.records import Report, Result, Revision, from_json, to_json
from mlcycle.serving import Traffic, Unavailable, attempt, decode, encode_labels, inspect
from mlcycle.serving._capture import encode_failures, encode_predictions

COLUMNS = list("abcdef")
WINDOW = {"since": "2026-01-01T00:00:00.000000Z", "until": "2026-02-01T00:00:00.000000Z"}


def people(n: int, seed: int) -> tuple[pd.DataFrame, Any]:
    """Return rows of one population, with a category and a moment, and the truth."""
    X, y = make_classification(6000, 6, n_informative=4, random_state=7)
    rows = np.random.default_rng(seed).choice(6000, n, replace=False)
    frame = pd.DataFrame(X[rows], columns=COLUMNS).round(3)
    frame["region"] = pd.Categorical(np.where(X[rows, 5] > 0, "EU", "US"))
    frame["since"] = pd.Timestamp("2026-01-01") + pd.to_timedelta((X[rows, 4] * 100).round(), unit="h")
    return frame, y[rows]


TRAIN, TRUTH = people(2000, 0)
MODEL = LogisticRegression().fit(TRAIN[COLUMNS], TRUTH)
REVISION = Revision(deployment="shop", number=3, weights={"m@1": 90, "m@2": 10}, at=WINDOW["since"])


def serve(frame: pd.DataFrame, y: Any = None, *, version: str = "m@1", ms: Any = 1.0, first: int = 0) -> list[bytes]:
    """Return the lines of traffic as a service writes them."""
    ids = [str(first + i) for i in range(len(frame))]
    out = MODEL.predict(frame[COLUMNS])
    times = np.broadcast_to(ms, len(frame))
    lines: list[bytes] = []
    for i, identity in enumerate(ids):
        facts = {"v": version, "r": 3, "role": "live", "ms": float(times[i])}
        lines.append(encode_predictions([identity], frame.iloc[[i]], {"out": out[i : i + 1]}, facts))
    return lines + ([] if y is None else encode_labels(ids, y).splitlines())


def judge(ref: str, X: pd.DataFrame, y: pd.Series) -> Iterable[Result]:
    """Hold accuracy against 0.7."""
    right = MODEL.predict(X[COLUMNS]) == y.to_numpy()
    found = stats.wilson(int(right.sum()), len(right))
    verdict = "pass" if found.low >= 0.7 else "fail" if found.high < 0.7 else "inconclusive"
    limits = {"value": found.value, "low": found.low, "high": found.high, "threshold": 0.7, "n": found.n}
    yield Result(check="accuracy ≥ 0.7", subject=ref, verdict=verdict, **limits)


def check(lines: Iterable[bytes], **changes: Any) -> Report:
    """Return the report on some lines."""
    expected = MODEL.predict(people(2000, 1)[0][COLUMNS])
    arguments = {"reference": TRAIN, "expected": expected, "judge": judge, **WINDOW, **changes}
    traffic = lines if isinstance(lines, Traffic) else decode(lines)
    report = inspect(REVISION, traffic, **arguments)
    assert from_json(to_json(report)) == report
    return report


def kinds(report: Report) -> list[tuple[str, str, str | None]]:
    """Return kind, severity and phase of the findings."""
    return [(one.kind, one.severity, one.phase) for one in report.findings]


def test_the_same_population_is_quiet() -> None:
    """Rows like the reference give no finding, and every look is in the table."""
    report = check(serve(*people(600, 5)))
    assert kinds(report) == []
    table = report.frame()
    assert set(table["look"]) == {"traffic", "data drift", "prediction drift", "quality", "latency"}
    assert set(table[table["look"] == "data drift"]["subject"]) == {*COLUMNS, "region", "since"}
    assert (report.rows, report.revision, report.deployment) == (600, 3, "shop")


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("a", lambda values: values + 2.0),
        ("region", lambda values: np.where(np.arange(len(values)) % 2, "EU", "MARS")),
        ("since", lambda values: values + pd.Timedelta(days=30)),
        ("b", lambda values: values.where(np.arange(len(values)) % 3 > 0)),
    ],
)
def test_a_shifted_column_is_named(column: str, change: Any) -> None:
    """A moved number, an unseen level, later moments, missing values: found after their way through JSON."""
    frame, _ = people(600, 6)
    report = check(serve_changed(frame, column, change))
    [finding] = [one for one in report.findings if one.kind == "data drift"]
    assert (finding.severity, finding.phase) == ("warn", "data")
    assert column in finding.evidence["columns"]
    assert "1 of 8 inputs drifted" in finding.summary
    assert column in finding.summary


def serve_changed(frame: pd.DataFrame, column: str, change: Any) -> list[bytes]:
    """Serve rows whose captured column was changed after the model answered."""
    out = MODEL.predict(frame[COLUMNS])
    frame = frame.assign(**{column: change(frame[column])})
    facts = {"v": "m@1", "r": 3, "role": "live", "ms": 1.0}
    return encode_predictions([str(i) for i in range(len(frame))], frame, {"out": out}, facts).splitlines()


def test_lost_quality_is_a_failure_of_the_model() -> None:
    """Where labelled rows prove the criterion is missed, that is said with the numbers."""
    frame, y = people(600, 8)
    report = check(serve(frame, 1 - y))
    [finding] = [one for one in report.findings if one.kind == "quality"]
    assert (finding.severity, finding.phase) == ("fail", "model")
    assert finding.summary.startswith("m@1 no longer meets accuracy ≥ 0.7: ")
    assert finding.evidence["high"] < 0.7
    assert finding.evidence["n"] == 600


def test_undecided_quality_says_how_many_labels_would_do() -> None:
    """An interval across the threshold is no verdict, and comes with a number of rows."""
    report = check(serve(*people(60, 8)), judge=lambda ref, X, y: undecided())
    [finding] = [one for one in report.findings if one.kind == "quality"]
    assert (finding.severity, finding.phase) == ("info", "data")
    assert finding.evidence["needed"] in (361, 362)  # 60 rows, times six, and one
    assert f"about {finding.evidence['needed']} labelled rows would do" in finding.summary


def undecided() -> Iterable[Result]:
    """Return a result whose interval must shrink by the square root of six."""
    limits = {"value": 0.65, "low": 0.65 - 0.1225, "high": 0.65 + 0.05 * 6**0.5, "threshold": 0.7, "n": 60}
    yield Result(check="accuracy ≥ 0.7", verdict="inconclusive", **limits)


def test_each_version_is_judged_on_its_own_rows() -> None:
    """Rows of a canary count for the canary; an id that was asked twice counts once."""
    frame, y = people(600, 9)
    lines = serve(frame[:400], y[:400]) + serve(frame[400:], 1 - y[400:], version="m@2", first=400)
    report = check([*lines, *serve(frame[:400])])
    quality = report.frame().query("look == 'quality'").set_index("subject")
    assert quality["n"].to_dict() == {"m@1: accuracy ≥ 0.7": 400, "m@2: accuracy ≥ 0.7": 200}
    assert [one.evidence["version"] for one in report.findings if one.kind == "quality"] == ["m@2"]


def test_too_little_is_said_not_passed_over() -> None:
    """No traffic, few rows, no labels, few values: each is a finding with the number that would do."""
    assert kinds(check([])) == [("too little traffic", "info", "deployment")]
    few = check(serve(*people(12, 3)))
    assert few.findings[0].evidence == {"rows": 12, "needed": 30}
    [finding] = check(serve(people(500, 3)[0])).findings
    assert (finding.kind, finding.evidence["labelled"], finding.phase) == ("too few labels", 0, "data")


def test_without_a_reference_that_is_said() -> None:
    """A model without lineage, or of other columns, cannot be compared with anything."""
    frame, y = people(300, 3)
    for reference, phase in ((None, "model"), (pd.DataFrame({"other": [1.0] * 50}), "data")):
        report = check(serve(frame, y), reference=reference, expected=None)
        assert kinds(report) == [("no reference", "info", phase)]


def test_arrays_are_compared_by_place() -> None:
    """A model of unnamed columns captures x0, x1, …; they are the columns of its training data in order."""
    frame, _ = people(400, 4)
    facts = {"v": "m@1", "r": 3, "role": "live", "ms": 1.0}
    out = MODEL.predict(frame[COLUMNS])
    lines = encode_predictions([str(i) for i in range(400)], frame[COLUMNS].to_numpy() + 1.5, {"out": out}, facts)
    report = check(lines.splitlines(), reference=TRAIN[COLUMNS])
    [finding] = [one for one in report.findings if one.kind == "data drift"]
    assert set(finding.evidence["columns"]) == set(COLUMNS)


def test_prediction_drift_is_of_the_main_version() -> None:
    """Other answers than on the reference are the model's matter; a canary's answers are not mixed in."""
    frame, y = people(600, 4)
    facts = {"r": 3, "role": "live", "ms": 1.0}
    ids = [str(i) for i in range(600)]
    ones = np.ones(600, dtype=int)
    for version, expected in (("m@1", ["prediction drift"]), ("m@2", [])):
        lines = [*serve(frame, y), *encode_predictions(ids, frame, {"out": ones}, {"v": version, **facts}).splitlines()]
        found = [one.kind for one in check(lines, judge=lambda *_: ()).findings]
        assert found == expected


def test_predictions_of_several_targets_are_left_out() -> None:
    """They are named as not compared, and the rest of the report stands."""
    report = check(serve(*people(300, 3)), expected=np.zeros((50, 2)))
    row = report.frame().query("look == 'prediction drift'").iloc[0]
    assert row["verdict"] == "not_applicable"


def test_failures_are_counted_against_one_in_a_hundred() -> None:
    """Single failures are information, many are a failure of the deployment."""
    frame, y = people(400, 3)
    for count, severity in ((2, "info"), (60, "fail")):
        broken = encode_failures(["x"] * count, ValueError("no"), {"v": "m@1", "r": 3, "role": "live"})
        [finding] = check([*serve(frame, y), *broken.splitlines()]).findings
        assert (finding.kind, finding.severity, finding.phase) == ("failures", severity, "deployment")
        assert f"{count} of {400 + count} rows: ValueError: no" in finding.summary


def test_unreadable_lines_are_told() -> None:
    """Torn lines do not vanish."""
    assert ("unreadable lines", "info", "deployment") in kinds(check([*serve(*people(100, 3)), b'{"t":1']))


@pytest.mark.parametrize(("factor", "expected"), [(1.0, []), (3.0, [("latency", "warn", "deployment")])])
def test_growing_latency_is_noticed(factor: float, expected: list[Any]) -> None:
    """The later half of the window is held against the earlier one, beyond noise that comes in runs."""
    rng = np.random.default_rng(0)
    waves = np.repeat(rng.lognormal(0, 0.3, 50), 20) * rng.lognormal(0, 0.2, 1000)
    waves[500:] *= factor
    frame, y = people(1000, 3)
    traffic = decode(serve(frame, y, ms=waves))
    assert kinds(check(traffic)) == expected


def test_on_nothing_it_fires_at_its_rate() -> None:
    """Over forty windows of the same population, drift is claimed no more often than alpha allows."""
    alarms = 0
    for seed in range(40):
        frame, _ = people(300, 100 + seed)
        out = MODEL.predict(frame[COLUMNS])
        facts = {"v": "m@1", "r": 3, "role": "live", "ms": 1.0}
        lines = encode_predictions([str(i) for i in range(300)], frame, {"out": out}, facts)
        alarms += any("drift" in one.kind and one.severity == "warn" for one in check(lines.splitlines()).findings)
    assert alarms <= 6  # 2 are expected at most; more than 6 has a chance below 1 in 200


def test_one_part_that_breaks_leaves_the_others() -> None:
    """A reference, answers or criteria that cannot be had are findings of the report; a failing storage ends it."""
    lines = serve(*people(600, 5))

    def broken(*_: Any) -> Any:
        raise ValueError("nothing fits")

    def unreachable(*_: Any) -> Any:
        raise StorageUnavailable("the network is gone")

    report = check(lines, judge=broken, reference=attempt(lambda: broken()), expected=attempt(lambda: broken()))
    assert kinds(report) == [
        ("data drift", "warn", "data"),
        ("prediction drift", "warn", "scope"),
        ("quality", "warn", "model"),
    ]
    summary = "data drift could not be looked at: ValueError: nothing fits"
    assert (report.findings[0].summary, "latency" in set(report.frame()["look"])) == (summary, True)
    untrusted = check(lines, expected=Unavailable(UntrustedModel("it is a pickle")))
    assert kinds(untrusted) == []
    assert untrusted.frame().set_index("look").loc["prediction drift", "verdict"] == "not_applicable"
    for ends in (lambda: check(lines, judge=unreachable), lambda: attempt(unreachable)):
        with pytest.raises(StorageUnavailable, match="network"):
            ends()


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
    report = check(lines, reference=reference, expected=None)
    assert [(row["subject"], row["verdict"]) for row in report.table if row["look"] == "data drift"] == [
        ("x", "stable")
    ]
