"""Coloured point cloud of a depth image: depth and colour go up as textures, the rays stay on the graphics card."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vispy import gloo
from vispy.scene.visuals import create_visual_node
from vispy.visuals import Visual

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rays import ray_table
from dphm_core.frames import RGBDFrame

MAX_POINTS = 400_000
"""More pixels than this are thinned out evenly."""
GREY = np.full((1, 1, 3), 150, dtype=np.uint8)
"""Colour of a capture without colour."""

VERTEX_SHADER = """
attribute vec2 a_texel;     // pixel centre, 0..1 in the images
attribute vec2 a_ray;       // point = (ray, 1) * depth
uniform sampler2D u_depth;  // metres
uniform sampler2D u_color;
uniform float u_far;        // metres; farther points are not drawn
uniform float u_spacing;    // distance of neighbouring points at 1 m depth, metres
uniform float u_pixels;     // pixels per metre on screen at 1 m from the eye
varying vec3 v_color;

void main() {
    float depth = texture2D(u_depth, a_texel).r;
    if (depth <= 0.0 || depth > u_far) {
        gl_Position = vec4(2.0, 2.0, 2.0, 1.0);  // outside the view
        gl_PointSize = 1.0;
        return;
    }
    v_color = texture2D(u_color, a_texel).rgb;
    gl_Position = $transform(vec4(a_ray * depth, depth, 1.0));
    // As large as the gap to the neighbour, so that surfaces look closed; w is the distance from the eye.
    gl_PointSize = clamp(1.2 * u_spacing * depth * u_pixels / gl_Position.w, 1.0, 24.0);
}
"""

FRAGMENT_SHADER = """
varying vec3 v_color;
void main() { gl_FragColor = vec4(v_color, 1.0); }
"""


class DepthCloudVisual(Visual):
    """One point per depth pixel, in the camera frame (metres). Lives on the GUI thread."""

    def __init__(self) -> None:
        super().__init__(VERTEX_SHADER, FRAGMENT_SHADER)
        self._depth = gloo.Texture2D(np.zeros((1, 1), np.float32), internalformat="r32f", interpolation="nearest")
        self._color = gloo.Texture2D(GREY, interpolation="nearest")
        self._intrinsics: Intrinsics | None = None
        self.shared_program["u_depth"] = self._depth
        self.shared_program["u_color"] = self._color
        self.set_screen_scale(1000.0)
        self.set_far(float("inf"))
        self._draw_mode = "points"
        self.set_gl_state(depth_test=True, blend=False, cull_face=False)

    def set_frame(self, frame: RGBDFrame) -> None:
        """Show another frame."""
        if frame.intrinsics != self._intrinsics:
            self._set_rays(frame.intrinsics)
        self._depth.set_data(frame.depth_m)
        self._color.set_data(GREY if frame.color is None else frame.color)
        self.update()

    def set_far(self, far_m: float) -> None:
        """Hide what lies deeper than `far_m` metres."""
        self.shared_program["u_far"] = min(far_m, 1e6)
        self.update()

    def set_screen_scale(self, pixels: float) -> None:
        """Set how many pixels one metre takes on screen at 1 m from the eye."""
        self.shared_program["u_pixels"] = pixels
        self.update()

    def _set_rays(self, intrinsics: Intrinsics) -> None:
        texels, rays, stride = texels_and_rays(intrinsics)
        self.shared_program["a_texel"] = gloo.VertexBuffer(texels)
        self.shared_program["a_ray"] = gloo.VertexBuffer(rays)
        self.shared_program["u_spacing"] = stride / min(intrinsics.fx, intrinsics.fy)
        self._intrinsics = intrinsics

    def _prepare_transforms(self, view: Visual) -> None:
        view.view_program.vert["transform"] = view.get_transform()

    def _prepare_draw(self, view: Visual) -> bool:  # noqa: ARG002 - vispy's signature
        return self._intrinsics is not None

    def _compute_bounds(self, _axis: int, _view: Visual) -> None:
        return None


def texels_and_rays(intrinsics: Intrinsics) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
    """Texture coordinates (N, 2) and rays (N, 2) of the pixels to draw, and their spacing in pixels."""
    stride = 1
    while (intrinsics.width // stride) * (intrinsics.height // stride) > MAX_POINTS:
        stride += 1
    rows, columns = np.mgrid[0 : intrinsics.height : stride, 0 : intrinsics.width : stride]
    texels = np.stack([(columns + 0.5) / intrinsics.width, (rows + 0.5) / intrinsics.height], axis=-1)
    rays = ray_table(intrinsics)[::stride, ::stride]
    seen = np.isfinite(rays).all(axis=-1)
    return np.float32(texels[seen]), np.ascontiguousarray(rays[seen]), stride


DepthCloud = create_visual_node(DepthCloudVisual)
"""`DepthCloudVisual` as a node of a scene."""
