"""The review queue: a row per event that no detector was fitted on, the most suspicious first."""

import numpy as np
import pandas as pd

from stowaway.core.script import say
from stowaway.data.roles import NATIVE_ROLES
from stowaway.evaluation.alarms import Alarm, events_of, reviewed, set_alarm
from stowaway.evaluation.exposure import EVENTS_PER_DAY, native_density
from stowaway.evaluation.thresholds import too_few

COLUMNS = (
    "rank event location datetime crops score p_value alarm predicted species role crop_id "
    "image_path"
).split()


def review_queue(crops: pd.DataFrame, settings: dict) -> pd.DataFrame:
    """A row of COLUMNS per event of test natives, novel and unlisted animals: its highest crop.

    `crops` are those of `load_crops` with `score` and `predicted` of the detector that leads,
    `settings` the config's alarm. Where it is per species, the queue goes by p-value before score.
    """
    crops = crops.assign(date=crops["datetime"].str[:10])
    natives = crops[crops["role"].isin(NATIVE_ROLES)]
    alarm = set_alarm(crops, settings, native_density(natives)[EVENTS_PER_DAY])
    queued = reviewed(crops)
    queue, by_event = events_of(queued).set_index("event"), queued.groupby("event")
    queue["crops"], queue["datetime"] = by_event.size(), by_event["datetime"].min()
    queue["p_value"] = alarm.p_values(queue)
    queue["alarm"] = np.where(alarm.flags(queue), "yes", "no")
    warn_of_few(alarm, queue)
    queue = queue.reset_index().sort_values("score", ascending=False, kind="stable")
    if settings["per_species"]:
        queue = queue.sort_values("p_value", kind="stable")
    return queue.assign(rank=np.arange(1, len(queue) + 1))[COLUMNS]


def warn_of_few(alarm: Alarm, queue: pd.DataFrame) -> None:
    """Say for which events of the queue there are too few calibration events for any alarm."""
    for species, n in alarm.sizes(queue).items():
        if too_few(n, alarm.rate):
            of_species = f" taken for {species}" if species else ""
            needed = int(np.ceil(1 / alarm.rate - 1))
            say(
                f"alarm: {n} calibration events{of_species} are too few for a rate of "
                f"{alarm.rate:.3g}, which needs {needed}: there is never an alarm; ask for a "
                "higher rate, or add photos"
            )
