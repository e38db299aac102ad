"""A function's text that stands by itself: what it uses comes along, and what has no text is refused in words."""

from __future__ import annotations

import functools
import math
import subprocess
import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sklearn.metrics
import sklearn.metrics as skm
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import fbeta_score as fb

from mlcycle.errors import InvalidInput
from mlcycle.records import AtLeast, AtMost, MetricSource, from_json, is_looser, to_json

if TYPE_CHECKING:
    from pathlib import Path

COSTS = {("leave", "stay"): 10.0, ("stay", "leave"): math.inf}
TABLE = np.eye(2)
PLAIN = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9) | st.binary(max_size=9)
)
HASHED = st.recursive(PLAIN, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4)
CONSTANTS = st.recursive(
    HASHED | st.sets(HASHED, max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(HASHED, inner, max_size=3) | st.tuples(inner),
    max_leaves=6,
)


def kept(function: Any) -> str:
    """Return the source a criterion keeps of a function."""
    metric = AtLeast(function, 0.5).metric
    assert isinstance(metric, MetricSource)
    return metric.source


def run(source: str) -> dict[str, Any]:
    """Return what a source defines where nothing else is."""
    names: dict[str, Any] = {}
    exec(compile(source, "<kept>", "exec", dont_inherit=True), names)
    return names


def _doubled(y: Any) -> Any:
    return 2 * np.asarray(y)


def everything(y_true: np.ndarray, y_pred: Missing, beta: float = 2.0) -> float:  # type: ignore[name-defined]  # noqa: F821
    """Use a bit of everything."""
    score: float = fb(y_true, y_pred, beta=beta) + sklearn.metrics.f1_score(y_true, y_pred)
    score += skm.accuracy_score(_doubled(y_true), _doubled(y_pred)) + COSTS["leave", "stay"]
    return score + sum(len(str(one)) for one in COSTS)


for _one in (_doubled, everything):
    _one.__module__ = "__main__"  # as a notebook's: no module has it


def test_what_a_function_uses_comes_along() -> None:
    """Modules under their short names, functions of modules, constants, and functions of the same notebook."""
    source = kept(everything)
    y, predicted = np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0])
    assert everything(y, predicted) == run(source)["everything"](y, predicted)
    assert source.splitlines()[:6] == [
        "from __future__ import annotations",
        "",
        "from sklearn.metrics import fbeta_score as fb",
        "import numpy as np",
        "import sklearn",
        "import sklearn.metrics",
    ]
    assert "COSTS = {('leave', 'stay'): 10.0, ('stay', 'leave'): float('inf')}" in source
    assert str(AtLeast(everything, 20)) == "everything ≥ 20"


@given(CONSTANTS)
def test_constants_come_back_as_they_were(value: Any) -> None:
    """Whatever is made of numbers, texts and their tuples, lists, sets and dicts."""

    def metric(y_true: Any, y_pred: Any) -> float:
        return float(value is None)

    found = run(kept(metric))["value"]
    assert (type(value), value) == (type(found), found)
    criterion = AtLeast(metric, 0.5)
    assert criterion == from_json(to_json(criterion))


def test_a_number_of_numpy_is_a_number() -> None:
    """A mean that somebody computed in the cell above."""
    cost = np.float64(0.25)

    def metric(y_true: Any, y_pred: Any) -> float:
        return float(cost)

    assert run(kept(metric))["cost"] == 0.25


def test_another_source_is_another_metric() -> None:
    """Its text is part of what a criterion asks, so that another text takes a new measurement and loosens."""

    def made(cost: float) -> Any:
        def metric(y_true: Any, y_pred: Any) -> float:
            return cost * float(np.mean(y_true != y_pred))

        return metric

    one, same, other = (AtMost(made(cost), 0.5) for cost in (3, 3, 4))
    assert one == same
    assert one.question == same.question
    assert one.question != other.question
    assert not other.covers(one)
    assert [(one, None)] == is_looser([one], [other])
    assert repr(one) != repr(other)


def _refused() -> list[tuple[Any, str]]:
    frame, ordered = TABLE, OrderedDict(a=1)
    count = 0

    def with_array(y_true: Any, y_pred: Any) -> float:
        return float(frame.sum())

    def with_object(y_true: Any, y_pred: Any) -> float:
        return float(len(ordered))

    def with_nothing(y_true: Any, y_pred: Any) -> float:
        return float(nowhere)  # type: ignore[name-defined]  # noqa: F821

    def with_lambda(y_true: Any, y_pred: Any) -> float:
        return float(short(y_true))

    def with_state(y_true: Any, y_pred: Any) -> float:
        nonlocal count
        count += 1
        return float(count)

    short = lambda y: 0.0  # noqa: E731

    @functools.wraps(with_array)
    def wrapped(*given: Any) -> float:
        return with_array(*given)

    return [
        (with_array, "it uses frame, a ndarray, which is not kept as text; put it into the function"),
        (with_object, "it uses ordered, a OrderedDict, which is not kept"),
        (with_nothing, "it uses nowhere, which is not defined here; define it first"),
        (with_lambda, "it uses short, a function, which is not kept as text"),
        (with_state, "it changes count outside of it"),
        (wrapped, "not a plain function; give it a name"),
    ]


@pytest.mark.parametrize(("function", "message"), _refused(), ids=lambda one: getattr(one, "__name__", "-"))
def test_what_has_no_text_is_refused(function: Any, message: str) -> None:
    """In words that say what to do."""
    with pytest.raises(InvalidInput, match=message):
        AtLeast(function, 0.5)


def test_too_much_is_refused() -> None:
    """A scope is no place for a table."""
    many = list(range(10_000))

    def metric(y_true: Any, y_pred: Any) -> float:
        return float(many[0])

    with pytest.raises(InvalidInput, match="belongs into a dataset or a module"):
        AtLeast(metric, 0.5)


def test_a_function_without_a_text_is_refused(tmp_path: Path) -> None:
    """Typed into `python -c` there is nothing to keep; what a script defines is kept."""
    code = "import mlcycle as mc\ndef mine(y, p): return 1.0\nprint(mc.AtLeast(mine, 0.5).metric.source)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "the text of mine cannot be found" in done.stderr
    script = tmp_path / "script.py"
    script.write_text(code)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout == "def mine(y, p): return 1.0\n\n"


def test_a_function_of_a_notebook_is_kept() -> None:
    """Its cell is no file; a magic beside it is no matter."""
    cells = [
        "import numpy as np\nimport mlcycle as mc\nCOST = 10",
        "%pwd\ndef mean_cost(y, p):\n    return COST * float(np.mean(y != p))",
        "print(mc.AtMost(mean_cost, 0.3).metric.source)",
    ]
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\nshell = InteractiveShell.instance()\n"
        f"for cell in {cells!r}:\n    shell.run_cell(cell).raise_error()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith(
        "import numpy as np\n\nCOST = 10\n\ndef mean_cost(y, p):\n    return COST * float(np.mean(y != p))\n\n"
    )
