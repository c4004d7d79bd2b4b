"""Which landmarks are in sight: a detector also says where those are that a hand or a board hides, and guesses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dphm_core.frames import FaceLandmarks, FloatArray, Similarity
from dphm_core.heads.model import HeadModel
from dphm_core.heads.template import NO_VERTEX, Template
from dphm_core.tracking.place import FACE_POINT

NEAREST = 80
"""Landmarks that tell about the one in their midst: a sixth of the face."""
AROUND = 0.2
"""Distance, head-frame units (50 mm), of the skin that tells about lids behind glasses: lenses may be holes in the
depth, but are smaller than that."""
CLOSE = 0.03
"""Landmarks nearer than this (7 mm) speak for the same patch of skin: where many are, each counts less."""
REACH_M = 0.08
"""Half the depth of a face."""
MIN_SHARE, MIN_SKIN = 0.35, 0.6
"""Of the nearest landmarks, or else of the skin around, that must have the face's depth for one to be in sight."""


class LandmarkSight:
    """Tells of some landmarks whether they are in sight."""

    def __init__(self, template: Template, landmarks: NDArray[np.int64]) -> None:
        """`landmarks` (L,) have vertices on the template."""
        self._marked = np.nonzero(template.landmark_vertices != NO_VERTEX)[0]
        places = template.mean[template.landmark_vertices[self._marked]]
        apart = np.linalg.norm(places[:, None] - places, axis=2)  # (M,M)
        area = 1 / (apart < CLOSE).sum(axis=1)
        chosen = apart[np.searchsorted(self._marked, landmarks)]  # (L,M)
        nearest = chosen <= np.sort(chosen, axis=1)[:, :NEAREST][:, -1:]
        self._nearest, self._skin = (
            rows / rows.sum(axis=1, keepdims=True) for rows in (nearest, (chosen < AROUND) * area)
        )

    def weights(self, landmarks: FaceLandmarks, pose: Similarity) -> FloatArray:
        """1 for each (L,) that is in sight where the head is at about `pose`, 0 for what may be hidden."""
        depth_m = float(pose.to_camera(np.array([FACE_POINT], dtype=np.float32))[0, 2])
        with np.errstate(invalid="ignore"):
            there = np.abs(landmarks.points_cam[self._marked, 2] - depth_m) < REACH_M  # NaN is not there
        seen = (self._nearest @ there >= MIN_SHARE) | (self._skin @ there >= MIN_SKIN)
        return seen.astype(np.float32)


def sight_of(model: HeadModel, landmarks: NDArray[np.int64]) -> LandmarkSight | None:
    """The same for landmarks (L,) of a model; None where there are none, or no template that marks them."""
    return None if model.template is None or not len(landmarks) else LandmarkSight(model.template, landmarks)
