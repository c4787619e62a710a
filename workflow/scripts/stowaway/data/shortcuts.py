"""What a crop tells about the camera and the box, and nothing about the animal."""

import numpy as np
from PIL import Image

SIDE = 64  # pixels: crops are measured where they are shrunk to 2 to 4 times as many
COLUMNS = "brightness contrast colourfulness area aspect bytes_per_pixel".split()


def measures(
    image: Image.Image, box: tuple[int, int], saved: tuple[int, int], file_bytes: int
) -> list[float]:
    """The measures of one crop, as in COLUMNS.

    Brightness and contrast are mean and standard deviation of grey, 0 to 255; colourfulness is that
    of Hasler and Suesstrunk 2003, 0 for infrared: all three of `image`, the crop in RGB, shrunk.
    Area in pixels and aspect, width / height, are the `box`'s in the photo; bytes per pixel are
    those of the file with the `saved` crop.
    """
    red, green, blue = (np.asarray(plane, np.float32) for plane in image.split())
    grey = (red + green + blue) / 3
    across, down = red - green, (red + green) / 2 - blue
    spread, middle = np.hypot(across.std(), down.std()), np.hypot(across.mean(), down.mean())
    width, height = box
    light = [float(value) for value in (grey.mean(), grey.std(), spread + 0.3 * middle)]
    return [*light, width * height, width / height, file_bytes / (saved[0] * saved[1])]
