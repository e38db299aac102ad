"""No sentence in the docs that was not run: README, docs and docstrings are executed."""

from __future__ import annotations

import doctest
import os
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.document import PythonDocStringDocument
from sybil.parsers.doctest import DocTestParser
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

ROOT = Path(__file__).parents[2]
MARKDOWN = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
MODULES = [file for file in sorted((ROOT / "mlcycle").rglob("*.py")) if ">>> " in file.read_text(encoding="utf-8")]

_docstrings = Sybil(
    parsers=[DocTestParser(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)],
    document_types={".py": PythonDocStringDocument},
)
_pages = Sybil(parsers=[PythonCodeBlockParser(), SkipParser()])


def _name(file: Path) -> str:
    return str(file.relative_to(ROOT))


def _run(sybil: Sybil, file: Path) -> int:
    examples = list(sybil.parse(file).examples())
    for example in examples:
        example.evaluate()
    return len(examples)


@pytest.fixture
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples that name a folder make it in a temporary place."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(os.environ, "MLCYCLE_AUTHOR", "ada")


@pytest.mark.usefixtures("_elsewhere")
@pytest.mark.parametrize("file", MODULES, ids=_name)
def test_docstring_examples(file: Path) -> None:
    """Every example in a docstring prints what it says."""
    assert _run(_docstrings, file) > 0


@pytest.mark.usefixtures("_elsewhere")
@pytest.mark.parametrize("file", MARKDOWN, ids=_name)
def test_pages(file: Path) -> None:
    """Every Python block of a page runs, in order, as a reader would type it."""
    _run(_pages, file)
