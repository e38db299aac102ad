"""Projects and real data to test the lifecycle with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> mc.Project:
    """Return an empty project in a folder."""
    return mc.open(tmp_path / "store", create=True, author="ada")


@pytest.fixture
def anywhere(store_url: tuple[str, dict[str, Any]]) -> mc.Project:
    """Return an empty project on a folder, in memory and on S3."""
    url, options = store_url
    return mc.open(url, create=True, author="ada", storage_options=options)


@pytest.fixture(scope="session")
def cells() -> pd.DataFrame:
    """Return real data: 569 tumours, 30 measurements, malignant or not."""
    frame: pd.DataFrame = load_breast_cancer(as_frame=True).frame
    return frame


def fitted(X: pd.DataFrame, y: pd.Series, C: float = 1.0) -> Any:
    """Return a good model."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=C)).fit(X, y)


def stump(X: pd.DataFrame, y: pd.Series) -> Any:
    """Return a bad model."""
    return DecisionTreeClassifier(max_depth=1, random_state=0).fit(X[["mean smoothness", "mean symmetry"]], y)


def begin(project: mc.Project, frame: pd.DataFrame) -> tuple[mc.ModelVersion, mc.DatasetVersion]:
    """Take a project to its first production model; return it and its training part."""
    project.scope.set(
        objective="find malignant tumours",
        criteria=[mc.AtLeast("roc_auc", 0.9), mc.NotWorseThan("production", "roc_auc", margin=0.05)],
        test="cells.test",
    )
    project.datasets.add("cells", frame, target="target")
    train, _ = project.datasets["cells"].split(test=0.3)
    X, y = train.xy()
    version = project.models.register("tumour", fitted(X, y), uses=[train], example=X[:5])
    version.evaluate()
    version.promote("production", message="first")
    return version, train
