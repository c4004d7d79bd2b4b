"""Straight lines of a certain width on screen, whatever the graphics card makes of lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vispy import gloo
from vispy.scene.visuals import create_visual_node
from vispy.visuals import Visual

from .placed import PlacedVisual

VERTEX_SHADER = """
attribute vec3 a_start;
attribute vec3 a_end;
attribute vec3 a_color;
attribute vec2 a_corner;   // x: 0 at the start, 1 at the end; y: -1 and 1 on either side
uniform mat3 u_turn;       // to the camera frame
uniform vec3 u_shift;
uniform vec2 u_thickness;  // in the view's -1..1
varying vec3 v_color;

vec4 before_the_eye(vec4 end, vec4 other) {  // cut off what is behind the eye
    float near = 0.01;
    return end.w >= near ? end : mix(other, end, (other.w - near) / max(other.w - end.w, 1e-6));
}

void main() {
    v_color = a_color;
    vec4 start = place(u_turn * a_start + u_shift);
    vec4 end = place(u_turn * a_end + u_shift);
    if (max(start.w, end.w) < 0.01) {
        gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
        return;
    }
    vec4 from = before_the_eye(start, end);
    vec4 to = before_the_eye(end, start);
    vec2 along = (to.xy / to.w - from.xy / from.w) / u_thickness;
    along = along / max(length(along), 1e-6);
    vec4 here = a_corner.x > 0.5 ? to : from;
    here.xy += vec2(-along.y, along.x) * a_corner.y * u_thickness * here.w;
    gl_Position = here;
}
"""

FRAGMENT_SHADER = """
varying vec3 v_color;
void main() { gl_FragColor = vec4(v_color, 1.0); }
"""

CORNERS = np.array([[0, -1], [0, 1], [1, -1], [1, 1]], dtype=np.float32)
TRIANGLES = np.array([[0, 1, 2], [2, 1, 3]], dtype=np.uint32)


class LinesVisual(PlacedVisual):
    """Coloured line segments, turned and shifted as one. Lives on the GUI thread.

    Parameters
    ----------
    width
        Of the lines, in pixels of a screen of usual density.
    on_top
        Draw them over everything.
    """

    def __init__(self, width: float, on_top: bool) -> None:
        super().__init__(VERTEX_SHADER, FRAGMENT_SHADER)
        self._width = width
        self._shown = False
        self.place_at(np.eye(3), np.zeros(3))
        self.set_screen(900, 700, 1.0)
        self._draw_mode = "triangles"
        self.set_gl_state(depth_test=not on_top, depth_func="lequal", blend=False, cull_face=False)

    def set_lines(self, segments: NDArray[np.floating], colors: NDArray[np.floating]) -> None:
        """Draw (N, 2, 3) segments, metres, in (N, 3) colours, 0..1."""
        count = len(segments)
        starts, ends = (np.repeat(segments[:, end], 4, axis=0).astype(np.float32) for end in (0, 1))
        self.shared_program["a_start"] = gloo.VertexBuffer(np.ascontiguousarray(starts))
        self.shared_program["a_end"] = gloo.VertexBuffer(np.ascontiguousarray(ends))
        self.shared_program["a_color"] = gloo.VertexBuffer(np.repeat(colors, 4, axis=0).astype(np.float32))
        self.shared_program["a_corner"] = gloo.VertexBuffer(np.tile(CORNERS, (count, 1)))
        triangles = (TRIANGLES + 4 * np.arange(count, dtype=np.uint32)[:, None, None]).astype(np.uint32)
        self._index_buffer = gloo.IndexBuffer(triangles.reshape(-1, 3))
        self._shown = True
        self.update()

    def place_at(self, rotation: NDArray[np.floating], translation_m: NDArray[np.floating]) -> None:
        """Put the lines where ``rotation @ line + translation`` is in the camera frame, metres."""
        self.shared_program["u_turn"] = np.ascontiguousarray(rotation.T, dtype=np.float32)  # GL counts by columns
        self.shared_program["u_shift"] = tuple(float(value) for value in translation_m)
        self.update()

    def set_screen(self, width: int, height: int, density: float) -> None:
        """Tell the view's size in pixels, and how many of them make one of usual size."""
        self.shared_program["u_thickness"] = (self._width * density / width, self._width * density / height)
        self.update()

    def hide(self) -> None:
        """Draw nothing until `set_lines`."""
        self._shown = False
        self.update()

    def _prepare_draw(self, view: Visual) -> bool:  # noqa: ARG002 - vispy's signature
        return self._shown


Lines = create_visual_node(LinesVisual)
"""`LinesVisual` as a node of a scene."""
