"""Thresholds of alarms: by hand, and by what they do to further natives."""

import numpy as np
import pytest

from stowaway.core.script import BadInput
from stowaway.evaluation.thresholds import (
    budget_threshold,
    conformal_threshold,
    p_values,
    threshold_for,
    too_few,
    unseen_natives,
)


def test_p_values_by_hand():
    calibration = np.array([1.0, 2.0, 3.0])
    found = p_values(np.array([0.0, 1.0, 2.5, 3.0, 9.0]), calibration)
    np.testing.assert_allclose(found, [1, 1, 2 / 4, 2 / 4, 1 / 4])


def test_p_values_within_each_class():
    scores, classes = np.array([5.0, 5.0, 5.0]), np.array(["ant", "bee", "cat"])
    calibration = np.array([1.0, 2.0, 8.0, 9.0])
    found = p_values(scores, calibration, classes, np.array(["ant", "ant", "bee", "bee"]))
    np.testing.assert_allclose(found, [1 / 3, 1, 1])


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.1, 0.25, 1])
@pytest.mark.parametrize("n", [0, 1, 9, 19, 20, 200])
def test_scores_above_the_threshold_are_those_of_low_p(n, rate):
    rng = np.random.default_rng(n)
    calibration, scores = rng.normal(size=n).round(1), rng.normal(size=500).round(1)
    flagged = scores > conformal_threshold(calibration, rate)
    np.testing.assert_array_equal(flagged, p_values(scores, calibration) <= rate + 1e-9)
    assert too_few(n, rate) == np.isposinf(conformal_threshold(calibration, rate))


def test_five_percent_need_nineteen_events():
    assert too_few(18, 0.05) and not too_few(19, 0.05)
    assert conformal_threshold(np.arange(19.0), 0.05) == 18


@pytest.mark.parametrize(("n", "rate"), [(19, 0.05), (50, 0.1), (30, 0.05)])
def test_the_realised_rate_keeps_the_promise(n, rate):
    """On average over calibration sets: at most the rate, and at least 1 / (n + 1) less."""
    rng = np.random.default_rng(1)
    realised = [
        (rng.normal(size=400) > conformal_threshold(rng.normal(size=n), rate)).mean()
        for _ in range(3000)
    ]
    assert rate - 1 / (n + 1) - 0.003 <= np.mean(realised) <= rate + 0.003


def test_equal_scores_never_alarm():
    assert conformal_threshold(np.zeros(100), 0.05) == 0
    assert (p_values(np.zeros(3), np.zeros(100)) == 1).all()


def test_false_alarms_per_camera_day_as_a_rate():
    known, none = np.arange(39.0), np.empty(0)
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
    known, queue = np.arange(19.0), np.arange(10.0)
    assert threshold_for("false_alarm_rate", 0.1, known, queue, np.nan, np.nan) == (17, 0.1)
    threshold, rate = threshold_for("alarms_per_week", 2, known, queue, 1, 1.5)
    assert (threshold, np.isnan(rate)) == (6, True)
    for target in ("false_alarms_per_camera_day", "alarms_per_week"):
        with pytest.raises(BadInput, match=f"alarm.target: {target} needs photos with dates"):
            threshold_for(target, 1, known, queue, np.nan, np.nan)


def test_thresholds_are_set_on_natives_that_the_detector_was_not_fitted_on():
    assert unseen_natives("features") == "calibration"
    assert unseen_natives("dense") == unseen_natives("convolutional") == "val"
