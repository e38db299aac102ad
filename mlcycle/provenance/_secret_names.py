"""Values beside a name that tells of a secret, in code, configuration, command lines and documents."""

from __future__ import annotations

import heapq
import re
from typing import TYPE_CHECKING

from attrs import frozen

from mlcycle.provenance._secret_shapes import mask_lines
from mlcycle.provenance._secret_values import (
    is_mark,
    is_path,
    is_placeholder,
    is_prose,
    is_random,
    is_reference,
    is_type,
    is_word_of_settings,
    mark,
    mixes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["is_secret_name", "is_secret_option", "mask_named"]

# Names are found by their telling word; what stands before it is looked up only then, so that the search stays linear.
# The words that tell are searched in small letters, with few beginnings: that takes a fifth of the time.
_HINT = re.compile(r"passw|pass|pwd|secret|credential|token")
_STRONG = r"passw(?:or)?d|passphrase|passcode|pwd|secret|credential|(?<![A-Za-z])pass(?![A-Za-z])"
_STRONG_KEY = r"(?:private|access|account)[_\-]?key"
_WEAK_KEY = r"(?:api|auth|signing|encryption|master|storage|shared|subscription|service|license|ssh|hmac)[_\-]?key"
_REST = r"s?(?P<rest>[A-Za-z0-9_\-]{0,40})"
_NAME = re.compile(rf"(?:(?P<strong>{_STRONG}|{_STRONG_KEY})|(?P<weak>token|{_WEAK_KEY})){_REST}", re.I)
_KEY_OWNER = re.compile(
    r"(?:private|access|account|api|auth|signing|encryption|master|storage|shared|subscription|service|license|ssh|hmac)[_\-]?$"
)
_OTHER = re.compile(
    r"(?:key|auth|cred|cookie|session|bearer|dsn|sas|pat|token|secret)s?(?P<rest>(?:[_\-][a-z0-9]{0,20})?)"
    r"\\?[\"']?\]?\s{0,4}(?:[=:]\s{0,4}\\?[\"']?|,\s{0,4}\\?[\"'])(?P<value>[a-z0-9+/_\-]{20,512}={0,2})"
)

# What a name may go on with and still name the secret itself; with other words it names something about it.
_SAME = re.compile(
    r"[_\-]?(?:keys?|access|tokens?|values?|str(?:ing)?|text|base|plain(?:text)?|raw|default|prod(?:uction)?|dev|test"
    r"|staging|live|old|new|current|confirm(?:ation)?|repeat|again|b64|base64|enc(?:oded|rypted)?|admin|user|root|db"
    r"|database|hex|json|pem|bytes|main|backup|\d{1,4})",
    re.I,
)
_ABOUT = re.compile(
    r"(?:i[sz](?:er|ed|ation)|ary|s?_?-?(?:count|ids?|len|length|size|limit|types?|index|pos|level|name|file|path|url"
    r"|uri|dir|col|columns?|fields?|label|prompt|pattern|regexp?|format|arn|ref|var|env|help|hint|title|placeholder"
    r"|message|msg|errors?|policy|validators?|expir\w*|ttl|lifetime|timeout|versions?|kind|class|required|enabled"
    r"|provider|manager|store|engine|backend|template|schema|probs?|weights?|embeddings?|mask)(?![a-z]))",
    re.I,
)
_NOT_A_PASS_TEXT = (
    "low high band all first second third last one two single multi forward backward by n num max min per each next "
    "prev is did has can will should must not no to results final test tests"
)
_NOT_A_PASS = frozenset(_NOT_A_PASS_TEXT.split())
_NOT_A_TOKEN_TEXT = (
    "pad eos bos unk cls sep mask image audio start end stop special first last next prev page continuation sub word "
    "char n num max min total prompt completion input output cached reasoning gold pred target source oov begin blank "
    "space delimiter"
)
_NOT_A_TOKEN = frozenset(_NOT_A_TOKEN_TEXT.split())
_TELLING = re.compile(r"passw(?:or)?d|pass|pwd|secret|token|apikey|key")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

_CLOSE = r"\\?[\"'`]?[\])]?"
_GAP = r"(?:[ \t]|\\?\r?\n[+\- ]?){0,40}"
_QUOTED = re.compile(
    r"(?P<sep>[\"'][^()\n]{0,80}?\bdefault\s{0,4}=\s{0,4}"
    r"|[\"'][\s,+\-]{0,40}[\"']?value[\"']?\s{0,4}[:=]\s{0,4}"
    rf"|{_CLOSE}{_GAP}(?::[ \t]{{0,4}}[\w.\[\]| ]{{1,30}}?[ \t]{{0,4}}=|:=|=>|[!=]?==?|:|,|or|\|\||\?\?){_GAP}\(?{_GAP}"
    r"(?:[\w.]{0,30}\b(?:SecretStr|SecretBytes|quote_plus|quote|str|bytes|b64decode|b64encode)\()?)"
    r"[bru]{0,2}(?P<quote>\\?(?:\"\"\"|'''|[\"'`]))",
    re.I,
)
_PLAIN = r"[^\s\"'`#,;(){}\[\]<>&|\\]"
_BARE = re.compile(
    rf"(?P<sep>[ \t]{{0,4}}[=:][ \t]{{0,8}}|[ \t]{{1,4}})"
    rf"(?P<value>(?![=:]){_PLAIN}(?:{_PLAIN}|\\(?![nrtu\"'\\])){{0,255}})"
)
_PAIR = re.compile(
    r"(?P<sep>[\"']?[\s,+\-]{1,40}value\s{0,4}:\s{1,4})(?P<value>[^\s\"'#&*!|>{}\[\]][^\s#]{0,511})", re.I
)
_XML = re.compile(r"(?P<sep>[\w.\-]{0,20}>\s{0,8})(?P<value>[^<>\s][^<>\n]{0,300})(?=</)")
_BLOCK = re.compile(
    r"(?P<sep>:[ \t]{0,4}[|>][+\-]?[ \t]{0,4}\r?\n(?P<lead>[+\- ]?[ \t]+))(?P<value>\S{3,512})(?=[ \t\r]*(?:\n|$))"
)
_WHOLE = re.compile(r"(?![A-Za-z_][\w.]*[(\[{])\S{3,512}(?<![,({\[])(?=[ \t\r]*(?:\n|$))")
_SHELL = re.compile(r"(?P<sep>:[-=])(?P<value>[^}\s$]{3,400})(?=\})")
_LINE_START = re.compile(r"[+\- ]?\s*(?:(?:#|//|--|;|\*)\s*)?(?:(?:export|set|ENV|ARG|-e|-)\s+){0,2}", re.I)
_SETS = re.compile(r"[+\- ]?\s*(?:ENV|setenv|setx|set(?: +-\w{1,6}){1,3}) +", re.I)
_SET = re.compile(r"[ \t]+(?P<quote>[\"']?)(?P<value>[^\s\"'=][^\n\"']{0,400}?)(?P=quote)[ \t\r]*(?=\n|$)")
_NO_MARGIN = re.compile(r"[+\- ]?(?:[#;] ?|export )?")
_LINE_END = re.compile(r"[ \t\r]*(?:#[^\n]*)?(?:\n|$)")
_CODE_FOLLOWS = re.compile(
    r"[ \t]+(?:if|or|and|for|in|is|not|else|as|[-+*/%=<>!?|&])(?![A-Za-z0-9])|[ \t]*[,(){}\[\].:+]"
)
_DSN = r"(?:host|hostaddr|user|username|dbname|database|port|sslmode|server|uid|login)\s?=\s?"
_DSN_BEFORE = re.compile(rf"(?:^|[\s\"'+\-]){_DSN}[^\s,]{{1,60}}[ \t]+(?:\w+=[^\s,]{{1,60}}[ \t]+){{0,4}}$")
_DSN_AFTER = re.compile(rf"[ \t]+{_DSN}\S")
_AFTER_A_TEXT = re.compile(r"\s*(?:[,)\]};+%](?:\s|$|[\w.]*\()|\.\w+\()")
_DIGEST_NAMES = re.compile(r"sha\d*|md5|digest|hash|commit|checksum|etag|uuid|public", re.I)
# How far a look goes: before a name, behind it, and behind a quote. And how many names are remembered with that.
_BEFORE, _AFTER, _QUOTE_MOST, _KNOWN = 200, 1000, 4096, 1000


@frozen
class _Name:
    """A name as it stands in a text: the line before it, what it begins with, its telling word, and how it goes on."""

    before: str
    begin: str
    strong: str | None
    weak: str | None
    rest: str

    @property
    def option(self) -> bool:
        return self.begin.startswith("-")

    @property
    def shouted(self) -> bool:
        return self.whole.isupper()

    @property
    def sure(self) -> bool:
        """Whether it names a password itself, which may be a plain word."""
        return self.strong is not None and self._goes_on_alike()

    @property
    def harmless(self) -> bool:
        words = re.split(r"[_.\-\s]+", self.begin.casefold())
        if _ABOUT.match(self.rest):
            return True
        if (self.strong or "").casefold() == "pass":
            return bool(self.rest) or (words[-2:-1] != [] and words[-2] in _NOT_A_PASS)
        if (self.weak or "").casefold() != "token":
            return False
        return (len(words) > 1 and words[-2] in _NOT_A_TOKEN) or "public" in self.begin.casefold()

    def same_as(self, value: str) -> bool:
        """Whether a value only repeats the name."""
        ours, theirs = (re.sub(r"[\W_]", "", text).casefold() for text in (self.whole, value))
        return ours == theirs or (ours.endswith(theirs) and _TELLING.search(theirs) is not None)

    @property
    def whole(self) -> str:
        return self.begin + (self.strong or self.weak or "") + self.rest

    def _goes_on_alike(self) -> bool:
        position = 0
        while position < len(self.rest):
            found = _SAME.match(self.rest, position)
            if found is None:
                return False
            position = found.end()
        return True


def mask_named(text: str) -> tuple[str, int]:
    """Replace values beside telling names.

    Where a value stays, the search goes on behind the name, since the value may hold another name.
    """
    pieces: list[str] = []
    done = found = 0
    known: dict[tuple[str, str], tuple[int, int] | None] = {}
    for start in _telling(_small(text)):
        if start < done:
            continue
        around = _around(text, start)
        if around not in known:
            if len(known) >= _KNOWN:
                known.clear()
            span = _secret_at(text, start)
            known[around] = None if span is None else (span[0] - start, span[1] - start)
        if (place := known[around]) is not None:
            begin, stop = start + place[0], start + place[1]
            pieces += [text[done:begin], mask_lines(text[begin:stop], mark("assignment"))]
            done = stop
            found += 1
    return _mask_random("".join([*pieces, text[done:]]), found)


def _around(text: str, start: int) -> tuple[str, str]:
    """Return all that decides what a name at a place is: where it stands again and again, it is looked at once."""
    stop = start + _AFTER
    if any(text.find(quote, start, stop) != -1 for quote in "\"'`"):
        stop += _QUOTE_MOST
    return text[max(0, start - _BEFORE) : start], text[start:stop]


def _secret_at(text: str, start: int) -> tuple[int, int] | None:
    match = _NAME.match(text, start)
    return None if match is None or is_mark(text, start) else _secret(text, match)


def _small(text: str) -> str:
    """Return a text in small letters, each at its place."""
    small = text.lower()
    return small if len(small) == len(text) else "".join(c.lower() if c.isascii() else c for c in text)


def _telling(small: str) -> Iterator[int]:
    """Yield where a telling word may begin, in order."""
    words = (hint.start() for hint in _HINT.finditer(small))
    owners = (_KEY_OWNER.search(small, max(key.start() - 14, 0), key.start()) for key in re.finditer("key", small))
    return heapq.merge(words, (owner.start() for owner in owners if owner))


def _mask_random(text: str, found: int) -> tuple[str, int]:
    pieces: list[str] = []
    done = position = 0
    small = _small(text)
    while match := _OTHER.search(small, position):
        position = match.start("value")
        value = text[slice(*match.span("value"))]
        if small[match.start() - 1 : match.start()].isalpha() or is_mark(text, match.start()) or is_placeholder(value):
            continue
        if is_path(value) or is_type(value):
            continue
        about = _name(text, match.start(), None, None, "").begin + match["rest"]
        if not _DIGEST_NAMES.search(about) and is_random(value):
            pieces += [text[done:position], mark("high-entropy")]
            done = position = match.end()
            found += 1
    return "".join([*pieces, text[done:]]), found


def _name(text: str, start: int, strong: str | None, weak: str | None, rest: str) -> _Name:
    line = text[max(text.rfind("\n", max(0, start - _BEFORE), start) + 1, start - _BEFORE) : start]
    before = line.rstrip(_LETTERS)
    begin = line[len(before) :]
    if not before and begin[:1] in ("+", "-") and not begin.startswith("--"):  # the sign of a diff
        before, begin = begin[:1], begin[1:]
    return _Name(before, begin, strong, weak, rest)


def _secret(text: str, match: re.Match[str]) -> tuple[int, int] | None:
    """Return where the secret of a name begins and ends, if there is one."""
    name = _name(text, match.start(), match["strong"], match["weak"], match["rest"])
    if name.harmless:
        return None
    if _SETS.fullmatch(name.before) and (set_to := _SET.match(text, match.end())):
        value = set_to["value"]
        plain = is_placeholder(value) or is_path(value) or is_prose(f"{value} {value}")
        return set_to.span("value") if not plain and _line_value(name, " ", value) else None
    if quoted := _QUOTED.match(text, match.end()):
        return _quoted(text, name, quoted)
    if (shell := _SHELL.match(text, match.end())) and name.before.endswith("{"):
        return shell.span("value") if _convincing(name, shell["value"]) and not is_placeholder(shell["value"]) else None
    if bare := _BARE.match(text, match.end()):
        if name.before.endswith(("?", "&")) and bare["sep"] == "=":
            return _in_address(name, bare)
        return _bare(text, name, bare)
    for shape, wanted in ((_XML, name.before.endswith("<")), (_PAIR, True), (_BLOCK, True)):
        if wanted and (found := shape.match(text, match.end())):
            value = found["value"].rstrip()
            plain = is_placeholder(value) or is_type(value) or is_path(value)
            return None if plain or not _convincing(name, value) else found.span("value")
    return None


def _convincing(name: _Name, value: str) -> bool:
    """Tell whether a value is one the name may have, outside code."""
    if name.sure:
        return len(value) >= 3 or name.option
    return mixes(value) if name.strong else mixes(value, 8)


def _in_address(name: _Name, bare: re.Match[str]) -> tuple[int, int] | None:
    value = bare["value"]
    if is_placeholder(value) or is_word_of_settings(value) or len(value) < 4:
        return None
    return bare.span("value") if name.strong or (len(value) >= 6 and not value.isalpha()) else None


def _quoted(text: str, name: _Name, found: re.Match[str]) -> tuple[int, int] | None:
    quote = found["quote"]
    start = found.end()
    most = start + _QUOTE_MOST
    stop = text.find(quote, start, most)
    value = text[start:stop]
    if stop == -1 or (len(quote.lstrip("\\")) == 1 and "\n" in value):
        return None
    bare = value.strip()
    if _AFTER_A_TEXT.match(value) or name.same_as(bare) or "public" in bare.casefold():
        return None
    if _is_verdict(name, found["sep"], bare):
        return None
    plain = not any(map(str.isalnum, bare)) or is_placeholder(bare) or is_path(bare) or is_word_of_settings(bare)
    if plain or not _quoted_secret(name, found["sep"], bare):
        return None
    start += len(value) - len(value.lstrip())
    return start, start + len(bare)


def _is_verdict(name: _Name, sep: str, value: str) -> bool:
    """Tell whether ``"pass"`` is a word for a result, as in ``{"pass": "green", "fail": "red"}``."""
    if (name.strong or "").casefold() != "pass" or name.begin or sep.lstrip("\\")[:1] not in ("'", '"'):
        return False
    return not mixes(value, 8) and re.search("user|login|host|name", name.before, re.I) is None


def _quoted_secret(name: _Name, sep: str, value: str) -> bool:
    if "," in sep and "value" not in sep.casefold() and "default" not in sep.casefold():
        return _next_argument(name, value)
    if " " in value:
        return name.sure and not is_prose(value) and len(value) >= 8
    word = (name.strong or "").casefold()
    if word == "pwd" and re.search(r"[./\\:]", value) and not mixes(value):
        return False  # the working folder
    if word == "pass" and "==" in sep:
        return mixes(value)
    if name.sure and not (is_reference(value) and not word.startswith("pass")):
        return len(value) >= 2 and not is_prose(value) and not (is_type(value) and ":" in sep)
    if name.strong:
        return mixes(value)
    sure = (name.weak or "").casefold() != "token"
    return mixes(value, 8) or (sure and len(value) >= 16 and not is_reference(value))


def _next_argument(name: _Name, value: str) -> bool:
    """Tell whether what follows a name and a comma is its value: a default, or the next word of a command line."""
    if " " in value or value.startswith("-"):
        return False
    asked = re.search(r"(?:getenv|environ\.get|setdefault|setenv|putenv|env|set_key)\($", name.before.rstrip("\"' b"))
    if asked or (name.option and name.strong):
        return (name.sure and len(value) >= 3) or mixes(value)
    return mixes(value, 8) and re.fullmatch(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+|[A-Za-z][a-z]+\d{0,4}", value) is None


def _bare(text: str, name: _Name, found: re.Match[str]) -> tuple[int, int] | None:
    value, sep = found["value"], found["sep"]
    span = found.span("value")
    value = value.rstrip(".") if sep.isspace() else value
    if not any(map(str.isalnum, value)) or is_placeholder(value) or is_path(value):
        return None
    if name.weak and not re.fullmatch(r"[\w\-+/=.~:@%]+", value):
        return None
    ends = _LINE_END.match(text, span[1]) is not None
    if name.option:
        return span if _option_value(name, sep, value) else None
    if sep.isspace():
        return None
    alone = ends and _LINE_START.fullmatch(name.before) is not None
    if alone and _line_value(name, sep, value):
        return span
    tight = sep == "="
    if (
        tight
        and name.shouted
        and (not name.before or name.before[-1] in " \t;&|\"'+-")
        and text[span[1] :][:1] not in ",)"
    ):
        return span if _convincing(name, value) and not is_reference(value) else None
    if tight and (_in_settings(text, name, span[1]) and _convincing(name, value) and not is_reference(value)):
        return span
    if _LINE_START.fullmatch(name.before) and sep.startswith(": ") and (whole := _WHOLE.match(text, span[0])):
        return whole.span() if name.sure and mixes(whole[0]) else None
    if is_type(value) or (_CODE_FOLLOWS.match(text, span[1]) and not (name.sure and text[span[1]] in "},")):
        return None
    return span if (tight or sep.startswith(":")) and mixes(value, 6 if name.strong else 8) else None


def _in_settings(text: str, name: _Name, stop: int) -> bool:
    """Tell whether a value stands in a line such as ``Server=db;Password=…`` or ``host=db password=…``."""
    if name.before.rstrip().endswith(";") or re.match(r";\s?\w", text[stop : stop + 3]):
        return True
    if name.before.endswith((" ", "\t")) and _DSN_BEFORE.search(name.before[-160:]):
        return True
    return _DSN_AFTER.match(text, stop) is not None


def _option_value(name: _Name, sep: str, value: str) -> bool:
    if is_prose(f"{value} {value}") or (is_reference(value) and not name.strong):
        return False
    if name.strong:
        return not sep.startswith(":")
    return not value.isdigit() and (mixes(value) or len(value) >= 16 or (sep == "=" and len(value) >= 6))


def _line_value(name: _Name, sep: str, value: str) -> bool:
    """Tell whether the one value on a line is a secret: surely in configuration, with more doubt in code."""
    digits = value.isdigit()
    configured = (sep.startswith(":") and len(sep) > 1) or (
        sep == "=" and _NO_MARGIN.fullmatch(name.before) is not None
    )
    if re.fullmatch(r"[\d._eE+\-]+", value):
        word = (name.strong or "").casefold()
        return digits and len(value) >= 5 and word not in ("", "pass", "secret") and name.sure
    if name.sure and (name.shouted or configured or _is_setting(name, sep)):
        return not is_reference(value) and not is_type(value) and len(value) >= 3
    if is_type(value):
        return False
    if name.sure:
        return mixes(value)
    if configured and name.weak and name.weak.casefold() != "token" and len(value) >= 12:
        return not is_reference(value)
    return mixes(value, 6 if name.strong or not name.rest else 8) or (
        name.shouted and len(value) >= 16 and not is_reference(value)
    )


def _is_setting(name: _Name, sep: str) -> bool:
    """Tell whether a line without a margin assigns a password, as an INI file does and code hardly."""
    word = (name.strong or "").casefold()
    return "=" in sep and _NO_MARGIN.fullmatch(name.before) is not None and word not in ("secret", "credential", "pwd")


def is_secret_option(option: str) -> bool:
    """Tell whether the word after an option such as ``--db-password`` is a secret."""
    found = re.fullmatch(rf"(?P<begin>--?[A-Za-z0-9_.\-]{{0,60}}?){_NAME.pattern}", option, re.I)
    if found is None:
        return False
    return not _Name("", found["begin"], found["strong"], found["weak"], found["rest"]).harmless


_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS_TEXT = (
    "password passwords passwd passphrase passcode pwd secret secrets credential credentials apikey authorization "
    "privatekey secretkey accesskey authtoken accesstoken"
)
_SECRET_WORDS = frozenset(_SECRET_WORDS_TEXT.split())
_KEY_OWNERS_TEXT = (
    "api access secret private account auth client subscription storage signing encryption master shared sas ssh"
)
_KEY_OWNERS = frozenset(_KEY_OWNERS_TEXT.split())
_TOKEN_OWNERS_TEXT = (
    "auth access refresh bearer api session id security sas user personal oauth hub hf github gitlab slack bot wandb "
    "client deploy registry jwt csrf secret service account aws azure gcp google openai huggingface comet neptune"
)
_TOKEN_OWNERS = frozenset(_TOKEN_OWNERS_TEXT.split())
_PASS_OWNERS_TEXT = (
    "db database user admin root mysql pg postgres postgresql redis smtp mail email ftp sftp ssh login auth api proxy "
    "http imap ldap rabbitmq mongo mongodb sql my key keystore cert vault sudo host server account"
)
_PASS_OWNERS = frozenset(_PASS_OWNERS_TEXT.split())


def is_secret_name(name: str) -> bool:
    """Tell whether a parameter's name is exactly that of a secret, alone or behind what it belongs to.

    Examples
    --------
    >>> [is_secret_name(name) for name in ("password", "db.api_key", "clientSecret", "hub_token", "DB_PASS")]
    [True, True, True, True, True]
    >>> [is_secret_name(name) for name in ("token_pattern", "pad_token", "passthrough", "key", "secret_santa")]
    [False, False, False, False, False]
    """
    words = [word.casefold() for word in _PARTS.findall(name)]
    if not words:
        return False
    owner, last = ["", "", *words][-2:]
    if last == "key":
        return owner in _KEY_OWNERS
    if last == "token":
        return owner in _TOKEN_OWNERS or len(words) == 1
    if last in ("pass", "auth"):
        return len(words) == 1 or owner in (_PASS_OWNERS if last == "pass" else ("basic", "http", "proxy"))
    return last in _SECRET_WORDS
