"""What was lost at every stage: the table, the end of a run that lost too much, the summary."""

from collections import Counter

import numpy as np
import pytest
from PIL import Image

from drop_images import drop_images
from stowaway.core.script import BadInput
from stowaway.core.tables import rows
from stowaway.data.losses import Losses, kind_of

FACTS = {"dropped": 20, "copies": 5, "usable": 71, "refused": {"no box": 3, "box is empty": 1}}
REASONS = Counter(
    {
        "not downloaded": 4,
        "photo is unreadable: image is corrupt": 1,
        "same photo as another image": 3,
        "same pixels as another crop": 2,
        "box is outside the image": 1,
    }
)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("not downloaded: http://host: not a photo: HTML page of 9 bytes", "not downloaded"),
        ("photo is unreadable: not a photo: text of 9 bytes", "photo is unreadable: not a photo"),
        (
            "photo is unreadable: image is corrupt: image file is truncated (7 bytes left)",
            "photo is unreadable: image is corrupt",
        ),
        ("photo is unreadable: it is gone", "photo is unreadable: it is gone"),
        ("same pixels as another crop: a: b.jpg", "same pixels as another crop"),
        ("image is over the limit: 9 x 9 pixels", "image is over the limit"),
        ("box is outside the image", "box is outside the image"),
    ],
)
def test_a_kind_of_reason_names_no_photo(reason, kind):
    assert kind_of(reason) == kind


def test_losses_by_hand():
    """Of 4 refused, 60 crops and 11 without one, 5 copies do not count: 10 of 70 are lost."""
    losses = Losses(FACTS, REASONS, crops=60)
    assert (losses.total, losses.copies.total(), losses.part) == (70, 5, 1)
    assert losses.share == pytest.approx(10 / 70)
    assert losses.rows == [
        ("index", "no box", 3, pytest.approx(3 / 70)),
        ("index", "box is empty", 1, pytest.approx(1 / 70)),
        ("download", "not downloaded", 4, pytest.approx(4 / 70)),
        ("crop", "photo is unreadable: image is corrupt", 1, pytest.approx(1 / 70)),
        ("crop", "box is outside the image", 1, pytest.approx(1 / 70)),
    ]
    table = losses.table()
    assert table[0].split() == ["index", "no", "box", "3", "4.3%"]
    assert table[-1].split() == ["sum", "10", "14.3%"]
    assert len({len(line) for line in table}) == 1
    losses.check(0.143, "x")
    words = (
        r"^10 of 70 boxes \(14.3%\) are lost, over max_rejected = 12.8%: 4 x not downloaded "
        r"\(download\); 3 x no box \(index\); 1 x box is empty \(index\); a and b list them; "
        "mend them, or raise max_rejected$"
    )
    with pytest.raises(BadInput, match=words):
        losses.check(0.128, "a and b")


def test_of_a_subset_the_indexs_losses_count_as_far_as_it_is_of_the_whole():
    """100 refused beside 900 usable boxes are 10 of 100 beside 90 of a subset."""
    facts = {"dropped": 0, "copies": 0, "usable": 900, "refused": {"no box": 100}}
    losses = Losses(facts, Counter({"not downloaded": 9}), crops=81)
    assert losses.total == 100 and losses.share == pytest.approx(0.19)
    assert losses.rows[0] == ("index", "no box", 100, pytest.approx(0.1))


def test_nothing_is_lost():
    losses = Losses({"dropped": 9, "copies": 9, "usable": 5, "refused": {}}, Counter(), crops=5)
    assert losses.share == 0 and losses.table()[0].split() == ["sum", "0", "0.0%"]
    losses.check(0, "x")
    empty = Losses({"dropped": 9, "copies": 0, "usable": 0, "refused": {}}, Counter(), crops=0)
    assert empty.share == 0


@pytest.fixture
def cropped(tmp_path, shards):
    """Two shards: 3 crops, an exact copy, a photo that is missing, one that is a login page."""
    photos = {}
    for name, seed in (("1", 1), ("2", 2), ("3", 1)):
        pixels = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), dtype=np.uint8)
        photos[name] = tmp_path / f"{name}.png"
        Image.fromarray(pixels).save(photos[name])
    photos["4"] = tmp_path / "4.jpg"
    photos["4"].write_bytes(b"<html>")
    first = [
        {"crop_id": "1.box1.jpg", "image_id": "1", "box": (0, 0, 30, 20)},
        {"crop_id": "1.box2.jpg", "image_id": "1", "box": (40, 10, 28, 20), "species": "rat"},
    ]
    shards.crop(first, {"1": photos.pop("1")})
    boxes = [{"crop_id": f"{n}.jpg", "image_id": n, "box": (0, 0, 9, 9)} for n in [*photos, "5"]]
    boxes.append({"crop_id": "5.box2.jpg", "image_id": "5", "box": (0, 0, 9, 9)})
    shards.crop(boxes, photos | {"5": "NoSuchKey"})
    return shards


def test_the_summary_has_every_stage_in_one_table(cropped):
    """2 refused, 3 crops, 2 not downloaded, 1 unreadable are 5 of 8; the copy is not counted."""
    summary = cropped.gather(
        refused={"no box": 2},
        dropped=1234,
        copies=6,
        clipped=7,
        clipped_far=2,
        images_with_time=10,
        times_read=3,
        first_unread="6/10/2011",
        untimed_images=4,
        unlocated_images=1,
        notes=["location 'A': a clock stands at 1970"],
    ).summary
    assert summary.read_text() == (
        "images: 3 there, 1 missing, 0 failed, 1 unreadable\n"
        "crops: 3 of 2 labels\n"
        "boxes lost on the way to the crops: 62.5% of 8\n"
        "  index     no box                                    2   25.0%\n"
        "  download  not downloaded                            2   25.0%\n"
        "  crop      photo is unreadable: not a photo          1   12.5%\n"
        "  sum                                                 5   62.5%\n"
        "not counted as lost: 1,234 of labels.drop, 6 annotations that stand twice, "
        "1 x same photo as another image\n"
        "boxes clipped at the edge of their photo: 8, of which 3 by over 5 pixels\n"
        "times read 3 of 10; first unread: 6/10/2011; images without a time: 4, "
        "without a location: 1\n"
        "location 'A': a clock stands at 1970\n"
        "to try these images again: --forcerun download_images\n"
    )


def test_the_summary_says_that_it_is_of_a_subset(cropped):
    lines = cropped.gather(subset=True, usable=70, refused={}).summary.read_text().splitlines()
    assert lines[3] == "  (a subset of 10.0%: the index's boxes are of the whole)"


def test_too_many_losses_end_the_run_and_their_tables_stay(cropped, tmp_path):
    """4 of 7 boxes: one refused, two not downloaded, one unreadable."""
    words = (
        r"^4 of 7 boxes \(57.1%\) are lost, over max_rejected = 5.0%: 2 x not downloaded "
        r"\(download\); 1 x no box \(index\); 1 x photo is unreadable: not a photo \(crop\); "
        r"\S+/rejected.csv and \S+/lost.failed.csv list them; "
    )
    with pytest.raises(BadInput, match=words):
        cropped.gather(max_rejected=0.05)
    assert len(list(rows(tmp_path / "lost.failed.csv"))) == 4  # with the copy, and one for each box
    assert not (tmp_path / "lost.csv").exists()
    cropped.gather(max_rejected=0.6)
    assert not (tmp_path / "lost.failed.csv").exists()


def test_a_photo_that_cannot_be_deleted_is_said(tmp_path, capsys):
    """As a folder in its place; the others go, of a link the link alone."""
    (tmp_path / "1.jpg").write_bytes(b"x")
    (tmp_path / "2.jpg").mkdir()
    (tmp_path / "3.jpg").symlink_to(tmp_path / "own.jpg")
    (tmp_path / "own.jpg").write_bytes(b"x")
    manifest = tmp_path / "manifest.csv"
    paths = [f"{n},{tmp_path}/{n}.jpg," for n in (1, 2, 3, 4)]
    lines = ["image_id,path,error", *paths, f"5,{tmp_path}/own.jpg,failed"]
    manifest.write_text("\n".join(lines) + "\n")
    drop_images(manifest, tmp_path / "done.txt")
    assert (tmp_path / "done.txt").read_text() == (
        "3 images were deleted once cropped; 1 could not be\n"
    )
    assert f"not deleted: {tmp_path}/2.jpg: " in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.glob("*.jpg")) == ["2.jpg", "own.jpg"]
