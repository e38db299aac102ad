"""The command line, in this process: what it prints, and with which code it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import mlcycle as mc
from mlcycle import records
from mlcycle.cli import main


@pytest.fixture
def project(tmp_path: Path) -> mc.Project:
    """Make a small project: one dataset in parts, one run, one model."""
    project = mc.open(tmp_path / "shop", create=True, author="ada")
    frame = pd.DataFrame({"key": range(8), "age": [23.0, 41, 35, 58, 29, 44, 61, 38], "left": [0, 1] * 4})
    people = project.datasets.add("people", frame, target="left", key="key", message="export")
    train, _ = people.split(test=0.25)
    with project.experiments.open("linear").start({"C": 0.5}, uses=[train]) as run:
        X, y = train.xy()
        run.log(loss=0.25)
        run.save_model(LogisticRegression(**run.params).fit(X, y), example=X)
    run.register("churn")
    return project


def test_history(project: mc.Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A row an entry, the newest last."""
    assert main(["history", project.store.url, "--limit", "1"]) == 0
    head, _, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["entry", "at", "author", "kind", "what", "message"]
    assert "ada    model.register registered model churn@1" in row


@pytest.mark.parametrize(
    ("narrowed", "entries"),
    [
        ("--of people", ["1"]),
        ("--kind model --kind split", ["2", "5"]),
        ("--kind run.pin", ["4"]),
        ("--author ada --since 3", ["3", "5"]),
        ("--author eve --author ada --since 1d --limit 2", ["3", "5"]),
        ("--author eve", []),
    ],
)
def test_history_of_what_is_asked_for(
    narrowed: str, entries: list[str], project: mc.Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `Project.history` narrows it; author and kind may be given more than once."""
    assert main(["history", project.store.url, *narrowed.split()]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[2:]] == entries


def test_status(project: mc.Project, capsys: pytest.CaptureFixture[str]) -> None:
    """What `Project.status` says; it ends with 1 as soon as something fails."""
    assert main(["status", project.store.url]) == 0
    assert capsys.readouterr().out == f"{project.status()}\n"
    project.scope.set(criteria=[mc.AtLeast("accuracy", 1.0)], test="people.test")
    project.models["churn"].promote(override_until="2100-01-01", message="pilot")
    assert main(["status", project.store.url]) == 0
    project.models["churn"].evaluate()
    assert main(["status", project.store.url]) == 1
    assert "✗ churn@1 (production) fails the scope" in capsys.readouterr().out


def test_status_as_json(project: mc.Project, capsys: pytest.CaptureFixture[str]) -> None:
    """One document, which reads back as the record, whatever the terminal can show; with the same exit code."""
    project.models["churn"].promote()
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.5)], test="people.test")
    assert main(["status", project.store.url, "--json"]) == 1
    text = capsys.readouterr().out
    assert text.isascii()
    found = records.from_json(json.loads(text))
    assert (found.phases, found.ok) == (project.status().phases, False)


def test_help_says_with_what_status_ends(capsys: pytest.CaptureFixture[str]) -> None:
    """So that a pipeline need not be tried out."""
    with pytest.raises(SystemExit):
        main(["status", "--help"])
    assert "ends with 1 where something fails (✗), else with 0" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("ref", "first", "line"),
    [
        ("people", "DatasetVersion people@1", "roles        Roles(target='left', key='key')"),
        ("dataset:people.test@1", "DatasetVersion people.test@1", "rows         2"),
        ("churn@1", "ModelVersion churn@1", "class_name          sklearn.linear_model._logistic.LogisticRegression"),
        ("model:churn", "ModelVersion churn@1", "data                people.train@1"),
    ],
)
def test_show(project: mc.Project, ref: str, first: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything about a version, found with or without its kind."""
    assert main(["show", project.store.url, ref]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == first
    assert [" ".join(one.split()) for one in lines].count(" ".join(line.split())) == 1


def test_show_run(project: mc.Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A run is found by its id."""
    (run,) = project.experiments["linear"].runs()
    assert main(["show", project.store.url, run.id]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["params.C", "0.5"] in lines
    assert ["metrics.loss", "0.25"] in lines


def test_verify(project: mc.Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A whole store ends with 0, a hurt one with 1 and the names of what is hurt."""
    assert main(["verify", project.store.url, "--level", "bytes"]) == 0
    for file in Path(project.store.url).glob("tables/*/*.parquet"):
        file.unlink()
    capsys.readouterr()
    assert main(["verify", project.store.url]) == 1
    assert "people@1" in capsys.readouterr().out


def test_sweep(project: mc.Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run says what would go, a real one removes it."""
    project.store.drop("model:churn@1")
    assert main(["sweep", project.store.url, "--min-age", "0", "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("would remove ")
    assert main(["sweep", project.store.url, "--min-age", "0"]) == 0
    assert capsys.readouterr().out.startswith("removed ")


def test_readers_write_nothing(project: mc.Project) -> None:
    """To look into a store changes no file of it."""

    def files() -> dict[Path, int]:
        return {file: file.stat().st_mtime_ns for file in Path(project.store.url).rglob("*") if file.is_file()}

    before = files()
    for words in (["history"], ["status"], ["show", "people"], ["verify"], ["sweep", "--dry-run"]):
        assert main([words[0], project.store.url, *words[1:]]) == 0
    assert files() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["history", "{url}/nowhere"], "mlcycle: there is no mlcycle project at {url}/nowhere\n"),
        (
            ["show", "{url}", "chrun"],
            "mlcycle: there is no dataset, model or run 'chrun' in {url}. Did you mean 'churn'?\n",
        ),
        (
            ["show", "{url}", "thing:x"],
            "mlcycle: 'thing:x' begins with an unknown kind; 'dataset:…', 'model:…' or 'run:…'\n",
        ),
        (["show", "{url}", "people@9"], "mlcycle: there is no dataset, model or run 'people@9' in {url}.\n"),
        (
            ["sweep", "{url}", "--min-age", "-1"],
            "mlcycle: min_age is a length of time such as '7d', '24h' or a timedelta, or 0, got '-1'\n",
        ),
        (["history", "{url}", "--of", "nobody"], "mlcycle: nothing is called 'nobody'\n"),
        (["history", "{url}", "--limit", "0"], "mlcycle: --limit 0 is not a number of entries; give 1 or more\n"),
    ],
)
def test_errors_are_one_line(
    project: mc.Project, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What went wrong is one line on stderr, and the code is 1."""
    url = project.store.url
    assert main([word.format(url=url) for word in words]) == 1
    assert capsys.readouterr() == ("", said.format(url=url))


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command it says what there is, and ends with 2."""
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 2
    assert "usage: mlcycle" in capsys.readouterr().err


def test_show_says_how_a_run_failed(project: mc.Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the traceback of a failed run the exception is what is shown."""
    with pytest.raises(ValueError, match="lost"), project.experiments.open("linear").start() as run:
        raise ValueError("the GPU was lost")
    assert main(["show", project.store.url, run.id]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "error ValueError: the GPU was lost" in lines


@pytest.mark.parametrize("age", ["0", "0.0", "0h", "0 days"])
def test_sweep_takes_days_and_spans(project: mc.Project, age: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A number is days, as ever, and a span is read as everywhere else."""
    (Path(project.store.url) / "files" / "left").mkdir()
    assert main(["sweep", project.store.url, "--min-age", age, "--dry-run"]) == 0
    assert capsys.readouterr().out == "would remove 0 files, 0 bytes\n"
