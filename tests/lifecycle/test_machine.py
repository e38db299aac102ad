"""Two sessions, sweeps and readers of the past on one store, in any order, against a plain model of it."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors
from mlcycle.lifecycle._operation import Operation
from mlcycle.storage import UpToDate

NOW = timedelta(0)
NAMES = st.sampled_from(["d", "e"])
CONTENTS = st.integers(0, 2)
ALIASES = st.sampled_from(["production", "canary"])
WHO = st.integers(0, 1)
PICK = st.integers(0, 10**6)

Doc = dict[str, Any]


def frame(content: int) -> pd.DataFrame:
    """Return one of a few tables."""
    return pd.DataFrame({"row": range(6), "content": [content] * 6, "left": [0, 1] * 3})


def tree(leaf: int) -> Any:
    """Return a fitted model that says `leaf` wherever it is asked beyond 1.5."""
    return DecisionTreeClassifier(max_depth=1).fit(np.array([[0.0], [1], [2], [3]]), [0, 0, leaf + 1, leaf + 1])


TREES = [tree(leaf) for leaf in range(3)]


class Standing:
    """What a project should say: names, versions, heads, aliases, and what is still stored."""

    def __init__(self) -> None:
        self.datasets: dict[str, Doc] = {}
        self.models: dict[str, Doc] = {}
        self.tags: dict[str, int] = {}

    def named(self, kind: str, name: str) -> Doc:
        """Return what is said of a name."""
        empty: Doc = {"versions": {}, "made": {}, "retracted": set(), "dropped": set(), "aliases": {}}
        found: Doc = getattr(self, kind).setdefault(name, empty)
        return found

    def add(self, kind: str, name: str, thing: str, entry: int) -> int:
        """Add a version, and return its number."""
        doc = self.named(kind, name)
        number = len(doc["versions"]) + 1
        doc["versions"][number], doc["made"][number] = thing, entry
        return number

    def latest(self, kind: str, name: str) -> int | None:
        """Return the number `latest` means."""
        doc = getattr(self, kind).get(name)
        if doc is None:
            return None
        return max(set(doc["versions"]) - doc["retracted"] - doc["dropped"], default=None)

    def alias(self, name: str, alias: str) -> int | None:
        """Return the number an alias points at."""
        stack = self.models.get(name, {"aliases": {}})["aliases"].get(alias)
        return stack[-1][0] if stack else None

    def standing(self, kind: str) -> Iterator[tuple[str, int, str]]:
        """Yield name, number and content of every version that was not dropped."""
        for name, doc in getattr(self, kind).items():
            for number, thing in doc["versions"].items():
                if number not in doc["dropped"]:
                    yield name, number, thing


class Machine(RuleBasedStateMachine):
    """Every rule does one thing to a project and to the model of it, and both answer alike."""

    def __init__(self) -> None:
        super().__init__()
        self.url = f"memory://machine-{uuid.uuid4().hex}"
        self.say = Standing()
        self.past: list[Standing] = []
        self.placed: set[str] = set()
        self.needs: dict[str, str] = {}  # a part needs the rows of its parent
        self.content: dict[str, Any] = {}  # what a stored thing reads back as
        self.steps = 0

    @initialize()
    def begin(self) -> None:
        """Open two sessions of a new project."""
        self.projects = [mc.open(self.url, create=True, author="ada"), mc.open(self.url, author="bob")]
        self.record(0)

    def teardown(self) -> None:
        """Give the memory back."""
        root = self.url.removeprefix("memory:/") + "/"
        for path in [path for path in MemoryFileSystem.store if path.startswith(root)]:
            del MemoryFileSystem.store[path]

    # what is expected ----------------------------------------------------------------------------------------------

    @property
    def next(self) -> int:
        """The number of the next entry."""
        return len(self.past)

    def record(self, entry: int) -> None:
        """Note that an entry was written, and what the project says after it."""
        assert entry == self.next
        self.past.append(copy.deepcopy(self.say))

    def whole(self, thing: str) -> bool:
        """Say whether a stored thing can be read: its files are there, and those of its parent."""
        return thing in self.placed and (thing not in self.needs or self.whole(self.needs[thing]))

    def live(self) -> set[str]:
        """Return what standing versions need."""
        found = {thing for kind in ("datasets", "models") for _, _, thing in self.say.standing(kind)}
        for thing in [*found]:
            while thing in self.needs:
                thing = self.needs[thing]
                found.add(thing)
        return found

    def swept(self) -> None:
        """Expect a sweep: what nothing standing names is stored no more."""
        self.placed &= self.live()

    def pick(self, kind: str, which: int, *, dropped: bool = False) -> tuple[str, int] | None:
        """Return some version, or some dropped one, if there is any."""
        every = [(name, number) for name, doc in sorted(getattr(self.say, kind).items()) for number in doc["versions"]]
        gone = [one for one in every if one[1] in getattr(self.say, kind)[one[0]]["dropped"]]
        chosen = gone if dropped else every
        return chosen[which % len(chosen)] if chosen else None

    def expect(self, problem: type[Exception] | None, do: Callable[[], Any]) -> Any:
        """Do something that works, or fails as said."""
        if problem is None:
            return do()
        with pytest.raises(problem):
            do()
        return None

    # what is done --------------------------------------------------------------------------------------------------

    @rule(who=WHO, name=NAMES, content=CONTENTS)
    def add(self, who: int, name: str, content: int) -> None:
        """Add a table, maybe one that is there."""
        version = self.projects[who].datasets.add(name, frame(content))
        self.added(name, content, version.number)

    def added(self, name: str, content: int, number: int) -> None:
        """Expect a version, or the current one where nothing is new."""
        thing = f"frame:{content}"
        latest = self.say.latest("datasets", name)
        if latest is not None and self.say.datasets[name]["versions"][latest] == thing:
            assert number == latest
            return
        assert number == self.say.add("datasets", name, thing, self.next)
        self.placed.add(thing)
        self.content[thing] = frame(content)
        self.record(self.next)

    @rule(who=WHO, name=NAMES, content=CONTENTS, dropping=st.booleans())
    def add_while_another_sweeps(self, who: int, name: str, content: int, dropping: bool) -> None:
        """Catch a writer between its upload and its commit, by a sweep that may come with a drop."""

        def meanwhile() -> None:
            if dropping and self.say.latest("datasets", name) is not None:
                self.drop_dataset(1 - who, self.sole(name))
            self.sweep(1 - who)

        with caught(self.projects[who], meanwhile):
            version = self.projects[who].datasets.add(name, frame(content))
        self.added(name, content, version.number)

    def sole(self, name: str) -> int:
        """Return the pick that means the latest version of a dataset."""
        latest = self.say.latest("datasets", name)
        every = [(one, number) for one, doc in sorted(self.say.datasets.items()) for number in doc["versions"]]
        return every.index((name, latest))  # type: ignore[arg-type]

    @precondition(lambda self: self.say.datasets)
    @rule(who=WHO, which=PICK, sweeping=st.booleans())
    def split(self, who: int, which: int, sweeping: bool) -> None:
        """Split a version, maybe while another session sweeps."""
        name, number = self.pick("datasets", which)  # type: ignore[misc]
        if "." in name:
            return
        project, doc = self.projects[who], self.say.datasets[name]
        if number in doc["dropped"]:
            self.expect(errors.VersionDeleted, lambda: project.datasets[f"{name}@{number}"].split())
            return
        if number in doc["retracted"]:
            self.expect(errors.InvalidInput, lambda: project.datasets[f"{name}@{number}"].split(test=0.34))
            return
        parent = doc["versions"][number]
        with caught(project, (lambda: self.sweep(1 - who)) if sweeping else None):
            parts = project.datasets[f"{name}@{number}"].split(test=0.34, stratify=False)
        assert [f"{name}.train", f"{name}.test"] == [part.name for part in parts]
        assert [part.rows for part in parts] == [4, 2]
        loaded = [project.load(part) for part in parts]
        together = pd.concat(loaded).sort_values("row", ignore_index=True)
        pd.testing.assert_frame_equal(together, self.content[parent])
        things = {part.name: f"part:{part.content}" for part in parts}
        latest = {one: self.say.latest("datasets", one) for one in things}
        if all(n and self.say.datasets[one]["versions"][n] == things[one] for one, n in latest.items()):
            assert [part.number for part in parts] == [*latest.values()]
            return
        for part, rows in zip(parts, loaded, strict=True):
            thing = things[part.name]
            assert part.number == self.say.add("datasets", part.name, thing, self.next)
            self.placed.add(thing)
            self.needs[thing], self.content[thing] = parent, rows
        self.record(self.next)

    @rule(who=WHO, leaf=CONTENTS, sweeping=st.booleans())
    def register(self, who: int, leaf: int, sweeping: bool) -> None:
        """Register a model, maybe while another session sweeps."""
        with caught(self.projects[who], (lambda: self.sweep(1 - who)) if sweeping else None):
            version = self.projects[who].models.register("m", TREES[leaf])
        thing = f"model:{version.id}"
        assert version.number == self.say.add("models", "m", thing, self.next)
        self.placed.add(thing)
        self.content[thing] = leaf + 1
        self.record(self.next)

    @precondition(lambda self: self.say.models)
    @rule(who=WHO, which=PICK, alias=ALIASES)
    def promote(self, who: int, which: int, alias: str) -> None:
        """Move an alias to some version."""
        name, number = self.pick("models", which)  # type: ignore[misc]
        gone = number in self.say.models[name]["dropped"]
        project = self.projects[who]
        self.expect(errors.VersionDeleted if gone else None, lambda: project.models[f"{name}@{number}"].promote(alias))
        if not gone:
            stack = self.say.models[name]["aliases"].setdefault(alias, [])
            if not stack or stack[-1][0] != number:
                stack.append((number, self.next))
            self.record(self.next)

    @precondition(lambda self: self.say.models)
    @rule(who=WHO, alias=ALIASES)
    def roll_alias_back(self, who: int, alias: str) -> None:
        """Move an alias back to what was not rolled back itself."""
        doc = self.say.models["m"]
        stack = doc["aliases"].get(alias, [])
        target = stack[-2][0] if len(stack) > 1 else None
        impossible = target is None or target in doc["dropped"]
        project = self.projects[who]
        found = self.expect(errors.NotFound if impossible else None, lambda: project.models.rollback("m", alias))
        if not impossible:
            assert target == found.number
            stack.pop()
            self.record(self.next)

    @precondition(lambda self: self.say.models)
    @rule(who=WHO, first=PICK, second=PICK, alias=ALIASES)
    def move_to_and_fro(self, who: int, first: int, second: int, alias: str) -> None:
        """Move an alias twice and back twice."""
        self.promote(who, first, alias)
        self.promote(1 - who, second, alias)
        self.roll_alias_back(who, alias)
        self.roll_alias_back(1 - who, alias)

    @precondition(lambda self: self.say.datasets)
    @rule(who=WHO, which=PICK)
    def drop_dataset(self, who: int, which: int) -> None:
        """Drop a version; parts may go on needing its rows."""
        name, number = self.pick("datasets", which)  # type: ignore[misc]
        self.projects[who].store.drop(f"dataset:{name}@{number}")
        self.dropped("datasets", name, number)

    @precondition(lambda self: self.say.models)
    @rule(who=WHO, which=PICK)
    def drop_model(self, who: int, which: int) -> None:
        """Drop a version that no alias points at."""
        name, number = self.pick("models", which)  # type: ignore[misc]
        needed = any(self.say.alias(name, alias) == number for alias in self.say.models[name]["aliases"])
        project = self.projects[who]
        self.expect(errors.ConflictError if needed else None, lambda: project.store.drop(f"model:{name}@{number}"))
        if not needed:
            self.dropped("models", name, number)

    def dropped(self, kind: str, name: str, number: int) -> None:
        """Expect a version to be dropped."""
        doc = getattr(self.say, kind)[name]
        if number not in doc["dropped"]:
            doc["dropped"].add(number)
            self.record(self.next)

    @rule(who=WHO, kind=st.sampled_from(["datasets", "models"]), which=PICK)
    def restore(self, who: int, kind: str, which: int) -> None:
        """Bring back a version, unless a sweep was faster."""
        chosen = self.pick(kind, which, dropped=True)
        if chosen is None:
            return
        name, number = chosen
        doc = getattr(self.say, kind)[name]
        gone = not self.whole(doc["versions"][number])
        project = self.projects[who]
        self.expect(
            errors.VersionDeleted if gone else None, lambda: project.store.restore(f"{kind[:-1]}:{name}@{number}")
        )
        if not gone:
            doc["dropped"].remove(number)
            self.record(self.next)

    @rule(who=WHO)
    def sweep(self, who: int) -> None:
        """Remove all that nothing standing names."""
        before = self.projects[who].store.info()["entries"]
        self.projects[who].store.sweep(min_age=NOW)
        self.swept()
        if self.projects[who].store.info()["entries"] > before:
            self.record(self.next)

    @rule(who=WHO, name=st.sampled_from(["first", "second"]))
    def tag(self, who: int, name: str) -> None:
        """Name the newest entry."""
        assert self.next - 1 == self.projects[who].store.tag(name)
        self.say.tags[name] = self.next - 1
        self.record(self.next)

    @rule(who=WHO, which=PICK)
    def roll_project_back(self, who: int, which: int) -> None:
        """Set every pointer to where it stood at some entry."""
        to = which % self.next
        then, now = self.past[to], copy.deepcopy(self.say)
        targets = self.return_to(then, to, now)
        project = self.projects[who]
        if not all(self.whole(thing) for thing in targets):
            self.expect(errors.VersionDeleted, lambda: project.rollback(to, message="back"))
            return
        project.rollback(to, message="back")
        if project.store.info()["entries"] > self.next:
            self.say = now
            self.record(self.next)
        else:
            assert (now.datasets, now.models) == (self.say.datasets, self.say.models)

    def return_to(self, then: Standing, to: int, now: Standing) -> list[str]:
        """Set `now` to what `then` pointed at; return what aliases point at anew, "" where it was dropped."""
        targets = []
        for name, doc in now.models.items():
            for alias, stack in doc["aliases"].items():
                before = stack[-1][0] if stack else None
                stack[:] = then.models.get(name, {"aliases": {}})["aliases"].get(alias, [])
                after = stack[-1][0] if stack else None
                if after not in (None, before):
                    targets.append("" if after in doc["dropped"] else doc["versions"][after])
        for kind in ("datasets", "models"):
            for name, doc in getattr(now, kind).items():
                before = getattr(then, kind).get(name, {"retracted": set()})["retracted"]
                doc["retracted"] = before | {number for number, made in doc["made"].items() if made > to}
        return targets

    # what must hold ------------------------------------------------------------------------------------------------

    @rule(who=WHO, which=PICK)
    def read_the_past(self, who: int, which: int) -> None:
        """Expect of the past what was said then, and to read what is still stored."""
        to = which % self.next
        tags = {entry: tag for tag, entry in self.say.tags.items()}
        self.agrees(self.projects[who].at(tags.get(to, to)), self.past[to])

    @invariant()
    def both_sessions_say_the_same(self) -> None:
        """Everything standing is there with the right content, and every named file exists."""
        if not self.past:
            return
        self.steps += 1
        self.agrees(self.projects[self.steps % 2], self.say)
        assert self.next == self.projects[0].store.info()["entries"]
        assert self.projects[0].store.verify("files").problems == ()

    def agrees(self, project: mc.Project, said: Standing) -> None:
        """Compare a project with the model: names, versions, pointers, contents."""
        for kind in ("datasets", "models"):
            standing = [name for name in sorted(getattr(said, kind)) if said.latest(kind, name) is not None]
            assert standing == list(getattr(project, kind))
        for name in said.datasets:
            self.latest_agrees(project.datasets, name, said.latest("datasets", name))
        for name, doc in said.models.items():
            self.latest_agrees(project.models, name, said.latest("models", name))
            aliases = {alias: said.alias(name, alias) for alias in doc["aliases"]}
            expected = {alias: f"{name}@{number}" for alias, number in aliases.items() if number is not None}
            assert expected == project.models.aliases(name)
        for kind in ("datasets", "models"):
            for name, number, thing in said.standing(kind):
                ref = f"{kind[:-1]}:{name}@{number}"
                if not self.whole(thing):
                    self.expect(errors.VersionDeleted, lambda ref=ref: project.load(ref))  # type: ignore[misc]
                elif kind == "datasets":
                    pd.testing.assert_frame_equal(self.content[thing], project.load(ref))
                else:
                    assert self.content[thing] == project.load(ref).predict([[3.0]])[0]

    def latest_agrees(self, collection: Any, name: str, expected: int | None) -> None:
        """Compare what ``latest`` means; a version of the past may have lost its files since."""
        try:
            found = collection[name].number
        except errors.VersionDeleted:
            kind = "models" if name in self.say.models else "datasets"
            assert expected is not None
            assert not self.whole(getattr(self.say, kind)[name]["versions"][expected])
        except errors.NotFound:
            assert expected is None
        else:
            assert expected == found


class caught:  # noqa: N801 - reads as a verb
    """Let something happen once, when a session has looked and uploaded its files and is about to commit something."""

    def __init__(self, project: mc.Project, meanwhile: Callable[[], None] | None) -> None:
        self.connection, self.meanwhile, self.commit = project._session._connection, meanwhile, Operation.commit

    def __enter__(self) -> None:
        if self.meanwhile is not None:
            Operation.commit = lambda do, plan, **named: self._commit(do, plan, **named)  # type: ignore[method-assign]

    def __exit__(self, *exception: object) -> None:
        Operation.commit = self.commit  # type: ignore[method-assign]

    def _commit(self, do: Operation, plan: Any, **named: Any) -> Any:
        ours = do._connection is self.connection
        if ours and self.meanwhile is not None and not isinstance(plan(do.view), UpToDate):
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        return self.commit(do, plan, **named)


def explore(examples: int, steps: int) -> None:
    """Walk the machine."""
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            print_blob=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )


def test_two_sessions_a_sweep_and_a_reader() -> None:
    """A few walks."""
    explore(40, 25)


@pytest.mark.deep
def test_many_walks_of_two_sessions_a_sweep_and_a_reader() -> None:
    """Many, and longer ones."""
    explore(400, 50)
