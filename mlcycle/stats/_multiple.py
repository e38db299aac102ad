"""Many tests at once: adjusted p-values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "CONTROLS",
    "adjust",
    "benjamini_hochberg",
    "benjamini_yekutieli",
    "e_benjamini_hochberg",
    "global_p",
    "holm",
    "strictness",
]


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

    def stepped(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.maximum.accumulate(ordered * np.arange(len(ordered), 0, -1))

    return _adjusted(p, stepped)


def benjamini_hochberg(p: ArrayLike) -> NDArray[np.float64]:
    """Return p-values adjusted so that false alarms are at most the nominal share of all alarms (false discovery rate).

    Valid for independent and for positively dependent tests.

    Parameters
    ----------
    p : array-like of shape (m,)
        As in `holm`.

    References
    ----------
    Benjamini and Hochberg (1995), Controlling the false discovery rate, JRSS B 57.

    Examples
    --------
    >>> from mlcycle import stats
    >>> stats.benjamini_hochberg([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    return _adjusted(p, _step_up)


def benjamini_yekutieli(p: ArrayLike) -> NDArray[np.float64]:
    """Return p-values adjusted for the false discovery rate under any dependence between tests.

    Parameters
    ----------
    p : array-like of shape (m,)
        As in `holm`.

    References
    ----------
    Benjamini and Yekutieli (2001), The control of the false discovery rate under dependency, Annals of Statistics 29.

    Examples
    --------
    >>> from mlcycle import stats
    >>> stats.benjamini_yekutieli([0.01, 0.04, 0.03]).round(3).tolist()
    [0.055, 0.073, 0.073]
    """
    return _adjusted(p, lambda ordered: _step_up(ordered) * np.sum(1 / np.arange(1, len(ordered) + 1)))


def e_benjamini_hochberg(e: ArrayLike) -> NDArray[np.float64]:
    """Return e-values turned into adjusted values for the false discovery rate (e-BH), under any dependence.

    An e-value is evidence with expectation at most 1 when nothing is going on: the value of a test martingale at any
    moment is one.

    Parameters
    ----------
    e : array-like of shape (m,)
        E-values, at least 0; ``nan`` marks a test that was not made.

    Returns
    -------
    ndarray of shape (m,)
        Reject where this is at most the level.

    References
    ----------
    Wang and Ramdas (2022), False discovery rate control with e-values, JRSS B 84.

    Examples
    --------
    >>> from mlcycle import stats
    >>> stats.e_benjamini_hochberg([100.0, 1.0, 30.0]).round(3).tolist()
    [0.03, 1.0, 0.05]
    """
    values = _numbers(e, "e")
    if np.any(values < 0):
        raise InvalidInput(f"e-values are at least 0, got {float(values[values < 0][0])!r}")
    with np.errstate(divide="ignore", over="ignore"):
        return _adjusted(np.minimum(1 / values, 1), _step_up, scale=1 / values)


CONTROLS: dict[str, Callable[[ArrayLike], NDArray[np.float64]]] = {
    "holm": holm,
    "bh": benjamini_hochberg,
    "by": benjamini_yekutieli,
    "none": lambda p: _numbers(p, "p"),
}


def adjust(p: ArrayLike, control: str) -> NDArray[np.float64]:
    """Return p-values adjusted by the named control: ``holm``, ``bh``, ``by`` or ``none``."""
    if control not in CONTROLS:
        raise InvalidInput(f"control is one of {', '.join(CONTROLS)}, got {control!r}")
    return CONTROLS[control](p)


def strictness(control: str, chosen: int, tests: int) -> float:
    """Return the share of alpha at which each of `chosen` claims out of `tests` is made.

    ``chosen / tests`` for the false discovery rate (Benjamini and Yekutieli 2005, JASA 100, also for the intervals of
    what was chosen), that over the harmonic sum under any dependence, ``1 / tests`` for the family-wise error.

    Examples
    --------
    >>> strictness("bh", 5, 50), strictness("holm", 5, 50), strictness("none", 5, 50)
    (0.1, 0.02, 1.0)
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

    For ``bh`` that is the test of Simes, for ``holm`` that of Bonferroni, for ``by`` Simes' under any dependence. With
    ``none`` the columns are not held to account for each other, but a family still is: Simes. ``nan`` for no tests.

    References
    ----------
    Simes (1986), An improved Bonferroni procedure for multiple tests of significance, Biometrika 73.

    Examples
    --------
    >>> round(global_p([0.01, 0.02, 0.9]), 3), round(global_p([0.01, 0.02, 0.9], "by"), 3)
    (0.03, 0.055)
    """
    adjusted = adjust(p, "bh" if control == "none" else control)
    made = adjusted[~np.isnan(adjusted)]
    return float(made.min()) if len(made) else math.nan


def _step_up(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
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


def _adjusted(
    p: ArrayLike,
    step: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    scale: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    values = _numbers(p, "p")
    if np.any((values < 0) | (values > 1)):
        raise InvalidInput(f"p-values lie between 0 and 1, got {float(values[(values < 0) | (values > 1)][0])!r}")
    made = np.flatnonzero(~np.isnan(values))
    used = values if scale is None else scale
    order = made[np.argsort(used[made], kind="stable")]
    result = np.full(values.shape, np.nan)
    result[order] = np.minimum(step(used[order]), 1.0)
    return result
