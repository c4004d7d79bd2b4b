"""The face's landmarks as dots a little in front of the skin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vispy import gloo
from vispy.scene.visuals import create_visual_node
from vispy.visuals import Visual

from .placed import PlacedVisual

SIZE = 4.0
"""Pixels of a screen of usual density."""
COLOR, RIM = (1.0, 0.95, 0.35), (0.1, 0.1, 0.1)
"""Yellow with a dark rim: shows on skin, hair, mesh and paper."""
IN_FRONT = 8e-4
"""How far the dots are pulled towards the viewer, in normalised depth: beyond the mesh, which is pulled, too."""

VERTEX_SHADER = """
attribute vec3 a_position;
uniform float u_size;
uniform float u_in_front;

void main() {
    gl_Position = place(a_position);
    gl_Position.z -= u_in_front * gl_Position.w;
    gl_PointSize = u_size;
}
"""

FRAGMENT_SHADER = """
uniform vec3 u_color;
uniform vec3 u_rim;

void main() {
    float from_middle = length(gl_PointCoord - 0.5);
    if (from_middle > 0.5) discard;
    gl_FragColor = vec4(from_middle > 0.34 ? u_rim : u_color, 1.0);
}
"""


class LandmarkDotsVisual(PlacedVisual):
    """Points in the camera frame (metres), drawn as dots. Lives on the GUI thread."""

    def __init__(self) -> None:
        super().__init__(VERTEX_SHADER, FRAGMENT_SHADER)
        self._positions = gloo.VertexBuffer(np.zeros((1, 3), np.float32))
        self._points: NDArray[np.float32] | None = None
        self._changed = False
        self.shared_program["a_position"] = self._positions
        self.shared_program["u_color"] = COLOR
        self.shared_program["u_rim"] = RIM
        self.shared_program["u_in_front"] = IN_FRONT
        self.set_density(1.0)
        self._draw_mode = "points"
        self.set_gl_state(depth_test=True, depth_func="lequal", blend=False, cull_face=False)

    def set_points(self, points_cam: NDArray[np.float32] | None) -> None:
        """Show (N, 3) points but those with NaN, or none."""
        self._points, self._changed = points_cam, True
        self.update()

    def set_density(self, density: float) -> None:
        """Tell how many pixels make one of usual size."""
        self.shared_program["u_size"] = (SIZE + 2.0) * density
        self.update()

    def _prepare_draw(self, view: Visual) -> bool:  # noqa: ARG002 - vispy's signature
        if self._points is not None and self._changed:
            known = self._points[np.isfinite(self._points).all(axis=1)]
            self._points = known if len(known) else None
            if self._points is not None:
                self._positions.set_data(np.ascontiguousarray(known, dtype=np.float32))
            self._changed = False
        return self._points is not None


LandmarkDots = create_visual_node(LandmarkDotsVisual)
"""`LandmarkDotsVisual` as a node of a scene."""
