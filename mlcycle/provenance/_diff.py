"""Diffs as `git apply` reads them: one piece a file, with the names git would write."""

from __future__ import annotations

import re

from attrs import frozen

__all__ = ["FileDiff", "new_file_diff", "path_text", "read_diff"]

_ESCAPES = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}
_CODES = {letter: chr(code).encode() for code, letter in _ESCAPES.items()}
_PIECE = re.compile(rb"^(?:diff --git |\* Unmerged path )", re.M)
_HUNK = re.compile(rb"^(@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@)[^\n]*$", re.M)


@frozen
class FileDiff:
    """The part of a diff that is about one file; `path` as git knows it, other bytes than UTF-8 as surrogates."""

    path: str
    text: str
    before: str | None = None
    left_out: str = ""

    @property
    def size(self) -> int:
        """Bytes it takes."""
        return len(self.text.encode())


def read_diff(told: bytes) -> list[FileDiff]:
    r"""Cut what ``git diff`` says into files; what cannot be kept as text has no text, and says why.

    Examples
    --------
    >>> [one] = read_diff(b"diff --git a/x b/x\nindex 1..2 100644\nBinary files a/x and b/x differ\n")
    >>> one.path, one.text, one.left_out
    ('x', '', 'binary')
    """
    # A line of a file begins with a blank, a plus or a minus here, so that only the diff itself can begin a piece.
    starts = [found.start() for found in _PIECE.finditer(told)]
    pieces = [told[start:stop] for start, stop in zip(starts, [*starts[1:], len(told)], strict=True)]
    files = [_file(piece) for piece in pieces if piece.startswith(b"diff")]
    return [file for file in files if file.text or file.left_out]


def _file(piece: bytes) -> FileDiff:
    head = piece.partition(b"\n@@ ")[0].split(b"\n")
    path, before = _paths(head)
    if len([line for line in head if line]) == 1:  # only its time is another
        return FileDiff(path, "", before)
    binary = any(line.startswith(b"Binary files ") for line in head)
    if binary and not any(line.startswith(b"deleted file") for line in head):  # a file goes without its bytes
        return FileDiff(path, "", before, "binary")
    try:
        return FileDiff(path, piece.decode(), before)
    except UnicodeDecodeError:
        pass
    try:  # git shows at most 80 bytes of the line above a hunk, and may cut a letter
        return FileDiff(path, _HUNK.sub(rb"\1", piece).decode(), before)
    except UnicodeDecodeError:
        return FileDiff(path, "", before, "not UTF-8")


def _paths(head: list[bytes]) -> tuple[str, str | None]:
    told = {}
    for line in head[1:]:
        for word in (b"rename from ", b"rename to ", b"--- ", b"+++ "):
            if line.startswith(word):
                told[word] = _unquoted(line.removeprefix(word).removesuffix(b"\t"))
    if b"rename to " in told:
        return told[b"rename to "], told[b"rename from "]
    after, before = told.get(b"+++ ", "/dev/null"), told.get(b"--- ", "/dev/null")
    if (after, before) != ("/dev/null", "/dev/null"):
        return (after if after != "/dev/null" else before)[2:], None
    names = head[0].removeprefix(b"diff --git ")  # twice the same name, with a blank between
    return _unquoted(names[: len(names) // 2])[2:], None


def _unquoted(name: bytes) -> str:
    if name.startswith(b'"') and name.endswith(b'"'):
        name = re.sub(rb"\\([0-7]{3}|.)", lambda m: _byte(m[1].decode("latin-1")), name[1:-1])
    return name.decode(errors="surrogateescape")


def _byte(escape: str) -> bytes:
    return bytes([int(escape, 8) & 255]) if len(escape) == 3 else _CODES.get(escape, escape.encode("latin-1"))


def path_text(path: str, prefix: str = "") -> str:
    r"""Return a path as git writes it: in quotes with escapes where it could be misread.

    Examples
    --------
    >>> print(path_text("naïve plan.py"), path_text("a\nb.py", "b/"), path_text("caf\udce9.txt"))
    naïve plan.py "b/a\nb.py" "caf\351.txt"
    """
    escaped = "".join(_escaped(character) for character in path)
    return f'"{prefix}{escaped}"' if escaped != path else prefix + path


def _escaped(character: str) -> str:
    code = ord(character)
    if code in _ESCAPES:
        return "\\" + _ESCAPES[code]
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\{code - 0xDC00:03o}"
    return f"\\{code:03o}" if code < 32 or code == 127 else character


def new_file_diff(path: str, text: str, *, executable: bool = False) -> str:
    r"""Return a text as the diff that creates its file, ready for ``git apply``.

    Examples
    --------
    >>> new_file_diff("a.py", "x = 1\n")
    'diff --git a/a.py b/a.py\nnew file mode 100644\n--- /dev/null\n+++ b/a.py\n@@ -0,0 +1 @@\n+x = 1\n'
    """
    name = path_text(path, "b/")
    head = f"diff --git {path_text(path, 'a/')} {name}\nnew file mode {'100755' if executable else '100644'}\n"
    if not text:
        return head
    lines = text.split("\n")
    ended = lines[-1] == ""
    lines = lines[:-1] if ended else lines
    count = "+1" if len(lines) == 1 else f"+1,{len(lines)}"
    body = "".join(f"+{line}\n" for line in lines) + ("" if ended else "\\ No newline at end of file\n")
    tab = "\t" if " " in name and not name.startswith('"') else ""  # a name ends at a blank otherwise
    return f"{head}--- /dev/null\n+++ {name}{tab}\n@@ -0,0 {count} @@\n{body}"
