"""How a store was opened, without what must not be written down: records are dumped to disk and mailed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from mlcycle import storage

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["plain_options", "without_secrets"]

# What is known to hold no secret; whatever else an option is called stays behind, and the reader is told its name. A
# list of what is secret would be a list of what somebody thought of.
_HARMLESS_TEXT = """
    account_host account_name acl addressing_style anon asynchronous auto_mkdir block_size blocksize cache_options
    cache_regions cache_storage cache_type check_files client_kwargs compression config_kwargs connect_timeout
    consistency default_block_size default_cache_type default_fill_cache default_location encoding endpoint_url
    expiry_time host location location_mode max_concurrency max_pool_connections max_attempts mode port profile project
    protocol read_timeout region region_name requester_pays retries s3 s3_additional_kwargs same_names
    serversideencryption signature_version simple_links skip_instance_cache storageclass target_options target_protocol
    tenant_id timeout total_max_attempts use_https use_listings_cache use_ssl user username verify version_aware
"""
_HARMLESS = frozenset(_HARMLESS_TEXT.split())
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def without_secrets(
    url: str, options: Mapping[str, Any], lost: tuple[str, ...] = ()
) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """Return a URL and storage options without secrets, and the names of what was left out, now and before.

    Examples
    --------
    >>> without_secrets("s3://team/churn", {"endpoint_url": "https://store", "key": "AK", "secret": "hush"})
    ('s3://team/churn', {'endpoint_url': 'https://store'}, ('key', 'secret'))
    """
    names = dict.fromkeys(lost)
    kept = _kept(options, "", names)
    return _bare_address(url, "the credentials in its URL", names), kept, tuple(names)


def _kept(options: Mapping[str, Any], under: str, lost: dict[str, None]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in options.items():
        shown = f"{under}{name}"
        if not isinstance(name, str) or name.casefold() not in _HARMLESS:
            lost[shown] = None
        elif isinstance(value, dict):
            kept[name] = _kept(value, f"{shown}.", lost)
        elif isinstance(value, str):
            kept[name] = _bare_address(value, f"the credentials in {shown}", lost)
        elif value is None or type(value) in (bool, int, float):
            kept[name] = value
        else:  # a client, a credential, a list of anything
            lost[shown] = None
    return kept


def _bare_address(text: str, what: str, lost: dict[str, None]) -> str:
    bare = storage.without_credentials(text) if _ADDRESS.match(text) else text
    if bare != text:
        lost[what] = None
    return bare


def plain_options(options: Mapping[str, Any]) -> str:
    """Return what tells two ways of opening a store apart, whatever the order of their options."""
    return json.dumps(options, sort_keys=True, default=repr)
