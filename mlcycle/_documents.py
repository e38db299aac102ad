"""Documents, descriptions of files and lists of files, as a store holds them: written, and read with care.

Whatever a newer release may have written that this one must not guess at is refused here, in words: a need of a
document, a way to encrypt a file, a place of somebody's own that a key begins with.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from mlcycle._digest import canonical_json
from mlcycle.errors import Corrupt, SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["check_file", "described_file", "list_bytes", "read_document", "read_list", "written_document"]

Doc = dict[str, Any]
_VERSION = 1
_FIELDS = {"key": str, "size": int, "sha256": str, "kind": str}


def written_document(document: Mapping[str, Any]) -> bytes:
    """Return the bytes of a JSON document: its own fields, the version of its form and what a reader must know.

    Examples
    --------
    >>> written_document({"class": "LogisticRegression"}).decode()
    '{"class":"LogisticRegression","needs_read":[],"v":1}'
    """
    return canonical_json({"v": _VERSION, "needs_read": [], **document})


def read_document(data: bytes, what: str) -> Doc:
    """Return the own fields of a document that `written_document` wrote, or a newer release.

    Parameters
    ----------
    data : bytes
        Its bytes.
    what : str
        What it is, for the message: ``"files/0a/0b.json of churn@7"``.

    Raises
    ------
    SchemaError
        Where reading it takes more than this release knows.
    Corrupt
        Where it is no such document.

    Examples
    --------
    >>> read_document(b'{"class":"LogisticRegression","needs_read":[],"v":1}', "the card of churn@7")
    {'class': 'LogisticRegression'}
    >>> read_document(b'{"needs_read":["pieces"],"v":1}', "the card of churn@7")
    Traceback (most recent call last):
    ...
    mlcycle.errors.SchemaError: the card of churn@7 needs 'pieces', which this mlcycle does not know; upgrade mlcycle...
    """
    document = _parsed(data, what)
    version, needs = document.pop("v", None), document.pop("needs_read", None)
    if type(version) is not int or version < 1 or not isinstance(needs, list):
        raise Corrupt(f"{what} is damaged: a document says 'v' and 'needs_read', found {data[:80]!r}")
    if needs:
        missing = ", ".join(repr(need) for need in needs)
        raise SchemaError(f"{what} needs {missing}, which this mlcycle does not know; upgrade mlcycle to read it")
    if version > _VERSION:
        raise SchemaError(
            f"{what} is of version {version}, and this mlcycle reads up to {_VERSION}; upgrade mlcycle to read it"
        )
    return document


def described_file(key: str, size: int, sha256: str, kind: str) -> Doc:
    """Return the description of a file, as it stands in entries, documents and lists."""
    return {"key": key, "size": size, "sha256": sha256, "enc": None, "kind": kind}


def check_file(file: Any, what: str) -> Doc:
    """Return the description of a file this release can read, or say why it cannot.

    Parameters
    ----------
    file : dict
        ``{"key", "size", "sha256", "enc", "kind"}``.
    what : str
        What it belongs to, for the message: ``"churn@7"``.

    Raises
    ------
    SchemaError
        Where it is encrypted, or lies in a place of its owner's own.
    Corrupt
        Where it is no description of a file.

    Examples
    --------
    >>> file = {"key": "files/0a/0b.zip", "size": 9, "sha256": "sha256:00", "enc": "age", "kind": "model"}
    >>> check_file(file, "churn@7")
    Traceback (most recent call last):
    ...
    mlcycle.errors.SchemaError: files/0a/0b.zip of churn@7 is encrypted by 'age', which this mlcycle does not know...
    """
    if not _describes(file, _FIELDS):
        raise Corrupt(f"a file of {what} is described by its key, size, sha256, enc and kind, found {file!r:.120}")
    key = file["key"]
    if file.get("enc") is not None:
        raise SchemaError(
            f"{key} of {what} is encrypted by {file['enc']!r:.60}, which this mlcycle does not know; "
            "upgrade mlcycle to read it"
        )
    if key.startswith("@"):
        place = key.partition("/")[0]
        raise SchemaError(
            f"{key} of {what} lies in {place!r}, a place of its owner's own, which this mlcycle cannot reach; "
            "upgrade mlcycle, or ask its owner for a copy of the file"
        )
    described: Doc = file
    return described


def list_bytes(files: Iterable[Mapping[str, Any]]) -> bytes:
    r"""Return a list file: a line that says what it is, then a file on each, described in full or by its key alone.

    Examples
    --------
    >>> list_bytes([{"key": "leaves/0a.json", "size": 2, "sha256": "sha256:00", "enc": None, "kind": "profile"}])
    b'{"files":1,"needs_read":[],"v":1}\n{"enc":null,"key":"leaves/0a.json","kind":"profile","sha256":"sha256:00",...
    """
    lines = [canonical_json(dict(file)) for file in files]
    return b"\n".join([written_document({"files": len(lines)}), *lines, b""])


def read_list(data: bytes, what: str) -> list[Doc]:
    """Return what a list file says of each file; whether a file of it can be read is asked when it is.

    Raises
    ------
    SchemaError
        Where reading the list takes more than this release knows.
    Corrupt
        Where it is cut, a line names no key, or two name the same.

    Examples
    --------
    >>> read_list(list_bytes([{"key": "leaves/0a.json"}, {"key": "leaves/0b.json"}]), "the keys of a sweep")
    [{'key': 'leaves/0a.json'}, {'key': 'leaves/0b.json'}]
    """
    head, *lines = data.split(b"\n")
    files = [_parsed(line, what) for line in lines[:-1]]
    if read_document(head, what).get("files") != len(files) or lines[-1:] != [b""]:
        raise Corrupt(f"{what} is damaged: its first line says how many files it lists, found {len(files)}")
    for file in files:
        if not _describes(file, {"key": str}):
            raise Corrupt(f"{what} is damaged: a line of it names no key: {file!r:.120}")
    for key, times in Counter(file["key"] for file in files).items():
        if times > 1:
            raise Corrupt(f"{what} is damaged: it lists {key} {times} times")
    return files


def _describes(file: Any, fields: Mapping[str, type]) -> bool:
    return isinstance(file, dict) and all(type(file.get(name)) is kind for name, kind in fields.items())


def _parsed(data: bytes, what: str) -> Doc:
    try:
        document = _decode(data.decode(json.detect_encoding(data), "surrogatepass"))
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise Corrupt(f"{what} is damaged: it is not JSON ({error})") from error
    if not isinstance(document, dict):
        raise Corrupt(f"{what} is damaged: a JSON object is expected, found {data[:80]!r}")
    return document


def _refused(word: str) -> None:
    raise ValueError(f"JSON has no {word}")


_decode = json.JSONDecoder(parse_constant=_refused).decode  # `json.loads` would make one for each document
