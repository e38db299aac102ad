"""What a version was made from, and how much of a test set the training has seen."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from mlcycle._digest import hash64, salt_of
from mlcycle._text import printable
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Overlap", "ancestors", "overlap_by_content", "overlap_by_key", "overlap_by_membership"]


@printable
@frozen(kw_only=True)
class Overlap:
    """How many rows of a test set were seen in training.

    Attributes
    ----------
    rows : int
        Test rows that were seen.
    of : int
        Test rows in all.
    how : {"membership", "key", "content"}
        How it was found: as positions in one parent, by a key, or because all values are equal.
    expected : float
        Test rows one would expect to find by chance, because rows repeat in the training data itself; 0 unless by
        content. Rows of few distinct values repeat without any leak.

    Examples
    --------
    >>> overlap = Overlap(rows=5, of=50, how="key")
    >>> overlap.share
    0.1
    >>> print(overlap)
    5 of 50 test rows (10 %) were seen in training, by key
    """

    rows: int
    of: int
    how: Literal["membership", "key", "content"]
    expected: float = 0.0

    @property
    def share(self) -> float:
        """Share of the test rows, 0 to 1; 0 where there are none."""
        return self.rows / self.of if self.of else 0.0

    def __bool__(self) -> bool:
        return self.rows > 0

    def __str__(self) -> str:
        chance = f"; {self.expected:.3g} are expected by chance" if self.expected else ""
        percent = f"{100 * self.share:.3g} %"
        return f"{self.rows} of {self.of} test rows ({percent}) were seen in training, by {self.how}{chance}"


def ancestors(ref: str, parents: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return everything a version was made from, nearest first, each once, without itself.

    Parameters
    ----------
    ref : str
        A version, ``"churn@7"``.
    parents : mapping of str to iterable of str
        What each version was made from directly; a version that is absent was made from nothing known.

    Examples
    --------
    >>> parents = {"churn@7": ["customers.train@3"], "customers.train@3": ["customers@3"], "customers@3": ["crm@1"]}
    >>> ancestors("churn@7", parents)
    ('customers.train@3', 'customers@3', 'crm@1')
    """
    seen: dict[str, None] = {ref: None}
    waiting = deque([ref])
    while waiting:
        for parent in parents.get(waiting.popleft(), ()):
            if parent not in seen:
                seen[parent] = None
                waiting.append(parent)
    return tuple(name for name in seen if name != ref)


def overlap_by_membership(train: NDArray[np.bool_], test: NDArray[np.bool_]) -> Overlap:
    """Return the rows that two selections of one parent share.

    Parameters
    ----------
    train, test : ndarray of bool, shape (rows of the parent,)
        Membership over the same version of the parent.

    Raises
    ------
    InvalidInput
        If they are no boolean arrays of one length.

    Examples
    --------
    >>> import numpy as np
    >>> print(overlap_by_membership(np.array([True, True, False]), np.array([False, True, True])))
    1 of 2 test rows (50 %) were seen in training, by membership
    """
    import numpy as np

    first, second = np.asarray(train), np.asarray(test)
    if first.dtype != bool or second.dtype != bool or first.shape != second.shape or first.ndim != 1:
        raise InvalidInput(
            "membership is two boolean arrays as long as their common parent, "
            f"got {first.dtype} {first.shape} and {second.dtype} {second.shape}"
        )
    return Overlap(rows=int((first & second).sum()), of=int(second.sum()), how="membership")


def overlap_by_key(train: pd.Series[Any], test: pd.Series[Any]) -> Overlap:
    """Return the test rows whose key occurs in the training rows; a missing key is nobody's.

    Parameters
    ----------
    train, test : Series
        The key columns. Integral floats and integers are the same key; a number and its text are not.

    Examples
    --------
    >>> import pandas as pd
    >>> overlap_by_key(pd.Series([1, 2, 3]), pd.Series([3.0, 4.0, None])).rows
    1
    """
    import numpy as np

    salt = salt_of("overlap", "key", "")
    known = test.notna().to_numpy()
    seen = np.isin(hash64(test[known], salt), hash64(train[train.notna()], salt))
    return Overlap(rows=int(seen.sum()), of=len(test), how="key")


def overlap_by_content(train: pd.DataFrame, test: pd.DataFrame) -> Overlap:
    """Return the test rows whose values all occur together in one training row.

    Parameters
    ----------
    train, test : DataFrame
        Compared on the columns both have, whatever their order; indexes do not count. Integers and integral floats
        are equal, missing is equal to missing.

    Raises
    ------
    InvalidInput
        If they have no column in common.

    Notes
    -----
    Rows are compared by two 64-bit hashes; the chance of one wrong match among 10 million rows is below 1e-22.
    The expected number is the share of training rows that have a twin among the training rows, times the test rows.

    Examples
    --------
    >>> import pandas as pd
    >>> train = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    >>> print(overlap_by_content(train, pd.DataFrame({"b": ["y", "q"], "a": [2.0, 2.0]})))
    1 of 2 test rows (50 %) were seen in training, by content
    """
    import numpy as np

    columns = [name for name in test.columns if name in train.columns]
    if not columns:
        raise InvalidInput(
            f"these tables have no column in common, so rows cannot be compared: {list(train.columns)[:5]} "
            f"and {list(test.columns)[:5]}"
        )
    known, asked = _row_keys(train, columns), _row_keys(test, columns)
    distinct, counts = np.unique(known, return_counts=True)
    twins = float(counts[counts > 1].sum()) / len(known) if len(known) else 0.0
    return Overlap(rows=int(np.isin(asked, distinct).sum()), of=len(asked), how="content", expected=twins * len(asked))


def _row_keys(frame: pd.DataFrame, columns: list[Any]) -> NDArray[Any]:
    """Return 128 bits for every row, as one complex number's worth of bytes."""
    import numpy as np

    halves = np.zeros((len(frame), 2), np.uint64)
    for half in range(2):
        mixed = np.zeros(len(frame), np.uint64)
        for column in columns:
            salt = salt_of("overlap", f"{half}", str(column))
            hashed = hash64(_comparable(frame[column]), salt)
            # multiplying between columns keeps (1, 2) and (2, 1) apart, and wraps on purpose
            mixed = (mixed ^ hashed) * np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(29)
        halves[:, half] = mixed
    return halves.view("V16").ravel()


def _comparable(column: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.astype(column.cat.categories.dtype)
    return column
