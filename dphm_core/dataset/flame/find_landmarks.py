"""Where landmarks lie on FLAME's mesh, without FLAME's file of that: FLAME is fitted to a head that knows its own."""

from __future__ import annotations

import numpy as np
import torch

from dphm_core.dataset.flame.equations import Evidence, Fitted, FrameFit, Head, head_vertices, in_camera
from dphm_core.dataset.flame.fit import fit_head
from dphm_core.dataset.flame.landmark_file import Embedding
from dphm_core.dataset.flame.model import FlameModel
from dphm_core.dataset.flame.pairs import pair
from dphm_core.errors import CheckpointError
from dphm_core.frames import UNITS_PER_METRE
from dphm_core.heads.template import NO_VERTEX, Template
from dphm_core.jobs import Tell
from dphm_core.landmarks.landmark_sets import FACE_OVAL, IRISES
from dphm_core.landmarks.tables import LANDMARK_COUNT
from dphm_core.meshing.normals import vertex_normals

AWAY_M = 0.6
"""From where the head is looked at."""
FROM_HEAD = np.diag([1.0, -1.0, -1.0]).astype(np.float32)
"""Head axes → those of a camera before the face."""
EVERY = 2
"""Of the template's points one in so many is enough."""
REACH_M = 0.006
"""Farther from the fitted surface no landmark lies."""
MIN_PAIRED, MAX_RESIDUAL_M = 0.6, 0.002
"""Share of the template's face that comes to lie on FLAME's, and its median distance: 0.69 or more where FLAME's frame
is 2 cm and 5° off, 0.49 at 5 cm, where the landmarks are wrong."""
USELESS = frozenset(FACE_OVAL + IRISES)
"""Landmarks that slide over the skin, or move with the gaze."""
NO_EMBEDDING = Embedding(np.zeros(0, np.intp), np.zeros((0, 3), np.intp), np.zeros((0, 3), np.float32))


def find_embedding(model: FlameModel, template: Template, tell: Tell) -> Embedding:
    """Fit FLAME to a template with its mouth shut, and take over the places of MediaPipe's landmarks.

    Parameters
    ----------
    model : FlameModel
        FLAME, in the same frame (in metres) to a centimetre.
    template : Template
        A head that knows where MediaPipe's landmarks lie.
    tell : callable
        Told of the progress; may raise `Cancelled`.

    Raises
    ------
    CheckpointError
        FLAME does not come to lie on it.
    """
    neutral = template.posed(template.mean, np.zeros(len(template.expression_basis), np.float32))
    vertices = (neutral / UNITS_PER_METRE) @ FROM_HEAD + np.array([0, 0, AWAY_M], np.float32)
    normals = vertex_normals(neutral, template.faces) @ FROM_HEAD
    seen = np.flatnonzero(template.tracked & (normals[:, 2] < 0))[::EVERY]
    unknown = np.full((LANDMARK_COUNT, 3), np.nan, np.float32)
    evidence = Evidence(vertices[seen], normals[seen], unknown)
    fitted = Fitted(model, NO_EMBEDDING)
    head, frame = _aligned(fitted, evidence, tell)
    reached = fitted.equations(head, frame, evidence, REACH_M, shared=False)
    if not (reached.paired > MIN_PAIRED and reached.residual_m < MAX_RESIDUAL_M):
        raise CheckpointError(
            "FLAME's mean head does not lie where a head is; give --flame-landmarks, or another model"
        )
    fitted_cam = in_camera(head_vertices(model, head, frame), head, frame)
    wanted = [k for k, vertex in enumerate(template.landmark_vertices) if vertex != NO_VERTEX and k not in USELESS]
    chosen = template.landmark_vertices[wanted]
    places = pair(fitted_cam, model.faces, vertices[chosen], normals[chosen], REACH_M)
    return Embedding(np.array(wanted)[places.points], places.corners.astype(np.intp), places.weights)


def _aligned(fitted: Fitted, evidence: Evidence, tell: Tell) -> tuple[Head, FrameFit]:
    model = fitted.model
    start = FrameFit(
        rotation=torch.from_numpy(FROM_HEAD),
        translation=torch.tensor([0.0, 0.0, AWAY_M]),
        jaw=torch.zeros(3),
        expression=torch.zeros(model.count - model.shape_count),
    )
    head, frames, _ = fit_head(fitted, Head(1.0, torch.zeros(model.shape_count)), [start], [evidence], tell)
    return head, frames[0]
