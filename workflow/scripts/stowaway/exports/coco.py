"""A COCO JSON with scores, in the form of LILA's camera-trap sets, which `coco:` reads again."""

import pandas as pd

from stowaway.core.script import BadInput
from stowaway.exports.boxes import EMPTY, of_photos, stowaway_facts

UNNAMED_CATEGORY = "animal"  # of boxes whose label names no animal


def coco_with_scores(boxes: pd.DataFrame, photos: pd.DataFrame, made_by: dict) -> dict:
    """The COCO of `load_boxes` and `load_photos`; `made_by` is said in `info.stowaway`.

    A box has its label as category, in pixels of the upright photo; what the workflow knows of it
    is in `stowaway`. A photo of people, and one without an animal, has an annotation without a
    box. Raises `BadInput` where there is no photo.
    """
    if not len(photos):
        raise BadInput("export_coco: there is no photo to write")
    labels = boxes["label"].replace("", UNNAMED_CATEGORY)
    names = sorted({*labels, *photos["people"]} - {"", EMPTY})
    numbers = {EMPTY: 0} | {name: number for number, name in enumerate(names, 1)}
    by_photo, images, annotations = of_photos(boxes), [], []
    for photo in photos.itertuples(index=False):
        images.append(image_of(photo))
        found = by_photo.get(photo.image_id, [])
        annotations += [annotation_of(box, numbers) for box in found]
        if photo.people or not found:
            category = photo.people or EMPTY
            whole = {"id": f"{photo.image_id}#{category}", "image_id": photo.image_id}
            annotations.append(whole | {"category_id": numbers[category]})
    return {
        "info": {"description": f"stowaway: {made_by['run']}", "stowaway": made_by},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for name, number in numbers.items()],
    }


def image_of(photo) -> dict:
    """A photo of `load_photos` as an image, without what is not known."""
    image = {"id": photo.image_id, "file_name": photo.file_name, "location": photo.location}
    image |= {"datetime": photo.datetime, "seq_id": photo.event}
    image = {name: value for name, value in image.items() if value != ""}
    if pd.notna(photo.width):
        image |= {"width": int(photo.width), "height": int(photo.height)}
    return image


def annotation_of(box, numbers: dict[str, int]) -> dict:
    """A box of `load_boxes` as an annotation."""
    return {
        "id": box.crop_id,
        "image_id": box.image_id,
        "category_id": numbers[box.label or UNNAMED_CATEGORY],
        "bbox": [box.x, box.y, box.w, box.h],
        "area": box.w * box.h,
        "iscrowd": 0,
        "confidence": box.confidence,
        "stowaway": stowaway_facts(box),
    }
