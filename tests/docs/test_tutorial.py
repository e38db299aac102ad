"""What the tutorial says a block prints is what it prints."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```", re.DOTALL | re.MULTILINE)
FIGURE = re.compile(r"(?<![\w@.-])\d+(?:\.\d+)?(?![\w@])")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d[.]\d+Z)?)?")


def _printed(code: str, namespace: dict[str, Any]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, str(PAGE), "exec"), namespace)
    return printed.getvalue()


def _words(text: str) -> list[str]:
    """Return a text without its moments, figures and spaces: what is the same on every machine."""
    return FIGURE.sub("#", MOMENT.sub("<moment>", text)).split()


def _figures(text: str) -> list[float]:
    return [float(figure) for figure in FIGURE.findall(MOMENT.sub("", text))]


def test_outputs_are_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words agree exactly; figures nearly, since another machine or scikit-learn may differ in the last forms."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "tutorial"}
    said = told = 0
    printed = ""
    for kind, body in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "python":
            assert printed == "", "a block prints something the page does not show"
            printed = _printed(body, namespace)
            said += bool(printed)
        else:
            assert _words(printed) == _words(body)
            assert _figures(printed) == pytest.approx(_figures(body), rel=0.2, abs=0.1)
            printed = ""
            told += 1
    assert (said, told) == (20, 20)
