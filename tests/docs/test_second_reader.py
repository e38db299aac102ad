"""The library and a reader written from docs/format.md alone see the same project, at every entry of real stores."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings

import mlcycle as mc
from mlcycle.state import View, find_live_files
from mlcycle.storage import Draft
from tests.docs import second_reader
from tests.docs.second_reader import DamagedError, NewerError, Reader, canonical, digest, read_log, unique
from tests.docs.test_format_page import PAGE
from tests.state.histories import Work
from tests.state.random_logs import logs
from tests.state.small_log import SmallLog
from tests.storage.shelf import small_rollups
from tests.stores.samples import HERE

if TYPE_CHECKING:
    from pathlib import Path


Doc = dict[str, Any]


# one picture, drawn twice --------------------------------------------------------------------------------------------


def by_the_library(view: View) -> Doc:
    """Return all there is at an entry, as the library sees it."""
    return {
        "id": view.state.id,
        "tags": view.tags(),
        "names": {
            (of, one.name): _name(view, of, one.name) for of in view.names.nouns() for one in view.names.every(of)
        },
        "facts": {of: [_fact(fact) for fact in view.facts.of(of)] for of in view.state.facts.nouns()},
    }


def _name(view: View, of: str, name: str) -> Doc:
    found = view.names.known(of, name)
    guards = [said for n, said in found.guards if n <= view.n]
    marks = {mark for n, mark, *_ in found.marks if n <= view.n} | {"retracted"}
    return {
        "id": found.id if found.said and found.said[0] <= view.n else None,
        "said": view.names.said(of, name),
        "guards": guards[-1] if guards else {},
        "latest": view.versions.latest(of, name),
        "stacks": {pointer: view.pointers.stack(of, name, pointer) for pointer in view.pointers.names(of, name)},
        "tops": {pointer: view.pointers.at(of, name, pointer) for pointer in view.pointers.names(of, name)},
        "marks": {mark: view.marks.numbers(of, found, mark) for mark in marks},
        "versions": [_version(view, of, name, i) for i in range(1, view.versions.count(found) + 1)],
    }


def _version(view: View, of: str, name: str, number: int) -> Doc:
    one = view.versions.get(of, name, number)
    lists = {"needs": [*one.needs], "uses": [*one.uses], "made_from": [*one.made_from]}
    return {"number": number, **one.says, **{field: refs for field, refs in lists.items() if refs}}


def _fact(fact: Any) -> Doc:
    lists = {"about": [*fact.about], "needs": [*fact.needs]}
    said = {field: refs for field, refs in lists.items() if refs}
    return {"of": fact.of, "id": fact.id, "subject": fact.subject, **fact.says, **said}


def by_the_page(reader: Reader, n: int) -> Doc:
    """Return the same, as the second reader sees it."""
    names = {(key[0], name): _name_by_the_page(reader, key, n) for key, name in reader.names(n).items()}
    facts: dict[str, list[Doc]] = {change["of"]: [] for change in _facts(reader)}
    for change in reader.facts(n):
        facts[change["of"]].append(_filled(change, "kind"))
    return {"id": reader.id(n), "tags": reader.tags(n), "names": names, "facts": facts}


def _facts(reader: Reader) -> list[Doc]:
    return [change for entry in reader.entries for change in entry["changes"] if change["kind"] == "fact.add"]


def _name_by_the_page(reader: Reader, key: tuple[str, str], n: int) -> Doc:
    stacks = reader.stacks(key, n)
    return {
        "id": reader.name_id(key, n),
        "said": reader.said(key, n),
        "guards": reader.guards(key, n),
        "latest": reader.latest(key, n),
        "stacks": stacks,
        "tops": {pointer: stack[-1] if stack else None for pointer, stack in stacks.items()},
        "marks": {mark: reader.marked(key, mark, n) for mark in {*reader.marks(key, n), "retracted"}},
        "versions": [_filled(one, "kind", "of", "name") for one in reader.versions(key, n)],
    }


def _filled(change: Doc, *without: str) -> Doc:
    empty = {field for field in ("needs", "uses", "made_from", "about") if not change.get(field)}
    return {field: value for field, value in change.items() if field not in {*without, *empty}}


def agree(entries: list[Doc], view: View) -> None:
    """Compare the whole project at every entry, seen from the last."""
    reader = Reader(entries)
    for n in range(len(entries)):
        assert by_the_page(reader, n) == by_the_library(view.then(n)), n


# real stores ---------------------------------------------------------------------------------------------------------


def worked(seed: int, steps: int) -> Work:
    """Return somebody who has worked, and did by hand what no verb of the library does yet."""
    work = Work(seed)
    work.go_on(steps)
    _by_hand(work)
    once_more = "add drop sweep tag promote register route go_back_a_little roll_alias_back promote go_back"
    for verb in once_more.split():
        work.attempt(verb)
    return work


def _by_hand(work: Work) -> None:
    commit = work.project._session.log.commit
    name = {"of": "model", "name": "M"}  # the one that is there as m
    for changes in (
        [{"kind": "version.mark", **name, "mark": "rejected", "numbers": [[1, 1]]}],
        [{"kind": "version.mark", **name, "mark": "retracted", "numbers": [[1, 2]]}],
        [{"kind": "name.set", **name, "guards": {"pointer.move:gold": ["gates"]}, "owner": "ada"}],
        [{"kind": "x-lab.note", "optional": True}, {"kind": "name.set", **name, "guards": {}, "owner": None}],
        [{"kind": "name.set", "of": "recipe", "name": "soup", "id": "5", "fixed": True}],
        [{"kind": "version.add", "of": "recipe", "name": "soup", "number": 1, "salt": 3}],
        [{"kind": "project.rollback", "to": 5, "keep": ["model:m", "deployment:eu"]}],
        [{"kind": "version.mark", **name, "mark": "retracted", "on": False, "numbers": [[1, 9]]}],
    ):
        commit(lambda now, changes=changes: Draft(changes), verb="by.hand", author="ada")  # type: ignore[misc]


def copied(project: mc.Project, target: Path) -> Path:
    """Return a folder with every file of a project."""
    files = project._session.log.files
    for item in files.list(""):
        (target / item.key).parent.mkdir(parents=True, exist_ok=True)
        (target / item.key).write_bytes(files.read(item.key))
    return target


def both_read(store: Path) -> Reader:
    """Read a store twice, compare all there is at every entry and what must stay, and return the second reader."""
    project = mc.open(store, mode="r")
    view = project._session.view()
    entries = read_log(store)
    agree(entries, view)
    reader = Reader(entries)
    census = find_live_files(view, entries, lambda file: project._session.blobs.checked_files.listed(file, "a list"))
    assert reader.kept(store) == census.live()
    placed = reader.placed()
    assert {*placed} == {*census.files}
    assert {one: place["prefix"] for one, place in placed.items() if place.get("prefix")} == census.prefixes
    assert bool(reader.read_only) == (project._session.log.snapshot().read_only is not None)
    return reader


@pytest.mark.parametrize("seed", [2, 5])
def test_both_see_the_same(seed: int, tmp_path: Path) -> None:
    """Rollbacks within rollbacks, drops, restores and sweeps among all the verbs there are; at every entry."""
    reader = both_read(copied(worked(seed, 90).project, tmp_path))
    kinds = {change["kind"] for entry in reader.entries for change in entry["changes"]}
    assert kinds >= {*second_reader.KINDS} - {"store.copied"}
    assert sum(entry["verb"] == "project.rollback" for entry in reader.entries) > 3


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(20, 60))
def test_both_see_the_same_in_many_histories(seed: int, tmp_path: Path) -> None:
    """The same for forty histories."""
    both_read(copied(worked(seed, 200).project, tmp_path))


def test_both_read_a_compacted_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Emptied entries are taken from their rollups, and so is one that is damaged."""
    monkeypatch.setattr(second_reader, "ROLLUP", small_rollups(monkeypatch))
    work = worked(3, 40)
    work.project.store.compact()
    for tag in ("a", "b", "c"):
        work.project.store.tag(tag, 3)
    store = copied(work.project, tmp_path)
    emptied = [path for path in sorted((store / "log").glob("*.json")) if not path.stat().st_size]
    assert len(emptied) > 30
    emptied[0].write_bytes(b'{"torn')
    both_read(store)


def test_rollups_have_the_size_of_the_page(tmp_path: Path) -> None:
    """1 024 entries, of which all but the first are emptied."""
    project = mc.open("memory://second-reader", create=True, author="ada")
    for i in range(1030):
        project.store.tag("here", i % 2)
    project.store.compact()
    store = copied(project, tmp_path)
    assert [path.name for path in (store / "log").glob("rollup*")] == ["rollup-0-1023.jsonl.gz"]
    assert sum(not path.stat().st_size for path in (store / "log").glob("*.json")) == 1023
    entries = read_log(store)
    assert [entry["n"] for entry in entries] == [*range(len(entries))]
    assert Reader(entries).tags(1029) == project.at(1029).store._session.view().tags()


FUTURES = sorted(path.name for path in (HERE / "future").iterdir())


@pytest.mark.parametrize("laid_over", ["", *FUTURES])
def test_both_read_the_sample_stores(laid_over: str, tmp_path: Path) -> None:
    """What is kept for ever, and stores of the future: unknown nouns, kinds, marks, layouts, lists and prefixes."""
    store = shutil.copytree(HERE / "v1", tmp_path / "store")
    if laid_over:
        shutil.copytree(HERE / "future" / laid_over, store, dirs_exist_ok=True)
    both_read(store)


# any log -------------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(log=logs(15))
def test_both_fold_any_log_alike(log: SmallLog) -> None:
    """Whatever a writer may put into entries: unknown nouns and marks, optional kinds, many things at once."""
    agree(log.entries, log.view())
    reader = Reader([{**entry, "needs_write": []} for entry in log.entries])
    assert {*reader.placed()} == {one for one in ("toy:a", "model:a") if log.view().placed.has(one)}
    marks = {change["mark"] for entry in log.entries for change in entry["changes"] if "mark" in change}
    assert reader.read_only == (["mark frozen"] if "frozen" in marks else [])


def test_the_example_of_the_page_is_true() -> None:
    """Spans, stack, retractions and latest of the page's example, by the page, the second reader and the library."""
    block = re.search(r"<!-- vectors: spans -->\n```json\n(.*?)```", PAGE, re.DOTALL)
    code = re.search(r"^```python\n(def spans.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert block is not None
    assert code is not None
    told, said, log = json.loads(block[1]), {}, SmallLog()
    exec(code[1], said)
    for line in told:
        log.write(*line["changes"])
    reader, key = Reader(log.entries), unique("model", "m")
    for n, line in enumerate(told):
        changes = ((entry["n"], change) for entry in log.entries[: n + 1] for change in entry["changes"])
        backs = [(m, one["to"]) for m, one in changes if one["kind"] == "project.rollback" and not one.get("keep")]
        assert [tuple(span) for span in line["spans"]] == said["spans"](n, backs) == reader.spans(key, n)
        view = log.view(n)
        name = view.names.get("model", "m")
        found = {
            "stack": [] if name is None else view.pointers.stack("model", "m", "p"),
            "retracted": [] if name is None else sorted(view.marks.numbers("model", name, "retracted")),
            "latest": view.versions.latest("model", "m"),
        }
        again = [reader.stacks(key, n).get("p", []), sorted(reader.marked(key, "retracted", n)), reader.latest(key, n)]
        assert found == {field: line[field] for field in found}
        assert again == [line[field] for field in found]


# damage --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a small store."""
    project = mc.open(tmp_path / "store", create=True, author="ada")
    for tag in ("a", "b", "c"):
        project.store.tag(tag, 0)
    return tmp_path / "store"


def _last(store: Path) -> Path:
    return sorted((store / "log").glob("0*.json"))[-1]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"n":3', b'"n":3,"n":3'),
        (b'"n":3', b'"n": 3'),
        (b'"to":0', b'"to":NaN'),
        (b'"to":0', b'"to":0.00'),
        (b'"author":"ada"', b'"author":"\\u0061da"'),
        (b'"n":3', b'"n":4'),
        (b'"prev":"sha256:', b'"prev":"sha257:'),
        (b'"sig":null', b'"sig":null}\n{"a":1'),
        (b'"reuses":[],', b""),
    ],
)
def test_both_refuse_what_is_damaged(old: bytes, new: bytes, store: Path) -> None:
    """Two spellings of one thing, another entry, one that does not follow, a field that lacks."""
    data = _last(store).read_bytes()
    assert old in data
    _last(store).write_bytes(data.replace(old, new))
    with pytest.raises(DamagedError):
        read_log(store)
    with pytest.raises(mc.errors.Corrupt):
        mc.open(store, mode="r").history()


@pytest.mark.parametrize("change", [{"v": 2}, {"log": "b"}, {"needs_read": ["quantum"]}])
def test_both_stop_at_what_is_newer(change: Doc, store: Path) -> None:
    """An envelope, a branch, a need nobody here knows."""
    _last(store).write_bytes(canonical(json.loads(_last(store).read_bytes()) | change))
    with pytest.raises(NewerError):
        read_log(store)
    with pytest.raises(mc.errors.SchemaError):
        mc.open(store, mode="r").history()


def test_both_refuse_a_gap(store: Path) -> None:
    """An absent entry is the end, unless there is one behind it; an empty one needs a rollup."""
    second = store / "log" / "0000000002.json"
    shutil.copy(second, store / "kept")
    second.unlink()
    with pytest.raises(DamagedError, match="missing"):
        read_log(store)
    with pytest.raises(mc.errors.Corrupt):
        mc.open(store, mode="r").history()
    second.write_bytes(b"")
    with pytest.raises(DamagedError):
        read_log(store)
    with pytest.raises(mc.errors.Corrupt):
        mc.open(store, mode="r").history()


def test_a_digest_is_the_librarys(store: Path) -> None:
    """What the second reader calls canonical and a digest is what the library wrote."""
    first, second = ((store / "log" / f"000000000{n}.json").read_bytes() for n in (0, 1))
    assert canonical(json.loads(second)) == second
    assert json.loads(second)["prev"] == digest(first)
