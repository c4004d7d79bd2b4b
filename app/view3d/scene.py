"""The 3-D view: the scene seen from the depth camera, orbited with the mouse around the head."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtWidgets import QWidget
from vispy import app as vispy_app
from vispy import scene
from vispy.visuals.transforms import MatrixTransform

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.frames import TrackedFrame

from .aim import Aim, box_around, find_head, turntable_angles
from .layers import Layers
from .options import DEFAULT_STYLE, Layer, MeshStyle
from .placed import Lens, share_of_view
from .scale_bar import ScaleBar

CAMERA_TO_SCENE = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], dtype=np.float64)
"""OpenCV's camera frame (y down, z forward) → the scene's (y forward, z up)."""
VIEW_HEIGHT_M = 0.42
"""What the view shows at the head's distance: a head and its shoulders."""
BACKGROUND = "#15181d"
KEPT_S = 1.0
"""Seconds for which the room stays hidden once the head is not found any longer."""


class View3D:
    """A vispy canvas with the point cloud and the mesh over it. Lives on the GUI thread.

    A frame is only taken note of in `show`; what of it is seen is computed and uploaded when the view is painted.
    """

    def __init__(self) -> None:
        vispy_app.use_app("pyqt5")
        self._canvas = scene.SceneCanvas(keys=None, bgcolor=BACKGROUND, size=(900, 700))
        self._view = self._canvas.central_widget.add_view()
        self._camera = scene.TurntableCamera(elevation=0.0, azimuth=0.0, fov=40.0, scale_factor=VIEW_HEIGHT_M)
        self._camera.depth_value = 1e3  # nearest : farthest, for depth values that tell millimetres apart
        self._view.camera = self._camera
        # The view fills the canvas, so nothing needs cutting off, which vispy would do in every pixel.
        self._view.scene.clip_children = False
        root = scene.Node(parent=self._view.scene)
        root.transform = MatrixTransform(np.block([[CAMERA_TO_SCENE.T, np.zeros((3, 1))], [np.zeros(3), 1.0]]))
        self._layers = Layers(root)
        self._scale_bar = ScaleBar(self._canvas.native)
        self._style = DEFAULT_STYLE
        self._head_cam: NDArray[np.float64] | None = None
        self._head_seen_s = 0.0
        self._missed: tuple[TrackedFrame, NDArray[np.int32]] | None = None
        self._intrinsics: Intrinsics | None = None
        self._aimed_at = Aim.NOTHING
        self._follow = self._through_camera = False
        self._camera.transform.changed.connect(self._view_moved)
        self._canvas.events.resize.connect(self._resized)
        self._canvas.events.draw.connect(self._show_missed, position="first")

    @property
    def widget(self) -> QWidget:
        """The canvas as a Qt widget."""
        return self._canvas.native

    def clear(self) -> None:
        """Forget the last recording."""
        self._layers.clear()
        self._head_cam, self._intrinsics, self._aimed_at, self._missed = None, None, Aim.NOTHING, None

    def show(self, tracked: TrackedFrame, faces: NDArray[np.int32]) -> None:
        """Draw a frame and its mesh with (F, 3) faces; the first frame, and the first with a head, aim the view.

        While nobody sees the view only the newest frame is kept, for later: vispy would keep every one's changes.
        """
        window = self._canvas.native.window().windowHandle()
        if window is not None and window.isExposed() and self._canvas.native.isVisible():
            self._missed = None
            self._show(tracked, faces)
        else:
            self._note_head(tracked)
            self._missed = tracked, faces

    def _show_missed(self, _event: object) -> None:
        """Before painting: catch up with what came while nobody saw the view."""
        missed, self._missed = self._missed, None
        if missed is not None:
            self._show(*missed)

    def _show(self, tracked: TrackedFrame, faces: NDArray[np.int32]) -> None:
        frame = tracked.observation.frame
        aim = self._note_head(tracked)
        lately = abs(frame.timestamp_s - self._head_seen_s) <= KEPT_S
        self._layers.show(tracked, faces, box_around(self._head_cam if lately else None))
        if frame.intrinsics != self._intrinsics:
            self._intrinsics = frame.intrinsics
            self._layers.set_camera(frame.intrinsics)
            self._update_lens()
        if aim > self._aimed_at:
            self._aimed_at = aim
            self.look_from_camera()
        elif self._follow:
            self._turn_around_head()

    def _note_head(self, tracked: TrackedFrame) -> Aim:
        head_cam, aim = find_head(tracked)
        if head_cam is not None:
            self._head_cam, self._head_seen_s = head_cam, tracked.observation.frame.timestamp_s
        return aim

    @property
    def mesh_style(self) -> MeshStyle:
        """How the mesh is drawn."""
        return self._style

    @mesh_style.setter
    def mesh_style(self, style: MeshStyle) -> None:
        self._style = style
        self._layers.mesh.set_style(style)
        self._show_scale_bar()

    def set_layer(self, layer: Layer, on: bool) -> None:
        """Show a layer or hide it."""
        self._layers.set_visible(layer, on)
        self._show_scale_bar()

    def look_from_camera(self) -> None:
        """Put the eye where the depth camera is, and turn around the head; without a head, show the whole image."""
        centre_cam, height_m = self._head_cam, VIEW_HEIGHT_M
        if centre_cam is None:
            centre_cam = np.array([0.0, 0.0, 1.0])
            height_m = 1.0 if self._intrinsics is None else self._intrinsics.height / self._intrinsics.fy
        centre = CAMERA_TO_SCENE @ centre_cam
        distance = float(np.linalg.norm(centre))
        self._camera.center = tuple(centre)
        self._camera.azimuth, self._camera.elevation = turntable_angles(centre)
        self._camera.scale_factor = height_m
        self._camera.fov = math.degrees(2 * math.atan(height_m / 2 / distance))

    def orbit(self, azimuth_deg: float, elevation_deg: float) -> None:
        """Turn the eye around the head, to its left and up."""
        self._camera.azimuth += azimuth_deg
        self._camera.elevation += elevation_deg

    def reset(self) -> None:
        """Aim anew, as at the first frame: at the head, from the camera; undoes what the mouse has done."""
        self._camera.roll = 0.0
        self.look_from_camera()

    def set_follow(self, follow: bool) -> None:
        """Move along with the head, or stay where the view was aimed."""
        self._follow = follow
        if follow:
            self._turn_around_head()

    def set_through_camera(self, on: bool) -> None:
        """Show the colour camera's whole image with the mesh over it, or the scene again as it was left."""
        self._through_camera = on
        self._camera.interactive = not on
        self._update_lens()

    def set_background(self, color: str) -> None:
        """Colour behind everything, as "#rrggbb"."""
        self._canvas.bgcolor = color
        self._canvas.update()

    def _turn_around_head(self) -> None:
        if self._head_cam is not None:
            self._camera.center = tuple(CAMERA_TO_SCENE @ self._head_cam)

    def _update_lens(self) -> None:
        """Tell the visuals whether they are seen through the camera, and how large its image is in the view."""
        lens = None
        if self._through_camera and self._intrinsics is not None:
            camera = self._intrinsics
            lens = Lens(camera, share_of_view(camera.width, camera.height, self._canvas.physical_size))
        self._layers.set_lens(lens)
        self._view_moved()

    def _view_moved(self, _event: object = None) -> None:
        """Tell the visuals where the eye is and how large things look."""
        width, height = self._canvas.physical_size
        if self._through_camera and self._intrinsics is not None:
            camera = self._intrinsics
            pixels = camera.fy * min(width / camera.width, height / camera.height)
            self._layers.set_eye((0.0, 0.0, 0.0), pixels)
            return
        eye = CAMERA_TO_SCENE.T @ self._camera.transform.map((0, 0, 0))[:3]
        self._layers.set_eye(tuple(eye), height / (2 * math.tan(math.radians(self._camera.fov) / 2)))

    def _resized(self, _event: object) -> None:
        self._scale_bar.put_in_corner()
        self._layers.set_screen(*self._canvas.physical_size, self._canvas.pixel_scale)
        self._update_lens()

    def _show_scale_bar(self) -> None:
        self._scale_bar.put_in_corner()
        self._scale_bar.setVisible(self._style is MeshStyle.RESIDUAL and self._layers.mesh.visible)
