"""What speaks for and against a fit, beyond what the fit itself minimises.

A fit can be close to the points that it explains and still be wrong: on a hand, on a wall, on another part of the head.
So the model's surface is looked for in the depth (is it where the model says? does the camera see through it?), the
detected landmarks are compared with the model's, and pose and code are judged by what heads do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dphm_core.frames import FloatArray, Observation
from dphm_core.heads.subject import Subject
from dphm_core.heads.template import NO_VERTEX
from dphm_core.meshing.normals import vertex_normals
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.frame_solver import Fit
from dphm_core.tracking.sampling import FACE_MAX, FACE_MIN
from dphm_core.tracking.terms import landmark_rays

MAX_SURFACE_POINTS = 2500
"""Vertices of the face that stand for its surface: one per 2 to 4 mm."""
CELL_M = 0.006
"""Side of the cells, at the head's depth, in which surface and depth are compared: some points fall into each."""
MIN_FACING = 0.5
"""Cosine between a normal and the line of sight above which a surface point is to be seen (60 degrees)."""
OWN_SHADOW_M = 0.012
"""A surface point this far behind others in its cell is hidden by the head itself."""
NEAR_M = 0.008
"""A surface point has depth near it within this distance along its normal."""
THROUGH_M = 0.012
"""The camera sees through a surface where the depth lies this far behind it, along the normal."""
MIN_INTERVAL_S, MAX_INTERVAL_S = 1 / 120, 0.5
"""Bounds of the time between two poses, against timestamps that repeat or stand far apart."""


@dataclass(frozen=True)
class Evidence:
    """What was found out about one fit; NaN where something cannot be told."""

    residual_m: float
    """Mean distance of the explained points."""
    inliers: float
    """Share of the points in the face's box that the model explains."""
    coverage: float
    """Share of the face's visible surface with depth near it."""
    seen_through: float
    """Share of the face's visible surface behind which the camera sees something."""
    landmarks_m: float
    """Median distance between visible landmark vertices and the rays of the detected landmarks."""
    speed_m_s: float
    """Of the head, since the pose before."""
    turn_rad_s: float
    """The same of its rotation."""
    facing: float
    """Cosine between where the face looks and the direction to the camera: 1 looks into it, −1 away from it."""
    code: float
    """Root mean square of the expression code, in units of its usual spread."""


class Witness:
    """Looks at fits of one subject; lives on the tracking thread."""

    def __init__(self, subject: Subject, code_sigma: float) -> None:
        self._code_sigma = code_sigma
        face = np.nonzero(_of_the_face(subject))[0]
        self._face = face[:: -(-len(face) // MAX_SURFACE_POINTS)]
        normals = vertex_normals(subject.vertices_canonical, subject.faces)
        self._normals_head = normals[self._face]
        template = subject.model.template
        vertices = np.zeros(0, np.int32) if template is None else template.landmark_vertices
        self._landmarks = np.nonzero(vertices != NO_VERTEX)[0]
        self._landmark_vertices = vertices[self._landmarks]
        self._landmark_normals_head = normals[self._landmark_vertices]

    def look(
        self, observation: Observation, fit: Fit, vertices_cam: FloatArray, before: FitState | None, elapsed_s: float
    ) -> Evidence:
        """Gather the evidence on a fit whose mesh is `vertices_cam` (V, 3).

        `before` is the last believed state, `elapsed_s` seconds ago; None where the head was just found.
        """
        rotation = fit.state.head_to_cam.rotation
        surface = vertices_cam[self._face]
        facing = facing_camera(surface, self._normals_head @ rotation.T)
        coverage, through = surface_in_depth(surface, facing, observation.points_cam)
        speed, turn = motion(before, fit.state, elapsed_s)
        position = fit.state.head_to_cam.translation_m
        code = np.sqrt(np.mean(np.square(fit.state.expression / self._code_sigma)))
        return Evidence(
            fit.residual_m, fit.inliers, coverage, through,
            self._landmark_distance(observation, vertices_cam, rotation), speed, turn,
            float(-rotation[:, 2] @ position / np.linalg.norm(position)), float(code),
        )  # fmt: skip

    def _landmark_distance(self, observation: Observation, vertices_cam: FloatArray, rotation: FloatArray) -> float:
        rays = landmark_rays(observation)
        if rays is None or not len(self._landmarks):
            return float("nan")
        points = vertices_cam[self._landmark_vertices]
        seen = facing_camera(points, self._landmark_normals_head @ rotation.T) > MIN_FACING
        if not seen.any():
            return float("nan")
        depth = points[seen, 2:]
        off = points[seen, :2] - rays[self._landmarks[seen]] * depth
        return float(np.median(np.linalg.norm(off, axis=1)))


def facing_camera(points_cam: FloatArray, normals_cam: FloatArray) -> FloatArray:
    """Cosine (N,) between normals (N, 3) and the lines of sight to the camera."""
    distance = np.maximum(np.linalg.norm(points_cam, axis=1), 1e-6)
    return np.asarray(-(points_cam * normals_cam).sum(axis=1) / distance)


def surface_in_depth(surface_cam: FloatArray, facing: FloatArray, points_cam: FloatArray) -> tuple[float, float]:
    """Look for a surface in the depth.

    Parameters
    ----------
    surface_cam : (S, 3)
        Points of the surface, metres, camera frame.
    facing : (S,)
        Cosine between their normals and the lines of sight.
    points_cam : (N, 3)
        The depth's points.

    Returns
    -------
    coverage : float
        Share of the visible surface points with depth within `NEAR_M`.
    seen_through : float
        Share of them with depth more than `THROUGH_M` behind them.
    """
    cells = _Cells.around(surface_cam)
    place = cells.of(surface_cam)
    nearest = np.full(cells.count, np.inf, dtype=np.float32)
    np.minimum.at(nearest, place, surface_cam[:, 2])
    visible = (facing > MIN_FACING) & (surface_cam[:, 2] < nearest[place] + OWN_SHADOW_M)
    if not visible.any():
        return 0.0, 0.0
    seen = np.full(cells.count, np.nan, dtype=np.float32)
    seen[cells.of(points_cam)] = points_cam[:, 2]  # any of a cell's points stands for it
    behind = ((seen[place] - surface_cam[:, 2]) * facing)[visible]  # NaN, which no comparison holds for, without depth
    return float((np.abs(behind) < NEAR_M).mean()), float((behind > THROUGH_M).mean())


@dataclass(frozen=True)
class _Cells:
    """A grid over the lines of sight (x/z, y/z) to a surface; its last cell takes all that is outside."""

    low: FloatArray
    size: float
    columns: int
    rows: int

    @classmethod
    def around(cls, points_cam: FloatArray) -> _Cells:
        """Grid that takes in points (N, 3), camera frame, as fine as their median distance allows."""
        rays = points_cam[:, :2] / points_cam[:, 2:]
        low = rays.min(axis=0)
        size = CELL_M / max(float(np.median(points_cam[:, 2])), 1e-3)
        columns, rows = (np.ptp(rays, axis=0) / size).astype(int) + 1
        return cls(low, size, int(columns), int(rows))

    @property
    def count(self) -> int:
        """Cells, with the one for what is outside."""
        return self.columns * self.rows + 1

    def of(self, points_cam: FloatArray) -> NDArray[np.int64]:
        """Cell (N,) of each point."""
        at = np.floor((points_cam[:, :2] / points_cam[:, 2:] - self.low) / self.size).astype(np.int64)
        inside = ((at >= 0) & (at < (self.columns, self.rows))).all(axis=1)
        return np.where(inside, at[:, 1] * self.columns + at[:, 0], self.count - 1)


def motion(before: FitState | None, now: FitState, elapsed_s: float) -> tuple[float, float]:
    """Speed (m/s) and rate of turn (rad/s) of the head's origin between two states; NaN without the first."""
    if before is None:
        return float("nan"), float("nan")
    elapsed = float(np.clip(abs(elapsed_s), MIN_INTERVAL_S, MAX_INTERVAL_S))
    old, new = before.head_to_cam, now.head_to_cam
    cosine = (float(np.trace(old.rotation.T @ new.rotation)) - 1) / 2
    shift = float(np.linalg.norm(new.translation_m - old.translation_m))
    return shift / elapsed, float(np.arccos(np.clip(cosine, -1, 1))) / elapsed


def _of_the_face(subject: Subject) -> NDArray[np.bool_]:
    """Vertices (V,) of the facial skin."""
    inside = ((subject.vertices_canonical > FACE_MIN) & (subject.vertices_canonical < FACE_MAX)).all(axis=1)
    template = subject.model.template
    return inside if template is None else inside & template.tracked
