"""What models were trained on, as far as anybody can say, and how much of it they are judged on again.

Training data is what was declared, ``uses=[train]``. Where nothing was, what the run read stands in, as long as it
shares no row with what the model is judged on: of what does, nobody can say whether it was read to train or to test.
A model has seen what the models it goes on from have seen, too; and data may hold rows of what it was made from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from attrs import field, frozen

from mlcycle._ids import bare, refs_of
from mlcycle.lifecycle.evaluation._seen_rows import SeenRows, parents_of, rows_seen
from mlcycle.state import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import Version, View

__all__ = ["TrainingData", "TrainingWords", "overlaps", "training_data", "training_words"]


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
        for ref in refs_of("model", waiting.pop(0).made_from):
            if ref not in found:
                found[ref] = resolve(view, ref, "model", dropped=True)
                waiting.append(found[ref])
    return tuple(_known_of(blobs, view, one, judged_on) for one in found.values())


def _known_of(blobs: Blobs, view: View, model: Version, tests: Sequence[Version]) -> TrainingData:
    declared = refs_of("dataset", model.made_from)
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
    if any(read.ref == test.ref for test in tests):
        return "on which it is judged"
    found = (rows_seen(blobs, view, read, test) for test in tests)
    return next((_told(read, seen) for seen in found if seen is not None), "")


def _told(data: Version, seen: SeenRows) -> str:
    """Say what data has seen of a test, after its name and a comma."""
    return seen.told() if seen.data.ref == data.ref else f"which {_origin(seen)}"


def _origin(seen: SeenRows) -> str:
    """Say that data was made from what has seen a test."""
    return f"was made from {seen.data.shown}, {seen.told()}"


class TrainingWords(NamedTuple):
    """What is to be said of the training data of a model.

    Attributes
    ----------
    problems : tuple of str
        Why a gate cannot know whether it has seen the data it is judged on, each with what mends it.
    notes : tuple of str
        What does not keep a gate from knowing that, and should be told all the same.
    """

    problems: tuple[str, ...]
    notes: tuple[str, ...]


def training_words(blobs: Blobs, view: View, version: Version, tests: Sequence[Version]) -> TrainingWords:
    """Return what a gate says of what a model was trained on, given the data it is judged on."""
    known = training_data(blobs, view, version, tests)
    problems = (_problem(version, one, tests) for one in known if one.known == "unknown")
    notes = (note for one in known for note in _notes(blobs, view, one, tests))
    return TrainingWords(tuple(problems), tuple(notes))


def _problem(version: Version, known: TrainingData, tests: Sequence[Version]) -> str:
    model = known.model
    goes_on = "" if model.ref == version.ref else f"{version.shown} goes on from {model.shown}, and "
    judged_on = " and ".join(one.shown for one in tests)
    doubts = [f"its run read {read}, {why}" for read, why in known.doubtful.items()]
    seen = " and ".join(doubts) or f"it may have seen rows of {judged_on or 'what it is judged on'}"
    said = f"{goes_on}what {model.shown} was trained on was not declared, and {seen}"
    # a version keeps what was said of it, and a run too: it is a new one that is told more of
    further = (
        "evaluate the version that makes"
        if not goes_on
        else f"let {version.name} go on from the version that makes, in a new run"
    )
    return f"{said}; declare it: {_remedy(known)}, and {further}"


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
    """Return the data that shares rows with the data judged on, and how many rows: training data, or its ancestors.

    None stands for training data that cannot be compared: its rows are gone, or damaged, or stored by a newer mlcycle.
    """
    known = training_data(blobs, view, model, [judged_on])
    every = {data.ref: data for one in known for data in one.data}
    found = (rows_seen(blobs, view, data, judged_on) for data in every.values())
    return {seen.data.shown: seen.rows for seen in found if seen is not None}


def _notes(blobs: Blobs, view: View, known: TrainingData, tests: Sequence[Version]) -> Iterator[str]:
    model = known.model
    if known.known == "read":
        read = " and ".join(one.shown for one in known.data)
        stands = f"its run read {read}, which is taken for it: run.register({model.name!r}, uses=[…])"
        yield f"what {model.shown} was trained on was not declared; {stands}"
    for data in known.data:
        if view.marks.has("dataset", data.name, "rejected", data.number):
            yield f"{data.shown} was rejected when it was added, and {model.shown} was trained on it"
        # that data itself shares rows stands in the evaluation; of what it was made from only this says why it counts
        seen = [rows_seen(blobs, view, data, test) for test in tests] if parents_of(view, data) else []
        yield from (f"{data.shown} {_origin(one)}" for one in seen if one and one.data.ref != data.ref)
    if known.known == "declared":
        declared = {one.ref for one in (*known.data, *tests)}
        for also in _versions(view, [ref for ref in model["reads"] if ref not in declared]):
            for test in tests:
                if (found := rows_seen(blobs, view, also, test)) is not None and found.rows:
                    yield f"{model.shown}: its run also read {also.shown}, {_told(also, found)}"
