"""Features of a batch and the models of another run -> scores.csv, as score_fold writes it."""

from pathlib import Path

from threadpoolctl import threadpool_limits

from stowaway.core.files import reading
from stowaway.core.script import run_rule
from stowaway.core.tables import read_table, write_table
from stowaway.data.packs import Features
from stowaway.data.splits import load_crops
from stowaway.detectors import registry
from stowaway.review import trained


def score_batch(
    labels: Path,
    features: Path,
    models: Path,
    arrays: Path,
    network_scores: list[Path],
    scores: Path,
    threads: int,
) -> None:
    """Write the scores of all crops; `network_scores` are named after their detector."""
    with threadpool_limits(threads):
        crops, detectors = load_crops(labels, []), trained.load(arrays, models).detectors
        values, rows = Features(features, len(crops)), crops["row"].to_numpy()
        columns = registry.nearest_species(detectors, values, rows)
        columns |= registry.score_all(detectors, values, rows)
        for path in network_scores:
            novelty = read_table(path, ["crop_id", "score"]).set_index("crop_id")["score"]
            with reading(path):
                columns[path.stem] = novelty.loc[crops["crop_id"]].to_numpy()
        facts = crops["crop_id species role event group location".split()]
        write_table(facts.assign(**columns), scores)


if __name__ == "__main__":
    run_rule(score_batch, snakemake)
