"""Params of any kind: stored as JSON that says what was meant, handed back as they were, never a reason to stop."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import enum
import json
import math
import types
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

import mlcycle as mc
from mlcycle import errors
from mlcycle._digest import json_value
from mlcycle.lifecycle._params import ParamsEncoder, as_params, named_values


class Colour(enum.Enum):
    """A choice whose value is a number."""

    RED = 1


@dataclasses.dataclass
class Settings:
    """Settings with more settings inside."""

    rate: float
    inner: Any = None


class Mute:
    """What raises when it is shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class Hostile(Mute):
    """What raises at every look."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


class Talkative:
    """What shows itself in ten million letters."""

    def __repr__(self) -> str:
        return "x" * 10_000_000


def holds_itself() -> list[Any]:
    """Return a list that is one of its own items."""
    made: list[Any] = [1]
    made.append(made)
    return made


def doubled(levels: int) -> list[Any]:
    """Return lists of which each holds the one below twice: 2 ** levels values in a few objects."""
    made: list[Any] = [1]
    for _ in range(levels):
        made = [made, made]
    return made


def nested(levels: int) -> list[Any]:
    """Return a list so many levels deep."""
    made: list[Any] = [1]
    for _ in range(levels):
        made = [made]
    return made


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (np.longdouble("0.5"), 0.5),
        (np.longdouble("1e4000"), "np.longdouble('1e+4000')"),
        (np.array([0.5, 2], dtype=np.longdouble), [0.5, 2.0]),
        (np.clongdouble(1 + 2j), "np.clongdouble('1+2j')"),
        (1 + 2j, "(1+2j)"),
        (Decimal("0.1"), "Decimal('0.1')"),
        (10**400, 10**400),
        (10**5000, hex(10**5000)),
        ([10**5000], [hex(10**5000)]),
        (True, True),
        ([math.nan, -math.inf], [{"$float": "NaN"}, {"$float": "-Infinity"}]),
        (np.datetime64("2026-11-23", "ns"), "2026-11-23T00:00:00.000000000"),
        (np.datetime64("NaT"), "NaT"),
        (pd.NaT, "NaT"),
        (np.dtype("f4"), "float32"),
        (np.float32, "numpy.float32"),
        (datetime.timedelta(minutes=1), {"seconds": 60.0}),
        (b"abc", "b'abc'"),
        (range(3), "range(0, 3)"),
        (Colour.RED, 1),
        (frozenset("ba"), ["a", "b"]),
        (Settings(0.5, {"a": 1}), {"class": f"{__name__}.Settings", "params": {"rate": 0.5, "inner": {"a": 1}}}),
        (argparse.Namespace(a=1), {"a": 1}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (holds_itself(), [1, "[...]"]),
        ({1: "a", "1": "b", (2, 3): "c", None: "d"}, {"1": "a", "1 (str)": "b", "(2, 3)": "c", "None": "d"}),
        ({"$ref": 1}, {"$$ref": 1}),
        ("caf\udce9", "caf\\udce9"),
        (Path("caf\udce9") / "b", "caf\\udce9/b"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_kind_has_a_form(value: Any, stored: Any) -> None:
    """A number stays a number, a list a list; what JSON has no form for is kept as it shows itself."""
    assert as_params({"p": value}) == {"p": stored}


def test_keys_of_any_kind_are_text() -> None:
    """Names of params that are no text, or no Unicode, become text, and none takes the place of another."""
    assert as_params({7: 1, "7": 2, "caf\udce9": 3, "$x": 4}) == {"7": 1, "7 (str)": 2, "caf\\udce9": 3, "$$x": 4}
    assert json_value(as_params({"$x": {"$float": "NaN"}, "y": math.inf})) == {"$x": {"$float": "NaN"}, "y": math.inf}


@pytest.mark.parametrize(
    "value", [Mute(), Hostile(), [Mute()], {Mute()}, {"a": Hostile()}, Ridge(alpha=Mute())], ids=type
)
def test_foreign_code_that_fails_is_kept_by_its_class(value: Any) -> None:
    """Something that raises when it is looked at is still a param."""
    found = json.dumps(as_params({"p": value}))
    assert "Mute" in found or "Hostile" in found


@pytest.mark.parametrize(
    "value",
    [
        *(np.zeros(5000), list(range(5000)), {n: n for n in range(5000)}, set(range(5000)), "x" * 20_000),
        *(Talkative(), doubled(60), nested(5000), ["x" * 9_000] * 500),
    ],
    ids=["array", "list", "dict", "set", "text", "repr", "doubled", "nested", "texts"],
)
def test_what_is_too_large_is_kept_in_part(project: mc.Project, value: Any) -> None:
    """The run starts with a warning and a count, and hands back the whole; a strict one does not start."""
    experiment = project.experiments.open("large")
    with pytest.warns(errors.MlcycleWarning, match=r"params is not whole: p.* log what must be whole as an artifact"):
        run = experiment.start(params={"p": value, "q": 1})
    run.finish()
    [found] = experiment.runs()
    assert run.params["p"] is value
    assert found.failures == run.failures >= 1
    assert found.params["q"] == 1
    assert 0 < len(json.dumps(found.params)) < 100_000
    with pytest.raises(errors.InvalidInput, match="not whole"):
        experiment.start(params={"p": value}, strict=True)


@pytest.mark.parametrize(
    "params", [{"a": 1}, argparse.Namespace(a=1), types.SimpleNamespace(a=1), pd.Series({"a": 1})], ids=type
)
def test_params_come_as_mappings_and_namespaces(project: mc.Project, params: Any) -> None:
    """What a parser of arguments returns is taken as it is."""
    experiment = project.experiments.open("namespaces")
    run = experiment.start(params)
    run.finish()
    assert (run.params, experiment.runs()[0].params) == ({"a": 1}, {"a": 1})
    assert named_values(Settings(0.5)) == {"rate": 0.5, "inner": None}


@pytest.mark.parametrize("params", [5, "depth=3", [("a", 1)], Mute(), object()], ids=type)
def test_what_has_no_names_is_refused(params: Any) -> None:
    """A number or a list has no names to store it under."""
    with pytest.raises(errors.InvalidInput, match="params is a dict of names and values, got"):
        as_params(params)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(exclude_categories=[])), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(value=_values)
def test_plain_values_come_back(value: Any) -> None:
    """What JSON can say is read back as it was, text that is no Unicode as Python escapes it."""
    stored = json.dumps(as_params({"p": value}), ensure_ascii=False, allow_nan=False).encode()
    assert repr(json_value(json.loads(stored))) == repr({"p": escaped(value)})


def escaped(value: Any) -> Any:
    """Return a value with its texts as UTF-8 can hold them."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [escaped(item) for item in value]
    if isinstance(value, dict):
        made: dict[Any, Any] = {}
        for key, item in value.items():
            name = escaped(key)
            made[name if name not in made else f"{name} (str)"] = escaped(item)
        return made
    return value


def test_what_was_done_to_a_value_is_known() -> None:
    """The places of what was shortened, kept as text, or not finite are listed."""
    spelling = ParamsEncoder()
    spelling.params({"a": {"b": [object(), math.nan]}, "c": "x" * 20_000})
    assert (spelling.as_text, spelling.not_finite, spelling.shortened) == (["a.b[0]"], ["a.b[1]"], ["c"])


def test_nan_in_params_is_a_number_in_the_frame(project: mc.Project) -> None:
    """A column of params with NaN is a column of floats, and a run with them equals itself read again."""
    experiment = project.experiments.open("nan")
    for value in (math.nan, 0.5, math.inf):
        experiment.start(params={"missing": value, "inner": {"x": value}}).finish()
    column = experiment.frame()["params.missing"]
    assert column.dtype == np.float64
    assert repr(column.tolist()) == "[nan, 0.5, inf]"
    assert [run.params["inner"]["x"] for run in experiment.runs()][1:] == [0.5, math.inf]
    assert experiment.runs() == experiment.runs()
    assert all(mc.records.from_json(mc.records.to_json(run)) == run for run in experiment.runs())


class Shy(Ridge):
    """An estimator that does not tell its parameters."""

    def get_params(self, deep: bool = True) -> Any:
        """Fail, as estimators with ``*args`` do."""
        raise RuntimeError("scikit-learn estimators should always specify their parameters")


def test_a_param_that_does_not_tell_its_own(project: mc.Project) -> None:
    """An estimator that cannot be asked is still a param."""
    experiment = project.experiments.open("shy")
    experiment.start(params={"model": Shy.__new__(Shy), "other": Ridge(alpha=0.5)}).finish()
    [found] = experiment.runs()
    assert "Shy" in found.params["model"]
    assert found.params["other"]["params"]["alpha"] == 0.5
