"""What drift prints: findings first, the worst first, each in a line a person understands; then it stops."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pandas as pd

from mlcycle import stats
from tests.stats.two_sample.samples import column


def test_results_print_pickle_and_become_tables() -> None:
    """One row a column, one a test with every=True, HTML with the names escaped, and a pickle that is equal."""
    rng = np.random.default_rng(0)
    before = pd.DataFrame({"<b>": rng.normal(size=100), "y": rng.normal(size=100)})
    after = pd.DataFrame({"<b>": rng.normal(3, 1, 100), "y": np.where(np.arange(100) < 50, np.nan, 0.1)})
    found = stats.drift(before, after)
    assert found.frame()["column"].tolist() == ["<b>", "y"]
    assert len(found.frame(every=True)) == sum(len(one.shifts) for one in found.columns)
    assert "&lt;b&gt;" in found._repr_html_()
    assert repr(found).startswith("Drift(drifted: 2 of 2 columns drifted (alpha 0.05, bh; global test: Simes, p ")
    assert str(pickle.loads(pickle.dumps(found))) == str(found)
    assert found.columns[0].as_dict()["verdict"] == "drifted"
    assert pickle.loads(pickle.dumps(found)).as_dict() == found.as_dict()
    assert stats.drift(before[[]], after[[]]).frame().shape[0] == 0


def test_findings_are_sorted_by_how_far_beyond_their_margin_they_are() -> None:
    """Robust sd, shares and new levels have no common unit, but each has a margin."""
    rng = np.random.default_rng(0)
    n = 2000
    before = pd.DataFrame({"a": rng.normal(size=n), "b": rng.choice(list("xy"), n), "c": rng.normal(size=n)})
    after = pd.DataFrame(
        {"a": rng.normal(0.4, 1, n), "b": rng.choice(list("xyz"), n), "c": np.where(rng.random(n) < 0.1, np.nan, 0.5)}
    )
    found = stats.drift(before, after)
    beyond = [one.leading.beyond for one in found.findings]
    assert (beyond == sorted(beyond, reverse=True), {one.name for one in found.findings}) == (True, {"a", "b", "c"})
    assert [line.split()[1] for line in str(found).splitlines()[1:4]] == [f"{one.name}:" for one in found.findings]
    shift = found.findings[0].leading
    assert shift.beyond == shift.low / shift.margin


def test_the_report_stops_after_what_was_found() -> None:
    """Of eighty columns one drifted: two lines and the number of the others."""
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=(2, 300, 80))
    after[:, 7] += 2
    found = stats.drift(before, after)
    head, line, rest = str(found).splitlines()
    assert head.startswith("drifted: 1 of 80 columns drifted (alpha 0.05, bh; global test: Simes, p ")
    assert (line.split()[:2], rest.strip()) == (["drifted", "7:"], "… 79 more without a finding")
    assert "… 79 more without a finding" in found._repr_html_()


def test_the_three_verdicts_are_said_in_words() -> None:
    """Beyond the margin, inside of it, or neither; then with what would have been seen."""
    rng = np.random.default_rng(0)
    few, many = rng.normal(size=(2, 100)), rng.normal(size=(2, 60_000))
    found = [column(few[0], few[1] + 3), column(many[0], many[1]), column(few[0], few[1])]
    assert [one.verdict for one in found] == ["drifted", "within margin", "not seen"]
    assert [one.told.endswith("would have been seen") for one in found] == [False, False, True]
    inside = [shift for shift in found[1].shifts if shift.high > shift.margin]
    assert inside == []
    seen = found[2].leading
    assert f"; a change of {seen.detectable:.2g} {seen.unit} would have been seen" in found[2].told


def test_a_guess_stands_beside_what_was_found() -> None:
    """A column that drifted says what probably happened; others have no family."""
    rng = np.random.default_rng(0)
    before, after = rng.normal(20, 5, size=(2, 2000))
    found = column(before, 1000 * after)
    assert (found.family, found.guess) == ("unit change", "another unit (x 1000) on 100 % of rows?")
    assert found.told == f"{found.leading.note}; {found.guess}"
    assert (column(before, after).family, column(before, after).guess) == ("", "")


def test_a_change_that_is_certain_but_small_says_so() -> None:
    """Significant, but perhaps within the margin: not seen, and it says that a change is certain."""
    rng = np.random.default_rng(0)
    found = column(rng.normal(size=4000), rng.normal(0.06, 1, 4000))
    assert (found.verdict, found.leading.certain) == ("not seen", True)
    assert "changed for certain, but perhaps within the margin" in found.told
    assert math.isfinite(found.leading.detectable)
