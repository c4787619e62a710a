"""Features, shortcuts and scores of a fold -> scores of test events with 0, 1, 2 .. examples."""

from pathlib import Path

from threadpoolctl import threadpool_limits

from stowaway.core.script import run_rule
from stowaway.core.tables import read_table, write_table
from stowaway.data.packs import Features
from stowaway.data.splits import load_crops
from stowaway.evaluation.examples import (
    Elsewhere,
    Fold,
    Shortcuts,
    fitted_natives,
    score_with_examples,
)
from stowaway.models.facts import check_backbone, read_backbone
from stowaway.review.trained import held_out_scores


def score_examples(
    features: Path,
    facts: Path,
    labels: Path,
    shortcuts: Path,
    splits: Path,
    scores: Path,
    other_labels: Path | list,
    other_features: Path | list,
    other_facts: Path | list,
    example_scores: Path,
    lead: str,
    detector: dict,
    numbers: list[int],
    fold: str,
    seed: str,
    threads: int,
) -> None:
    """Write the table of `score_with_examples`.

    `lead` is a column of `scores`, and `detector` its entry in the config. The other run, whose
    examples are tried too, is named by the folder of its tables; without one they are [].
    """
    with threadpool_limits(threads):
        crops = load_crops(labels, splits)
        novelty = read_table(scores, ["crop_id", lead]).set_index("crop_id")[lead]
        crops["novelty"] = novelty.reindex(crops["crop_id"]).to_numpy()
        natives, values = fitted_natives(crops), Features(features, len(crops))
        usual = held_out_scores(crops, values, scores, lead, {lead: detector}, int(seed))
        measures = Shortcuts(crops, read_table(shortcuts).drop(columns="crop_id"), natives)
        material = Fold(crops, natives, values, measures, usual)
        elsewhere = None
        if other_labels:
            there = load_crops(other_labels, [])
            of_there = Features(other_features, len(there))
            wanted, run = read_backbone(other_facts), other_labels.parent.name
            check_backbone(run, wanted, read_backbone(facts))
            elsewhere = Elsewhere(run, there, of_there)
        table = score_with_examples(material, numbers, fold, int(seed), elsewhere)
        write_table(table, example_scores)


if __name__ == "__main__":
    run_rule(score_examples, snakemake)
