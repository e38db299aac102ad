"""What is stored of a model, as a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle import records
from mlcycle._ids import bare, refs_of
from mlcycle.lifecycle._model_files import card_of
from mlcycle.lifecycle.blobs import file_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlcycle.lifecycle._session import Session
    from mlcycle.state import Version

__all__ = ["model_record"]

Doc = dict[str, Any]


def model_record(session: Session, version: Version) -> records.ModelVersion:
    """Return the record of a stored version, at home in the session that looks at it."""
    blobs = session.blobs
    files = blobs.files_of(version.needs[0], version.shown)
    example = next((file for file in files if file["kind"] == "example"), None)
    card = card_of(blobs, version)
    made = records.ModelVersion(
        name=version.name,
        number=version.number,
        id=bare(version.needs[0]),
        format=card["format"],
        class_name=card["class"],
        files=tuple(map(file_record, files)),
        signature=_signature(card["signature"]),
        example=file_record(example) if example else None,
        run=version["run"] and bare(version["run"]),
        data=_of("dataset", version.made_from),
        reads=_of("dataset", version["reads"]),
        base=_of("model", version.made_from),
        params=card["params"],
        environment=version["environment"],
        packages=card["packages"],
        untrusted=tuple(card["untrusted"]),
        local=tuple(card["local"]),
        **version.stamp.facts(),
    )
    return records.at_home(made, session.home)


def _of(noun: str, refs: Iterable[str]) -> tuple[str, ...]:
    """Return those of some full refs that are of a noun, as people see them."""
    return tuple(map(bare, refs_of(noun, refs)))


def _signature(stored: Doc | None) -> records.Signature | None:
    if stored is None:
        return None
    fields = {"inputs", "task", "classes", "methods", "n_outputs"}
    known = {field: value for field, value in stored.items() if field in fields and value is not None}
    detail = {field: value for field, value in stored.items() if field not in fields}
    return records.Signature(**known, detail=detail)
