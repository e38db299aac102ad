"""Which way a metric is better, by its name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import get_scorer_names

from mlcycle.checks._metrics import find_metric
from mlcycle.records import higher_is_better
from mlcycle.stats.models._metric_names import _SHORT

LOWER = """
loss val_loss train/rmse eval-logloss loss_val test.mae Loss/train valLoss trainRMSE validation_0-logloss loss.total
train/box_loss loss_epoch val/loss_epoch total_loss cross_entropy crossEntropy cross_entropy_loss binary_logloss
multi_error merror error@0.5 gamma-deviance tweedie-nloglik log_loss rmse_cv mae_mean smape msle l1 l2 huber
mean_squared_error eval/mean_absolute_error median_absolute_error max_error error error_rate top1_error top_5_error
brier brier_score brier_score_loss perplexity val_perplexity nll neg_log_likelihood negative_log_likelihood wer cer fid
fid_score fid50k kl_divergence hamming_loss ZeroOneLoss BalancedErrorRate false_positive_rate ece davies_bouldin_score
coverage_error bits_per_dim neg_accuracy aic mean_pinball_loss test_loss_fold_3
"""
HIGHER = """
accuracy val_acc acc@1 top1 top_5_accuracy Accuracy BalancedAccuracy roc_auc ROC_AUC val/auc auc_0 roc_auc_ovr_weighted
aucpr PRAUC average_precision mAP mAP50-95 metrics/mAP50(B) map f1 F1Score f1-score f1_macro macro_f1 precision@5
recall_at_10 recall@k sensitivity specificity ndcg@10 ndcg@5- mrr r2 R2 R^2 adj_r2 explained_variance mcc
matthews_corrcoef cohen_kappa_score iou mIoU dice jaccard_score bleu BLEU-4 rouge1 rougeL exact_match psnr pass@1
win_rate mean_reward score val_score mean_test_score log_likelihood elbo silhouette_score adjusted_rand_score
neg_mean_squared_error neg_log_loss test_neg_log_loss mean_test_neg_log_loss negative_loss neg_rmse
d2_absolute_error_score brier_skill_score positive_likelihood_ratio c_index
"""
UNKNOWN = """
lr learning_rate epoch step seconds fit_time score_time grad_norm weight_decay temperature rows x note n_estimators
std_accuracy accuracy_std std_test_score rank_test_score delta_loss loss_scale loss_weight risk_score anomaly_score
1-auc p_value map_size val train memory
"""


# As frameworks log them, and what looks like another metric at first sight.
LOWER += """
    val_loss_epoch train_loss_step val_loss/dataloader_idx_0 eval_loss train/box_loss validation_0-mlogloss test-merror
    valid_0's_l2 mean_wQuantileLoss MASE NRMSE fpr_at_95_tpr fpr@tpr95 FPR@95 val_loss_at_best_f1 error@accuracy
    train/value_loss rollout/td_error split0_test_rmse
"""
HIGHER += """
    val_sparse_categorical_accuracy train_acc_step eval_rougeL test-auc metrics/mAP50-95(B) metrics/precision(B)
    neg_root_mean_squared_error mean_test_score MulticlassF1Score BinaryMatthewsCorrCoef MeanIoU ep_rew_mean
    rollout/ep_rew_mean eval/mean_reward tpr_at_1_fpr tpr@fpr=0.01 TPR@1%FPR accuracy_at_min_loss ndcg@10 pass@1
    recall_at_precision_90 eval_matthews_correlation hamming_score
"""
UNKNOWN += """
    eval_runtime eval_samples_per_second eval_steps_per_second rank_test_score fit_time mean_fit_time std_test_score
    ep_len_mean loss/policy acc_steps profit_and_loss stop_loss weight_loss -loss -elbo non_accuracy no_error
    acc_vs_loss loss_without_penalty loss_improvement error_reduction attack_success_rate rank_test_neg_log_loss
"""


@pytest.mark.parametrize(("names", "expected"), [(LOWER, False), (HIGHER, True), (UNKNOWN, None)])
def test_a_name_says_which_way_is_better(names: str, expected: bool | None) -> None:
    """Losses down, scores up, wherever and however they were measured; what is neither says nothing."""
    assert {name: higher_is_better(name) for name in names.split()} == dict.fromkeys(names.split(), expected)


def test_scorers_are_better_when_higher() -> None:
    """Every scorer of scikit-learn is known, and so is what it turns the sign of."""
    names = get_scorer_names()
    assert {name: higher_is_better(name) for name in names} == dict.fromkeys(names, True)
    turned = [name.removeprefix("neg_") for name in names if name.startswith("neg_")]
    assert {name: higher_is_better(name) for name in turned} == dict.fromkeys(turned, False)


def test_the_library_has_one_opinion() -> None:
    """What gates and comparisons take for better is what the name says."""
    named = [*_SHORT, *get_scorer_names()]
    assert {name: find_metric(name).higher_is_better for name in named} == {n: higher_is_better(n) for n in named}


@pytest.mark.parametrize(
    ("function", "expected"),
    [("mean_squared_error", False), ("accuracy_score", True), ("brier_score_loss", False), ("confusion_matrix", True)],
)
def test_a_function_goes_by_its_name(function: str, expected: bool) -> None:
    """A function with the name of a loss is one; any other is taken for a score."""
    assert find_metric(f"sklearn.metrics:{function}").higher_is_better is expected


@given(name=st.text(st.characters(exclude_categories=[])))
def test_any_name_has_an_answer(name: str) -> None:
    """Whatever was logged, the answer is one of three, and where it was measured changes nothing."""
    assert higher_is_better(name) in (True, False, None)
    assert higher_is_better(f"val/{name.strip()}") is higher_is_better(f"{name.strip()}/val") or "1-" in name
