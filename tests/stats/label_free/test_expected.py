"""Expected metrics: worked by hand, pair by pair, and equal to scikit-learn's where labels are certain."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from mlcycle.errors import InvalidInput
from mlcycle.stats.label_free._expected import class_metric, expected_auc

SCIKIT = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "precision": metrics.precision_score,
    "recall": metrics.recall_score,
    "f1": metrics.f1_score,
    "matthews_corrcoef": metrics.matthews_corrcoef,
    "specificity": lambda y, p: metrics.recall_score(y, p, pos_label=0),
    "negative_predictive_value": lambda y, p: metrics.precision_score(y, p, pos_label=0),
    "false_positive_rate": lambda y, p: 1 - metrics.recall_score(y, p, pos_label=0),
    "false_negative_rate": lambda y, p: 1 - metrics.recall_score(y, p),
    "true_positives": lambda y, p: metrics.confusion_matrix(y, p, normalize="all")[1, 1],
    "false_positives": lambda y, p: metrics.confusion_matrix(y, p, normalize="all")[0, 1],
    "true_negatives": lambda y, p: metrics.confusion_matrix(y, p, normalize="all")[0, 0],
    "false_negatives": lambda y, p: metrics.confusion_matrix(y, p, normalize="all")[1, 0],
}


def test_three_rows_by_hand() -> None:
    """Rows of 0.9, 0.6 and 0.2 at 0.5: 1.5 true and 0.5 false positives, 0.8 true and 0.2 false negatives."""
    chance = np.array([0.9, 0.6, 0.2])
    rows, decided = np.column_stack([1 - chance, chance]), np.array([1, 1, 0])
    by_hand = {
        "accuracy": 2.3 / 3,
        "precision": 1.5 / 2,
        "recall": 1.5 / 1.7,
        "f1": 3 / 3.7,
        "specificity": 0.8 / 1.3,
        "false_positives": 0.5 / 3,
    }
    found = {name: class_metric(name, 2).measure(rows, decided).of(rows) for name in by_hand}
    assert found == pytest.approx(by_hand)


def test_the_area_counts_expected_pairs() -> None:
    """With ties, the area is the expected pairs in order over the expected pairs, one by one, no row with itself."""
    rng = np.random.default_rng(0)
    score, chance = np.round(rng.random(40), 1), rng.random(40)
    won = pairs = 0.0
    for i in range(40):
        for j in range(40):
            if i != j:
                weight = chance[i] * (1 - chance[j])
                pairs += weight
                won += weight * (float(score[i] > score[j]) + float(score[i] == score[j]) / 2)
    assert expected_auc(score).of(chance) == pytest.approx(won / pairs)


@pytest.mark.parametrize("name", list(SCIKIT))
def test_certain_labels_give_the_realised_metric(name: str) -> None:
    """Ones and zeros for probabilities give scikit-learn's value."""
    rng = np.random.default_rng(1)
    code, decided = rng.integers(0, 2, 200), rng.integers(0, 2, 200)
    found = class_metric(name, 2).realised(rng.random((200, 2)), decided, code)
    assert found == pytest.approx(SCIKIT[name](code, decided))


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "precision", "recall", "f1"])
def test_many_labels_give_means_over_labels(name: str) -> None:
    """For three labels the values are scikit-learn's macro means."""
    rng = np.random.default_rng(2)
    code, decided = rng.integers(0, 3, 300), rng.integers(0, 3, 300)
    macro = {} if "accuracy" in name else {"average": "macro"}
    found = class_metric(name, 3).realised(rng.random((300, 3)), decided, code)
    assert found == pytest.approx(SCIKIT[name](code, decided, **macro))


@pytest.mark.parametrize("k", [2, 3])
def test_areas_are_those_of_scikit_learn(k: int) -> None:
    """Two labels, and one against the rest for three."""
    rng = np.random.default_rng(3)
    score, code = rng.dirichlet(np.ones(k), 300), rng.integers(0, k, 300)
    theirs = metrics.roc_auc_score(code, score[:, 1] if k == 2 else score, multi_class="ovr")
    assert class_metric("roc_auc", k).realised(score, np.zeros(300, int), code) == pytest.approx(theirs)


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("name", ["roc_auc", "f1", "precision", "balanced_accuracy"])
def test_slopes_are_derivatives(k: int, name: str) -> None:
    """Moving one probability moves the metric by its slope over n."""
    rng = np.random.default_rng(4)
    score, rows = np.round(rng.dirichlet(np.ones(k), 50), 1), rng.dirichlet(np.ones(k), 50)
    measure = class_metric(name, k).measure(score, rng.integers(0, k, 50))
    slopes = measure.slopes(rows)
    for i, c in [(0, 0), (7, k - 1)]:
        up, down = rows.copy(), rows.copy()
        up[i, c], down[i, c] = up[i, c] + 1e-5, down[i, c] - 1e-5
        assert slopes[i, c] == pytest.approx(50 * (measure.of(up) - measure.of(down)) / 2e-5, abs=1e-5)


def test_unknown_metrics_are_named() -> None:
    """The message lists what there is."""
    with pytest.raises(InvalidInput, match="there are roc_auc, accuracy"):
        class_metric("kappa", 2)
