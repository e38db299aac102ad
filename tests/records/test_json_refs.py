"""Refs are full where they are stored and bare where people see them, and come back as they were."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import field, frozen
from hypothesis import given
from hypothesis import strategies as st

from mlcycle import records
from mlcycle.errors import Corrupt
from mlcycle.records import (
    AtLeast,
    Decision,
    Evaluation,
    ModelVersion,
    Move,
    NotWorseThan,
    Result,
    Revision,
    Run,
    Scope,
    from_json,
    to_json,
)
from mlcycle.records._json_refs import bare_refs, full_refs

# of any class --------------------------------------------------------------------------------------------------------


@frozen
class Noted:
    """A class of its own, with refs in every place they may stand."""

    one: Any = field(metadata={"ref": "model"})
    many: Any = field(metadata={"ref": lambda document, text: "run" if document["live"] else None})
    free: Any = field(metadata={"refs": {"newest": "dataset", "by": "run"}})
    live: bool = True
    plain: str = ""


REF = st.one_of(
    st.text(st.sampled_from("aB@.-é 7"), max_size=6), st.sampled_from(["evaluation:e", "x-y:z", "Model:a", ":a", "a:b"])
)
DOCUMENT = st.fixed_dictionaries(
    {
        "one": st.none() | REF | st.lists(REF, max_size=3) | st.dictionaries(REF, st.integers(), max_size=3),
        "many": REF | st.lists(st.lists(REF, max_size=2), max_size=2),
        "free": st.none() | st.dictionaries(st.sampled_from(["newest", "by", "p"]), REF | st.integers()),
        "live": st.booleans(),
        "plain": REF,
    }
)


@given(document=DOCUMENT)
def test_what_was_made_full_is_made_bare_again(document: dict[str, Any]) -> None:
    """Refs alone, in lists, as keys, in free data, of any kind but the field's own; other fields are left alone."""
    before = repr(document)
    full = full_refs(Noted, document)
    assert document == bare_refs(Noted, full)
    assert (full["plain"], full["live"]) == (document["plain"], document["live"])
    assert full == full_refs(Noted, full)
    assert before == repr(document)


@pytest.mark.parametrize(
    ("value", "full"),
    [
        ("m@1", "model:m@1"),
        ("dataset:m@1", "dataset:m@1"),
        ("Model:m@1", "model:Model:m@1"),
        ("", ""),
        (None, None),
        (["m@1", "run:7", ""], ["model:m@1", "run:7", ""]),
        ({"m@1": 3}, {"model:m@1": 3}),
        (7, 7),
    ],
)
def test_each_form_of_a_field_is_made_full(value: Any, full: Any) -> None:
    """A ref that says its kind keeps it; what is no text is no ref."""
    assert full_refs(Noted, {"one": value}) == {"one": full}


def test_free_data_says_which_of_its_keys_are_refs() -> None:
    """The others may look like refs, and are not."""
    free = {"newest": "c@2", "by": "", "p": "c@1", "n": 3}
    assert full_refs(Noted, {"free": free}) == {"free": {**free, "newest": "dataset:c@2"}}
    assert free["newest"] == "c@2"


def test_a_field_may_ask_the_document_what_its_texts_are() -> None:
    """None is a text that is no ref, and stays bare on both sides."""
    assert full_refs(Noted, {"many": ["7"], "live": True}) == {"many": ["run:7"], "live": True}
    assert full_refs(Noted, {"many": ["7"], "live": False}) == {"many": ["7"], "live": False}
    assert bare_refs(Noted, {"many": ["7"], "live": False}) == {"many": ["7"], "live": False}
    with pytest.raises(Corrupt, match=r"^a stored ref says its kind, such as 'run:7', found '7'$"):
        bare_refs(Noted, {"many": ["7"], "live": True})


# of the records ------------------------------------------------------------------------------------------------------


FULL: list[tuple[records.Record, dict[str, Any]]] = [
    (ModelVersion(name="churn", number=7, id="m", run="0a", data=["c.train@1"]), {"run": "run:0a"}),
    (ModelVersion(name="churn", number=7, id="m", data=["c@1", "model:b@2"]), {"data": ["dataset:c@1", "model:b@2"]}),
    (
        Evaluation(id="e", subject="m@1", data="c@1", overlap={"c@2": 1}),
        {"subject": "model:m@1", "data": "dataset:c@1"},
    ),
    (Evaluation(id="e", subject="run:0a", overlap={"c@2": 1}), {"subject": "run:0a", "overlap": {"dataset:c@2": 1}}),
    (
        Result(check="c", verdict="pass", subject="dataset:c@1", comparison={"reference": "m@1", "subject": 0.5}),
        {"subject": "dataset:c@1", "data": None, "comparison": {"reference": "model:m@1", "subject": 0.5}},
    ),
    (
        Decision(id="d", action="route", subject="m@1", allowed=True, evaluations=["0e"]),
        {"evaluations": ["evaluation:0e"]},
    ),
    (
        Revision(deployment="eu", number=1, weights={"m@1": 1}),
        {"deployment": "deployment:eu", "weights": {"model:m@1": 1}},
    ),
    (Revision(deployment="eu", number=1, shadow="m@2"), {"shadow": "model:m@2"}),
    (Evaluation(id="e", subject="deployment:eu"), {"subject": "deployment:eu", "data": None}),
    (
        Run(id="r", experiment="e", uses=["c@1", "model:m@1"]),
        {"experiment": "experiment:e", "uses": ["dataset:c@1", "model:m@1"]},
    ),
    (Scope(test="c.test"), {"test": "dataset:c.test"}),
    (AtLeast("f1", 0.5, on="c.test@2"), {"on": "dataset:c.test@2"}),
    (NotWorseThan("production", "f1"), {"reference": "production"}),
    (NotWorseThan("7", "f1"), {"reference": "7"}),
    (NotWorseThan("m@7", "f1"), {"reference": "model:m@7"}),
    (Move(kind="alias", name="m", pointer="production", before="m@2"), {"before": "model:m@2", "after": None}),
    (Move(kind="dataset", name="c", pointer="latest", after="c@2"), {"after": "dataset:c@2"}),
    (Move(kind="route", name="eu", pointer="revision", after="revision 2"), {"after": "revision 2"}),
]


@pytest.mark.parametrize(("record", "said"), FULL, ids=lambda value: type(value).__name__)
def test_a_ref_says_its_kind_when_it_is_stored(record: records.Record, said: dict[str, Any]) -> None:
    """A record says `churn@7`, its JSON form `model:churn@7`; a ref of another kind keeps that in both."""
    document = to_json(record)
    assert said == {name: document[name] for name in said}
    assert record == from_json(document)


@pytest.mark.parametrize(
    "document",
    [
        {"type": "Evaluation", "id": "e", "subject": "m@1"},
        {"type": "Revision", "deployment": "deployment:eu", "number": 1, "weights": {"m@1": 1}},
        {"type": "Scope", "criteria": [{"type": "AtLeast", "metric": "f1", "threshold": 0.5, "on": "c.test"}]},
    ],
)
def test_a_stored_ref_without_its_kind_is_damage(document: dict[str, Any]) -> None:
    """Nothing writes a bare ref, so a reader need not guess its kind."""
    with pytest.raises(Corrupt, match="a stored ref says its kind"):
        from_json(document)
