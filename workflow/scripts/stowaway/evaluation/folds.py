"""The scores of one arm and seed as arrays, and what is known of each crop beside its score."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stowaway.data.events import UNKNOWN
from stowaway.evaluation.counts import Flags, Floats, by_event

KEPT = ("crop_id", "species", "role", "event")
INFRARED = 2.0  # colourfulness: 0 in grey photos, a little more where a camera tints or JPEG blurs
SIZES = [0, 100, 250, np.inf]  # longer side of the crop in pixels
SIZE_NAMES = ["up to 100 px", "100 to 250 px", "over 250 px"]
LEVELS = ("crop", "event")


def crop_facts(labels: pd.DataFrame, shortcut: pd.DataFrame) -> pd.DataFrame:
    """By crop_id: location, date ('' if unknown), image_id, and the strata `light` and `size`."""
    facts = labels.set_index("crop_id")[["location", "image_id", "event"]].copy()
    facts["species"] = labels["species_label"].to_numpy()
    facts["location"] = facts["location"].fillna("").replace("", UNKNOWN)
    facts["date"] = labels["datetime"].fillna("").str[:10].to_numpy()
    longer = labels[["crop_width", "crop_height"]].max(axis=1)
    facts["size"] = pd.cut(longer, SIZES, labels=SIZE_NAMES).astype(str).to_numpy()
    colour = shortcut.set_index("crop_id")["colourfulness"].reindex(facts.index)
    facts["light"] = np.where(colour < INFRARED, "infrared", "day")
    return facts


@dataclass
class Part:
    """Crops of one arm and seed: row i of everything is the same crop.

    `events` are indices into the events of all runs; `scores` has an array per detector, `density`
    what `native_density` found of the arm's natives.
    """

    arm: str
    events: NDArray[np.int64]
    novel: Flags
    scores: dict[str, Floats]
    facts: pd.DataFrame
    density: dict[tuple[str, bool], float]

    def subset(self, kept: Flags) -> "Part":
        """The part of the crops where `kept`."""
        scores = {name: values[kept] for name, values in self.scores.items()}
        kept_facts = self.facts[kept]
        return Part(self.arm, self.events[kept], self.novel[kept], scores, kept_facts, self.density)

    def units(self, detector: str, level: str) -> tuple:
        """(scores, novel, events) of the crops or of the events, whose score is the highest."""
        units = self.scores[detector], self.novel, self.events
        return units if level == "crop" else by_event(*units)


@dataclass
class Scored:
    """One arm and seed: the `queue` of test natives and novel crops, and held-out natives."""

    kind: str
    queue: Part
    calibration: Part


def load_scored(tables: dict[tuple, pd.DataFrame], facts: pd.DataFrame) -> tuple[list, list]:
    """The runs of tables that are keyed by (kind, arm, seed), and the names of all events."""
    events = sorted({event for table in tables.values() for event in table["event"].unique()})
    number = {event: i for i, event in enumerate(events)}
    runs, densities = [], {}
    for (kind, arm, _), table in tables.items():
        table = table.reset_index(drop=True)
        known = facts.loc[table["crop_id"]].reset_index()
        numeric = table.drop(columns=[*KEPT]).select_dtypes("number")
        scores = {name: column.to_numpy(float) for name, column in numeric.items()}
        role = table["role"]
        novel = (role == "invasive").to_numpy()
        of = table["event"].map(number).to_numpy()
        if arm not in densities:
            native = facts["species"].isin(set(table["species"][~novel]))
            densities[arm] = native_density(facts[native])
        whole = Part(arm, of, novel, scores, known, densities[arm])
        queue = role.isin(["test", "invasive"]).to_numpy()
        calibration = (role == "calibration").to_numpy()
        runs.append(Scored(kind, whole.subset(queue), whole.subset(calibration)))
    return runs, events


def camera_days(facts: pd.DataFrame) -> int:
    """Distinct (location, date) pairs with a crop of these; days without any are not known of."""
    return len(facts.loc[facts["date"] != "", ["location", "date"]].drop_duplicates())


def weeks(facts: pd.DataFrame) -> float:
    """From the first to the last date of these crops, at least a day; NaN without dates."""
    dates = pd.to_datetime(facts["date"].replace("", None), errors="coerce").dropna()
    return ((dates.max() - dates.min()).days + 1) / 7 if len(dates) else np.nan


def native_density(natives: pd.DataFrame) -> dict[tuple[str, bool], float]:
    """Native units per camera-day (timed), or per 100 images: {(level, timed): units}.

    Times the false positive rate it is the false alarms to expect. Counted on the natives of every
    role: the split takes events from each camera-day, and those of one role would make days look
    quiet. Camera-days without a native crop are not known of, so the truth is lower. NaN where
    nothing is known.
    """
    found = {}
    dated = natives[natives["date"] != ""]
    days, images = camera_days(natives), natives["image_id"].nunique() / 100
    for timed, exposure, crops in ((True, days, dated), (False, images, natives)):
        for level, units in (("crop", len(crops)), ("event", crops["event"].nunique())):
            found[level, timed] = units / exposure if exposure else np.nan
    return found


def alarm_metrics(rates: dict[str, Floats], scale: float, timed: bool) -> dict[str, Floats]:
    """False alarms per camera-day (or 100 images) at 5 % of natives, and where half is found.

    The exposure is taken as it was, without an interval of its own.
    """
    per = "camera_day" if timed else "100_images"
    half = np.asarray(rates["fpr_at_50_tpr"])
    return {
        f"false_alarms_per_{per}_at_5_fpr": np.full_like(half, 0.05) * scale,
        f"false_alarms_per_{per}_at_50_recall": half * scale,
    }
