"""One boundary for every column: what a library underneath raises becomes a refusal that names the column."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from mlcycle.errors import InvalidInput, MlcycleError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["naming_column"]


@contextlib.contextmanager
def naming_column(label: str, done: str = "stored") -> Iterator[None]:
    """Turn whatever pandas, numpy, Arrow or Python say about a column into `InvalidInput` that names it.

    Errors of the storage and of memory pass: nothing is wrong with the data then.

    Parameters
    ----------
    label : str
        How the message names the column: ``"column 'age' of the frame"``.
    done : str, default "stored"
        What cannot be done with it.

    Examples
    --------
    >>> with naming_column("column 'age' of the frame"):
    ...     int("many")
    Traceback (most recent call last):
    mlcycle.errors.InvalidInput: column 'age' of the frame cannot be stored: ValueError: invalid literal for int() ...
    """
    try:
        yield
    except InvalidInput as error:
        if label in str(error):
            raise
        raise InvalidInput(f"{label} cannot be {done}: {error}") from error
    except (MlcycleError, MemoryError):
        raise
    except Exception as error:  # the libraries underneath raise what they like
        if isinstance(error, OSError) and error.errno is not None:  # Arrow's own complaints have no number
            raise
        said = (str(error).splitlines() or [""])[0][:200]
        raise InvalidInput(
            f"{label} cannot be {done}: {type(error).__name__}: {said}; convert it first, for example with .astype(str)"
        ) from error
