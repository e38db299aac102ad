"""What a version was made from, and how much of a test set the training has seen."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from mlcycle._digest import hash64, salt_of
from mlcycle._ids import canonical_id
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
        Test rows one would expect to find by chance, because rows of few distinct values repeat without any leak; 0
        unless by content.
    chance : float
        Test rows that chance explains at most; more of them are a leak. 0 unless by content.

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
    chance: float = 0.0

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
        The key columns. Integral floats and integers are the same key. Columns of two types, such as numbers and text,
        are compared by the text of their values, as ids of labels are: 7 is ``"7"``, and neither ``"007"`` nor
        ``"7.0"``.

    Examples
    --------
    >>> import pandas as pd
    >>> overlap_by_key(pd.Series([1, 2, 3]), pd.Series([3.0, 4.0, None])).rows
    1
    >>> overlap_by_key(pd.Series(["1", "2"]), pd.Series([2, 3])).rows
    1
    """
    import numpy as np

    salt = salt_of("overlap", "key", "")
    asked, known = (_comparable(column[column.notna()]) for column in (test, train))
    alike = _kind(asked) is not None and _kind(asked) == _kind(known)
    seen = np.isin(*(hash64(one if alike else _texts(one), salt) for one in (asked, known)))  # type: ignore[arg-type]
    return Overlap(rows=int(seen.sum()), of=len(test), how="key")


# The types that pandas finds in a column, and as which of them values of one are hashed alike.
_KINDS = {
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
    "string": "text",
    "datetime64": "moment",
    "datetime": "moment",
}


def _kind(column: pd.Series[Any]) -> str | None:
    """Return as what the keys of a column are hashed; None where only their texts can be compared."""
    import pandas as pd

    return _KINDS.get(pd.api.types.infer_dtype(column, skipna=True)) if len(column) else "number"


def _texts(column: pd.Series[Any]) -> list[str | None]:
    """Return the keys of a column as the texts under which ids are stored."""

    def text(value: Any) -> str | None:
        try:
            return canonical_id(value)
        except InvalidInput:  # a float that lost digits, a list: it is nobody's id, and equal to itself
            return repr(value)

    return [text(value) for value in column]


def overlap_by_content(train: pd.DataFrame, test: pd.DataFrame) -> Overlap:
    r"""Return the test rows whose values all occur together in one training row.

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

    What was changed on the way is not seen: columns that were rounded, scaled, renamed or stored with fewer digits
    (32-bit floats of 64-bit ones), numbers as text.

    Rows of few distinct values are met by chance. How many is estimated from the repetitions within one sample [1]_,
    and three estimates are made, as each is blind to something. With :math:`N_c` values that occur c times among n:

    - A new row is among n training rows with chance :math:`1 - N_1/n`. Blind where training rows were doubled.
    - It is one of those that occur c times with chance :math:`(c + 1) N_{c+1}/n`. Rows doubled on purpose occur
      twice, and there are none that occur three times, so here doubling hides nothing. Done for c up to 5: above, the
      counts are too thin. Blind where rows were drawn at random with replacement, which looks like natural repetition.
    - A test row that occurs once occurs :math:`2 N_2/N_1` times among as many others, so it is among n training rows
      with chance :math:`1 - \exp(-(n/m) 2 N_2/N_1)`, with :math:`N_c` of the m test rows; those that repeat in the
      test are expected to. Blind to a few leaked rows, and where n is many times m.

    To each its uncertainty is added: four standard deviations, of the count and of :math:`N_{c+1}` (Poisson). What
    exceeds the smallest of them is a leak. In simulations of independent samples (uniform, Zipf, geometric and rounded
    normal values, 2 to 10 million distinct ones, n/m from 1 to 100) the second and third added at most 4 % of false
    leaks to those of the first, which are rare but where repetitions begin to show at all: up to a third of the
    samples of 200 and 200 rows from 40 000 values, where one or two rows are met and none repeats in the training data.

    References
    ----------
    .. [1] I. J. Good: The population frequencies of species and the estimation of population parameters,
       Biometrika 40, 1953.

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
    distinct, times = np.unique(known, return_counts=True)
    rows = int(np.isin(asked, distinct).sum())
    if not rows:
        return Overlap(rows=0, of=len(asked), how="content")
    met = times[np.searchsorted(distinct, asked[np.isin(asked, distinct)])]
    (usual, most), (usual_by_test, most_by_test) = _by_coverage(times, len(asked)), _by_test(asked, len(known))
    chance = min(most, most_by_test, _by_times(times, met, len(asked)))
    expected = min(usual, usual_by_test, chance)
    return Overlap(rows=rows, of=len(asked), how="content", expected=expected, chance=chance)


_DEVIATIONS = 4  # above chance, one of 30 000 normal values is; rows are counted and compared often
_MOST_TIMES = 5  # more often than that hardly any two values repeat equally often, and their number says nothing
_FEW = 2  # one or two rows where hardly any were expected are no proof: a Poisson count has no narrower tail


def _by_coverage(times: NDArray[np.int64], asked: int) -> tuple[float, float]:
    """Return how many of some rows are expected among others, and how many at most, by how these repeat."""
    expected = float(times[times > 1].sum()) / int(times.sum()) * asked
    return expected, expected + _DEVIATIONS * math.sqrt(expected)


def _by_times(times: NDArray[np.int64], met: NDArray[np.int64], asked: int) -> float:
    """Return how many at most by how many rows repeat how often; `met` says how often each row that was found does."""
    import numpy as np

    of = np.bincount(np.minimum(times, _MOST_TIMES + 2), minlength=_MOST_TIMES + 3)
    found = np.bincount(np.minimum(met, _MOST_TIMES + 1), minlength=_MOST_TIMES + 2)
    once = np.arange(1, _MOST_TIMES + 1)
    weight = asked * (once + 1) / int(times.sum())
    mean = weight * of[once + 1]
    # one more class than was seen, four times over: that nothing repeats so often may itself be chance
    deviation = np.sqrt(mean + weight**2 * (of[once + 1] + _DEVIATIONS))
    most = np.minimum(found[once], mean + _FEW + _DEVIATIONS * deviation)
    return float(most.sum()) + float(found[_MOST_TIMES + 1])


def _by_test(asked: NDArray[Any], known: int) -> tuple[float, float]:
    """Return both by how the rows repeat that are looked for."""
    import numpy as np

    times = np.unique(asked, return_counts=True)[1]
    single, double = int((times == 1).sum()), int((times == 2).sum())
    repeated = float(times[times > 1].sum())

    def singles(pairs: float) -> float:
        return single * -math.expm1(-known / len(asked) * 2 * pairs / single) if single else 0.0

    most = singles(double + _DEVIATIONS * math.sqrt(double + 1))  # as if a pair more had been seen: none may be chance
    return repeated + singles(double), repeated + most + _DEVIATIONS * math.sqrt(most)


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
