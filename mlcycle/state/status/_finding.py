"""How a phase says what it found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle import records
from mlcycle._ids import bare

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["finding", "in_brief", "listed", "name_of", "why"]

# A finding is one line: three names say which ones are meant, and a hundred folds would hide all other lines.
_NAMED = 3
# As much of a message as says why; the history has all of it.
_WHY = 80


def finding(check: str, subject: str, detail: str, verdict: str) -> records.Result:
    """Return what a phase of the status says, which is named by whoever asks the phases."""
    return records.Result(check=check, subject=subject, detail=detail, verdict=verdict)


def name_of(ref: str) -> str:
    """Return the name of a version.

    Examples
    --------
    >>> name_of("model:churn@7")
    'churn'
    """
    return bare(ref).rpartition("@")[0]


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them.

    Examples
    --------
    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c", "d", "e"])
    ('a', 'a and b', 'a, b, c and 2 more')
    """
    shown = [*names[:_NAMED], *([f"{len(names) - _NAMED} more"] if len(names) > _NAMED else [])]
    *most, last = shown
    return f"{', '.join(most)} and {last}" if most else last


def in_brief(text: str) -> str:
    r"""Return a message on one line, its end cut where it is long.

    Examples
    --------
    >>> in_brief("a pilot\nin one shop"), in_brief(20 * "pilot ")[-8:]
    ('a pilot in one shop', 'pilot p…')
    """
    line = " ".join(text.split())
    return line if len(line) <= _WHY else f"{line[: _WHY - 1].rstrip()}…"


def why(author: str | None, message: str) -> str:
    """Say who did something and why, as far as it is known.

    Examples
    --------
    >>> why("ada", "pilot"), why("ada", ""), why("", "")
    (' by ada (pilot)', ' by ada', '')
    """
    by = f" by {author}" if author else ""
    return f"{by} ({in_brief(message)})" if message.strip() else by
