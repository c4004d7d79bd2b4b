"""Opening a session from a source's name, and the tracker that is loaded behind the first picture."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from app.late_tracker import LOADING, LateTracker, Parts
from app.session import Request, load_parts, open_session
from dphm_core.errors import CheckpointError, SettingError, SourceError
from dphm_core.frames import TrackStatus
from dphm_core.places import DEMO_RECORDING


def test_a_missing_recording_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="gone does not exist"):
        open_session(Request(str(tmp_path / "gone")))


def test_a_missing_device_is_told() -> None:
    with pytest.raises(SettingError, match="'abacus' cannot be used here"):
        load_parts(Request(str(DEMO_RECORDING), device="abacus"), 0.0)


def test_a_missing_source_is_told_without_loading_the_tracker() -> None:
    code = (
        "import sys; from app.session import Request, open_session\n"
        "try: open_session(Request('/nonexistent'))\n"
        "except Exception as error: assert 'does not exist' in str(error)\n"
        "assert not {'torch', 'mediapipe'} & set(sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


class Observer:
    """Counts what it is asked for."""

    def __init__(self) -> None:
        self.seen, self.closed = 0, False

    def observe(self, frame):
        self.seen += 1
        return frame

    def hint(self, region, depth_m) -> None:
        pass

    def close(self) -> None:
        self.closed = True


class Tracker:
    """Tracks by saying so."""

    faces = np.zeros((1, 3), np.int32)

    def track(self, observation):
        return "tracked"

    def restart(self) -> None:
        pass

    def cancel(self) -> None:
        pass


def wait_for(late: LateTracker) -> None:
    late._job.wait()


def test_frames_go_through_until_the_tracker_is_loaded(observation) -> None:
    gate, told, parts = threading.Event(), [], Parts(Observer(), Tracker())
    late = LateTracker(lambda: gate.wait(60) and parts, lambda: told.append(True))
    late.start()
    wait_until = late._job.wait
    waiting = late.track(late.observe(observation.frame))
    assert (waiting.status, waiting.reason) == (TrackStatus.SEARCHING, LOADING)
    assert late.head_tracker is None
    assert len(late.faces) == 0
    gate.set()
    wait_until()
    assert told == [True]
    assert late.observe(observation.frame) is observation.frame
    assert late.track(observation) == "tracked"
    assert len(late.faces) == 1
    late.close()
    assert parts.observer.closed


def test_what_cannot_be_loaded_is_told(observation) -> None:
    def load() -> Parts:
        raise CheckpointError("no head model 'x'; choose another one")

    late = LateTracker(load)
    late.start()
    with pytest.raises(CheckpointError):
        wait_for(late)
    assert isinstance(late.error, CheckpointError)
    assert late.track(observation).reason == LOADING


def test_what_is_loaded_after_the_end_is_released() -> None:
    gate, parts = threading.Event(), Parts(Observer(), Tracker())
    late = LateTracker(lambda: gate.wait(60) and parts)
    late.start()
    late.cancel()
    late.close()
    gate.set()
    wait_for(late)
    assert parts.observer.closed
    assert late.head_tracker is None
