"""Complete tracks are kept per recording, replaced as a whole, and void once the recording is another one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from batch_parts import ScriptedTracker, record, stages

from app.track_store import TrackStore
from dphm_core import batch
from dphm_core.errors import CalibrationError, Cancelled, SourceError
from dphm_core.jobs import Job
from dphm_core.output.track_file import load_track
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.live_settings import LiveSettings

RESULTS = ["recording.json", "report.json", "subject.safetensors", "track.npz"]


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs take the small tracker in place of a head model, which would take half a minute here."""
    monkeypatch.setattr(batch, "make_stages", lambda uri, *_: stages(Path(uri), ScriptedTracker()))


@pytest.fixture
def store(tmp_path: Path) -> TrackStore:
    return TrackStore(tmp_path / "data" / "tracks")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_recording_is_tracked_once_and_then_there(tmp_path: Path, store: TrackStore, scripted: None) -> None:
    recording = record(tmp_path / "my talk", [True] * 6)
    assert store.load(str(recording)) is None
    job = Job(lambda tell: store.track_all(str(recording), tell=tell), "Tracking")
    folder = job.wait()
    assert folder == store.load(str(recording)) == store.folder_for(str(recording))
    assert folder.name.startswith("my_talk-")
    assert names(folder) == RESULTS
    assert len(load_track(folder / "track.npz").frame_index) == 6
    assert job.progress.done == 6


def test_recordings_of_one_name_have_folders_of_their_own(tmp_path: Path, store: TrackStore) -> None:
    a, b = (str(tmp_path / name / "talk") for name in "ab")
    assert store.folder_for(a) != store.folder_for(b)
    assert store.folder_for(a) == store.folder_for(f"{tmp_path}/b/../a/talk")


def test_a_recording_that_was_changed_needs_another_track(tmp_path: Path, store: TrackStore, scripted: None) -> None:
    recording = record(tmp_path / "rec", [True] * 5)
    store.track_all(str(recording))
    (recording / "export").mkdir()  # what is put beside the frames changes nothing
    assert store.load(str(recording)) is not None
    os.utime(recording / "depth", (1, 1))
    assert store.load(str(recording)) is None
    folder = store.track_all(str(recording))
    assert store.load(str(recording)) == folder
    assert names(store.root) == [folder.name]


@pytest.mark.parametrize("missing", RESULTS)
def test_what_is_incomplete_is_not_offered(tmp_path: Path, store: TrackStore, scripted: None, missing: str) -> None:
    recording = record(tmp_path / "rec", [True] * 5)
    (store.track_all(str(recording)) / missing).unlink()
    assert store.load(str(recording)) is None


def test_what_fails_or_is_cancelled_leaves_the_older_track(tmp_path: Path, store: TrackStore, scripted: None) -> None:
    recording = record(tmp_path / "rec", [True] * 5)
    folder = store.track_all(str(recording))
    before = (folder / "track.npz").read_bytes()

    def cancel(done: int, total: int | None) -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        store.track_all(str(recording), tell=cancel)
    record(tmp_path / "empty", [False] * 5)
    for part in ("color", "depth"):
        (recording / part).rename(tmp_path / f"old_{part}")
        (tmp_path / "empty" / part).rename(recording / part)
    with pytest.raises(CalibrationError):
        store.track_all(str(recording))
    assert (folder / "track.npz").read_bytes() == before
    assert names(store.root) == [folder.name]


def test_a_recording_is_tracked_as_the_user_has_set_it(
    tmp_path: Path, store: TrackStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def make_stages(uri: str, *how: object) -> batch.Stages:
        asked.extend(how)
        return stages(Path(uri), ScriptedTracker())

    monkeypatch.setattr(batch, "make_stages", make_stages)
    recording = record(tmp_path / "rec", [True] * 5)
    store.track_all(str(recording), "mine", "cuda:1", LiveSettings(points=700, smoothness=2), tmp_path / "me")
    assert asked == [None, "mine", "cuda:1", TrackerConfig(points=700, smoothness=2), tmp_path / "me"]


def test_a_camera_is_refused(store: TrackStore) -> None:
    with pytest.raises(SourceError, match="is live"):
        store.track_all("kinect")
    assert not store.root.exists()
