"""The check of promote and route that is built in: a Python that knows nothing of this program loads the model.

It is run once for a model file and an environment. That it passed is a fact: the decision it is part of is found by a
key of both, and whoever finds one need not try again. What fails is tried again each time, for what was missing may be
there by now.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from attrs import evolve

from mlcycle import checks, codecs, provenance, records
from mlcycle._digest import canonical_json, sha256_bytes
from mlcycle._error_text import error_text
from mlcycle.errors import Corrupt, MlcycleError, SchemaError, VersionDeleted
from mlcycle.lifecycle._model_files import card_of
from mlcycle.lifecycle._trust_file import trusted_in

if TYPE_CHECKING:
    from mlcycle.lifecycle._gate_request import Evidence
    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import Version, View

__all__ = ["add_loading"]

Doc = dict[str, Any]
_CHECK = "loads in a fresh interpreter"
_KEY = 32  # hex digits of a digest, which stand in every decision: no two of 2**64 files share them
_REMEDY = (
    "Have what it needs installed, your own code too (pip install -e .), and try again; what a script or notebook "
    "defines must move to a module first, and the model be saved again"
)


def add_loading(evidence: Evidence, blobs: Blobs, view: View, *versions: Version) -> tuple[Evidence, tuple[str, ...]]:
    """Return evidence with what became of loading model versions in a fresh Python, and keys to find that by.

    A model that loads nowhere else blocks. What cannot be tried does not: that nobody trusts it, that no Python can be
    started here, or that it takes too long is told, and keeps nobody from going on.
    """
    results: list[records.Result] = []
    keys: list[str] = []
    for version in versions:
        result, key = _checked(blobs, view, version)
        results.append(result)
        keys += [key] if key else []
    # of what is allowed, since nothing else was asked, that is worth a line
    alone = not evidence.results and not any(map(checks.stops, results))
    asked = ("  · no criterion of the scope asks for anything",) if alone else ()
    return evolve(evidence, results=(*evidence.results, *results), notes=(*evidence.notes, *asked)), tuple(keys)


def _checked(blobs: Blobs, view: View, version: Version) -> tuple[records.Result, str | None]:
    """Return the result for a version, and, where it passed, the key of that."""
    try:
        file = blobs.file_of(version.needs[0], "model", version.shown)
        key = _key(file["sha256"])
        before = None if key is None else next(view.facts.of("decision", key), None)
        if before is not None:
            return _result(version, "pass", f"as found {before.stamp.at[:10]}"), key
        found, detail = _tried(blobs, version, file)
    except (Corrupt, VersionDeleted) as error:
        return _result(version, "fail", error_text(error)), None
    except SchemaError as error:
        return _result(version, "error", error_text(error), blocking=False), None
    if found.outcome == "loads":
        return _result(version, "pass", "its example is answered" if found.answered else ""), key
    verdict = {"fails": "fail", "untrusted": "skipped"}.get(found.outcome, "error")
    return _result(version, verdict, provenance.redact(detail)[0], blocking=verdict == "fail"), None


def _result(version: Version, verdict: str, detail: str, *, blocking: bool = True) -> records.Result:
    return records.Result(check=_CHECK, subject=version.ref, verdict=verdict, blocking=blocking, detail=detail)


def _key(digest: str) -> str | None:
    """Return what a pass is found by; None where nobody can say in what environment this is."""
    try:
        environment = provenance.capture_environment().digest
    except Exception:  # noqa: BLE001 - whatever a machine is like, then it is tried each time
        return None
    return f"load:{sha256_bytes(canonical_json([digest, environment])).removeprefix('sha256:')[:_KEY]}"


def _tried(blobs: Blobs, version: Version, file: Doc) -> tuple[codecs.FreshLoad, str]:
    """Return what became of a model file in a fresh Python, and what is to be said of it."""
    card = card_of(blobs, version)
    trouble = ""

    def read() -> codecs.FreshLoad:
        nonlocal trouble
        with contextlib.ExitStack() as kept:
            given: dict[str, Any] = {
                "path": kept.enter_context(blobs.checked_files.local_copy(file, version.shown)),
                "format": card["format"],
                "signature": card["signature"],
                "example": _example(blobs, version, kept),
                "label": version.shown,
            }
            found = codecs.load_afresh(**given)
            if found.outcome != "untrusted":
                return found
            try:
                granted = trusted_in(*blobs.identity)
            except MlcycleError as error:
                trouble = f". What you trust for every time cannot be read: {error}"
                return found
            return codecs.load_afresh(**given, trust=granted) if granted else found

    found = blobs.reading(version.shown, read)
    if found.outcome == "untrusted":
        return found, _untrusted(card, file) + trouble
    return found, f"{found.detail}. {_REMEDY}" if found.outcome == "fails" else found.detail


def _example(blobs: Blobs, version: Version, kept: contextlib.ExitStack) -> Any:
    """Return the path of the stored example; None where there is none, or none that can be read."""
    files = blobs.files_of(version.needs[0], version.shown)
    file = next((one for one in files if one.get("kind") == "example"), None)
    try:
        return file and kept.enter_context(blobs.checked_files.local_copy(file, version.shown))
    except (Corrupt, SchemaError):
        return None


def _untrusted(card: Doc, file: Doc) -> str:
    if card["format"] == "skops":
        types = card["untrusted"]
        return f"it holds types that nobody vouched for: mlcycle.trust({types!r}, project) has it tried"
    digest = file["sha256"]
    return f"it is kept as {card['format']}, and reading it runs code: mlcycle.trust({digest!r}) has it tried"
