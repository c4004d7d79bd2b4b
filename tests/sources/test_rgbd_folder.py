"""Open3D-style folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from folder_recordings import HEIGHT, WIDTH, color_image, depth_image, make_recording

from dphm_core.errors import SourceError
from dphm_core.sources import open_source

MATRIX = [30.0, 0, 0, 0, 31.0, 0, 15.5, 11.0, 1]


def make_folder(folder: Path, name: str = "camera_intrinsic.json", **fields: object) -> Path:
    make_recording(folder)
    (folder / "calibration.json").unlink()
    content = {"width": WIDTH, "height": HEIGHT, "intrinsic_matrix": MATRIX} | fields
    (folder / name).write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize("name", ["camera_intrinsic.json", "intrinsic.json"])
def test_frames_of_a_recorders_folder(tmp_path: Path, name: str) -> None:
    with open_source(make_folder(tmp_path, name)) as source:
        assert source.info.kind == "rgbd folder"
        camera = source.info.intrinsics
        assert (camera.fx, camera.fy, camera.cx, camera.cy) == (30, 31, 15.5, 11)
        assert not camera.distorted
        source.seek(2)
        frame = next(source)
    assert frame.index == 2
    assert frame.timestamp_s == pytest.approx(2 / 30)
    np.testing.assert_array_equal(frame.color, color_image(2))
    np.testing.assert_allclose(frame.depth_m, depth_image(2) / 1000, rtol=1e-6)


def test_a_depth_scale_and_a_rate_are_taken(tmp_path: Path) -> None:
    with open_source(make_folder(tmp_path, depth_scale=500.0, fps=15.0)) as source:
        assert source.info.fps == 15
        assert next(source).depth_m[5, 5] == pytest.approx(1.0)


def test_a_calibration_of_this_projects_own_comes_first(tmp_path: Path) -> None:
    make_folder(tmp_path)
    make_recording(tmp_path)
    with open_source(tmp_path) as source:
        assert source.info.intrinsics.distorted


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"width": 640}, "is for images of 640x24, but these are 32x24"),
        ({"intrinsic_matrix": np.reshape(MATRIX, (3, 3)).T.ravel().tolist()}, "transpose it"),
        ({"intrinsic_matrix": MATRIX[:8]}, "nine numbers"),
        ({"intrinsic_matrix": "eye"}, "nine numbers"),
        ({"intrinsic_matrix": [float("nan"), *MATRIX[1:]]}, "must lie between"),
        ({"intrinsic_matrix": [30, 0, 0, 0, 31, 0, 900, 11, 1]}, "cannot be for images of 32x24"),
        ({"intrinsic_matrix": [-30, 0, 0, 0, 31, 0, 15, 11, 1]}, "cannot be for images of 32x24"),
        ({"depth_scale": 0}, "'depth_scale' is 0"),
    ],
)
def test_absurd_intrinsics_are_told(tmp_path: Path, fields: dict[str, object], complaint: str) -> None:
    with pytest.raises(SourceError, match=complaint):
        open_source(make_folder(tmp_path, **fields))
