"""Boxes of annotations in the pixels of an actual photo."""

Box = tuple[int, int, int, int]  # x, y, width, height in pixels


class Unusable(Exception):
    """The image or the box cannot be cropped; the message says why."""


def fit_box(box: Box, listed: tuple[int, int] | None, actual: tuple[int, int]) -> Box:
    """The box in the pixels of the actual image.

    A copy of another resolution scales the box; other proportions than listed cannot be trusted.
    """
    x, y, w, h = box
    width, height = actual
    if listed and listed != actual:
        across, down = width / listed[0], height / listed[1]
        if abs(across / down - 1) > 0.02:
            raise Unusable(
                "image has other proportions than the annotations say: "
                f"{width} x {height}, not {listed[0]} x {listed[1]}"
            )
        x, w, y, h = x * across, w * across, y * down, h * down
    left, top = max(0, round(x)), max(0, round(y))
    right, bottom = min(width, round(x + w)), min(height, round(y + h))
    if right <= left or bottom <= top:
        raise Unusable("box is outside the image")
    return left, top, right - left, bottom - top
