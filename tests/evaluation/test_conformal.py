"""Conformal thresholds: by hand, and by what they do to further natives."""

import numpy as np
import pytest
from stowaway.evaluation.conformal import (
    budget_threshold,
    p_values,
    rate_of_alarms,
    threshold,
    too_small,
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
    flagged = scores > threshold(calibration, rate)
    np.testing.assert_array_equal(flagged, p_values(scores, calibration) <= rate + 1e-9)
    assert too_small(n, rate) == np.isposinf(threshold(calibration, rate))


def test_five_percent_need_nineteen_events():
    assert too_small(18, 0.05) and not too_small(19, 0.05)
    assert threshold(np.arange(19.0), 0.05) == 18


@pytest.mark.parametrize(("n", "rate"), [(19, 0.05), (50, 0.1), (30, 0.05)])
def test_the_realised_rate_keeps_the_promise(n, rate):
    """On average over calibration sets: at most the rate, and at least 1 / (n + 1) less."""
    rng = np.random.default_rng(1)
    realised = [
        (rng.normal(size=400) > threshold(rng.normal(size=n), rate)).mean() for _ in range(3000)
    ]
    assert rate - 1 / (n + 1) - 0.003 <= np.mean(realised) <= rate + 0.003


def test_equal_scores_never_alarm():
    assert threshold(np.zeros(100), 0.05) == 0
    assert (p_values(np.zeros(3), np.zeros(100)) == 1).all()


def test_false_alarms_per_camera_day_as_a_rate():
    assert rate_of_alarms(0.1, daily=2) == 0.05  # two events a day, one in 20 may alarm
    assert rate_of_alarms(5, daily=2) == 1
    assert rate_of_alarms(0.1, daily=0) == 0


def test_a_review_budget_takes_the_highest_of_the_queue():
    queue = np.arange(10.0)
    assert (queue > budget_threshold(queue, 2, 1.5)).sum() == 3
    assert (queue > budget_threshold(queue, 20, 1)).all()
    assert not (queue > budget_threshold(queue, 1, 0.5)).any()
    assert not (np.ones(9) > budget_threshold(np.ones(9), 2, 1)).any()
