"""The demo, as a newcomer meets it: told in memory, and piped from a process of its own."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import mlcycle as mc
from mlcycle.demo import tell

WORDS = [
    "promote reader@1 is blocked",
    "promote reader@2 is allowed",
    "which reader@3 was trained on",
    "promote reader@3 is blocked",
    "promote reader@4 is allowed",
    "data drift",
    "quality",
    "roll back project is blocked",
    "project rolled back",
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str], float]:
    """Run the demo once in a process, piped, into a folder; return the folder, what came of it, and the seconds."""
    folder = tmp_path_factory.mktemp("demo")
    began = time.perf_counter()
    command = [sys.executable, "-W", "error", "-m", "mlcycle", "demo", "--store", "story"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=120)
    return folder / "story", done, time.perf_counter() - began


def test_piped(told: tuple[Path, subprocess.CompletedProcess[str], float]) -> None:
    """It ends well, within a minute, in plain text without a word on stderr, and tells every turn of the story."""
    _, done, seconds = told
    assert (done.returncode, done.stderr) == (0, "")
    assert "\033" not in done.stdout
    assert seconds < 60
    assert [word for word in WORDS if word not in done.stdout] == []


def test_lines_are_not_too_long(told: tuple[Path, subprocess.CompletedProcess[str], float]) -> None:
    """Nothing is wider than a window of 120 columns, but for commands that name a path."""
    _, done, _ = told
    wide = [line for line in done.stdout.splitlines() if len(line) > 120]
    assert [line for line in wide if " -m mlcycle " not in line] == []


def test_it_ends_with_commands_that_work(told: tuple[Path, subprocess.CompletedProcess[str], float]) -> None:
    """The commands suggested at the end can be typed as they stand; a check that failed is what status still tells."""
    folder, done, _ = told
    suggested = re.findall(r" -m mlcycle (.+)", done.stdout.partition("Look around:")[2])
    assert [command.split()[0] for command in suggested] == ["history", "status", "show", "verify"]
    for command in suggested:
        words = [sys.executable, "-m", "mlcycle", *command.split()]
        again = subprocess.run(words, cwd=folder.parent, capture_output=True, text=True, encoding="utf-8", timeout=60)
        assert (again.returncode, again.stderr) == (int(words[3] == "status"), "")


def test_the_store_is_whole(told: tuple[Path, subprocess.CompletedProcess[str], float]) -> None:
    """What the story left behind is a project like any other."""
    project = mc.open(told[0], create=False, mode="r")
    assert project.store.verify("bytes").ok
    decided = [(one.action, one.allowed) for one in project.models.decisions()]
    promoted, routed, back = ("promote", True), ("route", True), ("roll back", True)
    assert decided == [("promote", False), promoted, ("promote", False), promoted, routed, ("roll back", False), back]
    assert project.models.aliases("reader") == {"production": "reader@4"}
    assert project.at("first-cycle").models.aliases("reader") == {"production": "reader@2"}


def test_a_place_that_is_taken(told: tuple[Path, subprocess.CompletedProcess[str], float]) -> None:
    """A second telling in the same place is refused in one line, with the remedy."""
    folder, _, _ = told
    command = [sys.executable, "-m", "mlcycle", "demo", "--store", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60)
    expected = f"mlcycle: the demo begins in an empty place: there is a project at {folder} already; "
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{expected}give another one with --store\n"


def test_in_memory(memory_url: tuple[str, dict[str, Any]]) -> None:
    """It can be told anywhere, and every figure it prints of the shift is what the store says."""
    out = io.StringIO()
    project = tell(out, memory_url[0])
    assert [word for word in WORDS if word not in out.getvalue()] == []
    assert "gone with this process" in out.getvalue()
    ordinary, shifted, *_ = project.deployments["mailroom"].evaluations()
    assert _alarms(ordinary) == {}
    assert list(_alarms(shifted)) == ["data drift", "prediction drift", "quality"]
    assert f"{_alarms(shifted)['quality'].value:.1%} of {shifted.n_predictions} forms read correctly" in out.getvalue()


def test_in_a_bucket(s3_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can be told into a bucket, found as the environment says."""
    options = s3_server.options()
    settings = {
        "AWS_ENDPOINT_URL": options["endpoint_url"],
        "AWS_ACCESS_KEY_ID": options["key"],
        "AWS_SECRET_ACCESS_KEY": options["secret"],
        "AWS_DEFAULT_REGION": options["client_kwargs"]["region_name"],
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    out = io.StringIO()
    project = tell(out, f"s3://{s3_server.bucket()}/story")
    assert [word for word in WORDS if word not in out.getvalue()] == []
    assert project.store.verify("bytes").ok


def _alarms(seen: mc.Evaluation) -> dict[str, mc.Result]:
    return {one.look: one for one in seen.findings if one.verdict in ("warn", "fail", "error")}


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colour(no_color: str, coloured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Colour is for terminals, and for those who want it."""
    from mlcycle.demo._show import Show

    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    out = _Terminal()
    Show(out).block("✓ good")
    assert ("\033" in out.getvalue()) is coloured


def test_code_shown_is_code_run() -> None:
    """The lines shown are those of the block, without its indentation, and they run."""
    from mlcycle.demo._show import Show

    out = io.StringIO()
    show = Show(out)
    with show.code():
        double = [
            2 * number
            for number in (1, 2)
        ]  # fmt: skip
    assert double == [2, 4]
    assert out.getvalue() == "\n  > double = [\n  >     2 * number\n  >     for number in (1, 2)\n  > ]  # fmt: skip\n"
