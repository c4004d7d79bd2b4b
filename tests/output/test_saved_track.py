"""A results folder read again: the same meshes, quickly, and clear refusals of what cannot be shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from batch_parts import RedObserver
from saved_tracks import LATER_ANGLE, LATER_MORE, SCALE, WEIGHTS, pose, write_results
from tiny_models import MODES, NAMES, write_tiny_model

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.errors import DataError
from dphm_core.frames import RGBDFrame, TrackStatus
from dphm_core.heads.model import load_model
from dphm_core.output.saved_track import NOT_TRACKED, PlainObserver, SavedTracker, load_saved_track
from dphm_core.tracking.subject_file import KnownSubject, model_fingerprint, save_subject

CAMERA = Intrinsics(width=48, height=32, fx=60, fy=60, cx=24, cy=16)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder of three frames, as a run would write it."""
    return write_results(tmp_path)


def frame(index: int) -> RGBDFrame:
    color = np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8)
    return RGBDFrame(index, index / 30, color, np.ones((CAMERA.height, CAMERA.width), np.float32), CAMERA)


def test_rows_have_their_meshes_and_untracked_ones_none(results: Path) -> None:
    saved = load_saved_track(results)
    assert [saved.row_of(index) for index in (0, 3, 4, 5, 7, 8)] == [None, 0, 1, None, 2, None]
    assert [saved.tracked(row) for row in range(3)] == [True, False, True]
    assert saved.vertices_cam(1) is None
    assert saved.vertices_head(1) is None
    template = saved.subject.model.template
    assert template is not None
    moved = np.full(len(NAMES), LATER_MORE, np.float32) @ template.expression_basis.reshape(len(NAMES), -1)
    first, last = saved.vertices_head(0), saved.vertices_head(2)
    np.testing.assert_allclose(last - first, moved.reshape(-1, 3), atol=1e-6)
    np.testing.assert_allclose(saved.vertices_cam(2), pose(LATER_ANGLE).to_camera(last), atol=1e-6)
    assert saved.faces.shape == (8, 3)


def test_the_tracker_answers_from_the_track(results: Path) -> None:
    tracker, observer = SavedTracker(load_saved_track(results)), PlainObserver()
    shown = tracker.track(observer.observe(frame(3)))
    assert (shown.status, shown.reason) == (TrackStatus.TRACKING, "follows")
    assert shown.confidence == pytest.approx(0.9)
    assert shown.residual_mm == pytest.approx(0.7)
    np.testing.assert_array_equal(shown.expression_code, WEIGHTS)
    np.testing.assert_array_equal(shown.head_to_cam.translation_m, pose(0.0).translation_m)
    np.testing.assert_array_equal(shown.vertices_cam, tracker.saved.vertices_cam(0))
    np.testing.assert_allclose(shown.observation.landmarks.pixels[0], [84, 76])  # 60 · 0.5 / 0.5 beside the middle
    assert tracker.track(observer.observe(frame(3))).vertices_cam is shown.vertices_cam  # kept: it is asked for often
    lost = tracker.track(observer.observe(frame(4)))
    assert (lost.status, lost.reason, lost.vertices_cam) == (TrackStatus.LOST, "no face, or two", None)
    missing = tracker.track(observer.observe(frame(5)))
    assert (missing.status, missing.reason, missing.vertices_cam) == (TrackStatus.SEARCHING, NOT_TRACKED, None)


def no_subject(folder: Path) -> None:
    (folder / "subject.safetensors").unlink()


def no_track(folder: Path) -> None:
    (folder / "track.npz").unlink()


def damaged_subject(folder: Path) -> None:
    (folder / "subject.safetensors").write_bytes(b"not at all")


def no_report(folder: Path) -> None:
    (folder / "report.json").unlink()


def report_of_nothing(folder: Path) -> None:
    (folder / "report.json").write_text("{}")


def report_of_a_model_that_is_gone(folder: Path) -> None:
    (folder / "report.json").write_text('{"model": "gone"}')


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (no_subject, r"has no subject.safetensors, .* track the recording again"),
        (no_track, r"holds no track .* `dphm track`"),
        (damaged_subject, r"cannot be used .*; track the recording again"),
        (no_report, r"report.json cannot be read .* track the recording again"),
        (report_of_nothing, r"report.json does not tell the head model"),
        (report_of_a_model_that_is_gone, r"head model that is not here: no head model 'gone'"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_the_cure(
    results: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    spoil(results)
    with pytest.raises(DataError, match=reason):
        load_saved_track(results)


def test_the_subject_of_another_run_or_model_is_refused(results: Path, tmp_path: Path) -> None:
    other = write_tiny_model(tmp_path / "other")
    with pytest.raises(DataError, match="another model"):
        load_saved_track(results, str(other))
    model = load_model(tmp_path / "small")
    stranger = KnownSubject(np.ones(MODES, np.float32), SCALE, 6e-4, 2e-4, "small", model_fingerprint(model))
    save_subject(stranger, results / "subject.safetensors")
    with pytest.raises(DataError, match="are not of one run"):
        load_saved_track(results)


def test_the_plain_observer_passes_on_what_a_real_one_would_look_at() -> None:
    seen, plain = RedObserver().observe(frame(0)), PlainObserver().observe(frame(0))
    assert plain.landmarks is None
    assert plain.points_cam.shape == (0, 3)
    assert replace(plain, frame=seen.frame).frame is seen.frame
