"""Names and refs: which texts are some, whatever the alphabet."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcycle._ids import Ref, check_name, name_key, near, new_id, parse_ref
from mlcycle.errors import InvalidName

NAMED = st.text(st.characters(categories=["L", "Mn", "Mc", "Nd"], include_characters="-_"), min_size=1, max_size=20)


@given(NAMED)
def test_letters_marks_and_decimal_digits_make_names(text: str) -> None:
    """Of any alphabet; the name is in NFC, and checking it again changes nothing."""
    name = check_name("x" + text)
    assert name == unicodedata.normalize("NFC", "x" + text) == check_name(name)
    assert name_key(name) == name_key(unicodedata.normalize("NFD", name)) == name_key(name_key(name))


@given(st.characters(exclude_categories=["L", "Mn", "Mc", "Nd"], exclude_characters="-_"))
def test_no_other_character_does(character: str) -> None:
    """Signs, spaces, controls, and numbers that are no decimal digits."""
    normal = unicodedata.normalize("NFC", character)
    if normal == character:  # a few signs are letters or digits in NFC
        with pytest.raises(InvalidName, match="is not a valid name: it holds"):
            check_name(f"x{character}y")


@pytest.mark.parametrize("name", ["x²", "½", "Ⅷ", "①", "a.b", "a/b", "a:b", "a@b", "", " ", "con", "LPT1", "x" * 129])
def test_what_is_refused(name: str) -> None:
    """Superscripts, fractions and Roman numerals too: elsewhere they are the digits they resemble."""
    with pytest.raises(InvalidName, match="is not a valid name"):
        check_name(name)


@pytest.mark.parametrize("name", ["naïve", "कि", "٣", "顧客", "latest", "dataset", "model", "2024"])
def test_what_is_a_name(name: str) -> None:
    """No word of refs is reserved for names: the colon and the at sign keep them apart."""
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("deployment:eu", Ref("deployment", "eu", "latest")),
        ("run:0a", Ref("run", "0a", "latest")),
        ("feature-view:age@3", Ref("feature-view", "age", 3)),
        ("customers.train", Ref(None, "customers.train", "latest")),
        ("model:churn@production", Ref("model", "churn", "production")),
    ],
)
def test_any_kind_is_read_where_it_is_asked_for(text: str, ref: Ref) -> None:
    """Stored refs may be of nouns of a newer release."""
    assert parse_ref(text, kinds=None) == ref


@pytest.mark.parametrize(
    "text", ["deployment:eu", "Model:x", " model:x", "x:", "019ab0f2c40071c8a3b1f0e2d4c6a8b0:model:m"]
)
def test_an_unknown_kind_is_named(text: str) -> None:
    """With those that are known; a ref that begins with the id of a project is reserved."""
    kind = text.partition(":")[0]
    with pytest.raises(InvalidName, match=f"begins with an unknown kind '{kind}'; known are 'dataset:' and 'model:'"):
        parse_ref(text)


@pytest.mark.parametrize("text", ["Model:x", "run2:x", "-a:x", "019ab0f2c40071c8a3b1f0e2d4c6a8b0:model:m", ":x"])
def test_a_kind_is_a_word(text: str) -> None:
    """Lower-case letters and dashes, also where any kind will do."""
    with pytest.raises(InvalidName, match="begins with an unknown kind"):
        parse_ref(text, kinds=None)


def test_near_is_near_in_any_case() -> None:
    """What differs only in case comes first, and all of what does; a number stays one."""
    assert near("PRODUCTION", ["products", "production", "Production"]) == ["production", "Production", "products"]
    assert near("AGE", ["age", 2]) == ["age"]
    assert near(2, ["age", 2]) == [2]


def test_ids_made_one_after_another_are_in_order() -> None:
    """Also within a millisecond: what was made later is listed later."""
    made = []
    for _ in range(2_000):
        made.append(new_id())
        until = time.perf_counter_ns() + 1_000  # four times what two ids must be apart
        while time.perf_counter_ns() < until:
            pass
    assert made == sorted(made)
    assert {one[12] for one in made} == {"7"}
    assert {one[16] for one in made} <= set("89ab")
    assert len({one[17:] for one in made}) == len(made)
