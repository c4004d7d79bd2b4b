"""How good the depth of a head is, and what the person before the camera can do about it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.frames import FaceLandmarks, FloatArray, RGBDFrame
from dphm_core.landmarks.head_place import HeadPlace
from dphm_core.landmarks.lift import face_depth
from dphm_core.landmarks.tables import Box, clip_region, head_box

log = logging.getLogger(__name__)

NEAREST_M, FARTHEST_M = 0.3, 1.2
"""Where a head can be tracked; nearer the sensor saturates, farther it has too few pixels of the face."""
GOOD_NEAR_M, GOOD_FAR_M = 0.4, 1.0
"""Where a head is tracked best."""
MAX_HOLES = 0.25
"""Part of the face that may lack depth: the pupils, glasses and the beard of most people make less."""
MIN_FACE_PX = 60.0
"""Pixels across a face, of which eyes and lips have some ten each."""
FACE_WIDTH_M, FACE_HEIGHT_M = 0.15, 0.18
"""Of a grown-up: from cheek to cheek, and from hairline to chin."""
MAX_FLYING = 0.1
"""Part of the face's depth that may lie on no surface; outlines of nose and chin make a few hundredths."""
FLYING_M = 0.015
"""A pixel that far before or behind both neighbours, left and right or above and below, lies on no surface."""
FACE_SIDE, FACE_TOP, FACE_BOTTOM = 0.32, 0.32, 0.88
"""The face within its head's box: from this part of the width to the same from the right, and these of the height."""
HOLD_FRAMES = 15
"""Frames for which advice must stay the same before it is told: half a second, so that no blink is."""


@dataclass(frozen=True)
class DepthQuality:
    """Figures of the depth where the face is."""

    distance_m: float
    """Median depth of the face, metres."""
    holes: float
    """Part of the face's pixels without depth at the face's distance: invalid, or of what lies behind it."""
    flying: float
    """Part of its depth that lies between surfaces."""
    face_px: float
    """Pixels across the face."""


def depth_quality(frame: RGBDFrame, place: HeadPlace) -> DepthQuality:
    """Measure the depth of the face in the middle of a head's box.

    Parameters
    ----------
    frame : RGBDFrame
        What the camera saw.
    place : HeadPlace
        Where the head is in it.
    """
    x0, y0, x1, y1 = clip_region(_face(place.box), (frame.intrinsics.width, frame.intrinsics.height))
    depth_m = frame.depth_m[y0:y1, x0:x1]
    near, far = place.depth_range_m
    seen = (depth_m > near) & (depth_m < far)
    return DepthQuality(
        distance_m=place.depth_m,
        holes=1.0 - float(seen.mean()) if seen.size else 1.0,
        flying=_flying(np.where(seen, depth_m, np.nan)),
        face_px=frame.intrinsics.fx * FACE_WIDTH_M / place.depth_m,
    )


def face_place(landmarks: FaceLandmarks, intrinsics: Intrinsics) -> HeadPlace:
    """Where the head of these landmarks is; where its face has no depth, as far away as it looks large."""
    depth_m = face_depth(landmarks)
    if depth_m is None:
        depth_m = intrinsics.fx * FACE_HEIGHT_M / max(float(np.ptp(landmarks.pixels, axis=0).max()), 1.0)
    return HeadPlace(head_box(landmarks.pixels), depth_m)


def depth_advice(frame: RGBDFrame, place: HeadPlace) -> list[str]:
    """Tell what would make the depth of a head better.

    Parameters
    ----------
    frame : RGBDFrame
        What the camera saw.
    place : HeadPlace
        Where the head is in it.

    Returns
    -------
    list of str
        A line each, what is wrong and what to do, the gravest first; empty where all is well.
    """
    found = depth_quality(frame, place)
    distance = f"{found.distance_m:.2f} m"
    lines = {
        f"the face is {distance} away, too near: move back to {GOOD_NEAR_M} m or more": found.distance_m < NEAREST_M,
        f"the face is {distance} away, too far: come to {GOOD_FAR_M} m or nearer": found.distance_m > FARTHEST_M,
        f"{found.holes:.0%} of the face has no depth: {_against_holes(found.distance_m)}": found.holes > MAX_HOLES,
        f"{found.flying:.0%} of the face's depth lies between surfaces: keep hair and hands out of it, sit still, and "
        "keep other depth cameras and sunlight away": found.flying > MAX_FLYING,
        f"the face is only {found.face_px:.0f} pixels wide: come nearer, or choose a larger colour resolution and the "
        "depth mode NFOV_UNBINNED": found.face_px < MIN_FACE_PX,
    }
    return [line for line, holds in lines.items() if holds]


def _against_holes(distance_m: float) -> str:
    """A sensor that is too near is blinded; a wide or unbinned mode sees less far."""
    if distance_m < GOOD_NEAR_M:
        return f"move back to {GOOD_NEAR_M} m or more, or choose a wide depth mode (WFOV_2X2BINNED), which sees nearer"
    return "turn to the camera, out of sunlight and without shiny glasses, or choose the depth mode NFOV_UNBINNED"


def _face(box: Box) -> Box:
    x0, y0, x1, y1 = box
    side, height = FACE_SIDE * (x1 - x0), y1 - y0
    return x0 + side, y0 + FACE_TOP * height, x1 - side, y0 + FACE_BOTTOM * height


def _flying(depth_m: FloatArray) -> float:
    """Part of the valid pixels that lie far from both neighbours on one line; (H, W) metres, NaN where invalid."""
    flying = np.zeros(depth_m.shape, dtype=bool)
    across, down = np.abs(np.diff(depth_m, axis=1)) > FLYING_M, np.abs(np.diff(depth_m, axis=0)) > FLYING_M
    flying[:, 1:-1] |= across[:, :-1] & across[:, 1:]
    flying[1:-1] |= down[:-1] & down[1:]
    count = int(np.isfinite(depth_m).sum())
    return float(flying.sum()) / count if count else 0.0


class AdviceLog:
    """Tells advice in the log, once each time that it changes and stays so; lives on the observing thread."""

    def __init__(self) -> None:
        self._told: frozenset[str] = frozenset()
        self._kinds: frozenset[str] = frozenset()
        self._held = 0

    def look(self, frame: RGBDFrame, landmarks: FaceLandmarks | None) -> None:
        """Look at one frame; without a face nothing changes."""
        if landmarks is None:
            return
        advice = depth_advice(frame, face_place(landmarks, frame.intrinsics))
        # What to do tells advice apart; the figures before it change from frame to frame.
        kinds = frozenset(line.rpartition(": ")[2] for line in advice)
        self._held = self._held + 1 if kinds == self._kinds else 1
        self._kinds = kinds
        if self._held != HOLD_FRAMES or kinds == self._told:
            return
        for line in advice:
            if line.rpartition(": ")[2] not in self._told:
                log.warning("%s", line)
        self._told = kinds
        if not advice:
            log.info("the depth of the face is good")
