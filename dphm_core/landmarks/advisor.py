"""Advice that can be read: it comes when a fault lasts, goes when it is gone, and does not flicker in between."""

from __future__ import annotations

import logging
import math

from dphm_core.frames import FaceLandmarks, RGBDFrame
from dphm_core.landmarks.advice import Advice, Fault, dark_advice, depth_advice, flicker_advice, unseen_advice
from dphm_core.landmarks.depth_quality import face_place
from dphm_core.landmarks.light import FlickerMeter, band_levels
from dphm_core.landmarks.tables import head_box

log = logging.getLogger(__name__)

COMES_S, GOES_S = 2.0, 1.0
"""Seconds that a fault must last, and be gone, in sum: one that comes and goes is not told."""
LOOK_EVERY_S = 0.2
"""Depth is looked at so often; a blink needs no advice."""
LONGEST_LOOK_S = 0.5
"""A pause of the source counts as no more."""
REWRITE_S = 1.0
"""Figures in a line that is told change no more often."""


class SteadyAdvice:
    """Keeps advice steady, and tells it in the log when it comes and when all is well again."""

    def __init__(self) -> None:
        self._evidence: dict[Fault, float] = {}  # 0..1 each
        self._told: set[Fault] = set()
        self._shown: Fault | None = None
        self._age_s = 0.0
        self.line = ""
        """The gravest advice that is steady; empty where there is none."""

    def take(self, advice: Advice, elapsed_s: float) -> None:
        """Take what holds now, and has for so many seconds."""
        for fault in advice.keys() | self._evidence.keys():
            rise = elapsed_s / COMES_S if fault in advice else -elapsed_s / GOES_S
            self._evidence[fault] = min(max(self._evidence.get(fault, 0.0) + rise, 0.0), 1.0)
        self._tell(advice)
        self._write(advice, elapsed_s)

    def _tell(self, advice: Advice) -> None:
        came = {fault for fault, evidence in self._evidence.items() if evidence == 1.0} - self._told
        gone = {fault for fault in self._told if self._evidence[fault] == 0.0}
        for fault in sorted(came):
            log.warning("%s", advice[fault])
        self._told = (self._told | came) - gone
        if gone and not self._told:
            log.info("the picture of the face is good")

    def _write(self, advice: Advice, elapsed_s: float) -> None:
        gravest = min(self._told, default=None)
        self._age_s += elapsed_s
        if gravest is None:
            self._shown, self.line = None, ""
        elif gravest in advice and (gravest is not self._shown or self._age_s >= REWRITE_S):
            self._shown, self.line, self._age_s = gravest, advice[gravest], 0.0


class Advisor:
    """Looks at the frames of one source; lives on the observing thread."""

    def __init__(self) -> None:
        self._steady, self._flicker = SteadyAdvice(), FlickerMeter()
        self._level = math.inf
        self._looked_s = -math.inf

    def look(self, frame: RGBDFrame, landmarks: FaceLandmarks | None) -> str:
        """Look at one frame; returns the advice that is steady by now, one line, empty where all is well."""
        self._level = self._measure_light(frame, landmarks)
        elapsed_s = frame.timestamp_s - self._looked_s
        if 0 <= elapsed_s < LOOK_EVERY_S:
            return self._steady.line
        self._looked_s = frame.timestamp_s
        passed_s = min(elapsed_s, LONGEST_LOOK_S) if elapsed_s > 0 else 0.0  # the source may have gone back
        self._steady.take(self._advice(frame, landmarks), passed_s)
        return self._steady.line

    def _measure_light(self, frame: RGBDFrame, landmarks: FaceLandmarks | None) -> float:
        """Mean level of the face, for the flicker meter, too; not dark where it cannot be seen."""
        if landmarks is None or frame.color is None:
            return math.inf
        levels = band_levels(frame.color, head_box(landmarks.pixels))
        if levels is None:
            return math.inf
        self._flicker.add(frame.timestamp_s, levels)
        return float(levels.mean())

    def _advice(self, frame: RGBDFrame, landmarks: FaceLandmarks | None) -> Advice:
        if landmarks is None:
            return unseen_advice(frame)
        depth = depth_advice(frame, face_place(landmarks, frame.intrinsics), landmarks)
        found = dark_advice(self._level) | depth | flicker_advice(self._flicker.lamp_hz())
        return {fault: found[fault] for fault in sorted(found)}
