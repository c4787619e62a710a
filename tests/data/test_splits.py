"""The split: its shares, what stays together, what is refused, and what is a leak."""

import json
import time

import numpy as np
import pandas as pd
import pytest

from split_annotations import split_annotations
from stowaway.annotations.events import UNKNOWN
from stowaway.core.script import BadInput
from stowaway.core.tables import read_table, write_table
from stowaway.data.roles import NATIVE_ROLES, Role
from stowaway.data.shortages import check_groups
from stowaway.data.splits import (
    CROP_COLUMNS,
    Leak,
    assign_roles,
    check_no_leak,
    check_species,
    count_boxes,
    load_crops,
    shares_lines,
)

BY_GAP = {"by": "gap", "gap": 60, "datetime_format": None}
FRACTIONS = {"train": 0.5, "val": 0.1, "calibration": 0.2, "test": 0.2}


def boxes(counts: dict[str, list[int]]) -> pd.DataFrame:
    """One event per number of boxes: {"fox": [3, 2]} has two events of fox, of 3 and 2 boxes."""
    lines = [
        (f"{species}{number}", species, f"at {species}{number}", size)
        for species, sizes in counts.items()
        for number, size in enumerate(sizes)
    ]
    return table_of(lines)


def table_of(lines: list[tuple]) -> pd.DataFrame:
    """As `count_boxes`, of lines (event, species, location, boxes) or (…, first, last)."""
    names = "event species location boxes first last".split()
    events = pd.DataFrame(lines, columns=names[: len(lines[0])])
    if "first" not in events:
        events = events.assign(first="2024-03-01T12:00:00", last="2024-03-01T12:00:05")
    return events.assign(event_group=events["event"], photos=events["boxes"])


def split(events, native=("fox", "jay"), novel=("rat",), seed=1, group="sequence", **more):
    settings = {"fractions": FRACTIONS, "group": group, "seed": seed}
    by, cap = more.pop("by", BY_GAP), more.pop("cap", None)
    events = assign_roles(events, list(native), list(novel), settings, **more)
    tested = [] if more.get("left_out") else list(novel)
    check_groups(events, tested, settings, by, cap, "times read 9 of 9")
    check_no_leak(crops_of(events))
    return events


def crops_of(events: pd.DataFrame) -> pd.DataFrame:
    """A row per box, each a crop of an image of its own."""
    crops = events.loc[events.index.repeat(events["boxes"])].reset_index(drop=True)
    numbers = [f"{n:032x}" for n in range(len(crops))]
    return crops.assign(
        crop_id=[f"c{n}" for n in numbers],
        image_id=[f"i{n}" for n in numbers],
        photo_checksum=[f"a{n}" for n in numbers],
        crop_checksum=[f"b{n}" for n in numbers],
    )


def test_shares_of_every_species_come_near_the_fractions():
    rng = np.random.default_rng(0)
    events = split(boxes({s: rng.integers(1, 6, 60) for s in ("fox", "jay")} | {"rat": [4, 4]}))
    for species in ("fox", "jay"):
        groups = events[events["species"] == species].drop_duplicates("group")
        shares = groups["role"].value_counts(normalize=True)
        for role, fraction in FRACTIONS.items():
            assert abs(shares[role] - fraction) < 0.05
    assert set(events[events["species"] == "rat"]["role"]) == {"novel"}


def test_four_groups_are_enough_for_every_role():
    events = split(boxes({"fox": [9, 1, 1, 1], "jay": [1, 1, 1, 1], "rat": [1]}))
    for species in ("fox", "jay"):
        assert set(events[events["species"] == species]["role"]) == set(NATIVE_ROLES)


def test_too_few_groups_are_an_error_with_the_counts():
    with pytest.raises(
        BadInput,
        match="^split: 'jay' has 10 boxes of 2 events: too few visits; label more of them; times "
        "read 9 of 9; each native needs a group for every role",
    ):
        split(boxes({"fox": [3] * 4, "jay": [5, 5], "rat": [1]}))


def test_test_events_are_as_long_as_the_others():
    sizes = [1, 2, 3, 10, 40] * 40
    events = split(boxes({"fox": sizes, "jay": sizes, "rat": [4]}))
    length = events.groupby("role")["boxes"].mean()
    assert 0.7 < length["test"] / length["train"] < 1.4  # by crops it was below 0.5
    tested = []
    for seed in range(200):
        few = split(boxes({"fox": [1, 2, 3, 10, 40], "rat": [1]}), ["fox"], seed=seed)
        tested.append(few.loc[few["role"] == "test", "boxes"].sum())
    assert 7 < np.mean(tested) < 16  # one event of five, each as often: 11.2 crops


def test_locations_stay_whole_and_those_of_a_novel_species_go_to_test():
    events = boxes({"fox": [2] * 9, "jay": [2] * 9, "rat": [2, 2]})
    events.loc[events["event"] == "jay0", "location"] = "at fox0"
    events.loc[events["event"] == "rat0", "location"] = "at fox1"
    events = split(events, group="location")
    assert events[events["group"] == "at fox0"]["role"].nunique() == 1
    shared = events[events["group"] == "at fox1"]
    assert dict(zip(shared["species"], shared["role"], strict=True)) == {
        "fox": "test",
        "rat": "novel",
    }


def test_species_of_one_event_have_one_role():
    events = boxes({"fox": [2] * 9, "jay": [2] * 9, "rat": [2, 2]})
    events.loc[events["event"] == "jay0", ["event", "event_group"]] = "fox0"
    events = split(events)
    assert events[events["event"] == "fox0"]["role"].nunique() == 1


def test_a_seed_gives_the_same_split_and_another_one_another():
    events = boxes({"fox": [2] * 30, "jay": [2] * 30, "rat": [1]})
    assert split(events)["role"].equals(split(events)["role"])
    assert not split(events)["role"].equals(split(events, seed=2)["role"])


def test_a_seed_deals_as_it_did_when_the_published_numbers_were_measured():
    events = split(boxes({"fox": [1] * 9, "jay": [1] * 5, "rat": [1]}))
    dealt = " ".join(role[:2] for role in events["role"])
    assert dealt == "te te va tr tr ca ca tr tr va ca te tr tr no"


def test_other_species_are_unlisted_and_one_native_is_enough():
    events = split(boxes({"fox": [1] * 4, "moth": [2], "rat": [1]}), native=["fox"])
    assert set(events[events["species"] == "moth"]["role"]) == {"unlisted"}
    alone = split(boxes({"fox": [1] * 4}), native=["fox"], novel=[])
    assert set(alone["role"]) == set(NATIVE_ROLES)


UNITS = ["group", "event", "image_id", "photo_checksum", "crop_checksum"]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("other", ["test", "novel", "val", "calibration"])
def test_the_leak_test_finds_a_planted_leak(unit, other):
    crops = crops_of(split(boxes({"fox": [2] * 9, "jay": [2] * 9, "rat": [2]})))
    train, there = (crops.index[crops["role"] == role][0] for role in ("train", other))
    crops.loc[there, unit] = crops.loc[train, unit]
    with pytest.raises(Leak, match=f"leak: {unit} '{crops.loc[train, unit]}' and 0 more"):
        check_no_leak(crops)


def test_no_leak_by_what_is_unknown_or_unlisted_or_on_one_side():
    crops = crops_of(split(boxes({"fox": [2] * 9, "jay": [2] * 9, "rat": [2], "moth": [1]})))
    for blank in ("", None):
        check_no_leak(crops.assign(photo_checksum=blank, crop_checksum=blank))
    check_no_leak(crops.drop(columns=["photo_checksum", "crop_checksum"]))
    (moth,) = crops.index[crops["role"] == "unlisted"]
    crops.loc[moth, UNITS] = crops.loc[0, UNITS]
    test, novel = (crops.index[crops["role"] == role][0] for role in ("test", "novel"))
    crops.loc[test, UNITS] = crops.loc[novel, UNITS]
    check_no_leak(crops)


def test_the_leak_test_finds_a_novel_species_among_the_natives_and_a_crop_listed_twice():
    crops = crops_of(split(boxes({"fox": [2] * 9, "jay": [2] * 9, "rat": [2]})))
    with pytest.raises(Leak, match="a crop is listed twice"):
        check_no_leak(crops.assign(crop_id="c0"))
    crops.loc[crops.index[crops["species"] == "rat"][0], "role"] = "test"
    with pytest.raises(Leak, match=r"\['rat'\] are native and novel"):
        check_no_leak(crops)


def test_a_native_that_is_left_out_may_live_everywhere():
    lines = [
        (f"{species}{n}", species, f"p{n}", 1)
        for n in range(12)
        for species in ("fox", "jay", "hare")
    ]
    events = table_of(lines)
    with pytest.raises(BadInput, match="12 of its 12 groups are for test, since invasive"):
        split(events, novel=["hare"], group="location")
    events = split(events, novel=["hare"], group="location", left_out=True)
    hares = events[events["species"] == "hare"]
    test = set(events.loc[events["role"] == "test", "location"])
    assert set(hares.loc[hares["role"] == "novel", "location"]) == test
    assert set(hares["role"]) == {"novel", "unlisted"}


def test_misspelt_species_name_the_nearest_label():
    with pytest.raises(
        BadInput, match="species.invasive: no box is labelled 'raat'; did you mean 'rat'"
    ):
        check_species({"native": ["fox"], "invasive": ["raat"]}, {"fox", "rat"})
    events = boxes({"fox": [1] * 9})
    for left_out, key in ((False, "invasive"), (True, "native")):
        with pytest.raises(BadInput, match=f"species.{key}: no box is labelled 'fax'"):
            split(events, ["fox"], ["fax"], left_out=left_out)


def write_annotations(path, events: pd.DataFrame):
    """An annotations.csv with these events' boxes, mixed; each on a photo of its own."""
    table = (
        crops_of(events)
        .rename(columns={"first": "datetime"})
        .drop(columns="group", errors="ignore")
    )
    table = table.rename(columns={"event_group": "group"})
    names = "crop_id image_id event group species location datetime".split()
    write_table(table[names].sample(frac=1, random_state=0), path)


def test_boxes_are_counted_by_event_and_species_and_unknown_locations_are_one(tmp_path):
    events = boxes({"fox": [3, 1, 2], "jay": [2]})
    events.loc[events["event"] == "jay0", ["event", "event_group"]] = "fox0"
    events.loc[events["event"].isin(["fox1", "fox2"]), "location"] = ""
    write_annotations(tmp_path / "annotations.csv", events)
    counts = count_boxes(tmp_path / "annotations.csv").set_index(["event", "species"])
    assert counts["boxes"].to_dict() == {
        ("fox0", "fox"): 3,
        ("fox1", "fox"): 1,
        ("fox2", "fox"): 2,
        ("fox0", "jay"): 2,
    }
    assert counts.loc["fox1", "location"].tolist() == [UNKNOWN]
    assert counts.loc["fox2", "location"].tolist() == [UNKNOWN]


def run_split(tmp_path, native=("fox",), novel=("rat",), group="sequence", left_out=False):
    settings = {"fractions": FRACTIONS, "group": group, "seed": 1}
    facts = {"times_read": 3, "images_with_time": 10, "first_unread": "0000:00:00 (a.jpg)"}
    (tmp_path / "index_facts.json").write_text(json.dumps(facts))
    paths = [tmp_path / name for name in ("annotations.csv", "index_facts.json", "splits.csv")]
    split_annotations(*paths, list(native), list(novel), settings, left_out, BY_GAP, None)
    return read_table(paths[2])


def test_the_table_has_a_row_per_event_and_species_and_the_log_counts(tmp_path, capsys):
    events = boxes({"fox": [2, 1, 1, 1, 1], "rat": [3, 1], "moth": [4]})
    write_annotations(tmp_path / "annotations.csv", events)
    table = run_split(tmp_path)
    assert list(table) == ["event", "species", "group", "role", "location", "boxes"]
    assert len(table) == len(events)
    assert table["boxes"].sum() == events["boxes"].sum()
    printed = " ".join(capsys.readouterr().out.split())
    assert "moth unlisted 4 1" in printed
    assert "rat novel 4 2" in printed


def test_no_native_is_refused_with_what_to_do(tmp_path):
    write_annotations(tmp_path / "annotations.csv", boxes({"fox": [1] * 5}))
    with pytest.raises(BadInput, match="species.native: .* ask for .*/species_proposal.yaml first"):
        run_split(tmp_path, native=[])
    assert not (tmp_path / "splits.csv").exists()


def test_a_misspelt_species_among_many_boxes_is_refused_in_seconds(tmp_path):
    lines = [
        f"i{n},e{n // 3},e{n // 3},{'fox' if n % 3 else 'jay'},p{n // 900}," for n in range(100_000)
    ]
    text = "image_id,event,group,species,location,datetime\n" + "\n".join(lines) + "\n"
    (tmp_path / "annotations.csv").write_text(text)
    start = time.perf_counter()
    with pytest.raises(BadInput, match="'foxx'.*did you mean 'fox'"):
        run_split(tmp_path, native=["foxx", "jay"], novel=[])
    assert time.perf_counter() - start < 4


@pytest.fixture
def labelled(tmp_path):
    """Paths of a labels.csv and of the splits.csv of its boxes, and the table of its crops."""
    events = boxes({"fox": [2] * 6, "jay": [1] * 6, "rat": [2]})
    events.loc[events["event"] == "jay0", ["event", "event_group"]] = "fox0"
    events.loc[events["event"] == "fox0", "location"] = ""
    write_annotations(tmp_path / "annotations.csv", events)
    run_split(tmp_path, ["fox", "jay"], ["rat"])
    labels = crops_of(events).rename(columns={"species": "species_label"})
    labels = labels.drop(columns="boxes").sample(frac=1, random_state=1)
    labels = labels.assign(image_path="x", datetime="", crop_width=3, crop_height=4, label="raw")
    write_table(labels, tmp_path / "labels.csv")
    return tmp_path / "labels.csv", tmp_path / "splits.csv", labels


def test_crops_are_loaded_in_the_order_of_the_labels_each_with_its_role(labelled):
    labels, splits, table = labelled
    crops = load_crops(labels, splits)
    assert list(crops) == CROP_COLUMNS
    assert crops["row"].tolist() == list(range(len(table)))
    assert crops["crop_id"].tolist() == table["crop_id"].tolist()
    assert crops["species"].tolist() == table["species_label"].tolist()
    role_of = {(r.event, r.species): r.role for r in read_table(splits).itertuples()}
    assert [role_of[c.event, c.species] for c in crops.itertuples()] == crops["role"].tolist()
    assert set(crops.loc[crops["event"] == "fox0", "location"]) == {UNKNOWN}
    assert set(crops["role"]) == {*NATIVE_ROLES, Role.NOVEL}


def test_a_split_of_other_annotations_is_refused(labelled):
    labels, splits, _ = labelled
    roles = read_table(splits)
    write_table(roles[roles["event"] != "fox0"], splits)
    with pytest.raises(BadInput, match="event 'fox0' with '(fox|jay)'"):
        load_crops(labels, splits)


def test_a_native_that_lost_its_crops_of_a_role_is_refused(labelled):
    labels, splits, table = labelled
    crops = load_crops(labels, splits)
    lost = (crops["species"] == "jay") & (crops["role"] == Role.VAL)
    write_table(table[~lost.to_numpy()], labels)
    with pytest.raises(BadInput, match="'jay' has no crop left for the role val; rejected_crops"):
        load_crops(labels, splits)


@pytest.mark.parametrize("unit", ["image_id", "photo_checksum", "crop_checksum"])
def test_a_leak_ends_the_loading(labelled, unit):
    labels, splits, table = labelled
    crops = load_crops(labels, splits)
    train, test = ((crops["role"] == role).idxmax() for role in ("train", "test"))
    column = table.columns.get_loc(unit)
    table.iloc[test, column] = table.iloc[train, column]
    write_table(table, labels)
    with pytest.raises(Leak, match=f"leak: {unit}"):
        load_crops(labels, splits)


def test_checksums_that_look_like_numbers_stay_text(labelled):
    labels, splits, table = labelled
    table["crop_checksum"] = [f"{n}e1".rjust(32, "0") for n in range(len(table))]
    write_table(table, labels)
    assert load_crops(labels, splits)["crop_checksum"].tolist() == table["crop_checksum"].tolist()
