"""What libraries to come may write after the last entry of a store of format 1: each a folder to be laid over it.

Every one is read by today's library as docs/format.md says: what is known goes on, what is not is left as it is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from mlcycle._digest import canonical_json, sha256_bytes
from mlcycle._ids import new_id

Doc = dict[str, Any]

GUEST = {"mood": "good"}  # a field that nobody knows yet, wherever one may stand


class Newer:
    """A newer library at work: it reads a store, and writes what comes next into a folder beside it.

    Parameters
    ----------
    store, target : Path
        The store, and the folder.
    """

    def __init__(self, store: Path, target: Path) -> None:
        self.store, self.target = store, target
        self.entries = [path.read_bytes() for path in sorted((store / "log").glob("*.json"))]

    def put(self, key: str, data: bytes, kind: str, **other: Any) -> Doc:
        """Store a file, unless it lies in a place of its owner's own, and describe it."""
        if not key.startswith("@"):
            path = self.target / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return {"key": key, "size": len(data), "sha256": sha256_bytes(data), "enc": None, "kind": kind} | other

    def document(self, owner: str, kind: str, document: Doc, **other: Any) -> Doc:
        """Store a JSON document."""
        data = canonical_json({"v": 1, "needs_read": []} | document | GUEST)
        return self.put(f"files/{owner}/{new_id()}.json", data, kind, **other)

    def write(self, *changes: Doc, **other: Any) -> None:
        """Write the next entry."""
        n, last = len(self.entries), self.entries[-1]
        entry = json.loads(last) | {"n": n, "prev": sha256_bytes(last), "op": f"auto:{new_id()}", "verb": "newer.write"}
        entry |= {"author": "eve", "message": "from the future", "changes": [one | GUEST for one in changes]} | GUEST
        data = canonical_json(entry | other)
        self.entries.append(data)
        self.put(f"log/{n:010d}.json", data, "entry")

    def change(self, kind: str, **fields: Any) -> Doc:
        """Return the newest change of a kind in the log, or the newest that has these fields."""
        found = [one for data in reversed(self.entries) for one in reversed(json.loads(data)["changes"])]
        return next(one for one in found if one["kind"] == kind and fields.items() <= one.items())


def nouns(newer: Newer) -> None:
    """Write a noun nobody knows, with files, a pointer, a fact, guards; kinds that may be passed over beside it."""
    of, owner = {"of": "recipe", "name": "soup"}, new_id()
    file = newer.put(f"files/{owner}/{new_id()}.txt", b"water, salt", "recipe")
    newer.write(
        {"kind": "name.set", "id": new_id(), **of},
        {"kind": "place", "object": f"recipe:{owner}", "files": [file]},
        {"kind": "version.add", "number": 1, "needs": [f"recipe:{owner}"], "uses": ["model:churn@1"], **of},
        {"kind": "pointer.move", "pointer": "menu", "after": 1, "how": "serve", **of},
        {"kind": "fact.add", "of": "tasting", "id": new_id(), "subject": "recipe:soup@1", "about": ["guest:ann"]},
    )
    newer.write(
        {"kind": "name.set", "of": "model", "name": "churn", "guards": {"pointer.move:canary": ["moats"]}},
        {"kind": "recipe.boil", "optional": True, "minutes": 3},
        {"kind": "x-acme.note", "optional": True},
    )


def kinds(newer: Newer) -> None:
    """Write a kind nobody knows, which must not be passed over."""
    newer.write({"kind": "dataset.teleport", "name": "customers", "to": "mars"})


def marks(newer: Newer) -> None:
    """Mark a version in a way nobody knows."""
    newer.write({"kind": "version.mark", "of": "model", "name": "churn", "mark": "frozen", "numbers": [[1, 1]]})


def layouts(newer: Newer) -> None:
    """Store versions in ways nobody knows: a folder of pages, encrypted, elsewhere; and one by a list file."""
    version = newer.change("version.add", of="dataset", name="customers")
    owner, table = (
        new_id(),
        newer.change("place", object=newer.change("version.add", number=1, name="customers")["needs"][0]),
    )
    for page in (b"one", b"two"):
        newer.put(f"files/{owner}/{new_id()}.bin", page, "page")
    newer.write(
        {"kind": "place", "object": f"folder:{owner}", "prefix": f"files/{owner}/"},
        version | {"number": 3, "layout": "folder", "needs": [f"folder:{owner}"]},
    )
    for number, key, enc in ((4, f"leaves/{new_id()}.parquet", "age"), (5, f"@place/lab/{new_id()}.parquet", None)):
        stored_object = f"table:{new_id()}"
        file = newer.put(key, b"who knows", "manifest", enc=enc)
        newer.write(
            {"kind": "place", "object": stored_object, "files": [file]},
            version | {"number": number, "needs": [stored_object]},
        )
    lines = [{"files": len(table["files"]), "needs_read": [], "v": 1} | GUEST, *(one | GUEST for one in table["files"])]
    data = b"".join(canonical_json(line) + b"\n" for line in lines)
    listed = newer.put(f"files/{new_id()}/{new_id()}.jsonl", data, "list")
    newer.write({"kind": "place", "object": table["object"], "listed": listed})


def words(newer: Newer) -> None:
    """Say what nobody knows in words that are open: a criterion, a verdict, an action; and a card that needs more."""
    scope = newer.change("version.add", of="scope")
    criteria = [{"type": "Calibrated", "within": 0.02, "on": None}, *scope["scope"]["criteria"]]
    newer.write(scope | {"number": 2, "scope": scope["scope"] | {"criteria": criteria} | GUEST})
    fact, owner = newer.change("fact.add", of="evaluation"), new_id()
    place = newer.change("place", object=fact["needs"][0])
    document = json.loads((newer.store / place["files"][0]["key"]).read_bytes())
    evaluation = document["evaluation"]
    for result in [*evaluation["results"], *(one for answer in document["answers"] for one in answer["results"])]:
        result |= {"verdict": "plausible"} | GUEST
    document["evaluation"] = evaluation | {"id": owner} | GUEST
    stored = {"needs": [f"evaluation:{owner}"], "id": owner, "verdict": "plausible"}
    newer.write(
        {"kind": "place", "object": f"evaluation:{owner}", "files": [newer.document(owner, "evaluation", document)]},
        fact | stored,
    )
    model, owner = newer.change("version.add", of="model"), new_id()
    files = newer.change("place", object=model["needs"][0])["files"]
    card = newer.document(owner, "card", {"needs_read": ["pieces"]})
    newer.write(
        {
            "kind": "place",
            "object": f"model:{owner}",
            "files": [*(one for one in files if one["kind"] != "card"), card],
        },
        model | {"number": 2, "needs": [f"model:{owner}"]},
    )


def runs(newer: Newer) -> None:
    """Say something of a run after its end, and keep another one in a pack alone."""
    folder = next(newer.store.glob("runs/*/*"))
    month, run = folder.parent.name, new_id()
    home = f"runs/{month}/{run}/"
    newer.write(
        {"kind": "fact.add", "of": "annotation", "id": new_id(), "subject": f"run:{folder.name}", "name": "the first"},
        {"kind": "fact.add", "of": "annotation", "id": new_id(), "subject": f"run:{folder.name}", "tags": ["kept"]},
    )
    sealed = f"environment:sha256:{'0' * 64}"
    file = newer.put(f"files/environment/{new_id()}.json", b"sealed", "environment", enc="age")
    newer.write(
        {"kind": "place", "object": sealed, "files": [file]},
        {"kind": "fact.add", "of": "pin", "id": new_id(), "subject": sealed, "needs": [sealed]},
    )
    head = (
        json.loads((folder / "head.json").read_bytes())
        | {"id": run, "name": "packed", "group": "second", "environment": sealed}
        | GUEST
    )
    end = json.loads((folder / "end.json").read_bytes()) | {"artifacts": {}, "model": None, "points": 1, "files": []}
    end |= {"metrics": {"accuracy": 0.5}, "status": "paused"} | GUEST
    point = canonical_json({"t": 1764000000.25, "s": 1, "m": {"accuracy": 0.5}} | GUEST) + b"\n"
    files = {"end.json": canonical_json(end), "head.json": canonical_json(head)}
    files[f"points-{new_id()}00000000-0-{len(point)}.jsonl"] = point
    rows = [
        {"key": home + name, "size": len(data), "sha256": sha256_bytes(data), "data": data}
        for name, data in files.items()
    ]
    types = {"key": pa.string(), "size": pa.int64(), "sha256": pa.string(), "data": pa.binary()}
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(rows, pa.schema(types)), sink)
    pack = f"pack:{new_id()}"
    key = f"runs/{month}/pack-{pack.removeprefix('pack:')}.parquet"
    newer.write(
        {"kind": "place", "object": pack, "files": [newer.put(key, sink.getvalue().to_pybytes(), "pack")]},
        {"kind": "fact.add", "of": "pack", "id": pack.removeprefix("pack:"), "subject": pack, "needs": [pack]},
    )


ALL = (nouns, kinds, marks, layouts, words, runs)
