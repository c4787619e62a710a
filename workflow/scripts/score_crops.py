"""A trained network and packed crops -> the score of each crop; higher is more novel."""

from pathlib import Path

from stowaway.core.script import rule_log
from stowaway.core.tables import write_table
from stowaway.data.packs import Pack
from stowaway.data.splits import load_crops
from stowaway.detectors.reconstruction import measure_rows, score_of
from stowaway.models.checkpoint import load_detector
from stowaway.models.device import Device, join_batches


def score_crops(
    model_path: Path, pack: Path, labels: Path, splits: Path, out: Path, threads: int
) -> None:
    """Write `crop_id score error correlation` of every crop that has a role in the fold."""
    model, saved = load_detector(model_path)
    settings = saved["settings"]
    device = Device.choose(settings["precision"], threads)
    device.place(model)
    fitted = {name: tensor.to(device.device) for name, tensor in saved["fitted"].items()}
    crops = load_crops(labels, splits)
    measured = measure_rows(model, Pack(pack), crops["row"].to_numpy(), settings, device)
    scored = (
        {
            "score": score_of(measures, settings["score"], fitted),
            "error": measures["error"],
            "correlation": measures["correlation"],
        }
        for measures in measured
    )
    write_table(crops[["crop_id"]].assign(**join_batches(scored, len(crops))), out)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        score_crops(
            model_path=Path(snakemake.input.model),
            pack=Path(snakemake.input.pack),
            labels=Path(snakemake.input.labels),
            splits=Path(snakemake.input.splits),
            out=Path(snakemake.output.scores),
            threads=snakemake.threads,
        )
