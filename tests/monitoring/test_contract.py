"""Every signal built in keeps what any check must, on a window in which it has something to say."""

from __future__ import annotations

from typing import Any

import pytest

from mlcycle.checks import EvaluationContext
from mlcycle.monitoring import SIGNALS, ReferenceRows, Window
from mlcycle.serving import decode_traffic
from mlcycle.serving._capture import encode_failures
from mlcycle.testing import CheckContract
from tests.monitoring.windows import COLUMNS, MODEL, REVISION, TRAIN, WINDOW, judge, people, serve

EXPECTED = MODEL.predict(people(2000, 1)[0][COLUMNS])
FAILED = encode_failures(["x"], ValueError("no"), {"v": "m@1", "r": 3, "role": "live"})
LINES = [*serve(*people(400, 3)), *FAILED.splitlines()]


@pytest.mark.parametrize("name", SIGNALS)
class TestSignals(CheckContract):
    """Those of the table."""

    @pytest.fixture
    def check(self, name: str) -> Any:
        """Return the signal with its defaults."""
        return SIGNALS[name]()

    @pytest.fixture
    def subject(self) -> str:
        """Look at the deployment of the window."""
        return "deployment:shop"

    @pytest.fixture
    def context(self) -> EvaluationContext:
        """Return a window with labels, a reference and a failure."""
        evidence: dict[str, Any] = {
            "reference": lambda: ReferenceRows(TRAIN),
            "expected": lambda: EXPECTED,
            "judge": judge,
        }
        return EvaluationContext(
            traffic=Window(revision=REVISION, captured=decode_traffic(LINES), **WINDOW, **evidence)
        )
