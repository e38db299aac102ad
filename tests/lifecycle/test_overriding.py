"""Overrides as verbs are given them: a last moment, why, and whoever commits."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlcycle.errors import InvalidInput
from mlcycle.lifecycle._overriding import override_of

END = "2026-12-31T23:59:59.999999Z"


@pytest.mark.parametrize("until", ["2026-12-31", date(2026, 12, 31), np.datetime64("2026-12-31"), END], ids=str)
def test_an_override_of_each_kind_of_moment(until: Any) -> None:
    """The end of the day, whoever wrote the day; with the message and the author beside it."""
    found = override_of(until, "pilot", "ada")
    assert found is not None
    assert (found.until, found.message, found.author) == (END, "pilot", "ada")


@pytest.mark.parametrize("span", ["30d", timedelta(days=30), pd.Timedelta(days=30)], ids=str)
def test_a_span_counts_from_now_on(span: Any) -> None:
    """Ahead, not back."""
    found = override_of(span, "pilot", "ada")
    assert found is not None
    assert abs(pd.Timestamp(found.until) - pd.Timestamp.now("UTC") - pd.Timedelta(days=30)) < pd.Timedelta(minutes=1)


def test_one_that_has_ended_is_an_override_too() -> None:
    """Whether it still holds is for the gate to say."""
    found = override_of("2020-01-01", "pilot", "ada")
    assert found is not None
    assert found.until.startswith("2020-01-01")


def test_without_an_end_there_is_no_override() -> None:
    """Whatever is said."""
    assert override_of(None, "pilot", "ada") is None


@pytest.mark.parametrize("until", ["", "soon", True, 30, float("nan"), pd.NaT, {"until": "7d"}], ids=repr)
def test_what_is_no_moment_is_refused(until: Any) -> None:
    """Naming the argument, and how a moment is written."""
    with pytest.raises(InvalidInput, match=r"override_until= is the last moment of an override: .*write it as '"):
        override_of(until, "pilot", "ada")


@pytest.mark.parametrize("message", ["", " \n", None, 3], ids=repr)
def test_an_override_says_why(message: Any) -> None:
    """A blank message says nothing."""
    with pytest.raises(
        InvalidInput, match="override_until= lets this pass a gate that blocks, so say why: message='…'"
    ):
        override_of("30d", message, "ada")


def test_half_a_character_of_a_message_is_kept_as_the_history_has_it() -> None:
    """No file can hold a lone surrogate."""
    found = override_of("30d", "pilot \ud800", "ada")
    assert found is not None
    assert found.message.encode()
