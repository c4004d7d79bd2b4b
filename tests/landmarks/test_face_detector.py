from __future__ import annotations

import os
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from faces import on_canvas

from dphm_core.frames import RGBDFrame
from dphm_core.landmarks import BLENDSHAPE_NAMES
from dphm_core.landmarks.detector import FaceDetector, search_tiles
from dphm_core.landmarks.stderr import chatter_silenced


@pytest.fixture(scope="module")
def detector(model_on_disk: None) -> Iterator[FaceDetector]:
    with FaceDetector() as detector:
        yield detector


def test_a_turning_head_is_followed(detector: FaceDetector, mannequin: list[RGBDFrame]) -> None:
    found = [detector.detect(frame.color, frame.timestamp_s) is not None for frame in mannequin[:90:2]]
    assert sum(found) >= 39  # the first frames are a profile
    assert all(found[8:])


def test_landmarks_lie_on_the_face(detector: FaceDetector, mannequin: list[RGBDFrame]) -> None:
    pixels, blendshapes = detector.detect(mannequin[48].color, 0.0)
    assert pixels.shape == (478, 2) and pixels.dtype == np.float32
    assert blendshapes.shape == (52,) and blendshapes.dtype == np.float32
    scores = dict(zip(BLENDSHAPE_NAMES, blendshapes, strict=True))
    assert all(0 <= score <= 1 for score in scores.values()) and scores["jawOpen"] < 0.1
    right_eye, left_eye, upper_lip, lower_lip, chin = pixels[[33, 263, 11, 15, 152]]
    assert right_eye[0] < upper_lip[0] < left_eye[0]  # the subject's right is at the image's left
    assert right_eye[1] < upper_lip[1] < lower_lip[1] < chin[1] < 320


def test_names_are_mediapipes(detector: FaceDetector, mannequin: list[RGBDFrame]) -> None:
    result = detector._run(mannequin[48].color)
    assert tuple(shape.category_name for shape in result.face_blendshapes[0]) == BLENDSHAPE_NAMES


def test_mirrored_image_gives_mirrored_pixels(detector: FaceDetector, mannequin: list[RGBDFrame]) -> None:
    """Integer coordinates are pixel centres: x becomes W - 1 - x."""
    sums = []
    for frame in mannequin[40:56:2]:
        straight = detector.detect(frame.color, 1.0)[0]
        mirrored = detector.detect(np.ascontiguousarray(frame.color[:, ::-1]), 0.0)[0]
        sums.append(straight[:, 0].mean() + mirrored[:, 0].mean())
    assert np.mean(sums) == pytest.approx(239, abs=0.5)


def test_going_back_in_time_starts_afresh(detector: FaceDetector, mannequin: list[RGBDFrame]) -> None:
    first = detector.detect(mannequin[30].color, 1.0)[0]
    for frame in mannequin[31:60:4]:
        assert detector.detect(frame.color, frame.timestamp_s) is not None
    again = detector.detect(mannequin[30].color, 0.5)[0]
    np.testing.assert_allclose(again, first, atol=0.6)


def test_a_small_face_is_found_within_some_frames(detector: FaceDetector, mannequin: list[RGBDFrame]) -> None:
    small = cv2.resize(mannequin[48].color, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    image = on_canvas(small, (1280, 720), (900, 300))
    results = [detector.detect(image, i / 30) for i in range(12)]
    assert results[0] is None  # too small in the whole image
    assert results[-1] is not None
    middle = results[-1][0].mean(axis=0)
    alone = detector.detect(small, 0.0)[0].mean(axis=0)
    np.testing.assert_allclose(middle - alone, (900, 300), atol=2)


def test_a_hint_finds_a_small_face_at_once(detector: FaceDetector, mannequin: list[RGBDFrame]) -> None:
    small = cv2.resize(mannequin[48].color, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    image = on_canvas(small, (1280, 720), (900, 300))
    assert detector.detect(image, 0.0, hint=(920, 300, 1000, 450)) is not None


def test_a_small_face_that_moves_is_kept(detector: FaceDetector, mannequin: list[RGBDFrame]) -> None:
    small = cv2.resize(mannequin[48].color, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    for i in range(40):
        corner = (100 + 25 * i, 250)
        found = detector.detect(on_canvas(small, (1280, 720), corner), i / 30, hint=(*corner, corner[0] + 120, 410))
        assert found is not None
        assert 0 < found[0][:, 0].mean() - corner[0] < 120


def test_no_face_in_an_empty_room(detector: FaceDetector) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    assert all(detector.detect(noise, i / 30) is None for i in range(6))


@pytest.mark.parametrize("size", [(1280, 720), (240, 320), (512, 512), (1920, 1080)])
def test_search_tiles_cover_the_image(size: tuple[int, int]) -> None:
    tiles = search_tiles(size)
    assert tiles and all(0 <= x0 < x1 <= size[0] and 0 <= y0 < y1 <= size[1] for x0, y0, x1, y1 in tiles)
    if max(size) > 1.2 * min(size):
        assert min(tile[0] for tile in tiles) == 0 and max(tile[2] for tile in tiles) == size[0]


def test_only_chatter_is_kept_off_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with chatter_silenced():
        os.write(2, b"I0000 00:00:1 7 graph.cc:1] hello\nINFO: delegate\nE0000 00:00:1 7 graph.cc:1] broken\nother\n")
    assert capfd.readouterr().err == "E0000 00:00:1 7 graph.cc:1] broken\nother\n"


def test_the_detector_starts_silently(
    model_on_disk: None, mannequin: list[RGBDFrame], capfd: pytest.CaptureFixture[str]
) -> None:
    with FaceDetector() as detector:
        detector.detect(mannequin[48].color, 0.0)
    captured = capfd.readouterr()
    assert captured.err == "" and captured.out == ""
