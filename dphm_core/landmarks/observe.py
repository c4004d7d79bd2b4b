"""RGBDFrame → Observation: landmarks, the head's region, and its oriented points."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from time import perf_counter
from typing import Self

import numpy as np

from dphm_core.camera.normals import DEFAULTS, SurfaceOptions, oriented_points
from dphm_core.frames import FaceLandmarks, FloatArray, HeadArea, Observation, RGBDFrame
from dphm_core.landmarks.advisor import Advisor
from dphm_core.landmarks.depth_quality import head_area
from dphm_core.landmarks.detector import FaceDetector
from dphm_core.landmarks.head_place import HeadPlace
from dphm_core.landmarks.lift import face_depth, lift_landmarks
from dphm_core.landmarks.tables import Region, head_box

FACE_SIZE_M = (0.08, 0.35)
"""Larger side of a face's box; what is smaller or larger is a picture of a face, or none."""


@dataclass(frozen=True)
class ObserverOptions:
    """How frames are observed."""

    max_points: int = 20_000
    """About how many points of the head are taken; rows and columns are skipped to stay near it."""
    max_unseen_frames: int = 30
    """Frames without landmarks and without a hint after which the head's place is forgotten."""
    surface: SurfaceOptions = DEFAULTS
    """Depth filter and normals."""


class Observer:
    """Observes the frames of one source; lives on the observing thread (`hint` may be called from any).

    Parameters
    ----------
    landmarks : bool
        Whether to detect the face; without it, the head must be told by `hint`.
    options : ObserverOptions
        How frames are observed.

    Raises
    ------
    LandmarkError
        The detector cannot be started.
    """

    def __init__(self, landmarks: bool = True, options: ObserverOptions | None = None) -> None:
        self._options = options or ObserverOptions()
        self._detector = FaceDetector() if landmarks else None
        self._place: HeadPlace | None = None
        self._hint: HeadPlace | None = None
        self._unseen = 0
        self._timestamp_s = -np.inf
        self._advisor = Advisor()

    def observe(self, frame: RGBDFrame) -> Observation:
        """Find the head's points and landmarks in one frame; no points where there is no head."""
        start = perf_counter()
        hint, self._hint = self._hint, None
        if frame.timestamp_s < self._timestamp_s:  # the source went back: the head was elsewhere
            self._place = None
        self._timestamp_s = frame.timestamp_s
        landmarks = self._landmarks(frame, hint or self._place)
        found = perf_counter()
        self._place = self._locate(frame, landmarks, hint)
        area = self._area(frame)
        points, normals = self._points(frame, area)
        advice = self._advisor.look(frame, landmarks)
        stages = {"landmarks": found - start, "observe": perf_counter() - found}
        return Observation(frame, points, normals, landmarks, stages, area, advice)

    def hint(self, region: Region, depth_m: float) -> None:
        """Tell where the head was last: used where the next frame shows no face.

        Parameters
        ----------
        region : (x0, y0, x1, y1)
            The head's box, pixels.
        depth_m : float
            Depth of the face, metres.
        """
        x0, y0, x1, y1 = region
        self._hint = HeadPlace((float(x0), float(y0), float(x1), float(y1)), float(depth_m))

    def close(self) -> None:
        """Release the detector; harmless when repeated."""
        if self._detector is not None:
            self._detector.close()
        self._detector = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _landmarks(self, frame: RGBDFrame, place: HeadPlace | None) -> FaceLandmarks | None:
        """Detect the face and lift it; None where there is none, or none of a face's size."""
        if self._detector is None or frame.color is None:
            return None
        expected = place.region((frame.intrinsics.width, frame.intrinsics.height)) if place else None
        found = self._detector.detect(frame.color, frame.timestamp_s, expected)
        if found is None:
            return None
        pixels, blendshapes = found
        landmarks = FaceLandmarks(pixels, lift_landmarks(pixels, frame.depth_m, frame.intrinsics), blendshapes)
        depth_m = face_depth(landmarks)
        if depth_m is None:
            return landmarks
        if place is not None and not place.reaches(head_box(pixels), depth_m):
            self._detector.forget()  # somebody else's face; the head that is followed is hidden or turned away
            return None
        size_m = float(np.ptp(pixels, axis=0).max()) * depth_m / frame.intrinsics.fx
        return landmarks if FACE_SIZE_M[0] < size_m < FACE_SIZE_M[1] else None

    def _locate(self, frame: RGBDFrame, landmarks: FaceLandmarks | None, hint: HeadPlace | None) -> HeadPlace | None:
        """Find the head's place: from the landmarks, else from the hint, else followed from the last frame."""
        depth_m = None if landmarks is None else face_depth(landmarks)
        if landmarks is not None and depth_m is not None:
            self._unseen = 0
            return HeadPlace(head_box(landmarks.pixels), depth_m).seen_in(frame.depth_m)
        if hint is not None:
            self._unseen = 0
            return hint.seen_in(frame.depth_m)
        self._unseen += 1
        if self._place is None or self._unseen > self._options.max_unseen_frames:
            return None
        return self._place.followed_in(frame.depth_m)

    def _area(self, frame: RGBDFrame) -> HeadArea | None:
        """Which pixels are looked at for the head; None where no head is known."""
        if self._place is None:
            return None
        size = frame.intrinsics.width, frame.intrinsics.height
        return head_area(self._place, size, _step(self._place.region(size), self._options.max_points))

    def _points(self, frame: RGBDFrame, area: HeadArea | None) -> tuple[FloatArray, FloatArray]:
        """(N, 3) points and normals of the head."""
        if area is None:
            return np.zeros((0, 3), dtype=np.float32), np.zeros((0, 3), dtype=np.float32)
        points, normals, _ = oriented_points(
            frame.depth_m, frame.intrinsics, area.region, area.depth_range_m, area.step, self._options.surface
        )
        return points, normals


def _step(region: Region, max_points: int) -> int:
    """Every how many rows and columns to take: a head fills about half of its region."""
    x0, y0, x1, y1 = region
    return max(1, ceil(sqrt(0.5 * (x1 - x0) * (y1 - y0) / max_points)))
