"""A trained network and packed crops -> the score of each crop; higher is more novel."""

from pathlib import Path

from stowaway.core.script import run_rule
from stowaway.core.tables import write_table
from stowaway.data.packs import Pack
from stowaway.data.splits import load_crops
from stowaway.detectors.reconstruction import measure_rows, score_of
from stowaway.models.checkpoint import load_detector
from stowaway.models.device import Device, join_batches


def score_crops(
    model: Path, pack: Path, labels: Path, splits: Path | list, scores: Path, threads: int
) -> None:
    """Write `crop_id score error correlation` of every crop that has a role in the fold.

    Without `splits`, an empty list, all crops are new.
    """
    network, saved = load_detector(model)
    settings = saved["settings"]
    device = Device.choose(settings["precision"], threads)
    device.place(network)
    fitted = {name: tensor.to(device.device) for name, tensor in saved["fitted"].items()}
    crops = load_crops(labels, splits)
    pixels = Pack(pack, len(crops))
    measured = measure_rows(network, pixels, crops["row"].to_numpy(), settings, device)
    scored = (
        {
            "score": score_of(measures, settings["score"], fitted),
            "error": measures["error"],
            "correlation": measures["correlation"],
        }
        for measures in measured
    )
    write_table(crops[["crop_id"]].assign(**join_batches(scored, len(crops))), scores)


if __name__ == "__main__":
    run_rule(score_crops, snakemake)
