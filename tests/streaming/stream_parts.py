"""Tracked frames with known numbers, and receivers at ports that nobody else has."""

from __future__ import annotations

import socket

import numpy as np
from scipy.spatial.transform import Rotation
from waiting import PATIENCE_S

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.frames import FaceLandmarks, Observation, RGBDFrame, Similarity, TrackedFrame, TrackStatus
from dphm_core.landmarks import BLENDSHAPE_NAMES
from dphm_core.streaming.address import StreamAddress

NAMES = ("jawOpen", "eyeBlink_L", "eyeBlink_R", "browInnerUp_L", "browInnerUp_R", "eyeLookUp_L")
CODE = np.float32([0.5, 0.25, 0.125, 1.0, 0.5, 0.75])
SHAPES = {"jawOpen": 0.5, "eyeBlinkLeft": 0.25, "eyeBlinkRight": 0.125, "browInnerUp": 0.75}
"""What ARKit's blendshapes are for that code; the others are 0."""
FACING = np.diag([1.0, -1.0, -1.0])
CAMERA = Intrinsics(320, 240, 300.0, 300.0, 160.0, 120.0)
PLACE_M = np.float32([0.1, -0.02, 0.6])
"""10 cm to the image's right, 2 above its middle, 60 before the camera."""
VERTICES = np.float32([[0.1, -0.02, 0.5], [0.2, 0.0, 0.6], [0.0, 0.1, 0.7]])


def scores(**named: float) -> np.ndarray:
    """The detector's blendshape scores."""
    found = np.zeros(len(BLENDSHAPE_NAMES), np.float32)
    for name, value in named.items():
        found[BLENDSHAPE_NAMES.index(name)] = value
    return found


def tracked(index: int = 3, turn: tuple[float, float, float] = (0, 0, 0), **seen: float) -> TrackedFrame:
    """A head that looked into the camera and turned by yaw, pitch and roll (radians) about its own axes."""
    landmarks = FaceLandmarks(np.zeros((478, 2), np.float32), np.zeros((478, 3), np.float32), scores(**seen))
    rotation = (FACING @ Rotation.from_euler("YXZ", turn).as_matrix()).astype(np.float32)
    return TrackedFrame(
        observation=observation(index, landmarks if seen else None),
        status=TrackStatus.TRACKING,
        reason="follows",
        head_to_cam=Similarity(rotation, PLACE_M, 1.02),
        expression_code=CODE,
        vertices_cam=VERTICES,
        residual_mm=0.8,
        confidence=0.9,
    )


def lost(index: int = 4) -> TrackedFrame:
    """A frame in which the head was not found."""
    return TrackedFrame(observation(index, None), TrackStatus.LOST, "no face, or two")


def observation(index: int, landmarks: FaceLandmarks | None) -> Observation:
    frame = RGBDFrame(index, 100 + index / 30, None, np.zeros((0, 0), np.float32), CAMERA)
    return Observation(frame, np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32), landmarks)


def receiver() -> tuple[socket.socket, int]:
    """A UDP socket of this computer, and its port."""
    box = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    box.bind(("127.0.0.1", 0))
    box.settimeout(PATIENCE_S)
    return box, box.getsockname()[1]


def free_port(kind: int = socket.SOCK_DGRAM) -> int:
    """A port that nobody has now."""
    with socket.socket(socket.AF_INET, kind) as box:
        box.bind(("127.0.0.1", 0))
        return int(box.getsockname()[1])


def local(kind: str, port: int) -> StreamAddress:
    return StreamAddress.parse(f"{kind}://127.0.0.1:{port}")
