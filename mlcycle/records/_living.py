"""Records that know the project they came from, so that a verb about one version stands on that version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

import attrs

from mlcycle._digest import sha256_bytes
from mlcycle._ids import near
from mlcycle.errors import InvalidInput, SchemaError
from mlcycle.records._record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Home", "Living", "at_home", "check_home"]

L = TypeVar("L", bound="Living")


class Home(Protocol):
    """The project a record came from, as the record asks it.

    Attributes
    ----------
    store : str or None
        The id of the project, which every copy of it shares.
    """

    @property
    def store(self) -> str | None: ...

    def do(self, verb: str, what: Any, /, **given: Any) -> Any:
        """Return what a verb makes of a record: ``home.do("load", version, columns=None)``."""


class Living(Record):
    """A record that may know the project it came from.

    Its home is a slot that attrs does not see, so that equality, hash, JSON, rows of a table and what Dask calls it are
    those of the facts, whenever and wherever the record was got. No field may depend on time, for the same reason.
    """

    __slots__ = ("_home",)

    _home: Home

    _contents: ClassVar[str] = ""
    """Where what it stands for is found, for who looks for it in the record: ``"its rows are in load()"``."""

    if not TYPE_CHECKING:  # a type checker takes every name for known where this is

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            raise AttributeError(_unknown(type(self), name))

    @property
    def _address(self) -> str | None:
        """The full ref that means it, ``"dataset:customers@3"``; None where none does."""
        return None

    def _do(self, verb: str, **given: Any) -> Any:
        """Return what the project makes of a verb about this record."""
        home = getattr(self, "_home", None)
        if home is None:
            raise InvalidInput(
                f"{self!r} was made by hand and belongs to no project; take it from one, such as "
                "project.datasets['customers@1'], project.models['churn@7'] or project.runs['3f9a']"
            )
        return home.do(verb, self, **given)

    def __reduce__(self) -> tuple[Any, ...]:
        facts = {one.name: getattr(self, one.name) for one in attrs.fields(type(self))}  # type: ignore[arg-type]
        return _rebuilt, (type(self), facts, getattr(self, "_home", None))

    def __dask_tokenize__(self) -> str:
        return sha256_bytes(f"{type(self).__name__} {attrs.asdict(self)!r}".encode())  # type: ignore[arg-type]


def _unknown(kind: type[Living], name: str) -> str:
    """Say what a record has instead of this."""
    public = [one for one in dir(kind) if not one.startswith("_")]
    verbs = [one for one in public if callable(getattr(kind, one))]
    called = {one: f"{one}()" if one in verbs else one for one in public}
    alike = [called[one] for one in near(name, public) if called[one] not in kind._contents]
    one = f"a{'n' if kind.__name__[0] in 'AEIOU' else ''} {kind.__name__}"
    told = [f"{one} has no {name!r}", kind._contents, f"did you mean {' or '.join(alike)}?" if alike else ""]
    return f"{'; '.join(filter(None, told))} (it has {', '.join(called.values())})"


def check_home(record: Any, store: str | None) -> None:
    """Refuse a record, or a run going on, of another project, in which the same address means something else.

    Raises
    ------
    InvalidInput
        Saying how to get this one.
    """
    home = getattr(record, "_home", None)
    if home is not None and None not in (store, home.store) and home.store != store:
        what = getattr(record, "ref", record._address)
        raise InvalidInput(f"{what} is a record of another project; give its address to mean the one here: {what!r}")


def at_home(record: L, home: Home | None) -> L:
    """Return this very record, which from now on knows where it came from; for whoever has just made it.

    Examples
    --------
    >>> from mlcycle.records import DatasetVersion
    >>> class Echo:
    ...     store = None
    ...     def do(self, verb, what, /, **given):
    ...         return f"{verb} {what.ref}"
    >>> at_home(DatasetVersion(name="customers", number=3, id="0a"), Echo()).load()
    'load customers@3'
    """
    object.__setattr__(record, "_home", home)
    return record


def _rebuilt(kind: type[L], facts: Mapping[str, Any], home: Home | None) -> L:
    known = {one.name for one in attrs.fields(kind)}  # type: ignore[arg-type]  # a pickle of a newer release may know more
    try:
        return at_home(kind(**{name: value for name, value in facts.items() if name in known}), home)
    except TypeError as error:
        raise SchemaError(f"this {kind.__name__} was pickled by another release of mlcycle: {error}") from error
