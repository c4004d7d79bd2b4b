"""The colour image behind everything: whole, in its own proportions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vispy import gloo
from vispy.scene.visuals import create_visual_node
from vispy.visuals import Visual

VERTEX_SHADER = """
attribute vec2 a_corner;  // -1..1
uniform vec2 u_share;     // of the view's width and height
varying vec2 v_texel;

void main() {
    v_texel = vec2(a_corner.x, -a_corner.y) * 0.5 + 0.5;
    gl_Position = vec4(a_corner * u_share, 0.0, 1.0);
}
"""

FRAGMENT_SHADER = """
uniform sampler2D u_image;
varying vec2 v_texel;
void main() { gl_FragColor = vec4(texture2D(u_image, v_texel).rgb, 1.0); }
"""


class ColorImageVisual(Visual):
    """An image in the middle of the view, behind what is drawn after it. Lives on the GUI thread."""

    def __init__(self) -> None:
        super().__init__(VERTEX_SHADER, FRAGMENT_SHADER)
        self._texture = gloo.Texture2D(np.zeros((1, 1, 3), np.uint8), interpolation="linear")
        self._image: NDArray[np.uint8] | None = None
        self._changed = False
        corners = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]], np.float32)
        self.shared_program["a_corner"] = gloo.VertexBuffer(corners)
        self.shared_program["u_image"] = self._texture
        self.set_share((1.0, 1.0))
        self._draw_mode = "triangle_strip"
        self.set_gl_state(depth_test=False, blend=False, cull_face=False)

    def set_image(self, image: NDArray[np.uint8] | None) -> None:
        """Show (H, W, 3) uint8 RGB, or nothing."""
        self._image, self._changed = image, True
        self.update()

    def set_share(self, share: tuple[float, float]) -> None:
        """Set which share of the view's width and height it takes."""
        self.shared_program["u_share"] = share
        self.update()

    def _prepare_transforms(self, view: Visual) -> None:
        """Nothing: it is placed in the view, not in the scene."""

    def _prepare_draw(self, view: Visual) -> bool:  # noqa: ARG002 - vispy's signature
        """Upload the image, only now: whole images cost a millisecond."""
        if self._image is not None and self._changed:
            self._texture.set_data(self._image)
            self._changed = False
        return self._image is not None

    def _compute_bounds(self, _axis: int, _view: Visual) -> None:
        return None


ColorImage = create_visual_node(ColorImageVisual)
"""`ColorImageVisual` as a node of a scene."""
