import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from stowaway.metrics import (
    METRICS,
    auroc,
    average_precision,
    by_event,
    evaluate,
    fpr_at_tpr,
    recall_at_fpr,
    resamples,
    roc,
    wilson,
)
from stowaway.thresholds import JUDGED, judge, rules, sweep


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_curves_equal_scikit_learns(ties, weighted):
    rng = np.random.default_rng(1)
    novel = rng.random(400) < 0.2
    scores = rng.normal(novel * 1.0)
    scores = scores.round(0) if ties else scores
    weights = rng.integers(0, 4, 400).astype(float) if weighted else None
    points = roc(scores, novel, weights)
    assert auroc(points) == pytest.approx(roc_auc_score(novel, scores, sample_weight=weights))
    expected = average_precision_score(novel, scores, sample_weight=weights)
    assert average_precision(points) == pytest.approx(expected)
    fpr, tpr, _ = roc_curve(novel, scores, sample_weight=weights)
    assert fpr_at_tpr(points) == pytest.approx(fpr[np.argmax(tpr >= 0.95 - 1e-12)])
    assert recall_at_fpr(points) == pytest.approx(tpr[fpr <= 0.05 + 1e-12].max())


def test_metrics_by_hand():
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    novel = np.array([True, False, True, False, False])
    points = roc(scores, novel)
    assert auroc(points) == pytest.approx(5 / 6)  # of 6 pairs, only (0.7, 0.8) is in wrong order
    assert average_precision(points) == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert fpr_at_tpr(points) == pytest.approx(1 / 3)
    assert recall_at_fpr(points, 0) == 0.5


def test_all_equal_scores_are_a_coin():
    points = roc(np.zeros(6), np.array([True, False] * 3))
    assert auroc(points) == 0.5
    assert average_precision(points) == 0.5
    assert fpr_at_tpr(points) == 1


def test_events_are_scored_by_their_highest_crop():
    scores = np.array([1.0, 5.0, 2.0, 3.0, 9.0])
    novel = np.array([False, False, True, True, False])
    highest, is_novel, event = by_event(scores, novel, np.array(["a", "a", "b", "b", "b"]))
    found = {(int(e), bool(n)): s for s, n, e in zip(highest, is_novel, event, strict=True)}
    assert found == {(0, False): 5.0, (1, True): 3.0, (1, False): 9.0}


def test_resampling_draws_whole_events_and_keeps_both_kinds():
    events = np.repeat(np.arange(20), 3)
    novel = events >= 15
    draws = np.array(list(resamples(events, novel, 200, 1)))
    assert (draws.reshape(200, 20, 3) == draws.reshape(200, 20, 3)[:, :, :1]).all()
    assert (draws[:, novel].sum(1) == 15).all()
    assert (draws[:, ~novel].sum(1) == 45).all()
    assert (draws == np.array(list(resamples(events, novel, 200, 1)))).all()


def test_intervals_widen_with_clustering_and_hold_the_value():
    rng = np.random.default_rng(0)
    events = np.repeat(np.arange(60), 5)
    novel = events >= 40
    scores = rng.normal(size=60)[events] + novel
    clustered = evaluate(scores, novel, events, 400, 1)
    alone = evaluate(scores, novel, np.arange(300), 400, 1)
    for name in METRICS:
        value, low, high = clustered[name]
        assert low <= value <= high
        assert value == alone[name][0]
    width = {k: v["auroc"][2] - v["auroc"][1] for k, v in {"c": clustered, "a": alone}.items()}
    assert width["c"] > 1.5 * width["a"]


def test_the_bootstrap_interval_equals_one_made_with_scikit_learn():
    rng = np.random.default_rng(3)
    events = rng.integers(0, 30, 200)
    novel = events < 8
    scores = rng.normal(novel.astype(float))
    drawn = [
        roc_auc_score(novel, scores, sample_weight=w) for w in resamples(events, novel, 300, 7)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert evaluate(scores, novel, events, 300, 7)["auroc"][1:] == pytest.approx((low, high))


def test_natives_that_are_only_in_mixed_events_are_in_every_draw():
    events = np.array([0, 0, 1, 1, 2, 3, 4])
    novel = np.array([True, False, True, False, True, True, True])
    found = evaluate(np.arange(7.0), novel, events, 200, 1)
    assert np.isfinite(list(found.values())).all()


def test_one_event_on_a_side_has_no_interval():
    value, low, high = evaluate(np.arange(4.0), np.arange(4) > 1, np.array([0, 0, 1, 2]), 100, 1)[
        "auroc"
    ]
    assert value == 1
    assert np.isnan([low, high]).all()


def test_nothing_to_compare_is_not_a_number():
    assert np.isnan(evaluate(np.ones(3), np.zeros(3, bool), np.arange(3), 100, 1)["auroc"]).all()


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (5, 5), (3, 7), (50, 200), (47, 47)])
def test_wilson_equals_scipys(hits, n):
    expected = binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson(hits, n) == pytest.approx((expected.low, expected.high))
    assert wilson(hits, n)[0] <= hits / n <= wilson(hits, n)[1]


def test_wilson_of_nothing():
    assert wilson(0, 0) == (0, 1)


def table(error, correlation):
    events = [f"e{n // 2}" for n in range(len(error))]
    return pd.DataFrame({"error": error, "correlation": correlation, "event": events})


def test_the_originals_thresholds_by_hand():
    val = table([1.0, 2.0, 3.0, 4.0], [0.8, 0.8, 0.6, 0.6])
    found = {(rule.name, rule.parameter): rule for rule in rules(val)}
    assert len(found) == 14
    assert found["correlation", 0.5].threshold == pytest.approx(0.35)
    assert found["deviation", 2].threshold == pytest.approx(2.5 + 2 * np.sqrt(1.25))
    assert found["quartile", 25].threshold == pytest.approx(1.75)
    assert found["correlation", 0.5].flags(table([0, 0], [0.3, 0.4])).tolist() == [True, False]
    assert found["quartile", 25].flags(table([1.7, 1.8], [0, 0])).tolist() == [False, True]


def test_the_quartile_rule_flags_three_natives_in_four():
    """Mistake 1 of the original: it never looked. Here the rate stands beside the recall."""
    rng = np.random.default_rng(0)
    val, natives, rats = (table(rng.random(n), rng.random(n)) for n in (400, 400, 10))
    quartile = next(rule for rule in rules(val) if rule.name == "quartile")
    (values,) = judge(quartile, natives, {"rat": rats})
    row = dict(zip(JUDGED, values, strict=True))
    assert row["false_alarm_rate"] == pytest.approx(0.75, abs=0.06)
    assert row["false_alarm_low"] < row["false_alarm_rate"] < row["false_alarm_high"]
    assert (row["n"], row["events"], row["n_native"], row["native_events"]) == (10, 5, 400, 200)
    assert (row["low"], row["high"]) == wilson(row["recall"] * 5, 5)
    assert row["recall"] == (rats["error"] > quartile.threshold).mean()


def test_the_sweep_is_monotone_in_its_parameter():
    rng = np.random.default_rng(0)
    val = table(rng.random(50), rng.random(50))
    for score, direction in (("correlation", 1), ("error", -1)):
        flagged = [rule.flags(val).mean() for rule in sweep(val, score)]
        assert (np.diff(flagged) * direction >= 0).all()
        assert flagged[0] != flagged[-1]
