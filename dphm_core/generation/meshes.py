"""Meshes of codes: by the template's bases, or from both fields."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from dphm_core.errors import SettingError
from dphm_core.frames import FloatArray
from dphm_core.generation.options import Surface
from dphm_core.heads.deformation import Deformation
from dphm_core.heads.distance import FieldDistance
from dphm_core.heads.model import HeadModel
from dphm_core.heads.subject import Subject
from dphm_core.heads.surface import extract_surface

FIELD_SPACING = 0.008
"""Between the nodes of marching cubes, head-frame units (2 mm): coarser ones lose the eyelids."""
Mesh = tuple[FloatArray, NDArray[np.int32]]
"""Vertices (V, 3) float32, posed head frame (0.25 m units), and faces (F, 3) int32."""


class HeadMeshes:
    """Makes meshes of a model's codes.

    With a template, its bases: the identity code's coefficients are those whose code lies nearest. From the fields,
    marching cubes on the canonical distance, and its vertices carried to the posed head by the deformation. "auto"
    takes the template where there is one.
    """

    def __init__(self, model: HeadModel, surface: Surface = "auto") -> None:
        if surface == "template" and model.template is None:
            raise SettingError("this model has no template mesh; take --surface fields.")
        self._model = model
        self._template = None if surface == "fields" else model.template
        self._subject: Subject | None = None

    def mesh(self, identity: FloatArray, expression: FloatArray) -> Mesh:
        """Mesh of an identity code (D,) and an expression code (E,).

        Raises
        ------
        CheckpointError
            The fields have no surface for this identity.
        """
        if self._template is not None:
            canonical = self._template.canonical(self._model.coefficients(identity[None])[0])
            return self._template.posed(canonical, expression), self._template.faces
        subject = self._subject
        if subject is None or not np.array_equal(subject.identity_code, identity):
            subject = self._subject = field_subject(self._model, identity)
        return subject.inverse_warp(subject.vertices_canonical, expression), subject.faces


def field_subject(model: HeadModel, code: FloatArray) -> Subject:
    """A subject of an identity code (D,) anywhere, whose mesh is the zero level of its canonical distance."""
    identity, anchors = torch.from_numpy(code), torch.from_numpy(model.anchors(code))
    deformation = Deformation(model.expression_field, identity, anchors)
    vertices, faces = extract_surface(model.identity_field, identity, FIELD_SPACING)
    return Subject(model, code, 1.0, FieldDistance(model.identity_field, identity), deformation, vertices, faces)


def off_basis(model: HeadModel, codes: FloatArray) -> FloatArray:
    """How far identity codes (n, D) lie off the model's space of heads: parts (n,) of their distances from the mean."""
    away = codes - model.identity_mean
    missing = codes - model.identity_codes(model.coefficients(codes))
    length = np.maximum(np.linalg.norm(away, axis=1), np.finfo(np.float32).tiny)
    return np.asarray(np.linalg.norm(missing, axis=1) / length, dtype=np.float32)
