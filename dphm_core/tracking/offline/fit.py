"""Observations in, a fitted head out: sets the optimiser up, goes through the stages, makes frames of them."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.diffusion.prior_file import PRIOR_FILES, Part
from dphm_core.errors import DataError
from dphm_core.frames import MM_PER_M, MM_PER_UNIT, FloatArray, Observation, Similarity, TrackedFrame, TrackStatus
from dphm_core.heads.latent_prior import has_prior, load_model_prior, over_coefficients
from dphm_core.heads.model import HeadModel, load_model
from dphm_core.heads.numerics import prepare_thread, usable_device
from dphm_core.heads.subject import Subject, build_subject, subject_of_code
from dphm_core.tracking.frame_solver import INLIER_M
from dphm_core.tracking.offline.config import OfflineConfig, StageName
from dphm_core.tracking.offline.objective import Fields
from dphm_core.tracking.offline.stages import OnStep, Optimizer, Stop
from dphm_core.tracking.offline.state import expression_space, identity_space
from dphm_core.tracking.offline.track_file import TrackingFile
from dphm_core.tracking.trust import inlier_trust

log = logging.getLogger(__name__)

MIN_INLIERS = 0.5
"""Share of a frame's points near the model below which it is not told as tracked."""
OnStage = Callable[[StageName, TrackingFile], object]
"""Told of every finished stage, with the state after it."""


@dataclass(frozen=True)
class OfflineModel:
    """A head model with its priors, on a device."""

    head: HeadModel
    fields: Fields
    device: torch.device


def load_offline_model(name: str | Path, device: str = "cpu") -> OfflineModel:
    """Read a model and the priors in its folder; a prior that is missing is left out with a warning.

    Raises
    ------
    CheckpointError
        The model or one of its priors is missing, damaged, or does not fit.
    SettingError
        The device is not to be had.
    """
    where = usable_device(device)
    head = load_model(name)
    priors: dict[Part, LatentPrior] = {}
    for part, file in PRIOR_FILES.items():
        if has_prior(name, part):
            priors[part] = load_model_prior(name, part, head)
        else:
            log.warning("the model has no %s: fitting goes without the diffusion over %s codes", file, part)
    return make_offline_model(head, priors.get("identity"), priors.get("expression"), where)


def make_offline_model(
    head: HeadModel, identity_prior: LatentPrior | None, expression_prior: LatentPrior | None, device: torch.device
) -> OfflineModel:
    """Bring a model and its priors to a device; the model itself stays where it is."""
    fields = Fields(
        copy.deepcopy(head.identity_field).to(device),
        copy.deepcopy(head.expression_field).to(device),
        identity_space(head, device),
        expression_space(head, device),
        _identity_latents(head, identity_prior, device),
        *(None if prior is None else _moved(prior, device) for prior in (identity_prior, expression_prior)),
    )
    return OfflineModel(head, fields, device)


def _identity_latents(
    head: HeadModel, prior: LatentPrior | None, device: torch.device
) -> Callable[[torch.Tensor], torch.Tensor]:
    """What an identity prior is over: codes, or the coefficients of the model's basis (least squares)."""
    if prior is None or not over_coefficients(head, prior):
        return lambda code: code[None]
    mean = torch.from_numpy(head.identity_mean).to(device)
    inverse = torch.from_numpy(np.linalg.pinv(head.identity_basis)).to(device)  # (M,D)
    return lambda code: ((code - mean) @ inverse.T)[None]


def _moved(prior: LatentPrior, device: torch.device) -> LatentPrior:
    return replace(prior, unet=copy.deepcopy(prior.unet).to(device), schedule=prior.schedule.to(device))


class OfflineFit:
    """The fit of a recording's observations; lives on one thread.

    Parameters
    ----------
    model : OfflineModel
        Fields and priors.
    observations : list of Observation
        In order of time; their images are not looked at.
    config : OfflineConfig
        Settings.
    on_step : callable
        Progress.
    stop : callable
        Asked before every step whether to come to an end; the frames fitted until then stay.
    """

    def __init__(
        self, model: OfflineModel, observations: list[Observation], config: OfflineConfig | None = None,
        on_step: OnStep = lambda *_: None, stop: Stop = lambda: False,
    ) -> None:  # fmt: skip
        self.config = config or OfflineConfig()
        self.model, self.observations = model, observations
        self.stage_s: dict[StageName, float] = {}
        self._stop = stop
        self._optimizer = Optimizer(model.head, model.fields, observations, self.config, on_step, stop)

    @property
    def fitted(self) -> list[int]:
        """Positions in the observations that have been fitted, rising."""
        return sorted(self._optimizer.fitted)

    def run(self, stages: Sequence[StageName], on_stage: OnStage = lambda *_: None) -> None:
        """Go through stages; without `init` among them, `resume` must have been called."""
        prepare_thread(self.config.threads)
        steps = {"init": self._optimizer.init, "incre": self._optimizer.incremental, "joint": self._optimizer.joint}
        for name in stages:
            started = perf_counter()
            steps[name]()
            self.stage_s[name] = perf_counter() - started
            if not self.fitted:
                return
            log.info("stage %s: %d frames in %.1f s", name, len(self.fitted), self.stage_s[name])
            on_stage(name, self.state())
            if self._stop():
                return

    def state(self) -> TrackingFile:
        """Everything that was solved for, of the fitted frames."""
        variables, frames = self._optimizer.variables, self.fitted
        poses = [variables.pose(frame) for frame in frames]
        return TrackingFile(
            identity_code=self._identity_code(),
            expression_codes=np.stack([variables.expression(frame) for frame in frames]),
            rotation=np.stack([pose.rotation for pose in poses]),
            translation_m=np.stack([pose.translation_m for pose in poses]),
            scale=float(variables.scale),
            frame_index=np.array([self.observations[frame].frame.index for frame in frames], dtype=np.int64),
        )

    def resume(self, state: TrackingFile, first_only: bool) -> None:
        """Go on from the state of an earlier stage; `first_only` takes its first frame, for the incremental stage.

        Raises
        ------
        DataError
            Its frames are not among the observations.
        """
        optimizer, fields, device = self._optimizer, self.model.fields, self.model.device
        rows = self._positions(state)[: 1 if first_only else None]
        variables = optimizer.variables
        variables.identity = fields.identity.variable(torch.from_numpy(state.identity_code).to(device))
        variables.scale = variables.scale.new_tensor(state.scale)
        for row, frame in enumerate(rows):
            variables.expressions[frame] = torch.from_numpy(state.expression_codes[row]).to(device)
            pose = Similarity(state.rotation[row], state.translation_m[row], state.scale)
            if not optimizer.place(frame, pose):
                index = self.observations[frame].frame.index
                raise DataError(f"frame {index} has no depth where the tracking file has its head; is it another's?")
            optimizer.fitted.add(frame)

    def subject(self) -> Subject:
        """The fitted head, with its canonical mesh."""
        head, variables = self.model.head, self._optimizer.variables
        scale = float(variables.scale)
        if head.template is not None and self.config.mesh == "template":
            return build_subject(head, variables.identity.cpu().numpy(), scale)
        return subject_of_code(replace(head, template=None), self._identity_code(), scale)

    def tracked_frames(self, subject: Subject) -> Iterator[TrackedFrame]:
        """Every observation with its mesh, in order; LOST where it was not fitted, or badly."""
        posed: FloatArray | None = None
        for frame, observation in enumerate(self.observations):
            if frame not in self._optimizer.fitted:
                yield TrackedFrame(observation, TrackStatus.LOST, "not fitted: no head in sight")
                continue
            residual_m, inliers = self._judge(frame)
            if inliers < MIN_INLIERS:
                yield TrackedFrame(observation, TrackStatus.LOST, f"only {inliers:.0%} of the points fit the head")
                continue
            pose, expression = self._optimizer.variables.pose(frame), self._optimizer.variables.expression(frame)
            posed = subject.posed_vertices(expression, posed)
            yield TrackedFrame(
                observation, TrackStatus.TRACKING, "fitted offline", pose, expression, pose.to_camera(posed),
                residual_m * MM_PER_M, confidence=inlier_trust(inliers),
            )  # fmt: skip

    def _positions(self, state: TrackingFile) -> list[int]:
        """Position in the observations of each of a state's frames."""
        known = {observation.frame.index: position for position, observation in enumerate(self.observations)}
        if state.frame_index is None:
            if len(state.rotation) not in (1, len(known)):
                raise DataError(
                    f"the tracking file has {len(state.rotation)} frames without their numbers, the recording"
                    f" {len(known)}; choose its frames with --start, --stop and --every."
                )
            return [*range(len(state.rotation))]
        missing = [index for index in state.frame_index.tolist() if index not in known]
        if missing:
            raise DataError(f"the tracking file has frame {missing[0]}, which is not among those of the recording.")
        return [known[index] for index in state.frame_index.tolist()]

    def _identity_code(self) -> FloatArray:
        code = self.model.fields.identity.code(self._optimizer.variables.identity)
        return np.array(code.cpu().numpy(), dtype=np.float32)  # a copy: the code may be what the stages go on moving

    def _judge(self, frame: int) -> tuple[float, float]:
        """Mean distance of a frame's inliers in metres, and their share."""
        optimizer, fields = self._optimizer, self.model.fields
        pose = optimizer.variables.pose(frame)
        points = pose.to_head(optimizer.scans[frame].points_cam.cpu().numpy())
        code = fields.identity.code(optimizer.variables.identity)
        with torch.no_grad():
            queries = fields.canonical(
                torch.from_numpy(points)[None].to(self.model.device), code, optimizer.variables.expressions[frame][None]
            )
            distance = fields.identity_field(queries, code[None])[0].abs().cpu().numpy()
        distance *= MM_PER_UNIT / MM_PER_M * pose.scale
        near = distance < INLIER_M
        return (float(distance[near].mean()) if near.any() else float("nan")), float(near.mean())
