"""A camera that is noisier than the calibration's: its noise is told from the depth, and excuses nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from demo_recording import DEMO

from dphm_core.evaluation.track_benchmark.spoil import MoreNoise
from dphm_core.frames import FloatArray, Observation, Similarity, TrackedFrame, TrackStatus
from dphm_core.landmarks.observe import Observer
from dphm_core.sources import open_source
from dphm_core.tracking.depth_noise import MOST_MORE_M, depth_noise, more_noise
from dphm_core.tracking.place import FACE_POINT
from dphm_core.tracking.shape_error import middle_mean
from dphm_core.tracking.tracker import HeadTracker
from dphm_core.tracking.trust import PATIENCE, frames_asked, residual_trust, stranger_limit_m

FRAMES = 12
OWN_M, OWN_SHAPE_M = 0.0006, 0.00015
POSE = Similarity(np.diag(np.float32([1, -1, -1])), np.float32([0, 0, 0.6]))


def bent(noise_m: float, wave_m: float = 0.0) -> FloatArray:
    """Points of something as round as a face, a millimetre apart, that waves over 60 mm."""
    line = np.arange(-0.07, 0.07, 0.001)
    x, y = (part.ravel() for part in np.meshgrid(line, line))
    middle_m = POSE.to_camera(np.float32([FACE_POINT]))[0, 2]
    z = middle_m + (x**2 + y**2) / (2 * 0.09) + wave_m * np.sin(x * (2 * np.pi / 0.06))
    noise = np.random.default_rng(0).normal(0, noise_m, len(x))
    return np.column_stack([x, y, z + noise]).astype(np.float32)


@pytest.mark.parametrize("noise_m", [0.0005, 0.001, 0.002])
def test_noise_is_told_from_the_depth_alone(noise_m: float) -> None:
    # Noise lies along z, and counts along the normals, from 0 to 48 degrees off it.
    assert 0.8 * noise_m < depth_noise(bent(noise_m), POSE) < 1.05 * noise_m


def test_a_shape_that_is_wrong_is_no_noise() -> None:
    assert depth_noise(bent(0.0), POSE) < 0.0001
    assert depth_noise(bent(0.001, wave_m=0.002), POSE) < 1.15 * depth_noise(bent(0.001), POSE)
    away = Similarity(POSE.rotation, POSE.translation_m + np.float32([0.015, 0.01, 0.01]))
    assert depth_noise(bent(0.001), away) == pytest.approx(depth_noise(bent(0.001), POSE), rel=0.1)


def test_few_points_tell_no_noise() -> None:
    few = bent(0.001)[::200]
    assert np.isnan(depth_noise(few, POSE)) and np.isnan(depth_noise(few[:0], POSE))
    assert more_noise(float("nan"), OWN_M) == 0


def test_only_noise_beyond_the_calibrations_counts_and_no_more_than_cameras_have() -> None:
    assert more_noise(1.2 * OWN_M, OWN_M) == 0
    assert more_noise(0.0021, OWN_M) == pytest.approx(0.00196, abs=1e-5)
    assert more_noise(0.02, OWN_M) == MOST_MORE_M


def test_more_noise_excuses_a_residual_but_not_strewn_points() -> None:
    assert residual_trust(0.0018, OWN_M) < 0.45
    assert residual_trust(0.0018, OWN_M, 0.002) > 0.6
    assert residual_trust(0.0025, OWN_M, MOST_MORE_M) == 0


def test_more_noise_excuses_less_of_a_shape_the_more_frames_show_it() -> None:
    limits = [stranger_limit_m(OWN_SHAPE_M, 0.002, frames) for frames in (1, 3, 9)]
    assert limits == sorted(limits, reverse=True)
    usual = stranger_limit_m(OWN_SHAPE_M)
    assert limits[0] > 1.3 * usual and limits[2] - usual < 0.3 * (limits[0] - usual)
    assert frames_asked(0) == PATIENCE < frames_asked(0.002)


def test_the_middle_of_some_numbers_knows_no_extremes() -> None:
    assert middle_mean(np.float32([2])) == 2
    assert middle_mean(np.float32([100, 1, 2])) == 2
    assert middle_mean(np.float32([6, 100, 0, 3, 4, 3, 5])) == 4


@pytest.fixture(scope="module")
def noisy() -> list[Observation]:
    """The demo recording as a camera with three times the noise sees it."""
    spoil, seen = MoreNoise(3), []
    with open_source(DEMO) as source, Observer() as observer:
        for frame in source:
            seen.append(observer.observe(spoil(frame)))
            if len(seen) == FRAMES:
                break
    return seen


@pytest.fixture
def known(first_pass: tuple[HeadTracker, list[TrackedFrame]]) -> HeadTracker:
    """A tracker that knows the subject from the recording as it is."""
    tracker, _ = first_pass
    assert tracker.known is not None
    again = HeadTracker(tracker.model, tracker.config)
    again.use_subject(tracker.known)
    again.settle()
    return again


def test_a_known_subject_is_followed_by_a_camera_three_times_as_noisy(
    known: HeadTracker, noisy: list[Observation]
) -> None:
    tracked = [known.track(observation) for observation in noisy]
    assert {frame.status for frame in tracked} == {TrackStatus.TRACKING}
    assert all(frame.confidence > 0.5 for frame in tracked)


@pytest.mark.parametrize("scale", [(1.12, 0.97, 0.85), (1.06, 0.98, 0.93), (1.1, 1.0, 1.0)])
def test_another_person_is_not_taken_for_the_subject_by_it(
    known: HeadTracker, noisy: list[Observation], scale: tuple[float, float, float]
) -> None:
    subject = known.track(noisy[0]).head_to_cam
    assert subject is not None
    known.restart()

    def other(points: FloatArray) -> FloatArray:
        """Somebody with a wider, or a flatter face as well."""
        return subject.to_camera(subject.to_head(points) * np.float32(scale))

    for observation in noisy:
        assert observation.landmarks is not None
        landmarks = replace(observation.landmarks, points_cam=other(observation.landmarks.points_cam))
        stranger = replace(observation, points_cam=other(observation.points_cam), landmarks=landmarks)
        assert known.track(stranger).status is not TrackStatus.TRACKING


def test_a_hand_before_the_face_is_told_by_it(known: HeadTracker, noisy: list[Observation]) -> None:
    poses = [known.track(observation).head_to_cam for observation in noisy[:6]]
    rng, lost = np.random.default_rng(0), 0
    for pose, observation in zip(poses[3:], noisy[3:6], strict=True):
        assert pose is not None
        points, off = observation.points_cam.copy(), observation.points_cam - pose.translation_m
        over = (off[:, :2] ** 2).sum(axis=1) < 0.09**2
        palm_m = pose.translation_m[2] - 0.17 + (off[over, :2] ** 2).sum(axis=1) * 3
        points[over, 2] = palm_m + rng.normal(0, 0.002, int(over.sum()))
        lost += known.track(replace(observation, points_cam=points, landmarks=None)).status is TrackStatus.LOST
    assert lost == 3
