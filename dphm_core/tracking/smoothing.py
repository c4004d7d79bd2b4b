"""What is shown of a fit: steady while the head and face are still, without lag while they move.

The fits of a still head differ from frame to frame by the sensor's noise, as good as independently. A fit that differs
from what is shown by no more than such noise moves it by a part of the difference only; one that differs by more is
motion, and shown as it is. Pose and expression are told apart, each by one number for the whole of it: many weights
that change a little at once are motion that none of them would show. The fit itself goes on from unsmoothed states.

Noisier depth makes poses tremble more and codes less, since the fit trusts it less beside what holds codes. Fits of a
still head at 1.8 and 2.6 times the noise differed from the frame before by 1.5 and 1.5 to 2 times as much in pose, and
by 0.8 and 0.5 times in code.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial.transform import Rotation

from dphm_core.frames import UNITS_PER_METRE, Similarity
from dphm_core.tracking.fit_state import FitState, orthonormal
from dphm_core.tracking.place import FACE_POINT

POSE_PART, CODE_PART = 0.12, 0.18
"""Of a difference that noise makes, how much is shown: they leave 0.25 and 0.31 of the noise."""
POSE_CHANGE_M = (0.0005, 0.001)
"""Change of a pose up to which it is noise, and from which it is motion."""
CODE_CHANGE = (0.031, 0.048)
"""The same of an expression code, root mean square, as a part of `expression_sigma`."""
LEVER_M = 0.08
"""How far from the face's middle a turn counts."""


class Smoother:
    """Smooths the states of one head; lives on the tracking thread."""

    def __init__(self, smoothness: float, expression_sigma: float) -> None:
        """`smoothness` multiplies what passes for noise (0: nothing); `expression_sigma` is the spread of codes."""
        self.smoothness = smoothness
        """May be changed between two frames."""
        self._sigma = expression_sigma
        self._shown: FitState | None = None

    def towards(self, state: FitState, noise: float = 1.0) -> FitState:
        """What to show of a fit, after what was shown last.

        Parameters
        ----------
        state : FitState
            The fit.
        noise : float
            How much noisier the depth is than an Azure Kinect's.
        """
        before, louder = self._shown, math.sqrt(noise)
        if before is None or self.smoothness <= 0 or before.head_to_cam.scale != state.head_to_cam.scale:
            return state
        pose = _pose_between(before.head_to_cam, state.head_to_cam, _scaled(POSE_CHANGE_M, self.smoothness * louder))
        change = state.expression - before.expression
        size = float(np.sqrt((change**2).mean()))
        part = _part(size, _scaled(CODE_CHANGE, self.smoothness * self._sigma / louder), CODE_PART)
        return FitState(pose, (before.expression + part * change).astype(np.float32))

    def keep(self, shown: FitState) -> None:
        """Take a state for what was shown last."""
        self._shown = shown

    def restart(self) -> None:
        """Forget what was shown: the next fit is shown as it is."""
        self._shown = None


def _pose_between(before: Similarity, now: Similarity, limits: tuple[float, float]) -> Similarity:
    """A pose on the way from one to the other; the face's middle and the turn about it go on their own."""
    middle = np.array(FACE_POINT) * (now.scale / UNITS_PER_METRE)
    start, end = (pose.rotation @ middle + pose.translation_m for pose in (before, now))
    turn = Rotation.from_matrix(now.rotation @ before.rotation.T).as_rotvec()
    change_m = float(np.sqrt(((end - start) ** 2).sum() + (LEVER_M**2) * (turn**2).sum()))
    part = _part(change_m, limits, POSE_PART)
    rotation = orthonormal(Rotation.from_rotvec(part * turn).as_matrix() @ before.rotation)
    place = start + part * (end - start) - rotation @ middle
    return Similarity(rotation, place.astype(np.float32), now.scale)


def _part(change: float, limits: tuple[float, float], least: float) -> float:
    """Of a change, how much is shown: `least` of noise, all of motion, smoothly between the two."""
    x = float(np.clip((change - limits[0]) / (limits[1] - limits[0]), 0, 1))
    return least + (1 - least) * x * x * (3 - 2 * x)


def _scaled(limits: tuple[float, float], factor: float) -> tuple[float, float]:
    return limits[0] * factor, limits[1] * factor
