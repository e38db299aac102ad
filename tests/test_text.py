"""Text on consoles that cannot show everything: printing never fails, and what is stored does not depend on them."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import attrs
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

import mlcycle as mc
from mlcycle import _text
from mlcycle.errors import GateBlocked, NotFound
from mlcycle.provenance import capture_code, capture_environment
from mlcycle.records import TYPES, AtLeast, AtMost, Decision, Loosening, Record, Result, Scope, Status, to_json
from mlcycle.stats import kolmogorov_smirnov
from tests.records.test_record import EXAMPLES

PACKAGE = str(Path(mc.__file__).parents[1])
CONSOLES = ["ascii", "cp1252", "cp437", "latin-1", "shift_jis", "cp1251", "utf-8"]
FOREIGN = "é漢→\udcff✓"
LOOSER = Loosening(before=AtLeast("f1", 0.8), after=AtLeast("f1", 0.7), message=FOREIGN, until="2026-12-31")
SIGNS: list[Record] = [
    AtLeast("roc_auc", 0.8, slices=FOREIGN.replace("\udcff", "")),
    AtMost("log_loss", 3, on="ö"),
    LOOSER,
    Scope(objective=FOREIGN, criteria=[AtLeast("f1", 0.8)], loosened=[LOOSER]),
    Result(check="roc_auc ≥ 0.8", verdict="fail", value=0.7, detail="…" * 100),
    Decision(id="d", action="promote", subject="é@1", allowed=False, why=f"✗ roc_auc ≥ 0.8 {FOREIGN}" * 9),
    Status(phases={"scope": [], "data": [Result(check="é", subject="漢", detail="…", verdict="fail")]}),
]


def printed(thing: Any, encoding: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Print a thing and its representation on a console of an encoding, and return what stands there."""
    raw = io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding, errors="strict", newline="\n"))
        print(thing, [thing], repr(thing), flush=True)
        sys.stdout.detach()
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("encoding", CONSOLES)
@pytest.mark.parametrize("record", EXAMPLES + SIGNS, ids=lambda record: type(record).__name__)
def test_every_record_can_be_printed(record: Record, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a console can show, every record can be printed there, and its stored form stays the same."""
    facts, html = _facts(record), record._repr_html_()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding))
        assert (facts, html) == (_facts(record), record._repr_html_())
    assert printed(record, encoding, monkeypatch)


def _facts(record: Record) -> Any:
    return to_json(record) if type(record).__name__ in TYPES else attrs.asdict(record)


def test_signs_have_a_plain_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of the library are replaced by what they mean, others as Python escapes them."""
    status = SIGNS[-1]
    assert printed(status, "utf-8", monkeypatch).startswith("scope  ✓\ndata   ✗ … ")
    assert printed(status, "ascii", monkeypatch).startswith("scope  ok\ndata   x ... ")
    assert printed(SIGNS[1], "cp1252", monkeypatch).startswith("log_loss <= 3 on ö ")
    assert printed(SIGNS[1], "ascii", monkeypatch).startswith("log_loss <= 3 on \\xf6 ")


@pytest.mark.parametrize("encoding", CONSOLES)
def test_what_else_is_printed(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Handles, errors, tests and what was captured can be printed, too."""
    project = mc.open("memory://text-console")
    things = [project, project.scope, project.datasets, project.models, project.experiments, project.deployments]
    things += [project.experiments.open("é漢"), project.deployments.open("漢"), project.store, project.store.verify()]
    things += [project.status(), capture_code(), capture_environment(), NotFound("there is no 'é…'", ["漢"])]
    things += [kolmogorov_smirnov([1, 2, 3, 4], [2, 3, 4, 5])]
    for thing in things:
        assert printed(thing, encoding, monkeypatch)


@given(st.text(), st.sampled_from(CONSOLES))
def test_any_text_can_be_shown(text: str, encoding: str) -> None:
    """Whatever the text, what is shown can be encoded; what could be encoded is not changed."""
    console = io.TextIOWrapper(io.BytesIO(), encoding)
    shown = _text.shown(text, console)
    shown.encode(encoding)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return
    assert text == shown


def test_a_console_without_an_encoding_takes_everything() -> None:
    """A buffer of text, or no console at all, changes nothing."""
    assert _text.shown(FOREIGN, io.StringIO()) == FOREIGN


def test_what_is_stored_does_not_depend_on_the_console(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results, decisions and tracebacks of a process with a poor console are stored with their own signs."""
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    project = mc.open("memory://text-stored")
    frame = pd.DataFrame({"x": range(200), "y": [0, 1] * 100})
    train, test = project.datasets.add("d", frame, target="y", message="m").split(test=0.5)
    project.scope.set(objective="o", criteria=[AtLeast("accuracy", 0.9)], test="d.test")
    with project.experiments.open("e").start(uses=[train]) as run:
        model = LogisticRegression().fit(train_x := frame[["x"]], frame["y"])
        run.save_model(model, example=train_x[:5])
    version = run.register("m")
    evaluation = version.evaluate(test)
    assert [result.check for result in evaluation.results] == ["accuracy ≥ 0.9"]
    assert str(evaluation.results[0]).startswith("fail: accuracy >= 0.9: ")
    with pytest.raises(GateBlocked) as blocked, project.experiments.open("e").start() as failed:
        version.promote(message="r")
    assert "accuracy >= 0.9 failed" in str(blocked.value)
    assert "✗ accuracy ≥ 0.9 failed" in blocked.value.decision.why
    assert "✗ accuracy ≥ 0.9 failed" in project.runs[failed.id].error
    assert "≥" not in "".join(traceback.format_exception(blocked.value))


SCRIPT = """
import mlcycle as mc
project = mc.open(URL, create=True)
project.scope.set(objective="é漢", criteria=[mc.AtLeast("accuracy", 0.9)], message="→ 漢")
print(project.status(), project.scope, project.scope.get(), [project.scope.get()])
"""


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_scripts_and_the_command_line(tmp_path: Path, encoding: str) -> None:
    """A script and the command line end well on a poor console, whatever names they print."""
    url = str(tmp_path / "é")
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "PYTHONPATH": PACKAGE}
    commands = [
        ["-c", SCRIPT.replace("URL", repr(url))],
        ["-m", "mlcycle", "--help"],
        ["-m", "mlcycle", "status", "--help"],
    ]
    commands += [["-m", "mlcycle", command, url] for command in ("status", "history", "verify")]
    for command in commands:
        done = subprocess.run([sys.executable, *command], capture_output=True, env=environment)
        assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr.decode(errors="replace")
        done.stdout.decode(encoding)
