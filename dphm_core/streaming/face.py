"""What of a tracked frame is streamed, as plain numbers: pose, ARKit's blendshapes, and the tracker's state.

Axes are "y-up" of `dphm_core.export.convention`: x right, y up, z towards the viewer, metres, the camera in the origin.
The rotation is none where the head looks straight into the camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import SettingError
from dphm_core.export.arkit import ARKIT, ARKIT_NAMES, ArkitTable, Relation
from dphm_core.export.codes import quaternions
from dphm_core.export.convention import Convention
from dphm_core.frames import FloatArray, TrackedFrame
from dphm_core.landmarks import BLENDSHAPE_NAMES

AXES = Convention("camera", "y-up", "m")
ShapesFrom = Literal["depth", "detector", "none"]
"""Whether blendshapes are the head model's weights, or the face detector's scores for the colour image."""

SCORE_COLUMNS = [ARKIT_NAMES.index(name) for name in BLENDSHAPE_NAMES if name in ARKIT_NAMES]
SCORES = [index for index, name in enumerate(BLENDSHAPE_NAMES) if name in ARKIT_NAMES]
GAZE = [column for column, shape in enumerate(ARKIT) if shape.relation is Relation.UNSEEN]


@dataclass(frozen=True)
class LiveFace:
    """One frame of a stream; what is unknown is None."""

    frame: int
    """Index in the source."""
    time_s: float
    """The source's own clock."""
    since_first_s: float
    """The same since the stream's first frame: small enough for a protocol's short numbers."""
    status: str
    reason: str
    confidence: float
    position_m: NDArray[np.float64] | None = None
    """(3,) origin of the head."""
    quaternion: NDArray[np.float64] | None = None
    """(4,) w, x, y, z, head → camera; on the side of the one before."""
    blendshapes: FloatArray | None = None
    """(52,) in 0..1, in the order of `ARKIT_NAMES`."""
    shapes_from: ShapesFrom = "none"
    gaze_from: ShapesFrom = "none"
    vertices: FloatArray | None = None
    """(V, 3) metres; where they are asked for."""


class FaceReader:
    """Turns tracked frames into those of one stream; lives on one thread.

    Parameters
    ----------
    gaze
        Whether directions of gaze are taken from the face detector, where it has looked; else they are 0.
    vertices
        Whether the mesh's vertices are wanted.
    """

    def __init__(self, gaze: bool = False, vertices: bool = False) -> None:
        self._gaze, self._vertices = gaze, vertices
        self._names: tuple[str, ...] | None = None
        self._table: ArkitTable | None = None
        self._before: NDArray[np.float64] | None = None
        self._first_s: float | None = None

    def read(self, tracked: TrackedFrame, expression_names: Sequence[str]) -> LiveFace:
        """Work out one frame.

        Parameters
        ----------
        tracked : TrackedFrame
            The frame; there is a head in it where it has a pose and a mesh.
        expression_names : sequence of str
            Names of its expression weights; none, or others than it has weights, where they have no names.
        """
        frame, pose = tracked.observation.frame, tracked.head_to_cam
        time_s = frame.timestamp_s
        self._first_s = time_s if self._first_s is None else self._first_s
        state = (tracked.status.value, tracked.reason, float(tracked.confidence))
        facts = (frame.index, time_s, time_s - self._first_s, *state)
        if pose is None or tracked.vertices_cam is None:
            return LiveFace(*facts)
        rotation, position = AXES.poses(pose.rotation[None], pose.translation_m[None])
        vertices = AXES.points(tracked.vertices_cam, pose) if self._vertices else None
        shapes = self._shapes(tracked, tuple(expression_names))
        return LiveFace(*facts, position[0], self._quaternion(rotation), *shapes, vertices)

    def _quaternion(self, rotation: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = quaternions(rotation)[0]
        if self._before is not None and found @ self._before < 0:
            found = -found
        self._before = found
        return found

    def _shapes(
        self, tracked: TrackedFrame, names: tuple[str, ...]
    ) -> tuple[FloatArray | None, ShapesFrom, ShapesFrom]:
        """Blendshapes, where they come from, and where the gaze among them comes from."""
        code, scores = tracked.expression_code, _scores(tracked)
        table = None if code is None or len(names) != len(code) else self._table_of(names)
        if code is None or table is None:
            return (None, "none", "none") if scores is None else (scores, "detector", "detector")
        weights = table.weights(code)
        if self._gaze and scores is not None:
            weights[GAZE] = scores[GAZE]
            return weights, "depth", "detector"
        return weights, "depth", "none"

    def _table_of(self, names: tuple[str, ...]) -> ArkitTable | None:
        """The table for these names, made once; None where they name no blendshapes."""
        if names != self._names:
            self._names = names
            try:
                self._table = ArkitTable.of(names)
            except SettingError:
                self._table = None
        return self._table


def _scores(tracked: TrackedFrame) -> FloatArray | None:
    """The detector's scores (52,) by ARKit's names; None where it has not looked, or found no face."""
    landmarks = tracked.observation.landmarks
    if landmarks is None or not landmarks.blendshapes.any():  # zeros stand for landmarks that no detector found
        return None
    scores = np.zeros(len(ARKIT_NAMES), dtype=np.float32)
    scores[SCORE_COLUMNS] = landmarks.blendshapes[SCORES]
    return scores
