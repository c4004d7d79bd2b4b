"""Everything that is drawn in the 3-D view, as one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vispy.scene import Node

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.frames import RGBDFrame, Similarity, TrackedFrame

from .axes import frustum, head_axes
from .cloud import DepthCloud
from .cloud_points import Box
from .color_image import ColorImage
from .head_mesh import HeadMesh
from .landmark_dots import LandmarkDots
from .lines import Lines
from .options import DEFAULT_LAYERS, Layer
from .placed import Lens

AXES_WIDTH, FRUSTUM_WIDTH = 3.0, 1.5


class Layers:
    """The visuals, by what each is told of a frame. Lives on the GUI thread.

    Parameters
    ----------
    root
        Node whose coordinates are the camera frame, metres.
    """

    def __init__(self, root: Node) -> None:
        self.image = ColorImage(parent=root)
        self.cloud = DepthCloud(parent=root)
        self.frustum = Lines(FRUSTUM_WIDTH, on_top=False, parent=root)
        self.mesh = HeadMesh(parent=root)
        self.landmarks = LandmarkDots(parent=root)
        self.axes = Lines(AXES_WIDTH, on_top=True, parent=root)
        drawn = (self.image, self.cloud, self.frustum, self.mesh, self.landmarks, self.axes)
        for order, visual in enumerate(drawn):  # a translucent mesh lets through what was drawn before
            visual.order = order
        self._of = {
            Layer.POINTS: self.cloud,
            Layer.MESH: self.mesh,
            Layer.LANDMARKS: self.landmarks,
            Layer.AXES: self.axes,
            Layer.FRUSTUM: self.frustum,
        }
        self._on = set(DEFAULT_LAYERS)
        self._lens: Lens | None = None
        self._frame: RGBDFrame | None = None
        self._pose: Similarity | None = None
        self.axes.set_lines(*head_axes())
        self._choose()

    def show(self, tracked: TrackedFrame, faces: NDArray[np.int32], box: Box) -> None:
        """Draw a frame, of its points those within a box."""
        observation = tracked.observation
        self._frame, self._pose = observation.frame, tracked.head_to_cam
        self.cloud.set_frame(self._frame, box)
        self.image.set_image(self._frame.color)
        self.landmarks.set_points(None if observation.landmarks is None else observation.landmarks.points_cam)
        if tracked.vertices_cam is None:
            self.mesh.clear()
        else:
            self.mesh.set_mesh(tracked.vertices_cam, faces, self._frame)
        if self._pose is not None:
            self.axes.place_at(self._pose.rotation, self._pose.translation_m)
        self._choose()

    def clear(self) -> None:
        """Draw nothing."""
        self._frame = self._pose = None
        self.cloud.set_frame(None)
        self.image.set_image(None)
        self.landmarks.set_points(None)
        self.mesh.clear()
        self.frustum.hide()
        self._choose()

    def set_camera(self, camera: Intrinsics) -> None:
        """Take note of another camera."""
        self.frustum.set_lines(*frustum(camera))

    def set_visible(self, layer: Layer, on: bool) -> None:
        """Show a layer or hide it."""
        (self._on.add if on else self._on.discard)(layer)
        self._choose()

    def set_lens(self, lens: Lens | None) -> None:
        """See everything through a camera, before its image; or by the view's orbit."""
        self._lens = lens
        for visual in self._of.values():
            visual.set_lens(lens)
        if lens is not None:
            self.image.set_share(lens.share)
        self._choose()

    def set_eye(self, eye_cam: tuple[float, float, float], pixels: float) -> None:
        """Tell where the eye is, camera frame, metres, and how many pixels a metre takes at 1 m from it."""
        self.mesh.set_eye(eye_cam)
        self.cloud.set_screen_scale(pixels)

    def set_screen(self, width: int, height: int, density: float) -> None:
        """Tell the view's size in pixels, and how many of them make one of usual size."""
        self.axes.set_screen(width, height, density)
        self.frustum.set_screen(width, height, density)
        self.landmarks.set_density(density)

    def _choose(self) -> None:
        """Make visible what is switched on and makes sense: through the camera, its image takes the points' place."""
        for layer, visual in self._of.items():
            visual.visible = layer in self._on
        through = self._lens is not None
        picture = self._frame is not None and self._frame.color is not None
        self.image.visible = through and picture
        self.cloud.visible = not picture if through else Layer.POINTS in self._on
        self.frustum.visible = Layer.FRUSTUM in self._on and not through
        self.axes.visible = Layer.AXES in self._on and self._pose is not None
