"""Hooks: who judges before a commit, in one decision, and who is told after it; whatever a hook does."""

from __future__ import annotations

import pickle
import uuid
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors, records
from mlcycle.lifecycle._operation import Operation
from mlcycle.state import ProjectFold, guards_on

FRAME = pd.DataFrame({"x": np.arange(12.0), "left": [0, 1] * 6})
OTHER = FRAME.assign(x=FRAME["x"] * 2)
TREE = DecisionTreeClassifier(max_depth=1).fit(FRAME[["x"]], FRAME["left"])
BOTH = (
    "scope.set", "dataset.commit", "model.register", "model.promote", "deployment.route", "project.rollback",
    "evaluation",
)  # fmt: skip


def no(event: mc.Event, context: Any) -> bool:
    """Block."""
    return False


def yes(event: mc.Event, context: Any) -> bool:
    """Let through."""
    return True


def place() -> str:
    """Return a place in memory."""
    return f"memory://hooks-{uuid.uuid4().hex}"


def begun(url: str) -> mc.Project:
    """Make a small project in which every verb has something to do."""
    project = mc.open(url, create=True, author="ada")
    project.datasets.add("d", FRAME, target="left")
    project.datasets.add("past", FRAME.assign(x=FRAME["x"] + 1000), target="left")
    project.models.register("m", TREE, example=FRAME[["x"]], uses=["past"])
    project.models.register("m", TREE, example=FRAME[["x"]], uses=["past"])
    project.models["m@1"].promote()
    project.models["m@2"].promote()
    shop = project.deployments.open("shop")
    shop.route("m@1")
    shop.route("m@2")
    return project


@pytest.fixture
def url() -> str:
    """Return the place of a small project."""
    where = place()
    begun(where)
    return where


Act = Callable[..., Any]

# By event: what raises it, with what else it is given (op, override_until, message).
ACTS: dict[str, list[Act]] = {
    "scope.set": [lambda p, **k: p.scope.set(objective="o", **k)],
    "dataset.commit": [
        lambda p, **k: p.datasets.add("d", OTHER, **k),
        lambda p, **k: p.datasets["d@1"].split(test=0.5, **k),
    ],
    "model.register": [lambda p, **k: p.models.register("m", TREE, example=FRAME[["x"]], **k)],
    "model.promote": [
        lambda p, **k: p.models["m@1"].promote("canary", **k),
        lambda p, **k: p.models.rollback("m", **k),
    ],
    "deployment.route": [
        lambda p, **k: p.deployments["shop"].route({"m@1": 1, "m@2": 1}, **k),
        lambda p, **k: p.deployments["shop"].rollback(**k),
    ],
    "project.rollback": [lambda p, **k: p.rollback(3, **k)],
    "evaluation": [lambda p, **k: p.models["m@1"].evaluate("d", **k)],
}
CASES = [pytest.param(verb, act, id=f"{verb}-{i}") for verb, acts in ACTS.items() for i, act in enumerate(acts)]


def opened(url: str, *hooks: Any, author: str = "bob") -> mc.Project:
    """Open a project with hooks."""
    return mc.open(url, hooks=hooks, author=author)


def entries(project: mc.Project) -> list[dict[str, Any]]:
    """Return every entry there is now."""
    project._session.view()
    return list(project._session.log.entries())


def kinds(entry: dict[str, Any]) -> list[str]:
    """Return the kinds of the changes of an entry, and of what."""
    return [change["kind"] + (":" + change["of"] if "of" in change else "") for change in entry["changes"]]


def files(project: mc.Project) -> set[str]:
    """Return the keys of all stored files but caches and the log."""
    listed = (item.key for item in project._session.log.files.list(""))
    return {key for key in listed if key.split("/")[0] in ("tables", "leaves", "files")}


def by_hooks(blocked: errors.GateBlocked) -> list[tuple[str, str]]:
    """Return what hooks said of what was blocked: all but the check that is built in."""
    results = blocked.decision.results
    return [(one.check, one.verdict) for one in results if one.check != "loads in a fresh interpreter"]


# registering ---------------------------------------------------------------------------------------------------------


def test_every_event_of_the_table_is_raised() -> None:
    """The acts of these tests are all the events there are before a commit."""
    assert tuple(ACTS) == BOTH
    for verb in BOTH:
        assert repr(mc.before(verb, no)) == f"before({verb!r}, no)"
        assert repr(mc.after(verb, no)) == f"after({verb!r}, no)"
    assert mc.before("evaluation", no) == mc.before("evaluation", no)
    assert {mc.before("evaluation", no), mc.before("evaluation", no)} == {mc.before("evaluation", no)}


@pytest.mark.parametrize("verb", ["run.finish", "window.close"])
def test_what_ended_can_only_be_told(verb: str) -> None:
    """Nobody can keep out what is over."""
    assert mc.after(verb, no).verb == verb
    with pytest.raises(errors.InvalidInput, match=f"'{verb}' is not an event there are hooks before; "):
        mc.before(verb, no)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("model.promot", no), "did you mean 'model.promote'"),
        ((3, no), "3 is not an event"),
        (("evaluation", 3), r"a hook is a callable \(event, context\), got int"),
        (("evaluation", lambda event: True), r"takes other arguments .* write def hook\(event, context\)"),
        (("evaluation", lambda a, b, c: True), "takes other arguments"),
    ],
    ids=["near", "number", "no callable", "one argument", "three arguments"],
)
def test_a_hook_that_could_never_be_called_is_refused(given: Any, said: str) -> None:
    """When it is registered, not when it is first needed."""
    with pytest.raises(errors.InvalidInput, match=said):
        mc.before(*given)


@pytest.mark.parametrize("given", [[no], no, "no", 3, [3]], ids=["functions", "function", "text", "number", "numbers"])
def test_hooks_are_a_list_of_hooks(given: Any) -> None:
    """A bare function does not say what it is for."""
    with pytest.raises(errors.InvalidInput, match=r"hooks= is a list such as \[mlcycle\.before"):
        mc.open(place(), hooks=given)


# before --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("verb", "act"), CASES)
def test_a_hook_blocks_and_its_decision_is_kept(url: str, verb: str, act: Act) -> None:
    """One entry: the decision alone, or, of data, with the versions as rejected; the caller's `op` stays unused."""
    project = opened(url, mc.before(verb, no))
    before = project._session.view().n
    with pytest.raises(errors.GateBlocked, match="is blocked:\n  ✗ no failed") as caught:
        act(project, op="mine")
    [entry] = entries(project)[before + 1 :]
    decision = caught.value.decision
    assert (decision.allowed, decision.author, decision.entry) == (False, "bob", entry["n"])
    assert by_hooks(caught.value) == [("no", "fail")]
    assert entry["op"].startswith("auto:")
    rest = [kind for kind in kinds(entry) if kind not in ("place", "fact.add:decision")]
    kept = {"version.add:dataset", "version.mark:dataset", "name.set:dataset"} if verb == "dataset.commit" else set()
    assert set(rest) <= kept
    assert ("version.mark:dataset" in rest) == bool(kept)
    act(mc.open(url), op="mine")  # whose hooks guard this process alone


@pytest.mark.parametrize(("verb", "act"), CASES)
def test_a_hook_that_passes_is_in_the_decision(url: str, verb: str, act: Act) -> None:
    """Its answer is committed with what it allowed, in one entry, by one decision."""
    project = opened(url, mc.before(verb, yes), mc.before(verb, lambda event, context: 0.5))
    before = project._session.view().n
    act(project)
    [entry] = entries(project)[before + 1 :]
    assert kinds(entry).count("fact.add:decision") == 1
    fact = next(change for change in entry["changes"] if change.get("of") == "decision")
    [found] = [one for one in project._session.view().facts.of("decision") if one.id == fact["id"]]
    document = project._session.blobs.document(found.needs[0], "decision", "it")
    decision = records.from_json(document)
    assert decision.allowed
    assert [(one.verdict, one.value) for one in decision.results if one.check in ("yes", "<lambda>")] == [
        ("pass", None), ("not_applicable", 0.5),
    ]  # fmt: skip
    assert project.store.verify("bytes").ok


@pytest.mark.parametrize(("verb", "act"), CASES)
def test_an_override_lets_it_through(url: str, verb: str, act: Act) -> None:
    """On every verb that can be blocked; who, why and until when are kept."""
    project = opened(url, mc.before(verb, no))
    with pytest.raises(errors.InvalidInput, match="say why: message="):
        act(project, override_until="30d")
    with pytest.raises(errors.GateBlocked, match=r"The override given ended 2020-01-01"):
        act(project, override_until="2020-01-01", message="too late")
    act(project, override_until="30d", message="an emergency")
    said = [change for change in entries(project)[-1]["changes"] if change.get("of") == "decision"]
    assert [(one["allowed"], one["override"]["author"]) for one in said] == [(True, "bob")]


@pytest.mark.parametrize(("verb", "act"), CASES)
def test_of_two_hooks_one_blocks(url: str, verb: str, act: Act) -> None:
    """One list, one decision: both answers are in it."""
    project = opened(url, mc.before(verb, yes), mc.before(verb, no))
    with pytest.raises(errors.GateBlocked) as caught:
        act(project)
    assert by_hooks(caught.value) == [("yes", "pass"), ("no", "fail")]


@pytest.mark.parametrize(("verb", "act"), CASES)
def test_an_op_done_before_asks_nobody(url: str, verb: str, act: Act) -> None:
    """Neither before nor after, and no second entry; a result as before."""
    act(mc.open(url), op="mine")
    asked: list[mc.Event] = []

    def note(event: mc.Event, context: Any) -> None:
        asked.append(event)

    project = opened(url, mc.before(verb, note), mc.after(verb, note))
    before = project._session.view().n
    act(project, op="mine")
    assert (asked, project._session.view().n) == ([], before)


@pytest.mark.parametrize(("verb", "act"), CASES)
def test_before_and_after_are_each_asked_once(url: str, verb: str, act: Act) -> None:
    """The subject is full, before and after; what is asked for cannot be changed."""
    seen: list[mc.Event] = []

    def note(event: mc.Event, context: Any) -> None:
        seen.append(event)
        with pytest.raises(TypeError):
            event.proposal["how"] = "mine"  # type: ignore[index]

    project = opened(url, mc.before(verb, note), mc.after(verb, note))
    act(project)
    assert [(one.verb, one.moment, one.actor) for one in seen] == [(verb, "before", "bob"), (verb, "after", "bob")]
    assert all(one.subject.partition(":")[0] in verb + " model project" for one in seen)
    assert seen[1].proposal["entry"] == project._session.view().n
    assert seen[1].proposal.keys() - {"entry"} == seen[0].proposal.keys()


class Mute(Exception):  # noqa: N818 - of a hook that nobody can make head or tail of
    """An exception that cannot be printed."""

    def __str__(self) -> str:
        """Break."""
        raise ValueError("no words")


def break_(error: Exception) -> Any:
    """Return a hook that raises an exception."""

    def hook(event: mc.Event, context: Any) -> None:
        raise error

    return hook


NONSENSE = {
    "raises": (lambda event, context: 1 / 0, "ZeroDivisionError: division by zero"),
    "raises what cannot be printed": (break_(Mute()), "Mute"),
    "text": (lambda event, context: "fine", "it answered str"),
    "a verdict a row": (lambda event, context: FRAME["x"] > 3, "answer one, for example with .all()"),
    "dict": (lambda event, context: {"ok": True}, "it answered dict"),
    "object": (lambda event, context: object(), "it answered object"),
    "nan": (lambda event, context: float("nan"), "it answered nan"),
    "nested nonsense": (lambda event, context: [True, "x"], "it answered str"),
    "many": (lambda event, context: (True for _ in range(5000)), "more than 1,000 results"),
    "for ever": (lambda event, context: iter(lambda: True, False), "more than 1,000 results"),
    "breaks on the way": (lambda event, context: (1 / (2 - i) for i in range(5)), "ZeroDivisionError"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_an_error_that_blocks(url: str, name: str) -> None:
    """What gave no answer lets nothing through, and says what it answered."""
    hook, said = NONSENSE[name]
    project = opened(url, mc.before("model.promote", hook))
    with pytest.raises(errors.GateBlocked) as caught:
        project.models["m@1"].promote()
    assert said in str(caught.value)
    assert len(by_hooks(caught.value)) <= 1001
    assert project.models.aliases("m") == {"production": "m@2"}


def test_a_secret_in_an_exception_is_not_kept(url: str) -> None:
    """The message of an exception comes from outside."""

    def connect(event: mc.Event, context: Any) -> None:
        raise RuntimeError("cannot reach postgresql://ada:hunter2secret@db/prod")

    project = opened(url, mc.before("model.promote", connect))
    with pytest.raises(errors.GateBlocked) as caught:
        project.models["m@1"].promote()
    [kept] = [one for one in project.models.decisions() if not one.allowed]
    assert "cannot reach" in kept.why
    assert all("hunter2secret" not in text for text in (str(caught.value), kept.why, kept.results[0].detail))


def test_what_could_not_be_read_again_is_an_error(url: str) -> None:
    """One answer in a log must not hide what is beside it."""

    def odd(event: mc.Event, context: Any) -> mc.Result:
        return mc.Result(check="c", verdict="pass", comparison={"a": object()})

    def typed(event: mc.Event, context: Any) -> mc.Result:
        return mc.Result(check="c", verdict="pass", blocking=None)  # type: ignore[arg-type]

    for hook in (odd, typed):
        with pytest.raises(errors.GateBlocked, match="could not be computed"):
            opened(url, mc.before("model.promote", hook)).models["m@1"].promote()
    assert [one.allowed for one in mc.open(url).models["m@1"].decisions()] == [True, False, False]


def test_nothing_in_a_proposal_can_be_changed(url: str) -> None:
    """To its depth: what a hook sees may be what is committed."""

    def meddle(event: mc.Event, context: Any) -> bool:
        with pytest.raises(TypeError):
            event.proposal["packages"]["scikit-learn"] = "0.0"
        with pytest.raises(AttributeError):
            event.proposal["untrusted"].append("evil")
        return True

    version = opened(url, mc.before("model.register", meddle)).models.register("m", TREE, example=FRAME[["x"]])
    assert "evil" not in version.untrusted


def test_a_scope_that_names_data_nobody_has_breaks_no_hook(url: str) -> None:
    """Whoever asks for the data is told; who does not misses nothing."""
    mc.open(url).scope.set(test="nowhere@9")
    said: list[str] = []

    def ask(event: mc.Event, context: Any) -> bool:
        with pytest.raises(errors.NotFound) as caught:
            context.data.load()
        said.append(str(caught.value))
        return True

    told, note = counted()
    project = opened(url, mc.before("scope.set", ask), mc.after("scope.set", note))
    assert project.scope.set(test="d@1").test == "d@1"
    assert (len(told), "nowhere" in said[0]) == (1, True)


def test_none_says_nothing(url: str) -> None:
    """A hook that looks and returns nothing lets it through."""
    project = opened(url, mc.before("dataset.commit", lambda event, context: None))
    before = project._session.view().n
    assert project.datasets.add("d", OTHER).ref == "d@2"
    assert "fact.add:decision" not in kinds(entries(project)[before + 1])


@pytest.mark.parametrize(
    "write",
    [
        lambda project, url: project.datasets.add("other", FRAME),
        lambda project, url: project.store.tag("here"),
        lambda project, url: project.store.sweep(),
        lambda project, url: project.experiments.open("e").start(),
        lambda project, url: mc.open(url).scope.set(objective="mine"),
    ],
    ids=["add", "tag", "sweep", "start", "opened anew"],
)
def test_a_hook_before_may_not_commit(url: str, write: Any) -> None:
    """It is told what it may do instead; reading is fine, and other stores are its own affair."""
    project = opened(url)
    said: list[str] = []

    def meddle(event: mc.Event, context: Any) -> bool:
        assert len(project.load("dataset:d@1")) == 12
        mc.open(place(), create=True).datasets.add("elsewhere", FRAME)
        with pytest.raises(errors.ReadOnly) as caught:
            write(project, url)
        said.append(str(caught.value))
        return True

    guarded = opened(url, mc.before("model.promote", meddle))
    before = guarded._session.view().n
    guarded.models["m@1"].promote()
    assert guarded._session.view().n == before + 1
    assert len(said) == 1
    assert "may read the project and not change it" in said[0]
    assert "mc.after(" in said[0]
    project.datasets.add("other", FRAME)  # afterwards it may again


def test_a_hook_cannot_exit_into_half_a_commit(url: str) -> None:
    """Whatever comes out of a hook that is no answer: nothing is committed, and the next commit goes on."""

    def leave(event: mc.Event, context: Any) -> None:
        raise KeyboardInterrupt

    project = opened(url, mc.before("model.promote", leave))
    before = project._session.view().n
    with pytest.raises(KeyboardInterrupt):
        project.models["m@1"].promote()
    assert project._session.view().n == before
    assert project.datasets.add("d", OTHER).ref == "d@2"


def test_global_state_that_a_hook_changes_does_not_change_the_commit(
    url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folder, seeds, warnings and options are the process's; what is stored depends on none of them."""
    monkeypatch.chdir(tmp_path)
    here = tmp_path / "store"
    begun(str(here))

    def unruly(event: mc.Event, context: Any) -> bool:
        monkeypatch.chdir("/")
        np.random.seed(3)
        pd.set_option("display.max_rows", 1)
        monkeypatch.setenv("MLCYCLE_AUTHOR", "mallory")
        warnings.simplefilter("ignore")
        return True

    project = mc.open("store", hooks=[mc.before("dataset.commit", unruly)], author="bob")
    with warnings.catch_warnings():
        version = project.datasets.add("d", OTHER)
    pd.reset_option("display.max_rows")
    plain = mc.open(url).datasets.add("d", OTHER)
    assert (version.content, version.author) == (plain.content, "bob")
    assert mc.open(str(here)).store.verify("bytes").ok


# data ----------------------------------------------------------------------------------------------------------------


def test_a_blocked_version_is_kept_as_rejected(url: str) -> None:
    """It can be looked at by its number, is nobody's latest, and the same again adds none."""
    project = opened(url, mc.before("dataset.commit", no))
    for _ in range(2):
        with pytest.raises(errors.GateBlocked) as caught:
            project.datasets.add("d", OTHER)
        assert caught.value.decision.subject == "dataset:d@2"
    assert project.datasets["d"].ref == "d@1"
    assert project.load("dataset:d@2").equals(OTHER)
    assert [version.ref for version in project.datasets.versions("d")] == ["d@1", "d@2"]
    assert len(list(project._session.view().facts.of("decision", "dataset:d@2"))) == 2
    again = mc.open(url).datasets.add("d", OTHER)
    assert (again.ref, mc.open(url).datasets["d"].ref) == ("d@3", "d@3")


def test_a_first_version_may_be_rejected(url: str) -> None:
    """The name is there then, and its latest is to come."""
    project = opened(url, mc.before("dataset.commit", no))
    with pytest.raises(errors.GateBlocked):
        project.datasets.add("new", FRAME)
    with pytest.raises(errors.NotFound, match="new"):
        project.datasets["new"]
    assert project.load("dataset:new@1").equals(FRAME)
    assert mc.open(url).datasets.add("new", FRAME).ref == "new@2"


def test_nothing_is_stored_where_a_hook_says_so(url: str) -> None:
    """Rows with personal data never reach the store: no file, no entry."""

    def personal(event: mc.Event, context: Any) -> mc.Result:
        return mc.Result(check="personal data", verdict="fail", keep=False)

    project = opened(url, mc.before("dataset.commit", personal))
    before, there = project._session.view().n, files(project)
    with pytest.raises(errors.GateBlocked, match="personal data failed"):
        project.datasets.add("d", OTHER)
    assert (project._session.view().n, files(project)) == (before, there)


def test_what_passes_keeps_nobody_from_keeping(url: str) -> None:
    """`keep=False` is heard from whoever blocks, of whatever is judged; else the decision is kept."""

    def fine(event: mc.Event, context: Any) -> mc.Result:
        return mc.Result(check="fine", verdict="pass", keep=False)

    def secret(event: mc.Event, context: Any) -> mc.Result:
        return mc.Result(check="secret", verdict="fail", keep=False)

    project = opened(url, mc.before("dataset.commit", fine), mc.before("dataset.commit", no))
    with pytest.raises(errors.GateBlocked, match="It is kept as d@2, rejected"):
        project.datasets.add("d", OTHER)
    before = project._session.view().n
    with pytest.raises(errors.GateBlocked):
        opened(url, mc.before("model.register", secret)).models.register("m", TREE, example=FRAME[["x"]])
    assert project._session.view().n == before


def test_a_rejected_version_that_is_gone_is_rejected_anew(url: str) -> None:
    """The decision is about something that can be looked at; so it is where the lineage is another."""
    project = opened(url, mc.before("dataset.commit", no))
    for parents in ((), (), ("d@1",)):
        with pytest.raises(errors.GateBlocked):
            project.datasets.add("d", OTHER, parents=parents)
    mc.open(url).store.drop("dataset:d@2")
    with pytest.raises(errors.GateBlocked) as caught:
        project.datasets.add("d", OTHER)
    assert [one.subject for one in project.datasets.decisions("d")][-2:] == ["dataset:d@3", "dataset:d@4"]
    assert project.load("dataset:d@4").equals(OTHER)
    assert caught.value.decision.subject == "dataset:d@4"
    with pytest.raises(errors.InvalidInput, match="d@4 was rejected"):
        mc.open(url).datasets["d@4"].split()


def test_a_table_that_is_read_once_is_judged_too(url: str) -> None:
    """Nothing reads it a second time."""
    reader = pa.Table.from_pandas(OTHER).to_reader()
    assert opened(url, mc.before("dataset.commit", yes)).datasets.add("once", reader).rows == 12


def test_a_hook_sees_the_table_before_any_upload(url: str) -> None:
    """As Arrow, which nobody can change, and as a frame of its own; nothing lies in the store yet."""
    project = opened(url)
    there = files(project)

    def look(event: mc.Event, context: Any) -> bool:
        assert files(project) == there
        table = event.proposal["table"]
        assert table.column("x").to_pylist() == OTHER["x"].tolist()
        with pytest.raises(ValueError, match="read-only"):
            table.column("x").chunk(0).to_numpy()[0] = 99
        frame = context.data.load()
        pd.testing.assert_frame_equal(frame, OTHER)
        frame["x"] = 0.0
        pd.testing.assert_frame_equal(context.data.load(), OTHER)
        assert context.data.table().equals(table)
        assert context.data.default == "d"
        return len(context.data.load("d@1")) == 12

    guarded = opened(url, mc.before("dataset.commit", look))
    version = guarded.datasets.add("d", OTHER)
    assert guarded.load(version).equals(OTHER)


def test_rows_changed_behind_a_hook_are_refused(url: str) -> None:
    """A hook that reaches the caller's own frame cannot have other rows stored than were named."""
    mine = OTHER.copy()

    def meddle(event: mc.Event, context: Any) -> bool:
        mine["x"].to_numpy(copy=False).flags.writeable  # noqa: B018 - whether it may is pandas' affair
        values = np.asarray(mine["x"])
        values.flags.writeable = True
        values[0] = 77.0
        return True

    project = opened(url, mc.before("dataset.commit", meddle))
    before = project._session.view().n
    with pytest.raises(errors.InvalidInput, match="changed while a hook judged it"):
        project.datasets.add("d", mine)
    assert project._session.view().n == before


def test_a_split_is_judged_by_its_parts(url: str) -> None:
    """The version it is of stands already; both parts are rejected, and neither is added again."""
    seen: list[Any] = []

    def note(event: mc.Event, context: Any) -> bool:
        seen.append((event.subject, event.proposal["how"], event.proposal["parts"], len(context.data.load())))
        return False

    project = opened(url, mc.before("dataset.commit", note))
    for _ in range(2):
        with pytest.raises(errors.GateBlocked):
            project.datasets["d@1"].split(test=0.5)
    assert seen == [("dataset:d@1", "split", {"d.train": 6, "d.test": 6}, 12)] * 2
    assert [len(project.datasets.versions(name)) for name in ("d.train", "d.test")] == [1, 1]
    parts = mc.open(url).datasets["d@1"].split(test=0.5)
    assert [part.ref for part in parts] == ["d.train@2", "d.test@2"]


def test_the_parts_of_a_split_are_there_to_look_at(url: str) -> None:
    """Under their names, as the rows they will be."""
    seen: list[Any] = []

    def note(event: mc.Event, context: Any) -> None:
        seen.append((context.data.load("d.test"), context.data.table("d.test"), context.data.target("d.test")))

    project = opened(url, mc.before("dataset.commit", note))
    _, test = project.datasets["d@1"].split(test=0.25)
    [(frame, table, target)] = seen
    pd.testing.assert_frame_equal(frame, project.load(test))
    assert (table.num_rows, target.tolist()) == (3, frame["left"].tolist())


def test_criteria_of_the_scope_judge_the_candidate(url: str) -> None:
    """What the scope says of data holds for every version of it, in every process, with no hook at all."""
    project = mc.open(url, author="ada")
    project.scope.set(
        criteria=[mc.RowCount(at_least=10, on="d"), mc.Unique("x", on="d"), mc.InRange("x", 0, 50, on="e")]
    )
    with pytest.raises(errors.GateBlocked, match="add d is blocked") as caught:
        project.datasets.add("d", OTHER[:8])
    assert [(one.check, one.verdict, one.subject) for one in caught.value.decision.results] == [
        ("at least 10 rows on d", "fail", "dataset:d"), ("x is unique on d", "pass", "dataset:d"),
    ]  # fmt: skip
    assert project.datasets["d"].ref == "d@1"
    assert project.datasets.add("d", OTHER).ref == "d@3"
    assert project.datasets.add("other", OTHER[:3]).ref == "other@1"
    with pytest.raises(errors.GateBlocked, match="x from 0 to 50"):
        project.datasets.add("e", OTHER.assign(x=99.0))
    late = project.datasets.add("d", OTHER[:8], override_until="1d", message="the export broke off")
    assert late.ref == "d@4"


def test_criteria_on_a_part_judge_the_split(url: str) -> None:
    """A test set that is too small is rejected with the split that makes it."""
    project = mc.open(url, author="ada")
    project.scope.set(criteria=[mc.RowCount(at_least=5)], test="d.test")
    with pytest.raises(errors.GateBlocked, match=r"split d@1 is blocked:\n  ✗ d.test: at least 5 rows"):
        project.datasets["d@1"].split(test=0.25)
    assert [part.ref for part in project.datasets["d@1"].split(test=0.5)] == ["d.train@2", "d.test@2"]


def test_what_was_found_and_decided_of_data_can_be_read(url: str) -> None:
    """By version, by name of the noun, and apart from what was of models."""
    project = opened(url, mc.before("dataset.commit", yes))
    project.datasets.add("d", OTHER)
    found = project.datasets["d@2"].evaluate(checks=[mc.Unique("x")])
    project.models["m@1"].evaluate("d@1")
    with project.experiments.open("e").start() as run:
        run.log(loss=1)
    about_run = project.runs[run.id].evaluate(checks=[lambda subject, context: subject.startswith("run:")])
    assert project.datasets.evaluations() == project.datasets["d@2"].evaluations() == [found]
    assert project.datasets["d@1"].evaluations() == []
    assert project.runs[run].evaluations() == [about_run]
    assert [one.subject for one in project.models.evaluations()] == ["model:m@1"]
    [decision] = project.datasets["d@2"].decisions()
    assert project.datasets.decisions() == [decision]
    assert decision.subject == "dataset:d@2"
    assert [one.subject for one in project.models.decisions()] == ["model:m@1", "model:m@2"]
    assert (project.scope.decisions(), project.deployments["shop"].decisions()) == ([], [])


# races ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Return what has something done by others between judging and committing, once or each time."""
    commit = Operation.commit
    todo: list[Callable[[], Any]] = []

    def slow(do: Operation, *arguments: Any, **keywords: Any) -> Any:
        if todo and do._request is not None and do.author == "bob":
            todo[0]()
        return commit(do, *arguments, **keywords)

    monkeypatch.setattr(Operation, "commit", slow)
    return todo.append


def counted() -> tuple[list[mc.Event], Callable[[mc.Event, Any], bool]]:
    """Return a hook that passes, and what it was asked."""
    seen: list[mc.Event] = []

    def hook(event: mc.Event, context: Any) -> bool:
        seen.append(event)
        return True

    return seen, hook


def test_a_lost_race_that_changes_the_plan_is_judged_anew(url: str, late: Any) -> None:
    """Somebody gave the dataset a key, which the next version takes over: it is not what was judged any more."""
    seen, hook = counted()
    other = mc.open(url, author="eve")
    once = iter([lambda: other.datasets.add("d", FRAME.assign(x=FRAME["x"] + 100), key="x")])
    late(lambda: next(once, lambda: None)())
    version = opened(url, mc.before("dataset.commit", hook)).datasets.add("d", OTHER)
    assert [one.proposal["roles"]["key"] for one in seen] == [None, "x"]
    assert (version.ref, version.roles.key) == ("d@3", "x")


def test_a_lost_race_that_changes_only_numbers_is_not(url: str, late: Any) -> None:
    """The next number is no news to anybody."""
    seen, hook = counted()
    other = mc.open(url, author="eve")
    late(lambda: other.datasets.add("d", FRAME.assign(x=FRAME["x"] + len(seen) * 100)))
    assert opened(url, mc.before("dataset.commit", hook)).datasets.add("d", OTHER).ref == "d@3"
    assert len(seen) == 1


def test_it_is_judged_three_times_more_at_most(url: str, late: Any) -> None:
    """Then whoever wants it is told that others change it all the time."""
    seen, hook = counted()
    other = mc.open(url, author="eve")
    keys = iter(["x", "left", "x", "left", "x", "left"])
    late(lambda: other.datasets.add("d", FRAME.assign(x=FRAME["x"] + 100 * len(seen)), key=next(keys)))
    with pytest.raises(errors.ConflictError, match="was changed by others 4 times; try again"):
        opened(url, mc.before("dataset.commit", hook)).datasets.add("d", OTHER)
    assert len(seen) == 4


def test_evidence_that_changed_meanwhile_stands_as_judged(url: str, late: Any) -> None:
    """Scope, pointer and version are looked at again; what else was found meanwhile is for the next decision."""
    other = mc.open(url, author="eve")
    other.datasets.add("t", FRAME, target="left")
    other.scope.set(criteria=[mc.AtLeast("accuracy", 0.01)], test="t")
    other.models["m@1"].evaluate()
    seen, hook = counted()
    late(lambda: other.models["m@1"].evaluate())
    decision = opened(url, mc.before("model.promote", hook)).models["m@1"].promote()
    first, _ = other.models["m@1"].evaluations()
    assert (decision.evaluations, len(seen)) == ((first.id,), 1)


def test_a_scope_that_changed_meanwhile_is_judged_by(url: str, late: Any) -> None:
    """A criterion set between judging and committing is not slipped past."""
    other = mc.open(url, author="eve")
    other.datasets.add("t", FRAME, target="left")
    once = iter([lambda: other.scope.set(criteria=[mc.AtLeast("accuracy", 0.99)], test="t")])
    late(lambda: next(once, lambda: None)())
    with pytest.raises(errors.GateBlocked, match="no evaluation answers it"):
        opened(url).models["m@1"].promote()
    assert other.models.aliases("m") == {"production": "m@2"}


def test_a_sweep_meanwhile_asks_no_hook_again(url: str, late: Any) -> None:
    """The upload is made again; what was judged is what is added."""
    seen, hook = counted()
    other = mc.open(url, author="eve")
    once = iter([lambda: other.store.sweep(min_age=0)])
    late(lambda: next(once, lambda: None)())
    project = opened(url, mc.before("dataset.commit", hook))
    version = project.datasets.add("d", OTHER)
    assert (len(seen), project.load(version).equals(OTHER)) == (1, True)
    assert project.store.verify("bytes").ok


def test_a_sweep_meanwhile_lets_nothing_past(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was blocked stays blocked when its decision has to be stored again."""
    other = mc.open(url, author="eve")
    commit, done = Operation._commit, []

    def slow(do: Operation, *arguments: Any, **keywords: Any) -> Any:
        if do.author == "bob" and not done:
            done.append(other.store.sweep(min_age=0))
        return commit(do, *arguments, **keywords)

    monkeypatch.setattr(Operation, "_commit", slow)
    with pytest.raises(errors.GateBlocked):
        opened(url, mc.before("model.promote", no)).models["m@1"].promote()
    assert other.models.aliases("m") == {"production": "m@2"}


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Return what has something done, once, by others between the look of an operation and its commit."""
    commit = Operation._commit
    todo: list[Callable[[], Any]] = []

    def slow(do: Operation, *arguments: Any, **keywords: Any) -> Any:
        if todo and do.author == "bob":
            todo.pop()()
        return commit(do, *arguments, **keywords)

    monkeypatch.setattr(Operation, "_commit", slow)
    return todo.append


IDLE: dict[str, tuple[Callable[[mc.Project], Any], Callable[[mc.Project], Any]]] = {
    "add": (lambda p: p.datasets.add("d", FRAME), lambda p: p.datasets.add("d", OTHER)),
    "scope": (lambda p: p.scope.set(objective="o"), lambda p: p.scope.set(objective="mine")),
    "rollback": (lambda p: p.rollback(p.history().index[-1]), lambda p: p.models["m@1"].promote()),
}


@pytest.mark.parametrize("name", IDLE)
def test_nothing_to_do_that_is_something_by_then_is_judged(url: str, between: Any, name: str) -> None:
    """What equals the latest at the look, and no more at the commit, is not slipped past those who judge."""
    act, rival = IDLE[name]
    mc.open(url).scope.set(objective="o")
    verb = {"add": "dataset.commit", "scope": "scope.set", "rollback": "project.rollback"}[name]
    project = opened(url, mc.before(verb, no))
    other = mc.open(url, author="eve")
    between(lambda: (rival(other), project._session.view()))  # what the handle has seen since, as in another thread
    with pytest.raises(errors.GateBlocked):
        act(project)


def test_a_criterion_set_meanwhile_judges_the_candidate(url: str, between: Any) -> None:
    """Though nothing was asked of it at the look; a route too."""
    other, project = mc.open(url, author="eve"), opened(url)
    between(lambda: other.scope.set(criteria=[mc.RowCount(at_least=1000, on="d")], test="d"))
    with pytest.raises(errors.GateBlocked, match="at least 1,000 rows"):
        project.datasets.add("d", OTHER)
    between(lambda: other.scope.set(criteria=[mc.AtLeast("accuracy", 0.999)], override_until="1d", message="m"))
    with pytest.raises(errors.GateBlocked, match="accuracy"):
        project.deployments["shop"].route("m@1")


def test_a_sweep_carries_no_decision_over_to_something_else(url: str, between: Any) -> None:
    """A name that means another version at the second look is another question."""
    seen: list[Any] = []

    def only_first(event: mc.Event, context: Any) -> bool:
        seen.append(event.proposal["data"])
        return event.proposal["data"] == ("d@1",)

    other = mc.open(url, author="eve")
    between(lambda: (other.datasets.add("d", OTHER), other.store.sweep(min_age=0)))
    with pytest.raises(errors.GateBlocked):
        opened(url, mc.before("model.register", only_first)).models.register("m", TREE, uses=["d"])
    assert seen == [("d@1",), ("d@2",)]


def test_a_rollback_that_moves_something_else_is_judged_anew(url: str, between: Any) -> None:
    """What it moves is what it is about."""
    seen: list[Any] = []

    def note(event: mc.Event, context: Any) -> None:
        seen.append({move.name for move in event.proposal["moves"]})

    other = mc.open(url, author="eve")
    between(lambda: other.datasets.add("d", OTHER))
    opened(url, mc.before("project.rollback", note)).rollback(4)
    assert [moved - {"shop"} for moved in seen] == [{"m"}, {"m", "d"}]


def test_the_same_added_by_others_meanwhile_does_not_unblock(url: str, between: Any) -> None:
    """It is there then, and was still refused to whoever was refused."""
    other = mc.open(url, author="eve")
    between(lambda: other.datasets.add("d", OTHER))
    project = opened(url, mc.before("dataset.commit", no))
    with pytest.raises(errors.GateBlocked) as caught:
        project.datasets.add("d", OTHER)
    assert "It is kept as" not in str(caught.value)
    assert [one.allowed for one in project.datasets.decisions("d")] == [False]


# after ---------------------------------------------------------------------------------------------------------------


def test_after_never_raises_and_is_counted(url: str) -> None:
    """What it was told of is done, and it says how often it failed."""

    def broken(event: mc.Event, context: Any) -> None:
        raise RuntimeError("mail server")

    project = opened(url, mc.after("model.promote", broken))
    with pytest.warns(
        errors.MlcycleWarning, match="broken failed when told of model.promote: RuntimeError: mail server"
    ):
        assert project.models["m@1"].promote().allowed
    with pytest.warns(errors.MlcycleWarning, match=r"failed \(2 times by now\)"):
        project.models["m@2"].promote()


def test_after_is_not_told_of_what_was_blocked_or_not_needed(url: str) -> None:
    """Only of what was committed, by whoever committed it."""
    told: list[mc.Event] = []
    project = opened(
        url,
        mc.before("model.promote", no),
        mc.after("model.promote", lambda event, context: told.append(event)),
        mc.after("dataset.commit", lambda event, context: told.append(event)),
    )
    with pytest.raises(errors.GateBlocked):
        project.models["m@1"].promote()
    project.datasets.add("d", FRAME)
    mc.open(url).datasets.add("d", OTHER)
    assert told == []


def test_after_may_commit_and_is_not_told_of_that(url: str) -> None:
    """A hook that adds what it was told of does not run for ever."""
    told: list[str] = []

    def again(event: mc.Event, context: Any) -> None:
        told.append(event.subject)
        project.datasets.add("log", pd.DataFrame({"n": [len(told)]}))

    project = opened(url, mc.after("dataset.commit", again))
    project.datasets.add("d", OTHER)
    project.datasets.add("d", FRAME.assign(x=0.5))
    assert told == ["dataset:d@2", "dataset:d@3"]
    assert project.datasets["log"].ref == "log@2"


def test_the_end_of_a_run_is_told(url: str) -> None:
    """With how it ended and what it logged; a hook that breaks does not reach the training."""
    told: list[mc.Event] = []

    def note(event: mc.Event, context: Any) -> None:
        told.append(event)
        raise RuntimeError("mail server")

    project = opened(url, mc.after("run.finish", note))
    with (
        pytest.warns(errors.MlcycleWarning, match="mail server"),
        project.experiments.open("e").start(params={"depth": 2}) as run,
    ):
        run.log(loss=0.3, step=1)
    [event] = told
    assert event.subject == f"run:{run.id}"
    assert (event.proposal["status"], event.proposal["metrics"], event.proposal["params"]) == (
        "finished", {"loss": 0.3}, {"depth": 2},
    )  # fmt: skip


def test_a_window_that_was_judged_is_told(url: str) -> None:
    """With what was found."""
    told: list[mc.Event] = []
    project = opened(url, mc.after("window.close", lambda event, context: told.append(event)))
    shop = project.deployments["shop"]
    with shop.serve(follow=0) as service:
        service.predict(FRAME[["x"]], ids=range(12))
    found = shop.check()
    [event] = told
    assert event.subject == "deployment:shop"
    assert event.proposal["evaluation"] == found


# travelling ----------------------------------------------------------------------------------------------------------


def test_hooks_travel_with_the_project(url: str) -> None:
    """A copy in another process is judged by the same hooks."""
    copy = pickle.loads(pickle.dumps(opened(url, mc.before("model.promote", no))))
    with pytest.raises(errors.GateBlocked):
        copy.models["m@1"].promote()
    deployment = pickle.loads(pickle.dumps(opened(url, mc.before("deployment.route", no)).deployments["shop"]))
    with pytest.raises(errors.GateBlocked):
        deployment.route("m@1")


def test_a_hook_that_does_not_pickle_stays_behind(url: str) -> None:
    """With one warning; the copy opens and reads everything, and refuses what the hook guarded, naming it."""
    project = opened(url, mc.before("model.promote", lambda event, context: True), mc.before("dataset.commit", no))
    with pytest.warns(errors.MlcycleWarning, match=r"before\('model.promote', <lambda>\) .* stays behind") as said:
        data = pickle.dumps(project)
    assert len(said) == 1
    assert len(data) < 5000
    assert pickle.dumps(project) == data  # and no second warning, which would be an error here
    for copy in (pickle.loads(data), pickle.loads(pickle.dumps(pickle.loads(data)))):
        assert len(copy.load("dataset:d@1")) == 12
        assert copy.scope.set(objective="mine").objective == "mine"
        with pytest.raises(errors.ReadOnly, match=r"lost before\('model.promote', <lambda>\) when it was pickled"):
            copy.models["m@1"].promote()
        with pytest.raises(errors.ReadOnly, match="open the project here with its hooks"):
            copy.models.rollback("m")
        with pytest.raises(errors.GateBlocked):
            copy.datasets.add("d", OTHER)
        project.scope.set(objective="theirs")


def test_an_after_hook_that_does_not_pickle_guards_nothing(url: str) -> None:
    """The copy does everything, and nobody is told there."""
    with pytest.warns(errors.MlcycleWarning, match="stays behind"):
        copy = pickle.loads(pickle.dumps(opened(url, mc.after("model.promote", lambda event, context: None))))
    assert copy.models["m@1"].promote().allowed


def test_a_read_only_project_asks_and_keeps_nothing(url: str) -> None:
    """It refuses before any hook is asked."""
    seen, hook = counted()
    project = mc.open(url, mode="r", hooks=[mc.before(verb, hook) for verb in BOTH])
    before = project._session.view().n
    for acts in ACTS.values():
        for act in acts:
            with pytest.raises(errors.ReadOnly):
                act(project)
    assert (seen, project._session.view().n) == ([], before)


# the scope -----------------------------------------------------------------------------------------------------------


def test_a_reviewer_of_amendments_is_not_passed_by_the_amendment_itself(url: str) -> None:
    """The date says how long it is loosened; who may loosen is the reviewer's to say."""
    project = mc.open(url, author="ada")
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.9)], test="d")
    project.datasets.add("d", FRAME, target="left")
    project.models.register("m", TREE).evaluate()

    def reviewer(event: mc.Event, context: Any) -> bool:
        return not event.proposal["amended"] or event.actor == "eve"

    easier: dict[str, Any] = {"criteria": [mc.AtLeast("accuracy", 0.8)], "override_until": "30d", "message": "pilot"}
    with pytest.raises(errors.GateBlocked, match="reviewer failed") as caught:
        opened(url, mc.before("scope.set", reviewer)).scope.set(**easier)
    assert "override_until" not in str(caught.value)
    found = opened(url, mc.before("scope.set", reviewer), author="eve").scope.set(**easier)
    assert [(one.author, one.message) for one in found.loosened] == [("eve", "pilot")]


def test_criteria_guard_the_project_until_none_blocks(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that knows no gates moves neither model nor route; what else is guarded stays."""
    project = mc.open(url, author="ada")

    def guards() -> dict[str, list[str]]:
        return guards_on(project._session.view(), "project", "project")

    assert guards() == {}
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.9)], test="d")
    assert guards() == {"model/pointer.move": ["gates"], "deployment/pointer.move": ["gates"]}
    monkeypatch.setattr(ProjectFold, "needs", frozenset())
    with pytest.raises(errors.ReadOnly, match=r"takes a newer mlcycle \(one that knows gates\)"):
        project.models["m@1"].promote(override_until="30d", message="why not")
    project.datasets.add("d", OTHER)
    monkeypatch.undo()
    project.scope.set(criteria=[], override_until="30d", message="no more")
    assert guards() == {}
