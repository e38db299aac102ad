"""Every page is reached, and every link leads to something."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, anchors, links, reached

INDEX = ROOT / "docs" / "index.md"
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *(ROOT / "notebooks").rglob("*.ipynb")])
ALL = [ROOT / "README.md", ROOT / "CHANGELOG.md", *PAGES]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_the_readme_leads_to_the_index() -> None:
    """Whoever begins there comes to every page."""
    assert INDEX in [target for _, target, _ in links(ROOT / "README.md")]


def test_every_page_is_reached() -> None:
    """One that is linked from nowhere is not read by anybody; a line in `docs/index.md` mends it."""
    found = reached(ROOT / "README.md", INDEX)
    assert [_name(page) for page in PAGES if page not in found] == []


def test_the_index_has_a_line_for_each_page() -> None:
    """Once, and with the question it answers."""
    lines = re.split(r"^- ", INDEX.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    entries = [
        re.fullmatch(r"\[[^\]]+\]\(([^)]+)\): (.+\?)", " ".join(line.split("\n\n")[0].split())) for line in lines
    ]
    assert [line for line, found in zip(lines, entries, strict=True) if found is None] == []
    listed = sorted((INDEX.parent / found[1]).resolve() for found in entries if found is not None)
    assert listed == sorted([*(page for page in PAGES if page != INDEX), ROOT / "CHANGELOG.md"])


@pytest.mark.parametrize("page", ALL, ids=_name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file that is there, and to a heading it has."""
    dead = [link for link, target, anchor in links(page) if not target.exists() or not _has(target, anchor)]
    assert dead == []


def _has(target: Path, anchor: str) -> bool:
    return not anchor or (target.suffix == ".md" and anchor in anchors(target))


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "how-to").glob("*.md")), ids=_name)
def test_a_how_to_says_first_what_it_answers(page: Path) -> None:
    """In the words of the index; and it ends with where to go next."""
    blocks = page.read_text(encoding="utf-8").strip().split("\n\n")
    index = " ".join(INDEX.read_text(encoding="utf-8").split())
    asked = re.fullmatch(r"\*(.+\?)\*", " ".join(blocks[1].split()))
    assert asked is not None
    assert f"(how-to/{page.name}): {asked[1]}" in index
    assert blocks[-1].startswith("Next: [")


def test_what_is_wrong_is_found(tmp_path: Path) -> None:
    """A page without a way to it, a file and a heading that are not there; what stands in code is no link."""
    (tmp_path / "a.md").write_text("# A\n\n[b](b.md#x-y), [c](c.md), [web](https://x.y), `[d](d.md)`\n\n## A\n")
    (tmp_path / "b.md").write_text("# X `y`\n\n```text\n# no heading\n[e](e.md)\n```\n\n[up](#x-y) [up](#no-heading)\n")
    (tmp_path / "d.md").write_text("# D\n")
    first, second = tmp_path / "a.md", tmp_path / "b.md"
    assert links(first) == [("b.md#x-y", second, "x-y"), ("c.md", tmp_path / "c.md", "")]
    assert links(second) == [("#x-y", second, "x-y"), ("#no-heading", second, "no-heading")]
    assert (anchors(first), anchors(second)) == ({"a", "a-1"}, {"x-y"})
    assert reached(first) == {first, second}
