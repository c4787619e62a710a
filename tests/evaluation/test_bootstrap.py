"""The bootstrap of whole events: strata, intervals and their coverage."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from stowaway.evaluation.bootstrap import draw_runs, interval, resampled, share_interval
from stowaway.evaluation.metrics import METRICS, Ranked, wilson


def draws_of(events, novel, n, seed, species=None):
    """The draws of one fold whose novel crops are rats, or of `species`."""
    species = np.full(len(events), "rat") if species is None else species
    return draw_runs([("fold", events, novel, species)], events.max() + 1, n, seed, False)


def weights_of(events, novel, n, seed):
    return draws_of(events, novel, n, seed).weights[: events.max() + 1]


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


def test_with_left_out_species_each_keeps_its_number_of_events_and_folds_are_drawn():
    events, species = np.arange(9), np.array(["ant", "bee", "cat"]).repeat(3)
    folds = [f"leave_out_{name}" for name in ("ant", "bee", "cat")]
    samples = [
        (fold, events, fold == np.char.add("leave_out_", species), species) for fold in folds
    ]
    draws = draw_runs(samples, 9, 50, 1, True)
    assert (draws.weights.reshape(3, 3, 50).sum(1) == 3).all()
    times = np.array([draws.folds[fold] for fold in folds])
    assert (times.sum(0) == 3).all() and times.std() > 0.5
    np.testing.assert_array_equal(draws.alone, events)


def test_listed_species_are_drawn_whole_and_events_within_them():
    events = np.arange(16)
    species = np.array(["ant"] * 8 + ["rat"] * 5 + ["cat"] * 2 + ["fly"])
    draws = draws_of(events, events >= 8, 300, 1, species)
    weights = draws.weights.astype(int)
    assert (weights[:8].sum(0) == 8).all()
    rat, cat, fly = weights[8:13].sum(0), weights[13:15].sum(0), weights[15]
    # three species are drawn from three, and each brings as many events as it has
    assert set(rat) == {0, 5, 10, 15} and set(cat) == {0, 2, 4, 6} and set(fly) == {0, 1, 2, 3}
    assert (rat / 5 + cat / 2 + fly == 3).all()
    # looked at alone, a species is in each resample
    assert (weights[draws.alone[8:13]].sum(0) == 5).all()
    assert (weights[draws.alone[15]] == 1).all()
    assert (draws.alone[:8] == events[:8]).all()
    np.testing.assert_array_equal(weights, draws_of(events, events >= 8, 300, 1, species).weights)


def coverage(left_out: bool, spread: float, trials: int = 120) -> tuple[float, float]:
    """How often the AUROC's interval holds the truth over species; its width over events' alone.

    Eight novel species of six events, whose scores differ by `spread`; 40 native events.
    """
    rng = np.random.default_rng(3)
    truth = norm.cdf(1 / np.sqrt(2 + spread**2))  # of a native below a novel event, at mean 1
    species = np.array([f"s{n}" for n in range(8)]).repeat(6)
    held, wider = [], []
    for trial in range(trials):
        scores = np.r_[rng.normal(size=40), rng.normal(1 + spread * rng.normal(size=8).repeat(6))]
        names, events = np.r_[np.full(40, "ant"), species], np.arange(88)
        samples = [("listed", events, events >= 40, names)]
        if left_out:
            samples = [
                (
                    name,
                    *(
                        x[(names == "ant") | (names == name)]
                        for x in (events, names == name, names)
                    ),
                )
                for name in np.unique(species)
            ]
        draws = draw_runs(samples, 88, 200, trial, left_out)
        drawn = [
            resampled(Ranked(scores[of], novel, of), draws.weights, [METRICS["auroc"]])[0]
            for _, of, novel, _ in samples
        ]
        alone = [
            resampled(Ranked(scores[of], novel, draws.alone[of]), draws.weights, [METRICS["auroc"]])
            for _, of, novel, _ in samples
        ]
        times = [draws.folds[fold] for fold, *_ in samples]
        low, high = interval(np.average(drawn, axis=0, weights=times))
        held.append(low <= truth <= high)
        wider.append((high - low) / np.ptp(interval(np.mean(alone, axis=0)[0])))
    return np.mean(held), np.mean(wider)


@pytest.mark.parametrize("left_out", [False, True])
def test_the_interval_holds_the_mean_over_species_to_come(left_out):
    held, wider = coverage(left_out, spread=1.5)
    assert held > 0.87 and wider > 1.5


def test_shares_have_wilsons_interval_where_they_count_and_the_bootstraps_elsewhere():
    one, none = np.ones(6), np.zeros(6)
    events = np.arange(6)
    flags = np.array([1.0, 0, 0, 1, 0, 0])
    assert share_interval(flags, one, events, none, 100, 1) == wilson(2, 6)
    # frames of three events: one wholly flagged, one by half; no count
    low, high = share_interval(flags, one, events // 2, none, 400, 1)
    assert (low, high) == (0, 0.5)
    assert share_interval(none, one, events // 2, none, 100, 1) == wilson(0, 3)
    sizes = np.arange(1.0, 7)
    assert share_interval(sizes, sizes, events, none, 100, 1) == wilson(6, 6)
    assert np.isnan(share_interval(flags, one, none, none, 100, 1)).all()
    assert np.isnan(share_interval(*(np.empty(0),) * 4, 100, 1)).all()
    species = share_interval(
        np.r_[one, none] * 0.5, np.ones(12), np.arange(12), np.r_[none, one], 400, 1
    )
    events = share_interval(
        np.r_[one, none] * 0.5, np.ones(12), np.arange(12), np.zeros(12), 400, 1
    )
    assert np.ptp(species) == 0.5 > 1.2 * np.ptp(events)


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
