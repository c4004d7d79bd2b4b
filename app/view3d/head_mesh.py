"""The tracked mesh: shaded from the viewer's side, translucent, as a wireframe, or coloured by its residual."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vispy import gloo
from vispy.scene.visuals import create_visual_node
from vispy.visuals import Visual

from dphm_core.frames import RGBDFrame
from dphm_core.meshing.normals import vertex_normals
from dphm_core.meshing.residual import vertex_residuals_m

from .color_map import COLOR_MAP
from .edges import unique_edges
from .options import DEFAULT_STYLE, MeshStyle
from .placed import PlacedVisual

COLOR = (0.36, 0.66, 1.0)
"""Light blue: unlike skin, hair and most rooms."""
OPACITY = {MeshStyle.SHADED: 1.0, MeshStyle.WIREFRAME: 0.85, MeshStyle.TRANSLUCENT: 0.5, MeshStyle.RESIDUAL: 1.0}
HIDDEN, SEEN = (False,) * 4, (True,) * 4
DEPTH_FIRST = (MeshStyle.TRANSLUCENT, MeshStyle.WIREFRAME)
"""Of these only what is nearest to the viewer is drawn, or ears would show through cheeks."""
IN_FRONT = 4e-4
"""How far the mesh is pulled towards the viewer, in normalised depth (about 1 cm at arm's length): mesh and points
describe the same surface and would otherwise show through each other as speckles."""
RESIDUAL_REACH = 1
"""Pixels to each side that a residual is averaged over: one alone shows the camera's noise, not the mesh's fit."""
NOT_SEEN_M = 1.0
"""Stands for a residual that is not known, which a shader cannot be told as NaN."""

VERTEX_SHADER = """
attribute vec3 a_position;
attribute vec3 a_normal;
attribute float a_residual;  // metres
uniform float u_in_front;
uniform vec3 u_eye;          // camera frame, metres
varying float v_diffuse;
varying float v_highlight;
varying float v_residual;

void main() {
    // The lamp sits above the viewer's left shoulder; both sides are lit, so the winding of the faces does not matter.
    // Lit here and not in every pixel: triangles are hardly larger, and there are far fewer vertices.
    vec3 to_eye = normalize(u_eye - a_position);
    vec3 to_lamp = normalize(u_eye + vec3(-0.2, -0.4, 0.0) - a_position);
    vec3 normal = dot(a_normal, to_eye) < 0.0 ? -a_normal : a_normal;
    v_diffuse = max(dot(normal, to_lamp), 0.0);
    v_highlight = pow(max(dot(normal, normalize(to_lamp + to_eye)), 0.0), 40.0);
    v_residual = a_residual;
    gl_Position = place(a_position);
    gl_Position.z -= u_in_front * gl_Position.w;
}
"""

FRAGMENT_SHADER = (
    COLOR_MAP
    + """
uniform vec3 u_color;
uniform float u_opacity;
uniform float u_by_residual;
varying float v_diffuse;
varying float v_highlight;
varying float v_residual;

void main() {
    if (u_by_residual > 0.5) {  // gently lit, for the colours to tell the same everywhere
        gl_FragColor = vec4(residual_color(v_residual) * (0.55 + 0.5 * v_diffuse), u_opacity);
        return;
    }
    gl_FragColor = vec4(u_color * (0.15 + 0.8 * v_diffuse) + 0.15 * v_highlight, u_opacity);
}
"""
)


class HeadMeshVisual(PlacedVisual):
    """A mesh of fixed topology whose vertices move every frame, camera frame (metres). Lives on the GUI thread."""

    def __init__(self) -> None:
        super().__init__(VERTEX_SHADER, FRAGMENT_SHADER)
        self._positions, self._normals = (gloo.VertexBuffer(np.zeros((1, 3), np.float32)) for _ in range(2))
        self._residuals = gloo.VertexBuffer(np.zeros((1, 1), np.float32))
        self._triangles = gloo.IndexBuffer(np.zeros(3, np.uint32))
        self._lines = gloo.IndexBuffer(np.zeros(2, np.uint32))
        self._faces: NDArray[np.int32] | None = None
        self._vertices: NDArray[np.float32] | None = None
        self._mesh_normals = np.zeros((0, 3), np.float32)
        self._frame: RGBDFrame | None = None
        self._moved = self._other_faces = self._other_residuals = False
        self.shared_program["a_position"] = self._positions
        self.shared_program["a_normal"] = self._normals
        self.shared_program["a_residual"] = self._residuals
        self.shared_program["u_color"] = COLOR
        self.shared_program["u_in_front"] = IN_FRONT
        self.set_eye((0.0, 0.0, 0.0))
        self.set_style(DEFAULT_STYLE)
        self._draw_mode = "triangles"
        self.set_gl_state(
            depth_test=True,
            blend=True,
            blend_func=("src_alpha", "one_minus_src_alpha", "one", "one"),
            polygon_offset=(1.0, 1.0),
        )

    def set_mesh(self, vertices_cam: NDArray[np.float32], faces: NDArray[np.int32], frame: RGBDFrame) -> None:
        """Show (V, 3) float32 vertices in metres with (F, 3) int32 faces, as tracked in a frame.

        Faces are uploaded only when they change.
        """
        self._other_faces = self._other_faces or faces is not self._faces
        self._vertices, self._faces, self._frame = vertices_cam, faces, frame
        self._moved = self._other_residuals = True
        self.update()

    def clear(self) -> None:
        """Show no mesh."""
        self._vertices = self._frame = None
        self.update()

    def set_eye(self, eye_cam: tuple[float, float, float]) -> None:
        """Set the viewer's position in the camera frame, metres."""
        self.shared_program["u_eye"] = eye_cam
        self.update()

    def set_style(self, style: MeshStyle) -> None:
        """Draw it another way."""
        self._style = style
        self.shared_program["u_opacity"] = OPACITY[style]
        self.shared_program["u_by_residual"] = float(style is MeshStyle.RESIDUAL)
        self.update()

    def draw(self) -> None:
        """Draw the mesh, the nearest surface only."""
        self._draw_mode, self._index_buffer = "triangles", self._triangles
        if self._style in DEPTH_FIRST:
            lines = self._style is MeshStyle.WIREFRAME  # the surface goes back a little, behind its own edges
            self.update_gl_state(depth_func="less", color_mask=HIDDEN, cull_face="back", polygon_offset_fill=lines)
            super().draw()
            if lines:
                self._draw_mode, self._index_buffer = "lines", self._lines
        cull = "back" if self._style is MeshStyle.TRANSLUCENT else False  # in others one may look into the neck
        self.update_gl_state(depth_func="lequal", color_mask=SEEN, cull_face=cull, polygon_offset_fill=False)
        super().draw()

    def _prepare_draw(self, view: Visual) -> bool:  # noqa: ARG002 - vispy's signature
        """Upload what has changed, only now: a view that nobody sees costs nothing."""
        if self._vertices is None or self._faces is None or not len(self._faces):
            return False
        if self._other_faces:
            self._set_faces(self._faces, len(self._vertices))
        if self._moved:
            self._move(self._vertices, self._faces)
        if self._other_residuals and self._style is MeshStyle.RESIDUAL:
            self._set_residuals(self._vertices, self._faces)
        return True

    def _set_faces(self, faces: NDArray[np.int32], vertices: int) -> None:
        self._triangles.set_data(np.ascontiguousarray(faces, dtype=np.uint32))
        self._lines.set_data(unique_edges(faces))
        self._residuals.set_data(np.full((vertices, 1), NOT_SEEN_M, np.float32))
        self._other_faces = False

    def _move(self, vertices: NDArray[np.float32], faces: NDArray[np.int32]) -> None:
        self._mesh_normals = vertex_normals(vertices, faces)
        self._positions.set_data(np.ascontiguousarray(vertices, dtype=np.float32))
        self._normals.set_data(self._mesh_normals)
        self._moved = False

    def _set_residuals(self, vertices: NDArray[np.float32], faces: NDArray[np.int32]) -> None:
        if self._frame is None:
            return
        frame = self._frame
        normals, camera = self._mesh_normals, frame.intrinsics
        residuals = vertex_residuals_m(vertices, faces, normals, frame.depth_m, camera, RESIDUAL_REACH)
        self._residuals.set_data(np.nan_to_num(residuals, nan=NOT_SEEN_M)[:, None])
        self._other_residuals = False


HeadMesh = create_visual_node(HeadMeshVisual)
"""`HeadMeshVisual` as a node of a scene."""
