"""How did this come to be? Code, environment and lineage, captured without ever getting in the way.

Names load on first use, so importing this room costs nothing.

>>> from mlcycle.provenance import redact
>>> redact("git clone https://me:hunter2@example.org/churn.git")
('git clone https://me:[redacted:url-password]@example.org/churn.git', 1)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._lazy import lazy_names

if TYPE_CHECKING:
    from mlcycle.provenance._code import CapturedCode, capture_code
    from mlcycle.provenance._environment import capture_environment, environment_changes
    from mlcycle.provenance._lineage import (
        Overlap,
        ancestors,
        overlap_by_content,
        overlap_by_key,
        overlap_by_membership,
    )
    from mlcycle.provenance._secret_names import is_secret_name
    from mlcycle.provenance._secrets import is_secret_file, redact, redact_argv, redact_params, strip_credentials

_HOMES = {
    "_code": ("CapturedCode", "capture_code"),
    "_environment": ("capture_environment", "environment_changes"),
    "_lineage": ("Overlap", "ancestors", "overlap_by_content", "overlap_by_key", "overlap_by_membership"),
    "_secret_names": ("is_secret_name",),
    "_secrets": ("is_secret_file", "redact", "redact_argv", "redact_params", "strip_credentials"),
}

__all__ = [
    "CapturedCode",
    "Overlap",
    "ancestors",
    "capture_code",
    "capture_environment",
    "environment_changes",
    "is_secret_file",
    "is_secret_name",
    "overlap_by_content",
    "overlap_by_key",
    "overlap_by_membership",
    "redact",
    "redact_argv",
    "redact_params",
    "strip_credentials",
]

if not TYPE_CHECKING:  # a type checker takes a name that is not listed above for a mistake
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
