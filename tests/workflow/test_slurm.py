"""The profile for clusters on a real Slurm that runs on this machine; skipped where none can be."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml
from slurm_cluster import CannotInstall, Cluster
from test_workflow import QUICK

from conftest import ROOT, island_config

pytestmark = [pytest.mark.workflow, pytest.mark.slurm]

LONG = QUICK | {"patience": None}
ISLE = island_config("isle", 120) | {
    "detectors": {
        **dict.fromkeys(["basic_original", "basic_visualization", "cae_visualization"]),
        **dict.fromkeys(["cae_mended", "mahalanobis", "knn", "fusion"]),
        "basic": LONG | {"epochs": 150},
        "cae": LONG | {"epochs": 60, "layers": [4, 4, 2]},
    },
    "alarm": {"detector": "cae"},
    "evaluation": {"resamples": 100},
}
RESULTS = Path("results/isle")
TARGETS = [str(RESULTS / "evaluation/one_split/metrics.csv")]
FOLD = "folds/listed/1"
SAME = ["annotations.csv", "labels.csv", f"{FOLD}/splits.csv", f"{FOLD}/scores.csv"]
SAME += [f"evaluation/one_split/{name}.csv" for name in ("metrics", "alarms")]
SAME += [f"{FOLD}/models/{name}.pt" for name in ("basic", "cae")]
# Attempt 1 of one detector's training gets too little, the other takes a GPU.
SCANT = "500 * attempt ** 2 if wildcards.detector == 'basic' else 2000"
WORKFLOW_PROFILE = ["--workflow-profile", "profiles/slurm"]
GPU = {"gpu": "int(wildcards.detector == 'cae')"}
GPU |= {"slurm_partition": "'gpu' if wildcards.detector == 'cae' else 'cpu'"}

# What Slurm shall have completed, each once: the two shards and detectors are jobs of two rules.
DONE = {
    "rule_make_demo": 1,
    "rule_annotations_index_annotations_plan_download_shard_annotations_split_annotations": 1,
    "rule_shard_crop_images_download_images": 2,
    "rule_gather_labels": 1,
    "rule_measure_shortcuts": 1,
    "rule_pack_crops_wildcards_32": 1,
    "rule_train_detector_wildcards_listed_1_basic": 1,
    "rule_train_detector_wildcards_listed_1_cae": 1,
    "rule_fold_score_crops_score_fold": 1,
    "rule_evaluation_evaluate_folds": 1,
}


@pytest.fixture(scope="module")
def cluster():
    """Slurm with two nodes, ended after the last test."""
    try:
        cluster = Cluster()
    except CannotInstall as reason:
        pytest.skip(f"no Slurm here: {reason}")
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def local(cluster, project_copy):
    """A project whose isle was run without a cluster."""
    project = project_copy()
    project.config = project.overlay("isle", ISLE)
    project.run(*TARGETS, "--cores", "2", config=project.config)
    return project


class Site:
    """A project's folder on the cluster, its profile edited as a user would."""

    def __init__(self, cluster: Cluster, folder: Path, training: dict) -> None:
        self.cluster, self.folder, self.results = cluster, folder, folder / RESULTS
        path = folder / "profiles/slurm/config.yaml"
        profile = yaml.safe_load(path.read_text())
        profile |= {"cores": 2, "resources": {"mem_mb": 4000}}  # as the local run, and small
        profile["default-resources"]["slurm_partition"] = "cpu"
        profile["set-resources"]["train_detector"] |= training
        path.write_text(yaml.safe_dump(profile))

    def start(self, *words: str) -> subprocess.Popen:
        """Snakemake in the background; what it prints goes to a file."""
        command = [sys.executable, str(ROOT / "tests/workflow/polling.py"), *words]
        command += ["--configfile", "config/isle.yaml"]
        with open(self.folder / "printed.txt", "a") as said:
            return subprocess.Popen(
                command, cwd=self.folder, env=self.cluster.environment, stdout=said, stderr=said
            )

    def printed(self) -> str:
        return (self.folder / "printed.txt").read_text()

    def succeeds(self, snakemake: subprocess.Popen) -> None:
        assert snakemake.wait(timeout=600) == 0, self.printed()[-4000:]

    def jobs(self, comment: str = "") -> list[dict]:
        """This folder's jobs so far with such a comment, the oldest first."""
        found = [j for j in self.cluster.jobs() if j["folder"] == str(self.folder)]
        return sorted((j for j in found if comment in j["comment"]), key=lambda j: int(j["id"]))

    def training(self, detector: str) -> list[dict]:
        """The jobs of a detector's training, one for each attempt."""
        return self.jobs(f"rule_train_detector_wildcards_listed_1_{detector}")

    def log(self, detector: str) -> str:
        """The log of the training's latest attempt."""
        path = self.results / f"logs/train_detector/listed/1/{detector}.log"
        return path.read_text() if path.exists() else ""

    def until(self, true, seconds: float = 900) -> None:
        """Wait until something is so."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, self.printed()[-4000:]
            time.sleep(0.1)

    def freeze(self, detector: str) -> None:
        """Stop a training, so that it neither ends nor goes on: what prints to its log."""
        log = (self.results / f"logs/train_detector/listed/1/{detector}.log").resolve()
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it ended meanwhile
                if (entry / "fd/1").resolve() == log:
                    os.kill(int(entry.name), signal.SIGSTOP)


@pytest.fixture(scope="module")
def hanging(cluster, local, tmp_path_factory):
    """A site where a training hangs, and Snakemake there; Slurm notices while other tests run."""
    folder = tmp_path_factory.mktemp("hanging") / "project"
    shutil.copytree(local.folder, folder, symlinks=True)
    site = Site(cluster, folder, {"runtime": "1 * attempt"})
    again = [f"{FOLD}/models/basic.pt", f"{FOLD}/scores/basic.csv"]
    for name in again:
        (site.results / name).unlink()
    snakemake = site.start(*(str(RESULTS / n) for n in again), *WORKFLOW_PROFILE)
    site.until((site.results / "checkpoints/listed_1_basic.pt").exists)
    site.freeze("basic")
    yield site, snakemake
    snakemake.kill()


def same(one: Path, other: Path, names: list[str]) -> None:
    for name in names:
        assert (one / RESULTS / name).read_bytes() == (other / RESULTS / name).read_bytes(), name


def recipe() -> str:
    """The command in docs/cluster.md that ends the jobs of a Snakemake that was killed."""
    return re.search(r"(?m)^ *(squeue .*scancel)$", (ROOT / "docs/cluster.md").read_text())[1]


def test_a_run_that_is_killed_goes_on_and_equals_a_local_one(cluster, hanging, local, project_copy):
    site = Site(cluster, project_copy().folder, {"mem_mb": SCANT, **GPU})
    shutil.copy(local.folder / local.config, site.folder / local.config)
    snakemake = site.start(*TARGETS, *WORKFLOW_PROFILE)

    # scancel of a running training: it is submitted again and goes on after its last epoch
    site.until((site.results / "checkpoints/listed_1_cae.pt").exists)
    cluster.ask(f"scancel {site.training('cae')[0]['id']}")
    site.until(lambda: "resuming after epoch" in site.log("cae"))
    site.freeze("cae")

    # too little memory: killed, and submitted again with more
    site.until(lambda: "COMPLETED" in [job["state"] for job in site.training("basic")])
    killed, enough = site.training("basic")
    assert (killed["state"], killed["memory"]) in (("FAILED", "500M"), ("OUT_OF_MEMORY", "500M"))
    assert (enough["state"], enough["memory"]) == ("COMPLETED", "2000M")

    # SIGKILL of Snakemake leaves jobs running; they are ended as docs/cluster.md says
    snakemake.kill()
    snakemake.wait()
    assert site.training("cae")[1]["state"] == "RUNNING"
    subprocess.run(["bash", "-c", recipe()], cwd=site.folder, env=cluster.environment, check=True)
    site.until(lambda: site.training("cae")[1]["state"] == "CANCELLED")
    assert hanging[0].training("basic")[-1]["state"] != "CANCELLED"  # of another folder
    site.succeeds(site.start("--unlock"))
    site.succeeds(site.start(*TARGETS, "--profile", "profiles/slurm"))

    assert "resuming after epoch" in site.log("cae")
    attempts = site.training("cae")
    assert [j["state"] for j in attempts] == ["CANCELLED", "CANCELLED", "COMPLETED"]
    gpu = re.compile("TresPerJob=gres.gpu:1")
    assert gpu.search(cluster.ask(f"scontrol show job {attempts[-1]['id']}"))
    assert not gpu.search(cluster.ask(f"scontrol show job {enough['id']}"))
    done = Counter(j["comment"] for j in site.jobs() if j["state"] == "COMPLETED")
    assert done == DONE
    same(site.folder, local.folder, SAME)


def test_a_training_that_hangs_is_ended_and_resumed_with_more_time(hanging, local):
    site, snakemake = hanging
    site.succeeds(snakemake)
    first, second = site.training("basic")
    assert (first["state"], first["limit"]) == ("TIMEOUT", "1:00")
    assert (second["state"], second["limit"]) == ("COMPLETED", "2:00")
    assert "resuming after epoch" in site.log("basic")
    same(site.folder, local.folder, [f"{FOLD}/models/basic.pt", f"{FOLD}/scores/basic.csv"])


def test_code_among_a_rules_inputs_is_never_looked_for_in_a_bucket():
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    assert "STYLE = local(" in rules and rules.count("style=STYLE") > 10
    assert "return [local(path) for path in" in rules and rules.count("=modules(") > 30
    assert not re.findall(r'(?:=|, ?|\[)\s*"workflow/', rules)
