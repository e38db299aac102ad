"""Splitting a version: each part is a version of a name of its own, a selection of rows that copies none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import evolve, frozen

from mlcycle import codecs, records
from mlcycle._ids import new_id
from mlcycle.errors import InvalidInput
from mlcycle.lifecycle._gate_request import GateRequest
from mlcycle.lifecycle.datasets import _split_assignment as splits
from mlcycle.lifecycle.datasets import tables
from mlcycle.lifecycle.datasets._adding import addition, is_current
from mlcycle.lifecycle.datasets._record import made_records
from mlcycle.state import Change, Place, Version, VersionAdd, View, resolve
from mlcycle.storage import UpToDate

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pandas as pd

    from mlcycle._typing import Moment
    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.blobs import Blobs, CheckedFiles

__all__ = ["split"]


class _Draw(NamedTuple):
    """How rows are drawn for the parts: see `DatasetVersion.split`."""

    shares: dict[str, float]
    method: str
    by: str | int | None
    seed: int


def split(
    session: Session,
    version: records.DatasetVersion,
    *,
    test: float,
    validation: float,
    method: str,
    by: str | int | None,
    seed: int,
    message: str,
    override_until: Moment | None,
    op: str | None,
) -> tuple[records.DatasetVersion, ...]:
    """Split as `DatasetVersion.split` documents."""
    spec = _Draw(splits.check_shares(test, validation), method, by, splits.check_seed(seed))

    def work(do: Operation) -> tuple[records.DatasetVersion, ...]:
        whole = resolve(do.view, version, "dataset")
        drawn = _drawn(session.blobs, do.view, whole, spec)
        fresh = {part.name: new_id() for part in drawn}

        def versions(view: View) -> list[VersionAdd]:
            return [_part(view, whole, part) for part in drawn]

        made = versions(do.view)
        known = all(is_current(do.view, part) for part in made)

        def request() -> GateRequest | None:
            # not before: an `op` committed by then gives its parts, whatever came since
            _check_not_hidden(do.view, whole)
            return None if known else _request(whole, made, drawn, versions)

        do.judge(request)
        missing = {part.name for part in made if not do.view.placed.has(part.needs[0])}
        stored = do.upload(
            lambda: {part.name: _store(session.blobs.checked_files, part) for part in drawn if part.name in missing}
        )

        def plan(view: View) -> list[Change] | UpToDate:
            _check_not_hidden(view, resolve(view, whole.ref, "dataset"))
            made = versions(view)
            if all(is_current(view, part) for part in made):
                return UpToDate([view.versions.newest("dataset", part.name) for part in made])
            return [change for part in made for change in addition(view, part, stored.get(part.name), fresh[part.name])]

        return tuple(made_records(session, do.commit(plan, message=f"split {whole.shown}")))

    return session.operate("dataset.split", work, message=message, op=op, override_until=override_until)


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


def _request(
    whole: Version, made: list[VersionAdd], drawn: list[_Drawn], versions: Callable[[View], list[VersionAdd]]
) -> GateRequest:
    """Return what is judged of parts that are to be versions: the version whose rows they select stands already."""
    return GateRequest(
        verb="dataset.commit",
        action="split",
        subject=whole.ref,
        proposal=lambda: {"how": "split", "name": whole.name, "parts": {part.name: part["rows"] for part in made}},
        rejects=True,
        premise=lambda now: [evolve(part, number=1) for part in versions(now)],
        candidates={part.name: part for part in drawn},
    )


def _drawn(blobs: Blobs, view: View, whole: Version, spec: _Draw) -> list[_Drawn]:
    """Return the parts of a version: which rows fall to each, and how that was decided."""
    shares, method, by, seed = spec
    columns = tables.column_names(tables.header_of(blobs, view, whole))
    given = None if by is None else tables.column_label(columns, by, "by", whole.shown)
    frame = tables.read_frame(blobs, view, whole)
    target = whole["roles"].get("target")
    asked = frame[target] if method == "auto" and target is not None else None
    chosen, column = splits.choose_method(whole, method, given, asked)
    how = {"method": chosen, "by": column, "seed": seed, "shares": shares, "of": whole.ref}
    masks = splits.part_masks(whole.name, frame, shares, chosen, column, seed)
    return [
        _Drawn(
            f"{whole.name}.{part}", frame, mask, whole["roles"], codecs.encode_selection(whole["content"], mask, how)
        )
        for part, mask in masks.items()
    ]


def _store(checked_files: CheckedFiles, part: _Drawn) -> Place:
    files = tables.store_selection(checked_files, part.encoded, codecs.profile(part.frame()))
    return Place(object=f"selection:{part.encoded.content}", files=files)


@frozen
class _Drawn:
    """One part of a split, before anything of it is stored."""

    name: str
    whole: pd.DataFrame
    mask: np.ndarray
    roles: dict[str, str | int | None]
    encoded: codecs.EncodedSelection

    def frame(self) -> pd.DataFrame:
        """Return the rows that fall to it."""
        return self.whole[self.mask]

    @property
    def table(self) -> Any:
        """The rows that fall to it, as Arrow has them."""
        import pyarrow as pa

        return pa.Table.from_pandas(self.frame())


def _part(view: View, parent: Version, part: _Drawn) -> VersionAdd:
    """Return a part selected from a version as the next version of a name; it lives by its parent's rows too."""
    content = part.encoded.content
    kept = {field: parent[field] for field in ("presentation", "columns", "roles")}
    return VersionAdd(
        of="dataset",
        name=part.name,
        number=view.versions.next_number("dataset", part.name),
        needs=[f"selection:{content}", *parent.needs],
        made_from=[parent.ref],
        says={"layout": "selection", "content": content, "rows": int(part.mask.sum()), **kept},
    )
