"""One person's head, ready for real time: identity fixed, distance baked, deformation bound, mesh carried over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from dphm_core.frames import FloatArray
from dphm_core.heads.baking import LASTING, Resolution, bake
from dphm_core.heads.deformation import Deformation
from dphm_core.heads.distance import DistanceFunction, FieldDistance, shifted
from dphm_core.heads.model import HeadModel
from dphm_core.heads.offset import SurfaceOffset
from dphm_core.heads.surface import carry_onto_surface, extract_surface, moved_along_normals

WARP_ITERATIONS = 12
WARP_TOLERANCE = 2e-4
"""A point whose step is smaller than this (0.05 mm) has arrived."""


@dataclass(frozen=True)
class Subject:
    """A calibrated head; head-frame units (0.25 m) throughout."""

    model: HeadModel
    identity_code: FloatArray
    """(D,)"""
    scale: float
    """Of the head → camera similarity."""
    distance: DistanceFunction
    deformation: Deformation
    vertices_canonical: FloatArray
    """(V, 3) on the canonical surface."""
    faces: NDArray[np.int32]
    """(F, 3)"""
    offset: SurfaceOffset | None = None
    """What this person has beyond the model; contained in the distance and in the vertices."""

    def posed_vertices(self, expression: FloatArray, previous: FloatArray | None = None) -> FloatArray:
        """Vertices (V, 3) in the posed head frame.

        A template's mesh moves linearly with the expression weights. Any other mesh is warped by solving
        ``x = v − offset(x)`` by fixed-point iteration from `previous`, the last frame's posed vertices.
        """
        template = self.model.template
        if template is not None:
            return template.posed(self.vertices_canonical, expression)
        return self.inverse_warp(self.vertices_canonical, expression, previous)

    def inverse_warp(
        self, canonical: FloatArray, expression: FloatArray, start: FloatArray | None = None
    ) -> FloatArray:
        """Posed points (N, 3) whose backward deformation is `canonical` (N, 3)."""
        code = torch.from_numpy(expression)
        posed = (canonical if start is None else start).copy()
        moving = np.arange(len(canonical))
        for _ in range(WARP_ITERATIONS):
            reached = self.deformation.evaluate(torch.from_numpy(posed[moving]), code).canonical.numpy()[:, :3]
            step = canonical[moving] - reached
            posed[moving] += step
            moving = moving[np.abs(step).max(axis=1) > WARP_TOLERANCE]
            if not len(moving):
                break
        return posed


def build_subject(
    model: HeadModel, coefficients: FloatArray, scale: float, check: Callable[[], None] = lambda: None,
    resolution: Resolution = LASTING,
) -> Subject:  # fmt: skip
    """Fix a subject's identity: bake its distance, bind its deformation, carry its mesh over.

    `coefficients` (M,) span the model's identity codes; `check` is called often and may raise; `resolution` is that of
    the baked grids.
    """
    canonical = None if model.template is None else model.template.canonical(coefficients)
    return subject_of_code(model, model.identity_code(coefficients), scale, canonical, check, resolution)


def subject_of_code(
    model: HeadModel, code: FloatArray, scale: float, canonical: FloatArray | None = None,
    check: Callable[[], None] = lambda: None, resolution: Resolution = LASTING,
) -> Subject:  # fmt: skip
    """Fix the subject of an identity code (D,).

    `canonical` (V, 3) is that identity's template mesh, for a model that has one; without it, marching cubes makes the
    mesh.
    """
    identity = torch.from_numpy(code)
    anchors = torch.from_numpy(model.anchors(code))
    deformation = Deformation(model.expression_field, identity, anchors)
    distance: DistanceFunction = FieldDistance(model.identity_field, identity)
    if model.config.hyper_dim == 0:
        distance = bake(model.identity_field, identity, resolution, check)
    if model.template is not None and canonical is not None:
        vertices, faces = carry_onto_surface(model.template, canonical, distance), model.template.faces
    else:
        vertices, faces = extract_surface(model.identity_field, identity)
    return Subject(model, code, scale, distance, deformation, vertices, faces)


def personalised(subject: Subject, offset: SurfaceOffset) -> Subject:
    """Move a subject's surface by an offset, on top of what it may have: its distance, and the same vertices."""
    total = offset.plus(subject.offset)
    added = offset if subject.offset is None else SurfaceOffset(total.coefficients - subject.offset.coefficients)
    template = subject.model.template
    skin = np.ones(len(subject.vertices_canonical), dtype=bool) if template is None else template.tracked
    along = np.where(skin, added(subject.vertices_canonical), 0).astype(np.float32)
    vertices = moved_along_normals(subject.vertices_canonical, subject.faces, along)
    return replace(subject, distance=shifted(subject.distance, added), vertices_canonical=vertices, offset=total)
