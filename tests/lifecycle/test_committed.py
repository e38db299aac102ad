"""Who committed, when and why: every record says what its entry says, whatever it is of."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier

import mlcycle as mc
from mlcycle import errors, records
from mlcycle._ids import new_id


@pytest.fixture
def project() -> mc.Project:
    """Return a project in which everything was done once, each for its own reason."""
    project = mc.open(f"memory://committed-{new_id()}", create=True, author="ada")
    frame = pd.DataFrame({"x": range(20), "y": [0, 1] * 10})
    project.datasets.add("d", frame, target="y", message="the data")
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.99)], test="d", message="the scope")
    project.models.register("m", DummyClassifier().fit(frame[["x"]], frame["y"]), message="the model")
    project.models["m"].evaluate(message="the evidence")
    with pytest.raises(errors.GateBlocked):
        project.models["m@1"].promote(message="the gate")
    project.deployments.open("eu").route({"m@1": 100}, message="the route", override_until="7d")
    return project


def test_a_record_says_what_its_entry_says(project: mc.Project) -> None:
    """Author, time, message and number are those of the history."""
    made: list[records.Committed | None] = [
        project.datasets["d"],
        project.scope.get(),
        project.models["m"],
        *project.models.evaluations(),
        *project.models.decisions(),
        project.deployments["eu"].revision,
    ]
    found = [one for one in made if one is not None]
    history = project.history()
    assert [one.message for one in found] == [
        *("the data", "the scope", "the model", "the evidence", "the gate", "the route", "the route")
    ]
    for one in found:
        entry = history.loc[one.entry]
        assert (one.author, pd.Timestamp(one.at), one.message) == ("ada", entry["at"], entry["message"])
        assert entry["author"] == "ada"


def test_an_override_says_what_its_entry_says(project: mc.Project) -> None:
    """Why and by whom: the message of the verb, and whoever commits."""
    decision = project.models["m@1"].promote(message="a pilot", override_until="7d")
    assert decision.override is not None
    assert (decision.message, decision.override.message, decision.override.author) == ("a pilot", "a pilot", "ada")
    assert project.models.decisions()[-1] == decision
