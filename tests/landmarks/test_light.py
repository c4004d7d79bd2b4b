"""The beat of lamps with a camera: made-up brightness of a face under lamps, in motion, and under a switch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from dphm_core.frames import RGBDFrame
from dphm_core.landmarks.light import BANDS, FRAMES, FlickerMeter, band_levels, picture_level
from dphm_core.landmarks.observe import Observer
from dphm_core.landmarks.tables import head_box

READOUT_S = 0.016
"""From exposing the picture's first row to its last."""
ROWS = 240
BOX = (100.0, 50.0, 220.0, 200.0)
TEXTURE = np.random.default_rng(1).uniform(60, 180, (ROWS, 320))
Light = Callable[[float, np.ndarray], "np.ndarray | float"]
"""Brightness factor at a time, seconds, of each row."""


def lamps(hz: float, depth: float) -> Light:
    """Lamps that give so much more and less light, as a short exposure sees them, row by row."""
    return lambda time_s, rows: 1 + depth * np.sin(2 * np.pi * hz * (time_s + READOUT_S * rows / ROWS))


def seen(light: Light, fps: float, seconds: float = 6.0, sway_px: float = 0.0, uneven: float = 0.0) -> list[int | None]:
    """What a meter tells after each frame of a textured face under a light, which sways at 2 Hz, with sensor noise."""
    rng, meter, told = np.random.default_rng(0), FlickerMeter(), []
    for index in range(int(seconds * fps)):
        time_s = (index + 0.5 * rng.uniform(-uneven, uneven)) / fps
        if rng.random() < uneven:
            continue  # lost
        shift = round(sway_px * np.sin(2 * np.pi * 2 * time_s))
        bright = np.roll(TEXTURE, shift, axis=0) * np.broadcast_to(light(time_s, np.arange(ROWS)), ROWS)[:, None]
        color = np.clip(bright + rng.normal(0, 3, bright.shape), 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)
        levels = band_levels(color, BOX)
        assert levels is not None and levels.shape == (BANDS,)
        meter.add(time_s, levels)
        told.append(meter.lamp_hz())
    return told


@pytest.mark.parametrize(
    ("hz", "fps"), [(100, 30.0), (100, 29.97), (100, 15.0), (100, 60.0), (120, 25.0), (120, 50.0), (120, 90.0)]
)
def test_lamps_that_beat_are_found_and_told_apart(hz: int, fps: float) -> None:
    told = seen(lamps(hz, 0.04), fps)
    assert told[FRAMES - 2] is None and set(told[FRAMES:]) == {hz}


def test_lamps_are_found_while_the_head_sways_and_frames_are_late_and_lost() -> None:
    assert set(seen(lamps(100.05, 0.06), 30.0, seconds=9.0, sway_px=3, uneven=0.3)[FRAMES:]) == {100}


def test_lamps_in_step_with_the_camera_harm_nothing() -> None:
    assert set(seen(lamps(120, 0.1), 30.0)) == set(seen(lamps(100, 0.1), 25.0)) == {None}


def test_faint_beats_are_not_told() -> None:
    assert set(seen(lamps(100, 0.004), 30.0)) == {None}


@pytest.mark.parametrize("fps", [15.0, 30.0, 60.0])
@pytest.mark.parametrize(
    "light",
    [
        lambda _time_s, _rows: 1.0,
        lambda time_s, _rows: 0.4 if time_s < 3 else 1.2,  # switched on
        lambda time_s, _rows: 0.5 + 0.1 * time_s,  # dawn
        lambda time_s, rows: 1 + 0.1 * np.sin(2 * np.pi * 1.3 * time_s) * (rows > 125),  # a nodding head's shading
        lambda time_s, rows: 1 + 0.08 * np.sin(2 * np.pi * (2.5 * time_s + np.sin(7 * time_s))) * (rows > 110),  # talk
    ],
)
def test_what_is_no_lamp_is_none(light: Light, fps: float) -> None:
    assert set(seen(light, fps, sway_px=6)) == {None}


def test_a_pause_or_a_step_back_begins_anew() -> None:
    meter = FlickerMeter()
    for time_s in (np.arange(FRAMES) / 30, 10 + np.arange(FRAMES - 1) / 30, 1 + np.arange(FRAMES - 1) / 30):
        for time in time_s:
            meter.add(time, np.full(BANDS, 100 * (1 + 0.05 * np.sin(2 * np.pi * 100 * time))))
        assert (meter.lamp_hz() == 100) is (len(time_s) == FRAMES)


def test_a_face_outside_of_the_picture_has_no_brightness() -> None:
    color = np.full((480, 640, 3), 90, np.uint8)
    assert band_levels(color, (-400.0, 0.0, -200.0, 200.0)) is None
    assert band_levels(color, (10.0, 10.0, 12.0, 12.0)) is None
    assert picture_level(color) == 90


def test_a_turning_head_is_no_lamp(model_on_disk: None, mannequin: list[RGBDFrame]) -> None:
    meter, measured = FlickerMeter(), 0
    with Observer() as observer:
        for frame in mannequin:
            landmarks = observer.observe(frame).landmarks
            if landmarks is not None and frame.color is not None:
                levels = band_levels(frame.color, head_box(landmarks.pixels))
                assert levels is not None
                meter.add(frame.timestamp_s, levels)
                measured += 1
                assert meter.lamp_hz() is None
    assert measured > FRAMES
