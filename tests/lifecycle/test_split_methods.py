"""Splits obey roles: whatever decides where a row goes, no group is on two sides and no row is lost or taken twice."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, GroupShuffleSplit, LeaveOneGroupOut

import mlcycle as mc
from mlcycle import errors
from mlcycle._digest import unit_interval
from mlcycle.lifecycle.datasets.splits import METHODS, Rows, _by_value, draw, folds_request, parts_request, sides_of

DEFAULTS: dict[str, Any] = {"parts": None, "test": 0.25, "by": None, "gap": None, "stratify": None, "seed": 0}
FOLDS: dict[str, Any] = {"n": 5, "by": None, "gap": None, "stratify": None, "seed": 0}


def _frame(rows: int = 400, groups: int = 86, seed: int = 0) -> pd.DataFrame:
    """Return rows of some groups, out of order in time, two to a key."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": random.permutation(rows) // 2,
            "patient": random.integers(0, groups, rows),
            "ward": random.integers(0, 40, rows),
            "at": pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, rows // 3, rows), unit="h"),
            "ill": random.integers(0, 2, rows),
        }
    )


ROLES = {"key": "id", "group": "patient", "time": "at", "target": "ill"}


def _masks(frame: pd.DataFrame, roles: dict[str, str], **given: Any) -> dict[str, np.ndarray]:
    return draw(Rows("d", "d@1", frame, roles), parts_request(**DEFAULTS | given)).masks()


def _drawn(frame: pd.DataFrame, roles: dict[str, str], request: Any) -> Any:
    """Draw what fits; None for what is refused, as it has to be: it misses a share, or its gap leaves nothing."""
    try:
        return draw(Rows("d", "d@1", frame, roles), request)
    except errors.InvalidInput as error:
        found = re.search(r"would have ([\d,]+) of ([\d,]+) rows, its share being ([\d.]+),", str(error))
        if found is None:
            assert re.search("would have no rows: .*(gap|values of)|cannot fill", str(error))  # noqa: PT017 - as below
        else:
            rows, whole, share = (float(one.replace(",", "")) for one in found.groups())
            assert abs(rows / whole - share) > share / 2 - 1e-3
        return None


def _torn(masks: dict[str, np.ndarray], values: pd.Series) -> int:
    """Return how many values are in more than one part."""
    sides = pd.concat([pd.Series(part, index=values[mask]) for part, mask in masks.items()])
    return int((sides.groupby(level=0).nunique() > 1).sum())


@st.composite
def _asked(drawn: Any) -> tuple[pd.DataFrame, dict[str, str], dict[str, Any]]:
    """Return rows, roles, and a split that fits them."""
    frame = _frame(drawn(st.integers(150, 300)), drawn(st.integers(60, 120)), drawn(st.integers(0, 9)))
    ties = drawn(st.sampled_from(["none", "a few", "many"]))
    if ties != "many":  # a group has a few keys, as it should
        frame["id"] = frame["patient"] * 3 + frame["id"] % 3
    if ties == "a few":
        frame.loc[:3, "id"] = frame["id"].iloc[-4:].to_numpy()
    roles = {role: ROLES[role] for role in drawn(st.sets(st.sampled_from(sorted(ROLES)), min_size=1))}
    words = [role for role in ("time", "group", "key") if role in roles]
    by = drawn(st.sampled_from([None, *words, "patient", "id"]))
    timed = by == "time" or (by is None and "time" in roles)
    stratify = None if timed else drawn(st.sampled_from([None, False, "ill"]))
    given = {"by": by, "stratify": stratify, "seed": 0 if timed else drawn(st.integers(0, 5))}
    given["parts"] = drawn(st.sampled_from([{"train": 0.7, "test": 0.3}, {"a": 0.5, "b": 0.2, "c": 0.3}]))
    given["gap"] = drawn(st.sampled_from([None, 5, "3h"])) if timed else None
    return frame, roles, given


@given(_asked())
@settings(max_examples=150, deadline=None)
def test_parts_are_disjoint_and_complete_and_tear_nothing(
    asked: tuple[pd.DataFrame, dict[str, str], dict[str, Any]],
) -> None:
    """Roles by methods: every row in one part, or in the gap; groups whole; what is placed by stays together."""
    frame, roles, given = asked
    drawn = _drawn(frame, roles, parts_request(**DEFAULTS | given))
    if drawn is None:
        return
    masks = drawn.masks()
    taken = np.sum(list(masks.values()), axis=0)
    assert list(masks) == list(given["parts"])
    assert taken.max() == 1
    assert given["gap"] is not None or taken.min() == 1
    if "group" in roles:
        assert _torn(masks, frame["patient"]) == 0
    if drawn.part.method in ("group", "key", "column"):
        assert _torn(masks, frame[drawn.part.column]) == 0
    if drawn.part.method in ("random", "stratified"):
        shares = np.array(list(given["parts"].values())) * len(frame)
        assert [mask.sum() for mask in masks.values()] == pytest.approx(shares, abs=1)
    if drawn.part.method == "time":
        _check_time(frame, roles, masks)


def _check_time(frame: pd.DataFrame, roles: dict[str, str], masks: dict[str, np.ndarray]) -> None:
    """Look whether a part is over before the next begins; a group, where there is one, goes by its last moment."""
    moments = frame["at"]
    last = moments.groupby(frame["patient"]).transform("max") if "group" in roles else moments
    for before, after in zip(list(masks.values())[:-1], list(masks.values())[1:], strict=True):
        assert last[before].max() < last[after].min()
        assert moments[before].max() < last[after].min()


@given(_asked(), st.integers(2, 5))
@settings(max_examples=80, deadline=None)
def test_every_row_is_tested_on_at_most_once(
    asked: tuple[pd.DataFrame, dict[str, str], dict[str, Any]], n: int
) -> None:
    """Folds: disjoint, a group on one side of each; in time order nothing trained on is later than the test."""
    frame, roles, given = asked
    given = {name: value for name, value in given.items() if name != "parts"}
    drawn = _drawn(frame, roles, folds_request(n, **given))
    if drawn is None:
        return
    sides = sides_of(drawn, n)
    tested = (sides == 2).sum(axis=0)
    assert (len(sides), tested.max()) == (n, 1)
    assert drawn.part.method == "time" or tested.min() == 1
    last = frame["at"].groupby(frame["patient"]).transform("max") if "group" in roles else frame["at"]
    for side in sides:
        if "group" in roles:
            assert not set(frame["patient"][side == 1]) & set(frame["patient"][side == 2])
        if drawn.part.method == "time":
            assert frame["at"][side == 1].max() < last[side == 2].min()


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"stratify": False},
        {"stratify": True},
        {"by": "key"},
        {"by": "ward"},
        {"by": GroupShuffleSplit(1, test_size=0.25, random_state=0)},
    ],
    ids=["default", "not stratified", "stratified", "key", "column", "splitter"],
)
def test_no_group_is_on_two_sides(given: dict[str, Any]) -> None:
    """86 groups: rows drawn one by one put 53 of them on both sides, and nothing that a version with the role does."""
    frame = _frame().assign(id=np.arange(400), ward=lambda frame: frame["patient"] % 40)
    alone = _masks(frame, {"target": "ill"}, stratify=False)
    assert _torn(alone, frame["patient"]) == 53
    masks = _masks(frame, {"target": "ill", "key": "id", "group": "patient"}, **given)
    assert _torn(masks, frame["patient"]) == 0
    assert 60 < masks["test"].sum() < 140


def test_the_roles_choose_the_method() -> None:
    """Time before group before a target of few classes before chance."""
    frame = _frame()
    found = {}
    for roles in (["time", "group", "target"], ["group", "target", "key"], ["target", "key"], ["key"]):
        part = draw(Rows("d", "d@1", frame, {role: ROLES[role] for role in roles}), parts_request(**DEFAULTS)).part
        found[part.method] = (part.column, part.group, part.stratify, part.seed)
    assert found == {
        "time": ("at", "patient", None, None),
        "group": ("patient", "patient", None, 0),
        "stratified": ("ill", None, "ill", 0),
        "random": (None, None, None, 0),
    }


@pytest.mark.parametrize("role", ["time", "group", "key"])
def test_a_word_means_the_role_and_nothing_else(role: str) -> None:
    """Also where a column has that name: what it means is said when the table is added."""
    frame = _frame().assign(time=0, group=0, key=0)
    says = rf"d@1 has no column with the role '{role}'; .*project\.datasets\.add\('d', …, {role}='column'\)"
    with pytest.raises(errors.InvalidInput, match=says):
        _masks(frame, {"target": "ill"}, by=role)


def test_rows_keep_their_part_when_data_grows() -> None:
    """By key, group or column, more rows of the same and of new groups move nobody."""
    more = _frame(900).assign(id=lambda frame: frame["patient"] * 2 + frame["id"] % 2)
    for by in ("key", "group", "patient"):
        before, after = (_masks(frame, {"key": "id", "group": "patient"}, by=by) for frame in (more[:300], more))
        assert [mask.tolist() for mask in before.values()] == [mask[:300].tolist() for mask in after.values()]


def test_a_key_in_a_group_goes_where_its_group_goes() -> None:
    """The hash of the coarser of the two places both; where neither is, what they tie together stays so."""
    frame = _frame().assign(id=np.arange(400), land=lambda frame: frame["patient"] % 29)
    roles = {"key": "id", "group": "patient"}
    by_group, by_key = _masks(frame, roles, by="group"), _masks(frame, roles, by="key")
    assert by_group["test"].tolist() == by_key["test"].tolist()
    assert _masks(frame, roles, by="land")["test"].tolist() == _masks(frame, {}, by="land")["test"].tolist()
    pairs = pd.DataFrame({"a": np.arange(240) // 2, "b": np.arange(240) // 6 * 6 + np.arange(240) % 6 // 3})
    masks = _masks(pairs, {"group": "b"}, by="a")
    assert (_torn(masks, pairs["a"]), _torn(masks, pairs["b"])) == (0, 0)


def _nested(many: int, each: int) -> pd.DataFrame:
    """Return countries of so many households each, three rows a household, in no order of size."""
    household = np.arange(many * each).repeat(3)
    return pd.DataFrame({"country": household // each, "household": household})


@given(st.integers(2, 8), st.integers(0, 5), st.lists(st.tuples(st.integers(0, 199), st.integers(0, 199)), max_size=4))
@settings(max_examples=40, deadline=None)
@pytest.mark.parametrize("by", ["country", "key", "group"])
def test_a_tie_moves_only_what_it_ties(by: str, each: int, seed: int, moves: list[tuple[int, int]]) -> None:
    """A row of a household in another country ties two of them; all others stay, and the two go where one was."""
    frame = _nested(200, each)
    more = pd.DataFrame([{"household": home * each, "country": other} for home, other in moves], columns=[*frame])
    tied = pd.concat([frame, more.astype(frame.dtypes)], ignore_index=True)
    roles = {"group": "household" if by != "group" else "country", "key": "country" if by != "group" else "household"}
    before, after = (_masks(one, roles, by=by, seed=seed)["test"] for one in (frame, tied))
    moved = set(frame["country"][before != after[: len(frame)]])
    assert moved <= {one for pair in moves for one in pair}
    assert abs(int(before.sum()) - int(after.sum())) <= (len(moved) + 1) * 3 * each
    if by != "group":
        assert _torn({"train": ~after, "test": after}, tied["household"]) == 0
        assert _torn({"train": ~after, "test": after}, tied["country"]) == 0


@pytest.mark.parametrize(("values", "groups"), [(400, 1600), (1600, 400), (1000, 1000)])
def test_shares_hold_on_average_whatever_is_tied(values: int, groups: int) -> None:
    """Columns that tie each other by chance: over 60 seeds, a quarter is a quarter to within three standard errors."""
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"a": random.integers(0, values, 500), "b": random.integers(0, groups, 500)})
    shares = []
    for seed in range(60):
        rows, request = Rows("d", "d@1", frame, {"group": "b"}), parts_request(**DEFAULTS | {"by": "a", "seed": seed})
        shares.append(float((unit_interval(_by_value._hashes(rows, "a", request.seed)) >= 0.75).mean()))
    assert np.mean(shares) == pytest.approx(0.25, abs=3 * np.std(shares) / 60**0.5)


def test_a_split_far_from_its_shares_is_refused() -> None:
    """Whether chance, few units or a large one is the reason, and with what helps: another seed only where it does."""
    frame = pd.DataFrame({"g": [0] * 90 + [*range(1, 11)], "ten": np.arange(100) // 10, "y": [0, 1] * 50})
    for by, group in (("group", "g"), ("g", None)):
        roles = {"target": "y"} if group is None else {"target": "y", "group": group}
        for seed in range(30):
            with pytest.raises(errors.InvalidInput, match=r"would have .* rows") as refused:
                _masks(frame, roles, by=by, seed=seed)
            assert "seed" not in str(refused.value)
            assert re.search("the largest with 90 rows|give it a larger share$", str(refused.value))
    found = []
    for seed in range(30):
        try:
            found.append(int(_masks(frame, {"group": "ten"}, seed=seed)["test"].sum()))
        except errors.InvalidInput as error:
            assert re.search("10 values of 'ten', are placed by a hash.*another seed|no rows", str(error))  # noqa: PT017
    assert set(found) == {20, 30}
    assert _masks(frame, {"group": "ten", "target": "y"}, stratify=True)["test"].sum() in (20, 30)
    assert _masks(frame, {"group": "g"}, test=0.1, seed=0, stratify="y")["test"].sum() == 10


def test_folds_are_as_large_as_their_groups() -> None:
    """To leave one group out after the other is a use of them, whatever their sizes."""
    frame = pd.DataFrame({"g": [0] * 90 + [*range(1, 11)]})
    drawn = draw(Rows("d", "d@1", frame, {"group": "g"}), folds_request(11, None, None, None, 0))
    assert sorted(mask.sum() for mask in drawn.masks().values()) == [1] * 10 + [90]


def test_rows_without_a_group_are_one_group() -> None:
    """Missing values, however they are written, are one value."""
    frame = pd.DataFrame({"g": [None, np.nan, pd.NaT, *range(97)], "y": [0, 1] * 50}, dtype=object)
    for stratify in (None, "y"):
        assert _masks(frame, {"group": "g"}, stratify=stratify)["train"][:3].tolist() in ([True] * 3, [False] * 3)


_TARGETS: dict[str, Any] = {
    "nullable": pd.array([1, None, 2, 3] * 10, dtype="Int64"),
    "floats with NaN": [1.0, np.nan] * 20,
    "nothing but NaN": [np.nan] * 40,
    "truth": [True, False] * 20,
    "nullable truth": pd.array([True, None] * 20, dtype="boolean"),
    "categories": pd.Categorical(["a", "b", None, "c"] * 10, categories=["unused", "c", "b", "a"]),
    "text": ["a", None] * 20,
    "moments": pd.date_range("2024", periods=40),
    "moments in a zone": pd.date_range("2024", periods=40, tz="UTC"),
    "durations": pd.to_timedelta(range(40), unit="h"),
    "periods": pd.period_range("2024", periods=40, freq="M"),
    "intervals": pd.interval_range(0, 40),
    "dates": [dt.date(2024, 1, 1), dt.date(2024, 1, 2)] * 20,
    "tuples": [(1,), (2,)] * 20,
    "sparse": pd.arrays.SparseArray([0, 1] * 20),
    "Arrow text": pd.array(["a", None] * 20, dtype="string[pyarrow]"),
    "a regression": np.random.default_rng(0).normal(size=40),
    "lists": pd.Series([["a"], ["a", "b"]] * 20),
    "dicts": pd.Series([{"a": 1}, {"a": 2}] * 20),
    "arrays": pd.Series([np.array([1.0]), np.array([2.0])] * 20),
}


@pytest.mark.parametrize("name", _TARGETS)
def test_any_target_is_split_by_default(name: str) -> None:
    """Forty rows with any target give a quarter to the test, and three ways what was asked for."""
    frame = pd.DataFrame({"x": range(40), "y": _TARGETS[name]})
    three = {"train": 0.5, "validation": 0.25, "test": 0.25}
    assert [mask.sum() for mask in _masks(frame, {"target": "y"}).values()] == [30, 10]
    assert [mask.sum() for mask in _masks(frame, {"target": "y"}, parts=three).values()] == [20, 10, 10]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"stratify": "y"}, "column 'y' of d@1 holds no classes: .* such as .*another column"),
        ({"by": "y"}, "cannot be placed by column 'y': .*another column, or a mask"),
    ],
)
@pytest.mark.parametrize("name", ["lists", "dicts"])
def test_lists_are_not_classes_and_not_keys(name: str, given: dict[str, Any], says: str) -> None:
    """A split by values that cannot be compared is refused, with another way."""
    frame = pd.DataFrame({"x": range(40), "y": _TARGETS[name]})
    with pytest.raises(errors.InvalidInput, match=says):
        _masks(frame, {}, **given)


@pytest.mark.parametrize("by", ["Y", 0, True, {"y"}, object()])
def test_a_column_that_is_not_there_is_refused(by: Any) -> None:
    """Whatever is given for a column, the message says which there are."""
    frame = pd.DataFrame({"x": range(8), "y": [0, 1] * 4})
    with pytest.raises(errors.InvalidInput, match=r"by=.* names no column of d@1"):
        _masks(frame, {}, by=by)
    with pytest.raises(errors.InvalidInput, match=r"stratify=.* names no column of d@1|no column with the role"):
        _masks(frame, {}, stratify=by)


def test_a_split_by_a_column_called_zero() -> None:
    """The label 0 is a label, of a role too."""
    frame = pd.DataFrame(np.arange(80).reshape(40, 2) // 8)
    for roles, by in (({"group": 0}, None), ({}, 0)):
        assert _torn(_masks(frame, roles, by=by, test=0.4), frame[0]) == 0


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"test": 0.01, "by": "land"}, r"d\.test would have no rows: 0\.01 of 3 values of 'land', method 'column'"),
        ({"test": 0.001}, r"no rows: 0\.001 of 120 rows, method 'random'; give it a larger share\Z"),
        (
            {"by": "x", "test": 0.01, "roles": {"group": "land"}},
            r"0\.01 of 3 values of 'x' once groups of 'land' are whole",
        ),
        (
            {"by": "land", "roles": {"group": "one"}},
            r"of 1 value of 'land' once .*; they cannot fill the parts: .*another",
        ),
        ({"stratify": "x"}, "stratify='x' has 120 values.*at most 50; .*qcut"),
        ({"stratify": True, "roles": {"target": "x"}}, "stratify='x' has 120 values.*at most 50; .*qcut"),
        ({"gap": 3}, "gap=3 is left out in time order, and this split draws single rows"),
        (
            {"stratify": True, "by": "time", "roles": {"time": "x", "target": "y"}},
            "goes by the time, which.*by='group'",
        ),
        ({"stratify": "x", "by": "land", "test": 0.4}, "stratify='x' has 120 values.*at most 50; .*qcut"),
        ({"by": "random"}, r"by='random' names no column of d@1; leave by= out: stratify=False draws single rows"),
        ({"by": "stratified"}, "by='stratified' names no column of d@1; leave by= out: stratify=True, or a column"),
        ({"by": "random", "roles": {"group": "land"}}, "leave by= out: groups are placed by their hash"),
        ({"by": "random", "roles": {"time": "x"}}, r"in time order; by='key' .* mask does, .*\.random\(120\) < 0\.25"),
        ({"seed": 3, "roles": {"time": "x"}}, "seed=3 changes nothing here: this split goes by the time"),
        ({"parts": ["a", "b"]}, r"parts=\['a', 'b'\] says no shares.*parts={'a': …, 'b': …}"),
    ],
)
def test_what_does_not_go_together_is_refused(given: dict[str, Any], says: str) -> None:
    """The message says what it goes by, and what to do."""
    frame = pd.DataFrame({"land": ["DE", "FR", None] * 40, "x": range(120), "y": range(120), "one": 1})
    given, roles = {**given}, given.get("roles", {})
    given.pop("roles", None)
    with pytest.raises(errors.InvalidInput, match=says):
        _masks(frame, roles, **given)


@pytest.mark.parametrize(
    ("n", "roles", "says"),
    [
        (6, {}, r"0\.167 of 5 rows, method 'random'; they cannot fill the parts: ask for folds\(5\)\Z"),
        (4, {"group": "g"}, r"of 2 values of 'g', method 'group'; they cannot fill the parts: ask for folds\(2\)\Z"),
        (2, {"group": "one"}, r"of 1 value of 'one', .*: split by another column\Z"),
    ],
)
def test_what_cannot_help_is_not_said(n: int, roles: dict[str, str], says: str) -> None:
    """Neither another seed nor a larger share makes six of five."""
    frame = pd.DataFrame({"x": range(5), "g": [1, 1, 1, 2, 2], "one": 1})
    with pytest.raises(errors.InvalidInput, match=says):
        draw(Rows("d", "d@1", frame, roles), folds_request(n, None, None, None, 0))


def test_dozens_of_parts_are_kept_in_one_entry() -> None:
    """One group left out after the other; 40 parts; more than an entry holds is refused before anything is stored."""
    project = mc.open("memory://dozens", create=True)
    version = project.datasets.add("d", pd.DataFrame({"g": np.arange(120) // 3}), group="g")
    assert len(version.folds(40)) == 40
    assert len(version.folds(40, by=LeaveOneGroupOut()).parts) == 40
    other = project.datasets.add("e", pd.DataFrame({"x": range(300)}))
    parts = other.split({f"part{number}": 1 / 40 for number in range(40)})
    assert [part.part.place for part in parts if part.part] == [*range(1, 41)]
    entries = project.store.info()["entries"]
    with pytest.raises(errors.InvalidInput, match=r"100 parts of e@1 are more than .* ask for folds\(\d\d\), or fewer"):
        other.folds(100)
    assert project.store.info()["entries"] == entries


@pytest.mark.parametrize("method", METHODS)
def test_a_part_says_how_it_was_chosen(method: str) -> None:
    """Method, column, seed and shares are in the log with the version, and in what it prints."""
    by = {"random": None, "stratified": None, "column": "ward", "mask": np.arange(400) > 299}
    by["splitter"] = GroupKFold(4)
    roles = {} if by.get(method, 0) is None else ROLES
    frame = _frame().assign(id=np.arange(400), ward=lambda frame: frame["patient"])
    if method == "mask":
        roles = {role: column for role, column in roles.items() if role != "group"}
    project = mc.open(f"memory://said-{method}", create=True)
    version = project.datasets.add("d", frame, **roles)
    stratify = "ill" if method == "stratified" else None
    seed = 0 if method in ("time", "mask", "splitter") else 3
    train, test = version.split(by=by.get(method, method), stratify=stratify, seed=seed)
    again = mc.open(f"memory://said-{method}").datasets["d.test"]
    part = again.part
    assert part is not None
    assert (again, part, part.method, (part.place, part.of)) == (
        test,
        evolve(train.part, share=part.share, place=2),
        method,
        (2, 2),
    )
    assert part.seed == (seed or None)
    assert train.part.share + part.share == pytest.approx(1)
    assert str(part)[:50] in repr(again).replace('\\"', '"')
    assert f"{part.share:.3g}, part 2 of 2" in again._repr_html_()
    assert version.part is None
