"""The role of a crop in a fold. Every other module names roles by these, never by strings."""

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
