"""How a store was opened, without what must not be written down: records are dumped to disk and mailed."""

from __future__ import annotations

import pickle
import re
from typing import TYPE_CHECKING, Any

from mlcycle import provenance

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["plain_options", "without_secrets"]

_SECRET = frozenset(
    ["account_key", "connection_string", "credential", "credentials", "key", "password", "sas_token", "secret", "token"]
)

_PASSWORD = re.compile(r"(://[^/@:\s]*):[^/@\s]*@")


def without_secrets(url: str, options: Mapping[str, Any]) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """Return a URL and storage options without secrets, and the names of what was left out.

    Left out is what is named like a secret, however deep, and what is not plain data: a client or a credential.

    Examples
    --------
    >>> without_secrets("s3://team/churn", {"endpoint_url": "https://store", "key": "AK", "secret": "hush"})
    ('s3://team/churn', {'endpoint_url': 'https://store'}, ('key', 'secret'))
    """
    lost: list[str] = []
    plain_url = _without_password(url)
    if plain_url != url:
        lost.append("the password in its URL")
    return plain_url, _stripped(options, "", lost), tuple(lost)


def _stripped(options: Mapping[str, Any], under: str, lost: list[str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in options.items():
        shown = f"{under}{name}"
        if str(name).casefold() in _SECRET or provenance.is_secret_name(str(name)):
            lost.append(shown)
        elif isinstance(value, dict):
            kept[name] = _stripped(value, f"{shown}.", lost)
        elif isinstance(value, str):
            kept[name] = _without_password(value)
        elif value is None or isinstance(value, (bool, int, float)) or _is_plain(value):
            kept[name] = value
        else:
            lost.append(shown)
    return kept


def _without_password(url: str) -> str:
    return _PASSWORD.sub(r"\1@", url)


def _is_plain(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(one, (str, int, float, bool)) for one in value)


def plain_options(options: Mapping[str, Any]) -> bytes:
    """Return what tells two ways of opening a store apart."""
    return pickle.dumps(sorted(options.items(), key=lambda item: str(item[0])))
