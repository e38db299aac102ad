"""How rows are drawn again and again, and how sure an interval is to be: said once for all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypedDict

from attrs import evolve, field, frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_seed, check_whole
from mlcycle.stats._estimate import check_confidence

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Resampling", "ResamplingOptions", "check_resamples", "resampling_of"]


class ResamplingOptions(TypedDict, total=False):
    """The fields of `Resampling`, as keywords of a function."""

    confidence: float
    resamples: int
    groups: ArrayLike | None
    blocks: int | None
    seed: int


def _check_count(resamples: Any) -> int:
    return check_whole(resamples, "resamples", 1)


def _check_blocks(blocks: Any) -> int | None:
    return None if blocks is None else check_whole(blocks, "blocks, the rows of a block,", 1)


@frozen(kw_only=True, eq=False)
class Resampling:
    """How the rows are drawn, and how sure the interval is.

    Functions that resample take these fields as keywords, or such a record as ``resampling=``; a keyword beside it
    goes before the record's field.

    Parameters
    ----------
    confidence : float, default 0.95
        Share of intervals that hold the true value.
    resamples : int, default 1000
        How many times to draw. At least so many that two lie beyond each limit: 80 for 95 %.
    groups : array-like of shape (n,), optional
        Rows of one group are drawn together: customers, sessions, days. Missing values form one group.
    blocks : int, optional
        For rows in time order whose errors resemble their neighbours': draw stretches of so many rows (the circular
        block bootstrap). Intervals stay a little narrow, as every cut loses some memory: 93 % for 95 % measured where a
        block is ten times as long as the memory and there are 25 or more, 89 % where it is five times as long. Not
        together with `groups`.
    seed : int, default 0
        The same seed gives the same draws, for every measure.

    Raises
    ------
    InvalidInput
        If a field is out of range, or `groups` and `blocks` come together.

    References
    ----------
    Politis and Romano (1992), A circular block-resampling procedure for stationary data, and Künsch (1989), Annals of
    Statistics 17, for blocks.

    Examples
    --------
    >>> from mlcycle import stats
    >>> weekly = stats.Resampling(blocks=7, seed=1)
    >>> stats.interval(lambda rows: float(rows.mean()), 70, resampling=weekly).method
    'percentile bootstrap of blocks of 7 rows'
    >>> stats.Resampling(resamples="many")
    Traceback (most recent call last):
    mlcycle.errors.InvalidInput: resamples is a whole number of at least 1, got 'many'
    """

    confidence: float = field(default=0.95, converter=check_confidence)
    resamples: int = field(default=1000, converter=_check_count)
    groups: ArrayLike | None = None
    blocks: int | None = field(default=None, converter=_check_blocks)
    seed: int = field(default=0, converter=check_seed)

    def __attrs_post_init__(self) -> None:
        check_resamples(self.resamples, self.confidence)
        if self.groups is not None and self.blocks is not None:
            raise InvalidInput("give groups= or blocks=, not both: rows are drawn by one of them")


def resampling_of(resampling: Resampling | None, options: ResamplingOptions) -> Resampling:
    """Return the record a call means: the one it gives, or the default, with the keywords beside it."""
    if resampling is None:
        return Resampling(**options)
    if not isinstance(resampling, Resampling):
        raise InvalidInput(f"resampling is a stats.Resampling, got {type(resampling).__name__}")
    return evolve(resampling, **options)


def check_resamples(resamples: Any, confidence: float) -> int:
    """Return the number of resamples if it can carry an interval of this confidence."""
    least, count = math.ceil(2 / (1 - confidence) - 1e-9), check_whole(resamples, "resamples", 1)
    if count < least:
        raise InvalidInput(f"resamples={count} cannot carry a {confidence:g} interval; use at least {least}")
    return count
