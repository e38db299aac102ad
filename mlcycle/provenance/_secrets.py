"""The secret filter: what must never be stored with a run, found by shape, by name and by entropy.

Nothing here can promise to find every secret. It errs towards leaving out: a diff with a harmless value missing costs
a line, a stored password costs a rotation everywhere it was used.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from mlcycle.provenance._secret_names import is_secret_name, is_secret_option, mask_named
from mlcycle.provenance._secret_shapes import mask_addresses, mask_keys, mask_places, mask_tokens
from mlcycle.provenance._secret_values import is_placeholder, mark

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["is_secret_file", "redact", "redact_argv", "redact_params", "strip_credentials"]

_SECRET_FILES = (
    *(".env", ".env.*", "*.env", ".envrc", ".netrc", "_netrc", ".pgpass", ".pypirc", ".npmrc", ".htpasswd", ".my.cnf"),
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk", "*.ovpn", "*.asc", "*.gpg"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*.tfvars", "*.tfstate", "*.tfstate.*", "kubeconfig"),
    *("credentials", "credentials.*", ".git-credentials", "secret.*", "secrets.*", ".secrets", "*.secret", "*.secrets"),
    *("*service-account*.json", "*service_account*.json", "client_secret*.json", "token.json", ".vault_pass*"),
    *("application_default_credentials.json", "*credentials*.json", "accesskeys.csv", "*_accesskeys.csv"),
)
_SECRET_FOLDERS = frozenset({".aws", ".ssh", ".gnupg", ".azure", ".kube", ".docker", ".secrets", "secrets"})
_MOST_PASSES = 4  # what is masked may change how its neighbour reads, so what was filtered is filtered again
_HARMLESS_ENDINGS = (".example", ".sample", ".template", ".dist", ".pub", ".py", ".md", ".rst", ".ipynb")


def redact(text: str) -> tuple[str, int]:
    r"""Replace what looks like a secret by ``[redacted:kind]``.

    Found are private key blocks (also cut ones, also inside a diff), tokens with a known shape (AWS, GitHub, GitLab,
    Slack, Google, OpenAI-like, Hugging Face, Stripe, JWT, ...), passwords in URLs, headers and options of known
    commands, values beside names such as ``password`` or ``api_key`` in code, YAML, INI, JSON, XML and shells, and
    values of high entropy beside less certain names. Lines stay lines, so that a diff stays one.

    Parameters
    ----------
    text : str
        A diff, a script, a command line, a traceback.

    Returns
    -------
    tuple of str and int
        The text, and how many values were replaced. Filtering a filtered text changes nothing.

    Examples
    --------
    >>> redact('db = connect("postgres://me:hunter2@db/prod")')
    ('db = connect("postgres://me:[redacted:url-password]@db/prod")', 1)
    >>> redact("database:\n  password: correcthorse")
    ('database:\n  password: [redacted:assignment]', 1)
    >>> redact('password = getpass("Password: ")')
    ('password = getpass("Password: ")', 0)
    """
    found = 0
    for _ in range(_MOST_PASSES):
        before = found
        for masked in (mask_keys, mask_tokens, mask_addresses, mask_places, mask_named):
            text, n = masked(text)
            found += n
        if found == before:
            break
    return text, found


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
        text, n = _argument(kept[-1] if kept else "", argument)
        kept.append(text)
        found += n
    # an option such as -p is one of a secret only behind its tool, so the line is looked at as a whole too
    line, n = redact(" ".join(kept)) if kept and "".join(kept).isprintable() and " " not in "".join(kept) else ("", 0)
    words = line.split(" ")
    return (words, found + n) if n and len(words) == len(kept) else (kept, found)


def _argument(option: str, argument: str) -> tuple[str, int]:
    if is_secret_option(option) and not argument.startswith("-") and not is_placeholder(argument):
        weak = re.search("token|key", option, re.I) is not None
        if not (weak and argument.isdigit()):  # --token 3
            return mark("assignment"), 1
    user, colon, password = argument.partition(":")
    if option in ("-u", "--user") and user and password and not password.isdigit() and not is_placeholder(password):
        return f"{user}{colon}{mark('option')}", 1
    return redact(argument)


def redact_params(params: Any) -> Any:
    """Return parameters, as JSON data, without secrets: found by the exact name, or by what the value looks like.

    Examples
    --------
    >>> redact_params({"db": {"password": "correcthorse"}, "token_pattern": "[a-z]+", "max_tokens": 100})
    {'db': {'password': '[redacted:param]'}, 'token_pattern': '[a-z]+', 'max_tokens': 100}
    >>> redact_params({"source": "postgres://me:hunter2@db/prod"})
    {'source': 'postgres://me:[redacted:url-password]@db/prod'}
    """
    if isinstance(params, dict):
        # of a variable, as a list of them has it: {"name": "DB_PASSWORD", "value": "…"}
        named = isinstance(params.get("name"), str) and is_secret_name(params["name"])
        return {
            name: _secret(item) if is_secret_name(name) or (named and name == "value") else redact_params(item)
            for name, item in params.items()
        }
    if isinstance(params, list):
        masked = [redact_params(item) for item in params]
        if not any(isinstance(item, str) and item.startswith("-") for item in params):
            return masked
        words = [str(item) if isinstance(item, (str, int, float)) else "" for item in params]  # a command line
        return [
            after if after != word else one
            for word, after, one in zip(words, redact_argv(words)[0], masked, strict=True)
        ]
    return redact(params)[0] if isinstance(params, str) else params


def _secret(value: Any) -> Any:
    """Return the value of a secret name: what could be the secret is masked, what says that there is none stays."""
    if isinstance(value, dict):
        masked = redact_params(value)
        return {name: _secret(item) if name in ("value", "key") else item for name, item in masked.items()}
    if isinstance(value, list):
        return [_secret(item) for item in value]
    if isinstance(value, str):
        return value if not value or is_placeholder(value) else mark("param")
    return mark("param") if isinstance(value, (int, float)) and not isinstance(value, bool) else value


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
