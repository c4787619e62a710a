"""The review queue: a row per event that no detector was fitted on, the most suspicious first."""

from collections.abc import Collection, Mapping
from hashlib import sha256

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stowaway.core.names import UNNAMED, clean_label
from stowaway.core.script import say
from stowaway.data.roles import NATIVE_ROLES, QUEUED_ROLES
from stowaway.detectors.feature_methods import Floats
from stowaway.detectors.watch import WatchHead, lead_scores, whole_events
from stowaway.evaluation.alarms import Alarm, events_of, reviewed, set_alarm
from stowaway.evaluation.exposure import EVENTS_PER_DAY, native_density, tested_days, weeks
from stowaway.evaluation.metrics import EPSILON
from stowaway.evaluation.thresholds import needed, too_few
from stowaway.review import suppression
from stowaway.review.label_check import cross_p_values
from stowaway.review.suppression import REPEATED, SET_BACK, reasons

COLUMNS = (
    "rank event location datetime crops score p_value alarm sampled predicted nearest watched "
    "examples species role crop_id image_path suppressed"
).split()
MOST_SHOWN = 500  # what a page holds
BEYOND = f"an alarm beyond the {MOST_SHOWN} events of a page"


def review_queue(
    crops: pd.DataFrame,
    days: pd.DataFrame,
    settings: dict,
    review: dict,
    seed: int = 1,
    people: Collection[str] = (),
    decided: Collection[str] = (),
    daily: float | None = None,
    cross_fitted: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row of COLUMNS per event of test natives, novel and unlisted animals: its highest crop.
    And a row of `suppression.COLUMNS` per event that is left out, with the reason.

    `crops` are those of `load_crops` with `score`, the four columns of `nearest_species`, and
    `repeat` and `occurrences` of `repeat_groups`. `days` are the camera-days, `settings` the
    config's alarm and its `group`, which is split.group, `review` the config's. `people` are the
    events with a person, `decided` the events and groups of boxes that were reviewed. `daily` is
    the number of native events of a camera-day, if the crops are not all of the natives'.
    `cross_fitted` are all natives with cross-fitted scores, where those that were fitted or
    calibrated on are to be queued too.

    The queue goes by score, alarms on repeated boxes behind all others. Where the alarm is per
    species, it goes by p-value before score. A weekly budget is for
    the days on which the queue's locations have photos, since the queue holds events of the whole
    period; of a split by time it is for the `tested_days`.
    """
    crops = crops.assign(date=crops["datetime"].str[:10])
    if daily is None:
        daily = native_density(crops[crops["role"].isin(NATIVE_ROLES)], days)[EVENTS_PER_DAY]
    if settings["group"] == "time":
        days = tested_days(days, crops)
    alarm, queued = set_alarm(crops, settings, daily, days), reviewed(crops)
    tell_beside(crops, queued)
    queued = with_p_values(queued, alarm)
    if cross_fitted is not None:
        queued = pd.concat([queued, with_cross_p_values(cross_fitted, alarm)], ignore_index=True)
    queue, back = highest_boxes(queued)
    warn_of_few(alarm, queue, settings["group"])
    queue = queue.sort_values("score", ascending=False, kind="stable")
    if settings["per_species"]:
        queue = queue.sort_values("p_value", kind="stable")
    # A branch that alarms is shown, behind the alarms that stand at one place but once.
    alarms = queue["alarm"] == "yes"
    parts = alarms & ~queue["repeated"], alarms & queue["repeated"], ~alarms
    queue = pd.concat([queue[part] for part in parts], ignore_index=True)
    queue["rank"] = queue.index + 1
    queue["suppressed"] = reasons(queue, people, decided, review["mute"])
    queue["nearest"] = [in_words(row, review["mute"]["species"]) for row in queue.itertuples()]
    queue = choose(queue, review, weeks(days, queued["location"]), seed)
    left_out = queue["suppressed"] != ""
    back = back[back["event"].isin(queue.loc[~left_out, "event"]) & ~back["repeat"].isin(decided)]
    out = pd.concat([queue[left_out], back.assign(suppressed=SET_BACK)], ignore_index=True)
    out = out.drop(columns="group").rename(columns={"suppressed": "reason", "repeat": "group"})
    of_group = out["reason"].isin([REPEATED, SET_BACK])
    out["group"] = out["group"].where(of_group, "")
    out["occurrences"] = out["occurrences"].where(of_group).astype("Int64")
    tell(queue, out)
    return queue[COLUMNS], out[suppression.COLUMNS]


def with_watch(
    crops: pd.DataFrame,
    features: Floats,
    head: WatchHead | None,
    usual: Floats,
    examples: Mapping[str, int],
    own: NDArray[np.bool_] | None = None,
) -> pd.DataFrame:
    """The crops with the higher of novelty and likeness to a watched species as their `score`.

    `crops` have the novelty as `score`, NaN where they are not scored, and the `row` of `features`,
    which are read by rows; `usual` are the sorted novelties of held-out native events, `examples`
    the number of example crops of each watched species. `watched` is the species that leads, '' for
    novelty. Events with a crop of `own`, which is an example itself, keep to their novelty: the
    head has seen them. Without a `head` the scores stay as they are.
    """
    crops = crops.assign(watched="", examples=np.nan)
    if head is None:
        return crops
    scored = np.flatnonzero(crops["score"].notna())
    score, which = crops["score"].to_numpy(float).copy(), np.full(len(crops), -1)
    rows, events = crops["row"].to_numpy(), crops["event"].to_numpy(str)
    seen = [] if own is None else np.unique(events[scored][own[scored]])
    for some in whole_events(events[scored]):
        places = scored[some]
        watch = head.score(features[rows[places]], events[places])
        watch[np.isin(events[places], seen)] = np.nan
        score[places], which[places] = lead_scores(score[places], usual, watch, head.native_scores)
    names = np.append(head.watched, "")[which]
    counts = pd.Series(names).map(examples).to_numpy(float)
    return crops.assign(score=score, watched=names, examples=counts)


def with_p_values(crops: pd.DataFrame, alarm: Alarm) -> pd.DataFrame:
    """The crops with `p_value`, `alarm`, and whether each is an alarm at the smallest p-value."""
    flags = np.where(alarm.flags(crops), "yes", "no")
    strangest = alarm.strangest(crops)
    return crops.assign(p_value=alarm.p_values(crops), alarm=flags, strangest=strangest)


def with_cross_p_values(natives: pd.DataFrame, alarm: Alarm) -> pd.DataFrame:
    """Those of the natives that were fitted or calibrated on, with the same columns.

    `natives` are of all roles, with cross-fitted scores; their p-values are `cross_p_values` of
    events, per species where the alarm is. For a weekly budget, scores go by its threshold.
    """
    natives, known = natives.assign(p_value=1.0, least=1.0), events_of(natives)
    by = natives["predicted"] if alarm.per_species else pd.Series("", natives.index)
    for _, own in natives.groupby(by):
        of = known[known["predicted"].isin(own["predicted"])] if alarm.per_species else known
        natives.loc[own.index, "p_value"] = cross_p_values(of, own)
        natives.loc[own.index, "least"] = 1 / max(of["group"].nunique(), 1)
    flags = natives["score"] > alarm.threshold
    if not np.isnan(alarm.rate):
        flags = natives["p_value"] <= alarm.rate + EPSILON
    strangest = flags & (natives["p_value"] <= natives["least"] + EPSILON)
    natives = natives.assign(alarm=np.where(flags, "yes", "no"), strangest=strangest)
    joined = natives[~natives["role"].isin(QUEUED_ROLES)]
    say(
        f"queue: {joined['event'].nunique():,} events of natives that were fitted or calibrated on "
        "join, with cross-fitted scores and cross-conformal p-values: the rate asked is kept about"
    )
    return joined


def highest_boxes(queued: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The highest crop of each event, and of each event and group of repeated boxes set back there.

    A repeated box stands back behind others of its event, unless it alone is an alarm at the
    smallest p-value that there can be: a rat that passes a stone is scored and the stone is not. An
    event of nothing but repeated boxes keeps its `repeat`; `repeated` says whether the highest box
    is one. The scores of calibration events have all their boxes, so that an event with a box less
    is an alarm no more often than promised.
    """
    events = queued.groupby("event")
    repeated = (queued["repeat"] != "") & ~queued["strangest"]
    queued = queued.assign(
        crops=events["crop_id"].transform("size"),
        datetime=events["datetime"].transform("min"),
        repeated=queued["repeat"] != "",
        repeat=queued["repeat"].where(repeated, ""),
    )
    behind = repeated & queued["event"].isin(queued.loc[~repeated, "event"])
    return events_of(queued[~behind]), events_of(queued[behind], "repeat")


def in_words(event: tuple, muted: Collection[str]) -> str:
    """Which natives an event of the queue is nearest to, with the cosines to their means."""
    names = (event.predicted, event.similarity), (event.second, event.second_similarity)
    words = ", ".join(f"{name} {cosine:.2f}" for name, cosine in names if name)
    if event.alarm == "no" and not event.watched:
        return f"like {words}" if words else ""
    reason = "unlike any native"
    if event.watched:
        reason = f"like {event.watched} ({event.examples:.0f} example{'s' * (event.examples > 1)})"
    words = "; nearest ".join(filter(None, [f"{reason}, p = {event.p_value:.2g}", words]))
    if event.repeated:
        words += f"; {event.occurrences:.0f} photos of this location have the same box"
    is_muted = event.predicted in {clean_label(name) for name in muted}
    if event.alarm == "no":
        return words
    return words + f" ({event.predicted} is muted, an alarm is not)" * is_muted


def choose(queue: pd.DataFrame, review: dict, span: float, seed: int) -> pd.DataFrame:
    """The queue with `sampled`, why each event is shown: alarm, budget or below; '' where not.

    Every alarm is shown, then the highest others up to review.budget a week, then a random
    review.sample a week of what is left. `span` is in weeks; less than one, or an unknown number,
    counts as one. At most MOST_SHOWN are shown: budget and sample are for so many weeks as fit, and
    alarms beyond are `suppressed` as BEYOND. A draw takes the events whose hashes, with the seed,
    are lowest.
    """
    span = span if span > 1 else 1.0
    held = min(span, MOST_SHOWN / (review["budget"] + review["sample"]))
    budget, sample = (int(review[name] * held + EPSILON) for name in ("budget", "sample"))
    left = queue["suppressed"] == ""
    alarms, others = (queue.index[left & (queue["alarm"] == flag)] for flag in ("yes", "no"))
    queue = queue.assign(sampled="")
    queue.loc[alarms[MOST_SHOWN:], "suppressed"] = BEYOND
    alarms = alarms[:MOST_SHOWN]
    highest = max(0, budget - len(alarms))
    hashes = {row: _hash(seed, queue.at[row, "event"]) for row in others[highest:]}
    drawn = sorted(hashes, key=hashes.get)[: min(sample, MOST_SHOWN - len(alarms))]
    for name, rows in {"alarm": alarms, "budget": others[:highest], "below": drawn}.items():
        queue.loc[rows, "sampled"] = name
    if held < span:
        say(
            f"queue: a page holds {MOST_SHOWN} events: the budget and the sample are those of "
            f"{held:.1f} of {span:.1f} weeks; alarms go first"
        )
    if len(drawn) < sample and len(drawn) < len(hashes):
        say(f"queue: alarms leave room for {len(drawn)} of {sample} random events")
    return queue


def _hash(seed: int, event: str) -> bytes:
    return sha256(f"{seed}:{event}".encode()).digest()


def tell(queue: pd.DataFrame, out: pd.DataFrame) -> None:
    """Say how many events are shown, which are left out and why, and how many are neither."""
    shown = queue["sampled"].value_counts()
    counts = [f"{shown.get(name, 0):,} {name}" for name in ("alarm", "budget", "below")]
    neither = ((queue["sampled"] == "") & (queue["suppressed"] == "")).sum()
    say(
        f"queue: {len(queue):,} events: {', '.join(counts)}; {neither:,} not shown, "
        f"{(queue['suppressed'] != '').sum():,} left out"
    )
    for reason, of_reason in out.groupby("reason"):
        alarms = (of_reason["alarm"] == "yes").sum()
        say(f"queue: {reason}: {len(of_reason):,}, alarms among them: {alarms:,}")


def tell_beside(crops: pd.DataFrame, queued: pd.DataFrame) -> None:
    """Say what becomes of unlisted animals beside natives that were fitted or calibrated on."""
    fitted = set(crops.loc[~crops["role"].isin(QUEUED_ROLES), "event"])
    unnamed = queued.loc[queued["event"].isin(fitted), "event"].nunique()
    beside = crops[crops["event"].isin(fitted) & crops["role"].isin(QUEUED_ROLES)]
    named = beside.loc[beside["species"] != UNNAMED, "event"].nunique()
    where = "beside natives that were fitted or calibrated on"
    if unnamed:
        say(f"queue: {unnamed:,} events of unnamed boxes {where} are queued by these boxes alone")
    if named:
        say(f"queue: {named:,} events of labelled animals {where} are not queued")


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
