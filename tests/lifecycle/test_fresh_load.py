"""A model others can load: told when it is saved, and tried by promote and route in a fresh Python."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors, provenance, records
from mlcycle.records import Environment

CHECK = "loads in a fresh interpreter"
FRAME = pd.DataFrame({"x": np.arange(12.0), "left": [0, 1] * 6})
TREE = DecisionTreeClassifier(max_depth=1).fit(FRAME[["x"]], FRAME["left"])
PILOT = {"override_until": "2100-01-01", "message": "pilot"}
ROOT = str(Path(__file__).parents[2])
MODEL = "class Mine:\n    def __init__(self): self.fitted_ = True\n    def predict(self, X): return [0] * len(X)\n"
TRAIN = (
    "import warnings, mlcycle as mc\n"
    "project = mc.open({url!r}, create=True)\n"
    "with warnings.catch_warnings(record=True) as caught:\n"
    "    warnings.simplefilter('always')\n"
    "    project.models.register('m', Mine(), format='joblib')\n"
    "    with project.experiments.open('e').start() as run:\n"
    "        run.save_model(Mine(), format='joblib')\n"
    "print('\\n'.join(str(one.message) for one in caught))\n"
)


def trained(folder: Path, beside: bool) -> str:
    """Have a script register a model of its own class, or of a module beside it; return what it warned of."""
    (folder / "code").mkdir()
    if beside:
        (folder / "code" / "features.py").write_text(MODEL)
    script = folder / "code" / "train.py"
    script.write_text(("from features import Mine\n" if beside else MODEL) + TRAIN.format(url=str(folder / "store")))
    environ = {**os.environ, "PYTHONPATH": ROOT}
    return subprocess.run([sys.executable, script], env=environ, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def project() -> mc.Project:
    """Return a project without criteria, with a model everybody can load."""
    project = mc.open(f"memory://loads-{uuid.uuid4().hex}", create=True, author="ada")
    project.models.register("m", TREE, example=FRAME[["x"]])
    return project


def pickled(project: mc.Project) -> mc.ModelVersion:
    """Register a model that only trust loads."""
    return project.models.register("m", TREE, example=FRAME[["x"]], format="joblib")


def loading(decision: records.Decision) -> tuple[str, bool, str]:
    """Return what a decision says of loading: verdict, whether it blocks, and words."""
    [found] = [one for one in decision.results if one.check == CHECK]
    return found.verdict, found.blocking, found.detail


@pytest.mark.parametrize(
    ("beside", "name", "says"),
    [
        (False, "__main__.Mine", "AttributeError: Can't get attribute 'Mine'"),
        (True, "features.Mine", "ModuleNotFoundError: No module named 'features'"),
    ],
)
@pytest.mark.deep
def test_a_model_of_one_program(tmp_path: Path, beside: bool, name: str, says: str) -> None:
    """It is told twice at training, stands in the card, blocks promote and route, and an override passes it."""
    told = trained(tmp_path, beside)
    assert told.count(f"others cannot load this Mine: {name} is of ") == 2
    project = mc.open(tmp_path / "store", author="ada")
    card = project._session.blobs.document(f"model:{project.models['m@1'].id}", "card", "m@1")
    assert card["local"] == [name]
    version, eu = project.models["m@1"], project.deployments.open("eu")
    mc.trust("joblib", project)
    for act in (version.promote, lambda: eu.route("m@1")):
        with pytest.raises(errors.GateBlocked) as blocked:
            act()
        verdict, blocking, detail = loading(blocked.value.decision)
        assert (verdict, blocking, detail[: len(says)]) == ("fail", True, says)
        assert f"loads in a fresh interpreter failed: {says}" in str(blocked.value)
    assert eu.route("m@1", **PILOT).weights == {"m@1": 1}
    assert version.promote(**PILOT).allowed


@pytest.mark.parametrize("beside", [False, pytest.param(True, marks=pytest.mark.deep)])
def test_a_model_of_one_program_that_nobody_trusts(
    tmp_path: Path, beside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That others cannot load it is told without loading, and blocks; once it can be found, it goes on as any other."""
    trained(tmp_path, beside)
    version = mc.open(tmp_path / "store", author="ada").models["m@1"]
    name = "features.Mine" if beside else "__main__.Mine"
    with pytest.raises(errors.GateBlocked) as blocked:
        version.promote()
    verdict, blocking, detail = loading(blocked.value.decision)
    words = f"{name} is of the script, notebook or file that saved it, and no other program can import that. Have what"
    assert (verdict, blocking, detail[: len(words)]) == ("fail", True, words)
    assert version.promote("staging", **PILOT).allowed
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([ROOT, str(tmp_path / "code")]))
    if not beside:
        with pytest.raises(errors.GateBlocked, match=re.escape(words)):
            version.promote()
        return
    decision = version.promote()
    assert loading(decision)[:2] == ("skipped", False)
    assert "  · loads in a fresh interpreter was skipped: it is kept as joblib" in decision.why
    mc.trust(version.files[0].sha256)
    assert loading(version.promote("canary")) == ("pass", True, "")


@pytest.mark.parametrize("beside", [True, pytest.param(False, marks=pytest.mark.deep)])
def test_who_loads_what_one_program_found_is_told_to_have_it_moved(tmp_path: Path, beside: bool) -> None:
    """Nobody can install it, and a package of that name is a stranger's."""
    trained(tmp_path, beside)
    version = mc.open(tmp_path / "store", author="ada").models["m@1"]
    name = "features.Mine" if beside else "__main__.Mine"
    words = f"m@1 needs {name}, which only the program that saved it could import"
    with pytest.raises(errors.NotFound, match=re.escape(words)) as told:
        version.load(trust=True)
    assert "move it to a module of a package that is installed" in str(told.value)
    assert ": install it" not in str(told.value)
    assert "ompare the versions" not in str(told.value)


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[mc.ModelVersion, Path]:
    """Return a model of a module that an absolute entry of PYTHONPATH names, and the file of that."""
    file = tmp_path / "code" / "features.py"
    file.parent.mkdir()
    file.write_text(MODEL)
    (tmp_path / "train.py").write_text("from features import Mine\n" + TRAIN.format(url=str(tmp_path / "store")))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([ROOT, str(file.parent)]))
    subprocess.run([sys.executable, tmp_path / "train.py"], check=True, capture_output=True)
    project = mc.open(tmp_path / "store", author="ada")
    mc.trust("joblib", project)
    return project.models["m@1"], file


@pytest.mark.deep
def test_a_pass_holds_where_modules_are_found_alike(
    shared: tuple[mc.ModelVersion, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another PYTHONPATH is another question, and so is a folder that has lost the module."""
    version, file = shared
    assert loading(version.promote()) == ("pass", True, "")
    assert loading(version.promote("staging"))[2].startswith("as found 2")
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", ROOT)
        with pytest.raises(errors.GateBlocked, match="No module named 'features'"):
            version.promote("canary")
        patch.chdir(file.parents[1])
        patch.setenv("PYTHONPATH", os.pathsep.join([ROOT, "code"]))
        with pytest.raises(errors.GateBlocked, match="'code' of PYTHONPATH, another folder wherever a program starts"):
            version.promote("canary")
    assert loading(version.promote("canary"))[2].startswith("as found 2")
    file.unlink()
    with pytest.raises(errors.GateBlocked, match="No module named 'features'"):
        version.promote("last")


@pytest.mark.deep
def test_a_failure_stands_where_trust_is_taken_back(shared: tuple[mc.ModelVersion, Path], trust_file: Path) -> None:
    """What was found of a file is no secret again because nobody may try it any more."""
    version, file = shared
    file.write_text("")
    trusted = trust_file.read_bytes()
    with pytest.raises(errors.GateBlocked, match="Can't get attribute 'Mine'"):
        version.promote()
    trust_file.unlink()
    for _ in range(2):
        with pytest.raises(
            errors.GateBlocked, match=r"failed: as found 2\S+; AttributeError: Can't get attribute 'Mine'"
        ):
            version.promote()
    file.write_text(MODEL)
    trust_file.write_bytes(trusted)
    trust_file.chmod(0o600)
    assert loading(version.promote()) == ("pass", True, "")


def test_what_is_blocked_already_starts_nothing(project: mc.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take seconds, and change nothing; an override is told all that it passes."""
    project.datasets.add("d", FRAME, target="left")
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.01)], test="d")
    version, eu = project.models["m@1"], project.deployments.open("eu")
    with monkeypatch.context() as patch:
        patch.setattr("mlcycle.codecs.load_afresh", None)
        for act in (version.promote, lambda: eu.route("m@1")):
            with pytest.raises(errors.GateBlocked, match=r"no evaluation answers it|nobody has eval") as blocked:
                act()
            assert CHECK not in str(blocked.value)
    assert loading(version.promote(**PILOT)) == ("pass", True, "its example is answered")
    assert loading(eu.route("m@1", **PILOT) and project.models.decisions()[-1])[0] == "pass"


def test_what_everybody_can_import_is_saved_without_a_word(project: mc.Project) -> None:
    """A warning would be an error here."""
    with project.experiments.open("e").start() as run:
        run.save_model(FunctionTransformer(joblib.hash), format="skops")
    made = run.register("n")
    assert made.untrusted == ("joblib.hashing.hash",)
    assert project._session.blobs.document(f"model:{made.id}", "card", "n@1")["local"] == []


def test_a_lambda_is_told_when_it_is_saved(project: mc.Project) -> None:
    """No format holds it: register refuses, and training goes on."""
    model = FunctionTransformer(lambda X: X)
    with pytest.raises(errors.InvalidInput, match="A lambda, a nested function"):
        project.models.register("n", model)
    with project.experiments.open("e").start() as run, pytest.warns(errors.MlcycleWarning, match="A lambda"):
        run.save_model(model)
    with pytest.raises(errors.InvalidInput, match=r"has no model: it could not be stored \(.*A lambda, a nested"):
        run.register("n")
    with pytest.raises(errors.InvalidInput, match=r"call run.save_model\(.*\. Or it could not be stored: see the"):
        project.runs[run.id].register("n")


def test_it_is_tried_once_for_a_model_and_an_environment(project: mc.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it passed; another environment is another question."""
    version = project.models["m@1"]
    assert loading(version.promote()) == ("pass", True, "its example is answered")
    again = loading(version.promote("staging"))
    assert again[:2] == ("pass", True)
    assert again[2].startswith("as found 2")
    monkeypatch.setattr(provenance, "capture_environment", lambda: Environment(digest="sha256:" + "0" * 64))
    assert loading(version.promote("canary"))[2] == "its example is answered"
    assert loading(version.promote("again"))[2].startswith("as found 2")


def test_where_nobody_can_say_what_environment_this_is_it_is_tried_each_time(
    project: mc.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine may be like no other."""

    def odd() -> Environment:
        raise RuntimeError("no such file")

    monkeypatch.setattr(provenance, "capture_environment", odd)
    for alias in ("production", "staging"):
        assert loading(project.models["m@1"].promote(alias)) == ("pass", True, "its example is answered")


def test_what_nobody_trusts_is_not_tried(project: mc.Project) -> None:
    """It keeps nobody from going on, and the words that have it tried are those to type."""
    version = pickled(project)
    verdict, blocking, detail = loading(version.promote())
    assert (verdict, blocking) == ("skipped", False)
    digest = version.files[0].sha256
    assert detail == (f"it is kept as joblib, and reading it runs code: mlcycle.trust({digest!r}) has it tried")
    mc.trust(digest)
    assert loading(version.promote("staging")) == ("pass", True, "its example is answered")
    named = project.models.register("n", FunctionTransformer(joblib.hash), format="skops")
    words = "it holds types that nobody vouched for: mlcycle.trust(['joblib.hashing.hash'], project) has it tried"
    assert loading(named.promote()) == ("skipped", False, words)


def test_a_file_of_trust_that_others_could_have_written(project: mc.Project, trust_file: Path) -> None:
    """It grants nothing, and is named."""
    trust_file.write_text("{")
    verdict, blocking, detail = loading(pickled(project).promote())
    assert (verdict, blocking) == ("skipped", False)
    assert "What you trust for every time cannot be read: " in detail


def test_a_host_that_cannot_start_one(project: mc.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, and locks nobody out; nor is it taken for a pass."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "")
        verdict, blocking, detail = loading(project.models["m@1"].promote())
    assert (verdict, blocking) == ("error", False)
    assert "could be started again" in detail
    assert loading(project.models["m@1"].promote("staging")) == ("pass", True, "its example is answered")


@pytest.mark.parametrize("lost", [True, False])
def test_a_file_that_is_hurt(tmp_path: Path, lost: bool) -> None:
    """Nobody can load it: it blocks."""
    project = mc.open(tmp_path / "store", create=True, author="ada")
    version = project.models.register("m", TREE)
    file = tmp_path / "store" / version.files[0].key
    file.unlink() if lost else file.write_bytes(b"x")
    with pytest.raises(errors.GateBlocked, match="is gone" if lost else "is damaged"):
        version.promote()
    assert version.promote(**PILOT).allowed


def test_a_share_without_evidence_takes_a_model_that_loads(tmp_path: Path) -> None:
    """That nobody measured it is a gap; that nobody can load it is none."""
    trained(tmp_path, beside=True)
    project = mc.open(tmp_path / "store", author="ada")
    project.datasets.add("past", FRAME.assign(x=FRAME["x"] + 0.5), target="left")
    project.datasets.add("d", FRAME, target="left")
    project.models.register("good", TREE, example=FRAME[["x"]], uses=["past"])
    project.models.register("new", TREE, example=FRAME[["x"]], uses=["past"])
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.01)], test="d")
    project.models["good"].evaluate()
    mc.trust("joblib", project)
    eu = project.deployments.open("eu")
    eu.route({"good@1": 95, "new@1": 5})
    with pytest.raises(errors.GateBlocked, match="m@1: loads in a fresh interpreter failed"):
        eu.route({"good@1": 95, "m@1": 5})


def test_going_back_never_asks(project: mc.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an emergency nothing is started."""
    version, other = project.models["m@1"], project.models.register("m", TREE)
    eu = project.deployments.open("eu")
    for one in (version, other):
        one.promote()
        eu.route(one)
    before = len(project.models.decisions())

    def nothing(*given: Any, **named: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr("mlcycle.codecs.load_afresh", nothing)
    assert project.models.rollback("m").ref == "m@1"
    eu.rollback()
    assert len(project.models.decisions()) == before
