"""Which rows to have labelled: strata of score, more rows where the outcome is less certain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from attrs import field, frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_numbers, check_seed, check_whole
from mlcycle.stats.label_free._scores import chances_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["AuditSample", "audit_sample"]

# Half of the rows go where they would go without knowing anything, so no row counts more than twice its share when
# the score is wrong about where it is certain.
_BLIND = 0.5
_ROWS_PER_STRATUM, _MOST_STRATA = 5, 20


@frozen(repr=False, eq=False)
class AuditSample:
    """Rows chosen to be labelled, at random with known chances.

    Attributes
    ----------
    indices : ndarray of shape (k,)
        Positions of the rows to label, sorted.
    stratum : ndarray of shape (k,)
        The stratum of each.
    sizes : ndarray of shape (h,)
        Rows of every stratum, chosen or not.
    score : ndarray of shape (n, c), or (n,) for losses
        What they were chosen by, for all rows.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> sample = stats.audit_sample(np.linspace(0, 1, 1000), 50)
    >>> sample
    AuditSample(50 of 1000 rows in 10 strata; chances 0.04 to 0.06)
    >>> round(float(sample.weights.sum()))
    1000
    """

    indices: NDArray[np.intp]
    stratum: NDArray[np.intp]
    sizes: NDArray[np.intp]
    score: NDArray[np.float64] = field(repr=False)

    @property
    def n(self) -> int:
        """Rows in all."""
        return int(self.sizes.sum())

    @property
    def taken(self) -> NDArray[np.intp]:
        """Chosen rows of every stratum."""
        return np.bincount(self.stratum, minlength=len(self.sizes)).astype(np.intp)

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """The chance every chosen row had of being chosen, shape (k,)."""
        return np.asarray((self.taken / self.sizes)[self.stratum])

    @property
    def weights(self) -> NDArray[np.float64]:
        """How many rows every chosen row stands for, shape (k,)."""
        return np.asarray(1 / self.probabilities)

    def __str__(self) -> str:
        chances = self.probabilities
        spread = f"{chances.min():.2g} to {chances.max():.2g}" if len(chances) else "none"
        return f"{len(self.indices)} of {self.n} rows in {len(self.sizes)} strata; chances {spread}"

    def __repr__(self) -> str:
        return f"AuditSample({self})"


def audit_sample(
    score: ArrayLike,
    k: int,
    *,
    task: Literal["classification", "regression"] = "classification",
    seed: int = 0,
) -> AuditSample:
    """Choose `k` rows to have labelled, at random within strata of score.

    Every row can be chosen. Half of the labels are spread evenly, half go where the score says the outcome is
    uncertain (probability times its complement large): an audit is unbiased, and no less precise than half as many
    labels spread evenly, even if the score is wrong.

    Parameters
    ----------
    score : array-like of shape (n,) or (n, c)
        Probabilities; for regression the size of the error expected of every row, or the prediction itself.
    k : int
        Rows to label; all of them when there are no more.
    task : {"classification", "regression"}
        What the score is.
    seed : int, default 0
        The same seed chooses the same rows; take another for every chunk.

    Raises
    ------
    InvalidInput
        If there are no rows, `k` is not positive, or scores are not what `task` says.

    References
    ----------
    Neyman (1934), JRSS 97 (allocation in proportion to the spread); Cochran (1977), Sampling Techniques, chapter 5.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> sample = stats.audit_sample(np.random.default_rng(0).random(1000), 50, seed=1)
    >>> len(sample.indices), bool((sample.probabilities > 0).all())
    (50, True)
    """
    values, spread = _values(score, task)
    n = len(values)
    if n == 0:
        raise InvalidInput("score has no rows; there is nothing to choose from")
    k, rng = min(check_whole(k, "k", 1), n), np.random.default_rng(check_seed(seed))
    order = values if values.ndim == 1 else values[:, 1] if values.shape[1] == 2 else spread
    # Strata are of equal size; ties of the score are split at random.
    parts = np.array_split(np.lexsort((rng.random(n), order)), np.clip(k // _ROWS_PER_STRATUM, 1, _MOST_STRATA))
    sizes = np.array([len(part) for part in parts])
    taken = _allocation(sizes, np.array([spread[part].mean() for part in parts]), k)
    rows = [rng.choice(part, take, replace=False) for part, take in zip(parts, taken, strict=True)]
    indices, stratum = np.concatenate(rows), np.repeat(np.arange(len(parts)), taken)
    by_place = np.argsort(indices)
    return AuditSample(indices[by_place], stratum[by_place], sizes, values)


def _values(score: ArrayLike, task: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the scores, and how uncertain the outcome of every row is."""
    found = np.asarray(score)
    if task == "classification":
        chances = chances_of("score", found, 2 if found.ndim == 1 else found.shape[-1])
        top = chances.max(axis=1) if len(chances) else np.zeros(0)
        return chances, np.sqrt(top * (1 - top))
    if task != "regression":
        raise InvalidInput(f"task is 'classification' or 'regression', got {task!r}")
    sizes = check_numbers(found, "score")
    return sizes, np.abs(sizes)


def _allocation(sizes: NDArray[np.intp], spread: NDArray[np.float64], k: int) -> NDArray[np.intp]:
    """Return how many rows of every stratum to take: at least two where there are two, `k` in all."""
    mean = float(sizes @ spread / sizes.sum())
    uneven = spread / mean if mean > 0 else np.ones(len(sizes))
    wanted = sizes * (_BLIND + (1 - _BLIND) * uneven)
    least = np.minimum(sizes, 2 if 2 * len(sizes) <= k else 1)
    taken = least.copy()
    while taken.sum() < k:
        # Divisor method of Webster: the next row goes where the share taken lags most.
        lag = np.where(taken < sizes, wanted / (taken + 0.5), -1.0)
        taken[np.argmax(lag)] += 1
    return taken
