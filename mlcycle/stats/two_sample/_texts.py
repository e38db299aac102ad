"""The tests of two samples of texts: common words, words and signs never seen before, and how letters are written."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.stats.two_sample import _columns, _ordered
from mlcycle.stats.two_sample._drafts import Draft, Measure, Plan, Sized, share_draft
from mlcycle.stats.two_sample._shares import Shares, detectable_share
from mlcycle.stats.two_sample._telling import percent

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["text_drafts"]

_WORD = re.compile(r"\w+")
_TEXTS, _WORDS = 20_000, 200
# Of one text so many characters are read: what it is about shows by then, and one long text costs no more than others.
_CHARACTERS = 2_000
_EXPECTED = 5.0
_TOLD = 3
_STYLES = ("a capital letter", "nothing but capitals", "a capital at the start")


@frozen(eq=False)
class _Text:
    """What is looked at in one text."""

    words: frozenset[str]
    signs: frozenset[str]
    styles: tuple[bool, ...]


def text_drafts(
    reference: pd.Series[Any],
    current: pd.Series[Any],
    designs: tuple[float, float],
    plan: Plan,
    rng: np.random.Generator,
    are_ids: bool = False,
) -> list[Draft]:
    """Return the tests of what texts say, beside their lengths.

    Of more than 20 000 texts a side a random 20 000 are read, and of each text its first 2 000 characters. A text
    counts once for a word however often it says it: words within a text hang together, texts do not. Scripts without
    spaces are read in pairs of characters. The words of ids are all new, and not looked at.

    ========== =========================================================================================================
    vocabulary the share of texts that hold each of the up to 200 words, in lower case, that most texts of both sides
               hold together; only totals choose the words, so the choice knows nothing of the sides
    new words  how large a part of each text one half of the reference never said, in the other half and now
    new signs  the share of texts with a kind of character one half of the reference never had, in the other half and
               now: letters by script, other characters by Unicode category
    letters    the share of texts with a capital letter, with nothing but capitals, with a capital at the start
    ========== =========================================================================================================

    Examples
    --------
    >>> import pandas as pd
    >>> texts = pd.Series(["Where is my parcel?", "the parcel came late"] * 40, name="t")
    >>> found = text_drafts(texts, texts.str.upper(), (1.0, 1.0), Plan(0.001, 999), np.random.default_rng(0))
    >>> [draft.measures[0].aspect for draft in found if draft.p < 1e-6]
    ['letters']
    """
    with _columns.reading(reference, "text"):
        before, after = (_read(side, rng) for side in (reference, current))
    if len(before) < 4 or not after:
        return []
    order = rng.permutation(len(before))
    known, held = ([before[i] for i in part] for part in (order[::2], order[1::2]))
    return [
        *([] if are_ids else [*_vocabulary(before, after, designs, plan), _new_words(known, held, after, designs)]),
        *_new_signs(known, held, after, designs, plan),
        *_letters(before, after, designs, plan),
    ]


def _read(column: pd.Series[Any], rng: np.random.Generator) -> list[_Text]:
    texts = column.dropna()
    if len(texts) > _TEXTS:
        texts = texts.iloc[rng.choice(len(texts), _TEXTS, replace=False)]
    return [_look(str(text)[:_CHARACTERS]) for text in texts]


def _look(text: str) -> _Text:
    folded, words = text.casefold(), set[str]()
    if not text.isascii():
        for run in _columns.UNSPACED.findall(folded):
            words.update([run] if len(run) < 3 else [run[i : i + 2] for i in range(len(run) - 1)])
        folded = _columns.UNSPACED.sub(" ", folded)
    words.update(_WORD.findall(folded))
    styles = (text != text.lower(), text.isupper(), text.lstrip()[:1].isupper())
    return _Text(frozenset(words), frozenset(map(_SIGNS.__getitem__, set(text))), styles)


class _Signs(dict[str, str]):
    """The kind of each character: the script of a letter, else the Unicode category; worked out once.

    Examples
    --------
    >>> signs = _Signs()
    >>> signs["a"], signs["я"], signs["7"], signs["Ã"]
    ('LATIN', 'CYRILLIC', 'Nd', 'LATIN beyond ASCII')
    """

    def __missing__(self, character: str) -> str:
        found = category = unicodedata.category(character)
        if character.isascii() and category[0] in "PS":  # a comma is not a point
            found = character
        if category[0] == "L":
            script = unicodedata.name(character, "unnamed").split(" ")[0]
            found = f"{script} beyond ASCII" if script == "LATIN" and not character.isascii() else script
        self[character] = found
        return found


_SIGNS = _Signs()


def _vocabulary(before: list[_Text], after: list[_Text], designs: tuple[float, float], plan: Plan) -> list[Draft]:
    a, b = (Counter(word for text in side for word in text.words) for side in (before, after))
    n, m = len(before), len(after)
    usable = {
        word: count for word, count in (a + b).items() if count * min(n, m) / (n + m) >= _EXPECTED and count < n + m
    }
    if len(usable) > _WORDS:  # words of equal total stay or go together
        last = sorted(usable.values(), reverse=True)[_WORDS]
        usable = {word: count for word, count in usable.items() if count > last}
    names = sorted(usable)
    if not names:
        return []
    shares = Shares.of([a[word] for word in names], n, [b[word] for word in names], m, designs)

    def note(at: int, was: float, now: float) -> str:
        return f"{names[at]!r} in {percent(was)} -> {percent(now)} of texts"

    return [share_draft("vocabulary", shares, note, plan)]


def _new_words(known: list[_Text], held: list[_Text], after: list[_Text], designs: tuple[float, float]) -> Draft:
    """Return the test of how large a part of each text is new.

    What one half of the reference never said is as new to its other half as to texts of the same kind, so the two are
    compared as any two samples of numbers, whatever the language.
    """
    seen = set().union(*(text.words for text in known))
    parts = [np.sort([_part_new(text, seen) for text in side]) for side in (held, after)]
    n, m = (max(round(len(part) / design), 1) for part, design in zip(parts, designs, strict=True))
    distance = _ordered.ks_statistic(parts[0], parts[1])
    p, test = _ordered.ks_p_value(distance, n, m)
    new = Counter(word for text in after for word in text.words if word not in seen)
    examples = ", ".join(repr(word[:20]) for word, _ in new.most_common(_TOLD))
    before, now = (float(part.mean()) for part in parts)
    says = f"words never seen before: {percent(before)} -> {percent(now)} of a text" + (f" ({examples})" if new else "")

    def sized(confidence: float) -> Sized:
        from scipy import special

        band = float(special.kolmogi(1 - confidence)) * (1 / n + 1 / m) ** 0.5
        return Sized(distance, max(distance - band, 0.0), min(distance + band, 1.0), says)

    def detectable(level: float, margin: float) -> float:
        return detectable_share(0.5, n, m, level / 2, margin)

    return Draft(test, p, (Measure("new words", "share", sized, detectable),))


def _part_new(text: _Text, seen: set[str]) -> float:
    return len(text.words - seen) / len(text.words) if text.words else 0.0


def _new_signs(
    known: list[_Text], held: list[_Text], after: list[_Text], designs: tuple[float, float], plan: Plan
) -> list[Draft]:
    seen = set().union(*(text.signs for text in known))
    hits = [sum(bool(text.signs - seen) for text in side) for side in (held, after)]
    if not sum(hits):
        return []
    new = Counter(sign for text in after for sign in text.signs - seen)
    kinds = ", ".join(sign for sign, _ in new.most_common(_TOLD))
    shares = Shares.of(hits[0], len(held), hits[1], len(after), designs)

    def note(_: int, was: float, now: float) -> str:
        return f"kinds of characters never seen before ({kinds}) in {percent(was)} -> {percent(now)} of texts"

    return [share_draft("new signs", shares, note, plan)]


def _letters(before: list[_Text], after: list[_Text], designs: tuple[float, float], plan: Plan) -> list[Draft]:
    n, m = len(before), len(after)
    counts = [np.array([text.styles for text in side]).sum(axis=0) for side in (before, after)]
    told = np.flatnonzero((counts[0] + counts[1] > 0) & (counts[0] + counts[1] < n + m))
    if not len(told):
        return []
    shares = Shares.of(counts[0][told], n, counts[1][told], m, designs)

    def note(at: int, was: float, now: float) -> str:
        return f"texts with {_STYLES[told[at]]}: {percent(was)} -> {percent(now)}"

    return [share_draft("letters", shares, note, plan)]
