"""The history: one shape everywhere, and of all entries those that were asked for."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier

import mlcycle as mc
from mlcycle import errors
from mlcycle._ids import new_id
from mlcycle.lifecycle._history import _VERBS, history_frame
from mlcycle.storage import Draft
from tests.verbs import verbs

Doc = dict[str, Any]

FRAME = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0] * 5, "y": [0, 1] * 10})
COLUMNS = ["what", "message", "author", "kind", "at"]


def write(project: mc.Project, *changes: Doc, verb: str = "", author: str = "ada", message: str = "") -> int:
    """Commit an entry of somebody else's making; return its number."""
    draft = Draft(list(changes))
    return project._session.log.commit(lambda now: draft, verb=verb, author=author, message=message).n


def told(frame: pd.DataFrame) -> dict[int, str]:
    """Return what a history tells, by entry."""
    return {int(str(entry)): str(what) for entry, what in frame["what"].items()}


@pytest.fixture(scope="module")
def lived() -> mc.Project:
    """Return a project that has seen data, a run, two versions, a route, and a rollback of all of it."""
    url = f"memory://history-{new_id()}"
    ada, bob = mc.open(url, create=True, author="ada"), mc.open(url, author="bob")
    data = ada.datasets.add("d", FRAME, target="y")  # 1
    with ada.experiments.open("e").start(uses=[data]) as run:  # 2, and 3 for its environment
        run.log(loss=1.0)
        run.save_model(DummyClassifier(strategy="prior").fit(FRAME[["x"]], FRAME["y"]), example=FRAME[["x"]])
    bob.runs[run.id].register("m", message="from a run")  # 4
    fitted = DummyClassifier(strategy="uniform").fit(FRAME[["x"]], FRAME["y"])
    bob.models.register("m", fitted, uses=[data], example=FRAME[["x"]])  # 5
    bob.store.tag("registered")  # 6
    ada.models["m@1"].promote("production", message="first")  # 7
    ada.models["m@2"].promote("production")  # 8
    bob.models["m@2"].promote("champion")  # 9
    ada.deployments.open("eu").route("m@2")  # 10 and 11
    bob.rollback(7, message="back")  # 12
    ada.scope.set(objective="try")  # 13
    return ada


def test_the_shape(lived: mc.Project) -> None:
    """An entry a row, oldest first, with its kind; moments are of UTC, and an empty history has the same columns."""
    for one in (lived.history(), lived.history(limit=0), lived.deployments["eu"].history()):
        assert (one.index.name, list(one.columns)) == ("entry", COLUMNS)
        assert (one.index.dtype, str(one["at"].dt.tz)) == ("int64", "UTC")
    frame = lived.history()
    assert [*frame.index] == [n for n in range(14) if n != 3]
    assert frame.loc[0, ["what", "kind"]].tolist() == ["project created", "project.create"]
    assert frame.loc[7, :"kind"].tolist() == [
        "gate allowed m@1; m@production → m@1",
        "first",
        "ada",
        "model.promote",
    ]


def test_what_is_kept_for_others_is_told_when_asked_for(lived: mc.Project) -> None:
    """The environment of a run is no news; its kind brings it."""
    pinned = lived.history(kind="run.pin")
    assert (list(pinned.index), pinned["what"].iloc[0][:25]) == ([3], "kept the environment of r")
    assert 3 not in lived.history().index


BACK = "project rolled back to entry 7"


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        ("d", {1: "added dataset d@1"}),
        ("dataset:D@1", {1: "added dataset d@1"}),
        ("experiment:e", {2: "opened experiment e"}),
        ("scope", {13: "set the scope, version 1"}),
        (
            "m",
            {
                4: "registered model m@1",
                5: "registered model m@2",
                7: "gate allowed m@1; m@production → m@1",
                8: "gate allowed m@2; m@production → m@2 (was m@1)",
                9: "gate allowed m@2; m@champion → m@2",
                11: "eu answers with m@2",
                12: f"{BACK}; m@production → m@1 (was m@2); m@champion → nothing (was m@2)",
            },
        ),
        (
            "model:m@production",
            {
                4: "registered model m@1",
                7: "gate allowed m@1; m@production → m@1",
                8: "m@production → m@2 (was m@1)",
                12: f"{BACK}; m@production → m@1 (was m@2)",
            },
        ),
        (
            "eu",
            {
                10: "opened deployment eu",
                11: "eu answers with m@2",
                12: f"{BACK}; eu → nothing (was revision 1)",
            },
        ),
        ("deployment:eu@1", {11: "eu answers with m@2", 12: f"{BACK}; eu → nothing (was revision 1)"}),
    ],
)
def test_of_one_thing(of: str, expected: dict[int, str], lived: mc.Project) -> None:
    """Of a name all of it, of a version what happened to that one; and only that is told."""
    assert told(lived.history(of=of)) == expected


def test_a_record_stands_where_a_ref_does(lived: mc.Project) -> None:
    """Versions, revisions, runs, the scope; a run also by the beginning of its id."""
    [run] = lived.experiments["e"].runs()
    [revision] = lived.deployments["eu"].revisions()
    records = [lived.models["m@1"], lived.datasets["d@1"], revision, lived.scope.get()]
    for record, ref in zip(records, ["m@1", "d@1", "deployment:eu@1", "scope:scope@1"], strict=True):
        assert told(lived.history(of=record)) == told(lived.history(of=ref))
    for about in (run, f"run:{run.id}", f"run:{run.id[:12]}"):
        assert told(lived.history(of=about)) == {4: "registered model m@1"}


def test_the_same_on_the_collections(lived: mc.Project) -> None:
    """What a collection tells of a name is its part of the history of the project."""
    for found, of in (
        (lived.datasets.history("d"), "dataset:d"),
        (lived.models.history("m"), "model:m"),
        (lived.deployments["eu"].history(), "deployment:eu"),
    ):
        pd.testing.assert_frame_equal(found, lived.history(of=of))
    assert [*lived.models.history("m", "champion").index] == [9, 12]


def test_a_record_of_another_project_is_refused(lived: mc.Project) -> None:
    """Its address means something else here."""
    other = mc.open(f"memory://other-{new_id()}", create=True)
    with other.experiments.open("e").start() as run:
        pass
    for record in (other.datasets.add("d", FRAME), other.runs[run.id]):
        with pytest.raises(errors.InvalidInput, match="a record of another project"):
            lived.history(of=record)


def test_the_moves_of_one_alias(lived: mc.Project) -> None:
    """Those alone, with the rollbacks of the project that moved it."""
    moves = history_frame(lived._session, of="model:m", pointer="champion")
    assert told(moves) == {9: "m@champion → m@2", 12: f"{BACK}; m@champion → nothing (was m@2)"}
    with pytest.raises(errors.NotFound, match=r"m has no alias 'champ'; it has had champion, production.*'champion'"):
        history_frame(lived._session, of="model:m", pointer="champ")
    with pytest.raises(errors.NotFound, match="d has no alias 'new'; it never had one"):
        history_frame(lived._session, of="dataset:d", pointer="new")


def test_the_past(lived: mc.Project) -> None:
    """A project as it stood has the history it had."""
    past = lived.at(7)
    assert [*past.history().index] == [0, 1, 2, 4, 5, 6, 7]
    assert [*past.history(of="m", limit=2).index] == [5, 7]
    assert [*past.history(kind="run").index] == [3]
    for of in ("eu", "scope"):
        with pytest.raises(errors.NotFound, match=f"nothing is called '{of}'"):
            past.history(of=of)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"author": "bob"}, [4, 5, 6, 9, 12]),
        ({"author": ["bob", "ada"], "limit": 2}, [12, 13]),
        ({"author": "eve"}, []),
        ({"author": []}, []),
        ({"kind": "model.promote"}, [7, 8, 9]),
        ({"kind": "model"}, [4, 5, 7, 8, 9]),
        ({"kind": ("rollback", "tag")}, [6, 12]),
        ({"kind": "model.rollback"}, []),
        ({"kind": "promote", "author": "ada", "of": "m@2"}, [8]),
        ({"since": 9}, [9, 10, 11, 12, 13]),
        ({"since": "registered", "of": "m", "limit": 2}, [11, 12]),
        ({"since": "1d"}, [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]),
        ({"since": timedelta(days=1), "limit": 1}, [13]),
        ({"since": "1999-01-01", "kind": "create"}, [0]),
        ({"limit": 11}, [1, 2, *range(4, 14)][1:]),
        ({"limit": 3, "of": "m"}, [9, 11, 12]),
        ({"limit": 100}, [0, 1, 2, *range(4, 14)]),
    ],
)
def test_what_is_asked_for_must_all_hold(asked: dict[str, Any], expected: list[int], lived: mc.Project) -> None:
    """The newest so many are of what is left."""
    assert [*lived.history(**asked).index] == expected


def test_since_a_moment(lived: mc.Project) -> None:
    """Entries of that very moment are in it, and a bare date begins with its first."""
    at = lived.history()["at"]
    assert [*lived.history(since=at[8]).index] == [*range(8, 14)]
    assert [*lived.history(since=at[8] + timedelta(microseconds=1)).index] == [*range(9, 14)]
    assert len(lived.history(since=at[0].date())) == 13
    with pytest.raises(errors.InvalidInput, match="has not begun in UTC"):
        lived.history(since=datetime.now(UTC) + timedelta(days=1))


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"author": 3}, errors.InvalidInput, r"author= is text such as 'ada', or a list of it, got 3"),
        ({"author": ["ada", 3]}, errors.InvalidInput, "author= is text"),
        ({"kind": b"tag"}, errors.InvalidInput, "kind= is text such as 'model.promote'"),
        (
            {"kind": "model.promoted"},
            errors.InvalidInput,
            r"kind='model\.promoted' is not a kind of entry in this history; there are .*mean 'model\.promote'\?",
        ),
        ({"kind": ["tag", "zz"]}, errors.InvalidInput, "kind='zz' is not a kind"),
        ({"of": "n"}, errors.NotFound, "nothing is called 'n'"),
        ({"of": "experiments"}, errors.NotFound, "nothing is called 'experiments'"),
        ({"of": "model:n"}, errors.NotFound, "no model is called 'n'"),
        ({"of": "experiment:x"}, errors.NotFound, "no experiment is called 'x'"),
        ({"of": "m@9"}, errors.NotFound, "m has no version 9; there are 1 and 2"),
        ({"of": "m@prod"}, errors.NotFound, "m has no alias 'prod'.*'production'"),
        ({"of": "run:0123"}, errors.NotFound, "run"),
        ({"of": "plan:x"}, errors.InvalidName, "unknown kind 'plan'"),
        ({"of": 5}, errors.InvalidInput, "an address is text"),
        ({"since": 99}, errors.NotFound, "entries 0 to 13"),
        ({"since": True}, errors.InvalidInput, "an entry is a number, a tag or a date"),
        ({"since": "some day"}, errors.NotFound, "the tags are registered"),
        ({"limit": -1}, errors.InvalidInput, "limit= is a number of entries"),
    ],
)
def test_what_cannot_be_asked_for(asked: dict[str, Any], error: type[Exception], words: str, lived: mc.Project) -> None:
    """It is named, with what there is."""
    with pytest.raises(error, match=words):
        lived.history(**asked)


def test_a_name_of_several_things() -> None:
    """It must be said which is meant."""
    project = mc.open(f"memory://names-{new_id()}", create=True)
    project.datasets.add("x", FRAME)
    project.experiments.open("x")
    with pytest.raises(errors.InvalidInput, match="'x' may be dataset:x or experiment:x; say which"):
        project.history(of="x")
    assert told(project.history(of="experiment:x")) == {2: "opened experiment x"}


def test_rejected_data() -> None:
    """What the gate kept out has its entry, under its number."""
    project = mc.open(f"memory://rejected-{new_id()}", create=True)
    project.scope.set(objective="try", criteria=[mc.RowCount(at_least=100, on="d")])
    with pytest.raises(errors.GateBlocked):
        project.datasets.add("d", FRAME)
    [what] = told(project.history(of="dataset:d@1")).values()
    assert [word in what for word in ("gate blocked", "added dataset d@1", "rejected dataset d@1")] == [True] * 3


def test_verbs_are_those_of_the_library() -> None:
    """A kind that has not happened yet is no mistake."""
    assert {*_VERBS} == verbs()


# entries of others, and all of it against looking at every entry -----------------------------------------------------


def test_entries_of_others() -> None:
    """A verb and a kind nobody knows here are shown and found; without a verb the change says the kind."""
    project = mc.open(f"memory://others-{new_id()}", create=True)
    note = {"kind": "x-acme.note", "of": "dataset", "name": "d", "optional": True}
    added = {"kind": "version.add", "of": "dataset", "name": "d", "number": 1}
    write(project, added, note, verb="acme.sync.all")
    write(project, note, {"kind": "place", "object": "o"})
    write(project, {"kind": "place", "object": "o"})
    assert project.history()["kind"].tolist() == ["project.create", "acme.sync.all", "x-acme.note"]
    assert told(project.history())[1] == "added dataset d@1; x-acme.note"
    assert told(project.history(of="d")) == {1: "added dataset d@1"}  # what another's kind is about, nobody knows
    for kind, entries in {"acme": [1], "sync.all": [1], "acme.sync.all": [1], "x-acme": [2], "place": [3]}.items():
        assert [*project.history(kind=kind).index] == entries
    with pytest.raises(errors.InvalidInput, match=r"there are acme\.sync\.all, place, project\.create, x-acme\.note"):
        project.history(kind="acme.sink")


def some_changes(dice: random.Random, made: dict[tuple[str, str], int], n: int) -> list[Doc]:
    """Return what one entry may hold, given how many versions there are."""
    of, name = dice.choice([*product(("dataset", "model", "recipe"), "ab")])
    count, ref = made.get((of, name), 0), f"{of}:{name}"
    place = {"kind": "place", "object": f"o{n}"}
    what = dice.choice(["add", "add", "move", "mark", "fact", "back", "tag", "pin"])
    if what == "add" or (what in ("move", "mark") and not count):
        made[of, name] = count + 1
        uses = ["model:a@1"] if of == "recipe" and made.get(("model", "a")) else []
        return [place, {"kind": "version.add", "of": of, "name": name, "number": count + 1, "uses": uses}]
    numbers = [dice.randint(1, count or 1) for _ in range(2)]
    if what == "move":
        pointer = dice.choice(["p", "q"])
        return [{"kind": "pointer.move", "of": of, "name": name, "pointer": pointer, "after": numbers[0]}]
    if what == "mark":
        on, mark = dice.random() < 0.7, dice.choice(["dropped", "retracted"])
        spans = [sorted(numbers)]
        return [{"kind": "version.mark", "of": of, "name": name, "mark": mark, "on": on, "numbers": spans}]
    if what == "fact":
        about = [f"{ref}@{numbers[0]}"] if count else []
        return [place, {"kind": "fact.add", "of": "verdict", "id": f"f{n}", "subject": "model:b@1", "about": about}]
    if what == "back" and n > 3:
        return [{"kind": "project.rollback", "to": dice.randrange(n)}]
    return (
        [{"kind": "tag.set", "name": "t", "to": 0}]
        if what == "tag"
        else [place, {"kind": "fact.add", "of": "pin"} | {"id": f"p{n}", "subject": f"o{n}"}]
    )


def concerns(project: mc.Project, change: Doc, n: int, of: str, name: str, number: int | None) -> bool:
    """Say of one change whether it is about a name or a version, by all that is said in `Project.history`."""
    refs = {change.get("subject"), *change.get("about", ()), *change.get("uses", ())} - {None}
    whole = f"{of}:{name}"
    if any(ref == f"{whole}@{number}" if number else ref.split("@")[0] == whole for ref in refs):
        return True
    if change["kind"] == "project.rollback":
        before, after = (project._session.view().then(at) for at in (n - 1, n))
        ends = [[view.pointers.at(of, name, pointer) for view in (before, after)] for pointer in "pq"]
        if of != "model":
            ends.append([view.versions.latest(of, name) for view in (before, after)])
        return any(was != now and number in (None, was, now) for was, now in ends)
    if (change.get("of"), change.get("name")) != (of, name):
        return False
    if change["kind"] == "pointer.move":
        return number in (None, change.get("before"), change["after"])
    spans = change.get("numbers", [[change.get("number", 0)] * 2])
    return number is None or any(first <= number <= last for first, last in spans)


@pytest.mark.parametrize("seed", range(3))
def test_every_narrowing_against_a_look_at_every_entry(seed: int) -> None:
    """Whatever is asked for together, it is what remains when each entry is asked by itself."""
    dice, made = random.Random(seed), dict[tuple[str, str], int]()
    project = mc.open(f"memory://random-{new_id()}", create=True)
    for n in range(1, 90):
        changes = some_changes(dice, made, n)
        verb = dice.choice([f"acme.{changes[-1]['kind'].split('.')[0]}", "model.promote", ""])
        write(project, *changes, verb=verb, author=dice.choice(["ada", "bob"]))
    entries = [*project._session.log.entries(0)]

    def kept(entry: Doc, author: Any, of: Any, kind: Any, since: Any) -> bool:
        aside = all(one["kind"] == "place" or one.get("of") == "pin" for one in entry["changes"])
        words = entry["verb"] or next(one["kind"] for one in entry["changes"] if one["kind"] != "place")
        return (
            entry["author"] in (author or ("ada", "bob", project._session.author))
            and (kind in (words, *words.split(".", 1)) if kind else of is not None or not aside)
            and (of is None or any(concerns(project, one, entry["n"], *of) for one in entry["changes"]))
            and entry["n"] >= (since or 0)
        )

    abouts = [None, *((of, name, number) for (of, name), count in made.items() for number in (None, 1, count))]
    asked = [*product([None, ["bob"]], abouts, [None, "acme", "promote", "acme.fact"], [None, 40], [None, 1, 7])]
    for author, of, kind, since, limit in dice.sample(asked, 200):
        if kind == "acme.fact" and not any(one["verb"] == kind for one in entries):
            continue
        expected = [entry["n"] for entry in entries if kept(entry, author, of, kind, since)][
            -limit if limit else None :
        ]
        ref = of and f"{of[0]}:{of[1]}" + (f"@{of[2]}" if of[2] else "")
        found = project.history(author=author, of=ref, kind=kind, since=since, limit=limit)
        assert expected == [*found.index], (author, ref, kind, since, limit)


# how much is read --------------------------------------------------------------------------------------------------


def test_little_is_read_where_little_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit reads the newest entries, a name its own, and a beginning bounds the rest."""
    project = mc.open(f"memory://long-{new_id()}", create=True)
    for n in range(1, 300):
        of = "model" if n in (20, 200) else "dataset"
        number = {20: 1, 200: 2}.get(n, n - (n > 20) - (n > 200))
        write(project, {"kind": "version.add", "of": of, "name": of[0], "number": number}, verb=f"{of}.add")
    log, read = project._session.log, list[int]()
    entries, entry = log.entries, log.entry

    def reading(start: int = 0, stop: int | None = None) -> Any:
        return (read.append(one["n"]) or one for one in entries(start, stop))

    monkeypatch.setattr(log, "entries", reading)
    monkeypatch.setattr(log, "entry", lambda n: read.append(n) or entry(n))
    for asked, expected, most in (
        ({"limit": 5}, [*range(295, 300)], 13),
        ({"of": "m"}, [20, 200], 2),
        ({"of": "d", "limit": 1}, [299], 9),
        ({"since": 290, "kind": "model"}, [], 10),
        ({"limit": 1, "kind": "model.add"}, [200], 300 + 150),  # the first look tells that there is such a kind
    ):
        read.clear()
        assert [*project.history(**asked).index] == expected
        assert len(read) <= most, (asked, len(read))
