"""A project of any size, as the library would have written it: entries straight as bytes, the chain correct.

The shape is that of a large team's project: 10 000 names and 54 000 versions in 100 000 entries, most of the rest
promotes and evaluations, some drops, tags and rollbacks of the whole project.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from mlcycle._digest import sha256_bytes
from mlcycle.state import (
    Change,
    FactAdd,
    NameSet,
    Place,
    PointerMove,
    ProjectRollback,
    TagSet,
    VersionAdd,
    VersionMark,
)
from mlcycle.storage._entries import encode_entry, entry_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["Growth", "write_log"]

Doc = dict[str, Any]
_OWN_OPERATION = 10  # one entry in so many has an operation id of its caller's


class Growth:
    """Changes of entries to come, entry after entry, from a seed.

    Parameters
    ----------
    entries : int
        How many entries the project will have; everything else is in proportion.
    start : int, default 1
        How many there are already.

    Attributes
    ----------
    versions : int
        How many versions were added so far.
    begun : int
        The last entry of the beginning: by then every name has a version, every pointer stands somewhere.
    """

    def __init__(self, entries: int, start: int = 1) -> None:
        self._draw = random.Random(7)
        self._n = start
        self.versions = self.begun = 0
        part = entries / 100_000
        self.datasets = [f"customers-{i}" for i in range(round(6_000 * part))]
        self.models = [f"churn-{i}" for i in range(round(3_900 * part))]
        self.deployments = [f"region-{i}" for i in range(max(1, round(100 * part)))]
        self._tests = self.datasets[: max(1, len(self.datasets) // 100)]
        self._count: dict[str, int] = {}
        self._stands: dict[str, int] = {}
        self._dropped: set[str] = set()
        self._ids: dict[str, str] = {}
        first = {"dataset": self.datasets, "model": self.models, "promote": self.models, "route": self.deployments}
        self._firsts = [(what, name) for what, names in first.items() for name in names]
        later = {
            "dataset": 30_000 * part - len(self.datasets),
            "model": 20_000 * part - len(self.models),
            "route": 4_000 * part - len(self.deployments),
            "evaluation": 10_000 * part,
            "promote": 28_000 * part - len(self.models),
            "drop": 4_000 * part,
            "tag": 3_500 * part,
        }
        self._later = [what for what, many in later.items() for _ in range(round(many))]
        self._draw.shuffle(self._later)
        self._rollbacks = {len(self._later) * i // 10 for i in range(1, 10)}

    def __iter__(self) -> Iterator[tuple[str, list[Change]]]:
        """Yield verb and changes of each entry."""
        for what, name in self._firsts:
            yield self._next(what, name)
        self.begun = self._n - 1
        for i, what in enumerate(self._later):
            if i in self._rollbacks:
                yield self._next("rollback", "")
            names = {"dataset": self.datasets, "drop": self.datasets, "route": self.deployments}.get(what, self.models)
            yield self._next(what, self._draw.choice(names))

    def _next(self, what: str, name: str) -> tuple[str, list[Change]]:
        found = getattr(self, f"_{what}")(name)
        self._n += 1
        return found

    def _hex(self, digits: int = 32) -> str:
        return f"{self._draw.getrandbits(4 * digits):0{digits}x}"

    def _place(self, stored_object: str, *files: str) -> Place:
        described = [
            {"key": f"{folder}/{self._hex()}{suffix}", "size": 999, "sha256": f"sha256:{self._hex(64)}", "enc": None}
            for folder, _, suffix in (file.partition("*") for file in files)
        ]
        return Place(object=stored_object, files=[{**one, "kind": "file"} for one in described])

    def _begin(self, of: str, name: str) -> tuple[list[Change], int]:
        self.versions += 1
        number = self._count[f"{of}:{name}"] = self._count.get(f"{of}:{name}", 0) + 1
        if number > 1:
            return [], number
        self._ids[name] = self._hex()
        return [NameSet(of=of, name=name, id=self._ids[name])], number

    def _dataset(self, name: str) -> tuple[str, list[Change]]:
        begun, number = self._begin("dataset", name)
        content, presentation = f"sha256:{self._hex(64)}", f"sha256:{self._hex(64)}"
        stored = f"table:{content}:{presentation}"
        place = self._place(stored, "leaves*.parquet", f"tables/{self._ids[name]}*.parquet", "leaves*.json")
        roles = {"target": "churned", "key": "id", "time": None, "group": None}
        said = {"layout": "blocks", "content": content, "presentation": presentation, "rows": 50_000, "columns": 20}
        made = VersionAdd(of="dataset", name=name, number=number, needs=[stored], says={**said, "roles": roles})
        return "dataset.add", [*begun, place, made]

    def _model(self, name: str) -> tuple[str, list[Change]]:
        begun, number = self._begin("model", name)
        identity, data = self._hex(), self._draw.choice(self.datasets)
        files = (f"files/{identity}*{suffix}" for suffix in (".skops", ".parquet", ".json"))
        place = self._place(f"model:{identity}", *files)
        says = {"run": f"run:{self._hex()}", "environment": f"sha256:{self._hex(64)}"}
        made_from = [f"dataset:{data}@{self._count[f'dataset:{data}']}"]
        needs = [f"model:{identity}"]
        made = VersionAdd(of="model", name=name, number=number, needs=needs, made_from=made_from, says=says)
        return "model.register", [*begun, place, made]

    def _fact(self, of: str, about: Sequence[str], subject: str, says: Doc) -> list[Change]:
        identity = self._hex()
        place = self._place(f"{of}:{identity}", f"files/{identity}*.json")
        needs = [f"{of}:{identity}"]
        return [place, FactAdd(of=of, id=identity, subject=subject, about=list(about), needs=needs, says=says)]

    def _any_version(self, of: str, name: str) -> int:
        return self._draw.randint(1, self._count[f"{of}:{name}"])

    def _evaluation(self, name: str) -> tuple[str, list[Change]]:
        data = f"dataset:{self._draw.choice(self._tests)}@1"
        about = [data, sha256_bytes(data.encode())]
        subject = f"model:{name}@{self._any_version('model', name)}"
        says = {"data": data, "scope": 1, "verdict": "pass"}
        return "evaluation.add", self._fact("evaluation", about, subject, says)

    def _promote(self, name: str) -> tuple[str, list[Change]]:
        number = self._any_version("model", name)
        says = {"action": "promote", "allowed": True, "now": "2026-11-23T12:00:00.000000Z", "evaluations": []}
        decision = self._fact("decision", (), f"model:{name}@{number}", {**says, "override": None})
        return "model.promote", [*decision, self._move("model", name, "production", number, "promote")]

    def _move(self, of: str, name: str, pointer: str, number: int, how: str) -> Change:
        before = self._stands.get(f"{of}:{name}")
        self._stands[f"{of}:{name}"] = number
        return PointerMove(of=of, name=name, pointer=pointer, before=before, after=number, how=how)

    def _route(self, name: str) -> tuple[str, list[Change]]:
        begun, number = self._begin("deployment", name)
        model = self._draw.choice(self.models)
        ref = f"model:{model}@{self._any_version('model', model)}"
        says = {"weights": {ref: 100}, "shadow": None}
        made = VersionAdd(of="deployment", name=name, number=number, uses=[ref], says=says)
        return "deployment.route", [*begun, made, self._move("deployment", name, "current", number, "route")]

    def _drop(self, name: str) -> tuple[str, list[Change]]:
        number = self._any_version("dataset", name)
        if number == 1 or f"{name}@{number}" in self._dropped:  # first versions stay, for a rollback to them
            return self._tag(name)
        self._dropped.add(f"{name}@{number}")
        return "store.drop", [VersionMark(of="dataset", name=name, mark="dropped", numbers=[[number, number]])]

    def _tag(self, name: str) -> tuple[str, list[Change]]:
        return "store.tag", [TagSet(name=f"release-{self._n % 500}", to=self._n // 2)]

    def _rollback(self, name: str) -> tuple[str, list[Change]]:
        return "project.rollback", [ProjectRollback(to=self._n - 5)]


def write_log(folder: Path, growth: Growth, start: int, prev: str, at: str) -> int:
    """Write the entries of a project from entry `start` on, which follows `prev`; return how many bytes they have."""
    size = 0
    for n, (verb, changes) in enumerate(growth, start):
        op = f"{'auto' if n % _OWN_OPERATION else 'user'}:{n:032x}"
        docs = [change.doc() for change in changes]
        data = encode_entry(n, prev, op=op, verb=verb, author="ann", at=at, message="as every night", changes=docs)
        (folder / entry_key(n)).write_bytes(data)
        prev, size = sha256_bytes(data), size + len(data)
    return size
