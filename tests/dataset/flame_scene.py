"""A sequence of a FLAME-like head whose parameters are known: depth images with noise, and landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.normals import oriented_points
from dphm_core.camera.raster import rasterize
from dphm_core.dataset.cut import SURFACE
from dphm_core.dataset.flame.equations import Evidence, FrameFit, Head, head_vertices, in_camera
from dphm_core.dataset.flame.landmark_file import Embedding
from dphm_core.dataset.flame.model import FlameModel

CAMERA = Intrinsics(512, 512, 900.0, 900.0, 255.5, 255.5)
DEPTH_NOISE_M, LANDMARK_NOISE_M = 0.001, 0.002
EXPRESSIONS = 48
FLIP = np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True)
class Scene:
    """What is true, and what is seen."""

    head: Head
    frames: list[FrameFit]
    evidence: list[Evidence]


def make_scene(model: FlameModel, embedding: Embedding, count: int, seed: int = 0) -> Scene:
    """Turn the head, open its mouth and pull faces."""
    random = np.random.default_rng(seed)
    shape = torch.zeros(model.shape_count)
    shape[:20] = torch.from_numpy(random.normal(size=20).astype(np.float32))
    head = Head(1.02, shape)
    faces = np.clip(random.normal(0, 1.0, (2, EXPRESSIONS)), 0, 2)
    frames = []
    for k in range(count):
        phase = 2 * np.pi * k / max(count, 8)
        turn = FLIP @ Rotation.from_euler("YXZ", [25 * np.sin(phase), 8 * np.cos(2 * phase), 5], True).as_matrix()
        expression = torch.zeros(model.count - model.shape_count)
        mixed = faces[0] * (0.5 + 0.5 * np.sin(phase)) + faces[1] * (0.5 - 0.5 * np.sin(phase))
        expression[:EXPRESSIONS] = torch.from_numpy(mixed.astype(np.float32))
        jaw = torch.tensor([0.15 - 0.15 * np.cos(2 * phase), 0.02 * np.sin(phase), 0.0]).float()
        place = torch.tensor([0.02 * np.cos(phase), 0.01, 0.55 + 0.02 * np.sin(phase)]).float()
        frames.append(FrameFit(torch.from_numpy(turn).float(), place, jaw, expression))
    depths = [depth_of(model, head, frame, random) for frame in frames]
    seen = [
        evidence_of(model, embedding, in_camera(head_vertices(model, head, frame), head, frame), depth, random)
        for frame, depth in zip(frames, depths, strict=True)
    ]
    return Scene(head, frames, seen)


def depth_of(model: FlameModel, head: Head, frame: FrameFit, random: np.random.Generator) -> np.ndarray:
    """A depth image with noise, in whole millimetres."""
    vertices = in_camera(head_vertices(model, head, frame), head, frame)
    focal, centre = np.array([CAMERA.fx, CAMERA.fy]), np.array([CAMERA.cx, CAMERA.cy])
    screen = np.column_stack([vertices[:, :2] / vertices[:, 2:] * focal + centre, vertices[:, 2]]).astype(np.float32)
    depth, _ = rasterize(screen, model.faces, CAMERA.width, CAMERA.height)
    noisy = np.where(depth > 0, depth + random.normal(0, DEPTH_NOISE_M, depth.shape), 0)
    return (np.round(noisy * 1000) / 1000).astype(np.float32)


def evidence_of(
    model: FlameModel, embedding: Embedding, vertices: np.ndarray, depth: np.ndarray, random: np.random.Generator
) -> Evidence:
    points, normals, _ = oriented_points(depth, CAMERA, (0, 0, 512, 512), (0.3, 0.9), 1, SURFACE)
    chosen = random.choice(len(points), min(len(points), 2500), replace=False)
    landmarks = np.full((478, 3), np.nan, np.float32)
    places = np.einsum("nk,nkx->nx", embedding.weights, vertices[embedding.corners])
    landmarks[embedding.landmarks] = places + random.normal(0, LANDMARK_NOISE_M, places.shape)
    return Evidence(points[chosen], normals[chosen], landmarks)


def angle_deg(a: torch.Tensor, b: torch.Tensor) -> float:
    """Angle between two rotations."""
    return float(np.degrees(Rotation.from_matrix((a.T @ b).double().numpy()).magnitude()))


def perturbed(frame: FrameFit, random: np.random.Generator) -> FrameFit:
    """The pose, some 4° and 5 mm off; no jaw, no expression."""
    turn = Rotation.from_rotvec(np.radians(random.normal(0, 2.5, 3))).as_matrix()
    return FrameFit(
        rotation=frame.rotation @ torch.from_numpy(turn).float(),
        translation=frame.translation + torch.from_numpy(random.normal(0, 0.003, 3)).float(),
        jaw=torch.zeros(3),
        expression=torch.zeros_like(frame.expression),
    )
