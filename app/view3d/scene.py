"""The 3-D view: the scene seen from the depth camera, orbited with the mouse around the head."""

from __future__ import annotations

import math

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
        self._aimed_at_mesh = False
        self._camera.transform.changed.connect(self._view_moved)
        self._canvas.events.resize.connect(self._view_moved)

    @property
    def widget(self) -> QWidget:
        """The canvas as a Qt widget."""
        return self._canvas.native

    def clear(self, faces: NDArray[np.int32]) -> None:
        """Forget the last recording; the next frames' meshes have these (F, 3) faces."""
        self.mesh.set_faces(faces)
        self.mesh.set_vertices(None)
        self._head_cam, self._aimed_at_mesh = None, False

    def show(self, tracked: TrackedFrame) -> None:
        """Draw a frame; the first one, and the first with a head, aim the view."""
        self.cloud.set_frame(tracked.observation.frame)
        self.mesh.set_vertices(tracked.vertices_cam)
        has_mesh = tracked.vertices_cam is not None
        aimed = self._head_cam is not None and (self._aimed_at_mesh or not has_mesh)
        self._head_cam = head_centre(tracked)
        self.cloud.set_far(float(self._head_cam[2]) + BEHIND_HEAD_M)
        if not aimed:
            self._aimed_at_mesh = has_mesh
            self.look_from_camera()

    def look_from_camera(self) -> None:
        """Put the eye where the depth camera is, and turn around the head."""
        if self._head_cam is None:
            return
        centre = CAMERA_TO_SCENE @ self._head_cam
        distance = float(np.linalg.norm(centre))
        self._camera.center = tuple(centre)
        self._camera.azimuth = math.degrees(math.atan2(-centre[0], centre[1]))
        self._camera.elevation = math.degrees(-math.asin(centre[2] / distance))
        self._camera.scale_factor = VIEW_HEIGHT_M
        self._camera.fov = math.degrees(2 * math.atan(VIEW_HEIGHT_M / 2 / distance))

    def _view_moved(self, _event: object = None) -> None:
        """Tell the visuals where the eye is and how large things look."""
        eye = self._camera.transform.map((0, 0, 0))[:3]
        self.mesh.set_eye(tuple(CAMERA_TO_SCENE.T @ eye))
        height = self._canvas.physical_size[1]
        self.cloud.set_screen_scale(height / (2 * math.tan(math.radians(self._camera.fov) / 2)))


def head_centre(tracked: TrackedFrame) -> NDArray[np.float64]:
    """Middle of the head, (3,) metres in the camera frame: of the mesh, else of the points, else 0.7 m ahead."""
    if tracked.vertices_cam is not None:
        return tracked.vertices_cam.mean(axis=0, dtype=np.float64)
    points = tracked.observation.points_cam
    if len(points):
        return np.median(points, axis=0).astype(np.float64) + np.array([0.0, 0.0, HEAD_RADIUS_M])
    return np.array([0.0, 0.0, 0.7])
