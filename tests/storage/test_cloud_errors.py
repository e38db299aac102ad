"""What the exceptions of the cloud clients mean."""

from __future__ import annotations

import pytest

from mlcycle.storage._cloud_errors import Meaning, meaning_of


class Reply(Exception):  # noqa: N818 - it stands for a reply
    """An error of a client of which only the shape matters."""

    def __init__(self, **fields: object) -> None:
        super().__init__("reply")
        self.__dict__.update(fields)


def boto(code: str, status: int) -> Reply:
    """Return an error with a response as botocore has it."""
    return Reply(response={"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}})


def caused(error: Exception, cause: Exception) -> Exception:
    """Return an error as a client wraps another one."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (caused(OSError(22, "At least one of the pre-conditions"), boto("PreconditionFailed", 412)), Meaning.EXISTS),
        (caused(OSError(16, "conflict"), boto("ConditionalRequestConflict", 409)), Meaning.BUSY),
        (caused(FileNotFoundError("x"), boto("NoSuchBucket", 404)), Meaning.NO_BUCKET),
        (caused(FileNotFoundError("x"), boto("NoSuchKey", 404)), Meaning.ABSENT),
        (caused(PermissionError("x"), boto("ExpiredToken", 400)), Meaning.DENIED),
        (caused(OSError(5, "x"), boto("InvalidRange", 416)), Meaning.BEYOND),
        (caused(OSError(5, "x"), boto("EntityTooLarge", 400)), Meaning.REFUSED),
        (caused(OSError(16, "x"), boto("SlowDown", 503)), Meaning.UNKNOWN),
        (caused(OSError(38, "x"), boto("NotImplemented", 501)), Meaning.UNSUPPORTED),
        (OSError("Forbidden: https://storage.googleapis.com/…"), Meaning.DENIED),
        (Reply(code=429, message="rate"), Meaning.UNKNOWN),
        (Reply(code="404"), Meaning.ABSENT),
        (Reply(status_code=403), Meaning.DENIED),
        (Reply(status_code=404, error_code="ContainerNotFound"), Meaning.NO_BUCKET),
        (Reply(status=416), Meaning.BEYOND),
        (type("NoCredentialsError", (Exception,), {})("Unable to locate credentials"), Meaning.DENIED),
        (FileExistsError("x"), Meaning.EXISTS),
        (FileNotFoundError("x"), Meaning.ABSENT),
        (TimeoutError("x"), Meaning.UNKNOWN),
        (ConnectionResetError("x"), Meaning.UNKNOWN),
        (ValueError("a bug"), None),
    ],
)
def test_meaning(error: Exception, meaning: Meaning | None) -> None:
    """Whichever client says it, and however deep it is wrapped, an error means one thing."""
    assert meaning_of(error) == meaning


def azure(kind: str, code: str, status: int) -> Exception:
    """Return an error as the Azure SDK raises it."""
    made = type(kind, (Exception,), {"__module__": "azure.core.exceptions"})(f"{code}: RequestId:…")
    made.__dict__.update(status_code=status, error_code=code)
    return made


def within(error: Exception, context: Exception) -> Exception:
    """Return an error raised while another one was handled, as adlfs does."""
    error.__context__ = context
    return error


def google(code: int, reason: str = "", message: str = "…") -> Exception:
    """Return gcsfs's own error, which keeps what the service said."""
    answer = {"code": code, "message": message, "errors": [{"reason": reason}] if reason else []}
    made = type("HttpError", (Exception,), {"__module__": "gcsfs.retry"})(f"{message}, {code}")
    made.__dict__.update(code=code, message=message, _error_response=answer)
    return made


# Answers as they were recorded (S3: moto and botocore's own models; Azure: Azurite through adlfs 2026.8; Google: as
# gcsfs 2026.10 makes them of the documented JSON), by what was asked.
RECORDED = {
    "s3": [
        (caused(OSError(22, "…"), boto("PreconditionFailed", 412)), Meaning.EXISTS),
        (caused(FileExistsError("…"), boto("PreconditionFailed", 412)), Meaning.EXISTS),
        (caused(OSError(16, "…"), boto("ConditionalRequestConflict", 409)), Meaning.BUSY),
        (caused(OSError(16, "…"), boto("OperationAborted", 409)), Meaning.BUSY),
        (caused(FileNotFoundError("…"), boto("NoSuchKey", 404)), Meaning.ABSENT),
        (caused(FileNotFoundError("…"), boto("404", 404)), Meaning.ABSENT),
        (caused(FileNotFoundError("…"), boto("NoSuchBucket", 404)), Meaning.NO_BUCKET),
        (caused(PermissionError("…"), boto("AccessDenied", 403)), Meaning.DENIED),
        (caused(PermissionError("…"), boto("403", 403)), Meaning.DENIED),
        (caused(PermissionError("…"), boto("SignatureDoesNotMatch", 403)), Meaning.DENIED),
        (caused(OSError(22, "…"), boto("InvalidToken", 400)), Meaning.DENIED),
        (caused(OSError(5, "…"), boto("InvalidRange", 416)), Meaning.BEYOND),
        (caused(OSError(16, "…"), boto("SlowDown", 503)), Meaning.UNKNOWN),
        (caused(OSError(16, "…"), boto("ServiceUnavailable", 503)), Meaning.UNKNOWN),
        (caused(OSError(121, "…"), boto("InternalError", 500)), Meaning.UNKNOWN),
        (caused(OSError(5, "…"), boto("RequestTimeout", 400)), Meaning.UNKNOWN),
        (caused(OSError(38, "…"), boto("NotImplemented", 501)), Meaning.UNSUPPORTED),
        (caused(OSError(5, "…"), boto("EntityTooLarge", 400)), Meaning.REFUSED),
    ],
    "azure": [
        (within(FileExistsError("a"), azure("ResourceExistsError", "BlobAlreadyExists", 409)), Meaning.EXISTS),
        (azure("ResourceExistsError", "BlobAlreadyExists", 409), Meaning.EXISTS),
        (azure("ResourceModifiedError", "ConditionNotMet", 412), Meaning.EXISTS),
        (azure("HttpResponseError", "BlobImmutableDueToPolicy", 409), Meaning.EXISTS),
        (azure("HttpResponseError", "LeaseIdMissing", 412), Meaning.BUSY),
        (azure("HttpResponseError", "LeaseIdMissing", 409), Meaning.BUSY),
        (within(FileExistsError("a"), azure("ResourceExistsError", "LeaseAlreadyPresent", 409)), Meaning.BUSY),
        (caused(FileNotFoundError(2, "…"), azure("ResourceNotFoundError", "BlobNotFound", 404)), Meaning.ABSENT),
        (
            caused(FileNotFoundError(2, "…"), azure("ResourceNotFoundError", "ContainerNotFound", 404)),
            Meaning.NO_BUCKET,
        ),
        (azure("ResourceNotFoundError", "ContainerNotFound", 404), Meaning.NO_BUCKET),
        (within(FileExistsError("a"), azure("ResourceExistsError", "ContainerBeingDeleted", 409)), Meaning.NO_BUCKET),
        (azure("HttpResponseError", "AuthorizationFailure", 403), Meaning.DENIED),
        (azure("ClientAuthenticationError", "AuthenticationFailed", 403), Meaning.DENIED),
        (azure("HttpResponseError", "PublicAccessNotPermitted", 409), Meaning.DENIED),
        (azure("HttpResponseError", "InvalidRange", 416), Meaning.BEYOND),
        (azure("HttpResponseError", "ServerBusy", 503), Meaning.UNKNOWN),
        (azure("HttpResponseError", "OperationTimedOut", 500), Meaning.UNKNOWN),
        (azure("HttpResponseError", "InvalidBlobType", 409), Meaning.BUSY),
    ],
    "google": [
        (FileExistsError("b/a"), Meaning.EXISTS),
        (google(412, "conditionNotMet"), Meaning.EXISTS),
        (google(409, "conflict"), Meaning.BUSY),
        (FileNotFoundError("b/a"), Meaning.ABSENT),
        (google(404, "notFound"), Meaning.ABSENT),
        (OSError("Forbidden: https://storage.googleapis.com/…"), Meaning.DENIED),
        (google(401, "required"), Meaning.DENIED),
        (google(416, "requestedRangeNotSatisfiable"), Meaning.BEYOND),
        (google(429, "rateLimitExceeded"), Meaning.UNKNOWN),
        (google(403, "userRateLimitExceeded"), Meaning.UNKNOWN),
        (google(503, "backendError"), Meaning.UNKNOWN),
        (ValueError("Bad Request: https://storage.googleapis.com/…"), Meaning.REFUSED),
        (google(400, "invalidParameter"), Meaning.REFUSED),
    ],
}


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        pytest.param(error, meaning, id=f"{service}-{i}")
        for service, answers in RECORDED.items()
        for i, (error, meaning) in enumerate(answers)
    ],
)
def test_recorded_answers(error: Exception, meaning: Meaning) -> None:
    """What a service calls an answer counts before its status, through every client."""
    assert meaning_of(error) == meaning


def test_lost_connection_of_a_client() -> None:
    """An exception that is no `OSError` counts as a lost answer if a known client made it."""
    kind = type("EndpointError", (Exception,), {"__module__": "botocore.exceptions"})
    assert meaning_of(kind("gone")) == Meaning.UNKNOWN
