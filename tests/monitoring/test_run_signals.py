"""Signals one after the other: those of users beside those of the library, and what breaks one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, ClassVar

import pytest
from attrs import frozen

import mlcycle as mc
from mlcycle.checks import EvaluationContext
from mlcycle.errors import AccessDenied, InvalidInput, StorageUnavailable, UntrustedModel
from mlcycle.monitoring import SIGNALS, Window, run_signals, signals_at, signals_given
from mlcycle.records import Result, Revision
from mlcycle.serving import decode_traffic, encode_labels
from mlcycle.testing import CheckContract

LINES = [
    *(b'{"t":%d.5,"id":"%d","v":"model:m@1","in":{"a":%d},"out":%d}' % (i, i, i, i % 2) for i in range(60)),
    *encode_labels(range(60), [i % 2 for i in range(60)]).splitlines(),
]
SEEN = EvaluationContext(
    traffic=Window(
        since="1970-01-01",
        until="1970-01-02",
        revision=Revision(deployment="eu", number=1, weights={"m@1": 1}),
        captured=decode_traffic(LINES),
    )
)


@frozen
class Balance:
    """A toy signal: the share of positive answers; one class in one place."""

    look: ClassVar[str] = "balance"
    phase: ClassVar[str] = "data"
    least: float = 0.1

    def __call__(self, subject: str, context: Any) -> Iterator[Result]:
        """Hold the share of ones against the least."""
        share = float((context.traffic.live()["output"] == 1).mean())
        verdict = "pass" if share >= self.least else "fail"
        yield Result(check="share of ones", verdict=verdict, value=share, threshold=self.least)


class TestBalance(CheckContract):
    """The toy keeps what every check must."""

    @pytest.fixture
    def check(self) -> Balance:
        """Return it with a setting."""
        return Balance(0.6)

    @pytest.fixture
    def subject(self) -> str:
        """Look at a deployment."""
        return "deployment:eu"

    @pytest.fixture
    def context(self) -> EvaluationContext:
        """Return a window."""
        return SEEN


def told(*signals: Any) -> list[tuple[Any, ...]]:
    """Return what signals say of the window."""
    return [(one.check, one.look, one.verdict, one.phase) for one in run_signals(signals, "deployment:eu", SEEN)]


def test_a_toy_signal_is_one_class() -> None:
    """It prints with its settings, and what it says is placed by what it is called."""
    assert repr(Balance(0.6)) == "Balance(least=0.6)"
    assert told(Balance(), Balance(0.6)) == [
        ("share of ones", "balance", "pass", None),
        ("share of ones", "balance", "fail", "data"),
    ]
    assert run_signals([Balance()], "deployment:eu", SEEN)[0].subject == "deployment:eu"


@pytest.mark.parametrize(
    ("answer", "verdicts"),
    [
        (0.5, ["not_applicable"]),
        (True, ["pass"]),
        (False, ["fail"]),
        ([True, 0.5, Result(check="c", verdict="warn")], ["pass", "not_applicable", "warn"]),
        ("fine", ["error"]),
        (None, ["error"]),
    ],
)
def test_an_answer_is_that_of_any_check(answer: Any, verdicts: list[str]) -> None:
    """Numbers, truth values, several; an alarm that names no phase is the deployment's."""

    def asked(subject: str, context: Any) -> Any:
        return answer

    found = told(asked)
    assert [verdict for _, _, verdict, _ in found] == verdicts
    assert {look for _, look, _, _ in found} == {"asked"}
    for _, _, verdict, phase in found:
        assert phase == ("deployment" if verdict in ("fail", "warn", "error") else None)


def test_a_signal_of_the_library_tells_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of somebody else, that may have no end, is cut like any check."""

    @frozen
    class Wide(Balance):
        def __call__(self, subject: str, context: Any) -> Iterator[Result]:
            yield from (Result(check=str(n), verdict="pass") for n in range(1_100))

    def endless(subject: str, context: Any) -> Iterator[bool]:
        while True:
            yield True

    found = run_signals([endless], "deployment:eu", SEEN)
    assert (len(found), found[-1].verdict, found[-1].phase) == (1_001, "error", "deployment")
    assert "more than 1,000 results" in found[-1].detail
    monkeypatch.setitem(SIGNALS, "wide", Wide)
    found = run_signals([Wide()], "deployment:eu", SEEN)
    assert (len(found), {one.subject for one in found}, {one.look for one in found}) == (
        1_100, {"deployment:eu"}, {"balance"},
    )  # fmt: skip


def test_a_signal_that_raises_leaves_the_others() -> None:
    """Also halfway; a model that needs trust is no alarm, and a storage that fails ends it all."""

    def raising(error: Exception) -> Any:
        def halfway(subject: str, context: Any) -> Any:
            yield True
            raise error

        return halfway

    assert told(raising(KeyError("age")), Balance()) == [
        ("halfway", "halfway", "error", "deployment"),
        ("share of ones", "balance", "pass", None),
    ]
    assert told(raising(UntrustedModel("a pickle"))) == [("halfway", "halfway", "not_applicable", None)]
    for error in (StorageUnavailable("gone"), AccessDenied("no")):
        with pytest.raises(type(error)):
            told(raising(error), Balance())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("roc_auc", "checks is a list of callables"),
        (3, "checks is a list of callables"),
        ([3], "a check of traffic is a callable .subject, context., got int: 3"),
        ([mc.AtLeast("accuracy", 0.9)], "accuracy ≥ 0.9 is a criterion: traffic is judged by those of the scope"),
    ],
)
def test_what_is_no_signal_is_refused(given: Any, message: str) -> None:
    """Before anything is looked at."""
    with pytest.raises(InvalidInput, match=message):
        signals_given(given)


class Quiet:
    """A signal with the repr every object has."""

    def __call__(self, subject: str, context: Any) -> bool:
        """Pass."""
        return True

    def asked(self, subject: str, context: Any) -> bool:
        """Pass."""
        return True


def _within(limit: float, subject: str, context: Any) -> bool:
    return True


def test_a_signal_is_called_as_any_check() -> None:
    """By its class, its function and what that was given, or its method; never by where it lay."""
    assert [look for _, look, _, _ in told(Quiet(), Quiet().asked, partial(_within, 3))] == [
        "Quiet",
        "Quiet.asked",
        "_within(3)",
    ]


def test_a_phase_that_is_none_of_the_cycle_is_refused() -> None:
    """Before anything is looked at; without one it is the deployment's."""

    def asked(subject: str, context: Any) -> bool:
        return False

    asked.phase = "training"  # type: ignore[attr-defined]
    with pytest.raises(InvalidInput, match=r"^the phase of asked is one of scope, data, model, deployment, got 'trai"):
        signals_given([asked])
    asked.phase = None  # type: ignore[attr-defined]
    assert signals_given([asked]) == [asked]
    assert told(asked) == [("asked", "asked", "fail", "deployment")]


def test_the_chance_of_a_false_alarm_is_shared() -> None:
    """Inputs, predictions, quality and failures get a quarter each; what only counts or times takes none."""
    signals = signals_at(0.05)
    assert [one.look for one in signals] == [*SIGNALS]
    assert {one.look: one.alpha for one in signals if hasattr(one, "alpha")} == {
        "data drift": 0.0125,
        "prediction drift": 0.0125,
        "quality": 0.0125,
        "failures": 0.0125,
    }


@pytest.mark.parametrize("name", SIGNALS)
def test_each_signal_says_what_it_is(name: str) -> None:
    """It prints with its settings, may be compared, and every result names it."""
    signal = SIGNALS[name]()
    assert repr(signal).startswith(f"{type(signal).__name__}(")
    assert signal == SIGNALS[name]()
    assert {one.look for one in run_signals([signal], "deployment:eu", SEEN)} <= {name}
