"""What examples of a novel species, and more natives, are worth: events' scores, and their metrics.

Examples and test events of a run lie at different locations: a head that knows the place would
find the rest of the species there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stowaway.annotations.events import UNKNOWN
from stowaway.core.tables import read_table
from stowaway.data.exact_copies import CHECKSUMS
from stowaway.data.roles import FITTED_ROLES, Role
from stowaway.detectors.feature_methods import Floats
from stowaway.detectors.registry import sample
from stowaway.detectors.watch import WatchHead, lead_scores, whole_events
from stowaway.evaluation.aggregate import MAIN, Pooled
from stowaway.evaluation.bootstrap import Draws, draw_runs, interval, resampled
from stowaway.evaluation.folds import ELSEWHERE, NOVELTY, SHORTCUTS, WATCH_LIST
from stowaway.evaluation.metrics import METRICS, Flags, Ranked, highest_crops, perfect

WATCH, SAME_LOCATIONS = "watch alone", "watch alone, same locations"
MOST_NATIVES = 2_000  # crops that a head is fitted on: enough for it, and a fit takes a second
DRAWS = 3  # of examples in a fold: which events they are matters as much as how many
COPIES = ("event", *CHECKSUMS)
PLACES = ("group", "location")
SCORES = "species draw detector examples event novel score".split()
RUN = ["fold", "seed", "species", "draw"]
POOLED = "metric value low high ceiling novel_events native_events species runs without".split()
OF_SPECIES = "metric value novel_events native_events runs without".split()


class Rows(Protocol):
    """Features of crops by their `row`: (n, dimensions) floats, in memory or not."""

    def __getitem__(self, rows: NDArray) -> Floats: ...


class Shortcuts:
    """What is known of crops without the animal, as features for a `WatchHead`.

    They are the logarithms of `measures` (a row per crop) and of the event's number of crops,
    standardised by the `natives`; 1 for the location, of those that natives have, an unknown one
    being none; and a constant, so that a head which makes lengths equal still tells far from near.
    """

    def __init__(self, crops: pd.DataFrame, measures: pd.DataFrame, natives: pd.DataFrame) -> None:
        size = crops.groupby("event")["event"].transform("size")
        values = np.log1p(measures.set_axis(crops.index).assign(event_size=size))
        known = values.loc[natives.index]
        self.values = ((values - known.mean()) / known.std(ddof=0).replace(0, 1)).to_numpy(float)
        self.locations = crops["location"].to_numpy(str)
        self.places = np.setdiff1d(natives["location"].to_numpy(str), UNKNOWN)

    def __getitem__(self, rows: NDArray) -> Floats:
        located = self.locations[rows, None] == self.places
        constant = np.full((len(rows), 1), np.sqrt(self.values.shape[1]))
        return np.hstack([self.values[rows], located, constant])


@dataclass
class Fold:
    """A fold and seed: `crops` of `load_crops` with `novelty`, the score of the detector that leads
    (NaN where they are not scored), the `natives` among them that heads are fitted on, and `usual`,
    the sorted novelty of native events by detectors that were fitted without them."""

    crops: pd.DataFrame
    natives: pd.DataFrame
    features: Rows
    shortcuts: Rows
    usual: Floats


@dataclass
class Elsewhere:
    """Another run: its name, its `crops` as of `load_crops`, and their features."""

    run: str
    crops: pd.DataFrame
    features: Rows


def fitted_natives(crops: pd.DataFrame) -> pd.DataFrame:
    """The natives of FITTED_ROLES; of more than MOST_NATIVES crops a `sample`."""
    natives = crops[crops["role"].isin(FITTED_ROLES)]
    if len(natives) <= MOST_NATIVES:
        return natives
    labels, events = (natives[name].to_numpy(str) for name in ("species", "event"))
    return natives.iloc[sample(labels, events, MOST_NATIVES)]


def draw_events(crops: pd.DataFrame, key: str, seed: int) -> NDArray:
    """The events of crops in a random order; the first k are k examples, so draws are nested."""
    events = np.unique(crops["event"].to_numpy(str))
    return np.random.default_rng([seed, crc32(key.encode())]).permutation(events)


def share_of_events(natives: pd.DataFrame, share: float, seed: int) -> Flags:
    """Which crops a `share` of each species' events has, drawn at random, but at least of one.

    The events of a smaller share are among those of a larger one.
    """
    kept = pd.Series(False, index=natives.index)
    for species, own in natives.groupby("species"):
        order = draw_events(own, species, seed)
        kept |= (natives["species"] == species) & natives["event"].isin(
            order[: max(1, round(share * len(order)))]
        )
    return kept.to_numpy()


def tests_by_species(crops: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each novel species with its crops of role NOVEL and the natives of role TEST."""
    novel, native = crops["role"] == Role.NOVEL, crops["role"] == Role.TEST
    for species in np.unique(crops.loc[novel, "species"].to_numpy(str)):
        yield species, crops[native | (novel & (crops["species"] == species))]


def apart(crops: pd.DataFrame, others: pd.DataFrame, units: tuple[str, ...]) -> Flags:
    """Which crops are of events that share none of `units` with `others`, as far as it is known."""
    shared = np.zeros(len(crops), bool)
    for unit in (unit for unit in units if unit in crops and unit in others):
        known = others.loc[~others[unit].isin(["", UNKNOWN]), unit].dropna()
        shared |= crops[unit].isin(known).to_numpy()
    return ~crops["event"].isin(crops.loc[shared, "event"]).to_numpy()


def score_with_examples(
    fold: Fold, numbers: list[int], key: str, seed: int, elsewhere: Elsewhere | None = None
) -> pd.DataFrame:
    """The scores of test events, with SCORES as columns, for each novel species of a fold in turn.

    Heads are fitted on as many events of the species as `numbers` says, drawn by `key` and `seed`
    from all its events, DRAWS times; 0 has the novelty alone. Test events are the natives' of role
    TEST, and the species' of role NOVEL that are no examples nor copies of one, nor of the group or
    the location of one (unknown locations differ). SAME_LOCATIONS has the latter too, and examples
    from `elsewhere` leave all. Where no novel event is left, natives stand alone without scores.
    """
    tables = [pd.DataFrame(columns=SCORES)]
    for species, tests in tests_by_species(fold.crops):
        own = fold.crops[fold.crops["species"] == species]
        for draw in range(DRAWS):
            drawn = f"{key}/{species}/{draw}"
            rows = [_score_here(fold, tests, own, numbers, drawn, seed)]
            if elsewhere is not None:
                rows.append(_score_elsewhere(fold, tests, species, elsewhere, numbers, drawn, seed))
            for detector, examples, tested, scores in chain(*rows):
                novel = (tested["role"] == Role.NOVEL).to_numpy()
                line = {"species": species, "draw": draw, "detector": detector}
                events = highest_events(tested, novel, scores)
                tables.append(events.assign(examples=examples, **line)[SCORES])
    return pd.concat(tables[1:] or tables)


def highest_events(tests: pd.DataFrame, novel: Flags, scores: Floats) -> pd.DataFrame:
    """The events of crops by their highest crop: `event`, `novel` (1 or 0) and `score`."""
    events = tests["event"].to_numpy(str)
    rows = highest_crops(scores, events, novel)
    columns = {"event": events[rows], "novel": novel[rows].astype(int), "score": scores[rows]}
    return pd.DataFrame(columns)


Scored = Iterator[tuple[str, int, pd.DataFrame, Floats]]  # detector, examples, crops, scores


def _score_here(
    fold: Fold, tests: pd.DataFrame, own: pd.DataFrame, numbers: list[int], key: str, seed: int
) -> Scored:
    """Scores with examples of the run itself, from `own`, the crops of the novel species."""
    order = draw_events(own, key, seed)
    for number in numbers:
        examples = own[own["event"].isin(order[:number])]
        native = tests["role"] == Role.TEST
        near = tests[native | apart(tests, examples, COPIES)]
        far = ((near["role"] == Role.TEST) | apart(near, examples, PLACES)).to_numpy()
        novelty = near["novelty"].to_numpy()
        yield NOVELTY, number, near[far], novelty[far]
        if number == 0:
            yield WATCH_LIST, number, near, novelty
            continue
        watch, lead = _watch(fold, fold.features, examples, fold.features, near)
        yield WATCH_LIST, number, near[far], lead[far]
        yield WATCH, number, near[far], watch[far]
        yield SAME_LOCATIONS, number, near, watch
        known, _ = _watch(fold, fold.shortcuts, examples, fold.shortcuts, near)
        yield SHORTCUTS, number, near[far], known[far]


def _score_elsewhere(
    fold: Fold,
    tests: pd.DataFrame,
    species: str,
    there: Elsewhere,
    numbers: list[int],
    key: str,
    seed: int,
) -> Scored:
    """Scores with examples of another run, none of which is a copy of a crop of this one."""
    own = there.crops[there.crops["species"] == species]
    own = own[apart(own, fold.crops, CHECKSUMS)]
    own = own.assign(event=f"{there.run}/" + own["event"])
    order = draw_events(own, key, seed)
    for number in numbers if len(order) else ():
        if number == 0:
            scores = tests["novelty"].to_numpy()
        elif number <= len(order):
            examples = own[own["event"].isin(order[:number])]
            _, scores = _watch(fold, fold.features, examples, there.features, tests)
        else:
            tests = tests[tests["role"] == Role.TEST]
            scores = np.full(len(tests), np.nan)
        yield ELSEWHERE + there.run, number, tests, scores


def _watch(
    fold: Fold, features: Rows, examples: pd.DataFrame, of_examples: Rows, tests: pd.DataFrame
) -> tuple[Floats, Floats]:
    """The scores of test crops by a head, and by the higher of head and novelty; NaN where no
    novel crop is among them."""
    scores = np.full(len(tests), np.nan)
    if not (tests["role"] == Role.NOVEL).any():
        return scores, scores
    known = pd.concat([fold.natives, examples])
    values = [features[fold.natives["row"].to_numpy()], of_examples[examples["row"].to_numpy()]]
    watched = np.arange(len(known)) >= len(fold.natives)
    names = (known[name].to_numpy(str) for name in ("species", "event"))
    head = WatchHead().fit(np.concatenate(values).astype(float), *names, watched)
    events, rows = tests["event"].to_numpy(str), tests["row"].to_numpy()
    for some in whole_events(events):
        scores[some] = head.score(features[rows[some]], events[some])[:, 0]
    novelty = tests["novelty"].to_numpy()
    return scores, lead_scores(novelty, fold.usual, scores[:, None], head.native_scores)[0]


def read_runs(paths: list[Path]) -> pd.DataFrame:
    """The tables of all runs, named .../<fold>/<seed>/<table>.csv, with the columns of RUN."""
    tables = []
    for path in paths:
        fold, seed = path.parts[-3:-1]
        table = read_table(path)
        facts = {"fold": fold, "seed": int(seed), "draw": table.get("draw", 0)}
        tables.append(table.assign(**facts))
    return pd.concat([table for table in tables if len(table)] or tables)


def pool_events(
    scores: pd.DataFrame, by: str, resamples: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Metrics of each detector and value of `by`: over all runs, and for each species apart.

    `scores` has a row per event of a run, which is a `fold`, `seed`, novel `species` and `draw`,
    with the columns `detector`, `by`, `event`, `novel` and `score`. A value is the mean over the
    runs that have one, and `without` counts those that have none, without a novel or a native
    event. Events are means over all runs. The 95 % intervals resample species, then events within,
    the same for all rows (`draw_runs`); they are NaN where a side has fewer than two events.
    Without events, as where no novel species is on the test side, the tables are empty.
    """
    of_run = ["fold", "species", "detector", by]
    columns, of_species = ["detector", by, *POOLED], [*of_run, *OF_SPECIES]
    if scores.empty:
        return pd.DataFrame(columns=columns), pd.DataFrame(columns=of_species)
    names, number = np.unique(scores["event"].to_numpy(str), return_inverse=True)
    scores = scores.assign(number=number, novel=scores["novel"].astype(bool))
    sides = scores[["species", "number", "novel"]].drop_duplicates()
    samples = [
        (species, own["number"].to_numpy(), own["novel"].to_numpy(), own["species"].to_numpy(str))
        for species, own in sides.groupby("species", sort=False)
    ]
    draws = draw_runs(samples, len(names), resamples, seed, left_out=True)
    few = sides.drop_duplicates(["number", "novel"])["novel"].value_counts().min() < 2
    lines, tables = [], []
    for (detector, at), rows in scores.groupby(["detector", by], sort=False):
        pooled, runs = _pool(rows, draws)
        low, high = np.full((2, len(MAIN)), np.nan) if few else interval(pooled.draws())
        for values in zip(MAIN, pooled.value(), low, high, pooled.ceiling(), strict=True):
            line = dict(zip(POOLED, values, strict=False)) | _counts(runs, values[0])
            lines.append(line | {"detector": detector, by: at})
        tables.append(runs.assign(**{"detector": detector, by: at}))
    each = [
        {"metric": name, "value": own[name].mean()}
        | _counts(own, name)
        | dict(zip(of_run, key, strict=True))
        for key, own in pd.concat(tables).groupby(of_run, sort=False)
        for name in MAIN
    ]
    return pd.DataFrame(lines, columns=columns), pd.DataFrame(each, columns=of_species)


def _pool(scores: pd.DataFrame, draws: Draws) -> tuple[Pooled, pd.DataFrame]:
    """The metrics MAIN of all runs of a detector, and a table with a row per run."""
    metrics, pooled, runs = [METRICS[name] for name in MAIN], Pooled(), []
    for key, events in scores.groupby(RUN, sort=False):
        novel, run = events["novel"].to_numpy(), dict(zip(RUN, key, strict=True))
        run |= {"native_events": (~novel).sum(), "novel_events": novel.sum()}
        ranked = Ranked(events["score"].to_numpy(), novel, events["number"].to_numpy())
        counts, best = ranked.counts(), perfect(run["native_events"], run["novel_events"])
        values = {name: float(METRICS[name](*counts)) for name in MAIN}
        ceilings = [float(metric(*best)) for metric in metrics]
        drawn = resampled(ranked, draws.weights, metrics)
        pooled.add(values, ceilings, drawn, draws.folds[run["species"]])
        runs.append(run | values)
    return pooled, pd.DataFrame(runs)


def _counts(runs: pd.DataFrame, metric: str) -> dict[str, float]:
    """The mean numbers of events of runs, and how many species, runs, and runs without `metric`."""
    counts = {name: runs[name].mean() for name in ("novel_events", "native_events")}
    counts |= {"species": runs["species"].nunique(), "runs": len(runs)}
    return counts | {"without": runs[metric].isna().sum()}
