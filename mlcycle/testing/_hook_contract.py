"""What every hook must keep, as a suite to subclass."""

from __future__ import annotations

import pickle
import uuid
import warnings
from typing import TYPE_CHECKING, Any

import pytest

import mlcycle
from mlcycle.errors import GateBlocked, MlcycleWarning

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlcycle.checks import Hook

__all__ = ["HookContract"]


class HookContract:
    """What is asked of a hook; subclass it, and give it fixtures.

    ``hook`` is the hook, made by `mlcycle.before` or `mlcycle.after`; ``good`` does with a project what raises its
    event and is let through. ``bad`` does what a hook before an event blocks; one after blocks nothing.
    ``begun`` does with the empty project whatever has to be there first.

    Examples
    --------
    >>> import pandas as pd
    >>> import pytest
    >>> import mlcycle as mc
    >>> from mlcycle.testing import HookContract
    >>> def has_rows(event, context):
    ...     return len(context.data.load()) > 1
    >>> class TestHasRows(HookContract):
    ...     @pytest.fixture
    ...     def hook(self):
    ...         return mc.before("dataset.commit", has_rows)
    ...     @pytest.fixture
    ...     def good(self):
    ...         return lambda project: project.datasets.add("d", pd.DataFrame({"x": [1, 2]}))
    ...     @pytest.fixture
    ...     def bad(self):
    ...         return lambda project: project.datasets.add("d", pd.DataFrame({"x": [1]}))
    """

    @pytest.fixture
    def begun(self) -> Callable[[mlcycle.Project], Any]:
        """Return what has to be done first: by default nothing."""
        return lambda project: None

    @pytest.fixture
    def bad(self) -> Callable[[mlcycle.Project], Any] | None:
        """Return what the hook blocks; a hook after an event blocks nothing."""
        return None

    @pytest.fixture
    def project(self, hook: Hook, begun: Any) -> mlcycle.Project:
        """Return a project in memory, begun, opened with the hook."""
        url = f"memory://hook-{uuid.uuid4().hex}"
        begun(mlcycle.open(url, create=True))
        return mlcycle.open(url, hooks=[hook])

    def test_it_lets_through_what_is_good(self, hook: Hook, project: mlcycle.Project, good: Any) -> None:
        """Without a warning, which a hook that breaks when it is told becomes; one before an event commits nothing."""
        before = len(project.history())
        with warnings.catch_warnings():
            warnings.simplefilter("error", MlcycleWarning)
            good(project)
        if hook.moment == "before":
            assert len(project.history()) == before + 1

    def test_it_blocks_what_is_bad(self, hook: Hook, project: mlcycle.Project, bad: Any) -> None:
        """By what it found, and not because it broke; and it finds the same again."""
        if hook.moment == "after":
            assert bad is None, "a hook after an event blocks nothing: leave `bad` out"
            return
        assert bad is not None, "give the fixture `bad`: what the hook blocks"
        found = []
        for _ in range(2):
            with pytest.raises(GateBlocked) as caught:
                bad(project)
            found.append([(one.check, one.verdict, one.detail) for one in caught.value.decision.results])
        assert [detail for _, verdict, detail in found[0] if verdict == "error"] == []
        assert found[0] == found[1]

    def test_it_travels(self, hook: Hook, project: mlcycle.Project, good: Any, bad: Any) -> None:
        """A copy of the project in another process is judged alike."""
        assert pickle.loads(pickle.dumps(hook)) == hook
        copy = pickle.loads(pickle.dumps(project))
        if bad is not None:
            with pytest.raises(GateBlocked):
                bad(copy)
        good(copy)

    def test_it_is_called_something(self, hook: Hook) -> None:
        """Decisions and warnings name it by what it is and how it is set, not by where it lies in memory."""
        assert "<lambda>" not in repr(hook)
        assert " at 0x" not in repr(hook)
