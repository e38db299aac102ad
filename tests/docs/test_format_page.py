"""The tables of docs/format.md about the log say what the library writes: entries, changes, nouns, verbs, keys."""

from __future__ import annotations

import json
import re
import typing
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.dummy import DummyClassifier

from mlcycle._digest import canonical_json
from mlcycle.state import KINDS, MARKS, NOUNS
from mlcycle.storage._entries import _FIELDS, decode_entry, encode_entry, entry_key
from tests.state.histories import Work
from tests.verbs import verbs

PAGE = (Path(__file__).parents[2] / "docs" / "format.md").read_text(encoding="utf-8")
# What stands beside the fields of a kind by the page, and is no field of its class: a word of Python, and an override.
BESIDE = {"store.copied": ["`from`"], "project.rollback": ["`override`"]}

Doc = dict[str, Any]


def rows(text: str, head: str) -> list[list[str]]:
    """Return the rows of the first table with this head."""
    found = re.search(rf"^\| {re.escape(head)} \|\n\|[-|]+\|\n((?:\|[^\n]*\n)+)", text, re.MULTILINE)
    assert found is not None, head
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in found[1].splitlines()]


def section(title: str) -> str:
    """Return a section of the page up to the next heading of its depth."""
    depth = title.partition(" ")[0]
    return PAGE.partition(f"\n{title}\n")[2].partition(f"\n{depth} ")[0]


def test_every_link_leads_somewhere() -> None:
    """Each names a heading of the page, as it is written in an address."""
    titles = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", PAGE, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    homes = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    assert {*re.findall(r"\]\(#([^)]*)\)", PAGE)} <= homes


# entries -------------------------------------------------------------------------------------------------------------


def test_an_entry_has_the_fields_of_the_page() -> None:
    """All of them, in any entry, and each of its type."""
    said = {row[0].strip("`"): row[1] for row in rows(section("## The log"), "field | type | meaning")}
    data = encode_entry(0, "", op="auto:1", verb="v", author="a", at="t", changes=[{"kind": "k"}])
    entry = decode_entry(data, 0, "")
    words = {int: "whole number", str: "text"}
    lists = {"changes": "list of object"}
    typed = {field: words.get(kind) or lists.get(field, "list of text") for field, kind in _FIELDS.items()}
    assert said.keys() == entry.keys()
    assert said == typed | {"log": "null", "sig": "null"}


# kinds of change -----------------------------------------------------------------------------------------------------


def test_the_page_has_every_kind_and_no_other() -> None:
    """In the order of the library."""
    assert re.findall(r"^#### Change `([a-z.]+)`$", PAGE, re.MULTILINE) == list(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_says_what_its_kind_holds(kind: str) -> None:
    """Names, types and what is left out agree with the class, and every field has its meaning."""
    told = rows(section(f"#### Change `{kind}`"), "field | type | meaning")
    own = [row for row in told if row[0] not in BESIDE.get(kind, [])]
    assert [(row[0], row[1]) for row in own] == _stated(KINDS[kind])
    assert all(len(row) == 3 and row[2] for row in told)


def _stated(kind: type[Any]) -> list[tuple[str, str]]:
    fields = [one for one in attrs.fields(attrs.resolve_types(kind)) if one.name != "says"]
    return [(f"`{one.name}`", _typed(one)) for one in fields]


def _typed(field: Any) -> str:
    said = _worded(field.type)
    if field.default is attrs.NOTHING:
        return f"{said}, required"
    plain = isinstance(field.default, str | int)
    return f"{said} = `{json.dumps(field.default)}`" if plain else said


def _worded(hint: Any) -> str:
    inner = typing.get_args(hint)
    if type(None) in inner:
        return f"{_worded(inner[0])} or null"
    if typing.get_origin(hint) is list:
        return f"list of {_worded(inner[0])}"
    if typing.get_origin(hint) is dict:
        return "object"
    return {str: "text", int: "whole number", bool: "truth value"}[hint]


@pytest.mark.parametrize("kind", KINDS)
def test_what_says_nothing_is_left_out(kind: str) -> None:
    """A change with only what is required is written with that alone, and comes back as it was."""
    values = {"text": "t", "whole number": 1}
    needed = {name.strip("`"): said.partition(", ")[0] for name, said in _stated(KINDS[kind]) if "required" in said}
    doc = {"kind": kind, **{name: values[said] for name, said in needed.items()}}
    assert KINDS[kind].read(doc).doc() == doc


def test_the_page_lists_every_mark() -> None:
    """The one enumeration that is closed."""
    (words,) = re.findall(r"^\| `mark` of a version \| (.*?) \|", PAGE, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", words)) == sorted(MARKS)
    (words,) = [
        row[2] for row in rows(section("#### Change `version.mark`"), "field | type | meaning") if row[0] == "`mark`"
    ]
    assert sorted(re.findall(r"`(\w+)`", words)) == sorted(MARKS)


# nouns and verbs -----------------------------------------------------------------------------------------------------


def nouns() -> dict[tuple[str, str], set[str]]:
    """Return noun and kind of change to the fields that the page gives it."""
    found = rows(section("### Nouns"), "noun | change | fields of its own | the rest")
    return {(row[0].strip("`"), row[1].strip("`")): {*re.findall(r"`(\w+)`", row[2])} for row in found}


def test_the_page_has_every_noun() -> None:
    """The table of nouns, and the vocabulary of kinds of refs."""
    assert {of for of, _ in nouns()} == {*NOUNS}
    (words,) = re.findall(r"^\| noun: .*? \| (.*?) \|", PAGE, re.MULTILINE)
    assert {*re.findall(r"`(\w+)`", words)} >= {*NOUNS}


@pytest.fixture(scope="module")
def work() -> Work:
    """Return somebody who did everything."""
    work = Work(11)
    work.go_on(100)
    work.project.models.register("m", DummyClassifier().fit([[0.0]], [0]), example=np.zeros((2, 1)))
    work.project.datasets.add("twice", pd.DataFrame({"id": [1, 1]}), key="id")
    work.project.datasets.add("twice", pd.DataFrame({"x": [1.0, np.nan]}))
    place = work.project.deployments["eu"]
    place.route("m", override_until="30d", message="nobody has looked at it")
    with place.serve() as service:
        service.predict(np.zeros((2, 1)), ids=["a", "b"])
    place.check()
    work.project.store.compact()
    return work


def test_nouns_say_what_the_page_says(work: Work) -> None:
    """Every field that the library writes beside those of a kind, and no other."""
    found: dict[tuple[str, str], set[str]] = {}
    for entry in work.project._session.log.entries():
        for change in entry["changes"]:
            if change["kind"] in ("name.set", "version.add", "fact.add"):
                says = KINDS[change["kind"]].read(change).says
                found.setdefault((change["of"], change["kind"]), set()).update(says)
    told = nouns()
    beyond = {("dataset", "name.set"), ("model", "name.set"), ("scope", "name.set"), ("deployment", "name.set")}
    assert {key: said for key, said in found.items() if said or key not in beyond} == {
        key: said for key, said in told.items() if key in found
    }
    written = {("annotation", "fact.add"), ("pack", "fact.add"), ("run", "version.mark")}  # by hand, so far
    assert told.keys() - written <= found.keys()


def test_the_page_lists_every_verb(work: Work) -> None:
    """Those that stand in the source; what a history wrote is among them."""
    block = re.search(r"<!-- table: verbs -->\n(.*?)\n\n", PAGE, re.DOTALL)
    assert block is not None
    told = re.findall(r"`([a-z.]+)`", block[1])
    assert sorted(told) == sorted(verbs())
    assert {entry["verb"] for entry in work.project._session.log.entries()} <= {*told}


# keys and caches -----------------------------------------------------------------------------------------------------

PIECES = {
    "<n in ten digits>": r"\d{10}",
    "<first>": r"\d+",
    "<last>": r"\d+",
    "<start>": r"\d+",
    "[-<end>]": r"(-\d+)?",
    "<id>": "[0-9a-f]{32}",
    "<owner>": "([0-9a-f]{32}|environment|code)",
    "<ext>": "[^/]+",
    "<writer>": "[0-9a-f]{40}",
    "<yyyy-mm>": r"\d{4}-\d\d",
    "<yyyy-mm-dd>": r"\d{4}-\d\d-\d\d",
}


def test_every_key_has_a_shape_of_the_page(work: Work) -> None:
    """One and no other; and no shape is without a key but that of packs, which nobody writes yet, and of rollups."""
    block = re.search(r"<!-- table: keys -->\n```text\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    shapes = {re.split(r" {2,}", line)[0]: 0 for line in block[1].splitlines()}
    known = {shape: re.compile(re.sub(r"\[.*?\]|<.*?>", lambda one: PIECES[one[0]], shape)) for shape in shapes}
    for item in work.project._session.log.files.list(""):
        fitting = [shape for shape, pattern in known.items() if pattern.fullmatch(item.key)]
        assert len(fitting) == 1, item.key
        shapes[fitting[0]] += 1
    rare = {"runs/<yyyy-mm>/pack-<id>.parquet", "log/rollup-<first>-<last>.jsonl.gz"}  # the other takes 1 024 entries
    assert {shape for shape, many in shapes.items() if not many} == rare


def documents(work: Work) -> dict[str, Doc]:
    """Return JSON documents and headers of manifests by key; not entries, and not what people keep."""
    files, found = work.project._session.log.files, {}
    for key in sorted(item.key for item in files.list("")):
        own = key.startswith(("log/", "tables/")) or "/files/" in key
        if key.endswith(".json") and not own:
            found[key] = files.read(key)
        elif key.startswith("leaves/") and key.endswith(".parquet"):
            found[key] = pq.read_metadata(pa.BufferReader(files.read(key))).metadata[b"mlcycle"]
    for key, data in found.items():
        in_order = sorted if key.startswith("runs/") else bytes  # the same bytes, of a run in another order
        assert in_order(canonical_json(json.loads(data))) == in_order(data), key
    return {key: json.loads(data) for key, data in found.items()}


def test_documents_are_canonical_and_say_what_they_take(work: Work) -> None:
    """Every one of them; heads and ends of runs but for the order of their keys."""
    found = documents(work)
    assert {key: (one.get("v"), one.get("needs_read")) for key, one in found.items()} == dict.fromkeys(found, (1, []))
    assert {re.sub(r"[0-9a-f]{32}|\d{4}-\d\d", "", key) for key in found} >= {
        *("store.json", "hint.json", "runs///head.json", "runs///end.json", "leaves/.parquet", "leaves/.json"),
        *("files//.json", "files/environment/.json"),
    }


def test_every_stored_ref_is_full(work: Work) -> None:
    """In entries and documents, as values and as keys; texts for people are sentences."""
    bare = re.compile(r"[\w-]+(\.[\w-]+)?@[\w-]+")

    def short(value: Any, where: str) -> list[str]:
        if isinstance(value, dict):
            inner = [found for key, one in value.items() for found in short(one, f"{where}.{key}")]
            return [f"{where}: {key}" for key in value if bare.fullmatch(key)] + inner
        if isinstance(value, list):
            return [found for one in value for found in short(one, where)]
        return [f"{where} = {value}"] if isinstance(value, str) and bare.fullmatch(value) else []

    log = {entry_key(entry["n"]): entry for entry in work.project._session.log.entries()}
    assert [text for key, one in {**log, **documents(work)}.items() for text in short(one, key)] == []


def test_hint_and_checkpoints_are_those_of_the_page(work: Work) -> None:
    """Every field of both."""
    files, caches = work.project._session.log.files, section("### Caches")
    (said,) = re.findall(r"`hint\.json` is `(\{.*?\})`:", caches)
    hint = json.loads(files.read("hint.json"))
    assert {*re.findall(r'"(\w+)"', said)} == hint.keys() | hint["marks"][0].keys()
    head = json.loads(files.read(hint["marks"][0]["key"]).partition(b"\n")[0])
    fields = [name for row in rows(caches, "field | meaning") for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(fields) == sorted(head)


# documents -----------------------------------------------------------------------------------------------------------


def test_the_page_lists_every_kind_of_file(work: Work) -> None:
    """Of files that entries place, and of those an end of a run names."""
    files = work.project._session.log.files
    (words,) = re.findall(r"^\| `kind` of a file \| (.*?) \|", PAGE, re.MULTILINE)
    placed = [change for entry in work.project._session.log.entries() for change in entry["changes"]]
    found = {file["kind"] for change in placed if change["kind"] == "place" for file in change.get("files", [])}
    ends = [json.loads(files.read(one.key)) for one in files.list("runs/") if one.key.endswith("/end.json")]
    found |= {file["kind"] for end in ends for file in end["files"]}
    assert {"head", "table", "model"} <= found <= {*re.findall(r"`(\w+)`", words)}


def test_a_head_has_the_fields_of_the_page(work: Work) -> None:
    """And its code those that are named there."""
    files = work.project._session.log.files
    heads = [json.loads(files.read(one.key)) for one in files.list("runs/") if one.key.endswith("/head.json")]
    told = rows(section("## Runs"), "field | value")
    fields = [name for row in told for name in re.findall(r"`(\w+)`", row[0])]
    (code,) = [row[1] for row in told if row[0] == "`code`"]
    assert {frozenset(head) for head in heads} == {frozenset(fields)}
    assert {frozenset(head["code"]) for head in heads} == {frozenset(re.findall(r'"(\w+)"', code.partition("}")[0]))}
