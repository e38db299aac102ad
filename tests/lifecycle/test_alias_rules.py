"""Aliases with rules of their own, and taking an alias away."""

from __future__ import annotations

import uuid

import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors

FRAME = pd.DataFrame({"x": range(200), "left": [0] * 100 + [1] * 100})
GOOD = DecisionTreeClassifier(max_depth=1).fit(FRAME[["x"]], FRAME["left"])
BAD = DummyClassifier().fit(FRAME[["x"]], FRAME["left"])
STRICT, EASY, GOLD = mc.AtLeast("accuracy", 0.8), mc.AtLeast("accuracy", 0.3), mc.AtLeast("f1", 0.9)


@pytest.fixture
def project() -> mc.Project:
    """Return a project with a good model and a bad one, staging that is easy and a challenger that anybody may be."""
    made = mc.open(f"memory://aliases-{uuid.uuid4().hex}", create=True, author="ada")
    train, _ = made.datasets.add("d", FRAME, target="left").split(test=0.5)
    made.scope.set(criteria=[STRICT], aliases={"staging": [EASY], "challenger": [], "gold": [GOLD]}, test="d.test")
    for model in (GOOD, BAD):
        made.models.register("m", model, uses=[train])
    return made


def test_an_alias_is_judged_by_its_own_rules(project: mc.Project) -> None:
    """Those without are judged by the criteria; rules of one alias block no other."""
    bad, good = project.models["m@2"], project.models["m@1"]
    assert bad.promote("challenger", message="nobody looked yet").alias == "challenger"
    for version in (bad, good):
        version.evaluate()
    assert bad.promote("staging").allowed
    for alias, why in {"production": "accuracy ≥ 0.8", "elsewhere": "accuracy ≥ 0.8", "gold": "f1 ≥ 0.9"}.items():
        with pytest.raises(errors.GateBlocked, match=f"{why} failed"):
            bad.promote(alias)
        assert good.promote(alias).allowed


def test_what_an_alias_asks_is_measured_and_weighs_there_alone(project: mc.Project) -> None:
    """An evaluation asks it too, once; a failure of it is only told."""
    found = project.models["m@2"].evaluate()
    assert [(one.check, one.blocking) for one in found.results] == [("accuracy ≥ 0.8", True), ("f1 ≥ 0.9", False)]


def test_easy_rules_are_no_way_around_the_gate_of_a_route(project: mc.Project) -> None:
    """What answers is judged by the criteria, whatever alias it has."""
    bad = project.models["m@2"]
    bad.evaluate()
    bad.promote("staging")
    bad.promote("challenger")
    eu = project.deployments.open("eu")
    with pytest.raises(errors.GateBlocked, match=r"accuracy ≥ 0\.8 failed"):
        eu.route("m@staging")
    project.models["m@1"].evaluate()
    project.models["m@1"].promote("gold")
    eu.route("m@1")


def test_rules_of_an_alias_are_amended_too(project: mc.Project) -> None:
    """Easier than what was agreed for it: with a word, for good or until a date."""
    project.models["m@1"].evaluate()
    project.scope.set(aliases={"staging": [mc.AtLeast("accuracy", 0.5)], "challenger": [], "gold": [GOLD]})
    with pytest.raises(errors.GateBlocked, match=r"accuracy ≥ 0\.8 for production would be removed"):
        project.scope.set(aliases={"production": [], "gold": [GOLD]})
    easy = {"production": [EASY], "gold": [GOLD]}
    [one] = project.scope.set(aliases=easy, message="pilot", override_until="2099-01-01").loosened
    assert (one.alias, one.before, one.after) == ("production", STRICT, EASY)
    found = project.scope.get()
    assert found is not None
    assert found.criteria_at("2098-01-01T00:00:00.000000Z", "production") == (EASY,)
    assert found.criteria_at("2099-06-01T00:00:00.000000Z", "production") == (STRICT,)
    assert found.criteria_at("2099-06-01T00:00:00.000000Z", "staging") == (STRICT,)
    assert project.scope.set(aliases={"gold": [GOLD]}).loosened == ()


@pytest.mark.parametrize("aliases", [[EASY], {"7": []}, {"a b": []}, {"staging": EASY}, {"staging": ["f1"]}])
def test_rules_that_are_none_are_refused(project: mc.Project, aliases: object) -> None:
    """With what was expected."""
    with pytest.raises(errors.InvalidInput, match=r"aliases says|alias|criteria is a list|criterion"):
        project.scope.set(aliases=aliases)  # type: ignore[arg-type]


def test_going_back_goes_by_the_rules_of_the_alias(project: mc.Project) -> None:
    """A challenger that meets no criterion is no reason to warn, or to hold a rollback of the project up."""
    bad, good = project.models["m@2"], project.models["m@1"]
    for version in (bad, good):
        version.evaluate()
    bad.promote("challenger")
    entry = len(project.history()) - 1
    good.promote("challenger")
    assert project.models.rollback("m", "challenger").ref == "m@2"
    good.promote("challenger")
    project.rollback(to=entry)
    assert project.models["m@challenger"].ref == "m@2"


def test_an_alias_is_taken_away(project: mc.Project) -> None:
    """It points at nothing then; the history says so, and going back is possible."""
    version = project.models["m@1"]
    version.promote("challenger")
    with pytest.raises(errors.NotFound, match=r"m@2 is not m@challenger, which is m@1"):
        project.models["m@2"].demote("challenger")
    version.demote("challenger", message="the trial is over")
    assert project.models.aliases("m") == {}
    with pytest.raises(errors.NotFound, match="m has no alias 'challenger'"):
        project.models["m@challenger"]
    with pytest.raises(errors.NotFound, match="which is set to nothing"):
        version.demote("challenger")
    assert project.history(limit=1)["what"].item() == "m@challenger → nothing (was m@1)"
    assert project.models.rollback("m", "challenger").ref == "m@1"


def test_what_was_in_production_is_still_to_be_as_good_as(project: mc.Project) -> None:
    """To take the alias away is no way around a comparison with what stood there."""
    criteria = [mc.NotWorseThan("production", "accuracy", margin=0.05)]
    project.scope.set(criteria=criteria, aliases={}, message="compare instead", permanent=True)
    good, bad = project.models["m@1"], project.models["m@2"]
    good.evaluate()
    good.promote()
    bad.evaluate()
    good.demote("production")
    for _ in range(2):
        with pytest.raises(errors.GateBlocked, match=r"against .* of m@1"):
            bad.promote()
        bad.evaluate()
    assert good.promote().allowed
