"""The review queue and its threshold, what is shown of it and what is left out, by hand counts."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import export_queue as script
from export_queue import export_queue
from stowaway.core.script import BadInput
from stowaway.core.tables import read_sheet, read_table
from stowaway.evaluation.alarms import events_of, set_alarm
from stowaway.review import suppression
from stowaway.review.examples import TEXTS, Examples, save
from stowaway.review.queue import (
    BEYOND,
    COLUMNS,
    MOST_SHOWN,
    choose,
    review_queue,
    with_watch,
)
from stowaway.review.suppression import (
    MUTED_LOCATION,
    MUTED_SPECIES,
    PERSON,
    REPEATED,
    REVIEWED,
    SET_BACK,
)

ALARM = {"target": "false_alarm_rate", "limit": 0.1, "per_species": False, "group": "sequence"}
REVIEW = {"budget": 50, "sample": 5, "repeats": 20, "natives": "tested", "reviewed": "hidden"}
REVIEW |= {"mute": {"species": [], "locations": []}}


def crops(role: str, scores, **more) -> pd.DataFrame:
    """Two crops per event: one with the event's score, one below it."""
    lines = [
        {"event": f"{role}{n}", "score": value, "crop_id": f"{role}{n}{part}", "role": role}
        for n, score in enumerate(scores)
        for part, value in (("a", score - 5), ("b", score))
    ]
    known = {
        "species": "fox",
        "location": "east",
        "predicted": "fox",
        "image_path": "x.jpg",
        "image_id": "i",
        "similarity": 0.934,
        "second": "skunk",
        "second_similarity": 0.61,
        "repeat": "",
        "occurrences": 0,
        "watched": "",
        "examples": np.nan,
    }
    columns = ["event", "score", "crop_id", "role"]
    table = pd.DataFrame(lines, columns=columns).assign(**known | more)
    table["group"] = table["event"]
    if "datetime" not in table:
        day = np.arange(len(table)) // 2 % 28 + 1
        table["datetime"] = [f"2024-02-{d:02}T10:00:00" for d in day]
    return table


@pytest.fixture
def table():
    """Calibration events score 0..18; of 10 test natives one is above 17, of 4 rats three are."""
    rats = {"species": "rat"}
    return pd.concat(
        [
            crops("calibration", range(19)),
            crops("test", [*range(9), 20]),
            crops("novel", [17.5, 18.5, 30, 4], **rats),
            crops("val", range(5)),
        ],
        ignore_index=True,
    )


def days_of(table: pd.DataFrame) -> pd.DataFrame:
    """The camera-days of the crops."""
    days = table[["location"]].assign(date=table["datetime"].str[:10], images=1)
    return days[days["date"] != ""].drop_duplicates()


def queue_of(table: pd.DataFrame, alarm: dict, days: pd.DataFrame | None = None) -> pd.DataFrame:
    days = days_of(table) if days is None else days
    return review_queue(table, days, alarm, REVIEW)[0]


def both_of(table: pd.DataFrame, alarm: dict = ALARM, **more) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The queue and what is left out, by event; `more` are settings of REVIEW, people, decided."""
    settings = {name: more.pop(name) for name in list(more) if name in REVIEW}
    tables = review_queue(table, days_of(table), alarm, REVIEW | settings, **more)
    return tuple(table.set_index("event") for table in tables)


def test_an_event_is_its_highest_crop():
    queue = queue_of(pd.concat([crops("test", [7, 3]), crops("calibration", [1])]), ALARM)
    row = queue.set_index("event")
    assert row["score"].to_dict() == {"test0": 7, "test1": 3}
    assert row.loc["test0", "crop_id"] == "test0b" and row.loc["test0", "crops"] == 2


def test_alarms_at_a_rate_are_those_that_few_calibration_events_reach(table):
    queue = queue_of(table, ALARM)
    assert list(queue) == COLUMNS and queue["rank"].tolist() == list(range(1, 15))
    # 19 events, 10 %: p <= 0.1 allows one calibration event above or equal, so more than 17
    assert set_alarm(table, ALARM, 1, days_of(table)).threshold == 17
    assert list(queue["event"])[:4] == ["novel2", "test9", "novel1", "novel0"]
    assert (queue["alarm"] == "yes").sum() == 4
    assert list(queue["p_value"])[:4] == pytest.approx([1 / 20, 1 / 20, 1 / 20, 2 / 20])
    assert set(queue["role"]) == {"test", "novel"}


def test_too_few_calibration_events_never_alarm_and_say_so(table, capsys):
    queue = queue_of(table, ALARM | {"limit": 0.01})
    assert set(queue["alarm"]) == {"no"}
    assert (
        "alarm: 19 calibration groups (split.group: sequence) are too few for a rate of 0.01, "
        "which needs 99: there is never an alarm; ask for a higher rate, or add photos"
    ) in capsys.readouterr().err


def test_a_budget_takes_the_head_of_the_queue_and_alarms_per_day_need_dates(table):
    weekly = ALARM | {"target": "alarms_per_week", "limit": 2}
    queue = queue_of(table, weekly)
    # photos on 19 days are 2.7 weeks: five whole events
    assert (queue["alarm"] == "yes").sum() == 5
    # 34 native events on 19 camera-days: 0.1 x 34 / 19 a day is a rate of 0.1
    daily = ALARM | {"target": "false_alarms_per_camera_day", "limit": 0.1 * 34 / 19}
    pd.testing.assert_frame_equal(queue_of(table, daily), queue_of(table, ALARM))
    with pytest.raises(BadInput, match="alarm.target: alarms_per_week needs photos with dates"):
        queue_of(table.assign(datetime=""), weekly)


def test_per_species_an_event_is_compared_with_its_likes(table, capsys):
    table.loc[table["event"].isin([f"calibration{n}" for n in range(9)]), "predicted"] = "jay"
    table.loc[table["event"] == "test8", "predicted"] = "jay"
    per_species = ALARM | {"per_species": True}
    queue = queue_of(table, per_species)
    row = queue.set_index("event").loc["test8"]  # 8, of the nine jays 0..8 one is as high
    assert row["p_value"] == pytest.approx(2 / 10)
    assert queue["p_value"].is_monotonic_increasing
    assert "calibration groups" not in capsys.readouterr().err
    queue_of(table, per_species | {"limit": 0.05})
    few = (
        "9 calibration groups (split.group: sequence) taken for jay are too few for a rate of 0.05"
    )
    assert few in capsys.readouterr().err
    with pytest.raises(BadInput, match="per_species"):
        queue_of(table.assign(predicted=""), per_species)


def test_one_camera_at_1970_adds_a_day_to_a_weekly_budget_and_not_fifty_years(table):
    weekly = ALARM | {"target": "alarms_per_week", "limit": 1}
    days = days_of(table)
    table.loc[table["event"] == "test3", "datetime"] = "1970-01-01T00:00:00"
    wrong = pd.DataFrame({"location": ["east"], "date": ["1970-01-01"], "images": [1]})
    queue = queue_of(table, weekly, pd.concat([days, wrong]))
    assert (queue["alarm"] == "yes").sum() == 2  # 20 days


def test_a_weekly_budget_is_for_the_days_of_the_queues_locations(table):
    """A photo of no animal counts as a day; a location that the queue does not hold does not."""
    weekly = ALARM | {"target": "alarms_per_week", "limit": 1}
    dates = pd.date_range("2024-05-01", periods=30).strftime("%Y-%m-%d")
    days = pd.DataFrame({"location": "east", "date": dates})
    west = pd.DataFrame({"location": "west", "date": dates.str.replace("2024", "2023")})
    days = pd.concat([days, west, days_of(table).assign(location="north")])
    queue = queue_of(table, weekly, days)
    assert (queue["alarm"] == "yes").sum() == 4  # 30 days


def test_a_weekly_budget_of_a_split_by_time_is_for_the_tested_days(table):
    """Of 30 days the natives of the last 14 are tested, where the split fits on earlier ones."""
    weekly = ALARM | {"target": "alarms_per_week", "limit": 1, "group": "time"}
    dates = pd.date_range("2024-05-01", periods=30).strftime("%Y-%m-%d")
    days = pd.DataFrame({"location": "east", "date": dates})
    days = pd.concat([days, days_of(table).assign(location="north")])
    table.loc[table["role"] == "test", "datetime"] = f"{dates[16]}T01:00:00"
    assert (queue_of(table, weekly, days)["alarm"] == "yes").sum() == 2
    by_sequence = queue_of(table, weekly | {"group": "sequence"}, days)
    assert (by_sequence["alarm"] == "yes").sum() == 4


def test_calibration_counts_locations_where_they_are_the_groups(table, capsys):
    at = table["role"] == "calibration"
    table.loc[at, "group"] = table.loc[at, "event"].str[-1]  # ten locations of one or two events
    queue = queue_of(table, ALARM | {"group": "location", "limit": 0.05})
    assert set(queue["alarm"]) == {"no"}
    few = "10 calibration groups (split.group: location) are too few for a rate of 0.05, which"
    assert few in capsys.readouterr().err
    row = queue.set_index("event")
    assert row.loc["novel2", "p_value"] == pytest.approx(1 / 11)  # above all of them
    # 17.5 is below 18 alone, one of the two events of its location
    assert row.loc["novel0", "p_value"] == pytest.approx(1.5 / 11)


def test_an_event_of_natives_and_a_rat_is_queued_once(table):
    rat = crops("novel", [3.0], species="rat").assign(event="test9")  # below the native's 20
    queue = queue_of(pd.concat([table, rat], ignore_index=True), ALARM)
    row = queue[queue["event"] == "test9"]
    assert len(row) == 1 and row[["score", "species", "crops"]].iloc[0].tolist() == [20, "fox", 4]


def test_what_shares_an_event_with_natives_that_were_fitted_on_is_not_queued(table):
    for event in ("calibration3", "val1"):
        moth = crops("unlisted", [99.0], species="moth").assign(event=event)
        queue = queue_of(pd.concat([table, moth], ignore_index=True), ALARM)
        assert event not in set(queue["event"])


def test_without_invasive_species_there_is_a_queue_all_the_same(table):
    assert len(queue_of(table[table["role"] != "novel"], ALARM)) == 10


def test_events_are_in_the_order_of_their_highest_crops_also_where_scores_are_equal(table):
    table["score"] = table["score"] // 10
    queue = queue_of(table, ALARM)
    expected = table[table["role"].isin(["test", "novel"])]
    expected = expected.sort_values("score", ascending=False, kind="stable")
    assert queue["event"].tolist() == expected.drop_duplicates("event")["event"].tolist()
    assert events_of(table)["event"].is_unique


def test_the_queue_is_written_from_the_column_of_the_detector_that_leads(
    table, tmp_path, monkeypatch
):
    table["location"] = "=HYPERLINK(1)"
    train = crops("train", [50.0])
    moth = crops("unlisted", [99.0], species="moth").assign(event="train0")
    write = Written(pd.concat([table, train, moth], ignore_index=True), tmp_path, monkeypatch)
    write.scores = write.scores[write.scores["crop_id"].isin(table["crop_id"])]
    queue, suppressed = write()
    expected = queue_of(table, ALARM).reset_index(drop=True)
    pd.testing.assert_frame_equal(queue, expected, check_dtype=False)
    assert set(read_table(tmp_path / "queue.csv")["location"]) == {"'=HYPERLINK(1)"}
    assert list(suppressed) == suppression.COLUMNS and len(suppressed) == 0


class Written:
    """The files of a labelled run in `folder`; called, it writes and returns both tables."""

    def __init__(self, every: pd.DataFrame, folder, monkeypatch) -> None:
        self.folder, self.known = (
            folder,
            SimpleNamespace(reviewed=np.empty(0, str), native_scores=np.zeros(1)),
        )
        monkeypatch.setattr(script.trained, "load", lambda arrays, models: self.known)
        checksums = {
            "photo_checksum": every["crop_id"] + "!",
            "crop_checksum": every["crop_id"] + "#",
        }
        every = every.assign(image_id=every["crop_id"], **checksums)
        self.scores = every[script.SCORED].assign(knn=every["score"], other=0.0)
        self.splits = every.drop_duplicates(["event", "species"])
        self.splits = self.splits[["event", "species", "role", "location", "group"]]
        more = script.SCORED[1:] + ["role", "score", "group", "repeat", "occurrences"]
        more += ["watched", "examples"]
        labels = every.rename(columns={"species": "species_label"}).drop(columns=more)
        box = dict(zip(suppression.BOX, (0, 0, 90, 90, 100, 100), strict=True))
        self.labels, self.days = labels.assign(**box), days_of(every)
        self.people = pd.DataFrame({"image_id": [], "event": []})
        self.decisions = self.decided_crops = None

    def __call__(self, **more) -> tuple[pd.DataFrame, pd.DataFrame]:
        paths = {"models": None, "arrays": None, "cross_scores": []}
        paths |= {"decisions": [], "decided_crops": []}
        for name in ("scores", "labels", "splits", "people", "decisions", "decided_crops"):
            if (content := getattr(self, name)) is not None:
                paths[name] = self.folder / f"{name}.csv"
                content.sample(frac=1, random_state=1).to_csv(paths[name], index=False)
        self.labels.to_csv(paths["labels"], index=False)
        paths |= {"camera_days": self.folder / "days.csv", "index_facts": self.folder / "facts"}
        self.days.to_csv(paths["camera_days"], index=False)
        paths["index_facts"].write_text(json.dumps({"times_read": 0, "person_detector": True}))
        files = "features.npy", "watch.npz", "examples.npz"
        features, watch, examples = (self.folder / name for name in files)
        np.save(features, np.ones((len(self.labels), 2), np.float32))
        np.savez(watch)
        columns = dict.fromkeys(TEXTS, np.empty(0, str))
        pictures, none = np.empty(0, "S1"), np.empty((0, 2), np.float32)
        save(Examples(**columns, features=none, pictures=pictures), examples)
        paths |= {"features": features, "watch": watch, "examples": [examples]}
        made = [self.folder / "queue.csv", self.folder / "suppressed.csv"]
        settings = {
            "alarm": ALARM | {"detector": "knn"},
            "review": REVIEW,
            "run": "site",
            "seed": 1,
        }
        export_queue(**paths, queue=made[0], suppressed=made[1], **settings | more)
        return tuple(map(read_sheet, made))


def test_what_was_decided_is_left_out_unless_asked_for(table, tmp_path, monkeypatch):
    """By a decision on this run's event, and by the pixels of a crop that was decided on before."""
    write = Written(table, tmp_path, monkeypatch)
    copies = table.loc[table["event"] == "novel1", "crop_id"] + "#"
    # of the event novel2 there is one crop that nobody has seen
    write.known.reviewed = np.array([*copies, "novel2a#", "elsewhere"])
    rows = [("site", "test9", "test9b", "native"), ("other", "test8", "test8b", "native")]
    write.decisions = pd.DataFrame(rows, columns=["batch", "event", "crop_id", "decision"])
    queue, suppressed = write()
    assert suppressed["event"].tolist() == ["test9", "novel1"]
    assert set(suppressed["reason"]) == {REVIEWED} and set(suppressed["alarm"]) == {"yes"}
    left_out = queue[queue["suppressed"] != ""]
    assert set(left_out["event"]) == {"test9", "novel1"} and set(left_out["sampled"]) == {""}
    assert len(write(review=REVIEW | {"reviewed": "shown"})[1]) == 0


def test_weeks_that_overlap_show_nothing_again_that_was_decided_whole(table, tmp_path, monkeypatch):
    """No models know of what another batch's decisions, given to this one, were on."""
    write = Written(table, tmp_path, monkeypatch)
    columns = ["batch", "event", "crop_id", "decision"]
    write.decisions = pd.DataFrame([("other", "their1", "x", "novel")], columns=columns)
    # the event novel2 has a photo more than that week had
    copies = [*table.loc[table["event"] == "novel1", "crop_id"], "novel2a"]
    write.decided_crops = pd.DataFrame({"crop_checksum": [f"{name}#" for name in copies]})
    queue, suppressed = write()
    assert suppressed[["event", "reason"]].to_numpy().tolist() == [["novel1", REVIEWED]]
    assert queue.set_index("event").at["novel2", "sampled"] == "alarm"
    assert len(write(review=REVIEW | {"reviewed": "shown"})[1]) == 0


def test_events_with_people_are_never_shown_and_a_score_that_lacks_is_an_error(
    table, tmp_path, monkeypatch
):
    write = Written(table, tmp_path, monkeypatch)
    write.people = pd.DataFrame({"image_id": ["x", "y"], "event": ["novel2", "elsewhere"]})
    queue, suppressed = write()
    assert suppressed[["event", "reason", "alarm"]].to_numpy().tolist() == [
        ["novel2", PERSON, "yes"]
    ]
    assert queue.set_index("event").at["novel2", "sampled"] == ""
    write.scores = write.scores[write.scores["crop_id"] != "test3a"]
    with pytest.raises(BadInput, match=r"it lacks crops of the queue\); run again with"):
        write()


def test_a_group_that_people_want_to_see_is_shown_and_one_they_do_not_has_no_card(
    table, tmp_path, monkeypatch
):
    write = Written(table, tmp_path, monkeypatch)
    boxes = {"location": "east", "crop_width": 10, "crop_height": 10}
    stone = write.labels["event"].isin([f"test{n}" for n in range(7)])
    write.labels.loc[stone, list(boxes)] = list(boxes.values())
    review = {"review": REVIEW | {"repeats": 14}}
    assert "repeat:east:1" in set(write(**review)[1]["group"])
    row = {"batch": "site", "event": "repeat:east:9", "crop_id": "test1a"}
    write.decisions = pd.DataFrame([row | {"decision": "keep"}])
    assert len(write(**review)[1]) == 0
    write.decisions = pd.DataFrame([row | {"decision": "suppress"}])
    suppressed = write(**review)[1]
    assert len(suppressed) == 7
    assert set(suppressed["reason"]) == {REVIEWED} and set(suppressed["group"]) == {""}


def test_a_batch_of_the_sites_own_photos_is_queued(table, tmp_path, monkeypatch):
    """Its events have the names of calibration events, which come with the models."""
    calibration = table[table["role"] == "calibration"]
    write = Written(calibration, tmp_path, monkeypatch)
    write.splits = None
    known = events_of(calibration)[
        "crop_id species event group location datetime predicted score".split()
    ]
    facts = {"run": "site", "native_events_per_camera_day": 1.0}
    write.known = SimpleNamespace(
        reviewed=np.empty(0, str),
        calibration=known,
        calibration_features=np.ones((len(known), 2)),
        native_scores=np.zeros(1),
        facts=facts,
    )
    queue, _ = write(splits=[])
    assert len(queue) == 19 and set(queue["role"]) == {"new"}
    assert queue["p_value"].tolist() == pytest.approx([(2 + n) / 20 for n in range(19)])


def test_nearest_natives_in_words(table):
    table.loc[table["event"] == "test9", ["similarity", "second"]] = [0.4051, ""]
    muted = {"species": ["FOX"], "locations": []}
    queue, _ = both_of(table, mute=muted)
    assert queue.at["test9", "nearest"] == (
        "unlike any native, p = 0.05; nearest fox 0.41 (fox is muted, an alarm is not)"
    )
    queue, _ = both_of(table)
    alarmed = "unlike any native, p = 0.05; nearest fox 0.93, skunk 0.61"
    assert queue.at["novel2", "nearest"] == alarmed
    assert queue.at["test3", "nearest"] == "like fox 0.93, skunk 0.61"
    queue, _ = both_of(table.assign(predicted="", second=""))  # networks do not tell
    assert queue.at["novel2", "nearest"] == "unlike any native, p = 0.05"
    assert queue.at["test3", "nearest"] == ""


def test_an_event_like_a_watched_species_says_so_and_examples_keep_to_their_novelty(table):
    """Shares by hand, of thirty held-out novelties and ten likenesses of natives."""

    class Head:
        watched = np.array(["rat"])
        native_scores = np.arange(10.0)[:, None]

        def score(self, features, events):
            return features[:, :1]

    table = table[table["event"].isin(["novel0", "novel1", "test8", "calibration3"])]
    table = table.assign(row=range(len(table)))
    features = np.where(table["species"] == "rat", 20.0, 2.0)[:, None]
    own = (table["crop_id"] == "novel1b").to_numpy()
    known = with_watch(table, features, Head(), np.arange(30.0), {"rat": 3}, own)
    known = known.set_index("crop_id")
    # 20 is 11 above the highest, 9, in units of 9 - 4.5
    found = known.loc["novel0b", ["score", "watched", "examples"]].tolist()
    assert found == [1 + 11 / 4.5, "rat", 3]
    assert known.at["novel1b", "watched"] == "" and known.at["novel1b", "score"] == 19 / 30
    assert known.at["test8b", "watched"] == "" and known.at["test8b", "score"] == 8 / 30
    assert with_watch(table, features, None, np.arange(3.0), {}).equals(table)
    many = pd.concat([known.reset_index(), crops("calibration", [0] * 9)])
    queue, _ = both_of(many)
    assert queue.at["novel0", "nearest"] == (
        "like rat (3 examples), p = 0.1; nearest fox 0.93, skunk 0.61"
    )
    assert queue.at["novel0", "watched"] == "rat" and queue.at["novel0", "alarm"] == "yes"


def test_alarms_then_the_budget_of_the_weeks_then_a_random_sample(table, capsys):
    """19 dates are 2.7 weeks: a budget of 2 holds the 4 alarms and one more event."""
    queue, suppressed = both_of(table, budget=2, sample=1)
    assert queue["sampled"].tolist()[:5] == ["alarm"] * 4 + ["budget"]
    assert (queue["sampled"] == "below").sum() == 2 and len(suppressed) == 0
    assert (
        "queue: 14 events: 4 alarm, 1 budget, 2 below; 7 not shown, 0 left"
        in capsys.readouterr().err
    )
    queue, _ = both_of(table.assign(datetime=""), budget=5, sample=2)  # one week
    assert queue["sampled"].value_counts().to_dict() == {"": 7, "alarm": 4, "below": 2, "budget": 1}
    queue, _ = both_of(table, budget=1, sample=0)  # every alarm is shown, whatever the budget
    assert queue["sampled"].value_counts().to_dict() == {"": 10, "alarm": 4}


def test_the_sample_is_fair_and_the_same_again():
    events = [f"e{n}" for n in range(12)]
    queue = pd.DataFrame({"event": events, "alarm": "no", "suppressed": ""})
    settings = REVIEW | {"budget": 3, "sample": 2}
    draws = [choose(queue, settings, np.nan, seed)["sampled"] for seed in range(120)]
    counts = sum((draw == "below").astype(int) for draw in draws)
    below = counts[3:]  # nine events, two of them each time: 26.7 of 120 draws each
    assert (counts[:3] == 0).all() and below.sum() == 240
    assert ((below - 240 / 9) ** 2 / (240 / 9)).sum() < 26.1  # chi-square of 8, p = 0.001
    assert choose(queue, settings, 1.0, 7)["sampled"].equals(draws[7])
    # the draw goes by an event's name, so that it stays when another one leaves
    drawn = set(queue.loc[draws[7] == "below", "event"])
    other = next(event for event in events[3:] if event not in drawn)
    fewer = queue[queue["event"] != other].reset_index(drop=True)
    again = choose(fewer, settings, 1.0, 7)["sampled"] == "below"
    assert set(fewer.loc[again, "event"]) == drawn


def test_a_page_holds_500_events_alarms_first_and_says_what_it_leaves_out(capsys):
    calibration = crops("calibration", range(19))
    many = pd.concat([calibration, crops("test", np.arange(700) / 100)])
    queue, _ = both_of(many, budget=400, sample=100)  # four weeks
    assert queue["sampled"].value_counts().to_dict() == {"": 200, "budget": 400, "below": 100}
    assert "those of 1.0 of 4.0 weeks; alarms go first" in capsys.readouterr().err
    alarming = pd.concat([calibration, crops("test", 100 - np.arange(600) / 100)])
    queue, suppressed = both_of(alarming)
    assert queue["sampled"].tolist() == ["alarm"] * MOST_SHOWN + [""] * 100
    assert len(suppressed) == 100 and set(suppressed["reason"]) == {BEYOND}
    assert f"{BEYOND}: 100, alarms among them: 100" in capsys.readouterr().err
    mixed = pd.concat([alarming[: 38 + 2 * 498], crops("val", []), crops("novel", [1, 2, 3])])
    queue, _ = both_of(mixed, sample=5)
    assert (queue["sampled"] == "below").sum() == 2
    assert "alarms leave room for 2 of 20 random events" in capsys.readouterr().err


def test_muted_locations_are_left_out_and_muted_species_unless_they_alarm(table):
    table.loc[table["event"].isin(["novel2", "test3"]), "location"] = "Cam–7"
    table.loc[table["event"].isin(["novel1", "test4"]), "predicted"] = "jay"
    queue, suppressed = both_of(table, mute={"species": ["jay"], "locations": ["cam-7"]})
    assert suppressed["reason"].to_dict() == {
        "novel2": MUTED_LOCATION,
        "test3": MUTED_LOCATION,
        "test4": MUTED_SPECIES,
    }
    assert queue.at["novel1", "sampled"] == "alarm" and "is muted" in queue.at["novel1", "nearest"]


def test_an_event_of_repeated_boxes_alone_is_left_out(table):
    """But for an alarm at the smallest p; and others of its event go before a repeated box."""
    repeated = {"repeat": "repeat:east:1", "occurrences": 34}
    for event in ("novel0", "novel2", "test5", "test6"):
        table.loc[table["event"] == event, list(repeated)] = list(repeated.values())
    table.loc[table["crop_id"].isin(["test8b", "test9b"]), list(repeated)] = list(repeated.values())
    queue, suppressed = both_of(table)
    assert suppressed["reason"].to_dict() == {
        "novel0": REPEATED,  # an alarm at 2/20: 17.5
        "test6": REPEATED,
        "test5": REPEATED,
        "test8": SET_BACK,
    }
    assert suppressed["alarm"].to_dict()["novel0"] == "yes"
    assert set(suppressed["group"]) == {"repeat:east:1"} and set(suppressed["occurrences"]) == {34}
    assert queue.loc[["novel2", "test9"], "sampled"].tolist() == ["alarm"] * 2  # at 1/20
    alarms = queue[queue["sampled"] == "alarm"].sort_values("rank")  # novel1 has 18.5 alone
    assert alarms.index.tolist() == ["novel1", "novel2", "test9"]
    assert "34 photos of this location have the same box" in queue.at["novel2", "nearest"]
    assert queue.loc["test8", ["score", "crop_id", "suppressed"]].tolist() == [3, "test8a", ""]
    assert suppressed.loc["test8", ["score", "crop_id"]].tolist() == [8, "test8b"]
    # a person goes before a box, and then no card may show the event
    queue, suppressed = both_of(table, people={"test8", "test6"})
    assert suppressed.loc[["test8", "test6"], "reason"].tolist() == [PERSON] * 2
    assert set(suppressed.loc[["test8", "test6"], "group"]) == {""}


def test_unnamed_boxes_beside_fitted_natives_are_queued_by_themselves(table, capsys):
    unnamed = crops("unlisted", [99.0], species="unnamed").assign(event="calibration3")
    moth = crops("unlisted", [98.0], species="moth").assign(event="val1")
    moth["crop_id"] += "m"
    queue, _ = both_of(pd.concat([table, unnamed, moth], ignore_index=True))
    assert "val1" not in queue.index
    row = queue.loc["calibration3"]
    assert row[["rank", "score", "crops", "species", "sampled"]].tolist() == [
        *(1, 99, 2, "unnamed", "alarm")
    ]
    where = "beside natives that were fitted or calibrated on are"
    said = capsys.readouterr().err
    assert f"1 events of unnamed boxes {where} queued by these boxes alone" in said
    assert f"1 events of labelled animals {where} not queued" in said


def test_no_event_is_lost_whatever_is_left_out():
    """Each is shown, or left out with a reason, or below the budget; the counts add up."""
    rng = np.random.default_rng(0)
    for _ in range(12):
        n, known = int(rng.integers(0, 80)), int(rng.integers(0, 25))
        calibration = crops("calibration", rng.normal(size=known) * 3)
        events = crops("new", rng.normal(size=n) * 3 + 2)
        some = pd.concat([calibration, events], ignore_index=True)
        some["predicted"] = rng.choice(["fox", "jay"], len(some))
        some["location"] = rng.choice(["east", "west"], len(some))
        some["repeat"] = rng.choice(["", "", "repeat:east:1", "repeat:west:1"], len(some))
        some["occurrences"] = 20 * (some["repeat"] != "")
        names = [f"new{k}" for k in range(n)]
        chosen = {name: {e for e in names if rng.random() < 0.1} for name in ("people", "decided")}
        alarm = ALARM | {"per_species": bool(rng.integers(2)), "limit": 0.2}
        mute = {"species": ["jay"][: rng.integers(2)], "locations": ["west"][: rng.integers(2)]}
        budget, sample = rng.integers(1, 9), rng.integers(0, 4)
        queue, suppressed = both_of(some, alarm, budget=budget, sample=sample, mute=mute, **chosen)
        assert sorted(queue.index) == sorted(names)
        shown, left_out = queue["sampled"] != "", queue["suppressed"] != ""
        assert not (shown & left_out).any()
        assert not ((queue["alarm"] == "yes") & ~shown & ~left_out).any()
        assert (queue.loc[shown & (queue["alarm"] == "yes"), "sampled"] == "alarm").all()
        rows = suppressed[suppressed["reason"] != SET_BACK]
        assert rows["reason"].to_dict() == queue.loc[left_out, "suppressed"].to_dict()
        back = suppressed[suppressed["reason"] == SET_BACK]
        assert back.index.isin(queue.index[~left_out]).all()
        assert not shown[queue.index.isin(chosen["people"] | chosen["decided"])].any()
        muted = left_out & (queue["suppressed"] == MUTED_SPECIES)
        assert not (queue.loc[muted, "alarm"] == "yes").any()
