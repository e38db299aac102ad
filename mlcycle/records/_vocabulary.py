"""Words of open vocabularies: those known here are checked where they are made, others are only read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["UnknownWord", "one_of"]


class UnknownWord(str):
    """A word that was read and that this release does not know; whoever acts on words takes it for the worst.

    Examples
    --------
    >>> from mlcycle.records import from_json
    >>> from_json({"type": "Result", "check": "calibration", "verdict": "splendid"}).verdict
    'splendid'
    """

    __slots__ = ()


def one_of(what: str, words: tuple[str, ...]) -> Callable[[Any, Any, Any], None]:
    """Return a validator that takes these words, and what was read from a newer release.

    Examples
    --------
    >>> one_of("a severity", ("info", "warn"))(None, None, "loud")
    Traceback (most recent call last):
    ...
    mlcycle.errors.InvalidInput: a severity is one of info, warn, got 'loud'
    """

    def check(instance: Any, attribute: Any, value: Any) -> None:
        if value not in words and not isinstance(value, UnknownWord):
            raise InvalidInput(f"{what} is one of {', '.join(words)}, got {value!r:.80}")

    return check
