"""Models as people see them: versions by their address, and what goes in and out."""

from __future__ import annotations

from typing import Any

import pytest

from mlcycle.records import FileRef, ModelVersion, Signature


@pytest.mark.parametrize(("count", "title"), [(0, "0 inputs"), (1, "1 input"), (2, "2 inputs")])
def test_a_signature_is_called_by_its_inputs(count: int, title: str) -> None:
    """In a word or two; whatever it does not know of an input is left blank."""
    signature = Signature(inputs=[{"name": f"c{i}"} for i in range(count)], task="regression")
    assert title == str(signature)
    assert f"signature, {title}" in signature._repr_html_()


def test_classes_of_several_outputs_are_lists_of_their_own() -> None:
    """Nobody changes them from outside."""
    classes: list[Any] = [["a", "b"], [0, 1]]
    signature = Signature(classes=classes, methods="predict")
    classes[0].append("c")
    assert (signature.classes, signature.methods) == ((["a", "b"], [0, 1]), ("predict",))


def test_a_model_is_called_by_its_address_and_class() -> None:
    """The class without its module; a notebook adds what the files weigh, and the inputs by name."""
    files = [FileRef(key=f"files/{i}", size=size, sha256="sha256:00") for i, size in enumerate((1000, 234))]
    model = ModelVersion(
        name="churn",
        number=7,
        id="m",
        class_name="sklearn.linear_model.LogisticRegression",
        files=files,
        data="d@1",
        untrusted=["a.B"],
        signature=Signature(inputs=[{"name": f"c{i}"} for i in range(21)], task="regression"),
    )
    assert (model.ref, str(model)) == ("churn@7", "churn@7")
    assert repr(model) == "ModelVersion('churn@7', class='LogisticRegression', data=[d@1], untrusted=[a.B])"
    shown = model._repr_html_()
    assert [text in shown for text in ("1,234", "c19", "c20", "regression")] == [True, True, False, True]
    assert "bytes" not in ModelVersion(name="churn", number=1, id="m")._repr_html_()
