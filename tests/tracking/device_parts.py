"""A small model in the official layout whose fields make a head-like body, and what a camera sees of that body."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from offline_parts import observation_of, pose_at, small_model
from torch import Tensor

from dphm_core.frames import FloatArray, Observation
from dphm_core.heads.model import HeadModel
from dphm_core.heads.subject import Subject, build_subject
from dphm_core.heads.surface import extract_surface
from dphm_core.meshing.normals import vertex_normals
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.on_device.fields import deformation_on, distance_on

FITTING_STEPS = 120
MESH_SPACING = 0.025
RADII = torch.tensor([0.26, 0.36, 0.3])
NOSE, NOSE_RADIUS = torch.tensor([0.0, -0.05, 0.3]), 0.09


def body_distance(points: Tensor) -> Tensor:
    """Roughly the signed distance (N,) of an egg with a nose."""
    egg = ((points / RADII).norm(dim=-1) - 1) * RADII.min()
    return torch.minimum(egg, (points - NOSE).norm(dim=-1) - NOSE_RADIUS)


def body_model() -> HeadModel:
    """Hyper coordinates, un-named codes, no template; the expression bends the body by some millimetres."""
    model = small_model()
    field, code = model.identity_field, torch.from_numpy(model.identity_mean)[None]
    optimiser = torch.optim.Adam(field.requires_grad_(True).parameters(), 1e-2)
    for _ in range(FITTING_STEPS):
        points = torch.rand(1, 400, 3) - 0.5
        queries = torch.nn.functional.pad(points, (0, 2)) + 0.02 * torch.randn(1, 400, 5)
        loss = (field(queries, code) - body_distance(queries[..., :3])).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    field.requires_grad_(False)
    last = model.expression_field.layers[-1]
    assert isinstance(last, torch.nn.Linear)
    last.weight.mul_(0.6)
    last.bias.zero_()
    return model


def body(model: HeadModel) -> Subject:
    """The mean body, with a coarser mesh than usual."""
    subject = build_subject(model, np.zeros(model.identity_basis.shape[1], np.float32), 1.0)
    vertices, faces = extract_surface(model.identity_field, torch.from_numpy(subject.identity_code), MESH_SPACING)
    return replace(subject, vertices_canonical=vertices, faces=faces)


def states(model: HeadModel, count: int) -> list[FitState]:
    """A nodding body whose expression changes."""
    directions = np.random.default_rng(5).standard_normal((2, model.config.expression_dim))
    codes = [0.3 * (np.sin(0.3 * k) * directions[0] + np.cos(0.2 * k) * directions[1]) for k in range(count)]
    return [FitState(pose_at(k), code.astype(np.float32)) for k, code in enumerate(codes)]


def seen(subject: Subject, state: FitState, index: int) -> Observation:
    """Points on the zero level of the posed body's distance, where it faces the camera."""
    cpu = torch.device("cpu")
    deformation, distance = deformation_on(subject, cpu), distance_on(subject.distance, cpu)
    code = torch.from_numpy(state.expression)
    surface = torch.from_numpy(subject.inverse_warp(subject.vertices_canonical, state.expression))
    with torch.no_grad():
        for _ in range(4):
            evaluation = deformation.evaluate(surface, code)
            values, by_canonical = distance(evaluation.canonical)
            slope = deformation.pull_back(evaluation, by_canonical)[0]
            surface = surface - (values / slope.square().sum(dim=1).clamp_min(0.1))[:, None] * slope
    points: FloatArray = surface.numpy()
    normals = vertex_normals(points, subject.faces) @ state.head_to_cam.rotation.T
    points_cam = state.head_to_cam.to_camera(points)
    facing = -(normals * points_cam).sum(axis=1) > 0.3 * np.linalg.norm(points_cam, axis=1)
    facing &= np.abs(values.numpy()) < 1e-3
    return observation_of(index, points_cam[facing], normals[facing].astype(np.float32), None)
