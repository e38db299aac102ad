"""Captured answers behind the face of an estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle import checks
from mlcycle.errors import InvalidInput, UntrustedModel

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

__all__ = ["CapturedAnswers"]

Doc = dict[str, Any]


class CapturedAnswers:
    """Captured answers behind the face of an estimator: metrics take them for the model's, and no model is loaded.

    Parameters
    ----------
    answers : DataFrame
        Columns ``output`` and ``scores`` of traffic, a row a prediction.
    truth : Series
        The labels of the same rows.
    signature : dict or None
        Of the version: what it says of its task and classes.
    ask : callable
        ``method -> answers`` of the model itself, for what was not captured; raises where it cannot.

    Raises
    ------
    InvalidInput
        When labels and answers are of two sorts, so that no label could equal an answer.
    """

    def __init__(
        self, answers: pd.DataFrame, truth: pd.Series[Any], signature: Doc | None, ask: Callable[[str], Any]
    ) -> None:
        import pandas as pd

        self._ask = ask
        self._scores = None if answers["scores"].isna().any() else answers["scores"].tolist()
        self._methods = (signature or {}).get("methods", ())
        known = (signature or {}).get("classes")
        classes = _array(known) if known and not isinstance(known[0], list) else None
        outputs, labels = self._outputs_of(answers, classes), truth.tolist()
        a, b = _sort(outputs), _sort(labels)
        if a != b:
            raise InvalidInput(
                f"the labels are {b} such as {labels[0]!r} and the answers {a} such as {outputs[0]!r}, so no label "
                "equals an answer; report labels in the form of the answers"
            )
        self.task = checks.task_of(outputs, (signature or {}).get("task"))
        self.several = a == "lists" and self.task == "classifier"
        if self.several:  # right where every target is, as accuracy has it
            outputs, labels = [one == other for one, other in zip(outputs, labels, strict=True)], [True] * len(labels)
        self._outputs = _array(outputs)
        self.truth = _array(labels)
        self.labels = pd.Series(list(self.truth.tolist()), dtype=object).infer_objects()
        if self.task == "classifier":
            if classes is None or self.several:
                classes = _array(sorted({*self.truth.tolist(), *self._outputs.tolist()}))
            self.classes_ = classes

    def _outputs_of(self, answers: pd.DataFrame, classes: Any) -> list[Any]:
        if not answers["output"].isna().any():
            return list(answers["output"])
        if self._scores is not None and classes is not None:
            return [classes[int(np.argmax(row))] for row in self._scores]
        try:
            return list(self._ask("predict"))
        except UntrustedModel as error:
            raise InvalidInput("predictions were not captured, and loading the model to ask it needs trust") from error

    def lacks(self, metric: Any) -> bool:
        """Return whether a metric asks scores that the model has, and that were neither captured nor can be asked."""
        try:
            asked = checks.find_metric(metric).methods
        except InvalidInput:
            return False
        return any(one in self._methods for one in asked) and not any(hasattr(self, one) for one in asked)

    def predict(self, X: Any) -> Any:
        """Return the outputs that were captured."""
        return self._outputs

    def __getattr__(self, name: str) -> Any:
        # Scores that were captured come before any that the model would give.
        if name == "predict_proba" and self._scores is not None:
            return lambda X: np.array(self._scores, dtype=float)
        if name not in ("predict_proba", "decision_function") or self._scores is not None:
            raise AttributeError(name)
        try:
            found = self._ask(name)
        except Exception as error:
            raise AttributeError(f"{name} was not captured with these answers") from error
        return lambda X: found


def _sort(values: list[Any]) -> str:
    kinds = {"lists" if isinstance(one, list) else "text" if isinstance(one, str) else "numbers" for one in values}
    return " and ".join(sorted(kinds))


def _array(values: list[Any]) -> Any:
    """Return values as numpy has them; yes and no are numbers, so that they equal 1 and 0 on the other side."""
    found = np.array(values)
    return found.astype(np.int64) if found.dtype.kind == "b" else found
