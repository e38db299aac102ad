"""Splitting a version: each part is a version of a name of its own, a selection of rows that copies none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from mlcycle import codecs, records
from mlcycle._digest import canonical_json
from mlcycle._ids import new_id
from mlcycle.errors import InvalidInput
from mlcycle.lifecycle._gate_request import GateRequest
from mlcycle.lifecycle.datasets import splits, tables
from mlcycle.lifecycle.datasets._adding import addition, is_current
from mlcycle.lifecycle.datasets._record import made_records
from mlcycle.state import Change, Place, Version, VersionAdd, View, resolve
from mlcycle.storage import MAX_BYTES, UpToDate

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pandas as pd

    from mlcycle._typing import Moment
    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.blobs import Blobs, CheckedFiles

__all__ = ["folds", "split"]

Doc = dict[str, Any]


def split(
    session: Session,
    version: records.DatasetVersion,
    *,
    parts: Any,
    test: float,
    by: Any,
    gap: Any,
    stratify: Any,
    seed: int,
    message: str,
    override_until: Moment | None,
    op: str | None,
) -> records.Parts[records.DatasetVersion]:
    """Split as `DatasetVersion.split` documents."""
    request = splits.parts_request(parts, test, by, gap, stratify, seed)
    return _commit_parts(session, version, request, message=message, override_until=override_until, op=op)[1]


def folds(
    session: Session,
    version: records.DatasetVersion,
    *,
    n: int,
    by: Any,
    gap: Any,
    stratify: Any,
    seed: int,
    message: str,
    override_until: Moment | None,
    op: str | None,
) -> records.Folds[records.DatasetVersion]:
    """Make folds as `DatasetVersion.folds` documents."""
    request = splits.folds_request(n, by, gap, stratify, seed)
    drawn, parts = _commit_parts(session, version, request, message=message, override_until=override_until, op=op)
    return records.Folds(version.ref, parts, drawn.part, splits.sides_of(drawn, request.folds))


def _commit_parts(
    session: Session,
    version: records.DatasetVersion,
    request: splits.Request,
    *,
    message: str,
    override_until: Moment | None,
    op: str | None,
) -> tuple[splits.Drawn, records.Parts[records.DatasetVersion]]:
    def work(do: Operation) -> tuple[splits.Drawn, records.Parts[records.DatasetVersion]]:
        whole = resolve(do.view, version, "dataset")
        rows = _rows(session.blobs, do.view, whole)
        drawn = splits.draw(rows, request)
        parts = _parts(whole, rows.frame, drawn, tables.header_of(session.blobs, do.view, whole))
        fresh = {part.name: new_id() for part in parts}

        def versions(view: View) -> list[VersionAdd]:
            return [_version(view, whole, part) for part in parts]

        made = versions(do.view)
        _check_fits_one_entry(whole, request, made)
        known = all(is_current(do.view, part) for part in made)

        def gate_request() -> GateRequest | None:
            # not before: an `op` committed by then gives its parts, whatever came since
            _check_not_hidden(do.view, whole)
            return None if known else _gate_request(whole, made, parts, versions)

        do.judge(gate_request)
        missing = {part.name for part in made if not do.view.placed.has(part.needs[0])}
        stored = do.upload(
            lambda: {part.name: _store(session.blobs.checked_files, part) for part in parts if part.name in missing}
        )

        def plan(view: View) -> list[Change] | UpToDate:
            _check_not_hidden(view, resolve(view, whole.ref, "dataset"))
            made = versions(view)
            if all(is_current(view, part) for part in made):
                return UpToDate([view.versions.newest("dataset", part.name) for part in made])
            return [change for part in made for change in addition(view, part, stored.get(part.name), fresh[part.name])]

        done = do.commit(plan, message=f"split {whole.shown}")
        return drawn, records.Parts(made_records(session, done))

    return session.operate("dataset.split", work, message=message, op=op, override_until=override_until)


_AROUND_A_PART = 720  # bytes of an entry that a part has beside what its version says: its name, its files, its digests


def _check_fits_one_entry(whole: Version, request: splits.Request, made: list[VersionAdd]) -> None:
    """Refuse more parts than one entry holds, before any of them is stored: parts of one split are made together."""
    sizes = [len(canonical_json([one.name, one.says, one.needs[1:], one.made_from])) + _AROUND_A_PART for one in made]
    if sum(sizes) > MAX_BYTES:
        most = MAX_BYTES // max(sizes)
        fewer = f"folds({most}), or fewer" if request.folds else f"at most {most:,} parts"
        raise InvalidInput(
            f"{len(made):,} parts of {whole.shown} are more than are kept together, which is about {most:,}; ask for "
            f"{fewer}, or give scikit-learn its own splitter, such as LeaveOneOut(), as cv= with what load() gives"
        )


def _check_not_hidden(view: View, whole: Version) -> None:
    """Refuse to split what is nobody's latest any more: its parts would be."""
    if view.marks.has("dataset", whole.name, "rejected", whole.number):
        raise InvalidInput(
            f"{whole.shown} was rejected, and its parts would be anybody's latest; add its rows again first, with "
            "override_until= if that is meant"
        )
    if view.marks.has("dataset", whole.name, "retracted", whole.number):
        raise InvalidInput(
            f"{whole.shown} was rolled back, and its parts would be anybody's latest; split the current version, "
            f"project.datasets[{whole.name!r}], or undo the rollback with project.rollback(to=…)"
        )


def _gate_request(
    whole: Version, made: list[VersionAdd], parts: list[_Part], versions: Callable[[View], list[VersionAdd]]
) -> GateRequest:
    """Return what is judged of parts that are to be versions: the version whose rows they select stands already."""
    return GateRequest(
        verb="dataset.commit",
        action="split",
        subject=whole.ref,
        proposal=lambda: {"how": "split", "name": whole.name, "parts": {part.name: part["rows"] for part in made}},
        rejects=True,
        premise=lambda now: [evolve(part, number=1) for part in versions(now)],
        candidates={part.name: part for part in parts},
    )


def _rows(blobs: Blobs, view: View, whole: Version) -> splits.Rows:
    return splits.Rows(whole.name, whole.shown, tables.read_frame(blobs, view, whole), whole["roles"])


def _parts(whole: Version, frame: pd.DataFrame, drawn: splits.Drawn, header: Doc) -> list[_Part]:
    """Return the parts of a version, their rows chosen."""
    parts, said = [], drawn.parts()
    for name, mask in drawn.masks().items():
        how = _said(said[name])
        encoded = codecs.encode_selection(whole["content"], mask, how)
        parts.append(_Part(f"{whole.name}.{name}", frame, mask, whole["roles"], encoded, how, header))
    return parts


def _said(part: records.Part) -> Doc:
    """Return how rows were chosen, without what is empty: it is said in the log once a part."""
    kept = {field: value for field, value in records.to_json(part).items() if value not in (None, "")}
    return {field: value for field, value in kept.items() if field != "type"}


def _store(checked_files: CheckedFiles, part: _Part) -> Place:
    files = tables.store_selection(checked_files, part.encoded, part.frame(), part.header)
    return Place(object=f"selection:{part.encoded.content}", files=files)


@frozen
class _Part:
    """One part of a split, before anything of it is stored."""

    name: str
    whole: pd.DataFrame
    mask: np.ndarray
    roles: dict[str, str | int | None]
    encoded: codecs.EncodedSelection
    how: Doc
    header: Doc

    def frame(self) -> pd.DataFrame:
        """Return the rows that fall to it."""
        return self.whole[self.mask]

    @property
    def table(self) -> Any:
        """The rows that fall to it, as Arrow has them."""
        import pyarrow as pa

        return pa.Table.from_pandas(self.frame())


def _version(view: View, parent: Version, part: _Part) -> VersionAdd:
    """Return a part selected from a version as the next version of a name; it lives by its parent's rows too."""
    content = part.encoded.content
    kept = {field: parent[field] for field in ("presentation", "columns", "roles")}
    return VersionAdd(
        of="dataset",
        name=part.name,
        number=view.versions.next_number("dataset", part.name),
        needs=[f"selection:{content}", *parent.needs],
        made_from=[parent.ref],
        says={"layout": "selection", "content": content, "rows": int(part.mask.sum()), "part": part.how, **kept},
    )
