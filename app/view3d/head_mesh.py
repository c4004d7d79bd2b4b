"""The tracked mesh: shaded from the viewer's side, opaque or translucent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vispy import gloo
from vispy.scene.visuals import create_visual_node
from vispy.visuals import Visual

from dphm_core.meshing.normals import vertex_normals

COLOR = (0.36, 0.66, 1.0)
"""Light blue: unlike skin, hair and most rooms."""
TRANSLUCENT = 0.5
"""Opacity of the translucent mesh."""
IN_FRONT = 4e-4
"""How far the mesh is pulled towards the viewer, in normalised depth (about 1 cm at arm's length): mesh and points
describe the same surface and would otherwise show through each other as speckles."""

VERTEX_SHADER = """
attribute vec3 a_position;
attribute vec3 a_normal;
uniform float u_in_front;
varying vec3 v_position;
varying vec3 v_normal;

void main() {
    v_position = a_position;
    v_normal = a_normal;
    gl_Position = $transform(vec4(a_position, 1.0));
    gl_Position.z -= u_in_front * gl_Position.w;
}
"""

FRAGMENT_SHADER = """
uniform vec3 u_eye;  // camera frame, metres
uniform vec3 u_color;
uniform float u_opacity;
varying vec3 v_position;
varying vec3 v_normal;

void main() {
    // The lamp sits above the viewer's left shoulder; both sides are lit, so the winding of the faces does not matter.
    vec3 to_eye = normalize(u_eye - v_position);
    vec3 to_lamp = normalize(u_eye + vec3(-0.2, -0.4, 0.0) - v_position);
    vec3 normal = normalize(v_normal);
    normal *= dot(normal, to_eye) < 0.0 ? -1.0 : 1.0;
    float diffuse = max(dot(normal, to_lamp), 0.0);
    float highlight = pow(max(dot(normal, normalize(to_lamp + to_eye)), 0.0), 40.0);
    gl_FragColor = vec4(u_color * (0.15 + 0.8 * diffuse) + 0.15 * highlight, u_opacity);
}
"""


class HeadMeshVisual(Visual):
    """A mesh of fixed topology whose vertices move every frame, camera frame (metres). Lives on the GUI thread."""

    def __init__(self) -> None:
        super().__init__(VERTEX_SHADER, FRAGMENT_SHADER)
        self._positions = gloo.VertexBuffer(np.zeros((1, 3), np.float32))
        self._normals = gloo.VertexBuffer(np.zeros((1, 3), np.float32))
        self._faces: NDArray[np.int32] | None = None
        self._shown = False
        self.shared_program["a_position"] = self._positions
        self.shared_program["a_normal"] = self._normals
        self.shared_program["u_color"] = COLOR
        self.shared_program["u_in_front"] = IN_FRONT
        self.set_eye((0.0, 0.0, 0.0))
        self.set_translucent(False)
        self._draw_mode = "triangles"
        self.set_gl_state(
            depth_test=True, cull_face=False, blend=True, blend_func=("src_alpha", "one_minus_src_alpha", "one", "one")
        )

    def set_mesh(self, vertices_cam: NDArray[np.float32], faces: NDArray[np.int32]) -> None:
        """Show (V, 3) float32 vertices in metres with (F, 3) int32 faces, which are uploaded only when they change."""
        if faces is not self._faces:
            self._index_buffer = gloo.IndexBuffer(np.ascontiguousarray(faces, dtype=np.uint32))
            self._faces = faces
        self._positions.set_data(np.ascontiguousarray(vertices_cam, dtype=np.float32))
        self._normals.set_data(vertex_normals(vertices_cam, faces))
        self._shown = True
        self.update()

    def clear(self) -> None:
        """Show no mesh."""
        self._shown = False
        self.update()

    def set_eye(self, eye_cam: tuple[float, float, float]) -> None:
        """Set the viewer's position in the camera frame, metres."""
        self.shared_program["u_eye"] = eye_cam
        self.update()

    def set_translucent(self, translucent: bool) -> None:
        """Let the points show through, or not."""
        self._translucent = translucent
        self.shared_program["u_opacity"] = TRANSLUCENT if translucent else 1.0
        self.update()

    def draw(self) -> None:
        """Translucent: fill in the depth first and then draw only the nearest surface, or ears show through cheeks."""
        if self._translucent:
            self.update_gl_state(depth_func="less", color_mask=(False, False, False, False))
            super().draw()
        self.update_gl_state(depth_func="lequal", color_mask=(True, True, True, True))
        super().draw()

    def _prepare_transforms(self, view: Visual) -> None:
        view.view_program.vert["transform"] = view.get_transform()

    def _prepare_draw(self, view: Visual) -> bool:  # noqa: ARG002 - vispy's signature
        return self._shown

    def _compute_bounds(self, _axis: int, _view: Visual) -> None:
        return None


HeadMesh = create_visual_node(HeadMeshVisual)
"""`HeadMeshVisual` as a node of a scene."""
