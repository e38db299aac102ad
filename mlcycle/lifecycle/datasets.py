"""The datasets of a project: versions of tables, and parts of them selected without copying a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from mlcycle import codecs, records
from mlcycle._digest import hash64, salt_of, unit_interval
from mlcycle._ids import check_name, name_key, near, new_id, parse_ref
from mlcycle._text import printable
from mlcycle.errors import InvalidInput
from mlcycle.lifecycle import _tables as tables
from mlcycle.lifecycle._session import Swept, draft
from mlcycle.lifecycle._view import View, doc_ref
from mlcycle.storage import Draft, Settled

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    import numpy as np
    import pandas as pd
    import pyarrow as pa

    from mlcycle.lifecycle._session import Session
    from mlcycle.storage import Commit

__all__ = ["Datasets", "features_and_target"]

Doc = dict[str, Any]
_METHODS = ("auto", "random", "stratified", "key")
_FEW_CLASSES = 50


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
        data: pd.DataFrame | pa.Table,
        *,
        target: str | None = None,
        key: str | None = None,
        time: str | None = None,
        group: str | None = None,
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
        data : pandas.DataFrame or pyarrow.Table
            At least one row and one column; column names are unique.
        target, key, time, group : str, optional
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
            For a frame that cannot be stored faithfully, or a role that names no column.
        """
        name = check_name(name, "dataset name")
        self._session.check_writable()
        encoded = codecs.encode(data)
        with self._session.view() as view:
            view.check_free("datasets", name)
            lineage = [doc_ref(view.version("datasets", _text(parent))) for parent in parents]
        given = {"target": target, "key": key, "time": time, "group": group}

        def version(view: View) -> Doc:
            view.check_free("datasets", name)
            return _table_version(view, name, encoded, given, lineage)

        def upload() -> list[Doc] | None:
            with self._session.view() as view:
                doc = version(view)
                if _same(view, doc) or doc["object"] in view.placement["objects"]:
                    return None
                owner = _identity(view, name)
            return tables.store_table(self._session, owner, encoded, codecs.profile(encoded))

        def plan(view: View, stored: list[Doc] | None) -> Draft | Settled:
            doc = version(view)
            return Settled([_current(view, name)]) if _same(view, doc) else _addition(view, doc, stored)

        return self._record_of(self._session.publish(upload, plan, message=message, op=op), name)

    def split(
        self,
        version: str | records.DatasetVersion,
        *,
        test: float = 0.25,
        validation: float = 0.0,
        method: str = "auto",
        by: str | None = None,
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
            part in later versions; shares hold only on average. ``"stratified"`` keeps the shares of each class,
            ``"random"`` those of the whole, both exactly up to rounding. ``"auto"`` takes ``"key"`` with a column
            `by` or a group role, else ``"stratified"`` for a target of at most 50 classes, else ``"random"``.
        by : str, optional
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
            For shares that leave a part without rows, or a column that is not there.
        """
        shares = _shares(test, validation)
        self._session.check_writable()
        with self._session.view() as view:
            doc = view.version("datasets", _text(version))
        chosen, column = _choose_method(doc, method, by, self._classes(doc, method, by))
        how = {"method": chosen, "by": column, "seed": seed, "shares": shares, "of": doc_ref(doc)}
        frame = tables.frame_of(self._session, doc)
        masks = _masks(doc, frame, shares, chosen, column, seed)
        parts = {f"{doc['name']}.{part}": mask for part, mask in masks.items()}
        encoded = {name: codecs.encode_selection(doc["content"], mask, how) for name, mask in parts.items()}
        documents = [_part(doc, name, encoded[name].content, int(mask.sum())) for name, mask in parts.items()]

        def upload() -> dict[str, list[Doc]]:
            with self._session.view() as view:
                missing = [part["name"] for part in documents if part["object"] not in view.placement["objects"]]
            return {
                name: tables.store_selection(self._session, encoded[name], codecs.profile(frame[parts[name]]))
                for name in missing
            }

        def plan(view: View, stored: dict[str, list[Doc]]) -> Draft | Settled:
            view.version("datasets", doc_ref(doc))
            if all(_same(view, part) for part in documents):
                return Settled([_current(view, part["name"]) for part in documents])
            drafts = [_addition(view, part, stored.get(part["name"])) for part in documents]
            changes = [change for one in drafts for change in one.changes]
            return draft(changes, [use for one in drafts for use in one.uses])

        commit = self._session.publish(upload, plan, message=message or f"split {doc_ref(doc)}", op=op)
        return tuple(self._record_of(commit, name) for name in parts)

    def _classes(self, doc: Doc, method: str, by: str | None) -> int | None:
        column = by or doc["roles"].get("target")
        if method != "auto" or column is None:
            return None
        return int(tables.frame_of(self._session, doc, [column])[column].nunique())

    # reading -------------------------------------------------------------------------------------------------------

    def get(self, ref: str | records.DatasetVersion) -> records.DatasetVersion:
        """Return the version a ref means: ``"customers@3"``, ``"customers.train"``, or a record."""
        with self._session.view() as view:
            doc = view.version("datasets", _text(ref))
        return self._record(doc)

    def latest(self, name: str) -> records.DatasetVersion:
        """Return the current version of a name: the newest that was not dropped or rolled back."""
        return self.get(name)

    def names(self) -> list[str]:
        """Return the names of datasets and parts, sorted."""
        with self._session.view() as view:
            return view.names("datasets")

    def versions(self, name: str) -> list[records.DatasetVersion]:
        """Return the versions of a name that were not dropped, oldest first."""
        with self._session.view() as view:
            doc = view.named("datasets", check_name(name, "dataset name", parts=True))
            standing = [v for number, v in doc["versions"].items() if int(number) not in doc["dropped"]]
        return [self._record(version) for version in sorted(standing, key=lambda version: version["number"])]

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
        with self._session.view() as view:
            doc = view.version("datasets", _text(ref))
        frame = tables.frame_of(self._session, doc, None if columns is None else list(columns))
        return features_and_target(frame, doc["roles"], doc_ref(doc)) if xy else frame

    # records -------------------------------------------------------------------------------------------------------

    def _record_of(self, commit: Commit, name: str) -> records.DatasetVersion:
        if commit.entry is None:
            return self._record(next(doc for doc in commit.value if doc["name"] == name))
        change = next(c for c in commit.entry["changes"] if c["kind"] == "dataset.add" and c["name"] == name)
        return self.get(f"{name}@{change['number']}")

    def _record(self, doc: Doc) -> records.DatasetVersion:
        profile = tables.profile_of(self._session, doc)
        return records.DatasetVersion(
            name=doc["name"],
            number=doc["number"],
            id=doc["id"],
            kind=doc["type"],
            content=doc["content"],
            presentation=doc["presentation"],
            rows=doc["rows"],
            columns=tables.columns_of(self._session, doc, profile),
            roles=records.Roles(**doc["roles"]),
            parents=tuple(doc["parents"]),
            profile=profile,
            message=doc["message"],
            author=doc["author"],
            at=doc["at"],
            entry=doc["entry"],
        )


def features_and_target(frame: pd.DataFrame, roles: Doc, what: str) -> tuple[pd.DataFrame, pd.Series]:
    """Split a frame into features and target; columns with a role are no features."""
    target = roles.get("target")
    if target is None:
        raise InvalidInput(f"{what} has no target; add it with target=… to load X and y")
    taken = [column for column in roles.values() if column is not None and column in frame.columns]
    return frame.drop(columns=taken), cast("pd.Series", frame[target])


def _text(ref: str | records.DatasetVersion) -> str:
    return ref.ref if isinstance(ref, records.DatasetVersion) else str(parse_ref(ref))


def _current(view: View, name: str) -> Doc | None:
    number = view.latest_number("datasets", name)
    return None if number is None else view.version("datasets", f"{name}@{number}")


def _identity(view: View, name: str) -> str:
    """Return the id whose folder holds the tables of a name, a fresh one for a new name."""
    known = view.logical["datasets"].get(name_key(name))
    return str(next(iter(known["versions"].values()))["id"]) if known else new_id()


def _table_version(
    view: View, name: str, encoded: codecs.Encoded, given: dict[str, str | None], lineage: list[str]
) -> Doc:
    """Return what the log would say of a table as the next version of a name."""
    current = _current(view, name)
    columns = tables.column_names(encoded.header)
    return {
        "name": name,
        "type": "blocks",
        "content": encoded.content,
        "presentation": encoded.presentation,
        "rows": encoded.header["rows"],
        "columns": len(columns),
        "roles": _roles(name, given, columns, current["roles"] if current else {}),
        "parents": lineage,
        "object": tables.table_object(encoded),
    }


def _part(parent: Doc, name: str, content: str, rows: int) -> Doc:
    """Return what the log would say of a part selected from a version."""
    kept = {field: parent[field] for field in ("presentation", "columns", "roles")}
    lineage = {"parents": [doc_ref(parent)], "object": f"selection:{content}"}
    return {"name": name, "type": "selection", "content": content, "rows": rows, **kept, **lineage}


def _same(view: View, doc: Doc) -> bool:
    """Say whether the current version is this very one: content, presentation and roles."""
    current = _current(view, doc["name"])
    return current is not None and all(current[field] == doc[field] for field in ("object", "roles"))


def _addition(view: View, doc: Doc, stored: list[Doc] | None) -> Draft:
    """Draft the next version of a name; its files are new, or named by an entry before."""
    name = doc["name"]
    numbered = {"number": view.next_number("datasets", name), "id": _identity(view, name)}
    change = {"kind": "dataset.add", **doc, **numbered}
    if doc["object"] in view.placement["objects"]:
        return draft([change], [file["key"] for file in view.placement["objects"][doc["object"]]])
    if stored is None:
        raise Swept
    return draft([{"kind": "place", "object": doc["object"], "files": stored}, change])


def _roles(name: str, given: dict[str, str | None], columns: list[str], before: Doc) -> Doc:
    for role, column in given.items():
        if column is not None and column not in columns:
            hint = near(str(column), columns)
            raise InvalidInput(
                f"{role}={column!r} is no column of {name}; "
                + (f"did you mean {' or '.join(map(repr, hint))}?" if hint else f"it has {', '.join(columns[:12])}")
            )
    inherited = {role: column for role, column in before.items() if column in columns}
    return {role: column if column is not None else inherited.get(role) for role, column in given.items()}


def _shares(test: float, validation: float) -> dict[str, float]:
    for label, share in (("test", test), ("validation", validation)):
        if not isinstance(share, (int, float)) or not 0 <= share < 1:
            raise InvalidInput(f"{label}={share!r} is a share of the rows: a number from 0 up to, not including, 1")
    if not 0 < test + validation < 1:
        raise InvalidInput(f"test={test} and validation={validation} leave no rows for one of the parts")
    shares = {"train": 1 - test - validation, "validation": float(validation), "test": float(test)}
    return {part: share for part, share in shares.items() if share > 0}


def _choose_method(doc: Doc, method: str, by: str | None, classes: int | None) -> tuple[str, str | None]:
    if method not in _METHODS:
        raise InvalidInput(f"method={method!r} is unknown; one of {', '.join(map(repr, _METHODS))}")
    roles = doc["roles"]
    if method == "auto":
        few = classes is not None and classes <= _FEW_CLASSES
        method = "key" if by or roles.get("group") else "stratified" if few else "random"
    if method == "random":
        return method, None
    column = by or (roles.get("target") if method == "stratified" else roles.get("group") or roles.get("key"))
    if column is None:
        role = "target" if method == "stratified" else "key or group"
        raise InvalidInput(f"method={method!r} needs a column: {doc_ref(doc)} has no {role} role; give by=…")
    return method, column


def _masks(
    doc: Doc, frame: pd.DataFrame, shares: dict[str, float], method: str, column: str | None, seed: int
) -> dict[str, np.ndarray]:
    import numpy as np

    if column is not None and column not in frame.columns:
        raise InvalidInput(f"by={column!r} is no column of {doc_ref(doc)}")
    salt = salt_of("split", doc["name"], str(seed))
    if method == "key":
        place = unit_interval(hash64(frame[column], salt))
    else:
        order = hash64(np.arange(len(frame)), salt)
        place = _ranks(order, frame[column] if method == "stratified" else None)
    edges = np.cumsum(list(shares.values()))
    part_of = np.minimum(np.searchsorted(edges, place, side="right"), len(shares) - 1)
    masks = {part: part_of == position for position, part in enumerate(shares)}
    for part, mask in masks.items():
        if not mask.any():
            raise InvalidInput(
                f"the part {doc['name']}.{part} would have no rows: {len(frame)} rows, {shares}, method {method!r}"
            )
    return masks


def _ranks(order: np.ndarray, strata: pd.Series | None) -> np.ndarray:
    """Return each row's place in (0, 1) among its stratum, by hash; so shares hold exactly up to rounding."""
    import numpy as np
    import pandas as pd

    codes = np.zeros(len(order), dtype=int) if strata is None else pd.factorize(strata, use_na_sentinel=False)[0]
    place = np.empty(len(order))
    for code in np.unique(codes):
        rows = np.flatnonzero(codes == code)
        ranks = np.argsort(np.argsort(order[rows], kind="stable"), kind="stable")
        place[rows] = (ranks + 0.5) / len(rows)
    return place
