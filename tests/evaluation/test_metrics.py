"""Metrics against scikit-learn's and by hand, and the score of an event."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from stowaway.evaluation.metrics import (
    METRICS,
    Ranked,
    auroc,
    average_precision,
    first_find,
    fpr_at_tpr,
    highest_crops,
    perfect,
    recall_at_fpr,
    recall_at_promised,
    recall_in_queue,
    wilson,
)


def counted(scores, novel):
    return Ranked(np.asarray(scores, float), np.asarray(novel), np.arange(len(novel))).counts()


@pytest.mark.parametrize("ties", [False, True])
def test_areas_equal_scikit_learns_also_in_resamples(ties):
    rng = np.random.default_rng(1)
    novel = rng.random(400) < 0.2
    scores = rng.normal(novel * 1.0)
    scores = scores.round(0) if ties else scores
    weights = rng.integers(0, 4, (400, 5)).astype(np.uint8)
    ranked = Ranked(scores, novel, np.arange(400))
    drawn = ranked.resampled(weights)
    for metric, theirs in ((auroc, roc_auc_score), (average_precision, average_precision_score)):
        assert metric(*ranked.counts()) == pytest.approx(theirs(novel, scores))
        expected = [theirs(novel, scores, sample_weight=w) for w in weights.T]
        np.testing.assert_allclose(metric(*drawn), expected, rtol=1e-5)


AT_RATES = {  # what scikit-learn's ROC has at a rate
    "recall_at_1_fpr": lambda fpr, tpr: tpr[fpr <= 0.01].max(),
    "recall_at_5_fpr": lambda fpr, tpr: tpr[fpr <= 0.05].max(),
    "fpr_at_95_tpr": lambda fpr, tpr: fpr[tpr >= 0.95].min(),
    "fpr_at_50_tpr": lambda fpr, tpr: fpr[tpr >= 0.5].min(),
}


def at_rates(novel, scores, weights=None) -> dict[str, float]:
    """AT_RATES by scikit-learn; `weights` are whole numbers."""
    curve = roc_curve(novel, scores, sample_weight=weights, drop_intermediate=False)
    return {name: read(*curve[:2]) for name, read in AT_RATES.items()}


@pytest.mark.parametrize("digits", [0, 1, 8])
@pytest.mark.parametrize(("native", "novel"), [(1, 1), (8, 24), (20, 20), (100, 5), (19, 400)])
def test_what_a_threshold_finds_and_costs_equals_scikit_learns(native, novel, digits):
    rng = np.random.default_rng(native)
    side = np.arange(native + novel) >= native
    for _ in range(20):
        scores = rng.normal(side * 1.0).round(digits)
        found = {name: METRICS[name](*counted(scores, side)) for name in AT_RATES}
        assert found == pytest.approx(at_rates(side, scores))


@pytest.mark.parametrize("ties", [False, True])
def test_what_a_threshold_finds_and_costs_equals_scikit_learns_in_each_resample(ties):
    rng = np.random.default_rng(2)
    novel = rng.random(60) < 0.3
    scores = rng.normal(novel * 1.0).round(0 if ties else 9)
    weights = rng.multinomial(60, np.full(60, 1 / 60), 30).T.astype(np.uint8)
    drawn = Ranked(scores, novel, np.arange(60)).resampled(weights)
    found = {name: METRICS[name](*drawn) for name in AT_RATES}
    for i, weight in enumerate(weights.T):
        one = {name: values[i] for name, values in found.items()}
        assert one == pytest.approx(at_rates(novel, scores, weight)), i


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([*range(8), *[9] * 5], {"recall": 1, "fpr": 0, "promised": 0.45}),  # perfect
        ([*range(1, 9), *[0] * 5], {"recall": 0, "fpr": 1, "promised": 0}),  # the wrong way round
        ([0] * 13, {"recall": 0, "fpr": 1, "promised": 0}),  # constant
    ],
)
def test_perfect_and_useless_detectors_with_eight_natives_and_five_novel_events(scores, expected):
    counts = counted(scores, np.arange(13) >= 8)
    for name in ("recall_at_1_fpr", "recall_at_5_fpr"):
        assert METRICS[name](*counts) == expected["recall"]
    for name in ("fpr_at_95_tpr", "fpr_at_50_tpr"):
        assert METRICS[name](*counts) == expected["fpr"]
    # split-conformal: the rate is a multiple of 1 in 9, so 5 % is 45 % of the way to the first
    assert METRICS["recall_at_5_promised"](*counts) == pytest.approx(expected["promised"])


@pytest.mark.parametrize(("native", "novel"), [(1, 1), (8, 5), (300, 12)])
def test_ceilings_are_what_a_perfect_detector_has(native, novel):
    side = np.arange(native + novel) >= native
    rng = np.random.default_rng(1)
    counts = counted(rng.random(native + novel) + side, side)
    ceilings = {name: float(metric(*perfect(native, novel))) for name, metric in METRICS.items()}
    assert {name: float(metric(*counts)) for name, metric in METRICS.items()} == pytest.approx(
        ceilings
    )
    prevalence = novel / (native + novel)
    expected = {"auroc": 1, "aupr": 1, "rank_of_first_find": 1} | dict.fromkeys(AT_RATES, 1)
    expected |= {"fpr_at_95_tpr": 0, "fpr_at_50_tpr": 0}
    for percent in (1, 5, 10):
        expected[f"recall_in_first_{percent}"] = min(1, percent / 100 / prevalence)
    for percent in (1, 5):
        expected[f"recall_at_{percent}_promised"] = min(1, percent / 100 * (native + 1))
    assert ceilings == pytest.approx(expected)


def test_a_resample_equals_the_data_that_it_draws():
    """Every metric of weighted events is that of a table in which they are repeated."""
    rng = np.random.default_rng(4)
    events = rng.integers(0, 30, 90)
    novel, scores = events < 12, rng.normal(size=90).round(1)
    weights = rng.multinomial(30, np.full(30, 1 / 30), 20).T.astype(np.uint8)
    drawn = Ranked(scores, novel, events).resampled(weights)
    for i, weight in enumerate(weights.T):
        rows = np.repeat(np.arange(90), weight[events])
        plain = counted(scores[rows], novel[rows])
        for name, metric in METRICS.items():
            assert metric(*drawn)[i] == pytest.approx(metric(*plain), rel=1e-4, abs=1e-5), name


def test_many_thresholds_are_thinned_without_harm():
    rng = np.random.default_rng(0)
    novel = rng.random(9000) < 0.1
    ranked = Ranked(rng.normal(novel * 1.0), novel, np.arange(9000))
    drawn = ranked.resampled(np.ones((9000, 1), np.uint8))
    assert 1000 < len(drawn[0]) <= 2000
    for name in ("auroc", *AT_RATES, "recall_at_5_promised", "recall_in_first_5"):
        metric = METRICS[name]
        assert metric(*drawn)[0] == pytest.approx(metric(*ranked.counts()), abs=2e-3)


def test_metrics_by_hand():
    counts = counted([0.9, 0.8, 0.7, 0.6, 0.5], [True, False, True, False, False])
    assert auroc(*counts) == pytest.approx(5 / 6)  # of 6 pairs, only (0.7, 0.8) is in wrong order
    assert average_precision(*counts) == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert first_find(*counts) == 1
    # above the first native of three half is found, at 1 / 4 of false alarms; then all, at 2 / 4
    assert recall_at_promised(*counts, 0.25) == pytest.approx(0.5)
    assert recall_at_promised(*counts, 0.05) == pytest.approx(0.1)
    assert recall_at_promised(*counts, 0.375) == pytest.approx(0.75)
    assert recall_at_promised(*counts, 0.5) == recall_at_promised(*counts, 1) == 1
    # of these three natives one lies above the lower novel crop
    assert recall_at_fpr(*counts, 0) == recall_at_fpr(*counts, 0.33) == 0.5
    assert recall_at_fpr(*counts, 1 / 3) == recall_at_fpr(*counts, 1) == 1
    assert fpr_at_tpr(*counts, 0.5) == 0
    assert fpr_at_tpr(*counts, 0.51) == fpr_at_tpr(*counts, 1) == pytest.approx(1 / 3)
    assert recall_in_queue(*counts, 0.2) == pytest.approx(0.5)
    assert recall_in_queue(*counts, 0.5) == pytest.approx(0.75)  # half of the third crop
    assert recall_in_queue(*counts, 1) == 1


def test_false_alarms_to_come_are_those_of_conformal_thresholds():
    """A threshold at the k-th of n natives flags k / (n + 1): checked on many further ones."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(2000):
        scores = np.concatenate([rng.random(19), np.linspace(0, 1, 1001)])
        found.append(recall_at_promised(*counted(scores, np.arange(1020) >= 19), 0.05))
    assert np.mean(found) == pytest.approx(0.05, abs=0.004)


def test_all_equal_scores_find_nothing_but_by_chance():
    counts = counted(np.zeros(6), np.array([True, False] * 3))
    assert auroc(*counts) == 0.5
    assert average_precision(*counts) == 0.5
    assert recall_at_fpr(*counts) == recall_at_promised(*counts) == 0
    assert fpr_at_tpr(*counts) == 1
    assert recall_in_queue(*counts, 0.1) == pytest.approx(0.1)
    assert first_find(*counts) == 1 + 3 / 4


def test_an_absent_side_is_not_a_number():
    for novel in (np.ones(3, bool), np.zeros(3, bool)):
        counts = counted(np.arange(3.0), novel)
        for name in ("auroc", *AT_RATES, "recall_at_5_promised"):
            assert np.isnan(METRICS[name](*counts))
    assert np.isnan(first_find(*counts))


def test_one_native_and_one_novel_unit():
    counts = counted([1.0, 2.0], [False, True])
    assert auroc(*counts) == 1
    assert recall_at_fpr(*counts) == 1
    assert recall_at_promised(*counts) == pytest.approx(0.1)  # one native promises no 5 %


def test_an_event_is_its_highest_crop_and_the_first_of_equals():
    scores = np.array([1.0, 5.0, 2.0, 3.0, 9.0, 5.0])
    events = np.array(["a", "a", "b", "b", "b", "a"])
    assert highest_crops(scores, events).tolist() == [1, 4]
    novel = np.array([False, False, True, True, False, False])  # event b has both sides
    assert highest_crops(scores, events, novel).tolist() == [1, 3, 4]
    assert highest_crops(scores, events, np.arange(6)).tolist() == list(range(6))
    assert highest_crops(np.empty(0), np.empty(0), np.empty(0)).tolist() == []


def test_highest_crops_equal_a_loop():
    rng = np.random.default_rng(2)
    scores, events, side = (rng.integers(0, n, 300) for n in (5, 40, 3))
    best = {}
    for i, key in enumerate(zip(events, side, strict=True)):
        if key not in best or scores[i] > scores[best[key]]:
            best[key] = i
    assert highest_crops(scores, events, side).tolist() == sorted(best.values())


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (5, 5), (3, 7), (50, 200), (47, 47)])
def test_wilson_equals_scipys(hits, n):
    expected = binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson(hits, n) == pytest.approx((expected.low, expected.high))
    assert wilson(hits, n)[0] <= hits / n <= wilson(hits, n)[1]


def test_wilson_of_nothing():
    assert wilson(0, 0) == (0, 1)
