"""Small models and made-up observations for the offline method."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.diffusion.prior import LatentPrior
from dphm_core.diffusion.schedule import cosine_schedule
from dphm_core.diffusion.unet import UNet1D, UNetConfig
from dphm_core.frames import FaceLandmarks, FloatArray, Observation, RGBDFrame, Similarity
from dphm_core.heads.config import HeadConfig
from dphm_core.heads.expression import ExpressionField
from dphm_core.heads.identity import IdentityField
from dphm_core.heads.model import HeadModel
from dphm_core.heads.template import NO_VERTEX
from dphm_core.landmarks.tables import ANCHOR_OF_MEDIAPIPE, LANDMARK_COUNT
from dphm_core.meshing.normals import vertex_normals
from dphm_core.tracking.offline.config import LossWeights, OfflineConfig, StageConfig
from dphm_core.tracking.offline.fit import OfflineModel, make_offline_model

SMALL = HeadConfig(
    global_dim=8, local_dim=4, identity_width=8, identity_layers=2, expression_dim=6, condition_dim=4,
    expression_width=16, expression_layers=3, hyper_dim=2,
)  # fmt: skip
"""The official architecture, hyper coordinates and all, with hardly any width."""
CAMERA = Intrinsics(64, 48, 60, 60, 32, 24)
CPU = torch.device("cpu")


def small_model(sizes: HeadConfig = SMALL) -> HeadModel:
    """A random model without a template, whose codes are free."""
    torch.manual_seed(3)
    anchors = 0.6 * torch.rand(sizes.anchors, 3) - 0.3
    anchors[:, 2] += 0.15
    fields = IdentityField(sizes, anchors).requires_grad_(False), ExpressionField(sizes).requires_grad_(False)
    rng = np.random.default_rng(0)
    mean = 0.05 * rng.standard_normal(sizes.identity_dim).astype(np.float32)
    basis = 0.05 * rng.standard_normal((sizes.identity_dim, 4)).astype(np.float32)
    return HeadModel(sizes, *fields, mean, basis, (), None)


def small_offline_model(with_priors: bool = False) -> OfflineModel:
    priors = [random_prior(length) if with_priors else None for length in (SMALL.identity_dim, SMALL.expression_dim)]
    return make_offline_model(small_model(), *priors, CPU)


def random_prior(length: int) -> LatentPrior:
    torch.manual_seed(4)
    unet = UNet1D(UNetConfig(length=length, dim=8, multipliers=(1, 2))).requires_grad_(False).eval()
    return LatentPrior(unet, cosine_schedule(), -1.0, 1.0)


def pose_at(frame: int, scale: float = 1.0) -> Similarity:
    rotation = Rotation.from_euler("xyz", [180, 2.0 * frame, 1.0], degrees=True).as_matrix().astype(np.float32)
    return Similarity(rotation, np.array([0.002 * frame, 0.01, 0.55], np.float32), scale)


def observation_of(
    index: int, points_cam: FloatArray, normals_cam: FloatArray, landmarks_cam: FloatArray | None
) -> Observation:
    """What an observer would have seen; `landmarks_cam` (478, 3)."""
    frame = RGBDFrame(index, index / 30, None, np.zeros((0, 0), np.float32), CAMERA)
    landmarks = None
    if landmarks_cam is not None:
        landmarks = FaceLandmarks(np.zeros((LANDMARK_COUNT, 2), np.float32), landmarks_cam, np.zeros(52, np.float32))
    return Observation(frame, points_cam, normals_cam, landmarks)


def random_observation(index: int, model: HeadModel, with_face: bool = True) -> Observation:
    """Points all over the face's box, and landmarks at the anchors."""
    rng, pose = np.random.default_rng(index), pose_at(index)
    points = rng.uniform([-0.25, -0.3, 0.0], [0.25, 0.3, 0.3], (300, 3)).astype(np.float32)
    normals = rng.standard_normal((300, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    landmarks = np.full((LANDMARK_COUNT, 3), np.nan, np.float32)
    anchors = pose.to_camera(model.anchors(model.identity_mean))
    landmarks[list(ANCHOR_OF_MEDIAPIPE)] = anchors[list(ANCHOR_OF_MEDIAPIPE.values())]
    return observation_of(index, pose.to_camera(points), normals, landmarks if with_face else None)


def posed_template(model: HeadModel, coefficients: FloatArray, weights: FloatArray) -> FloatArray:
    """Vertices (V, 3) of the model's own template, head frame."""
    assert model.template is not None
    return model.template.posed(model.template.canonical(coefficients), weights)


def template_observation(index: int, model: HeadModel, posed: FloatArray, pose: Similarity) -> Observation:
    """Facial skin of a posed template (V, 3), as far as it faces the camera, as its points."""
    template = model.template
    assert template is not None
    normals = vertex_normals(posed, template.faces) @ pose.rotation.T
    facing = template.tracked & (normals[:, 2] < -0.3)
    known = template.landmark_vertices != NO_VERTEX
    landmarks = np.full((LANDMARK_COUNT, 3), np.nan, np.float32)
    landmarks[known] = pose.to_camera(posed[template.landmark_vertices[known]])
    return observation_of(index, pose.to_camera(posed[facing]), normals[facing].astype(np.float32), landmarks)


def quick(rounds: tuple[int, int, int] = (6, 3, 2), points: int = 64, **weights: float) -> OfflineConfig:
    """All stages in a few steps."""
    init, incremental, joint = (
        StageConfig(
            rounds=count, points=points, identity_rate=rates[0], expression_rate=rates[1], pose_rate=rates[2],
            scale_rate=rates[3], thresholds=(10.0,),
        )
        for count, rates in zip(
            rounds, ((1e-2,) * 4, (0.0, 1e-2, 1e-3, 0.0), (1e-3, 1e-2, 1e-4, 1e-4)), strict=True
        )
    )  # fmt: skip
    return OfflineConfig(init, incremental, joint, weights=LossWeights(**weights))
