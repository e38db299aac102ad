"""Criteria judged: known good, known bad and null cases of each, slices, and everything that can go wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from attrs import frozen
from sklearn.linear_model import LogisticRegression

from mlcycle.checks import EvaluationData, judge, run, weigh
from mlcycle.records import AtLeast, AtMost, Criterion, NotWorseThan, Result, UnknownCriterion
from tests.checks.contexts import context_of
from tests.checks.toys import Between

Make = Callable[..., Any]
N = 2000


@pytest.fixture
def y() -> Any:
    """Return balanced labels."""
    return np.random.default_rng(0).integers(0, 2, N)


def half(y: Any, predicted: Any) -> float:
    """Return a user's own metric: half the share that is right."""
    return float((y == predicted).mean() / 2)


def cost_error(y: Any, predicted: Any) -> float:
    """Return a user's own error: its name says that lower is better."""
    return float((y != predicted).mean())


@pytest.mark.parametrize(
    ("criterion", "verdict"),
    [
        (AtLeast("roc_auc", 0.80), "pass"),
        (AtLeast("roc_auc", 0.95), "fail"),
        (AtLeast("roc_auc", 0.90), "inconclusive"),
        (AtMost("log_loss", 0.55), "pass"),
        (AtMost("log_loss", 0.20), "fail"),
        (AtMost("brier_score", 0.25), "pass"),
        (AtMost("brier_score", 0.05), "fail"),
        (AtLeast("accuracy", 0.7), "pass"),
        (AtLeast("neg_log_loss", -0.2), "fail"),
        (AtMost("roc_auc", 0.99), "pass"),
        (AtLeast(half, 0.3), "pass"),
        (AtLeast(half, 0.6), "fail"),
        (NotWorseThan("m@0", "roc_auc"), "pass"),
        (NotWorseThan("m@9", "roc_auc", margin=0.02), "fail"),
        (NotWorseThan("m@0", "log_loss"), "pass"),
        (NotWorseThan("m@9", "log_loss", margin=0.02), "fail"),
        (NotWorseThan("m@0", cost_error), "pass"),
        (NotWorseThan("m@9", cost_error, margin=0.01), "fail"),
        (NotWorseThan("m@9", "roc_auc", margin=0.2), "pass"),
    ],
    ids=str,
)
def test_good_and_bad_models_are_told_apart(
    criterion: Criterion, verdict: str, y: Any, context_for: Make, scored: Make, scores: Make
) -> None:
    """Each criterion passes a model that is good enough, fails one that is not, and admits what it cannot tell."""
    rng = np.random.default_rng(1)
    models = {f"m@{number}": scored(scores(auc, y, rng)) for number, auc in [(0, 0.75), (2, 0.9), (9, 0.99)]}
    (result,) = judge(criterion, "m@2", context_for(models, y))
    assert verdict == result.verdict, str(result) + result.detail
    assert result.low <= result.value <= result.high
    assert result.n == N
    assert result.detectable > 0


def test_regression_errors_are_positive(context_for: Make, predicted: Make) -> None:
    """A plain error name is the positive error in the target's unit; two models are compared lower-is-better."""
    rng = np.random.default_rng(0)
    truth = rng.normal(100, 20, 500)
    models = {"m@1": predicted(truth + rng.normal(0, 5, 500)), "m@2": predicted(truth + rng.normal(0, 2, 500))}
    context = context_for(models, truth)
    criteria = [AtMost("rmse", 2.5), AtMost("mean_absolute_error", 1.0), NotWorseThan("production", "rmse")]
    found = run([*criteria, AtLeast("r2", 0.9)], "m@2", context)
    assert [result.verdict for result in found] == ["pass", "fail", "pass", "pass"]
    assert found[0].value == pytest.approx(2.0, abs=0.2)
    assert found[2].value == pytest.approx(3.0, abs=0.4)
    assert found[2].comparison["finding"] == "better"


def _verdicts(criterion: Criterion, context_of: Callable[[int], Any], times: int) -> dict[str, int]:
    counts = {"pass": 0, "fail": 0, "inconclusive": 0}
    for seed in range(times):
        for result in judge(criterion, "m@2", context_of(seed)):
            counts[result.verdict] += 1
    return counts


def test_at_the_threshold_it_fails_and_passes_at_the_stated_rate(context_for: Make, scored: Make, scores: Make) -> None:
    """A model exactly at the threshold fails, and passes, 2.5 % of the time each, at 95 % confidence.

    The upper bounds here are the 99.9 % quantiles of a binomial count with the stated rate.
    """

    def context(seed: int) -> Any:
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 2, 200)
        return context_for({"m@2": scored(scores(0.8, y, rng))}, y)

    counts = _verdicts(AtLeast("roc_auc", 0.8), context, 160)
    assert 0 < counts["fail"] <= 11
    assert 0 < counts["pass"] <= 11


def test_equal_models_are_called_worse_at_the_stated_rate(context_for: Make, scored: Make, scores: Make) -> None:
    """Of two models that are equally good, the new one is called worse or better 2.5 % of the time each."""

    def context(seed: int) -> Any:
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 2, 200)
        return context_for({"m@1": scored(scores(0.8, y, rng)), "m@2": scored(scores(0.8, y, rng))}, y)

    counts = _verdicts(NotWorseThan("production", "roc_auc"), context, 120)
    assert 0 < counts["fail"] <= 9
    assert 0 < counts["pass"] <= 9


def test_failing_slices_are_controlled_together(context_for: Make, scored: Make) -> None:
    """With eight slices exactly at the threshold, any of them fails in at most about 2.5 % of evaluations."""
    wrong = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 2, 800)
        right = rng.random(800) < 0.8
        context = context_for({"m@2": scored(np.where(right, y, 1 - y))}, y, region=np.arange(800) % 8)
        found = judge(AtLeast("accuracy", 0.8, slices="region"), "m@2", context)
        wrong += any(result.verdict == "fail" for result in found)
    assert 0 < wrong <= 13


def test_a_bad_slice_fails_alone(y: Any, context_for: Make, scored: Make, scores: Make) -> None:
    """One region that is bad is named; the others pass by their own interval."""
    rng = np.random.default_rng(1)
    region = rng.choice(["AT", "DE", "FR"], N)
    good, bad = scores(0.95, y, rng), scores(0.6, y, rng)
    context = context_for({"m@2": scored(np.where(region == "DE", bad, good))}, y, region=region)
    found = judge(AtLeast("roc_auc", 0.8, slices="region"), "m@2", context)
    assert {one.slice: one.verdict for one in found} == {"region=AT": "pass", "region=DE": "fail", "region=FR": "pass"}
    assert "below 0.8" in found[1].detail


def test_tiny_slices_say_how_many_rows_would_do(context_for: Make, scored: Make, scores: Make) -> None:
    """A slice too small for an answer is inconclusive, with the number of rows that would give one."""
    rng = np.random.default_rng(3)
    y = np.r_[rng.integers(0, 2, 400), np.ones(3, int), [0, 1] * 20]
    region = ["big"] * 400 + ["one class"] * 3 + ["small"] * 40
    context = context_for({"m@2": scored(scores(0.86, y, rng))}, y, region=region)
    found = {one.slice: one for one in judge(AtLeast("roc_auc", 0.79, slices="region"), "m@2", context)}
    assert {"pass", "inconclusive"} == {one.verdict for one in found.values()}
    assert "undefined on these 3 rows: every row has the label 1" in found["region=one class"].detail
    assert "rows do not decide it; about" in found["region=small"].detail


def test_missing_levels_and_several_slice_columns(y: Any, context_for: Make, scored: Make, scores: Make) -> None:
    """Rows whose slice is missing are a slice of their own; every column is sliced separately."""
    region = np.array(["AT", None], object)[np.arange(N) % 2]
    context = context_for(
        {"m@2": scored(scores(0.9, y, np.random.default_rng(0)))}, y, region=region, old=np.arange(N) < 999
    )
    found = judge(AtLeast("roc_auc", 0.8, slices=["region", "old"]), "m@2", context)
    assert [result.slice for result in found] == ["region=AT", "region missing", "old=False", "old=True"]


def test_few_rows_never_pass(context_for: Make, scored: Make) -> None:
    """A perfect score on a handful of rows is no proof, whatever the bootstrap says."""
    y = np.array([0] * 200 + [1] * 8)
    perfect = {"m@2": scored(y * 0.8 + 0.1)}
    (result,) = judge(AtLeast("roc_auc", 0.9), "m@2", context_for(perfect, y))
    assert result.value == 1
    assert result.verdict == "inconclusive"
    assert result.low < 0.7
    (few,) = judge(AtLeast("roc_auc", 0.9), "m@2", context_for({"m@2": scored(y[:203] * 0.8)}, y[:203]))
    assert few.verdict == "inconclusive"
    assert "only 3 of 203 rows have the label 1; about 410 rows would do" in few.detail
    for n, verdict in [(5, "inconclusive"), (100, "pass")]:
        (accuracy,) = judge(AtLeast("accuracy", 0.9), "m@2", context_for({"m@2": scored([0.9] * n)}, np.ones(n, int)))
        assert verdict == accuracy.verdict


def test_identical_models_are_not_worse_but_not_better(y: Any, context_for: Make, scored: Make, scores: Make) -> None:
    """With a margin an identical model passes; without one it would have to be better."""
    model = scored(scores(0.8, y, np.random.default_rng(0)))
    context = context_for({"m@1": model, "m@2": model}, y)
    assert judge(NotWorseThan("production", "roc_auc", margin=0.01), "m@2", context)[0].verdict == "pass"
    assert judge(NotWorseThan("production", "roc_auc"), "m@2", context)[0].verdict == "inconclusive"


def test_the_first_model_has_nothing_to_be_compared_with(y: Any, context_for: Make, scored: Make, scores: Make) -> None:
    """Without a production model, or for production itself, the comparison does not apply."""
    models = {"m@2": scored(scores(0.8, y, np.random.default_rng(0)))}
    (first,) = judge(NotWorseThan("production", "roc_auc"), "m@2", context_for(models, y))
    assert (first.verdict, first.detail) == ("not_applicable", "there is no production yet to compare with")
    (itself,) = judge(NotWorseThan("production", "roc_auc"), "m@1", context_for({"m@1": models["m@2"]}, y))
    assert (itself.verdict, itself.detail) == ("not_applicable", "m@1 is production itself")


def test_pairing_sees_what_separate_intervals_cannot(context_for: Make, scored: Make) -> None:
    """On the same rows a small improvement is shown that two separate intervals would drown."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 1000)
    hard = rng.random(1000)
    models = {"m@1": scored(np.where(hard < 0.80, y, 1 - y)), "m@2": scored(np.where(hard < 0.83, y, 1 - y))}
    (paired,) = judge(NotWorseThan("production", "f1"), "m@2", context_for(models, y))
    one, two = (judge(AtLeast("f1", 0.5), ref, context_for(models, y))[0] for ref in ("m@1", "m@2"))
    assert one.high > two.low
    assert (paired.verdict, paired.comparison["finding"]) == ("pass", "better")
    assert {"reference", "subject", "reference_value", "differ", "finding"} == set(paired.comparison)


def test_rows_that_belong_together_widen_the_interval(y: Any, context_for: Make, scored: Make) -> None:
    """With groups the bootstrap draws groups: 20 customers of 100 equal rows are 20 observations, not 2 000."""
    group = np.arange(N) // 100
    right = np.random.default_rng(0).random(20)[group] < 0.8
    models = {"m@2": scored(np.where(right, y, 1 - y))}
    (alone,) = judge(AtLeast("accuracy", 0.5), "m@2", context_for(models, y))
    (grouped,) = judge(AtLeast("accuracy", 0.5), "m@2", context_for(models, y, groups=group))
    assert grouped.high - grouped.low > 4 * (alone.high - alone.low)


@pytest.mark.parametrize(
    ("criterion", "reason"),
    [
        (AtLeast("roc_au", 0.8), "there is no metric 'roc_au'; did you mean 'roc_auc'"),
        (AtLeast("no.such.module:metric", 0.8), "a name in a store imports nothing: import no.such.module first"),
        (AtLeast("mlcycle.errors:nothing", 0.8), "cannot be imported here"),
        (AtLeast("roc_auc", 0.8, slices="regoin"), "no column 'regoin' to slice by; did you mean 'region'"),
        (AtLeast("roc_auc", 0.8, slices="i"), "i has 2,000 levels"),
        (AtLeast("roc_auc", 0.8, on="other@1"), "KeyError"),
        (AtLeast(f"{__name__}:broken", 0.8), "ZeroDivisionError"),
        (AtLeast(f"{__name__}:broken", 0.8, slices="region"), "ZeroDivisionError"),
    ],
    ids=str,
)
def test_what_goes_wrong_is_an_error_result(
    criterion: Criterion, reason: str, y: Any, context_for: Make, scored: Make, scores: Make
) -> None:
    """Nothing escapes a single criterion: the reason is in the result, and the other criteria still run."""
    model = scored(scores(0.9, y, np.random.default_rng(0)))
    context = context_for({"m@2": model}, y, region="AT")
    load = context.data.read
    context.data.read = lambda ref: load(ref) if ref == "d@1" else {}[ref]
    broken, fine = run([criterion, AtLeast("roc_auc", 0.8)], "m@2", context)
    assert (broken.verdict, fine.verdict) == ("error", "pass")
    assert reason in broken.detail
    assert broken.blocking


def broken(y: Any, predicted: Any) -> float:
    """Fail like a user's own code does."""
    return 1 / 0


def test_labels_of_one_class_and_no_labels_are_errors(context_for: Make, scored: Make) -> None:
    """What cannot be computed says why."""
    model = {"m@2": scored(np.linspace(0, 1, 50))}
    (one_class,) = judge(AtLeast("roc_auc", 0.8), "m@2", context_for(model, np.ones(50, int)))
    assert (one_class.verdict, "every row has the label 1" in one_class.detail) == ("error", True)
    (none,) = judge(AtLeast("roc_auc", 0.8), "m@2", context_for(model, np.full(50, np.nan)))
    assert (none.verdict, none.detail) == ("error", "d@1 has no row with a label")
    (no_target,) = judge(AtLeast("roc_auc", 0.8), "m@2", context_for({}, [None] * 0))
    assert no_target.verdict == "error"


def test_rows_without_a_label_are_left_out_and_said_so(y: Any, context_for: Make, scored: Make, scores: Make) -> None:
    """A few missing labels do not stop an evaluation; text labels work like numbers."""
    values = scores(0.9, y, np.random.default_rng(0))
    labels = np.where(y == 1, "yes", "no").astype(object)
    labels[:7] = None
    (result,) = judge(AtLeast("roc_auc", 0.8), "m@2", context_for({"m@2": scored(values, ("no", "yes"))}, labels))
    assert (result.verdict, result.n) == ("pass", N - 7)
    assert "7 rows without a label left out" in result.detail


def test_a_model_is_asked_once(y: Any, context_for: Make, scored: Make, scores: Make) -> None:
    """However many criteria, slices and resamples, the model predicts each dataset once."""
    model = scored(scores(0.9, y, np.random.default_rng(0)))
    criteria = [AtLeast("roc_auc", 0.8), AtMost("log_loss", 1), AtLeast("roc_auc", 0.8, slices="region")]
    run(criteria, "m@2", context_for({"m@2": model}, y, region=y))
    assert model.calls == 1


def test_the_same_evidence_gives_the_same_numbers(y: Any, context_for: Make, scored: Make, scores: Make) -> None:
    """An evaluation can be repeated to the last digit, also as a check in its own right."""
    context = context_for({"m@2": scored(scores(0.9, y, np.random.default_rng(0)))}, y)
    criterion = AtLeast("roc_auc", 0.8)
    assert judge(criterion, "m@2", context) == run([criterion], "m@2", context)


def test_five_criteria_on_ten_thousand_rows_take_seconds(context_for: Make, scored: Make, scores: Make) -> None:
    """The usual scope is judged in under three seconds of work, however busy the machine is otherwise."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 10_000)
    models = {"m@1": scored(scores(0.8, y, rng)), "m@2": scored(scores(0.85, y, rng))}
    criteria: list[Criterion] = [
        AtLeast("roc_auc", 0.8),
        AtLeast("roc_auc", 0.7, slices="region"),
        AtMost("log_loss", 0.6),
        AtLeast("f1", 0.6),
        NotWorseThan("production", "roc_auc", margin=0.02),
    ]
    context = context_for(models, y, region=rng.integers(0, 4, 10_000))
    started = time.process_time()
    found: tuple[Result, ...] = run(criteria, "m@2", context)
    assert time.process_time() - started < 3
    assert {"pass"} == {result.verdict for result in found}


def test_agreeing_on_every_row_is_no_certainty() -> None:
    """Two models that agree on all rows seen may differ on others: the interval has the width the rows allow."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=100)})
    y = (frame["x"] + rng.normal(size=100) > 0).astype(int).to_numpy()
    model = LogisticRegression().fit(frame, y)
    context_for = context_of(
        lambda ref: EvaluationData(ref, frame, frame, y),
        lambda ref: model,
        lambda name: "m@1",
    )
    [tight] = judge(NotWorseThan("production", "accuracy", margin=0.02), "m@2", context_for)
    [wide] = judge(NotWorseThan("production", "accuracy", margin=0.04), "m@2", context_for)
    missed = 1 - 0.025 ** (1 / 100)  # Clopper and Pearson's upper limit for 0 of 100
    assert (tight.value, tight.high) == (0, pytest.approx(missed))
    assert (tight.verdict, wide.verdict) == ("inconclusive", "pass")


def test_a_criterion_of_a_users_own_is_judged_slice_by_slice(context_for: Make, scored: Make, scores: Make) -> None:
    """By its verdict alone: what fails on either side fails, Holm's procedure included, and rows that would do."""
    region = np.arange(N) % 2
    y = (np.arange(N) // 2) % 2
    said = np.where(region == 0, scores(0.95, y, np.random.default_rng(0)), scores(0.8, y, np.random.default_rng(1)))
    context = context_for({"m@2": scored(said)}, y, region=region)
    good, low = judge(Between("roc_auc", 0.9, 0.99, slices="region"), "m@2", context)
    assert (good.verdict, low.verdict) == ("pass", "fail")
    assert (good.check, good.threshold) == ("roc_auc from 0.9 to 0.99 in every region", None)
    high, _ = judge(Between("roc_auc", 0.7, 0.85, slices="region"), "m@2", context)
    assert high.verdict == "fail"
    [near] = judge(Between("roc_auc", round(0.999 * (value := _whole(context)), 3), 1), "m@2", context)
    assert near.verdict == "inconclusive"
    assert near.value == value
    assert "rows do not decide it" in near.detail


def _whole(context: Any) -> float:
    [found] = judge(AtLeast("roc_auc", 0.5), "m@2", context)
    return found.value


@pytest.mark.parametrize(
    ("threshold", "said"),
    [(0.79, "about 6,800 would"), (0.8, "too close for any number of rows")],
)
def test_how_many_rows_would_decide(threshold: float, said: str, context_for: Make, scored: Make) -> None:
    """From how far the interval would have to shrink; a value at the threshold itself never decides."""
    y = np.arange(1000) % 2
    right = np.arange(1000) % 5 != 0
    [found] = judge(AtLeast("accuracy", threshold), "m@2", context_for({"m@2": scored(np.where(right, y, 1 - y))}, y))
    assert (found.value, found.verdict) == (0.8, "inconclusive")
    assert said in found.detail


def test_what_is_asked_of_what_it_is_not_about_is_an_error(context_for: Make) -> None:
    """A metric of a dataset, a count of a model, what is not here, and a class that measures nothing."""

    @frozen
    class Odd(Criterion):
        """Asks what nobody measures."""

    unknown = UnknownCriterion({"type": "shop.criteria:Fair"})
    for criterion, why in (
        (AtLeast("accuracy", 0.5), "accuracy ≥ 0.5 is asked of a model, and d@1 is a dataset"),
        (unknown, "this criterion needs the import of shop.criteria to be judged"),
        (Odd(), "nothing measures what Odd asks"),
    ):
        [found] = judge(criterion, "dataset:d@1", context_for({}, [0, 1]))
        assert (found.verdict, found.subject) == ("error", "dataset:d@1")
        assert why in found.detail


def test_what_was_stored_is_weighed_as_if_it_were_judged_today(context_for: Make, scored: Make, scores: Make) -> None:
    """Under another threshold the verdicts are those of a new evaluation, Holm's procedure included."""
    y, region = np.arange(N) % 2, (np.arange(N) // 2) % 8
    context = context_for({"m@2": scored(scores(0.8, y, np.random.default_rng(0)))}, y, region=region)
    stored = judge(AtLeast("roc_auc", 0.6, slices="region"), "m@2", context)
    seen = set()
    for threshold in (0.7, 0.78, 0.8, 0.82, 0.84, 0.9):
        asked = AtLeast("roc_auc", threshold, slices="region", blocking=False)
        now = weigh(asked, stored)
        assert now == list(judge(asked, "m@2", context))
        seen |= {one.verdict for one in now}
    assert seen == {"pass", "fail", "inconclusive"}
    broken = Result(check="roc_auc ≥ 0.6", verdict="error", detail="there is no metric")
    [kept] = weigh(AtLeast("roc_auc", 0.9), [broken])
    assert (kept.verdict, kept.detail, kept.check) == ("error", "there is no metric", "roc_auc ≥ 0.9")
