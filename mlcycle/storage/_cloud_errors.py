"""What an exception out of a cloud client means, whichever of the clients raised it.

s3fs translates some errors and wraps others, gcsfs and adlfs have trees of their own; so the error code and the HTTP
status are looked for along the whole chain of causes, and types come last. What a service calls an answer comes before
its status: one status means several things (Azure says 409 when a blob exists, when its container is being deleted,
and when somebody leased it), and one thing has several statuses.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Meaning", "meaning_of"]

_CLIENTS = frozenset(
    ["adlfs", "aiobotocore", "aiohttp", "azure", "botocore", "fsspec", "gcsfs", "google", "requests", "s3fs", "urllib3"]
)
_REFUSED_BEFORE_SENDING = frozenset(
    ["ParamValidationError", "InvalidURL", "InvalidRegionError", "UnknownEndpointError"]
)


class Meaning(enum.Enum):
    """What became of the request."""

    EXISTS = "the key exists"
    BUSY = "another request for the same key is under way"
    ABSENT = "the key does not exist"
    NO_BUCKET = "the bucket does not exist"
    BEYOND = "the range begins after the end"
    DENIED = "not allowed"
    UNSUPPORTED = "the storage does not know this request"
    REFUSED = "the request was refused, nothing happened"
    UNKNOWN = "the answer was lost"


# What services call their answers: S3 and what speaks its language, Azure Blob Storage, Google Cloud Storage.
_SAID = {
    Meaning.EXISTS: "PreconditionFailed BlobAlreadyExists BlobImmutableDueToPolicy ConditionNotMet conditionNotMet "
    "TargetConditionNotMet",
    Meaning.BUSY: "ConditionalRequestConflict OperationAborted LeaseIdMissing LeaseAlreadyPresent conflict "
    "PendingCopyOperation BlobBeingRehydrated",
    Meaning.ABSENT: "NoSuchKey BlobNotFound ResourceNotFound notFound",
    Meaning.NO_BUCKET: "NoSuchBucket ContainerNotFound ContainerBeingDeleted ContainerDisabled",
    Meaning.BEYOND: "InvalidRange requestedRangeNotSatisfiable",
    Meaning.DENIED: "AccessDenied AccountIsDisabled AccountProblem AllAccessDisabled AuthenticationFailed "
    "AuthorizationFailure AuthorizationPermissionMismatch ExpiredToken InsufficientAccountPermissions "
    "InvalidAccessKeyId InvalidAuthenticationInfo InvalidToken NoAuthenticationInformation PublicAccessNotPermitted "
    "SignatureDoesNotMatch TokenRefreshRequired forbidden",
    Meaning.UNSUPPORTED: "NotImplemented",
    Meaning.UNKNOWN: "InternalError OperationTimedOut RequestTimeout ServerBusy ServiceUnavailable SlowDown "
    "backendError rateLimitExceeded userRateLimitExceeded",
}
_BY_CODE = {code: meaning for meaning, codes in _SAID.items() for code in codes.split()}


def meaning_of(error: BaseException) -> Meaning | None:
    """Return what the error says about the request, or None if it is no error of a storage client at all.

    Examples
    --------
    >>> meaning_of(FileExistsError("a"))
    <Meaning.EXISTS: 'the key exists'>
    >>> meaning_of(TimeoutError())
    <Meaning.UNKNOWN: 'the answer was lost'>
    >>> meaning_of(AttributeError("a bug")) is None
    True
    """
    chain = list(_chain(error))
    said = next((_BY_CODE[code] for one in chain for code in _codes(one) if code in _BY_CODE), None)
    if said is not None:
        return said
    status = next((number for one in chain if (number := _status(one))), 0)
    if (found := _by_status(status)) is not None:
        return found
    if any(_is_denial(one) for one in chain):
        return Meaning.DENIED
    if isinstance(error, FileExistsError):
        return Meaning.EXISTS
    if isinstance(error, FileNotFoundError):
        return Meaning.ABSENT
    if 400 <= status < 500 or any(_is_refusal(one) for one in chain):
        return Meaning.REFUSED
    if isinstance(error, OSError) or any(type(one).__module__.partition(".")[0] in _CLIENTS for one in chain):
        return Meaning.UNKNOWN
    return None


def _by_status(status: int) -> Meaning | None:
    if status in (408, 429) or (status >= 500 and status != 501):
        return Meaning.UNKNOWN
    return {
        401: Meaning.DENIED,
        403: Meaning.DENIED,
        404: Meaning.ABSENT,
        409: Meaning.BUSY,
        412: Meaning.EXISTS,
        416: Meaning.BEYOND,
        501: Meaning.UNSUPPORTED,
    }.get(status)


def _is_denial(error: BaseException) -> bool:
    # gcsfs raises a bare OSError for 403; missing credentials are no HTTP answer in any client.
    return (
        isinstance(error, PermissionError)
        or "Credential" in type(error).__name__
        or "Authentication" in type(error).__name__
        or str(error).startswith("Forbidden")
    )


def _is_refusal(error: BaseException) -> bool:
    # gcsfs raises a bare ValueError for most of 400.
    return type(error).__name__ in _REFUSED_BEFORE_SENDING or (
        isinstance(error, ValueError) and str(error).startswith(("Bad Request: ", "Bucket is requester pays"))
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(6):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _response(error: BaseException) -> dict[str, dict[str, object]]:
    response = getattr(error, "response", None)
    return response if isinstance(response, dict) else {}


def _codes(error: BaseException) -> Iterator[str]:
    code = _response(error).get("Error", {}).get("Code") or getattr(error, "error_code", None)
    yield str(getattr(code, "value", code) or "")
    details = getattr(error, "_error_response", None)  # gcsfs keeps there what the service said
    for detail in details.get("errors") or () if isinstance(details, dict) else ():
        yield str(detail.get("reason", ""))


def _status(error: BaseException) -> int:
    found = _response(error).get("ResponseMetadata", {}).get("HTTPStatusCode")
    for value in (found, *(getattr(error, name, None) for name in ("status_code", "status", "code"))):
        text = str(value)
        if text.isascii() and text.isdigit() and 100 <= int(text) < 600:
            return int(text)
    return 0
