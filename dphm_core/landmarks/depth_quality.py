"""How good the depth of a face is, in figures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.frames import FaceLandmarks, FloatArray, HeadArea, RGBDFrame
from dphm_core.landmarks.head_place import HeadPlace
from dphm_core.landmarks.landmark_sets import EYELIDS, INNER_LIPS, IRISES, OUTER_LIPS
from dphm_core.landmarks.lift import face_depth
from dphm_core.landmarks.tables import Box, clip_region, head_box

FACE_WIDTH_M, FACE_HEIGHT_M = 0.15, 0.18
"""Of a grown-up: from cheek to cheek, and from hairline to chin."""
FLYING_M = 0.015
"""A pixel that far before or behind both neighbours, left and right or above and below, lies on no surface."""
FACE = (0.32, 0.32, 0.68, 0.88)
"""Left, top, right and bottom of the face in parts of its head's box."""
HAIR = (0.36, 0.10, 0.64, 0.25)
"""The same of what is above the forehead."""
EYES, MOUTH = list(EYELIDS + IRISES), list(OUTER_LIPS + INNER_LIPS)
"""Landmarks at whose pixels holes are counted."""


@dataclass(frozen=True)
class DepthQuality:
    """Figures of the depth where the face is; parts are 0..1."""

    distance_m: float
    """Median depth of the face, metres."""
    holes: float
    """Part of the face's pixels without depth at the face's distance: invalid, or of what lies behind it."""
    flying: float
    """Part of its depth that lies between surfaces."""
    face_px: float
    """Pixels across the face."""
    hair_holes: float
    """As `holes`, above the forehead; 0 where that is not in the picture."""
    eye_holes: float = 0.0
    """As `holes`, at the landmarks of eyelids and irises; 0 where they are not known."""
    mouth_holes: float = 0.0
    """As `holes`, at the landmarks of the lips; 0 where they are not known."""


def depth_quality(frame: RGBDFrame, place: HeadPlace, landmarks: FaceLandmarks | None = None) -> DepthQuality:
    """Measure the depth of the face in the middle of a head's box.

    Parameters
    ----------
    frame : RGBDFrame
        What the camera saw.
    place : HeadPlace
        Where the head is in it.
    landmarks : FaceLandmarks, optional
        The face's landmarks, to look at eyes and mouth, too.
    """
    depth_m, hair_m = _at_head(_part(frame, place, FACE), place), _at_head(_part(frame, place, HAIR), place)
    found = DepthQuality(
        distance_m=place.depth_m,
        holes=_holes(depth_m) if depth_m.size else 1.0,
        flying=_flying(depth_m),
        face_px=frame.intrinsics.fx * FACE_WIDTH_M / place.depth_m,
        hair_holes=_holes(hair_m),
    )
    if landmarks is None:
        return found
    eyes, mouth = (_at_head(_at_pixels(frame, landmarks.pixels[part]), place) for part in (EYES, MOUTH))
    return replace(found, eye_holes=_holes(eyes), mouth_holes=_holes(mouth))


def face_place(landmarks: FaceLandmarks, intrinsics: Intrinsics) -> HeadPlace:
    """Where the head of these landmarks is; where its face has no depth, as far away as it looks large."""
    depth_m = face_depth(landmarks)
    if depth_m is None:
        depth_m = intrinsics.fx * FACE_HEIGHT_M / max(float(np.ptp(landmarks.pixels, axis=0).max()), 1.0)
    return HeadPlace(head_box(landmarks.pixels), depth_m)


def head_area(place: HeadPlace, image_size: tuple[int, int], step: int = 1) -> HeadArea:
    """Where a head is looked for that is at a place, in an image of (width, height), every `step` rows and columns."""
    face = clip_region(part_of_box(place.box, FACE), image_size)
    return HeadArea(place.region(image_size), face, place.depth_range_m, step)


def part_of_box(box: Box, part: Box) -> Box:
    """Return the part of a box whose left, top, right and bottom are told in parts of its width and height."""
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    return x0 + part[0] * width, y0 + part[1] * height, x0 + part[2] * width, y0 + part[3] * height


def _part(frame: RGBDFrame, place: HeadPlace, part: Box) -> FloatArray:
    """Depth of a part of the head's box."""
    size = frame.intrinsics.width, frame.intrinsics.height
    x0, y0, x1, y1 = clip_region(part_of_box(place.box, part), size)
    return frame.depth_m[y0:y1, x0:x1]


def _at_pixels(frame: RGBDFrame, pixels: FloatArray) -> FloatArray:
    """Depth at those of (N, 2) pixels that lie within the image."""
    columns, rows = np.rint(pixels).astype(int).T
    inside = (columns >= 0) & (columns < frame.intrinsics.width) & (rows >= 0) & (rows < frame.intrinsics.height)
    return frame.depth_m[rows[inside], columns[inside]]


def _at_head(depth_m: FloatArray, place: HeadPlace) -> FloatArray:
    """The same depth, NaN where it is not the head's."""
    near, far = place.depth_range_m
    return np.where((depth_m > near) & (depth_m < far), depth_m, np.float32(np.nan))


def _holes(depth_m: FloatArray) -> float:
    """Part of it that is NaN; 0 of nothing."""
    return float(np.isnan(depth_m).mean()) if depth_m.size else 0.0


def _flying(depth_m: FloatArray) -> float:
    """Part of the valid pixels that lie far from both neighbours on one line; (H, W) metres, NaN where invalid."""
    flying = np.zeros(depth_m.shape, dtype=bool)
    across, down = np.abs(np.diff(depth_m, axis=1)) > FLYING_M, np.abs(np.diff(depth_m, axis=0)) > FLYING_M
    flying[:, 1:-1] |= across[:, :-1] & across[:, 1:]
    flying[1:-1] |= down[:-1] & down[1:]
    count = int(np.isfinite(depth_m).sum())
    return float(flying.sum()) / count if count else 0.0
