"""Around again: the world changes, monitoring says so, and the cycle begins anew."""

from __future__ import annotations

import itertools
import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
from sklearn.svm import SVC

import mlcycle as mc
from mlcycle.demo._data import PIXELS, Forms, images, rescanned

if TYPE_CHECKING:
    from mlcycle.demo._show import Show

__all__ = ["canary", "data", "models", "monitoring"]


def monitoring(show: Show, project: mc.Project, mailroom: mc.Deployment, service: mc.Service, forms: Forms) -> datetime:
    """Let the new scanner in, see the reader fail, and hear of it; returns when the new scanner came."""
    show.act(5, "The scanner is replaced")
    show.say(
        "The new one is faster. It also moves every picture by one pixel and is a little pale. Nobody mentions it."
    )
    new = forms.new_scanner
    one = forms.collected.iloc[1:3]
    show.pictures([*images(one), *images(rescanned(one))], [*one["form"], "new scanner", "new scanner"])
    replaced = datetime.now(UTC)
    with show.code():
        answers = service.predict(new[PIXELS], ids=new["form"])
        mailroom.label(new["form"], new["digit"])
    right = (answers == new["digit"]).mean()
    show.block(f"✗ {right:.1%} of {len(new)} forms read correctly")
    show.say("Nobody has to notice that by luck. The monitor compares the traffic with what the reader was trained on:")
    with show.code():
        watched = mailroom.check(since=replaced, message="after the new scanner")
    show.window(watched)
    with show.code():
        status = project.status()
    told = (textwrap.wrap(line, 100, subsequent_indent=" " * 14, **_WHOLE) for line in str(status).splitlines())
    show.block("\n".join(itertools.chain.from_iterable(told)))
    return replaced


_WHOLE: Any = {"break_long_words": False, "break_on_hyphens": False}  # a line of code is copied as it stands


def data(show: Show, project: mc.Project, mailroom: mc.Deployment, scope: mc.Scope, replaced: datetime) -> None:
    """Make a dataset of what was captured, and a criterion of what was learnt."""
    show.act(6, "The second cycle: new data, a tighter scope, a better reader")
    show.say("The captured forms, with the truth the clerks told, are the next dataset. Its test part joins the scope:")
    with show.code():
        seen = mailroom.traffic(since=replaced)
        captured = seen.filter(like="in.").rename(columns=lambda name: name.removeprefix("in."))
        captured = captured.assign(form=seen["id"], digit=seen["label"].astype("int64"))
        live = project.datasets.add("live", captured, target="digit", key="form", message="forms from the new scanner")
        live_train, live_test = live.split(test=0.5, by="key")
        project.scope.set(
            criteria=[*scope.criteria, mc.AtLeast("accuracy", 0.8, on="live.test")],
            message="must read the new scanner too",
        )
    show.table(["version", "rows"], [[version.ref, version.rows] for version in (live, live_train, live_test)])


def models(show: Show, project: mc.Project) -> None:
    """Meet a model that looks perfect and is not, and one that is good."""
    show.say("Somebody is in a hurry, and trains on everything there is:")
    with show.code():
        everything = [project.datasets["digits"], project.datasets["live"]]
        hurried = project.experiments.open("hurried", hypothesis="more data is better")
        with hurried.start({"gamma": 0.001, "C": 100}, uses=everything) as run:
            known = pd.concat([version.load() for version in everything])
            model = SVC(**run.params).fit(known[PIXELS], known["digit"])
            run.save_model(model, example=known[PIXELS][:5])
        perfect = run.register("reader", message="trained on everything")
        found = [perfect.evaluate(test) for test in ("digits.test", "live.test")]
    for one in found:
        show.evaluation(one)
    show.say("Perfect, it seems. But it has seen the questions of its examination before:")
    try:
        with show.code():
            perfect.promote(message="perfect!")
    except mc.errors.GateBlocked as blocked:
        show.decision(blocked.decision)
    _honest(show, project)


def _honest(show: Show, project: mc.Project) -> None:
    show.say(
        "So it is trained on the training parts alone, and judged on both tests, beside what is in production now:"
    )
    with show.code():
        parts = [project.datasets["digits.train"], project.datasets["live.train"]]
        both = project.experiments.open("both-scanners", hypothesis="one reader can do both")
        with both.start({"gamma": 0.001}, uses=parts) as run:
            known = pd.concat([part.load() for part in parts])
            model = SVC(**run.params).fit(known[PIXELS], known["digit"])
            run.save_model(model, example=known[PIXELS][:5])
        better = run.register("reader", message="for both scanners")
        found = [better.evaluate(test) for test in ("digits.test", "live.test")]
        present = project.models["reader@production"].evaluate("live.test")
    for one in (present, *found):
        show.evaluation(one)
    with show.code():
        decision = better.promote(message="reads both scanners")
    show.decision(decision)


def canary(show: Show, mailroom: mc.Deployment, service: mc.Service, forms: Forms) -> None:
    """Give the new reader a tenth of the work, then all of it."""
    show.say(
        "It gets a tenth of the work first. What the old reader keeps has to pass the gate too, and by today's scope "
        "it fails; keeping it while the new one shows itself takes a reason and an end. The service that runs already "
        "follows by itself:"
    )
    new = forms.canary
    with show.code():
        canary = mailroom.route(
            {"reader@2": 90, "reader@4": 10}, message="the old one, while the new one shows itself", override_until="7d"
        )
        service.predict(new[PIXELS], ids=new["form"])
        service.label(new["form"], new["digit"])
        seen = mailroom.traffic(since=canary.at)
    scores = seen.assign(right=seen["output"] == seen["label"]).groupby("version")["right"].agg(["size", "mean"])
    show.table(
        ["version", "forms", "read correctly"], [[ref, int(n), f"{mean:.1%}"] for ref, n, mean in scores.itertuples()]
    )
    with show.code():
        mailroom.route({"reader@production": 100}, message="the canary is well")
