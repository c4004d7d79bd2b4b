"""The Python API: frames in order and final, the newest of a camera, threads that end, and what is public and typed."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from batch_parts import EXPRESSIONS, FACES, VERTICES, RedObserver, ScriptedTracker, breaking_after, record, stages

import dphm_core as dphm
from dphm_core import api
from dphm_core.errors import CalibrationError, OutputError, SettingError, SourceError
from dphm_core.frames import TrackStatus
from dphm_core.live import LiveSetup
from dphm_core.sources.simulated import SimulatedCamera

MakeTracking = Callable[[list[bool], ScriptedTracker], api.Tracking]


def our_threads() -> list[str]:
    names = ("dphm-source", "dphm-observer", "dphm-tracker")
    return [thread.name for thread in threading.enumerate() if thread.name in names]


@pytest.fixture
def tracked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeTracking:
    """Tracks a real recording of some frames, with an observer and a tracker whose answers are known."""

    def make(faces: list[bool], tracker: ScriptedTracker) -> api.Tracking:
        recording = record(tmp_path / "Aufnahme 1 (März)", faces)
        monkeypatch.setattr(api, "make_stages", lambda *_: stages(recording, tracker))
        return dphm.track(recording)

    return make


@pytest.fixture
def camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScriptedTracker:
    """Stands in for what a live picture loads; the source is a real one."""
    tracker = ScriptedTracker()
    monkeypatch.setattr(api, "load_live", lambda setup: (RedObserver(), tracker))
    record(tmp_path / "rec", [True] * 6)
    return tracker


def test_every_frame_of_a_recording_comes_once_in_order_with_its_mesh(tracked: MakeTracking) -> None:
    tracking = tracked([True] * 6, ScriptedTracker())
    assert tracking.info.length == 6 and len(tracking.faces) == 0 and tracking.identity_code is None
    frames = list(tracking)
    assert [frame.index for frame in frames] == list(range(6))
    for frame in frames:  # also those before the calibration, which was with the third
        assert frame.vertices_cam is not None and frame.vertices_cam.shape == VERTICES.shape
        assert frame.expression_code is not None and frame.expression_code[0] == np.float32(frame.index / 100)
    assert (tracking.faces == FACES).all() and tracking.expression_names == EXPRESSIONS
    assert tracking.identity_code is not None and tracking.identity_code.tolist() == [0, 1, 2, 3, 4]
    assert our_threads() == []


def test_a_recording_too_short_for_a_calibration_is_calibrated_on_what_there_is(tracked: MakeTracking) -> None:
    frames = list(tracked([True] * 2, ScriptedTracker()))
    assert [frame.status for frame in frames] == [TrackStatus.TRACKING] * 2


def test_frames_without_a_head_say_why(tracked: MakeTracking) -> None:
    frames = list(tracked([True, True, True, False, True], ScriptedTracker()))
    assert [frame.vertices_cam is None for frame in frames] == [False, False, False, True, False]
    assert (frames[3].reason, frames[3].status) == ("no face", TrackStatus.LOST)


def test_a_recording_that_breaks_off_gives_its_frames_and_then_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = record(tmp_path / "rec", [True] * 6)
    broken = breaking_after(stages(recording), 4, SourceError("the disk is gone"))
    monkeypatch.setattr(api, "replace", lambda *_, **__: broken)
    seen = []
    with pytest.raises(SourceError, match="the disk is gone"):
        for frame in dphm.track(recording):
            seen.append(frame.index)
    assert seen == [0, 1, 2, 3]
    assert our_threads() == []


def test_an_error_of_the_tracker_ends_the_loop(tracked: MakeTracking) -> None:
    with pytest.raises(ZeroDivisionError):
        list(tracked([True] * 5, ScriptedTracker(broken_at=4)))
    assert our_threads() == []


def test_leaving_the_loop_ends_the_threads(tracked: MakeTracking) -> None:
    for frame in tracked([True] * 9, ScriptedTracker()):
        if frame.index == 1:
            break
    gc.collect()
    assert our_threads() == []


def test_the_block_ends_the_threads_whatever_happens_in_it(tracked: MakeTracking) -> None:
    with pytest.raises(KeyboardInterrupt), tracked([True] * 9, ScriptedTracker()) as tracking:
        next(tracking)
        assert our_threads() != []
        signal.raise_signal(signal.SIGINT)  # Ctrl-C
    assert our_threads() == []
    tracking.close()
    assert list(tracking) == []


def test_what_is_never_iterated_over_is_closed_too(tracked: MakeTracking) -> None:
    closed: list[bool] = []
    tracking = tracked([True] * 3, ScriptedTracker())
    tracking._stop.peek()[1].__self__._source.close = lambda: closed.append(True)
    tracking.close()
    assert closed == [True] and our_threads() == []


def test_a_subject_is_saved_once_it_is_known(tracked: MakeTracking, tmp_path: Path) -> None:
    with tracked([True] * 5, ScriptedTracker()) as tracking:
        with pytest.raises(CalibrationError, match="not known yet"):
            tracking.save_subject(tmp_path / "me.safetensors")
        list(tracking)
        tracking.save_subject(tmp_path / "Zoë.safetensors")
        with pytest.raises(OutputError):
            tracking.save_subject(tmp_path / "nowhere" / "me.safetensors")
    assert [path.name for path in tmp_path.glob("*.safetensors")] == ["Zoë.safetensors"]


def test_a_camera_gives_the_newest_frame_until_the_loop_ends(tmp_path: Path, camera: ScriptedTracker) -> None:
    with dphm.track(f"simulated:{tmp_path / 'rec'}") as tracking:
        assert tracking.info.length is None
        indices = [frame.index for frame in islice(tracking, 8)]
        assert our_threads() != []
    assert indices == sorted(set(indices)) and len(indices) == 8  # newer and newer ones; never one twice
    assert our_threads() == []


def test_of_a_camera_only_the_chosen_frames_come_and_it_ends_behind_them(
    tmp_path: Path, camera: ScriptedTracker
) -> None:
    chosen = dphm.Selection(start=2, stop=12, every=2)
    indices = [frame.index for frame in dphm.track(f"simulated:{tmp_path / 'rec'}", frames=chosen)]
    assert indices and set(indices) <= {2, 4, 6, 8, 10}
    assert our_threads() == []


def test_a_camera_is_loaded_for_its_own_frame_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[LiveSetup] = []

    def load(setup: LiveSetup) -> tuple[RedObserver, ScriptedTracker]:
        asked.append(setup)
        return RedObserver(), ScriptedTracker()

    monkeypatch.setattr(api, "load_live", load)
    source = SimulatedCamera(dphm.open_source(record(tmp_path / "rec", [True] * 3)))
    dphm.track(source, model="mine", device="cpu", subject="me.safetensors").close()
    assert asked == [LiveSetup("mine", "cpu", Path("me.safetensors"), 30.0)]
    assert list(source) == []  # closed with the tracking, although it never ran


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"source": "gone"}, SourceError, "gone does not exist"),
        ({"device": "abacus"}, SettingError, "'abacus' cannot be used here"),
        ({"model": "sculpted"}, dphm.DphmError, "no head model 'sculpted'"),
        ({"subject": "nobody.safetensors"}, CalibrationError, "nobody.safetensors cannot be read: No such file"),
        ({"frames": dphm.Selection(start=900)}, SourceError, "has no frame 900"),
        ({"source": None}, SourceError, "a source is a path or a name, not None; give a recording"),
        ({"source": 0}, SourceError, "a source is a path or a name, not 0"),
        ({"frames": range(3)}, SettingError, r"frames is a Selection, .*; not range\(0, 3\)"),
        ({"model": None}, SettingError, "model is a head model's name or folder; not None"),
        ({"device": 0}, SettingError, "device is 'cpu', or a CUDA device"),
        ({"subject": 3}, SettingError, "subject is a file that save_subject wrote; not 3"),
    ],
)
def test_what_cannot_be_had_is_told_at_once(options: dict[str, object], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        dphm.track(**{"source": "demo", **options})  # type: ignore[arg-type]


def test_all_that_is_public_is_there_and_nothing_else_is_invented() -> None:
    for name in dphm.__all__:
        assert getattr(dphm, name).__doc__, name
    assert set(dphm.__all__) <= set(dir(dphm))
    with pytest.raises(AttributeError, match="no attribute 'trak'"):
        dphm.trak  # noqa: B018


@pytest.fixture(scope="module")
def fresh_import() -> Iterator[str]:
    """What a fresh process prints that imports the package."""
    program = (
        "import sys, time; started = time.process_time(); import dphm_core as dphm\n"
        "print(time.process_time() - started, *(name for name in ('numpy', 'torch', 'cv2') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    yield done.stdout


def test_importing_the_package_is_cheap(fresh_import: str) -> None:
    seconds, *heavy = fresh_import.split()
    assert heavy == []
    assert float(seconds) < 0.2
