"""Points of the curves that figures draw: recall over false alarms, per event, mean over runs."""

import numpy as np
import pandas as pd

from stowaway.evaluation.counts import Ranked
from stowaway.evaluation.folds import Scored
from stowaway.evaluation.metrics import recall_at_fpr

# Close together where a biosecurity team works, wider beyond.
RATES = np.concatenate([np.linspace(0, 0.1, 41), np.linspace(0.12, 0.98, 44), [1.0]])
COLUMNS = "arm detector fpr recall false_alarms_per_camera_day".split()


def curve_table(runs: list[Scored]) -> pd.DataFrame:
    """Mean recall, and mean false alarms per camera-day (NaN without dates), at each of RATES."""
    tables = []
    for kind in dict.fromkeys(run.kind for run in runs):
        queues = [run.queue for run in runs if run.kind == kind]
        queues = [queue for queue in queues if 0 < queue.novel.mean() < 1]
        if not queues:
            continue
        scales = np.array([queue.density["event", True] for queue in queues])
        scale = scales[~np.isnan(scales)].mean() if not np.isnan(scales).all() else np.nan
        for detector in dict.fromkeys(name for queue in queues for name in queue.scores):
            having = [queue for queue in queues if detector in queue.scores]
            counts = [Ranked(*queue.units(detector, "event")).counts() for queue in having]
            recall = [np.mean([recall_at_fpr(*count, rate) for count in counts]) for rate in RATES]
            line = {"arm": kind, "detector": detector, "fpr": RATES, "recall": recall}
            tables.append(pd.DataFrame(line | {"false_alarms_per_camera_day": RATES * scale}))
    return pd.concat(tables) if tables else pd.DataFrame(columns=COLUMNS)
