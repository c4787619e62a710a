"""Crops and their points in each space, as one file of plain arrays (.npz)."""

from pathlib import Path

import numpy as np
import pandas as pd

from stowaway.core.files import read_arrays, replacing


def save_points(path: Path, crops: pd.DataFrame, points: dict[str, np.ndarray]) -> None:
    """Write the text columns of `crops` (n rows) and their points (n, dimensions) by space."""
    columns = {name: crops[name].to_numpy(str) for name in crops}
    with replacing(path, "wb") as file:
        np.savez(file, **columns, **points)


def load_points(path: Path) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """The crops and their points by space, as `save_points` took them."""
    arrays = read_arrays(path, finite=True, one_length=True)
    crops = pd.DataFrame({name: array for name, array in arrays.items() if array.ndim == 1})
    return crops, {space: array for space, array in arrays.items() if array.ndim == 2}
