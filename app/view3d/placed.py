"""What all visuals of the scene share: they are placed by the view's orbit, or by the colour camera's own lens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vispy.visuals import Visual

from dphm_core.camera.intrinsics import Intrinsics

NEAR_M, FAR_M = 0.05, 50.0
"""What is seen through the camera."""

PLACE = """
uniform float u_through;       // above 0.5: seen through the camera
uniform vec3 u_k_above;        // k1 k2 k3 of its lens
uniform vec3 u_k_below;        // k4 k5 k6
uniform vec2 u_tangential;     // p1 p2
uniform float u_radius2;       // the lens is known up to here
uniform vec2 u_lens_scale;     // from the plane z = 1, distorted, to the view's -1..1
uniform vec2 u_lens_offset;
uniform vec2 u_lens_depth;     // depth buffer: (x z + y) / z

vec4 place_through_camera(vec3 point) {
    vec2 xy = point.xy / point.z;
    float s = dot(xy, xy);
    if (point.z <= 0.0 || s > u_radius2) return vec4(2.0, 2.0, 2.0, 1.0);  // outside the view
    float above = 1.0 + s * (u_k_above.x + s * (u_k_above.y + s * u_k_above.z));
    float below = 1.0 + s * (u_k_below.x + s * (u_k_below.y + s * u_k_below.z));
    vec2 tangential = 2.0 * u_tangential * xy.x * xy.y + u_tangential.yx * (s + 2.0 * xy * xy);
    vec2 screen = u_lens_scale * (xy * above / below + tangential) + u_lens_offset;
    return vec4(screen * point.z, u_lens_depth.x * point.z + u_lens_depth.y, point.z);
}

// Where a point of the camera frame, metres, is in the view; w is its distance from the eye.
vec4 place(vec3 point) {
    return u_through > 0.5 ? place_through_camera(point) : $transform(vec4(point, 1.0));
}
"""


@dataclass(frozen=True)
class Lens:
    """The colour camera, and which share of the view's width and height its image takes."""

    intrinsics: Intrinsics
    share: tuple[float, float]

    def uniforms(self) -> dict[str, Any]:
        """Values of the shader's variables."""
        camera, (across, down) = self.intrinsics, self.share
        radius = 1e3 if camera.metric_radius is None else camera.metric_radius
        width, height = camera.width, camera.height
        return {
            "u_k_above": camera.k[:3],
            "u_k_below": camera.k[3:],
            "u_tangential": camera.p,
            "u_radius2": radius**2,
            "u_lens_scale": (2 * camera.fx / width * across, -2 * camera.fy / height * down),
            "u_lens_offset": (
                (2 * (camera.cx + 0.5) / width - 1) * across,
                (1 - 2 * (camera.cy + 0.5) / height) * down,
            ),
            "u_lens_depth": ((FAR_M + NEAR_M) / (FAR_M - NEAR_M), -2 * FAR_M * NEAR_M / (FAR_M - NEAR_M)),
        }


NO_LENS = Lens(Intrinsics(width=1, height=1, fx=1.0, fy=1.0, cx=0.0, cy=0.0), (1.0, 1.0))


def share_of_view(width: int, height: int, view: tuple[int, int]) -> tuple[float, float]:
    """Share of the view's width and height that a whole image of `width` x `height` takes in it."""
    scale = min(view[0] / width, view[1] / height)
    return width * scale / view[0], height * scale / view[1]


class PlacedVisual(Visual):
    """A visual whose vertex shader calls `place` for points of the camera frame. Lives on the GUI thread."""

    def __init__(self, vertex_shader: str, fragment_shader: str) -> None:
        super().__init__(PLACE + vertex_shader, fragment_shader)
        self.set_lens(None)

    def set_lens(self, lens: Lens | None) -> None:
        """See it through a camera, or by the view's orbit."""
        self.shared_program["u_through"] = float(lens is not None)
        for name, value in (lens or NO_LENS).uniforms().items():
            self.shared_program[name] = value
        self.update()

    def _prepare_transforms(self, view: Visual) -> None:
        view.view_program.vert["transform"] = view.get_transform()

    def _compute_bounds(self, _axis: int, _view: Visual) -> None:
        return None
