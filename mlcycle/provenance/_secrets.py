"""The secret filter: what must never be stored with a run, found by shape, by name and by entropy.

Nothing here can promise to find every secret. It errs towards leaving out: a diff with a harmless value missing costs
a line, a stored password costs a rotation everywhere it was used.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["is_secret_file", "redact", "redact_argv", "strip_credentials"]

_SECRET_FILES = (
    *(".env", ".env.*", "*.env", ".envrc", ".netrc", "_netrc", ".pgpass", ".pypirc", ".npmrc", ".htpasswd", ".my.cnf"),
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk", "*.ovpn", "*.asc", "*.gpg"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*.tfvars", "*.tfstate", "*.tfstate.*", "kubeconfig"),
    *("credentials", "credentials.*", ".git-credentials", "secret.*", "secrets.*", ".secrets", "*.secret", "*.secrets"),
    *("*service-account*.json", "*service_account*.json", "client_secret*.json", "token.json", ".vault_pass*"),
    *("application_default_credentials.json", "*credentials*.json", "accesskeys.csv", "*_accesskeys.csv"),
)
_SECRET_FOLDERS = frozenset({".aws", ".ssh", ".gnupg", ".azure", ".kube", ".docker", ".secrets", "secrets"})
_HARMLESS_ENDINGS = (".example", ".sample", ".template", ".dist", ".pub", ".py", ".md", ".rst", ".ipynb")

# Shapes that are secrets wherever they stand. A `(?<![\w])` instead of \b keeps a leading dash or slash out of play.
_TOKENS: tuple[tuple[str, str], ...] = (
    ("aws-key", r"(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("github-token", r"gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{22,255}"),
    ("gitlab-token", r"gl(?:pat|dt|rt|cbt|ptt|ft|soat)-[A-Za-z0-9_\-]{20,}"),
    ("slack-token", r"xox[abeoprs]-[A-Za-z0-9\-]{10,}|xapp-\d-[A-Za-z0-9\-]{10,}"),
    ("google-key", r"AIza[A-Za-z0-9_\-]{35}|ya29\.[A-Za-z0-9_\-]{20,}|GOCSPX-[A-Za-z0-9_\-]{20,}"),
    (
        "api-key",
        r"sk-(?=[A-Za-z_\-]{0,60}\d)[A-Za-z0-9_\-]{20,}|(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}|hf_[A-Za-z0-9]{30,}",
    ),
    ("api-key", r"npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_\-]{50,}|dapi[0-9a-f]{32}|dop_v1_[0-9a-f]{64}"),
    ("api-key", r"SG\.[A-Za-z0-9_\-]{20,24}\.[A-Za-z0-9_\-]{40,50}|SK[0-9a-f]{32}(?![A-Za-z0-9])"),
    ("jwt", r"eyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]+"),
)
_TOKEN_PATTERNS = tuple((kind, re.compile(rf"(?<![A-Za-z0-9_])(?:{shape})")) for kind, shape in _TOKENS)

_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_LINE = re.compile(r"[A-Za-z0-9+/=]{16,}|(?:Proc-Type|DEK-Info|Version|Comment):.*")

_URL_PASSWORD = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]{0,30}://[^\s/:@'\"<>]{0,200}):([^\s/@'\"<>]{1,400})@")
_URL_SIGNATURE = re.compile(
    r"([?&](?:sig|X-Amz-Signature|X-Amz-Security-Token|X-Goog-Signature)=)([A-Za-z0-9%+/=_\-]{16,})"
)
_SLACK_HOOK = re.compile(r"(https://hooks\.slack\.com/(?:services|workflows)/)([A-Za-z0-9/_\-]{10,})")
_HEADER = re.compile(r"((?:Bearer|Basic)\s+)([A-Za-z0-9+/=_\-.~]{12,})")
_ACCOUNT_KEY = re.compile(r"((?:AccountKey|SharedAccessKey|SharedAccessSignature)\s*=\s*)([A-Za-z0-9+/=%&]{16,})", re.I)
_AFTER_A_PREFIX = (
    ("url-password", _URL_SIGNATURE),
    ("slack-token", _SLACK_HOOK),
    ("authorization", _HEADER),
    ("account-key", _ACCOUNT_KEY),
)

# Names are matched from the telling word on; what stands before it is looked up only after a match, so that the search
# stays linear in the text.
_STRONG = r"passw(?:or)?d|passphrase|passcode|pwd|secret|credential|(?:private|access|account)[_\-]?key"
_WEAK = r"token|api[_\-]?key|(?:auth|signing|encryption|master)[_\-]?key"
_NAME = rf"(?:(?P<strong>{_STRONG})|(?P<weak>{_WEAK}))s?(?P<rest>[A-Za-z0-9_\-]{{0,40}})"
_QUOTED = re.compile(
    rf"{_NAME}(?P<between>\\?[\"']?\]?\s{{0,4}}(?::\s{{0,4}}\w{{1,20}}\s{{0,4}}=|:=|=>|[!=]?=|:|,)\s{{0,4}}[bru]{{0,2}}"
    r"(?P<quote>\\?[\"']))(?P<value>[^\"'\n\\]{1,4096})(?P=quote)",
    re.I,
)
_BARE = re.compile(
    rf"{_NAME}(?P<between>[ \t]{{0,4}}[=:][ \t]{{0,4}}|[ \t]{{1,4}})(?P<value>[^\s\"'#,;(){{}}\[\]=:]"
    r"[^\s\"'#,;(){}\[\]]{2,4095})(?P<after>[;\"']?)(?P<last>[ \t\r]*(?:#[^\n]*)?(?:\n|$))?",
    re.I,
)
_SUSPICIOUS = re.compile(
    r"(?<![A-Za-z])(?:key|auth|creds?|cookie|session|bearer|dsn|sas|pat|token|secret)(?P<rest>(?:[_\-][A-Za-z0-9]{0,20})?)"
    r"(?P<between>\\?[\"']?\]?\s{0,4}[=:,]\s{0,4}\\?[\"']?)(?P<value>[A-Za-z0-9+/_\-]{20,512}={0,2})",
    re.I,
)
_LINE_START = re.compile(r"[+\- ]?\s*(?:(?:export|set|ENV|-e|-)\s+)?", re.I)
_PLACEHOLDER = re.compile(
    r"\[redacted|^[$%<{*.]|^(?:none|null|true|false|str|int|bytes|bool|float|optional|any|string|x+|-+|\d{1,4})$|"
    r"^(?:os\.|self\.|cls\.|args\.|config\.|settings\.|env\.|ssm:|vault:|!)|^\)|\$\{|\{\w*\}|>$",
    re.I,
)
_COUNTING = re.compile(
    r"^(?:i[sz](?:er|ed|ation)|ary|"
    r"_?(?:count|ids?|len|length|size|limit|types?|index|pos|level|name|file|path|url|dir)(?![A-Za-z]))",
    re.I,
)
_DIGEST_NAMES = re.compile(r"sha\d*|md5|digest|hash|commit|checksum|etag|uuid|public", re.I)


def redact(text: str) -> tuple[str, int]:
    """Replace what looks like a secret by ``[redacted:kind]``.

    Found are private key blocks (also cut ones, also inside a diff), tokens with a known shape (AWS, GitHub, GitLab,
    Slack, Google, OpenAI-like, Hugging Face, Stripe, JWT, …), passwords in URLs, values assigned to names such as
    ``password`` or ``api_key``, and values of high entropy beside less certain names.

    Parameters
    ----------
    text : str
        A diff, a script, a command line.

    Returns
    -------
    tuple of str and int
        The text, and how many values were replaced. Filtering a filtered text changes nothing.

    Examples
    --------
    >>> redact('db = connect("postgres://me:hunter2@db/prod")')
    ('db = connect("postgres://me:[redacted:url-password]@db/prod")', 1)
    >>> redact('password = getpass("Password: ")')
    ('password = getpass("Password: ")', 0)
    """
    text, found = _without_keys(text)
    for kind, pattern in _TOKEN_PATTERNS:
        text, n = pattern.subn(f"[redacted:{kind}]", text)
        found += n
    text, n = _replace(_URL_PASSWORD, text, "url-password", lambda m: not _PLACEHOLDER.search(m[2]))
    found += n
    for kind, pattern in _AFTER_A_PREFIX:
        text, n = _replace(pattern, text, kind, lambda m: not _PLACEHOLDER.search(m[2]))
        found += n
    for pattern, wanted in ((_QUOTED, _quoted), (_BARE, _bare)):
        text, n = _replace(pattern, text, "assignment", wanted)
        found += n
    text, n = _replace(_SUSPICIOUS, text, "high-entropy", _entropic)
    return text, found + n


def redact_argv(argv: Sequence[str]) -> tuple[list[str], int]:
    """Filter a command line; the value after an option such as ``--password`` goes too.

    Examples
    --------
    >>> redact_argv(["train.py", "--token", "abcdef123456", "--depth=3"])
    (['train.py', '--token', '[redacted:assignment]', '--depth=3'], 1)
    """
    kept: list[str] = []
    found = 0
    for argument in argv:
        if kept and _is_secret_value(kept[-1], argument):
            kept.append("[redacted:assignment]")
            found += 1
            continue
        text, n = redact(argument)
        kept.append(text)
        found += n
    return kept, found


def is_secret_file(path: str) -> bool:
    """Tell whether a file is left out whole because of its name.

    Examples
    --------
    >>> [is_secret_file(path) for path in (".env", "deploy/id_rsa", "keys/server.pem", ".env.example", "train.py")]
    [True, True, True, False, False]
    """
    pure = PurePosixPath(path.replace("\\", "/").casefold())
    if pure.name.endswith(_HARMLESS_ENDINGS):
        return False
    if not _SECRET_FOLDERS.isdisjoint(pure.parts[:-1]):
        return True
    return any(fnmatchcase(pure.name, pattern) for pattern in _SECRET_FILES)


def strip_credentials(url: str) -> str:
    """Return a remote's URL without user, password, token and query.

    Examples
    --------
    >>> strip_credentials("https://me:s3cr3t@example.org/team/churn.git")
    'https://example.org/team/churn.git'
    >>> strip_credentials("git@example.org:team/churn.git")
    'git@example.org:team/churn.git'
    """
    found = re.match(r"([A-Za-z][A-Za-z0-9+.\-]*://)([^/?#]*)([^?#]*)", url)
    if found is None:
        return redact(url)[0]
    user, _, host = found[2].rpartition("@")
    # ssh needs its user and keeps no password there; anywhere else a user may be a token
    keep = f"{user.partition(':')[0]}@" if user and found[1].casefold() in ("ssh://", "git+ssh://") else ""
    return redact(f"{found[1]}{keep}{host}{found[3]}")[0]


def _without_keys(text: str) -> tuple[str, int]:
    if "PRIVATE KEY" not in text:
        return text, 0
    found = 0
    position = 0
    while begin := _KEY_BEGIN.search(text, position):
        limit = _KEY_BEGIN.search(text, begin.end(), begin.end() + 20_000)
        end = _KEY_END.search(text, begin.end(), limit.start() if limit else begin.end() + 20_000)
        stop = end.end() if end else _key_lines(text, begin.end())
        text = f"{text[: begin.start()]}[redacted:private-key]{text[stop:]}"
        position = begin.start()
        found += 1
    while end := _KEY_END.search(text):  # its beginning is outside the hunk
        text = f"{text[: _key_lines_before(text, end.start())]}[redacted:private-key]{text[end.end() :]}"
        found += 1
    return text, found


def _is_key_line(line: str) -> bool:
    return _KEY_LINE.fullmatch(line.strip().lstrip("+- \t\"'").rstrip("\\n\"', \t\r")) is not None


def _key_lines(text: str, start: int) -> int:
    """Return where the lines of a key that has no end stop."""
    stop = text.find("\n", start)
    while stop != -1:
        following = text.find("\n", stop + 1)
        line = text[stop + 1 : following if following != -1 else len(text)]
        if not _is_key_line(line):
            return stop
        stop = following
    return len(text)


def _key_lines_before(text: str, stop: int) -> int:
    start = text.rfind("\n", 0, stop) + 1
    while start > 0:
        before = text.rfind("\n", 0, start - 1) + 1
        if not _is_key_line(text[before : start - 1]):
            break
        start = before
    return start


def _replace(
    pattern: re.Pattern[str], text: str, kind: str, wanted: Callable[[re.Match[str]], bool]
) -> tuple[str, int]:
    found = 0
    group: str | int = "value" if "value" in pattern.groupindex else 2

    def one(match: re.Match[str]) -> str:
        nonlocal found
        if not wanted(match):
            return match[0]
        found += 1
        start, end = match.span(group)
        whole = match[0]
        return f"{whole[: start - match.start()]}[redacted:{kind}]{whole[end - match.start() :]}"

    return pattern.sub(one, text), found


def _lead(match: re.Match[str]) -> tuple[str, str]:
    """Return what stands on the line before the name, and the part of the name before the telling word."""
    start = match.start()
    line = match.string[max(match.string.rfind("\n", max(0, start - 200), start) + 1, start - 200) : start]
    before = line.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")
    name = line[len(before) :]
    if not before and name[:1] in ("+", "-") and not name.startswith("--"):  # the mark of a diff
        before, name = name[:1], name[1:]
    return before, name


def _harmless(match: re.Match[str]) -> bool:
    value = match["value"]
    return bool(_PLACEHOLDER.search(value) or _COUNTING.search(match["rest"]) or not any(map(str.isalnum, value)))


def _quoted(match: re.Match[str]) -> bool:
    value = match["value"]
    if _harmless(match):
        return False
    digit = any(map(str.isdigit, value))
    if "," in match["between"] or match["weak"]:  # a call's next argument, or a word with other uses
        return len(value) >= 8 and " " not in value and digit
    return digit or " " not in value


def _bare(match: re.Match[str]) -> bool:
    if _harmless(match):
        return False
    value, between = match["value"], match["between"]
    before, name = _lead(match)
    telling = match["strong"] or match["weak"]
    option = name.startswith("-")
    in_text = match["after"] == ";" or before.endswith(";")  # Server=x;Password=y;
    alone = match["last"] is not None and not match["after"] and _LINE_START.fullmatch(before) is not None
    if not option and (between.isspace() or not (alone or in_text)):
        return False
    if between.strip() == ":" and between == ":" and not option:
        return False
    shouted = (name + telling).isupper() or option
    if shouted and match["strong"]:
        return True
    if re.fullmatch(r"[A-Za-z_][A-Za-z_.]*|[\d._eE+\-]+", value):  # a variable or a number
        return shouted and len(value) >= 16
    return any(map(str.isdigit, value)) and (len(value) >= 6 or shouted)


def _entropic(match: re.Match[str]) -> bool:
    value = match["value"]
    if _PLACEHOLDER.search(value) or _DIGEST_NAMES.search(_lead(match)[1] + match["rest"]):
        return False
    kinds = ["d" if c.isdigit() else "u" if c.isupper() else "l" if c.islower() else "-" for c in value]
    changes = sum(a != b and "-" not in (a, b) for a, b in pairwise(kinds))
    return "d" in kinds and not value.isdigit() and changes >= len(value) / 5 and _entropy(value) >= 3.0


def _entropy(value: str) -> float:
    n = len(value)
    return -sum(k / n * math.log2(k / n) for k in Counter(value).values())


def _is_secret_value(option: str, value: str) -> bool:
    found = re.fullmatch(rf"--?[A-Za-z0-9_.\-]{{0,60}}?{_NAME}", option, re.I)
    if found is None or value.startswith("-") or _COUNTING.search(found["rest"]):
        return False
    return bool(found["strong"]) or not value.isdigit()
