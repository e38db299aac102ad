"""Once around: scoping, data, model, deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn.dummy import DummyClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle.demo._data import PIXELS, Forms, images

if TYPE_CHECKING:
    from mlcycle.demo._show import Show

__all__ = ["data", "deployment", "evaluation", "experiments", "scoping"]


def scoping(show: Show, project: mc.Project) -> mc.Scope:
    """Agree what the project is for, before any training; returns what was agreed."""
    show.act(1, "Scoping: what counts as good, agreed before anybody trains anything")
    show.say(
        """An office receives paper forms with a handwritten digit on each. A model shall read them. What it must reach
        is written down first; from now on no model goes to work that has not shown it."""
    )
    with show.code():
        scope = project.scope.set(
            objective="Read the digit on each paper form",
            criteria=[
                mc.AtLeast("accuracy", 0.92),
                mc.NotWorseThan("production", "accuracy", margin=0.03),
            ],
            test="digits.test",
            risks=["scanners get replaced"],
            message="agreed with the office",
        )
    show.block("\n".join(f"✓ {criterion}" for criterion in scope.criteria))
    return scope


def data(show: Show, project: mc.Project, forms: Forms) -> tuple[mc.DatasetVersion, mc.DatasetVersion]:
    """Commit the data and split it; returns the parts to train with."""
    show.act(2, "Data: a version, and parts of it that stay what they are")
    show.say(f"{len(forms.collected)} forms were collected and labelled by hand. Three of them:")
    some = forms.collected.head(3)
    show.pictures(
        images(some), [f"{form} is a {digit}" for form, digit in zip(some["form"], some["digit"], strict=True)]
    )
    with show.code():
        digits = project.datasets.add(
            "digits", forms.collected, target="digit", key="form", message="collected by hand"
        )
        train, validation, test = digits.split({"train": 0.5, "validation": 0.15, "test": 0.35}, by="key")
    show.say("A row goes to a part by the hash of its form number: the same part on every machine, for ever.")
    versions = (digits, train, validation, test)
    show.table(
        ["version", "rows", "columns", "content"], [[v.ref, v.rows, len(v.columns), v.content[:19]] for v in versions]
    )
    return train, validation


def experiments(
    show: Show, project: mc.Project, train: mc.DatasetVersion, validation: mc.DatasetVersion
) -> tuple[mc.Run, mc.Run]:
    """Try several models; returns the run of a tempting one and the run of the best."""
    show.act(3, "Model: experiments, a gate that says no, and one that says yes")
    show.say("First what comes for nothing: a guess, and a tree so small that anybody can follow it.")
    with show.code():
        X, y = train.xy()
        X_val, y_val = validation.xy()
        simple = project.experiments.open("simple", hypothesis="a small tree will do")
        for model in (DummyClassifier(), DecisionTreeClassifier(max_depth=6, random_state=0)):
            with simple.start(name=type(model).__name__, uses=[train]) as run:
                model.fit(X, y)
                run.log(accuracy=model.score(X_val, y_val))
                run.save_model(model, example=X[:5])
    show.say("Then what usually wins on small pictures:")
    with show.code():
        kernels = project.experiments.open("kernels", hypothesis="similar picture, same digit")
        for gamma in (1e-5, 1e-4, 1e-3, 1e-2):
            with kernels.start({"gamma": gamma}, name=f"SVC {gamma:g}", uses=[train]) as run:
                model = SVC(**run.params).fit(X, y)
                run.log(accuracy=model.score(X_val, y_val))
                run.save_model(model, example=X[:5])
    _network(show, project, train, validation)
    show.say("Every run is kept, with its parameters, numbers, model, code and environment:")
    with show.code():
        runs = project.runs.frame()
    columns = ["experiment", "name", "status", "seconds", "metrics.accuracy"]
    show.table(columns, runs.sort_values("metrics.accuracy")[columns].itertuples(index=False))
    return simple.best("accuracy"), kernels.best("accuracy")


def _network(show: Show, project: mc.Project, train: mc.DatasetVersion, validation: mc.DatasetVersion) -> None:
    X, y = train.xy()
    X_val, y_val = validation.xy()
    show.say("And a small neural network, which logs a point every epoch; a point is safe once `log` returns.")
    with show.code():
        network = project.experiments.open("network", hypothesis="it finds better features")
        with network.start({"hidden_layer_sizes": 48}, name="MLP", uses=[train]) as run:
            model = MLPClassifier(**run.params, random_state=0)
            for epoch in range(40):
                model.partial_fit(X, y, classes=range(10))
                run.log(step=epoch, loss=model.loss_, accuracy=model.score(X_val, y_val))
            run.save_model(model, example=X[:5])
    show.curve("loss", model.loss_curve_)


def evaluation(show: Show, tree_run: mc.Run, best_run: mc.Run) -> None:
    """Put two candidates before the gate: it blocks one and lets one through."""
    with show.code():
        tree = tree_run.register("reader", message="fits on one page")
        reader = best_run.register("reader", message="best on the validation part")
    sizes = {version.ref: version.files[0].size / 1024 for version in (tree, reader)}
    show.say(
        f"""The tree is tempting: {sizes[tree.ref]:.0f} KB against {sizes[reader.ref]:.0f}, no arithmetic beyond
        comparing numbers, and everybody understands it. But the scope decides, on forms neither has seen:"""
    )
    with show.code():
        of_tree = tree.evaluate()
        of_reader = reader.evaluate()
    show.evaluation(of_tree)
    show.evaluation(of_reader)
    show.say("● is the value, ├──┤ what it may really be, ┊ the line that all of it must clear.")
    try:
        with show.code():
            tree.promote("production", message="small, fast, explains itself")
    except mc.errors.GateBlocked as blocked:
        show.decision(blocked.decision)
    with show.code():
        decision = reader.promote("production", message="reads well enough")
    show.decision(decision)


def deployment(show: Show, project: mc.Project, forms: Forms) -> tuple[mc.Deployment, mc.Service]:
    """Put the reader to work, and look at its first day."""
    show.act(4, "Deployment: the reader at work, watched from the first day")
    with show.code():
        mailroom = project.deployments.open("mailroom")
        mailroom.route({"reader@production": 100}, message="first reader")
        service = mailroom.serve(follow=0)
    ordinary = forms.ordinary
    show.say(f"{len(ordinary)} forms arrive. The clerks check the answers, and say what was really written:")
    with show.code():
        answers = service.predict(ordinary[PIXELS], ids=ordinary["form"])
        service.label(ordinary["form"], ordinary["digit"])
    right = int((answers == ordinary["digit"]).sum())
    show.block(f"✓ {right} of {len(ordinary)} read correctly")
    with show.code():
        watched = mailroom.check(message="first day")
    show.window(watched)
    with show.code():
        project.store.tag("first-cycle")
    return mailroom, service
