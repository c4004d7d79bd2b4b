"""One frame's fit from uploaded numbers to numbers to download: fixed shapes, no branch that data decide."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.heads.subject import WARP_ITERATIONS, Subject
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.descent import ROUGH, SETTLED, Descent
from dphm_core.tracking.fit_state import POSE_SIZE
from dphm_core.tracking.frame_solver import contour_term
from dphm_core.tracking.normal_equations import ACTIVE_SET_ROUNDS
from dphm_core.tracking.on_device.fields import MeshOnDevice, deformation_on, distance_on
from dphm_core.tracking.on_device.layout import Layout
from dphm_core.tracking.on_device.linear import box_step
from dphm_core.tracking.on_device.prior import PriorOnDevice
from dphm_core.tracking.on_device.terms import ContourOnDevice, DeviceState, depth_rows, distances, robust
from dphm_core.tracking.prior_term import LOOKS
from dphm_core.tracking.scores import score_table

ROOM_STEP = 500
"""Room for points comes in such steps, so that the program need not be recorded anew for every other number."""
WARM_WARP_ROUNDS = 4
"""Steps that carry the mesh on from the frame before; what a fast movement leaves is made up for in the next frame."""

Inputs = dict[str, Tensor]


class Memory(NamedTuple):
    """What a frame hands to the next."""

    posed: Tensor
    """(V, 3) vertices in the posed head frame."""
    changes: Tensor
    """(LOOKS, E) what the prior would change."""


class FitProgram:
    """Fits frames of one subject; holds the subject's fields on the device, and nothing that changes."""

    def __init__(
        self, subject: Subject, config: TrackerConfig, prior: LatentPrior | None, device: torch.device
    ) -> None:
        self._config, self._device, self._latent_prior = config, device, prior
        self._distance = distance_on(subject.distance, device)
        self._deformation = deformation_on(subject, device)
        self._mesh = MeshOnDevice(subject, self._deformation, device)
        self._named = bool(subject.model.expression_names)
        self.size = subject.model.config.expression_dim
        self.prior: PriorOnDevice | None = None
        contours = contour_term(subject)
        self._contours = None if contours is None else ContourOnDevice.of(contours, device)
        self.scores = score_table(subject.model.expression_names)
        self._scored = torch.from_numpy(self.scores.weights).to(device)
        self._least_cosine = float(np.cos(np.radians(config.max_normal_angle_deg)))
        self.adjust(config)

    def adjust(self, config: TrackerConfig) -> None:
        """Go on with other live settings; shapes, and thus what was recorded of it, change with `shape_of` them."""
        room, prior = self.shape_of(config)
        if not prior:
            self.prior = None
        elif self.prior is None and self._latent_prior is not None:
            self.prior = PriorOnDevice(self._latent_prior, self._device)
        self.inputs = Layout(self._input_shapes(room))
        self.results = Layout(
            {
                "rotation": (3, 3), "translation": (3,), "expression": (self.size,), "signed": (room,),
                "posed": tuple(self._mesh.canonical.shape),
            }
        )  # fmt: skip

    def shape_of(self, config: TrackerConfig) -> tuple[int, bool]:
        """Room for how many points, and whether there is a prior: what of live settings changes the program."""
        room = -(-config.points // ROOM_STEP) * ROOM_STEP
        return room, self._latent_prior is not None and config.prior_spread > 0

    def _input_shapes(self, points: int) -> dict[str, tuple[int, ...]]:
        return {
            "points": (points, 3), "normals": (points, 3), "counted": (points,),
            "rotation": (3, 3), "translation": (3,), "expression": (self.size,), "scale": (), "depth_sigma": (),
            "prior_weight": (), "landmarks": (), "rays": (len(self.landmarks), 2), "in_sight": (len(self.landmarks),),
            "targets": (len(self.scores.scores),), "look": (1,),
        }  # fmt: skip

    @property
    def landmarks(self) -> np.ndarray:  # type: ignore[type-arg]
        """(L,) landmarks whose rays go in."""
        return np.zeros(0, np.int64) if self._contours is None else self._contours.landmarks

    def at_rest(self) -> Memory:
        """Memory before the first frame."""
        return Memory(self._mesh.canonical.clone(), torch.zeros(LOOKS, self.size, device=self._device))

    def posed(self, expression: Tensor) -> Tensor:
        """Vertices (V, 3) of an expression (E,), from the canonical head on."""
        return self._mesh.posed(expression, self._mesh.canonical, WARP_ITERATIONS)

    def run(self, uploaded: Tensor, memory: Memory, descent: Descent) -> tuple[Tensor, Memory]:
        """Fit a frame.

        Parameters
        ----------
        uploaded : (inputs.size,)
            Everything about the frame, as `inputs` lays it out. ``counted`` is 1 for each point and 0 for padding,
            ``depth_sigma`` is the depth's expected error (metres), ``landmarks`` is 1 where a face was detected,
            ``prior_weight`` is the prior's 1/σ², ``look`` the number of its look.
        memory : Memory
            Of the frame before.
        descent : Descent
            Gauss–Newton steps. All of them are computed; where the plain solver would have ended, none moves any more.

        Returns
        -------
        results : (results.size,)
            State, signed distances (metres) and mesh (posed head frame), as `results` lays them out.
        memory : Memory
            For the next frame.
        """
        inputs = self.inputs.views(uploaded)
        start = DeviceState(inputs["rotation"], inputs["translation"], inputs["expression"], inputs["scale"])
        changes = memory.changes
        if self.prior is not None:
            look = inputs["look"].long()
            changes = changes.index_copy(0, look, self.prior.change(start.expression, look))
        plausible = start.expression + changes.mean(dim=0)
        state, moving, rough = start, torch.ones_like(start.scale), torch.ones_like(start.scale)
        for step in range(descent.most):
            rough = rough * descent.may_thin(step)
            hessian, gradient = self._depth(state, self._thinned(inputs, rough), descent.width_m(step, self._config))
            weights, pull = self._diagonal(state, start, plausible, inputs)
            hessian, gradient = hessian + torch.diag(weights), gradient + pull
            if self._contours is not None:
                hessian, gradient = self._add_contours(hessian, gradient, state, inputs)
            move = self._step(hessian, gradient, state)
            state = state.moved(move * moving)
            gain = -(gradient + 0.5 * hessian @ move) @ move
            if descent.may_end(step):
                moving = moving * torch.maximum(rough, gain > SETTLED)
            rough = (gain > ROUGH).to(rough)
        signed = distances(self._deformation, self._distance, state, inputs["points"])
        posed = self._mesh.posed(state.expression, memory.posed, WARM_WARP_ROUNDS)
        results = {**state._asdict(), "signed": signed, "posed": posed}
        return self.results.joined(results), Memory(posed, changes)

    @staticmethod
    def _thinned(inputs: Inputs, rough: Tensor) -> Inputs:
        """Inputs of which every second point counts where `rough` is 1, and all where it is 0."""
        left_out = torch.arange(len(inputs["counted"]), device=rough.device) % 2
        return {**inputs, "counted": inputs["counted"] * (1 - rough * left_out)}

    def _depth(self, state: DeviceState, inputs: Inputs, width: float) -> tuple[Tensor, Tensor]:
        """`add_depth`: Hessian and gradient of the point-to-surface distances, float64."""
        config = self._config
        rows = depth_rows(self._deformation, self._distance, state, inputs["points"])
        agreement = (rows.normals_cam * inputs["normals"]).sum(dim=1)
        counted = inputs["counted"]
        weight = robust(rows.values, width) * (agreement > self._least_cosine) * counted
        share = config.independent_points / counted.sum().clamp_min(1)
        weighted = rows.jacobian * (weight * (share / inputs["depth_sigma"].square()))[:, None]
        return (weighted.T @ rows.jacobian).double(), (weighted.T @ rows.values).double()

    def _diagonal(
        self, state: DeviceState, start: DeviceState, plausible: Tensor, inputs: Inputs
    ) -> tuple[Tensor, Tensor]:
        """Hessian's diagonal (C,) and gradient (C,) of everything that holds single unknowns."""
        config, code = self._config, state.expression.double()
        pairs = [
            (config.expression_sigma**-2, code),
            (config.expression_step_sigma**-2, code - start.expression),
        ]
        weights = torch.full_like(code, sum(weight for weight, _ in pairs))
        pull = torch.stack([weight * off for weight, off in pairs]).sum(dim=0)
        if self.prior is not None:
            trust = inputs["prior_weight"].double()
            weights, pull = weights + trust, pull + trust * (code - plausible)
        if len(self._scored):
            trust = inputs["landmarks"].double() * config.score_sigma**-2
            off = code[self._scored] - inputs["targets"]
            weights = weights.index_add(0, self._scored, trust.expand(len(off)))
            pull = pull.index_add(0, self._scored, trust * off)
        pose = weights.new_full((POSE_SIZE,), config.rotation_step_sigma_rad**-2)
        pose = torch.where(torch.arange(POSE_SIZE, device=pose.device) < 3, pose, config.translation_step_sigma_m**-2)
        return torch.cat([weights, pose]), torch.cat([pull, torch.zeros_like(pose)])

    def _add_contours(
        self, hessian: Tensor, gradient: Tensor, state: DeviceState, inputs: Inputs
    ) -> tuple[Tensor, Tensor]:
        assert self._contours is not None
        sigma = self._config.contour_sigma_m
        values, jacobian = self._contours.rows(state, inputs["rays"])
        believed = (inputs["landmarks"] * inputs["in_sight"]).repeat_interleave(2)
        weighted = jacobian * (robust(values, 4 * sigma) * (believed / sigma**2))[:, None]
        return hessian + (weighted.T @ jacobian).double(), gradient + (weighted.T @ values).double()

    def _step(self, hessian: Tensor, gradient: Tensor, state: DeviceState) -> Tensor:
        """`step_within_box`: named weights (blendshapes) stay in 0..1."""
        free = torch.full_like(gradient[:POSE_SIZE], torch.inf)
        code = state.expression.double()
        if not self._named:
            unbounded = torch.full_like(gradient, torch.inf)
            return box_step(hessian, gradient, -unbounded, unbounded, rounds=1)
        return box_step(hessian, gradient, torch.cat([-code, -free]), torch.cat([1 - code, free]), ACTIVE_SET_ROUNDS)
