"""Streams fed by a pipeline, and the whole command on the demo, received by a socket."""

from __future__ import annotations

import json
import re
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from stream_parts import CAMERA, NAMES, local, receiver, tracked
from waiting import wait_until

from dphm_core import cli
from dphm_core.frames import Observation, RGBDFrame, TrackedFrame
from dphm_core.pipeline import Pipeline
from dphm_core.sources import SourceInfo
from dphm_core.streaming.sink import TappedTracker
from dphm_core.streaming.stream import Broadcast


class FiveFrames:
    """A source, observer and tracker that know nothing but the frames' numbers."""

    info = SourceInfo("folder", "five", CAMERA, fps=30.0, length=5)

    def __init__(self) -> None:
        self.restarts = self.cancels = 0

    def __iter__(self) -> Iterator[RGBDFrame]:
        for index in range(5):
            yield RGBDFrame(index, index / 30, None, np.zeros((2, 2), np.float32), CAMERA)

    def seek(self, index: int) -> None: ...

    def close(self) -> None: ...

    def observe(self, frame: RGBDFrame) -> Observation:
        return Observation.unobserved(frame)

    def hint(self, region: object, depth_m: float) -> None: ...

    def track(self, observation: Observation) -> TrackedFrame:
        return replace(tracked(), observation=observation)

    def restart(self) -> None:
        self.restarts += 1

    def cancel(self) -> None:
        self.cancels += 1


def test_a_pipelines_frames_go_out_and_nothing_else_changes() -> None:
    """The pipeline loses none of them; the network may, but keeps their order and has the last."""
    box, port = receiver()
    parts = FiveFrames()
    with box, Broadcast([local("udp", port)]) as broadcast:
        with Pipeline(parts, parts, TappedTracker(parts, lambda: NAMES, broadcast), every_frame=True) as pipeline:
            assert [frame.index for frame in pipeline.results()] == [0, 1, 2, 3, 4]
        arrived = [json.loads(box.recv(65536))["frame"]]
        while arrived[-1] != 4:
            arrived.append(json.loads(box.recv(65536))["frame"])
        assert arrived == sorted(set(arrived))
        wait_until(lambda: broadcast.statuses[0].sent + broadcast.statuses[0].dropped == 5)
        assert broadcast.statuses[0].sent == len(arrived)
    assert parts.cancels == 1


def test_a_tap_can_be_opened_and_closed_while_frames_run() -> None:
    box, port = receiver()
    parts = FiveFrames()
    tapped = TappedTracker(parts, lambda: NAMES)
    frames = [Observation.unobserved(frame) for frame in parts]
    with box, Broadcast([local("udp", port)]) as broadcast:
        tapped.track(frames[0])
        tapped.sink = broadcast
        assert tapped.track(frames[1]).index == 1
        assert json.loads(box.recv(65536))["frame"] == 1
        tapped.sink = None
        tapped.track(frames[2])
        assert broadcast.statuses[0].dropped == 0
    tapped.restart()
    tapped.cancel()
    assert (parts.restarts, parts.cancels) == (1, 1)


def test_the_command_streams_until_ctrl_c(capfd: pytest.CaptureFixture[str], one_thread: None) -> None:
    """The demo as a camera; the receiver has seen enough after some frames with a head."""
    box, port = receiver()
    box.settimeout(60)
    got: list[dict[str, object]] = []

    def receive() -> None:
        while len(got) < 8:
            got.append(json.loads(box.recv(65536)))
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=receive)
    thread.start()
    with box:
        assert cli.main(["stream", "simulated", "--to", f"udp://127.0.0.1:{port}", "--gaze"]) == 0
        thread.join()
    out, shown = capfd.readouterr()
    assert re.search(r"(tracking|calibrating): \d+ frames \[", shown) and ": :" not in shown
    assert f"udp://127.0.0.1:{port}" in out and "frames sent" in out
    heads = [frame for frame in got if frame["position_m"] is not None]
    assert heads, got
    x, y, z = heads[-1]["position_m"]  # type: ignore[misc]
    assert abs(x) < 0.3 and abs(y) < 0.3 and -1.2 < z < -0.3
    assert np.linalg.norm(heads[-1]["quaternion_wxyz"]) == pytest.approx(1, abs=1e-4)  # type: ignore[arg-type]
    shapes = heads[-1]["blendshapes"]
    assert isinstance(shapes, dict) and len(shapes) == 52
    assert heads[-1]["gaze_from"] == "detector"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["simulated", "--to", "elsewhere"], "is no stream address"),
        (["nothing-there", "--to", "osc://"], "does not exist"),
        (["simulated", "--to"], "names no address"),
    ],
)
def test_what_is_wrong_is_one_line(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["stream", *words]) == 2
    err = capsys.readouterr().err.strip()
    assert told in err and "\n" not in err
