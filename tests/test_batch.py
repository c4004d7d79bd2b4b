"""A whole recording into a folder: what is written, when, and what is left where something fails."""

from __future__ import annotations

import json
import signal
import threading
from _thread import interrupt_main
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

import cv2
import numpy as np
import pytest
import trimesh
from batch_parts import (
    FACES,
    POSE,
    VERTICES,
    BusyTracker,
    RedObserver,
    RefiningTracker,
    RelearningTracker,
    ScriptedTracker,
    breaking_after,
    record,
    stages,
)

from dphm_core.batch import make_stages, track_recording
from dphm_core.errors import CalibrationError, Cancelled, OutputError, SourceError
from dphm_core.evaluation.evaluate import evaluate
from dphm_core.evaluation.track_folder import TrackFolder
from dphm_core.frames import Observation, RGBDFrame, TrackedFrame
from dphm_core.jobs import Job
from dphm_core.output.lead_in import REASON
from dphm_core.output.options import BatchOptions
from dphm_core.output.saved_track import load_saved_track
from dphm_core.output.track_file import load_track
from dphm_core.sources.selection import Selection
from dphm_core.tracking.subject_file import load_subject

REPO = Path(__file__).resolve().parent.parent


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def meshes(folder: Path) -> list[int]:
    return sorted(int(path.stem) for path in (folder / "meshes").iterdir())


def test_every_frame_with_a_face_gets_a_mesh_also_those_before_the_calibration(tmp_path: Path) -> None:
    faces = [False, True, True, False, True, True, True, False, True, True]
    tracker = ScriptedTracker()
    seen: list[tuple[int, int | None]] = []
    report = track_recording(
        stages(record(tmp_path / "rec", faces), tracker),
        tmp_path / "out",
        on_frame=lambda tracked, expected: seen.append((tracked.index, expected)),
    )
    expected = [index for index, face in enumerate(faces) if face]
    names = [f"meshes/{index:05d}.ply" for index in expected]
    assert files(tmp_path / "out") == sorted(
        [*names, "contact_sheet.png", "report.json", "subject.safetensors", "track.npz"]
    )
    # in order: first those before the calibration, then the rest, then backwards what came before the first face
    assert tracker.tracked == [*range(10), 0]
    assert tracker.restarts == 1
    assert tracker.images_seen == 0  # let go before the calibration, which would keep many
    assert seen == [(index, 10) for index in range(10)]
    assert (report["frames"], report["tracked"]) == (10, 7)


def test_meshes_are_in_the_camera_frame_with_the_same_faces(tmp_path: Path) -> None:
    track_recording(stages(record(tmp_path / "rec", [True] * 5)), tmp_path / "out")
    for index in range(5):
        mesh = trimesh.load_mesh(tmp_path / "out" / "meshes" / f"{index:05d}.ply", process=False)
        head = VERTICES - np.float32([0, index / 100, 0])
        assert np.abs(mesh.vertices - POSE.to_camera(head)).max() < 1e-6
        assert (mesh.faces == FACES).all()


def test_the_track_has_a_row_per_frame_and_nan_where_nothing_was_tracked(tmp_path: Path) -> None:
    track_recording(stages(record(tmp_path / "rec", [True, True, False, True, True])), tmp_path / "out")
    with np.load(tmp_path / "out" / "track.npz", allow_pickle=False) as arrays:
        assert arrays["frame_index"].tolist() == [0, 1, 2, 3, 4]
        assert np.allclose(arrays["timestamp_s"], np.arange(5) / 30)
        assert arrays["status"].tolist() == ["tracking", "tracking", "lost", "tracking", "tracking"]
        assert arrays["rotation"].shape == (5, 3, 3)
        assert np.allclose(arrays["rotation"][4], POSE.rotation)
        assert np.allclose(arrays["translation_m"][0], POSE.translation_m)
        assert arrays["scale"] == 1.25
        assert arrays["identity_code"].tolist() == [0, 1, 2, 3, 4]
        assert np.allclose(arrays["expression_codes"][[0, 1, 3, 4], 0], [0, 0.01, 0.03, 0.04])
        assert arrays["expression_names"].tolist() == ["jawOpen", "smile"]
        assert arrays["residual_mm"][[0, 1, 3, 4]].tolist() == [0, 1, 3, 4]
        for name in ("rotation", "translation_m", "expression_codes", "residual_mm", "landmarks_cam"):
            assert np.isnan(arrays[name][2]).all(), name
        landmarks = arrays["landmarks_cam"]
    assert landmarks.shape == (5, 478, 3)
    assert np.flatnonzero(np.isfinite(landmarks[4]).all(axis=1)).tolist() == [7]
    mesh = trimesh.load_mesh(tmp_path / "out" / "meshes" / "00004.ply", process=False)
    assert np.allclose(landmarks[4, 7], mesh.vertices[2])


def test_meshes_can_be_left_out(tmp_path: Path) -> None:
    out, recording = tmp_path / "out", record(tmp_path / "rec", [True, True, False, True, True])
    track_recording(stages(recording), out)
    with_meshes = load_track(out / "track.npz")
    report = track_recording(stages(recording), out, BatchOptions(meshes=False, contact_sheet=False, overwrite=True))
    assert files(out) == ["report.json", "subject.safetensors", "track.npz"]
    assert report["tracked"] == 4
    assert report["frames_per_second"] > 0
    np.testing.assert_array_equal(load_track(out / "track.npz").landmarks_cam, with_meshes.landmarks_cam)


def test_landmarks_of_a_model_without_a_template_are_the_detected_ones(tmp_path: Path) -> None:
    parts = stages(record(tmp_path / "rec", [True] * 4), ScriptedTracker(template=False))
    track_recording(parts, tmp_path / "out", BatchOptions(contact_sheet=False))
    assert (load_track(tmp_path / "out" / "track.npz").landmarks_cam == 0.5).all()


def test_the_report_says_how_fast_and_how_well(tmp_path: Path) -> None:
    report = track_recording(stages(record(tmp_path / "rec", [True] * 20)), tmp_path / "out")
    assert report == json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["model"], report["source"], report["frames"], report["tracked"]) == ("scripted", "rec", 20, 20)
    assert (report["interrupted"], report["damaged_frames"]) == (False, 0)
    assert report["residual_mm"] == pytest.approx(9.5)
    assert report["calibration_s"] == 1.5
    assert report["latency_ms"] == {"median": 15.0, "p95": 15.0}
    stages_ms = report["stages_ms"]
    assert stages_ms.keys() == {"decode", "observe", "landmarks", "solve", "mesh", "write"}
    assert stages_ms["solve"] == {"median": 8.0, "p95": 8.0}
    assert 0 < stages_ms["write"]["median"] < 1000
    assert 0 < stages_ms["decode"]["median"] < 1000
    assert report["frames_per_second_measured"]
    assert 1 < report["frames_per_second"] < 10_000
    assert not report["pipeline_measured"]
    assert report["pipeline_frames_per_second"] == pytest.approx(1 / 0.009, rel=1e-3)  # the slower of 6 and 9 ms
    assert report["machine"].keys() >= {"cpu", "cores", "python", "torch"}
    assert 20 < report["peak_memory_mb"] < 100_000
    assert 0 < report["wall_s"] < 60


def test_a_short_recording_is_calibrated_at_its_end(tmp_path: Path) -> None:
    report = track_recording(stages(record(tmp_path / "rec", [False, True, True])), tmp_path / "out")
    assert meshes(tmp_path / "out") == [1, 2]
    assert (report["frames"], report["tracked"]) == (3, 2)
    assert not report["frames_per_second_measured"]
    assert report["frames_per_second"] > 0


def test_the_pipelines_own_rate_can_be_measured(tmp_path: Path) -> None:
    parts = stages(record(tmp_path / "rec", [True] * 30))
    report = track_recording(parts, tmp_path / "out", BatchOptions(benchmark=True))
    assert report["pipeline_measured"]
    assert 1 < report["pipeline_frames_per_second"] < 1e6


def test_ctrl_c_ends_that_measurement_and_keeps_the_results(tmp_path: Path) -> None:
    made = 0

    class Interrupted(RedObserver):
        """The second one is the measurement's."""

        def __init__(self) -> None:
            nonlocal made
            made += 1
            self._nth, self._seen = made, 0

        def observe(self, frame: RGBDFrame) -> Observation:
            self._seen += 1
            if self._nth == 2 and self._seen == 5:
                interrupt_main()
                sleep(1.0)  # until it is heard
            return super().observe(frame)

    parts = replace(stages(record(tmp_path / "rec", [True] * 60)), observer=Interrupted)
    report = track_recording(parts, tmp_path / "out", BatchOptions(benchmark=True, contact_sheet=False))
    assert not report["pipeline_measured"]
    assert (report["tracked"], report["interrupted"]) == (60, False)
    assert "report.json" in files(tmp_path / "out")


def test_part_of_a_recording_in_another_format(tmp_path: Path) -> None:
    parts = stages(record(tmp_path / "rec", [True] * 20), selection=Selection(start=3, stop=16, every=4))
    report = track_recording(parts, tmp_path / "out", BatchOptions(format="obj"))
    assert files(tmp_path / "out" / "meshes") == ["00003.obj", "00007.obj", "00011.obj", "00015.obj"]
    assert report["frames"] == 4


def test_without_a_face_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="no face in any of 4 frames"):
        track_recording(stages(record(tmp_path / "rec", [False] * 4)), tmp_path / "new" / "out")
    assert not (tmp_path / "new").exists()


def test_frames_without_colour_are_told(tmp_path: Path) -> None:
    recording = record(tmp_path / "rec", [True] * 6)
    for index in range(5):
        (recording / "color" / f"{index:05d}.png").unlink()
    with pytest.raises(SourceError, match="depth without colour"):
        track_recording(stages(recording, selection=Selection(stop=5)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_empty_folder_that_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(CalibrationError):
        track_recording(stages(record(tmp_path / "rec", [False] * 3)), tmp_path / "out")
    assert files(tmp_path / "out") == []


def test_a_folder_with_something_in_it_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious.txt").write_text("mine")
    with pytest.raises(OutputError, match="is not empty"):
        track_recording(stages(tmp_path / "missing"), tmp_path / "out")
    assert files(tmp_path / "out") == ["precious.txt"]


def test_overwriting_replaces_an_earlier_run_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out"
    track_recording(stages(record(tmp_path / "long", [True] * 8)), out)
    (out / "notes.txt").write_text("mine")
    (out / "meshes" / "best.ply").write_text("mine too")
    recording = record(tmp_path / "short", [True] * 4)
    track_recording(stages(recording), out, BatchOptions(overwrite=True, contact_sheet=False))
    names = [f"meshes/{index:05d}.ply" for index in range(4)]
    kept = ["meshes/best.ply", "notes.txt"]
    assert files(out) == sorted([*names, *kept, "report.json", "subject.safetensors", "track.npz"])
    assert len(load_track(out / "track.npz").frame_index) == 4


def test_overwriting_keeps_the_earlier_run_where_there_is_no_new_one(tmp_path: Path) -> None:
    track_recording(stages(record(tmp_path / "good", [True] * 4)), tmp_path / "out")
    before = files(tmp_path / "out")
    with pytest.raises(CalibrationError):
        track_recording(stages(record(tmp_path / "bad", [False] * 4)), tmp_path / "out", BatchOptions(overwrite=True))
    assert files(tmp_path / "out") == before


def test_damaged_frames_are_skipped_and_counted(tmp_path: Path) -> None:
    recording = record(tmp_path / "rec", [True] * 8)
    for index in (2, 5):
        (recording / "depth" / f"{index:05d}.png").write_bytes(b"not a picture")
    report = track_recording(stages(recording), tmp_path / "out")
    assert meshes(tmp_path / "out") == [0, 1, 3, 4, 6, 7]
    assert (report["frames"], report["damaged_frames"]) == (6, 2)


def test_a_recording_that_breaks_off_is_read_as_far_as_it_goes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parts = breaking_after(stages(record(tmp_path / "rec", [True] * 9)), 6, SourceError("rec breaks off"))
    report = track_recording(parts, tmp_path / "out", BatchOptions(contact_sheet=False))
    assert (report["frames"], report["missing_frames"], report["broken_off"]) == (6, 3, True)
    assert "rec breaks off; going on with the 6 frames before" in caplog.text


def test_a_recording_without_a_readable_frame_leaves_nothing(tmp_path: Path) -> None:
    parts = breaking_after(stages(record(tmp_path / "rec", [True] * 9)), 0, SourceError("no readable frame"))
    with pytest.raises(SourceError, match="no readable frame"):
        track_recording(parts, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_failure_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    parts = stages(record(tmp_path / "rec", [True] * 9), ScriptedTracker(broken_at=6))
    with pytest.raises(ZeroDivisionError):
        track_recording(parts, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_ctrl_c_keeps_what_is_done(tmp_path: Path) -> None:
    def interrupt(tracked: TrackedFrame, expected: int | None) -> None:
        if tracked.index == 10:
            signal.raise_signal(signal.SIGINT)

    report = track_recording(stages(record(tmp_path / "rec", [True] * 60)), tmp_path / "out", on_frame=interrupt)
    done = meshes(tmp_path / "out")
    assert report["interrupted"]
    assert done == list(range(len(done)))
    assert 11 <= len(done) < 20
    assert load_track(tmp_path / "out" / "track.npz").frame_index.tolist() == done
    assert json.loads((tmp_path / "out" / "report.json").read_text())["tracked"] == len(done)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_with_nothing_done_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(tracked: TrackedFrame, expected: int | None) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        track_recording(stages(record(tmp_path / "rec", [False] * 60)), tmp_path / "out", on_frame=interrupt)
    assert not (tmp_path / "out").exists()


def test_a_second_ctrl_c_gives_everything_up(tmp_path: Path) -> None:
    def interrupt_twice(tracked: TrackedFrame, expected: int | None) -> None:
        if tracked.index == 10:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        track_recording(stages(record(tmp_path / "rec", [True] * 60)), tmp_path / "out", on_frame=interrupt_twice)
    assert not (tmp_path / "out").exists()


def interrupt_once(busy: threading.Event) -> threading.Thread:
    """Ctrl-C, once, while a tracker is busy."""

    def interrupt() -> None:
        assert busy.wait(10)
        interrupt_main()

    thread = threading.Thread(target=interrupt)
    thread.start()
    return thread


@pytest.mark.parametrize("at_the_end", [False, True])
def test_one_ctrl_c_ends_a_calibration(tmp_path: Path, at_the_end: bool) -> None:
    tracker = BusyTracker(at_the_end)
    interrupting = interrupt_once(tracker.busy)
    with pytest.raises(KeyboardInterrupt, match="nothing was written"):
        track_recording(stages(record(tmp_path / "rec", [True] * 6), tracker), tmp_path / "out")
    interrupting.join()
    assert not (tmp_path / "out").exists()
    assert dphm_threads() == []


def test_one_ctrl_c_ends_what_is_still_learnt_at_the_end_and_keeps_the_frames(tmp_path: Path) -> None:
    tracker = RefiningTracker()
    interrupting = interrupt_once(tracker.busy)
    report = track_recording(stages(record(tmp_path / "rec", [True] * 6), tracker), tmp_path / "out")
    interrupting.join()
    assert (report["interrupted"], report["tracked"]) == (True, 6)
    assert meshes(tmp_path / "out") == list(range(6))
    assert dphm_threads() == []


@pytest.mark.parametrize(
    ("heads", "busy_with", "kept"),
    [([1.5], 1, [0, 1]), ([1.5, 1.75], 2, list(range(6)))],
    ids=["for the first time", "once more"],
)
def test_ctrl_c_while_frames_are_gone_back_to_keeps_those_of_one_head(
    tmp_path: Path, heads: list[float], busy_with: int, kept: list[int]
) -> None:
    tracker = RelearningTracker(heads, busy_with)
    interrupting = interrupt_once(tracker.busy)
    report = track_recording(stages(record(tmp_path / "rec", [True] * 6), tracker), tmp_path / "out")
    interrupting.join()
    assert (report["interrupted"], report["tracked"]) == (True, len(kept))
    assert meshes(tmp_path / "out") == kept
    assert load_track(tmp_path / "out" / "track.npz").scale == 1.5
    known = load_subject(tmp_path / "out" / "subject.safetensors")
    assert known.coefficients.tolist() == [1.5] * 3
    assert dphm_threads() == []


def test_after_ctrl_c_frames_of_another_head_than_most_are_taken_back(tmp_path: Path) -> None:
    """Between the calibration and the end, a head may be known better, and earlier frames wait for their turn."""
    tracker = RelearningTracker([1.5, 1.75, 2.0], busy_with=0, learns_after=4)

    def interrupt(tracked: TrackedFrame, _expected: int | None) -> None:
        if tracked.index == 10:
            signal.raise_signal(signal.SIGINT)

    recording = record(tmp_path / "rec", [True] * 13)
    report = track_recording(stages(recording, tracker), tmp_path / "out", on_frame=interrupt)
    last = meshes(tmp_path / "out")[-1]
    assert report["interrupted"] and last >= 10
    assert meshes(tmp_path / "out") == list(range(5, last + 1))
    track = load_track(tmp_path / "out" / "track.npz")
    assert track.scale == 1.75
    assert track.frame_index[0] == 5


def test_ctrl_c_ends_following_backwards_and_keeps_the_frames_so_far(tmp_path: Path) -> None:
    tracker = ScriptedTracker(follows=True)

    class Interrupted(RedObserver):
        def observe(self, frame: RGBDFrame) -> Observation:
            if frame.index == 9:
                signal.raise_signal(signal.SIGINT)
            return super().observe(frame)

    recording = record(tmp_path / "rec", [False] * 12 + [True] * 4)
    report = track_recording(replace(stages(recording, tracker), depth_observer=Interrupted), tmp_path / "out")
    assert report["interrupted"]
    assert meshes(tmp_path / "out") == [10, 11, 12, 13, 14, 15]


def test_the_contact_sheet_shows_six_frames_of_which_untracked_ones_have_colour_only(tmp_path: Path) -> None:
    track_recording(stages(record(tmp_path / "rec", [True] * 11 + [False])), tmp_path / "out")
    sheet = cv2.imread(str(tmp_path / "out" / "contact_sheet.png"))
    columns = np.array_split(sheet, 6, axis=1)
    assert sheet.shape[1] > 1200
    bottom = [column[-250:].std(axis=(0, 1)).max() for column in columns]  # the mesh alone
    assert min(bottom[:5]) > 2
    assert bottom[5] < 2


@pytest.mark.skipif(
    not (REPO / "models/default/config.json").is_file() or not (REPO / "recordings/demo/color").is_dir(),
    reason="needs models/default and recordings/demo",
)
def test_the_demo_recording_is_tracked(tmp_path: Path) -> None:
    report = track_recording(make_stages(str(REPO / "recordings/demo"), Selection(stop=45)), tmp_path / "out")
    assert report["frames"] == 45
    assert report["tracked"] >= 43
    assert report["residual_mm"] < 1.0
    assert meshes(tmp_path / "out")[0] == 0
    errors = evaluate(REPO / "recordings/demo", tmp_path / "out")["ground_truth"]
    assert errors["face_mm"]["mean"] < 1.0
    assert errors["correspondence_mm"]["mean"] < 2.0
    check_saved_track(tmp_path / "out")


def check_saved_track(out: Path) -> None:
    """The track alone gives the meshes that were written, and quickly."""
    saved, written, seconds = load_saved_track(out), TrackFolder.open(out), []
    for index in list(written.meshes)[::5]:
        started = perf_counter()
        vertices_cam = saved.vertices_cam(saved.row_of(index))
        seconds.append(perf_counter() - started)
        vertices, faces = written.mesh(index)
        assert np.abs(vertices_cam - vertices).max() < 1e-5  # a hundredth of a millimetre
        np.testing.assert_array_equal(faces, saved.faces)
    assert median(seconds) < 0.1  # it is some milliseconds: more only where the machine is busy


def test_a_file_in_the_way_of_the_subjects_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    (tmp_path / "me").write_bytes(b"precious")
    with pytest.raises(OutputError, match="me is there"):
        track_recording(make_stages("nowhere"), tmp_path / "out", BatchOptions(save_subject=tmp_path / "me"))
    with pytest.raises(OutputError, match="folder that is there"):
        track_recording(make_stages("nowhere"), tmp_path / "out", BatchOptions(save_subject=tmp_path / "no" / "me"))
    assert files(tmp_path) == ["me"]


def test_frames_before_the_first_face_are_followed_backwards(tmp_path: Path) -> None:
    recording = record(tmp_path / "recording", [False, False, True, True, True, True])
    tracker = ScriptedTracker(follows=True)
    report = track_recording(stages(recording, tracker), tmp_path / "out", BatchOptions(contact_sheet=False))
    assert report["tracked"] == 6
    assert tracker.tracked[-2:] == [1, 0]
    assert load_track(tmp_path / "out" / "track.npz").reason[:2].tolist() == [REASON, REASON]


def dphm_threads() -> list[str]:
    """Those of runs; the camera kernels' pool stays for good once another test has used it."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("dphm-") and not name.startswith("dphm-camera")]


def test_a_cancelled_run_leaves_nothing_and_no_thread(tmp_path: Path) -> None:
    def cancel(done: int, total: int | None) -> None:
        if done >= 4:
            assert total == 60
            raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        track_recording(stages(record(tmp_path / "rec", [True] * 60)), tmp_path / "new" / "out", tell=cancel)
    assert not (tmp_path / "new").exists()
    assert dphm_threads() == []


def test_whoever_is_told_of_each_frame_may_cancel(tmp_path: Path) -> None:
    def cancel(tracked: TrackedFrame, expected: int | None) -> None:
        if tracked.index == 5:
            raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        track_recording(stages(record(tmp_path / "rec", [True] * 60)), tmp_path / "out", on_frame=cancel)
    assert not (tmp_path / "out").exists()
    assert dphm_threads() == []


@pytest.mark.parametrize("at_the_end", [False, True])
def test_a_calibration_can_be_cancelled_whenever_it_comes(tmp_path: Path, at_the_end: bool) -> None:
    tracker = BusyTracker(at_the_end)
    parts = stages(record(tmp_path / "rec", [True] * 6), tracker)
    job = Job(lambda tell: track_recording(parts, tmp_path / "out", tell=tell), "Tracking")
    assert tracker.busy.wait(10)
    assert job.running
    job.cancel()
    with pytest.raises(Cancelled):
        job.wait()
    assert not (tmp_path / "out").exists()
    assert dphm_threads() == []


def test_following_backwards_can_be_cancelled(tmp_path: Path) -> None:
    tracker = ScriptedTracker(follows=True)

    def cancel(done: int, total: int | None) -> None:
        if tracker.resumed:
            raise Cancelled("enough")

    class Slow(RedObserver):
        def observe(self, frame: RGBDFrame) -> Observation:
            sleep(0.1)
            return super().observe(frame)

    recording = record(tmp_path / "rec", [False] * 12 + [True] * 4)
    parts = replace(stages(recording, tracker), depth_observer=Slow)
    with pytest.raises(Cancelled, match="enough"):
        track_recording(parts, tmp_path / "out", tell=cancel)
    assert tracker.tracked.count(0) == 1  # when it was tracked once more, not backwards
    assert not (tmp_path / "out").exists()


def test_a_job_tells_how_far_a_run_is(tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []

    class Slow(RedObserver):
        def observe(self, frame: RGBDFrame) -> Observation:
            sleep(0.02)
            return super().observe(frame)

    parts = replace(stages(record(tmp_path / "rec", [True] * 20)), observer=Slow)
    track_recording(parts, tmp_path / "out", tell=lambda done, total: told.append((done, total)))
    dones = [done for done, _ in told]
    assert dones == sorted(dones)
    assert len(set(dones)) > 3
    assert told[-1][1] == 20
