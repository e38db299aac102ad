"""Where a URL lies in relation to others."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["parents_of"]

_MOST = 64


def parents_of(url: str) -> Iterator[str]:
    """Yield the places a URL lies in, nearest first; without the root of a disk or a bare scheme.

    Examples
    --------
    >>> list(parents_of("s3://team/churn/eu"))
    ['s3://team/churn', 's3://team']
    >>> list(parents_of("file:///home/ada/churn"))
    ['file:///home/ada', 'file:///home']
    """
    scheme, separator, path = url.partition("://")
    if not separator:
        scheme, path = "", url
    for _ in range(_MOST):
        path = path.rstrip("/").rpartition("/")[0]
        if not path.strip("/"):
            return
        yield f"{scheme}{separator}{path}"
