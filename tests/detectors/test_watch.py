"""The watch list's head, on features whose species are known, and the rate that its scores keep."""

import numpy as np
import pytest

from stowaway.core.script import BadInput
from stowaway.detectors import watch
from stowaway.detectors.feature_methods import class_weights, with_event
from stowaway.detectors.watch import ARRAYS, WatchHead, lead_scores, load_head, whole_events
from stowaway.evaluation.thresholds import Calibration

DIMENSIONS = 40


def photos(seed: int, direction: int, events: int, frames: int = 4) -> np.ndarray:
    """Features of events of a species that has its own direction."""
    rng = np.random.default_rng([seed, direction])
    each = rng.normal(0, 0.1, (events, 1, DIMENSIONS)) + np.eye(DIMENSIONS)[direction] * 2
    return (each + rng.normal(0, 0.2, (events, frames, DIMENSIONS))).reshape(-1, DIMENSIONS)


@pytest.fixture
def material():
    """Six events of each of three natives, and one of a rat: features, species, events, watched."""
    features = np.concatenate([*(photos(1, n, 6) for n in range(3)), photos(1, 5, 1)])
    species = np.array(["fox"] * 24 + ["jay"] * 24 + ["mouse"] * 24 + ["rat"] * 4)
    events = np.array([f"{name}{n // 4}" for n, name in enumerate(species)])
    return features, species, events, species == "rat"


def test_an_event_s_mean_is_half_of_a_crop_s_score():
    scores, events = np.array([1.0, 3.0, 10.0]), np.array(["a", "a", "b"])
    assert with_event(scores, events).tolist() == [1.5, 2.5, 10]  # means 2 and 10
    assert with_event(scores[:, None], events)[:, 0].tolist() == [1.5, 2.5, 10]
    assert with_event(np.empty((0, 2)), np.empty(0, str)).shape == (0, 2)


def test_one_event_finds_the_others(material):
    head = WatchHead().fit(*material)
    assert head.watched.tolist() == ["rat"]
    rats, natives = photos(2, 5, 3), np.concatenate([photos(2, n, 3) for n in range(3)])
    scores = [head.score(x, np.arange(len(x)) // 4)[:, 0] for x in (rats, natives)]
    assert scores[0].min() > scores[1].max()
    assert head.native_scores.shape == (18, 1) and (np.diff(head.native_scores[:, 0]) >= 0).all()


def test_species_weigh_the_same_and_so_do_events_of_one():
    species, events = np.array(["a", "a", "a", "b"]), np.array(["1", "1", "2", "3"])
    # a: 1/2 of its two events each, the first has two frames; b: all; mean 1
    assert class_weights(species, events) == pytest.approx([0.5, 0.5, 1, 2])


def test_a_head_comes_back_from_its_arrays_and_none_is_none(material, tmp_path):
    head = WatchHead().fit(*material)
    np.savez(tmp_path / "watch.npz", **head.arrays())
    again, rats = load_head(tmp_path / "watch.npz"), photos(3, 5, 2)
    events = np.arange(len(rats))
    assert set(head.arrays()) == set(ARRAYS)
    assert np.array_equal(again.score(rats, events), head.score(rats, events))
    assert again.score(rats[:0], events[:0]).shape == (0, 1)
    np.savez(tmp_path / "none.npz")
    assert load_head(tmp_path / "none.npz") is None
    np.savez(tmp_path / "other.npz", x=np.ones(1))
    with pytest.raises(BadInput, match="other.npz"):
        load_head(tmp_path / "other.npz")


def test_a_head_without_natives_is_an_error(material):
    features, species, events, _ = material
    with pytest.raises(ValueError, match="no native"):
        WatchHead().fit(features, species, events, np.ones(len(species), bool))


def test_the_score_that_leads_is_the_higher_share_of_natives_below():
    usual, natives = np.array([0.0, 1, 2, 3]), np.array([[0.0], [10], [20], [30]])
    novelty, watch = np.array([2.5, 0.5, 0.5, np.nan]), np.array([[5.0], [25], [np.nan], [45]])
    score, which = lead_scores(novelty, usual, watch, natives)
    # shares 3/4 and 1/4; 1/4 and 3/4; 1/4; all and (45 - 30) / (30 - 15) beyond
    assert score == pytest.approx([0.75, 0.75, 0.25, 2])
    assert which.tolist() == [-1, 0, -1, 0]


@pytest.mark.parametrize("events", [9, 19, 99])
@pytest.mark.parametrize("watched", [1, 3])
def test_natives_keep_the_promised_rate_where_the_higher_of_several_scores_leads(events, watched):
    """Simulated natives with dependent scores: calibration and new events are scored alike."""
    rng, found = np.random.default_rng(events + watched), []

    def drawn(n: int) -> tuple[np.ndarray, np.ndarray]:
        common = rng.normal(size=n)
        heavy = rng.standard_t(2, size=(n, watched)) + common[:, None]
        return np.exp(common + rng.normal(size=n)), heavy

    rate = 1 / (events + 1)
    for _ in range(300):
        usual, natives = drawn(30)
        of_natives = np.sort(usual), np.sort(natives, axis=0)
        (own, like), (new, new_like) = drawn(events), drawn(40)
        known = lead_scores(own, of_natives[0], like, of_natives[1])[0]
        scores = lead_scores(new, of_natives[0], new_like, of_natives[1])[0]
        order = np.argsort(-known)
        calibration = Calibration(known[order], np.arange(events), np.ones(events))
        found.append(np.mean(calibration.p_values(scores) <= rate + 1e-9))
    # the mean of 300 calibration sets: within four standard errors
    error = np.std(found) / np.sqrt(len(found))
    assert np.mean(found) <= rate + 4 * error
    assert np.mean(found) >= rate / 2


def test_events_are_whole_and_some_at_a_time(monkeypatch):
    """Scores made of them are those of all at once; memory holds some."""
    monkeypatch.setattr(watch, "AT_ONCE", 10)
    events = np.array([f"e{n}" for n in np.random.default_rng(0).integers(0, 30, 200)])
    some = list(whole_events(events))
    assert np.array_equal(np.sort(np.concatenate(some)), np.arange(200))
    assert len(some) > 15 and max(map(len, some)) < 10 + max(np.unique_counts(events).counts)
    assert sum(len(np.unique(events[part])) for part in some) == len(np.unique(events))
    assert [len(part) for part in whole_events(np.full(50, "e"))] == [50]
    assert [len(part) for part in whole_events(np.array([], str))] == [0]
    assert sum(map(len, whole_events(np.array(["b", "a"])))) == 2


def test_one_animal_among_many_natives_of_an_event_still_leads(material):
    """The event's mean costs a rat among 20 natives half of its lead, and not its place."""
    head = WatchHead().fit(*material)
    rat, fox = photos(9, 5, 1)[:1], photos(9, 0, 5)
    scores = head.score(np.concatenate([rat, fox]), np.full(21, "mixed"))[:, 0]
    alone = head.score(rat, np.array(["alone"]))[0, 0]
    assert scores.argmax() == 0 and scores[0] < 0.6 * alone
    assert scores[0] > head.native_scores.max()
