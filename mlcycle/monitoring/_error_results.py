"""One part of a look at a window, made so that what breaks it is told and the other parts go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle.errors import AccessDenied, MlcycleError, StorageUnavailable, UntrustedModel
from mlcycle.records import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["ENOUGH", "errors_as_results"]

# Below thirty rows no test of `mlcycle.stats` has the power to find what matters, and no rate is worth telling.
ENOUGH = 30


def errors_as_results(work: Callable[[], Iterable[Result]], *, look: str, subject: str, phase: str) -> list[Result]:
    """Return the results of some work, or one result that says what came in its way.

    Parameters
    ----------
    work : callable
    look, subject, phase : str
        Of the result that says so.

    Raises
    ------
    AccessDenied, StorageUnavailable
        Where the storage itself fails there is nothing to tell of traffic.

    Examples
    --------
    >>> errors_as_results(lambda: 1 / 0, look="latency", subject="deployment:eu", phase="deployment")[0].detail
    'latency could not be looked at: ZeroDivisionError: division by zero'
    """
    try:
        return list(work())
    except (AccessDenied, StorageUnavailable):
        raise
    except UntrustedModel:  # no fault of the traffic: it is said, and no alarm
        note = "loading the model needs trust, so nothing was asked of it"
        return [Result(check=look, look=look, subject=subject, verdict="not_applicable", detail=note)]
    except Exception as error:  # noqa: BLE001 - one part that does not fit must not take the others with it
        reason = str(error) if isinstance(error, MlcycleError) else f"{type(error).__name__}: {error}"
        detail = f"{look} could not be looked at: {reason:.300}"
        return [Result(check=look, look=look, subject=subject, verdict="error", phase=phase, detail=detail)]
