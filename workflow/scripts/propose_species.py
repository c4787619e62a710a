"""annotations.csv -> a snippet of config that calls the frequent species native, to paste."""

from collections import Counter
from pathlib import Path

import yaml

from stowaway.core.files import replacing
from stowaway.core.names import UNNAMED, name_key, slug
from stowaway.core.script import run_rule
from stowaway.core.tables import rows
from stowaway.core.texts import shown, why_no_species


def propose_species(
    annotations: Path, proposal: Path, threshold: int, too_general: list[str]
) -> None:
    """Species of `threshold` boxes or more are native, the others invasive: a proposal.

    It holds what the config accepts. A comment says which labels are left out, and why.
    """
    counts = Counter(row["species"] for row in rows(annotations))
    for label in (*too_general, UNNAMED):
        counts.pop(label, None)
    sides, notes, slugs = {"native": [], "invasive": []}, [], {}
    for label, count in counts.most_common():
        reason = why_no_species(label)
        first = slugs.setdefault(name_key(slug(label)), label)
        if not reason and first != label:
            reason = f"has the slug of {shown(first)}; rename it with labels.rename"
        if reason:
            notes.append(f"# left out: {shown(label)} ({count}) {reason}\n")
        else:
            sides["native" if count >= threshold else "invasive"].append(label)
    listed = [label for side in sides.values() for label in side]
    text = "# " + ", ".join(f"{label} {counts[label]}" for label in listed)
    text += (
        f"\n# native: {threshold} boxes or more. Read it before you paste it into your config.\n"
    )
    if not sides["native"]:
        text += (
            f"# No species has {threshold} boxes: lower species.propose_threshold and ask again.\n"
        )
    sides["propose_threshold"] = threshold
    text += "".join(notes)
    text += yaml.safe_dump({"species": sides}, allow_unicode=True, sort_keys=False)
    with replacing(proposal) as file:
        file.write(text)
    print(text)


if __name__ == "__main__":
    run_rule(propose_species, snakemake)
