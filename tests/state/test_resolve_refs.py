"""The one resolver: what a text or a record means, and what is said where it means nothing."""

from __future__ import annotations

import re

import pandas as pd
import pytest

import mlcycle as mc
from mlcycle._ids import Ref
from mlcycle.errors import InvalidInput, InvalidName, NotFound, VersionDeleted
from mlcycle.state import read_ref, resolve
from tests.state.small_log import SmallLog


@pytest.fixture
def log() -> SmallLog:
    """Return a project with data, models, a place, and a gate nobody here knows."""
    log = SmallLog()
    for name in ("customers", "customers.train", "both"):
        log.add("dataset", name)
    for name in ("churn", "churn", "churn", "both"):
        log.add("model", name)
    log.move("model", "churn", "production", 2)
    log.add("deployment", "eu", uses=["model:churn@2"])
    log.add("gate", "strict")
    log.move("gate", "strict", "active", 1)
    return log


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("churn@1", "model:churn@1"),
        ("churn", "model:churn@3"),
        ("CHURN@latest", "model:churn@3"),
        ("churn@production", "model:churn@2"),
        ("model:churn@production", "model:churn@2"),
        ("customers.train", "dataset:customers.train@1"),
        ("dataset:both", "dataset:both@1"),
        ("strict@active", "gate:strict@1"),
        ("gate:strict", "gate:strict@1"),
        ("deployment:eu@1", "deployment:eu@1"),
    ],
)
def test_an_address_means_one_version(log: SmallLog, text: str, meant: str) -> None:
    """By number, alias or nothing, with its noun or where only one noun has the name."""
    assert meant == resolve(log.view(), text).ref


def test_a_verb_says_which_nouns_it_takes(log: SmallLog) -> None:
    """Among those a name need not say its own; a text of another noun is refused."""
    assert resolve(log.view(), "both", "model").ref == "model:both@1"
    assert resolve(log.view(), "churn", "dataset", "model").ref == "model:churn@3"
    with pytest.raises(InvalidInput, match=re.escape("'dataset:both@1' names a dataset; a model is expected here")):
        resolve(log.view(), "dataset:both@1", "model")
    with pytest.raises(InvalidInput, match="'gate:strict@latest' names a gate; a dataset or model is expected here"):
        resolve(log.view(), "gate:strict", "dataset", "model")


def test_a_name_of_two_nouns_must_say_which(log: SmallLog) -> None:
    """The message has both spellings."""
    with pytest.raises(InvalidInput, match="'both' may be dataset:both or model:both; say which"):
        resolve(log.view(), "both")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("churn@4", "churn has no version 4; there are 1 to 3"),
        ("model:both@0", "both has no version 0; there are 1"),
        ("churn@prodution", "churn has no alias 'prodution'; its aliases are production"),
        ("customers@production", "customers has no alias 'production'; it has no aliases"),
        ("chrun", "nothing is called 'chrun'"),
        ("model:chrun", "no model is called 'chrun'. There are: both, churn."),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(log: SmallLog, text: str, words: str) -> None:
    """Numbers, aliases and near names."""
    with pytest.raises(NotFound, match=re.escape(words)):
        resolve(log.view(), text)


def test_near_names_are_offered(log: SmallLog) -> None:
    """Of the nouns the verb takes."""
    with pytest.raises(NotFound) as caught:
        resolve(log.view(), "chrun")
    assert "churn" in str(caught.value).removeprefix("nothing is called 'chrun'")


def test_what_was_dropped_is_named_by_number_alone(log: SmallLog) -> None:
    """`latest` passes over it; by number it says how it comes back, unless a dropped one will do."""
    log.mark("model", "churn", "dropped", 3)
    assert resolve(log.view(), "churn").shown == "churn@2"
    with pytest.raises(VersionDeleted, match=re.escape("project.store.restore('model:churn@3') brings it back")):
        resolve(log.view(), "churn@3")
    assert resolve(log.view(), "churn@3", dropped=True).number == 3
    log.mark("model", "churn", "rejected", 1)
    log.mark("model", "churn", "retracted", 2)
    with pytest.raises(
        NotFound, match="every version of churn was dropped, rejected or rolled back; name one by number, up to churn@"
    ):
        resolve(log.view(), "churn")
    assert [resolve(log.view(), f"churn@{i}").number for i in (1, 2)] == [1, 2]


def test_the_past_knows_what_there_was(log: SmallLog) -> None:
    """A version, an alias, a mark of later is not seen from an entry before."""
    view = log.view(4)  # the second churn was added
    assert resolve(view, "churn").shown == "churn@2"
    with pytest.raises(NotFound, match=re.escape("churn has no version 3; there are 1 and 2")):
        resolve(view, "churn@3")
    with pytest.raises(NotFound, match=re.escape("churn has no alias 'production'; it has no aliases")):
        resolve(view, "churn@production")


def test_a_record_stands_wherever_an_address_does(tmp_path_factory: pytest.TempPathFactory) -> None:
    """It says its noun itself."""
    import pandas as pd

    project = mc.open(tmp_path_factory.mktemp("refs") / "store", create=True, author="ada")
    version = project.datasets.add("both", pd.DataFrame({"a": [1]}))
    view = project._session.view()
    assert Ref("dataset", "both", 1) == read_ref(version, view)
    assert resolve(view, version).ref == "dataset:both@1"
    with pytest.raises(InvalidInput, match="names a dataset; a model is expected here"):
        resolve(view, version, "model")


@pytest.mark.parametrize("what", [7, None, ["churn"]])
def test_what_is_neither_text_nor_record_is_refused(log: SmallLog, what: object) -> None:
    """The message says what an address is."""
    with pytest.raises(InvalidInput, match="an address is text like 'churn@7' or a record, got"):
        resolve(log.view(), what)


def test_rows_are_no_address(log: SmallLog) -> None:
    """They are not printed, and the message says what to do with them."""
    with pytest.raises(
        InvalidInput, match="got rows \\(DataFrame\\): pass the version itself, or add the rows first"
    ) as caught:
        resolve(log.view(), pd.DataFrame({"secret": [1]}))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["teleport:churn@1", "run:0190", "evaluation:0190@1"])
def test_an_address_begins_with_a_noun_of_versions(log: SmallLog, text: str) -> None:
    """A noun nobody has heard of, or one whose names have no versions, begins no address of a version."""
    with pytest.raises(InvalidName, match="begins with an unknown kind"):
        resolve(log.view(), text)


def test_an_address_says_one_noun(log: SmallLog) -> None:
    """A second one is no part of a name, even where the last is that of the verb."""
    with pytest.raises(InvalidName, match="'dataset:churn' is not a valid name in an address"):
        resolve(log.view(), "model:dataset:churn@1", "model")
