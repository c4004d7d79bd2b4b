"""Recordings of RealSense's and Orbbec's own programs: every frame once, any of them at once, cut ones as far as whole.

data/ holds what RealSense's drivers recorded of a camera made of software: a .bag by 2.55, a .db3 by 2.59,
and one by 2.58, which packs each message.
"""

from __future__ import annotations

import importlib.util
import logging
import sqlite3
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import orbbec_bag
import pytest
import record_realsense as made
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from read_everything import read_everything
from refusal import refused

from dphm_core.camera.registration import DepthRegistration
from dphm_core.frames import RGBDFrame
from dphm_core.sources import open_source
from dphm_core.sources.bag_file import BagFile
from dphm_core.sources.bag_source import BagSource
from dphm_core.sources.realsense_recording import RealSenseBag

DATA = Path(__file__).parent / "data"
RECORDINGS = ("realsense.bag", "realsense.db3", "realsense_zstd.db3")
INDICES = [0, 1, 3, 4, 6, 7, 8]
NUMBERS = [0, 1, 3, 4, 5, 6, 7]
"""Of the recorded pictures that the frames are of."""
by_kind = pytest.mark.parametrize("name", RECORDINGS)
needs_driver = pytest.mark.skipif(importlib.util.find_spec("pyrealsense2") is None, reason="needs pyrealsense2")


def frames_of(path: Path) -> list[RGBDFrame]:
    with open_source(path) as source:
        return list(source)


def check_realsense(path: Path) -> None:
    frames = frames_of(path)
    assert [frame.index for frame in frames] == INDICES
    assert [frame.timestamp_s for frame in frames] == pytest.approx([made.time_s(number) for number in NUMBERS])
    for frame, number in zip(frames, NUMBERS, strict=True):
        assert frame.color is not None
        np.testing.assert_array_equal(frame.color, made.color_image(number))
        seen = frame.depth_m[frame.depth_m > 0]
        assert seen.size > 0.8 * frame.depth_m.size
        wall_m = made.depth_image(number).max() * made.UNIT_M + made.TRANSLATION_M[2]
        assert np.median(seen) == pytest.approx(wall_m, abs=0.001)


@by_kind
def test_every_frame_of_a_realsense_recording_comes_once(name: str, caplog: pytest.LogCaptureFixture) -> None:
    check_realsense(DATA / name)
    assert [record.getMessage() for record in caplog.records] == [
        "1 of 8 depth images have no colour image of their time: left out"
    ]


@by_kind
def test_what_a_realsense_recording_tells_of_its_cameras_is_used(name: str) -> None:
    with BagSource(DATA / name) as source:
        camera = source.info.intrinsics
        assert (source.info.kind, source.info.fps, source.info.length) == ("realsense recording", 30, 9)
        assert source.count(range(0, 6)) == 4
        recorded = source._camera
        frame = next(source)
    k1, k2, p1, p2, k3 = made.LENS
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (120, 120, 63.5, 47.5)
    assert (*camera.k[:3], *camera.p) == pytest.approx((k1, k2, k3, p1, p2))
    assert recorded.label == "RealSense D435 0042"
    assert recorded.depth_to_color.rotation == pytest.approx(made.rotation(), abs=2e-6)
    assert recorded.depth_to_color.translation_m == pytest.approx(made.TRANSLATION_M, abs=1e-6)
    register = DepthRegistration(recorded.depth_camera, camera, recorded.depth_to_color)
    wanted = register(made.depth_image(0).astype(np.float32) * np.float32(made.UNIT_M))
    assert frame.depth_m == pytest.approx(wanted, abs=1e-6)


def test_older_drivers_name_of_the_depth_unit_is_known() -> None:
    bag = BagFile(DATA / "realsense.bag")
    bag._topics["/device_0/sensor_0/option/Depth Units/value"] = bag._topics.pop(
        "/device_0/sensor_0/option/Depth_Units/value"
    )
    assert RealSenseBag(bag).unit_m == pytest.approx(made.UNIT_M)
    bag.close()


@by_kind
def test_any_frame_can_be_gone_to(name: str) -> None:
    in_order = {frame.index: frame for frame in frames_of(DATA / name)}
    with open_source(DATA / name) as source:
        for index in (8, 0, 7, 3, 4, 4, 2, 5):
            source.seek(index)
            frame = next(source)
            assert frame.index == next(there for there in INDICES if there >= index)
            np.testing.assert_array_equal(frame.depth_m, in_order[frame.index].depth_m)
        source.seek(9)
        assert next(source, None) is None
        source.seek(0)
        source.close()
        source.close()
        assert next(source, None) is None


@pytest.mark.parametrize("packing", ["lz4", "none"])
def test_an_orbbec_recording_is_read(packing: str, tmp_path: Path) -> None:
    path = orbbec_bag.write_bag(tmp_path / "take.bag", orbbec_bag.whole(), packing)
    with BagSource(path) as source:
        assert (source.info.kind, source.info.fps) == ("orbbec recording", 30)
        assert source._camera.label == "Orbbec Femto Bolt 0007"
        frames = list(source)
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert frames[2].timestamp_s == pytest.approx(orbbec_bag.START_S + 2 / 30)
    for number, frame in enumerate(frames):
        assert frame.color is not None and frame.color.shape == (96, 128, 3)
        assert frame.color[40, 60] == pytest.approx([200, 20 * number, 5], abs=3)
        seen = frame.depth_m > 0
        assert frame.depth_m[seen] == pytest.approx(0.51 + number / 1000, abs=1e-5)
        rows, columns = np.nonzero(seen)  # turned by a quarter: as high as the image, and narrower
        assert np.ptp(rows) == 95 and np.ptp(columns) == pytest.approx(95, abs=4)


@pytest.mark.parametrize(
    ("encoding", "pixel", "rgb"),
    [
        ("rgb8", (5, 6, 200), (5, 6, 200)),
        ("bgr8", (5, 6, 200), (200, 6, 5)),
        ("rgba8", (5, 6, 200, 1), (5, 6, 200)),
        ("BGRA8", (5, 6, 200, 1), (200, 6, 5)),
        ("YUYV", (100, 128), (98, 98, 98)),
        ("yuv422", (128, 100), (98, 98, 98)),
    ],
)
def test_colour_may_be_unpacked(encoding: str, pixel: tuple[int, ...], rgb: tuple[int, ...], tmp_path: Path) -> None:
    width, height = orbbec_bag.COLOR
    picture = bytes(pixel) * (width * height)
    depth = np.full(orbbec_bag.DEPTH[::-1], 500, ">u2" if encoding == "rgb8" else "<u2").tobytes()
    color = orbbec_bag.image(2, orbbec_bag.START_S, orbbec_bag.COLOR, encoding, picture)
    messages = [orbbec_bag.image(3, orbbec_bag.START_S, orbbec_bag.DEPTH, "z16", depth), color]
    if encoding == "rgb8":  # and depth with its bytes swapped, as it says
        swapped = messages[0].content.replace(b"z16\0", b"z16\1")
        messages[0] = orbbec_bag.Message(messages[0].topic, messages[0].kind, messages[0].time_s, swapped)
    rest = [orbbec_bag.profile(2, orbbec_bag.COLOR), orbbec_bag.profile(3, orbbec_bag.DEPTH)]
    (frame,) = frames_of(orbbec_bag.write_bag(tmp_path / "take.bag", [*messages, *rest]))
    assert frame.color is not None
    assert frame.color[10, 10] == pytest.approx(rgb, abs=2)
    assert frame.depth_m.max() == pytest.approx(0.51, abs=1e-5)


def test_a_bag_that_was_never_closed_is_read_as_far_as_it_is_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = orbbec_bag.write_bag(
        tmp_path / "whole.bag", sorted(orbbec_bag.whole(9), key=lambda told: told.kind.endswith("Image"))
    )
    content = whole.read_bytes()
    cut = tmp_path / "cut.bag"
    cut.write_bytes(content[: content.rindex(b"frameType_2", 0, int(0.6 * len(content)))])
    frames = frames_of(cut)
    assert 2 < len(frames) < 9
    for frame, wanted in zip(frames, frames_of(whole), strict=False):
        np.testing.assert_array_equal(frame.depth_m, wanted.depth_m)
    assert f"what is whole is read, {len(frames)} frames" in caplog.text


def test_a_stopped_realsense_recording_is_read(tmp_path: Path) -> None:
    """What the driver had written when it was ended: it is not indexed, and the driver itself refuses it."""
    content = bytearray((DATA / "realsense.bag").read_bytes())
    (index,) = struct.unpack_from("<Q", content, content.index(b"index_pos=") + 10)
    (tmp_path / "take.bag").write_bytes(content[:index])
    check_realsense(tmp_path / "take.bag")


def test_cameras_with_clocks_of_their_own_are_paired_by_when_they_were_recorded(tmp_path: Path) -> None:
    path = tmp_path / "take.db3"
    path.write_bytes((DATA / "realsense.db3").read_bytes())
    with sqlite3.connect(path) as database:
        (topic,) = database.execute("SELECT id FROM topics WHERE name LIKE '%Color_0/image/metadata'").fetchone()
        for row, content in database.execute("SELECT id, data FROM messages WHERE topic_id = ?", (topic,)).fetchall():
            ahead = content.replace(b"timestamp=1", b"timestamp=9")
            database.execute("UPDATE messages SET data = ? WHERE id = ?", (ahead, row))
    database.close()
    frames = frames_of(path)
    assert len(frames) == 7
    for frame, number in zip(frames, NUMBERS, strict=True):
        assert frame.color is not None and frame.color[0, 0, 1] == 10 * number


def test_a_message_that_claims_to_be_huge_is_not_unpacked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "take.db3"
    path.write_bytes((DATA / "realsense_zstd.db3").read_bytes())
    huge = b"\x28\xb5\x2f\xfd\xe0" + (1 << 40).to_bytes(8, "little") + bytes(8)
    with sqlite3.connect(path) as database:
        (topic,) = database.execute("SELECT id FROM topics WHERE name LIKE '%Depth_0/image/data'").fetchone()
        database.execute("UPDATE messages SET data = ? WHERE topic_id = ? AND timestamp < 1000", (huge, topic))
    database.close()
    assert [frame.index for frame in frames_of(path)] == INDICES[1:]
    assert "frame 0: a message claims to unpack to 1099511627776 bytes" in caplog.text


def test_a_picture_goes_with_the_facts_that_were_recorded_with_it(tmp_path: Path) -> None:
    path = tmp_path / "take.db3"
    path.write_bytes((DATA / "realsense.db3").read_bytes())
    told_of = "SELECT id FROM messages WHERE topic_id = (SELECT id FROM topics WHERE name LIKE ?) LIMIT 1 OFFSET 3"
    with sqlite3.connect(path) as database:
        (row,) = database.execute(told_of, ("%Depth_0/image/metadata",)).fetchone()
        database.execute("DELETE FROM messages WHERE id = ?", (row,))
    database.close()
    frames = frames_of(path)
    assert [frame.index for frame in frames] == [0, 1, 4, 6, 7, 8]
    for frame, number in zip(frames, [0, 1, 4, 5, 6, 7], strict=True):
        assert frame.color is not None and frame.color[0, 0, 1] == 10 * number


def test_no_camera_is_needed_to_say_what_is_wrong(tmp_path: Path) -> None:
    def refused_with(*messages: orbbec_bag.Message) -> str:
        return refused(orbbec_bag.write_bag(tmp_path / "take.bag", messages))

    disparity = orbbec_bag.Message("/cam/disparityParam", "custom_msg/OBDisparityParam", 7.0, orbbec_bag.head(7.0))
    assert "records disparities; use a Femto" in refused_with(*orbbec_bag.whole(), disparity)
    assert "holds no depth images" in refused_with(*orbbec_bag.pictures(2)[1::2])
    old = orbbec_bag.Message("/cam0/color_raw", "sensor_msgs/Image", 7.0, orbbec_bag.head(7.0))
    assert "is of Orbbec's SDK 1; record it again" in refused_with(old)
    fish = orbbec_bag.profile(2, orbbec_bag.COLOR, model=5)
    assert "its lens is a fisheye" in refused_with(
        *orbbec_bag.pictures(2), orbbec_bag.profile(3, orbbec_bag.DEPTH), fish
    )


@pytest.mark.parametrize("name", [*RECORDINGS, "orbbec"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_are_read_or_refused(name: str, tmp_path: Path, data: st.DataObject) -> None:
    if name == "orbbec":
        orbbec_bag.write_bag(tmp_path / "take.bag", orbbec_bag.whole(), "none")
    path = tmp_path / ("take.bag" if name == "orbbec" else name)
    content = bytearray(path.read_bytes() if name == "orbbec" else (DATA / name).read_bytes())
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(16, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content)))) :]
    path.write_bytes(content)
    logging.disable()
    try:
        outcome = read_everything(path)
    finally:
        logging.disable(logging.NOTSET)
    assert outcome.frames <= 8 and (outcome.error is None) == (outcome.frames > 0)
    assert "\n" not in (outcome.error or "")


@needs_driver
def test_what_the_driver_records_is_read(tmp_path: Path) -> None:
    for suffix in (".bag", ".db3"):
        path = tmp_path / f"take{suffix}"
        command = [sys.executable, made.__file__, str(path)]
        if subprocess.run(command, capture_output=True, timeout=60).returncode == 0:
            check_realsense(path)
            return
    pytest.fail("the driver records neither .bag nor .db3")
