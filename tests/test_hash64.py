"""The published hash, one value at a time: what its page says, and what has no hash."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcycle._hash64 import hash64_one, mix, salt_keys
from mlcycle.errors import InvalidInput
from tests.hash_page import by_the_page

SALT = "mlcycle split 1\0customers\0"


@given(payload=st.binary(max_size=300), salt=st.text(st.characters(exclude_categories=["Cs"]), max_size=9))
def test_bytes_hash_as_the_page_says(payload: bytes, salt: str) -> None:
    """Under tag 5, however they are held; the longer ones by their digest."""
    expected = by_the_page(5, payload, salt)
    for value in (payload, bytearray(payload), memoryview(payload)):
        assert expected == hash64_one(value, salt)


@pytest.mark.parametrize("length", [0, 7, 8, 9, 255, 256, 257])
def test_text_of_any_length_hashes_as_the_page_says(length: int) -> None:
    """Up to 256 bytes of UTF-8 as they are, from 257 on by their digest."""
    for text in ("x" * length, "é" * (length // 2) + "x" * (length % 2)):
        assert len(text.encode()) == length
        assert by_the_page(4, text.encode(), SALT) == hash64_one(text, SALT)


@pytest.mark.parametrize(
    ("value", "tag", "payload"),
    [
        (None, 0, b""),
        (math.nan, 0, b""),
        (Decimal("NaN"), 0, b""),
        (pd.NaT, 0, b""),
        (True, 1, (1).to_bytes(8, "little")),
        (-1, 1, b"\xff" * 8),
        (np.int8(-1), 1, b"\xff" * 8),
        (-0.0, 1, bytes(8)),
        (2**63 - 1, 1, b"\xff" * 7 + b"\x7f"),
        (2**63, 2, bytes(7) + b"\x80"),
        (2.0**63, 2, bytes(7) + b"\x80"),
        (Decimal(2**63), 2, bytes(7) + b"\x80"),
        (-(2.0**63), 1, bytes(7) + b"\x80"),
        (2.0**64, 3, np.float64(2.0**64).tobytes()),
        (0.5, 3, np.float64(0.5).tobytes()),
        (np.float32(0.5), 3, np.float64(0.5).tobytes()),
        (math.inf, 3, np.float64(math.inf).tobytes()),
        (np.str_("a"), 4, b"a"),
        (dt.datetime(1970, 1, 2, microsecond=5), 6, np.array([86_400, 5_000]).tobytes()),
        (dt.datetime(1970, 1, 1, 5, tzinfo=dt.timezone(dt.timedelta(hours=5))), 6, bytes(16)),
        (dt.datetime(1969, 12, 31, 23, 59, 59, 999_999), 6, np.array([-1, 999_999_000]).tobytes()),
        (dt.date(1970, 1, 2), 6, np.array([86_400, 0]).tobytes()),
        (pd.Timestamp(1, unit="ns"), 6, np.array([0, 1]).tobytes()),
        (np.datetime64("1969-12-31", "D"), 6, np.array([-86_400, 0]).tobytes()),
        (np.datetime64(-1, "ms"), 6, np.array([-1, 999_000_000]).tobytes()),
        (dt.timedelta(microseconds=-1), 7, np.array([-1, 999_999_000]).tobytes()),
        (np.timedelta64(90, "m"), 7, np.array([5_400, 0]).tobytes()),
        (dt.time(1, 0, 1, 7), 8, np.array([3_601, 7_000]).tobytes()),
    ],
    ids=repr,
)
def test_each_value_has_its_tag_and_bytes(value: Any, tag: int, payload: bytes) -> None:
    """Numbers by what they are worth, moments in UTC as whole seconds and what is left in nanoseconds."""
    assert by_the_page(tag, payload, SALT) == hash64_one(value, SALT)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (2**64, "the integer 18446744073709551616 has more than 64 bits and cannot be hashed; turn it into text first"),
        (-(2**63) - 1, "has more than 64 bits"),
        (Decimal(2**64), "has more than 64 bits"),
        (Decimal("1.5"), "a Decimal cannot be hashed"),
        (Decimal("Infinity"), "a Decimal cannot be hashed"),
        (1j, "a complex cannot be hashed: 1j; turn it into text or a number first"),
        ([1], "a list cannot be hashed"),
        ((6, 1, 2), "a tuple cannot be hashed"),
        ("\ud800", "is not valid Unicode"),
        ("x" * 400 + "\ud800", "is not valid Unicode"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) and value.isascii() else "",
)
def test_what_has_no_hash_is_refused(value: Any, words: str) -> None:
    """With the value in short, and what to do."""
    with pytest.raises(InvalidInput) as caught:
        hash64_one(value, SALT)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 200


@given(st.integers(0, 2**64 - 1))
def test_mixing_loses_nothing(x: int) -> None:
    """It can be undone step by step, so that no two states become one; it stays within 64 bits."""

    def unshift(y: int, by: int) -> int:
        found = y
        for _ in range(64 // by):
            found = y ^ (found >> by)
        return found

    y = unshift(mix(x), 31)
    y = unshift(y * pow(0x94D049BB133111EB, -1, 2**64) % 2**64, 27)
    y = unshift(y * pow(0xBF58476D1CE4E5B9, -1, 2**64) % 2**64, 30)
    assert x == (y - 0x9E3779B97F4A7C15) % 2**64


@pytest.mark.parametrize("salt", [7, None, b"salt"])
def test_a_salt_is_text(salt: Any) -> None:
    """Bytes would be another salt than the text they spell."""
    with pytest.raises(InvalidInput, match=f"a salt is text, got {type(salt).__name__}; make it with salt_of"):
        salt_keys(salt)
    assert len({salt_keys(text) for text in ("", "a", "A")}) == 3


def test_text_is_never_a_number() -> None:
    """Values of different kinds differ although their bytes may not."""
    values = [7, "7", b"7", 7.5, None, "", b"", dt.timedelta(0), dt.time(0), dt.datetime(1970, 1, 1), 2**63, -(2**63)]
    assert len(values) == len({hash64_one(value, SALT) for value in values})
