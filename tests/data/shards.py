"""What tests of crops share: shards of annotations, cropped and gathered to labels."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from crop_images import crop_images
from gather_labels import gather_labels
from stowaway.annotations.boxes import COLUMNS
from stowaway.core.tables import rows
from write_summary import write_summary


class Shards:
    """A folder of shards: `crop` crops one, `gather` makes labels.csv of all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.crops, self.rejected, self.manifests = [], [], []

    def crop(
        self,
        boxes: list[dict],
        photos: dict[str, Path | str],
        max_failed: float = 1.0,
        box: str | None = None,
        source: str | list[str] = "s3://bucket",
    ) -> tuple[Path, Path]:
        """Crop a shard of `boxes`; `photos` gives each image's file, or why it is missing.

        Boxes have crop_id, image_id and box; the other columns have defaults. Returns the tables
        of crops and of rejected ones.
        """
        name = f"{len(self.crops)}"
        paths = [self.folder / f"{name}.{end}.csv" for end in ("shard", "manifest", "ok", "no")]
        defaults = dict.fromkeys(COLUMNS, "") | {"species": "fox", "event": "e", "location": "A"}
        with open(paths[0], "w", newline="") as file:
            table = csv.DictWriter(file, COLUMNS)
            table.writeheader()
            for row in boxes:
                row = row | dict(zip("xywh", row["box"], strict=True))
                table.writerow(defaults | {k: v for k, v in row.items() if k != "box"})
        lines = ["image_id,file_name,path,bytes,md5,status,error"]
        for image, photo in photos.items():
            end = f"{photo},9,,ok," if isinstance(photo, Path) else f",0,,missing,{photo}"
            lines.append(f"{image},{image}.jpg,{end}")
        paths[1].write_text("\n".join(lines) + "\n")
        crop_images(
            *paths,
            folder=self.folder,
            max_pixels=10**8,
            max_side=None,
            journal=self.folder / f"images/.journal/{name}.csv",
            unreadable=self.folder / f"{name}.unreadable.csv",
            config={"max_failed": max_failed, "images": {"source": source, "box": box}},
        )
        self.manifests.append(paths[1])
        self.crops.append(paths[2])
        self.rejected.append(paths[3])
        return paths[2], paths[3]

    def gather(
        self, max_rejected: float = 1.0, subset: bool = False, decided: dict | None = None, **facts
    ) -> SimpleNamespace:
        """Paths of labels, rejected and summary, of all shards in their order.

        `decided` has the paths of decisions, conflicts and reviewed, if there are any; `facts` of
        the index replace: one box refused, and usable what lies in the shards.
        """
        decided = decided or {"decisions": [], "conflicts": [], "reviewed": []}
        index_facts = self.folder / "index_facts.json"
        names = "annotations dropped copies images_with_time times_read untimed_images"
        names = f"{names} unlocated_images clipped clipped_far".split()
        usable = sum(1 for path in [*self.crops, *self.rejected] for _ in rows(path))
        known = dict.fromkeys(names, 0) | {"usable": usable, "first_unread": None, "notes": []}
        index_facts.write_text(json.dumps(known | {"refused": {"no box": 1}} | facts))
        names = {"labels": "labels.csv", "rejected": "lost.csv", "summary": "summary.txt"}
        paths = {name: self.folder / file for name, file in names.items()}
        gather_labels(
            crop_tables=self.crops,
            rejected_tables=self.rejected,
            manifests=self.manifests,
            index_facts=index_facts,
            index_rejected=self.folder / "rejected.csv",
            labels=paths["labels"],
            rejected_crops=paths["rejected"],
            failures=self.folder / "lost.failed.csv",
            images=self.folder / "images",
            subset=subset,
            config={"max_rejected": max_rejected, "images": {"source": "s3://bucket"}},
            decisions=decided["decisions"],
            reviewed=decided["reviewed"],
        )
        inputs = paths["labels"], paths["rejected"], self.manifests, index_facts
        tables = [decided[name] for name in ("decisions", "conflicts", "reviewed")]
        write_summary(*inputs, [], paths["summary"], {}, [], *tables)
        return SimpleNamespace(**paths)


@pytest.fixture
def shards(tmp_path):
    return Shards(tmp_path)
