"""Which landmarks are taken for seen, and which for guessed."""

from __future__ import annotations

import numpy as np
import pytest

from dphm_core.frames import FaceLandmarks, FloatArray, Similarity
from dphm_core.heads.model import HeadModel
from dphm_core.heads.template import NO_VERTEX
from dphm_core.tracking.sight import sight_of

POSE = Similarity(np.diag([1.0, -1.0, -1.0]).astype(np.float32), np.array([0, 0, 0.6], np.float32))


@pytest.fixture(scope="module")
def places(default_model: HeadModel) -> FloatArray:
    """(478, 3) landmarks on the mean head, head frame; NaN where there is none."""
    assert default_model.template is not None
    vertices = default_model.template.landmark_vertices
    return np.where((vertices != NO_VERTEX)[:, None], default_model.template.mean[vertices], np.nan).astype(np.float32)


def in_sight(model: HeadModel, places: FloatArray, points_cam: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weights of all landmarks with a vertex, and their places."""
    marked = np.nonzero(np.isfinite(places[:, 0]))[0]
    sight = sight_of(model, marked)
    assert sight is not None
    landmarks = FaceLandmarks(np.zeros((478, 2), np.float32), points_cam, np.zeros(52, np.float32))
    return sight.weights(landmarks, POSE), places[marked]


def test_all_of_a_free_face_is_in_sight(default_model: HeadModel, places: FloatArray) -> None:
    assert in_sight(default_model, places, POSE.to_camera(places))[0].all()


@pytest.mark.parametrize("hidden_by", ["a board without depth", "a hand before the face"])
def test_what_is_hidden_is_not(hidden_by: str, default_model: HeadModel, places: FloatArray) -> None:
    points = POSE.to_camera(places)
    hidden = places[:, 0] > 0
    points[hidden, 2] = np.nan if "without" in hidden_by else points[hidden, 2] - 0.15
    weights, where = in_sight(default_model, places, points)
    assert not weights[where[:, 0] > 0.08].any()
    assert weights[where[:, 0] < -0.08].all()


def test_lids_behind_glasses_are_in_sight_though_lenses_have_no_depth(
    default_model: HeadModel, places: FloatArray
) -> None:
    points = POSE.to_camera(places)
    for side in (-1, 1):
        points[np.linalg.norm(places - [side * 0.13, 0.07, 0.15], axis=1) < 0.09, 2] = np.nan
    assert np.isnan(points[np.isfinite(places[:, 0]), 2]).sum() > 30
    assert in_sight(default_model, places, points)[0].all()
