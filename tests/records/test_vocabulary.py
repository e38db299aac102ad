"""Words of open vocabularies: made here they are checked, read from elsewhere they are kept."""

from __future__ import annotations

import pickle

import attrs
import pytest

from mlcycle.errors import InvalidInput
from mlcycle.records import PHASES, Result, from_json, to_json
from mlcycle.records._vocabulary import UnknownWord, one_of


def test_words_outside_the_vocabulary_are_refused() -> None:
    """Verdicts are a closed list."""
    with pytest.raises(InvalidInput, match="a verdict is one of pass"):
        Result(check="c", verdict="good")


def test_an_unknown_word_of_an_open_vocabulary_is_read() -> None:
    """A verdict of a newer release prints, pickles and is written again; none can be made here."""
    document = {"type": "Result", "check": "c", "verdict": "splendid"}
    found = from_json(document)
    assert found.verdict == "splendid"
    assert document == document | {name: to_json(found)[name] for name in document}
    assert found == pickle.loads(pickle.dumps(found))
    assert "splendid" in str(found)
    with pytest.raises(InvalidInput, match="is one of"):
        attrs.evolve(found, verdict="splendid!")


def test_a_phase_is_one_of_the_cycle() -> None:
    """Or none; one of a newer release is read, and written again."""
    assert [Result(check="c", verdict="fail", phase=phase).phase for phase in (None, *PHASES)] == [None, *PHASES]
    with pytest.raises(InvalidInput, match=r"^a phase is one of scope, data, model, deployment, got 'training'$"):
        Result(check="c", verdict="fail", phase="training")
    document = {"type": "Result", "check": "c", "verdict": "fail", "phase": "retirement"}
    found = from_json(document)
    assert (found.phase, to_json(found)["phase"]) == ("retirement", "retirement")
    assert attrs.evolve(found, look="drift").phase == "retirement"


def test_a_word_of_elsewhere_is_a_word() -> None:
    """It compares and prints like any; only where it was made tells whether it may stay."""
    check, word = one_of("a mood", ("good", "bad")), UnknownWord("great")
    assert (word, str(word), hash(word)) == ("great", "great", hash("great"))
    assert type(pickle.loads(pickle.dumps(word))) is UnknownWord
    check(None, None, word)
    check(None, None, "bad")
    for value in ("great", "", "Good", None, 7):
        with pytest.raises(InvalidInput, match=r"^a mood is one of good, bad, got "):
            check(None, None, value)
