"""A small saved track, and the frames it is of."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from saved_tracks import write_results

from dphm_core.output.saved_track import SavedTrack, load_saved_track

WIDTH, HEIGHT, FOCAL = 160, 120, 140.0


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> SavedTrack:
    return load_saved_track(write_results(tmp_path_factory.mktemp("saved")))


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames 0 to 7, each of one green that tells its number."""
    folder = tmp_path_factory.mktemp("green heads ö")
    for name in ("color", "depth"):
        (folder / name).mkdir()
    for index in range(8):
        cv2.imwrite(
            str(folder / f"color/{index:05d}.png"), np.full((HEIGHT, WIDTH, 3), (0, 20 + 20 * index, 0), np.uint8)
        )
        cv2.imwrite(str(folder / f"depth/{index:05d}.png"), np.full((HEIGHT, WIDTH), 600, np.uint16))
    camera = {"fx": FOCAL, "fy": FOCAL, "cx": (WIDTH - 1) / 2, "cy": (HEIGHT - 1) / 2}
    (folder / "calibration.json").write_text(json.dumps({"color": camera}))
    return folder
