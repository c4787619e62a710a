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


FITTED_ROLES = (Role.TRAIN, Role.VAL)
NATIVE_ROLES = (*FITTED_ROLES, Role.CALIBRATION, Role.TEST)
QUEUED_ROLES = (Role.TEST, Role.NOVEL, Role.UNLISTED)


def apportion(groups: int, shares: Mapping[Role, float], dealt: Mapping[Role, int]) -> list[Role]:
    """The roles of so many groups, in the order of `shares`, beside those that are dealt already.

    `dealt` has the number of groups of each role. A role without a group comes first; else each
    group goes by Sainte-Laguë's divisors (Balinski and Young, Fair Representation, 1982): where one
    group is added, one role gets one more and none gets fewer. `shares` need not sum to 1.
    """
    counts = {role: dealt.get(role, 0) for role in shares}

    def claim(role: Role) -> tuple[bool, float]:
        return not counts[role], shares[role] / (2 * counts[role] + 1)

    for _ in range(groups):
        counts[max(shares, key=claim)] += 1
    due = Counter(counts) - Counter(dealt)
    return [role for role in shares for _ in range(due[role])]
