"""Evidence over time: one protocol for whatever may be looked at again and again, and one table to restore it from."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Self

__all__ = ["EVIDENCE", "Evidence", "State", "reading", "restored"]


@frozen
class State:
    """What is known after a look.

    Attributes
    ----------
    n : int
        Values taken so far.
    value : float
        The evidence now; of a confidence sequence the mean.
    alarm : bool
        Whether there is an alarm.
    """

    n: int
    value: float
    alarm: bool


class Evidence(Protocol):
    """What is gathered from look to look, in a process that may end in between."""

    @property
    def alarm(self) -> bool:
        """Whether there is an alarm now."""

    def update(self, values: Any, /) -> State:
        """Take the values of one look and return what is known then."""

    def state(self) -> dict[str, Any]:
        """Return all there is to know, as JSON can hold it; its ``kind`` is the name in `EVIDENCE`."""

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Return what `state` was taken from, to go on as if it had never stopped."""


EVIDENCE = {
    "martingale": "mlcycle.stats.sequential._martingales:ConformalMartingale",
    "e-detector": "mlcycle.stats.sequential._alarms:EDetector",
    "confidence sequence": "mlcycle.stats.sequential._sequences:ConfidenceSequence",
    "audits": "mlcycle.stats.label_free._sequence:AuditSequence",
}
"""Every kind of evidence, by the ``kind`` of its state."""


def restored(state: dict[str, Any]) -> Evidence:
    """Return the evidence that a state was taken from, whatever kind it is, to go on as if it had never stopped.

    Parameters
    ----------
    state : dict
        What ``state()`` of a `ConformalMartingale`, an `EDetector`, a `ConfidenceSequence` or an `AuditSequence` gave;
        it may have been JSON since.

    Raises
    ------
    InvalidInput
        If it is no such state.

    Examples
    --------
    >>> import json
    >>> from mlcycle import stats
    >>> rate = stats.ConfidenceSequence()
    >>> _ = rate.update([1, 1, 0])
    >>> again = stats.restored(json.loads(json.dumps(rate.state())))
    >>> again.update([1]) == rate.update([1])
    True
    """
    kind = state.get("kind") if isinstance(state, dict) else None
    if not isinstance(kind, str) or kind not in EVIDENCE:
        raise InvalidInput(
            f"a state is the dict that state() returned, with kind one of {', '.join(map(repr, EVIDENCE))}; "
            f"got {state!r:.80}"
        )
    module, name = EVIDENCE[kind].split(":")
    found: Evidence = getattr(import_module(module), name).from_state(state)
    return found


@contextmanager
def reading(state: Any, kind: str, fields: Iterable[str]) -> Iterator[None]:
    """Turn whatever comes of a state that is none into a sentence that says what it should be.

    Examples
    --------
    >>> with reading({}, "e-detector", ["value"]):
    ...     pass
    Traceback (most recent call last):
    mlcycle.errors.InvalidInput: the state of an EDetector is the dict that its state() returned, with kind ...
    """
    name = EVIDENCE[kind].split(":")[1]
    a = "an" if name[0] in "AE" else "a"
    expected = f"the state of {a} {name} is the dict that its state() returned, with kind {kind!r}"
    if not isinstance(state, dict) or state.get("kind") != kind:
        raise InvalidInput(f"{expected}; got {state!r:.80}")
    if missing := [field for field in fields if field not in state]:
        raise InvalidInput(f"{expected}; this one lacks {', '.join(missing)}")
    try:
        yield
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise InvalidInput(f"{expected}; this one holds something else: {error}") from error
