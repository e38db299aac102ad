"""Audits in a row, a few labels a chunk: evidence and limits that hold however often one looks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.errors import InvalidInput
from mlcycle.stats._estimate import POWER, Estimate, check_confidence, unknown, z_value
from mlcycle.stats.label_free._dle import LOSSES
from mlcycle.stats.label_free._labelled import judged, sampled_losses
from mlcycle.stats.label_free._result import LabelFree
from mlcycle.stats.label_free._sampling import AuditSample
from mlcycle.stats.label_free._scores import check_threshold
from mlcycle.stats.sequential._evidence import Evidence, State

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Rows = NDArray[np.float64]

__all__ = ["AuditSequence"]

_LINEAR = ("accuracy", "true_positives", "false_positives", "true_negatives", "false_negatives", "mae", "mse")
# Parts of the largest bet; up to 0.7 the factor of one row rises with it, which drawing without replacement needs.
_PARTS = 0.7 * 2.0 ** -np.arange(0, 9)
# No row of `audit_sample` counts for more than so many average ones.
_HEAVIEST = 3.0


class AuditSequence(Evidence):
    """A test of label-free estimates by small audits, chunk after chunk, valid at every look.

    Lives as long as the deployment it watches; `state` and `from_state` carry it from one process to the next. While
    every chunk's estimate lies within the margin of the truth, the chance that `verdict` *ever* says ``disagree`` is
    at most ``1 - confidence``, whatever the data; only the choice of rows is random.

    Parameters
    ----------
    metric : str, default "accuracy"
        A mean over rows: ``accuracy``, ``true_positives``, ``false_positives``, ``true_negatives``,
        ``false_negatives``, ``mae`` or ``mse``.
    margin : float, default 0.02
        The difference that would not matter. Two standard errors of the estimate's calibration are added chunk by
        chunk: that error is the same in every chunk and does not average out.
    confidence : float, default 0.95
        Of the limits at all looks together; one minus it is the level of the test.
    largest : float, default 1
        The largest loss there can be, for ``mae`` and ``mse``.
    threshold, labels
        As in `audit`.

    Raises
    ------
    InvalidInput
        If an argument is out of range.

    References
    ----------
    Waudby-Smith and Ramdas (2023), Estimating means of bounded random variables by betting, JRSS B 86 (the evidence);
    Howard, Ramdas, McAuliffe and Sekhon (2021), Time-uniform, nonparametric, nonasymptotic confidence sequences, Annals
    of Statistics 49, theorem 4 (the limits, which allow the truth to move). Rows of one stratum drawn without
    replacement are negatively associated (Joag-Dev and Proschan 1983, Annals of Statistics 11), so products over them
    are at most what independent draws would give; over strata ``1 + x <= exp(x)`` adds the differences up.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> score = rng.random(5000)
    >>> y = rng.random(5000) < score
    >>> watch = stats.AuditSequence("accuracy")
    >>> for chunk in range(8):
    ...     new = rng.random(500)
    ...     truth = rng.random(500) < (new if chunk < 2 else 0.5)  # from the third chunk on the score means nothing
    ...     estimate = stats.cbpe(y, score, new, metric="accuracy")
    ...     sample = stats.audit_sample(new, 50, seed=chunk)
    ...     known = watch.update((sample, truth[sample.indices], estimate))
    >>> watch.verdict, watch.looks
    ('disagree', 8)
    """

    kind = "audits"
    _asked = ("metric", "margin", "confidence", "largest", "threshold", "labels")
    _kept = ("wealth", "sum", "squares", "peak", "allowed", "n", "looks")

    def __init__(
        self,
        metric: str = "accuracy",
        *,
        margin: float = 0.02,
        confidence: float = 0.95,
        largest: float = 1.0,
        threshold: float = 0.5,
        labels: ArrayLike | None = None,
    ) -> None:
        if metric not in _LINEAR:
            raise InvalidInput(f"a sequence needs a mean over rows, one of {', '.join(_LINEAR)}; got {metric!r}")
        if not margin >= 0 or not 0 < largest < math.inf:
            raise InvalidInput(f"margin is 0 or more and largest positive, got {margin!r} and {largest!r}")
        self._metric, self._margin, self._largest = metric, float(margin), float(largest)
        self._confidence, self._threshold = check_confidence(confidence), check_threshold(threshold)
        self._labels = None if labels is None else np.unique(np.asarray(labels)).tolist()
        self._wealth = np.zeros((2, len(_PARTS)))
        self._sum = self._squares = self._peak = 0.0
        self._allowed, self._n, self._looks = 0.0, 0, 0

    def update(self, values: tuple[Any, ...], /) -> State:
        """Take the labels of one chunk's sample, and return the evidence against the estimates.

        Parameters
        ----------
        values : tuple
            ``(sample, y, estimate)``: what `audit_sample` chose, the labels of its rows in that order, and the
            `LabelFree` they test; for losses with a fourth, ``prediction``, as `audit` takes it.

        Raises
        ------
        InvalidInput
            For labels that do not fit, an estimate that was refused, or a sample not drawn by `audit_sample`.
        """
        if not isinstance(values, tuple) or len(values) not in (3, 4) or not isinstance(values[0], AuditSample):
            raise InvalidInput(
                "an audit is (sample, y, estimate): an AuditSample, its labels and a LabelFree, and perhaps the "
                f"prediction; got {type(values).__name__}: {values!r:.60}"
            )
        sample, y, estimate, *rest = values
        if not isinstance(estimate, LabelFree) or estimate.rows is None:
            raise InvalidInput("estimate needs what is expected of every row: one by cbpe, pape or dle, not refused")
        if estimate.metric != self._metric:
            raise InvalidInput(f"the estimate is of {estimate.metric}, the sequence of {self._metric}; take the same")
        surprise = self._surprise(sample, y, rest[0] if rest else None, estimate.rows)
        k = len(surprise)
        weights = sample.weights * k / sample.n
        if weights.max() > _HEAVIEST:
            raise InvalidInput(f"a row counts {weights.max():.1f} times its share, more than {_HEAVIEST:g}; "
                               "draw the sample with audit_sample")  # fmt: skip
        slack = (self._margin + 2 * float(np.nan_to_num(estimate.reference_error))) / self._largest
        moves, stakes = weights * surprise, _PARTS / (_HEAVIEST + slack)
        for side, sign in enumerate((1.0, -1.0)):
            self._wealth[side] += np.log1p(np.outer(stakes, sign * moves - slack)).sum(axis=1)
        self._sum, self._squares = self._sum + float(moves.sum()), self._squares + float(moves @ moves)
        self._allowed, self._n, self._looks = self._allowed + k * slack, self._n + k, self._looks + 1
        self._peak = max(self._peak, self._log_evidence())
        return State(self._n, self.e_value, self.alarm)

    def _surprise(self, sample: AuditSample, y: ArrayLike, prediction: ArrayLike | None, rows: Rows) -> Rows:
        """Return seen minus expected at the sampled rows, as shares of the largest there can be."""
        at = sample.indices
        if self._metric in LOSSES:
            loss, base = sampled_losses(sample, y, prediction, self._metric, rows)
            if loss.max() > self._largest:
                raise InvalidInput(f"a loss is {loss.max():.4g}, more than largest={self._largest:g}; raise it")
            return (loss - np.minimum(base[at], self._largest)) / self._largest
        _, measure, base, code, _ = judged(sample, y, prediction, self._metric, self._threshold, self._labels, rows)
        counts = np.round(measure.slopes(base))
        return np.asarray(counts[at, code] - np.sum(base[at] * counts[at], axis=1))

    def _log_evidence(self) -> float:
        from scipy.special import logsumexp

        return float(logsumexp(self._wealth)) - math.log(self._wealth.size)

    @property
    def looks(self) -> int:
        """Chunks taken."""
        return self._looks

    @property
    def e_value(self) -> float:
        """The evidence against the estimates now; 1 at the start, 20 is what 5 % asks for."""
        return math.exp(min(self._log_evidence(), 700.0))

    @property
    def alarm(self) -> bool:
        """Whether the audits have ever contradicted the estimates."""
        return self._peak >= -math.log(1 - self._confidence)

    @property
    def verdict(self) -> str:
        """Whether the estimates ``disagree`` with the audits, ``agree`` within the margin, or ``inconclusive``.

        ``disagree`` stays once it was said; ``agree`` is about the mean over all chunks so far.
        """
        if self.alarm:
            return "disagree"
        gap = self.difference
        slack = self._largest * self._allowed / self._n if self._n else 0.0
        return "agree" if gap.conclusive and -slack < gap.low and gap.high < slack else "inconclusive"

    @property
    def difference(self) -> Estimate:
        """Audited minus label-free, the mean over all chunks so far (a chunk counts as its labels), with limits."""
        n, method = self._n, f"empirical Bernstein confidence sequence of {self._looks} audits"
        if not n:
            return unknown(math.nan, 0, self._confidence, method, "there are no audits yet")
        tails = [sign * _limit(sign * self._sum, self._squares, 1 - self._confidence) for sign in (-1.0, 1.0)]
        value, low, high = (self._largest * part / n for part in (self._sum, *tails))
        low, high = max(low, -self._largest), min(high, self._largest)
        error = self._largest * math.sqrt(self._squares) / n
        seen = (high - low) / 2 + z_value(POWER) * error
        return Estimate(value, low, high, self._confidence, n, error, seen, method, "holds at every look")

    def __repr__(self) -> str:
        shown = f"{self.verdict} after {self._looks} audits, e-value {self.e_value:.3g}"
        return f"AuditSequence({self._metric}: {shown}; difference {self.difference})"


def _limit(total: float, squares: float, alpha: float) -> float:
    """Return the largest sum of true differences that the moves seen do not contradict.

    The supermartingale is ``exp(l * (sum of truths - moves) / c - psi(l) * squares / c ** 2)``, mixed over the parts l;
    the limit is where it reaches ``2 / alpha``.
    """
    from scipy.optimize import brentq
    from scipy.special import logsumexp

    offsets = (np.log1p(-_PARTS) + _PARTS) * squares / _HEAVIEST**2
    rates, goal = _PARTS / _HEAVIEST, math.log(2 / alpha) + math.log(len(_PARTS))

    def excess(truth: float) -> float:
        return float(logsumexp(rates * (truth - total) + offsets)) - goal

    # The smallest part alone reaches the goal at the far end.
    return float(brentq(excess, total, total + (goal - offsets[-1]) / rates[-1]))
