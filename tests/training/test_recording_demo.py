"""The demo recording in the repository is whole, small, and its depth lies on its ground truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dphm_core.camera.rays import project
from dphm_core.evaluation.ground_truth import GroundTruth
from dphm_core.sources import open_source

DEMO = Path(__file__).resolve().parents[2] / "recordings" / "demo"


def test_demo_is_small_and_true() -> None:
    assert sum(file.stat().st_size for file in DEMO.rglob("*") if file.is_file()) < 12e6
    truth = GroundTruth.load(DEMO)
    with open_source(DEMO) as source:
        assert source.info.length == len(truth) == 75
        source.seek(30)
        frame = next(source)
    points = truth.vertices_cam(30)[truth.visible[30] & truth.face_vertices]
    columns, rows = np.rint(project(points, frame.intrinsics)).astype(int).T
    depth_m = frame.depth_m[rows, columns]
    assert (depth_m > 0).mean() > 0.9
    assert np.median(np.abs(depth_m - points[:, 2])[depth_m > 0]) < 0.0025
