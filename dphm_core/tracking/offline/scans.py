"""One frame as the offline losses take it: the head's points and normals, and the landmarks that lie on anchors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dphm_core.frames import FloatArray, Observation, Similarity
from dphm_core.heads.model import HeadModel
from dphm_core.landmarks.tables import ANCHOR_OF_MEDIAPIPE
from dphm_core.tracking.config import MIN_POINTS
from dphm_core.tracking.sampling import FACE_MAX, FACE_MIN

HEAD_MIN = np.array([-np.inf, -0.45, -0.1], dtype=np.float32)
HEAD_MAX = np.array([np.inf, np.inf, 0.5], dtype=np.float32)
"""Box of the points that the paper's fit sees, head frame: above the neck, before the ears."""
LANDMARKS = sorted(ANCHOR_OF_MEDIAPIPE)
ANCHORS = [ANCHOR_OF_MEDIAPIPE[landmark] for landmark in LANDMARKS]


@dataclass(frozen=True)
class Scan:
    """One frame's points (P of them) and landmarks (L), metres, camera frame, on the device of the fit."""

    points_cam: Tensor
    """(P, 3)"""
    normals_cam: Tensor
    """(P, 3) unit, outward."""
    landmarks_cam: Tensor
    """(L, 3), 0 where not seen."""
    landmarks_seen: Tensor
    """(L,) bool."""


@dataclass(frozen=True)
class ScanBatch:
    """B frames, N points drawn from each."""

    points_cam: Tensor
    """(B, N, 3)"""
    normals_cam: Tensor
    """(B, N, 3)"""
    landmarks_cam: Tensor
    """(B, L, 3)"""
    landmarks_seen: Tensor
    """(B, L)"""


def make_scan(observation: Observation, pose: Similarity, model: HeadModel, device: torch.device) -> Scan | None:
    """Choose a frame's points by a rough pose of its head; None where there are too few.

    A model with a template knows the skin of the face only, any other the paper's box.
    """
    low, high = (FACE_MIN, FACE_MAX) if model.template is not None else (HEAD_MIN, HEAD_MAX)
    points_head = pose.to_head(observation.points_cam)
    inside = ((points_head > low) & (points_head < high)).all(axis=1)
    if inside.sum() < MIN_POINTS:
        return None
    landmarks = _landmarks(observation)
    seen = np.isfinite(landmarks).all(axis=1)
    arrays = (observation.points_cam[inside], observation.normals_cam[inside], np.where(seen[:, None], landmarks, 0))
    points, normals, known = (torch.from_numpy(array.astype(np.float32)).to(device) for array in arrays)
    return Scan(points, normals, known, torch.from_numpy(seen).to(device))


def _landmarks(observation: Observation) -> FloatArray:
    """Landmarks (L, 3) that lie on anchors; NaN where not seen."""
    if observation.landmarks is None:
        return np.full((len(LANDMARKS), 3), np.nan, dtype=np.float32)
    return observation.landmarks.points_cam[LANDMARKS]


def draw(scans: list[Scan], count: int, generator: torch.Generator) -> ScanBatch:
    """Draw `count` points of each frame, anew at each call; with repetition where a frame has fewer."""
    chosen = [_choose(len(scan.points_cam), count, generator).to(scan.points_cam.device) for scan in scans]
    return ScanBatch(
        torch.stack([scan.points_cam[rows] for scan, rows in zip(scans, chosen, strict=True)]),
        torch.stack([scan.normals_cam[rows] for scan, rows in zip(scans, chosen, strict=True)]),
        torch.stack([scan.landmarks_cam for scan in scans]),
        torch.stack([scan.landmarks_seen for scan in scans]),
    )


def _choose(available: int, count: int, generator: torch.Generator) -> Tensor:
    if available < count:
        return torch.randint(available, (count,), generator=generator)
    return torch.randperm(available, generator=generator)[:count]
