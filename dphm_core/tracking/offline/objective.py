"""The whole loss of a step: scan, landmarks, diffusion priors, smoothness, norms, weighted and summed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.heads.expression import ExpressionField
from dphm_core.heads.identity import IdentityField, asymmetry
from dphm_core.tracking.offline import losses
from dphm_core.tracking.offline.config import OfflineConfig
from dphm_core.tracking.offline.scans import ANCHORS, ScanBatch
from dphm_core.tracking.offline.state import CodeSpace, Poses, Variables


@dataclass(frozen=True)
class Pair:
    """A frame with one of its neighbours in time."""

    frame: int
    neighbour: int
    gap: int = 1
    """Frames of the recording from one to the other: a change over several counts as a rate."""


@dataclass(frozen=True)
class Fields:
    """A model on the device of the fit, with the priors that it has."""

    identity_field: IdentityField
    expression_field: ExpressionField
    identity: CodeSpace
    expression: CodeSpace
    identity_latents: Callable[[Tensor], Tensor]
    """Latents (1, L) of an identity code (D,) that its prior knows: codes, or a model's coefficients."""
    identity_prior: LatentPrior | None
    expression_prior: LatentPrior | None

    def canonical(self, points_head: Tensor, code: Tensor, expressions: Tensor) -> Tensor:
        """Canonical queries (B, N, 3 + H) of posed points (B, N, 3): one identity (D,), expressions (B, E)."""
        condition = self.expression_field.condition(code[None], self.identity_field.anchors(code[None]))
        offset, hyper = self.expression_field(points_head, condition.expand(len(expressions), -1), expressions)
        return torch.cat([points_head + offset, hyper], dim=-1)

    def distances(self, points_head: Tensor, code: Tensor, expressions: Tensor) -> tuple[Tensor, Tensor]:
        """Signed distances (B, N) of posed points (B, N, 3) and their gradients (B, N, 3), both differentiable."""
        points = points_head if points_head.requires_grad else points_head.detach().requires_grad_()
        queries = self.canonical(points, code, expressions)
        distance = self.identity_field(queries, code.expand(len(queries), -1))
        return distance, torch.autograd.grad(distance.sum(), points, create_graph=True)[0]


class Objective:
    """The loss of some frames; draws the diffusion's noise."""

    def __init__(self, fields: Fields, config: OfflineConfig, generator: torch.Generator) -> None:
        self._fields, self._config, self._generator = fields, config, generator

    def __call__(
        self, variables: Variables, frames: Sequence[int], scans: ScanBatch, threshold: float, pairs: Sequence[Pair]
    ) -> dict[str, Tensor]:
        """Weighted terms of a step, by name; their sum is what it minimises.

        Parameters
        ----------
        variables : Variables
            All frames.
        frames : sequence of int
            B frames that the step works on.
        scans : ScanBatch
            Theirs.
        threshold : float
            Points further from the model are dropped.
        pairs : sequence of Pair
            Frames of the step with neighbours, which the step takes as they are.
        """
        code = self._fields.identity.code(variables.identity)
        expressions = torch.stack([variables.expressions[frame] for frame in frames])  # (B,E)
        terms = self._scan_terms(Poses.of(variables, frames), code, expressions, scans, threshold)
        terms |= self._prior_terms(code, expressions) | self._norm_terms(variables, code, expressions)
        if pairs:
            terms |= self._change_terms(variables, pairs, len(frames))
        return {name: term for name, term in terms.items() if term.requires_grad}

    def _scan_terms(
        self, poses: Poses, code: Tensor, expressions: Tensor, scans: ScanBatch, threshold: float
    ) -> dict[str, Tensor]:
        weights, fields = self._config.weights, self._fields
        distance, gradient = fields.distances(poses.to_head(scans.points_cam), code, expressions)
        near = losses.near_points(distance, threshold)
        landmarks = fields.canonical(poses.to_head(scans.landmarks_cam), code, expressions)[..., :3]
        anchors = fields.identity_field.anchors(code[None])[0, ANCHORS]
        normals = poses.turned_to_head(scans.normals_cam)
        return {
            "data": weights.data * losses.data_loss(distance, near),
            "normal": weights.normal * losses.normal_loss(gradient, normals, near),
            "landmark": weights.landmark * losses.landmark_loss(landmarks, anchors, scans.landmarks_seen),
        }

    def _prior_terms(self, code: Tensor, expressions: Tensor) -> dict[str, Tensor]:
        weights, fields = self._config.weights, self._fields
        terms = {}
        for name, prior, codes, weight in (
            ("identity prior", fields.identity_prior, fields.identity_latents(code), weights.identity_prior),
            ("expression prior", fields.expression_prior, expressions, weights.expression_prior),
        ):
            if prior is not None and weight > 0 and codes.requires_grad:
                seed = int(torch.randint(2**31, (), generator=self._generator))
                terms[name] = weight * losses.prior_loss(
                    prior, codes, prior.probe(len(codes), seed), self._config.prior
                )
        return terms

    def _norm_terms(self, variables: Variables, code: Tensor, expressions: Tensor) -> dict[str, Tensor]:
        weights, identity, expression = self._config.weights, self._fields.identity, self._fields.expression
        own = losses.norm_loss(variables.identity[None], identity.at_rest(), identity.usual)
        faces = losses.norm_loss(expressions, expression.at_rest(), expression.usual)
        return {
            "symmetry": weights.symmetry * asymmetry(code[None], self._fields.identity_field.config),
            "identity norm": weights.identity_norm * own,
            "expression norm": weights.expression_norm * faces,
        }

    def _change_terms(self, variables: Variables, pairs: Sequence[Pair], frames: int) -> dict[str, Tensor]:
        """Smoothness: each frame is drawn to its neighbours as they stand, so that every step is one of its frames."""
        config, unit = self._config, self._fields.expression.unit
        own, others = [pair.frame for pair in pairs], [pair.neighbour for pair in pairs]
        share = variables.scale.new_tensor([1 / (pair.gap * frames) for pair in pairs])  # (P,)

        def both(rows: list[Tensor]) -> tuple[Tensor, Tensor]:
            return torch.stack([rows[k] for k in own]), torch.stack([rows[k] for k in others]).detach()

        codes = losses.code_change(*both(variables.expressions)) / unit**2
        turns = losses.rotation_change(*both(variables.quaternions))
        moves = losses.translation_change(*both(variables.translations_m))
        if config.pose_smoothness == "squared":
            turns, moves = turns.square(), moves.square()
        return {
            "expression change": config.weights.smooth_expression * (share * codes).sum(),
            "rotation change": config.weights.smooth_pose * (share * turns).sum(),
            "translation change": config.weights.smooth_pose * (share * moves).sum(),
        }
