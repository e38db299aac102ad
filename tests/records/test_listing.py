"""Lists of records: they read as tables and are lists in everything else."""

from __future__ import annotations

import copy
import math
import pickle
import subprocess
import sys
from typing import Any

import pandas as pd
import pytest

from mlcycle.records import (
    DatasetVersion,
    Decision,
    Evaluation,
    Listing,
    ModelVersion,
    Record,
    Result,
    Revision,
    Run,
)

AT = "2026-11-23T20:35:01.250000Z"


@pytest.fixture(autouse=True)
def _console(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every terminal the same width."""
    monkeypatch.setenv("COLUMNS", "120")


def _run(number: int, **facts: Any) -> Run:
    return Run(id=f"{number:08x}{'0' * 24}", experiment="trees", status="finished", **facts)


def _lines(listing: Listing[Any]) -> list[str]:
    return repr(listing).split("\n")


def _version(number: int) -> DatasetVersion:
    return DatasetVersion(name="customers", number=number, id="0a", rows=900 * number, at=AT, author="ada")


@pytest.mark.parametrize(
    ("record", "head", "row"),
    [
        (_version(2), "version rows kind author at", "customers@2 1,800 blocks ada 2026-11-23 20:35"),
        (
            ModelVersion(name="churn", number=7, id="0b", class_name="a.Trees", run="0193a2b4" + "c" * 24),
            "version class run",
            "churn@7 Trees 0193a2b4",
        ),
        (
            Evaluation(id="0c", subject="churn@7", data="test@1", results=[Result(check="a", verdict="fail")], at=AT),
            "evaluation verdict results at",
            "churn@7 on test@1 fail 1 2026-11-23 20:35",
        ),
        (
            Decision(id="0d", action="promote", subject="churn@7", allowed=False, why="too low"),
            "decision reason",
            "promote churn@7: blocked too low",
        ),
        (
            Revision(deployment="eu", number=2, weights={"churn@6": 90, "churn@7": 10}),
            "revision weights",
            "eu revision 2 churn@6: 90, churn@7: 10",
        ),
        (
            _run(1, name="calm", params={"depth": 3}, metrics={"loss": 0.31}, started_at=AT, uses=["a@1", "b@1"]),
            "run experiment name status metrics.loss params.depth started uses",
            "00000001 trees calm finished 0.31 3 2026-11-23 20:35 a@1, b@1",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Record) else "",
)
def test_every_kind_says_what_is_worth_reading(record: Record, head: str, row: str) -> None:
    """Nothing empty, times to the minute, ids short, tuples and dicts in a few words."""
    told, _, said = _lines(Listing([record]))
    assert (told.split(), said.split()) == (head.split(), row.split())


def test_a_metric_only_one_run_has_stands_among_the_metrics() -> None:
    """Columns keep their order, whoever brings them; what is missing is blank, and NaN is told."""
    runs = Listing(
        [_run(1, metrics={"loss": 0.5}, params={"depth": 2}), _run(2, metrics={"f1": math.nan}, author="ada")]
    )
    head, _, first, second = _lines(runs)
    assert head.split() == ["run", "experiment", "status", "metrics.f1", "metrics.loss", "params.depth", "author"]
    assert first.split() == ["00000001", "trees", "finished", "0.5", "2"]
    assert second.split() == ["00000002", "trees", "finished", "nan", "ada"]


def test_ids_are_as_long_as_it_takes_to_tell_them_apart() -> None:
    """All of the listing counts, also what is not shown."""
    same = "0193a2b4cd"
    runs = Listing([Run(id=same + f"{number:02x}" + "0" * 20, experiment="e") for number in range(25)])
    assert _lines(runs)[2].split()[0] == f"{same}00"


@pytest.mark.parametrize(("count", "last"), [(20, None), (21, "… and 1 more"), (1300, "… and 1,280 more")])
def test_a_long_one_shows_a_screenful(count: int, last: str | None) -> None:
    """Twenty rows, then how many more there are; the same in HTML."""
    versions = Listing(_version(number) for number in range(1, count + 1))
    lines, html = _lines(versions), versions._repr_html_()
    assert (len(lines), html.count("<tr>")) == (22 + (last is not None), 21)
    if last:
        assert lines[-1] == last
        assert f"<div>{last}</div>" in html


def test_columns_that_do_not_fit_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table is as wide as the terminal; the first column is always there."""
    runs = Listing([_run(1, metrics={"loss": 0.5, "accuracy": 0.9}, author="ada")])
    whole = max(map(len, _lines(runs)[:3]))
    monkeypatch.setenv("COLUMNS", str(whole))
    assert "author" in _lines(runs)[0]
    monkeypatch.setenv("COLUMNS", str(whole - 1))
    assert _lines(runs)[-1] == "… and the column author"
    monkeypatch.setenv("COLUMNS", str(whole - len(" author") - 1))
    assert _lines(runs)[-1] == "… and the columns metrics.accuracy, author"
    monkeypatch.setenv("COLUMNS", "3")
    assert _lines(runs)[0] == "run"
    assert "ada" in runs._repr_html_()


def test_an_empty_one_says_of_what() -> None:
    """Also after it was cut, and in HTML, where it is text."""
    assert repr(Listing(of="evaluations")) == str(Listing(of="evaluations")) == "no evaluations"
    assert repr(Listing([_run(1)], of="runs")[1:]) == "no runs"
    assert Listing(of="<runs>")._repr_html_() == "<em>no &lt;runs&gt;</em>"
    assert Listing(of="runs").frame().empty


def test_html_colours_verdicts_and_escapes() -> None:
    """What records hold is text; `status` and `verdict` are badges."""
    html = Listing([_run(1, name="<b>")])._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert "border-radius" in html


def test_it_is_a_list() -> None:
    """It compares equal to a plain one, pickles, copies and can be changed; a slice of it is another."""
    runs = Listing([_run(1), _run(2), _run(3)], of="runs")
    for other in (pickle.loads(pickle.dumps(runs)), copy.copy(runs), copy.deepcopy(runs), runs[:]):
        assert (type(other), other, repr(other), repr(other[3:])) == (Listing, runs, repr(runs), "no runs")
    assert runs == [_run(1), _run(2), _run(3)]
    assert (runs[-1], runs[::2]) == (_run(3), [_run(1), _run(3)])
    runs.append(_run(4))
    assert len(_lines(runs)) == 6


def test_a_frame_is_the_table_with_whole_values() -> None:
    """All rows; times are Timestamps, also where one is missing; a parameter stays what it was."""
    runs = Listing(
        [_run(number, started_at=AT if number else "", params={"until": AT}, uses=["a@1"]) for number in range(30)]
    )
    frame = runs.frame()
    assert frame.columns.tolist() == _lines(runs)[0].split()
    assert frame["run"].tolist() == [run.id for run in runs]
    assert (frame["started"].isna().sum(), frame["started"].iloc[-1]) == (1, pd.Timestamp(AT))
    assert (set(frame["params.until"]), frame["uses"].iloc[0]) == ({AT}, ("a@1",))
    assert Listing([_version(1), DatasetVersion(name="b", number=1, id="0b")]).frame()["at"].isna().tolist() == [
        False,
        True,
    ]


def test_a_frame_has_what_the_table_says_further_down() -> None:
    """A column that only a late row fills is one; the verdict of an evaluation is the one that is printed."""
    runs = Listing([_run(number, author="ada" if number == 25 else "") for number in range(30)])
    assert ("author" in _lines(runs)[0], runs.frame()["author"].iloc[25]) == (False, "ada")
    found = Evaluation(id="0c", subject="churn@7", results=[Result(check="f1", verdict="not_applicable", value=0.5)])
    assert Listing([found]).frame()["verdict"].tolist() == ["no criterion yet"]


def test_a_decision_says_its_first_reason_once() -> None:
    """What was to be done stands before it, and what stood against it is not behind a heading."""
    why = (
        "promote churn@7 is blocked:\n  ✗ f1 ≥ 0.8 failed: 0.7\n  ✗ recall ≥ 0.9 failed: 0.5\nTo do it all the same, …"
    )
    blocked = Decision(
        id="0d", action="promote", subject="churn@7", allowed=False, why=why, message="now", author="ada"
    )
    allowed = Decision(id="0e", action="promote", subject="churn@7", allowed=True, why="promote churn@7 is allowed: …")
    table = Listing([blocked, allowed])
    assert table.frame()["reason"].tolist() == ["f1 ≥ 0.8 failed: 0.7", ""]
    assert _lines(table)[0].split() == ["decision", "reason", "message", "author"]
    assert str(blocked) == why


def test_printing_loads_no_pandas() -> None:
    """Only `frame` does."""
    code = (
        "import sys; from mlcycle.records import Listing, Run; listing = Listing([Run(id='1', experiment='e')]);"
        "repr(listing), listing._repr_html_(); print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
