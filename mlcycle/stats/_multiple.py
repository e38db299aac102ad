"""Many tests at once: adjusted p-values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

__all__ = ["CONTROLS", "adjust", "global_p", "holm", "strictness"]


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Return p-values adjusted so that any false alarm at all has at most the nominal chance (family-wise error).

    Valid whatever the dependence between tests.

    Parameters
    ----------
    p : array-like of shape (m,)
        P-values; ``nan`` marks a test that was not made: it stays ``nan`` and is not counted.

    Returns
    -------
    ndarray of shape (m,)
        Reject where this is at most the level.

    Raises
    ------
    InvalidInput
        If a value is no number or lies outside [0, 1].

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6.

    Examples
    --------
    >>> from mlcycle import stats
    >>> stats.holm([0.01, 0.04, 0.03, float("nan")]).tolist()
    [0.03, 0.06, 0.06, nan]
    """
    return _adjusted(p, lambda ordered: np.maximum.accumulate(ordered * np.arange(len(ordered), 0, -1)))


CONTROLS: dict[str, Callable[[ArrayLike], NDArray[np.float64]]] = {
    "holm": holm,
    "bh": lambda p: _adjusted(p, _step_up),
    "by": lambda p: _adjusted(p, lambda ordered: _step_up(ordered) * np.sum(1 / np.arange(1, len(ordered) + 1))),
    "none": lambda p: _numbers(p, "p"),
}


def adjust(p: ArrayLike, control: str) -> NDArray[np.float64]:
    """Return p-values adjusted by the named control.

    ``holm`` as `holm`; ``bh`` for the false discovery rate of independent or positively dependent tests, ``by`` for the
    same under any dependence; ``none`` leaves them. ``nan`` as in `holm`.

    References
    ----------
    Benjamini and Hochberg (1995), Controlling the false discovery rate, JRSS B 57. Benjamini and Yekutieli (2001), The
    control of the false discovery rate under dependency, Annals of Statistics 29.
    """
    if control not in CONTROLS:
        raise InvalidInput(f"control is one of {', '.join(CONTROLS)}, got {control!r}")
    return CONTROLS[control](p)


def strictness(control: str, chosen: int, tests: int) -> float:
    """Return the share of alpha at which each of `chosen` claims out of `tests` is made.

    ``chosen / tests`` for the false discovery rate (Benjamini and Yekutieli 2005, JASA 100, also for the intervals of
    what was chosen), that over the harmonic sum under any dependence, ``1 / tests`` for the family-wise error.
    """
    shares = {
        "holm": 1 / tests,
        "bh": chosen / tests,
        "by": chosen / tests / float(np.sum(1 / np.arange(1, tests + 1))),
        "none": 1.0,
    }
    return shares[control]


def global_p(p: ArrayLike, control: str = "bh") -> float:
    """Return the p-value that no hypothesis of a family is false: the smallest adjusted p-value.

    For ``bh`` and ``none`` that is the test of Simes (1986, Biometrika 73), for ``holm`` that of Bonferroni, for ``by``
    Simes' under any dependence. ``nan`` for no tests.
    """
    adjusted = adjust(p, "bh" if control == "none" else control)
    made = adjusted[~np.isnan(adjusted)]
    return float(made.min()) if len(made) else math.nan


def _step_up(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    # That of `scipy.stats.false_discovery_control`; loading `scipy.stats` for it takes longer than a small `drift`.
    count = len(ordered)
    raised = ordered * count / np.arange(1, count + 1)
    return np.minimum.accumulate(raised[::-1])[::-1]


def _numbers(given: ArrayLike, name: str) -> NDArray[np.float64]:
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name} is one list of numbers, nan for a test that was not made, got {given!r}") from error
    if values.ndim != 1:
        raise InvalidInput(f"{name} is one list of numbers, got shape {values.shape}")
    return values


def _adjusted(p: ArrayLike, step: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> NDArray[np.float64]:
    values = _numbers(p, "p")
    if np.any((values < 0) | (values > 1)):
        raise InvalidInput(f"p-values lie between 0 and 1, got {float(values[(values < 0) | (values > 1)][0])!r}")
    made = np.flatnonzero(~np.isnan(values))
    order = made[np.argsort(values[made], kind="stable")]
    result = np.full(values.shape, np.nan)
    result[order] = np.minimum(step(values[order]), 1.0)
    return result
