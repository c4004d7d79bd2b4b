"""Makes a recording harder, frame by frame in memory: more of the sensor's noise, or half of the face hidden."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.normals import filter_depth, normals_from_points
from dphm_core.camera.rays import project, ray_table
from dphm_core.evaluation.ground_truth import GroundTruth
from dphm_core.frames import FloatArray, RGBDFrame
from dphm_core.training.noise import GRAZING_COSINE, DepthFaults, SurfaceImages, spoil_depth

SEED = 20_240
FILTER_RADIUS_PX, FILTER_SUPPORT_M = 5, 0.03
NORMAL_REACH_PX = 5
"""Slants are told from smoother depth than the tracker's, which may keep some noise: a slant is no detail."""
EDGE_COSINE = 0.5
"""Of pixels beside an edge or a hole, which have no normal: 60°, as surfaces there mostly turn away."""
BOARD_CORNERS = np.array(
    [[0.0, -0.75, 0.42], [0.8, -0.75, 0.42], [0.8, 0.95, 0.42], [0.0, 0.95, 0.42]], dtype=np.float32
)
"""Head frame: before the nose's tip, over all that is on the subject's left."""
STEP = 1e-6
"""More than rounding to float32 takes away."""
GREY = 128


@dataclass(frozen=True)
class MoreNoise:
    """Adds the synthetic recordings' own noise, so that the total standard deviation is a multiple of the camera's.

    To noise of variance σ² it adds an independent one of (factor² − 1) σ², with σ by depth and slant as in
    `dphm_core.training.noise`, half of the variance shared by neighbours. Holes and flying pixels stay as they are.
    Hair's own fuzz, which cannot be told from the depth, is not multiplied.
    """

    factor: float
    """How many times the camera's standard deviation; 1 changes nothing."""

    def __call__(self, frame: RGBDFrame) -> RGBDFrame:
        """The same frame with noisier depth."""
        valid = frame.depth_m > 0
        if self.factor <= 1 or not valid.any():
            return frame
        inside = _box(valid)
        depth_m = np.ascontiguousarray(frame.depth_m[inside])
        surface = SurfaceImages(_slant_cosine(frame, inside), np.zeros_like(depth_m), np.zeros_like(depth_m))
        faults = DepthFaults(float(np.sqrt(self.factor**2 - 1)), flying_pixels=False, holes=False)
        noisy = np.zeros_like(frame.depth_m)
        noisy[inside] = spoil_depth(depth_m, surface, faults, np.random.default_rng([SEED, frame.index]))
        return replace(frame, depth_m=noisy)


@dataclass(frozen=True)
class Board:
    """Hides the half of the face on the subject's left, wherever the head turns: no depth there, and grey colour."""

    truth: GroundTruth
    """Of the recording: where the head is."""

    def __call__(self, frame: RGBDFrame) -> RGBDFrame:
        """The same frame with the board in it."""
        hidden = self.covers(frame.index, frame.intrinsics)
        depth_m = np.where(hidden, np.float32(0), frame.depth_m)
        color = None if frame.color is None else np.where(hidden[..., None], np.uint8(GREY), frame.color)
        return replace(frame, depth_m=depth_m, color=color)

    def covers(self, index: int, camera: Intrinsics) -> NDArray[np.bool_]:
        """(H, W) pixels that the board covers."""
        corners = project(self.truth.pose(index).to_camera(BOARD_CORNERS), camera)
        image: NDArray[np.uint8] = np.zeros((camera.height, camera.width), dtype=np.uint8)
        cv2.fillConvexPoly(image, np.rint(corners).astype(np.int32), (1,))
        return image.astype(bool)

    def hides(self, camera: Intrinsics) -> NDArray[np.bool_]:
        """(T, V) vertices of the true face that are behind the board."""
        hidden = np.zeros_like(self.truth.visible)
        for index in range(len(self.truth)):
            column, row = np.rint(project(self.truth.vertices_cam(index), camera)).astype(int).T
            inside = (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
            hidden[index, inside] = self.covers(index, camera)[row[inside], column[inside]]
        return hidden


def _box(valid: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns that hold all that is valid."""
    rows, columns = np.flatnonzero(valid.any(axis=1)), np.flatnonzero(valid.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _slant_cosine(frame: RGBDFrame, inside: tuple[slice, slice]) -> FloatArray:
    """Cosine between each pixel's surface normal and its ray, within a box; never so small that depth would be lost."""
    rows, columns = inside
    region = (columns.start, rows.start, columns.stop, rows.stop)
    depth_m = filter_depth(frame.depth_m, region, FILTER_RADIUS_PX, FILTER_SUPPORT_M)[..., None]
    rays = np.nan_to_num(ray_table(frame.intrinsics)[inside])
    points = np.concatenate([rays * depth_m, depth_m], axis=2)
    normals = normals_from_points(points, reach_px=NORMAL_REACH_PX)
    away = np.linalg.norm(points, axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.abs((normals * points).sum(axis=2)) / away
    cosine = np.where(np.isfinite(cosine), cosine, EDGE_COSINE)
    return np.clip(cosine, GRAZING_COSINE + STEP, 1).astype(np.float32)
