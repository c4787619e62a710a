"""The whole workflow on a small island, run as a user runs it."""

import json
import re
import shutil
import subprocess
import sys
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest
import yaml
from drawn_config import GOOD, Draw
from PIL import Image

from conftest import ROOT, island_config
from stowaway.core.config import ConfigError, check_config, load_schema
from stowaway.core.tables import read_table

pytestmark = pytest.mark.workflow

SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
QUICK = {"image_size": 32, "epochs": 3, "patience": 2}
# Dense networks run on Slurm and, of the default config, in `make demo`.
SMALL = island_config("small", 120) | {
    "species": {"native": ["fox", "lizard", "skunk"], "invasive": ["rat", "cat", "pig"]},
    "detectors": {
        **dict.fromkeys(["basic_original", "basic_visualization", "basic", "cae_mended"]),
        "cae": QUICK | {"layers": [8, 8, 4]},
        "cae_visualization": QUICK | {"layers": [8, 8, 4]},
    },
    "tsne": {"perplexities": [5]},
    "evaluation": {"resamples": 100, "seeds": [2]},
    "backbone": {"image_size": 64},
    "figures": {"examples": 2},
}
RUN = "folds/listed/1"
FIGURE = "results/small/figures/tsne/cae/rat.svg"


@pytest.fixture(scope="module")
def island(project_copy):
    """A project in which the small island was run once; its config and what was printed."""
    project = project_copy()
    project.config = project.overlay("small", SMALL)
    project.printed = project.run("--cores", "2", config=project.config)
    project.results = project.folder / "results/small"
    return project


def planned(printed: str) -> dict[str, int]:
    """The rules of a dry run and how often each would run."""
    table = printed.rsplit("Job stats:", 1)[-1].split("total")[0]
    return {m[1]: int(m[2]) for m in re.finditer(r"^(\w+) +(\d+)$", table, re.M)}


def dry(island, *arguments, config=None) -> dict[str, int]:
    return planned(island.run("-n", *arguments, config=config or island.config))


def test_a_fresh_clone_plans_the_whole_graph(project_copy):
    project = project_copy()
    for config in (None, "config/sci.yaml", "config/channel_islands.yaml"):
        jobs = planned(project.run("all", "evaluation", "-n", config=config))
        site = yaml.safe_load((ROOT / (config or "config/config.yaml")).read_text())
        natives = len(site["species"]["native"])
        rules = {
            m
            for s in (ROOT / "workflow/rules").glob("*.smk")
            for m in re.findall(r"^ *rule (\w+):", s.read_text(), re.M)
        }
        left_out = {"eda", "models", "figures", "everything", "exports"}
        left_out |= {"encode_others", "place_crops", "fetch_coco", "subset_annotations"}
        left_out |= {"drop_images", "score_batch"} | ({"make_demo"} if config else set())
        left_out |= {"export_megadetector", "export_camtrap_dp", "export_coco"}
        left_out |= {"read_decisions", "measure_performance", "plot_performance"}
        left_out |= {"read_photo_times", "send_digest", "check_labels", "review_demo"}
        assert rules - left_out <= set(jobs)
        # six in the default run; the original's two in the five seeds of every fold
        assert jobs["train_detector"] == 6 + 2 * 5 * (1 + natives)
    targets = ["figures", "eda", "models", "evaluation", "all"]
    jobs = planned(project.run(*targets, "-n"))
    assert [jobs[target] for target in targets] == [1] * 5


def test_every_stage_left_its_tables(island):
    labels = pd.read_csv(island.results / "labels.csv")
    assert list(labels)[:2] == ["image_path", "species_label"]
    assert labels["crop_id"].is_unique
    for column in ("image_path", "window_path"):
        assert all((island.folder / path).is_file() for path in labels[column])
    scores = pd.read_csv(island.results / RUN / "scores.csv")
    assert set(scores["crop_id"]) <= set(labels["crop_id"])
    splits = pd.read_csv(island.results / RUN / "splits.csv")
    assert set(splits["role"]) == {"train", "val", "calibration", "test", "novel", "unlisted"}
    assert not splits.duplicated(["event", "species"]).any()
    metrics = pd.read_csv(island.results / "evaluation/one_split/metrics.csv")
    detectors = {"cae", "cae_visualization", "fusion", "knn", "mahalanobis"}
    assert detectors == {
        name for name in metrics["detector"].dropna() if not name.startswith("shortcut_")
    }
    seen = metrics["fold"] == "seen_in_training"
    assert set(metrics.loc[seen, "detector"]) == {"cae_visualization"}
    assert set(metrics.loc[~seen, "fold"]) == {"listed"}
    assert set(metrics["level"]) == {"crop", "event"}
    areas = metrics[(metrics["metric"] == "auroc") & (metrics["stratum"] == "all")]
    assert ((areas["low"] <= areas["value"]) & (areas["value"] <= areas["high"])).all()
    queue = pd.read_csv(island.results / "queue.csv")
    assert set(queue["role"]) <= {"test", "novel", "unlisted"}
    assert list(queue["rank"]) == list(range(1, len(queue) + 1)) and queue["event"].is_unique
    assert queue["score"].is_monotonic_decreasing and queue["p_value"].is_monotonic_increasing
    rules = pd.read_csv(island.results / "original_rules.csv")
    assert set(rules.loc[rules["detector"] == "cae", "species"]) == {"rat", "cat", "pig"}
    assert rules["false_alarm_rate"].between(0, 1).all()
    cae = pd.read_csv(island.results / RUN / "scores/cae.csv")
    assert cae["score"].equals(cae["error"])


def test_the_end_says_what_was_lost(island):
    assert "1 missing" in island.printed
    assert "image is corrupt" in island.printed
    proposal = yaml.safe_load((island.results / "species_proposal.yaml").read_text())
    assert {"fox", "rat"} <= set(proposal["species"]["native"] + proposal["species"]["invasive"])


def test_every_figure_is_there_in_both_forms(island):
    figures = island.results / "figures"
    pictures = sorted(figures.rglob("*.svg"))
    assert len(pictures) > 30
    for svg in pictures:
        assert svg.read_text().startswith("<?xml")
        with Image.open(svg.with_suffix(".png")) as image:
            assert image.width > 600


def test_a_second_run_has_nothing_to_do(island):
    assert "Nothing to be done" in island.run("--cores", "2", config=island.config)


def test_one_figure_alone_runs_the_plot_rule_alone(island):
    (island.folder / FIGURE).unlink()
    assert dry(island, FIGURE) == {"plot_tsne": 1}
    island.run("--cores", "1", FIGURE, config=island.config)
    assert (island.folder / FIGURE).is_file()


def test_crops_beside_the_map_are_placed_on_it_and_it_stays(island):
    mapped = island.results / "tsne/cae/p5.csv"
    before = mapped.read_bytes()
    island.run("--cores", "2", "results/small/tsne/cae/p5.placed.csv", config=island.config)
    assert mapped.read_bytes() == before
    placed = pd.read_csv(island.results / "tsne/cae/p5.placed.csv")
    known, crops = pd.read_csv(mapped), pd.read_csv(island.results / "labels.csv")
    assert set(placed["crop_id"]) == set(crops["crop_id"]) - set(known["crop_id"])
    assert len(placed) and placed["reconstruction_x"].between(-200, 200).all()


def test_another_month_is_placed_on_the_map_of_the_first_without_training(island):
    april = {"tsne": {"perplexities": [5], "map": "small"}, "species": SMALL["species"]}
    overlay = island.overlay("april", SMALL | island_config("april", 120) | april)
    jobs = dry(island, "results/april/tsne/cae/p5.placed.csv", config=overlay)
    assert {"encode_others", "place_crops", "pack_crops", "gather_labels"} <= set(jobs)
    assert not {"train_detector", "encode_crops", "embed_crops", "split_annotations"} & set(jobs)


def test_touching_a_shared_module_reruns_what_depends_on_it(island):
    module = island.folder / "workflow/scripts/stowaway/evaluation/original_rules.py"
    text = module.read_text()
    module.write_text(text + "# touched\n")
    jobs = dry(island)
    module.write_text(text)
    assert {"apply_original_rules", "evaluate_folds", "plot_accuracy"} <= set(jobs)
    assert not {"train_detector", "score_crops", "score_fold", "embed_crops", "plot_eda"} & set(
        jobs
    )


@pytest.mark.parametrize(
    "module", ["core/tables", "core/names", "plots/style", "models/autoencoders"]
)
def test_every_module_reruns_the_scripts_that_import_it(island, module):
    path = island.folder / f"workflow/scripts/stowaway/{module}.py"
    text = path.read_text()
    path.write_text(text + "# touched\n")
    jobs = dry(island)
    path.write_text(text)
    expected = {
        "core/tables": {"crop_images", "split_annotations", "plot_roc"},
        "core/names": {"index_annotations", "download_images"},
        "plots/style": {"plot_eda", "plot_tsne"},
        "models/autoencoders": {"train_detector"},
    }
    assert expected[module] <= set(jobs)
    assert "make_demo" not in jobs
    assert module != "plots/style" or all(
        rule.startswith("plot_") or rule == "all" for rule in jobs
    )


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ({"species": SMALL["species"] | {"propose_threshold": 7}}, {"propose_species", "all"}),
        ({"aws": {"profile": "another"}}, set()),
        ({"figures": {"examples": 3}}, {"reconstruct_crops", "plot_reconstructions", "all"}),
    ],
)
def test_a_key_touches_what_its_documentation_says(island, change, rules):
    assert set(dry(island, config=island.overlay("key", SMALL | change))) == rules


def test_a_moved_project_has_nothing_to_do(island, tmp_path):
    moved = shutil.copytree(island.folder, tmp_path / "moved", symlinks=True)
    command = [sys.executable, "-m", "snakemake", "-n", "--configfile", island.config]
    done = subprocess.run(command, cwd=moved, capture_output=True, text=True, timeout=120)
    assert "Nothing to be done" in done.stdout + done.stderr


def test_evaluation_compares_detectors_in_every_fold(island):
    island.run("--cores", "2", "evaluation", config=island.config)
    metrics = pd.read_csv(island.results / "evaluation/all_folds/metrics.csv")
    assert set(metrics["fold"]) == {"listed", "leave_out"}
    runs = metrics[metrics["stratum"] == "all"].groupby("fold")["runs"].first()
    assert runs["listed"] == 1 and runs["leave_out"] == 3  # one seed, three natives
    one_split = pd.read_csv(island.results / "evaluation/one_split/metrics.csv")
    assert list(metrics) == list(one_split)
    area = metrics[(metrics["metric"] == "auroc") & (metrics["stratum"] == "all")]
    assert area["value"].between(0, 1).all()
    assert (area["low"] <= area["high"]).all()
    assert len(list((island.results / "folds").glob("leave_out_*/*/scores.csv"))) == 3
    examples = pd.read_csv(island.results / "evaluation/all_folds/examples.csv")
    assert {"novelty", "watch list", "shortcuts"} <= set(examples["detector"])
    curve = pd.read_csv(island.results / "evaluation/all_folds/learning_curve.csv")
    assert set(curve["share"]) >= {0.25, 1}
    names = "comparison roc_event alarm_cost species_recall alarm_rates examples learning_curve"
    for name in names.split():
        with Image.open(island.results / f"figures/evaluation/all_folds/{name}.png") as image:
            assert min(image.size) > 500


def test_one_more_invasive_species_downloads_and_crops_nothing(island):
    species = {"native": ["fox", "lizard"], "invasive": ["rat", "cat", "pig", "skunk"]}
    jobs = dry(island, config=island.overlay("more", SMALL | {"species": species}))
    assert {"split_annotations", "train_detector", "plot_tsne"} <= set(jobs)
    early = {"make_demo", "index_annotations", "shard_annotations", "download_images"}
    later = {"crop_images", "gather_labels", "pack_crops", "measure_shortcuts", "extract_features"}
    assert not (early | later) & set(jobs)
    folds = dry(island, "evaluation", config=island.overlay("more", SMALL | {"species": species}))
    assert not later & set(folds)


def test_decisions_download_crop_and_index_nothing(island):
    (island.folder / "decided").mkdir()
    jobs = dry(island, config=island.overlay("decided", SMALL | {"decisions": ["decided"]}))
    assert {"read_decisions", "split_annotations", "gather_labels", "export_models"} <= set(jobs)
    assert {"measure_performance", "plot_performance"} <= set(jobs)
    early = {"make_demo", "index_annotations", "shard_annotations", "download_images"}
    assert not (early | {"plan_download", "crop_images"}) & set(jobs)


def test_one_changed_detector_trains_alone(island):
    detectors = SMALL["detectors"] | {"cae": SMALL["detectors"]["cae"] | {"epochs": 4}}
    jobs = dry(island, config=island.overlay("longer", SMALL | {"detectors": detectors}))
    assert jobs["train_detector"] == 1
    assert not {"pack_crops", "split_annotations"} & set(jobs)


def test_a_new_image_size_packs_that_form_and_trains_its_detectors_and_nothing_else(island):
    detectors = SMALL["detectors"] | {"cae": SMALL["detectors"]["cae"] | {"image_size": 40}}
    jobs = dry(island, config=island.overlay("larger", SMALL | {"detectors": detectors}))
    assert jobs["pack_crops"] == jobs["train_detector"] == jobs["score_crops"] == 1
    others = {"crop_images", "gather_labels", "measure_shortcuts", "split_annotations"}
    assert not (others | {"extract_features", "fit_detectors"}) & set(jobs)


def test_a_second_training_gives_the_same_scores(island):
    before = (island.results / RUN / "scores/cae.csv").read_bytes()
    target = f"results/small/{RUN}/scores/cae.csv"
    island.run("--cores", "2", target, "--forcerun", "train_detector", config=island.config)
    assert (island.results / RUN / "scores/cae.csv").read_bytes() == before


def test_the_report_is_one_file_that_works_offline(island):
    island.run("--report", "report.html", config=island.config)
    page = (island.folder / "report.html").read_text()
    assert "synthetic" in page
    assert not re.search(r'<(script|link|img)[^>]+(src|href)="https?://', page)
    for category in (
        "0. Review first",
        "1. Data",
        "2. Detection",
        "3. Thresholds",
        "4. t-SNE",
        "5. Models",
    ):
        assert category in page


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        (
            {"detectors": {"cae": {"epoch": 3}}},
            "detectors.cae.epoch: unknown key; did you mean 'epochs'?",
        ),
        ({"specie": {}}, "specie: unknown key; did you mean 'species'?"),
    ],
)
def test_a_typo_in_the_config_ends_the_plan_and_names_the_key(project_copy, overlay, message):
    project = project_copy()
    printed = project.run("-n", config=project.overlay("typo", overlay), ok=False)
    assert message in printed
    assert "Traceback" not in printed


def test_a_config_drawn_from_the_schema_plans_the_whole_graph(project_copy):
    project, rules, plans = project_copy(), load_schema(SCHEMA), 0
    for seed in range(100):
        given = Draw(seed, 0).value(rules)
        given |= {"species": {side: GOOD[side] for side in ("native", "invasive")}}
        given |= {
            "models": None,  # a batch needs the models of another run
            "shards": 2.0,
            "evaluation": {"seeds": [4_294_967_295, 0.0], "networks": []},
        }
        try:
            check_config(given, SCHEMA)
        except ConfigError:
            continue
        jobs = planned(project.run("all", "evaluation", "-n", config=project.overlay("x", given)))
        assert jobs["download_images"] == 2 and jobs["index_annotations"] == 1
        plans += 1
        if plans == 3:
            break
    assert plans == 3


def test_a_key_that_stands_twice_ends_the_plan(project_copy):
    project = project_copy()
    (project.folder / "twice.yaml").write_text("shards: 2\ndemo: {size: 80}\nshards: 4\n")
    printed = project.run("-n", config="twice.yaml", ok=False)
    assert "shards: stands twice, on lines 1 and 3 of twice.yaml; keep one" in printed


def test_a_config_error_shows_nothing_of_an_address(project_copy):
    project = project_copy()
    secret = "https://user:pass-word@host/x?sig=signature"
    for given in ({"coco": {"a": secret}}, {secret: 1}, {"images": {"source": [[secret]]}}):
        printed = project.run("-n", config=project.overlay("x", given), ok=False)
        assert "The config has mistakes." in printed and "Traceback" not in printed
        assert "pass-word" not in printed and "signature" not in printed


def test_a_misspelt_species_is_one_line_on_the_terminal(island):
    overlay = island.overlay("raat", SMALL | {"species": SMALL["species"] | {"invasive": ["raat"]}})
    target = f"results/small/{RUN}/splits.csv"
    printed = island.run("--cores", "1", target, config=overlay, ok=False)
    assert "stowaway: species.invasive: no box is labelled 'raat'; did you mean 'rat'?" in printed
    island.run("--cores", "1", target, config=island.config)


WEEK = ["make_demo", "fetch_coco", "split_annotations", "train_detector", "fit_detectors"]


def test_a_batch_scores_the_same_crops_as_the_run_that_trained_did(island):
    """Its labels name no animal, and it trains and splits nothing."""
    coco = json.loads((island.results / "island/coco.json").read_text())
    for category in coco["categories"]:
        if category["name"] not in ("empty", "person", "vehicle"):
            category["name"] = "animal" if category["name"] != "fox" else "Fox"
    names = {c["id"]: c["name"] for c in coco["categories"]}
    first = {name: number for number, name in reversed(names.items())}
    for annotation in coco["annotations"]:
        annotation["category_id"] = first[names[annotation["category_id"]]]
    coco["categories"] = [{"id": number, "name": name} for name, number in first.items()]
    (island.folder / "week.json").write_text(json.dumps(coco))
    photos = {"source": "results/small/island/images"}
    week = {"name": "week", "models": "small", "coco": "week.json", "images": photos, "shards": 1}
    week |= {"max_failed": 0.05, "max_rejected": 0.1}
    config = island.overlay("week", week)
    jobs = dry(island, config=config)
    assert not set(WEEK) & set(jobs) and jobs["score_batch"] == jobs["write_review_page"] == 1
    island.run("--cores", "2", config=config)
    results = island.folder / "results/week"
    there = pd.read_csv(island.results / RUN / "scores.csv").set_index("crop_id")
    here = pd.read_csv(results / "scores.csv").set_index("crop_id").loc[there.index]
    for name in ("fusion", "knn", "mahalanobis", "similarity"):
        np.testing.assert_allclose(here[name], there[name], rtol=1e-5, err_msg=name)
    assert (here["predicted"] == there["predicted"]).all()
    labels = pd.read_csv(results / "labels.csv")
    assert set(labels["species_label"]) == {"unnamed", "fox"}
    assert set(pd.read_csv(results / "queue.csv")["role"]) == {"new"}
    assert planned(island.run("-n", config=config)) == {}
    other = island.overlay("other", week | {"backbone": {"layer": "head"}})
    printed = island.run("-n", config=other, ok=False)
    assert "backbone.layer: a batch takes it from the run small; take it out" in printed


def test_a_newcomer_that_was_confirmed_once_brings_its_like_to_the_top(island):
    """The demo's second month: three visits of an opossum, which nobody has listed."""
    month = island_config("month", 180)
    month = {key: month[key] for key in ("name", "coco", "images")}
    month |= {"models": "small", "demo": {"size": 180, "period": 2}, "shards": 1}
    results, find = island.folder / "results/month", "results/month/island/first_find.csv"
    page = "results/month/queue.html"  # which keeps a copy of the queue that is decided on
    island.run("--cores", "2", find, page, config=island.overlay("month", month))
    truth = pd.read_csv(results / "island/truth.csv")
    boxes = pd.read_csv(results / "labels.csv").merge(truth, on=["file_name", "x", "y"])
    opossums = set(boxes.loc[boxes["species"] == "opossum", "event"])

    def ranked() -> pd.DataFrame:
        queue = read_table(results / "queue.csv").set_index("event")
        return queue[queue.index.isin(opossums)]

    before, (first,) = ranked(), read_table(island.folder / find)["event"]
    assert len(before) == 3 and set(before["watched"]) == {""}
    assert before["rank"].idxmin() == first and before["rank"].min() > 3
    watched = island.overlay("watched", month | {"decisions": [find]})
    rules = {"read_decisions", "gather_examples", "fit_watch_list", "export_queue"}
    assert set(dry(island, "results/month/queue.csv", config=watched)) == rules
    island.run("--cores", "2", "results/month/queue.csv", config=watched)
    after = ranked()
    assert after.at[first, "suppressed"] == "already reviewed" and not after.at[first, "watched"]
    others = after.drop(first)
    assert others["rank"].min() == 1 and (others["rank"] < before["rank"][others.index]).all()
    assert set(others["watched"]) == {"opossum"} and set(others["examples"]) == {3}
    assert others["nearest"].str.startswith("like opossum (3 examples), p = ").all()


def test_what_was_decided_on_a_batch_joins_the_next_run(island):
    queue = island.folder / "results/week/queue.csv"
    rows = pd.read_csv(queue, dtype=str).head(4)
    rows = rows.assign(
        schema="1",
        batch="week",
        queue_sha256=sha256(queue.read_bytes()).hexdigest(),
        decision=["native", "novel", "not_animal", "unsure"],
        species=["fox", "rat", "", ""],
        reviewer="Ana",
        decided_at="2026-11-27T10:00:00.000+00:00",
        seconds_shown="2.5",
        note="",
        box="",
    )
    columns = "schema batch queue_sha256 event crop_id image_path box decision species note"
    columns += " reviewer decided_at seconds_shown score p_value rank sampled"
    (island.folder / "decided").mkdir(exist_ok=True)
    rows[columns.split()].to_csv(island.folder / "decided/ana.csv", index=False)
    config = island.overlay("decided", SMALL | {"decisions": ["decided"]})
    targets = [f"results/small/{RUN}/splits.csv", "results/small/performance.csv"]
    island.run("--cores", "2", *targets, config=config)
    splits = pd.read_csv(island.results / RUN / "splits.csv")
    joined = splits[splits["event"].str.startswith("week/")].set_index("event")["species"]
    assert joined.to_dict() == dict(
        zip("week/" + rows["event"][[0, 1, 3]], ["fox", "rat", "unnamed"], strict=True)
    )
    performance = pd.read_csv(island.results / "performance.csv").set_index(["week", "location"])
    assert performance.loc[("all", "all"), "events"] == len(pd.read_csv(queue))


def test_examples_of_another_island_find_the_species_here(island):
    """Its cameras, light and backgrounds are others; both islands have rats, cats and pigs."""
    other = island_config("other", 120) | {"backbone": SMALL["backbone"], "shards": 1}
    other["demo"] = {"size": 120, "seed": 5}
    tables = [f"results/other/{name}" for name in ("labels.csv", "features.npy", "features.json")]
    island.run("--cores", "2", *tables, config=island.overlay("other", other))
    evaluation = SMALL["evaluation"] | {"other_site": "other"}
    target = "results/small/evaluation/one_split/examples.csv"
    config = island.overlay("beside", SMALL | {"evaluation": evaluation})
    island.run("--cores", "2", target, config=config)
    rows = pd.read_csv(island.folder / target).query("metric == 'auroc' and examples == 1")
    area = rows.set_index("detector")
    elsewhere = area.loc["watch list, examples from other"]
    assert elsewhere["species"] == 3 and elsewhere["value"] > area.loc["shortcuts", "value"]
