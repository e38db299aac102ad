"""A metric of a notebook in the scope: judged there, in other processes only on their caller's word."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import mlcycle as mc
from mlcycle import errors
from mlcycle.records import MetricSource
from tests.lifecycle.conftest import fitted

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

NOTEBOOK = """
import sys
import numpy as np
import mlcycle as mc
from sklearn.datasets import load_breast_cancer
from sklearn.dummy import DummyClassifier

COSTS = {"miss": 10, "alarm": 1}

def mean_cost(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    missed, alarmed = (y_true == 1) & (y_pred == 0), (y_true == 0) & (y_pred == 1)
    return float(np.mean(COSTS["miss"] * missed + COSTS["alarm"] * alarmed))

project = mc.open(sys.argv[1], create=True, author="ada")
frame = load_breast_cancer(as_frame=True).frame
project.scope.set(criteria=[mc.AtMost(mean_cost, 0.9)], test="cells.test")
project.datasets.add("cells", frame, target="target")
train, test = project.datasets["cells"].split(test=0.5)
X, y = train.xy()
version = project.models.register("cells", DummyClassifier(strategy="most_frequent").fit(X, y), uses=[train])
[found] = version.evaluate().results
print(found.verdict, found.value)
COSTS["miss"] = 1000  # what was agreed is what is kept
print(version.evaluate().results[0].value)
print(version.promote().allowed)
"""
ELSEWHERE = """
import json
import sys
import mlcycle as mc
from mlcycle.errors import MlcycleError

project, trust = mc.open(sys.argv[1]), sys.argv[2:]
[found] = project.models["cells@1"].evaluate(trust=trust).results
try:
    allowed = project.models["cells@1"].promote("checked").allowed
except MlcycleError as error:
    allowed = str(error)
print(json.dumps([found.verdict, found.value, found.detail, allowed, project.scope.get()._repr_html_()]))
"""


def ran(code: str, tmp_path: Path, *given: str) -> list[str]:
    """Run a script of its own, with the trust of nobody but a file beside it, and return what it printed."""
    script = tmp_path / "script.py"
    script.write_text(code, encoding="utf-8")
    environment = {**os.environ, "MLCYCLE_TRUST": str(tmp_path / "trust.json"), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-P", str(script), str(tmp_path / "store"), *given],
        capture_output=True, text=True, check=False, env=environment, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_notebook_and_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here it is judged; there it is an error and the gate stays shut, until whoever runs it trusts the digest."""
    verdict, same, allowed = ran(NOTEBOOK, tmp_path)
    value = float(same)
    assert [verdict, allowed] == [f"pass {value}", "True"]

    [criterion] = mc.open(tmp_path / "store").scope.get().criteria  # type: ignore[union-attr]
    assert isinstance(criterion.metric, MetricSource)
    digest = criterion.metric.digest
    [line] = ran(ELSEWHERE, tmp_path)
    refused, nothing, detail, shut, page = json.loads(line)
    assert (refused, nothing) == ("error", None)
    assert "the metric mean_cost is kept as source" in detail
    assert "ada put it into scope 1 on 2" in detail
    assert "print(project.scope.get().criteria[0].metric.source)" in detail
    assert f"project.models['cells@1'].evaluate(trust='{digest}')" in detail
    assert "promote cells@1 is blocked" in shut
    assert "<summary>source of mean_cost" in page
    assert "COSTS = {&#x27;miss&#x27;: 10, &#x27;alarm&#x27;: 1}" in page

    [line] = ran(ELSEWHERE, tmp_path, digest)
    assert ["pass", value, True] == [json.loads(line)[place] for place in (0, 1, 3)]
    assert json.loads(ran(ELSEWHERE, tmp_path, "joblib", "metric:sha256:" + "0" * 64)[0])[0] == "error"

    monkeypatch.setenv("MLCYCLE_TRUST", str(tmp_path / "trust.json"))
    mc.trust(digest)
    assert json.loads(ran(ELSEWHERE, tmp_path)[0])[:2] == ["pass", value]


def hostile(marker: Path) -> MetricSource:
    """Return a metric that leaves a mark wherever any of it runs."""
    mark = f"import pathlib\npathlib.Path({str(marker)!r}).touch()\n"
    return MetricSource(f"{mark}\ndef accuracy(y_true, y_pred):\n    return float((y_true == y_pred).mean())\n")


def judged(project: mc.Project, cells: pd.DataFrame, metric: Any) -> mc.ModelVersion:
    """Put a metric into the scope, and register a model that it judges."""
    project.scope.set(criteria=[mc.AtLeast(metric, 0.5)], test="cells")
    project.datasets.add("cells", cells, target="target")
    X, y = cells.drop(columns="target"), cells["target"]
    return project.models.register("cells", fitted(X, y), example=X[:5])


def test_nothing_runs_a_source_without_trust(project: mc.Project, cells: pd.DataFrame, tmp_path: Path) -> None:
    """Not the scope, not judging, not a gate, not a hook, not showing it, nor what is trusted of something else."""
    marker = tmp_path / "marker"
    version = judged(project, cells, hostile(marker))
    asked: list[str] = []

    def ask(event: Any, context: Any) -> None:
        with pytest.raises(errors.UntrustedModel, match="kept as source"):
            context.metrics.find(hostile(marker))
        asked.append("asked")

    hooked = mc.open(project.store.url, hooks=[mc.after("scope.set", ask)])
    scope = hooked.scope.set(criteria=[*hooked.scope.get().criteria, mc.AtLeast("accuracy", 0.5)])  # type: ignore[union-attr]
    print(scope, repr(scope), scope._repr_html_(), repr(scope.criteria), scope.criteria[0].metric._repr_html_())  # type: ignore[union-attr]
    mc.trust("joblib", project)
    for trust in (True, ["joblib"], [MetricSource("def accuracy(y_true, y_pred):\n    return 1\n").digest]):
        assert version.evaluate(trust=trust).results[0].verdict == "error"
    with pytest.raises(errors.GateBlocked, match="the metric accuracy is kept as source"):
        version.promote()
    project.status()
    assert (asked, marker.exists()) == (["asked"], False)
    assert version.evaluate(trust=hostile(marker).digest).results[0].verdict == "pass"
    assert marker.exists()  # so that its absence above says something


def test_a_text_that_somebody_changed_is_not_the_one_trusted(
    project: mc.Project, cells: pd.DataFrame, tmp_path: Path
) -> None:
    """Whoever can write to the store changes the text, and with it the digest; the old grant does not hold."""
    honest = MetricSource("def accuracy(y_true, y_pred):\n    return float((y_true == y_pred).mean())\n")
    version = judged(project, cells, honest)
    mc.trust(honest.digest, project)
    assert version.evaluate().results[0].verdict == "pass"
    marker = tmp_path / "marker"
    project.scope.set(criteria=[mc.AtLeast(hostile(marker), 0.5)], message="tampered", override_until="7d")
    [found] = version.evaluate().results
    assert (found.verdict, marker.exists()) == ("error", False)
    mc.trust(honest.digest, project, revoke=True)
    assert mc.trust(project=project) == []


def test_a_text_that_does_not_hold_is_refused_before_anything_is_stored(project: mc.Project) -> None:
    """It is tried against its function when it enters a scope."""
    costs = {"miss": 10}

    def mean_cost(y_true: Any, y_pred: Any) -> float:
        return float(costs["miss"] * (y_true != y_pred).mean())

    criterion = mc.AtMost(mean_cost, 0.5)
    costs["miss"] = 1
    with pytest.raises(errors.InvalidInput, match="make the criterion anew"):
        project.scope.set(criteria=[criterion])
    assert project.scope.get() is None
    project.scope.set(criteria=[mc.AtMost(mean_cost, 0.5)], test="cells")
    costs["miss"] = 2  # what stands in the scope stays as it was agreed, and others are added beside it
    assert len(project.scope.set(criteria=[*project.scope.get().criteria, mc.AtMost(mean_cost, 0.5)]).criteria) == 2


def test_costs_need_no_trust(project: mc.Project, cells: pd.DataFrame) -> None:
    """They are data, and the stored scope says them."""
    cost = mc.Cost(false_negative=10, false_positive=1)
    project.scope.set(
        criteria=[mc.AtMost(cost, 0.9), mc.NotWorseThan("production", cost, margin=0.2)], test="cells.test"
    )
    project.datasets.add("cells", cells, target="target")
    train, _ = project.datasets["cells"].split(test=0.5)
    X, y = train.xy()
    first = project.models.register("cells", fitted(X, y), uses=[train])
    assert [one.verdict for one in first.evaluate().results] == ["pass", "not_applicable"]
    first.promote()
    second = mc.open(project.store.url).models.register("cells", fitted(X, y, C=0.5), uses=[train])
    assert [one.verdict for one in second.evaluate().results] == ["pass", "pass"]
    assert project.scope.get().criteria[0].metric == cost  # type: ignore[union-attr]


def test_traffic_is_judged_by_them(project: mc.Project, cells: pd.DataFrame) -> None:
    """A check of a deployment asks the user's file; costs are held against what an evaluation measured."""
    source = MetricSource("def hit_rate(y_true, y_pred):\n    return float((y_true == y_pred).mean())\n")
    version = judged(project, cells, source)
    version.evaluate(trust=source.digest)
    shop = project.deployments.open("shop")
    shop.route(version, message="judged on what it was trained on", override_until="7d")
    rows = cells.drop(columns="target")[:200]
    with shop.serve(follow=0) as service:
        service.predict(rows, ids=range(200))
    shop.label(range(200), cells["target"][:200].tolist())

    def quality() -> list[str]:
        return [one.verdict for one in shop.check().results if one.check.endswith("hit_rate ≥ 0.5")]

    assert quality() == ["error"]
    mc.trust(source.digest, project)
    assert quality() == ["pass"]

    cost = mc.Cost(false_negative=3, false_positive=1)
    project.scope.set(criteria=[mc.AtMost(cost, 2)], message="costs instead", override_until="7d")
    version.evaluate()
    project.scope.set(criteria=[mc.NotWorseThan("production", cost)], message="relative", override_until="7d")
    assert any("mean cost (miss 3, false alarm 1) not worse than" in one.check for one in shop.check().results)


def test_the_lines_of_a_refusal_work(project: mc.Project, cells: pd.DataFrame, tmp_path: Path) -> None:
    """What a blocked promotion prints can be typed as it stands, and then the promotion goes through."""
    version = judged(project, cells, hostile(tmp_path / "marker"))
    version.evaluate()
    with pytest.raises(errors.GateBlocked) as blocked:
        version.promote()
    [line] = [line for line in str(blocked.value).splitlines() if "kept as source" in line]
    read, trust = re.search(r"to read it: print\((.+?)\)\. To trust it: (.+), or mlcycle", line).groups()  # type: ignore[union-attr]
    assert eval(read, {"project": project}) == hostile(tmp_path / "marker").source
    assert eval(trust, {"project": project}).verdict == "pass"
    with pytest.raises(errors.GateBlocked) as blocked:
        version.promote()  # it was trained on what it is judged on, which is another matter
    assert "kept as source" not in str(blocked.value)


def test_the_rules_of_an_alias_have_an_author_too(project: mc.Project, cells: pd.DataFrame, tmp_path: Path) -> None:
    """Where it stands is said of a metric that only an alias asks for."""
    metric = hostile(tmp_path / "marker")
    usual, own = [mc.AtLeast("accuracy", 0.5)], [mc.AtLeast(metric, 0.5)]
    project.scope.set(criteria=usual, aliases={"trial": own}, test="cells")
    project.datasets.add("cells", cells, target="target")
    X = cells.drop(columns="target")
    version = project.models.register("cells", fitted(X, cells["target"]), example=X[:5])
    version.evaluate()
    with pytest.raises(errors.GateBlocked, match=r"put it into scope 1 .*get\(\)\.aliases\['trial'\]\[0\]\.metric"):
        version.promote("trial")
