"""What stands before the synthetic camera in every frame: the subject, a torso, a hand, another person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dphm_core.frames import FloatArray, Similarity
from dphm_core.training.ict import HeadGenerator
from dphm_core.training.motion import MotionName, motion
from dphm_core.training.recording_config import RecordingConfig
from dphm_core.training.recording_mesh import SurfaceMesh, ellipsoid, merge
from dphm_core.training.recording_subject import Subject, make_subject

HEAD_HEIGHT_M = 0.07
"""The head's origin lies this far below the optical axis: little of the torso is in the picture."""
BESIDE_M = np.array([0.24, 0.0, 0.32], dtype=np.float32)
"""Where the other person is, seen from the subject."""
TORSO_PARTS_M = (((0.0, 0.21, 0.07), (0.19, 0.075, 0.105)), ((0.0, 0.43, 0.06), (0.195, 0.28, 0.10)))
"""Centres, seen from the head's origin at rest, and radii of shoulders and chest, camera axes."""
HAND_PASSES = (0.42, 0.68)
"""When the hand is before the face, as parts of the recording."""
HAND_BEFORE_M, HAND_REACH_M = 0.17, 0.22
"""The hand's distance before the head's origin, and how far to both sides it goes."""
HAND_PARTS_M = (
    ((0.0, 0.0, 0.0), (0.042, 0.048, 0.014)),
    *(((x, -0.075 + abs(x - 0.005), 0.0), (0.009, 0.040, 0.009)) for x in (-0.031, -0.010, 0.011, 0.031)),
    ((0.048, -0.005, -0.005), (0.010, 0.034, 0.010)),
    ((0.0, 0.19, 0.02), (0.034, 0.16, 0.030)),
)
"""Centres and radii of palm, fingers, thumb and forearm, camera axes."""
SHIRT, SHIRT_BESIDE, HAND_SKIN = (0.05, 0.08, 0.14), (0.16, 0.05, 0.05), (0.46, 0.28, 0.20)


@dataclass(frozen=True)
class Actor:
    """A subject and its motion."""

    subject: Subject
    """Who."""
    expressions: FloatArray
    """(T, E) weights."""
    rotations: FloatArray
    """(T, 3, 3) head → camera."""
    translations_m: FloatArray
    """(T, 3) head → camera, metres."""
    torso: SurfaceMesh
    """Camera frame; stands still."""

    def pose(self, frame: int) -> Similarity:
        """Head → camera."""
        return Similarity(self.rotations[frame], self.translations_m[frame])

    def meshes(self, frame: int) -> list[SurfaceMesh]:
        """Head (its vertices first) and torso, camera frame, metres."""
        surface = self.subject.surface(self.expressions[frame])
        return [surface.at(self.pose(frame).to_camera(surface.vertices)), self.torso]


class Scene:
    """All that is before the camera; a seed makes it."""

    def __init__(self, generator: HeadGenerator, config: RecordingConfig) -> None:
        self._config = config
        place = np.array([0.0, HEAD_HEIGHT_M, config.distance_m], dtype=np.float32)
        subject = make_subject(generator, config.seed, config.hair, config.glasses)
        self.actor = _act(subject, config, config.motion, config.seed, place, SHIRT)
        """The subject whose ground truth is kept."""
        self._others = []
        if config.second_head:
            other = make_subject(generator, config.seed + 1, config.hair, glasses=False)
            self._others.append(_act(other, config, "talk", config.seed + 1, place + BESIDE_M, SHIRT_BESIDE))

    def mesh(self, frame: int) -> SurfaceMesh:
        """Everything in one frame, camera frame, metres; the subject's head vertices and faces come first."""
        meshes = self.actor.meshes(frame)
        for other in self._others:
            meshes += other.meshes(frame)
        if self._config.occluder:
            meshes += self._hand(frame)
        return merge(meshes)

    def lenses(self, frame: int) -> tuple[FloatArray, NDArray[np.int32]] | None:
        """Return vertices (camera frame, metres) and triangles of the subject's lenses; None without glasses."""
        lenses = self.actor.subject.lenses
        return None if lenses is None else (self.actor.pose(frame).to_camera(lenses[0]), lenses[1])

    def _hand(self, frame: int) -> list[SurfaceMesh]:
        part = frame / max(self._config.frames - 1, 1)
        first, last = HAND_PASSES
        across = (part - first) / (last - first)
        if not 0 <= across <= 1:
            return []
        centre = np.array([HAND_REACH_M * (1 - 2 * across), HEAD_HEIGHT_M + 0.03, self._config.distance_m])
        centre[2] -= HAND_BEFORE_M
        return [_ellipsoids(HAND_PARTS_M, centre.astype(np.float32), HAND_SKIN, gloss=0.08)]


def _act(
    subject: Subject,
    config: RecordingConfig,
    name: MotionName,
    seed: int,
    place_m: FloatArray,
    shirt: tuple[float, float, float],
) -> Actor:
    names = subject.generator.expression_names
    rng = np.random.default_rng([seed, 2])
    expressions, rotations, ways = motion(name, config.frames, config.fps, rng, names)
    torso = _ellipsoids(TORSO_PARTS_M, place_m, shirt, gloss=0.0)
    return Actor(subject, expressions, rotations, place_m + ways, torso)


def _ellipsoids(
    parts_m: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...],
    place_m: FloatArray,
    albedo: tuple[float, float, float],
    gloss: float,
) -> SurfaceMesh:
    shapes = [ellipsoid(place_m + centre, np.array(radii), rings=32) for centre, radii in parts_m]
    return merge([SurfaceMesh.plain(vertices, faces, albedo, (gloss, 0.0, 0.0)) for vertices, faces in shapes])
