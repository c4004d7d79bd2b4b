"""Frames, and models with random weights, for benchmarks whose times do not depend on what the numbers are."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.diffusion.prior import LatentPrior
from dphm_core.diffusion.schedule import cosine_schedule
from dphm_core.diffusion.unet import UNet1D, UNetConfig
from dphm_core.frames import FaceLandmarks, Observation, RGBDFrame, Similarity
from dphm_core.heads.config import HeadConfig
from dphm_core.heads.deformation import Deformation
from dphm_core.heads.distance import FieldDistance
from dphm_core.heads.expression import ExpressionField
from dphm_core.heads.identity import IdentityField
from dphm_core.heads.model import HeadModel
from dphm_core.heads.subject import Subject
from dphm_core.landmarks import BLENDSHAPE_NAMES
from dphm_core.meshing.normals import vertex_normals
from dphm_core.tracking.fit_state import FitState

POINTS = 20_000
"""Depth points of a made-up frame, as many as a face half a metre away has."""
NOISE_M = 0.001
DISTANCE_M = 0.5
CAMERA = Intrinsics(1280, 720, 600.0, 600.0, 640.0, 360.0)
CODE_SCALE = 0.1


def made_up_frame(model: HeadModel) -> tuple[Observation, FitState]:
    """The mean head of a model with a template, half a metre away with its mouth open, and a resting state near it."""
    template = model.template
    assert template is not None
    rng = np.random.default_rng(0)
    code = np.where(np.arange(len(template.canonical_weights)) % 7 == 0, np.float32(0.5), np.float32(0))
    rotation = Rotation.from_euler("xyz", [180, 5, 2], degrees=True).as_matrix().astype(np.float32)
    pose = Similarity(rotation, np.array([0.01, 0, DISTANCE_M], np.float32))
    posed = template.posed(template.mean, code)
    vertices_cam = pose.to_camera(posed)
    chosen = rng.choice(np.nonzero(template.tracked)[0], POINTS)
    points = vertices_cam[chosen] + NOISE_M * rng.standard_normal((POINTS, 3)).astype(np.float32)
    normals = (vertex_normals(posed, template.faces) @ rotation.T)[chosen].astype(np.float32)
    landmarks_cam = vertices_cam[np.maximum(template.landmark_vertices, 0)]
    pixels = landmarks_cam[:, :2] / landmarks_cam[:, 2:] * CAMERA.fx + np.array([CAMERA.cx, CAMERA.cy])
    scores = np.zeros(len(BLENDSHAPE_NAMES), np.float32)
    face = FaceLandmarks(pixels.astype(np.float32), landmarks_cam, scores)
    frame = RGBDFrame(0, 0.0, None, np.zeros((0, 0), np.float32), CAMERA)
    return Observation(frame, points, normals, face), FitState.at_rest(pose, len(code))


def random_subject(of_size: Subject, sizes: HeadConfig) -> Subject:
    """A subject of random fields, without a template; its mesh is as large as that of `of_size`, and carried along."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        identity_field = IdentityField(sizes, torch.rand(sizes.anchors, 3) - 0.5).requires_grad_(False)
        expression_field = ExpressionField(sizes).requires_grad_(False)
        identity = CODE_SCALE * torch.randn(sizes.identity_dim)
    code = identity.numpy()
    model = HeadModel(
        sizes, identity_field, expression_field, code, np.zeros((len(code), 1), np.float32), (), None, "random"
    )
    deformation = Deformation(expression_field, identity, torch.from_numpy(model.anchors(code)))
    distance = FieldDistance(identity_field, identity)
    return Subject(model, code, 1.0, distance, deformation, of_size.vertices_canonical, of_size.faces)


def random_prior(sizes: HeadConfig) -> LatentPrior:
    """A prior of the official size over the expression codes of random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        unet = UNet1D(UNetConfig(sizes.expression_dim)).requires_grad_(False).eval()
    return LatentPrior(unet, cosine_schedule(), -1.0, 1.0)
