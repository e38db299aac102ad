"""Routes pass the gate: who may answer, on what, until when; and nobody is kept from going back."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors, records
from mlcycle.lifecycle._operation import Operation
from mlcycle.lifecycle.deployments import _trial
from mlcycle.lifecycle.evaluation import _gate, _standing_decisions
from mlcycle.state import status_of

FRAME = pd.DataFrame({"x": np.arange(60.0), "late": (np.arange(60) >= 30).astype(int)})
GOOD = DecisionTreeClassifier(max_depth=1).fit(FRAME[["x"]], FRAME["late"])
BAD = DummyClassifier().fit(FRAME[["x"]], FRAME["late"])
PILOT = {"override_until": "2100-01-01", "message": "pilot"}
NEVER = "2200-01-01T00:00:00.000000Z"


@pytest.fixture
def project() -> mc.Project:
    """Return a project with a good model, m@1, a bad one, m@2, and m@3 and m@4 that nobody has evaluated."""
    project = mc.open(f"memory://routing-{uuid.uuid4().hex}", create=True, author="ada")
    project.datasets.add("d", FRAME, target="late")
    project.datasets.add("past", FRAME.assign(x=FRAME["x"] + 1000), target="late")  # what the models were trained on
    project.scope.set(objective="tell late from early", criteria=[mc.AtLeast("accuracy", 0.8)], test="d")
    for model in (GOOD, BAD, GOOD, GOOD):
        project.models.register("m", model, example=FRAME[["x"]], uses=["past"])
    project.models["m@1"].evaluate()
    project.models["m@2"].evaluate()
    return project


@pytest.fixture
def eu(project: mc.Project) -> mc.Deployment:
    """Return a place without a route."""
    return project.deployments.open("eu")


def entries(project: mc.Project) -> int:
    """Return how many entries the log has."""
    return int(project.store.info()["entries"])


def decisions(project: mc.Project) -> list[records.Decision]:
    """Return the decisions on routes."""
    return [one for one in project.models.decisions() if one.subject == "deployment:eu"]


def deployment_findings(project: mc.Project, moment: str | None = None) -> list[tuple[str, str, str]]:
    """Return what status says of routes, now or at a moment: check, verdict and words."""
    status = project.status() if moment is None else status_of(project._session.view(), moment)
    return [(one.check, one.verdict, one.detail) for one in status.phases["deployment"]]


def live_findings(project: mc.Project) -> list[tuple[str, str, str]]:
    """Return what status says of what answers, at its model and at its deployment."""
    about = ("failing", "unevaluated", "undecided", "override", "trial")
    return [(one.check, one.verdict, one.detail) for one in project.status().findings if one.check in about]


def test_what_fails_gets_no_traffic(project: mc.Project, eu: mc.Deployment) -> None:
    """A version whose evaluation fails is kept out, in any share; the refusal alone is kept, found by the version."""
    for weights in ("m@2", {"m@1": 99, "m@2": 1}):
        before = entries(project)
        with pytest.raises(errors.GateBlocked, match=r"m@2: accuracy ≥ 0\.8 failed: 0\.5") as refused:
            eu.route(weights)
        assert (entries(project), eu.revision) == (before + 1, None)
        assert project.models["m@2"].decisions()[-1] == refused.value.decision
        assert refused.value.decision.subject == "deployment:eu"


def test_what_passes_is_decided_with_the_route(project: mc.Project, eu: mc.Deployment) -> None:
    """One entry holds the revision and the decision, which says by what scope, and is found by all it is about."""
    revision = eu.route("m@1", message="go")
    [decision] = decisions(project)
    assert (decision.action, decision.allowed, decision.scope, decision.trial) == ("route", True, 1, {})
    assert decision.entry == revision.entry == entries(project) - 1
    view = project._session.view()
    for ref in ("deployment:eu", "deployment:eu@1", "model:m@1"):
        assert [*view.facts.entries("decision", ref)] == [revision.entry]


def test_what_was_promoted_or_routed_is_not_asked_again(project: mc.Project, eu: mc.Deployment) -> None:
    """A standing decision counts, also a promotion at every place; a share by an override only where it was given."""
    project.models["m@1"].promote()
    eu.route("m@1")
    assert decisions(project) == []
    project.models["m@2"].evaluate()
    eu.route({"m@2": 1}, **PILOT)
    eu.route({"m@1": 1, "m@2": 1})
    us = project.deployments.open("us")
    us.route("m@1")
    assert len(decisions(project)) == 1
    with pytest.raises(errors.GateBlocked, match="route us is blocked"):
        us.route({"m@1": 1, "m@2": 1})


def test_a_later_refusal_ends_what_stood(project: mc.Project, eu: mc.Deployment) -> None:
    """What was allowed, and is then refused, is asked about again."""
    project.models["m@2"].promote(**PILOT)
    eu.route("m@2")
    with pytest.raises(errors.GateBlocked):
        project.models["m@2"].promote("staging")
    with pytest.raises(errors.GateBlocked, match="m@2: accuracy"):
        eu.route({"m@2": 1, "m@1": 1})


def test_an_override_ends(project: mc.Project, eu: mc.Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """It carries later routes until its end; the route it carried stays, and status says so all along."""
    eu.route("m@2", override_until="2099-12-31", message="pilot")
    eu.route({"m@2": 1, "m@1": 1})
    words = "m@2 (eu) stands on an override until 2099-12-31, given by ada (pilot)"
    assert deployment_findings(project) == [
        ("override", "warn", f"{words}: by then project.deployments['eu'].route(…)")
    ]
    [(check, verdict, later)] = deployment_findings(project, NEVER)
    assert (check, verdict) == ("override", "fail")
    assert later.startswith("m@2 (eu) stands on an override given by ada (pilot), which was over on 2099-12-31")
    monkeypatch.setattr(_standing_decisions, "now", lambda: NEVER)
    with pytest.raises(errors.GateBlocked, match="m@2: accuracy"):
        eu.route("m@2")


def test_a_shadow_is_free(project: mc.Project, eu: mc.Deployment) -> None:
    """Nobody hears it, so nobody is asked about it, whatever is known of it."""
    assert eu.route("m@1", shadow="m@2").shadow == "m@2"
    assert eu.route("m@1", shadow="m@3").shadow == "m@3"
    assert len(decisions(project)) == 1


def test_a_tenth_without_evidence(project: mc.Project, eu: mc.Deployment) -> None:
    """What nobody has evaluated may get 10 % for two weeks, all such versions together, as status says."""
    eu.route({"m@1": 90, "m@3": 5, "m@4": 5}, message="canary")
    [decision] = decisions(project)
    until = decision.trial["model:m@3"]
    assert (pd.Timestamp(until) - pd.Timestamp(decision.now)).round("min") == pd.Timedelta(days=14)
    assert f"m@3 may answer up to 10 % of eu without evidence until {until[:10]}" in decision.why
    found = deployment_findings(project)
    evaluate = "which nobody has evaluated; until {}: project.models['{}'].evaluate()".format
    assert found == [
        ("trial", "warn", f"eu answers 5 % with {ref}, {evaluate(until[:10], ref)}") for ref in ("m@3", "m@4")
    ]
    [after, _] = deployment_findings(project, NEVER)
    assert after[:2] == ("trial", "fail")
    project.models["m@3"].evaluate()
    assert [words for _, _, words in deployment_findings(project)] == [found[1][2]]


@pytest.mark.parametrize("weights", [{"m@1": 89, "m@3": 11}, {"m@1": 88, "m@3": 6, "m@4": 6}, "m@3"])
def test_more_than_a_tenth_takes_evidence(project: mc.Project, eu: mc.Deployment, weights: Any) -> None:
    """The refusal names the three ways out, each of which works."""
    ways = r"evaluate it, give what nobody has evaluated at most 10 % together, or say override_until= and message="
    with pytest.raises(errors.GateBlocked, match=ways):
        eu.route(weights)
    eu.route(weights, **PILOT)
    assert [one.trial for one in decisions(project)] == [{}, {}]


def test_a_trial_is_no_leave_for_more(project: mc.Project, eu: mc.Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Routed again it keeps its end, at another place it has its own, more is refused, and so is all after its end."""
    eu.route({"m@1": 9, "m@3": 1})
    with pytest.raises(errors.GateBlocked, match=r"m@3 would answer 50 % of eu"):
        eu.route({"m@1": 1, "m@3": 1})
    eu.route({"m@1": 19, "m@3": 1})
    first, _, again = decisions(project)
    assert first.trial == again.trial
    monkeypatch.setattr(_trial, "now", lambda: NEVER)
    with pytest.raises(errors.GateBlocked, match=rf"eu was given m@3 until {first.trial['model:m@3'][:10]} without"):
        eu.route({"m@1": 9, "m@3": 1})
    project.models["m@3"].evaluate()
    assert eu.route("m@3").weights == {"m@3": 1}


def test_no_evidence_is_the_only_fault_a_trial_forgives(project: mc.Project, eu: mc.Deployment) -> None:
    """Beside one that fails, and where a criterion cannot be weighed here, there is none."""
    with pytest.raises(errors.GateBlocked) as refused:
        eu.route({"m@2": 9, "m@3": 1})
    assert refused.value.decision.trial == {}
    newer = records.UnknownCriterion({"type": "Calibrated", "within": 0.02})
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.8), newer])
    with pytest.raises(errors.GateBlocked, match="a newer mlcycle"):
        eu.route({"m@1": 9, "m@3": 1})


def test_a_scope_that_names_no_data() -> None:
    """Nobody could have evaluated anything, which is a fault a trial forgives."""
    project = mc.open(f"memory://routing-{uuid.uuid4().hex}", create=True, author="ada")
    with pytest.warns(errors.MlcycleWarning, match="names no data"):
        project.scope.set(objective="o", criteria=[mc.AtLeast("accuracy", 0.8)])
    for _ in range(2):
        project.models.register("m", GOOD, example=FRAME[["x"]])
    project.models["m@1"].promote(**PILOT)
    eu = project.deployments.open("eu")
    assert eu.route({"m@1": 9, "m@2": 1}).number == 1
    assert [*decisions(project)[0].trial] == ["model:m@2"]
    project.datasets.add("d", FLIPPED, target="late")
    project.models["m@2"].evaluate("d")
    with pytest.raises(errors.GateBlocked, match=r"it names no data: .*; but it failed accuracy ≥ 0\.8: 0 \["):
        eu.route({"m@1": 8, "m@2": 1})


def test_a_tightened_scope_is_held_against_what_was_measured(project: mc.Project, eu: mc.Deployment) -> None:
    """A stricter threshold ends what stood, and takes no new look at the test set."""
    project.models["m@1"].promote()
    project.models["m@2"].promote("staging", **PILOT)
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.85)])
    eu.route("m@1")
    [decision] = decisions(project)
    assert (decision.scope, decision.results[0].check, decision.results[0].verdict) == (2, "accuracy ≥ 0.85", "pass")
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.999)])
    with pytest.raises(errors.GateBlocked, match=r"m@1: accuracy ≥ 0\.999 is inconclusive: 1, interval"):
        eu.route("m@1")
    with pytest.raises(errors.GateBlocked, match=r"m@2: accuracy ≥ 0\.999 failed"):
        eu.route("m@2")
    assert len(project.models.evaluations()) == 2


def test_what_is_asked_of_data_is_not_asked_of_models(project: mc.Project, eu: mc.Deployment) -> None:
    """A criterion on rows ends no decision on a model."""
    project.models["m@1"].promote()
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.8), mc.RowCount(at_least=1, on="d")])
    eu.route("m@1")
    assert decisions(project) == []


def test_a_loosened_scope_leaves_what_stood(project: mc.Project, eu: mc.Deployment) -> None:
    """Decisions by stricter criteria still hold."""
    project.models["m@1"].promote()
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.7)], **PILOT)
    eu.route("m@1")
    assert decisions(project) == []


def test_going_back_is_never_blocked_and_warns(project: mc.Project, eu: mc.Deployment) -> None:
    """A place, and an alias, go back to what was allowed then; what it fails today is said and kept."""
    project.models["m@2"].promote(**PILOT)
    eu.route("m@2")
    project.models["m@1"].promote()
    eu.route("m@1")
    words = r"went back to what the scope would not allow today: m@2 fails today: accuracy ≥ 0\.8: 0\.5 \["
    with pytest.warns(errors.MlcycleWarning, match=f"^eu {words}"):
        assert eu.rollback(message="slow").weights == {"m@2": 1}
    with pytest.warns(errors.MlcycleWarning, match=f"^m@production {words}"):
        assert project.models.rollback("m").ref == "m@2"
    place, alias = [one for one in project.models.decisions() if one.action == "rollback"]
    assert (place.subject, alias.subject) == ("deployment:eu", "model:m@2")
    for one in (place, alias):
        assert one.allowed
        assert one.why.count("accuracy ≥ 0.8 failed: 0.5, interval 0.") == 1
        assert [(result.verdict, result.blocking) for result in one.results] == [("fail", False)]


def test_going_back_to_what_is_fine_says_nothing(project: mc.Project, eu: mc.Deployment) -> None:
    """No decision is made where nobody has anything to say."""
    eu.route("m@1")
    eu.route("m@1", shadow="m@2")
    before = len(project.models.decisions())
    assert eu.rollback().number == 1
    assert len(project.models.decisions()) == before


def test_a_hook_may_keep_somebody_from_going_back() -> None:
    """Code hooks see which versions would answer, and an override passes them."""
    seen: list[Any] = []

    def frozen(event: mc.Event, context: Any) -> bool:
        seen.append((event.verb, event.subject, dict(event.proposal)))
        return event.proposal["how"] != "rollback"

    hooks = [mc.before("deployment.route", frozen)]
    project = mc.open(f"memory://routing-{uuid.uuid4().hex}", create=True, author="ada", hooks=hooks)
    for _ in range(2):
        project.models.register("m", GOOD, example=FRAME[["x"]])
    eu = project.deployments.open("eu")
    eu.route("m@1", shadow="m@2")
    eu.route({"m@1": 1, "m@2": 3})
    with pytest.raises(errors.GateBlocked, match="frozen failed"):
        eu.rollback()
    assert eu.rollback(**PILOT).number == 1
    assert seen[:3] == [
        ("deployment.route", "deployment:eu", {"how": "route", "weights": {"m@1": 1}, "shadow": "m@2", "before": None}),
        (
            "deployment.route",
            "deployment:eu",
            {"how": "route", "weights": {"m@1": 1, "m@2": 3}, "shadow": None, "before": 1},
        ),
        ("deployment.route", "deployment:eu", {"how": "rollback", "weights": {"m@1": 1}, "shadow": "m@2", "before": 2}),
    ]


def test_without_criteria_only_loading_is_judged() -> None:
    """Where nobody asks anything, a version is tried once, and no other decision is stored."""
    project = mc.open(f"memory://routing-{uuid.uuid4().hex}", create=True, author="ada")
    project.models.register("m", BAD, example=FRAME[["x"]])
    eu = project.deployments.open("eu")
    eu.route("m@1")
    eu.route("m@1", shadow="m@1")
    eu.rollback()
    [decision] = project.models.decisions()
    assert [(one.check, one.verdict) for one in decision.results] == [("loads in a fresh interpreter", "pass")]
    assert decision.why.endswith("no criterion of the scope asks for anything")


def test_a_promotion_of_an_older_mlcycle_stands(
    project: mc.Project, eu: mc.Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not say its scope, which was that of the moment."""
    project.models["m@2"].promote(**PILOT)
    fact = next(project._session.view().facts.of("decision", "model:m@2"))
    del fact.says["scope"], fact.says["trial"]
    eu.route("m@2")
    assert decisions(project) == []


def test_a_scope_that_changed_meanwhile_is_judged_anew(
    project: mc.Project, eu: mc.Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was judged by a scope that is not in force any more is not committed."""
    commit, other = Operation.commit, mc.open(project.store.url, author="bob")
    stricter = iter([mc.AtLeast("accuracy", 0.999)])

    def slow(do: Operation, *given: Any, **named: Any) -> Any:
        for one in stricter:
            other.scope.set(criteria=[one])
        return commit(do, *given, **named)

    monkeypatch.setattr(Operation, "commit", slow)
    with pytest.raises(errors.GateBlocked, match=r"accuracy ≥ 0\.999 is inconclusive"):
        eu.route("m@1")
    assert eu.revision is None


def test_evidence_that_changed_meanwhile_is_not(
    project: mc.Project, eu: mc.Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was judged is committed as it was judged: only scope, pointer and versions are looked at again."""
    commit, other = Operation.commit, mc.open(project.store.url, author="bob")
    once = iter([1])

    def slow(do: Operation, *given: Any, **named: Any) -> Any:
        for _ in once:
            other.models["m@3"].evaluate()
        return commit(do, *given, **named)

    monkeypatch.setattr(Operation, "commit", slow)
    eu.route({"m@1": 9, "m@3": 1})
    assert [*decisions(project)[0].trial] == ["model:m@3"]


def test_a_route_that_was_set_meanwhile(
    project: mc.Project, eu: mc.Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who was faster is named, and nothing is set."""
    eu.route("m@1")
    commit, other = Operation.commit, mc.open(project.store.url, author="bob")
    once = iter([1])

    def slow(do: Operation, *given: Any, **named: Any) -> Any:
        for _ in once:
            other.deployments["eu"].route("m@1", shadow="m@2", message="look")
        return commit(do, *given, **named)

    monkeypatch.setattr(Operation, "commit", slow)
    words = (
        r"the route of eu was revision 1 when this began and is revision 2 now, set by bob at .*: look; look at that"
    )
    with pytest.raises(errors.ConflictError, match=words) as lost:
        eu.route("m@1")
    assert lost.value.winner["author"] == "bob"


def test_a_route_goes_back_from_where_it_was_seen(
    project: mc.Project, eu: mc.Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two who roll back at once one does; the other is told, and his op is free to try again."""
    for shadow in (None, "m@2", "m@3"):
        eu.route("m@1", shadow=shadow)
    commit, other = Operation.commit, mc.open(project.store.url, author="bob")
    once = iter([1])

    def slow(do: Operation, *given: Any, **named: Any) -> Any:
        for _ in once:
            other.deployments["eu"].rollback(message="slow")
        return commit(do, *given, **named)

    monkeypatch.setattr(Operation, "commit", slow)
    words = (
        r"the route of eu was revision 3 when this began and is revision 2 now, set by bob at .*: slow; look at that"
    )
    with pytest.raises(errors.ConflictError, match=words) as lost:
        eu.rollback(op="back")
    assert lost.value.winner["author"] == "bob"
    for _ in range(2):
        assert eu.rollback(op="back").number == 1
    eu.route("m@1", shadow="m@3")
    assert eu.rollback(op="back").number == 1
    assert eu.revision is not None
    assert eu.revision.number == 4


def test_an_op_that_is_repeated_asks_nobody(project: mc.Project, eu: mc.Deployment) -> None:
    """It gives what it gave, though the gate would block it today; a refusal used none up."""
    with pytest.raises(errors.GateBlocked):
        eu.route("m@2", op="job")
    first = eu.route({"m@1": 9, "m@3": 1}, op="job")
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.999)])
    before = entries(project)
    assert eu.route({"m@1": 9, "m@3": 1}, op="job") == first
    assert entries(project) == before


FLIPPED = FRAME.assign(late=1 - FRAME["late"])


def test_a_trial_is_not_for_what_failed_elsewhere(project: mc.Project, eu: mc.Deployment) -> None:
    """On older data, or less surely: that nobody has measured just this is then not the only fault."""
    why = r"but it failed accuracy ≥ 0\.8: 0\.5 \[.*\], n=60 on d@1"
    project.datasets.add("d", pd.concat([FRAME, FRAME.assign(x=FRAME["x"] + 0.1)], ignore_index=True), target="late")
    project.scope.set(test="d@2", **PILOT)
    project.models["m@1"].evaluate()
    with pytest.raises(errors.GateBlocked, match=why):
        eu.route({"m@1": 9, "m@2": 1})
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.8, confidence=0.99)])
    project.models["m@1"].evaluate()
    with pytest.raises(errors.GateBlocked, match=why):
        eu.route({"m@1": 9, "m@2": 1})
    eu.route({"m@1": 9, "m@3": 1})


def test_an_override_says_more_than_a_trial(project: mc.Project, eu: mc.Deployment) -> None:
    """Where both would do, the override is what was given, and says until when."""
    eu.route({"m@1": 9, "m@3": 1}, **PILOT)
    [decision] = decisions(project)
    assert (decision.trial, decision.override.until[:4]) == ({}, "2100")


def test_a_share_just_above_a_tenth_is_told_as_such(project: mc.Project, eu: mc.Deployment) -> None:
    """In as many digits as it takes."""
    with pytest.raises(errors.GateBlocked, match=r"would answer 10\.0000[12]\d* % of eu"):
        eu.route({"m@1": 8_999_999, "m@3": 1_000_001})


def test_going_back_is_no_leave(project: mc.Project, eu: mc.Deployment) -> None:
    """That somebody went back to a version says nothing of today's scope: what let it answer does."""
    eu.route("m@2", override_until="2100-01-01", message="pilot")
    eu.route("m@1")
    with pytest.warns(errors.MlcycleWarning, match="went back"):
        eu.rollback()
    assert decisions(project)[-1].action == "rollback"
    before = len(decisions(project))
    eu.route({"m@2": 1, "m@1": 1})
    assert len(decisions(project)) == before
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.9)])
    with pytest.warns(errors.MlcycleWarning, match="went back"):
        eu.rollback()
    with pytest.raises(errors.GateBlocked, match="m@2: accuracy"):
        eu.route({"m@2": 2, "m@1": 1})


def test_a_test_set_that_moved_ends_what_stood(project: mc.Project, eu: mc.Deployment) -> None:
    """Criteria are compared with the data they are judged on."""
    project.models["m@1"].promote()
    project.datasets.add("e", FLIPPED, target="late")
    project.scope.set(test="e", **PILOT)
    with pytest.raises(errors.GateBlocked, match=r"project\.models\['m@1'\]\.evaluate\('e@1'\)"):
        eu.route("m@1")


@pytest.mark.parametrize("reference", ["production", "m@production", "latest", "m@latest", "1", "m@1"])
def test_a_reference_is_what_it_is_now(project: mc.Project, eu: mc.Deployment, reference: str) -> None:
    """An alias that moved makes a comparison stale; a number stays what it is."""
    project.scope.set(criteria=[mc.NotWorseThan(reference, "accuracy", margin=0.3)], **PILOT)
    project.models["m@1"].promote(**PILOT)
    project.models["m@3"].evaluate()
    eu.route("m@3")
    project.models["m@2"].promote(**PILOT)
    project.models.register("m", GOOD, example=FRAME[["x"]], uses=["past"])
    if reference.endswith("1"):
        assert project.models["m@3"].promote("staging").allowed
        return
    now = "m@2" if "production" in reference else "m@5"
    with pytest.raises(errors.GateBlocked, match=f"and {reference} is {now} now; evaluate again"):
        project.models["m@3"].promote("staging")


def test_old_evidence_that_cannot_be_read_keeps_nobody_from_going_back(
    project: mc.Project, eu: mc.Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a note of the decision."""
    for ref in ("m@1", "m@3"):
        project.models[ref].promote(**PILOT)
        eu.route(ref)

    def damaged(*given: Any) -> Any:
        raise errors.Corrupt("evaluation 7 is damaged")

    monkeypatch.setattr(_gate, "evaluation_document", damaged)
    assert eu.rollback().weights == {"m@1": 1}
    assert project.models.rollback("m").ref == "m@1"
    for decision in project.models.decisions()[-2:]:
        assert decision.allowed
        assert decision.why.count("accuracy ≥ 0.8 could not be computed: evaluation 7 is damaged") == 1


def test_a_criterion_that_breaks_is_an_error_in_words(
    project: mc.Project, eu: mc.Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of a user's own may raise anything: it allows nothing, and keeps nobody from going back."""
    eu.route("m@1")
    project.models["m@3"].evaluate()
    eu.route("m@3")
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.85)])

    def boom(*given: Any) -> Any:
        raise RuntimeError("boom")

    monkeypatch.setattr(mc.AtLeast, "verdict", boom)
    with pytest.raises(errors.GateBlocked, match="it could not be weighed: RuntimeError: boom"):
        eu.route("m@1")
    monkeypatch.setattr(mc.AtLeast, "covers", boom)
    with pytest.raises(errors.GateBlocked, match="it could not be weighed: RuntimeError: boom"):
        eu.route("m@1")
    assert eu.rollback().weights == {"m@1": 1}


def test_a_measurement_says_what_it_was_made_for(eu: mc.Deployment, project: mc.Project) -> None:
    """What is weighed anew keeps what was said of the measurement, and not what was said of the verdict then."""
    names = FRAME.assign(late=FRAME["late"].map({0: "early", 1: "late"}))
    project.datasets.add("named", names, target="late")
    model = DecisionTreeClassifier(max_depth=1).fit(names[["x"]], names["late"])
    project.models.register("n", model, example=FRAME[["x"]], uses=["past"])
    project.scope.set(criteria=[mc.AtLeast("f1", 0.999, on="named")], **PILOT)
    project.models["n@1"].evaluate("named")
    project.scope.set(criteria=[mc.AtLeast("f1", 0.8, on="named")], **PILOT)
    eu.route("n@1")
    [result, _] = decisions(project)[-1].results
    assert (result.verdict, result.check) == ("pass", "f1 ≥ 0.8 on named")
    assert result.detail.endswith("the positive class is 'late'; as measured for f1 ≥ 0.999 on named")


def test_going_back_onto_a_trial_that_is_over(
    project: mc.Project, eu: mc.Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told, unless somebody evaluated the version since."""
    eu.route({"m@1": 9, "m@3": 1})
    eu.route("m@1")
    monkeypatch.setattr(_trial, "now", lambda: NEVER)
    words = r"m@3 fails today: trial: it could answer a part of eu without evidence until .*, and nobody evaluated it"
    with pytest.warns(errors.MlcycleWarning, match=words):
        eu.rollback()
    assert decisions(project)[-1].why.count("it could answer a part of eu without evidence until") == 1
    eu.route("m@1")
    project.models["m@3"].evaluate()
    before = len(decisions(project))
    assert eu.rollback().weights == {"m@1": 9, "m@3": 1}
    assert len(decisions(project)) == before


def passes(subject: str, context: Any) -> bool:
    """Pass, whatever it is."""
    return True


def test_a_trial_is_told_until_the_scope_is_answered(project: mc.Project, eu: mc.Deployment) -> None:
    """A check that passes on other data, or by another scope, is no answer to what the scope asks."""
    project.datasets.add("other", FRAME, target="late")
    eu.route({"m@1": 9, "m@3": 1})
    project.models["m@3"].evaluate("other", checks=[passes])
    for moment, verdict in ((None, "warn"), (NEVER, "fail")):
        [(check, told, words)] = deployment_findings(project, moment)
        assert (check, told, "nobody has evaluated" in words) == ("trial", verdict, True)
    project.models["m@3"].evaluate()
    assert deployment_findings(project) == deployment_findings(project, NEVER) == []
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.81)])
    for moment, verdict in ((None, "warn"), (NEVER, "fail")):
        [(check, told, words)] = deployment_findings(project, moment)
        assert (check, told) == ("trial", verdict)
        assert "whose evaluation since says what a former scope asked: route again" in words


def test_what_answers_though_it_fails_is_told(project: mc.Project, eu: mc.Deployment) -> None:
    """After the data went on and it was evaluated again, and after somebody went back to it: once, as a failure."""
    eu.route("m@1")
    assert live_findings(project) == []
    project.datasets.add("d", FLIPPED, target="late")
    project.scope.set(test="d@2", **PILOT)
    project.models["m@1"].evaluate()
    [(check, verdict, words)] = live_findings(project)
    assert (check, verdict) == ("failing", "fail")
    assert words.startswith("m@1 (eu) fails the scope by its evaluation on d@2 of ")
    eu.route("m@2", **PILOT)
    assert [one[0] for one in live_findings(project)] == ["override"]
    with pytest.warns(errors.MlcycleWarning, match="went back"):
        eu.rollback()
    assert [one[0] for one in live_findings(project)] == ["failing"]


def test_a_trial_is_told_until_all_data_of_the_scope_was_judged(project: mc.Project, eu: mc.Deployment) -> None:
    """A pass on one test set answers for no other."""
    project.datasets.add("e", FRAME, target="late")
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.8), mc.AtLeast("accuracy", 0.7, on="e")])
    project.models["m@1"].evaluate("e")
    eu.route({"m@1": 9, "m@3": 1})
    project.models["m@3"].evaluate()
    assert [one[:2] for one in deployment_findings(project)] == [("trial", "warn")]
    project.models["m@3"].evaluate("e")
    assert deployment_findings(project) == []


def test_a_slice_is_not_held_against_a_threshold_for_all_rows(tmp_path: Path) -> None:
    """What one slice scored under its own criterion is no failure of the one about all rows."""
    place = mc.open(tmp_path / "slices", create=True)
    truth = np.arange(120) % 2
    frame = pd.DataFrame({"x": truth, "city": ["A"] * 60 + ["B"] * 60, "left": truth})
    frame.loc[80:, "left"] = 1 - frame.loc[80:, "left"]  # all right in A, a third in B
    place.datasets.add("d", frame, target="left")
    place.scope.set(criteria=[mc.AtLeast("accuracy", 0.66), mc.AtLeast("accuracy", 0.1, slices="city")], test="d")
    model = DecisionTreeClassifier(max_depth=1).fit(frame[["x"]], truth)
    version = place.models.register("m", model, example=frame[["x"]][:5])
    assert [one.verdict for one in version.evaluate().results] == ["inconclusive", "pass", "pass"]
    place.datasets.add("d", frame[:-1], target="left")
    with pytest.raises(errors.GateBlocked) as blocked:
        version.promote()
    assert "but it failed" not in str(blocked.value)
