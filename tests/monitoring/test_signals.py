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
from mlcycle.monitoring import SIGNALS, Window, WindowContext, inputs_of, look_at, signals_at
from mlcycle.records import Evaluation, Result, Revision, from_json, to_json
from mlcycle.serving import Traffic, decode, encode_labels
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


def judge(ref: str, rows: pd.DataFrame) -> Iterable[Result]:
    """Hold accuracy against 0.7."""
    right = MODEL.predict(inputs_of(rows)[COLUMNS]) == rows["label"].to_numpy()
    found = stats.wilson(int(right.sum()), len(right))
    verdict = "pass" if found.low >= 0.7 else "fail" if found.high < 0.7 else "inconclusive"
    limits = {"value": found.value, "low": found.low, "high": found.high, "threshold": 0.7, "n": found.n}
    yield Result(check="accuracy ≥ 0.7", subject=ref, verdict=verdict, **limits)


def check(lines: Iterable[bytes], signals: Any = None, **changes: Any) -> Evaluation:
    """Return what is found in some lines."""
    expected = MODEL.predict(people(2000, 1)[0][COLUMNS])
    evidence = {"reference": lambda: TRAIN, "expected": lambda: expected, "judge": judge, **changes}
    captured = lines if isinstance(lines, Traffic) else decode(lines)
    seen = WindowContext(Window(revision=REVISION, captured=captured, **WINDOW, **evidence))
    results = look_at(signals_at(0.05) if signals is None else signals, "deployment:shop", seen)
    found = Evaluation(id="e", subject="deployment:shop", results=results, revision=3, **WINDOW)
    assert from_json(to_json(found)) == found
    return found


def kinds(found: Evaluation) -> list[tuple[str | None, str, str, str | None]]:
    """Return signal, check, verdict and phase of the findings."""
    return [(one.look, one.check, one.verdict, one.phase) for one in found.findings]


def test_the_same_population_is_quiet() -> None:
    """Rows like the reference give no finding, and every look is in the table."""
    report = check(serve(*people(600, 5)))
    assert kinds(report) == []
    table = report.frame()
    assert [*dict.fromkeys(table["look"])] == [one for one in SIGNALS if one != "failures"]
    assert set(table[table["look"] == "data drift"]["check"]) == {*COLUMNS, "region", "since"}
    assert (report.predictions, report.verdict) == (600, "pass")


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
    [finding] = [one for one in report.findings if one.look == "data drift"]
    assert (finding.check, finding.verdict, finding.phase) == (column, "warn", "data")
    assert finding.detail.startswith(f"{column} moved by ")
    assert finding.low > finding.threshold
    assert report.frame().query("look == 'data drift'")["verdict"].tolist() == ["warn", *["pass"] * 7]


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
    [finding] = [one for one in report.findings if one.look == "quality"]
    assert (finding.verdict, finding.phase, finding.subject) == ("fail", "model", "model:m@1")
    assert finding.detail.startswith("m@1 no longer meets accuracy ≥ 0.7: ")
    assert finding.high < 0.7
    assert finding.n == 600


def test_undecided_quality_says_how_many_labels_would_do() -> None:
    """An interval across the threshold is no verdict, and comes with a number of rows."""
    report = check(serve(*people(60, 8)), judge=lambda ref, rows: undecided())
    [finding] = [one for one in report.findings if one.look == "quality"]
    assert (finding.verdict, finding.phase) == ("inconclusive", "data")
    # 60 rows, times six, and one
    assert any(f"about {needed} labelled rows would do" in finding.detail for needed in (361, 362))


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
    assert quality["n"].to_dict() == {"model:m@1": 400, "model:m@2": 200}
    assert [one.subject for one in report.findings if one.look == "quality"] == ["model:m@2"]


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


def test_without_a_reference_that_is_said() -> None:
    """A model without lineage, or of other columns, cannot be compared with anything."""
    frame, y = people(300, 3)
    for reference, phase in ((None, "model"), (pd.DataFrame({"other": [1.0] * 50}), "data")):
        report = check(serve(frame, y), reference=lambda one=reference: one, expected=lambda: None)
        assert kinds(report) == [("data drift", "reference", "skipped", phase)]


def test_arrays_are_compared_by_place() -> None:
    """A model of unnamed columns captures x0, x1, …; they are the columns of its training data in order."""
    frame, _ = people(400, 4)
    facts = {"v": "m@1", "r": 3, "role": "live", "ms": 1.0}
    out = MODEL.predict(frame[COLUMNS])
    lines = encode_predictions([str(i) for i in range(400)], frame[COLUMNS].to_numpy() + 1.5, {"out": out}, facts)
    report = check(lines.splitlines(), reference=lambda: TRAIN[COLUMNS])
    assert {one.check for one in report.findings if one.look == "data drift"} == set(COLUMNS)


def test_prediction_drift_is_of_the_main_version() -> None:
    """Other answers than on the reference are the model's matter; a canary's answers are not mixed in."""
    frame, y = people(600, 4)
    facts = {"r": 3, "role": "live", "ms": 1.0}
    ids = [str(i) for i in range(600)]
    ones = np.ones(600, dtype=int)
    for version, expected in (("m@1", ["prediction drift"]), ("m@2", [])):
        lines = [*serve(frame, y), *encode_predictions(ids, frame, {"out": ones}, {"v": version, **facts}).splitlines()]
        found = check(lines, judge=lambda *_: ()).findings
        assert [one.look for one in found] == expected
        assert all((one.subject, one.phase) == ("model:m@1", "model") for one in found)


def test_predictions_of_several_targets_are_left_out() -> None:
    """They are named as not compared, and the rest of the report stands."""
    report = check(serve(*people(300, 3)), expected=lambda: np.zeros((50, 2)))
    row = report.frame().query("look == 'prediction drift'").iloc[0]
    assert row["verdict"] == "not_applicable"


def test_failures_are_counted_against_one_in_a_hundred() -> None:
    """Single failures are information, many are a failure of the deployment."""
    frame, y = people(400, 3)
    for count, role, verdict in ((2, "live", "inconclusive"), (60, "live", "fail"), (60, "shadow", "warn")):
        broken = encode_failures(["x"] * count, ValueError("no"), {"v": "m@1", "r": 3, "role": role})
        [finding] = check([*serve(frame, y), *broken.splitlines()]).findings
        assert (finding.look, finding.slice, finding.verdict, finding.phase) == (
            "failures",
            role,
            verdict,
            "deployment",
        )
        rows = count + 400 * (role == "live")
        assert finding.detail == f"m@1 ({role}) gave no answer for {count} of {rows} rows: ValueError: no"


def test_unreadable_lines_are_told() -> None:
    """Torn lines do not vanish."""
    told = kinds(check([*serve(*people(100, 3)), b'{"t":1']))
    assert ("traffic", "unreadable lines", "inconclusive", "deployment") in told


@pytest.mark.parametrize(
    ("factor", "expected"), [(1.0, []), (3.0, [("latency", "95 %, later to earlier half", "warn", "deployment")])]
)
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
        alarms += any("drift" in one.look and one.verdict == "warn" for one in check(lines.splitlines()).findings)
    assert alarms <= 6  # 2 are expected at most; more than 6 has a chance below 1 in 200


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
