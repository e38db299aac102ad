"""Somebody hostile writes to the store whatever he can; who trusts one type, at a call and in his file, runs no more.

A module stands where Python finds it, and another in the store, below the working folder; both leave a mark when they
are imported, called or unpickled. Whatever the store says, no mark is left by reading all there is.
"""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import shutil
import sys
import tarfile
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from sklearn.base import BaseEstimator, ClassifierMixin

import mlcycle as mc
from mlcycle import codecs, errors, records
from mlcycle._digest import canonical_json, sha256_bytes
from mlcycle._ids import new_id
from mlcycle.state import KINDS
from tests.stores.newer import Newer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Doc = dict[str, Any]

STORES = Path(__file__).parents[1] / "stores"
CANARY = """
from pathlib import Path
MARK = Path({mark!r})
def fire(*given, **named):
    MARK.write_text(MARK.read_text() + "called\\n")
    return 1.0
MARK.write_text((MARK.read_text() if MARK.exists() else "") + "imported\\n")
from mlcycle.records import MetricCriterion
class Thing:
    __init__ = __setstate__ = __call__ = predict = fire
"""
BOMB = b"ccanary\nfire\n(tR."  # a pickle that calls it
EVIL = "store.files.evil"  # the module in the store, as it is found from the folder around


class Trusted(ClassifierMixin, BaseEstimator):
    """The one type the reader trusts."""

    def fit(self, X: Any, y: Any) -> Trusted:
        """Learn nothing."""
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        """Answer zero."""
        return np.zeros(len(X), dtype=int)


TRUST = [f"{__name__}.Trusted"]


@pytest.fixture
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the mark, once the canary and a store are in place; the working folder is that around the store."""
    mark, code = tmp_path / "mark", CANARY.format(mark=str(tmp_path / "mark"))
    shutil.copytree(STORES / "v1", tmp_path / "store")
    for path in (tmp_path / "canary.py", tmp_path / "store" / "files" / "evil.py"):
        path.write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield mark
    for name in [name for name in sys.modules if name.partition(".")[0] in ("canary", "store")]:
        del sys.modules[name]


@pytest.fixture
def store(mark: Path) -> Path:
    """Return the folder of the store."""
    return mark.with_name("store")


# what a reader does --------------------------------------------------------------------------------------------------


def walk(url: Path) -> list[str]:
    """Read all there is, as somebody who trusts one type; return what worked."""
    worked: list[str] = []

    def attempt(what: str, act: Callable[[], Any]) -> Any:
        with warnings.catch_warnings(), contextlib.suppress(Exception):
            warnings.simplefilter("ignore")
            found = act()
            repr(found)
            if hasattr(found, "_repr_html_"):
                found._repr_html_()
            worked.append(what)
            return found

    def ask(event: Any, context: Any) -> None:
        attempt("hook", lambda: context.models.load("churn@1"))
        attempt("hook traffic", lambda: context.traffic.frame())

    project = attempt("open", lambda: mc.open(url, hooks=[mc.after("evaluation", ask)]))
    if project is None:
        return worked
    attempt("trust", lambda: mc.trust(TRUST, project))
    for name in ("status", "history"):
        attempt(name, getattr(project, name))
    attempt("past", lambda: mc.open(url).at(9).load("model:churn@1", trust=TRUST))
    _walk_data(project, attempt)
    _walk_runs(project, attempt)
    _walk_models(project, attempt)
    _walk_deployment(project, attempt)
    for name in ("info", "verify", "compact"):
        attempt(name, getattr(project.store, name))
    return worked


def _walk_data(project: mc.Project, attempt: Callable[..., Any]) -> None:
    for name in ("get", "versions", "decisions"):
        attempt(f"scope {name}", getattr(project.scope, name))
    for name in attempt("names", lambda: list(project.datasets)) or ():
        for one in attempt("versions", lambda: project.datasets.versions(name)) or ():  # noqa: B023
            attempt("data", lambda: project.load(one))  # noqa: B023
            attempt("judge data", lambda: one.evaluate())  # noqa: B023
    attempt("data evaluations", project.datasets.evaluations)


def _walk_runs(project: mc.Project, attempt: Callable[..., Any]) -> None:
    trees = attempt("experiment", lambda: project.experiments["trees"])
    attempt("frame", project.runs.frame)
    for run in attempt("runs", lambda: trees.runs()) or ():
        attempt("points", lambda: run.points())  # noqa: B023
        attempt("artifact", lambda: run.artifact("notes"))  # noqa: B023
        attempt("run evaluations", lambda: run.evaluations())  # noqa: B023


def _walk_models(project: mc.Project, attempt: Callable[..., Any]) -> None:
    for one in attempt("models", lambda: project.models.versions("churn")) or ():
        attempt("model", lambda: project.load(one))  # noqa: B023
        attempt("model by trust", lambda: project.load(one, trust=TRUST))  # noqa: B023
        attempt("judge", lambda: one.evaluate(trust=TRUST))  # noqa: B023
        attempt("gate", lambda: one.promote("staging"))  # noqa: B023
    attempt("evaluations", project.models.evaluations)
    attempt("decisions", project.models.decisions)
    attempt("moves", lambda: project.models.history("churn"))


def _walk_deployment(project: mc.Project, attempt: Callable[..., Any]) -> None:
    eu = attempt("deployment", lambda: project.deployments["eu"])
    for name in ("traffic", "history", "revisions", "evaluations", "decisions", "check"):
        attempt(f"deployment {name}", lambda: getattr(eu, name)())  # noqa: B023
    attempt("serve", lambda: serve(eu))


def serve(deployment: mc.Deployment) -> None:
    """Answer one row."""
    with deployment.serve(trust=TRUST, follow=0) as service:
        service.predict(pd.DataFrame({"age": [30.0], "visits": [1]}))


ALL = {
    *("open", "trust", "status", "history", "past", "scope get", "scope versions", "scope decisions", "names", "data"),
    *("versions", "data evaluations", "experiment", "frame", "runs", "points", "artifact"),
    *("run evaluations", "models", "model", "model by trust", "judge", "evaluations", "decisions", "moves"),
    *("deployment", "deployment traffic", "deployment history", "deployment revisions", "deployment evaluations"),
    *("deployment decisions", "deployment check", "serve", "info", "verify", "compact", "hook"),
}


def test_the_reader_reads(store: Path, mark: Path) -> None:
    """Of a store nobody harmed all of it, or what follows would prove nothing."""
    assert (ALL - set(walk(store)), mark.exists()) == (set(), False)


@pytest.mark.parametrize("how", ["import", "evil", "pickle", "joblib", "skops"])
def test_the_canary_sings(how: str, store: Path, mark: Path, tmp_path: Path) -> None:
    """Where its code is run it leaves its mark."""
    file = tmp_path / "model"
    if how == "import":
        __import__("canary")
    elif how == "evil":
        __import__(EVIL)
    elif how == "pickle":
        pickle.loads(BOMB)
    elif how == "joblib":
        file.write_bytes(BOMB)
        codecs.load_model(file, "joblib", trust=True)
    else:
        file.write_bytes(skops(THING))
        with contextlib.suppress(errors.MlcycleError):
            codecs.load_model(file, "skops", trust=["canary.Thing"])
    assert mark.exists()


# what is hostile -----------------------------------------------------------------------------------------------------

CLAIMS = {
    "trust": True,
    "trusted": ["joblib", "canary.Thing"],
    "untrusted": [],
    "py/object": "canary.Thing",
    "__module__": "canary",
    "__class__": "Thing",
    "__loader__": "ObjectNode",
    "__reduce__": ["canary.fire", []],
}
LIES = {
    "format": "joblib",
    "class": "canary.Thing",
    "type": "canary:Thing",
    "metric": f"{EVIL}:fire",
    "check": "canary:fire",
}


def claiming(value: Any) -> Any:
    """Return a document in which everything says that it is trusted, in all the words there are."""
    if isinstance(value, dict):
        return {key: claiming(inner) for key, inner in value.items()} | CLAIMS
    return [claiming(inner) for inner in value] if isinstance(value, list) else value


def lying(value: Any) -> Any:
    """Return a document in which formats, classes, types and metrics are others."""
    if isinstance(value, dict):
        return {
            key: LIES[key] if key in LIES and isinstance(inner, str) else lying(inner) for key, inner in value.items()
        }
    return [lying(inner) for inner in value] if isinstance(value, list) else value


def by_line(data: bytes, edit: Callable[[Any], Any]) -> bytes:
    """Edit each line of JSON, or the whole where it is one document."""
    lines = [canonical_json(edit(json.loads(line))) for line in data.splitlines() if line.strip()]
    return lines[0] if len(lines) == 1 and not data.endswith(b"\n") else b"".join(line + b"\n" for line in lines)


def bombed(data: bytes) -> bytes:
    """Return a pickle in the place of whatever a file held."""
    return BOMB


EDITS: dict[str, Callable[[bytes], bytes]] = {
    "claims": lambda data: by_line(data, claiming),
    "lies": lambda data: by_line(data, lying),
    "pickle": bombed,
}
DOCUMENTS = (
    "card",
    "decision",
    "end",
    "entry",
    "environment",
    "evaluation",
    "head",
    "hint",
    "points",
    "profile",
    "store",
)
DOCUMENTS += ("traffic",)
OTHERS = ("artifact", "code", "example", "manifest", "model", "predictions", "table")
TABLES = ("example", "manifest", "predictions", "table")


def extended(data: bytes) -> bytes:
    """Return a Parquet file whose columns are of a type that Arrow once read as a pickle."""
    table = parquet.read_table(io.BytesIO(data))
    words = {"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": BOMB}
    sink = io.BytesIO()
    parquet.write_table(table.cast(pa.schema([one.with_metadata(words) for one in table.schema])), sink)
    return sink.getvalue()


def kind_of(store: Path) -> dict[str, str]:
    """Return what each file of a store is, by its key."""
    described = {}
    for path in (*store.glob("log/*.json"), *store.glob("runs/*/*/end.json")):
        described |= {one["key"]: one["kind"] for one in _descriptions(json.loads(path.read_bytes()))}
    keys = [path.relative_to(store).as_posix() for path in store.rglob("*") if path.is_file()]
    named = {"log": "entry", "leaves": "leaf", "traffic": "traffic", "tables": "table"}
    return {key: described.get(key) or named.get(key.split("/")[0]) or Path(key).stem.partition("-")[0] for key in keys}


def _descriptions(value: Any) -> Iterator[Doc]:
    if isinstance(value, dict):
        if {"key", "sha256", "size"} <= value.keys():
            yield value
        for inner in value.values():
            yield from _descriptions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _descriptions(inner)


def forge(store: Path, kind: str, edit: Callable[[bytes], bytes]) -> int:
    """Edit the files of a kind, and make digests, sizes and the chain of entries true again; say how many there are."""
    keys = [key for key, what in kind_of(store).items() if what == kind]
    for key in keys:
        (store / key).write_bytes(edit((store / key).read_bytes()))
    for path in (*store.glob("runs/*/*/end.json"), *sorted(store.glob("log/*.json"))):
        with contextlib.suppress(ValueError):
            document = json.loads(path.read_bytes())
            for one in _descriptions(document):
                data = (store / one["key"]).read_bytes() if (store / one["key"]).exists() else b""
                one |= {"size": len(data), "sha256": sha256_bytes(data)}
            before = path.with_name(f"{int(path.stem) - 1:010d}.json") if path.parent.name == "log" else path
            if path.parent.name == "log" and before.exists():
                document["prev"] = sha256_bytes(before.read_bytes())
            path.write_bytes(canonical_json(document))
    return len(keys)


def what_parses(path: Path) -> bool:
    """Say whether a file is JSON, whole or by line."""
    try:
        [json.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
    except ValueError:
        return False
    return True


CASES = [pytest.param(kind, edit, id=f"{kind} {name}") for kind in DOCUMENTS for name, edit in EDITS.items()]
CASES += [pytest.param(kind, bombed, id=f"{kind} pickle") for kind in OTHERS]
CASES += [pytest.param(kind, extended, id=f"{kind} arrow") for kind in TABLES]


@pytest.mark.parametrize(("kind", "edit"), CASES)
def test_files_of_every_kind(kind: str, edit: Callable[[bytes], bytes], store: Path, mark: Path) -> None:
    """What they claim, what they lie about, and pickles in their place."""
    assert forge(store, kind, edit) > 0
    walk(store)
    assert not mark.exists()


def test_every_kind_of_file_is_meant(store: Path) -> None:
    """The sample has them all, and nothing else but the hostile module."""
    assert set(kind_of(store).values()) == {*DOCUMENTS, *OTHERS, "evil"}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_entries_of_every_kind(kind: str, store: Path, mark: Path) -> None:
    """They claim trust for names, projects, types and stores, as changes and beside them."""
    newer = Newer(store, store)
    try:
        known = newer.change(kind, **({"of": "model"} if kind == "version.add" else {}))
    except StopIteration:
        known = {"kind": kind, "of": "model", "name": "churn", "mark": "trusted", "numbers": [[1, 1]], "taken": []}
    newer.write(known | CLAIMS | ({"number": 2} if kind == "version.add" else {}), **CLAIMS)
    walk(store)
    assert not mark.exists()


def test_facts_and_names_that_claim_trust(store: Path, mark: Path) -> None:
    """Nouns, pointers, facts and guards of trust; the document of the store; the reader's own file, laid into it."""
    newer = Newer(store, store)
    newer.write(
        {"kind": "name.set", "of": "trust", "name": "joblib", "id": new_id(), "guards": {"model": ["trusted"]}},
        {"kind": "fact.add", "of": "trust", "id": new_id(), "subject": "model:churn@1", "types": ["canary.Thing"]},
        {"kind": "pointer.move", "of": "model", "name": "churn", "pointer": "trusted", "after": 1, "how": "promote"},
        {"kind": "x-acme.trust", "optional": True, **CLAIMS},
    )
    document = json.loads((store / "store.json").read_bytes())
    (store / "store.json").write_bytes(canonical_json(document | CLAIMS))
    grant = {"what": "joblib", "project": f"file://{store}", "id": document["id"]}
    for key in ("trust.json", "mlcycle/trust.json", ".config/mlcycle/trust.json"):
        (store / key).parent.mkdir(parents=True, exist_ok=True)
        (store / key).write_text(json.dumps({"format": "mlcycle-trust", "v": 1, "grants": [grant]}))
    hostile_model(newer, "joblib", BOMB)
    assert ALL - set(walk(store)) == set()
    assert not mark.exists()


# models --------------------------------------------------------------------------------------------------------------


def node(name: str, loader: str, **other: Any) -> Doc:
    """Return a node of a skops file."""
    module, _, kind = name.rpartition(".")
    return {"__module__": module, "__class__": kind, "__loader__": loader, **other}


NOTHING = node("builtins.str", "JsonNode", content="null", is_json=True)
TEXT = node("builtins.str", "JsonNode", content='"x"', is_json=True)
GIVEN = node("builtins.tuple", "TupleNode", content=[TEXT])
KEYS = node("builtins.list", "ListNode", content=[])
FIRE = node("canary.fire", "FunctionNode")
THING = node("canary.Thing", "ObjectNode", content=TEXT)
HOSTILE_NODES = {
    "object": THING,
    "function": FIRE,
    "type": node("canary.Thing", "TypeNode"),
    "constructor": node("canary.Thing", "ConstructorFromReduceNode", content=GIVEN),
    "list": node("canary.fire", "ListNode", content=[TEXT]),
    "dict": node("canary.Thing", "DictNode", content={}, key_types=KEYS),
    "keys": node("builtins.dict", "DictNode", content={"x": TEXT}, key_types=KEYS | {"content": [FIRE]}),
    "partial": node(
        "functools.partial", "PartialNode", content={"func": FIRE, "args": GIVEN, "kwds": NOTHING, "namespace": NOTHING}
    ),
    "method": node("canary.Thing", "MethodNode", content={"func": "predict", "obj": THING}),
    "operator": node("operator.methodcaller", "OperatorFuncNode", attrs=GIVEN),
    "factory": node("collections.defaultdict", "DefaultDictNode", content={"main": NOTHING, "default_factory": FIRE}),
    "reduce": node("canary.fire", "ReduceNode", content=GIVEN),
    "unheard of": node("canary.fire", "PickleNode", content=GIVEN),
    "trusted by half": node(f"{TRUST[0]}.canary", "FunctionNode"),
}


def skops(root: Doc, **files: bytes) -> bytes:
    """Return a skops file."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("schema.json", json.dumps({"protocol": 2, "_skops_version": "0.16.0", "__id__": 1, **root}))
        for name, data in files.items():
            archive.writestr(name, data)
    return sink.getvalue()


def objects() -> bytes:
    """Return a .npy file of objects, which is a pickle."""
    sink = io.BytesIO()
    np.lib.format.write_array_header_1_0(sink, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    return sink.getvalue() + BOMB


def hostile_model(newer: Newer, format: Any, data: bytes, **card: Any) -> int:
    """Write a version whose card says a format; return its number."""
    known = newer.change("version.add", of="model", name="churn")
    files = newer.change("place", object=newer.change("version.add", of="model", number=1)["needs"][0])["files"]
    card = json.loads((newer.store / files[-1]["key"]).read_bytes()) | {"format": format, "untrusted": []} | card
    owner, number = new_id(), known["number"] + 1
    stored = [
        newer.put(f"files/{owner}/{new_id()}.skops", data, "model"),
        newer.put(f"files/{owner}/{new_id()}.json", canonical_json(card), "card"),
    ]
    newer.write(
        {"kind": "place", "object": f"model:{owner}", "files": stored},
        known | {"number": number, "needs": [f"model:{owner}"]},
        {
            "kind": "pointer.move",
            "of": "model",
            "name": "churn",
            "pointer": "production",
            "after": number,
            "how": "promote",
        },
    )
    return int(number)


def test_models_of_every_kind(store: Path, mark: Path) -> None:
    """Pickles under every name, and skops files around the trusted type with everything in them."""
    newer = Newer(store, store)
    scope = newer.change("version.add", of="scope")
    reference = records.to_json(mc.NotWorseThan("production", "accuracy"))
    newer.write(scope | {"number": 2, "scope": scope["scope"] | {"criteria": [reference]}})
    named = {"class": TRUST[0], "trust": True, "trusted": ["joblib", "canary.Thing"]}
    for format in ("joblib", "skops", "pickle", "cloudpickle", "canary", "", None, True, ["joblib"], {"joblib": 1}):
        hostile_model(newer, format, BOMB, **named)
    for hostile in HOSTILE_NODES.values():
        inside = node("builtins.dict", "DictNode", content={"x": hostile}, key_types=KEYS | {"content": [TEXT]})
        for root in (
            hostile,
            node(TRUST[0], "ObjectNode", content=inside),
            node(TRUST[0], "ObjectNode", spare=[hostile]),
        ):
            hostile_model(newer, "skops", skops(root), untrusted=TRUST, **named)
    array = node("numpy.ndarray", "NdArrayNode", type="numpy", file="x.npy")
    for name in ("x.npy", "x.npz", "x.bin", "x.pkl"):
        last = hostile_model(newer, "skops", skops(array | {"file": name}, **{name: objects()}), **named)
    newer.write(newer.change("version.add", of="deployment") | {"number": 2, "weights": {f"model:churn@{last}": 100}})
    newer.write(newer.change("pointer.move", of="deployment") | {"after": 2})
    worked = walk(store)
    assert worked.count("model by trust") == 1  # that of the base, which needs none
    assert "judge" in worked
    assert not mark.exists()


@pytest.mark.parametrize("module", ["canary", EVIL])
def test_criteria_of_the_scope(module: str, store: Path, mark: Path) -> None:
    """Metrics and criteria that name functions and classes of modules which are not imported yet."""
    newer = Newer(store, store)
    metric = f"{module}:fire"
    criteria = [
        {"type": f"{module}:Thing", "metric": metric, "threshold": 0.5},
        records.to_json(mc.AtLeast(metric, 0.5)),
        records.to_json(mc.AtMost(metric, 0.5, on="customers.train")),
        records.to_json(mc.NotWorseThan("production", metric)),
        records.to_json(mc.NotWorseThan(metric, "accuracy")),
    ]
    scope = newer.change("version.add", of="scope")
    newer.write(scope | {"number": 2, "scope": scope["scope"] | {"criteria": criteria}})
    assert {"judge", "deployment check", "scope get"} <= set(walk(store))
    assert not mark.exists()


def test_the_trusted_type_is_read(store: Path, mark: Path) -> None:
    """Written by the same hand, it is no attack."""
    with mc.open(store).experiments["trees"].start(name="mine") as run, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run.save_model(Trusted().fit([[0]], [0]), format="skops")
    version = run.register("churn")
    assert isinstance(mc.open(store).load(version, trust=TRUST), Trusted)
    assert walk(store).count("model by trust") == 2
    assert not mark.exists()


@pytest.mark.parametrize("edit", EDITS)
def test_caches_of_the_log(edit: str, store: Path, mark: Path) -> None:
    """Checkpoints, rollups and the hint of a long log."""
    with tarfile.open(STORES / "long.tar.xz") as archive:
        archive.extractall(store.with_name("long"), filter="data")
    long = store.with_name("long")
    caches = [
        path for path in long.rglob("*") if path.is_file() and path.parent.name != "log" and path.name != "store.json"
    ]
    for path in caches:
        if edit == "pickle" or what_parses(path):
            path.write_bytes(EDITS[edit](path.read_bytes()))
    project = mc.open(long, mode="r")
    mc.trust(TRUST, project)
    with contextlib.suppress(errors.MlcycleError):
        project.history()
    with contextlib.suppress(errors.MlcycleError):
        project.load("dataset:numbers@1")
    assert len(caches) > 2
    assert not mark.exists()
