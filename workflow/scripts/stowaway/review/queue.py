"""The review queue: a row per event that no detector was fitted on, the most suspicious first."""

import numpy as np
import pandas as pd

from stowaway.core.script import say
from stowaway.data.roles import NATIVE_ROLES
from stowaway.evaluation.alarms import Alarm, events_of, reviewed, set_alarm
from stowaway.evaluation.exposure import EVENTS_PER_DAY, native_density, tested_days
from stowaway.evaluation.thresholds import needed, too_few

COLUMNS = (
    "rank event location datetime crops score p_value alarm sampled predicted nearest species role "
    "crop_id image_path suppressed"
).split()


def review_queue(
    crops: pd.DataFrame, days: pd.DataFrame, settings: dict, daily: float | None = None
) -> pd.DataFrame:
    """A row of COLUMNS per event of test natives, novel and unlisted animals: its highest crop.

    `crops` are those of `load_crops` with `score` and `predicted` of the detector that leads,
    `days` the camera-days, `settings` the config's alarm and its `group`, which is split.group, and
    `daily` the native events of a camera-day, if the crops are not all of the natives'.
    Where it is per species, the queue goes by p-value before score. A weekly budget is for the days
    on which the queue's locations have photos, since the queue holds events of the whole period;
    of a split by time it is for the `tested_days`.
    """
    crops = crops.assign(date=crops["datetime"].str[:10])
    natives = crops[crops["role"].isin(NATIVE_ROLES)]
    if daily is None:
        daily = native_density(natives, days)[EVENTS_PER_DAY]
    if settings["group"] == "time":
        days = tested_days(days, crops)
    alarm = set_alarm(crops, settings, daily, days)
    queued = reviewed(crops)
    queue, by_event = events_of(queued).set_index("event"), queued.groupby("event")
    queue["crops"], queue["datetime"] = by_event.size(), by_event["datetime"].min()
    queue["p_value"] = alarm.p_values(queue)
    queue["alarm"] = np.where(alarm.flags(queue), "yes", "no")
    warn_of_few(alarm, queue, settings["group"])
    queue = queue.reset_index().sort_values("score", ascending=False, kind="stable")
    if settings["per_species"]:
        queue = queue.sort_values("p_value", kind="stable")
    queue["sampled"], queue["suppressed"], queue["nearest"] = "budget", "", ""
    return queue.assign(rank=np.arange(1, len(queue) + 1))[COLUMNS]


def warn_of_few(alarm: Alarm, queue: pd.DataFrame, group: str) -> None:
    """Say for which events of the queue there are too few calibration groups for any alarm."""
    for species, n in alarm.sizes(queue).items():
        if too_few(n, alarm.rate):
            of_species = f" taken for {species}" if species else ""
            say(
                f"alarm: {n} calibration groups (split.group: {group}){of_species} are too few for "
                f"a rate of {alarm.rate:.3g}, which needs {needed(alarm.rate)}: there is never an "
                "alarm; ask for a higher rate, or add photos"
            )
