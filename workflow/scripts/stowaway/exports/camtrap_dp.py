"""A Camtrap DP 1.0.2 package: deployments, media, observations, and a table of our novelty scores.

Standard: Bubnicki et al., Camtrap DP: an open standard for the FAIR exchange and archiving of
camera trap data, Remote Sensing in Ecology and Conservation (2024); camtrap-dp.tdwg.org.
"""

import mimetypes
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import pandas as pd

from stowaway.core.names import location_key, shown
from stowaway.core.script import BadInput, say
from stowaway.core.tables import no_formula
from stowaway.exports.boxes import VEHICLE, of_photos
from stowaway.exports.deployments import NO_NAMES, WANTED, Deployment
from stowaway.review.decisions import NATIVE, NOT_ANIMAL, NOVEL, PERSON, UNSURE

STANDARD = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2"
DEPLOYMENTS = (
    "deploymentID locationID locationName latitude longitude coordinateUncertainty deploymentStart "
    "deploymentEnd setupBy cameraID cameraModel cameraDelay cameraHeight cameraDepth cameraTilt "
    "cameraHeading detectionDistance timestampIssues baitUse featureType habitat deploymentGroups "
    "deploymentTags deploymentComments"
).split()
MEDIA = (
    "mediaID deploymentID captureMethod timestamp filePath filePublic fileName fileMediatype "
    "exifData favorite mediaComments"
).split()
OBSERVATIONS = (
    "observationID deploymentID mediaID eventID eventStart eventEnd observationLevel "
    "observationType cameraSetupType scientificName count lifeStage sex behavior individualID "
    "individualPositionRadius individualPositionAngle individualSpeed bboxX bboxY bboxWidth "
    "bboxHeight classificationMethod classifiedBy classificationTimestamp "
    "classificationProbability observationTags observationComments"
).split()
NOVELTY = "observationID score pValue alarm".split()
COLUMNS = {
    "deployments": DEPLOYMENTS,
    "media": MEDIA,
    "observations": OBSERVATIONS,
    "novelty": NOVELTY,
}
TYPES = {
    NATIVE: "animal",
    NOVEL: "animal",
    NOT_ANIMAL: "blank",
    PERSON: "human",
    UNSURE: "unknown",
}
REFUSED_PATH = re.compile(r"[./~]|.*\.\.")  # how filePath may not begin, or what it may not hold


def camtrap_tables(
    boxes: pd.DataFrame,
    photos: pd.DataFrame,
    deployments: dict[str, Deployment],
    made_by: dict,
    detector_ran: bool,
    shown_people: bool,
) -> dict[str, list[dict]]:
    """The rows of the four tables of COLUMNS, a blank column left out, by the table's name.

    `boxes` and `photos` are those of `load_boxes` and `load_photos`, `deployments` those of
    `read_deployments`; `made_by` has `version`, `run` and `detector`. Media are the photos with a
    box or people, a location and a time; what is left out is said. They are public where a
    `detector_ran` that looks for people and found none in the event, or where people may be shown.
    Raises `BadInput` for a location without a deployment, for a time without offset, and where no
    photo is left.
    """
    media = _media(boxes, photos, deployments)
    _say_what_is_outside(media)
    events: dict[str, list[datetime]] = {}
    for photo, _, moment in media:
        first, last = events.get(photo.event, (moment, moment))
        events[photo.event] = [min(first, moment), max(last, moment)]
    private = set(boxes.loc[boxes["decision"] == PERSON, "event"])
    private |= set(photos.loc[photos["people"] != "", "event"])
    tables = {name: [] for name in COLUMNS}
    tables["deployments"] = [_deployment(one) for one in deployments.values()]
    by_photo = of_photos(boxes)
    for medium in media:
        photo = medium.photo
        is_public = (detector_ran or shown_people) and photo.event not in private
        tables["media"].append(_medium(*medium, is_public))
        common = _common(photo, medium.deployment, *events[photo.event])
        own = by_photo.get(photo.image_id, [])
        for box in own:
            tables["observations"].append(common | _observation(box, made_by))
            if not np.isnan(box.score):
                tables["novelty"].append(_novelty(box))
        if photo.people and not any(box.decision == PERSON for box in own):
            tables["observations"].append(common | _people(photo, detector_ran))
    return tables


class Medium(NamedTuple):
    """A photo, a row of `load_photos`, with its deployment and its time with an offset."""

    photo: tuple
    deployment: Deployment
    moment: datetime


def _media(
    boxes: pd.DataFrame, photos: pd.DataFrame, deployments: dict[str, Deployment]
) -> list[Medium]:
    """The photos with a box or people that can be media; the others are counted on the terminal."""
    media, left_out = [], defaultdict(list)
    wanted = photos["image_id"].isin(boxes["image_id"]) | (photos["people"] != "")
    for photo in photos[wanted].itertuples(index=False):
        if why := _why_no_medium(photo):
            left_out[why].append(photo.file_name)
            continue
        deployment = deployments.get(location_key(photo.location))
        if deployment is None:
            raise BadInput(
                f"deployments.table: no row for location {shown(photo.location)}; give {WANTED}"
            )
        media.append(Medium(photo, deployment, deployment.moment(photo.datetime)))
    for why, names in left_out.items():
        say(f"export_camtrap_dp: left out {len(names):,} x a photo {why}, as {shown(names[0])}")
    if not media:
        why = "; ".join(f"{len(names):,} x {why}" for why, names in left_out.items())
        raise BadInput(f"export_camtrap_dp: no photo can be written: {why or 'none has a box'}")
    return media


def _say_what_is_outside(media: list[Medium]) -> None:
    outside = Counter()
    for _, deployment, moment in media:
        start, end = deployment.interval
        outside[deployment.name] += not start <= moment <= end
    for name, number in (+outside).items():
        say(
            f"export_camtrap_dp: location {shown(name)}: {number:,} x a photo of another time than "
            "its deployment: is the camera's clock wrong, or the table?"
        )


def _why_no_medium(photo) -> str | None:
    if not photo.location:
        return "without a location"
    if not photo.datetime:
        return "without a time"
    if REFUSED_PATH.match(photo.file_name):
        return "with a path that Camtrap DP refuses"
    return "with an id that Camtrap DP reads as none" if photo.image_id in NO_NAMES else None


def _deployment(one: Deployment) -> dict:
    start, end = one.interval
    return {
        "deploymentID": one.name,
        "locationID": one.name,
        "latitude": one.latitude,
        "longitude": one.longitude,
        "coordinateUncertainty": one.uncertainty,
        "deploymentStart": start.isoformat(),
        "deploymentEnd": end.isoformat(),
    }


def _medium(photo, deployment: Deployment, moment: datetime, is_public: bool) -> dict:
    return {
        "mediaID": photo.image_id,
        "deploymentID": deployment.name,
        "captureMethod": "activityDetection",
        "timestamp": moment.isoformat(),
        "filePath": photo.file_name,
        "filePublic": _boolean(is_public),
        "fileName": photo.file_name.rpartition("/")[2],
        "fileMediatype": mimetypes.guess_type(photo.file_name)[0] or "image/x-unknown",
    }


def _common(photo, deployment: Deployment, start: datetime, end: datetime) -> dict:
    """What all observations of a photo have in common."""
    return {
        "deploymentID": deployment.name,
        "mediaID": photo.image_id,
        "eventID": photo.event,
        "eventStart": start.isoformat(),
        "eventEnd": end.isoformat(),
        "observationLevel": "media",
    }


def _observation(box, made_by: dict) -> dict:
    """A box as an observation: as decided, else as labelled, else as an animal of no name."""
    kind = TYPES.get(box.decision, "animal")
    row = {"observationID": box.crop_id, "observationType": kind}
    if kind == "animal":
        row["count"] = 1
    if kind != "blank":
        sides = (box.x / box.width, box.y / box.height, box.w / box.width, box.h / box.height)
        row |= zip(("bboxX", "bboxY", "bboxWidth", "bboxHeight"), sides, strict=True)
    tags = {"label": box.label, "decision": box.decision, "species": box.named}
    row["observationTags"] = " | ".join(
        f"{name}:{value.replace('|', '/')}" for name, value in tags.items() if value
    )
    if box.decision:
        row |= {"classificationMethod": "human", "classifiedBy": no_formula(box.reviewer)}
        row |= {"classificationTimestamp": _decided_at(box.decided_at)}
        row |= {"observationComments": no_formula(box.note)}
    elif not box.label:  # a label may be a person's or a program's
        row |= {"classificationMethod": "machine"}
        if not np.isnan(box.score):
            row["classifiedBy"] = f"stowaway {made_by['version']} {made_by['detector']}"
    return row


def _people(photo, detector_ran: bool) -> dict:
    """An observation of the people or the vehicle in a photo, of which no box is kept."""
    kind = "vehicle" if photo.people == VEHICLE else "human"
    row = {"observationID": f"{photo.image_id}#{photo.people}", "observationType": kind}
    return row | ({"classificationMethod": "machine"} if detector_ran else {})


def _novelty(box) -> dict:
    row = {"observationID": box.crop_id, "score": box.score, "pValue": box.p_value}
    return row | {"alarm": _boolean(box.alarm)}


def _decided_at(text: str) -> str | None:
    """The time of a decision to the second; None where it has no offset, or is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.isoformat(timespec="seconds")


def _boolean(value: bool) -> str:
    """A boolean as Camtrap DP writes it."""
    return "true" if value else "false"


def datapackage(deployments: dict[str, Deployment], made_by: dict, decimals: int | None) -> dict:
    """The package's description, with the schemas' addresses of version 1.0.2."""
    intervals = [one.interval for one in deployments.values()]
    standard = [
        _resource(name) | {"schema": f"{STANDARD}/{name}-table-schema.json"}
        for name in COLUMNS
        if name != "novelty"
    ]
    tool = f"stowaway {made_by['version']}"
    package = {
        "profile": f"{STANDARD}/camtrap-dp-profile.json",
        "name": re.sub(r"[^a-z0-9._-]+", "-", made_by["run"].lower()),
        "title": made_by["run"],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "contributors": [{"title": f"{made_by['run']}, written by {tool}", "role": "contributor"}],
        "description": (
            f"Boxes, reviewers' decisions and novelty scores ({made_by['detector']}) of {tool}. "
            "Media are the photos with an animal, a person or a vehicle; empty ones are left out."
        ),
        "project": {
            "title": made_by["run"],
            "samplingDesign": "targeted",
            "captureMethod": ["activityDetection"],
            "individualAnimals": False,
            "observationLevel": ["media"],
        },
        "spatial": {
            "type": "MultiPoint",
            "coordinates": [[one.longitude, one.latitude] for one in deployments.values()],
        },
        "temporal": {
            "start": min(start for start, _ in intervals).date().isoformat(),
            "end": max(end for _, end in intervals).date().isoformat(),
        },
        "taxonomic": [],
        "resources": [*standard, _resource("novelty") | {"schema": novelty_schema()}],
    }
    if decimals is not None:
        package["coordinatePrecision"] = 10.0**-decimals
    return package


def _resource(name: str) -> dict:
    return {
        "name": name,
        "path": f"{name}.csv",
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
    }


def novelty_schema() -> dict:
    """The table schema of `novelty`: the event's score, p-value and alarm of an observation."""
    fields = [
        ("observationID", "string", "The observation.", {"unique": True}),
        ("score", "number", "How novel the animal's event is; higher is more novel.", {}),
        (
            "pValue",
            "number",
            "Share of known natives' events that look as novel or more.",
            {"minimum": 0, "maximum": 1},
        ),
        ("alarm", "boolean", "Whether the event is an alarm.", {}),
    ]
    observation = {"resource": "observations", "fields": "observationID"}
    return {
        "fields": [
            {"name": n, "type": kind, "description": text, "constraints": {"required": True} | more}
            for n, kind, text, more in fields
        ],
        "primaryKey": "observationID",
        "foreignKeys": [{"fields": "observationID", "reference": observation}],
    }
