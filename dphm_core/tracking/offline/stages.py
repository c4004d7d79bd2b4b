"""The three stages, init, incremental and joint: one loop of Adam steps that goes by a stage's settings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

import torch

from dphm_core.frames import Observation, Similarity
from dphm_core.heads.model import HeadModel
from dphm_core.tracking.initial_pose import initial_pose
from dphm_core.tracking.offline.config import OfflineConfig, StageConfig, StageName
from dphm_core.tracking.offline.objective import Fields, Objective, Pair
from dphm_core.tracking.offline.scans import Scan, draw, make_scan
from dphm_core.tracking.offline.state import LARGEST_SCALE, SMALLEST_SCALE, Variables

log = logging.getLogger(__name__)

OnStep = Callable[[StageName, int, int], object]
"""Told of every step: the stage, how many of its steps are done, how many there are."""
Stop = Callable[[], bool]
"""Whether to come to an end."""


class Optimizer:
    """Fits T observations; lives on one thread. `fitted` are the frames, of 0 to T − 1, that have been fitted."""

    def __init__(
        self, model: HeadModel, fields: Fields, observations: list[Observation], config: OfflineConfig,
        on_step: OnStep = lambda *_: None, stop: Stop = lambda: False,
    ) -> None:  # fmt: skip
        self.variables = Variables.at_rest(len(observations), fields.identity, fields.expression)
        self.fitted: set[int] = set()
        self.scans: dict[int, Scan] = {}
        self._model, self._fields, self._observations, self._config = model, fields, observations, config
        self._generator = torch.Generator().manual_seed(config.seed)
        self._objective = Objective(fields, config, self._generator)
        self._on_step, self._stop = on_step, stop

    def place(self, frame: int, pose: Similarity) -> bool:
        """Put a frame's head where it is about, and choose its points; False where there are too few."""
        scan = make_scan(self._observations[frame], pose, self._model, self.variables.scale.device)
        if scan is None:
            return False
        self.scans[frame] = scan
        self.variables.set_pose(frame, pose)
        return True

    def init(self) -> bool:
        """Fit the first frame that shows a face; False where none does, or where it was interrupted."""
        for frame in range(len(self._observations)):
            pose = self._landmark_pose(frame)
            if pose is not None and self.place(frame, pose):
                break
        else:
            return False
        steps = self._config.init.rounds
        done = self._minimise("init", self._config.init, [frame], (0, steps))
        self.fitted = {frame} if done else set()
        return done

    def incremental(self) -> None:
        """Fit the frames after the first fitted one, then those before it, each from its neighbour."""
        first = min(self.fitted)
        correction = self._correction(first)
        order = [(k, k - 1) for k in range(first + 1, len(self._observations))]
        order += [(k, k + 1) for k in range(first - 1, -1, -1)]
        stage = self._config.incremental
        total, known = len(order) * stage.rounds, first
        for number, (frame, neighbour) in enumerate(order):
            known = first if neighbour == first else known  # the last frame of this direction that was fitted
            pose = self._landmark_pose(frame)
            pose = self.variables.pose(known) if pose is None else _corrected(pose, correction)
            self.variables.expressions[frame] = self.variables.expressions[known].clone()
            if not self.place(frame, pose):
                log.info("observation %d: too little depth on the head", frame)
                continue
            pairs = self._pairs(frame, [neighbour])
            at = (number * stage.rounds, total)
            if not self._minimise("incre", stage, [frame], at, pairs):
                return
            self.fitted.add(frame)
            known = frame

    def joint(self) -> None:
        """Refine all fitted frames together."""
        frames = sorted(self.fitted)
        near = [pair for frame in frames for pair in self._pairs(frame, [frame - 1, frame + 1])]
        steps = self._config.joint.rounds * -(-len(frames) // self._config.chunk)
        self._minimise("joint", self._config.joint, frames, (0, steps), near)

    def _pairs(self, frame: int, neighbours: Sequence[int]) -> list[Pair]:
        """A frame with those of its neighbours that have been fitted."""
        index = self._observations[frame].frame.index
        return [
            Pair(frame, neighbour, max(1, abs(index - self._observations[neighbour].frame.index)))
            for neighbour in neighbours
            if neighbour in self.fitted
        ]

    def _chunks(self, frames: list[int]) -> Iterator[list[int]]:
        """All frames once, in random chunks."""
        order = [frames[k] for k in torch.randperm(len(frames), generator=self._generator).tolist()]
        for start in range(0, len(order), self._config.chunk):
            yield order[start : start + self._config.chunk]

    def _minimise(
        self, name: StageName, stage: StageConfig, frames: list[int], at: tuple[int, int],
        pairs: Sequence[Pair] = (),
    ) -> bool:  # fmt: skip
        """Take a stage's steps on `frames`; False where it was interrupted. `at`: steps of the stage before, in all."""
        units = {"identity": self._fields.identity.unit, "expression": self._fields.expression.unit, "": 1.0}
        leaves = self.variables.leaves(stage, frames)
        rates = [rate * units[space] for _, rate, space in leaves]
        adam = torch.optim.Adam([{"params": [leaf.requires_grad_()]} for leaf, _, _ in leaves])
        done, total = at
        try:
            for round_ in range(stage.rounds):
                for group, rate in zip(adam.param_groups, rates, strict=True):
                    group["lr"] = rate * stage.rate_factor(round_)
                for chunk in self._chunks(frames):
                    if self._stop():
                        return False
                    self._step(adam, stage, round_, chunk, [pair for pair in pairs if pair.frame in chunk])
                    done += 1
                    self._on_step(name, done, total)
        finally:
            for leaf, _, _ in leaves:
                leaf.requires_grad_(False)
        return True

    def _step(
        self, adam: torch.optim.Adam, stage: StageConfig, round_: int, chunk: list[int], pairs: list[Pair]
    ) -> None:
        """One step; frames outside of the chunk have no gradient, and Adam leaves them where they are."""
        scans = draw([self.scans[frame] for frame in chunk], stage.points, self._generator)
        adam.zero_grad(set_to_none=True)
        terms = self._objective(self.variables, chunk, scans, stage.threshold(round_), pairs)
        torch.stack(list(terms.values())).sum().backward()
        adam.step()
        self._project(chunk)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("frames %s: %s", chunk, {key: round(value.item(), 5) for key, value in terms.items()})

    @torch.no_grad()
    def _project(self, frames: list[int]) -> None:
        """Bring everything that moved back to where it makes sense."""
        variables, fields = self.variables, self._fields
        variables.scale.clamp_(SMALLEST_SCALE, LARGEST_SCALE)
        if fields.identity.limits is not None:
            variables.identity.clamp_(*fields.identity.limits)
        for frame in frames:
            variables.quaternions[frame] /= variables.quaternions[frame].norm()
            if fields.expression.limits is not None:
                variables.expressions[frame].clamp_(*fields.expression.limits)

    def _landmark_pose(self, frame: int) -> Similarity | None:
        """Rigid alignment of a frame's landmarks; this stands for the original's FLAME fit."""
        observation = self._observations[frame]
        if not len(observation.points_cam):
            return None
        return initial_pose(self._model, observation, float(self.variables.scale))

    def _correction(self, frame: int) -> Similarity:
        """What the fit of a frame added to its alignment, in the head frame."""
        fitted, aligned = self.variables.pose(frame), self._landmark_pose(frame)
        if aligned is None:
            aligned = fitted
        turn = aligned.rotation.T @ fitted.rotation
        return Similarity(turn, aligned.rotation.T @ (fitted.translation_m - aligned.translation_m), fitted.scale)


def _corrected(aligned: Similarity, correction: Similarity) -> Similarity:
    """An alignment with the correction that another frame's fit found."""
    translation_m = aligned.translation_m + aligned.rotation @ correction.translation_m
    return Similarity(aligned.rotation @ correction.rotation, translation_m, correction.scale)
