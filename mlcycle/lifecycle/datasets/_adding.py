"""Adding a version: a table that is not there yet is stored, and a version of a name says that it is that table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, fields

from mlcycle import codecs, records
from mlcycle._ids import bare, new_id
from mlcycle.errors import InvalidInput
from mlcycle.lifecycle._gate_request import GateRequest
from mlcycle.lifecycle._operation import retry_after_sweep
from mlcycle.lifecycle.datasets import tables
from mlcycle.lifecycle.datasets._incoming import Candidate, OddRows, schema_digest
from mlcycle.lifecycle.datasets._record import made_records
from mlcycle.state import Change, NameSet, Place, Version, VersionAdd, View, every_ref, resolve
from mlcycle.storage import UpToDate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlcycle._typing import Moment
    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session

__all__ = ["add", "addition", "is_current", "is_same"]

Doc = dict[str, Any]
Given = dict[str, str | int | None]


def add(
    session: Session,
    name: str,
    data: Any,
    given: Given,
    parents: Sequence[str | records.DatasetVersion],
    *,
    message: str,
    override_until: Moment | None,
    op: str | None,
) -> records.DatasetVersion:
    """Add as `Datasets.add` documents."""
    named = every_ref(parents, "parents")
    encoded = codecs.encode(data)
    missing = encoded.missing_content()
    odd = OddRows(session.blobs, encoded, given)
    fresh = new_id()

    def work(do: Operation) -> records.DatasetVersion:
        do.view.names.check_free("dataset", name)
        lineage = [resolve(do.view, parent, "dataset").ref for parent in named]

        def version(view: View) -> VersionAdd:
            view.names.check_free("dataset", name)
            return _table_version(view, name, encoded, missing, given, lineage)

        def store(made: VersionAdd) -> Place:
            folder = _id_of(do.view, name, fresh)
            files = tables.store_table(session.blobs.checked_files, folder, encoded)
            return session.blobs.place(made.needs[0], files, f"files/{folder}")

        made = version(do.view)
        known = is_current(do.view, made)
        do.judge(lambda: None if known else _request(do.view, made, encoded, version, odd))
        _check_untouched(do, data, encoded)
        here = known or do.view.placed.has(made.needs[0])
        stored = None if here else do.upload(lambda: store(made))

        def plan(view: View) -> list[Change] | UpToDate:
            made = version(view)
            if is_current(view, made):
                return UpToDate([view.versions.newest("dataset", name)])
            return addition(view, _noted(made, odd.notes), stored, fresh)

        return made_records(session, do.commit(plan))[0]

    return session.operate("dataset.add", work, message=message, op=op, override_until=override_until)


def _noted(made: VersionAdd, notes: list[str]) -> VersionAdd:
    """Return a version that says what is odd about it."""
    return evolve(made, says={**made.says, "notes": notes}) if notes else made


def _request(
    view: View, made: VersionAdd, encoded: codecs.Encoded, version: Callable[[View], VersionAdd], odd: OddRows
) -> GateRequest:
    """Return what is judged of a table that is to be a version: the table itself, before anything of it is stored."""
    facts = ("content", "rows", "columns", "roles")
    return GateRequest(
        verb="dataset.commit",
        action="add",
        subject=f"dataset:{made.name}",
        proposal=lambda: {
            "how": "add",
            "name": made.name,
            "table": encoded.table,
            **{field: made[field] for field in facts},
            "parents": tuple(map(bare, made.made_from)),
        },
        rejects=True,
        premise=lambda now: (evolve(again := version(now), number=1), odd.compared_with(now, again)),
        candidates={made.name: Candidate(encoded, made["roles"])},
        built_in=lambda criteria: odd.look(view, made, criteria),
        same=lambda version, made: is_same(version, made) and version.made_from == tuple(made.made_from),
    )


def _check_untouched(do: Operation, data: Any, encoded: codecs.Encoded) -> None:
    """Refuse to store rows that a hook changed behind the table it was given: their digest is another by now."""
    import pandas as pd

    # whatever else holds rows cannot be changed, and may be read only once
    if do.was_asked and isinstance(data, pd.DataFrame) and codecs.encode(data).content != encoded.content:
        raise InvalidInput("the data was changed while a hook judged it; a hook reads, and changes a copy of its own")


def _id_of(view: View, name: str, fresh: str) -> str:
    """Return the id whose folder holds the tables of a name, a fresh one for a new name."""
    known = view.names.get("dataset", name)
    return (known and known.id) or fresh


def _table_version(
    view: View, name: str, encoded: codecs.Encoded, missing: str, given: Given, lineage: list[str]
) -> VersionAdd:
    """Return a table as the next version of a name; `missing` is its content if NaN were null."""
    current = view.versions.newest("dataset", name)
    columns = tables.column_names(encoded.header)
    roles, lost = _roles(name, given, columns, current)
    said = {
        "layout": "blocks",
        "content": encoded.content,
        **({"missing_content": missing} if missing != encoded.content else {}),
        "presentation": encoded.presentation,
        "rows": encoded.header["rows"],
        "columns": len(columns),
        "schema": schema_digest(encoded.header),
        "roles": roles,
        **({"lost_roles": lost} if lost else {}),
    }
    number, needs = view.versions.next_number("dataset", name), [tables.table_object(encoded)]
    return VersionAdd(of="dataset", name=name, number=number, needs=needs, made_from=lineage, says=said)


def is_current(view: View, made: VersionAdd) -> bool:
    """Say whether what is to be added is the current version."""
    current = view.versions.newest("dataset", made.name)
    return current is not None and is_same(current, made)


def is_same(version: Version, made: VersionAdd) -> bool:
    """Say whether a version has the rows and the roles of what is to be added.

    In what container they came is no matter, nor is what was found odd about them, nor whether a missing float is
    written NaN, as in pandas, or null, as in Arrow. Labels are compared as text, since those of an Arrow table are; how
    many columns there are tells a column from a level of the index.
    """
    alike = all(version[field] == made[field] for field in ("layout", "columns"))
    alike &= version["content"] == made["content"] or _missing_content(version.says) == _missing_content(made.says)
    lost = [_as_text(one.says.get("lost_roles", {})) for one in (version, made)]
    return alike and _as_text(version["roles"]) == _as_text(made["roles"]) and lost[0] == lost[1]


def _missing_content(says: Mapping[str, Any]) -> str:
    content: str = says.get("missing_content", says["content"])
    return content


def _as_text(roles: Doc) -> dict[str, str]:
    return {role: str(label) for role, label in roles.items() if label is not None}


def addition(view: View, made: VersionAdd, stored: Place | None, fresh: str) -> list[Change]:
    """Return the changes that add a version; its files are new, or named by an entry before."""
    begun: list[Change] = []
    if view.names.get("dataset", made.name) is None:
        begun.append(NameSet(of="dataset", name=made.name, id=fresh))
    if view.placed.has(made.needs[0]):
        return [*begun, made]
    if stored is None:
        raise retry_after_sweep()
    return [*begun, stored, made]


def _roles(name: str, given: Given, columns: list[str | int], current: Version | None) -> tuple[Doc, Doc]:
    """Return the column of every role, and the roles whose column is not there, which come back when it does.

    A role is as given, None among that; else as it was, or was last.
    """
    by_text = {str(column): column for column in columns}  # 2 of a frame is "2" in an Arrow table
    before = {**current["roles"], **current.says.get("lost_roles", {})} if current else {}
    kept = {role: label for role, label in before.items() if label is not None and role not in given}
    roles = {role: by_text.get(str(label)) for role, label in kept.items()}
    for role, label in given.items():
        roles[role] = None if label is None else tables.column_label(columns, label, role, name)
    lost = {role: label for role, label in kept.items() if roles[role] is None}
    return {role: roles.get(role) for role in _ROLES}, lost


_ROLES = [one.name for one in fields(records.Roles)]
