"""One frame that no camera took, to compute with where times matter and numbers do not."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.frames import FaceLandmarks, Observation, RGBDFrame, Similarity
from dphm_core.heads.model import HeadModel
from dphm_core.landmarks import BLENDSHAPE_NAMES
from dphm_core.meshing.normals import vertex_normals
from dphm_core.tracking.fit_state import FitState

POINTS = 20_000
"""Depth points of the frame, as many as a face half a metre away has."""
NOISE_M = 0.001
DISTANCE_M = 0.5
CAMERA = Intrinsics(1280, 720, 600.0, 600.0, 640.0, 360.0)


def made_up_frame(model: HeadModel) -> tuple[Observation, FitState]:
    """The mean head of a model with a template, half a metre away with its mouth open.

    Returns
    -------
    (Observation, FitState)
        What a camera would see of it, `POINTS` points without an image, metres, camera frame; and its pose with all
        expression weights at rest, to begin a fit from.
    """
    template = model.template
    assert template is not None
    rng = np.random.default_rng(0)
    code = np.where(np.arange(len(template.canonical_weights)) % 7 == 0, np.float32(0.5), np.float32(0))
    rotation = Rotation.from_euler("xyz", [180, 5, 2], degrees=True).as_matrix().astype(np.float32)
    pose = Similarity(rotation, np.array([0.01, 0, DISTANCE_M], np.float32))
    posed = template.posed(template.mean, code)
    vertices_cam = pose.to_camera(posed)
    chosen = rng.choice(np.nonzero(template.tracked)[0], POINTS)
    points = vertices_cam[chosen] + NOISE_M * rng.standard_normal((POINTS, 3)).astype(np.float32)
    normals = (vertex_normals(posed, template.faces) @ rotation.T)[chosen].astype(np.float32)
    landmarks_cam = vertices_cam[np.maximum(template.landmark_vertices, 0)]
    pixels = landmarks_cam[:, :2] / landmarks_cam[:, 2:] * CAMERA.fx + np.array([CAMERA.cx, CAMERA.cy])
    scores = np.zeros(len(BLENDSHAPE_NAMES), np.float32)
    face = FaceLandmarks(pixels.astype(np.float32), landmarks_cam, scores)
    frame = RGBDFrame(0, 0.0, None, np.zeros((0, 0), np.float32), CAMERA)
    return Observation(frame, points, normals, face), FitState.at_rest(pose, len(code))
