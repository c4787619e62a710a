"""Events and their groups: a visit never lies in two groups, whatever is missing of its frames."""

import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta, timezone

import pytest
from test_boxes import run_index

from stowaway.annotations.events import number_events
from stowaway.annotations.facts import read_facts
from stowaway.core.script import BadInput

START = datetime(2024, 3, 1, 20, tzinfo=UTC)


def island(frames: list[dict]) -> dict:
    """A COCO of one box a frame; each has `visit`, `at` (seconds) and what its image lists."""
    images, boxes = [], []
    for n, frame in enumerate(frames):
        image = {"id": n, "file_name": f"{n}.jpg", "location": "A"} | frame
        boxes.append({"id": n, "image_id": n, "category_id": 1, "bbox": [2, 2, 9, 9]})
        images.append({k: v for k, v in image.items() if k not in ("visit", "at")})
    return {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "fox"}]}


def moment(seconds: float, zone: timezone | None = None) -> str:
    """A time of the island, by its UTC clock or with an offset."""
    at = START + timedelta(seconds=seconds)
    return at.astimezone(zone).isoformat() if zone else at.replace(tzinfo=None).isoformat()


def visits(count: int, rng: random.Random, sequences: bool) -> list[dict]:
    """Frames of visits of 3 frames within 4 s, to three locations, 200 s apart at each."""
    frames = []
    for visit in range(count):
        for shot in range(3):
            at = 200 * (visit // 3) + rng.randrange(100) * (shot == 0)
            at = at if shot == 0 else frames[-1]["at"] + rng.choice((1, 2))
            frame = {"visit": visit, "at": at, "location": "ABC"[visit % 3]}
            frame |= {"datetime": moment(at)}
            frames.append(frame | ({"seq_id": f"s{visit}"} if sequences else {}))
    return frames


def groups_of(frames, write_json, folder, **events) -> dict[int, set[str]]:
    """The groups in which the frames of each visit lie."""
    rows, _ = run_index(write_json(island(frames)), folder, events=events)
    groups = defaultdict(set)
    for row in rows:
        groups[frames[int(row["image_id"])]["visit"]].add(row["group"])
    return groups


@pytest.mark.parametrize("seed", [*range(24), 93])
def test_no_visit_lies_in_two_groups_whatever_is_missing(write_json, tmp_path, seed):
    rng = random.Random(seed)
    frames = visits(30, rng, sequences=seed % 2 == 0)
    shares = {key: rng.choice((0, 0.03, 0.3)) for key in ("datetime", "location", "seq_id")}
    whole = {key: rng.choice((None, None, "A")) for key in shares}  # a location without any
    zone = timezone(timedelta(hours=rng.choice((0, 5.5, -7))))
    for frame in frames:
        place = frame["location"]
        if seed % 3 == 0:  # the same instant, written in other ways
            frame["datetime"] = rng.choice(
                [
                    moment(frame["at"], zone),
                    (START + timedelta(seconds=frame["at"])).timestamp(),
                    moment(frame["at"], UTC).replace("+00:00", "Z"),
                    moment(frame["at"], zone)[:19],
                ]
            )
        for key, share in shares.items():
            if rng.random() < share or whole[key] == place and key != "location":
                frame[key] = None
    groups = groups_of(frames, write_json, tmp_path)
    assert len(groups) >= 20 and all(len(names) == 1 for names in groups.values())


STYLES = (
    "%Y-%m-%dT%H:%M:%S %Y-%m-%d~%H:%M:%S %Y:%m:%d~%H:%M:%S %Y/%m/%d~%H:%M:%S %Y%m%d%H%M%S "
    "%d-%b-%Y~%H:%M:%S %B~%d,~%Y~%I:%M:%S~%p %d.%m.%Y~%H:%M:%S %m/%d/%Y~%I:%M:%S~%p "
    "%a~%b~%d~%H:%M:%S~%Y %Y-%m-%dT%H:%M:%S.250 %Y-%m-%dT%H:%M:%SZ %s %s000"
).split()


def test_many_styles_of_dates_are_one_column_of_times(write_json, tmp_path):
    rng = random.Random(3)
    frames = visits(30, rng, sequences=False)
    for frame in frames:
        at = START.replace(day=14) + timedelta(seconds=frame["at"])
        style = rng.choice(STYLES).replace("~", " ").replace("%s", str(int(at.timestamp())))
        frame["datetime"] = at.strftime(style)
    rows, _ = run_index(write_json(island(frames)), tmp_path)
    events = {(frames[int(row["image_id"])]["visit"], row["event"]) for row in rows}
    assert len(events) == 30 == len({event for _, event in events})


@pytest.mark.parametrize("own", [True, False])
def test_photos_that_are_sequences_of_their_own_are_asked_about(write_json, tmp_path, own):
    frames = visits(8, random.Random(0), sequences=False)
    for n, frame in enumerate(frames):
        frame["seq_id"] = n if own else f"s{n}"
    line = (
        "coco: 24 of 24 sequences (seq_id) are one photo, though 24 of these are within events.gap "
        "of another at their location, as image '0': set events.by to gap, or lower events.gap if "
        "they are other visits"
    )
    with pytest.raises(BadInput) as error:
        groups_of(frames, write_json, tmp_path)
    assert str(error.value) == line
    assert len(set.union(*groups_of(frames, write_json, tmp_path, by="gap").values())) == 8
    assert len(set.union(*groups_of(frames, write_json, tmp_path, gap=0.5).values())) == 24
    if own:  # a few are enough where each has the photo's id
        with pytest.raises(BadInput, match="3 of 3 sequences"):
            groups_of(frames[:3], write_json, tmp_path)
    else:
        groups_of(frames[:18], write_json, tmp_path)


def test_visits_of_one_photo_are_sequences(write_json, tmp_path):
    frames = visits(75, random.Random(0), sequences=True)[::3]  # at least 100 s apart
    assert len(set.union(*groups_of(frames, write_json, tmp_path).values())) == 75
    for frame in frames:  # a date tells no gap
        frame["datetime"] = "2024-03-01"
    assert len(set.union(*groups_of(frames, write_json, tmp_path).values())) == 75


def test_events_that_are_told_apart_are_their_own_groups(write_json, tmp_path):
    frames = visits(12, random.Random(0), sequences=True)
    for by in "seq_id", "gap":
        groups = groups_of(frames, write_json, tmp_path, by=by)
        assert len(set.union(*groups.values())) == 12
    rows, _ = run_index(write_json(island(frames)), tmp_path)
    assert all(row["group"] == row["event"] for row in rows)


def test_a_location_with_frames_without_a_time_is_one_group(write_json, tmp_path):
    frames = visits(12, random.Random(0), sequences=False)
    frames[4]["datetime"] = "0000:00:00 00:00:00"  # of visit 1, at B
    groups = groups_of(frames, write_json, tmp_path)
    assert {visit for visit, names in groups.items() if names == {"B@unknown"}} == {1, 4, 7, 10}
    assert len(set.union(*groups.values())) == 9


def test_a_day_of_a_wrong_clock_is_as_no_time(write_json, tmp_path):
    frames = visits(12, random.Random(0), sequences=False)
    frames[4]["datetime"] = "1999-05-01 13:06:02"  # of visit 1, at B
    groups = groups_of(frames, write_json, tmp_path)
    b = set.union(*(groups[visit] for visit in (1, 4, 7, 10)))
    assert len(b) == 1 and len(set.union(*groups.values())) == 9
    for frame in frames:  # a clock that is wrong all the time still tells visits apart
        if frame["location"] == "B":
            frame["datetime"] = frame["datetime"].replace("2024", "1999")
    groups = groups_of(frames, write_json, tmp_path)
    assert len(set.union(*groups.values())) == 13  # frame 4 is of May


def test_a_photo_without_a_box_links_no_events(write_json, tmp_path):
    frames = visits(12, random.Random(0), sequences=False)
    for missing in "datetime", "location":
        frames.append({"visit": 12, "at": 0, "datetime": moment(100)} | {missing: None})
    coco = island(frames)
    del coco["annotations"][-1]
    coco["annotations"][-1]["category_id"] = 0
    coco["categories"].append({"id": 0, "name": "empty"})
    rows, _ = run_index(write_json(coco), tmp_path)
    assert len(rows) == 36 and len({row["group"] for row in rows}) == 12


def test_frames_with_and_without_a_sequence_are_linked_within_the_gap(write_json, tmp_path):
    frames = [
        {"visit": 0, "at": 0, "seq_id": "s"},
        {"visit": 0, "at": 60, "seq_id": None},
        {"visit": 1, "at": 121, "seq_id": None},
        {"visit": 2, "at": 400, "seq_id": "t"},
        {"visit": 3, "at": 401, "seq_id": "u", "location": "B"},
        {"visit": 4, "at": 402, "seq_id": "v", "location": "B"},
    ]
    frames = [frame | {"datetime": moment(frame["at"])} for frame in frames]
    groups = groups_of(frames, write_json, tmp_path)
    assert list(map(len, groups.values())) == [1] * 5
    assert len(set.union(*groups.values())) == 5
    frames[2]["datetime"] = moment(120)  # now within the gap of the frame before
    groups = groups_of(frames, write_json, tmp_path)
    assert groups[0] == groups[1] == {f"A@{moment(60)}"}


def test_frames_without_a_location_are_linked_with_what_they_may_be_part_of(write_json, tmp_path):
    frames = [
        {"visit": 0, "at": 0},
        {"visit": 0, "at": 30, "location": None},
        {"visit": 1, "at": 80, "location": "B"},
        {"visit": 2, "at": 200, "location": "B"},
        {"visit": 3, "at": 900, "location": "unknown"},
    ]
    frames = [frame | {"datetime": moment(frame["at"])} for frame in frames]
    groups = groups_of(frames, write_json, tmp_path)
    assert groups[0] == groups[1] and len(set.union(*groups.values())) == 3
    for frame in frames:
        frame["location"] = None  # none has one: they are not told apart by it
    groups = groups_of(frames, write_json, tmp_path)
    assert len(set.union(*groups.values())) == 3


def test_a_sequence_with_and_without_a_location_is_one_group(write_json, tmp_path):
    frames = [
        {"visit": 0, "at": 0, "seq_id": "s"},
        {"visit": 0, "at": 0, "seq_id": "s", "location": None},
        {"visit": 1, "at": 0, "seq_id": "t"},
    ]
    groups = groups_of(frames, write_json, tmp_path)  # none has a time
    assert len(groups[0]) == 1 and groups[0] != groups[1]


def test_a_frame_of_which_nothing_is_known_is_refused(write_json, tmp_path):
    frames = visits(6, random.Random(0), sequences=False)
    frames[3] |= {"location": None, "datetime": None}
    rows, rejected = run_index(write_json(island(frames)), tmp_path)
    assert len(rows) == 17
    reasons = Counter(row["reason"] for row in rejected)
    assert reasons == {"visit is unknown: no location, no time, no sequence of known photos": 2}


def test_a_time_without_offset_takes_the_nearest_one_of_its_location(write_json, tmp_path):
    winter, summer = timezone(timedelta(hours=-8)), timezone(timedelta(hours=-7))
    months = 180 * 86_400
    frames = [
        {"visit": 0, "datetime": moment(0, winter)},
        {"visit": 0, "datetime": moment(1, winter)[:19]},
        {"visit": 0, "datetime": moment(2, winter)},
        {"visit": 1, "datetime": moment(months, summer)},
        {"visit": 1, "datetime": moment(months + 1, summer)[:19]},
    ]
    rows, _ = run_index(write_json(island(frames)), tmp_path)
    assert [row["datetime"] for row in rows] == [frame["datetime"] for frame in frames]
    assert len({row["event"] for row in rows}) == 2


def test_times_in_utc_beside_others_without_an_offset_are_not_told_apart(write_json, tmp_path):
    frames = [
        {"visit": 0, "datetime": moment(0, UTC)},
        {"visit": 0, "datetime": moment(-7 * 3600)},  # the local clock
        {"visit": 1, "datetime": moment(86_400, UTC)},
        {"visit": 2, "datetime": moment(0), "location": "B"},
        {"visit": 3, "datetime": moment(86_400), "location": "B"},
    ]
    groups = groups_of(frames, write_json, tmp_path)
    assert groups[0] == groups[1] and len(groups[0]) == 1
    assert len(set.union(*groups.values())) == 3
    assert read_facts(tmp_path / "index_facts.json")["notes"] == [
        "location 'A': its times without an offset may be in UTC or not: list the offset of each"
    ]
    frames[1] |= {"datetime": moment(0, UTC)}
    groups = groups_of(frames, write_json, tmp_path)
    assert len(set.union(*groups.values())) == 4
    assert read_facts(tmp_path / "index_facts.json")["notes"] == []


def test_a_burst_over_the_change_of_summer_time_is_one_event(write_json, tmp_path):
    times = ["2024-11-03T01:59:59-07:00", "2024-11-03T01:00:00-08:00", "2024-11-03T01:00:01-08:00"]
    rows, _ = run_index(write_json(island([{"datetime": time} for time in times])), tmp_path)
    assert [row["event"] for row in rows] == [f"A@{times[0]}"] * 3


def test_a_date_stands_for_its_day_and_a_minute_for_its_seconds():
    def events(*frames, gap=60):
        rows = [(n, "A", t, s, span, None) for n, (t, s, span) in enumerate(frames)]
        return [event for _, event in number_events(rows, gap)]

    day, noon, next_day = ("d", 0.0, 86_400), ("n", 43_200.0, 1), ("e", 86_400.0, 86_400)
    assert events(day, noon, next_day) == ["A@d", "A@d", "A@e"]
    minute, later = ("m", 0.0, 60), ("l", 60.0, 60)
    assert events(minute, later, gap=5) == ["A@m", "A@m"]
    assert events(("m", 0.0, 1), ("l", 60.0, 1), gap=5) == ["A@m", "A@l"]


def test_names_of_events_never_meet():
    frames = [
        (1, "A", "t", 0.0, 1, "x@y"),
        (2, "A@x", "t", 0.0, 1, "y"),
        (3, "A%40x", "t", 0.0, 1, "y"),
    ]
    assert len({event for _, event in number_events(frames, 60)}) == 3


def test_later_photos_change_no_other_event(write_json, tmp_path):
    frames = visits(9, random.Random(1), sequences=False)
    before, _ = run_index(write_json(island(frames)), tmp_path)
    frames.append({"visit": 9, "at": 9000, "location": "A", "datetime": moment(9000)})
    after, _ = run_index(write_json(island(frames)), tmp_path)
    event = {row["image_id"]: row["event"] for row in after}
    assert all(event[row["image_id"]] == row["event"] for row in before)
