"""What is asked of a split: parts and their shares, before anything is known of the rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from numbers import Real
from operator import index
from typing import Any

from attrs import evolve, frozen

from mlcycle._ids import check_name, name_key
from mlcycle._times import parse_span
from mlcycle.errors import InvalidInput

__all__ = ["Request", "folds_request", "parts_request"]

_TEST = 0.25  # the default of test=, which says nothing where a mask or a splitter decides
_SUM = 1e-9  # shares such as 0.7 + 0.15 + 0.15 miss 1 by the rounding of floats, and by no more


@frozen(eq=False)
class Request:
    """How a version is to be split.

    Attributes
    ----------
    names : tuple of str
        The parts, in order.
    shares : dict
        Part to share, in that order; empty where parts were given by name alone, which is for masks and splitters.
    asked : bool
        Whether the caller gave shares; else they are the default.
    by, stratify
        As given; what they mean depends on the roles of the version.
    gap : int, timedelta or None
        Checked.
    seed : int
    folds : int
        How many folds are to be tested on; 0 for a split.
    """

    names: tuple[str, ...]
    shares: dict[str, float]
    asked: bool
    by: Any
    gap: int | timedelta | None
    stratify: Any
    seed: int
    folds: int = 0

    @property
    def gap_text(self) -> str | int | None:
        """The gap as records have it: a number of rows, or a span in the largest unit that holds it whole."""
        gap = self.gap
        if not isinstance(gap, timedelta):
            return gap
        for unit, size in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1))):
            if not gap % size:
                return f"{gap // size}{unit}"
        return f"{gap.total_seconds():.6f}".rstrip("0").rstrip(".") + "s"

    @property
    def stratified(self) -> bool:
        """Whether the caller asked for it; a column may be named 0."""
        return self.stratify is not None and self.stratify is not False

    def with_first_block(self) -> Request:
        """Return the request for folds in time order: before the first of them lies a block that is only trained on."""
        shares = _equal(range(self.folds + 1))
        return evolve(self, names=tuple(shares), shares=shares)


def parts_request(parts: Any, test: Any, by: Any, gap: Any, stratify: Any, seed: Any) -> Request:
    """Return the request for parts: ``{"train": 0.7, "valid": 0.15, "test": 0.15}``, a list of names, or none.

    Raises
    ------
    InvalidInput
        Shares that are not numbers between 0 and 1, or do not sum to 1; fewer than two parts; a name or a seed that
        is not valid.
    """
    names, shares, asked = _parts(parts, test)
    return Request(names, shares, asked, _kept(by), _gap(gap), stratify, _whole(seed, "seed"))


def _parts(parts: Any, test: Any) -> tuple[tuple[str, ...], dict[str, float], bool]:
    own = _share("test", test)
    if parts is None:
        return ("train", "test"), {"train": 1 - own, "test": own}, own != _TEST
    if own != _TEST:
        raise InvalidInput(f"test={test!r} is given beside parts=, which says all shares; leave one of them out")
    if isinstance(parts, str) or not isinstance(parts, Iterable):
        raise InvalidInput(f"parts={parts!r:.80} is not a mapping of names to shares such as {_EXAMPLE}")
    if not isinstance(parts, Mapping):
        return _names(parts), {}, False
    shares = {name: _share(name, share) for name, share in parts.items()}
    names = _names(shares)
    if abs(math.fsum(shares.values()) - 1) > _SUM:
        raise InvalidInput(f"the shares {dict(parts)!r:.200} sum to {math.fsum(shares.values()):.6g}, not to 1")
    return names, dict(zip(names, shares.values(), strict=True)), True


_EXAMPLE = "{'train': 0.7, 'valid': 0.15, 'test': 0.15}"


def folds_request(n: Any, by: Any, gap: Any, stratify: Any, seed: Any) -> Request:
    """Return the request for so many folds of equal size.

    Raises
    ------
    InvalidInput
        Not a whole number of 2 or more; a seed or gap that is not valid.
    """
    count = _whole(n, "n")
    if count < 2:
        raise InvalidInput(f"n={count} folds: there are at least 2, for each is tested on by what the others train")
    shares = _equal(range(1, count + 1))
    return Request(tuple(shares), shares, False, _kept(by), _gap(gap), stratify, _whole(seed, "seed"), folds=count)


def _kept(by: Any) -> Any:
    """Return what can be read more than once, as rows are drawn again where an operation is tried again."""
    return list(by) if isinstance(by, Iterator) else by


def _equal(numbers: range) -> dict[str, float]:
    return {f"fold{number}": 1 / len(numbers) for number in numbers}


def _share(name: Any, share: Any) -> float:
    if not isinstance(share, Real) or isinstance(share, bool) or not 0 < float(share) < 1:
        raise InvalidInput(f"{name}={share!r:.80} is not a share of the rows: give a number between 0 and 1")
    return float(share)


def _names(parts: Iterable[Any]) -> tuple[str, ...]:
    names = tuple(check_name(name, "part name") for name in parts)
    if len({name_key(name) for name in names}) < len(names):
        raise InvalidInput(
            f"two of the parts {', '.join(names):.200} have one name; names that differ only in case are one"
        )
    if len(names) < 2:
        raise InvalidInput(
            f"parts={list(names)!r} is one part, and a split has at least two; all rows are the version itself"
        )
    return names


def _whole(number: Any, what: str) -> int:
    """Return a whole number as Python's, also one of NumPy."""
    if isinstance(number, bool) or not hasattr(number, "__index__"):
        raise InvalidInput(f"{what} is a whole number, got {type(number).__name__}: {number!r:.80}")
    return index(number)


def _gap(gap: Any) -> int | timedelta | None:
    """Return a number of rows or a span; None for nothing."""
    if gap is None or isinstance(gap, bool) or not hasattr(gap, "__index__"):
        return None if gap is None else parse_span(gap, "gap") or None
    if index(gap) < 0:
        raise InvalidInput(f"gap={gap!r} is not a number of rows to leave out: give 0 or more, or a span such as '7d'")
    return index(gap) or None
