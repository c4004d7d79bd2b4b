"""Rigid alignment, identity calibration and per-frame fitting."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dphm_core.tracking.config import TrackerConfig
    from dphm_core.tracking.solver import SolverMaker
    from dphm_core.tracking.tracker import HeadTracker


def create_tracker(
    model: str = "default", device: str = "cpu", config: TrackerConfig | None = None, subject: Path | None = None,
    background: bool = False, make_solver: SolverMaker | None = None,
) -> HeadTracker:  # fmt: skip
    """Make a tracker with a model of `models/` or of a folder, and with its diffusion prior where it has one.

    With the `subject` file of a person who was calibrated before, it needs no calibration. On a CUDA `device` frames
    are fitted there; an identity is worked out on the CPU everywhere: in the `background` while frames go on, for a
    live picture, or else at once, so that results depend on the frames alone. `make_solver` takes the place of the
    device's own.

    Raises
    ------
    CheckpointError
        There is no such model.
    SettingError
        The device is not to be had.
    CalibrationError
        The subject file cannot be read, or is of another model.
    """
    from dphm_core.heads.latent_prior import has_prior, load_model_prior
    from dphm_core.heads.model import load_model
    from dphm_core.tracking.subject_file import load_subject_of
    from dphm_core.tracking.tracker import HeadTracker

    make_solver = make_solver or solver_on(device)
    head = load_model(model)
    prior = load_model_prior(model, "expression", head) if has_prior(model, "expression") else None
    tracker = HeadTracker(head, config, prior, make_solver, background)
    if subject is not None:
        tracker.use_subject(load_subject_of(subject, tracker.model))
    return tracker


def solver_on(device: str) -> SolverMaker:
    """What fits frames on a device: numpy and torch on the CPU, one program of torch operations on CUDA.

    Raises
    ------
    SettingError
        The device is not to be had, or can do neither.
    """
    from dphm_core.errors import SettingError
    from dphm_core.heads.numerics import usable_device
    from dphm_core.tracking.frame_solver import FrameSolver
    from dphm_core.tracking.on_device.solver import DeviceSolver

    place = usable_device(device)
    if place.type == "cpu":
        return FrameSolver
    if place.type != "cuda":
        raise SettingError(f"device '{device}' cannot be used here (it is neither cpu nor cuda); use cpu.")
    return lambda subject, config, prior: DeviceSolver(subject, config, prior, place)
