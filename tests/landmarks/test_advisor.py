"""Advice comes when a fault lasts, goes when it is gone, and does not flicker."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.frames import FaceLandmarks, RGBDFrame
from dphm_core.landmarks.advice import Advice, Fault
from dphm_core.landmarks.advisor import COMES_S, GOES_S, LOOK_EVERY_S, REWRITE_S, Advisor, SteadyAdvice

CAMERA = Intrinsics(640, 480, 600.0, 600.0, 320.0, 240.0)
FPS = 30.0


def face(index: int, distance_m: float, level: float = 120.0) -> tuple[RGBDFrame, FaceLandmarks]:
    """A flat, evenly bright face in the picture's middle."""
    color = np.full((480, 640, 3), level, np.uint8)
    depth_m = np.full((480, 640), distance_m, np.float32)
    half = 0.07 * CAMERA.fx / distance_m
    x, y = 320 + np.linspace(-half, half, 478), 240 + np.linspace(-1.2 * half, 1.2 * half, 478)
    points = np.full((478, 3), distance_m, np.float32)
    landmarks = FaceLandmarks(np.stack([x, y], axis=-1).astype(np.float32), points, np.zeros(52, np.float32))
    return RGBDFrame(index, index / FPS, color, depth_m, CAMERA), landmarks


def lines(advisor: Advisor, start: int, seconds: float, distance_m: float, level: float = 120.0) -> list[str]:
    return [advisor.look(*face(index, distance_m, level)) for index in range(start, start + round(seconds * FPS))]


def changes(told: Iterable[str]) -> list[str]:
    """What a reader sees, without repetitions."""
    seen: list[str] = []
    for line in told:
        if not seen or line != seen[-1]:
            seen.append(line)
    return seen


def test_advice_comes_after_two_seconds_and_goes_after_one() -> None:
    advisor = Advisor()
    assert set(lines(advisor, 0, 3, 0.7)) == {""}
    far = lines(advisor, 90, 4, 1.4)
    assert changes(far) == ["", "Come nearer: 1.4 m, best is 0.4 to 0.9 m"]
    assert far.index(far[-1]) / FPS == pytest.approx(COMES_S, abs=2 * LOOK_EVERY_S)
    good = lines(advisor, 210, 4, 0.7)
    assert changes(good) == [far[-1], ""]
    assert good.index("") / FPS == pytest.approx(GOES_S, abs=2 * LOOK_EVERY_S)


def test_what_comes_and_goes_is_not_told_and_what_was_told_does_not_flicker() -> None:
    rng, steady = np.random.default_rng(0), SteadyAdvice()
    told = []
    for _ in range(1000):
        steady.take({Fault.TOO_FAR: "far"} if rng.random() < 0.5 else {}, LOOK_EVERY_S)
        told.append(steady.line)
    assert set(told) == {""}
    for _ in range(20):
        steady.take({Fault.TOO_FAR: "far"}, LOOK_EVERY_S)
    for _ in range(1000):
        steady.take({Fault.TOO_FAR: "far"} if rng.random() < 0.9 else {}, LOOK_EVERY_S)
        assert steady.line == "far"


def test_the_gravest_is_told_and_figures_change_slowly() -> None:
    steady, told = SteadyAdvice(), []
    for step in range(50):
        advice: Advice = {Fault.TOO_FAR: f"far {step}", Fault.FEW_PIXELS: "few"}
        steady.take(advice, LOOK_EVERY_S)
        told.append(steady.line)
    assert "few" not in told
    shown = changes(told)
    assert len(shown) - 1 <= (50 * LOOK_EVERY_S - COMES_S) / REWRITE_S + 1
    for _ in range(8):
        steady.take({Fault.FEW_PIXELS: "few"}, LOOK_EVERY_S)
    assert steady.line == "few"


def test_the_log_tells_each_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    advisor = Advisor()
    lines(advisor, 0, 10, 1.4)
    lines(advisor, 300, 5, 0.7)
    assert caplog.messages == ["Come nearer: 1.4 m, best is 0.4 to 0.9 m", "the picture of the face is good"]


def test_darkness_is_told_with_a_face_and_without(caplog: pytest.LogCaptureFixture) -> None:
    assert "Turn on a light" in lines(Advisor(), 0, 4, 0.7, level=5)[-1]
    advisor = Advisor()
    for index in range(120):
        frame, _ = face(index, 0.7, level=4)
        line = advisor.look(frame, None)
    assert "Turn on a light" in line
    for index in range(120):
        frame, _ = face(index, 0.7)
        line = advisor.look(frame, None)
    assert line == ""


def test_beating_lamps_are_told_and_light_that_is_switched_on_is_not() -> None:
    def last(light) -> str:
        advisor = Advisor()
        return [advisor.look(*face(index, 0.7, light(index / FPS))) for index in range(180)][-1]

    told = last(lambda time_s: 120 * (1 + 0.08 * np.sin(2 * np.pi * 100 * time_s)))
    assert told.startswith("Set the camera's power-line frequency to 50 Hz, or lock its exposure to 1/100 s")
    assert last(lambda time_s: 60 if time_s < 3 else 150) == ""


def test_without_colour_and_after_a_step_back_it_goes_on() -> None:
    advisor = Advisor()
    lines(advisor, 0, 4, 1.4)
    assert advisor.look(replace(face(5, 1.4)[0], color=None), None) != ""  # one frame is no change
    assert changes(lines(advisor, 0, 4, 1.4)) == ["Come nearer: 1.4 m, best is 0.4 to 0.9 m"]
