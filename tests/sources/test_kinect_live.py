"""A running Azure Kinect, through pyk4a: how it is set, what it loses, and how it comes back."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pyk4a
import pytest
from fake_k4a import COMMANDS, MODES, PERIOD_USEC, FakeCamera, plug_in
from k4a_recording import RecordedImages, record
from waiting import wait_until

from dphm_core.errors import SettingError, SourceError
from dphm_core.frames import RGBDFrame
from dphm_core.sources import kinect, live, open_source
from dphm_core.sources.kinect import KinectSource
from dphm_core.sources.kinect_settings import KinectSettings
from dphm_core.sources.live import Patience

EXPOSURE, WHITE_BALANCE = COMMANDS.EXPOSURE_TIME_ABSOLUTE, COMMANDS.WHITEBALANCE
PATIENCE = Patience(limit_s=60.0, retry_s=0.01)
PERIOD_S = PERIOD_USEC * 1e-6


class Reader:
    """Reads a source on a thread of its own, as a pipeline does."""

    def __init__(self, source: KinectSource) -> None:
        self.source, self.frames, self.error = source, list[RGBDFrame](), None
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        try:
            for frame in self.source:
                self.frames.append(frame)
                time.sleep(0.005)
        except SourceError as error:
            self.error = error

    def end(self) -> float:
        """Seconds that it takes to end it."""
        started = time.monotonic()
        self.source.interrupt()
        self._thread.join()
        self.source.close()
        return time.monotonic() - started


def test_the_camera_is_set_as_its_name_says(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, other := FakeCamera("0001"), camera := FakeCamera("0002"))
    name = "kinect:0002?color=1080p&depth=nfov-binned&fps=15&exposure=8000&whitebalance=4504&powerline=50"
    with open_source(name) as source:
        frame = next(source)
    assert camera.configs == [
        {
            "color_format": pyk4a.ImageFormat.COLOR_MJPG,
            "color_resolution": pyk4a.ColorResolution.RES_1080P,
            "depth_mode": pyk4a.DepthMode.NFOV_2X2BINNED,
            "camera_fps": pyk4a.FPS.FPS_15,
            "synchronized_images_only": True,
        }
    ]
    assert camera.controls == {
        COMMANDS.POWERLINE_FREQUENCY: (MODES.MANUAL, 1),
        EXPOSURE: (MODES.MANUAL, 8000),
        WHITE_BALANCE: (MODES.MANUAL, 4500),
    }
    assert source.info.fps == 15.0 and frame.color.shape == (1080, 1920, 3)
    assert other.opened == 1 and other.configs == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("kinect?fps=30&color=3072p", "color=3072p comes at 15 frames per second at most"),
        ("kinect:0001?sharpness=3", "'sharpness=3' is no setting of the Azure Kinect; settings are color="),
        ("kinect:0001?fps=60", "fps=60 is unknown; set 5, 15 or 30"),
    ],
)
def test_settings_that_make_no_sense_do_not_touch_the_camera(
    monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    plug_in(monkeypatch, camera := FakeCamera("0001"))
    with pytest.raises(SettingError, match=told):
        open_source(name)
    assert camera.opened == 0


@pytest.mark.parametrize("name", ["realsense?fps=15", "orbbec:1?color=720p"])
def test_other_cameras_have_no_settings(name: str) -> None:
    with pytest.raises(SourceError, match=r"only an Azure Kinect has settings; give (realsense|orbbec)"):
        open_source(name)


def read_for(source: KinectSource, camera: FakeCamera, seconds: float) -> None:
    """Take captures for so long by the camera's clock, not by ours."""
    camera.stride = 4
    for _ in range(round(seconds / PERIOD_S / camera.stride)):
        next(source)


def test_exposure_is_locked_once_it_has_settled(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    plug_in(monkeypatch, camera := FakeCamera("0001", exposures_usec=lambda time_s: 33330 if time_s < 0.5 else 8330))
    with open_source("kinect:0001") as source:
        read_for(source, camera, 0.6)
        assert camera.controls[EXPOSURE][0] is MODES.AUTO
        read_for(source, camera, 0.5)
        assert camera.controls[WHITE_BALANCE] == (MODES.MANUAL, 4570)
        assert camera.controls[EXPOSURE][0] is MODES.AUTO
        read_for(source, camera, 0.5)
        assert camera.controls[EXPOSURE] == (MODES.MANUAL, 8330)
        camera.controls[EXPOSURE] = MODES.MANUAL, 1
        read_for(source, camera, 1.5)
        assert camera.controls[EXPOSURE] == (MODES.MANUAL, 1)  # set once
    assert caplog.text.count("exposure fixed at 8330 µs") == 1
    assert caplog.text.count("whitebalance fixed at 4570 K") == 1
    assert "color 720p, depth nfov, fps 30, exposure lock, whitebalance lock; first picture after" in caplog.text


def test_exposure_that_never_settles_is_locked_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, camera := FakeCamera("0001", exposures_usec=lambda time_s: 1000 + round(time_s * 9000)))
    with open_source("kinect") as source:
        read_for(source, camera, 2.2)
        mode, value = camera.controls[EXPOSURE]
    assert mode is MODES.MANUAL and 2.0 < (value - 1000) / 9000 < 2.0 + 3 * camera.stride * PERIOD_S


def test_automatic_exposure_stays_automatic(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, camera := FakeCamera("0001"))
    camera.controls[EXPOSURE] = MODES.MANUAL, 500  # what another program left
    with open_source("kinect?exposure=auto&whitebalance=auto") as source:
        read_for(source, camera, 3.0)
    assert {mode for mode, _ in camera.controls.values()} == {MODES.AUTO}


def test_what_the_camera_refuses_or_does_not_tell_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plug_in(
        monkeypatch,
        camera := FakeCamera(
            "0001", refused=(WHITE_BALANCE, COMMANDS.POWERLINE_FREQUENCY), exposures_usec=lambda _time_s: 0
        ),
    )
    with open_source("kinect?powerline=60") as source:
        read_for(source, camera, 2.5)
    assert [record.getMessage() for record in caplog.records] == [
        "Azure Kinect 0001 refuses powerline_frequency = 2, which stays as it is",
        "Azure Kinect 0001 refuses whitebalance_mode_auto = True, which stays as it is",
        "Azure Kinect 0001 refuses whitebalance = 4570, which stays as it is",
        "Azure Kinect 0001 does not tell its exposure, which stays automatic",
    ]


def test_lost_captures_are_counted_and_incomplete_ones_are_skipped(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plug_in(monkeypatch, camera := FakeCamera("0001", without={3: "depth", 4: "color"}))
    with open_source("kinect") as source:
        indices = [next(source).index]
        indices.append(next(source).index)
        assert (source.damaged, source.dropped) == (2, 0)
        camera.number += 3
        indices.append(next(source).index)
        assert (source.damaged, source.dropped) == (2, 3)
    assert indices == [0, 3, 7]
    assert "a capture has no depth" in caplog.text and "a capture has no colour" in caplog.text


def test_images_of_another_size_are_skipped(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    plug_in(monkeypatch, camera := FakeCamera("0001"))
    with open_source("kinect") as source:
        next(source)
        camera.configs[-1]["depth_mode"] = pyk4a.DepthMode.WFOV_UNBINNED
        reader = Reader(source)
        wait_until(lambda: source.damaged > 2)
        camera.configs[-1]["depth_mode"] = pyk4a.DepthMode.NFOV_UNBINNED
        wait_until(lambda: len(reader.frames) > 0)
        reader.end()
    assert "depth of a capture has shape (1024, 1024), expected (576, 640)" in caplog.text


@pytest.mark.parametrize("how", ["unplugged", "silent"])
def test_a_camera_that_was_gone_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(kinect, "FRAME_TIMEOUT_MS", 100)
    monkeypatch.setattr(kinect, "START_TIMEOUT_MS", 100)
    bus = plug_in(monkeypatch, camera := FakeCamera("0001"))
    reader = Reader(KinectSource("0001", KinectSettings(fps=15, exposure=2000), PATIENCE))
    wait_until(lambda: len(reader.frames) > 3)
    if how == "unplugged":
        bus.cameras.clear()
    else:
        camera.silent = True
    wait_until(lambda: reader.source.waiting is not None)
    told = {
        "unplugged": "Azure Kinect 0001 was unplugged or lost its power; plug it in again: it goes on by itself",
        "silent": "Azure Kinect 0001 has sent no picture for 0.1 s; plug it in again, without a hub between: "
        "it goes on by itself",
    }[how]
    assert reader.source.waiting == told
    before = len(reader.frames)
    time.sleep(0.2)
    assert len(reader.frames) == before
    camera.silent, camera.clock_usec, camera.number = False, 0, 0  # its clock begins anew
    camera.controls.clear()
    bus.cameras[:] = [FakeCamera("0000"), camera]
    wait_until(lambda: len(reader.frames) > before + 3)
    assert reader.source.waiting is None and reader.error is None
    reader.end()
    indices, times_s = [frame.index for frame in reader.frames], [frame.timestamp_s for frame in reader.frames]
    assert indices == sorted(set(indices)) and times_s == sorted(set(times_s))
    assert 0.2 < times_s[before] - times_s[before - 1] < 60.0
    assert reader.source.dropped == 0
    assert camera.configs[-1] == camera.configs[0] and camera.controls[EXPOSURE] == (MODES.MANUAL, 2000)
    assert not camera.is_open and bus.cameras[0].configs == []
    assert caplog.text.count(told) == 1 and "Azure Kinect 0001 is back after" in caplog.text


def test_a_loose_cable_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = plug_in(monkeypatch, camera := FakeCamera("0001"))
    reader = Reader(KinectSource(patience=PATIENCE))
    for _ in range(8):
        before = len(reader.frames)
        wait_until(lambda before=before: len(reader.frames) > before)
        bus.cameras.clear()
        wait_until(lambda: reader.source.waiting is not None and not camera.is_open)
        bus.cameras.append(camera)
    before = len(reader.frames)
    wait_until(lambda: len(reader.frames) > before)
    reader.end()
    indices = [frame.index for frame in reader.frames]
    assert indices == sorted(set(indices)) and reader.error is None
    assert camera.opened == len(camera.configs) == 9 and not camera.is_open


def test_a_camera_that_never_comes_back_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = plug_in(monkeypatch, FakeCamera("0001"))
    with KinectSource(patience=Patience(limit_s=0.1, retry_s=0.01)) as source:
        next(source)
        bus.cameras[:] = [FakeCamera("0002")]  # another one is no replacement
        with pytest.raises(
            SourceError, match=r"0001 was unplugged or lost its power; plug it in again, then open it again$"
        ):
            next(source)
    assert not bus.cameras[0].is_open


def test_closing_does_not_wait_for_a_camera_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = plug_in(monkeypatch, camera := FakeCamera("0001"))
    reader = Reader(KinectSource(patience=Patience(retry_s=60.0)))
    bus.cameras.clear()
    wait_until(lambda: reader.source.waiting is not None)
    assert reader.end() < 20.0  # of sixty
    assert not camera.is_open and reader.error is None


@pytest.mark.parametrize("starting", [True, False])
def test_closing_does_not_wait_for_a_silent_camera(monkeypatch: pytest.MonkeyPatch, starting: bool) -> None:
    """Neither while its next picture is late, nor while it is being started again."""
    monkeypatch.setattr(kinect, "FRAME_TIMEOUT_MS", 60_000)
    monkeypatch.setattr(kinect, "START_TIMEOUT_MS", 60_000)
    bus = plug_in(monkeypatch, camera := FakeCamera("0001"))
    reader = Reader(KinectSource(patience=PATIENCE))
    wait_until(lambda: len(reader.frames) > 0)
    if starting:
        bus.cameras.clear()
        wait_until(lambda: reader.source.waiting is not None)
    camera.silent = True
    bus.cameras[:] = [camera]
    wait_until(lambda: len(camera.configs) == 1 + starting)
    time.sleep(0.1)
    assert reader.end() < 20.0  # of sixty
    assert not camera.is_open and reader.error is None


def test_a_camera_that_sends_only_rubbish_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "READABLE_S", 0.1)
    plug_in(monkeypatch, FakeCamera("0001", without=dict.fromkeys(range(3, 10_000), "color")))
    with KinectSource() as source:
        next(source)
        with pytest.raises(
            SourceError, match=r"0001 has sent no whole picture for 0.1 s \(a capture has no colour\); plug"
        ):
            next(source)


def test_closing_while_the_camera_is_opened_again_does_not_start_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = plug_in(monkeypatch, camera := FakeCamera("0001"))
    reader = Reader(KinectSource(patience=PATIENCE))
    bus.cameras.clear()
    wait_until(lambda: reader.source.waiting is not None and not camera.is_open)
    camera.opens_in_s = 1.0
    bus.opening_threads.clear()
    bus.cameras.append(camera)
    wait_until(lambda: bus.opening_threads)
    reader.end()
    assert len(camera.configs) == 1 and not camera.is_open and reader.error is None


def test_a_recording_ends_where_the_camera_was_lost(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bus = plug_in(monkeypatch, camera := FakeCamera("0001"))
    reader = Reader(KinectSource(patience=PATIENCE))
    reader.source.start_recording(tmp_path / "first.mkv")
    wait_until(lambda: reader.source.recording_status.frames > 2)
    bus.cameras.clear()
    wait_until(lambda: reader.source.recording_status.finished)
    assert (
        "first.mkv ends here, as Azure Kinect 0001 was gone; what was recorded" in reader.source.recording_status.error
    )
    assert (tmp_path / "first.mkv").read_text().endswith("flush\nclose\n")
    wait_until(lambda: reader.source.waiting is not None)
    reader.source.start_recording(tmp_path / "second.mkv")  # while it is away: of what comes next
    bus.cameras.append(camera)
    wait_until(lambda: reader.source.recording_status.frames > 2)
    reader.end()
    assert reader.source.recording_status.error is None
    assert (tmp_path / "second.mkv").read_text().startswith("create\nheader\ncapture\n")


def test_what_streams_is_what_a_recording_of_it_plays(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibration = (shared_data / "azure_kinect_desk/calibration_raw.json").read_bytes()
    rng = np.random.default_rng(5)
    images = [
        RecordedImages(
            n * PERIOD_USEC,
            cv2.imencode(".jpg", rng.integers(0, 255, (720, 1280, 3), dtype=np.uint8))[1].ravel(),
            rng.integers(600, 800, (576, 640)).astype(np.uint16),
        )
        for n in range(4)
    ]
    path = tmp_path / "made.mkv"
    record(path, calibration, images)
    plug_in(monkeypatch, FakeCamera("0001", recording=path, calibration=calibration.decode()))
    with open_source("kinect") as streamed, open_source(path) as played:
        assert streamed.info.intrinsics == played.info.intrinsics
        next(played)  # the camera's first picture only tells that it runs
        for expected in played:
            frame = next(streamed)
            np.testing.assert_array_equal(frame.depth_m, expected.depth_m)
            np.testing.assert_array_equal(frame.color, expected.color)
            assert frame.timestamp_s == pytest.approx(expected.timestamp_s)
