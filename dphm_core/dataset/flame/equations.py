"""The linear equations of one frame: how points and landmarks miss the head, and how that changes with each unknown."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor

from dphm_core.dataset.flame.landmark_file import Embedding
from dphm_core.dataset.flame.model import FlameModel, jaw_only
from dphm_core.dataset.flame.pairs import Pairs, pair
from dphm_core.frames import FloatArray

Matrix = NDArray[np.float64]
POSE, JAW = slice(0, 6), slice(6, 9)
"""Unknowns of a frame: turn (3) and shift (3) of the head, the jaw's rotation (3), then its expression (E). After these
come those of all frames: the logarithm of the scale, and the shape (S)."""
EXPRESSION_START = 9
JAW_STEP = 0.01
"""Radians, for the derivative."""
POINT_SIGMA_M, LANDMARK_SIGMA_M = 0.0015, 0.005
"""Distance at which a point, or landmark, counts half (Cauchy)."""
POINT_COUNT, LANDMARK_COUNT = 400.0, 40.0
"""All points, or landmarks, of a frame count as so many independent ones: neighbours err together."""


@dataclass(frozen=True)
class Evidence:
    """What is known of one frame, camera frame."""

    points: FloatArray
    """(P, 3) metres."""
    normals: FloatArray
    """(P, 3) unit, towards the camera."""
    landmarks: FloatArray
    """(478, 3) metres, NaN where one is not known."""


@dataclass(frozen=True)
class Head:
    """What all frames share."""

    scale: float
    shape: Tensor
    """(S,) in standard deviations."""


@dataclass(frozen=True)
class FrameFit:
    """A frame's own: p_cam = scale · rotation · p_flame + translation."""

    rotation: Tensor
    """(3, 3)"""
    translation: Tensor
    """(3,) metres."""
    jaw: Tensor
    """(3,) axis times angle, radians."""
    expression: Tensor
    """(E,) in standard deviations."""


@dataclass(frozen=True)
class Equations:
    """Normal equations of the unknowns, and how well the head fits where they were set up."""

    matrix: Matrix
    """(D, D)"""
    vector: Matrix
    """(D,) gradient."""
    residual_m: float
    """Median distance of points to the surface; NaN without points."""
    paired: float
    """Share of the points that have a place on it."""


def head_vertices(model: FlameModel, head: Head, frame: FrameFit) -> Tensor:
    """Vertices (V, 3) in FLAME's frame, metres."""
    return model.vertices(torch.cat([head.shape, frame.expression]), jaw_only(frame.jaw))


def in_camera(vertices: Tensor, head: Head, frame: FrameFit) -> FloatArray:
    """Vertices (V, 3) in the camera frame, metres."""
    return (vertices @ (head.scale * frame.rotation.T) + frame.translation).numpy()


@dataclass(frozen=True)
class Fitted:
    """A model whose landmarks are known, as all equations need it."""

    model: FlameModel
    embedding: Embedding

    def equations(self, head: Head, frame: FrameFit, evidence: Evidence, reach_m: float, shared: bool) -> Equations:
        """Set up a frame's equations; of the shape and scale, too, where `shared`."""
        view = _View.of(self.model, head, frame, shared)
        cameras = in_camera(view.vertices, head, frame)
        pairs = pair(cameras, self.model.faces, evidence.points, evidence.normals, reach_m)
        chosen = pairs.points
        miss, slope = view.rows(pairs, evidence.points[chosen], evidence.normals[chosen])
        total, gradient = _weighed(miss, slope, miss, POINT_SIGMA_M, POINT_COUNT)
        known = np.flatnonzero(np.isfinite(evidence.landmarks[self.embedding.landmarks]).all(axis=1))
        if len(known):
            more, also = self._landmarks(view, evidence, known)
            total, gradient = total + more, gradient + also
        residual = float(miss.abs().median()) if len(miss) else float("nan")
        return Equations(total, gradient, residual, len(chosen) / max(1, len(evidence.points)))

    def _landmarks(self, view: _View, evidence: Evidence, known: NDArray[np.intp]) -> tuple[Matrix, Matrix]:
        """Each counts as three points with a normal along each axis."""
        thrice = np.repeat(known, 3)
        places = Pairs(thrice, self.embedding.corners[thrice].astype(np.int32), self.embedding.weights[thrice])
        axes = np.tile(np.eye(3, dtype=np.float32), (len(known), 1))
        miss, slope = view.rows(places, evidence.landmarks[self.embedding.landmarks[thrice]], axes)
        length = miss.reshape(-1, 3).norm(dim=1).repeat_interleave(3)
        return _weighed(miss, slope, length, LANDMARK_SIGMA_M, LANDMARK_COUNT)


@dataclass(frozen=True)
class _View:
    """The head as it stands, with its derivatives."""

    vertices: Tensor
    """(V, 3) FLAME's frame."""
    slopes: Tensor
    """(V, 3, K) of these by jaw, expression and, where wanted, shape."""
    head: Head
    frame: FrameFit
    shared: bool

    @classmethod
    def of(cls, model: FlameModel, head: Head, frame: FrameFit, shared: bool) -> _View:
        """Vertices and slopes of a head in a frame, of its shape, too, where that is `shared` by all."""
        by_jaw = torch.stack([_by_jaw(model, head, frame, axis) for axis in torch.eye(3)], dim=2)
        count = model.shape_count
        bases = model.derivative(jaw_only(frame.jaw), 0 if shared else count)
        ordered = torch.cat([bases[count:], bases[:count]]) if shared else bases
        slopes = torch.cat([by_jaw, ordered.permute(1, 2, 0)], dim=2).contiguous()
        return cls(head_vertices(model, head, frame), slopes, head, frame, shared)

    def rows(self, places: Pairs, targets: FloatArray, normals: FloatArray) -> tuple[Tensor, Tensor]:
        """Signed distances (N,) of places from targets along normals, and their derivatives (N, D)."""
        corners, weights = torch.from_numpy(places.corners).long(), torch.from_numpy(places.weights)
        across = torch.from_numpy(normals)
        place = torch.einsum("nk,nkx->nx", weights, self.vertices[corners])
        turned = across @ (self.head.scale * self.frame.rotation)  # the normals in FLAME's frame
        miss = (turned * place).sum(dim=1) + (across * (self.frame.translation - torch.from_numpy(targets))).sum(dim=1)
        inner = self._along(places, turned)
        parts = [torch.linalg.cross(place, turned), across, inner]
        if self.shared:
            expressions = len(self.frame.expression)
            by_scale = (turned * place).sum(dim=1, keepdim=True)
            parts = [*parts[:2], inner[:, : 3 + expressions], by_scale, inner[:, 3 + expressions :]]
        return miss, torch.cat(parts, dim=1)

    def _along(self, places: Pairs, directions: Tensor) -> Tensor:
        """Derivatives (N, K) of places along directions (N, 3), FLAME's frame."""
        values = places.weights[:, :, None] * directions.numpy()[:, None]
        columns = 3 * places.corners[:, :, None] + np.arange(3, dtype=np.int32)
        starts = np.arange(0, values.size + 1, 9, dtype=np.int32)
        flat = self.slopes.reshape(-1, self.slopes.shape[2]).numpy()
        rows = csr_matrix((values.ravel(), columns.ravel(), starts), (len(values), len(flat)))
        return torch.from_numpy(rows @ flat)


def _by_jaw(model: FlameModel, head: Head, frame: FrameFit, axis: Tensor) -> Tensor:
    """Derivative (V, 3) of the vertices by the jaw's rotation, by central differences: right to 2e-5 of it."""
    ahead, behind = (
        head_vertices(model, head, replace(frame, jaw=frame.jaw + step * axis)) for step in (JAW_STEP, -JAW_STEP)
    )
    return (ahead - behind) / (2 * JAW_STEP)


def _weighed(miss: Tensor, slope: Tensor, length: Tensor, sigma_m: float, count: float) -> tuple[Matrix, Matrix]:
    """Normal equations of N rows, of which those that miss far count little."""
    weights = count / max(1, len(miss)) / sigma_m**2 / (1 + (length / sigma_m).square())
    weighted = slope * weights[:, None]
    return (weighted.T @ slope).double().numpy(), (miss @ weighted).double().numpy()
