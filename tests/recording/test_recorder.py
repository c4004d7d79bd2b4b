"""Recording beside a running source: nothing waits, nothing is raised, and what is on the disk can be opened."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from io import FileIO
from pathlib import Path

import pytest
from stack_recordings import CAMERA, make_frame

from dphm_core.recording import RecorderLimits, RecordingStatus, SpaceLimit, StackRecorder, stack_writer
from dphm_core.recording import recorder as recorder_module
from dphm_core.recording.timeline import Timeline
from dphm_core.sources import open_source

TESTS = Path(__file__).resolve().parents[1]


def wait_for(recorder: StackRecorder, told, timeout_s: float = 60.0) -> RecordingStatus:
    """Wait until the status is so."""
    deadline = time.monotonic() + timeout_s
    while not told(recorder.status):
        assert time.monotonic() < deadline, recorder.status
        time.sleep(0.002)
    return recorder.status


def test_it_tells_how_it_goes_and_what_it_made_opens(tmp_path: Path) -> None:
    recorder = StackRecorder(tmp_path / "a/take", CAMERA, 30, "made up")
    for index in range(100, 110):
        recorder.put(make_frame(index, time_s=index / 30))
    status = wait_for(recorder, lambda status: status.frames == 10)
    assert status.seconds == pytest.approx(0.3) and status.dropped == 0 and not status.finished
    assert status.bytes == (tmp_path / "a/take/frames.stack").stat().st_size
    assert status.free_bytes and status.encode_s > 0
    status = recorder.close()
    assert status.finished and status.error is None and not status.full and status == recorder.close()
    recorder.put(make_frame(3))
    with open_source(tmp_path / "a/take") as source:
        assert [frame.index for frame in source] == list(range(10))


def test_gaps_stay_and_going_back_goes_on(tmp_path: Path) -> None:
    recorder = StackRecorder(tmp_path, CAMERA, 15, "made up")
    for index in (7, 8, 10, 7, 8):
        recorder.put(make_frame(index))
    recorder.close()
    with open_source(tmp_path) as source:
        frames = list(source)
    assert [frame.index for frame in frames] == [0, 1, 3, 4, 5]
    times = [frame.timestamp_s - frames[0].timestamp_s for frame in frames]
    assert times == pytest.approx([0, 1 / 15, 3 / 15, 4 / 15, 5 / 15])


def test_a_timeline_starts_at_nought() -> None:
    timeline = Timeline(30)
    assert timeline.seconds == 0
    assert timeline.place(500, 90.0) == (0, 90.0)
    assert timeline.seconds == 0


def test_putting_never_waits_and_drops_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*arguments: object) -> bytes:
        time.sleep(0.02)
        return encode(*arguments)

    encode = stack_writer.encode_record
    monkeypatch.setattr(stack_writer, "encode_record", slow)
    recorder = StackRecorder(tmp_path, CAMERA, 30, "made up", RecorderLimits(queue_frames=3))
    longest_s = 0.0
    for index in range(20):
        started = time.perf_counter()
        recorder.put(make_frame(index))
        longest_s = max(longest_s, time.perf_counter() - started)
    status = recorder.close()
    assert longest_s < 0.02
    assert status.frames >= 3 and status.dropped >= 10 and status.frames + status.dropped == 20


def test_memory_is_bounded_and_another_size_is_left_out(tmp_path: Path) -> None:
    recorder = StackRecorder(tmp_path, CAMERA, 30, "made up", RecorderLimits(queue_bytes=100))
    recorder.put(make_frame(0))
    recorder.put(replace(make_frame(1), depth_m=make_frame(1).depth_m[:5]))
    assert recorder.close().dropped == 2


def test_what_cannot_be_written_in_time_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "CLOSE_TIMEOUT_S", 0.3)
    monkeypatch.setattr(recorder_module, "GIVE_UP_S", 0.2)
    encode = stack_writer.encode_record
    monkeypatch.setattr(stack_writer, "encode_record", lambda *told: time.sleep(0.15) or encode(*told))
    recorder = StackRecorder(tmp_path, CAMERA, 30, "made up")
    for index in range(10):
        recorder.put(make_frame(index))
    status = recorder.close()
    assert status.finished and status.error and "frames are lost" in status.error
    assert status.frames + status.dropped == 10
    with open_source(tmp_path) as source:
        assert len(list(source)) == status.frames


def test_it_ends_before_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "CHECK_S", 0.05)
    room = iter([5000, 5000, *[900] * 100])
    limits = RecorderLimits(space=SpaceLimit(1000, 0.0, lambda path: next(room)))
    recorder = StackRecorder(tmp_path, CAMERA, 30, "made up", limits)
    recorder.put(make_frame(0))
    status = wait_for(recorder, lambda status: status.finished)
    assert status.full and status.error is None and status.free_bytes == 900 and status.frames == 1
    recorder.put(make_frame(1))
    assert recorder.close().frames == 1
    with open_source(tmp_path) as source:
        assert next(source).index == 0


def test_the_margin_grows_with_the_rate() -> None:
    assert not SpaceLimit().reached(2 << 30, 10e6)
    assert SpaceLimit().reached(2 << 30, 100e6)
    assert SpaceLimit().reached((1 << 30) - 1, 0.0)


def test_without_room_nothing_is_left_behind(tmp_path: Path) -> None:
    limits = RecorderLimits(space=SpaceLimit(free_bytes=lambda path: 0))
    recorder = StackRecorder(tmp_path / "take", CAMERA, 30, "made up", limits)
    status = wait_for(recorder, lambda status: status.finished)
    assert status.full and status.frames == 0 and not (tmp_path / "take").exists()
    recorder.close()


class FullDisk(FileIO):
    """A file with little room."""

    room = 3000

    def write(self, content) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = super().write(content[: self.room])
        self.room -= written
        return written


def test_a_full_disk_is_told_and_leaves_whole_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_writer, "_open", lambda path: FullDisk(path, "x"))
    recorder = StackRecorder(tmp_path, CAMERA, 30, "made up")
    for index in range(5):
        recorder.put(make_frame(index))
    status = wait_for(recorder, lambda status: status.finished)
    assert status.full and status.error and "No space left on device; make room" in status.error
    assert (tmp_path / "frames.stack").stat().st_size == status.bytes
    with open_source(tmp_path) as source:
        assert len(list(source)) == status.frames >= 1
    recorder.close()


def test_a_disk_without_any_room_is_told_and_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FullDisk, "room", 0)
    monkeypatch.setattr(stack_writer, "_open", lambda path: FullDisk(path, "x"))
    status = StackRecorder(tmp_path / "take", CAMERA, 30, "made up").close()
    assert status.full and status.error and not (tmp_path / "take").exists()


def test_a_folder_in_use_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "calibration.json").write_text("mine")
    status = StackRecorder(tmp_path, CAMERA, 30, "made up").close()
    assert status.error and "is not empty; choose a new folder" in status.error and status.finished
    assert (tmp_path / "calibration.json").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status = StackRecorder(tmp_path / "file", CAMERA, 30, "made up").close()
    assert status.error and "cannot be made" in status.error


KILLED = """
import sys, time
from pathlib import Path
from stack_recordings import CAMERA, make_frame
from dphm_core.recording import StackRecorder
recorder, index = StackRecorder(Path(sys.argv[1]), CAMERA, 30, "made up"), 0
while True:
    recorder.put(make_frame(index, time_s=index / 30))
    index += 1
    print(recorder.status.frames, flush=True)
    time.sleep(0.001)
"""


def test_a_killed_program_leaves_every_frame_that_it_counted(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(TESTS), str(TESTS.parent)))}
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "take")], stdout=subprocess.PIPE, text=True, env=environment
    )
    with process:
        assert process.stdout is not None
        counted = next(int(line) for line in process.stdout if int(line) >= 20)
        process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    with open_source(tmp_path / "take") as source:
        indices = [frame.index for frame in source]
        assert source.damaged == 0
    assert indices == list(range(len(indices))) and len(indices) >= counted
