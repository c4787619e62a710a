"""How long the cameras watched, and how many natives: what false alarms are counted over."""

import numpy as np
import pandas as pd

EVENTS_PER_DAY = "native_events_per_camera_day"


def camera_days(crops: pd.DataFrame) -> int:
    """Distinct pairs of `location` and `date` with a crop; days without one are not known."""
    return len(crops.loc[crops["date"] != "", ["location", "date"]].drop_duplicates())


def weeks(dates: pd.Series) -> float:
    """From the first to the last date, at least a day; NaN without dates. A date is '' or ISO."""
    dates = pd.to_datetime(dates.replace("", None), errors="coerce").dropna()
    return ((dates.max() - dates.min()).days + 1) / 7 if len(dates) else np.nan


def native_density(natives: pd.DataFrame) -> dict[str, float]:
    """Native crops and events per camera-day and per 100 images, by the name of the metric.

    Times the false-alarm rate it is the false alarms to expect. `natives` are the crops of every
    role, with `event`, `image_id`, `location` and `date`: the split takes events from each
    camera-day, and those of one role would make days look quiet. Camera-days without a native crop
    are not known, so the truth is lower. NaN where nothing is known.
    """
    dated = natives[natives["date"] != ""]
    days, images = camera_days(natives), natives["image_id"].nunique() / 100
    return {
        f"native_{level}_per_{unit}": count / exposure if exposure else np.nan
        for unit, exposure, crops in (("camera_day", days, dated), ("100_images", images, natives))
        for level, count in (("crops", len(crops)), ("events", crops["event"].nunique()))
    }
