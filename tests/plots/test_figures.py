"""Figures of odd inputs: no invasive species, one crop, names that look like formulas or markup."""

import numpy as np
import pandas as pd
import pytest
from arms import facts_of, table_of
from PIL import Image

from conftest import ROOT
from evaluate_detector import evaluate_detector
from plot_accuracy import plot_accuracy
from plot_alarm_cost import plot_alarm_cost
from plot_alarm_rates import plot_alarm_rates
from plot_comparison import plot_comparison
from plot_eda import plot_eda
from plot_event_roc import plot_event_roc
from plot_reconstructions import plot_reconstructions
from plot_roc import plot_roc
from plot_scores import plot_scores
from plot_species_accuracy import plot_species_accuracy
from plot_species_recall import plot_species_recall
from plot_tsne import plot_tsne
from stowaway.core.tables import read_table
from stowaway.evaluation.alarms import alarm_table
from stowaway.evaluation.comparison import compare
from stowaway.evaluation.curves import curve_table
from stowaway.evaluation.folds import load_scored
from stowaway.plots.style import save, use_style

ODD = "<b>$x_1$</b> & müß"


@pytest.fixture(autouse=True)
def style():
    use_style(str(ROOT / "workflow/stowaway.mplstyle"))


def saved(figure, tmp_path) -> None:
    """Save as the scripts do; both forms are there, and the markup is nowhere in the SVG."""
    save(figure, str(tmp_path / "f.svg"), str(tmp_path / "f.png"), ODD)
    with Image.open(tmp_path / "f.png") as image:
        assert image.width > 400
    assert "<b>" not in (tmp_path / "f.svg").read_text()


def scored(tmp_path, invasive: int, natives: int = 12):
    """Tables of evaluate_detector for so many test natives and crops of one odd species."""
    rng = np.random.default_rng(0)
    roles = ["val"] * 12 + ["test"] * natives + ["invasive"] * invasive
    lines = [
        {
            "crop_id": f"c{n}",
            "species": ODD if role == "invasive" else "fox",
            "role": role,
            "event": f"e{n // 2}",
            "score": rng.random(),
            "error": rng.random(),
            "correlation": rng.random(),
        }
        for n, role in enumerate(roles)
    ]
    pd.DataFrame(lines).to_csv(tmp_path / "scores.csv", index=False)
    outs = [tmp_path / f"{name}.csv" for name in ("metrics", "accuracy", "curves")]
    settings = {"kind": "convolutional", "train_on": "natives", "score": "error"}
    evaluate_detector(tmp_path / "scores.csv", *outs, "cae", settings, 100, 1)
    return [read_table(path) for path in (tmp_path / "scores.csv", *outs)]


@pytest.mark.parametrize("invasive", [0, 1, 6])
def test_detection_figures_with_none_one_and_some_invasive_crops(tmp_path, invasive):
    scores, metrics, accuracy, curves = scored(tmp_path, invasive)
    assert metrics["value"].notna().any() or not invasive
    assert len(accuracy) == (14 if invasive else 0)
    saved(plot_roc({"cae": curves}, metrics), tmp_path)
    saved(plot_scores(scores, "cae", "error"), tmp_path)
    saved(plot_species_accuracy(accuracy, "cae", "error"), tmp_path)
    if invasive:
        saved(plot_accuracy(curves, accuracy, "cae", ODD, "error"), tmp_path)


def test_data_figures_of_one_crop_without_time(tmp_path):
    paths = [tmp_path / name for name in ("annotations.csv", "rejected.csv", "labels.csv")]
    paths[0].write_text(f'label\n"{ODD}"\n')
    paths[1].write_text("label\n\nNA\n")
    header = "species_label,location,datetime,crop_width,crop_height\n"
    paths[2].write_text(header + f'"{ODD}",,,1,1\n')
    names = ["species_before", "species_after", "high_level", "locations", "time", "sizes"]
    for name in names:
        saved(plot_eda(name, *map(str, paths), {"native": [ODD], "invasive": []}, {}), tmp_path)


def test_maps_and_reconstructions_of_odd_names(tmp_path):
    lines = [f"c{n},fox,train,5,{n},{n},{n},{n}" for n in range(5)] + [
        f'r,"{ODD}",invasive,5,0,0,0,0'
    ]
    header = "crop_id,species,role,perplexity,latent_x,latent_y,reconstruction_x,reconstruction_y\n"
    (tmp_path / "p5.csv").write_text(header + "\n".join(lines))
    saved(plot_tsne([read_table(tmp_path / "p5.csv")], "cae", ODD), tmp_path)
    pairs = np.zeros((1, 2, 8, 8, 3), np.uint8)
    one = {"species": np.array([ODD]), "role": np.array(["invasive"]), "score": np.array([0.1])}
    np.savez(tmp_path / "r.npz", pairs=pairs, **one)
    saved(plot_reconstructions(str(tmp_path / "r.npz"), "cae", ODD), tmp_path)


@pytest.mark.parametrize("case", ["whole", "nothing known", "one detector", "nothing novel"])
def test_figures_of_the_evaluation_with_much_and_with_little(tmp_path, case):
    table = table_of(1, calibration=case == "whole").replace("rat", ODD)
    facts = facts_of(table, dated=case == "whole", placed=case == "whole")
    if case == "one detector":
        table = table[["crop_id", "species", "role", "event", "good"]]
    if case == "nothing novel":
        table["role"] = "test"
    kinds = ["rotate", "listed"] if case == "whole" else ["listed"]
    runs, events = load_scored({(kind, kind, "1"): table for kind in kinds}, facts)
    metrics, _ = compare(runs, len(events), {}, 100, 1)
    curves, alarms = curve_table(runs), alarm_table(runs)
    saved(plot_comparison(metrics), tmp_path)
    saved(plot_event_roc(curves, metrics), tmp_path)
    saved(plot_alarm_cost(curves, metrics), tmp_path)
    saved(plot_species_recall(metrics), tmp_path)
    saved(plot_alarm_rates(alarms, metrics), tmp_path)
