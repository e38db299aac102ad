"""What was judged by is only amended: with a word why, until a date or for good, and every later decision says so."""

from __future__ import annotations

import uuid
from typing import Any

import attrs
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors, records
from mlcycle.lifecycle.scope._amending import Terms, amended

FRAME = pd.DataFrame({"x": range(200), "left": [0] * 100 + [1] * 100})
TREE = DecisionTreeClassifier(max_depth=1).fit(FRAME[["x"]], FRAME["left"])
STRICT, EASY, EASIER = (mc.AtLeast("accuracy", value) for value in (0.8, 0.7, 0.6))
PILOT = {"override_until": "2099-01-01", "message": "pilot"}
GOOD = {"permanent": True, "message": "0.8 was a typo"}
NOW, LATER = "2098-01-01T00:00:00.000000Z", "2099-06-01T00:00:00.000000Z"


@pytest.fixture
def fresh() -> mc.Project:
    """Return a project with a test that nobody was judged on, and a model."""
    project = mc.open(f"memory://amending-{uuid.uuid4().hex}", create=True, author="ada")
    train, _ = project.datasets.add("d", FRAME, target="left").split(test=0.5)
    project.scope.set(criteria=[STRICT], test="d.test")
    project.models.register("m", TREE, uses=[train])
    return project


@pytest.fixture
def judged(fresh: mc.Project) -> mc.Project:
    """Return it after the model was judged."""
    fresh.models["m"].evaluate()
    return fresh


def newest(project: mc.Project) -> records.Scope:
    """Return the scope."""
    found = project.scope.get()
    assert found is not None
    return found


def test_until_somebody_was_judged_everything_is_edited(fresh: mc.Project) -> None:
    """Looser, tighter, another test: nobody has seen a result that it could have been made for."""
    fresh.scope.set(criteria=[EASY], test="later.test")
    fresh.scope.set(criteria=[], test="d.test")
    fresh.scope.set(criteria=[EASIER])
    fresh.models["m"].evaluate("d.train", checks=["f1"])  # of data that the scope does not name
    fresh.scope.set(criteria=[])
    assert (newest(fresh).loosened, newest(fresh).moved, fresh.scope.decisions()) == ((), (), [])


def test_what_makes_it_stricter_is_free(judged: mc.Project) -> None:
    """And so is what says something else than criteria and test."""
    judged.scope.set(criteria=[mc.AtLeast("accuracy", 0.85)], risks=["one shop only"])
    judged.scope.add(mc.AtLeast("f1", 0.5))
    judged.scope.set(test="d.test@1")  # which is what it means since it was first judged on
    assert (newest(judged).amendments, newest(judged).number) == ((), 4)


def test_loosening_says_why_and_until_when(judged: mc.Project) -> None:
    """Or that it is for good; the answer names both ways."""
    both = r"0\.8 would become accuracy ≥ 0\.7, which is looser\n.*override_until=\"[^\n]*\n.*: permanent=True"
    with pytest.raises(errors.GateBlocked, match=both):
        judged.scope.set(criteria=[EASY])
    with pytest.raises(errors.GateBlocked, match=r"0.8 would be removed; project.scope.add"):
        judged.scope.remove(STRICT)
    with pytest.raises(errors.GateBlocked, match="The override given ended 2020-01-01"):
        judged.scope.set(criteria=[], message="pilot", override_until="2020-01-01")
    assert newest(judged).criteria == (STRICT,)
    [loosening] = judged.scope.set(criteria=[EASY], **PILOT).loosened
    assert (loosening.before, loosening.after, loosening.author) == (STRICT, EASY, "ada")
    assert (loosening.permanent, loosening.message, loosening.until[:10]) == (False, "pilot", "2099-01-01")


@pytest.mark.parametrize("words", [{"permanent": True}, {"permanent": True, "message": " "}, {**GOOD, **PILOT}])
def test_an_amendment_without_a_word_is_refused(judged: mc.Project, words: dict[str, Any]) -> None:
    """And so is one for good and until a date."""
    with pytest.raises(errors.InvalidInput, match=r"so say why: message=|give one of the two"):
        judged.scope.set(criteria=[EASY], **words)
    with pytest.raises(errors.InvalidInput, match="say why"):
        judged.scope.set(test="d.train", override_until="30d")
    assert newest(judged).number == 1


def test_what_ends_gives_way(judged: mc.Project) -> None:
    """After the end, the former criterion holds again by itself, and the former test is the test."""
    judged.datasets["d"].split(test=0.4, seed=2)
    found = judged.scope.set(criteria=[EASY], test="d.test@2", **PILOT)
    assert (found.criteria_at(NOW), found.test_at(NOW)) == ((EASY,), "d.test@2")
    assert (found.criteria_at(LATER), found.test_at(LATER)) == ((STRICT,), "d.test")
    assert [str(one) for one in found.amendments] == ["accuracy ≥ 0.8 → accuracy ≥ 0.7", "test d.test → d.test@2"]


def test_a_typo_is_mended_for_good(judged: mc.Project) -> None:
    """It does not become law again, whatever had been agreed until a date before."""
    judged.scope.set(criteria=[EASY], **PILOT)
    for found in (judged.scope.set(criteria=[EASY], **GOOD), judged.scope.set(criteria=[EASIER], **GOOD)):
        assert found.criteria_at(LATER) == found.criteria
        assert [(one.before, one.permanent) for one in found.loosened[:1]] == [(STRICT, True)]


def test_a_loosening_stands_while_its_criterion_does_not(judged: mc.Project) -> None:
    """Stricter than what was eased is still looser than what it was eased from; back there it is forgotten."""
    judged.scope.set(criteria=[EASIER], **PILOT)
    assert [one.after for one in judged.scope.set(criteria=[EASY]).loosened] == [EASY]
    assert judged.scope.set(criteria=[EASY, mc.AtLeast("f1", 0.1)]).loosened[0].after == EASY
    assert judged.scope.add(STRICT).loosened == ()
    judged.scope.remove(STRICT, EASY, **GOOD)
    assert {(one.before, one.after) for one in newest(judged).loosened} == {(STRICT, None), (EASY, None)}
    assert judged.scope.add(mc.AtLeast("accuracy", 0.9)).loosened == ()


def test_what_a_newer_mlcycle_says_of_an_eased_criterion_stays(judged: mc.Project) -> None:
    """Where it says more than can be read here, the loosening still speaks of it."""
    judged.scope.set(criteria=[EASY], **PILOT)
    newer = records.UnknownCriterion({**records.to_json(EASY), "weights": "cost"})
    found = judged.scope.set(criteria=[newer, mc.AtLeast("f1", 0.5)])
    assert (found.criteria, [one.after for one in found.loosened]) == ((EASY, mc.AtLeast("f1", 0.5)), [EASY])


def test_moving_the_test_is_an_amendment(judged: mc.Project) -> None:
    """Once it was judged on; moving it back is none, and so is naming the version that it stands at."""
    judged.datasets["d"].split(test=0.4, seed=2)
    with pytest.raises(errors.GateBlocked, match=r"would move from d.test@1, which models were judged on, to d.test@2"):
        judged.scope.set(test="d.test@2")
    [move] = judged.scope.set(test="d.test@2", **GOOD).moved
    assert (move.before, move.after, move.permanent, move.author) == ("d.test", "d.test@2", True, "ada")
    assert judged.models["m"].evaluate().data == "d.test@2"
    assert judged.scope.set(test="d.test").moved == ()
    assert judged.models["m"].evaluate().data == "d.test@1"


def test_moving_the_test_makes_nobody_free(judged: mc.Project) -> None:
    """That nobody was judged on the new one yet is no way around what was agreed on the former one."""
    judged.datasets["d"].split({"a": 0.5, "b": 0.5}, seed=1)
    judged.scope.set(test="d.train", **GOOD)
    with pytest.raises(errors.GateBlocked, match="looser"):
        judged.scope.set(criteria=[EASY])
    with pytest.raises(errors.GateBlocked, match="would move"):
        judged.scope.set(test="d.a")
    judged.scope.set(criteria=[], **GOOD)
    with pytest.raises(errors.GateBlocked, match="would move"):
        judged.scope.set(test="d.a")


def test_a_test_moves_to_what_is_there_and_back(judged: mc.Project) -> None:
    """A version nobody made is refused; a round trip leaves nothing behind, and of a long way the ends are told."""
    for seed in (1, 2):
        judged.datasets["d"].split(test=0.5, seed=seed)
    with pytest.raises(errors.NotFound, match=r"d.test has no version 9; there are 1 to 3"):
        judged.scope.set(test="d.test@9", **GOOD)
    for test in ("d.test@2", "d.test@3"):
        judged.scope.set(test=test, **GOOD)
    assert [(one.before, one.after) for one in newest(judged).moved] == [("d.test", "d.test@3")]
    assert judged.scope.set(test="d.test@1").moved == ()
    judged.scope.set(test="d.test@2", **PILOT)
    assert [(one.before, one.after) for one in judged.scope.set(test="d.test@3", **GOOD).moved] == [
        ("d.test@1", "d.test@3")
    ]


def test_a_test_moved_for_a_while_does_not_stay(judged: mc.Project) -> None:
    """Also where it is named by the version that it is pinned to by then."""
    judged.datasets["d"].split({"a": 0.5, "b": 0.5}, seed=1)
    judged.scope.set(test="d.b", **PILOT)
    judged.models["m"].evaluate()
    found = judged.scope.set(test="d.b@1")
    assert (found.test_at(NOW), found.test_at(LATER)) == ("d.b@1", "d.test")


def test_what_was_eased_for_a_while_is_nobodys_rule(judged: mc.Project) -> None:
    """Rules of an alias that ask as little end with it."""
    judged.scope.set(criteria=[EASY], **PILOT)
    found = judged.scope.set(aliases={"production": [EASY]})
    assert (found.criteria_at(NOW, "production"), found.criteria_at(LATER, "production")) == ((EASY,), (STRICT,))
    with pytest.raises(errors.GateBlocked, match=r"accuracy ≥ 0\.8 for production would become accuracy ≥ 0\.6"):
        judged.scope.set(aliases={"production": [EASIER]})


def test_rules_that_are_taken_away_for_a_while_come_back(fresh: mc.Project) -> None:
    """Whatever else is edited meanwhile; and what is taken away for good is told for good."""
    gold = mc.AtLeast("accuracy", 0.9)
    fresh.scope.set(criteria=[EASIER], aliases={"production": [gold]})
    fresh.models["m"].evaluate()
    fresh.scope.set(aliases={}, **PILOT)
    found = fresh.scope.set(objective="nicer words")
    assert (found.criteria_at(NOW, "production"), found.criteria_at(LATER, "production")) == ((EASIER,), (gold,))
    found = fresh.scope.set(aliases={}, **GOOD)
    assert fresh.scope.set(owner="ada").loosened == found.loosened != ()
    decision = fresh.models["m"].promote("production")
    assert "production: accuracy ≥ 0.9 → accuracy ≥ 0.6 (0.8 was a typo)" in decision.why


def test_rules_of_an_alias_nobody_has_yet_are_made_and_not_changed(judged: mc.Project) -> None:
    """A challenger that comes later may be anybody; production is what everybody means already."""
    assert judged.scope.set(aliases={"challenger": []}).loosened == ()
    judged.models["m"].promote("staging")
    for alias in ("production", "Staging"):
        with pytest.raises(errors.GateBlocked, match=rf"accuracy ≥ 0\.8 for {alias} would be removed"):
            judged.scope.set(aliases={"challenger": [], alias: []})


def test_amendments_of_one_alias_are_told_of_that_one(judged: mc.Project) -> None:
    """A decision on production need not list what was agreed for staging."""
    judged.models["m"].promote("staging")
    judged.scope.set(aliases={"staging": []}, **GOOD)
    assert "typo" in judged.models["m"].promote("staging").why
    assert "typo" not in judged.models["m"].promote("production").why


def test_a_look_at_any_row_of_the_test_binds(fresh: mc.Project) -> None:
    """By whatever part it was, before there was a test, and of a run."""
    fresh.datasets["d"].split({"a": 0.5, "b": 0.5}, seed=1)
    fresh.models["m"].evaluate("d.b")
    with pytest.raises(errors.GateBlocked, match="looser"):
        fresh.scope.set(criteria=[EASY])
    with pytest.raises(errors.GateBlocked, match="would move"):
        fresh.scope.set(test="d.b")


def test_what_was_judged_before_it_was_the_test_pins_it(judged: mc.Project) -> None:
    """And whoever sets it is told that it means an older version than the newest."""
    project = mc.open(f"memory://amending-{uuid.uuid4().hex}", create=True, author="ada")
    whole = project.datasets.add("d", FRAME, target="left")
    train, _ = whole.split(test=0.5)
    project.models.register("m", TREE, uses=[train]).evaluate("d.test")
    whole.split(test=0.5, seed=1)
    with pytest.warns(errors.MlcycleWarning, match=r"judged on d.test@1 first, .* project.scope.set\(test='d.test@2'"):
        project.scope.set(criteria=[STRICT], test="d.test")
    with pytest.raises(errors.GateBlocked, match="looser"):
        project.scope.set(criteria=[EASY])


def test_a_reference_that_looks_like_a_slip_is_told(fresh: mc.Project) -> None:
    """An alias nobody has, beside one that is alike; the usual ones are a promise."""
    fresh.scope.add(mc.NotWorseThan("production", "f1"))
    for slip in ("prodution", "Production", "m@prod"):
        with pytest.warns(errors.MlcycleWarning, match="did you mean 'production'"):
            fresh.scope.set(criteria=[mc.NotWorseThan(slip, "f1")])


@pytest.mark.parametrize("permanent", ["no", 1, None])
def test_permanent_is_said_in_so_many_words(judged: mc.Project, permanent: Any) -> None:
    """What merely counts as true moves nothing for good."""
    with pytest.raises(errors.InvalidInput, match="permanent is True or False"):
        judged.scope.set(test="d.train", permanent=permanent, message="x")


def test_two_who_edit_and_judge_at_once(fresh: mc.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looked before the first model was judged, and commits after it, amends."""
    other = mc.open(fresh.store.url)
    commit = fresh._session.log.commit
    with monkeypatch.context() as patched:

        def slow(*args: Any, **given: Any) -> Any:
            patched.undo()
            other.models["m"].evaluate()
            return commit(*args, **given)

        patched.setattr(fresh._session.log, "commit", slow)
        with pytest.raises(errors.GateBlocked, match="looser"):
            fresh.scope.set(criteria=[EASY])


def test_criteria_about_data_are_free_until_they_judged(fresh: mc.Project) -> None:
    """Of a scope that judges no models: from the first decision on data on they are amended."""
    project = mc.open(f"memory://amending-{uuid.uuid4().hex}", create=True)
    project.scope.set(criteria=[mc.RowCount(at_least=3, on="d")])
    project.scope.set(criteria=[mc.RowCount(at_least=2, on="d")])
    with pytest.raises(errors.GateBlocked):
        project.datasets.add("d", pd.DataFrame({"x": [1]}))
    with pytest.raises(errors.GateBlocked, match="looser"):
        project.scope.set(criteria=[mc.RowCount(at_least=1, on="d")])


def test_a_decision_says_what_was_amended_and_changed(judged: mc.Project) -> None:
    """Permanent ones for ever; and how often criteria changed after results on this test were seen."""
    model = judged.models["m"]
    assert model.promote("staging", message="as agreed").changed_after_results == 0
    judged.scope.set(criteria=[EASY], **GOOD)
    judged.scope.set(owner="eve")
    judged.scope.add(mc.AtLeast("f1", 0.1))
    model.evaluate()
    decision = model.promote("production", message="the first")
    assert decision.changed_after_results == 2
    assert "changed twice after results on it were seen" in decision.why
    assert "amended for good by ada: accuracy ≥ 0.8 → accuracy ≥ 0.7 (0.8 was a typo)" in decision.why
    assert judged.models["m"].decisions()[-1] == decision


LEVELS = st.lists(st.sampled_from([0.6, 0.7, 0.8, 0.9]), max_size=2)
STEPS = st.lists(st.tuples(LEVELS, st.sampled_from([None, "", "2099-01-01T00:00:00.000000Z"])), max_size=5)


@settings(deadline=None)
@given(first=LEVELS, steps=STEPS)
def test_nothing_gets_easier_without_terms(judged_view: Any, first: list[float], steps: list[Any]) -> None:
    """Whatever the order: what is in force asks as much as before, but for what somebody amended, and until when."""
    levels = [records.to_json(mc.AtLeast("accuracy", one)) for one in dict.fromkeys(first)]
    known = {**records.to_json(records.Scope()), "criteria": levels}
    for wanted, until in steps:
        terms = None if until is None else Terms("why", "ada", until)
        scope = {**known, "criteria": [records.to_json(mc.AtLeast("accuracy", one)) for one in dict.fromkeys(wanted)]}
        scope, made = amended(judged_view, known, scope, ["criteria"], terms, judged=lambda view: True)
        before, after = (records.from_json(one).criteria_at(LATER) for one in (known, scope))
        if terms is None and not made:
            assert records.is_looser(before, after) == []
        if made and terms is None:
            continue  # nobody commits that
        if until == "":  # for good: nothing that it eased comes back
            gone = [was.before for was in made]
            assert not [one for one in records.from_json(scope).criteria_at(LATER) if one in gone]
        known = scope


@pytest.fixture(scope="module")
def judged_view() -> Any:
    """Return the view of a project whose test was judged on."""
    project = mc.open(f"memory://amending-{uuid.uuid4().hex}", create=True)
    project.datasets.add("d", FRAME, target="left")
    project.scope.set(criteria=[STRICT], test="d")
    project.models.register("m", TREE).evaluate()
    return project._session.view()


def test_an_amendment_prints() -> None:
    """What it is, why, and until when."""
    move = records.MovedTest(before="d@1", after="d@2", message="why")
    eased = records.Loosening(before=STRICT, message="why", until=LATER)
    scope = records.Scope(number=3, criteria=[EASY], loosened=[eased], moved=[move])
    assert "amended=[accuracy ≥ 0.8 → removed, test d@1 → d@2]" in repr(scope)
    assert [text in scope._repr_html_() for text in (">amended<", ">permanent<", ">2099-06-01")] == [True] * 3
    assert records.from_json(records.to_json(scope)) == scope
    assert attrs.evolve(move, until=NOW).over(NOW)


def test_a_loosening_says_what_is_another(judged: mc.Project) -> None:
    """Also where both read alike; and what was there before takes the place of nothing."""
    easy = attrs.evolve(STRICT, blocking=False)
    with pytest.raises(errors.GateBlocked, match=r"would become accuracy ≥ 0\.8 \(blocking: True → False\)"):
        judged.scope.set(criteria=[easy])
    found = judged.scope.set(criteria=[easy], **GOOD)
    assert str(found.loosened[0]) == "accuracy ≥ 0.8 → accuracy ≥ 0.8 (blocking: True → False)"
    sliced = mc.AtLeast("accuracy", 0.5, slices="x")
    assert records.is_looser([STRICT, sliced], [sliced, mc.AtLeast("f1", 0.1)]) == [(STRICT, None)]
