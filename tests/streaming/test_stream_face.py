"""What is streamed of a tracked frame, and as which bytes."""

from __future__ import annotations

import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from stream_parts import CODE, NAMES, SHAPES, VERTICES, lost, tracked

from dphm_core.export.arkit import ARKIT_NAMES
from dphm_core.streaming.encoders import json_object, vertices_message
from dphm_core.streaming.face import FaceReader


def named(weights: np.ndarray | None) -> dict[str, float]:
    assert weights is not None
    return {name: value for name, value in zip(ARKIT_NAMES, weights.tolist(), strict=True) if value}


def test_a_head_that_looks_into_the_camera_is_not_turned() -> None:
    face = FaceReader().read(tracked(), NAMES)
    np.testing.assert_allclose(face.position_m, [0.1, 0.02, -0.6], atol=1e-6)
    np.testing.assert_allclose(face.quaternion, [1, 0, 0, 0], atol=1e-6)
    assert named(face.blendshapes) == pytest.approx(SHAPES)
    assert (face.shapes_from, face.gaze_from, face.vertices) == ("depth", "none", None)
    assert (face.frame, face.status, face.since_first_s) == (3, "tracking", 0)
    assert face.time_s == pytest.approx(100.1)


def test_a_frame_without_a_head_has_no_numbers() -> None:
    face = FaceReader(gaze=True, vertices=True).read(lost(), NAMES)
    assert face.position_m is face.quaternion is face.blendshapes is face.vertices is None
    assert (face.status, face.reason, face.shapes_from) == ("lost", "no face, or two", "none")


def test_a_turn_to_the_left_is_one_about_the_upright_axis() -> None:
    face = FaceReader().read(tracked(turn=(0.5, 0, 0)), NAMES)
    np.testing.assert_allclose(face.quaternion, [np.cos(0.25), 0, np.sin(0.25), 0], atol=1e-6)


def test_quaternions_do_not_jump() -> None:
    reader, before = FaceReader(), None
    for angle in np.linspace(0, 4 * np.pi, 80):
        face = reader.read(tracked(turn=(angle, 0.1, 0)), NAMES)
        assert face.quaternion is not None
        assert before is None or face.quaternion @ before > 0.9
        before = face.quaternion
    assert before is not None and abs(before[0]) == pytest.approx(np.cos(0.05), abs=1e-5)


def test_gaze_is_the_detectors_only_where_it_is_asked_for() -> None:
    seen = tracked(eyeLookUpLeft=0.6, jawOpen=0.9)
    assert named(FaceReader().read(seen, NAMES).blendshapes) == pytest.approx(SHAPES)
    face = FaceReader(gaze=True).read(seen, NAMES)
    assert named(face.blendshapes) == pytest.approx({**SHAPES, "eyeLookUpLeft": 0.6})
    assert (face.shapes_from, face.gaze_from) == ("depth", "detector")
    assert FaceReader(gaze=True).read(tracked(), NAMES).gaze_from == "none"  # nobody has looked


@pytest.mark.parametrize("names", [(), NAMES[:3], tuple("abcdef")])
def test_a_code_without_names_is_no_blendshapes(names: tuple[str, ...]) -> None:
    """The detector's scores stand for them, and that is told; without a detector there are none."""
    face = FaceReader().read(tracked(eyeLookUpLeft=0.6, jawOpen=0.9, _neutral=0.3), names)
    assert named(face.blendshapes) == pytest.approx({"eyeLookUpLeft": 0.6, "jawOpen": 0.9})
    assert (face.shapes_from, face.gaze_from) == ("detector", "detector")
    face = FaceReader().read(tracked(), names)
    assert face.blendshapes is None and face.shapes_from == "none" and face.quaternion is not None


def test_a_stream_lives_through_a_change_of_the_model() -> None:
    reader = FaceReader()
    assert named(reader.read(tracked(), NAMES).blendshapes) == pytest.approx(SHAPES)
    turned = replace(tracked(), expression_code=CODE[::-1].copy())
    assert named(reader.read(turned, NAMES[::-1]).blendshapes) == pytest.approx(SHAPES)


def test_time_counts_from_the_first_frame() -> None:
    reader = FaceReader()
    reader.read(lost(30), NAMES)
    assert reader.read(tracked(60), NAMES).since_first_s == pytest.approx(1.0)


def test_json_is_one_object_with_null_for_what_is_unknown() -> None:
    content = json.loads(json_object(FaceReader().read(tracked(), NAMES)))
    assert content["format"] == "dphm-stream/1"
    assert tuple(content["blendshapes"]) == ARKIT_NAMES
    assert content["blendshapes"]["browInnerUp"] == 0.75
    assert content["position_m"] == [0.1, 0.02, -0.6]
    empty = json_object(FaceReader().read(lost(), NAMES))
    assert b"\n" not in empty
    assert json.loads(empty)["position_m"] is json.loads(empty)["blendshapes"] is None


def test_vertices_are_y_up_behind_a_header() -> None:
    message = vertices_message(FaceReader(vertices=True).read(tracked(12), NAMES))
    assert message is not None and len(message) == 16 + 12 * len(VERTICES)
    assert struct.unpack("<4sIII", message[:16]) == (b"DPHM", 12, 3, 0)
    found = np.frombuffer(message, "<f4", offset=16).reshape(-1, 3)
    np.testing.assert_allclose(found, VERTICES * [1, -1, -1], atol=1e-6)
    assert vertices_message(FaceReader().read(tracked(), NAMES)) is None
