"""What the two fields are trained on: a pool of samples made once, and the loss of a batch drawn from it."""

from __future__ import annotations

import copy
import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from dphm_core.files import make_folder, read_npz, written_atomically
from dphm_core.frames import MM_PER_UNIT, FloatArray
from dphm_core.heads.config import HeadConfig
from dphm_core.heads.expression import ExpressionField
from dphm_core.heads.identity import IdentityField
from dphm_core.training.binding import CODE_SCALE, GeneratorBinding
from dphm_core.training.config import POINTS_PER_SAMPLE
from dphm_core.training.expressions import random_expression
from dphm_core.training.ict import HeadGenerator
from dphm_core.training.sampling import deformation_samples, distance_samples, ever_seen_faces, random_identity

log = logging.getLogger(__name__)

MAX_POOL_BYTES = 64 << 30
"""As much as `TrainingConfig` lets a pool have, and a machine."""
ANCHOR_WEIGHT = 7.5
ROUNDING = 8e-4
"""Deformation errors below this (0.2 mm) count quadratically; above it, linearly: contradicting targets lose."""
POSITION_GAIN = 50.0
"""First weights on the position are this much larger than usual: features of centimetres, from the start, in a space
where a head is one unit wide. Without it training rests on the mean head for thousands of steps."""
NEAR_DISTANCE = 0.02
"""Distances beyond this (5 mm) count by their relative error."""


@dataclass(frozen=True)
class Pool:
    """Training samples, all in memory."""

    identity: FloatArray
    """(S, 100) generator coefficients."""
    expression: FloatArray
    """(S, 53) blendshape weights."""
    points: FloatArray
    """(S, P, 3)."""
    target: FloatArray
    """(S, P, 3) canonical positions, or (S, P, 1) signed distances."""


class Objective(Protocol):
    """A field with its data and loss."""

    name: str

    @property
    def field(self) -> nn.Module:
        """The network that is trained."""
        ...

    def to(self, device: torch.device) -> None:
        """Train there from now on."""
        ...

    def make_pool(
        self, generator: HeadGenerator, count: int, rng: np.random.Generator
    ) -> Iterator[tuple[FloatArray, ...]]:
        """Yield `count` samples (identity, expression, points, target)."""
        ...

    def loss(self, identity: Tensor, expression: Tensor, points: Tensor, target: Tensor) -> tuple[Tensor, float]:
        """Loss of a batch and its mean error in millimetres."""
        ...


class ExpressionObjective:
    """Backward deformation: posed points near the seen surface go to their canonical places."""

    name = "expression"

    def __init__(self, config: HeadConfig, binding: GeneratorBinding) -> None:
        self.field = ExpressionField(config)
        # The compressor learns from codes of unit spread; `exported` folds the code's true scale into its weights.
        self.basis = torch.from_numpy(binding.identity_basis / CODE_SCALE)
        # The default model's identity code says all of the shape; its anchors would only repeat it less exactly.
        with torch.no_grad():
            self.field.compressor.weight[:, config.identity_dim :].zero_()
        self._no_anchors = torch.zeros(1, config.anchors, 3)

    def to(self, device: torch.device) -> None:
        """Train there from now on."""
        self.field.to(device)
        self.basis, self._no_anchors = self.basis.to(device), self._no_anchors.to(device)

    def make_pool(
        self, generator: HeadGenerator, count: int, rng: np.random.Generator
    ) -> Iterator[tuple[FloatArray, ...]]:
        """Yield samples of random heads with random expressions."""
        for _ in range(count):
            identity = random_identity(generator, rng)
            expression = random_expression(generator.expression_names, rng)
            samples = deformation_samples(generator, identity, expression, POINTS_PER_SAMPLE, rng)
            yield identity, expression, samples.points, samples.canonical

    def loss(self, identity: Tensor, expression: Tensor, points: Tensor, target: Tensor) -> tuple[Tensor, float]:
        """Mean distance to the canonical position, rounded at zero."""
        condition = self.field.condition(identity @ self.basis.T, self._no_anchors.expand(len(identity), -1, -1))
        offset, _ = self.field(points, condition, expression)
        error = (points + offset - target).square().sum(dim=-1)
        distance = (error + ROUNDING**2).sqrt().mean()
        return distance, float(error.detach().sqrt().mean()) * MM_PER_UNIT

    def exported(self) -> ExpressionField:
        """The field for identity codes as a model has them."""
        field = copy.deepcopy(self.field)
        with torch.no_grad():
            field.compressor.weight[:, : field.config.identity_dim] /= CODE_SCALE
        return field


class IdentityObjective:
    """Signed distances to the canonical head, and the anchors."""

    name = "identity"

    def __init__(self, config: HeadConfig, binding: GeneratorBinding) -> None:
        self.field = IdentityField(config, torch.from_numpy(binding.mean_anchors))
        code_dim = config.global_dim + config.local_dim
        with torch.no_grad():
            self.field.weights[0][:, :, code_dim : code_dim + 3] *= POSITION_GAIN
        self.basis = torch.from_numpy(binding.identity_basis)
        self._binding = binding
        self._anchor_basis: Tensor | None = None

    def to(self, device: torch.device) -> None:
        """Train there from now on."""
        self.field.to(device)
        self.basis = self.basis.to(device)
        if self._anchor_basis is not None:
            self._anchor_basis = self._anchor_basis.to(device)

    def attach(self, generator: HeadGenerator) -> None:
        """Take the true anchors from the generator."""
        self._anchor_basis = torch.from_numpy(generator.identity[:, self._binding.anchor_vertices].copy())

    def make_pool(
        self, generator: HeadGenerator, count: int, rng: np.random.Generator
    ) -> Iterator[tuple[FloatArray, ...]]:
        """Yield samples of random canonical heads."""
        seen = ever_seen_faces(generator, rng)
        for _ in range(count):
            identity = random_identity(generator, rng)
            near, far = POINTS_PER_SAMPLE * 3 // 4, POINTS_PER_SAMPLE // 4
            samples = distance_samples(generator, identity, seen, near, far, rng)
            order = rng.permutation(POINTS_PER_SAMPLE)
            yield identity, generator.canonical_weights, samples.points[order], samples.distance[order, None]

    def loss(
        self,
        identity: Tensor,
        expression: Tensor,  # noqa: ARG002 (all heads are canonical)
        points: Tensor,
        target: Tensor,
    ) -> tuple[Tensor, float]:
        """Absolute distance error, relative for far points, and the anchors' squared error."""
        assert self._anchor_basis is not None, "attach the generator first"
        code = identity @ self.basis.T
        error = (self.field(points, code) - target[..., 0]).abs()
        weight = NEAR_DISTANCE / (NEAR_DISTANCE + target[..., 0].abs())
        anchors = self.field.mean_anchors + torch.einsum("bi,iac->bac", identity, self._anchor_basis)
        anchor_error = (self.field.anchors(code) - anchors).square().sum(dim=-1).mean()
        near = target[..., 0].abs() < NEAR_DISTANCE
        return (weight * error).mean() + ANCHOR_WEIGHT * anchor_error, float(error.detach()[near].mean()) * MM_PER_UNIT


def load_or_make_pool(
    objective: Objective, generator: HeadGenerator, count: int, seed: int, path: Path, tell: Callable[[int, int], None]
) -> Pool:
    """Read the pool of an earlier run from `path` where it is the same, or make it and save it there."""
    origin = _origin(objective, generator, count, seed)
    saved = _saved_pool(path, origin)
    if saved is not None:
        return saved
    rows = []
    for row in objective.make_pool(generator, count, np.random.default_rng(seed)):
        rows.append(row)
        tell(len(rows), count)
    pool = Pool(*(np.stack(column).astype(np.float32) for column in zip(*rows, strict=True)))
    make_folder(path.parent)
    with written_atomically(path) as partial, partial.open("wb") as file:
        np.savez(file, origin=np.array(origin), **vars(pool))
    return pool


def _origin(objective: Objective, generator: HeadGenerator, count: int, seed: int) -> str:
    """All that a pool follows from, so that a training never takes another one's."""
    arrays = (generator.neutral, generator.identity, generator.expression, generator.faces)
    digest = hashlib.sha256(repr(generator.expression_names).encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return f"{objective.name}: {count} heads of {POINTS_PER_SAMPLE} points, seed {seed}, generator {digest.hexdigest()}"


def _saved_pool(path: Path, origin: str) -> Pool | None:
    """Pool of an earlier run; None where there is none, or one that is damaged or made from something else."""
    if not path.exists():
        return None
    try:
        arrays = read_npz(path, MAX_POOL_BYTES)
        if str(arrays.pop("origin", "unknown")) == origin:
            return Pool(**arrays)
        reason = "it was made with other settings or from another generator"
    except (OSError, ValueError, TypeError) as error:
        reason = str(error)
    log.warning("%s is made anew: %s", path, reason)
    return None
