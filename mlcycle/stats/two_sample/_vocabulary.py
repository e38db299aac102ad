"""Two samples of texts: the share of texts that each common word stands in."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.stats._rates import difference_of_rates, fisher
from mlcycle.stats.two_sample import _columns

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["WordShift", "Words", "common_words", "word_shift", "word_test"]

_WORD = re.compile(r"\w+")
_TEXTS = 20_000
_WORDS = 200
_EXPECTED = 5.0


@frozen(eq=False)
class Words:
    """In how many texts of either side each common word stands.

    Attributes
    ----------
    names : tuple of str
        The words.
    reference, current : ndarray of int
        Texts that hold them.
    n, m : int
        Texts looked at on either side.
    """

    names: tuple[str, ...]
    reference: NDArray[np.intp]
    current: NDArray[np.intp]
    n: int
    m: int


@frozen
class WordShift:
    """The word whose share of texts changed most, and how far.

    Attributes
    ----------
    word : str
        The word with the near end of its interval furthest out, or, where no change is certain, the largest change.
    before, after : float
        The shares of texts that hold it.
    effect : float
        The change of that share.
    low, high : float
        Simultaneous interval of the largest change of any common word.
    """

    word: str
    before: float
    after: float
    effect: float
    low: float
    high: float


def common_words(reference: pd.Series[Any], current: pd.Series[Any], rng: np.random.Generator) -> Words:
    """Return the up to 200 words that most texts of both sides together hold, in lower case.

    A text counts once for a word however often it says it: words within a text hang together, texts do not. Only totals
    over both sides choose the words, and words of equal total stay or go together, so that the choice knows nothing of
    the sides. Words that fewer than 5 texts of the smaller side would hold, or all of them, can show nothing. Of more
    than 20 000 texts a side a random 20 000 are read.

    Examples
    --------
    >>> import pandas as pd
    >>> texts = pd.Series(["Where is my parcel?", "the parcel came"] * 20)
    >>> found = common_words(texts, texts[:30], np.random.default_rng(0))
    >>> sorted(found.names)
    ['came', 'is', 'my', 'the', 'where']
    """
    with _columns.reading(reference, "text"):
        (a, n), (b, m) = (_texts_with(side, rng) for side in (reference, current))
    totals = a + b
    smaller = min(n, m) / max(n + m, 1)
    usable = {word: count for word, count in totals.items() if count * smaller >= _EXPECTED and count < n + m}
    if len(usable) > _WORDS:
        last = sorted(usable.values(), reverse=True)[_WORDS]
        usable = {word: count for word, count in usable.items() if count > last}
    names = tuple(sorted(usable))
    counts = [np.array([side[word] for word in names], dtype=np.intp) for side in (a, b)]
    return Words(names, counts[0], counts[1], n, m)


def _texts_with(column: pd.Series[Any], rng: np.random.Generator) -> tuple[Counter[str], int]:
    texts = column.dropna()
    if len(texts) > _TEXTS:
        texts = texts.iloc[rng.choice(len(texts), _TEXTS, replace=False)]
    found: Counter[str] = Counter()
    for text in texts:
        found.update(set(_WORD.findall(text.casefold())))
    return found, len(texts)


def word_test(words: Words) -> float:
    """Return the p-value that every common word stands in the same share of texts on both sides.

    Fisher's exact test or chi-square for each word, Bonferroni over the words, which holds however words go together.

    Examples
    --------
    >>> word_test(Words(("parcel", "refund"), np.array([50, 10]), np.array([50, 40]), 100, 100)) < 0.001
    True
    """
    if not words.names:
        return 1.0
    least = min(
        fisher(int(a), words.n, int(b), words.m)[0] for a, b in zip(words.reference, words.current, strict=True)
    )
    return min(1.0, len(words.names) * least)


def word_shift(words: Words, confidence: float = 0.95) -> WordShift:
    """Return the largest change of a word's share of texts, with an interval simultaneous over the common words.

    Newcombe's interval for each word, Bonferroni over the words.

    Examples
    --------
    >>> word_shift(Words(("parcel", "refund"), np.array([50, 10]), np.array([50, 40]), 100, 100)).word
    'refund'
    """
    each = 1 - (1 - confidence) / len(words.names)
    pairs = zip(words.reference, words.current, strict=True)
    found = np.array([difference_of_rates(int(a), words.n, int(b), words.m, each) for a, b in pairs])
    gap, low, high = np.abs(found[:, 0]), np.maximum(found[:, 1], -found[:, 2]), np.abs(found[:, 1:]).max(axis=1)
    at = int(np.argmax(low)) if low.max() > 0 else int(np.argmax(gap))
    before, after = words.reference[at] / words.n, words.current[at] / words.m
    return WordShift(
        words.names[at], float(before), float(after), float(gap[at]), max(float(low.max()), 0.0), float(high.max())
    )
