"""First guess of a head's pose: detected landmarks with depth against the model's mean head."""

from __future__ import annotations

import numpy as np

from dphm_core.frames import FloatArray, Observation, Similarity
from dphm_core.heads.model import HeadModel
from dphm_core.heads.template import NO_VERTEX, Template
from dphm_core.landmarks.landmark_sets import NOT_RIGID
from dphm_core.landmarks.tables import ANCHOR_OF_MEDIAPIPE
from dphm_core.tracking.rigid import MIN_POINTS, align

MAX_RESIDUAL_M = 0.012
"""Median distance after alignment above which landmarks and depth do not make a head."""


def initial_pose(model: HeadModel, observation: Observation, scale: float | None = None) -> Similarity | None:
    """Align the model's landmarks with the observed ones; None where they do not fit.

    A template's landmark vertices serve where there are any, else the model's anchors.
    """
    aligned = aligned_pose(model, observation, scale)
    return None if aligned is None or not aligned[1] < MAX_RESIDUAL_M else aligned[0]


def aligned_pose(
    model: HeadModel, observation: Observation, scale: float | None = None
) -> tuple[Similarity, float] | None:
    """The same at whatever median distance, metres, which comes with it; None without landmarks to align."""
    return None if observation.landmarks is None else aligned_landmarks(model, observation.landmarks.points_cam, scale)


def aligned_landmarks(
    model: HeadModel, landmarks_cam: FloatArray, scale: float | None = None
) -> tuple[Similarity, float] | None:
    """The same of (478, 3) float32 landmarks in metres, camera frame, NaN where one is not known."""
    landmarks, points_head = _model_landmarks(model)
    points_cam = landmarks_cam[landmarks]
    seen = np.isfinite(points_cam).all(axis=1)
    if seen.sum() < MIN_POINTS:
        return None
    pose, residual = align(points_head[seen], points_cam[seen], scale)
    return pose, float(np.median(residual))


def yaw_rad(pose: Similarity) -> float:
    """The head's turn about its own vertical axis, 0 where it faces the camera, radians."""
    towards = pose.rotation @ np.array([0.0, 0.0, 1.0])
    return float(np.arctan2(towards[0], -towards[2]))


def pitch_rad(pose: Similarity) -> float:
    """The head's nod, 0 where it faces the camera, positive upwards, radians."""
    return float(np.arcsin(np.clip(-pose.rotation[1, 2], -1.0, 1.0)))


def _model_landmarks(model: HeadModel) -> tuple[list[int], FloatArray]:
    template = model.template
    if template is None or (template.landmark_vertices == NO_VERTEX).all():
        pairs = sorted(ANCHOR_OF_MEDIAPIPE.items())
        anchors = model.anchors(model.identity_mean)
        return [mp for mp, _ in pairs], anchors[[anchor for _, anchor in pairs]]
    return _rigid_landmarks(template)


def _rigid_landmarks(template: Template) -> tuple[list[int], FloatArray]:
    chosen = [k for k, v in enumerate(template.landmark_vertices) if v != NO_VERTEX and k not in NOT_RIGID]
    return chosen, template.mean[template.landmark_vertices[chosen]]
