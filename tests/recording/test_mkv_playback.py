"""The demo as an Azure Kinect recording, in the pipeline that the window and the command line run."""

from __future__ import annotations

from math import inf
from pathlib import Path
from time import process_time

import pytest
from waiting import wait_until

from dphm_core.evaluation.load_benchmark.stages import NoTracker
from dphm_core.frames import RGBDFrame
from dphm_core.landmarks.observe import Observer
from dphm_core.pipeline import Pace, Pipeline, PipelineState
from dphm_core.places import DEMO_RECORDING
from dphm_core.sources import open_source

DEMO_MKV = DEMO_RECORDING.with_suffix(".mkv")
pytestmark = pytest.mark.skipif(not DEMO_MKV.is_file(), reason="needs recordings/demo.mkv")


def playing(path: Path, pace: Pace) -> Pipeline:
    pipeline = Pipeline(open_source(path), Observer(landmarks=False), NoTracker(), every_frame=False, pace=pace)
    pipeline.set_tracking(False)
    return pipeline


def content(frame: RGBDFrame) -> tuple[float, bytes, bytes]:
    assert frame.color is not None
    return frame.timestamp_s, frame.color.tobytes(), frame.depth_m.tobytes()


def test_stepping_back_shows_the_same_bytes_as_playing_on() -> None:
    with open_source(DEMO_MKV) as source:
        forwards = [content(frame) for frame in source]
    with playing(DEMO_MKV, Pace.STEPPED) as pipeline:
        pipeline.seek(len(forwards) - 1)
        started = process_time()
        for index in reversed(range(len(forwards))):
            wait_until(lambda index=index: shown(pipeline) == index)
            latest = pipeline.latest()
            assert latest is not None and content(latest.observation.frame) == forwards[index]
            if index:
                pipeline.step(-1)
        assert (process_time() - started) / len(forwards) < 0.1  # so that it keeps up with a key that is held down


def test_any_speed_gets_to_the_end() -> None:
    with playing(DEMO_MKV, Pace.SOURCE) as pipeline:
        for speed in (8.0, inf):
            pipeline.player.speed = speed
            pipeline.seek(40)
            pipeline.play()
            wait_until(lambda: pipeline.status().state is PipelineState.ENDED and pipeline.status().caught_up)
            assert shown(pipeline) == 49


def shown(pipeline: Pipeline) -> int | None:
    latest = pipeline.latest()
    return None if latest is None else latest.observation.frame.index
