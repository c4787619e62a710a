"""Which detectors a figure of the evaluation shows, and each one's own colour and line style.

A detector has the same colour and line on every figure. Grey lines are no detectors: they are
shortcut baselines, and chance.
"""

import pandas as pd

from stowaway.evaluation.folds import LEFT_OUT, LISTED, ORIGINALS, SEEN, SHORTCUT
from stowaway.plots.style import NATIVE_DARK, NOVEL, PALETTE, plain

DASHES = ["-", "--", "-.", (0, (7, 1.5, 1, 1.5, 1, 1.5))]
DOTS = [":", (0, (1, 3))]  # of visualization models
MOST_LINES = 10
FOLD_TITLES = {
    LEFT_OUT: "novel: each native, left out in turn",
    LISTED: "novel: the listed invasive species",
    "none": "nothing to compare",
}
FOLD_COLOURS = {LEFT_OUT: NATIVE_DARK, LISTED: NOVEL, "none": NATIVE_DARK}


def fold_kinds(table: pd.DataFrame) -> list[str]:
    """The kinds of folds in a table, or ["none"]; left-out natives first: settings go by them."""
    return [kind for kind in FOLD_TITLES if kind in set(table["fold"])] or ["none"]


def rows_of_fold(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The rows of one kind; models that were trained on the listed species stand with `listed`."""
    return table[table["fold"].isin([kind, *[SEEN] * (kind == LISTED)])]


def detector_styles(detectors: dict[str, str]) -> dict[str, dict]:
    """Colour and line style of each detector, by its position in the config.

    `detectors` are the config's, in its order: name -> what it is trained on ("natives" or "all").
    Up to eight are solid, the next eight dashed, and so on. Visualization models, trained on all
    species, are dotted, and take the colours from the palette's other end.
    """
    styles = {}
    for trained_on, dashes, palette in ("natives", DASHES, PALETTE), ("all", DOTS, PALETTE[::-1]):
        names = [name for name in detectors if detectors[name] == trained_on]
        for position, name in enumerate(names):
            turn, colour = divmod(position, len(palette))
            styles[name] = {"color": palette[colour], "ls": dashes[turn % len(dashes)]}
    return styles


def displayed(name: str) -> str:
    """The name of a detector or shortcut as figures show it."""
    return plain(name.removeprefix(SHORTCUT).replace("_", " "))


def ranking(metrics: pd.DataFrame) -> list[str]:
    """Detectors and shortcuts by their AUROC per event, the highest first, in the first folds."""
    event = (metrics["metric"] == "auroc") & (metrics["level"] == "event")
    area = metrics[event & (metrics["stratum"] == "all")]
    area = area[area["fold"] == fold_kinds(metrics)[0]]
    return area.sort_values("value", ascending=False, kind="stable")["detector"].tolist()


def lead_of(metrics: pd.DataFrame, lead: str) -> str:
    """The detector that leads; where these folds leave it out, the one of the highest AUROC."""
    ranked = [name for name in ranking(metrics) if not name.startswith(SHORTCUT)]
    return lead if lead in ranked else next(iter(ranked), lead)


def lines_of(metrics: pd.DataFrame, detectors: dict[str, str]) -> dict[str, dict]:
    """Colour, line style and label of each line that a crowded figure shows.

    All detectors in the order of the config; where they are more than MOST_LINES, the original's
    two and the best others. After them the best shortcut baseline, in grey.
    """
    evaluated, ranked = set(metrics["detector"]), ranking(metrics)
    names = [name for name in detectors if name in evaluated]
    if len(names) > MOST_LINES:
        by_rank = [name for name in ranked if name in detectors and name not in ORIGINALS]
        best = by_rank[: MOST_LINES - len(ORIGINALS)]
        names = [name for name in names if name in best or name in ORIGINALS]
    styles = detector_styles(detectors)
    lines = {name: styles[name] | {"label": displayed(name)} for name in names}
    for name in [name for name in ranked if name.startswith(SHORTCUT)][:1]:
        label = f"best shortcut: {displayed(name)}"
        lines[name] = {"color": "#777777", "ls": "--", "label": label}
    return lines
