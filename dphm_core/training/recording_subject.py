"""One made-up person: a head of the generator, painted, with hair and glasses where asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dphm_core.frames import FloatArray
from dphm_core.meshing.normals import vertex_normals
from dphm_core.training.ict import EYE_SOCKET, EYEBALLS, HeadGenerator
from dphm_core.training.recording_mesh import Material, SurfaceMesh, grid_faces, merge, tube
from dphm_core.training.recording_paint import (
    LEFT_EYE,
    RIGHT_EYE,
    brow_share,
    lip_share,
    materials,
    paint,
    scalp_height,
)

SKIN_GLOSS, LIP_GLOSS, EYE_GLOSS, HAIR_GLOSS = 0.10, 0.20, 0.35, 0.12
EYE_DROPOUT, BROW_DROPOUT, HAIR_DROPOUT, FRAME_DROPOUT, LENS_DROPOUT = 0.55, 0.35, 0.4, 0.6, 0.45
"""Shares of depth pixels lost on dark or specular surfaces."""
HAIR_FUZZ_M = 0.004
BUST_TOP = -0.62
"""The generator's head has a piece of bust, which would turn with it; below this height it is left out."""
BLINK_SINK = 0.03
"""How far the eyeballs draw back in a full blink, head units."""
HAIR_EDGE, HAIR_THICKNESS = 0.012, 0.075
"""Thickness of the hair at the hairline and away from it, head units."""
RIM_WIDTH, RIM_HEIGHT, RIM_RADIUS, RIM_GAP = 0.092, 0.075, 0.006, 0.085
"""Half axes of a lens, radius of its rim, distance before the eye, head units."""
RIM_POINTS = 40


@dataclass(frozen=True)
class Subject:
    """A person's surface in the head frame, expression by expression."""

    generator: HeadGenerator
    """Makes the head."""
    neutral: FloatArray
    """(V, 3) head of this identity at rest, head frame."""
    skin: SurfaceMesh
    """The head at rest with its properties."""
    scalp: NDArray[np.int64]
    """Head vertices that carry hair; empty without hair."""
    hair: SurfaceMesh | None
    """Hair: vertex k grows on `scalp[k]`; its vertices are offsets along the normal, in x."""
    glasses: SurfaceMesh | None
    """Rims, bridge and arms, head frame."""
    lenses: tuple[FloatArray, NDArray[np.int32]] | None
    """Vertices (head frame) and triangles of both lenses."""

    def surface(self, expression: FloatArray) -> SurfaceMesh:
        """Return the subject with expression weights (E,), head frame; the head's vertices come first."""
        vertices = self.neutral + np.tensordot(expression, self.generator.expression, 1)
        self._sink_eyes(vertices, expression)
        parts = [self.skin.at(vertices.astype(np.float32))]
        if self.hair is not None:
            normals = vertex_normals(parts[0].vertices, self.generator.faces)
            grown = vertices[self.scalp] + normals[self.scalp] * self.hair.vertices[:, :1]
            parts.append(self.hair.at(grown.astype(np.float32)))
        if self.glasses is not None:
            parts.append(self.glasses)
        return merge(parts)

    def _sink_eyes(self, vertices: FloatArray, expression: FloatArray) -> None:
        """Draw the eyeballs back in a blink: the lids of some identities would not cover them."""
        names, left = self.generator.expression_names, self.generator.neutral[:, 0] > 0
        eyes = np.zeros(len(left), dtype=bool)
        eyes[EYE_SOCKET.start : EYE_SOCKET.stop] = eyes[EYEBALLS.start : EYEBALLS.stop] = True
        for side, half in (("L", left), ("R", ~left)):
            vertices[eyes & half, 2] -= BLINK_SINK * expression[names.index(f"eyeBlink_{side}")]


def make_subject(generator: HeadGenerator, seed: int, hair: bool, glasses: bool) -> Subject:
    """Make up a person from a seed: identity coefficients ~ N(0, 1), colours, hair."""
    identity = identity_coefficients(generator, seed)
    neutral = generator.vertices(identity, np.zeros(len(generator.expression_names), dtype=np.float32))
    rng = np.random.default_rng([seed, 1])
    albedo, hair_colour = paint(generator, rng)
    faces = generator.faces[(generator.neutral[generator.faces, 1] > BUST_TOP).all(axis=1)]
    skin = SurfaceMesh(neutral, faces, generator.neutral, albedo, _looks(generator), materials(generator))
    scalp, cap = _hair(generator, hair_colour, rng) if hair else (np.zeros(0, dtype=np.int64), None)
    return Subject(
        generator,
        neutral,
        skin,
        scalp,
        cap,
        _frame(generator, neutral) if glasses else None,
        _lenses(generator, neutral) if glasses else None,
    )


def identity_coefficients(generator: HeadGenerator, seed: int) -> FloatArray:
    """(100,) coefficients of the subject with this seed."""
    return np.random.default_rng(seed).standard_normal(len(generator.identity)).astype(np.float32)


def _looks(generator: HeadGenerator) -> FloatArray:
    """(V, 3) gloss, dropout, fuzziness of the head."""
    looks = np.zeros((len(generator.neutral), 3), dtype=np.float32)
    looks[:, 0] = SKIN_GLOSS + (LIP_GLOSS - SKIN_GLOSS) * lip_share(generator)
    looks[:, 1] = BROW_DROPOUT * brow_share(generator)
    looks[EYEBALLS.start : EYEBALLS.stop] = EYE_GLOSS, EYE_DROPOUT, 0
    return looks


def _hair(
    generator: HeadGenerator, colour: FloatArray, rng: np.random.Generator
) -> tuple[NDArray[np.int64], SurfaceMesh]:
    """Lift the scalp: thin at the hairline, lumpy above."""
    height = scalp_height(generator)
    faces = generator.faces[(height[generator.faces] > 0).any(axis=1) & (height[generator.faces] > -0.5).all(axis=1)]
    scalp, inverse = np.unique(faces, return_inverse=True)
    places = generator.neutral[scalp]
    grown = np.clip(height[scalp] / 0.12, 0, 1)
    lumps = 1 + 0.35 * np.sin(places @ rng.normal(0, 14, (3, 4)) + rng.uniform(0, 6, 4)).mean(axis=1)
    thickness = np.where(height[scalp] > 0, HAIR_EDGE + (HAIR_THICKNESS - HAIR_EDGE) * grown * lumps, -0.01)
    look = (HAIR_GLOSS, HAIR_DROPOUT, HAIR_FUZZ_M)
    tone = (float(colour[0]), float(colour[1]), float(colour[2]))
    cap = SurfaceMesh.plain(places, inverse.reshape(-1, 3), tone, look, Material.HAIR)
    return scalp, cap.at(np.pad(thickness[:, None], ((0, 0), (0, 2))).astype(np.float32))


def _eye_centres(generator: HeadGenerator, neutral: FloatArray) -> list[FloatArray]:
    """Middle of each eye's lids, the subject's right one first."""
    return [neutral[generator.landmark_vertices[list(marks)]].mean(axis=0) for marks in (RIGHT_EYE, LEFT_EYE)]


def _rim(centre: FloatArray) -> FloatArray:
    """(N, 3) closed path around a lens."""
    angle = np.linspace(0, 2 * np.pi, RIM_POINTS)
    circle = np.stack([RIM_WIDTH * np.cos(angle), RIM_HEIGHT * np.sin(angle), np.zeros(RIM_POINTS)], axis=1)
    return circle + centre + [0, -0.01, RIM_GAP]


def _frame(generator: HeadGenerator, neutral: FloatArray) -> SurfaceMesh:
    """Rims, a bridge over the nose, and arms to the ears."""
    right, left = (_rim(centre) for centre in _eye_centres(generator, neutral))
    ear = np.array([0.31, 0.06, -0.22])
    paths = [right, left, np.linspace(right[0], left[RIM_POINTS // 2], 8)]
    paths += [np.linspace(left[0], ear, 20), np.linspace(right[RIM_POINTS // 2], ear * [-1, 1, 1], 20)]
    look = (0.5, FRAME_DROPOUT, 0.0)
    return merge([SurfaceMesh.plain(*tube(path, RIM_RADIUS), (0.015, 0.015, 0.018), look) for path in paths])


def _lenses(generator: HeadGenerator, neutral: FloatArray) -> tuple[FloatArray, NDArray[np.int32]]:
    """Flat lenses inside the rims."""
    shares = np.linspace(0, 1, 3)[:, None, None]
    discs = []
    for centre in _eye_centres(generator, neutral):
        rim = _rim(centre)
        discs.append((rim.mean(axis=0) * (1 - shares) + rim * shares).reshape(-1, 3))
    faces = grid_faces(3, RIM_POINTS)
    return np.concatenate(discs).astype(np.float32), np.concatenate([faces, faces + np.int32(len(discs[0]))])
