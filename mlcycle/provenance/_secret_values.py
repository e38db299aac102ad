"""What stands beside a telling name or in a telling place: a secret, or a placeholder, a reference, a type, a word."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise

__all__ = [
    "is_mark",
    "is_path",
    "is_placeholder",
    "is_prose",
    "is_random",
    "is_reference",
    "is_stand_in",
    "is_type",
    "is_word_of_settings",
    "mark",
    "mixes",
]

_INSIDE = re.compile(r"\[redacted|\$\{|\$\(|\{\{|\{[\w.!:\[\]'\" ]{0,200}\}|%\(?\w{0,60}\)?[srd]|%\w{1,60}%")
_STAND_IN = re.compile(
    r"(?:\$\w+|<.*>?|\[.*\]|\(|\*+|\.+|…|x{3,}|-+|_+|#+|\?+|/{2,}|@\w+\(.*|!\w+.*)$"
    r"|(?:os|self|cls|args|config|settings|env|process|secrets|params|var)\.|(?:ssm|vault|env):"
    r"|(?:your|my|the|insert|enter|put|add|some|replace)[_\-](?:[a-z0-9]+[_\-]){0,4}"
    r"(?:password|passwd|pass|secret|token|key|credentials?|here|value|hash)(?:[_\-]here)?$",
    re.I,
)
_SIGNS = frozenset("$%{[")
_WORDS_TEXT = (
    "none null nil undefined true false yes no on off ok fail failed passed pass skip skipped error all any some "
    "empty unset default auto inherit include omit same-origin required optional hidden masked redacted placeholder "
    "todo prompt interactive missing n/a enabled disabled allow deny never always valid invalid unknown wrong missing"
)
_WORDS = frozenset(_WORDS_TEXT.split())
_TYPES_TEXT = (
    "str string int integer bytes bool boolean float double number object list dict set tuple type any optional union "
    "callable text anystr byte char varchar void self array array-like iterable sequence mapping bytearray pathlike "
    "buffer function module class never literal attribute property method parameter"
)
_TYPES = frozenset(_TYPES_TEXT.split())
_TYPE = re.compile(
    r"(?:u?int|float|complex|bytes|str|utf|varchar|char|string|bfloat|fp|[uif])[_-]?\d{1,3}"
    r"|(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Str|String|Types?|Field|Bytes|Config|Model|Credentials?|Key|Value|Input|Schema"
    r"|Enum|Callable|Data|Object|Provider|Hasher|Settings|Options?|Info|Like|Secret|Password|Token|Column|Text)"
    r"|Secret|Password|Token|Credentials?|Key",
)
_PATH = re.compile(
    r"~?/|\.{1,2}/|[A-Za-z]:\\|.*\.(?:pem|key|json|ya?ml|txt|crt|cer|env|ini|toml|cfg|py|js|ts|sh|md|html?|csv)$", re.S
)
_REFERENCE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_TELLING = re.compile(r"passw(?:or)?d|passphrase|passcode|pwd|secret|credential|token|[_-]key$|apikey", re.I)
_PROSE_TEXT = (
    "a an the is are was be been must should can could may will would not no to for of from with and or if when that "
    "your you please enter invalid wrong required missing too short long again don't do does has have in on at by it "
    "this only also per set use used option options flag flags argument arguments value values given as"
)
_PROSE = frozenset(_PROSE_TEXT.split())


def mark(kind: str) -> str:
    """Return what takes the place of a secret.

    Examples
    --------
    >>> mark("jwt")
    '[redacted:jwt]'
    """
    return f"[redacted:{kind}]"


def is_mark(text: str, start: int) -> bool:
    """Tell whether a place in a text lies inside a mark.

    Examples
    --------
    >>> is_mark("x = [redacted:api-key]", 15), is_mark("api-key", 3)
    (True, False)
    """
    opened = text.rfind("[redacted:", max(0, start - 40), start + 1)
    return opened != -1 and text.find("]", opened, start) == -1


def is_stand_in(value: str) -> bool:
    """Tell whether a value stands for a secret that is elsewhere."""
    # what may stand anywhere is looked for only where it can be, which is seldom
    inside = not _SIGNS.isdisjoint(value) and _INSIDE.search(value) is not None
    return inside or _STAND_IN.match(value) is not None


def is_placeholder(value: str) -> bool:
    """Tell whether a value stands for a secret that is elsewhere, or for none.

    Examples
    --------
    >>> [is_placeholder(value) for value in ("${DB_PASS}", "<password>", "{pw}", "None", "your_token", "hunter2")]
    [True, True, True, True, True, False]
    """
    return is_stand_in(value) or value.casefold() in _WORDS


def is_type(value: str) -> bool:
    """Tell whether a word after a colon is a type rather than a value.

    Examples
    --------
    >>> [is_type(value) for value in ("str", "pydantic.SecretStr", "uint8", "correcthorse")]
    [True, True, True, False]
    """
    return value.casefold() in _TYPES or _TYPE.fullmatch(value) is not None


def is_path(value: str) -> bool:
    """Tell whether a value says where a file is."""
    return _PATH.match(value) is not None or re.match(r"[a-z][a-z_\-]+/[\w.\-]+", value) is not None


def is_reference(value: str) -> bool:
    """Tell whether a bare word is the name of something that holds the value.

    Examples
    --------
    >>> [is_reference(value) for value in ("user.pw", "DEFAULT_PW", "new_password", "correcthorse", "hunter2")]
    [True, True, True, False, False]
    """
    if _REFERENCE.fullmatch(value):
        return True
    return value.replace("_", "").replace("-", "").isalpha() and _TELLING.search(value) is not None


def is_word_of_settings(value: str) -> bool:
    """Tell whether a value is the name of a variable of the surroundings, such as ``"OPENAI_API_KEY"``."""
    return re.fullmatch(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+", value) is not None and _TELLING.search(value) is not None


def is_prose(value: str) -> bool:
    """Tell whether a text of several words is said to a person.

    Examples
    --------
    >>> is_prose("Enter the password: "), is_prose("correct horse battery staple")
    (True, False)
    """
    words = value.split()
    if len(words) < 2:
        return value.rstrip().endswith((":", "?", "…"))
    return (
        not _PROSE.isdisjoint(word.strip(".,:;!?").casefold() for word in words) or _TELLING.search(value) is not None
    )


def mixes(value: str, least: int = 6) -> bool:
    """Tell whether a value is long enough and holds digits and letters."""
    return len(value) >= least and any(map(str.isdigit, value)) and any(map(str.isalpha, value))


def is_random(value: str) -> bool:
    """Tell whether letters and digits change as often as in a text nobody thought of.

    Examples
    --------
    >>> is_random("fd8a0b1c2d3e4f5061728394a5b6c7d8"), is_random("region_and_month_of_2024")
    (True, False)
    """
    kinds = ["d" if c.isdigit() else "u" if c.isupper() else "l" if c.islower() else "-" for c in value]
    changes = sum(a != b and "-" not in (a, b) for a, b in pairwise(kinds))
    return "d" in kinds and not value.isdigit() and changes >= len(value) / 5 and _entropy(value) >= 3.0


def _entropy(value: str) -> float:
    n = len(value)
    return -sum(k / n * math.log2(k / n) for k in Counter(value).values())
