"""Which detectors the figures of the evaluation show, and how they name them."""

import pandas as pd

from stowaway.plots.style import NATIVE_DARK, NOVEL, PALETTE

NONE = "none"  # the kind of no arm, where nothing could be compared
TITLES = {
    "rotate": "each native in turn as the novel one",
    "listed": "the listed invasive species",
    NONE: "nothing to compare",
}
COLOURS = {"rotate": NATIVE_DARK, "listed": NOVEL, NONE: NATIVE_DARK}
ORIGINALS = ["basic_original", "cae"]
SHORTCUT = "shortcut_"


def kinds(table: pd.DataFrame) -> list[str]:
    """The kinds of arms that a table has; the rotation first, as settings are chosen by it."""
    return [kind for kind in TITLES if kind in set(table["arm"])] or [NONE]


def shown(detector: str) -> str:
    """A detector's name as a figure says it."""
    return detector.removeprefix(SHORTCUT).replace("_", " ")


def ranking(metrics: pd.DataFrame) -> list[str]:
    """All detectors, the highest AUROC per event first, of the first kind of arm."""
    area = metrics[
        (metrics["metric"] == "auroc")
        & (metrics["level"] == "event")
        & (metrics["stratum"] == "all")
        & (metrics["arm"] == kinds(metrics)[0])
    ]
    return area.sort_values("value", ascending=False, kind="stable")["detector"].tolist()


def candidates(metrics: pd.DataFrame) -> list[str]:
    """The ranking without shortcuts and the original's two."""
    return [d for d in ranking(metrics) if not d.startswith(SHORTCUT) and d not in ORIGINALS]


def best(metrics: pd.DataFrame) -> str:
    """The first of the candidates, by its name."""
    return next(iter(candidates(metrics)), "no detector")


def lines(metrics: pd.DataFrame) -> dict[str, dict]:
    """The few detectors of a crowded figure and their line styles.

    The best four, the original's two (dashed), and the best shortcut (grey, dotted).
    """
    ranked = ranking(metrics)
    old = [d for d in ORIGINALS if d in ranked]
    shortcuts = [d for d in ranked if d.startswith(SHORTCUT)][:1]
    names = candidates(metrics)[:4] + old
    styles = {}
    for name, colour in zip(names, PALETTE, strict=False):
        style = "--" if name in old else "-"
        styles[name] = {"color": colour, "ls": style, "label": shown(name)}
    for name in shortcuts:
        label = f"best shortcut: {shown(name)}"
        styles[name] = {"color": "#777777", "ls": ":", "label": label}
    return styles
