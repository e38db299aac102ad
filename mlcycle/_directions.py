"""Which way a metric is better, by the name people give it: scikit-learn's scorers, usual losses, usual scores."""

from __future__ import annotations

import re

__all__ = ["higher_is_better"]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Each entry ends a name, words joined by "_": `error` is also `mean_absolute_error`. A longer entry goes before the
# shorter one it ends in: `hamming_score` is a score, whatever `hamming` is.
_LOWER = _set(
    """
    loss losses error errors err merror deviance cost regret
    mse rmse nrmse mae medianae mape smape wape wmape mase msle rmsle mspe rmspe medae mphe sse rss l1 l2
    huber hinge pinball
    logloss mlogloss log_loss nll nloglik bce xent crossentropy cross_entropy brier brier_score perplexity ppl
    bits_per_byte bits_per_char bits_per_character bits_per_dim bpb bpc bpd kl kld kullback_leibler divergence
    wer cer mer eer fid fid_score kid lpips ece hamming hamming_distance zero_one edit_distance levenshtein
    error_rate miss_rate false_positive_rate false_negative_rate false_discovery_rate false_alarm_rate
    fpr fnr fdr negative_likelihood_ratio misclassification misclassification_rate misclassified
    davies_bouldin davies_bouldin_score aic aicc bic
    """
)
_HIGHER = _set(
    """
    score accuracy acc auc auroc auprc auc_mu aucpr prauc pr_auc roc_auc rocauc ap map precision prec recall sensitivity
    specificity true_positive_rate true_negative_rate tpr tnr ppv npv positive_predictive_value
    negative_predictive_value positive_likelihood_ratio f1 f2 f05 fbeta f_beta fscore f_score fmeasure f_measure
    r2 r_2 rsquared r_squared d2 explained_variance skill skill_score mcc matthews corrcoef pearson pearsonr spearman
    spearmanr kendall kendalltau kappa iou miou jaccard dice ndcg dcg mrr hit_rate hitrate hits hits_at pass pass_at
    auc_roc aucroc auc_pr corr_coef matthews_correlation pearson_r spearman_rho kendall_tau concordance_index meaniou
    bleu sacrebleu rouge rougel rouge_l rougelsum rouge_lsum meteor chrf cider bertscore exact_match psnr ssim
    hamming_score inception_score win_rate winrate success_rate reward rew return returns elbo likelihood
    log_likelihood loglikelihood
    loglik log_prob silhouette calinski_harabasz rand ari nmi ami mutual_info homogeneity completeness v_measure
    fowlkes_mallows consensus concordance c_index cindex top top_k lift sharpe
    """
)
# What says where or how a metric was measured, not what it is.
_AROUND = _set(
    """
    train training val valid validation validate test testing eval evaluation evaluate dev holdout heldout oof cv
    fold epoch step batch dataloader idx ep iter iteration mean avg average averaged median total
    overall all final last best
    running smoothed smooth ema global local macro micro weighted samples binary multiclass ovr ovo at k metric
    metrics value b
    """
)
# A name with one of these is of a difference, a spread, a place or the contrary, and which way that is better nobody
# can tell; or its loss is none of a model.
_ASIDE = _set(
    """
    std stdev sd sem delta diff difference gap rank inverse inv minus change vs versus non not no without improvement
    reduction profit stop weight attack
    """
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_COUNT = re.compile(r"[0-9]+k?$")  # map50, top1, fid50k
_WORDS = re.compile(r"[^\W_]+")


def higher_is_better(name: str) -> bool | None:
    """Return whether a metric of this name is better the higher it is, or None if the name does not say.

    Scores are better when higher, losses and errors when lower, as in scikit-learn; ``neg_`` turns a loss into a
    score. Words that say where it was measured, such as ``val`` or ``train/``, may stand around it.

    Parameters
    ----------
    name : str
        As it was logged.

    Examples
    --------
    >>> [higher_is_better(name) for name in ("val_loss", "train/rmse", "test.accuracy", "neg_log_loss", "lr")]
    [False, False, True, True, None]
    """
    if name.lstrip().startswith(("1-", "-", "\u2212")):
        return None
    whole = _direction(_words(name))
    return whole if whole is not None else _direction(_words(_CAMEL.sub(" ", name)))


def _words(name: str) -> list[str]:
    return _WORDS.findall(name.casefold().replace("@", " at "))


def _direction(words: list[str]) -> bool | None:
    if not _ASIDE.isdisjoint(words):
        return None
    while words and (words[0] in _AROUND or words[0].isdigit()):
        words = words[1:]
    if "at" in words:  # what follows says where: the true positive rate at 1 % false ones is no false positive rate
        words = words[: words.index("at")]
    if words and words[0] in ("neg", "negative"):
        found = _known("_".join(words), exact=True)
        turned = _direction(words[1:])
        return found if found is not None else None if turned is None else not turned
    if words and words[0] == "d2":  # the share of an error that is explained, whatever the error
        return True
    while words:
        for first in range(len(words)):
            found = _known("_".join(words[first:]), exact=first == 0)
            if found is not None:
                return found
        if words[-1] not in _AROUND and words[-1] != "score" and not words[-1].isdigit():
            return None
        words = words[:-1]
    return None


def _known(name: str, *, exact: bool) -> bool | None:
    if name == "score":  # of what is not said: a score by itself is one, a score of something need not be
        return True if exact else None
    for text in (name, _COUNT.sub("", name)):
        if text in _LOWER:
            return False
        if text in _HIGHER:
            return True
    return None
