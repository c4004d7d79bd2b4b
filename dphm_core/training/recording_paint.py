"""Which vertices of the generator are lips, lids, brows, eyes, scalp, and what colour all of them have.

Everything is found on the mean head, seen from the front: x and y in head units (0.25 m).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dphm_core.frames import FACE_HIGH, FACE_LOW, FloatArray
from dphm_core.meshing.normals import vertex_normals
from dphm_core.training.ict import (
    EYE_SOCKET,
    EYEBALLS,
    FACE_VERTICES,
    MOUTH_SOCKET,
    SKIN_VERTEX_COUNT,
    HeadGenerator,
    visible_faces,
)
from dphm_core.training.recording_mesh import Material

TONGUE_AND_GUMS = range(14062, 17039)
TEETH = range(17039, 21451)
INSIDE_TONES = (
    (MOUTH_SOCKET, (0.20, 0.04, 0.04)),
    (EYE_SOCKET, (0.25, 0.10, 0.08)),
    (TONGUE_AND_GUMS, (0.38, 0.11, 0.11)),
    (TEETH, (0.60, 0.55, 0.45)),
)
RIGHT_BROW, LEFT_BROW = range(17, 22), range(22, 27)
RIGHT_EYE, LEFT_EYE, OUTER_LIPS = range(36, 42), range(42, 48), range(48, 60)
"""Multi-PIE landmarks."""

IRIS_CENTRE = (0.1277, 0.0786)
"""|x| and y of the pupils."""
IRIS_RADIUS, PUPIL_RADIUS = 0.026, 0.010
BROW_WIDTH, LASH_WIDTH, LIP_EDGE = 0.016, 0.007, 0.006
FACING = -0.2
"""Least z of the normal of a frontal vertex."""
HAIRLINE_Z = (-0.55, -0.42, -0.30, -0.26, -0.15, -0.10, 0.0, 0.2)
HAIRLINE_Y = (-0.35, -0.33, -0.10, 0.12, 0.12, 0.15, 0.26, 0.31)
"""Height from which the scalp is hairy, by z."""
EAR_X, EAR_TOP = 0.295, 0.115
"""Skin farther out and lower is ear, not scalp."""
LID_MOTION = 0.01
"""Lid vertices move farther than this in a blink."""
SCLERA = np.array([0.72, 0.68, 0.66], dtype=np.float32)
SKIN_TONES = np.array([[0.62, 0.40, 0.30], [0.52, 0.31, 0.21], [0.36, 0.20, 0.13], [0.20, 0.11, 0.07]])
IRIS_TONES = np.array([[0.045, 0.022, 0.010], [0.035, 0.055, 0.075], [0.03, 0.04, 0.02]])
HAIR_TONES = np.array([[0.012, 0.010, 0.009], [0.035, 0.020, 0.012], [0.08, 0.05, 0.025]])


@dataclass(frozen=True)
class FaceRegions:
    """Vertices of the face part, (9409,) bool each."""

    face: NDArray[np.bool_]
    """Skin of the frontal face: no ears, neck, scalp, nor anything that is inside mouth or nose."""
    lips: NDArray[np.bool_]
    """The red of the lips, as far as it is skin of the frontal face."""
    eyelids: NDArray[np.bool_]
    """What moves in a blink."""


def face_regions(generator: HeadGenerator) -> FaceRegions:
    """Find the regions in which a recording's ground truth is compared."""
    names = generator.expression_names
    blink = np.zeros(len(names), dtype=np.float32)
    blink[[names.index("eyeBlink_L"), names.index("eyeBlink_R")]] = 1
    shut = generator.neutral + np.tensordot(blink, generator.expression, 1)
    outside = _seen_vertices(generator, generator.neutral) | _seen_vertices(generator, shut.astype(np.float32))
    mean = generator.neutral[FACE_VERTICES]
    normals = vertex_normals(generator.neutral, generator.faces)
    frontal = ((mean > FACE_LOW) & (mean < FACE_HIGH)).all(axis=1)
    face = frontal & outside[FACE_VERTICES] & (normals[FACE_VERTICES, 2] > FACING)
    moved = np.linalg.norm(shut - generator.neutral, axis=1)[FACE_VERTICES]
    return FaceRegions(face, face & (lip_share(generator)[FACE_VERTICES] > 0.5), face & (moved > LID_MOTION))


def lip_share(generator: HeadGenerator) -> FloatArray:
    """(V,) how much a vertex is lip, 0..1."""
    inside = -_contour_distance(generator, OUTER_LIPS)
    return (_ramp(inside, LIP_EDGE) * _skin_before(generator, z=0.1)).astype(np.float32)


def brow_share(generator: HeadGenerator) -> FloatArray:
    """(V,) how much a vertex is eyebrow, 0..1."""
    distance = np.minimum(*(_line_distance(generator, marks) for marks in (RIGHT_BROW, LEFT_BROW)))
    width = BROW_WIDTH * (1 - 0.5 * np.clip((np.abs(generator.neutral[:, 0]) - 0.13) / 0.1, 0, 1))
    return (_ramp(width - distance, 0.012) * _skin_before(generator, z=0.0)).astype(np.float32)


def scalp_height(generator: HeadGenerator) -> FloatArray:
    """(V,) head units above the hairline; negative below it and off the scalp."""
    mean = generator.neutral
    height = mean[:, 1] - np.interp(mean[:, 2], HAIRLINE_Z, HAIRLINE_Y)
    ear = (np.abs(mean[:, 0]) > EAR_X) & (mean[:, 1] < EAR_TOP)
    return np.where((np.arange(len(mean)) < SKIN_VERTEX_COUNT) & ~ear, height, -1.0).astype(np.float32)


def materials(generator: HeadGenerator) -> NDArray[np.int8]:
    """(V,) `Material` of every vertex."""
    material = np.full(len(generator.neutral), Material.PLAIN, dtype=np.int8)
    material[:SKIN_VERTEX_COUNT] = Material.SKIN
    material[EYEBALLS.start : EYEBALLS.stop] = Material.EYE
    return material


def paint(generator: HeadGenerator, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Colour one subject.

    Returns
    -------
    albedo : (V, 3) float32
        Linear RGB. Eyeballs have their iris's colour; `fine_texture` paints the white around it.
    hair : (3,) float32
        Linear RGB.
    """
    tone = _between(SKIN_TONES, rng.uniform(0, len(SKIN_TONES) - 1.0))
    hair = HAIR_TONES[rng.integers(len(HAIR_TONES))].astype(np.float32)
    albedo = np.tile(tone, (len(generator.neutral), 1))
    albedo *= 1 + 0.16 * _blush(generator)[:, None] * np.array([1.0, -0.35, -0.3])
    lip = lip_share(generator)[:, None] * 0.85
    albedo = albedo * (1 - lip) + lip * tone * np.array([0.86, 0.47, 0.55])
    for marks in (RIGHT_EYE, LEFT_EYE):
        edge = np.abs(_contour_distance(generator, marks))
        lash = _ramp(LASH_WIDTH - edge, LASH_WIDTH) * _skin_before(generator, z=0.08)
        albedo *= 1 - 0.75 * lash[:, None]
    brow = brow_share(generator)[:, None] * 0.75
    albedo = albedo * (1 - brow) + brow * np.minimum(hair * 1.5, tone * 0.5)
    _paint_insides(albedo, generator)
    albedo[EYEBALLS.start : EYEBALLS.stop] = IRIS_TONES[rng.integers(len(IRIS_TONES))]
    return albedo.astype(np.float32), hair


def fine_texture(albedo: FloatArray, rest: FloatArray, material: NDArray[np.int8]) -> FloatArray:
    """Paint what is finer than the mesh, per pixel: irises and pupils, strands, skin mottling.

    Parameters
    ----------
    albedo : (N, 3) float32
        Linear RGB, interpolated.
    rest : (N, 3) float32
        Place on the object at rest.
    material : (N,) int8
        `Material`.

    Returns
    -------
    (N, 3) float32
    """
    painted = albedo.copy()
    eye = material == Material.EYE
    radius = np.hypot(np.abs(rest[eye, 0]) - IRIS_CENTRE[0], rest[eye, 1] - IRIS_CENTRE[1])
    white = _ramp(radius - IRIS_RADIUS, 0.003)[:, None]
    open_pupil = _ramp(radius - PUPIL_RADIUS, 0.003)[:, None]
    painted[eye] = white * SCLERA + (1 - white) * open_pupil * albedo[eye]
    hair = material == Material.HAIR
    painted[hair] *= 1 + 0.45 * _waves(rest[hair], (90.0, 25.0, 60.0))[:, None]
    skin = material == Material.SKIN
    painted[skin] *= 1 + 0.03 * _waves(rest[skin], (55.0, 50.0, 45.0))[:, None]
    return painted


def _paint_insides(albedo: NDArray[np.float64], generator: HeadGenerator) -> None:
    """Mouth, tongue and teeth, darker the farther behind the lips; sockets."""
    depth = np.clip((generator.neutral[:, 2:] + 0.02) / 0.21, 0.06, 1.0)
    for part, colour in INSIDE_TONES:
        inside = slice(part.start, part.stop)
        albedo[inside] = np.array(colour) * depth[inside] ** 1.5


def _blush(generator: HeadGenerator) -> NDArray[np.float64]:
    """(V,) redness of cheeks and nose tip."""
    spots = ((0.16, -0.05, 0.13, 0.07), (-0.16, -0.05, 0.13, 0.07), (0.0, -0.05, 0.27, 0.05))
    gaps = [np.linalg.norm(generator.neutral - spot[:3], axis=1) / spot[3] for spot in spots]
    return np.exp(-0.5 * np.min(gaps, axis=0) ** 2)


def _waves(places: FloatArray, frequencies: tuple[float, float, float]) -> FloatArray:
    """(N,) a fixed pattern in about -1..1: a few sines along skewed directions."""
    x, y, z = (places * np.array(frequencies, dtype=np.float32)).T
    return (
        np.sin(x + 0.7 * y) * np.sin(0.9 * z - 0.6 * x + 1) + np.sin(1.7 * y - z + 2) * np.sin(2.1 * x + 0.4 * z)
    ) / 2


def _ramp(value: NDArray[np.floating[Any]], width: float) -> NDArray[np.floating[Any]]:
    """0 below -width/2, 1 above width/2."""
    return np.clip(value / width + 0.5, 0, 1)


def _between(table: NDArray[np.float64], place: float) -> NDArray[np.float64]:
    low = min(int(place), len(table) - 2)
    return table[low] + (table[low + 1] - table[low]) * (place - low)


def _skin_before(generator: HeadGenerator, z: float) -> NDArray[np.bool_]:
    """(V,) skin in front of a plane."""
    return (np.arange(len(generator.neutral)) < SKIN_VERTEX_COUNT) & (generator.neutral[:, 2] > z)


def _contour_distance(generator: HeadGenerator, marks: range) -> NDArray[np.float64]:
    """(V,) distance to a closed line of landmarks seen from the front, negative inside."""
    contour = generator.neutral[generator.landmark_vertices[list(marks)], :2].reshape(-1, 1, 2)
    places = generator.neutral[:, :2].astype(float)
    return -np.array([cv2.pointPolygonTest(contour, place, True) for place in places.tolist()])


def _line_distance(generator: HeadGenerator, marks: range) -> NDArray[np.float64]:
    """(V,) distance to an open line of landmarks seen from the front."""
    line = generator.neutral[generator.landmark_vertices[list(marks)], :2]
    steps = np.linspace(0, len(line) - 1, 40)
    fine = np.stack([np.interp(steps, np.arange(len(line)), line[:, axis]) for axis in range(2)], axis=1)
    return np.linalg.norm(generator.neutral[:, None, :2] - fine, axis=2).min(axis=1)


def _seen_vertices(generator: HeadGenerator, vertices: FloatArray) -> NDArray[np.bool_]:
    seen = np.zeros(len(vertices), dtype=bool)
    seen[generator.faces[visible_faces(vertices, generator.faces)]] = True
    return seen
