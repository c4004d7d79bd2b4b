"""First poses from landmarks: MediaPipe's where they make a head, else PIPNet's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dphm_core.dataset.poses import FrameLandmarks, frame_pose, rigid_poses
from dphm_core.frames import Similarity
from dphm_core.heads.model import HeadModel, load_model
from dphm_core.landmarks.tables import ANCHOR_OF_WFLW


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_model("default")


def pose_at(angle: float, scale: float) -> Similarity:
    turn = Rotation.from_euler("xy", [180, angle], degrees=True).as_matrix()
    return Similarity(turn.astype(np.float32), np.array([0.02, -0.03, 0.6], np.float32), scale)


def pipnet_landmarks(model: HeadModel, pose: Similarity) -> FrameLandmarks:
    """What PIPNet and a depth image would tell of the mean head."""
    points = np.full((98, 3), np.nan, dtype=np.float32)
    points[list(ANCHOR_OF_WFLW)] = pose.to_camera(model.anchors(model.identity_mean)[list(ANCHOR_OF_WFLW.values())])
    return FrameLandmarks(None, points)


def test_pipnets_landmarks_give_the_pose(model: HeadModel) -> None:
    pose = pose_at(20, 1.05)
    found = frame_pose(model, pipnet_landmarks(model, pose))
    assert found is not None
    assert found.rotation == pytest.approx(pose.rotation, abs=1e-3)
    assert found.translation_m == pytest.approx(pose.translation_m, abs=1e-4)
    assert found.scale == pytest.approx(1.05, abs=1e-3)


def test_scattered_landmarks_give_none(model: HeadModel) -> None:
    points = np.random.default_rng(0).uniform(-0.2, 0.2, (478, 3)).astype(np.float32)
    assert frame_pose(model, FrameLandmarks(points, points[:98])) is None
    assert frame_pose(model, FrameLandmarks(None, None)) is None


def test_all_frames_have_one_scale_and_gaps_the_nearest_pose(model: HeadModel) -> None:
    scales = {1: 0.95, 4: 1.05, 5: 1.1}
    landmarks = {k: pipnet_landmarks(model, pose_at(5 * k, scale)) for k, scale in scales.items()}
    landmarks[3] = FrameLandmarks(None, None)
    poses, own = rigid_poses(model, landmarks, 7)
    assert poses.scale == pytest.approx(1.05, abs=1e-3)
    assert own.tolist() == [k in scales for k in range(7)]
    for index, nearest in enumerate((1, 1, 1, 4, 4, 5, 5)):
        assert (poses.at(index).rotation == poses.at(nearest).rotation).all()
        assert poses.rotation[index] == pytest.approx(pose_at(5 * nearest, 1).rotation, abs=1e-3)


def test_no_pose_at_all(model: HeadModel) -> None:
    poses, own = rigid_poses(model, {0: FrameLandmarks(None, None)}, 2)
    assert len(poses) == 0 and not own.any()
