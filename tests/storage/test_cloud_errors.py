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


def test_lost_connection_of_a_client() -> None:
    """An exception that is no `OSError` counts as a lost answer if a known client made it."""
    kind = type("EndpointError", (Exception,), {"__module__": "botocore.exceptions"})
    assert meaning_of(kind("gone")) == Meaning.UNKNOWN
