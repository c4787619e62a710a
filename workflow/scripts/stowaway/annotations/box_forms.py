"""What the numbers of boxes are (pixels, corners, shares), and how far boxes leave their photos."""

import math
from dataclasses import dataclass, field

from stowaway.core.names import shown
from stowaway.core.script import BadInput

FAR = 5  # pixels over the edge, which no rounding explains
NEARLY_ALL, MANY = 0.95, 0.05  # shares of the boxes
RELATIVE = ("relative", "bbox_relative")  # the forms that are shares of the photo
ENOUGH = 20  # boxes of which none reaches far into its photo by chance
ROUNDED = 0.01  # share of the photo by which rounding moves such a box's edge at most


@dataclass
class Scale:
    """Whether boxes of large photos are per cent or per mille of these: how far they reach.

    All reach within 0..`limit`, and the farthest reach `near`, (the less, the more), in the two
    directions. Only photos with sides over `sides`, (the shorter, the longer), in pixels count.
    """

    name: str
    limit: int
    near: tuple[int, int]
    sides: tuple[int, int]
    boxes: int = 0
    right: float = 0
    bottom: float = 0
    example: str = ""

    def count(self, row: dict, right: float, bottom: float) -> None:
        """Count a box that reaches so far; infinitely far if it cannot be of the form in mind."""
        width, height = row["width"], row["height"]
        if min(width, height) > self.sides[0] and max(width, height) > self.sides[1]:
            self.boxes += 1
            self.right, self.bottom = max(self.right, right), max(self.bottom, bottom)
            self.example = self.example or f"{_example(row)} on a photo of {width} x {height}"

    def fits(self) -> bool:
        """Whether no honest pixels look like that."""
        less, more = sorted((self.right, self.bottom))
        near = less >= self.near[0] and more >= self.near[1] and more <= 1.01 * self.limit
        return near and self.boxes >= ENOUGH


def _scales() -> tuple[Scale, Scale]:
    return (
        Scale("per cent", 100, (25, 50), (200, 200)),
        Scale("per mille", 1000, (990, 990), (1000, 1200)),
    )


@dataclass
class FormCheck:
    """Whether boxes are of the `form` they are taken for: None, images.box or "bbox_relative".

    `shares` are boxes whose numbers all lie within 0..1; of the boxes of photos with a size (the
    `sized`), `beyond` leave the photo by over 5 px, and `corners` would fit it as x1, y1, x2, y2.
    Empty boxes, and those declared to be pixels, are not counted.
    """

    form: str | None
    boxes: int = 0
    shares: int = 0
    sized: int = 0
    beyond: int = 0
    corners: int = 0
    share_example: str = ""
    beyond_example: str = ""
    scales: tuple[Scale, ...] = field(default_factory=_scales)
    corner_scales: tuple[Scale, ...] = field(default_factory=_scales)

    def in_pixels(self, row: dict) -> tuple[float, float, float, float] | str:
        """Count the row's box; returns x, y, width, height in pixels, or why it has none."""
        x, y, w, h = box = tuple(row[side] for side in "xywh")
        width, height = row["width"], row["height"]
        if self.form in RELATIVE:
            if not (width and height):
                return "relative box, and the image's size is unknown"
            box = x * width, y * height, w * width, h * height
        elif self.form == "corners":
            box = x, y, w - x, h - y
        if self.form == "pixels" or w <= 0 or h <= 0:
            return box
        self.boxes += 1
        if all(-0.01 <= number <= 1.01 for number in (x, y, w, h)):
            self.shares += 1
            self.share_example = self.share_example or _example(row)
            if self.form not in RELATIVE:
                return "box lies within one pixel: are its numbers shares of the photo?"
        if width and height:
            self.sized += 1
            self.corners += x < w and y < h and overshoot(0, 0, w, h, width, height) <= FAR
            if self.form not in RELATIVE:
                for scale, of_corners in zip(self.scales, self.corner_scales, strict=True):
                    scale.count(row, box[0] + box[2], box[1] + box[3])
                    of_corners.count(row, w if x < w else math.inf, h if y < h else math.inf)
            # shares of two decimals leave a large photo by more than pixels do
            far = max(FAR, (self.form in RELATIVE) * ROUNDED * max(width, height))
            if overshoot(*box, width, height) > far:
                self.beyond += 1
                size = f" on a photo of {width} x {height}"
                self.beyond_example = self.beyond_example or _example(row) + size
        return box

    def raise_if_unlike_form(self) -> None:
        """Raise `BadInput` where the boxes look like another form.

        So it is where nearly all pixels are shares, where none reaches beyond 100 or 1,000 in large
        photos, and where many boxes leave their photos.
        """
        but = {None: "", "bbox_relative": "bbox_relative: "}.get(
            self.form, f"images.box is {self.form}, but "
        )
        if self.form not in RELATIVE and self.shares and self.shares >= NEARLY_ALL * self.boxes:
            ask = (
                "set images.box to relative if they are shares of the photo (x, y, width, height), "
                "or to pixels if they are not"
            )
            if self.form:
                ask = (
                    "corners as shares of the photo are not read: convert them to x, y, width, "
                    "height and set images.box to relative"
                )
            raise BadInput(
                f"coco: {but}{self.shares:,} of {self.boxes:,} boxes lie within 0..1, as "
                f"{self.share_example}: {ask}"
            )
        for scale in (*self.scales, *self.corner_scales):
            if scale.fits():
                convert = "convert them to x, y, width, height and " * bool(self.form)
                raise BadInput(
                    f"coco: {but}all {scale.boxes:,} boxes on photos over {scale.sides[1]:,} px lie"
                    f" within 0..{scale.limit:,}, as {scale.example}: if they are {scale.name} of "
                    f"the photo, convert them to shares (x, y, width, height) and set images.box to"
                    f" relative; if they are pixels, {convert}set it to pixels"
                )
        if self.beyond < 2 or self.beyond <= MANY * self.sized:
            return
        ask = "width and height may be of another copy of the photos: mend them, or "
        if self.form == "relative" and self.shares <= MANY * self.boxes:
            ask = "are they pixels? Then set images.box to pixels, or to corners (x1, y1, x2, y2)"
        elif self.form in RELATIVE:
            ask = (
                "are they corners, or centre, width, height? Neither is read as shares: convert "
                "them to shares x, y, width, height within the photo"
            )
        elif self.form:
            ask += "convert the boxes to x, y, width, height and set images.box to pixels"
        elif self.corners >= NEARLY_ALL * self.sized:
            ask = (
                "are they corners (x1, y1, x2, y2)? Then set images.box to corners, or to pixels to"
                " clip them"
            )
        else:
            ask += "set images.box to pixels to clip them"
        raise BadInput(
            f"coco: {but}{self.beyond:,} of {self.sized:,} boxes leave their photo by over {FAR} "
            f"px, as {self.beyond_example}; {ask}"
        )


def _example(row: dict) -> str:
    numbers = ", ".join(f"{row[side]:g}" for side in "xywh")
    return f"[{numbers}] of annotation {shown(row['id'])}"


def overshoot(
    x: float, y: float, w: float, h: float, width: int | None, height: int | None
) -> float:
    """By how many pixels the box leaves the frame, on the side where it is most."""
    return max(-x, -y, x + w - (width or math.inf), y + h - (height or math.inf))
