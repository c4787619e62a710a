"""The bootstrap of whole events: strata, intervals and their coverage."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from stowaway.evaluation.bootstrap import draw, event_strata, interval, resampled
from stowaway.evaluation.counts import Ranked
from stowaway.evaluation.metrics import METRICS


def weights_of(events, novel, n, seed):
    return draw(event_strata([("fold", events, novel)], events.max() + 1), n, seed)


def evaluate(scores, novel, events, n, seed):
    """Each of METRICS with its interval: name -> (value, low, high)."""
    ranked = Ranked(scores, novel, events)
    values = [metric(*ranked.counts()) for metric in METRICS.values()]
    draws = resampled(ranked, weights_of(events, novel, n, seed), METRICS.values())
    return dict(zip(METRICS, zip(values, *interval(draws), strict=True), strict=True))


def test_each_draw_has_as_many_events_of_each_side():
    events = np.repeat(np.arange(20), 3)
    novel = events >= 15
    weights = weights_of(events, novel, 200, 1)
    assert weights.shape == (20, 200)
    assert (weights[15:].sum(0) == 5).all() and (weights[:15].sum(0) == 15).all()
    assert weights.std() > 0.5
    np.testing.assert_array_equal(weights, weights_of(events, novel, 200, 1))


def test_with_left_out_species_each_keeps_its_number_of_events():
    events = np.arange(9)
    samples = [(f"leave_out_{n}", events, events // 3 == n) for n in range(3)]
    stratum = event_strata(samples, 9)
    assert [len(set(stratum[i : i + 3])) for i in (0, 3, 6)] == [1, 1, 1]
    assert len(set(stratum)) == 3
    assert (draw(stratum, 50, 1).reshape(3, 3, 50).sum(1) == 3).all()


def test_natives_that_are_only_in_mixed_events_are_in_every_draw():
    events = np.array([0, 0, 1, 1, 2, 3, 4])
    novel = np.array([True, False, True, False, True, True, True])
    found = evaluate(np.arange(7.0), novel, events, 200, 1)
    assert np.isfinite(list(found.values())).all()


def test_intervals_widen_with_clustering_and_hold_the_value():
    rng = np.random.default_rng(0)
    events = np.repeat(np.arange(60), 5)
    novel = events >= 40
    scores = rng.normal(size=60)[events] + novel
    clustered = evaluate(scores, novel, events, 400, 1)
    alone = evaluate(scores, novel, np.arange(300), 400, 1)
    for name in METRICS:
        value, low, high = clustered[name]
        assert low <= value <= high, name
        assert value == alone[name][0]
    width = {k: v["auroc"][2] - v["auroc"][1] for k, v in {"c": clustered, "a": alone}.items()}
    assert width["c"] > 1.5 * width["a"]


def test_the_interval_equals_one_made_with_scikit_learn():
    rng = np.random.default_rng(3)
    events = rng.integers(0, 30, 200)
    novel = events < 8
    scores = rng.normal(novel.astype(float))
    weights = weights_of(events, novel, 300, 7)[events].T
    drawn = [roc_auc_score(novel, scores, sample_weight=w) for w in weights]
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert evaluate(scores, novel, events, 300, 7)["auroc"][1:] == pytest.approx((low, high), 1e-5)


def test_promised_recall_at_few_natives_is_covered():
    """With 11 natives the ROC's own steps gave intervals above the value, right 7 times in 10."""
    rng = np.random.default_rng(6)
    truth, novel, held = 0.26, np.arange(41) >= 11, []
    for _ in range(150):
        scores = rng.normal(novel * 1.0)  # 5 % of natives lie above 1.645, 26 % of novel ones
        value, low, high = evaluate(scores, novel, np.arange(41), 200, 1)["recall_at_5_promised"]
        assert low <= value <= high
        held.append(low <= truth <= high)
    assert np.mean(held) > 0.83


def test_an_interval_is_over_resamples_with_a_value():
    low, high = interval(np.array([[1.0, 1.0, np.nan], [np.nan] * 3]))
    np.testing.assert_array_equal(low, [1, np.nan])
    np.testing.assert_array_equal(high, [1, np.nan])
    assert np.isnan(interval(np.empty((2, 0)))).all()
