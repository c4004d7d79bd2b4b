"""What the person before the camera can do for better pictures, in words."""

from __future__ import annotations

from enum import IntEnum

from dphm_core.frames import FaceLandmarks, RGBDFrame
from dphm_core.landmarks.depth_quality import DepthQuality, depth_quality
from dphm_core.landmarks.depth_validity import FARTHEST_M, NEAREST_M
from dphm_core.landmarks.head_place import HeadPlace
from dphm_core.landmarks.light import picture_level

GOOD_NEAR_M, GOOD_FAR_M = 0.4, 0.9
"""Where a head is tracked best."""
BEST = f"best is {GOOD_NEAR_M} to {GOOD_FAR_M} m"
MAX_HOLES = 0.25
"""Part of the face that may lack depth: the pupils, glasses and the beard of most people make less."""
MAX_EYE_HOLES = MAX_MOUTH_HOLES = 0.6
"""Of the landmarks there: pupils and an open mouth have none either."""
MAX_HAIR_HOLES = 0.7
"""Above the forehead: dark hair gives little of the sensor's light back."""
MIN_FACE_PX = 60.0
"""Pixels across a face, of which eyes and lips have some ten each."""
MAX_FLYING = 0.1
"""Part of the face's depth that may lie on no surface; outlines of nose and chin make a few hundredths."""
DARKEST = 10.0
"""Mean level, 0..255, below which not every frame's face is found."""


class Fault(IntEnum):
    """What can be wrong with the picture of a face, the gravest first."""

    DARK = 0
    TOO_NEAR = 1
    TOO_FAR = 2
    HOLES = 3
    FLYING = 4
    FEW_PIXELS = 5
    FLICKER = 6
    EYES = 7
    MOUTH = 8
    HAIR = 9


Advice = dict[Fault, str]
"""What to do and why, one line for each fault, the gravest first."""


def depth_advice(frame: RGBDFrame, place: HeadPlace, landmarks: FaceLandmarks | None = None) -> Advice:
    """Tell what would make the depth of a head better.

    Parameters
    ----------
    frame : RGBDFrame
        What the camera saw.
    place : HeadPlace
        Where the head is in it.
    landmarks : FaceLandmarks, optional
        The face's landmarks, to look at eyes and mouth, too.

    Returns
    -------
    dict of Fault to str
        Empty where all is well.
    """
    found = depth_quality(frame, place, landmarks)
    advice = _on_distance(found) | _on_face(found)
    return advice if Fault.HOLES in advice else advice | _on_parts(found)


def dark_advice(level: float) -> Advice:
    """Tell whether a face, or a picture without one, is too dark, by its mean level, 0..255."""
    line = "Turn on a light: in so dark a picture faces are missed"
    return {Fault.DARK: line} if level < DARKEST else {}


def unseen_advice(frame: RGBDFrame) -> Advice:
    """Tell why no face may be found in a picture."""
    return {} if frame.color is None else dark_advice(picture_level(frame.color))


def flicker_advice(lamp_hz: int | None) -> Advice:
    """Tell what helps against lamps that flicker so often per second, 100 or 120; None: they do not."""
    if lamp_hz is None:
        return {}
    line = f"Set the camera's power-line frequency to {lamp_hz // 2} Hz, or lock its exposure to 1/{lamp_hz} s: "
    return {Fault.FLICKER: line + "the lamps flicker"}


def _on_distance(found: DepthQuality) -> Advice:
    distance = f"{found.distance_m:.1f} m"
    if found.distance_m < NEAREST_M:
        return {Fault.TOO_NEAR: f"Move back: {found.distance_m:.2f} m, {BEST}"}
    return {Fault.TOO_FAR: f"Come nearer: {distance}, {BEST}"} if found.distance_m > FARTHEST_M else {}


def _on_face(found: DepthQuality) -> Advice:
    advice: Advice = {}
    if found.holes > MAX_HOLES:
        advice[Fault.HOLES] = f"{_against_holes(found.distance_m)}: {found.holes:.0%} of the face has no depth"
    if found.flying > MAX_FLYING:
        step = "Keep hair and hands off the face, sit still, out of the sun"
        advice[Fault.FLYING] = f"{step}: {found.flying:.0%} of its depth lies between surfaces"
    if found.face_px < MIN_FACE_PX:
        step = "Come nearer, or use a larger colour resolution and the mode NFOV_UNBINNED"
        advice[Fault.FEW_PIXELS] = f"{step}: the face is only {found.face_px:.0f} pixels wide"
    return advice


def _on_parts(found: DepthQuality) -> Advice:
    """Holes at eyes, mouth and hair, where most of the face has depth."""
    parts = (
        (Fault.EYES, "Take off shiny glasses, or turn a little", found.eye_holes, MAX_EYE_HOLES, "the eyes"),
        (Fault.MOUTH, "Turn the mouth to the camera, keep hands away", found.mouth_holes, MAX_MOUTH_HOLES, "the mouth"),
        (Fault.HAIR, "Come nearer, or comb the hair back", found.hair_holes, MAX_HAIR_HOLES, "the hair"),
    )
    return {
        fault: f"{step}: {holes:.0%} of {what} has no depth" for fault, step, holes, most, what in parts if holes > most
    }


def _against_holes(distance_m: float) -> str:
    """A sensor that is too near is blinded; a wide or unbinned mode sees less far."""
    if distance_m < GOOD_NEAR_M:
        return f"Move back to {GOOD_NEAR_M} m, or use a wide depth mode (WFOV_2X2BINNED)"
    return "Face the camera, out of the sun, without shiny glasses, or use the mode NFOV_UNBINNED"
