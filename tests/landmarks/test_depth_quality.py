"""Advice on the depth of a face: for made-up depth of known faults, and for a real capture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dphm_core import cli
from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.frames import FaceLandmarks, RGBDFrame
from dphm_core.landmarks.advice import Fault, depth_advice
from dphm_core.landmarks.depth_quality import EYES, MOUTH, depth_quality, face_place
from dphm_core.landmarks.head_place import HeadPlace
from dphm_core.landmarks.observe import Observer

CAMERA = Intrinsics(640, 480, 600.0, 600.0, 320.0, 240.0)
SCATTER = np.random.default_rng(0).random((480, 640))


def face_at(distance_m: float, holes: float = 0.0, flying: float = 0.0) -> tuple[RGBDFrame, HeadPlace]:
    """A flat face that fills its box; parts of its pixels are empty, or lie 4 cm before it."""
    depth_m = np.full((480, 640), distance_m, np.float32)
    depth_m[holes > SCATTER] = 0
    depth_m[flying > 1 - SCATTER] -= 0.04
    half = 0.15 * CAMERA.fx / distance_m
    place = HeadPlace((320 - half, 240 - half, 320 + half, 240 + half), distance_m)
    return RGBDFrame(0, 0.0, None, depth_m, CAMERA), place


def landmarks_of(place: HeadPlace, depth: float) -> FaceLandmarks:
    """478 landmarks over the middle of a head's box, all at one depth."""
    x0, y0, x1, y1 = place.box
    x = np.linspace(x0 + 0.3 * (x1 - x0), x1 - 0.3 * (x1 - x0), 478)
    y = np.linspace(y0 + 0.3 * (y1 - y0), y1 - 0.1 * (y1 - y0), 478)
    points = np.full((478, 3), depth, np.float32)
    return FaceLandmarks(np.stack([x, y], axis=-1).astype(np.float32), points, np.zeros(52, np.float32))


@pytest.mark.parametrize("distance_m", [0.3, 0.4, 0.7, 1.0, 1.2])
def test_a_good_face_at_any_allowed_distance_needs_no_advice(distance_m: float) -> None:
    assert depth_advice(*face_at(distance_m, holes=0.1, flying=0.01)) == {}


@pytest.mark.parametrize(
    ("distance_m", "holes", "flying", "told"),
    [
        (0.25, 0.0, 0.0, ["Move back: 0.25 m, best is 0.4 to 0.9 m"]),
        (1.4, 0.0, 0.0, ["Come nearer: 1.4 m, best is 0.4 to 0.9 m"]),
        (0.7, 0.4, 0.0, ["Face the camera"]),
        (0.35, 0.4, 0.0, ["Move back to 0.4 m, or use a wide depth mode"]),
        (0.7, 0.0, 0.25, ["Keep hair and hands off"]),
        (1.8, 0.5, 0.0, ["Come nearer: 1.8 m", "Face the camera", "the face is only 50 pixels wide"]),
    ],
)
def test_each_fault_has_its_advice(distance_m: float, holes: float, flying: float, told: list[str]) -> None:
    advice = list(depth_advice(*face_at(distance_m, holes, flying)).values())
    assert len(advice) == len(told) and all(part in line for part, line in zip(told, advice, strict=True))


def test_figures_are_those_of_the_face() -> None:
    frame, place = face_at(0.6, holes=0.2)
    found = depth_quality(frame, place)
    assert found.holes == pytest.approx(0.2, abs=0.02)
    assert (found.distance_m, found.flying) == (0.6, 0.0)
    assert found.face_px == pytest.approx(150)


def test_what_lies_far_behind_is_a_hole_and_outside_of_the_image_is_nothing() -> None:
    frame, place = face_at(0.6)
    assert depth_quality(replace(frame, depth_m=np.full_like(frame.depth_m, 3.0)), place).holes == 1
    away = HeadPlace((-500.0, 0.0, -300.0, 200.0), 0.6)
    assert depth_quality(frame, away).holes == 1


def test_a_face_without_depth_is_as_far_as_it_looks_large() -> None:
    _, place = face_at(0.25)
    blind = landmarks_of(place, np.nan)
    found = face_place(blind, CAMERA)
    assert 0.15 < found.depth_m < 0.35
    empty = RGBDFrame(0, 0.0, None, np.zeros((480, 640), np.float32), CAMERA)
    assert "Move back" in depth_advice(empty, found)[Fault.HOLES]
    assert "100% of the face has no depth" in depth_advice(empty, found)[Fault.HOLES]


@pytest.mark.parametrize(("part", "fault"), [(EYES, Fault.EYES), (MOUTH, Fault.MOUTH)])
def test_holes_at_eyes_and_mouth_are_told_apart(part: list[int], fault: Fault) -> None:
    frame, place = face_at(0.6)
    landmarks = landmarks_of(place, 0.6)
    columns, rows = np.rint(landmarks.pixels[part]).astype(int).T
    frame.depth_m[rows, columns] = 0
    (told,) = depth_advice(frame, place, landmarks)
    assert told is fault
    assert depth_advice(frame, place) == {}


def test_hair_without_depth_is_told_and_what_is_outside_of_the_picture_is_not() -> None:
    frame, place = face_at(0.6)
    frame.depth_m[: 240 - 60] = 0  # above the forehead
    (line,) = depth_advice(frame, place).values()
    assert "100% of the hair has no depth" in line
    high = replace(place, box=(170.0, -100.0, 470.0, 200.0))
    assert Fault.HAIR not in depth_advice(face_at(0.6)[0], high)


def test_a_real_head_is_good_near_by_and_advised_far_away(model_on_disk: None, mannequin: list[RGBDFrame]) -> None:
    with Observer() as observer:
        landmarks = observer.observe(mannequin[48]).landmarks
    assert landmarks is not None
    frame = mannequin[48]
    place = face_place(landmarks, frame.intrinsics)
    found = depth_quality(frame, place)
    assert 0.25 < found.distance_m < 0.5 and found.holes < 0.1 and found.flying < 0.02
    moved = replace(frame, depth_m=np.where(frame.depth_m > 0, frame.depth_m + np.float32(1), 0).astype(np.float32))
    assert Fault.TOO_FAR in depth_advice(moved, replace(place, depth_m=place.depth_m + 1))
    assert depth_advice(frame, replace(place, depth_m=0.4), landmarks) == {}


def test_info_tells_of_the_face(
    model_on_disk: None, shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frontal = str(tmp_path / "frontal")
    assert (
        cli.main(["convert", str(shared_data / "truedepth_mannequin"), frontal, "--start", "48", "--stop", "49"]) == 0
    )
    assert cli.main(["info", frontal]) == 0
    shown = capsys.readouterr().out
    assert "\nface          0." in shown and "m away, depth in " in shown
    assert cli.main(["info", str(shared_data / "azure_kinect_desk/recording.mkv")]) == 0
    assert "face          none found" in capsys.readouterr().out
