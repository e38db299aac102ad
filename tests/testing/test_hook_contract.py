"""Two hooks of a user's own, each one thing in one place, keep what hooks must; and what does not is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from attrs import frozen
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle.testing import HookContract

FRAME = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "y": [0, 1, 0, 1]})
Act = Callable[[mc.Project], Any]


@frozen
class AtMostBytes:
    """A limit on the size of models."""

    most: int

    def __call__(self, event: mc.Event, context: Any) -> mc.Result:
        """Hold the size against the limit."""
        size = event.proposal["size"]
        return mc.Result(
            check=f"at most {self.most} bytes", verdict="pass" if size <= self.most else "fail", value=size
        )


def register(depth: int) -> Act:
    """Return what registers a tree."""
    model = DecisionTreeClassifier(max_depth=depth).fit(FRAME[["x"]], FRAME["y"])
    return lambda project: project.models.register("m", model, example=FRAME[["x"]])


class TestAtMostBytes(HookContract):
    """A configured hook before an event."""

    @pytest.fixture
    def hook(self) -> Any:
        """Return it, set between the sizes of the two trees."""
        return mc.before("model.register", AtMostBytes(1_000_000))

    @pytest.fixture
    def good(self) -> Act:
        """Register a small tree."""
        return register(1)

    @pytest.fixture
    def bad(self, monkeypatch: pytest.MonkeyPatch) -> Act:
        """Register a tree whose parameter is a long text."""
        model = DecisionTreeClassifier(max_depth=1).fit(FRAME[["x"]], FRAME["y"])
        model.note_ = "x" * 2_000_000
        return lambda project: project.models.register("m", model, example=FRAME[["x"]])


def notice(event: mc.Event, context: Any) -> None:
    """Take note."""
    assert event.moment == "after"


class TestNotice(HookContract):
    """A plain function after an event."""

    @pytest.fixture
    def hook(self) -> Any:
        """Return it."""
        return mc.after("model.promote", notice)

    @pytest.fixture
    def begun(self) -> Act:
        """Register a model."""
        return register(1)

    @pytest.fixture
    def good(self) -> Act:
        """Promote it."""
        return lambda project: project.models["m@1"].promote()


@pytest.mark.parametrize(
    ("hook", "test"),
    [
        (mc.before("dataset.commit", lambda event, context: True), "test_it_is_called_something"),
        (mc.before("dataset.commit", AtMostBytes(3)), "test_it_blocks_what_is_bad"),  # which breaks: there is no size
    ],
    ids=["lambda", "broken"],
)
def test_what_breaks_it_is_told(hook: Any, test: str) -> None:
    """A hook without a name, and one that blocks because it broke, do not keep the contract."""
    suite = HookContract()
    project = mc.open("memory://broken-hook", hooks=[hook])
    arguments = {"hook": hook, "project": project, "bad": lambda project: project.datasets.add("d", FRAME)}
    wanted = arguments if test == "test_it_blocks_what_is_bad" else {"hook": hook}
    with pytest.raises(AssertionError):
        getattr(suite, test)(**wanted)
