"""The role that a crop's event has in a fold."""

from enum import StrEnum


class Role(StrEnum):
    """Natives are split into the first four; the others are in none of them."""

    TRAIN = "train"
    VAL = "val"
    CALIBRATION = "calibration"
    TEST = "test"
    NOVEL = "novel"
    UNLISTED = "unlisted"


FITTED = Role.TRAIN, Role.VAL
NATIVE_ROLES = Role.TRAIN, Role.VAL, Role.CALIBRATION, Role.TEST
QUEUED = Role.TEST, Role.NOVEL, Role.UNLISTED
