"""Where the links of a page lead, and what can be linked to on it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote

__all__ = ["ROOT", "anchor_of", "anchors", "links", "reached"]

ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def _prose(page: Path) -> str:
    """Return the text of a page, or of the cells of a notebook that are text, without blocks of code."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(one["source"]) for one in cells if one["cell_type"] == "markdown")
    return re.sub(r"^(```|~~~).*?^\1\s*$", "", text, flags=re.MULTILINE | re.DOTALL)


def links(page: Path) -> list[tuple[str, Path, str]]:
    """Return the links of a page to files of this repository: as written, the file, and the anchor or nothing."""
    without_code = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "code", _prose(page), flags=re.DOTALL)
    found = [link for link in _LINK.findall(without_code) if not _ELSEWHERE.match(link)]
    parts = [(link, *link.partition("#")[::2]) for link in found]
    return [(link, (page.parent / unquote(path)).resolve() if path else page, anchor) for link, path, anchor in parts]


def anchor_of(title: str) -> str:
    """Return the address of a heading within its page, as GitHub makes it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)  # of a link its text
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    """Return what a link to a page may have behind its ``#``: its headings, as GitHub makes addresses of them."""
    found: dict[str, int] = {}
    for title in re.findall(r"^#+ +(.*?) *#*$", _prose(page), re.MULTILINE):
        home = anchor_of(title)
        found[home] = found.get(home, -1) + 1
        if found[home]:
            found[f"{home}-{found[home]}"] = 0
    return {*found}


def reached(*starts: Path) -> set[Path]:
    """Return the pages one comes to by following links."""
    seen: set[Path] = set()
    ahead = [*starts]
    while ahead:
        page = ahead.pop()
        if page not in seen and page.suffix in (".md", ".ipynb") and page.is_file():
            seen.add(page)
            ahead += [target for _, target, _ in links(page)]
    return seen
