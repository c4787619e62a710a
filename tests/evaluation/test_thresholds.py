"""Thresholds of alarms: by hand, and by what they do to further natives."""

import numpy as np
import pandas as pd
import pytest

from stowaway.core.script import BadInput
from stowaway.evaluation.thresholds import (
    Calibration,
    budget_threshold,
    needed,
    threshold_for,
    too_few,
    unseen_natives,
)


def calibration(scores, groups=None) -> Calibration:
    """Of events that are each a group, or lie in `groups`."""
    groups = np.arange(len(scores)) if groups is None else groups
    return Calibration.of(pd.DataFrame({"score": np.asarray(scores, float), "group": groups}))


def test_p_values_by_hand():
    found = calibration([1, 2, 3]).p_values(np.array([0.0, 1.0, 2.5, 3.0, 9.0]))
    np.testing.assert_allclose(found, [1, 1, 2 / 4, 2 / 4, 1 / 4])
    assert (calibration([]).p_values(np.arange(3.0)) == 1).all()


def test_each_group_weighs_the_same():
    """Location a has four events, b two, c one: shares at or above a score, by hand."""
    known = calibration([1, 2, 3, 4, 2, 5, 0], list("aaaabbc"))
    assert known.groups == 3
    found = known.p_values(np.array([6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0]))
    shares = [0, 1 / 2, 3 / 4, 1, 7 / 4, 2, 3]
    np.testing.assert_allclose(found, (1 + np.array(shares)) / 4)
    # p <= 0.25 needs a share of 0 above; 0.4375 is 3 / 4 of a group above; 0.5 one group
    assert [known.threshold(rate) for rate in (0.24, 0.25, 0.4375, 0.5, 1)] == [
        np.inf, 5, 3, 2, -np.inf
    ]  # fmt: skip


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.1, 0.25, 1])
@pytest.mark.parametrize("n", [0, 1, 9, 19, 20, 200])
def test_with_a_group_per_event_it_is_split_conformal_one_by_one(n, rate):
    rng = np.random.default_rng(n)
    known, scores = rng.normal(size=n).round(1), rng.normal(size=300).round(1)
    p = np.array([(1 + (known >= score).sum()) / (n + 1) for score in scores])
    np.testing.assert_allclose(calibration(known).p_values(scores), p)
    flagged = scores > calibration(known).threshold(rate)
    np.testing.assert_array_equal(flagged, p <= rate + 1e-9)
    assert too_few(n, rate) == np.isposinf(calibration(known).threshold(rate))


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.3, 0.77])
@pytest.mark.parametrize("groups", [1, 3, 12, 60])
def test_scores_above_the_threshold_are_those_of_low_p(groups, rate):
    rng = np.random.default_rng(groups)
    known = calibration(rng.normal(size=200).round(1), rng.integers(0, groups, 200))
    scores = rng.normal(size=500).round(1)
    for of in (known, known.resampled(rng)):
        np.testing.assert_array_equal(
            scores > of.threshold(rate), of.p_values(scores) <= rate + 1e-9
        )
    assert too_few(known.groups, rate) == np.isposinf(known.threshold(rate))


def test_five_percent_need_nineteen_groups():
    assert too_few(18, 0.05) and not too_few(19, 0.05)
    assert calibration(np.arange(19.0)).threshold(0.05) == 18
    assert [needed(rate) for rate in (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)] == [
        99, 49, 19, 9, 6, 4, 3
    ]  # fmt: skip
    assert all(too_few(needed(r) - 1, r) and not too_few(needed(r), r) for r in (0.05, 0.07, 1 / 3))


def realised(locations: int, rate: float, pooled: bool, trials: int = 3000) -> float:
    """The mean rate at which natives of a new location alarm, where locations differ.

    A location has one to thirty events, of which those of a rich one score higher.
    """
    rng = np.random.default_rng(locations)
    shares = []
    for _ in range(trials):
        sizes = rng.integers(1, 31, locations + 1)
        effects = rng.normal(size=locations + 1) + 0.02 * sizes
        scores = np.repeat(effects, sizes) + 0.5 * rng.normal(size=sizes.sum())
        known, new = np.split(scores, [-sizes[-1]])
        groups = np.repeat(np.arange(locations), sizes[:-1]) if pooled else None
        shares.append((new > calibration(known, groups).threshold(rate)).mean())
    return np.mean(shares)


@pytest.mark.parametrize(
    ("locations", "rate"), [(20, 0.05), (40, 0.05), (30, 0.1), (4, 0.3), (4, 0.4)]
)
def test_natives_of_a_new_location_alarm_at_most_as_asked(locations, rate):
    noise = 3 * np.sqrt(rate / 3000)
    assert realised(locations, rate, pooled=True) <= rate + noise


@pytest.mark.parametrize("locations", [3, 5])
def test_few_locations_never_alarm_though_they_have_many_events(locations):
    assert realised(locations, 0.05, pooled=True, trials=300) == 0
    # by events, as if each were a group, more alarm than were asked for
    assert realised(locations, 0.05, pooled=False, trials=1000) > 0.07


@pytest.mark.parametrize(("n", "rate"), [(19, 0.05), (50, 0.1), (30, 0.05)])
def test_the_realised_rate_keeps_the_promise(n, rate):
    """On average over calibration sets: at most the rate, and at least 1 / (n + 1) less."""
    rng = np.random.default_rng(1)
    rates = [
        (rng.normal(size=400) > calibration(rng.normal(size=n)).threshold(rate)).mean()
        for _ in range(1500)
    ]
    assert rate - 1 / (n + 1) - 0.004 <= np.mean(rates) <= rate + 0.004


def test_equal_scores_never_alarm():
    assert calibration(np.zeros(100)).threshold(0.05) == 0
    assert (calibration(np.zeros(100)).p_values(np.zeros(3)) == 1).all()


def test_false_alarms_per_camera_day_as_a_rate():
    known, none = calibration(np.arange(39.0)), np.empty(0)
    target = "false_alarms_per_camera_day"
    # two events a day, one in 20 may alarm: above the second highest of 39
    assert threshold_for(target, 0.1, known, none, 2, 1) == (37, 0.05)
    assert threshold_for(target, 5, known, none, 2, 1) == (-np.inf, 1)


def test_a_review_budget_takes_the_highest_of_the_queue():
    queue = np.arange(10.0)
    assert (queue > budget_threshold(queue, 2, 1.5)).sum() == 3
    assert (queue > budget_threshold(queue, 20, 1)).all()
    assert not (queue > budget_threshold(queue, 1, 0.5)).any()
    assert not (np.ones(9) > budget_threshold(np.ones(9), 2, 1)).any()


def test_each_target_has_its_threshold_and_its_rate():
    known, queue = calibration(np.arange(19.0)), np.arange(10.0)
    assert threshold_for("false_alarm_rate", 0.1, known, queue, np.nan, np.nan) == (17, 0.1)
    threshold, rate = threshold_for("alarms_per_week", 2, known, queue, 1, 1.5)
    assert (threshold, np.isnan(rate)) == (6, True)
    for target in ("false_alarms_per_camera_day", "alarms_per_week"):
        with pytest.raises(BadInput, match=f"alarm.target: {target} needs photos with dates"):
            threshold_for(target, 1, known, queue, np.nan, np.nan)


def test_thresholds_are_set_on_natives_that_the_detector_was_not_fitted_on():
    assert unseen_natives("features") == "calibration"
    assert unseen_natives("dense") == unseen_natives("convolutional") == "val"
