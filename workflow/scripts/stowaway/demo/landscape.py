"""The empty view of each camera: landscape, daylight, dusk or infrared flash, sensor noise."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from stowaway.demo.animals import draw, rgb
from stowaway.demo.plan import HEIGHT, STRIP, WIDTH

Box = tuple[int, int, int, int]  # x, y, width, height in pixels

# camera: (row of the horizon; colours of sky, hills, ground, grass; grass density; {prop: number})
VIEWS = (
    (165, "#b9d0e0", "#7f8a68", "#a89467", "#c2ad74", 1.0, {"tree": 2, "bush": 7, "rock": 2}),
    (190, "#a9cbe6", "#6c93b4", "#8f8658", "#a39c60", 0.9, {"bush": 9, "rock": 6}),
    (150, "#c4d3cf", "#56684a", "#6b6145", "#6f8146", 0.8, {"tree": 4, "bush": 14, "rock": 3}),
    (180, "#bcd6e8", "#7fa6bd", "#cbb68b", "#a9a56b", 0.3, {"bush": 7, "rock": 1}),
    (170, "#c3d2dc", "#66735c", "#8a6f50", "#94865a", 0.4, {"tree": 5, "bush": 5, "rock": 4}),
    (160, "#cddbe2", "#9c8767", "#b29d7d", "#97895a", 0.2, {"bush": 6, "rock": 13}),
    (175, "#bfd3dd", "#82906a", "#8f8a52", "#a3ad62", 1.3, {"tree": 3, "bush": 4}),
    (155, "#b5cfe4", "#7c8360", "#9a7f5c", "#8d8a55", 0.5, {"bush": 18, "rock": 5}),
)
# light: (colour matrix, deviation of the sensor's noise in grey levels); infrared has no colour
LIGHTS = {
    "day": ((1.03, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 0.95, 0), 3),
    "dusk": ((0.72, 0.05, 0, 6, 0, 0.65, 0.03, 3, 0, 0.06, 0.60, 12), 5),
    "night": ((0.42, 0.34, 0.10, 0) * 3, 6),
}
PROPS = {
    "tree": (8, 44, 4),
    "bush": (3, 44, 1.4),
    "rock": (6, 240, 0.35),
}  # nearest and farthest row below the horizon, px of body for each row


def cloud(rng: np.random.Generator, height: int, *cells: int) -> NDArray[np.float32]:
    """Smooth noise (height, WIDTH, 1) about 0: one octave a cell size (px), each half as strong."""
    total = np.zeros((height, WIDTH), np.float32)
    for octave, cell in enumerate(cells):
        coarse = rng.normal(0, 0.5**octave, (height // cell + 3, WIDTH // cell + 3))
        image = Image.fromarray(coarse.astype(np.float32))
        total += np.asarray(image.resize((WIDTH, height), Image.Resampling.BICUBIC))
    return total[..., None]


def grass(
    width: int, length: float, lush: float, colour: NDArray, rng: np.random.Generator
) -> Image.Image:
    """A row of blades about `length` px long -> RGBA patch whose bottom is the ground."""
    height = int(1.6 * length) + 2
    row = Image.new("RGBA", (2 * width, 2 * height), (*colour.astype(int), 0))
    pen = ImageDraw.Draw(row)
    x, rise, lean, tint = rng.random((4, int(lush * width / (4 + 0.15 * length))))
    x, rise, thick = 2 * width * x, length * (0.8 + 2.2 * rise), 0.6 + length / 22
    tip, knee, low = x + rise * (lean - 0.5), x + 0.3 * rise * (lean - 0.5), x * 0 + 2 * height
    blades = [x - thick, low, knee, low - 0.6 * rise, tip, low - rise]
    blades += [knee + thick, low - 0.6 * rise, x + thick, low]
    shades = (colour * (0.6 + 0.55 * tint[:, None])).astype(int)
    for blade, shade in zip(np.transpose(blades).tolist(), shades.tolist(), strict=True):
        pen.polygon(blade, tuple(shade))
    return row.reduce(2)


@cache
def landscape(camera: int) -> Image.Image:
    """A camera's empty view (RGB, WIDTH x HEIGHT) under neutral light, painted from far to near."""
    horizon, *colours, lush, props = VIEWS[camera]
    sky, hill, ground, blade = map(rgb, colours)
    rng = np.random.default_rng([2024, camera])
    y = np.arange(HEIGHT, dtype=np.float32)[:, None, None]
    puffs, grit = cloud(rng, HEIGHT, 160, 60, 25, 10), cloud(rng, HEIGHT, 12, 5, 2)
    haze = np.clip(0.8 * (y / horizon) ** 1.5 + 0.18 * puffs, 0, 0.9)
    view = 0.88 * sky * (1 - haze) + 244 * haze
    for rise, mist in ((46, 0.6), (24, 0.35)):
        ridge = horizon - rise * (0.5 + 0.3 * puffs[rise])
        tone = (hill * (1 - mist) + sky * mist) * (1 + 0.05 * grit)
        view = np.where(y > ridge, tone, view)
    # rows of a long tile, ever sparser towards the horizon: a plane seen at a low angle
    rows = (17500 / (25 + np.maximum(y.ravel() - horizon, 0))).astype(int)
    mix = np.clip(0.3 + 0.4 * cloud(rng, 720, 70, 30, 12)[rows], 0, 1)
    soil = (ground * (1 - mix) + 0.85 * blade * mix) * (1 + 0.09 * grit)
    view = np.where(y > horizon + 3 * puffs[0], soil, view)
    image = Image.fromarray(np.clip(view, 0, 255).astype(np.uint8))
    things = [(14 + 5 * i**1.3, "grass") for i in range(24)]
    for name, number in props.items():
        low, high, _ = PROPS[name]
        things += [(low + (high - low) * rng.random() ** 2.2, name) for _ in range(number)]
    for below, name in sorted(things):
        foot = int(horizon + below)
        if name == "grass":
            row = grass(WIDTH, 3 + below / 11, lush, blade, rng)
            image.paste(row, (0, foot - row.height), row)
        else:
            px = (30 + below) * PROPS[name][2] * rng.uniform(0.7, 1.3)
            patch, (x, y0) = draw(name, px, rng, 0, int(rng.choice([-1, 1])), False)
            place(image, patch, int(rng.uniform(0, WIDTH)) - x, foot - y0, foot)
    return image


def lit(image: Image.Image, light: str, gain: float = 1) -> Image.Image:
    """An RGB or RGBA image under a light -> RGB; an alpha channel comes back as it was."""
    out = image.convert("RGB").convert("RGB", tuple(gain * v for v in LIGHTS[light][0]))
    if image.mode == "RGBA":
        out.putalpha(image.getchannel("A"))
    return out


@cache
def backdrop(camera: int, light: str) -> Image.Image:
    """The landscape under a light."""
    image = lit(landscape(camera), light)
    if light != "night":
        return image
    bright = np.asarray(image) * flash(camera)[..., None]
    return Image.fromarray(bright.clip(0, 255).astype(np.uint8))


@cache
def flash(camera: int) -> NDArray[np.float32]:
    """Gain of the infrared flash (HEIGHT, WIDTH): bright in the middle, lost in the distance."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    beam = np.exp(-(((x - WIDTH / 2) / 340) ** 2) - ((y - HEIGHT * 0.6) / 300) ** 2)
    reach = np.clip(0.5 + (y - VIEWS[camera][0]) / 160, 0.1, 1.15)
    return (0.08 + 1.1 * beam * reach).astype(np.float32)


@cache
def noise(light: str) -> Image.Image:
    """Sensor noise about grey 128, larger than a frame, so that each photo cuts its own part."""
    shape = (HEIGHT + 64, WIDTH + 64) if light == "night" else (HEIGHT + 64, WIDTH + 64, 3)
    values = np.random.default_rng(3).normal(128.5, LIGHTS[light][1], shape)
    return Image.fromarray(values.astype(np.uint8)).convert("RGB")


def place(image: Image.Image, patch: Image.Image, left: int, top: int, foot: int) -> Box:
    """Paste a patch and its soft shadow, on the ground at row `foot` -> the box of what shows."""
    alpha = patch.getchannel("A")
    flat = alpha.resize((patch.width, max(4, patch.height // 6)))
    flat = flat.filter(ImageFilter.GaussianBlur(1 + patch.height / 50)).point(lambda v: v * 0.45)
    image.paste((12, 12, 16), (left, foot - flat.height // 2), flat)
    image.paste(patch, (left, top), patch)
    x0, y0, x1, y1 = alpha.point(lambda v: 255 * (v > 80)).getbbox()
    x0, y0 = max(0, x0 + left), max(0, y0 + top)
    return x0, y0, min(WIDTH, x1 + left) - x0, min(HEIGHT - STRIP, y1 + top) - y0
