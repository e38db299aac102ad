"""The check of promote and route that is built in: a Python that knows nothing of this program loads the model.

It is run once for a model file, an environment and the folders modules are found in. That it passed is a fact: the
decision it is part of is found by a key of them, and whoever finds one, and the modules of the model, need not try
again. What failed is found by a key too, and tried again each time, for what was missing may be there by now; it stands
where nobody may try it any more.
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
from mlcycle.lifecycle._stored_decisions import decision_record
from mlcycle.lifecycle._trust_file import trusted_in

if TYPE_CHECKING:
    from mlcycle.lifecycle._gate_request import Evidence
    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import Fact, Version, View

__all__ = ["add_loading"]

Doc = dict[str, Any]
_CHECK = "loads in a fresh interpreter"
_KEY = 32  # hex digits of a digest, which stand in every decision: no two of 2**64 files share them
_PASSED, _FAILED = "load", "load-failed"  # what a key begins with, by what became of the file
_REMEDY = (
    "Have what it needs installed, your own code too (pip install -e .), and try again; what a script or notebook "
    "defines must move to a module first, and the model be saved again"
)


def add_loading(evidence: Evidence, blobs: Blobs, view: View, *versions: Version) -> Evidence:
    """Return evidence with what became of loading model versions in a fresh Python.

    A model that loads nowhere else blocks. What cannot be tried does not: that nobody trusts it, that no Python can be
    started here, or that it takes too long is told, and keeps nobody from going on.
    """
    found = [_checked(blobs, view, version) for version in versions]
    results = [result for result, _ in found]
    # of what is allowed, since nothing else was asked, that is worth a line
    alone = not evidence.results and not any(map(checks.stops, results))
    asked = ("  · no criterion of the scope asks for anything",) if alone else ()
    return evolve(
        evidence,
        results=(*evidence.results, *results),
        notes=(*evidence.notes, *asked),
        found_by=(*evidence.found_by, *(key for _, key in found if key)),
    )


def _checked(blobs: Blobs, view: View, version: Version) -> tuple[records.Result, str | None]:
    """Return the result for a version, and, where it passed or failed, the key of that."""
    try:
        file, card = blobs.file_of(version.needs[0], "model", version.shown), card_of(blobs, version)
        key = _key(file["sha256"])
        passed, failed = (key and _newest(view, f"{begin}:{key}") for begin in (_PASSED, _FAILED))
        if passed and not codecs.missing_modules([card["class"], *card["untrusted"], *card["local"]]):
            return _result(version, "pass", f"as found {passed.stamp.at[:10]}"), f"{_PASSED}:{key}"
        found, detail = _tried(blobs, version, file, card)
        if found.outcome == "untrusted" and failed and not (passed and passed.stamp.entry > failed.stamp.entry):
            return _result(version, "fail", _told_before(blobs, version, failed)), f"{_FAILED}:{key}"
    except (Corrupt, VersionDeleted) as error:
        return _result(version, "fail", error_text(error)), None
    except SchemaError as error:
        return _result(version, "error", error_text(error), blocking=False), None
    if found.outcome == "loads":
        said = "its example is answered" if found.answered else ""
        return _result(version, "pass", said), key and f"{_PASSED}:{key}"
    verdict = {"fails": "fail", "untrusted": "skipped"}.get(found.outcome, "error")
    result = _result(version, verdict, provenance.redact(detail)[0], blocking=verdict == "fail")
    return result, f"{_FAILED}:{key}" if key and verdict == "fail" else None


def _newest(view: View, key: str) -> Fact | None:
    return next(view.facts.of("decision", key, newest_first=True), None)


def _told_before(blobs: Blobs, version: Version, failed: Fact) -> str:
    """Return what was said of a file that failed when it was tried."""
    found = [one for one in decision_record(blobs, failed).results if one.check == _CHECK and one.verdict == "fail"]
    own = [one for one in found if one.subject == version.ref] or found  # the same file may be of two versions
    begin = f"as found {failed.stamp.at[:10]}"
    if any(one.detail.startswith("as found ") for one in own[:1]):
        return own[0].detail
    return "; ".join([begin, *(one.detail for one in own[:1])])


def _result(version: Version, verdict: str, detail: str, *, blocking: bool = True) -> records.Result:
    return records.Result(check=_CHECK, subject=version.ref, verdict=verdict, blocking=blocking, detail=detail)


def _key(digest: str) -> str | None:
    """Return what a file is found by here; None where nobody can say in what environment this is.

    Folders that modules are found in are no part of an environment, which is the same on many machines.
    """
    try:
        environment = provenance.capture_environment().digest
    except Exception:  # noqa: BLE001 - whatever a machine is like, then it is tried each time
        return None
    return sha256_bytes(canonical_json([digest, environment, codecs.module_folders()])).removeprefix("sha256:")[:_KEY]


def _tried(blobs: Blobs, version: Version, file: Doc, card: Doc) -> tuple[codecs.FreshLoad, str]:
    """Return what became of a model file in a fresh Python, and what is to be said of it."""
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
                "local": card["local"],
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
    if found.missing:
        whose = f"{', '.join(found.missing)} {'is' if len(found.missing) == 1 else 'are'}"
        detail = f"{whose} of the script, notebook or file that saved it, and no other program can import that"
        return evolve(found, outcome="fails"), f"{detail}{_relative()}. {_REMEDY}"
    if found.outcome == "untrusted":
        return found, _untrusted(card, file) + trouble
    hint = _relative() if "ModuleNotFoundError" in found.detail else ""
    return found, f"{found.detail}{hint}. {_REMEDY}" if found.outcome == "fails" else found.detail


def _relative() -> str:
    """Say so where what a program finds depends on the folder it is started in."""
    found = codecs.relative_folders()
    many = f"{', '.join(map(repr, found))} of PYTHONPATH, another folder wherever a program starts, was not looked in"
    return f" ({many}: name it in full)" if found else ""


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
