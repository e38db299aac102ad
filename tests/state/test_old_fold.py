"""The fold before and `mlcycle.state` agree on random histories of real projects, but for one fault that is mended.

After a rollback of the whole project, what lay *beneath* a pointer was wrong before: moves were written for pointers
that had to move, and what had been undone or set since stayed beneath them. Here such differences are counted, and each
must be of exactly that kind.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import mlcycle as mc
from mlcycle._ids import name_key
from mlcycle.errors import NotFound, VersionDeleted
from mlcycle.state import (
    ProjectFold,
    ProjectRollback,
    View,
    entry_text,
    find_live_files,
    moves_to,
    roll_project_back,
    would_change,
)
from tests.state import old_fold, old_telling
from tests.state.histories import VERBS, Work
from tests.state.old_fold import OldView
from tests.state.pictures import Pointer, needs, old_needs, old_picture, picture
from tests.state.plain_state import PlainState
from tests.state.translated import OldLog

Doc = dict[str, Any]


class SideBySide:
    """One log, folded both ways, entry by entry.

    Attributes
    ----------
    entries : list of dict
        What was taken so far.
    beneath : int
        How often what lies beneath a pointer differed, which it may after a rollback of the project.
    """

    def __init__(self) -> None:
        self.entries: list[Doc] = []
        self.beneath = 0
        self._old, self._plain = OldLog(), PlainState()
        self._fold = ProjectFold()
        self._state = self._fold.empty()
        self._objects: set[str] = set()

    def view(self, n: int | None = None) -> View:
        """Return the project as `mlcycle.state` sees it."""
        return View(self._state, self.entries.__getitem__, n)

    def take(self, entry: Doc) -> None:
        """Fold the next entry, and compare everything there is."""
        self.entries.append(entry)
        self._fold.apply(self._state, entry)
        changes = self._old.take(entry)
        self._plain.apply(entry)
        self._objects |= {change["object"] for change in entry["changes"] if change["kind"] == "place"}
        assert old_picture(self._old.view()) == picture(self.view())
        live_files = find_live_files(self.view(), self.entries, lambda file: [])
        assert old_needs(self._old) == needs(self.view(), live_files, self._objects)
        self._look_beneath(entry["n"])
        self._look_at_words(changes, entry)

    def _look_at_words(self, changes: list[Doc], entry: Doc) -> None:
        told, words = old_telling.in_words(changes), entry_text(entry["changes"], self.view(entry["n"] - 1))
        if entry["verb"] == "store.ask":  # of which nothing was known
            assert changes == []
        elif entry["verb"] == "run.pin":  # nor of what files are kept for
            assert (told, words.startswith("kept the ")) == ("stored files", True)
        elif any(change["kind"] == "project.rollback" for change in changes):
            assert _about_pointers(told) == _about_pointers(words)
        else:
            assert told == words

    def look_back(self) -> None:
        """Compare the project at every entry, seen from the last."""
        for n in range(len(self.entries)):
            assert old_picture(self._old.view(n)) == picture(self.view(n))
            self._look_beneath(n)

    def _look_beneath(self, n: int) -> None:
        """Compare what lies beneath pointers: always as if everything were copied, and as before but for its fault."""
        view = self.view(n)
        for (of, name, pointer), stack in _old_stacks(self._old.view(n)).items():
            found = view.pointers.stack(of, name, pointer)
            assert found == self._plain.after[n][of, name_key(name)].stacks.get(pointer, [])
            if found != stack:
                self.beneath += 1
                assert found[-1:] == stack[-1:]
                assert self._was_undone(n, of, name, pointer), (of, name, pointer)

    def _was_undone(self, n: int, of: str, name: str, pointer: str) -> bool:
        """Say whether a rollback of the project, up to entry `n`, undid moves of a pointer."""
        moves = [m for m, *_ in self.view(n).names.known(of, name).moves[pointer]]
        backs = [(m, to) for m, to, _ in self._state.backs if m <= n]
        return any(to < move < m for m, to in backs for move in moves)

    def preview(self, to: int) -> None:
        """Compare what a rollback of the project would do, and what it does, on copies."""
        now, then = self._old.view(), self._old.view(to)
        changes = old_fold.changes_to(now, then)
        moves = [(one.of, one.name, one.pointer, one.before, one.after) for one in moves_to(self.view(), to)]
        assert sorted(_old_moved(changes)) == sorted(one for one in moves if one[0] in ("model", "deployment"))
        assert self._refuses(to) == _refused(now, changes)
        assert bool(changes) <= would_change(self.view(), to)
        entry = {**self.entries[-1], "n": now.n + 1}
        old = json.loads(json.dumps(self._old.state))
        old_fold.apply(old, {**entry, "changes": changes})
        parts = self._fold.dump(self._state)
        new = self._fold.load([*parts], parts.__getitem__)
        entry["changes"] = [ProjectRollback(to=to).doc()]
        self._fold.apply(new, entry)
        told = old_picture(OldView(old["logical"], old["placement"], entry["n"]))
        after = View(new, [*self.entries, entry].__getitem__)
        assert told == picture(after)
        latest = {
            name: (self.view().versions.latest("dataset", name), after.versions.latest("dataset", name))
            for name in after.names.of("dataset")
        }
        went = {name: ends for name, ends in latest.items() if ends[0] != ends[1]}
        assert went == {one[1]: one[3:] for one in moves if one[0] == "dataset"}

    def _refuses(self, to: int) -> bool:
        try:
            roll_project_back(self.view(), to)
        except VersionDeleted:
            return True
        return False


def _old_stacks(view: OldView) -> dict[Pointer, list[int | None]]:
    models = [
        (doc["name"], alias, one) for doc in view.logical["models"].values() for alias, one in doc["aliases"].items()
    ]
    found: dict[Pointer, list[int | None]] = {
        ("model", name, alias): [state["to"] for state in one["stack"]] for name, alias, one in models
    }
    for doc in view.logical["deployments"].values():
        if doc["moves"]:
            found["deployment", doc["name"], "current"] = [state["to"] for state in doc["stack"]]
    return found


def _about_pointers(words: str) -> set[str]:
    """Leave out what `latest` means now: it was said of data alone, and of versions dropped since."""
    return {one for one in words.split("; ") if "@latest" not in one}


def _old_moved(changes: list[Doc]) -> list[tuple[Any, ...]]:
    found = []
    for one in changes:
        if one["kind"] == "alias.move":
            found.append(("model", one["name"], one["alias"], one["before"], one["after"]))
        elif one["kind"] == "route.move":
            found.append(("deployment", one["deployment"], "current", one["before"], one["after"]))
    return found


def _refused(view: OldView, changes: list[Doc]) -> bool:
    """Say whether a pointer would stand at what was dropped, or answer with it; shadows, which were let pass, too."""
    refs: list[str] = []
    for of, name, _, _, after in _old_moved(changes):
        if after is not None and of == "model":
            refs.append(f"{name}@{after}")
        elif after is not None:
            revision = view.deployment(name)["revisions"][str(after)]
            refs += [*revision["weights"], *([revision["shadow"]] if revision["shadow"] else [])]
    named = ((ref.rpartition("@")[0], int(ref.rpartition("@")[2])) for ref in refs)
    return any(number in view.named("models", name)["dropped"] for name, number in named)


def compare(seed: int, steps: int, previews: int) -> tuple[Work, SideBySide]:
    """Let somebody work, and compare both folds on what they did."""
    work, both = Work(seed), SideBySide()
    work.go_on(steps)
    random = np.random.default_rng(seed)
    try:
        for entry in work.project._session.log.entries():
            both.take(entry)
            for to in random.integers(entry["n"] + 1, size=previews):
                both.preview(int(to))
        both.look_back()
    except Exception as error:
        error.add_note(f"seed {seed}, after entry {len(both.entries) - 1}")
        raise
    return work, both


def test_both_folds_agree() -> None:
    """After every entry, at every entry from the last one, and on what rollbacks of the project would do."""
    found = [compare(seed, steps=120, previews=1) for seed in (1, 3, 8)]
    assert sum(both.beneath for _, both in found) > 0  # or they would not show that the fault is mended


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(100, 160, 10))
def test_both_folds_agree_on_sixty_histories(seed: int) -> None:
    """The same for sixty histories, in which every verb of the library passes at least once in ten."""
    found = [compare(seed + i, steps=200, previews=4) for i in range(10)]
    assert {*VERBS} == {verb for work, _ in found for verb in work.done}
    assert sum(both.beneath for _, both in found) > 0


# the fault, mended ---------------------------------------------------------------------------------------------------


@pytest.fixture
def project() -> mc.Project:
    """Return a project with three versions of a model, and a place."""
    work = Work(0)
    for _ in range(3):
        work.register("m")
    work.project.deployments.open("shop")
    return work.project


def test_an_alias_has_nothing_to_go_back_to_that_came_later(project: mc.Project) -> None:
    """What was promoted after the entry gone back to, and is retracted, does not lie beneath the alias."""
    models = project.models
    models["m@1"].promote()
    n = project.store.info()["entries"] - 1
    models["m@3"].promote()
    models["m@1"].promote()
    project.rollback(n)
    with pytest.raises(NotFound, match="m@production has no earlier version to go back to"):
        models.rollback("m")
    assert models.aliases("m") == {"production": "m@1"}


def test_a_version_of_later_does_not_lie_beneath_an_alias(project: mc.Project) -> None:
    """The same where the version itself came later: it is retracted, and was what `rollback` went to."""
    models = project.models
    models["m@1"].promote()
    n = project.store.info()["entries"] - 1
    fourth = models.register("m", models["m@1"].load(), example=np.zeros((2, 1)))
    fourth.promote()
    models["m@1"].promote()
    project.rollback(n)
    assert models["m"].ref == "m@3"
    with pytest.raises(NotFound, match="m@production has no earlier version to go back to"):
        models.rollback("m")


def test_a_route_has_nothing_to_go_back_to_that_came_later(project: mc.Project) -> None:
    """The same for a place: the revision of then is the first, whatever answered since."""
    shop = project.deployments["shop"]
    shop.route("m@1")
    n = project.store.info()["entries"] - 1
    shop.route("m@3")
    shop.rollback()
    shop.route("m@2")
    shop.rollback()
    project.rollback(n)
    with pytest.raises(NotFound, match="shop has no earlier revision to go back to"):
        shop.rollback()
    assert (shop.revision or pytest.fail("no route")).number == 1


def test_what_lay_beneath_then_is_there_again(project: mc.Project) -> None:
    """An alias rolled back and set anew keeps what it would have gone back to at the entry gone back to."""
    models = project.models
    for ref in ("m@1", "m@2"):
        models[ref].promote()
    n = project.store.info()["entries"] - 1
    models.rollback("m")
    models["m@3"].promote()
    project.rollback(n)
    assert [models.aliases("m")["production"], models.rollback("m").ref] == ["m@2", "m@1"]
