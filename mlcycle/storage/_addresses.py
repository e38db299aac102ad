"""Where files are, in one text: two places never have the same, also where their URLs are equal.

A URL of a bucket does not say whose it is: the account, the endpoint or the host may come from an option, a connection
string, the environment or a profile. So the file system that is open is asked, and not what it was opened with.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlcycle.storage._files import Files

__all__ = ["address_of", "place_options", "without_credentials"]

# Of the options of a file system those that tell one place from another: never a secret.
_PLACE_OPTIONS = ("account_host", "account_name", "endpoint_url", "project")
_IN_CONNECTION_STRING = {"accountname": "account_name", "blobendpoint": "endpoint_url"}
# Of a server; many show every user a root of his own.
_SERVER_OPTIONS = ("host", "port", "username", "user")
# Where every bucket in the world has a name of its own, whatever the region. Nothing but a region may stand between:
# "s3-x.eu-west-1.elb.amazonaws.com" is a machine of whoever rents it. In GovCloud and China names are given anew.
_ONE_NAMESPACE = re.compile(
    r"https://(s3([.-](dualstack\.)?[a-z]{2}-[a-z]+-\d)?\.amazonaws\.com|storage(\.mtls)?\.googleapis\.com)"
)


def _of_bucket(endpoint: Callable[[Any], str]) -> Callable[[Files, Any], str]:
    def address(files: Files, filesystem: Any) -> str:
        place = without_credentials(endpoint(filesystem)).rstrip("/")
        return files.url if _ONE_NAMESPACE.fullmatch(place) else f"{files.url} endpoint_url={place}"

    return address


def _of_server(files: Files, filesystem: Any) -> str:
    told = filesystem.storage_options
    if not told["host"]:
        raise ValueError("the host is a matter of some setting of this machine")
    return files.url + "".join(f" {name}={told[name]}" for name in _SERVER_OPTIONS if name in told)


def _of_url(files: Files, filesystem: Any) -> str:
    return files.url


# The account of Azure is in the address its client was made for, whichever of five ways named it.
_ADDRESSES: dict[str, Callable[[Files, Any], str]] = {
    "file": lambda files, filesystem: os.path.realpath(files.url),
    "memory": _of_url,
    "s3": _of_bucket(lambda filesystem: filesystem.s3.meta.endpoint_url),
    "gs": _of_bucket(lambda filesystem: filesystem._location),
    "az": _of_bucket(lambda filesystem: filesystem.service_client.url),
    **dict.fromkeys(("http", "https"), _of_url),
    **dict.fromkeys(("sftp", "ssh", "ftp", "smb", "hdfs", "webhdfs"), _of_server),
}


def address_of(files: Files) -> str | None:
    """Say in one text where files are, without anything secret; two places have two texts, and one place has one.

    No request is made. A link to a local folder is followed.

    Parameters
    ----------
    files : Files
        Files that are open.

    Returns
    -------
    str or None
        None where neither the URL nor the file system says which account, endpoint or host it is.

    Examples
    --------
    >>> from mlcycle.storage import open_files
    >>> address_of(open_files("memory://churn"))
    'memory://churn'
    """
    ask = _ADDRESSES.get(files.protocol)
    if ask is None or "::" in files.url:
        return None
    try:
        return ask(files, getattr(files, "_fs", None))
    except Exception:  # noqa: BLE001 - a release of a file system that keeps it elsewhere: it cannot tell
        return None


def place_options(options: Mapping[str, Any]) -> dict[str, str]:
    """Return what options of a file system say of the place, without anything secret; of a connection string, too.

    Examples
    --------
    >>> place_options({"key": "k", "secret": "s", "client_kwargs": {"endpoint_url": "http://minio:9000"}})
    {'endpoint_url': 'http://minio:9000'}
    >>> place_options({"connection_string": "AccountName=team;AccountKey=k"})
    {'account_name': 'team'}
    """
    nested = options.get("client_kwargs") or {}
    pairs = [one.partition("=") for one in str(options.get("connection_string") or "").split(";")]
    told = {_IN_CONNECTION_STRING.get(name.strip().lower()): value for name, _, value in pairs}
    found = {name: options.get(name) or nested.get(name) or told.get(name) for name in _PLACE_OPTIONS}
    return {name: without_credentials(str(value)) for name, value in found.items() if value}


def without_credentials(url: str) -> str:
    """Return an address without what stands before its host, and without a query: Azure puts a signature there.

    Examples
    --------
    >>> without_credentials("https://me:hush@team.blob.core.windows.net/churn?sig=hush")
    'https://team.blob.core.windows.net/churn'
    """
    return re.sub(r"(?<=://)[^/]*@", "", url.partition("?")[0].partition("#")[0])
