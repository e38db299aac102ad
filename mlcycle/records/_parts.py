"""The parts of one split, together."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, SupportsIndex, TypeVar, overload

from mlcycle._ids import near
from mlcycle._text import printable
from mlcycle.errors import NotFound
from mlcycle.records._listing import Listing
from mlcycle.records._record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Parts"]

Each = TypeVar("Each", bound=Record)  # a version of a dataset, which knows this class and is not known here
_name_of = attrgetter("name")


@printable
class Parts(Listing[Each]):
    """The parts of one split, in the order in which they were asked for, and by name.

    Parameters
    ----------
    items : iterable of DatasetVersion
        In order.

    Examples
    --------
    >>> from mlcycle.records import DatasetVersion
    >>> names = ("customers.train", "customers.test")
    >>> parts = Parts(DatasetVersion(name=name, number=1, id="0a", rows=9) for name in names)
    >>> train, test = parts
    >>> parts["test"] == parts[1] == test
    True
    """

    __slots__ = ()

    def __init__(self, items: Iterable[Each] = ()) -> None:
        super().__init__(items, of="parts")

    @overload
    def __getitem__(self, at: SupportsIndex | str, /) -> Each: ...
    @overload
    def __getitem__(self, at: slice, /) -> Listing[Each]: ...
    def __getitem__(self, at: SupportsIndex | slice | str, /) -> Each | Listing[Each]:
        if not isinstance(at, str):
            return super().__getitem__(at)
        names = {_name_of(one).rpartition(".")[2]: one for one in self}
        if at not in names:
            close = near(at, names)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(map(repr, names))}"
            raise NotFound(f"there is no part {at!r}; {hint}")
        return names[at]
