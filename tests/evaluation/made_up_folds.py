"""Made-up scores of a fold and what is known of their crops, for tests of the evaluation."""

import numpy as np
import pandas as pd

from stowaway.evaluation.folds import crop_facts

DETECTORS = dict.fromkeys(["good", "basic_original", "cae"], "natives")


def table_of(seed: int, n: int = 120, calibration: bool = True) -> pd.DataFrame:
    """Events of three crops: native ants of two roles, novel rats and flies."""
    rng = np.random.default_rng(seed)
    number = np.arange(n)
    role = np.select([number < n // 4, number < n // 2], ["calibration", "test"], "novel")
    if not calibration:
        role[role == "calibration"] = "val"
    novel = role == "novel"
    noise = rng.normal(size=n)
    return pd.DataFrame(
        {
            "crop_id": [f"c{i}" for i in number],
            "species": np.where(novel, np.where(number % 6 < 3, "rat", "fly"), "ant"),
            "role": role,
            "event": [f"e{i // 3}" for i in number],
            "group": [f"e{i // 3}" for i in number],
            "location": "unused",
            "predicted": "ant",
            "good": novel + 0.4 * noise,
            "basic_original": rng.normal(size=n),
            "cae": rng.normal(size=n) + 0.1 * novel,
            "shortcut_area": noise,
            "shortcut_same": noise,
        }
    )


def labels_of(table: pd.DataFrame, dated: bool = True, placed: bool = True) -> pd.DataFrame:
    """Two locations, a photo per crop, two events a day."""
    number = np.arange(len(table))
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(number // 6, "D")
    return table[["crop_id", "event"]].assign(
        species_label=table["species"],
        location=np.where(number % 6 < 3, "A", "B") if placed else "",
        datetime=day.strftime("%Y-%m-%dT10:00:00") if dated else "",
        crop_width=np.where(number % 2, 50, 300),
        crop_height=10,
        image_id=table["crop_id"],
        image_path=table["crop_id"] + ".jpg",
        window_path=table["crop_id"] + ".window.jpg",
    )


def shortcuts_of(table: pd.DataFrame) -> pd.DataFrame:
    """Every other event in infrared."""
    colour = np.where(np.arange(len(table)) % 6 < 3, 0.0, 30.0)
    return pd.DataFrame({"crop_id": table["crop_id"], "colourfulness": colour})


def days_of(table: pd.DataFrame, dated: bool = True) -> pd.DataFrame:
    """The camera-days with a crop in `labels_of`."""
    labels = labels_of(table, dated)
    days = labels[["location"]].assign(date=labels["datetime"].str[:10], images=1)
    return days[days["date"] != ""].drop_duplicates()


def facts_of(table: pd.DataFrame, dated: bool = True, placed: bool = True) -> pd.DataFrame:
    return crop_facts(labels_of(table, dated, placed), shortcuts_of(table))
