"""Status tells the truth about small real projects: each cause once, with what mends it, and quiet when all is well."""

from __future__ import annotations

import io
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors
from mlcycle.demo import tell
from mlcycle.lifecycle import project as project_module
from mlcycle.state import status_of
from mlcycle.testing import FaultyFiles

FRAME = pd.DataFrame({"x": np.arange(60.0), "late": (np.arange(60) >= 30).astype(int)})
FLIPPED = FRAME.assign(late=1 - FRAME["late"])
GOOD = DecisionTreeClassifier(max_depth=1).fit(FRAME[["x"]], FRAME["late"])
BAD = DummyClassifier().fit(FRAME[["x"]], FRAME["late"])
PILOT = {"override_until": "2099-12-31", "message": "pilot"}
LATER = "2100-01-01T00:00:00.000000Z"
Found = list[tuple[str, str, str]]


def begun(**given: Any) -> mc.Project:
    """Return a project with data to judge on, a good model, m@1, and a bad one, m@2, both evaluated."""
    project = mc.open(f"memory://status-{uuid.uuid4().hex}", create=True, author="ada", **given)
    project.datasets.add("d", FRAME, target="late")
    project.datasets.add("past", FRAME.assign(x=FRAME["x"] + 1000), target="late")
    project.scope.set(objective="tell late from early", criteria=[mc.AtLeast("accuracy", 0.8)], test="d")
    for model in (GOOD, BAD):
        register(project, model).evaluate()
    return project


def register(project: mc.Project, model: Any) -> mc.ModelVersion:
    """Register the next version of m."""
    uses = ["past"] if "past" in project.datasets else ()
    return project.models.register("m", model, example=FRAME[["x"]], uses=uses)


@pytest.fixture
def project() -> mc.Project:
    """See `begun`."""
    return begun()


def told(project: mc.Project, moment: str | None = None) -> Found:
    """Return what status says, now or at a moment, but that what is blocked, or answers nowhere, is so."""
    view = project._session.view()
    status = project.status() if moment is None else status_of(view, moment)
    quiet = ("blocked", "undeployed")
    return [(one.check, one.verdict, one.subject) for one in status.findings if one.check not in quiet]


def words(project: mc.Project, check: str, moment: str | None = None) -> str:
    """Return the one finding of a kind, in words."""
    view = project._session.view()
    status = project.status() if moment is None else status_of(view, moment)
    [one] = [one for one in status.findings if one.check == check]
    return one.detail


OVERRIDE = ("override", "warn", "model:m@2")
OVER = ("override", "fail", "model:m@2")


def test_where_all_is_well_nothing_is_said(project: mc.Project) -> None:
    """Promoted and routed by what was found of it; the ones beside it are nobody's concern."""
    project.models["m@1"].promote()
    project.deployments.open("eu").route("m@1")
    status = project.status()
    assert status.findings == ()
    assert status.ok
    assert str(status) == "scope       ✓\ndata        ✓\nmodel       ✓\ndeployment  ✓"


def test_the_demo_leaves_open_what_is_open() -> None:
    """Nobody has looked at the traffic since the check that failed, and that is all there is to say."""
    project = tell(io.StringIO(), f"memory://status-demo-{uuid.uuid4().hex}")
    [failed] = project.status().findings
    assert (failed.check, failed.verdict, failed.subject) == ("monitoring", "fail", "deployment:mailroom")
    assert "things at revision 1 (revision 3 answers now), and none has passed since" in failed.detail


# overrides -----------------------------------------------------------------------------------------------------------


def test_an_override_is_told_until_and_after_it_ends(project: mc.Project) -> None:
    """Once, though production and a route stand on it and it was given for a failure; by whom, why, and what to do."""
    project.models["m@2"].promote(**PILOT)
    project.deployments.open("eu").route("m@2")
    assert told(project) == [OVERRIDE]
    who = "m@2 (production and eu) stands on an override"
    again, back = "project.models['m@2'].promote('production')", "project.models['m@2'].demote('production')"
    assert words(project, "override") == f"{who} until 2099-12-31, given by ada (pilot): by then {again}"
    assert told(project, LATER) == [OVER]
    over = f"{who} given by ada (pilot), which was over on 2099-12-31, and it does not fall by itself"
    assert words(project, "override", LATER) == f"{over}: {again}, or {back}"
    assert not status_of(project._session.view(), LATER).ok


def test_any_alias_stands_on_what_let_it_move(project: mc.Project) -> None:
    """An override for staging says nothing of production, which was let through on its own."""
    project.models["m@1"].promote()
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.999)])
    project.models["m@1"].promote("staging", **PILOT)
    assert [one for one in told(project) if one[0] == "override"] == [("override", "warn", "model:m@1")]
    assert words(project, "override").startswith("m@1 (staging) stands on an override until 2099-12-31")


def test_what_passes_later_stands_by_itself(project: mc.Project) -> None:
    """An override is no more needed once the gate has let the same version through."""
    version = register(project, GOOD)
    version.promote(**PILOT)
    assert told(project) == [("override", "warn", "model:m@3")]
    version.evaluate()
    assert told(project) == [("override", "warn", "model:m@3")]
    version.promote()
    assert told(project) == []


def test_a_refusal_afterwards_takes_no_override_away(project: mc.Project) -> None:
    """What answers still answers by it."""
    project.models["m@2"].promote(**PILOT)
    with pytest.raises(errors.GateBlocked):
        project.models["m@2"].promote("staging")
    assert told(project) == [OVERRIDE]


def test_who_goes_back_stands_where_it_stood(project: mc.Project) -> None:
    """On the override it was promoted by, also after a rollback of the whole project."""
    project.models["m@2"].promote(**PILOT)
    entry = int(project.store.info()["entries"]) - 1
    project.models["m@1"].promote()
    assert told(project) == []
    with pytest.warns(errors.MlcycleWarning, match="went back"):
        project.models.rollback("m")
    assert told(project) == [OVERRIDE]
    project.models["m@1"].promote()
    project.rollback(to=entry, override_until="2098-12-31", message="storm")
    assert told(project) == [OVERRIDE]
    assert "until 2098-12-31, given by ada (storm)" in words(project, "override")


def test_a_hook_passed_by_an_override_is_told() -> None:
    """Whatever it was that blocked: a promotion, a route, a rollback of an alias or of the project."""
    answers = [True]

    def agreed(event: mc.Event, context: Any) -> bool:
        return answers[-1]

    verbs = ("model.promote", "deployment.route", "project.rollback")
    project = begun(hooks=[mc.before(verb, agreed) for verb in verbs])
    register(project, GOOD).evaluate()
    project.models["m@1"].promote()
    eu = project.deployments.open("eu")
    eu.route("m@1")
    entry = int(project.store.info()["entries"]) - 1
    project.models["m@3"].promote()
    eu.route("m@3")
    assert told(project) == []
    answers.append(False)
    eu.rollback(**PILOT)
    [(check, verdict, subject), *_] = [one for one in told(project) if one[0] == "override"]
    assert (check, verdict, subject) == ("override", "warn", "deployment:eu")
    project.models.rollback("m", **PILOT)
    assert [one[2] for one in told(project)] == ["model:m@1", "deployment:eu"]
    answers.append(True)
    project.models["m@3"].promote()
    eu.route("m@3")
    answers.append(False)
    project.rollback(to=entry, override_until="2099-12-31", message="all back")
    assert told(project) == [("override", "warn", "model:m@1")]
    assert words(project, "override").startswith("m@1 (production and eu) stands on an override until")


def test_a_route_by_an_override_names_all_it_lets_in(project: mc.Project) -> None:
    """One decision is one finding, at the deployment."""
    register(project, BAD).evaluate()
    project.deployments.open("eu").route({"m@1": 8, "m@2": 1, "m@3": 1}, **PILOT)
    assert told(project) == [("override", "warn", "deployment:eu")]
    assert words(project, "override").startswith("m@1 (eu), m@2 (eu) and m@3 (eu) stand on an override until")


def test_what_was_found_after_an_override_is_news(project: mc.Project) -> None:
    """It was given for want of evidence, and now there is some, against it."""
    version = register(project, BAD)
    version.promote(**PILOT)
    assert told(project) == [("override", "warn", "model:m@3")]
    version.evaluate()
    assert told(project) == [("override", "warn", "model:m@3"), ("failing", "fail", "model:m@3")]
    version.promote(override_until="2099-12-31", message="we know")
    assert told(project) == [("override", "warn", "model:m@3")]
    version.evaluate()
    assert told(project) == [("override", "warn", "model:m@3")]  # which was known


# what answers, by the criteria of today ------------------------------------------------------------------------------


@pytest.fixture
def live(project: mc.Project) -> mc.Project:
    """Return a project with m@1 in production and at eu."""
    project.models["m@1"].promote()
    project.deployments.open("eu").route("m@1")
    return project


def test_what_answers_and_fails_is_told_once(live: mc.Project) -> None:
    """Though two places answer with it; what mends it goes back, or on."""
    live.datasets.add("d", FLIPPED, target="late")
    assert told(live) == []  # the scope judges on what it was first judged on
    live.scope.set(test="d@2", permanent=True, message="the labels were the wrong way round")
    moved = ("moved", "not_applicable", "scope:scope")
    assert told(live) == [moved, ("unevaluated", "warn", "model:m@1")]
    on = "m@1 (production and eu) was judged on d@1, and the scope judges on d@2"
    assert words(live, "unevaluated") == f"{on}: project.models['m@1'].evaluate('d@2')"
    live.models["m@1"].evaluate()
    assert told(live) == [moved, ("failing", "fail", "model:m@1")]
    assert words(live, "failing").endswith("promote one that passes, or project.models['m@1'].demote('production')")
    live.datasets.add("d", FRAME[:-1], target="late")
    live.scope.set(test="d@3", permanent=True, message="and back")
    assert ("failing", "fail", "model:m@1") in told(live)  # other data alone takes no failure back
    live.models["m@1"].evaluate()
    assert ("failing", "fail", "model:m@1") not in told(live)


def test_what_nobody_judged_is_told(live: mc.Project) -> None:
    """A criterion on data it was never evaluated on; the newest version beside it is due all the same."""
    live.datasets.add("e", FRAME, target="late")
    live.scope.set(criteria=[mc.AtLeast("accuracy", 0.8), mc.AtLeast("accuracy", 0.7, on="e")])
    register(live, GOOD)
    assert told(live) == [("unevaluated", "fail", "model:m@1"), ("due", "warn", "model:m@3")]
    never = "m@1 (production and eu) was never evaluated on e@1, on which the scope judges"
    assert words(live, "unevaluated") == f"{never}: project.models['m@1'].evaluate('e@1')"
    live.models["m@1"].evaluate("e")
    assert told(live) == [("due", "warn", "model:m@3")]


def test_production_is_held_to_its_own_rules(project: mc.Project) -> None:
    """Where it has some, and nothing else answers by that version."""
    project.scope.set(aliases={"production": []}, permanent=True, message="a demonstration")
    project.models["m@2"].promote()
    assert [one for one in told(project) if one[0] == "failing"] == []
    project.deployments.open("eu").route("m@2", **PILOT)
    project.deployments["eu"].route("m@1")
    assert [one for one in told(project) if one[0] == "failing"] == []


def test_without_criteria_what_answers_unseen_is_due() -> None:
    """Nothing could block it, and nobody knows how good it is."""
    project = mc.open(f"memory://status-{uuid.uuid4().hex}", create=True, author="ada")
    project.datasets.add("d", FRAME, target="late")
    for _ in range(2):
        register(project, GOOD)
    project.models["m@1"].promote()
    project.models["m@2"].evaluate("d")
    assert told(project) == [("missing", "warn", "scope:scope"), ("due", "warn", "model:m@1")]
    assert words(project, "due") == "m@1 (production) was never evaluated: project.models['m@1'].evaluate('…')"


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        (mc.AtLeast("accuracy", 0.75), []),  # what passed more passes less
        (mc.AtLeast("accuracy", 0.85), [("unevaluated", "warn", "model:m@1")]),
        (mc.AtMost("log_loss", 1.0), [("unevaluated", "warn", "model:m@1")]),
        (mc.AtLeast("accuracy", 0.85, blocking=False), []),
    ],
)
def test_evidence_by_a_former_scope(live: mc.Project, criterion: Any, expected: Found) -> None:
    """It counts as far as that asked at least as much of what blocks; another evaluation answers the rest."""
    live.scope.set(criteria=[criterion], **PILOT)
    assert [one for one in told(live) if one[0] != "loosened"] == expected
    live.models["m@1"].evaluate()
    assert [one for one in told(live) if one[0] != "loosened"] == []


def test_a_failure_by_a_former_scope(live: mc.Project) -> None:
    """It fails what asks as much or more; what asks less takes another look."""
    live.datasets.add("e", FLIPPED, target="late")
    criteria = [mc.AtLeast("accuracy", 0.8, on="e")]
    live.scope.set(criteria=[mc.AtLeast("accuracy", 0.8), *criteria])
    live.models["m@1"].evaluate("e")
    assert told(live) == [("failing", "fail", "model:m@1"), ("due", "warn", "model:m@2")]
    live.models["m@2"].evaluate("e")
    assert told(live) == [("failing", "fail", "model:m@1")]
    live.scope.set(criteria=[mc.AtLeast("accuracy", 0.8), mc.AtLeast("accuracy", 0.85, on="e")])
    assert told(live) == [("failing", "fail", "model:m@1")]
    live.scope.set(criteria=[mc.AtLeast("accuracy", 0.8), mc.AtLeast("accuracy", 0.7, on="e")], **PILOT)
    assert ("unevaluated", "warn", "model:m@1") in told(live)


def test_what_passed_while_it_was_loosened_is_asked_again_when_that_ends(project: mc.Project) -> None:
    """The former criterion holds again, and nobody has judged by it."""
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.3)], **PILOT)
    project.models["m@2"].evaluate()
    project.models["m@2"].promote()
    assert told(project) == [("loosened", "not_applicable", "scope:scope")]
    assert told(project, LATER) == [("loosened", "warn", "scope:scope"), ("unevaluated", "warn", "model:m@2")]


def fails(subject: str, context: Any) -> bool:
    """Fail, whatever it is."""
    return False


def test_a_check_given_by_hand_is_no_criterion(live: mc.Project) -> None:
    """It fails, and the scope is met: the log tells both apart."""
    assert live.models["m@1"].evaluate(checks=[fails]).verdict == "fail"
    assert told(live) == []
    fact = next(live._session.view().facts.of("evaluation", "model:m@1", newest_first=True))
    assert (fact["verdict"], fact["criteria"]) == ("fail", "pass")


def test_what_was_judged_on_rows_it_has_seen_is_as_good_as_not_judged() -> None:
    """A gate takes no such evidence, and status neither."""
    project = mc.open(f"memory://status-{uuid.uuid4().hex}", create=True, author="ada")
    project.datasets.add("d", FRAME, target="late")
    project.models.register("m", GOOD, uses=["d"], example=FRAME[["x"]]).promote()
    project.scope.set(objective="o", criteria=[mc.AtLeast("accuracy", 0.8)], test="d")
    never = words(project, "unevaluated")
    assert project.models["m@1"].evaluate().verdict == "pass"
    assert told(project) == [("unevaluated", "fail", "model:m@1")]
    assert words(project, "unevaluated") != never
    assert "was judged on rows of d@1 that it was trained on" in words(project, "unevaluated")


def test_what_few_rows_cannot_show_is_told(live: mc.Project) -> None:
    """An answer that is none is a warning."""
    live.scope.set(criteria=[mc.AtLeast("accuracy", 0.999)])
    live.models["m@1"].evaluate()
    assert told(live) == [("undecided", "warn", "model:m@1")]
    assert words(live, "undecided").endswith("project.models['m@1'].evaluations()[-1]")


def test_who_goes_back_to_what_fails_is_told(project: mc.Project) -> None:
    """By what the gate knew, of which the log tells less; until it is judged again, or asked something else."""
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.3)], **PILOT)
    project.models["m@2"].evaluate()
    project.models["m@2"].promote()
    project.models["m@1"].promote()
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.8)])
    assert told(project) == []
    with pytest.warns(errors.MlcycleWarning, match="went back"):
        project.models.rollback("m")
    assert told(project) == [("failing", "fail", "model:m@2")]
    assert words(project, "failing").startswith("production went back on ")
    project.models["m@2"].evaluate()
    assert told(project) == [("failing", "fail", "model:m@2")]
    assert words(project, "failing").startswith("m@2 (production) fails the scope by its evaluation on d@1")
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.3)], **PILOT)
    assert told(project) == [("loosened", "not_applicable", "scope:scope")]  # a gate let it pass by just that
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.2)], **PILOT)
    assert {one[0] for one in told(project)} == {"loosened"}


# what the gate decided -----------------------------------------------------------------------------------------------


def test_what_a_gate_allowed_by_an_amended_scope_is_met(project: mc.Project) -> None:
    """It weighed by today's criteria what was measured by former ones, which the log alone could not."""
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.999)])
    assert project.models["m@1"].evaluate().verdict != "pass"
    easier = {"criteria": [mc.AtLeast("accuracy", 0.75)], "permanent": True, "message": "it was a dream"}
    project.scope.set(**easier)
    project.models["m@1"].promote()
    project.deployments.open("eu").route("m@1")
    assert told(project) == [("loosened", "not_applicable", "scope:scope")]
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.999)])
    assert ("undecided", "warn", "model:m@1") in told(project)
    project.models["m@1"].evaluate()
    assert ("undecided", "warn", "model:m@1") in told(project)


def test_a_later_evaluation_that_fails_stands_against_a_decision(live: mc.Project) -> None:
    """What was found since is news."""
    live.datasets.add("e", FRAME, target="late")
    live.scope.set(criteria=[mc.AtLeast("accuracy", 0.8), mc.AtLeast("accuracy", 0.8, on="e")])
    live.models["m@1"].evaluate("e")
    live.models["m@1"].promote()
    live.models["m@2"].evaluate("e")
    assert told(live) == []
    live.datasets.add("e", FLIPPED, target="late")
    live.scope.set(
        criteria=[mc.AtLeast("accuracy", 0.8), mc.AtLeast("accuracy", 0.8, on="e@2")], permanent=True, message="new"
    )
    live.models["m@1"].evaluate("e@2")
    assert ("failing", "fail", "model:m@1") in told(live)


def test_what_passed_the_rules_of_production_is_met(project: mc.Project) -> None:
    """An evaluation gives its verdict by what is asked of all, and the gate by what is asked there."""
    own = [mc.AtLeast("accuracy", 0.85)]
    project.scope.set(aliases={"production": own})
    project.models["m@1"].promote()
    assert told(project) == []
    project.scope.set(aliases={"production": [mc.AtLeast("accuracy", 0.86)]})
    assert told(project) == [("unevaluated", "warn", "model:m@1")]
    mends = words(project, "unevaluated").partition("today's: ")[2]
    assert mends == "project.models['m@1'].evaluate('d@1'), then project.models['m@1'].promote('production')"
    for line in mends.split(", then "):
        eval(line, {"project": project})
    assert told(project) == []


def test_an_override_for_a_share_opens_nothing_more(project: mc.Project) -> None:
    """Neither more of the traffic there, nor any elsewhere; that of a promotion counts wherever it is routed."""
    eu, us = project.deployments.open("eu"), project.deployments.open("us")
    eu.route({"m@1": 90, "m@2": 10}, **PILOT)
    eu.route({"m@1": 95, "m@2": 5})
    for place, weights in [(us, "m@2"), (us, {"m@1": 95, "m@2": 5}), (eu, {"m@1": 89, "m@2": 11}), (eu, "m@2")]:
        with pytest.raises(errors.GateBlocked):
            place.route(weights)
    project.models["m@2"].promote(**PILOT)
    us.route("m@2")
    assert us.revision is not None


# what mends it -------------------------------------------------------------------------------------------------------


def test_lines_that_mend_can_be_run(project: mc.Project) -> None:
    """A place without a route, with production and without; who went wrong, with a way back and without."""
    project.models["m@1"].promote()
    project.models["m@1"].demote("production")
    project.deployments.open("eu")
    assert words(project, "missing").endswith("project.deployments['eu'].route('m@2')")
    project.models["m@1"].promote()
    line = words(project, "missing").partition(": ")[2]
    assert line == "project.deployments['eu'].route('m@production')"
    eval(line, {"project": project})
    project.models["m@2"].promote(**PILOT)
    project.deployments["eu"].route("m@2")
    line = words(project, "override", LATER).rpartition(", or ")[2]
    assert line == "project.models.rollback('m', 'production')"
    eval(line, {"project": project})
    line = words(project, "override", LATER).rpartition(", or ")[2]
    assert line == "project.deployments['eu'].rollback()"
    eval(line, {"project": project})
    assert told(project) == []


def test_a_check_that_failed_is_cleared_by_the_line_it_names() -> None:
    """By itself a check reads the same bad requests again; slices that traffic lacks stand in nobody's way."""
    project = mc.open(f"memory://status-{uuid.uuid4().hex}", create=True, author="ada")
    frame = pd.concat([FRAME] * 10, ignore_index=True).assign(region=["eu", "us"] * 300)
    train, _ = project.datasets.add("d", frame, target="late").split(seed=0)
    project.scope.set(objective="o", criteria=[mc.AtLeast("accuracy", 0.8, slices="region")], test="d.test")
    model = project.models.register("m", GOOD, example=FRAME[["x"]], uses=[train])
    model.evaluate()
    model.promote()
    web = project.deployments.open("web")
    web.route("m@production")
    rows = train.load()

    def answer(name: str) -> None:
        with web.serve() as service:
            service.predict(rows[["x"]], ids=[f"{name}-{row}" for row in range(len(rows))])
        web.label([f"{name}-{row}" for row in range(len(rows))], rows["late"])

    answer("before")
    with web.serve() as service:
        for row in range(60):
            with pytest.raises(errors.InvalidInput):
                service.predict(FRAME[["late"]][:1], ids=[f"bad-{row}"])
    assert web.check().verdict == "fail"
    assert web.check().verdict == "fail"
    assert told(project) == [("monitoring", "fail", "deployment:web")]
    line = words(project, "monitoring").partition("since: ")[2]
    assert line.startswith("project.deployments['web'].check(since='")
    assert eval(line, {"project": project}).verdict != "pass"
    assert told(project) == [("monitoring", "fail", "deployment:web")]  # nothing was seen yet that could tell
    answer("after")
    assert eval(line, {"project": project}).verdict == "pass"
    assert told(project) == []


def test_what_was_judged_on_other_data_alone_is_due(project: mc.Project) -> None:
    """The scope judges on d, and nobody looked there."""
    register(project, GOOD).evaluate("past")
    assert told(project) == [("due", "warn", "model:m@3")]
    line = words(project, "due").partition("judges: ")[2]
    assert words(project, "due").startswith("m@3 was never evaluated on d@1, on which the scope judges: ")
    eval(line, {"project": project})
    assert told(project) == []


def test_parts_are_stale_while_something_uses_them() -> None:
    """Folds nobody uses stay as they are; where a test is pinned, what comes after must not be trained on its rows."""
    project = mc.open(f"memory://status-{uuid.uuid4().hex}", create=True, author="ada")
    version = project.datasets.add("d", FRAME, target="late")
    version.folds(3)
    train, _ = version.split(seed=1)
    project.scope.set(objective="o", criteria=[mc.AtLeast("accuracy", 0.5)], test="d.test")
    model = project.models.register("m", GOOD, example=FRAME[["x"]], uses=[train])
    model.evaluate()
    model.promote()
    assert told(project) == []
    newer = project.datasets.add("d", FLIPPED, target="late")
    assert [one[:2] for one in told(project)] == [("stale", "warn")] * 2
    data, trained = [one.detail for one in project.status().findings if one.check == "stale"]
    assert data.startswith("d.test@1 and d.train@1 are parts of d@1, and d@2 stands now; split it again")
    assert ": split again and train anew without the rows of d.test@1, on which the scope judges, or move" in trained
    newer.split(seed=2)
    assert words(project, "stale").startswith("m@1 (production) was trained on d.train@1, and d.train@2 is there now: ")
    assert "train anew without the rows of d.test@1" in words(project, "stale")


def test_hooks_and_checks_of_traffic_see_the_test_that_evaluations_use() -> None:
    """A new split moves no goalposts: not for what is judged, and not for what is asked beside it."""
    seen: list[Any] = []

    def look(event: mc.Event, context: Any) -> None:
        seen.append((context.data.default, len(context.data.load())))

    project = mc.open(f"memory://status-{uuid.uuid4().hex}", create=True, hooks=[mc.before("model.promote", look)])
    version = project.datasets.add("v", FRAME, target="late")
    train, _ = version.split(test=0.2, seed=0)
    project.scope.set(objective="o", criteria=[mc.AtLeast("accuracy", 0.1)], test="v.test")
    model = project.models.register("m", GOOD, example=FRAME[["x"]], uses=[train])
    model.evaluate()
    version.split(test=0.5, seed=1)
    model.promote()
    assert seen == [("v.test@1", 12)]
    web = project.deployments.open("web")
    web.route("m@1")

    def expected(subject: str, context: Any) -> bool:
        return len(context.traffic.expected()) == 12

    assert [one.verdict for one in web.check(checks=[expected]).results if one.look == "expected"] == ["pass"]


# moments -------------------------------------------------------------------------------------------------------------


def test_the_past_is_told_as_it_stood(project: mc.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What had expired at that entry, and nothing that came later."""
    project.models["m@2"].promote(**PILOT)
    entry = int(project.store.info()["entries"]) - 1
    project.models["m@1"].promote()
    monkeypatch.setattr(project_module, "now", lambda: LATER)
    assert told(project) == []
    then = project.at(entry).status()
    assert [(one.check, one.verdict) for one in then.findings if one.check != "undeployed"] == [("override", "warn")]
    assert then.at < LATER
    assert project.at(entry - 1).status().phases["deployment"] == []
    assert project.status().at == LATER


def test_a_second_look_asks_the_storage_for_nothing_but_what_is_new(
    live: mc.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in entries is remembered; no document of an evaluation or a decision is read at any time."""
    live.models["m@2"].promote(**PILOT)
    reading = mc.open(live.store.url, mode="r")
    files = FaultyFiles(reading._session.log.files)
    reading._session._connection.use_files(files)
    reading.status()
    assert {key.partition("/")[0] for _, key in files.calls} <= {"log", "checkpoints", "hint.json"}
    reading._session.view()
    before = len(files.calls)
    reading._session.view()
    look = len(files.calls) - before
    reading.status()
    assert len(files.calls) == before + 2 * look


def test_another_draw_of_the_same_rows_is_no_newer_data() -> None:
    """Whoever tries a seed makes no model stale; rows that come do."""
    project = mc.open(f"memory://status-{uuid.uuid4().hex}", create=True, author="ada")
    whole = project.datasets.add("d", FRAME, target="late")
    train, _ = whole.split(test=0.5)
    project.models.register("m", GOOD, example=FRAME[["x"]], uses=[train]).promote()
    whole.split(test=0.5, seed=1)
    assert [one for one in told(project) if one[0] == "stale"] == []
    project.datasets.add("d", pd.concat([FRAME, FRAME.assign(x=FRAME["x"] + 1000)], ignore_index=True))
    assert [one for one in told(project) if one[0] == "stale"] == [("stale", "warn", "model:m@1")]
