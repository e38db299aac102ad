"""One boundary: what other libraries raise becomes a refusal; what is not about the data passes."""

from __future__ import annotations

import errno

import pyarrow as pa
import pytest

from mlcycle.codecs._column_errors import naming_column
from mlcycle.errors import Corrupt, InvalidInput, StorageUnavailable

_DATA = [ValueError("a\nb"), TypeError(), KeyError("k"), OverflowError("o"), RecursionError("r"), AttributeError("a")]
_DATA += [pa.ArrowInvalid("i"), pa.ArrowNotImplementedError("n"), OSError("Arrow says so without a number")]
_OTHERS = [
    OSError(errno.ENOSPC, "full"),
    StorageUnavailable("gone"),
    Corrupt("torn"),
    MemoryError(),
    KeyboardInterrupt(),
]


@pytest.mark.parametrize("error", _DATA, ids=lambda error: type(error).__name__)
def test_errors_about_data_name_the_column_and_keep_the_cause(error: Exception) -> None:
    """Whatever was raised, the column is named, and the error is the cause."""
    with (
        pytest.raises(InvalidInput, match=f"column 'x' cannot be stored: {type(error).__name__}") as caught,
        naming_column("column 'x'"),
    ):
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", _OTHERS, ids=lambda error: type(error).__name__)
def test_errors_about_other_things_pass(error: BaseException) -> None:
    """A full disk, a lost network, no memory and an interrupt are no fault of a column."""
    with pytest.raises(type(error)) as caught, naming_column("column 'x'"):
        raise error
    assert caught.value is error


def test_a_refusal_that_names_the_column_stays_as_it_is() -> None:
    """What was said well is not said twice; what lacks the name gets it."""
    with pytest.raises(InvalidInput, match=r"^column 'x' is odd$"), naming_column("column 'x'"):
        raise InvalidInput("column 'x' is odd")
    with (
        pytest.raises(InvalidInput, match=r"^column 'x' cannot be read back: it is odd$"),
        naming_column("column 'x'", "read back"),
    ):
        raise InvalidInput("it is odd")
