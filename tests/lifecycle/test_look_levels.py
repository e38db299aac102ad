"""What a look at a deployment may alarm at: kept from look to look, whatever happens to the last one."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import mlcycle as mc
from mlcycle import records, stats
from mlcycle.lifecycle.deployments import _traffic_check
from mlcycle.lifecycle.deployments._traffic_check import _level
from mlcycle.state import FactAdd
from tests.lifecycle.conftest import begin, fitted

ONE = stats.Budget(1.0, "1d").level


@pytest.fixture
def shop(project: mc.Project, cells: pd.DataFrame) -> Any:
    """Return a deployment that nobody has looked at."""
    begin(project, cells)
    deployment = project.deployments.open("shop")
    deployment.route("tumour@1", message="go")
    return deployment


def level_of(report: records.Evaluation) -> tuple[Any, str]:
    """Return the level a look says it had, and what it says of it."""
    [found] = [one for one in report.results if one.check == "level of alarms"]
    assert (found.look, found.verdict, found.phase) == ("traffic", "not_applicable", None)
    return found.value, found.detail


def after(shop: Any, monkeypatch: pytest.MonkeyPatch, days: float) -> Any:
    """Look again some days after the last look."""
    last = pd.Timestamp(shop.evaluations()[-1].at)
    monkeypatch.setattr(_traffic_check, "now", lambda: str((last + pd.Timedelta(days=days)).isoformat()))
    return level_of(shop.check())[0]


def test_the_level_follows_the_time_since_the_last_look(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look has that of a day, the same day again half of it, a day later more, after years 5 %."""
    first, told = level_of(shop.check())
    assert first == pytest.approx(ONE)
    assert told == "the chance of a false alarm at this look: 1 false alarm a year expected while nothing changes"
    assert after(shop, monkeypatch, 0) == pytest.approx(ONE / 2)
    assert after(shop, monkeypatch, 1) == pytest.approx(ONE * 3 / 4)
    assert after(shop, monkeypatch, 1000) == 0.05
    assert after(shop, monkeypatch, -5) == 0.025


def test_another_version_begins_anew_without_more_false_alarms(
    project: mc.Project, shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its window holds its own rows alone, and the level is that of the deployment, whoever answers."""
    shop.check()
    X, y = project.datasets["cells.train"].xy()
    project.models.register("tumour", fitted(X, y, 0.01), uses=["cells.train"], example=X[:5]).evaluate()
    shop.route("tumour@2", message="the next one")
    assert after(shop, monkeypatch, 1) == pytest.approx(ONE)
    [_, last] = shop.evaluations()
    assert (last.since, last.n_predictions) == (shop.revision.at, 0)


def test_other_budgets_and_other_deployments_have_levels_of_their_own(project: mc.Project, shop: Any) -> None:
    """A budget ten times as large is ten times the level, and what one deployment took is nothing to another."""
    assert level_of(shop.check(false_alarms_per_year=10))[0] == pytest.approx(10 * ONE)
    other = project.deployments.open("other")
    other.route("tumour@1", message="elsewhere")
    assert level_of(other.check())[0] == pytest.approx(ONE)


@pytest.mark.parametrize("damaged", [{}, {"level": "x"}, {"level": None}, {"level": 7.0}, {"level": 0}], ids=str)
def test_a_lost_level_begins_anew_and_says_so(damaged: dict[str, Any], project: mc.Project, shop: Any) -> None:
    """A look of an older release, or one whose level makes no sense, is no reason to stop."""
    shop.check()
    session: Any = project._session
    view = session.view()
    fact = next(view.facts.of("evaluation", "deployment:shop", None, newest_first=True))
    says = {key: value for key, value in fact.says.items() if key != "level"} | damaged
    add = FactAdd(of="evaluation", id="0d", subject="deployment:shop", about=[], needs=[*fact.needs], says=says)
    session.operate("deployment.check", lambda do: do.commit(lambda view: [add]), message="an older release")
    level, told = _level(session.view(), "shop", stats.Budget(1.0))
    assert level == pytest.approx(ONE)
    assert told.detail.endswith("; the last look does not say what it took of that, so this begins anew")
