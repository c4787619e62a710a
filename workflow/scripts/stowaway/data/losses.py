"""How many boxes were lost at each stage on the way from the COCO to the crops, and why."""

from collections import Counter
from math import ceil

from stowaway.core.script import BadInput
from stowaway.data.exact_copies import COPIES, FOREIGN
from stowaway.data.photos import NOT_DOWNLOADED, UNREADABLE

# Reasons for which a reviewer takes a box out, by decision; and all that are no loss.
DECIDED = {"not_animal": "a reviewer saw no animal", "person": "a reviewer saw a person"}
NOT_LOST = (*COPIES, *DECIDED.values())


def kind_of(reason: str) -> str:
    """A reason of rejected_crops.csv without what is said of the one crop or photo alone."""
    parts = reason.split(": ")
    return ": ".join(parts[:2]) if parts[0] == UNREADABLE else parts[0]


class Losses:
    """The losses of all stages. What left on purpose is neither lost nor counted: boxes of
    `labels.drop`, copies, and boxes in which a reviewer saw no animal, or a person.

    `facts` are the index's, `reasons` says how often each kind of reason stands in
    rejected_crops.csv, `crops` is the number of rows of labels.csv. Of a subset the index's losses
    count as far as it is of the whole. `rows`: stage, reason, boxes, share; `share` is their sum.
    """

    def __init__(self, facts: dict, reasons: Counter, crops: int) -> None:
        self.copies = Counter({why: n for why, n in reasons.items() if why in NOT_LOST})
        boxes = crops + reasons.total()  # that the index let pass
        self.part = boxes / facts["usable"] if facts["usable"] else 1.0  # below 1 in a subset
        lost = [("index", why, n, n * self.part) for why, n in facts["refused"].items()]
        for why, n in (reasons - self.copies).most_common():
            lost.append(("download" if why in (NOT_DOWNLOADED, FOREIGN) else "crop", why, n, n))
        refused = sum(count for stage, _, _, count in lost if stage == "index")
        self.total = round(refused + boxes - self.copies.total())
        self.rows = [(stage, why, n, count / max(self.total, 1)) for stage, why, n, count in lost]
        self.share = sum(share for *_, share in self.rows)

    def table(self) -> list[str]:
        """Lines of text: a row per stage and reason, and their sum."""
        rows = [*self.rows, ("sum", "", sum(row[2] for row in self.rows), self.share)]
        width = max(len(why) for _, why, _, _ in rows)
        return [
            f"  {stage:<8}  {why:<{width}}  {n:>9,}  {share:>6.1%}" for stage, why, n, share in rows
        ]

    def check(self, most: float, tables: str) -> None:
        """Raise `BadInput` where the share `most` is passed; `tables` list what was lost.

        One box may always be lost, unless the share is 0.
        """
        if round(self.share * self.total) <= ceil(most * self.total):
            return
        main = sorted(self.rows, key=lambda row: row[3], reverse=True)[:3]
        reasons = "; ".join(f"{n:,} x {why} ({stage})" for stage, why, n, _ in main)
        again = "run again with --forcerun download_images, " * any(FOREIGN in row for row in main)
        raise BadInput(
            f"{round(self.share * self.total):,} of {self.total:,} boxes ({self.share:.1%}) are "
            f"lost, over max_rejected = {most:.1%}: {reasons}; {tables} list them; mend them, "
            f"{again}or raise max_rejected"
        )
