"""Trust given once for every time: what may be named, where it holds, how it is taken back."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier

import mlcycle as mc
from mlcycle import errors

if TYPE_CHECKING:
    import pandas as pd

DIGEST = "sha256:" + "0a" * 32


class Mine(ClassifierMixin, BaseEstimator):
    """A classifier of one's own."""

    def fit(self, X: Any, y: Any) -> Mine:
        """Learn nothing."""
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        """Answer zero."""
        return np.zeros(len(X), dtype=int)


NAME = f"{Mine.__module__}.Mine"


def kept(project: mc.Project, cells: pd.DataFrame, format: str) -> mc.ModelVersion:
    """Keep the model in a format, with data and a criterion to judge it."""
    criteria = [mc.AtLeast("accuracy", 0.1), mc.NotWorseThan("production", "accuracy", margin=0.5)]
    project.scope.set(criteria=criteria, test="cells")
    project.datasets.add("cells", cells, target="target")
    X, y = cells.drop(columns="target"), cells["target"]
    return project.models.register("mine", Mine().fit(X, y), example=X[:5], format=format)


@pytest.mark.parametrize(
    ("format", "what"), [("skops", NAME), ("skops", Mine), ("skops", [Mine, "a.b"]), ("joblib", "joblib")]
)
def test_every_place_that_loads(project: mc.Project, cells: pd.DataFrame, format: str, what: Any) -> None:
    """Loading, judging, its reference, serving, and the context of a hook ask the file."""
    version = kept(project, cells, format)
    with pytest.raises(errors.UntrustedModel, match=r"mlcycle\.trust\("):
        project.load(version)
    assert version.evaluate().results[0].verdict == "error"
    mc.trust(what, project)
    assert project.load(version).predict([[0]]).tolist() == [0]
    version.promote(message="first", override_until="7d")
    again = project.models.register("mine", Mine().fit([[0]], [0]), uses="cells", format=format)
    results = again.evaluate().results
    assert [one.verdict for one in results if "production" in one.check] == ["pass"]
    project.deployments.open("eu").route({version.ref: 100}, message="go", override_until="7d")
    with project.deployments["eu"].serve(follow=0) as service:
        assert service.predict(cells.drop(columns="target")[:2]).tolist() == [0, 0]
    mc.trust(what, project, revoke=True)
    with pytest.raises(errors.UntrustedModel):
        project.load(version)


def test_a_hook_may_ask_a_model(project: mc.Project, cells: pd.DataFrame) -> None:
    """Its context is under what the user trusts."""
    version, asked = kept(project, cells, "joblib"), []

    def ask(event: Any, context: Any) -> None:
        asked.append(context.models.load("mine@1").predict(np.zeros((2, 30))).tolist())

    hooked = mc.open(project.store.url, hooks=[mc.after("scope.set", ask)])
    mc.trust("joblib", project)
    hooked.scope.set(objective="another")
    assert (version.ref, asked) == ("mine@1", [[0, 0]])


def test_one_file_by_its_digest(anywhere: mc.Project, cells: pd.DataFrame) -> None:
    """Everywhere, or in one project; no other pickle."""
    version = kept(anywhere, cells, "joblib")
    other = anywhere.models.register("other", Mine().fit([[0]], [0]), format="joblib")
    with pytest.raises(errors.UntrustedModel) as caught:
        anywhere.load(version)
    digest = str(caught.value).partition("mlcycle.trust('")[2][:71]
    for where in (None, anywhere):
        mc.trust(digest, where)
        assert anywhere.load(version).predict([[0]]).tolist() == [0]
        with pytest.raises(errors.UntrustedModel):
            anywhere.load(other)
        mc.trust(digest, where, revoke=True)
    assert anywhere.models[version].load(trust=[digest]).predict([[0]]).tolist() == [0]


def test_names_do_not_help_with_a_pickle(project: mc.Project, cells: pd.DataFrame) -> None:
    """Given or granted, the error says so; and of a word for pickles, that it does not help with types."""
    pickled, data = kept(project, cells, "joblib"), kept(project, cells, "skops")
    for trust in (pickled.untrusted, [Mine], Mine):
        with pytest.raises(errors.UntrustedModel, match="Naming types does not help with a pickle"):
            pickled.load(trust=trust)
    mc.trust(["joblib", Mine], project)
    mc.trust("joblib", project, revoke=True)
    with pytest.raises(errors.UntrustedModel, match="Naming types does not help with a pickle"):
        project.load(pickled)
    mc.trust(Mine, project, revoke=True)
    mc.trust("joblib", project)
    with pytest.raises(errors.UntrustedModel, match="are for pickles, and this is a skops file: name the types"):
        project.load(data)


def test_what_a_call_trusts_is_added(project: mc.Project, cells: pd.DataFrame) -> None:
    """Neither takes anything from the other, and a call leaves nothing behind."""
    version = kept(project, cells, "skops")
    mc.trust("joblib", project)
    assert isinstance(project.load(version, trust=[Mine]), Mine)
    with pytest.raises(errors.UntrustedModel, match=NAME):
        project.load(version)
    mc.trust(NAME, project)
    assert isinstance(project.load(version, trust=["a.b"]), Mine)


def test_a_copy_of_a_store_is_not_trusted(project: mc.Project, cells: pd.DataFrame, tmp_path: Path) -> None:
    """Whoever can read it has its id, and writes in his copy what he likes."""
    version = kept(project, cells, "joblib")
    mc.trust("joblib", project)
    shutil.copytree(tmp_path / "store", tmp_path / "copy")
    copy = mc.open(tmp_path / "copy")
    assert mc.trust(project=copy) == []
    with pytest.raises(errors.UntrustedModel):
        copy.load(f"model:{version.ref}")
    shutil.move(tmp_path / "store", tmp_path / "old")
    other = mc.open(tmp_path / "store", create=True)
    assert mc.trust(project=other) == []


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_link_is_not_the_place(project: mc.Project, cells: pd.DataFrame, tmp_path: Path) -> None:
    """What is trusted through a link holds where it leads, and no longer once it leads to a copy."""
    version = kept(project, cells, "joblib")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "store")
    mc.trust("joblib", mc.open(link))
    assert isinstance(project.load(version), Mine)
    shutil.copytree(tmp_path / "store", tmp_path / "copy")
    link.unlink()
    link.symlink_to(tmp_path / "copy")
    with pytest.raises(errors.UntrustedModel):
        mc.open(link).load(f"model:{version.ref}")


def test_a_place_that_cannot_be_told_from_a_copy(cells: pd.DataFrame, tmp_path: Path, trust_file: Path) -> None:
    """Nothing is trusted there by project; one file is, by its digest."""
    options = {"path": str(tmp_path), "target_protocol": "file"}
    project = mc.open("dir://store", create=True, single_writer=True, storage_options=options)
    version = kept(project, cells, "joblib")
    for what in ("joblib", Mine, DIGEST):
        with pytest.raises(errors.InvalidInput, match=r"dir://store cannot be told from a copy .* by their digest"):
            mc.trust(what, project)
    assert not trust_file.exists()
    with pytest.raises(errors.UntrustedModel) as caught:
        project.load(version)
    digest = str(caught.value).partition("mlcycle.trust('")[2][:71]
    assert [one.what for one in mc.trust(digest)] == [one.what for one in mc.trust(project=project)] == [digest]
    assert isinstance(project.load(version), Mine)


@pytest.mark.skipif(sys.platform != "linux", reason="where a path is any bytes")
def test_a_path_that_is_not_utf_8(cells: pd.DataFrame, tmp_path: Path) -> None:
    """It is trusted as any other is, and taken back in words that can be printed."""
    project = mc.open(os.fsdecode(bytes(tmp_path) + b"/caf\xe9"), create=True)
    version = kept(project, cells, "joblib")
    mc.trust("joblib", project)
    assert isinstance(project.load(version), Mine)
    mc.trust("joblib", project, revoke=True)
    with pytest.raises(errors.NotFound) as caught:
        mc.trust("joblib", project, revoke=True)
    assert str(caught.value).isascii()


def test_what_is_trusted_is_seen_and_taken_back(memory_url: Any) -> None:
    """By project, and all of it."""
    here, there = mc.open(memory_url[0] + "/a"), mc.open(memory_url[0] + "/b")
    assert [one.what for one in mc.trust(["b.C", "a.B"], here)] == ["a.B", "b.C"]
    assert [one.what for one in mc.trust(["a.B", DIGEST], there)] == ["a.B", DIGEST]
    assert [one.what for one in mc.trust(DIGEST)] == ["a.B", "b.C", "a.B", DIGEST, DIGEST]
    assert mc.trust("a.B", here) == mc.trust(project=here)  # once is enough
    assert [one.what for one in mc.trust("a.B", here, revoke=True)] == ["b.C", DIGEST]
    assert [(one.what, one.project) for one in mc.trust()] == [
        ("b.C", here.store.url),
        ("a.B", there.store.url),
        (DIGEST, there.store.url),
        (DIGEST, None),
    ]


def test_taking_back_what_was_not_granted(memory_url: Any) -> None:
    """Whoever mistypes what he takes back must not believe that it is gone; nothing else goes either."""
    project = mc.open(memory_url[0])
    mc.trust("a.B", project)
    with pytest.raises(errors.NotFound, match=r"you do not trust 'a\.C' in 'memory://"):
        mc.trust(["a.B", "a.C"], project, revoke=True)
    with pytest.raises(errors.NotFound, match="everywhere"):
        mc.trust(DIGEST, revoke=True)
    with pytest.raises(errors.InvalidInput, match="revoke=True takes back what you name"):
        mc.trust(project=project, revoke=True)
    assert [one.what for one in mc.trust()] == ["a.B"]


@pytest.mark.parametrize(
    "what",
    [
        True,
        "skops",
        "pickle",
        "*",
        "sklearn.*",
        "a..b",
        "a b.c",
        ".a",
        DIGEST[:-1],
        DIGEST.upper(),
        3,
        [None],
        ["a.b", 3],
    ],
)
def test_what_cannot_be_trusted(what: Any, memory_url: Any, trust_file: Path) -> None:
    """There is no word for everything."""
    with pytest.raises(errors.InvalidInput, match="trust"):
        mc.trust(what, mc.open(memory_url[0]))
    assert not trust_file.exists()


@pytest.mark.parametrize(
    ("what", "said"), [("joblib", "'joblib', project"), (Mine, "Mine', project"), (["a.B"], "a.B")]
)
def test_only_a_digest_stands_without_a_project(what: Any, said: str) -> None:
    """A type is trusted for the sake of those who write to one store."""
    with pytest.raises(errors.InvalidInput, match=rf"is trusted in one project.*{said}"):
        mc.trust(what)


def test_a_project_is_an_open_one() -> None:
    """Not its address."""
    with pytest.raises(
        errors.InvalidInput, match=r"project= must be an open project \(mlcycle\.open\(url\)\), got str"
    ):
        mc.trust("joblib", "memory://x")  # type: ignore[arg-type]


def test_a_file_that_is_no_use(project: mc.Project, cells: pd.DataFrame, trust_file: Path) -> None:
    """Who needs it is told both; who needs no trust is not kept from his model."""
    version = kept(project, cells, "joblib")
    good = project.models.register("good", known(cells))
    trust_file.write_text("all of it")
    with pytest.raises(errors.UntrustedModel, match=r"kept as joblib.*cannot be read: .*trust\.json.* is damaged"):
        project.load(version)
    assert project.load(good) is not None
    assert isinstance(project.load(version, trust=True), Mine)


def known(cells: pd.DataFrame) -> Any:
    """Return a model of known types."""
    return DummyClassifier().fit(cells[["mean area"]], cells["target"])
