"""Runs as people see them: what they are called, how long they took, and what went wrong."""

from __future__ import annotations

import pytest

from mlcycle.records import Code, Environment, Run


def test_a_run_knows_how_long_it_took() -> None:
    """Duration is in seconds, and None while it runs."""
    run = Run(id="r", experiment="e", started_at="2026-01-01T00:00:00.000000Z", ended_at="2026-01-01T00:00:01.500000Z")
    assert run.duration == 1.5
    assert Run(id="r", experiment="e", started_at="2026-01-01T00:00:00.000000Z").duration is None


@pytest.mark.parametrize(
    ("code", "title"),
    [
        (Code(commit="0123456789abcdef"), "0123456789ab"),
        (Code(commit="0123", dirty=True), "0123+changes"),
        (Code(dirty=True), "no commit+changes"),
    ],
)
def test_code_is_called_by_its_commit(code: Code, title: str) -> None:
    """Short, and with a mark where there was more than was committed."""
    assert title == str(code)


def test_a_run_is_called_by_its_experiment_and_name() -> None:
    """By its id where it has none; the last line of a traceback is what went wrong."""
    assert str(Run(id="019", experiment="trees", name="calm-otter")) == "trees/calm-otter"
    run = Run(id="019", experiment="trees", status="failed", error="Traceback …\n  line\nValueError: odd\n", failures=2)
    assert str(run) == "trees/019"
    assert "ValueError: odd" in run._repr_html_()
    assert "Traceback" not in run._repr_html_()
    assert "error" not in Run(id="019", experiment="trees", error=" \n")._repr_html_()


def test_an_environment_is_called_by_its_python() -> None:
    """Its packages are counted, not listed; one of which the digest alone is known has no more to say."""
    assert repr(Environment(python="3.12.1", packages={"numpy": "2"})) == "Environment('Python 3.12.1', packages=1)"
    assert repr(Environment(digest="sha256:00")) == "Environment('environment')"


def test_code_says_what_its_diff_leaves_out() -> None:
    """And what went wrong, of what was noticed beside its fields; where nothing was said there is nothing."""
    code = Code(detail={"left_out": ["logo.png: binary"], "problems": ("no git",), "host": "box"})
    assert (code.left_out, code.problems) == (("logo.png: binary",), ("no git",))
    assert (Code().left_out, Code().problems) == ((), ())
