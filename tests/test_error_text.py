"""What is said of an exception, in one line and in full, whatever it is made of."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from mlcycle import errors
from mlcycle._error_text import error_text, traceback_text


class Mute(Exception):  # noqa: N818
    """What raises when its message is read."""

    def __str__(self) -> str:
        raise RuntimeError("no message")

    __repr__ = __str__


def test_what_is_said_of_an_exception() -> None:
    """One line names what happened, whatever a message does."""
    assert error_text(errors.InvalidInput("a")) == "a"
    assert error_text(KeyError()) == "KeyError"
    assert error_text(Mute()) == "Mute: it has no message that can be read"
    assert error_text(ValueError("\ud800")) == "ValueError: \\ud800"
    assert len(error_text(ValueError("x" * 10_000))) < 600


def test_a_traceback_that_cannot_be_written() -> None:
    """Where even its causes fail, the class of the exception is kept."""

    class Broken(Exception):  # noqa: N818
        @property
        def __cause__(self) -> Any:  # type: ignore[override]
            raise RuntimeError("no cause")

    text = traceback_text(Broken, Broken(), None)
    assert "Broken" in text
    assert "RuntimeError: no cause" in text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.InvalidInput("  bad\n\n rows\t"), "bad rows"),
        (ValueError("two\nlines"), "ValueError: two lines"),
        (errors.InvalidInput(""), ""),
        (ValueError(" \n"), "ValueError"),
        (ValueError("x" * 487), "ValueError: " + "x" * 487),
        (ValueError("x" * 488), "ValueError: " + "x" * 488),
        (ValueError("x" * 489), "ValueError: " + "x" * 488 + "…"),
        (KeyError("age"), "KeyError: 'age'"),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
def test_an_exception_in_one_line(error: Exception, text: str) -> None:
    """Ours speak for themselves, others are named by their class; what is long ends after 500 letters."""
    assert text == error_text(error)


def _raised(error: Exception) -> tuple[Any, Any, Any]:
    try:
        raise error
    except type(error) as caught:
        return type(caught), caught, caught.__traceback__


def test_a_traceback_is_what_python_prints() -> None:
    """With its causes; texts that UTF-8 cannot hold are escaped."""
    error = ValueError("\ud800")
    error.__cause__ = KeyError("age")
    found = _raised(error)
    text = traceback_text(*found)
    assert text == "".join(traceback.format_exception(*found)).replace("\ud800", "\\ud800")
    assert "KeyError: 'age'\n\nThe above exception was the direct cause" in text
    assert traceback_text(ValueError, None, None) == "NoneType: None\n"


@pytest.mark.parametrize("more", [0, 1, 12_345])
def test_a_long_traceback_is_cut_in_the_middle(more: int) -> None:
    """Up to 100 000 letters as it is; beyond, its beginning, and its end, where the cause stands."""
    bare = len(traceback_text(ValueError, ValueError(""), None)) + len(": ")
    error = ValueError("a" * 50_000 + "z" * (50_000 - bare + more))
    whole = "".join(traceback.format_exception(ValueError, error, None))
    assert len(whole) == 100_000 + more
    text = traceback_text(ValueError, error, None)
    cut = f"{whole[:20_000]}\n… {more} characters left out …\n{whole[20_000 + more :]}"
    assert text == (cut if more else whole)
