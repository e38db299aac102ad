"""Metrics that criteria bring with them as source: run only where they were written, or on the caller's word.

A scope is read by every process and written by whoever can write to its store. Its sources are therefore what pickles
are: nothing in the store makes one run, and this is the one place where any does.
"""

from __future__ import annotations

import functools
import math
import re
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle._ids import bare
from mlcycle.errors import InvalidInput, UntrustedModel
from mlcycle.records import MetricSource, function_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_source", "runnable"]

# What may be a label that the function asks for: longer texts are messages and documentation.
_TEXTS = re.compile(r"""["']([^"'\n]{1,40})["']""")
_LABELS = 6  # every pair of them is tried, 36 rows; a function rarely speaks of more
_KEPT = 256  # a scope has a few; the limit only keeps a process that reads many projects from growing


def runnable(
    metric: MetricSource,
    trusts: Callable[[str], bool] = lambda digest: False,
    *,
    who: Callable[[MetricSource], str] = lambda metric: "",
    subject: str = "",
) -> Callable[[Any, Any], float]:
    """Return the function that a source defines, if this process wrote it down or its digest is trusted.

    Parameters
    ----------
    metric : MetricSource
    trusts : callable, optional
        ``digest -> bool``, asked only where the source was written elsewhere.
    who : callable, optional
        Who wrote it and how to read it, in words.
    subject : str, optional
        The model version it is asked of, as a ref.

    Raises
    ------
    UntrustedModel
        Where it may not run.
    InvalidInput
        Where it cannot, such as for want of a package.
    """
    if function_of(metric) is None and not trusts(metric.digest):
        raise _refusal(metric, who(metric), bare(subject))
    return _defined(metric.source, metric.name)


@functools.lru_cache(maxsize=_KEPT)
def _defined(source: str, name: str) -> Callable[[Any, Any], float]:
    names: dict[str, Any] = {"__name__": f"metric {name}"}
    try:
        # The text is code somebody wrote, so it runs like a pickle: nothing holds it in. What keeps it from running is
        # that nobody comes here but by `runnable`.
        exec(compile(source, f"<metric {name}>", "exec", dont_inherit=True), names)
        found: Callable[[Any, Any], float] = names[name]
    except Exception as error:
        raise InvalidInput(f"the metric {name} cannot be run here: {type(error).__name__}: {error}") from error
    return found


def _refusal(metric: MetricSource, who: str, model: str) -> UntrustedModel:
    """Return why a source does not run, with who wrote it and the lines that read and trust it."""
    told = f"; {who}" if who else ""
    # once: with the digest in every line, nobody would read to the end
    trusting = f"mlcycle.trust({metric.digest!r})"
    if model:
        trusting = f"project.models[{model!r}].evaluate(trust={metric.digest!r}), or mlcycle.trust(…) for every time"
    return UntrustedModel(
        f"the metric {metric.name} is kept as source, and running it runs whatever it holds{told}. "
        f"To trust it: {trusting}"
    )


def check_source(metric: MetricSource) -> None:
    """Say where a source that this process wrote down does not do what its function does; another's is not run.

    Raises
    ------
    InvalidInput
        With both values, on a small sample.
    """
    if function_of(metric) is not None:
        _tried(metric)


@functools.lru_cache(maxsize=_KEPT)  # once: what held when it was agreed stays, though the notebook goes on
def _tried(metric: MetricSource) -> None:
    function, written = function_of(metric), runnable(metric)
    assert function is not None
    for y, said in _samples(metric.source):
        first, again, kept = (_outcome(one, y, said) for one in (function, function, written))
        if first != again:
            raise InvalidInput(f"the metric {metric.name} gives another value each time, {first} and {again}: seed it")
        if first != kept:
            raise InvalidInput(
                f"the metric {metric.name} gives {first} and the source kept of it {kept}: what it uses has changed "
                "since the criterion was made, or is not in its text; make the criterion anew, with what it uses "
                "inside the function"
            )


def _samples(source: str) -> list[tuple[Any, Any]]:
    """Return answers right and wrong, in numbers, in measurements, and in the texts that a function speaks of."""
    y, said = np.array([0, 1, 1, 0, 1, 0, 1, 1]), np.array([0, 1, 0, 0, 1, 1, 1, 0])
    labels = np.array([*dict.fromkeys(_TEXTS.findall(source)), "no", "yes"][:_LABELS])
    many = np.arange(len(labels) ** 2)
    pairs = (labels[many % len(labels)], labels[many // len(labels)])
    return [(y, said), (y.astype(bool), said.astype(bool)), (y + 0.5, said * 1.25 + 0.25), pairs]


def _outcome(function: Callable[[Any, Any], float], y: Any, said: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = float(function(y.copy(), said.copy()))
        except Exception as error:  # noqa: BLE001 - a function that takes no such labels says so in its own way
            return type(error).__name__
    return "nan" if math.isnan(value) else repr(value)
