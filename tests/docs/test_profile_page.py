"""A profile, read by docs/format.md alone: what it says of a column is true of the rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import mlcycle as mc
from mlcycle.stats import Summary
from tests.docs.test_format_page import rows, section
from tests.stores.samples import HERE

if TYPE_CHECKING:
    from pathlib import Path

Doc = dict[str, Any]


def at_least(sketch: Doc, value: Any) -> tuple[int, int, int, int]:
    """Return how many values a sketch says are below and up to one of its points: fewest and most of each."""
    i = sketch["points"].index(value)
    own, below, upto = (sketch.get(name, [0] * (i + 1))[i] for name in ("own", "below_slack", "upto_slack"))
    least = sketch["upto"][i] - own - 1
    return least, least + below, sketch["upto"][i], sketch["upto"][i] + upto


def check_sketch(sketch: Doc, values: np.ndarray) -> None:
    """Hold every bound against the values themselves."""
    values = np.sort(values)
    assert (sketch["n"], sketch["points"][0], sketch["points"][-1]) == (len(values), values[0], values[-1])
    assert len(sketch["points"]) <= sketch["size"]
    assert sketch["distinct"][0] <= len(np.unique(values)) <= sketch["distinct"][1]
    for point in sketch["points"]:
        fewest_below, most_below, fewest_upto, most_upto = at_least(sketch, point)
        assert fewest_below <= values.searchsorted(point, "left") <= most_below
        assert fewest_upto <= values.searchsorted(point, "right") <= most_upto


def check_levels(levels: Doc, column: pd.Series[Any]) -> None:
    """Hold every bound against the counts of the levels."""
    counts = column.value_counts()
    counts = counts[counts > 0]
    assert levels["n"] == counts.sum()
    assert levels["distinct"][0] <= len(counts) <= levels["distinct"][1]
    slack = levels.get("slack", [0] * len(levels["names"]))
    named = dict(zip(levels["names"], zip(levels["counts"], slack, strict=True), strict=True))
    for level, count in counts.items():
        low, more = named.get(level, (0, levels["missing"]))
        assert low <= count <= low + more


@pytest.fixture(params=["one piece", "two pieces"])
def profile(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Doc, pd.DataFrame]:
    """Return the profile of 20 000 rows, made at once or merged from two, and the rows."""
    rng = np.random.default_rng(0)
    n = 20_000
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "tied": np.round(rng.normal(size=n), 2),
            "gaps": np.where(rng.random(n) < 0.1, np.nan, rng.poisson(4, n)),
            "level": [f"level {i}" for i in rng.zipf(1.5, n) % 3000],
            "moment": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 10**6, n), unit="s"),
        }
    )
    added = mc.open(tmp_path / "store", create=True).datasets.add("d", frame)
    if request.param == "one piece":
        [path] = (tmp_path / "store" / "leaves").glob("*.json")
        return json.loads(path.read_bytes()), frame
    train, test = added.split()
    return json.loads(json.dumps((train.profile() + test.profile()).as_dict())), frame


def test_bounds_are_those_of_the_page(profile: tuple[Doc, pd.DataFrame]) -> None:
    """Sketches of numbers and moments, counts of levels, rows and nulls."""
    document, frame = profile
    x, tied, gaps, level, moment = document["columns"]
    assert [document["format"], document["rows"]] == [2, len(frame)]
    assert [one["nulls"] for one in document["columns"]] == frame.isna().sum().tolist()
    check_sketch(x["values"], frame["x"].to_numpy())
    check_sketch(tied["values"], frame["tied"].to_numpy())
    check_sketch(gaps["values"], frame["gaps"].dropna().to_numpy())
    check_sketch(moment["values"], frame["moment"].to_numpy(dtype="datetime64[us]").astype(np.int64))
    check_sketch(moment["times"], (frame["moment"] - frame["moment"].dt.normalize()).dt.total_seconds().to_numpy())
    check_sketch(level["values"], frame["level"].str.len().to_numpy())
    check_levels(level["levels"], frame["level"])
    told = x["moments"]
    expected = (len(frame), frame["x"].mean(), frame["x"].var(ddof=0))
    assert (told["n"], told["mean"], told["m2"] / told["n"]) == pytest.approx(expected)


def test_columns_have_the_fields_of_the_page(profile: tuple[Doc, pd.DataFrame]) -> None:
    """No other, and all but those it calls absent; kinds and sorts are among its words."""
    said = {
        name.strip("` "): words for names, words in rows(section("### Profile"), "field |") for name in names.split(",")
    }
    for column in profile[0]["columns"]:
        assert column.keys() <= said.keys()
        assert {name for name, words in said.items() if not words.startswith("absent")} <= column.keys()
        assert f"`{column['kind']}`" in said["kind"]
        assert column["sort"].removeprefix("levels of type ") in said["sort"]
    assert [column["unit"] for column in profile[0]["columns"]] == ["", "", "", "", "us"]


def test_the_sample_stores_have_profiles_of_the_page() -> None:
    """Whatever wrote them, a reader of the page finds every column of the table."""
    store = HERE / "v1"
    found = [json.loads(path.read_bytes()) for path in (store / "leaves").glob("*.json")]
    profiles = [one for one in found if "format" in one and "columns" in one]
    tables = [json.loads(pq.read_metadata(path).metadata[b"mlcycle"]) for path in (store / "leaves").glob("*.parquet")]
    widths = {len(one["presentation"]["columns"]) for one in tables if one["layout"] == "blocks"}
    assert {len(one["columns"]) for one in profiles} == widths
    assert all(Summary.from_dict(one).as_dict().items() <= one.items() for one in profiles)
