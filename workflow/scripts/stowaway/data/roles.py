"""The role of a crop in a fold. Every other module names roles by these, never by strings."""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What the crops of an event and species are used for in one fold."""

    TRAIN = "train"  # natives that models are fitted on
    VAL = "val"  # natives that end a training and set the original's thresholds
    CALIBRATION = "calibration"  # natives that nothing is fitted on; they set the alarm
    TEST = "test"  # natives to report on
    NOVEL = "novel"  # the species that are held out: invasive ones, or a left-out native
    UNLISTED = "unlisted"  # all others: ranked in the queue, in no metric
    NEW = "new"  # of a batch: scored with the models of another run


FITTED_ROLES = (Role.TRAIN, Role.VAL)
NATIVE_ROLES = (*FITTED_ROLES, Role.CALIBRATION, Role.TEST)
QUEUED_ROLES = (Role.TEST, Role.NOVEL, Role.UNLISTED, Role.NEW)


def apportion(groups: int, shares: Mapping[Role, float], dealt: Mapping[Role, int]) -> list[Role]:
    """The roles of so many groups, in the order of `shares`, beside those that are dealt already.

    `dealt` has the number of groups of each role. Each group goes to the role that is furthest
    behind its share. That is Adams' divisor method (Balinski and Young, Fair Representation, 1982):
    each role has a group as soon as there is one for each, and where one group is added, one role
    gets one more and none gets fewer. `shares` need not sum to 1.
    """
    counts = Counter({role: dealt.get(role, 0) for role in shares})
    for _ in range(groups):
        counts[min(shares, key=lambda role: counts[role] / shares[role])] += 1
    due = counts - Counter(dealt)
    return [role for role in shares for _ in range(due[role])]
