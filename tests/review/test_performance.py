"""What decisions say of the queue, against counts by hand."""

from math import comb
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from measure_performance import measure_performance
from plot_performance import plot_performance
from stowaway.core.tables import read_sheet, read_table, write_sheet, write_table
from stowaway.evaluation.metrics import wilson
from stowaway.plots.style import plt
from stowaway.review.decisions import DECISIONS
from stowaway.review.performance import (
    clopper_pearson,
    decided_queue,
    performance_table,
    recall_of,
    week_of,
)

RATE = {"target": "false_alarm_rate", "limit": 0.1}
MONDAY, SUNDAY = "2026-11-16T10:00:00-08:00", "2026-11-22T23:59:00"


class Island:
    """A folder of results with queues, decisions on them, and camera-days."""

    def __init__(self, folder: Path) -> None:
        self.results, self.decisions = folder, []
        self.days("site", ("cam1", "2026-11-01", 5))

    def days(self, run: str, *lines: tuple[str, str, int]) -> None:
        path = self.results / run / "camera_days.csv"
        path.parent.mkdir(exist_ok=True)
        write_table(pd.DataFrame(lines, columns=["location", "date", "images"]), path)

    def queue(self, run: str, *lines: tuple[str, str, str, str]) -> None:
        """A queue of (sampled, decision, location, datetime) per event; '-' is no decision."""
        events = [f"e{n}" for n in range(len(lines))]
        columns = ["sampled", "decision", "location", "datetime"]
        table = pd.DataFrame(lines, columns=columns).assign(event=events, role="new", suppressed="")
        table["alarm"] = np.where(table["sampled"] == "alarm", "yes", "no")
        checksum = f"{len(list(self.results.glob('*/queues/*'))):064}"
        path = self.results / run / "queues" / f"{checksum}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_sheet(table.drop(columns="decision"), path)
        decided = table[table["decision"] != "-"][["event", "decision", "sampled"]]
        decided = decided.assign(batch=run, queue_sha256=checksum, decided_at="2026-11-23T08:00Z")
        self.decisions.append(decided.assign(seconds_shown=np.arange(len(decided)) + 1.0))

    def measure(self, **alarm) -> tuple[pd.DataFrame, pd.DataFrame]:
        folder = self.results / "site"
        table = pd.concat(self.decisions) if self.decisions else pd.DataFrame()
        write_sheet(table.reindex(columns=DECISIONS), folder / "decisions.csv")
        paths = [folder / name for name in ("decisions.csv", "performance.csv", "effort.csv")]
        measure_performance(*paths, RATE | alarm)
        keys = ["week", "location"]
        return tuple(read_sheet(path).set_index(keys).sort_index() for path in paths[1:])


@pytest.fixture
def island(tmp_path):
    """One week: 6 alarms and 2 events within the budget at cam1, 10 below at cam2, 5 sampled."""
    made = Island(tmp_path)
    alarms = ["novel", "novel", "native", "not_animal", "unsure", "-"]
    lines = [("alarm", decision, "cam1", MONDAY) for decision in alarms]
    lines += [("budget", "novel", "cam1", MONDAY), ("budget", "native", "cam1", SUNDAY)]
    below = ["native", "novel", "native", "person", "unsure"]
    lines += [("below", decision, "cam2", MONDAY) for decision in below]
    lines += [("", "-", "cam2", MONDAY)] * 5
    made.queue("w47", *lines)
    made.days(
        "w47", ("cam1", "2026-11-16", 40), ("cam1", "2026-11-22", 2), ("cam2", "2026-11-16", 9)
    )
    return made


def test_weeks_are_those_of_iso():
    dates = ["2026-11-16T00:00:00", "2026-11-22", "2026-11-23", "2027-01-01", "2024-12-30", ""]
    weeks = "2026-W47 2026-W47 2026-W48 2026-W53 2025-W01 unknown".split()
    assert week_of(pd.Series(dates)).tolist() == weeks


def test_counts_of_alarms_by_week_and_location(island):
    table, _ = island.measure()
    assert set(table.index) == {
        (week, place) for week in ("all", "2026-W47") for place in ("all", "cam1", "cam2")
    }
    row = table.loc["all", "all"]
    names = "events alarms reviewed confirmed false not_animal people unsure undecided".split()
    assert row[names].tolist() == [18, 6, 5, 2, 1, 1, 0, 1, 1]
    # quiet natives: 1 of the budget, 2 of the sample, 5 that nobody looked at
    assert row["realised"] == pytest.approx(1 / 9)
    assert row[["low", "high"]].tolist() == pytest.approx(wilson(1, 9))
    assert row[["target", "setting"]].tolist() == ["false_alarm_rate", 0.1]
    assert row["seconds"] == 6.5  # of 1 to 12
    assert table.loc[("2026-W47", "cam1"), "realised"] == pytest.approx(1 / 2)
    assert table.loc[("all", "cam2"), "realised"] == 0


def test_recall_is_estimated_from_the_sample_below(island):
    """3 novel ones were ranked; of 4 decided in the sample 1 is novel, of 10 below 2.5."""
    row = island.measure()[0].loc["all", "all"]
    assert row[["sample", "sample_novel"]].tolist() == [4, 1]
    assert row["recall"] == pytest.approx(3 / 5.5)
    low, high = clopper_pearson(1, 4)
    # at least the one that was found is below, and at most what the sample leaves open, 7
    assert row["recall_low"] == pytest.approx(3 / (3 + min(10 * high, 7)))
    assert row["recall_high"] == pytest.approx(3 / (3 + max(10 * low, 1)))
    assert low == pytest.approx(0.0063, abs=1e-4) and high == pytest.approx(0.8059, abs=1e-4)


def test_the_interval_is_clopper_and_pearsons():
    for hits, n in ((0, 5), (2, 7), (5, 5)):
        low, high = clopper_pearson(hits, n)
        at_least = sum(comb(n, k) * low**k * (1 - low) ** (n - k) for k in range(hits, n + 1))
        at_most = sum(comb(n, k) * high**k * (1 - high) ** (n - k) for k in range(hits + 1))
        assert at_least == pytest.approx(0.025) or hits == low == 0
        assert at_most == pytest.approx(0.025) or (hits == n and high == 1)


def cell(*batches: tuple[str, int, int, int, int]) -> pd.DataFrame:
    """Events of batches: (name, confirmed ranked, below, decided of the sample, novel of these)."""
    lines = []
    for batch, confirmed, below, decided, novel in batches:
        lines += [(batch, "alarm", "novel")] * confirmed
        lines += [(batch, "below", "novel")] * novel + [(batch, "below", "native")] * (
            decided - novel
        )
        lines += [(batch, "", "")] * (below - decided)
    return pd.DataFrame(lines, columns=["batch", "sampled", "decision"])


def test_a_sample_without_a_find_leaves_room_below():
    line = recall_of(cell(("a", 4, 100, 5, 0)))
    assert line["recall"] == 1 == line["recall_high"]
    assert line["recall_low"] == pytest.approx(4 / (4 + 100 * (1 - 0.025**0.2)))


def test_there_is_no_recall_without_a_sample_or_a_find():
    for table in (cell(("a", 4, 100, 0, 0)), cell(("a", 0, 100, 5, 0)), cell()):
        line = recall_of(table)
        assert all(np.isnan(line[name]) for name in ("recall", "recall_low", "recall_high"))
    nothing = recall_of(cell(("a", 0, 100, 5, 1)))
    assert nothing["recall"] == nothing["recall_high"] == 0


def test_a_sample_of_all_is_exact():
    line = recall_of(cell(("a", 4, 6, 6, 2)))
    assert line["recall"] == line["recall_low"] == line["recall_high"] == pytest.approx(4 / 6)
    assert recall_of(cell(("a", 4, 0, 0, 0)))["recall_low"] == 1  # nothing lies below


def test_batches_weigh_as_many_events_as_they_have_below():
    """2 of 100 by one of 50 in the sample, 25 of 50 by 1 of 2; the third has no sample."""
    line = recall_of(cell(("a", 3, 100, 50, 1), ("b", 0, 50, 2, 1), ("c", 9, 70, 0, 0)))
    assert line["recall"] == pytest.approx(3 / (3 + 2 + 25))
    size = 150**2 / (100**2 / 50 + 50**2 / 2)
    low, high = clopper_pearson(27 / 150 * size, size)
    assert line["recall_low"] == pytest.approx(3 / (3 + min(150 * high, 100)))
    assert line["recall_high"] == pytest.approx(3 / (3 + max(150 * low, 2)))


def test_effort_counts_all_photos_and_what_was_reviewed(island):
    island.days("site", ("cam1", "2026-11-16", 7), ("cam3", "2026-10-01", 5))
    table, effort = island.measure()
    row = effort.loc["all", "all"]
    # the site and the batch share a camera-day
    assert row[["camera_days", "photos", "events"]].tolist() == [4, 63, 18]
    # of 8 ranked events one is undecided, and of one nobody is sure
    assert row[["shown", "decided", "share_reviewed"]].tolist() == [8, 6, 0.75]
    for end in ("", "_low", "_high"):
        of = table.loc[("all", "all"), f"recall{end}"]
        assert row[f"recall{end}"] == of and row[f"sensitivity{end}"] == pytest.approx(0.75 * of)
    assert effort.loc[("2026-W47", "cam1"), ["camera_days", "photos"]].tolist() == [2, 49]
    empty = effort.loc["2026-W40", "cam3"]
    assert empty["camera_days"] == 1 and np.isnan(empty["share_reviewed"])


def test_other_targets_have_their_own_units(island):
    row = island.measure(target="false_alarms_per_camera_day", limit=0.5)[0].loc["all", "all"]
    assert row["realised"] == pytest.approx(1 / 4)  # 3 days of the batch, 1 of the site
    # Garwood's interval of one find: 0.0253 to 5.572
    assert row[["low", "high"]].tolist() == pytest.approx([0.0253 / 4, 5.572 / 4], abs=1e-4)
    row = island.measure(target="alarms_per_week", limit=5)[0].loc["all", "all"]
    assert row["realised"] == 6 and np.isnan(row["low"])


def test_an_event_of_two_queues_counts_once_as_where_it_was_decided(island):
    """The second queue of the batch hides what was decided, and shows e5, the sixth alarm."""
    lines = [("", "-", "cam1", MONDAY)] * 5 + [("alarm", "native", "cam1", MONDAY)]
    island.queue("w47", *lines)
    table, _ = island.measure()
    row = table.loc["all", "all"]
    names = "events alarms reviewed confirmed false undecided".split()
    assert row[names].tolist() == [18, 6, 6, 2, 2, 0]


def test_suppressed_and_conflicting_events_and_groups_are_not_counted(island):
    path = next(island.results.glob("w47/queues/*"))
    table = read_sheet(path)
    table.loc[table["event"] == "e17", "suppressed"] = "same box 34 times"
    write_sheet(table, path)
    decided = island.decisions[0]
    group = decided.head(1).assign(event="repeat:cam1:1", decision="keep")
    island.decisions = [decided[decided["event"] != "e0"], group]
    row = island.measure()[0].loc["all", "all"]
    assert row[["events", "alarms", "confirmed", "undecided"]].tolist() == [17, 6, 1, 2]


def test_without_a_decision_all_is_blank(tmp_path):
    table, effort = Island(tmp_path).measure()
    assert table.index.tolist() == [("all", "all")]
    row = table.loc["all", "all"]
    assert row[["events", "alarms", "sample"]].tolist() == [0, 0, 0]
    assert np.isnan(row["realised"]) and np.isnan(row["recall"]) and np.isnan(row["seconds"])
    assert effort.loc[("all", "all"), "camera_days"] == 1


@pytest.mark.parametrize("target", ["false_alarm_rate", "alarms_per_week"])
def test_the_figure_shows_the_target_and_says_where_nothing_is_known(island, target):
    island.measure(target=target)
    figure = plot_performance(read_table(island.results / "site/performance.csv"))
    alarms, rates, recall, places = figure.axes
    assert [bar.get_height() for bar in alarms.patches] == [2, 1, 1, 1, 1]
    assert rates.lines[-1].get_ydata() == [0.1, 0.1] == places.lines[-1].get_xdata()
    assert [text.get_text() for text in recall.get_xticklabels()] == ["2026-W47", "all"]
    table = read_table(island.results / "site/performance.csv")
    figure = plot_performance(table[table["location"] == "all"].assign(recall=np.nan))
    assert figure.axes[2].texts[0].get_text() == "no decision says anything about it"
    plt.close("all")


def test_known_novel_species_of_a_labelled_run_are_no_quiet_natives():
    queue = pd.DataFrame({"decision": ["native", "", ""], "role": ["test", "test", "novel"]})
    queue = queue.assign(alarm=["yes", "no", "no"], sampled=["alarm", "", ""], week="2026-W47")
    queue = queue.assign(location="a", batch="site", seconds_shown=1.0)
    days = pd.DataFrame(columns=["location", "date", "week", "images"])
    assert performance_table(queue, days, RATE).loc[0, "realised"] == 0.5
    assert list(decided_queue(pd.DataFrame(columns=DECISIONS), Path())["week"]) == []
