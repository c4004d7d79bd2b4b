"""The frame solver whose computing all runs on a torch device; `FrameSolver` is its plain counterpart."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import torch

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.frames import FloatArray, Observation, Similarity
from dphm_core.heads.subject import Subject
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.descent import Descent
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.frame_solver import MIN_POINTS, Fit, judged
from dphm_core.tracking.on_device.config import DeviceConfig, memory_told
from dphm_core.tracking.on_device.layout import fill
from dphm_core.tracking.on_device.program import FitProgram
from dphm_core.tracking.on_device.runner import Runner
from dphm_core.tracking.prior_term import LOOKS
from dphm_core.tracking.sampling import face_points
from dphm_core.tracking.sight import sight_of
from dphm_core.tracking.terms import landmark_rays
from dphm_core.tracking.weighting import depth_sigma_m


class DeviceSolver:
    """Fits frames of one subject; lives on the tracking thread.

    The host chooses the points, as `FrameSolver` does, and judges the outcome; in between it waits once.
    """

    def __init__(
        self, subject: Subject, config: TrackerConfig, prior: LatentPrior | None, device: torch.device,
        device_config: DeviceConfig | None = None,
    ) -> None:  # fmt: skip
        self._subject, self._config = subject, config
        self._device, self._device_config = device, device_config or DeviceConfig()
        with memory_told(device):
            self._program = FitProgram(subject, config, prior, device)
            self._runner = Runner(self._program, device, self._device_config)
        self._sight = sight_of(subject.model, self._program.landmarks)
        self._rng = np.random.default_rng(0)
        self._residual_m = float("nan")  # of the frame before
        self.device_s = 0.0
        """Seconds of the last fit from its upload until its result was there."""
        self._looks_taken: int | None = None
        self._posed: tuple[FloatArray, FloatArray] | None = None  # the last mesh, and its expression

    def adjust(self, config: TrackerConfig) -> None:
        """Go on with other live settings, without forgetting anything but, where it is left out, the prior."""
        program, before, self._config = self._program, self._config, config
        if program.shape_of(config) == program.shape_of(before):
            return
        had_prior = program.prior is not None
        with memory_told(self._device):
            program.adjust(config)
            self._runner = Runner(program, self._device, self._device_config, self._runner.memory)
        if not had_prior:
            self._looks_taken = None

    def solve(self, observation: Observation, start: FitState, iterations: int | None = None) -> Fit:
        """Fit one frame from `start`, the state of the frame before."""
        points, normals = face_points(observation, start.head_to_cam, self._config.points, self._rng)
        if len(points) < MIN_POINTS:
            return Fit(start, float("nan"), 0.0)
        # As in `FrameSolver`: what was found anew tells nothing of the camera's noise yet.
        sigma = depth_sigma_m(float("nan") if iterations else self._residual_m, self._config)
        self._fill_in(observation, start, points, normals, sigma)
        started = perf_counter()
        self._runner.fit(Descent.of(iterations, self._config))
        self.device_s = perf_counter() - started
        results = {name: array.copy() for name, array in self._runner.results.items()}
        pose = Similarity(results["rotation"], results["translation"], start.head_to_cam.scale)
        self._posed = results["expression"], results["posed"]
        fit = judged(FitState(pose, results["expression"]), points, results["signed"][: len(points)])
        self._residual_m = fit.residual_m
        return fit

    @property
    def recorded(self) -> bool:
        """Whether fits are replayed from a CUDA graph."""
        return self._runner.recorded

    def posed_vertices(self, expression: FloatArray, previous: FloatArray | None = None) -> FloatArray:  # noqa: ARG002
        """Vertices (V, 3) in the posed head frame; for the last fit's expression they are there already."""
        if self._posed is None or not np.array_equal(self._posed[0], expression):
            self._posed = expression, self._runner.posed(expression)
        return self._posed[1]

    def _fill_in(
        self, observation: Observation, start: FitState, points: FloatArray, normals: FloatArray, sigma_m: float
    ) -> None:
        inputs, pose = self._runner.inputs, start.head_to_cam
        fill(inputs["points"], points)
        fill(inputs["normals"], normals)
        inputs["counted"][:] = np.arange(len(inputs["counted"])) < len(points)
        inputs["rotation"][:], inputs["translation"][:] = pose.rotation, pose.translation_m
        inputs["scale"][...], inputs["expression"][:] = pose.scale, start.expression
        inputs["depth_sigma"][...] = sigma_m
        if self._program.prior is not None:
            inputs["prior_weight"][...] = self._program.prior.weight(self._config.prior_spread)
        rays, landmarks = landmark_rays(observation), observation.landmarks
        inputs["landmarks"][...] = landmarks is not None
        if rays is not None and landmarks is not None:
            inputs["rays"][:] = rays[self._program.landmarks]
            if self._sight is not None:
                inputs["in_sight"][:] = self._sight.weights(landmarks, pose)
            inputs["targets"][:] = self._program.scores.targets(landmarks.blendshapes)
        self._take_a_look()

    def _take_a_look(self) -> None:
        """Each frame takes the next of the prior's looks; before the first, all of them are taken."""
        inputs = self._runner.inputs["look"]
        if self._looks_taken is None:
            self._runner.start_prior()
            inputs[:] = 0
        else:
            inputs[:] = self._looks_taken % LOOKS
        self._looks_taken = 0 if self._looks_taken is None else self._looks_taken + 1
