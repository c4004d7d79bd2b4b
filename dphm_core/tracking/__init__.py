"""Rigid alignment, identity calibration and per-frame fitting."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dphm_core.tracking.config import TrackerConfig
    from dphm_core.tracking.tracker import HeadTracker


def create_tracker(
    model: str = "default", device: str = "cpu", config: TrackerConfig | None = None, subject: Path | None = None
) -> HeadTracker:
    """Make a tracker with a model of `models/` or of a folder, and with its diffusion prior where it has one.

    With the `subject` file of a person who was calibrated before, it needs no calibration.

    Raises
    ------
    CheckpointError
        There is no such model, or the device is not to be had.
    CalibrationError
        The subject file cannot be read, or is of another model.
    """
    from dphm_core.errors import CheckpointError
    from dphm_core.heads.latent_prior import has_prior, load_model_prior
    from dphm_core.heads.model import load_model
    from dphm_core.tracking.subject_file import load_subject_of
    from dphm_core.tracking.tracker import HeadTracker

    if device != "cpu":
        raise CheckpointError(f"device '{device}' is not supported: tracking runs on the CPU; leave --device at cpu.")
    head = load_model(model)
    prior = load_model_prior(model, "expression", head) if has_prior(model, "expression") else None
    tracker = HeadTracker(head, config, prior)
    if subject is not None:
        tracker.use_subject(load_subject_of(subject, tracker.model))
    return tracker
