"""One checkout serves many sites: Snakemake runs in the folder of a site."""

import pytest
import yaml

from conftest import run_snakemake
from stowaway.core.tables import rows

pytestmark = pytest.mark.workflow

SITE = {
    "name": "site",
    "coco": "results/site/island/coco.json",
    "images": {"source": "results/site/island/images"},
    "max_failed": 0.05,
    "max_rejected": 0.1,  # of so few photos, one is missing and one is cut short
    "demo": {"size": 60},
    "shards": 2,
}
TARGETS = ["results/site/labels.csv", "results/site/species_proposal.yaml"]


class Site:
    """A folder beside the checkout, with a config of its own."""

    def __init__(self, checkout, folder):
        self.checkout, self.folder = checkout, folder
        (folder / "site.yaml").write_text(yaml.safe_dump(SITE))

    def run(self, *arguments, where=None):
        words = ["-s", f"{self.checkout}/Snakefile", *arguments]
        status, printed = run_snakemake(where or self.folder, words)
        assert status == 0, printed[-4000:]
        return printed


@pytest.fixture(scope="module")
def site(project_copy, tmp_path_factory):
    """A site of which the first rules were run from its folder, and what was printed."""
    site = Site(project_copy().folder, tmp_path_factory.mktemp("site"))
    site.printed = site.run(*TARGETS, "--cores", "2", "--configfile", "site.yaml")
    return site


def test_results_lie_in_the_sites_folder_and_the_profile_is_the_checkouts(site):
    assert f"Using workflow specific profile {site.checkout}/profiles/default" in site.printed
    crops = list(rows(site.folder / TARGETS[0]))
    assert len(crops) > 20
    assert all((site.folder / crop["image_path"]).is_file() for crop in crops)
    assert "native:" in (site.folder / TARGETS[1]).read_text()
    assert not (site.checkout / "results").exists()


def test_the_demos_labels_have_no_bearing_on_a_site(site):
    labels = {crop["species_label"] for crop in rows(site.folder / TARGETS[0])}
    assert {"liz", "rodnet"} & labels  # the demo's typos, which its own config mends


def test_another_way_to_say_the_same_folder_has_nothing_to_do(site):
    config = ["--configfile", f"{site.folder}/site.yaml"]
    arguments = [*TARGETS, "-n", "--directory", str(site.folder), *config]
    assert "Nothing to be done" in site.run(*arguments, where=site.checkout)


def test_an_edited_module_of_the_checkout_reruns_its_rules(site):
    module = site.checkout / "workflow/scripts/stowaway/annotations/coco.py"
    text = module.read_text()
    module.write_text(f"{text}# edited\n")
    planned = site.run(TARGETS[0], "-n", "--configfile", "site.yaml")
    module.write_text(text)
    assert "index_annotations" in planned and "make_demo" not in planned


def test_all_of_the_demo_can_be_planned_from_elsewhere(site):
    planned = site.run("all", "evaluation", "-n")
    assert "make_demo" in planned and "plot_" in planned
