"""Stores of the future are read as docs/format.md says: what is known goes on, what is not stays as it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mlcycle as mc
from mlcycle import errors
from mlcycle._digest import canonical_json, sha256_bytes
from tests.stores.samples import CUSTOMERS, HERE, contents

LAST = 13


@pytest.fixture
def future(place: Path, request: pytest.FixtureRequest) -> Path:
    """Return format 1 with what a newer library wrote after it; the mark ``future`` says what."""
    return Path(shutil.copytree(HERE / "future" / request.param, place, dirs_exist_ok=True))


def of(what: str) -> pytest.MarkDecorator:
    """Say which of the stores of the future a test is about."""
    return pytest.mark.parametrize("future", [what], indirect=True)


def entry_of_the_future(place: Path, **other: Any) -> None:
    """Write one more entry, with something about it that nobody knows yet."""
    last = sorted((place / "log").glob("*.json"))[-1]
    entry = json.loads(last.read_bytes()) | {"prev": sha256_bytes(last.read_bytes()), "op": "auto:" + "e" * 32}
    entry |= {"changes": [{"kind": "tag.set", "name": "later", "to": 3}], "reuses": [], "n": entry["n"] + 1} | other
    (place / "log" / f"{entry['n']:010d}.json").write_bytes(canonical_json(entry))


def rewritten(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change a JSON document."""
    document = json.loads(path.read_bytes())
    change(document)
    path.write_bytes(canonical_json(document))


def reads(project: mc.Project) -> None:
    """Read what format 1 holds."""
    assert project.load("dataset:customers@1")["id"].tolist() == CUSTOMERS["id"]
    assert project.models.aliases("churn") == {"production": "churn@1"}
    assert project.experiments["trees"].runs()[0].metrics["accuracy"] == 0.75
    assert project.store.verify("bytes").problems == ()


def writes_nothing(place: Path, match: str) -> None:
    """Open for writing; everything can be read, nothing written, and the reason is given."""
    before = contents(place)
    project = mc.open(place, author="bob")
    reads(project)
    with pytest.raises(errors.ReadOnly, match=match):
        project.datasets.add("customers", pd.DataFrame({"id": [1]}))
    with pytest.raises(errors.ReadOnly, match=match):
        project.store.tag("now")
    with pytest.raises(errors.ReadOnly, match=match):
        project.rollback("launched")
    with pytest.raises(errors.ReadOnly, match=match):
        project.store.sweep()
    with pytest.raises(errors.ReadOnly, match=match):
        project.experiments["trees"].start()
    assert contents(place) == before


@of("kinds")
def test_unknown_kind_of_change(future: Path) -> None:
    """It is passed over, and the project is read-only."""
    writes_nothing(future, "dataset.teleport.*upgrade mlcycle")
    assert mc.open(future, mode="r").history()["what"].loc[LAST + 1 :].tolist() == ["dataset.teleport"]


@of("marks")
def test_unknown_mark(future: Path) -> None:
    """What it hides nobody knows: its version is not the newest, can be read, and the project is read-only."""
    writes_nothing(future, "mark 'frozen'.*upgrade mlcycle")
    project = mc.open(future, mode="r")
    with pytest.raises(errors.NotFound):
        project.models["churn"]
    assert project.models["churn@1"].ref == project.models["churn@production"].ref == "churn@1"
    assert project.at(LAST).models["churn"].ref == "churn@1"


def test_unknown_need_to_write(place: Path) -> None:
    """What is understood is folded, and nothing written."""
    entry_of_the_future(place, needs_write=["quantum"])
    writes_nothing(place, "quantum.*upgrade")
    assert mc.open(place, mode="r").at("later").store.info()["entries"] == 4


def test_unknown_need_to_read(place: Path) -> None:
    """Reading stops at that entry, naming it."""
    entry_of_the_future(place, needs_read=["quantum"])
    for mode in ("r", "rw"):
        with pytest.raises(errors.SchemaError, match=rf"log/{LAST + 1:010d}\.json.*quantum"):
            list(mc.open(place, mode=mode).datasets)


def test_entry_of_a_branch(place: Path) -> None:
    """A log that branches is not read as if it did not."""
    entry_of_the_future(place, log="trial")
    with pytest.raises(errors.SchemaError, match=rf"log/{LAST + 1:010d}\.json belongs to the branch 'trial'"):
        mc.open(place)


def test_entry_of_another_version(place: Path) -> None:
    """An entry of a later form is not guessed at."""
    entry_of_the_future(place, v=2)
    with pytest.raises(errors.SchemaError, match=f"{LAST + 1:010d}"):
        list(mc.open(place).datasets)


@pytest.mark.parametrize("change", [{"v": 99}, {"needs_read": ["quantum"]}])
def test_store_of_another_format(change: dict[str, Any], place: Path) -> None:
    """It is not opened at all."""
    rewritten(place / "store.json", lambda store: store.update(change))
    for mode in ("r", "rw"):
        with pytest.raises(errors.SchemaError, match=r"newer mlcycle.*upgrade"):
            mc.open(place, mode=mode)


def test_store_that_needs_more_to_be_written(place: Path) -> None:
    """It is read, and not written."""
    rewritten(place / "store.json", lambda store: store.update(needs_write=["quantum"]))
    writes_nothing(place, "quantum.*upgrade")


def test_unknown_fields(place: Path) -> None:
    """They are passed over wherever they stand, and the project can be worked on."""
    rewritten(place / "store.json", lambda store: store.update(mood="good"))
    for path in [*place.glob("runs/*/*/head.json"), place / "hint.json"]:
        rewritten(path, lambda document: document.update(mood="good"))
    for points in place.glob("runs/*/*/points-*.jsonl"):
        lines = [json.loads(line) | {"mood": "good"} for line in points.read_bytes().splitlines()]
        points.write_bytes(b"".join(canonical_json(line) + b"\n" for line in lines))
    for path in place.glob("runs/*/*/end.json"):
        rewritten(path, lambda end: end.update(mood="good", files=[_described(place, file) for file in end["files"]]))
    for captured in place.glob("traffic/*/*/*.jsonl"):
        lines = [json.loads(line) | {"mood": "good"} for line in captured.read_bytes().splitlines()]
        captured.write_bytes(b"".join(canonical_json(line) + b"\n" for line in lines))
    tag = {"kind": "tag.set", "name": "later", "to": 3, "mood": "good"}
    entry_of_the_future(place, mood="good", changes=[tag, *_changes_with_more(place)])
    project = mc.open(place, author="bob")
    reads(project)
    assert len(project.deployments["eu"].traffic()) == 2
    assert project.at("later").store.info()["entries"] == 4
    assert project.datasets["customers@3"].parents == ()
    assert project.models["churn@2"].ref == "churn@2"
    assert project.scope.get().objective == "another"
    assert project.store.tag("now") == LAST + 1
    assert project.store.verify("bytes").problems == ()


def _described(place: Path, file: dict[str, Any]) -> dict[str, Any]:
    """Describe a file as it is now, with one field more."""
    data = (place / file["key"]).read_bytes()
    return file | {"size": len(data), "sha256": sha256_bytes(data), "mood": "good"}


def _changes_with_more(place: Path) -> list[dict[str, Any]]:
    """Return changes of format 1, each with a field that nobody knows yet."""
    changes = [
        one for path in sorted((place / "log").glob("*.json")) for one in json.loads(path.read_bytes())["changes"]
    ]
    added = {change["of"]: change for change in changes if change["kind"] == "version.add"}
    scope = added["scope"]
    more = [
        added["dataset"] | {"name": "customers", "number": 3},
        added["model"] | {"number": 2},
        scope | {"number": 2, "scope": scope["scope"] | {"objective": "another", "mood": "good"}},
    ]
    return [change | {"mood": "good"} for change in more]


# what goes on beside what is not known


def goes_on(place: Path) -> mc.Project:
    """Work on as if nothing were unknown: nothing that a newer library wrote is touched by that."""
    before = contents(place)
    project = mc.open(place, author="bob")
    reads(project)
    last = project.datasets.versions("customers")[-1]
    added = project.datasets.add("customers", pd.DataFrame({"id": [1]}))
    assert added.number > last.number
    project.store.tag("now")
    assert project.store.sweep(min_age=0).keys == ()
    project.rollback(LAST)
    project.rollback("now")
    project.store.compact()
    reads(project)
    after = contents(place)
    assert {key for key, data in before.items() if after.get(key) != data} <= {"hint.json"}
    return project


@of("nouns")
def test_unknown_noun(future: Path) -> None:
    """Its versions, pointers and facts fold; it keeps its files, and what it answers with."""
    project = goes_on(future)
    view = project._session.view()
    assert ("recipe" in view.names.nouns(), view.names.of("recipe"), view.pointers.at("recipe", "soup", "menu")) == (
        True,
        ["soup"],
        1,
    )
    assert [fact.subject for fact in view.facts.of("tasting", "guest:ann")] == ["recipe:soup@1"]
    assert project.history()["what"][LAST + 2] == "recipe.boil; x-acme.note"
    with pytest.raises(errors.ConflictError, match="churn@1 is needed by churn@production, deployment eu, recipe soup"):
        project.store.drop("model:churn@1")


@of("nouns")
def test_unknown_guard(future: Path) -> None:
    """What it guards is left alone, and nothing else."""
    project = mc.open(future, author="bob")
    with pytest.raises(errors.ReadOnly, match=r"changing model:churn@canary takes a newer mlcycle .*moats"):
        project.models["churn@1"].promote("canary", override_until="2100-01-01", message="we must")
    assert project.models["churn@1"].promote("trial", override_until="2100-01-01", message="we must").allowed


@of("layouts")
def test_unknown_layouts(future: Path) -> None:
    """A version that cannot be read says why; all others can, that of a list file among them."""
    reasons = {
        3: "customers@3 is stored as 'folder', which this mlcycle does not know",
        4: "of customers@4 is encrypted by 'age', which this mlcycle does not know",
        5: "of customers@5 lies in '@place', a place of its owner's own",
    }
    with pytest.warns(errors.MlcycleWarning, match="upgrade mlcycle"):
        project = goes_on(future)
    for number, words in reasons.items():
        with pytest.raises(errors.SchemaError, match=words):
            project.load(f"dataset:customers@{number}")
    assert project.datasets["customers@6"].rows == 1
    assert project.load("dataset:customers.train")["id"].tolist() == [0, 3, 6, 9]


@of("words")
def test_unknown_words(future: Path) -> None:
    """A criterion nobody can judge shuts its gate, and so does a verdict; both are shown as they are."""
    project = goes_on(future)
    assert [str(one) for one in project.scope.get().criteria] == [
        "Calibrated (needs a newer mlcycle)",
        "accuracy ≥ 0.01",
    ]
    verdicts = [[one.verdict for one in found.results] for found in project.models["churn@1"].evaluations()]
    assert verdicts == [["inconclusive"], ["plausible"]]
    with pytest.raises(errors.GateBlocked, match=r"(?s)Calibrated .*newer mlcycle.*has the verdict 'plausible'"):
        project.models["churn@1"].promote("canary", message="go")
    assert [one.verdict for one in project.models["churn@1"].evaluate().results] == ["error", "inconclusive"]


@of("words")
def test_a_document_that_needs_more(future: Path) -> None:
    """The model whose card it is cannot be read; the others can."""
    project = mc.open(future, mode="r")
    words = "of churn@2 needs 'pieces', which this mlcycle does not know"
    with pytest.raises(errors.SchemaError, match=words):
        project.load("model:churn@2")
    with pytest.warns(errors.MlcycleWarning, match=words):
        assert [version.ref for version in project.models.versions("churn")] == ["churn@1"]


@of("runs")
def test_runs_of_the_future(future: Path) -> None:
    """What was said of a run later counts; one in a pack is a run like any other, though its environment is sealed."""
    project = goes_on(future)
    first, packed = project.experiments["trees"].runs()
    assert (first.name, first.tags, first.metrics["accuracy"]) == ("the first", ("kept",), 0.75)
    assert (packed.name, packed.status, packed.metrics) == ("packed", "paused", {"accuracy": 0.5})
    assert (packed.environment.digest, packed.environment.packages) == (f"sha256:{'0' * 64}", {})
    assert packed.points()["value"].tolist() == [0.5]
