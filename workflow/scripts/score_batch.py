"""Features of a batch and the models of another run -> scores.csv, as score_fold writes it."""

from pathlib import Path

from threadpoolctl import threadpool_limits

from stowaway.core.script import run_rule
from stowaway.core.tables import write_table
from stowaway.data.packs import Features
from stowaway.data.splits import load_crops
from stowaway.detectors import registry
from stowaway.models.facts import check_backbone, read_backbone
from stowaway.review import trained


def score_batch(
    labels: Path,
    features: Path,
    facts: Path,
    models: Path,
    arrays: Path,
    network_scores: list[Path],
    scores: Path,
    threads: int,
) -> None:
    """Write the scores of all crops; `network_scores` are named after their detector.

    Raises `BadInput` where the features, of which `facts` tells, are of another backbone.
    """
    with threadpool_limits(threads):
        crops, known = load_crops(labels, []), trained.load(arrays, models)
        check_backbone(known.facts["run"], known.facts["backbone"], read_backbone(facts))
        detectors = known.detectors
        values, rows = Features(features, len(crops)), crops["row"].to_numpy()
        columns = registry.nearest_species(detectors, values, rows)
        columns |= registry.score_all(detectors, values, rows, crops["event"].to_numpy(str))
        columns |= registry.network_scores(network_scores, crops["crop_id"])
        facts = crops["crop_id species role event group location".split()]
        write_table(facts.assign(**columns), scores)


if __name__ == "__main__":
    run_rule(score_batch, snakemake)
