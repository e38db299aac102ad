"""The tree of errors: as it is drawn, caught as Python's own, and whole after a journey to another process."""

from __future__ import annotations

import inspect
import pickle
import re
from typing import Any

import pytest

from mlcycle import errors
from mlcycle.errors import ConflictError, GateBlocked, MissingExtra, MlcycleError, MlcycleWarning, NotFound

EACH = [getattr(errors, name) for name in errors.__all__]
RAISED = [one for one in EACH if issubclass(one, MlcycleError)]


def _drawn() -> dict[str, tuple[str | None, str | None]]:
    """Return each error of the drawing with the branch it hangs on and the error of Python's it is, too."""
    found: dict[str, tuple[str | None, str | None]] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r" {4}((?:[│├└] {0,3}|── | {4})*)([A-Z]\w+)(?: +\((\w+)\))?", line):
            depth = len(match[1]) // 4
            above[depth:] = [match[2]]
            found[match[2]] = (above[depth - 1] if depth else None, match[3])
    return found


def test_the_drawing_is_true() -> None:
    """Every error hangs where it is drawn, and is the error of Python's that is drawn beside it, no other."""
    drawn = _drawn()
    assert {one.__name__ for one in RAISED} == {*drawn}
    for one in RAISED:
        above, builtin = drawn[one.__name__]
        ours = next((base for base in one.__mro__[1:] if base in RAISED), None)
        assert above == (ours and ours.__name__), one
        theirs = [base.__name__ for base in one.__bases__ if base not in RAISED and base is not Exception]
        assert theirs == ([builtin] if builtin else []), one


def test_a_warning_is_not_raised() -> None:
    """It is of one kind, and no error of ours."""
    assert [one for one in EACH if one not in RAISED] == [MlcycleWarning]
    assert issubclass(MlcycleWarning, UserWarning)


def _made(kind: type[MlcycleError]) -> MlcycleError:
    made: dict[Any, Any] = {
        ConflictError: lambda: ConflictError("too late", {"n": 7, "author": "ada"}),
        GateBlocked: lambda: GateBlocked("blocked", ("any", "decision")),
        MissingExtra: lambda: MissingExtra("s3:// stores", "s3fs", "s3"),
    }
    if kind in made:
        return made[kind]()  # type: ignore[no-any-return]
    return kind("there is none", ["a", "b"]) if issubclass(kind, NotFound) else kind("what is wrong")


@pytest.mark.parametrize("kind", RAISED)
def test_an_error_comes_back_from_another_process(kind: type[MlcycleError]) -> None:
    """With its words, once, and with all it carries."""
    error = _made(kind)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        copy = pickle.loads(pickle.dumps(error, protocol))
        assert type(copy) is kind
        assert (str(copy), copy.args, vars(copy)) == (str(error), error.args, vars(error))


@pytest.mark.parametrize(
    ("message", "near", "text"),
    [
        ("there is no 'chrun'.", ["churn"], "there is no 'chrun'. Did you mean 'churn'?"),
        ("there is no 'chrun'", ("a", "b", "c"), "there is no 'chrun'. Did you mean 'a' or 'b' or 'c'?"),
        ("there is no 'chrun'", (), "there is no 'chrun'"),
        ("there is no 'chrun'.", iter(()), "there is no 'chrun'."),
    ],
)
def test_what_was_perhaps_meant_is_asked(message: str, near: Any, text: str) -> None:
    """As a sentence of its own, and as a list for whoever handles the error."""
    error = NotFound(message, near)
    assert (str(error), isinstance(error.near, tuple)) == (text, True)


def test_a_conflict_shares_no_facts_with_its_maker() -> None:
    """And has none where nothing is known of who won."""
    winner = {"n": 7}
    error = ConflictError("too late", winner)
    winner["n"] = 8
    assert (error.winner, ConflictError("too late").winner) == ({"n": 7}, {})


def test_a_missing_extra_says_how_it_is_installed() -> None:
    """Not as a message of three parts, but as a line that can be copied."""
    error = MissingExtra("s3:// stores", "s3fs", "s3")
    assert str(error) == "s3:// stores need the package 's3fs': pip install 'mlcycle[s3]'"
    assert (error.what, error.package, error.extra) == ("s3:// stores", "s3fs", "s3")


def test_every_error_says_what_it_means() -> None:
    """In its own words; one that is caught by name is explained by name."""
    assert [one.__name__ for one in EACH if inspect.getdoc(one) in (None, inspect.getdoc(one.__mro__[1]))] == []
