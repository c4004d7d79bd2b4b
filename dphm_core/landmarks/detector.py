"""Face landmarks by MediaPipe's Face Landmarker: one face, followed from frame to frame.

The landmark network cuts the face out of the full image by itself, so its cost does not depend on the image's size
(7 ms); but a face is found anew in a copy of 128×128 pixels, where one that fills less than a twelfth of the image is
lost. The detector therefore looks through a window: the whole image first, then smaller ones in turn, one more try per
frame (2 ms), and it stays at the window in which the face was found.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import LandmarkError
from dphm_core.frames import FloatArray
from dphm_core.landmarks.model_file import landmarker_model
from dphm_core.landmarks.stderr import chatter_silenced
from dphm_core.landmarks.tables import Region, clip_region

MIN_CONFIDENCE = 0.3
"""For finding and for following; MediaPipe's 0.5 gives up turned heads too early (81 instead of 83 of 90 frames)."""
MAX_PAUSE_S = 0.5
"""After a longer gap, or a step back, the face is searched anew."""
HINT_SIZE = 1.5
"""Side of the window around a hinted head, in head sizes."""
BORDER = 0.1
"""A face closer than this to a window's border, as part of the window's side, makes the window move."""


class FaceDetector:
    """Detects one face; lives on one thread (the observing one).

    Raises
    ------
    LandmarkError
        The model file is not to be had or MediaPipe does not start.
    """

    def __init__(self) -> None:
        path = landmarker_model()
        self._clock_ms = 0
        self._timestamp_s: float | None = None
        self._window: Region | None = None
        self._tiles: Iterator[Region] = iter(())
        self._image_size = (0, 0)
        with chatter_silenced():
            try:
                self._landmarker = _create(path)
                self._forget_face()  # the networks start, and talk, on the first image
            except (RuntimeError, ValueError, OSError, ImportError) as error:
                raise LandmarkError(f"MediaPipe does not start with {path}: {error}; reinstall mediapipe") from error

    def detect(
        self, color: NDArray[np.uint8], timestamp_s: float, hint: Region | None = None
    ) -> tuple[FloatArray, FloatArray] | None:
        """Find the face in one frame.

        Parameters
        ----------
        color : (H, W, 3) uint8
            RGB.
        timestamp_s : float
            Seconds; a step back or a long pause (a seek, a new source) makes the face be searched anew.
        hint : (x0, y0, x1, y1), optional
            Where the head probably is, pixels: looked at first where the face is not being followed.

        Returns
        -------
        pixels : (478, 2) float32
            x and y in pixels of `color`; they may lie outside it.
        blendshapes : (52,) float32
            Scores in 0..1, in the order of `BLENDSHAPE_NAMES`.
        None where there is no face.
        """
        self._follow_clock(timestamp_s)
        self._follow_size((color.shape[1], color.shape[0]))
        for window in self._windows(hint):
            found = self._look(color, window)
            if found is not None:
                self._window = self._settle(window, found[0])
                return found
        self._window = None
        return None

    def forget(self) -> None:
        """Let the face go that is being followed: it is not the one that is wanted."""
        self._forget_face()
        self._window = None

    def close(self) -> None:
        """Release the networks; harmless when repeated."""
        if self._landmarker is not None:
            self._landmarker.close()
        self._landmarker = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _windows(self, hint: Region | None) -> list[Region]:
        """Windows to look through, at most two: where the face was, where it should be, else the next of the search."""
        whole = (0, 0, *self._image_size)
        hinted = None
        if hint is not None and hint[0] < hint[2] and hint[1] < hint[3]:
            hinted = _square_around(hint, HINT_SIZE, self._image_size)
        first = self._window or hinted or whole
        second = (hinted or whole) if self._window else next(self._tiles)
        return [first] if first == second else [first, second]

    def _look(self, color: NDArray[np.uint8], window: Region) -> tuple[FloatArray, FloatArray] | None:
        """Run MediaPipe on a window of the image."""
        x0, y0, x1, y1 = window
        result = self._run(color[y0:y1, x0:x1])
        if not result.face_landmarks:
            return None
        parts = np.array([(point.x, point.y) for point in result.face_landmarks[0]], dtype=np.float32)
        pixels = parts * _float32(x1 - x0, y1 - y0) + _float32(x0 - 0.5, y0 - 0.5)  # in `parts`, 0 is the window's edge
        scores = np.array([shape.score for shape in result.face_blendshapes[0]], dtype=np.float32)
        return pixels, scores

    def _settle(self, window: Region, pixels: FloatArray) -> Region:
        """Stay at the window, or move it where the face is about to leave it."""
        (left, top), (right, bottom) = pixels.min(axis=0), pixels.max(axis=0)
        width, height = self._image_size
        x0, y0, x1, y1 = window
        border = BORDER * min(x1 - x0, y1 - y0)
        leaves = (
            (x0 > 0 and left < x0 + border)
            or (y0 > 0 and top < y0 + border)
            or (x1 < width and right > x1 - border)
            or (y1 < height and bottom > y1 - border)
        )
        if not leaves:
            return window
        self._forget_face()  # it is remembered in coordinates of the old window
        return _square_around((int(left), int(top), int(right), int(bottom)), 2 * HINT_SIZE, self._image_size)

    def _follow_clock(self, timestamp_s: float) -> None:
        """Advance MediaPipe's clock, which must never stand or go back, by the time that passed."""
        step_s = 0.0 if self._timestamp_s is None else timestamp_s - self._timestamp_s
        if not 0 <= step_s <= MAX_PAUSE_S:
            self._forget_face()
            self._window = None
            step_s = 0.0
        self._clock_ms += max(0, round(step_s * 1000) - 1)
        self._timestamp_s = timestamp_s

    def _follow_size(self, size: tuple[int, int]) -> None:
        """Start the search over where the images have a new size."""
        if size != self._image_size:
            self._forget_face()
            self._image_size = size
            self._window = None
            self._tiles = cycle([(0, 0, *size), *search_tiles(size)])

    def _forget_face(self) -> None:
        """Show a blank image: MediaPipe loses the face and its smoothing starts over."""
        self._run(np.zeros((64, 64, 3), dtype=np.uint8))

    def _run(self, color: NDArray[np.uint8]) -> Any:
        import mediapipe as mp

        self._clock_ms += 1
        image = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(color))
        return self._landmarker.detect_for_video(image, self._clock_ms)


def search_tiles(image_size: tuple[int, int]) -> list[Region]:
    """Windows in which small faces are searched: overlapping squares along the image, and its middle.

    Parameters
    ----------
    image_size : (int, int)
        Width and height, pixels.
    """
    width, height = image_size
    side = min(image_size)
    count = 1 + 2 * (max(image_size) - 1) // side if max(image_size) > 1.2 * side else 0
    starts = [round(i * (max(image_size) - side) / (count - 1)) for i in range(count)]
    squares = [(x, 0, x + side, height) if width > height else (0, x, width, x + side) for x in starts]
    middle = _square_around((width // 2, height // 2, width // 2, height // 2), 1.0, image_size, least=side // 2)
    return [*squares, middle]


def _square_around(box: Region, size: float, image_size: tuple[int, int], least: int = 64) -> Region:
    """Square of `size` times the box's larger side (`least` pixels at least) around it, cut to the image."""
    x0, y0, x1, y1 = box
    half = max(size * max(x1 - x0, y1 - y0), least) / 2
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return clip_region((x - half, y - half, x + half, y + half), image_size)


def _float32(x: float, y: float) -> FloatArray:
    return np.array([x, y], dtype=np.float32)


def _create(model: Path) -> Any:
    from mediapipe.tasks.python.core.base_options import BaseOptions
    from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions, RunningMode

    return FaceLandmarker.create_from_options(
        FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=model.read_bytes()),
            running_mode=RunningMode.VIDEO,
            num_faces=1,
            min_face_detection_confidence=MIN_CONFIDENCE,
            min_face_presence_confidence=MIN_CONFIDENCE,
            min_tracking_confidence=MIN_CONFIDENCE,
            output_face_blendshapes=True,
        )
    )
