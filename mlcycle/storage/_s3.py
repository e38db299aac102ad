"""Files on S3 and what speaks its language: every call is one request, as far as the size allows.

Requests per call, kept by a test: ``create`` 1 PUT; ``put`` 1 PUT up to 100 MB, then parts; ``read`` 1 GET, of a
range or the whole; ``list`` 1 GET per 1000 keys; ``delete`` 1 POST per 1000 keys.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from mlcycle.errors import AccessDenied, StorageUnavailable
from mlcycle.storage._cloud_errors import Meaning, meaning_of
from mlcycle.storage._files import Listed, check_prefix, is_hidden
from mlcycle.storage._object_store import ObjectFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["S3Files", "open_s3"]

_TRIES = 2
_BATCH = 1000  # keys in one DeleteObjects


def open_s3(text: str, protocol: str, *, single_writer: bool, storage_options: dict[str, Any], fresh: bool) -> S3Files:
    """Return the files of an ``s3://`` URL; `open_files` calls this."""
    return S3Files(text, protocol, single_writer=single_writer, storage_options=storage_options, fresh=fresh)


class S3Files(ObjectFiles):
    """The six calls on S3, through s3fs with its listings cache off; pickles with its storage options."""

    def _connect(self, extra: dict[str, Any]) -> tuple[Any, str]:
        filesystem, root = super()._connect(extra)
        # botocore tries again by itself; five times that, once for the request and once for its body, is minutes.
        filesystem.retries = min(filesystem.retries, _TRIES)
        return filesystem, root

    def _fetch(self, path: str, start: int, stop: int | None) -> bytes:
        if start == 0 and stop is None:
            return bytes(self._fs.cat_file(path, **_one_request(self._fs)))
        return super()._fetch(path, start, stop)

    def list(self, prefix: str) -> Iterator[Listed]:
        """Yield every key that begins with `prefix`, in ascending order, a page of 1000 at a time."""
        filesystem = self._fs
        bucket, _, root = self._root.partition("/")
        above = f"{root}/" if root else ""
        start = above + check_prefix(prefix)
        more: dict[str, Any] = {}
        while True:
            try:
                page = filesystem.call_s3("list_objects_v2", Bucket=bucket, Prefix=start, **more)
            except Exception as error:  # noqa: BLE001 - raised again, as one of ours if it is a storage's
                if meaning_of(error) in (Meaning.ABSENT, Meaning.NO_BUCKET):
                    return
                self._raise(error, "list", prefix)
            for found in page.get("Contents", []):
                key = found["Key"][len(above) :]
                if not is_hidden(key):
                    yield Listed(key, int(found["Size"]), found["LastModified"].timestamp())
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def delete(self, keys: Iterable[str]) -> None:
        """Remove these files, a thousand with one request; absent ones are no error."""
        names = [self._path(key).partition("/")[2] for key in keys]
        bucket = self._root.partition("/")[0]
        for first in range(0, len(names), _BATCH):
            doomed = {"Objects": [{"Key": name} for name in names[first : first + _BATCH]], "Quiet": True}
            try:
                answer = self._fs.call_s3("delete_objects", Bucket=bucket, Delete=doomed)
            except Exception as error:  # noqa: BLE001 - raised again, as one of ours if it is a storage's
                self._raise(error, "delete", names[first])
            self._check_deleted(answer.get("Errors") or [])

    def _check_deleted(self, failures: Sequence[dict[str, str]]) -> None:
        # The request as a whole succeeds even when every key in it was refused.
        for failure in failures:
            code = failure.get("Code", "")
            if code == "NoSuchKey":
                continue
            kind = AccessDenied if code == "AccessDenied" else StorageUnavailable
            raise kind(
                f"cannot delete {failure.get('Key')!r} in {self.url}: {code} {failure.get('Message', '')}; "
                f"{len(failures)} files are still there, the credentials need s3:DeleteObject"
            )


def _one_request(filesystem: Any) -> dict[str, Any]:
    # Reading in parallel costs s3fs a HEAD first; releases before 2025 never did, and do not know the word.
    known = inspect.signature(type(filesystem)._cat_file).parameters
    return {"max_concurrency": 1} if "max_concurrency" in known else {}
