"""The 3-D view: the scene seen from the depth camera, orbited with the mouse around the head."""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtWidgets import QWidget
from vispy import app as vispy_app
from vispy import scene
from vispy.visuals.transforms import MatrixTransform

from app.view3d.cloud import DepthCloud
from app.view3d.head_mesh import HeadMesh
from dphm_core.frames import TrackedFrame

CAMERA_TO_SCENE = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], dtype=np.float64)
"""OpenCV's camera frame (y down, z forward) → the scene's (y forward, z up)."""
VIEW_HEIGHT_M = 0.42
"""What the view shows at the head's distance: a head and its shoulders."""
BEHIND_HEAD_M = 0.45
"""Points farther than this behind the head's centre belong to the room and are hidden."""
HEAD_RADIUS_M = 0.1
"""From the face's surface to the middle of the head."""
BACKGROUND = "#15181d"


class Aim(IntEnum):
    """What the view is aimed at, from worst to best; something better re-aims it."""

    NOTHING = 0
    IMAGE = 1
    POINTS = 2
    MESH = 3


class View3D:
    """A vispy canvas with the point cloud and the mesh over it. Lives on the GUI thread."""

    def __init__(self) -> None:
        vispy_app.use_app("pyqt5")
        self._canvas = scene.SceneCanvas(keys=None, bgcolor=BACKGROUND, size=(900, 700))
        self._view = self._canvas.central_widget.add_view()
        self._camera = scene.TurntableCamera(elevation=0.0, azimuth=0.0, fov=40.0, scale_factor=VIEW_HEIGHT_M)
        self._camera.depth_value = 1e3  # nearest : farthest, for depth values that tell millimetres apart
        self._view.camera = self._camera
        root = scene.Node(parent=self._view.scene)
        root.transform = MatrixTransform(np.block([[CAMERA_TO_SCENE.T, np.zeros((3, 1))], [np.zeros(3), 1.0]]))
        self.cloud = DepthCloud(parent=root)
        self.mesh = HeadMesh(parent=root)
        self.mesh.order = 1  # after the cloud, so that a translucent mesh lets it through
        self._head_cam: NDArray[np.float64] | None = None
        self._image_height_m = 1.0
        self._aimed_at = Aim.NOTHING
        self._follow = False
        self._camera.transform.changed.connect(self._view_moved)
        self._canvas.events.resize.connect(self._view_moved)

    @property
    def widget(self) -> QWidget:
        """The canvas as a Qt widget."""
        return self._canvas.native

    def clear(self) -> None:
        """Forget the last recording."""
        self.mesh.clear()
        self.cloud.set_far(math.inf)
        self._head_cam, self._aimed_at = None, Aim.NOTHING

    def show(self, tracked: TrackedFrame, faces: NDArray[np.int32]) -> None:
        """Draw a frame and its mesh with (F, 3) faces; the first frame, and the first with a head, aim the view."""
        frame = tracked.observation.frame
        self._image_height_m = frame.intrinsics.height / frame.intrinsics.fy
        self.cloud.set_frame(frame)
        if tracked.vertices_cam is None:
            self.mesh.clear()
        else:
            self.mesh.set_mesh(tracked.vertices_cam, faces)
        head_cam, aim = find_head(tracked)
        if head_cam is not None:
            self._head_cam = head_cam
            self.cloud.set_far(float(head_cam[2]) + BEHIND_HEAD_M)
        if aim > self._aimed_at:
            self._aimed_at = aim
            self.look_from_camera()
        elif self._follow:
            self._turn_around_head()

    def look_from_camera(self) -> None:
        """Put the eye where the depth camera is, and turn around the head; without a head, show the whole image."""
        centre_cam, height_m = self._head_cam, VIEW_HEIGHT_M
        if centre_cam is None:
            centre_cam, height_m = np.array([0.0, 0.0, 1.0]), self._image_height_m
        centre = CAMERA_TO_SCENE @ centre_cam
        distance = float(np.linalg.norm(centre))
        self._camera.center = tuple(centre)
        self._camera.azimuth = math.degrees(math.atan2(-centre[0], centre[1]))
        self._camera.elevation = math.degrees(-math.asin(centre[2] / distance))
        self._camera.scale_factor = height_m
        self._camera.fov = math.degrees(2 * math.atan(height_m / 2 / distance))

    def set_follow(self, follow: bool) -> None:
        """Move along with the head, or stay where the view was aimed."""
        self._follow = follow
        if follow:
            self._turn_around_head()

    def _turn_around_head(self) -> None:
        if self._head_cam is not None:
            self._camera.center = tuple(CAMERA_TO_SCENE @ self._head_cam)

    def _view_moved(self, _event: object = None) -> None:
        """Tell the visuals where the eye is and how large things look."""
        eye = self._camera.transform.map((0, 0, 0))[:3]
        self.mesh.set_eye(tuple(CAMERA_TO_SCENE.T @ eye))
        height = self._canvas.physical_size[1]
        self.cloud.set_screen_scale(height / (2 * math.tan(math.radians(self._camera.fov) / 2)))


def find_head(tracked: TrackedFrame) -> tuple[NDArray[np.float64] | None, Aim]:
    """Middle of the head, (3,) metres in the camera frame, by the mesh or else the points, and by which."""
    if tracked.vertices_cam is not None:
        return tracked.vertices_cam.mean(axis=0, dtype=np.float64), Aim.MESH
    points = tracked.observation.points_cam
    if len(points):
        return np.median(points, axis=0).astype(np.float64) + np.array([0.0, 0.0, HEAD_RADIUS_M]), Aim.POINTS
    return None, Aim.IMAGE
