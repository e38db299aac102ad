"""What mistakes cost, as data: a metric that most people with unequal costs need, and nobody has to write.

The cost of a row depends on its true class and on the answer alone, in a matrix with a row a class (Elkan 2001, The
foundations of cost-sensitive learning, IJCAI 17, 973-978).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from mlcycle.errors import InvalidInput
from mlcycle.records._criterion_fields import finite
from mlcycle.records._record import Record

__all__ = ["Cost"]

Cell = tuple[Any, Any, float]

_MOST_SHOWN = 4  # as many pairs as still read as a sentence
_HOW = "Cost({('leave', 'stay'): 10, ('stay', 'leave'): 1}), each by (true class, answer)"


def _cells(value: Any) -> tuple[Cell, ...]:
    """Return costs by pair as one tuple, in an order that does not depend on how they were written."""
    given = [(pair, cost) for pair, cost in value.items()] if isinstance(value, Mapping) else None
    if given is None and isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        listed = [tuple(one) if isinstance(one, (list, tuple)) else one for one in value]
        given = [(one[:2], one[2]) if isinstance(one, tuple) and len(one) == 3 else (one, None) for one in listed]
    if given is None or not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair, _ in given):
        raise InvalidInput(f"costs are given by pair, {_HOW}; got {type(value).__name__}: {value!r:.80}")
    found = {}
    for (true, said), cost in given:
        pair = (_label(true), _label(said))
        if pair in found:
            raise InvalidInput(f"the cost of answering {pair[1]!r} for {pair[0]!r} is given twice")
        found[pair] = finite(f"the cost of answering {pair[1]!r} for {pair[0]!r}", cost)
    return tuple((*pair, cost) for pair, cost in sorted(found.items(), key=lambda one: tuple(map(_order, one[0]))))


def _label(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value
    if not isinstance(value, (str, int, float)) or (isinstance(value, float) and value - value != 0):
        raise InvalidInput(f"a class in Cost is a text or a finite number, got {type(value).__name__}: {value!r:.80}")
    return value


def _order(label: Any) -> tuple[str, Any]:
    return ("text", label) if isinstance(label, str) else ("number", label)


def _shown(cost: float | None) -> str:
    return str(int(cost)) if cost is not None and cost.is_integer() and abs(cost) < 1e15 else repr(cost)


def _price(value: Any) -> float | None:
    return None if value is None else finite("false_negative or false_positive of Cost", value)


@frozen(repr=False)
class Cost(Record):
    """The mean cost of an answer: a metric for a criterion where one mistake is worse than another.

    Lower is better. It is computed from what `predict` answers, so it judges the threshold a model decides by, too.

    Parameters
    ----------
    costs : dict, optional
        Of any number of classes, by ``(true class, answer)``. A right answer costs nothing unless it is given
        (``("stay", "stay"): -1`` is a gain); of different classes every pair has to be given, if with 0.
    false_negative, false_positive : float, optional
        Of two classes, instead of `costs`: what a miss and a false alarm cost. The positive class is as in
        `AtLeast`: 1 where there is one, else the second of the model's ``classes_``.

    Raises
    ------
    InvalidInput
        For a pair that is missing, a cost that is not a finite number, costs by which a mistake pays, and where
        nothing costs anything.

    Notes
    -----
    That no mistake is cheaper than the right answer is the reasonableness condition of Elkan (2001).

    Examples
    --------
    >>> from mlcycle.records import AtMost, NotWorseThan
    >>> AtMost(Cost(false_negative=10, false_positive=1), 0.4)
    AtMost(Cost(false_negative=10, false_positive=1), 0.4)
    >>> print(AtMost(Cost(false_negative=10, false_positive=1), 0.4))
    mean cost (miss 10, false alarm 1) ≤ 0.4
    >>> churn = Cost({("leave", "stay"): 10, ("stay", "leave"): 1})
    >>> print(NotWorseThan("production", churn, margin=0.05))
    mean cost ('stay' for 'leave' 10, 'leave' for 'stay' 1) not worse than production by more than 0.05
    """

    costs: tuple[tuple[Any, Any, float], ...] = field(default=(), converter=_cells)
    false_negative: float | None = field(default=None, kw_only=True, converter=_price)
    false_positive: float | None = field(default=None, kw_only=True, converter=_price)

    def __attrs_post_init__(self) -> None:
        both = (self.false_negative, self.false_positive)
        if bool(self.costs) == any(one is not None for one in both):
            raise InvalidInput(f"Cost takes false_negative= and false_positive=, or costs by pair: {_HOW}")
        if not self.costs and None in both:
            lacks = "false_positive" if self.false_positive is None else "false_negative"
            raise InvalidInput(f"Cost lacks {lacks}=; give 0 if it costs nothing")
        self._check_pairs()
        low, high = self.range
        if low == high:
            raise InvalidInput(f"by {self!r} every answer costs the same, so no model could be better than another")

    def _check_pairs(self) -> None:
        for true in self.labels:
            for said in self.labels:
                if true != said and (true, said) not in self.by_pair:
                    raise InvalidInput(
                        f"Cost does not say what it costs to answer {said!r} for {true!r}; give 0 if it costs nothing"
                    )
        for (true, said), cost in self.by_pair.items():
            if cost < self.by_pair.get((true, true), 0.0):
                raise InvalidInput(
                    f"by Cost it pays to answer {said!r} for {true!r}: {cost:g}, and the right answer costs "
                    f"{self.by_pair.get((true, true), 0.0):g}"
                )

    @property
    def by_pair(self) -> dict[tuple[Any, Any], float]:
        """Costs by (true class, answer), right answers that cost nothing left out; of two classes 1 is the positive."""
        if not self.costs:
            return {(1, 0): self.false_negative or 0.0, (0, 1): self.false_positive or 0.0}
        return {(true, said): cost for true, said, cost in self.costs}

    @property
    def labels(self) -> tuple[Any, ...]:
        """The classes it names, none where it names the two mistakes only."""
        return tuple(dict.fromkeys(label for true, said, _ in self.costs for label in (true, said)))

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest cost of an answer."""
        right = {(label, label): 0.0 for label in self.labels or (0, 1)}
        costs = {**right, **self.by_pair}.values()
        return min(costs), max(costs)

    @property
    def widest(self) -> float:
        """How far two answers to one row can lie apart: both are about the row's one true class."""
        right = {(label, label): 0.0 for label in self.labels or (0, 1)}
        rows: dict[Any, list[float]] = {}
        for (true, _), cost in {**right, **self.by_pair}.items():
            rows.setdefault(true, []).append(cost)
        return max(max(costs) - min(costs) for costs in rows.values())

    def __repr__(self) -> str:
        if self.costs:
            return f"Cost({{{', '.join(f'({true!r}, {said!r}): {_shown(cost)}' for true, said, cost in self.costs)}}})"
        return f"Cost(false_negative={_shown(self.false_negative)}, false_positive={_shown(self.false_positive)})"

    def _title(self) -> str:
        if not self.costs:
            return f"mean cost (miss {_shown(self.false_negative)}, false alarm {_shown(self.false_positive)})"
        told = [f"{said!r} for {true!r} {_shown(cost)}" for true, said, cost in self.costs[:_MOST_SHOWN]]
        more = [f"{len(self.costs) - _MOST_SHOWN} more"] if len(self.costs) > _MOST_SHOWN else []
        return f"mean cost ({', '.join([*told, *more])})"
