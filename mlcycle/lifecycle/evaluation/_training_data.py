"""What models were trained on, as far as anybody can say, and how much of it they are judged on again.

Training data is what was declared, ``uses=[train]``. Where nothing was, what the run read stands in, as long as it
shares no row with what the model is judged on: of what does, nobody can say whether it was read to train or to test.
A model has seen what the models it goes on from have seen, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from attrs import field, frozen

from mlcycle import provenance
from mlcycle._ids import bare
from mlcycle.errors import Corrupt, SchemaError, VersionDeleted
from mlcycle.lifecycle.datasets import tables
from mlcycle.state import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import Version, View

__all__ = ["TrainingData", "leaks", "overlaps", "shared_rows", "training_data", "training_problems"]

_UNREADABLE = (VersionDeleted, Corrupt, SchemaError)  # removed by a sweep, damaged, of a newer library


@frozen
class TrainingData:
    """What one model was trained on, as far as anybody can say.

    Attributes
    ----------
    model : Version
        Which one.
    known : {"declared", "read", "inherited", "unknown"}
        By what: it was declared, or read in the run; or nothing was, and there is a model it goes on from.
    data : tuple of Version
        The datasets; none where it is inherited or unknown.
    doubtful : dict of str to str
        Where it is unknown although something was read: of what was read and stands in the way, why.
    """

    model: Version
    known: Literal["declared", "read", "inherited", "unknown"]
    data: tuple[Version, ...] = ()
    doubtful: dict[str, str] = field(factory=dict)


def training_data(blobs: Blobs, view: View, model: Version, tests: Iterable[Version]) -> tuple[TrainingData, ...]:
    """Return what a model, and every model it goes on from, was trained on: the model first, then the nearest.

    Parameters
    ----------
    model : Version
    tests : iterable of Version
        The data it is judged on. Rows are compared only where nothing was declared.
    """
    judged_on, found = list(tests), {model.ref: model}
    waiting = [model]
    while waiting:
        for ref in waiting.pop(0).made_from:
            if ref.startswith("model:") and ref not in found:
                found[ref] = resolve(view, ref, "model", dropped=True)
                waiting.append(found[ref])
    return tuple(_known_of(blobs, view, one, judged_on) for one in found.values())


def _known_of(blobs: Blobs, view: View, model: Version, tests: Sequence[Version]) -> TrainingData:
    declared = [ref for ref in model.made_from if ref.startswith("dataset:")]
    if declared:
        return TrainingData(model, "declared", _versions(view, declared))
    read = _versions(view, model["reads"])
    if not read:
        return TrainingData(model, "inherited" if model.made_from else "unknown")
    doubtful = {one.shown: why for one in read if (why := _in_the_way(blobs, view, one, tests))}
    return TrainingData(model, "unknown", doubtful=doubtful) if doubtful else TrainingData(model, "read", read)


def _versions(view: View, refs: Iterable[str]) -> tuple[Version, ...]:
    return tuple(resolve(view, ref, "dataset", dropped=True) for ref in refs)


def _in_the_way(blobs: Blobs, view: View, read: Version, tests: Sequence[Version]) -> str:
    """Say why what was read may not stand in for training data; "" where it may."""
    for test in tests:
        if read.ref == test.ref:
            return "on which it is judged"
        rows = _rows_seen(blobs, view, read, test)
        if rows is None:
            return f"whose rows cannot be compared with those of {test.shown}"
        if rows:
            return f"which shares {rows:,} {'row' if rows == 1 else 'rows'} with {test.shown}"
    return ""


def training_problems(blobs: Blobs, view: View, version: Version, tests: Iterable[Version]) -> tuple[str, ...]:
    """Return why a gate cannot know whether a model has seen the data it is judged on, each with what mends it.

    Parameters
    ----------
    version : Version
        The model.
    tests : iterable of Version
        The data it is judged on.
    """
    judged_on = list(tests)
    known = training_data(blobs, view, version, judged_on)
    return tuple(_problem(version, one, judged_on) for one in known if one.known == "unknown")


def _problem(version: Version, known: TrainingData, tests: Sequence[Version]) -> str:
    model = known.model
    goes_on = "" if model.ref == version.ref else f"{version.shown} goes on from {model.shown}, and "
    judged_on = " and ".join(one.shown for one in tests)
    doubts = [f"its run read {read}, {why}" for read, why in known.doubtful.items()]
    seen = " and ".join(doubts) or f"it may have seen rows of {judged_on or 'what it is judged on'}"
    return f"{goes_on}what {model.shown} was trained on was not declared, and {seen}; declare it: {_remedy(known)}"


def _remedy(known: TrainingData) -> str:
    """Return the line that declares it: what was read and is in nobody's way is as good as known."""
    model = known.model
    read = [bare(ref) for ref in model["reads"]]
    certain = [one for one in read if one not in known.doubtful]
    uses = f"[{', '.join(map(repr, certain)) or 'train'}]"
    if model["run"] is None:
        return f"project.models.register({model.name!r}, estimator, uses={uses})"
    return f"project.runs[{bare(model['run'])!r}].register({model.name!r}, uses={uses})"


def overlaps(blobs: Blobs, view: View, model: Version, judged_on: Version) -> dict[str, int | None]:
    """Return the training data that shares rows with the data judged on, and how many rows.

    None stands for training data that cannot be compared: its rows are gone, or damaged, or stored by a newer mlcycle.
    """
    known = training_data(blobs, view, model, [judged_on])
    every = {data.ref: data for one in known for data in one.data}
    found = {data.shown: _rows_seen(blobs, view, data, judged_on) for data in every.values()}
    return {shown: rows for shown, rows in found.items() if rows != 0}


def _rows_seen(blobs: Blobs, view: View, train: Version, test: Version) -> int | None:
    """Return how many rows of a test are among others, 0 if no more than by chance, None if that cannot be told."""
    try:
        shared = shared_rows(blobs, view, train, test)
    except _UNREADABLE:
        return None
    return shared.rows if leaks(shared) else 0


def leaks(shared: provenance.Overlap) -> bool:
    """Return whether more rows are shared than chance would have it."""
    # rows of few distinct values repeat by chance; four standard deviations above chance is a leak
    return bool(shared.rows > shared.expected + 4 * shared.expected**0.5)


def shared_rows(blobs: Blobs, view: View, one: Version, other: Version) -> provenance.Overlap:
    """Return how many rows of the other version are in the first: as parts of one table, by their key, or by content.

    Tables without a column in common share none.

    Raises
    ------
    VersionDeleted, Corrupt, SchemaError
        Where the rows of one of them cannot be read.
    """
    (root, mask), (other_root, other_mask) = (_membership(blobs, view, each) for each in (one, other))
    if root["content"] == other_root["content"]:
        every = np.ones(other_root["rows"], dtype=bool)
        masks = (every if each is None else each for each in (mask, other_mask))
        return provenance.overlap_by_membership(*masks)

    def read(columns: list[str] | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
        return tables.read_frame(blobs, view, one, columns), tables.read_frame(blobs, view, other, columns)

    key = other["roles"].get("key")
    if key is not None and key == one["roles"].get("key"):
        return provenance.overlap_by_key(*(frame[key] for frame in read([key])))
    frame, other_frame = read()
    if not {*frame.columns} & {*other_frame.columns}:
        return provenance.Overlap(rows=0, of=len(other_frame), how="content")
    return provenance.overlap_by_content(frame, other_frame)


def _membership(blobs: Blobs, view: View, version: Version) -> tuple[Version, np.ndarray | None]:
    found: tuple[Version, np.ndarray | None]
    found = blobs.reading(version.shown, lambda: tables.membership(blobs, view, version))
    return found
