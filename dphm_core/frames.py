"""What flows from a source to a view: RGBDFrame → Observation → TrackedFrame.

Metres and seconds everywhere. Camera frame: OpenCV (x right, y down, z forward). Head frame: REFERENCE's "NPHM" frame
(x to the subject's left, y up, z out of the face, unit length 0.25 m).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics

FloatArray = NDArray[np.float32]
UNITS_PER_METRE = 4.0
"""Length units of the head frame per metre (NPHM: FLAME's metres × 4)."""
MM_PER_M = 1000.0
MM_PER_UNIT = MM_PER_M / UNITS_PER_METRE
MILLIMETRE = 1 / MM_PER_M
"""Metres: the unit of depth images."""
HEAD_LOW = np.array([-0.55, -0.50, -0.95], dtype=np.float32)
HEAD_HIGH = np.array([0.55, 0.75, 0.40], dtype=np.float32)
"""Box of a head, shoulders and long hair aside, in head-frame units."""
FACE_LOW = np.array([-0.30, -0.375, -0.02], dtype=np.float32)
FACE_HIGH = np.array([0.30, 0.27, 0.40], dtype=np.float32)
"""Box of the frontal face, without ears, neck and scalp, in head-frame units."""


@dataclass(frozen=True)
class RGBDFrame:
    """One capture: colour and depth seen from the same (the colour) camera."""

    index: int
    """Frame index in the source, from 0."""
    timestamp_s: float
    """Device time, seconds."""
    color: NDArray[np.uint8] | None
    """(H, W, 3) uint8, RGB; None where the capture has no colour."""
    depth_m: FloatArray
    """(H, W) float32, metres along the optical axis, 0 where invalid; registered to colour."""
    intrinsics: Intrinsics
    """Camera of both images."""

    @property
    def image_bytes(self) -> int:
        """Memory that both images take."""
        return self.depth_m.nbytes + (0 if self.color is None else self.color.nbytes)


@dataclass(frozen=True)
class FaceLandmarks:
    """One face's landmarks as MediaPipe's Face Landmarker gives them, with depth."""

    pixels: FloatArray
    """(478, 2) float32, x and y in pixels of the colour image."""
    points_cam: FloatArray
    """(478, 3) float32, metres, camera frame; NaN where the depth has a hole or jumps."""
    blendshapes: FloatArray
    """(52,) float32 in 0..1, scores in the order of `dphm_core.landmarks.BLENDSHAPE_NAMES`."""


@dataclass(frozen=True)
class HeadArea:
    """Which part of a depth image was looked at for a head."""

    region: tuple[int, int, int, int]
    """x0, y0, x1, y1 in pixels within the image; x1 and y1 are not part of it."""
    face: tuple[int, int, int, int]
    """The same of the face in its middle."""
    depth_range_m: tuple[float, float]
    """Nearest and farthest depth of the head, metres."""
    step: int
    """Every how many rows and columns points were taken."""


@dataclass(frozen=True)
class Observation:
    """What a tracker sees of one frame: the head region's oriented points and the landmarks."""

    frame: RGBDFrame
    points_cam: FloatArray
    """(N, 3) float32, metres, camera frame: valid depth pixels of the head's region."""
    normals_cam: FloatArray
    """(N, 3) float32, unit, towards the camera."""
    landmarks: FaceLandmarks | None
    """None where no face was detected."""
    stages_s: dict[str, float] = field(default_factory=dict)
    """Seconds spent per stage so far ("decode", "observe", "landmarks")."""
    area: HeadArea | None = None
    """Where the points were taken from; None where no head is known."""
    advice: str = ""
    """What the person before the camera can do for better pictures, one line; empty where all is well."""

    @classmethod
    def unobserved(cls, frame: RGBDFrame) -> Self:
        """A frame in which nothing was looked for."""
        nothing = np.zeros((0, 3), dtype=np.float32)
        return cls(frame, nothing, nothing, None)

    def without_images(self) -> Observation:
        """The same less its images, which take 6 MB at 720p: to be kept for later, for its points and landmarks."""
        bare = replace(self.frame, color=None, depth_m=np.zeros((0, 0), dtype=np.float32))
        return replace(self, frame=bare)


@dataclass(frozen=True)
class Similarity:
    """Head → camera: ``p_cam = scale · rotation · (p_head / 4) + translation_m``."""

    rotation: FloatArray
    """(3, 3) float32."""
    translation_m: FloatArray
    """(3,) float32, metres."""
    scale: float = 1.0
    """Dimensionless, one per subject; about 1 for a metric sensor."""

    def to_camera(self, points_head: FloatArray) -> FloatArray:
        """Map (N, 3) head-frame points to the camera frame (metres)."""
        moved = points_head @ (self.rotation.T * (self.scale / UNITS_PER_METRE)) + self.translation_m
        return moved.astype(np.float32, copy=False)

    def to_head(self, points_cam: FloatArray) -> FloatArray:
        """Map (N, 3) camera-frame points (metres) to the head frame."""
        moved = (points_cam - self.translation_m) @ (self.rotation * (UNITS_PER_METRE / self.scale))
        return moved.astype(np.float32, copy=False)


class TrackStatus(Enum):
    """State of the tracker for one frame.

    SEARCHING → CALIBRATING → TRACKING → LOST → (SEARCHING | TRACKING)
    """

    SEARCHING = "searching"
    CALIBRATING = "calibrating"
    TRACKING = "tracking"
    LOST = "lost"


@dataclass(frozen=True)
class TrackedFrame:
    """What the tracker knows of one frame."""

    observation: Observation
    status: TrackStatus
    reason: str
    """Why the tracker is in this state: one short clause for the HUD."""
    head_to_cam: Similarity | None = None
    """Pose; None unless a head is known."""
    expression_code: FloatArray | None = None
    """(E,) float32."""
    vertices_cam: FloatArray | None = None
    """(V, 3) float32, metres, camera frame; same topology in every frame."""
    residual_mm: float = float("nan")
    """Mean |signed distance| of the inlier points, millimetres."""
    stages_s: dict[str, float] = field(default_factory=dict)
    """Seconds per stage ("decode", "observe", "landmarks", "solve", "mesh")."""
    confidence: float = 0.0
    """0..1: how sure it is that the head is where this frame says; 0 without a head."""

    @property
    def index(self) -> int:
        """Frame index in the source."""
        return self.observation.frame.index
