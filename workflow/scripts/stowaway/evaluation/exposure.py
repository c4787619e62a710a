"""How long the cameras watched, and how many natives: what false alarms are counted over."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from stowaway.data.roles import Role

EVENTS_PER_DAY = "native_events_per_camera_day"


def weeks(days: pd.DataFrame, locations: Iterable[str]) -> float:
    """Sevenths of the number of dates on which any of `locations` has a photo; NaN without one.

    `days` are the camera-days, a row per `location` and `date` with a photo, empty ones too. A date
    without a photo does not count, so that one wrong clock adds a day and not decades.
    """
    return days.loc[days["location"].isin(set(locations)), "date"].nunique() / 7 or np.nan


def tested_days(days: pd.DataFrame, crops: pd.DataFrame) -> pd.DataFrame:
    """Those of the camera-days that the queue of a split by time is of.

    They are each location's days from its first tested native on; all days of a location without
    one, where only other animals are in the queue.
    """
    tested = crops[(crops["role"] == Role.TEST) & (crops["date"] != "")]
    first = tested.groupby("location")["date"].min()
    return days[days["date"] >= days["location"].map(first).fillna("")]


def native_density(natives: pd.DataFrame, days: pd.DataFrame) -> dict[str, float]:
    """Native crops and events per camera-day and per 100 images, by the name of the metric.

    Times the false-alarm rate it is the false alarms to expect. `natives` are the crops of every
    role, with `event`, `image_id` and `date`: the split takes events from each camera-day, and
    those of one role would make days look quiet. `days` are the camera-days of `weeks`, those
    without an animal too; natives of other dates, which joined from another run, do not count.
    NaN where nothing is known.
    """
    dated, images = natives[natives["date"].isin(days["date"])], natives["image_id"].nunique() / 100
    units = ("camera_day", len(days), dated), ("100_images", images, natives)
    return {
        f"native_{level}_per_{unit}": count / exposure if exposure else np.nan
        for unit, exposure, crops in units
        for level, count in (("crops", len(crops)), ("events", crops["event"].nunique()))
    }
