"""Live cameras through stand-ins for their makers' drivers: what is the same for all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import fake_k4a
import fake_orbbec
import fake_realsense
import pytest
from fake_bus import FakeCamera
from refusal import refused
from waiting import wait_until

from dphm_core.errors import NoCameraError, SourceError
from dphm_core.frames import RGBDFrame
from dphm_core.sources import driver_camera, is_live, open_source
from dphm_core.sources.devices import Camera, list_cameras
from dphm_core.sources.driver_camera import DriverCamera
from dphm_core.sources.live import Patience
from dphm_core.sources.orbbec import OrbbecSource
from dphm_core.sources.realsense import RealSenseSource

QUICK = Patience(limit_s=10.0, retry_s=0.01)


@dataclass(frozen=True)
class Maker:
    """One maker's cameras."""

    fake: ModuleType
    source: type[DriverCamera]
    kind: str
    model: str
    name: str
    """In messages."""
    refusal: str
    failure: str
    unplugged: str
    fisheye: str


MAKERS = (
    Maker(
        fake_realsense,
        RealSenseSource,
        "realsense",
        "RealSense D435",
        "Intel RealSense",
        "Couldn't resolve requests",
        "Frame didn't arrive",
        "was unplugged",
        "kannala_brandt4",
    ),
    Maker(
        fake_orbbec,
        OrbbecSource,
        "orbbec",
        "Orbbec Femto Bolt",
        "Orbbec camera",
        "device is busy",
        "libusb went mad",
        "was unplugged or lost its power",
        "KANNALA_BRANDT4",
    ),
)
of_each_maker = pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.kind)


@pytest.fixture(autouse=True)
def _short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_camera, "START_TIMEOUT_MS", 50)
    monkeypatch.setattr(driver_camera, "FRAME_TIMEOUT_MS", 50)


@of_each_maker
def test_a_camera_gives_frames_and_is_released(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    maker.fake.plug_in(monkeypatch, camera := FakeCamera("0001"))
    assert is_live(maker.kind)
    with open_source(maker.kind) as source:
        assert (source.info.kind, source.info.label) == (maker.kind, f"{maker.model} 0001")
        assert (source.info.length, source.info.fps, source.seekable) == (None, 30, False)
        frames = [next(source) for _ in range(3)]
        assert camera.streams and source.dropped == 0
    assert not camera.streams
    source.close()
    assert next(source, None) is None
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert frames[1].timestamp_s - frames[0].timestamp_s == pytest.approx(1 / 30, abs=1e-4)
    color = frames[0].color
    assert color is not None and color.shape == (*frames[0].depth_m.shape, 3)


@of_each_maker
def test_a_camera_is_chosen_by_its_serial_number_and_listed(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_k4a.plug_in(monkeypatch)
    maker.fake.plug_in(monkeypatch, first := FakeCamera("0001"), second := FakeCamera("0002"))
    with open_source(f"{maker.kind}:0002"):
        assert (first.streams, second.streams) == (False, True)
    assert f"{maker.name} 0003 is not connected (found: 0001, 0002)" in refused(f"{maker.kind}:0003")
    assert list_cameras().cameras[-1] == Camera(maker.kind, maker.model, "0002", f"{maker.kind}:0002")


@of_each_maker
def test_without_a_camera_the_next_step_is_told(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    maker.fake.plug_in(monkeypatch)
    with pytest.raises(NoCameraError, match=f"no {maker.name} is connected; plug it into a USB 3 port"):
        open_source(maker.kind)


@of_each_maker
def test_a_camera_that_does_not_start_is_told_and_released(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    maker.fake.plug_in(monkeypatch, camera := FakeCamera("0001", starts=False))
    assert f"{maker.model} 0001 does not start ({maker.refusal}); plug it into a USB 3 port" in refused(maker.kind)
    camera.starts, camera.silent = True, True
    assert f"{maker.model} 0001 sends no picture; plug it into a USB 3 port" in refused(maker.kind)
    assert not camera.streams
    camera.silent, camera.model = False, maker.fisheye
    assert f"its lens is of the kind {maker.fisheye}" in refused(maker.kind)
    assert not camera.streams


@of_each_maker
def test_a_camera_that_is_plugged_in_again_goes_on_by_itself(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    bus = maker.fake.plug_in(monkeypatch, FakeCamera("0009"), camera := FakeCamera("0001"))
    source = maker.source("0001", QUICK)
    frames: list[RGBDFrame] = []
    reader = threading.Thread(target=lambda: frames.extend(source))
    reader.start()
    wait_until(lambda: camera.sent > 4)
    bus.cameras.remove(camera)
    wait_until(lambda: source.waiting is not None)
    assert source.waiting == f"{maker.model} 0001 {maker.unplugged}; plug it in again: it goes on by itself"
    wait_until(lambda: not camera.streams)
    sent = camera.sent
    bus.cameras.append(camera)
    wait_until(lambda: camera.sent > sent + 6)
    assert source.waiting is None and camera.starts_so_far == 2
    source.interrupt()
    reader.join()
    source.close()
    assert not camera.streams
    times_s = [frame.timestamp_s for frame in frames]
    indices = [frame.index for frame in frames]
    assert len(frames) > 5 and times_s == sorted(times_s) and indices == sorted(set(indices))


@of_each_maker
def test_pulling_the_cable_silence_and_failure_are_told_apart(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    def given_up(harm: Callable[[FakeCamera, list[FakeCamera]], object]) -> str:
        bus = maker.fake.plug_in(monkeypatch, camera := FakeCamera("0001"))
        with maker.source(patience=Patience(limit_s=0.0)) as source:
            next(source)
            harm(camera, bus.cameras)
            with pytest.raises(SourceError) as caught:
                next(source)
            assert not camera.streams and source.waiting is None
        return str(caught.value).removeprefix(f"{maker.model} 0001 ")

    silent = given_up(lambda camera, cameras: setattr(camera, "silent", True))
    assert silent == "has sent no picture for 0.05 s; plug it in again, without a hub between, then open it again"
    failed = given_up(lambda camera, cameras: (setattr(camera, "fails", True), setattr(camera, "starts", False)))
    assert failed == f"fails ({maker.failure}); plug it in again, then open it again"
    pulled = given_up(lambda camera, cameras: cameras.clear())
    assert pulled == f"{maker.unplugged}; plug it in again, then open it again"
