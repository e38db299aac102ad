"""The JSON form of records: every type goes out and comes back; what is unknown is refused or ignored as promised."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import types
import typing
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlcycle import records
from mlcycle.errors import Corrupt, InvalidInput, SchemaError
from mlcycle.records import (
    PHASES,
    TYPES,
    VERDICTS,
    AtLeast,
    Cost,
    Criterion,
    Decision,
    MetricSource,
    Result,
    Roles,
    Run,
    Scope,
    UnknownCriterion,
    from_json,
    to_json,
)
from mlcycle.records._vocabulary import UnknownWord

TEXT = st.text(max_size=8)
FLOATS = st.floats(allow_nan=False)


def free(floats: st.SearchStrategy[float]) -> st.SearchStrategy[Any]:
    """Build any free data with such floats in it."""
    return st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | floats | TEXT | st.sampled_from(["$float", "$a"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.one_of(TEXT, st.sampled_from(["$float", "$$x", "type"])), inner, max_size=3)
        ),
        max_leaves=5,
    )


JSON = free(FLOATS)
# a document is what was read of JSON, which has no infinities
NEWER = {
    "type": st.just("Calibrated"),
    "metric": TEXT,
    "within": free(st.floats(allow_nan=False, allow_infinity=False)),
}
CRITERIA = st.deferred(
    lambda: st.one_of(
        *(record(kind) for kind in ("AtLeast", "AtMost", "NotWorseThan", "Unique")),
        st.fixed_dictionaries(NEWER).map(UnknownCriterion),
    )
)
SPECIAL = {
    "verdict": st.sampled_from([*VERDICTS, UnknownWord("splendid")]),
    "phase": st.none() | st.sampled_from([*PHASES, UnknownWord("retirement")]),
    "metric": st.deferred(
        lambda: (
            st.sampled_from(["roc_auc", "log_loss", "package.metrics:profit"])
            | st.builds(MetricSource, source=SOURCE)
            | st.sampled_from(COSTS)
        )
    ),
    "reference": st.sampled_from(["production", "churn@7"]),
    "on": st.none() | st.just("customers.test"),
    "confidence": st.sampled_from([0.8, 0.95, 0.999]),
    "margin": st.floats(0, 10),
    "slices": st.lists(st.sampled_from(["region", "age band"]), unique=True),
}
SOURCE = TEXT.map(lambda text: f"# {text!a}\ndef profit(y_true, y_pred):\n    return {text!r}\n")
COSTS = [
    Cost(false_negative=10, false_positive=0.1),
    Cost({("leave", "stay"): 10, ("stay", "leave"): 1, ("stay", "stay"): -0.5}),
    Cost({(0, 1.5): 1 / 3, (1.5, 0): 0}),
]
OVERRIDE = {
    "message": st.just("pilot"),
    "until": st.just("2026-12-31T23:59:59.999999Z"),
    "author": st.none() | st.sampled_from(["ada", "Zoë"]),
}
CRITERION_ONLY = {"threshold": st.floats(-1e6, 1e6)}
SHARE = st.sampled_from([0.0, 0.01, 0.5])
OWN = {
    "Cost": {
        "costs": st.just([("ja", "größe", 2.0), ("größe", "ja", 1.0)]),
        "false_negative": st.none(),
        "false_positive": st.none(),
    },
    "MetricSource": {"source": SOURCE},
    "InRange": {
        "column": st.sampled_from(["age", "größe"]),
        "low": st.floats(-1e9, 0),
        "high": st.none() | st.floats(0, 1e9),
        "at_most": SHARE,
    },
    "Override": OVERRIDE,
    "RowCount": {"at_least": st.integers(0, 9), "at_most": st.none() | st.integers(9, 2**40)},
    "Unique": {"columns": st.lists(st.sampled_from(["id", "day"]), min_size=1), "at_most": SHARE},
}


def record(name: str) -> st.SearchStrategy[Any]:
    """Build any record of a type from the types of its fields."""
    kind = attrs.resolve_types(getattr(records, name))
    criterion = issubclass(kind, Criterion)
    fixed = OWN.get(name, CRITERION_ONLY if criterion else {})
    names = {} if name == "Result" else {"confidence", "margin", "slices", "on", "metric", "reference"}
    chosen = {key: value for key, value in SPECIAL.items() if criterion or key not in names}
    if name == "Result":
        chosen = {key: SPECIAL[key] for key in ("phase", "verdict")}
    given_by = {**chosen, **fixed}
    return st.builds(kind, **{f.name: given_by.get(f.name, of_type(f.type)) for f in attrs.fields(kind)})


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    """Build any value of an annotation."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return JSON
    if origin is types.UnionType:
        return st.one_of(*(of_type(one) for one in inner))
    if origin is tuple:
        return st.lists(of_type(inner[0]), max_size=2).map(tuple)
    if origin is list:
        return st.lists(of_type(inner[0]), max_size=2)
    if origin is dict:
        return st.dictionaries(TEXT, of_type(inner[1]), max_size=2)
    if hint is Criterion:
        return CRITERIA
    if attrs.has(hint):
        return record(hint.__name__)
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: TEXT,
        int: st.integers(0, 2**40),
        float: FLOATS,
        bool: st.booleans(),
        type(None): st.none(),
    }
    return simple[hint]


@pytest.mark.parametrize("name", sorted(TYPES))
def test_every_record_survives_json(name: str) -> None:
    """A record written as JSON text and read again equals the original, for any content."""

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(original=record(name))
    def survives(original: Any) -> None:
        text = json.dumps(to_json(original), allow_nan=False)
        assert original == from_json(json.loads(text))

    survives()


def test_every_public_record_has_a_form_or_is_a_part() -> None:
    """Only the bases, a column (its field `type` is taken), what keeps another's form and what is stored nowhere."""
    kinds = {name: getattr(records, name) for name in records.__all__}
    public = {name for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, records.Record)}
    bases = {"Committed", "Criterion", "DataCriterion", "Living", "MetricCriterion", "Record", "RowCriterion"}
    assert {*bases, "Column", "Comparison", "UnknownCriterion"} == public - set(TYPES)


def test_numbers_json_cannot_say_are_spelled() -> None:
    """NaN and infinities survive as metrics and inside free data, in strict JSON."""
    run = Run(id="a", experiment="e", metrics={"nan": math.nan, "up": math.inf}, params={"deep": [{"x": -math.inf}]})
    document = json.loads(json.dumps(to_json(run), allow_nan=False))
    assert document["metrics"] == {"nan": {"$float": "NaN"}, "up": {"$float": "Infinity"}}
    assert document["params"] == {"deep": [{"x": {"$float": "-Infinity"}}]}
    back = from_json(document)
    assert math.isnan(back.metrics["nan"])
    assert (math.inf, -math.inf) == (back.metrics["up"], back.params["deep"][0]["x"])


def test_numpy_scalars_become_plain_numbers() -> None:
    """Numbers straight from numpy can be written."""
    import numpy as np

    result = Result(check="c", verdict="pass", value=np.float64(0.5), comparison={"n": np.int64(3)})
    document = json.loads(json.dumps(to_json(result)))
    assert (document["value"], document["comparison"]) == (0.5, {"n": 3})


def test_what_is_no_json_is_refused_with_the_remedy() -> None:
    """An object in free data is named in the error."""
    run = Run(id="a", experiment="e", params={"model": object()})
    with pytest.raises(InvalidInput, match="is not a JSON value"):
        to_json(run)
    with pytest.raises(InvalidInput, match="keys of free data are text"):
        to_json(Run(id="a", experiment="e", params={"by": {1: 2}}))


def test_a_column_alone_has_no_form() -> None:
    """A part of a record says what has a form instead."""
    with pytest.raises(InvalidInput, match="Column has no JSON form of its own"):
        to_json(records.Column(name="a", type="int64"))


def test_unknown_fields_are_ignored() -> None:
    """A newer release may add fields, at any depth."""
    document = to_json(Scope(number=1, criteria=[AtLeast("roc_auc", 0.8)]))
    document["added"] = {"later": 1}
    document["criteria"][0]["also"] = 2
    assert Scope(number=1, criteria=[AtLeast("roc_auc", 0.8)]) == from_json(document)


def test_a_part_is_read_as_what_its_place_says() -> None:
    """A document without a `type` is read by the one given, a newer role passed over, and refused without."""
    roles = {"target": "y", "cohort": "c"}
    assert from_json(roles, "Roles") == Roles(target="y")
    with pytest.raises(Corrupt, match="a dict with a 'type'"):
        from_json(roles)
    with pytest.raises(Corrupt, match="a dict with a 'type'"):
        from_json([roles], "Roles")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "document", [{"type": "Perfect"}, {"type": "AtLeast", "metric": "roc_auc", "threshold": 1, "confidence": 0.1}]
)
def test_what_is_unknown_as_a_whole_is_from_a_newer_release(document: dict[str, Any]) -> None:
    """An unknown type, or a value that none of this release would have, is never guessed at."""
    with pytest.raises(SchemaError, match="newer"):
        from_json(document)


@pytest.mark.parametrize(
    "criterion",
    [
        {"type": "Calibrated", "within": {"$float": "Infinity"}, "on": "dataset:c.test"},
        {"type": "AtLeast", "metric": "roc_auc", "threshold": 0.8, "confidence": 0.1},
    ],
)
def test_an_unknown_criterion_shuts_its_own_gate_only(criterion: dict[str, Any]) -> None:
    """The scope is read, says that one criterion needs a newer release, and is written again unchanged."""
    document = {**to_json(Scope(number=1)), "criteria": [criterion, to_json(AtLeast("roc_auc", 0.8))]}
    scope = from_json(document)
    assert [UnknownCriterion(criterion), AtLeast("roc_auc", 0.8)] == list(scope.criteria)
    assert f"{criterion['type']} (needs a newer mlcycle)" == str(scope.criteria[0])
    assert scope.criteria[0].blocking
    assert document == to_json(scope)


@pytest.mark.parametrize("criterion", [{"type": "Run", "id": "a", "experiment": "e"}, {"metric": "f1"}, None, "f1"])
def test_what_is_no_criterion_at_all_is_corrupt(criterion: Any) -> None:
    """Tolerance is for criteria of a newer release, not for anything that stands in their place."""
    with pytest.raises(Corrupt):
        from_json({"type": "Scope", "criteria": [criterion]})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("allowed", "false"),
        ("allowed", 0),
        ("message", 7),
        ("entry", "7"),
        ("entry", True),
        ("entry", 7.0),
        ("results", [{"check": "c", "verdict": "pass", "value": "0.5"}]),
        ("results", [{"check": "c", "verdict": "pass", "value": "NaN"}]),
        ("results", [{"check": "c", "verdict": "pass", "value": {"$float": "nan"}}]),
        ("results", [{"check": "c", "verdict": ["pass"]}]),
        ("subject", ["model:m@1"]),
    ],
)
def test_a_value_of_another_type_is_corrupt(field: str, value: Any) -> None:
    """Nothing is taken for what it resembles: the text "false" would be true."""
    document = to_json(Decision(id="d", action="promote", subject="m@1", allowed=False))
    with pytest.raises(Corrupt):
        from_json({**document, field: value})


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"type": 3},
        {"type": "Evaluation"},
        {"type": "Scope", "criteria": 5},
        {"type": "Run", "id": "a"},
        "Scope",
        None,
    ],
)
def test_damaged_documents_are_corrupt(document: Any) -> None:
    """Missing fields and wrong shapes say so instead of failing deep inside."""
    with pytest.raises(Corrupt):
        from_json(document)


def test_reading_back_shares_nothing_with_the_document() -> None:
    """A record built from stored state may be changed by nobody, and changes nothing in the state."""
    document = to_json(Result(check="c", verdict="pass", comparison={"numbers": [1]}))
    result = from_json(document)
    result.comparison["numbers"].append(2)
    assert document["comparison"] == {"numbers": [1]}


def test_records_load_nothing_heavy() -> None:
    """Making every class needs neither cattrs nor pandas nor numpy."""
    code = (
        "import sys, mlcycle.records as r; [getattr(r, n) for n in r.__all__]; "
        "print(*(m for m in ('cattrs', 'pandas', 'numpy', 'pyarrow', 'sklearn', 'scipy') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
