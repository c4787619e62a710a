"""Draws one individual of a shape as a small RGBA patch: pose, coat, and light on its form."""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFilter

from stowaway.demo.shapes import SHAPES

# texture: (grain along x and along y in px, contrast, raggedness of the outline)
TEXTURES = {
    "fur": (4, 0.4, 0.13, 0.7),
    "bristle": (3, 0.4, 0.22, 1.0),
    "feather": (2, 0.8, 0.08, 0.3),
    "scale": (0.6, 0.6, 0.20, 0.0),
    "cloth": (1, 1, 0.04, 0.0),
    "leaf": (1.5, 1.2, 0.30, 2.0),
    "bark": (0.6, 7, 0.20, 0.5),
    "stone": (1.2, 1.0, 0.14, 0.4),
}
TILE = 1536  # pixels; a patch may have two thirds of it


class Tube(NamedTuple):
    """A part of a shape: colour (3,) 0-255, relief 0-9, sway (2,) and nodes (n, 3) in lengths."""

    colour: NDArray
    relief: float
    sway: NDArray
    nodes: NDArray


@cache
def grain(texture: str) -> NDArray[np.float32]:
    """Noise (TILE, TILE), mean 0 and deviation 1, drawn out along the direction of the coat."""
    noise = np.random.default_rng(1).normal(128, 40, (TILE, TILE)).astype(np.uint8)
    blurred = Image.fromarray(noise).filter(ImageFilter.GaussianBlur(TEXTURES[texture][:2]))
    return (np.asarray(blurred, np.float32) - np.mean(blurred)) / np.std(blurred)


@cache
def parse(name: str) -> tuple[str, list[Tube], NDArray]:
    """Read a shape's table: its texture, its tubes from far to near, its eyes (n, 3)."""
    header, *rows = SHAPES[name].splitlines()
    far, middle, near, eyes = [], [], [], np.empty((0, 3))
    for row in rows:
        head, values = row.split("|") if "|" in row else ("eye", row.replace("eye", ""))
        word, *rest = head.split()
        v = np.array(values.split(), float)
        if word == "eye":
            eyes = v.reshape(-1, 3)
        elif word == "legs":
            colour, swing = rgb(rest[0]), float(rest[1])
            far, near = legs(colour * 0.65, 2, -swing, 0.1, v), legs(colour, 6.5, swing, 0, v)
        else:
            relief, *sway = map(float, rest)
            middle.append(Tube(rgb(word), relief, np.array(sway), v.reshape(-1, 3)))
    return header.split()[0], far + middle + near, eyes


def rgb(word: str) -> NDArray[np.float32]:
    """'#rrggbb' -> (3,), 0-255."""
    return np.array(ImageColor.getrgb(word), np.float32)


def legs(colour: NDArray, relief: float, swing: float, shift: float, v: NDArray) -> list[Tube]:
    """A hind and a front leg in opposite phase; `shift` (body lengths) moves the far pair."""
    limbs, (hind, front, hip, r) = [], v
    for x, bend, sign in ((hind, 0.12, 1), (front, -0.02, -1)):
        nodes = [(0, 1, 2 * r), (bend / 3, 0.6, 1.3 * r), (-bend / 2, 0.3, 0.8 * r)]
        nodes += [(0, 0.06, 0.75 * r), (0.06, 0.05, 0.7 * r)]
        nodes = np.array(nodes) * [1, hip, 1] + [x + shift, shift / 6, 0]
        limbs.append(Tube(colour, relief, np.array([sign * swing, 0]), nodes))
    return limbs


def curve(nodes: NDArray, steps: int = 5) -> NDArray:
    """Catmull-Rom curve through nodes (n, 3), `steps` points a span -> (m, 3)."""
    p = np.concatenate([nodes[:1], nodes, nodes[-1:]])
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    t = np.arange(steps)[:, None, None] / steps
    q = 2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * (b - c) + d - a) * t**3
    return np.concatenate([q.transpose(1, 0, 2).reshape(-1, 3) / 2, nodes[-1:]])


def stroke(pen: ImageDraw.ImageDraw, nodes: NDArray, fill: int) -> None:
    """Fill a tube given by pixel nodes (n, 3): a disc at each, a quadrangle between two of them."""
    across = np.diff(nodes[:, :2], axis=0)[:, ::-1] * [-1, 1]
    side = across / (np.hypot(*across.T)[:, None] + 1e-9)
    for (x, y, r), (u, v, s), (i, j) in zip(nodes, nodes[1:], side, strict=False):
        corners = [(x + i * r, y + j * r), (u + i * s, v + j * s)]
        pen.polygon([*corners, (u - i * s, v - j * s), (x - i * r, y - j * r)], fill)
        pen.circle((x, y), r, fill)
    pen.circle(tuple(nodes[-1, :2]), nodes[-1, 2], fill)


def draw(
    name: str, px: float, rng: np.random.Generator, phase: float, facing: int, glow: bool
) -> tuple[Image.Image, tuple[int, int]]:
    """Draw a shape with a body `px` pixels long -> an RGBA patch, and where (0, 0) lies in it.

    `rng` decides on the individual, `phase` (turns) on its step; `facing` is 1 (right) or -1.
    """
    texture, tubes, eyes = parse(name)
    contrast, ragged = TEXTURES[texture][2:]
    build = [facing * rng.uniform(0.82, 1), -rng.uniform(0.94, 1.06), 1]
    coat = np.exp(rng.normal(0, 0.08) + rng.normal(0, 0.015, 3))
    tilt, swing = rng.normal(0, 0.03), np.sin(2 * np.pi * (phase + rng.random()))

    def placed(nodes: NDArray, sway: NDArray) -> NDArray:
        """Body lengths -> pixels at twice the size, which is halved later for smooth edges."""
        shift = np.linspace(0, 1, len(nodes))[:, None] * sway * swing
        shift[:, 1] += tilt * nodes[:, 0]
        return curve(nodes + np.pad(shift, ((0, 0), (0, 1)))) * build * 2 * px

    curves = [placed(tube.nodes, tube.sway) for tube in tubes]
    x, y, r = np.concatenate(curves).T + [[0], [0], [6 + px / 16]]
    left, top = (x - r).min(), (y - r).min()
    ids = Image.new("L", (int((x + r).max() - left), int((y + r).max() - top)))
    pen = ImageDraw.Draw(ids)
    for i, nodes in enumerate(curves, 1):
        stroke(pen, nodes - [left, top, 0], i)

    def layer(values: list[float], radius: float) -> NDArray[np.float32]:
        """Give each part its value (the first one: the air), halve, blur by `radius` px."""
        image = ids.point(np.resize(np.clip(values, 0, 255), 256).astype(int).tolist()).reduce(2)
        return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float32)

    body = max(tubes, key=lambda tube: tube.nodes[:, 2].max())  # its colour bleeds into the air
    colours = np.array([tube.colour for tube in [body, *tubes]]) * coat
    relief = [0, *(70 + 14 * tube.relief for tube in tubes)]
    fine, broad = layer(relief, 0.006 * px + 0.4), layer(relief, 0.07 * px)
    corner = rng.integers(0, TILE // 3)
    hair = grain(texture)[corner:, corner:][: len(fine), : fine.shape[1]]
    shade = 0.62 + 0.0026 * broad + contrast * hair
    shade += np.gradient(fine, axis=0) * 0.00005 * px + np.gradient(broad, axis=0) * 0.0012 * px
    mask = layer([0] + [255] * len(tubes), 0.4 + 0.006 * px)
    edge = mask * (255 - mask) / 256  # 0 inside and outside: only the outline is ragged
    alpha = 2 * (mask + ragged * edge * hair) - 128
    planes = [layer(list(plane), 0.01 * px) * shade for plane in colours.T]
    patch = Image.fromarray(np.clip([*planes, alpha], 0, 255).astype(np.uint8).transpose(1, 2, 0))
    for eye in eyes:
        x, y, r = placed(eye[None], np.zeros(2))[0] - [left, top, 0]
        ids.paste(0, (0, 0, *ids.size))
        pen.circle((x, y), r * (1.4 if glow else 1.0) + 1, 255)
        patch.paste((250, 250, 250, 255) if glow else (16, 12, 10, 255), mask=ids.reduce(2))
    return patch, (round(-left / 2), round(-top / 2))
