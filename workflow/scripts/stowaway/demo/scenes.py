"""Draw one photo: animals in a landscape with shadows and grass, the info strip, and the file."""

import io
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from stowaway.demo.animals import draw, rgb
from stowaway.demo.landscape import VIEWS, Box, backdrop, flash, grass, lit, noise, place
from stowaway.demo.plan import HEIGHT, STRIP, WIDTH, Frame


def take_photo(frame: Frame) -> tuple[Image.Image, list[Box]]:
    """Draw a frame -> the photo (RGB) and the box of each of its actors."""
    rng = np.random.default_rng(frame.seeds[0])
    hour = frame.when.hour + frame.when.minute / 60
    light = "day" if 7 <= hour < 18 else "dusk" if 5.5 <= hour < 20.3 else "night"
    horizon, blade = VIEWS[frame.camera][0], rgb(VIEWS[frame.camera][4])
    photo = backdrop(frame.camera, light).copy()
    exposure = np.random.default_rng(frame.seeds[1]).uniform(0.88, 1.12)
    boxes = []
    for i, (shape, _, x, below, px, facing, step) in enumerate(frame.actors):
        own = np.random.default_rng([*frame.seeds[1], i])  # the same in all frames of a burst
        foot, gain = round(below) + horizon, 1.0
        if light == "night":
            gain = 0.15 + flash(frame.camera)[foot, np.clip(round(x), 0, WIDTH - 1)]
        patch, anchor = draw(shape, px, own, step, facing, light == "night")
        left, top = round(x) - anchor[0], foot - anchor[1]
        blur, tall = own.uniform(-0.12, 0.05) * px, own.uniform(-0.5, 0.35) * px
        turf = grass(patch.width, min(40, max(0.06 * px, tall)), 1, blade, own)
        if shape == "moth":  # too near for the lens
            patch = patch.filter(ImageFilter.GaussianBlur(5))
        elif blur > 0:
            patch = patch.filter(ImageFilter.BoxBlur((min(blur, 7), 0)))
        boxes.append(place(photo, lit(patch, light, gain), left, top, foot))
        photo.paste(lit(turf, light, gain), (left, foot - turf.height + 3), turf)
    corner = rng.integers(0, 64, 2).tolist()
    speckle = noise(light).crop((*corner, corner[0] + WIDTH, corner[1] + HEIGHT))
    photo = ImageChops.add(photo.point(lambda v: v * exposure), speckle, 1, -128)
    pen = ImageDraw.Draw(photo)
    pen.rectangle((0, HEIGHT - STRIP, WIDTH, HEIGHT), (16, 16, 16))
    camera, when = frame.file_name.split("/")[1], frame.when.strftime("%Y-%m-%d %H:%M:%S")
    text = f"SYNTHETIC stowaway demo   {camera}   {when}   {frame.celsius} C"
    pen.text((10, HEIGHT - STRIP + 4), text, (240, 240, 240), ImageFont.load_default(14))
    return photo, boxes


def save_photo(images: Path, frame: Frame) -> tuple[Frame, list[Box]]:
    """Draw a frame and write it below the folder `images`, with the quirk that it has."""
    photo, boxes = take_photo(frame)
    file = io.BytesIO()
    if frame.quirk == "rgba":
        photo.convert("RGBA").save(file, "PNG")
    elif frame.quirk == "rotated":
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 6  # turn clockwise to see it upright
        photo.transpose(Image.Transpose.ROTATE_90).save(file, "JPEG", quality=85, exif=exif)
    else:
        photo.convert("L" if frame.quirk == "grey" else "RGB").save(file, "JPEG", quality=85)
    if frame.quirk != "missing":
        path = images / frame.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.getvalue()[: file.tell() // (2 if frame.quirk == "cut short" else 1)])
    return frame, boxes
