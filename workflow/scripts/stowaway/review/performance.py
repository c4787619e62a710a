"""What reviewers' decisions say of the queue, by week and location; and how much was watched.

All counts are of events that were queued and not suppressed. An event was *ranked* onto the page
where it alarms or is within the budget; all others are *below*, and of them a sample that was drawn
at random is on the page too. Only that sample says what the ranking misses.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import betaincinv, gammaincinv

from stowaway.annotations.events import UNKNOWN
from stowaway.core.files import reading
from stowaway.core.tables import read_sheet, read_table
from stowaway.data.roles import Role
from stowaway.evaluation.metrics import wilson
from stowaway.evaluation.thresholds import PER_DAY, PER_WEEK, RATE
from stowaway.review.decisions import NATIVE, NOT_ANIMAL, NOVEL, PERSON, UNSURE, VERDICTS

ALL = "all"
PERFORMANCE = (
    "week location events alarms reviewed confirmed false not_animal people unsure undecided "
    "target setting realised low high sample sample_novel recall recall_low recall_high seconds"
).split()
EFFORT = (
    "week location camera_days photos events shown decided share_reviewed recall recall_low "
    "recall_high sensitivity sensitivity_low sensitivity_high"
).split()
RECALL = ("recall", "recall_low", "recall_high")
TAIL = 0.025  # on each side of a 95 % interval


def week_of(dates: pd.Series) -> pd.Series:
    """The ISO week of local times or dates in ISO 8601, as 2026-W47; UNKNOWN where blank."""
    calendar = pd.to_datetime(dates.str[:10].where(dates != ""), format="%Y-%m-%d").dt.isocalendar()
    known = calendar["week"].notna()
    weeks = calendar[known].astype(int)
    text = weeks["year"].astype(str) + "-W" + weeks["week"].astype(str).str.zfill(2)
    return text.reindex(dates.index).fillna(UNKNOWN)


def decided_queue(decisions: pd.DataFrame, results: Path) -> pd.DataFrame:
    """A row per event of all queues that somebody decided on, with `week` and its `decision`.

    `decisions` is decisions.csv; the queues are their copies below `results`. The event of a run
    with several queues stands once, as in the one that it was decided on, else as in the last one.
    `decision` is blank where there is none, as in a conflict.
    """
    decided = decisions[decisions["decision"].isin(VERDICTS)]
    queues = decided.sort_values("decided_at", kind="stable").drop_duplicates(
        "queue_sha256", keep="last"
    )
    tables = []
    for batch, checksum in queues[queues["queue_sha256"] != ""][
        ["batch", "queue_sha256"]
    ].to_numpy():
        path = results / batch / "queues" / f"{checksum}.csv"
        table = read_sheet(path)
        with reading(path):
            table = table["event location datetime alarm sampled role suppressed".split()]
        tables.append(table.assign(batch=batch, queue_sha256=checksum))
    if not tables:
        names = "event location datetime alarm sampled role suppressed batch queue_sha256".split()
        tables = [pd.DataFrame(columns=names, dtype=str)]
    keys = ["batch", "queue_sha256", "event"]
    queue = pd.concat(tables).merge(decided[[*keys, "decision", "seconds_shown"]], "left", keys)
    queue["decision"] = queue["decision"].fillna("")
    queue = queue.sort_values("decision", key=lambda of: of != "", kind="stable")
    queue = queue.drop_duplicates(["batch", "event"], keep="last")
    queue = queue[(queue["suppressed"] == "") | (queue["sampled"] != "")]
    return queue.assign(week=week_of(queue["datetime"])).reset_index(drop=True)


def cells(table: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Each week or ALL, each location or ALL, and the rows of it; ALL of both comes first."""
    yield ALL, ALL, table
    yield from ((ALL, location, rows) for location, rows in table.groupby("location"))
    for week, of_week in table.groupby("week"):
        yield week, ALL, of_week
        yield from ((week, location, rows) for location, rows in of_week.groupby("location"))


def performance_table(queue: pd.DataFrame, days: pd.DataFrame, alarm: dict) -> pd.DataFrame:
    """A row of PERFORMANCE per cell of the decided `queue`, its `all` first.

    `days` are camera-days with `week`, `alarm` the config's. Of the `alarms`, `reviewed` were
    decided: `confirmed` are novel, `false` native; the others are no animal, people or unsure.
    `realised` has the unit of the target, and is `realised_rate`'s; the recall is `recall_of`'s,
    with the `sample` that was decided and the novel events in it. `seconds` is the median time that
    a decision took.
    """
    lines = []
    watched = {(week, location): count_days(rows) for week, location, rows in cells(days)}
    for week, location, rows in cells(queue):
        alarms = rows.loc[rows["alarm"] == "yes", "decision"]
        counts = alarms.value_counts()
        kinds = {"confirmed": NOVEL, "false": NATIVE, "not_animal": NOT_ANIMAL}
        kinds |= {"people": PERSON, "unsure": UNSURE, "undecided": ""}
        line = {"week": week, "location": location, "events": len(rows), "alarms": len(alarms)}
        line |= {name: int(counts.get(kind, 0)) for name, kind in kinds.items()}
        line |= {"reviewed": len(alarms) - line["undecided"], "target": alarm["target"]}
        line |= {"setting": alarm["limit"], "seconds": rows["seconds_shown"].median()}
        line |= realised_rate(rows, line, watched.get((week, location), 0)) | recall_of(rows)
        lines.append(line)
    return pd.DataFrame(lines, columns=PERFORMANCE)


def realised_rate(rows: pd.DataFrame, counts: dict, days: int) -> dict[str, float]:
    """`realised` in the target's unit with `low` and `high`, its 95 % interval.

    `rows` are a cell's of the queue, `counts` its line so far, `days` its camera-days.

    - RATE: false alarms / (false alarms + native events without an alarm), with Wilson's interval.
      An event without an alarm counts as native unless somebody decided otherwise, or its label is
      of a novel species: few others are not. An undecided alarm does not count.
    - PER_DAY: false alarms / camera-days, with Garwood's exact Poisson interval (Biometrika 28,
      1936).
    - PER_WEEK: alarms / weeks, a budget, which has no interval.

    NaN where no alarm was decided, though there are some.
    """
    false, unknown = counts["false"], {"realised": np.nan, "low": np.nan, "high": np.nan}
    if counts["target"] == PER_WEEK and len(rows):
        return unknown | {"realised": counts["alarms"] / rows["week"].nunique()}
    if counts["alarms"] and not counts["reviewed"]:
        return unknown
    if counts["target"] == PER_DAY and days:
        low = gammaincinv(false, TAIL) if false else 0.0
        high = gammaincinv(false + 1, 1 - TAIL)
        return {"realised": false / days, "low": low / days, "high": high / days}
    quiet = (rows["alarm"] != "yes") & rows["decision"].isin(["", NATIVE])
    quiet &= (rows["decision"] == NATIVE) | (rows["role"] != Role.NOVEL)
    natives = false + int(quiet.sum())
    if counts["target"] != RATE or not natives:
        return unknown
    return dict(zip(unknown, (false / natives, *wilson(false, natives)), strict=True))


def recall_of(rows: pd.DataFrame) -> dict[str, float]:
    """The share of novel events that the ranking puts on the page: `recall` with its interval.

    recall = K / (K + M): K are the confirmed novel events among the ranked ones, M the novel ones
    below, which are estimated from the random sample. Of each queue h with N_h events below, of
    which s_h of the sample are decided and m_h are novel, M = sum N_h m_h / s_h: a stratified
    estimate (Cochran, Sampling Techniques, 1977, ch. 5). Its interval is Clopper and Pearson's
    (Biometrika 26, 1934) at the effective size of the sample, (sum N_h)^2 / sum (N_h^2 / s_h), as
    Korn and Graubard do for few or no finds (Survey Methodology 24, 1998); M is at least the finds
    and at most what the sample leaves open. Queues without such a sample count on neither side;
    events that nobody is sure about are not in the sample. NaN without a sample, or where no novel
    event was found at all.

    It is of these events. K counts only what was decided: see `effort_table`.
    """
    ranked = rows["sampled"].isin(["alarm", "budget"])
    sampled = (rows["sampled"] == "below") & ~rows["decision"].isin(["", UNSURE])
    novel = rows["decision"] == NOVEL
    line = {"sample": int(sampled.sum()), "sample_novel": int((sampled & novel).sum())}
    strata = pd.DataFrame(
        {"batch": rows["batch"], "N": ~ranked, "s": sampled, "m": sampled & novel}
    )
    strata["K"] = ranked & novel
    strata = strata.groupby("batch")[["N", "s", "m", "K"]].sum()
    strata = strata[(strata["s"] > 0) | (strata["N"] == 0)]
    below, found = strata["N"].sum(), strata["K"].sum()
    m, s = strata["m"].sum(), strata["s"].sum()
    drawn = strata[strata["s"] > 0]
    missed, fewest, most = 0.0, 0.0, 0.0
    if below:
        missed = (drawn["N"] * drawn["m"] / drawn["s"]).sum()
        size = below**2 / (drawn["N"] ** 2 / drawn["s"]).sum()
        low, high = clopper_pearson(missed / below * size, size)
        fewest, most = np.clip([low * below, high * below], m, below - (s - m))
    if not found + missed:
        return line | dict.fromkeys(RECALL, np.nan)
    return line | {
        name: found / (found + of) if found else 0.0
        for name, of in zip(RECALL, (missed, most, fewest), strict=True)
    }


def clopper_pearson(hits: float, n: float) -> tuple[float, float]:
    """Clopper and Pearson's 95 % interval of `hits` out of `n`, which need not be whole."""
    low = betaincinv(hits, n - hits + 1, TAIL) if hits > 0 else 0.0
    high = betaincinv(hits + 1, n - hits, 1 - TAIL) if hits < n else 1.0
    return float(low), float(high)


def count_days(days: pd.DataFrame) -> int:
    """Locations and dates, each once."""
    return len(days[["location", "date"]].drop_duplicates())


def camera_days(results: Path, runs: Iterable[str]) -> pd.DataFrame:
    """The camera-days of these runs, with `week`: `location`, `date`, `images`, a row per run."""
    tables = [read_table(results / run / "camera_days.csv") for run in runs]
    days = pd.concat(tables, ignore_index=True)
    return days.assign(week=week_of(days["date"]))


def effort_table(
    queue: pd.DataFrame, days: pd.DataFrame, performance: pd.DataFrame
) -> pd.DataFrame:
    """A row of EFFORT per cell of the camera-days or of the decided queue, its `all` first.

    `camera_days` are locations and dates with a photo, also one without an animal; `photos` are all
    of them. `share_reviewed` = `decided` / `shown`: of the events that were ranked onto the page,
    those that somebody is sure about. `sensitivity` = `recall` x `share_reviewed`: the chance that
    an event of a novel animal that was queued is also confirmed, with the interval of the recall
    alone. For the chance to have missed an animal that was there, an absence calculation also needs
    how often it passes a camera, and how often a camera and its box detector catch it: nothing here
    knows that. NaN where nothing was shown.
    """
    watched = {(week, place): rows for week, place, rows in cells(days)}
    queued = {(week, place): rows for week, place, rows in cells(queue)}
    recalls = performance.set_index(["week", "location"])
    lines = []
    for week, location in dict.fromkeys([*watched, *queued]):
        line = {"week": week, "location": location, "camera_days": 0, "photos": 0}
        if (rows := watched.get((week, location))) is not None:
            line |= {"photos": int(rows["images"].sum()), "camera_days": count_days(rows)}
        line |= {"events": 0, "shown": 0, "decided": 0}
        if (rows := queued.get((week, location))) is not None:
            ranked = rows.loc[rows["sampled"].isin(["alarm", "budget"]), "decision"]
            decided = int((~ranked.isin(["", UNSURE])).sum())
            line |= {"events": len(rows), "shown": len(ranked), "decided": decided}
            line["share_reviewed"] = decided / len(ranked) if len(ranked) else np.nan
            for name in RECALL:
                line[name] = recalls.at[(week, location), name]
                line[name.replace("recall", "sensitivity")] = line[name] * line["share_reviewed"]
        lines.append(line)
    return pd.DataFrame(lines, columns=EFFORT)
