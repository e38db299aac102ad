"""Evidence over time: one protocol for whatever may be looked at again and again, and one table to restore it from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from typing import Self

__all__ = ["EVIDENCE", "Evidence", "State", "restored"]


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


class Evidence(ABC):
    """What is gathered from look to look, in a process that may end in between.

    A kind of evidence names its arguments and what its looks change, each kept as an attribute of that name with an
    underscore before it; together they are its state.
    """

    kind: ClassVar[str]
    _asked: ClassVar[tuple[str, ...]]
    _kept: ClassVar[tuple[str, ...]]
    _n: int

    @property
    def n(self) -> int:
        """Values taken so far; of an `EDetector` looks, of an `AuditSequence` labels."""
        return self._n

    @property
    @abstractmethod
    def alarm(self) -> bool:
        """Whether there is an alarm now."""

    @abstractmethod
    def update(self, values: Any, /) -> State:
        """Take the values of one look and return what is known then."""

    def state(self) -> dict[str, Any]:
        """Return all there is to know, as JSON can hold it; its ``kind`` is the name in `EVIDENCE`."""
        known = {name: getattr(self, f"_{name}") for name in (*self._asked, *self._kept)}
        plain = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in known.items()}
        return {"kind": self.kind, **plain}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Return what `state` was taken from, to go on as if it had never stopped.

        Raises
        ------
        InvalidInput
            If it is no state of this kind.

        Examples
        --------
        >>> from mlcycle import stats
        >>> detector = stats.EDetector(100)
        >>> detector.update(7.0).value, stats.EDetector.from_state(detector.state())
        (7.0, EDetector(n = 1, 7 of 100, no alarms))
        """
        a = "an" if cls.__name__[0] in "AE" else "a"
        expected = f"the state of {a} {cls.__name__} is the dict that its state() returned, with kind {cls.kind!r}"
        if not isinstance(state, dict) or state.get("kind") != cls.kind:
            raise InvalidInput(f"{expected}; got {state!r:.80}")
        if missing := [name for name in (*cls._asked, *cls._kept) if name not in state]:
            raise InvalidInput(f"{expected}; this one lacks {', '.join(missing)}")
        try:
            made = cls(**{name: state[name] for name in cls._asked})
            for name in cls._kept:
                setattr(made, f"_{name}", _like(getattr(made, f"_{name}"), state[name]))
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"{expected}; this one holds something else: {error}") from error
        return made


def _like(fresh: Any, value: Any) -> Any:
    """Return a kept value as what it is at the start: an array of that shape, a list, whole numbers, a number."""
    if isinstance(fresh, np.ndarray):
        return np.asarray(value, dtype=np.float64).reshape(fresh.shape)
    if isinstance(fresh, list):
        return [float(number) for number in value]
    return tuple(int(number) for number in value) if isinstance(fresh, tuple) else type(fresh)(value)


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
