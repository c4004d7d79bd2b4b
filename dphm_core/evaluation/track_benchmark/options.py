"""What the tracking benchmark measures; light, because the command line is made from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dphm_core.limits import check_limits


@dataclass(frozen=True)
class TrackBenchmarkOptions:
    """What the tracking benchmark measures."""

    model: str = "default"
    """Head model: a name under models/, or a folder."""
    device: str = "cpu"
    """Where frames are fitted: "cpu" or "cuda"; the offline method too."""
    frames: int = 150
    """Most frames of each recording; they are held in memory, 6 MB each at 720p."""
    repeats: int = 3
    """Timed runs of each recording at full speed, and as many at the recording's own pace."""
    subject: Path | None = None
    """Subject file of the person in the recordings; by default each is calibrated on, as the ablations have it."""
    from_nothing: bool = True
    """Also play each recording as with a camera to a tracker that knows nobody yet; not with --subject."""
    ablations: bool = False
    """Also track with one thing left out or made harder at a time."""
    known_identity: bool = False
    """Ablations take the identity that was calibrated with nothing changed, instead of calibrating themselves."""
    offline_frames: int = 0
    """Also fit so many frames by the offline method, some 20 s each."""

    def __post_init__(self) -> None:
        counts = {"frames": (2, 10_000), "repeats": (1, 1000), "offline_frames": (0, 10_000)}
        check_limits(self, "the tracking benchmark", counts)
