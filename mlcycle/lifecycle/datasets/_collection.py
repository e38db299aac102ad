"""The datasets of a project: versions of tables, and parts of them selected without copying a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mlcycle import codecs, records
from mlcycle._ids import check_name, new_id
from mlcycle._text import printable
from mlcycle.lifecycle._operation import swept
from mlcycle.lifecycle.blobs import readable
from mlcycle.lifecycle.datasets import _splits as splits
from mlcycle.lifecycle.datasets import tables
from mlcycle.state import Change, NameSet, Place, Version, VersionAdd, View, bare, resolve
from mlcycle.storage import Settled

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    import numpy as np
    import pandas as pd

    from mlcycle.lifecycle._operation import Done, Operation
    from mlcycle.lifecycle._session import Session

__all__ = ["Datasets"]

Doc = dict[str, Any]


@printable
class Datasets:
    """The datasets of one project; lives as long as the project handle it hangs on.

    Examples
    --------
    >>> import mlcycle as mc, pandas as pd
    >>> project = mc.open("memory://docs-datasets")
    >>> frame = pd.DataFrame({"id": range(8), "age": [23, 41, 35, 58, 29, 44, 61, 38], "left": [0, 1] * 4})
    >>> project.datasets.add("customers", frame, target="left", key="id").ref
    'customers@1'
    >>> train, test = project.datasets.split("customers", test=0.25, method="stratified")
    >>> len(project.load(train)), len(project.load(test))
    (6, 2)
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def __repr__(self) -> str:
        names = self.names()
        return f"<datasets of {self._session.url}: {', '.join(names) or 'none yet'}>"

    # adding --------------------------------------------------------------------------------------------------------

    def add(
        self,
        name: str,
        data: Any,
        *,
        target: str | int | None = None,
        key: str | int | None = None,
        time: str | int | None = None,
        group: str | int | None = None,
        parents: Sequence[str | records.DatasetVersion] = (),
        message: str = "",
        op: str | None = None,
    ) -> records.DatasetVersion:
        """Add a table as the next version of a dataset.

        A table equal to the current version in content, presentation and roles *is* the current version: nothing is
        written and that version comes back.

        Parameters
        ----------
        name : str
            Name of the dataset.
        data : pandas.DataFrame, pyarrow.Table, or any frame with the Arrow PyCapsule interface (polars, DuckDB)
            At least one row and one column; column names are unique.
        target, key, time, group : str or int, optional
            Columns with a role: what is predicted, what identifies a row, when it happened, what belongs together.
            Roles not given are taken from the current version where its columns still exist.
        parents : sequence of refs, optional
            The versions this one was made from.
        message : str, optional
            Why, for the history.
        op : str, optional
            An id of yours for this operation; repeated in a restarted script, it returns what was committed before.

        Returns
        -------
        DatasetVersion

        Raises
        ------
        InvalidInput
            For a frame that would not come back as it is, with the column, or a role that names no column.
        """
        name = check_name(name, "dataset name")
        self._session.check_writable()
        encoded = codecs.encode(data)
        given = {"target": target, "key": key, "time": time, "group": group}
        fresh = new_id()

        def work(do: Operation) -> records.DatasetVersion:
            do.view.names.check_free("dataset", name)
            lineage = [resolve(do.view, parent, "dataset").ref for parent in parents]

            def version(view: View) -> VersionAdd:
                view.names.check_free("dataset", name)
                return _table_version(view, name, encoded, given, lineage)

            def store(made: VersionAdd) -> Place:
                folder = _id_of(do.view, name, fresh)
                files = tables.store_table(self._session.blobs, folder, encoded, codecs.profile(encoded))
                return self._session.blobs.place(made.needs[0], files, f"files/{folder}")

            made = version(do.view)
            here = _same(do.view, made) or do.view.placed.has(made.needs[0])
            stored = None if here else do.upload(lambda: store(made))

            def plan(view: View) -> list[Change] | Settled:
                made = version(view)
                if _same(view, made):
                    return Settled([view.versions.newest("dataset", name)])
                return _addition(view, made, stored, fresh)

            return self._made(do.commit(plan))[0]

        return self._session.operate("dataset.add", work, message=message, op=op)

    def split(
        self,
        version: str | records.DatasetVersion,
        *,
        test: float = 0.25,
        validation: float = 0.0,
        method: str = "auto",
        by: str | int | None = None,
        seed: int = 0,
        message: str = "",
        op: str | None = None,
    ) -> tuple[records.DatasetVersion, ...]:
        """Split a version into parts ``name.train``, ``name.test`` and, if asked for, ``name.validation``.

        Parts are selections over their parent: no row is copied. The same version, arguments and seed give the same
        parts anywhere, because rows are chosen by a published hash and not by a random generator.

        Parameters
        ----------
        version : ref or DatasetVersion
            What to split; may be a part itself.
        test, validation : float
            Shares of the rows, each in [0, 1), together below 1.
        method : {"auto", "random", "stratified", "key"}
            ``"key"`` sends a row by the hash of its key, so that rows with one key stay together and a row keeps its
            part in later versions; shares hold only on average. ``"random"`` keeps the shares exactly, up to
            rounding; so does ``"stratified"``, and each class is within a row or so of its own share. ``"auto"``
            takes ``"key"`` with a column `by` or a group role, else ``"stratified"`` for a target of at most 50
            classes, else ``"random"``.
        by : str or int, optional
            The column to hash or to stratify by; defaults to the group or key role, or to the target.
        seed : int, default 0
            Another seed, another split.
        message, op : str, optional
            As in `add`.

        Returns
        -------
        tuple of DatasetVersion
            ``(train, test)``, or ``(train, validation, test)``.

        Raises
        ------
        InvalidInput
            For shares that leave a part without rows, a column that is not there, or one whose values, such as
            lists, are no classes or no keys.
        """
        shares = splits.check_shares(test, validation)

        def work(do: Operation) -> tuple[records.DatasetVersion, ...]:
            whole = resolve(do.view, version, "dataset")
            drawn = self._drawn(do.view, whole, shares, method, by, seed)
            fresh = {part.name: new_id() for part in drawn}

            def versions(view: View) -> list[VersionAdd]:
                return [_part(view, whole, part) for part in drawn]

            missing = {made.name for made in versions(do.view) if not do.view.placed.has(made.needs[0])}
            stored = do.upload(lambda: {part.name: self._store(part) for part in drawn if part.name in missing})

            def plan(view: View) -> list[Change] | Settled:
                resolve(view, whole.ref, "dataset")
                made = versions(view)
                if all(_same(view, part) for part in made):
                    return Settled([view.versions.newest("dataset", part.name) for part in made])
                return [
                    change for part in made for change in _addition(view, part, stored.get(part.name), fresh[part.name])
                ]

            return tuple(self._made(do.commit(plan, message=f"split {whole.shown}")))

        return self._session.operate("dataset.split", work, message=message, op=op)

    def _drawn(
        self, view: View, whole: Version, shares: dict[str, float], method: str, by: str | int | None, seed: int
    ) -> list[_Drawn]:
        """Return the parts of a version: which rows fall to each, and how that was decided."""
        blobs = self._session.blobs
        columns = tables.column_names(tables.header_of(blobs, view, whole))
        given = None if by is None else tables.column_label(columns, by, "by", whole.shown)
        frame = tables.frame_of(blobs, view, whole)
        target = whole["roles"].get("target")
        asked = frame[target] if method == "auto" and target is not None else None
        chosen, column = splits.choose_method(whole, method, given, asked)
        how = {"method": chosen, "by": column, "seed": seed, "shares": shares, "of": whole.ref}
        masks = splits.part_masks(whole.name, frame, shares, chosen, column, seed)
        return [
            _Drawn(f"{whole.name}.{part}", frame, mask, codecs.encode_selection(whole["content"], mask, how))
            for part, mask in masks.items()
        ]

    def _store(self, part: _Drawn) -> Place:
        files = tables.store_selection(self._session.blobs, part.encoded, codecs.profile(part.frame[part.mask]))
        return Place(object=f"selection:{part.encoded.content}", files=files)

    # reading -------------------------------------------------------------------------------------------------------

    def get(self, ref: str | records.DatasetVersion) -> records.DatasetVersion:
        """Return the version a ref means: ``"customers@3"``, ``"customers.train"``, or a record."""
        view = self._session.view()
        return self._record(view, resolve(view, ref, "dataset"))

    def latest(self, name: str) -> records.DatasetVersion:
        """Return the current version of a name: the newest that was not dropped or rolled back."""
        return self.get(name)

    def names(self) -> list[str]:
        """Return the names of datasets and parts, sorted."""
        return self._session.view().names.of("dataset")

    def versions(self, name: str) -> list[records.DatasetVersion]:
        """Return the versions of a name that were not dropped, oldest first."""
        view = self._session.view()
        standing = view.versions.standing("dataset", check_name(name, "dataset name", parts=True))
        return readable(lambda version: self._record(view, version), standing)

    def load(
        self, ref: str | records.DatasetVersion, *, columns: Iterable[Hashable] | None = None, xy: bool = False
    ) -> Any:
        """Read a version as it was added.

        Parameters
        ----------
        ref : ref or DatasetVersion
            What to read.
        columns : iterable, optional
            Only these columns, in this order.
        xy : bool, default False
            Return ``(X, y)``: the features without columns that have a role, and the target.

        Returns
        -------
        pandas.DataFrame, or (pandas.DataFrame, pandas.Series)
        """
        view = self._session.view()
        version = resolve(view, ref, "dataset")
        frame = tables.frame_of(self._session.blobs, view, version, columns)
        return tables.features_and_target(frame, version["roles"], version.shown) if xy else frame

    # records -------------------------------------------------------------------------------------------------------

    def _made(self, done: Done) -> list[records.DatasetVersion]:
        """Return what was added, or what was there already."""
        versions = done.value if done.entry is None else done.versions("dataset")
        return [self._record(done.view, version) for version in versions]

    def _record(self, view: View, version: Version) -> records.DatasetVersion:
        layout = tables.layout_of(version)
        profile = tables.profile_of(self._session.blobs, version)
        return records.DatasetVersion(
            name=version.name,
            number=version.number,
            id=version.id or "",
            kind=layout,
            content=version["content"],
            presentation=version["presentation"],
            rows=version["rows"],
            columns=tables.columns_of(self._session.blobs, view, version, profile),
            roles=records.from_json(version["roles"], "Roles"),
            parents=tuple(map(bare, version.made_from)),
            profile=profile,
            **version.stamp.facts(),
        )


class _Drawn(NamedTuple):
    """One part of a split, before anything of it is stored."""

    name: str
    frame: pd.DataFrame
    mask: np.ndarray
    encoded: codecs.EncodedSelection


def _id_of(view: View, name: str, fresh: str) -> str:
    """Return the id whose folder holds the tables of a name, a fresh one for a new name."""
    known = view.names.get("dataset", name)
    return (known and known.id) or fresh


def _table_version(
    view: View, name: str, encoded: codecs.Encoded, given: dict[str, str | int | None], lineage: list[str]
) -> VersionAdd:
    """Return a table as the next version of a name."""
    current = view.versions.newest("dataset", name)
    columns = tables.column_names(encoded.header)
    said = {
        "layout": "blocks",
        "content": encoded.content,
        "presentation": encoded.presentation,
        "rows": encoded.header["rows"],
        "columns": len(columns),
        "roles": _roles(name, given, columns, current["roles"] if current else {}),
    }
    number, needs = view.versions.next_number("dataset", name), [tables.table_object(encoded)]
    return VersionAdd(of="dataset", name=name, number=number, needs=needs, made_from=lineage, says=said)


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


def _same(view: View, made: VersionAdd) -> bool:
    """Say whether the current version is this very one: content, presentation and roles."""
    current = view.versions.newest("dataset", made.name)
    return current is not None and current.needs[0] == made.needs[0] and current["roles"] == made["roles"]


def _addition(view: View, made: VersionAdd, stored: Place | None, fresh: str) -> list[Change]:
    """Return the changes that add a version; its files are new, or named by an entry before."""
    begun: list[Change] = []
    if view.names.get("dataset", made.name) is None:
        begun.append(NameSet(of="dataset", name=made.name, id=fresh))
    if view.placed.has(made.needs[0]):
        return [*begun, made]
    if stored is None:
        raise swept()
    return [*begun, stored, made]


def _roles(name: str, given: dict[str, str | int | None], columns: list[str | int], before: Doc) -> Doc:
    named = {
        role: None if label is None else tables.column_label(columns, label, role, name)
        for role, label in given.items()
    }
    inherited = {role: column for role, column in before.items() if column in columns}
    return {role: column if column is not None else inherited.get(role) for role, column in named.items()}
