"""What a synthetic recording shows, and which faults of real recordings it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.limits import check_limits
from dphm_core.training.motion import MotionName

HELD_OUT_SEED = 900_000
"""Seeds from here on are for recordings to evaluate with; training never draws them."""


@dataclass(frozen=True)
class RecordingConfig:
    """One synthetic recording; the defaults are a realistic one."""

    seed: int = HELD_OUT_SEED + 100
    """Subject, motion and noise; from 900000 on subjects are never trained on."""
    motion: MotionName = "talk"
    """What the head does."""
    frames: int = 150
    """Number of frames."""
    fps: float = 30.0
    """Frames per second."""
    width: int = 1280
    """Image width, pixels."""
    height: int = 720
    """Image height, pixels."""
    focal: float = 610.0
    """Focal length, pixels."""
    distance_m: float = 0.55
    """From the camera to the middle of the head, metres."""
    noise_scale: float = 1.0
    """Depth noise as a multiple of Azure Kinect's; 0 leaves millimetre steps only."""
    flying_pixels: bool = True
    """At depth edges, pixels between foreground and background."""
    correlated_noise: bool = True
    """Neighbouring pixels share part of their noise, as after registration to colour."""
    infrared_holes: bool = True
    """Depth has holes where eyes, brows and hair swallow the infrared light."""
    hair: bool = True
    """A cap of dark hair with fuzzy depth."""
    glasses: bool = False
    """A thin frame, and lenses that spoil the depth behind them."""
    occluder: bool = False
    """A hand passes in front of the face in the middle of the recording."""
    second_head: bool = False
    """Another person looks over the subject's shoulder."""

    def __post_init__(self) -> None:
        limits = {
            "seed": (0, 2**32),
            "frames": (2, 100_000),
            "fps": (1, 1000),
            "width": (64, 4096),
            "height": (64, 4096),
            "focal": (16, 10_000),
            "distance_m": (0.35, 3.0),
            "noise_scale": (0, 100),
        }
        check_limits(self, "a recording", limits)

    @classmethod
    def clean(cls, **changes: Any) -> Self:
        """Return a configuration without any fault, but for what `changes` say."""
        faults = dict.fromkeys(("flying_pixels", "correlated_noise", "infrared_holes", "hair"), False)
        return cls(**{"noise_scale": 0.0, **faults, **changes})

    @property
    def intrinsics(self) -> Intrinsics:
        """Camera of both images: a pinhole without distortion."""
        centre = ((self.width - 1) / 2, (self.height - 1) / 2)
        return Intrinsics(self.width, self.height, self.focal, self.focal, *centre)
