"""Coloured point cloud of a depth image."""

from __future__ import annotations

from vispy import gloo
from vispy.scene.visuals import create_visual_node
from vispy.visuals import Visual

from dphm_core.frames import RGBDFrame

from .cloud_points import EVERYWHERE, Box, CloudPoints
from .placed import PlacedVisual

VERTEX_SHADER = """
attribute vec4 a_point;     // position, and colour in one number: vispy uploads floats only
uniform float u_spacing;    // distance of neighbouring points at 1 m depth, metres
uniform float u_pixels;     // pixels per metre on screen at 1 m from the eye
varying vec3 v_color;

void main() {
    v_color = mod(floor(a_point.w / vec3(1.0, 256.0, 65536.0)), 256.0) / 255.0;
    if (a_point.z <= 0.0) {
        gl_Position = vec4(2.0, 2.0, 2.0, 1.0);  // outside the view
        gl_PointSize = 1.0;
        return;
    }
    gl_Position = place(a_point.xyz);
    // As large as the gap to the neighbour, so that surfaces look closed; w is the distance from the eye.
    gl_PointSize = clamp(1.3 * u_spacing * a_point.z * u_pixels / gl_Position.w, 1.0, 24.0);
}
"""

FRAGMENT_SHADER = """
varying vec3 v_color;
void main() { gl_FragColor = vec4(v_color, 1.0); }
"""


class DepthCloudVisual(PlacedVisual):
    """Points of depth pixels, in the camera frame (metres). Lives on the GUI thread."""

    def __init__(self) -> None:
        super().__init__(VERTEX_SHADER, FRAGMENT_SHADER)
        self._points = CloudPoints()
        self._buffer = gloo.VertexBuffer(self._points.points)
        self._frame: RGBDFrame | None = None
        self._box = EVERYWHERE
        self._changed = False
        self.shared_program["a_point"] = self._buffer
        self.shared_program["u_spacing"] = 0.0
        self.set_screen_scale(1000.0)
        self._draw_mode = "points"
        self.set_gl_state(depth_test=True, depth_func="less", blend=False, cull_face=False)

    def set_frame(self, frame: RGBDFrame | None, box: Box = EVERYWHERE) -> None:
        """Show the points of another frame within a box (camera frame, metres), or none."""
        self._frame, self._box, self._changed = frame, box, True
        self.update()

    def set_screen_scale(self, pixels: float) -> None:
        """Set how many pixels one metre takes on screen at 1 m from the eye."""
        self.shared_program["u_pixels"] = pixels
        self.update()

    def _prepare_draw(self, view: Visual) -> bool:  # noqa: ARG002 - vispy's signature
        """Choose and upload points, only now: a view that nobody sees costs nothing."""
        if self._frame is not None and self._changed:
            self._changed = False
            self._points.take(self._frame, self._box)
            self.shared_program["u_spacing"] = self._points.spacing_m
            self._buffer.set_data(self._points.points)
        return self._frame is not None


DepthCloud = create_visual_node(DepthCloudVisual)
"""`DepthCloudVisual` as a node of a scene."""
