"""How well a model with the generator's codes represents heads it never saw: numbers and a picture.

Unseen identities and expressions come from seeds that no training uses. Distances are millimetres at life size.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dphm_core.errors import CheckpointError
from dphm_core.frames import MM_PER_UNIT, FloatArray
from dphm_core.heads.baking import grid_values
from dphm_core.heads.distance import CHUNK
from dphm_core.heads.model import HeadModel
from dphm_core.heads.subject import Subject, build_subject
from dphm_core.heads.surface import zero_level
from dphm_core.meshing.picture import Framing, Image, contact_sheet, shaded_picture, write_picture
from dphm_core.training.expressions import random_expression
from dphm_core.training.ict import FACE_VERTICES, SKIN_VERTEX_COUNT, HeadGenerator, visible_faces
from dphm_core.training.sampling import random_identity

UNSEEN_SEED = 910_000
LIP_LANDMARKS = slice(48, 68)
EYE_LANDMARKS = slice(36, 48)
LIP_REACH = 0.035
"""Skin this near the lips' landmarks (head-frame units, 9 mm) counts as lips."""
EYELID_REACH = 0.04
FACE_FRONT = -0.02
"""Facial skin behind this z is not counted."""
SHOWN = {
    "jawOpen": {"jawOpen": 0.8},
    "mouthFunnel": {"mouthFunnel": 1.0},
    "mouthPucker": {"mouthPucker": 1.0},
    "wide smile": {"mouthSmile_L": 1.0, "mouthSmile_R": 1.0, "jawOpen": 0.2},
    "mouthLeft": {"mouthLeft": 1.0},
    "eyeBlink": {"eyeBlink_L": 1.0, "eyeBlink_R": 1.0},
}
SHOWN_MIN = np.array([-0.36, -0.52, -0.05], dtype=np.float32)
SHOWN_MAX = np.array([0.36, 0.36, 0.42], dtype=np.float32)
"""Box that is drawn, head-frame units: the face."""
PICTURE_SPACING = 0.006
PICTURE_SIZE, PICTURE_YAW_DEG = 260, 20.0
SHOWN_FRAMING = Framing((0.0, -0.06, 0.06), 0.9)


@dataclass(frozen=True)
class Regions:
    """Facial skin by region: indices (N,) of generator vertices."""

    face: NDArray[np.int64]
    """All of the front."""
    lips: NDArray[np.int64]
    """Those of the face near the lips' landmarks."""
    eyelids: NDArray[np.int64]
    """Those of the face near the eyes' landmarks."""


def head_errors(model: HeadModel, generator: HeadGenerator, heads: int = 40) -> dict[str, float]:
    """Mean errors over unseen heads with unseen expressions, millimetres.

    Returns
    -------
    dict
        `deformation_{face,lips,eyelids}_mm`: posed skin that is seen, brought back, against its canonical place.
        `surface_{face,lips,eyelids}_mm`: |distance| of the true canonical skin.
        `posed_{face,lips,eyelids}_mm`: |distance| of the true posed skin through both fields, as a tracker meets it.
        `anchors_mm`: predicted against true anchors. `cycle_mm`: posed template skin brought back, against itself.
    """
    rng = np.random.default_rng(UNSEEN_SEED)
    regions = _regions(generator)
    rows: list[dict[str, float]] = []
    for _ in range(heads):
        coefficients = random_identity(generator, rng)
        expression = random_expression(generator.expression_names, rng)
        rows.append(_errors_of(model, generator, regions, coefficients, expression))
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def _errors_of(
    model: HeadModel, generator: HeadGenerator, regions: Regions, coefficients: FloatArray, expression: FloatArray
) -> dict[str, float]:
    subject = build_subject(model, coefficients, 1.0)
    canonical = generator.vertices(coefficients, generator.canonical_weights)
    posed = generator.vertices(coefficients, expression)
    seen = np.zeros(len(posed), dtype=bool)
    seen[np.unique(generator.faces[visible_faces(posed, generator.faces)])] = True
    errors: dict[str, float] = {}
    for name in ("face", "lips", "eyelids"):
        kept: NDArray[np.int64] = getattr(regions, name)
        kept = kept[seen[kept]]
        brought_back = _bring_back(subject, posed[kept], expression)
        off = np.linalg.norm(brought_back - canonical[kept], axis=1)
        errors[f"deformation_{name}_mm"] = float(off.mean()) * MM_PER_UNIT
        errors[f"surface_{name}_mm"] = float(np.abs(subject.distance(canonical[kept])[0]).mean()) * MM_PER_UNIT
        errors[f"posed_{name}_mm"] = float(np.abs(subject.distance(brought_back)[0]).mean()) * MM_PER_UNIT
    errors["anchors_mm"] = _anchor_error(model, generator, coefficients)
    mesh = subject.posed_vertices(expression)[: FACE_VERTICES.stop]
    kept = regions.face[seen[regions.face]]
    cycle = _bring_back(subject, mesh[kept], expression) - subject.vertices_canonical[kept]
    errors["cycle_mm"] = float(np.linalg.norm(cycle, axis=1).mean()) * MM_PER_UNIT
    return errors


def _bring_back(subject: Subject, posed: FloatArray, expression: FloatArray) -> FloatArray:
    evaluation = subject.deformation.evaluate(torch.from_numpy(posed), torch.from_numpy(expression))
    return np.asarray(evaluation.canonical.numpy()[:, :3])


def _anchor_error(model: HeadModel, generator: HeadGenerator, coefficients: FloatArray) -> float:
    mean = generator.vertices(np.zeros_like(coefficients), generator.canonical_weights)
    vertices = cKDTree(mean[:SKIN_VERTEX_COUNT]).query(model.identity_field.mean_anchors.numpy())[1]
    true = generator.vertices(coefficients, generator.canonical_weights)[vertices]
    off = model.anchors(model.identity_code(coefficients)) - true
    return float(np.linalg.norm(off, axis=1).mean()) * MM_PER_UNIT


def _regions(generator: HeadGenerator) -> Regions:
    mean = generator.vertices(np.zeros(len(generator.identity), np.float32), generator.canonical_weights)
    face = np.nonzero(mean[FACE_VERTICES, 2] > FACE_FRONT)[0]
    near = {
        part: cKDTree(mean[generator.landmark_vertices[part_slice]]).query(mean[face])[0]
        for part, part_slice in (("lips", LIP_LANDMARKS), ("eyelids", EYE_LANDMARKS))
    }
    return Regions(face, face[near["lips"] < LIP_REACH], face[near["eyelids"] < EYELID_REACH])


def draw_expressions(model: HeadModel, generator: HeadGenerator, path: Path) -> None:
    """Draw the posed field of one unseen head (upper row) beside the truth (lower row) for telling expressions."""
    coefficients = random_identity(generator, np.random.default_rng(UNSEEN_SEED + 1))
    subject = build_subject(model, coefficients, 1.0)
    fields: list[Image] = []
    truths: list[Image] = []
    for values in SHOWN.values():
        expression = np.zeros(len(generator.expression_names), dtype=np.float32)
        for shape, value in values.items():
            expression[generator.expression_names.index(shape)] = value
        shown = (posed_surface(subject, expression), (generator.vertices(coefficients, expression), generator.faces))
        for row, (vertices, faces) in zip((fields, truths), shown, strict=True):
            row.append(shaded_picture(vertices, faces, PICTURE_SIZE, PICTURE_YAW_DEG, SHOWN_FRAMING))
    write_picture(path, contact_sheet([*fields, *truths], len(SHOWN), [*SHOWN]))


def posed_surface(subject: Subject, expression: FloatArray) -> tuple[FloatArray, NDArray[np.int32]]:
    """Zero level (V, 3), (F, 3) of the face's posed distance: marching cubes through both fields.

    Raises
    ------
    CheckpointError
        There is none: the model's weights are not those of a head.
    """

    def evaluate(points: FloatArray) -> FloatArray:
        parts = np.array_split(points, -(-len(points) // CHUNK))
        return np.concatenate([subject.distance(_bring_back(subject, part, expression))[0] for part in parts])

    surface = zero_level(grid_values(evaluate, SHOWN_MIN, SHOWN_MAX, PICTURE_SPACING), SHOWN_MIN, PICTURE_SPACING)
    if surface is None:
        raise CheckpointError("this head has no surface: the model's weights are not those of a trained head.")
    return surface
