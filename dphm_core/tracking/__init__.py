"""Rigid alignment, identity calibration and per-frame fitting."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dphm_core.tracking.config import TrackerConfig
    from dphm_core.tracking.tracker import HeadTracker


def create_tracker(model: str = "default", device: str = "cpu", config: TrackerConfig | None = None) -> HeadTracker:
    """Make a tracker with a model of `models/` or of a folder.

    Raises
    ------
    CheckpointError
        There is no such model, or the device is not to be had.
    """
    from dphm_core.errors import CheckpointError
    from dphm_core.heads.model import load_model
    from dphm_core.tracking.tracker import HeadTracker

    if device != "cpu":
        raise CheckpointError(f"device '{device}' is not supported: tracking runs on the CPU; leave --device at cpu.")
    return HeadTracker(load_model(model), config)
