"""Secrets that are known by their shape: tokens, private keys, passwords in addresses and on command lines."""

from __future__ import annotations

import base64
import binascii
import re

from mlcycle.provenance._secret_values import is_stand_in, mark

__all__ = ["mask_addresses", "mask_keys", "mask_lines", "mask_places", "mask_tokens"]

# What a token begins with, and its whole shape: a text without the beginning is not searched for the shape.
_TOKENS: tuple[tuple[str, str, str], ...] = (
    ("aws-key", "AKIA ASIA AROA AIDA ABIA ACCA", r"(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{20,255}"),
    ("github-token", "github_pat_", r"github_pat_\w{22,255}"),
    ("gitlab-token", "gl", r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|oas|agent)-[A-Za-z0-9_\-]{20,}"),
    ("slack-token", "xox xapp-", r"xox[abeoprs]-[A-Za-z0-9\-]{10,}|xapp-\d-[A-Za-z0-9\-]{10,}"),
    ("google-key", "AIza ya29. GOCSPX-", r"AIza[\w\-]{35}|ya29\.[\w\-]{20,}|GOCSPX-[\w\-]{20,}"),
    ("api-key", "sk- sk_ rk_", r"sk-(?=[A-Za-z_\-]{0,60}\d)[\w\-]{20,}|(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}"),
    ("api-key", "hf_ npm_ pypi-", r"hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{36}|pypi-[\w\-]{50,}"),
    ("api-key", "dapi _v1_ dckr_", r"dapi[0-9a-f]{32}|do[opr]_v1_[0-9a-f]{64}|dckr_[po]at_[\w\-]{20,}"),
    ("api-key", "SG. SK", r"SG\.[\w\-]{20,24}\.[\w\-]{40,50}|SK[0-9a-f]{32}(?![A-Za-z0-9])"),
    ("api-key", "gsk_ r8_ xai- pplx- pcsk_", r"(?:gsk_|r8_|xai-|pplx-|pcsk_)(?=[A-Za-z_\-]{0,60}\d)[\w\-]{30,}"),
    ("api-key", "hvs. hvb. glsa_ shp whsec_", r"hv[sb]\.[\w\-]{24,}|(?:glsa|shp(?:at|ca|pa|ss)|whsec)_[\w\-]{24,}"),
    ("api-key", "ATATT3 lin_api_ figd_ PMAK- tskey-", r"(?:ATATT3|lin_api_|figd_|PMAK-|tskey-)[\w\-=]{24,}"),
    ("api-key", "sntr sbp_ AGE-", r"sntr[ysu]{1,2}_[\w\-=+/]{32,}|sbp_[0-9a-f]{40}|AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    ("jwt", "eyJ", r"eyJ[\w\-]{10,}\.eyJ[\w\-]{10,}\.[\w\-]+"),
)
# A look behind instead of \b keeps a leading dash or slash out of play.
_SHAPES = tuple(
    (kind, tuple(begins.split()), re.compile(rf"(?<![A-Za-z0-9_])(?:{shape})", re.ASCII))
    for kind, begins, shape in _TOKENS
)

_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_LINE = re.compile(r"[A-Za-z0-9+/=]{16,}|(?:Proc-Type|DEK-Info|Version|Comment):.*")
_SHORT_KEY_LINE = re.compile(r"(?![A-Z]?[a-z]+$|[A-Z]+$)[A-Za-z0-9+/]+={0,2}")  # a lone word is none
_KEY_WORD = re.compile(r"-----[A-Z]")
_KEY_PIECE = re.compile(r"[A-Za-z0-9+/=]{16,}")
_NO_KEY = re.compile(r"[^A-Za-z0-9+/=\s\\\"',:.\-@<>|#()]")  # what is code between the words, and no key
_KEY_MOST = 20_000  # a key of 16 384 bits takes 12 700 letters

_ADDRESS = re.compile(r"://(?=([^\s'\"<>`\\]{1,600}))")
_DATABASE = re.compile(
    r"(?:sql|postgres|mariadb|mongodb|rediss?|amqps?|oracle|snowflake|clickhouse|ldaps?)(?:\+\w{1,30})?$", re.I
)
_VALUE = r"([^\s\"'\\\-][^\s\"'\\]{0,400})"
_NEXT = r"[\s\"',]{1,6}"  # between an option and its value, also as two items of a list
_SQL = "mysql(?:dump|admin|import|show|sh)?|mariadb(?:-dump|-admin)?|sshpass|7za?"
_LOGIN = r"sshpass|mongo(?:sh|dump|restore|export|import)?|(?:docker|podman|az|helm) +(?:registry +)?login"


def _tool(names: str, option: str, value: str = _VALUE) -> str:
    """Return the shape of a tool's option on the same line, where a backslash continues it."""
    # a minus before the tool may be the sign of a diff; up to the next tool, or a line of tools takes for ever
    tool = rf"(?:(?<![\w\-])|(?m:(?<=^-)))(?:{names})(?![\w\-])"
    return rf"({tool}(?:(?!{tool})(?:[^\n]|(?<=\\)\n)){{0,160}}?[\s\"']{option}){value}"


_PAIR = r"\s{0,8}[bru]{0,2}[\"'][^\"'\n]{1,100}[\"']\s{0,8},\s{0,8}[bru]{0,2}[\"'])([^\"'\n]{1,400})(?=[\"'])"
# What a text must hold, in small letters, to be searched; the shape, with what stands before the secret and the secret.
_PLACES: tuple[tuple[str, str, str], ...] = (
    ("url-password", "@tcp( @unix(", r"(?<![\w.\-/\[])([\w.\-]{1,100}:)([^\s/'\"<>@:]{1,200})(?=@(?:tcp|unix)\()"),
    ("url-password", "jdbc:oracle:", r"(jdbc:oracle:\w{1,20}:[^\s/@'\"<>:]{1,100}/)([^\s@'\"<>]{1,200})(?=@)"),
    ("url-password", "sqlplus", _tool("sqlplus", r"[\w.\-]{1,100}/", r"([^\s@'\"]{1,200})(?=@)")),
    ("url-password", "sig", r"(?i:([?&](?:sig|signature|x-\w{1,10}-signature)=))([A-Za-z0-9%+/=_\-]{16,})"),
    (
        "url-password",
        "sig= signature=",  # the query alone, as an environment holds it
        (
            r"(?i:((?:(?<![\w.&?\-])|(?m:(?<=^-)))(?:sig|signature|x-\w{1,10}-signature)=))(?=[^\s&\d]{0,80}\d)"
            r"([A-Za-z0-9%+/=]{40,400}|[A-Za-z0-9%+/=_\-]{16,400}(?=&s\w{1,2}=))"
        ),
    ),
    ("url-password", "security-token=", r"(?i:([?&]x-amz-security-token=))([A-Za-z0-9%+/=_\-]{16,})"),
    (
        "url-password",
        "key= auth= pass= pw= code= jwt= sas= hmac= session= sid=",
        r"(?i:([?&](?:key|auth|pass|pw|code|jwt|sas|hmac|session|sid)=))(?=[^&\s\d]{0,60}\d)([\w.%+/=~\-]{8,400})",
    ),
    ("slack-token", "hooks.slack", r"(https://hooks\.slack\.com/(?:services|workflows)/)([A-Za-z0-9/_\-]{10,})"),
    ("api-key", "/webhooks/", r"(https://discord(?:app)?\.com/api/webhooks/\d{1,30}/)([\w\-]{20,})"),
    (
        "authorization",
        "authorization",
        (
            r"(?i:(authorization\\?[\"']?\s{0,4}[:=]\s{0,4}\\?[\"']?"
            r"(?:bearer|basic|token|api-?key|digest|key)\s{1,4}))([^\s\"',;\\(){}]{4,4000})"
        ),
    ),
    ("authorization", "bearer", r"((?i:\bbearer)\s{1,4})(?=[A-Za-z_\-.~+/]{0,200}\d)([A-Za-z0-9+/=_\-.~]{12,4000})"),
    ("authorization", "basic", r"((?i:\bbasic)\s{1,4})([A-Za-z0-9+/]{6,400}={0,2})(?![\w+/=])"),
    (
        "account-key",
        "shared accountkey",
        (
            r"(?i:((?:AccountKey|SharedAccessKey|SharedAccessSignature|SharedSecretValue)\s{0,4}=\s{0,4}))"
            r"([A-Za-z0-9+/=%&]{16,})"
        ),
    ),
    (
        "assignment",
        "auth",
        rf"(?i:((?<![A-Za-z])auth\\?[\"']?\s{{0,4}}[=:]\s{{0,4}}(?-i:\w{{0,30}}Auth)?[(\[]{_PAIR})",
    ),
    ("assignment", "auth(", rf"((?:(?<![A-Za-z_])auth|Auth)\({_PAIR}"),
    ("assignment", ".login(", rf"(\.login\({_PAIR}"),
    (
        "option",
        "curl http",
        _tool("curl|https?", r"(?:-[uUa]|--(?:proxy-)?user|--auth)[\s=\"',]{0,6}[^\s:\"'=\-][^\s:\"'=/]{0,100}:"),
    ),
    (
        "option",
        "'-u' \"-u\" '--user' \"--user\"",
        r"([\"'](?:-u|--user)[\"']\s{0,4},\s{0,8}[\"'][^\s:\"']{1,100}:)(?!\d+[\"'])([^\s\"']{1,400})",
    ),
    ("option", "mysql mariadb sshpass 7z", _tool(_SQL, "-p")),
    ("option", "mysql mariadb sshpass 7z", _tool(_SQL, "-p[\"']", r"([^\"'\n,)\]\s][^\"'\n]{0,400})(?=[\"'])")),
    ("option", "sshpass mongo login", _tool(_LOGIN, rf"-p{_NEXT}")),
    ("option", "sqlcmd bcp zip", _tool("sqlcmd|bcp|zip|unzip", rf"-P(?:{_NEXT})?")),
    ("option", "redis-cli", _tool("redis-cli", rf"-a{_NEXT}")),
    ("option", "ldap", _tool("ldap(?:search|modify|add|delete|whoami|passwd)", rf"-w{_NEXT}")),
    ("option", "smbclient", _tool("smbclient", rf"-U{_NEXT}[^\s%\"']{{1,100}}%")),
    ("option", "pass:", r"(\s-pass(?:in|out)?[\s\"',]{1,6}pass:)([^\s\"']{1,400})"),
    (
        "assignment",
        "machine",
        r"(\bmachine\s{1,4}\S{1,200}[\s+\-]{1,40}login\s{1,4}\S{1,100}[\s+\-]{1,40}password\s{1,4})(\S{1,400})",
    ),
)
_COMPILED = tuple((kind, tuple(needed.split()), re.compile(shape)) for kind, needed, shape in _PLACES)


def mask_tokens(text: str) -> tuple[str, int]:
    """Replace tokens of a known shape."""
    found = 0
    for kind, begins, shape in _SHAPES:
        if any(begin in text for begin in begins):
            text, n = shape.subn(mark(kind), text)
            found += n
    return text, found


def mask_places(text: str) -> tuple[str, int]:
    """Replace what stands in a place made for secrets: in an address, a header, an option of a known tool."""
    found = 0
    small = text.lower()
    for kind, needed, shape in _COMPILED:
        if not any(one in small for one in needed):
            continue

        def one(match: re.Match[str], kind: str = kind) -> str:
            nonlocal found
            if _harmless(match):
                return match[0]
            found += 1
            return match[1] + mark(kind)

        text = shape.sub(one, text)
    return text, found


def mask_addresses(text: str) -> tuple[str, int]:
    """Replace passwords, and tokens in place of a user, in addresses."""
    pieces: list[str] = []
    done = found = 0
    for match in _ADDRESS.finditer(text):
        if match.start() < done or "@" not in match[1]:
            continue
        span = _password(text[max(0, match.start() - 40) : match.start()], match[1])
        if span is not None and not is_stand_in(match[1][: span[1]]):
            start, stop = (match.start(1) + place for place in span)
            pieces += [text[done:start], mark("url-password")]
            done = stop
            found += 1
    return "".join([*pieces, text[done:]]), found


def _password(scheme: str, rest: str) -> tuple[int, int] | None:
    """Return where the password stands in what follows ``://``."""
    stop = re.split(r"[/?#]", rest, maxsplit=1)[0].rfind("@")
    if stop == -1 and _DATABASE.search(scheme) and not re.match(r"[^/@]*:\d+/", rest):
        stop = rest.find("@")  # some drivers take a slash inside a password
    user = rest[: max(stop, 0)]
    colon = user.find(":")
    if colon != -1:
        return (colon + 1, stop) if colon + 1 < stop else None
    return (0, stop) if len(user) >= 20 and any(map(str.isdigit, user)) and re.fullmatch(r"[\w\-]+", user) else None


def _harmless(match: re.Match[str]) -> bool:
    if is_stand_in(match[2]):
        return True
    return match[1].rstrip().casefold().endswith("basic") and ":" not in match[1] and not _is_basic(match[2])


def _is_basic(value: str) -> bool:
    """Tell whether a text holds a user and a password, rather than being a word after "basic"."""
    try:
        plain = base64.b64decode(value + "=" * (-len(value) % 4)).decode()
    except (binascii.Error, ValueError):
        return False
    return ":" in plain and plain.isprintable()


def mask_keys(text: str) -> tuple[str, int]:
    """Replace private keys, also cut ones, line by line, so that a diff keeps its lines."""
    if "PRIVATE KEY" not in text:
        return text, 0
    pieces: list[str] = []
    done = found = 0
    for begin in _KEY_BEGIN.finditer(text):
        limit = _KEY_BEGIN.search(text, begin.end(), begin.end() + _KEY_MOST)
        end = _KEY_END.search(text, begin.end(), limit.start() if limit else begin.end() + _KEY_MOST)
        if end and _NO_KEY.search(text, begin.end(), end.start()):
            end = None
        stop = end.end() if end else _key_lines(text, begin.end(), limit.start() if limit else begin.end() + _KEY_MOST)
        if not end and not _holds_key(text[begin.end() : stop]):
            continue  # only a word about keys
        before, n = _tails(text[done : begin.start()])
        pieces += [before, mask_lines(text[begin.start() : stop], mark("private-key"))]
        done, found = stop, found + n + 1
    rest, n = _tails(text[done:])
    return "".join([*pieces, rest]), found + n


def _tails(text: str) -> tuple[str, int]:
    """Replace ends of keys whose beginning is outside the text, for example above a hunk."""
    pieces: list[str] = []
    done = 0
    for end in _KEY_END.finditer(text):
        start = _key_lines_before(text, end.start(), done)
        if not _KEY_PIECE.search(text, start, end.start()):
            continue
        pieces += [text[done:start], mask_lines(text[start : end.end()], mark("private-key"))]
        done = end.end()
    return "".join([*pieces, text[done:]]), len(pieces) // 2


def mask_lines(text: str, mark: str) -> str:
    """Return a mark in place of the first line of a text, and nothing in place of the others but a diff's own sign."""
    first, *others = text.split("\n")
    kept = [line[:1] if line[:1] in ("+", "-", " ") and not _KEY_WORD.match(line) else "" for line in others]
    lead = "" if _KEY_WORD.match(first) else first[: len(first) - len(first.lstrip("+- \t"))]
    return "\n".join([lead + mark, *kept])


def _holds_key(text: str) -> bool:
    """Tell whether enough of a key stands in a text, in one piece or in short lines."""
    return _KEY_PIECE.search(text) is not None or _KEY_PIECE.search("".join(map(_bare, text.split("\n")))) is not None


def _bare(line: str) -> str:
    return line.strip().lstrip("+- \t\"'").rstrip("\\n\"', \t\r")


def _is_key_line(line: str) -> bool:
    return _KEY_LINE.fullmatch(_bare(line)) is not None


def _key_lines(text: str, start: int, most: int) -> int:
    """Return where the lines of a key that has no end stop."""
    most = min(most, len(text))
    stop = text.find("\n", start, most)
    before = ":"
    while stop != -1:
        following = text.find("\n", stop + 1, most)
        line = _bare(text[stop + 1 : following if following != -1 else most])
        # an empty line stands only between what is said of the key and the key
        if not (_is_key_line(line) or _SHORT_KEY_LINE.fullmatch(line) or (not line and ":" in before)):
            return stop
        stop, before = following, line
    return most


def _key_lines_before(text: str, stop: int, least: int) -> int:
    start = text.rfind("\n", least, stop) + 1 or least
    while start > least:
        before = text.rfind("\n", least, start - 1) + 1 or least
        if not _is_key_line(text[before : start - 1]):
            break
        start = before
    return start
