"""Every look at the rows of a test counts, whatever the part was called; and a new split does not move it."""

from __future__ import annotations

import threading
import uuid

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors

FRAME = pd.DataFrame({"id": range(300), "x": np.arange(300) % 7, "left": (np.arange(300) % 7 > 3).astype(int)})
TREE = DecisionTreeClassifier(max_depth=3).fit(FRAME[["x"]], FRAME["left"])


@pytest.fixture
def project() -> mc.Project:
    """Return a project with data and three models, and nothing judged."""
    made = mc.open(f"memory://looks-{uuid.uuid4().hex}", create=True, author="ada")
    made.datasets.add("d", FRAME, target="left", key="id")
    made.datasets["d"].split(test=0.3)
    for _ in range(3):
        made.models.register("m", TREE, uses=["d.train@1"])
    made.scope.set(criteria=[mc.AtLeast("accuracy", 0.5)], test="d.test")
    return made


def looks(project: mc.Project, model: str, on: str | None = None) -> int:
    """Return how many looks there were, after one more."""
    return project.models[model].evaluate(on).uses_of_test


def test_another_seed_is_another_look(project: mc.Project) -> None:
    """Hunting for a lucky split is counted: its parts share rows."""
    assert looks(project, "m@1") == 1
    for seed in (1, 2):
        project.datasets["d"].split(test=0.3, seed=seed)
        assert looks(project, "m@1", f"d.test@{seed + 1}") == seed + 1
    assert looks(project, "m@2", "d.test@3") == 4


def test_the_same_look_again_is_none(project: mc.Project) -> None:
    """Comparing the same model with a new production shows nothing new of it."""
    assert [looks(project, one) for one in ("m@1", "m@1", "m@2", "m@1", "m@2", "m@3")] == [1, 1, 2, 2, 2, 3]


def test_rows_that_nobody_saw_are_no_look(project: mc.Project) -> None:
    """Judged on the training part, the test part is as good as new; on all rows it is not."""
    assert [looks(project, "m@1", on) for on in ("d.train", "d.test", "d", "d.train")] == [1, 1, 3, 2]


def test_equal_rows_under_another_name_are_seen(project: mc.Project) -> None:
    """Also in a later version of the data, by their keys."""
    looks(project, "m@1")
    project.datasets.add("copy", FRAME, target="left", key="id")
    assert looks(project, "m@2", "copy") == 2
    more = pd.concat([FRAME, FRAME.assign(id=FRAME["id"] + 300)], ignore_index=True)
    project.datasets.add("d", more).split(["old", "new"], by=[*["old"] * 300, *["new"] * 300])
    assert looks(project, "m@2", "d.new") == 1
    assert looks(project, "m@2", "d.old") == 3


def test_two_who_judge_at_once_do_not_both_look_first(project: mc.Project) -> None:
    """Looks are counted where they are committed."""
    ready = threading.Barrier(3)
    found = []

    def judge(model: str) -> None:
        version = mc.open(project.store.url).models[model]
        ready.wait()
        found.append(version.evaluate().uses_of_test)

    threads = [threading.Thread(target=judge, args=[f"m@{n}"]) for n in (1, 2, 3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(found) == [1, 2, 3]
    assert sorted(one.uses_of_test for one in project.models.evaluations()) == [1, 2, 3]


def test_a_new_split_does_not_move_the_test(project: mc.Project) -> None:
    """It is the version first judged on, for whoever evaluates and for the gate."""
    project.models["m@1"].evaluate()
    project.datasets.add("d", FRAME.assign(left=1 - FRAME["left"])).split(test=0.3)
    assert project.models["m@2"].evaluate().data == "d.test@1"
    decision = project.models["m@2"].promote("production", message="as it was agreed")
    assert "d.test@1 has been judged on twice; the more often, the less it proves" in decision.why
    found = project.models["m@3"].evaluate("d.test@2")
    assert found.detail == "no criterion is judged on d.test@2 (the scope judges on d.test@1)"
    with pytest.raises(
        errors.GateBlocked, match=r"no evaluation answers it: project.models\['m@3'\].evaluate\('d.test@1"
    ):
        project.models["m@3"].promote("staging")


def test_until_it_was_judged_on_the_test_is_the_newest(project: mc.Project) -> None:
    """A split made again before anybody looked is nobody's trick."""
    project.datasets["d"].split(test=0.4)
    assert project.models["m@1"].evaluate().data == "d.test@2"


def test_a_test_that_is_gone_says_how_to_go_on(project: mc.Project) -> None:
    """To evaluate and to promote: restore it, or move the test."""
    project.models["m@1"].evaluate()
    project.datasets["d"].split(test=0.4)
    project.store.drop("dataset:d.test@1", message="by mistake")
    why = r"d.test@1, which d.test was first judged on, was dropped; .*restore\('dataset:d.test@1'\).*or move the test"
    with pytest.raises(errors.NotFound, match=why):
        project.models["m@2"].evaluate()
    with pytest.raises(errors.GateBlocked, match=why):
        project.models["m@1"].promote("production")
    project.scope.set(test="d.test@2", permanent=True, message="the first one is gone")
    assert project.models["m@2"].evaluate().uses_of_test == 2  # what cannot be read is taken to share rows


def test_a_copy_with_another_column_is_looked_at(project: mc.Project) -> None:
    """By the key, whatever the copy is called; what has no key and other columns is another thing."""
    clients = project.datasets.add("clients", FRAME.assign(const=1), target="left", key="id")
    clients.split(test=0.3)
    for number in (1, 2, 3):
        project.models[f"m@{number}"].evaluate("clients.test")
    project.datasets.add("weather", pd.DataFrame({"x": range(40), "left": [0, 1] * 20}), target="left")
    project.models["m@1"].evaluate("weather")
    assert looks(project, "m@1") == 4


def test_changed_rules_of_an_alias_are_changes_after_results(project: mc.Project) -> None:
    """As those of the criteria are."""
    project.models["m@1"].evaluate()
    project.scope.set(aliases={"staging": [mc.AtLeast("accuracy", 0.6)]})
    project.models["m@1"].evaluate()
    assert project.models["m@1"].promote("production").changed_after_results == 1


def test_what_a_run_was_judged_by_is_a_look(project: mc.Project) -> None:
    """A check of one's own may ask its model anything."""
    with project.experiments.open("e").start() as run:
        run.log(loss=1.0)
    project.runs[run.id].evaluate("d.test", checks=[lambda subject, context: float(len(context.data.target()))])
    assert looks(project, "m@1") == 2
