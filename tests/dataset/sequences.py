"""Small sequences in DPHM-Kinect's layout, made of the demo recording's frames."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

REPO = Path(__file__).resolve().parents[2]
DEMO = REPO / "recordings" / "demo"


def make_sequence(folder: Path, indices: Iterable[int], faceless: Iterable[int] = ()) -> Path:
    """Take frames of the demo; those of `faceless` get a grey image in place of their own."""
    for name in ("color", "depth"):
        (folder / name).mkdir(parents=True)
        for index in indices:
            shutil.copy(DEMO / name / f"{index:05d}.png", folder / name)
    shutil.copy(DEMO / "calibration.json", folder)
    for index in faceless:
        path = folder / "color" / f"{index:05d}.png"
        cv2.imwrite(str(path), np.full_like(cv2.imread(str(path)), 128))
    return folder


def save_array(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)


def contents(folder: Path) -> dict[str, bytes]:
    """Everything in a folder, by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
