"""Axes and units of other programs; all are right-handed, so that nothing is mirrored and faces keep their order.

The camera frame is OpenCV's (x right, y down, z forward). A head that looks straight into the camera has its left on
the image's right, its top up and its face towards the camera: its frame (x to the subject's left, y up, z out of the
face) is "y-up" already. Hence one matrix per convention: M turns OpenCV's axes into it, and M · Mᵧᵀ the head's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.export.options import Axes, ExportOptions, Space, Unit
from dphm_core.frames import FloatArray, Similarity

Matrix = NDArray[np.float64]
FORMAT = "dphm-export/1"


@dataclass(frozen=True)
class AxisRule:
    """How one convention lies."""

    from_opencv: Matrix
    """(3, 3) rotation: the camera frame's axes → these."""
    camera: str
    """In words, seen from the camera."""
    head: str
    """In words, in the head's own frame."""
    used_by: str
    """Programs that expect it."""


def _rows(*rows: tuple[int, int, int]) -> Matrix:
    return np.array(rows, dtype=np.float64)


AXES: dict[Axes, AxisRule] = {
    "opencv": AxisRule(
        _rows((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        "x right, y down, z forward, away from the camera",
        "x to the subject's left, y down, z into the head",
        "OpenCV, Open3D, COLMAP",
    ),
    "y-up": AxisRule(
        _rows((1, 0, 0), (0, -1, 0), (0, 0, -1)),
        "x right, y up, z towards the viewer",
        "x to the subject's left, y up, z out of the face",
        "glTF, OpenGL, Maya, Houdini; OBJ files into Blender",
    ),
    "z-up": AxisRule(
        _rows((1, 0, 0), (0, 0, 1), (0, -1, 0)),
        "x right, y forward, away from the camera, z up",
        "x to the subject's left, y into the head, z up",
        "Blender, 3ds Max",
    ),
}
"""Every convention; the camera sits in the origin and looks along z, −z and y."""
UNITS: dict[Unit, float] = {"m": 1.0, "cm": 100.0, "mm": 1000.0}
"""How many of each make a metre."""


@dataclass(frozen=True)
class Convention:
    """Space, axes and unit that coordinates are told in."""

    space: Space = "camera"
    axes: Axes = "y-up"
    unit: Unit = "m"

    @classmethod
    def of(cls, options: ExportOptions) -> Convention:
        """What these options ask for."""
        return cls(options.space, options.axes, options.unit)

    @property
    def from_camera(self) -> Matrix:
        """(3, 3) OpenCV's axes, metres → these axes, this unit."""
        return UNITS[self.unit] * AXES[self.axes].from_opencv

    @property
    def from_head(self) -> Matrix:
        """(3, 3) the head frame's axes, metres → these axes, this unit."""
        return self.from_camera @ AXES["y-up"].from_opencv.T

    def points(self, points_cam: FloatArray, head_to_cam: Similarity | None) -> FloatArray:
        """Express points in this convention.

        Parameters
        ----------
        points_cam : (N, 3) float32
            Metres, camera frame.
        head_to_cam : Similarity or None
            The head's pose, for the other spaces; in "head" its scale stays in the points, which keep their true size,
            in "canonical" it is taken out.

        Returns
        -------
        (N, 3) float32
        """
        points = points_cam.astype(np.float64)
        if self.space == "camera":
            return (points @ self.from_camera.T).astype(np.float32)
        if head_to_cam is None:
            raise ValueError("the head's own frame needs its pose")
        size = head_to_cam.scale if self.space == "canonical" else 1.0
        back = self.from_head @ head_to_cam.rotation.astype(np.float64).T / size
        return ((points - head_to_cam.translation_m) @ back.T).astype(np.float32)

    def poses(self, rotation: NDArray[Any], translation_m: NDArray[Any]) -> tuple[Matrix, Matrix]:
        """Express head → camera poses: ``p_camera = R · p_head + t``, both sides in these axes and this unit.

        Parameters
        ----------
        rotation : (T, 3, 3)
            Head frame → camera frame.
        translation_m : (T, 3)
            Metres, camera frame.

        Returns
        -------
        rotation : (T, 3, 3) float64
            The identity where the head looks straight into the camera, whatever the axes.
        translation : (T, 3) float64
        """
        turn, head = AXES[self.axes].from_opencv, AXES[self.axes].from_opencv @ AXES["y-up"].from_opencv.T
        turned = turn @ rotation.astype(np.float64) @ head.T
        return turned, translation_m.astype(np.float64) @ self.from_camera.T

    @property
    def words(self) -> str:
        """The convention in one line of ASCII, for the comments of mesh files."""
        rule = AXES[self.axes]
        where = f"{self.space} space, {rule.camera if self.space == 'camera' else rule.head}"
        return f"{where}; unit {self.unit}; {self.axes}, right-handed"

    def facts(self) -> dict[str, Any]:
        """The convention as names and values."""
        rule = AXES[self.axes]
        return {
            "format": FORMAT,
            "meshes_in": self.space,
            "axes": self.axes,
            "unit": self.unit,
            "handedness": "right",
            "camera_space": f"{rule.camera}; origin in the camera",
            "head_space": f"{rule.head}; origin in the head; true size",
            "canonical_space": "head space at the size that the head model has for everyone",
            "pose": "p_camera = R p_head + t, both in these axes and this unit",
            "quaternion": "w, x, y, z",
            "left_and_right": "the subject's",
            "opencv_camera_metres_to_camera_space": self.from_camera.tolist(),
        }

    def to_bytes(self, animations: dict[str, Any] | None = None) -> bytes:
        """Content of `conventions.json`; animated files have their own convention, by their name."""
        facts = {**self.facts(), "animations": animations} if animations else self.facts()
        return (json.dumps(facts, indent=2) + "\n").encode()
