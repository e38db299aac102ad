"""Deployments: who answers, what is kept, what the traffic says, and going back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlcycle as mc
from mlcycle import errors, records
from mlcycle.errors import InvalidInput, NotFound
from tests.lifecycle.conftest import begin, fitted


@pytest.fixture
def shop(project: mc.Project, cells: pd.DataFrame) -> Any:
    """Return a deployment with two versions to route to, and rows to ask about."""
    _, train = begin(project, cells)
    X, y = train.xy()
    project.models.register("tumour", fitted(X, y, 0.01), uses=[train], example=X[:5]).evaluate()
    deployment = project.deployments.open("shop")
    deployment.route({"tumour@1": 1}, message="go")
    return deployment


def test_answers_are_the_estimators_own(project: mc.Project, shop: Any, cells: pd.DataFrame) -> None:
    """`predict` and `predict_proba` return what the model returns."""
    X = cells.drop(columns="target")
    model = project.load("model:tumour@1")
    with shop.serve() as service:
        np.testing.assert_array_equal(model.predict(X), service.predict(X, ids=X.index))
        np.testing.assert_array_equal(model.predict_proba(X), service.predict_proba(X))
        with pytest.raises(errors.InvalidInput, match="mean radius"):
            service.predict(X.drop(columns="mean radius"))
        with pytest.raises(errors.InvalidInput, match="3 ids"):
            service.predict(X[:5], ids=[1, 2, 3])


def test_ids_divide_by_weight_and_stay(project: mc.Project, shop: Any, cells: pd.DataFrame) -> None:
    """The same id gets the same version; moving weight moves only its share."""
    X = cells.drop(columns="target")
    both = [project.load(f"model:tumour@{n}").predict_proba(X)[:, 1] for n in (1, 2)]
    shop.route({"tumour@1": 90, "tumour@2": 10}, message="canary")
    with shop.serve(follow=0) as service:
        first = service.predict_proba(X, ids=X.index)[:, 1]
        second = np.concatenate(
            [service.predict_proba(X[i : i + 100], ids=X.index[i : i + 100])[:, 1] for i in range(0, 569, 100)]
        )
        np.testing.assert_allclose(first, second)
        by_second = np.isclose(first, both[1], rtol=1e-9)
        assert by_second.mean() == pytest.approx(0.1, abs=0.05)
        np.testing.assert_allclose(first, np.where(by_second, both[1], both[0]))
        shop.route({"tumour@1": 70, "tumour@2": 30}, message="more")
        wider = np.isclose(service.predict_proba(X, ids=X.index)[:, 1], both[1], rtol=1e-9)
    assert (wider | ~by_second).all()
    assert wider.mean() == pytest.approx(0.3, abs=0.06)


def test_a_shadow_answers_unseen(project: mc.Project, shop: Any, cells: pd.DataFrame) -> None:
    """The shadow's answers are kept and never returned."""
    X = cells.drop(columns="target")[:20]
    shop.route("tumour@1", shadow="tumour@2", message="shadow")
    with shop.serve() as service:
        np.testing.assert_array_equal(project.load("model:tumour@1").predict(X), service.predict(X, ids=range(20)))
    kept = shop.traffic()
    assert kept.groupby("role")["version"].unique().map(list).to_dict() == {
        "live": ["tumour@1"],
        "shadow": ["tumour@2"],
    }


def test_traffic_joins_with_labels(shop: Any, cells: pd.DataFrame) -> None:
    """Ids from pandas and from text meet; the last label counts, whoever reported it."""
    X = cells.drop(columns="target")[:4]
    with shop.serve() as service:
        service.predict(X, ids=pd.Series([1.0, 2.0, 3.0, 4.0]))
        service.label(["1", "2"], [0, 0])
    shop.label([2], [1])
    frame = shop.traffic().set_index("id")
    assert frame["label"].tolist() == [0, 1, None, None]
    assert frame["in.mean radius"].tolist() == X["mean radius"].tolist()
    with pytest.raises(errors.InvalidInput, match="one outcome for each id"):
        shop.label([1, 2], [0])


def test_check_is_quiet_on_the_same_and_loud_on_a_shift(project: mc.Project, shop: Any, cells: pd.DataFrame) -> None:
    """No finding where nothing changed; drift and lost quality where something did."""
    X, y = project.datasets["cells.test"].xy()
    with shop.serve() as service:
        service.predict_proba(X, ids=X.index)
        service.label(X.index, y)
    quiet = shop.check()
    assert quiet.findings == ()
    assert {"data drift", "prediction drift", "quality", "latency", "traffic"} == set(quiet.frame()["look"])
    shop.route("tumour@1", message="new window")
    rng = np.random.default_rng(0)
    with shop.serve() as service:
        service.predict_proba(X.apply(rng.permutation) * 1.4, ids=X.index)
        service.label(X.index, y)
    kinds = {finding.look for finding in shop.check().findings}
    assert {"data drift", "quality"} <= kinds
    assert [len(report.findings) > 0 for report in shop.evaluations()] == [False, True]
    assert "monitoring" in {finding.check for finding in project.status().phases["deployment"]}


def test_a_model_that_goes_on_from_another_drifts_from_its_own_data(project: mc.Project, shop: Any) -> None:
    """The model it goes on from is in its lineage, and is no rows."""
    X, y = project.datasets["cells.train"].xy()
    tuned = project.models.register("tumour", fitted(X, y), uses=["cells.train", "model:tumour@1"], example=X[:5])
    tuned.evaluate()
    shop.route(tuned, message="tuned")
    with shop.serve() as service:
        rows, outcomes = project.datasets["cells.test"].xy()
        service.predict_proba(rows, ids=rows.index)
        service.label(rows.index, outcomes)
    quiet = shop.check()
    assert (quiet.findings, "data drift" in set(quiet.frame()["look"])) == ((), True)


def test_a_check_of_the_user_is_kept_beside_the_others(project: mc.Project, shop: Any, cells: pd.DataFrame) -> None:
    """It sees the window, and the data and models of the project; what fails and says no more is the deployment's."""

    def agrees(subject: str, context: Any) -> Any:
        asked, frame = context.traffic.live(), context.data.load("cells.test")
        yield len(asked) == len(frame)
        yield float((context.models.predict("tumour@1", "cells.test") == asked["output"].to_numpy(int)).mean())
        yield subject == "deployment:other"

    X, _ = project.datasets["cells.test"].xy()
    with shop.serve() as service:
        service.predict(X)
    found = shop.check(checks=[agrees])
    said = [(one.look, one.verdict, one.value, one.phase) for one in found.results if one.check == "agrees"]
    assert said == [
        ("agrees", "pass", None, None),
        ("agrees", "not_applicable", 1.0, None),
        ("agrees", "fail", None, "deployment"),
    ]
    assert shop.evaluations() == [found]
    assert {one.subject for one in project.models.evaluations()} <= {"model:tumour@1", "model:tumour@2"}
    told = project.history()["what"].tolist()[-1]
    assert told == f"checked shop: fail, {len(found.findings)} findings"
    with pytest.raises(errors.InvalidInput, match="a check of traffic is a callable"):
        shop.check(checks=["drift"])


def test_too_little_traffic_is_said(shop: Any) -> None:
    """Silence is not a verdict."""
    [finding] = shop.check().findings
    assert (finding.check, finding.detail) == (
        "predictions",
        "0 predictions are too few for any verdict; it takes 30 or more",
    )


def test_rollback_of_a_route(project: mc.Project, shop: Any) -> None:
    """A deployment goes back to the newest revision that was not rolled back."""
    shop.route("tumour@2", message="better?")
    assert shop.rollback(message="worse in DE").weights == {"tumour@1": 1}
    with pytest.raises(errors.NotFound, match="no earlier revision"):
        shop.rollback()
    moves = shop.history()["kind"].tolist()
    assert moves == ["deployment.open", "deployment.route", "deployment.route", "deployment.rollback"]
    assert shop.history()["what"].iloc[-1].endswith("shop → revision 1 (was revision 2)")


def test_a_service_that_cannot_follow_goes_on(project: mc.Project, shop: Any, cells: pd.DataFrame) -> None:
    """When a new revision cannot be loaded, the old one answers and says so."""
    X = cells.drop(columns="target")[:3]
    with shop.serve(follow=0) as service:
        shop.route("tumour@2", message="go")
        [needed] = project._session.view().versions.get("model", "tumour", 2).needs
        [file] = [file for file in project._session.blobs.files_of(needed, "tumour@2") if file["kind"] == "model"]
        path = project._session.log.files.local_path(file["key"])
        assert path is not None
        path.write_bytes(b"broken")
        with pytest.warns(errors.MlcycleWarning, match="stays at revision 1"):
            service.predict(X)
        assert (service.revision.number, service.failures["refresh"]) == (1, 1)


@pytest.mark.parametrize("weights", [{}, {"tumour@1": 0}, {"tumour@1": -1}, {"tumour@1": 0.5}, {"tumour@1": True}])
def test_bad_weights_are_refused(shop: Any, weights: dict[str, Any]) -> None:
    """Weights are positive whole numbers; the version is named as it was given."""
    with pytest.raises(errors.InvalidInput, match=r"^(a route names at least one|the weight of tumour@1 must be)"):
        shop.route(weights)


def test_routes_to_nothing_are_refused(project: mc.Project, shop: Any) -> None:
    """A route names versions that stand."""
    with pytest.raises(errors.NotFound):
        shop.route("tumour@9")
    with pytest.raises(errors.NotFound, match="no route yet"):
        project.deployments.open("empty").serve()
    with pytest.raises(errors.NotFound, match="no route yet"):
        project.deployments.open("empty").check()
    with pytest.raises(errors.ConflictError, match="deployment shop"):
        project.store.drop("model:tumour@1")


def test_windows_take_days_spans_and_objects(shop: Any, cells: pd.DataFrame) -> None:
    """Today's traffic lies in every window that has today in it, for `traffic` and for `check`."""
    shop.serve(follow=0).predict(cells.drop(columns="target")[:40])
    now = pd.Timestamp.now("UTC")
    for since in (now.date(), str(now.date()), now.to_datetime64().astype("datetime64[D]"), "7d", "24h", "90min",
                  timedelta(hours=1), np.timedelta64(1, "h"), pd.Timedelta(hours=1), now - pd.Timedelta(hours=1),
                  (now - pd.Timedelta(hours=1)).tz_convert("Asia/Tokyo")):  # fmt: skip
        assert (len(shop.traffic(since=since)), shop.check(since=since).n_predictions) == (40, 40)
        assert len(shop.traffic(until=since)) == (40 if str(since) == str(now.date()) else 0)
    assert len(shop.traffic(since=now.date(), until=now.date())) == 40
    for odd in (pd.NaT, 1.5, True, "nonsense"):
        with pytest.raises(InvalidInput, match=r"is not a date, a time or a span"):
            shop.traffic(since=odd)
        with pytest.raises(InvalidInput, match=r"is not a date, a time or a span"):
            shop.check(until=odd)
    ahead = (now.date() + timedelta(days=1), now.tz_localize(None) + pd.Timedelta(hours=2), now + timedelta(hours=2))
    for since in (*ahead, str(now.date() + timedelta(days=40))):
        for asked in (shop.traffic, shop.check):  # two hours ahead is what a clock east of UTC shows
            with pytest.raises(InvalidInput, match="has not begun in UTC"):
                asked(since=since)
    with pytest.raises(InvalidInput, match="is before since"):
        shop.traffic(since="1h", until="2h")


def test_the_past_is_addressed_by_spans(project: mc.Project, shop: Any) -> None:
    """`at`, `tag`, `sweep` and the end of an override take the same moments."""
    newest = int(project.history().index[-1])
    assert project.store.tag("now", to="0s") == newest
    assert project.store.tag("then", to=datetime.now(UTC) + timedelta(days=1)) == newest + 1
    assert list(project.at(pd.Timestamp.now("UTC")).deployments) == ["shop"]
    with pytest.raises(NotFound, match="had not begun"):
        project.at("7d")
    with pytest.raises(NotFound, match="is not an entry number or a tag; the tags are"):
        project.store.tag("odd", to=float("nan"))
    assert project.store.sweep(dry_run=True, min_age="7d") == project.store.sweep(dry_run=True)
    with pytest.raises(InvalidInput, match="min_age is a length of time"):
        project.store.sweep(dry_run=True, min_age=7)
    week = pd.Timestamp.now("UTC") + pd.Timedelta(days=7)
    assert abs(pd.Timestamp(records.Override(message="pilot", until="7d").until) - week) < pd.Timedelta(minutes=1)


@pytest.mark.parametrize("weights", [["tumour@1"], 1, None, {"tumour@1"}, pd.Series({"tumour@1": 1})], ids=str)
def test_a_route_is_a_version_or_weights(weights: Any, shop: Any) -> None:
    """Whatever else is given for a route is refused with both ways to write it."""
    with pytest.raises(errors.InvalidInput, match="a route is one version, or versions with their weights such as"):
        shop.route(weights)


@pytest.mark.parametrize("alarms", [0, -0.1, "1", None, float("nan"), 366])
def test_false_alarms_are_a_number_a_year(alarms: Any, shop: Any) -> None:
    """As many as there are daily looks, none, or a text are refused by the name of the argument."""
    with pytest.raises(errors.InvalidInput, match="false_alarms_per_year"):
        shop.check(false_alarms_per_year=alarms)


@pytest.mark.parametrize("checks", [5, "accuracy", len, None], ids=str)
def test_checks_are_a_list(checks: Any, project: mc.Project, shop: Any) -> None:
    """More questions come as a list, also when there is one."""
    with pytest.raises(errors.InvalidInput, match="checks is a list, for example "):
        project.models["tumour@1"].evaluate(checks=checks)


def test_a_deployment_says_who_answers(project: mc.Project, shop: Any) -> None:
    """Its line at a prompt has the revision, the shares as parts of a hundred, and the shadow."""
    assert repr(project.deployments.open("eu")) == "<deployment eu: no route yet>"
    assert repr(shop) == "<deployment shop: revision 1, tumour@1 100 %>"
    shop.route({"tumour@1": 9, "tumour@2": 1}, message="canary")
    assert repr(shop) == "<deployment shop: revision 2, tumour@1 90 %, tumour@2 10 %>"
    shop.route("tumour@1", shadow="tumour@2")
    assert repr(shop) == "<deployment shop: revision 3, tumour@1 100 %, tumour@2 as shadow>"
