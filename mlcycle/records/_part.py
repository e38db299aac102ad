"""How the rows of a part were chosen."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from mlcycle.records._record import Record

__all__ = ["Part"]


@frozen(kw_only=True, repr=False)
class Part(Record):
    """How the rows of one part of a split were chosen: with those of the other parts, enough to choose them again.

    Attributes
    ----------
    method : str
        ``"random"``, ``"stratified"``, ``"group"``, ``"key"``, ``"column"``, ``"time"``, ``"mask"`` or ``"splitter"``.
    column : str, int or None
        The column rows were placed by.
    group : str, int or None
        The column of the group role, where there is one: no group is on two sides.
    stratify : str, int or None
        The column whose values have the same share in every part.
    gap : str, int or None
        What was left out between parts in time order: a span such as ``"7d"``, or a number of rows.
    seed : int or None
        None where nothing was left to a hash.
    share : float
        As asked for, or, of a mask or a splitter, as found.
    place, of : int
        Which part of how many, from 1: in that order they follow each other.
    splitter : str, default ""
        The splitter as it prints.

    Examples
    --------
    >>> Part(method="time", column="since", group="household", gap="7d", share=0.2, place=2, of=2)
    Part("time 'since', groups of 'household' whole, gap 7d", share=0.2, place=2, of=2)
    """

    method: str
    column: str | int | None = None
    group: str | int | None = None
    stratify: str | int | None = None
    gap: str | int | None = None
    seed: int | None = None
    share: float = 0.0
    place: int = 0
    of: int = 0
    splitter: str = ""

    def _title(self) -> str:
        said = [f"{self.method} {self.column!r}"]
        if self.column is None or self.method == "stratified":
            said = [] if self.method == "stratified" else [f"{self.method} {self.splitter}".rstrip()]
        said += [f"stratified by {self.stratify!r}"] if self.stratify is not None else []
        said += [f"groups of {self.group!r} whole"] if self.group is not None and self.group != self.column else []
        said += [f"gap {self.gap}{' rows' if isinstance(self.gap, int) else ''}"] if self.gap is not None else []
        said += [f"seed {self.seed}"] if self.seed else []
        return ", ".join(said)

    def _facts(self) -> list[tuple[str, Any]]:
        return [("share", self.share or None), ("place", self.place or None), ("of", self.of or None)]
