"""Conformal p-values: the rank of each new score among those before it, or among a fixed reference."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.errors import InvalidInput
from mlcycle.stats._estimate import check_confidence

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Ranks", "Ties", "conditional_p_values", "conformal_p_values", "finite_scores"]

_RECENT = 2000
_BLOCK = 1024


def conformal_p_values(
    reference: ArrayLike, x: ArrayLike, *, growing: bool = True, smoothed: bool = True, seed: int = 0
) -> NDArray[np.float64]:
    """Return the p-value of every score of `x` that it ranks like those before it; small where scores are large.

    With ``growing=True`` a score is compared with the reference and all earlier scores of `x`: while everything is
    exchangeable, the smoothed p-values are independent and uniform, exactly and for any distribution. With
    ``growing=False`` all are compared with the one reference: each is valid on its own, but together they depend on how
    lucky the reference was; see `conditional_p_values`.

    Parameters
    ----------
    reference : array-like of shape (m,)
        Scores seen before; may be empty.
    x : array-like of shape (n,)
        New scores in the order they came.
    growing : bool, default True
        Whether every score joins the reference for the next.
    smoothed : bool, default True
        Break ties at random (`seed`), which makes the p-values exactly uniform. Otherwise ``(1 + ties and larger) / (m
        + 1)``, which is valid and slightly too large.
    seed : int, default 0
        For the ties.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    InvalidInput
        If a score is missing or infinite.

    References
    ----------
    Vovk, Gammerman and Shafer (2022), Algorithmic Learning in a Random World, 2nd edition, chapter 8.

    Examples
    --------
    >>> from mlcycle import stats
    >>> stats.conformal_p_values([1, 2, 3], [2.5, 9], growing=False, smoothed=False).tolist()
    [0.5, 0.25]
    >>> stats.conformal_p_values([1, 2, 3], [2.5, 9], smoothed=False).tolist()
    [0.5, 0.2]
    """
    seen, new = np.sort(finite_scores(reference, "reference")), finite_scores(x, "x")
    larger, same = np.empty(len(new), dtype=np.int64), np.empty(len(new), dtype=np.int64)
    before = len(seen) + (np.arange(len(new)) if growing else np.zeros(len(new), dtype=np.int64))
    for start in range(0, len(new), _BLOCK):
        block = new[start : start + _BLOCK]
        rows = slice(start, start + len(block))
        right = np.searchsorted(seen, block, "right")
        larger[rows], same[rows] = len(seen) - right, right - np.searchsorted(seen, block, "left")
        if growing:
            earlier = np.tri(len(block), k=-1, dtype=np.bool_)
            larger[rows] += np.count_nonzero(earlier & (block[None, :] > block[:, None]), axis=1)
            same[rows] += np.count_nonzero(earlier & (block[None, :] == block[:, None]), axis=1)
            seen = np.sort(np.concatenate([seen, block]), kind="stable")
    if not smoothed:
        return (1 + larger + same) / (1 + before)
    return (larger + Ties(seed).upto(len(new)) * (1 + same)) / (1 + before)


def conditional_p_values(
    p: ArrayLike, n_reference: int, *, confidence: float = 0.95, method: str = "simes"
) -> NDArray[np.float64]:
    """Return p-values made valid *given* the one finite reference they were all computed from.

    A reference that happens to look smaller than the truth makes every later p-value too small, look after look. The
    p-values returned here are super-uniform given the reference, for a share `confidence` of all references, and then
    independent of one another, so that tests over many looks hold.

    Parameters
    ----------
    p : array-like of shape (n,)
        From ``conformal_p_values(…, growing=False, smoothed=False)``: multiples of ``1 / (n_reference + 1)``; others
        are rounded up to one.
    n_reference : int
        Scores in the reference.
    confidence : float, default 0.95
        Share of references for which the promise holds.
    method : {"simes", "dkw"}, default "simes"
        ``simes`` is tight for small p-values and gives 1 for those above one half; ``dkw`` adds the same amount to all.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    InvalidInput
        If an argument is out of range.

    References
    ----------
    Bates, Candès, Lei, Romano and Sesia (2023), Testing for outliers with conformal p-values, Annals of Statistics 51,
    sections 3.2 (Simes, k = n / 2) and 3.3; Massart (1990) for the constant of Dvoretzky, Kiefer and Wolfowitz.

    Examples
    --------
    >>> from mlcycle import stats
    >>> stats.conditional_p_values([1 / 1001, 0.01, 0.3], 1000).round(4).tolist()
    [0.006, 0.0197, 0.4254]
    """
    values = np.asarray(p, dtype=np.float64)
    if not np.all((values > 0) & (values <= 1)):
        raise InvalidInput("conformal p-values lie between 1 / (n_reference + 1) and 1; got some that do not")
    steps = np.ceil(values * (n_reference + 1) - 1e-6).astype(np.int64)
    limits = limits_given_reference(n_reference, 1 - check_confidence(confidence), method)
    adjusted: NDArray[np.float64] = limits[np.minimum(steps, n_reference + 1) - 1]
    return adjusted


def limits_given_reference(n: int, share: float, method: str = "simes") -> NDArray[np.float64]:
    """Return b_1 ≤ … ≤ b_(n+1) = 1 which all n ordered uniform values stay below but for a `share` of samples.

    Examples
    --------
    >>> limits_given_reference(4, 0.05, "dkw").round(2).tolist()
    [0.86, 1.0, 1.0, 1.0, 1.0]
    """
    if n < 1:
        raise InvalidInput(f"n_reference is a number of rows, 1 or more, got {n}")
    if not 0 < share < 1:
        raise InvalidInput(f"the share of references left out lies between 0 and 1, such as 0.05, got {share:g}")
    if method == "dkw":
        # Massart's constant needs a share of at most one half.
        limits = np.arange(1, n + 1) / n + math.sqrt(math.log(1 / min(share, 0.5)) / (2 * n))
    elif method == "simes":
        k = max(n // 2, 1)
        logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
        falling = np.full(n + 1, -np.inf)
        falling[k:] = logs[k:] - logs[: n - k + 1]
        # b_(n + 1 - i) = 1 - (share * (i ··· (i - k + 1)) / (n ··· (n - k + 1))) ** (1 / k)
        limits = 1 - np.exp((math.log(share) + falling[n:0:-1] - falling[n]) / k)
    else:
        raise InvalidInput(f"method is 'simes' or 'dkw', got {method!r}")
    result: NDArray[np.float64] = np.append(np.minimum(limits, 1.0), 1.0)
    return result


class Ties:
    """Random numbers in (0, 1] that depend on the seed and on how many came before, so that there is no state to keep.

    Examples
    --------
    >>> float(Ties(0).at(2000)) == float(Ties(0).upto(3000)[2000])
    True
    """

    def __init__(self, seed: int) -> None:
        self._seed, self._number = seed, -1
        self._block: list[float] = []

    def at(self, n: int) -> float:
        """Return the number of look n, counted from 0."""
        number, place = divmod(n, _BLOCK)
        if number != self._number:
            self._number, self._block = number, self._draw(number).tolist()
        return self._block[place]

    def upto(self, n: int) -> NDArray[np.float64]:
        """Return the numbers of the first n looks."""
        blocks = [self._draw(number) for number in range(-(-n // _BLOCK))]
        return np.concatenate(blocks)[:n] if blocks else np.empty(0)

    def _draw(self, number: int) -> NDArray[np.float64]:
        return 1 - np.random.default_rng([self._seed, number]).random(_BLOCK)


class Ranks:
    """Scores kept in order: where a new one ranks among them. Lives as long as its martingale.

    New scores go to a short list that is merged into the long one when it is full, so that adding stays cheap at any
    size.

    Examples
    --------
    >>> seen = Ranks([1.0, 2.0, 2.0])
    >>> seen.place(2.0, True), seen.place(2.0, False)  # how many are larger, how many are equal, how many there are
    ((0, 2, 3), (0, 3, 4))
    """

    def __init__(self, scores: Any) -> None:
        self._long: list[float] = sorted(scores)
        self._short: list[float] = []

    def place(self, x: float, keep: bool) -> tuple[int, int, int]:
        """Return how many scores are larger than `x`, how many are equal, how many there are; then keep it or not."""
        long, short = self._long, self._short
        at, at_short = bisect_right(long, x), bisect_right(short, x)
        size = len(long) + len(short)
        equal = 0
        if at and long[at - 1] == x:
            equal += at - bisect_left(long, x, 0, at)
        if at_short and short[at_short - 1] == x:
            equal += at_short - bisect_left(short, x, 0, at_short)
        if keep:
            short.insert(at_short, x)
            if len(short) >= max(_RECENT, len(long) >> 6):
                self._merge()
        return size - at - at_short, equal, size

    def _merge(self) -> None:
        self._long.extend(self._short)
        # Two sorted runs are merged, not sorted again.
        self._long.sort()
        self._short = []

    def tolist(self) -> list[float]:
        """Return all scores in order."""
        return sorted(self._long + self._short)


def finite_scores(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return scores as an array of finite numbers, or say what came."""
    try:
        scores = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name} holds numbers, got {type(values).__name__}: {error}") from error
    if scores.ndim != 1:
        raise InvalidInput(f"{name} is one row of numbers, got shape {scores.shape}")
    if wrong := int(np.count_nonzero(~np.isfinite(scores))):
        raise InvalidInput(
            f"{name} has {wrong} missing or infinite values; drop them, or count them as a stream of their own"
        )
    return scores
