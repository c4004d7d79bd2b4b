"""Which frames are kept to work a head out from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytorch3d.transforms import euler_angles_to_matrix

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.frames import FaceLandmarks, Observation, RGBDFrame, Similarity
from dphm_core.landmarks import BLENDSHAPE_NAMES
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.initial_pose import pitch_rad, yaw_rad
from dphm_core.tracking.keyframes import MAX_KEPT, MAX_POINTS, Keyframe, KeyframePool, spread_views

CAMERA = Intrinsics(width=8, height=6, fx=8, fy=8, cx=4, cy=3)
FACING = np.diag([1.0, -1.0, -1.0])


def keyframe(
    yaw_deg: float = 0.0, pitch_deg: float = 0.0, jaw: float = 0.0, trust: float = 1.0, index: int = 0, points: int = 4,
    before: Keyframe | None = None, shift_m: float = 0.0,
) -> Keyframe:  # fmt: skip
    angles = torch.deg2rad(torch.tensor([pitch_deg, yaw_deg, 0.0], dtype=torch.float64))
    rotation = (FACING @ euler_angles_to_matrix(angles, "XYZ").numpy()).astype(np.float32)
    pose = Similarity(rotation, np.array([shift_m, 0, 0.6], np.float32))
    scores = np.zeros(52, np.float32)
    scores[BLENDSHAPE_NAMES.index("jawOpen")] = jaw
    landmarks = FaceLandmarks(np.zeros((478, 2), np.float32), np.zeros((478, 3), np.float32), scores)
    color = np.zeros((6, 8, 3), np.uint8)
    frame = RGBDFrame(index, index / 30, color, np.ones((6, 8), np.float32), CAMERA)
    face = np.tile(pose.to_camera(np.array([[0, 0, 0.2]], np.float32)), (points, 1))
    face[-1] += 1.0  # somewhere in the room
    observation = Observation(frame, face, np.zeros_like(face), landmarks)
    return Keyframe.of(observation, FitState.at_rest(pose, 3), trust, before)


def turn_deg(frame: Keyframe) -> tuple[int, int]:
    pose = frame.state.head_to_cam
    return round(abs(np.degrees(yaw_rad(pose)))), round(abs(np.degrees(pitch_rad(pose))))


def test_yaw_and_pitch_are_told_apart() -> None:
    assert turn_deg(keyframe(yaw_deg=20)) == (20, 0)
    assert turn_deg(keyframe(pitch_deg=12)) == (0, 12)


def test_the_first_is_the_most_restful_and_the_next_the_most_different() -> None:
    frames = [keyframe(yaw_deg=30), keyframe(jaw=0.9), keyframe(), keyframe(yaw_deg=2), keyframe(pitch_deg=-20)]
    chosen = spread_views(frames, 4)
    assert chosen[0] is frames[2]
    assert {id(frame) for frame in chosen[1:]} == {id(frames[k]) for k in (0, 1, 4)}
    assert len(spread_views(frames, 99)) == len(frames)


def test_of_two_like_views_the_better_seen_is_taken() -> None:
    blurred, sharp = keyframe(yaw_deg=30, trust=0.3), keyframe(yaw_deg=29)
    assert spread_views([keyframe(), blurred, sharp], 2)[1] is sharp


def test_fast_motion_counts_as_badly_seen() -> None:
    first = keyframe()
    assert keyframe(index=1, before=first).quality == 1
    assert keyframe(index=1, before=first, shift_m=0.03).quality < 0.3
    assert keyframe(index=1, before=first, yaw_deg=8).quality < 0.3


def test_the_pool_keeps_one_frame_per_view_and_so_many_at_most() -> None:
    pool = KeyframePool([keyframe()])
    pool.offer(keyframe(yaw_deg=2, trust=0.5))
    assert (len(pool.frames), pool.new_views, pool.frames[0].quality) == (1, 0, 1)
    pool.offer(keyframe(yaw_deg=30, trust=0.5))
    pool.offer(keyframe(yaw_deg=31))
    assert (len(pool.frames), pool.new_views, pool.frames[1].quality) == (2, 1, 1)
    for yaw in range(-60, 61, 15):
        for pitch in range(-45, 46, 15):
            pool.offer(keyframe(yaw_deg=yaw, pitch_deg=pitch))
    assert len(pool.frames) == MAX_KEPT


def test_what_is_kept_is_small() -> None:
    pool = KeyframePool()
    pool.offer(keyframe(points=3 * MAX_POINTS))
    kept = pool.frames[0].observation
    assert kept.frame.color is None and kept.frame.depth_m.size == 0
    assert 0 < len(kept.points_cam) == len(kept.normals_cam) <= MAX_POINTS
    assert np.ptp(kept.points_cam, axis=0).max() < 0.01


@pytest.mark.parametrize("replaced", [False, True])
def test_better_states_come_in_unless_the_frame_was_replaced(replaced: bool) -> None:
    pool = KeyframePool()
    pool.offer(keyframe(trust=0.5))
    (old,) = pool.frames
    if replaced:
        pool.offer(keyframe())
    better = Keyframe(old.observation, old.state.at_scale(1.1), old.quality, old.view)
    pool.update([better])
    assert (pool.frames[0] is better) is not replaced
