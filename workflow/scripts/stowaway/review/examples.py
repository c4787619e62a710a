"""Examples of watched species: where they come from, what is refused, and the file of them.

They are crops that reviewers confirmed or marked, crops of the run by label or by id, and photos of
another place.
"""

import difflib
import heapq
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from stowaway.annotations.boxes import index_annotations
from stowaway.annotations.detections import photos_of
from stowaway.annotations.json_file import Limits
from stowaway.core.files import Damaged, read_arrays, reading, replacing
from stowaway.core.names import UNNAMED, clean_text, name_key, shown, why_unsafe
from stowaway.core.script import BadInput, say
from stowaway.core.tables import rows
from stowaway.data import photos
from stowaway.data.exact_copies import CHECKSUMS, crop_checksum, photo_checksum
from stowaway.data.packs import Form, pack_crop
from stowaway.data.roles import NATIVE_ROLES, Role
from stowaway.review.decisions import MARKED, NOVEL, UNSURE
from stowaway.review.pictures import PICTURE, as_jpeg, viewable

MOST = 500  # example crops of a species
DECIDED, OF_MARKS, LABELLED, LISTED, PHOTOS = "decisions marked labels crops photos".split()
BY_REVIEWERS = DECIDED, OF_MARKS
SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".gif", ".bmp")
ANIMAL = "animal"  # the detectors' own label
FILES = "annotations rejected camera_days index_facts people".split()
TEXTS = "species event location crop_id source photo_checksum crop_checksum".split()
KINDS = dict.fromkeys(TEXTS, "U") | {"features": "f", "pictures": "S"}  # of dtypes, saved
TIMES = "file_name datetime offset width height".split()


@dataclass
class Examples:
    """All arrays have a row per example crop: texts, (m, dimensions) features, JPEGs of crops.

    `source` is decisions, marked, labels, crops or photos. The JPEGs are an array of bytes, as in
    `trained.Gallery`.
    """

    species: NDArray[np.str_]
    event: NDArray[np.str_]
    location: NDArray[np.str_]
    crop_id: NDArray[np.str_]
    source: NDArray[np.str_]
    features: NDArray[np.float32]
    pictures: NDArray[np.bytes_]
    photo_checksum: NDArray[np.str_]
    crop_checksum: NDArray[np.str_]

    def has(self, crops: pd.DataFrame) -> NDArray[np.bool_]:
        """Which crops of `load_crops` are examples, or boxes in a photo of one."""
        photo = crops["photo_checksum"].isin(self.photo_checksum)
        return (photo | crops["crop_checksum"].isin(self.crop_checksum)).to_numpy()

    def events_in(self, crops: pd.DataFrame) -> NDArray[np.str_]:
        """The event of each example: where one of `crops` is its copy, by the name it has there."""
        same = crops[crops["crop_checksum"].isin(self.crop_checksum)]
        names = dict(zip(same["crop_checksum"], same["event"], strict=True))
        pairs = zip(self.crop_checksum.tolist(), self.event.tolist(), strict=True)
        return np.array([names.get(checksum, event) for checksum, event in pairs], str)


def save(examples: Examples, path: Path) -> None:
    """Write them as plain arrays, whole."""
    with replacing(path, "wb") as file:
        np.savez(file, **asdict(examples))


def load(paths: list[Path]) -> Examples:
    """The examples of several files, without later ones of a crop that is there already.

    Raises `BadInput` where a file is damaged, or its features are of another length.
    """
    parts = []
    for path in paths:
        arrays = read_arrays(path, finite=True, one_length=True)
        part = Examples(**{name: arrays[name] for name in KINDS})
        with reading(path):
            kinds = {name: getattr(part, name).dtype.kind for name in KINDS}
            wide = part.features.shape[1:]
            if kinds != KINDS or len(wide) != 1 or parts and wide != parts[0].features.shape[1:]:
                raise Damaged("it holds something else")
        parts.append(part)
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in KINDS}
    _, first = np.unique(joined["crop_checksum"], return_index=True)
    return Examples(**{name: array[np.sort(first)] for name, array in joined.items()})


@dataclass
class Example:
    """An example crop, before its features.

    `row` is that of its features where it is a crop of the run. Else its pixels are those of the
    saved crop `path`, with its `window`, or of the `box` in the photo `path`, which has the
    `listed` size and which the box leaves by the pixels `outside`.
    """

    species: str
    event: str
    location: str
    crop_id: str
    source: str
    path: Path
    photo_checksum: str = ""
    crop_checksum: str = ""
    row: int | None = None
    window: Path | None = None
    folder: Path | None = None
    box: photos.Box | None = None
    listed: tuple[int, int] | None = None
    outside: int = 0

    @property
    def has_no_name(self) -> bool:
        """Whether its species stands for an event of which nobody has said more."""
        no_name = self.species.startswith(("unnamed ", "marked "))
        return no_name and self.source in BY_REVIEWERS

    @property
    def named(self) -> str:
        """Where the config names it."""
        key = DECIDED if self.source in BY_REVIEWERS else f"watch.{self.species}.{self.source}"
        return f"{key}: {_short(self.path) if self.folder else shown(self.crop_id)}"


# Crops. -------------------------------------------------------------------------------------------


def of_reviewers(decided_crops: Path | list, crops: pd.DataFrame, run: str) -> Iterator[Example]:
    """Confirmed novel crops, and those that were marked; `crops` are of the run, as `load_crops`.

    A crop of another run that joined this one, or that is the same as one of it, is that crop.
    Marks on what is no novel animal are left out, and this is said.
    """
    decided = list(rows(decided_crops)) if decided_crops else []
    checksums = {row["crop_checksum"] for row in decided}
    same = crops[crops["crop_checksum"].isin(checksums)] if decided else crops[:0]
    own = {crop.crop_checksum: crop for crop in same.itertuples()}
    unused = 0
    for row in decided:
        event, is_novel = f"{row['batch']}/{row['event']}", row["decision"] == NOVEL
        is_marked = row["find_more"] == MARKED
        if is_novel and row["species"] != UNNAMED:
            species, source = row["species"], DECIDED
        elif is_marked and row["decision"] in (NOVEL, UNSURE):
            species, source = f"marked {event}", OF_MARKS
        elif is_novel:
            species, source = f"unnamed {event}", DECIDED
        else:
            unused += is_marked
            continue
        if crop := own.get(row["crop_checksum"]):
            yield _own(crop, species, source)
            continue
        prefix = "" if row["batch"] == run else f"{row['batch']}/"
        if not Path(row["image_path"]).is_file():
            raise BadInput(
                f"{DECIDED}: the crop {shown(row['crop_id'])} of {row['batch']} is gone from its "
                f"folder; run {row['batch']} again, or take its files out of decisions"
            )
        yield Example(
            species,
            prefix + row["event"],
            row["location"],
            prefix + row["crop_id"],
            source,
            Path(row["image_path"]),
            row["photo_checksum"],
            row["crop_checksum"],
            window=Path(row["window_path"]),
        )
    if unused:
        say(f"examples: {unused:,} marked crops are no novel animals, and no examples")


def of_run(crops: pd.DataFrame, watch: dict) -> Iterator[Example]:
    """The crops that the config lists by label or by id. Raises `BadInput` for unknown ones."""
    labels, numbers = set(crops["species"]), pd.Index(crops["crop_id"])
    for name, sources in watch.items():
        for label in sources["labels"]:
            if label not in labels and not sources["coco"]:  # which may have it
                why = f"watch.{name}.labels: no box has the label {shown(label)}"
                raise BadInput(why + _nearest(label, labels))
        for crop in crops[crops["species"].isin(sources["labels"])].itertuples():
            yield _own(crop, name, LABELLED)
        for crop_id, row in zip(
            sources["crops"], numbers.get_indexer(sources["crops"]), strict=True
        ):
            if row < 0:
                why = f"watch.{name}.crops: this run has no crop {shown(crop_id)}"
                raise BadInput(why + _nearest(crop_id, numbers))
            yield _own(next(crops.iloc[[row]].itertuples()), name, LISTED)


def _own(crop, species: str, source: str) -> Example:
    checksums = crop.photo_checksum, crop.crop_checksum
    path = Path(crop.image_path)
    known = crop.event, crop.location, crop.crop_id, source, path, *checksums, int(crop.row)
    return Example(species, *known)


def _nearest(word: str, known: Iterable[str]) -> str:
    """Words about the nearest of the known ones, of those that begin and end most alike.

    To compare all of 250,000 crops with it in full takes ten minutes.
    """

    def alike(other: str) -> int:
        pair = word.lower(), other.lower()
        return len(os.path.commonprefix(pair) + os.path.commonprefix([t[::-1] for t in pair]))

    near = difflib.get_close_matches(word[:200], heapq.nlargest(100, known, key=alike), 1, 0)
    return f"; the nearest is {shown(near[0])}" if near else "; it has none at all"


# Photos of another place. -------------------------------------------------------------------------


def of_photos(
    name: str, sources: dict, settings: dict, config: dict, work: Path, failures: Path
) -> list[Example]:
    """The boxes of a watched species in its folder of photos, none of which is decoded yet.

    `settings` are the config's `labels` (rename, drop, unnamed), `events` and `confidence`;
    `config` its limits. Without boxes each photo is one; a folder in the folder is a location then,
    and a photo without a time an event. Tables are written to the folder `work`, and to `failures`
    where boxes cannot be used. Raises `BadInput`, with the config's key, as `index_annotations`,
    and where a photo has no header.
    """
    key, folder = f"watch.{name}", Path(sources["photos"])
    if not folder.is_dir():
        raise BadInput(f"{key}.photos: there is no folder {_short(folder)}; bring it")
    given = {part: Path(sources[part]) if sources[part] else [] for part in ("coco", "detections")}
    for part, file in given.items():
        if file and not file.is_file():
            raise BadInput(f"{key}.{part}: there is no file {_short(file)}; bring it")
    limits = {part: config["limits"][part] for part in ("json_bytes", "zip_ratio")}
    labels, events, times, part = settings["labels"], settings["events"], [], "coco"
    wanted = {name, *sources["labels"]}
    if not any(given.values()):
        part, given["coco"] = "photos", work / "coco.json"
        given["coco"].write_text(json.dumps(_whole_photos(key, name, folder)))
        labels, events = {"rename": {}, "drop": [], "unnamed": []}, events | {"by": "seq_id"}
        events["datetime_format"] = None
    elif not given["coco"]:
        part, times, wanted = "detections", work / "times.csv", wanted | {ANIMAL, UNNAMED}
    images = {"key": "file_name", "location": "(.+)/"}
    images["box"] = "pixels" if part == "photos" else None  # as of a photo of one pixel
    try:
        if times:
            _write_times(folder, given["detections"], Limits(**limits), times)
        index_annotations(
            **given,
            **{table: work / table for table in FILES},
            photo_times=times,
            failures=str(failures),
            images=images | {"confidence": settings["confidence"]},
            labels=labels,
            events=events,
            limits=limits,
            config={"max_rejected": config["max_rejected"]},
        )
    except BadInput as error:
        why = str(error).removeprefix(f"{part}: ")
        raise BadInput(f"{key}.{part}: {_in_pixels(why)}") from None
    found = [row for row in rows(work / "annotations") if row["species"] in wanted]
    if not found:
        why = f"no box is of {shown(name)}; list its labels there as {key}.labels"
        raise BadInput(f"{key}.{part}: {why}")
    return [
        Example(
            name,
            *(f"{key}/{row[column]}" for column in ("event", "location", "crop_id")),
            PHOTOS,
            folder / row["file_name"],
            folder=folder,
            box=tuple(int(row[side]) for side in "xywh"),
            listed=photos.listed_size(row),
        )
        for row in found
    ]


def check_edges(examples: Iterable[Example]) -> None:
    """Raise `BadInput` where a species' boxes leave their photos as `photos.check_edges` says."""
    outside = defaultdict(list)
    for example in examples:
        if example.folder:
            outside[example.species].append(example.outside)
    for species, pixels in outside.items():
        try:
            photos.check_edges(pixels, None)
        except BadInput as error:
            raise BadInput(f"watch.{species}.coco: {_in_pixels(str(error))}") from None


def _in_pixels(why: str) -> str:
    """What is wrong with the boxes of a COCO, with its own advice: images.box is of the site's."""
    if "images.box" not in why:
        return why
    why = re.split("[:;] (?=set |if |are |width )", why)[0]
    return f"{why}; convert these boxes to x, y, width, height in pixels, within the photo"


def photo_names(key: str, folder: Path) -> list[str]:
    """The paths of all photos below a folder, sorted. Hidden files and linked folders are left out.

    Files of other formats are left out too, and this is said. Raises `BadInput` where no photo is
    left, where one cannot stand in a table, and where a folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        where = _short(Path(error.filename))
        raise BadInput(f"{key}.photos: {where} cannot be read: {error.strerror}; mend or remove it")

    found, others, names = [], 0, {}
    for path, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [inside for inside in folders if inside[0] != "."]
        for file in (file for file in files if file[0] != "."):
            if file.lower().endswith(SUFFIXES):
                found.append(Path(path, file).relative_to(folder).as_posix())
            else:
                others += 1
    formats = f"formats that are read: {', '.join(SUFFIXES)}"
    if not found:
        what = f" ({others:,} other files; {formats})" * bool(others)
        raise BadInput(f"{key}.photos: there is no photo in {_short(folder)}{what}; bring some")
    for file in found:
        why, mend = why_unsafe(file), "rename or remove it"
        if not why and names.setdefault(name_key(file), file) != file:
            other, mend = names[name_key(file)], "rename one of them"
            why = f"its name differs from {shown(other)} in case or Unicode form alone"
        if why:
            raise BadInput(f"{key}.photos: {_short(folder / file)}: {why}; {mend}")
    if others:
        say(f"examples: {key}.photos: {others:,} files are left out; {formats}")
    return sorted(found)


def _whole_photos(key: str, species: str, folder: Path) -> dict:
    """A COCO in which each photo of a folder is one animal of that species."""
    images, boxes = [], []
    for number, name in enumerate(photo_names(key, folder)):
        path = inside(key, folder, folder / name)
        try:
            time, offset, width, height = _header(path)
        except photos.Unreadable as why:
            raise BadInput(_unreadable(key, path, str(why))) from None
        except Exception as error:  # what a reader raises on hostile bytes has no common class
            why = getattr(error, "strerror", None) or photos.why_no_photo(path)
            raise BadInput(_unreadable(key, path, why or "its header is corrupt")) from None
        image = {"id": number, "file_name": name, "width": width, "height": height}
        image |= {"location": str(Path(name).parent), "datetime": time + offset or None}
        images.append(image | ({} if time else {"seq_id": name}))
        boxes.append({"id": number, "image_id": number, "category_id": 1})
        boxes[-1]["bbox"] = [0, 0, width, height]
    category = {"id": 1, "name": species}
    return {"images": images, "annotations": boxes, "categories": [category]}


def _write_times(folder: Path, detections: Path, limits: Limits, times: Path) -> None:
    """Write the times and sizes of the photos that the detector saw; what is unknown is blank."""
    found = []
    for name, _ in photos_of(detections, limits):
        path = folder / name
        with suppress(Exception):  # what cannot be read is said where a box of it is taken
            if not why_unsafe(name) and _is_inside(folder, path):
                found.append([name, *_header(path)])
    pd.DataFrame(found, columns=TIMES).to_csv(times, index=False, lineterminator="\r\n")


def _header(path: Path) -> tuple[str, str, int, int]:
    """As `photos.photo_header`. Raises `photos.Unreadable` for no file, as a named pipe."""
    photos.check_file(path)
    with open(path, "rb") as file:
        return photos.photo_header(file)


def inside(key: str, folder: Path, path: Path) -> Path:
    """The path, which may be a link. Raises `BadInput` where it leads out of the folder."""
    if not _is_inside(folder, path):
        raise BadInput(f"{key}.photos: {_short(path)} leads out of the folder; copy the photo")
    return path


def _is_inside(folder: Path, path: Path) -> bool:
    # not `Path.resolve`, which raises for links that lead in a ring
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def open_example(example: Example, limits: dict, max_side: int | None) -> photos.Photo:
    """The photo of an example's box, whose checksums and `outside` are filled in.

    Raises `BadInput` for a photo that cannot be read, is too large or lies elsewhere.
    """
    key = f"watch.{example.species}"
    path, box = inside(key, example.folder, example.path), example.box
    try:
        if path.is_file() and path.stat().st_size > limits["image_bytes"]:
            raise photos.Unusable(f"it has over {limits['image_bytes']:,} bytes")
        content = photos.read_photo(path)
        most = limits["image_pixels"]
        photo = photos.open_photo(content, most, example.listed, [box], max_side)
        example.crop_checksum = crop_checksum(photo.cut(box)[1])
        example.outside = photo.outside(box)
    except photos.Unusable as why:
        raise BadInput(_unreadable(key, path, str(why))) from None
    example.photo_checksum = photo_checksum(content)
    return photo


def _unreadable(key: str, path: Path, why: str) -> str:
    why = why.removeprefix(f"{photos.UNREADABLE}: ")
    return f"{key}.photos: {_short(path)} cannot be read: {why}; mend or remove it"


def _short(path: Path) -> str:
    text = clean_text(str(path))
    return text if len(text) <= 80 else f"…{text[-79:]}"


# Pixels. ------------------------------------------------------------------------------------------


def packed_example(photo: photos.Photo, box: photos.Box, form: Form) -> NDArray[np.uint8]:
    """The square that the backbone sees of a box: as of a crop that was saved, then packed."""
    box, picture = photo.cut(box)
    if form.aspect == "window":
        picture = photo.window(box)
    with TemporaryDirectory() as folder:
        photos.save_crop(picture, path := Path(folder, "crop.jpg"))
        return pack_crop(path, form)


def picture(crop: Image.Image) -> bytes:
    """A JPEG of a crop as people see it, of PICTURE pixels at most."""
    crop = crop.copy()
    crop.thumbnail((PICTURE, PICTURE), Image.Resampling.BILINEAR)
    return as_jpeg(viewable(np.asarray(crop)))


# Which of them. -----------------------------------------------------------------------------------


def choose(examples: Iterable[Example]) -> list[Example]:
    """At most MOST of each species, drawn at random, one of each event first; this is said."""
    piles, chosen = defaultdict(list), []
    for example in examples:
        piles[example.species].append(example)
    for species, pile in piles.items():
        if len(pile) > MOST:
            say(
                f"examples: {MOST:,} of {len(pile):,} example crops of {species:.80} are taken, "
                "one of each event first"
            )
            drawn = np.random.default_rng(0).permutation(len(pile))
            first = {pile[place].event: place for place in drawn[::-1]}  # of each event
            order = sorted(drawn, key=lambda place: first[pile[place].event] != place)
            pile = [pile[place] for place in sorted(order[:MOST])]
        chosen += pile
    return chosen


def usable(
    examples: list[Example],
    crops: pd.DataFrame,
    calibration: pd.DataFrame | None = None,
    run: str = "this run",
) -> list[int]:
    """The places of the examples that stay: each crop once, and nothing that is measured on.

    Raises `BadInput` for a native of the run, for an exact copy of a native or novel crop of it,
    and for a crop of two species. The crops of a batch have no roles: it comes with the
    `calibration` natives of the `run` whose models score it, and no example is a copy of one. Of
    what reviewers decided such crops are left out, and this is said; a name that the config gives a
    crop counts before the one that an event gave it.
    """
    held = crops[crops["role"].isin([*NATIVE_ROLES, Role.NOVEL])]
    if calibration is not None:
        held = calibration.assign(role=Role.CALIBRATION.value)
    known = {}
    for unit in CHECKSUMS:
        wanted = {getattr(example, unit) for example in examples}
        for crop in held[held[unit].isin(wanted)].itertuples():
            known[getattr(crop, unit)] = crop
    roles = dict(zip(crops["row"], crops["role"], strict=True)) if examples else {}
    kept: dict[str, int] = {}
    left = []
    contradicted: set[int] = set()
    for place, example in enumerate(examples):
        why = ""
        if example.row is not None and calibration is None:
            if roles[example.row] in NATIVE_ROLES:
                why = f"a native of this run ({roles[example.row]})"
        elif crop := known.get(example.crop_checksum) or known.get(example.photo_checksum):
            kind = "novel" if crop.role == Role.NOVEL else f"native ({crop.role})"
            why = f"an exact copy of {shown(crop.crop_id)}, a {kind} crop of {run}"
        if why and example.source in BY_REVIEWERS:
            left.append(f"{shown(example.crop_id)} is {why}")
            continue
        if why:
            raise BadInput(f"{example.named} is {why}: a leak; take it out")
        before = kept.setdefault(example.crop_checksum, place)
        other = examples[before]
        if other.has_no_name:
            kept[example.crop_checksum] = place
        elif other.species == example.species or example.has_no_name:
            continue
        elif {other.source, example.source} <= {*BY_REVIEWERS}:
            contradicted |= {before, place}
        else:
            raise BadInput(f"{example.named} is the same crop as {other.named}; keep one of them")
    if left:
        say(f"examples: {len(left):,} decided crops are left out as leaks; the first: {left[0]}")
    if contradicted:
        say(
            f"examples: {len(contradicted):,} decided crops are left out: equal crops of other "
            "decisions have other names; decide again"
        )
    return sorted({*kept.values()} - contradicted)
