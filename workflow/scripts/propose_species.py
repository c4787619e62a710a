"""annotations.csv -> a snippet of config that calls the frequent species native, to paste."""

from collections import Counter
from pathlib import Path

import yaml

from stowaway.core.files import replacing
from stowaway.core.script import run_rule
from stowaway.core.tables import rows


def propose_species(
    annotations: Path, proposal: Path, threshold: int, too_general: list[str]
) -> None:
    """Species of `threshold` boxes or more are native, the others invasive: a proposal."""
    counts = Counter(row["species"] for row in rows(annotations))
    for label in too_general:
        counts.pop(label, None)
    sides = {"native": [], "invasive": []}
    for label, count in counts.most_common():
        sides["native" if count >= threshold else "invasive"].append(label)
    text = "# " + ", ".join(f"{label} {count}" for label, count in counts.most_common())
    text += (
        f"\n# native: {threshold} boxes or more. Read it before you paste it into your config.\n"
    )
    if not sides["native"]:
        text += (
            f"# No species has {threshold} boxes: lower species.propose_threshold and ask again.\n"
        )
    sides["propose_threshold"] = threshold
    text += yaml.safe_dump({"species": sides}, allow_unicode=True, sort_keys=False)
    with replacing(proposal) as file:
        file.write(text)
    print(text)


if __name__ == "__main__":
    run_rule(propose_species, snakemake)
