"""Folds of a version: parts to test on in turn, in the form in which scikit-learn takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mlcycle._text import printable
from mlcycle.errors import InvalidInput
from mlcycle.records._record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from mlcycle.records._part import Part
    from mlcycle.records._parts import Parts

    Positions = NDArray[np.intp]

__all__ = ["Folds"]

Each = TypeVar("Each", bound=Record)  # as in `Parts`


@printable
class Folds(Generic[Each]):
    """Folds of one version's rows; scikit-learn takes it as ``cv=``, and a loop takes positions of rows from it.

    Parameters
    ----------
    whole : str
        The version whose rows these are, in the order of its ``load()``.
    parts : Parts
        What was committed.
    how : Part
        How rows were chosen.
    sides : numpy.ndarray of int8
        One row a fold, one column a row of the data: 1 to train on, 2 to test on, 0 for neither.

    Examples
    --------
    >>> import mlcycle as mc, pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> project = mc.open("memory://docs-folds")
    >>> frame = pd.DataFrame({"age": range(20), "left": [0] * 10 + [1] * 10})
    >>> customers = project.datasets.add("customers", frame, target="left")
    >>> folds = customers.folds(5)
    >>> folds
    <5 folds of customers@1: stratified by 'left'>
    >>> X, y = customers.xy()
    >>> len(cross_val_score(LogisticRegression(), X, y, cv=folds))
    5
    >>> train, test = next(iter(folds))
    >>> len(train), len(test), folds.parts["fold1"].ref
    (16, 4, 'customers.fold1@1')
    """

    def __init__(self, whole: str, parts: Parts[Each], how: Part, sides: NDArray[np.int8]) -> None:
        self._whole, self._how, self._sides = whole, how, sides
        self.parts = parts

    def __len__(self) -> int:
        return len(self._sides)

    def __iter__(self) -> Iterator[tuple[Positions, Positions]]:
        import numpy as np

        for sides in self._sides:
            yield np.flatnonzero(sides == 1), np.flatnonzero(sides == 2)

    def __repr__(self) -> str:
        return f"<{len(self)} folds of {self._whole}: {self._how}>"

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return how many folds there are to test on."""
        return len(self)

    def split(self, X: Any = None, y: Any = None, groups: Any = None) -> Iterator[tuple[Positions, Positions]]:
        """Return positions to train and to test on, fold by fold.

        Parameters
        ----------
        X : array-like, optional
            As many rows as the version has, in the order of its ``load()``.
        y, groups
            Not looked at: what they would say is in the folds.

        Raises
        ------
        InvalidInput
            Where `X` has another number of rows.
        """
        rows = self._sides.shape[1]
        found = rows if X is None else X.shape[0] if hasattr(X, "shape") else len(X)
        if found != rows:
            raise InvalidInput(
                f"these are folds of the {rows:,} rows of {self._whole}, and X has {found:,}; give what its load() or "
                "xy() gives, in that order"
            )
        return iter(self)
