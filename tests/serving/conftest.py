"""Small real models, and the three things a service stands on, kept in memory."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from attrs import define, field
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from mlcycle.codecs import infer_signature
from mlcycle.records import Revision
from mlcycle.serving import CapturedTraffic, LoadedModel, decode_traffic


@define
class Place:
    """Routes, models and a sink in one: what a test changes, and what it looks at afterwards."""

    weights: dict[str, int]
    models: dict[str, Any]
    shadow: str | None = None
    number: int = 1
    broken: set[str] = field(factory=set)
    asked: int = 0
    loads: list[str] = field(factory=list)
    kept: bytes = b""
    closed: int = 0
    signature: dict[str, Any] | None = None

    def current(self) -> Revision:
        """Return the revision that answers now."""
        self.asked += 1
        if "routes" in self.broken:
            raise OSError("no network")
        return Revision(deployment="shop", number=self.number, weights=self.weights, shadow=self.shadow)

    def load(self, ref: str) -> LoadedModel:
        """Load a version, unless it is broken."""
        self.loads.append(ref)
        if ref in self.broken:
            raise OSError(f"{ref} is damaged")
        return LoadedModel(ref, self.models[ref], self.signature)

    def write(self, lines: bytes) -> None:
        """Keep lines."""
        if "sink" in self.broken:
            raise OSError("disk full")
        assert lines.endswith(b"\n")
        self.kept += lines

    def flush(self) -> None:
        """Do nothing: everything is here."""

    def close(self) -> None:
        """Count."""
        self.closed += 1

    def route(self, weights: dict[str, int], shadow: str | None = None) -> None:
        """Make a new revision."""
        self.weights, self.shadow, self.number = weights, shadow, self.number + 1

    def traffic(self) -> CapturedTraffic:
        """Return what was kept."""
        return decode_traffic(self.kept.splitlines())

    def parts(self) -> dict[str, Any]:
        """Return the arguments of a service."""
        return {"routes": self, "load": self.load, "sink": self}


@pytest.fixture(scope="session")
def iris() -> tuple[pd.DataFrame, pd.Series]:
    """Give the iris data."""
    X, y = load_iris(return_X_y=True, as_frame=True)
    return X, y


@pytest.fixture(scope="session")
def models(iris: tuple[pd.DataFrame, pd.Series]) -> dict[str, Any]:
    """Give three versions that answer differently."""
    X, y = iris
    return {
        "iris@1": LogisticRegression(max_iter=2000).fit(X, y),
        "iris@2": LogisticRegression(max_iter=2000).fit(X, (y + 1) % 3),
        "iris@10": LogisticRegression(max_iter=2000).fit(X, (y + 2) % 3),
    }


@pytest.fixture
def place(iris: tuple[pd.DataFrame, pd.Series], models: dict[str, Any]) -> Place:
    """Give a place where the first version answers alone."""
    return Place({"iris@1": 1}, models, signature=infer_signature(iris[0], models["iris@1"]))
