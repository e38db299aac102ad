"""Text: other words, other signs, other letters are each seen, in any script, and a long text costs no more."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlcycle.stats.two_sample import _texts
from tests.stats.two_sample.samples import aspect, aspects, column, most_alarms, texts


def test_text_is_compared_by_length() -> None:
    """Texts that are nearly all different are compared by how long they are."""
    rng = np.random.default_rng(0)
    texts = lambda n: ["".join(rng.choice(list("abcdefg "), size)) for size in rng.poisson(n, 300)]  # noqa: E731
    found = column(texts(20), texts(35))
    assert (found.kind, found.verdict, aspects(found) >= {"length", "share"}) == ("text", "drifted", True)
    assert aspect(found, "share").note.startswith("texts of up to ")


def test_vocabulary_of_texts_is_a_test_of_its_own() -> None:
    """Texts of the same length that speak of something else have drifted in vocabulary, and the word is named."""
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(40)]
    other = [*words[:-1], "refund"]
    weights = [0.02] * 39 + [0.22]
    found = {s.aspect: s for s in column(texts(300, rng, words), texts(300, rng, other, weights)).shifts}
    assert {aspect: s.verdict for aspect, s in found.items()}["vocabulary"] == "drifted"
    assert found["vocabulary"].note == "'refund' in 0 % -> 94 % of texts"


def test_texts_of_one_kind_raise_no_alarm() -> None:
    """Words that hang together within a text are no reason for an alarm (tolerance: 3 standard errors)."""
    rng = np.random.default_rng(1)
    topics = [[f"t{t}w{i}" for i in range(15)] for t in range(6)]
    draw = lambda n: [" ".join(rng.choice(topics[rng.integers(6)], 12)) + f" {rng.random()}" for _ in range(n)]  # noqa: E731
    times = 60
    alarms = [column(draw(100), draw(150)).verdict == "drifted" for _ in range(times)]
    assert np.mean(alarms) <= most_alarms(times)


def coded(letter: str, n: int, rng: np.random.Generator) -> list[str]:
    """Return texts of eight of 5 000 words that each begin with a letter: every word is rare."""
    return [" ".join(f"{letter}{i:04}" for i in rng.integers(0, 5000, 8)) for _ in range(n)]


def test_texts_of_nothing_but_new_words_have_drifted() -> None:
    """Where every word is rare none is common to both sides; that all of them are new is seen all the same."""
    rng = np.random.default_rng(0)
    same, other = (column(coded("a", 600, rng), coded(letter, 600, rng)) for letter in "ab")
    assert (same.verdict == "drifted", other.verdict, other.leading.aspect) == (False, "drifted", "new words")
    assert other.leading.note.startswith("words never seen before: ")
    assert other.leading.note.split(" -> ")[1].startswith("100 % of a text ('b")


def test_upper_case_is_seen() -> None:
    """The same words in capitals are written in another case, and nothing else has changed."""
    rng = np.random.default_rng(0)
    found = column(coded("a", 600, rng), [text.upper() for text in coded("a", 600, rng)])
    assert (aspects(found), found.family) == ({"letters"}, "case changed")
    assert found.leading.note == "texts with a capital letter: 0 % -> 100 %"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("我们今天去商店买东西", "机器学习模型需要数据"),
        ("วันนี้อากาศดีมากและแดดออก", "รถไฟขบวนนี้มาช้ามากเสมอ"),
    ],
    ids=["Chinese", "Thai"],
)
def test_scripts_without_spaces_are_read_in_pairs(before: str, after: str) -> None:
    """Texts of the same signs in one order or another differ in their pairs, though none has a space."""
    rng = np.random.default_rng(0)

    def draw(text: str) -> list[str]:
        parts = [text[i : i + 4] for i in range(0, len(text), 4)]
        return ["".join(rng.permutation(parts)) for _ in range(300)]

    named = {"kinds": {"x": "text"}}
    same, other = column(draw(before), draw(before), **named), column(draw(before), draw(after), **named)
    assert (same.verdict == "drifted", other.verdict) == (False, "drifted")
    assert {"vocabulary", "new words"} & aspects(other)


def test_another_script_or_encoding_is_seen() -> None:
    """Signs the reference never had are named by their kind: letters of another script, or what garbling leaves."""
    rng = np.random.default_rng(0)
    words = ["straße", "größe", "küche", "tür", "bär", "wand", "dach", "haus"]
    draw = lambda: texts(300, rng, words)  # noqa: E731
    garbled = column(draw(), [text.encode().decode("latin-1") for text in draw()])
    assert (garbled.verdict, garbled.family) == ("drifted", "garbled")
    russian = aspect(column(draw(), texts(300, rng, ["дом", "стена", "крыша", "дверь"])), "new signs")
    assert (russian.verdict, russian.note.split(" in ")[0]) == (
        "drifted",
        "kinds of characters never seen before (CYRILLIC)",
    )


def test_of_a_long_text_only_the_first_characters_are_read() -> None:
    """A text of half a million different words costs no more than one of a few hundred."""
    long = pd.Series(["short", " ".join(f"w{i}" for i in range(500_000))])
    short, cut = _texts._read(long, np.random.default_rng(0))
    assert (len(short.words), 300 < len(cut.words) < 500) == (1, True)
    after = ["a b", "short"] * 12
    assert column(after, [*after, long[1]], kinds={"x": "text"}).verdict != "drifted"
