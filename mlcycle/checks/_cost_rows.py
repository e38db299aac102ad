"""What each answer cost: the matrix of a `Cost` looked up row by row, as a metric that is a mean over rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats.models import positive_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from mlcycle.records import Cost

__all__ = ["CostRows", "costs_of"]

_LISTED = 5  # as many classes as tell which matrix it is
_NAMED = 3  # examples of what does not fit; more say nothing new


@frozen
class CostRows:
    """What each answer costs, as `Metric.by_row` asks for it."""

    cost: Cost

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest cost of an answer."""
        return self.cost.range

    @property
    def widest(self) -> float:
        """How far two answers to one row can lie apart."""
        return self.cost.widest

    @property
    def has_positive(self) -> bool:
        """Whether it is about one of two classes."""
        return not self.cost.labels

    def values(self, cached: Any, truth: NDArray[Any], answers: NDArray[Any]) -> NDArray[np.float64]:
        """Return what each answer costs, one value a row."""
        classes: Any = getattr(cached, "classes_", None)
        return costs_of(self.cost, truth, answers, positive_of(classes) if np.shape(classes) == (2,) else 1)

    def why_not(self, model: str, cached: Any, answers: NDArray[Any], y: NDArray[Any], data: str) -> Iterator[str]:
        """Yield why it cannot be told of a model's answers, with what would do."""
        return _why_not(self.cost, model, getattr(cached, "classes_", None), answers, y, data)


def costs_of(cost: Cost, y: NDArray[Any], answers: NDArray[Any], positive: Any = 1) -> NDArray[np.float64]:
    """Return what each answer cost.

    Parameters
    ----------
    cost : Cost
    y, answers : ndarray
        The true classes and what was answered.
    positive : object
        Which of two classes a miss is a miss of.

    Raises
    ------
    InvalidInput
        For a class that no cost names.

    Examples
    --------
    >>> from mlcycle.records import Cost
    >>> costs_of(Cost(false_negative=10, false_positive=1), np.array([1, 1, 0, 0]), np.array([1, 0, 1, 0])).tolist()
    [0.0, 10.0, 1.0, 0.0]
    """
    true, said = np.asarray(y).reshape(-1).tolist(), np.asarray(answers).reshape(-1).tolist()
    pairs = cost.by_pair
    if not cost.labels:
        true, said = ([int(one == positive) for one in labels] for labels in (true, said))
    elif unknown := sorted({repr(one) for one in {*true, *said} - set(cost.labels)}):
        raise InvalidInput(f"Cost names {_listed(cost.labels)}, and not {', '.join(unknown[:_NAMED])}")
    return np.array([pairs.get(pair, 0.0) for pair in zip(true, said, strict=True)], dtype=float)


def _why_not(cost: Cost, model: str, classes: Any, answers: NDArray[Any], y: NDArray[Any], data: str) -> Iterator[str]:
    """Yield why a cost cannot be told of a model's answers, with what would do."""
    known = None if classes is None or np.ndim(classes) != 1 else np.asarray(classes).tolist()
    if y.ndim > 1 or answers.reshape(len(y), -1).shape[1] != 1:
        yield f"{model} answers several outputs, and Cost is about one class a row"
    seen = {*y.tolist(), *answers.reshape(-1).tolist()}
    if cost.labels:
        if unknown := sorted(map(repr, seen - set(cost.labels))):
            yield (
                f"Cost names the classes {_listed(cost.labels)}, and {data} or what {model} answers has "
                f"{', '.join(unknown[:_NAMED])}{', …' if len(unknown) > _NAMED else ''}; give the cost of each pair"
            )
        return
    if known is not None and len(known) != 2:
        yield f"false_negative= and false_positive= are for two classes, and {model} knows {len(known)}; {_BY_PAIR}"
    elif unknown := sorted(map(repr, seen - set(known or (0, 1)))):
        said = f"knows {_listed(known)}" if known else "does not say its classes_, so that they are taken for 0 and 1"
        yield f"{model} {said}, and in {data} or its answers there is {', '.join(unknown[:_NAMED])}; {_BY_PAIR}"


_BY_PAIR = "give costs by pair, Cost({('leave', 'stay'): 10, ('stay', 'leave'): 1})"


def _listed(labels: Sequence[Any]) -> str:
    return ", ".join(repr(one) for one in labels[:_LISTED]) + (", …" if len(labels) > _LISTED else "")
