"""Random histories of real projects: every verb of the library, in any order; what it refuses is passed over."""

from __future__ import annotations

import collections
import contextlib
import uuid
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle.errors import MlcycleError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_X = np.array([[0.0], [1], [2], [3]])
_TREES = [DecisionTreeClassifier(max_depth=1).fit(_X, [0, 0, leaf + 1, leaf + 1]) for leaf in range(3)]
_PASSES = {"override_until": "30d", "message": "a random history"}

# Verb to how often it is tried, relative to the others.
VERBS: dict[str, float] = {
    "add": 9,
    "split": 5,
    "register": 6,
    "register_a_run": 3,
    "run": 3,
    "promote": 14,
    "promote_through_the_gate": 2,
    "roll_alias_back": 9,
    "route": 9,
    "route_through_the_gate": 2,
    "roll_route_back": 6,
    "drop": 7,
    "restore": 7,
    "drop_run": 2,
    "restore_run": 2,
    "sweep": 3,
    "tag": 3,
    "go_back": 3,
    "go_back_a_little": 6,
    "scope": 2,
    "open_experiment": 1.5,
    "open_place": 1,
    "evaluate": 3,
    "check": 1,
}


class _NothingYetError(Exception):
    """There is nothing to choose from; an error of the library's own is one that must be seen."""


class Work:
    """Somebody who works on a project without knowing what they do.

    Parameters
    ----------
    seed : int
        Another seed, another history.

    Attributes
    ----------
    project : Project
        What they work on; it begins in memory, empty.
    done, refused : Counter
        How often each verb passed, and how often the library refused it.
    """

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self.project = mc.open(f"memory://history-{seed}-{uuid.uuid4().hex}", create=True, author="ada")
        self._experiment = self.project.experiments.open("trees", hypothesis="deep")
        self.project.deployments.open("eu")
        self._runs: list[str] = []
        self.done: collections.Counter[str] = collections.Counter()
        self.refused: collections.Counter[str] = collections.Counter()

    def go_on(self, steps: int) -> None:
        """Try so many verbs."""
        verbs, often = list(VERBS), np.array([*VERBS.values()])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._run()
            self._add()
            with contextlib.suppress(MlcycleError):  # made from data that never was
                self.register("m")
            for verb in self._random.choice(verbs, steps, p=often / often.sum()):
                self.attempt(str(verb))

    def attempt(self, verb: str) -> None:
        """Try a verb, and count how it went."""
        act: Callable[[], Any] = getattr(self, f"_{verb}")
        try:
            act()
            self.done[verb] += 1
        except (MlcycleError, _NothingYetError):
            self.refused[verb] += 1

    def register(self, name: str) -> None:
        """Register a small tree, made from data or not, as the next version of a model."""
        self.project.models.register(name, self._one(_TREES), example=_X, uses=self._data())

    # choosing ------------------------------------------------------------------------------------------------------

    def _one(self, choices: Sequence[Any]) -> Any:
        if not choices:
            raise _NothingYetError
        return choices[self._below(len(choices))]

    def _often(self, chance: float) -> bool:
        return bool(self._random.random() < chance)

    def _below(self, end: int) -> int:
        return int(self._random.integers(end))

    def _version(self, of: str) -> str:
        """Return any version of data or of a model, dropped ones too; one that may never have been, now and then."""
        view = self.project._session.view(refresh=False)
        name = self._one(view.names.every(of))
        return f"{name.name}@{1 + self._below(view.versions.count(name) + self._often(0.05))}"

    def _names(self, of: str) -> list[str]:
        """Return every name there ever was, whatever became of its versions."""
        return self.project._session.view(refresh=False).names.of(of)

    def _data(self) -> list[str]:
        return [self._version("dataset")] if self._names("dataset") and self._often(0.6) else []

    def _place(self) -> mc.Deployment:
        place: mc.Deployment = self.project.deployments[self._one(self._names("deployment"))]
        return place

    # verbs ---------------------------------------------------------------------------------------------------------

    def _add(self) -> None:
        rows = {"row": range(6), "content": [self._below(4)] * 6, "left": [0, 1] * 3}
        self.project.datasets.add(self._one(["d", "e", "Ärger"]), pd.DataFrame(rows), target="left")

    def _split(self) -> None:
        self.project.datasets[self._version("dataset")].split(test=0.34, stratify=False, seed=self._below(2))

    def _run(self) -> None:
        with self._experiment.start(params={"depth": self._below(9)}, uses=self._data()) as run:
            run.log(loss=1.0)
            if self._often(0.8):
                run.save_model(self._one(_TREES), example=_X)
        self._runs.append(run.id)

    def _register(self) -> None:
        self.register(self._one(["m", "n"]))

    def _register_a_run(self) -> None:
        self.project.runs[self._one(self._runs)].register("m")

    def _promote(self) -> None:
        alias = self._one(["production", "canary"])
        self.project.models[self._version("model")].promote(alias, **_PASSES)

    def _promote_through_the_gate(self) -> None:
        self.project.models[self._version("model")].promote()

    def _roll_alias_back(self) -> None:
        name = self._one(self._names("model"))
        self.project.models.rollback(name, self._one([*self.project.models.aliases(name)]))

    def _route(self) -> None:
        weights = {self._version("model"): 1 + self._below(9) for _ in range(2)}
        self._place().route(weights, shadow=self._version("model") if self._often(0.5) else None, **_PASSES)

    def _route_through_the_gate(self) -> None:
        self._place().route({self._version("model"): 9, self._version("model"): 1})

    def _roll_route_back(self) -> None:
        self._place().rollback()

    def _drop(self) -> None:
        of = self._one(["dataset", "model"])
        self.project.store.drop(f"{of}:{self._version(of)}")

    def _restore(self) -> None:
        of = self._one(["dataset", "model"])
        self.project.store.restore(f"{of}:{self._version(of)}")

    def _drop_run(self) -> None:
        self.project.store.drop(f"run:{self._one(self._runs)}")

    def _restore_run(self) -> None:
        self.project.store.restore(f"run:{self._one(self._runs)}")

    def _sweep(self) -> None:
        self.project.store.sweep(min_age=0)

    def _tag(self) -> None:
        self.project.store.tag(
            self._one(["first", "second"]), self._below(self._entries()) if self._often(0.5) else None
        )

    def _go_back(self) -> None:
        self._go_back_to(self._below(self._entries()))

    def _go_back_a_little(self) -> None:
        self._go_back_to(max(0, self._entries() - 2 - self._below(12)))

    def _go_back_to(self, entry: int) -> None:
        self.project.rollback(entry, **_PASSES)

    def _scope(self) -> None:
        criteria = [mc.AtLeast("accuracy", 0.1)] if self._often(0.5) else None
        self.project.scope.set(objective=f"{self._below(9)}", criteria=criteria, test="d", **_PASSES)

    def _open_experiment(self) -> None:
        self.project.experiments.open(self._one(["trees", "nets"]), hypothesis=f"{self._below(3)}")

    def _open_place(self) -> None:
        self.project.deployments.open(self._one(["eu", "us"]))

    def _evaluate(self) -> None:
        self.project.models[self._version("model")].evaluate(self._version("dataset"))

    def _check(self) -> None:
        place = self._place()
        with place.serve() as service:
            service.predict(_X, ids=[uuid.uuid4().hex for _ in _X])
        place.check()

    def _entries(self) -> int:
        return self.project._session.view(refresh=False).n + 1
