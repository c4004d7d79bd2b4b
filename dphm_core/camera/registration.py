"""Depth → colour registration: the depth grid, drawn as a surface into the colour camera's image.

Every square of four neighbouring depth pixels is drawn as two triangles; where surfaces overlap the nearest wins. The
z-buffer holds inverse depth, which is linear in the image (perspective-correct), zero where nothing was drawn.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.bands import in_bands, kernel, kernel_input
from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rays import check_image_size, project, ray_table
from dphm_core.camera.rigid import RigidTransform

FloatArray = NDArray[np.float32]

MAX_JUMP = 0.05
"""Corners of a triangle differ in depth by at most this fraction of the nearest: beyond it lies an outline."""
EDGE_SLACK = 1e-4
"""Square pixels by which a pixel may lie outside an edge, so that rounding leaves no cracks between neighbours."""
UNCALIBRATED_RADIUS = 1e3
"""Radius on the plane z = 1 for colour cameras that state none: no limit."""
MAX_PIXEL = 1e6
"""Corners this far outside the image are dropped: a wild distortion must not lead to numbers that no integer holds."""
TRIANGLES_ACROSS = (((0, 0), (0, 1), (1, 0)), ((0, 1), (1, 1), (1, 0)))
"""Row and column of the corners of a square's two triangles, split from upper right to lower left."""
TRIANGLES_DOWN = (((0, 0), (0, 1), (1, 1)), ((0, 0), (1, 1), (1, 0)))
"""The other split, for squares that lack an upper right or a lower left corner."""


class DepthRegistration:
    """Registers the depth images of one calibration; build once, call per frame.

    The working memory is kept between calls: use one object per thread.

    Parameters
    ----------
    depth_camera, color_camera : Intrinsics
        Cameras of the depth image and of the colour image.
    depth_to_color : RigidTransform
        From the depth camera's frame to the colour camera's.
    """

    def __init__(self, depth_camera: Intrinsics, color_camera: Intrinsics, depth_to_color: RigidTransform) -> None:
        self.depth_camera = depth_camera
        self.color_camera = color_camera
        self.depth_to_color = depth_to_color
        rays = ray_table(depth_camera)
        rays_and_one = np.concatenate([rays, np.ones_like(rays[..., :1])], axis=-1)
        self._rays_color = np.ascontiguousarray(rays_and_one @ depth_to_color.rotation.T, dtype=np.float32)
        self._offset = depth_to_color.translation_m.astype(np.float32)
        self._lens = _lens(color_camera)
        self._corners = np.empty_like(self._rays_color)
        self._row_spans = np.empty((depth_camera.height, 2), dtype=np.float32)

    def __call__(self, depth_m: FloatArray) -> FloatArray:
        """Register one depth image.

        Parameters
        ----------
        depth_m : (H_depth, W_depth) float32
            Metres along the depth camera's axis, 0 where invalid.

        Returns
        -------
        (H_color, W_color) float32
            Metres along the colour camera's axis, 0 where the depth camera saw nothing.
        """
        check_image_size(depth_m, self.depth_camera)
        depth_m = kernel_input(depth_m)
        registered = np.zeros((self.color_camera.height, self.color_camera.width), dtype=np.float32)
        in_bands(lambda first, last: self._project(depth_m, first, last), 0, self.depth_camera.height)
        in_bands(lambda first, last: self._draw(registered, first, last), 0, self.color_camera.height)
        return registered

    def _project(self, depth_m: FloatArray, first: int, last: int) -> None:
        _project_rows(depth_m, self._rays_color, self._offset, self._lens, self._corners, self._row_spans, first, last)

    def _draw(self, registered: FloatArray, first: int, last: int) -> None:
        _draw_rows(self._corners, self._row_spans, registered, first, last)


def register_depth(
    depth_m: FloatArray, depth_camera: Intrinsics, color_camera: Intrinsics, depth_to_color: RigidTransform
) -> FloatArray:
    """Register a single depth image; see `DepthRegistration`, which is quicker for more than one."""
    return DepthRegistration(depth_camera, color_camera, depth_to_color)(depth_m)


def register_depth_reference(
    depth_m: FloatArray, depth_camera: Intrinsics, color_camera: Intrinsics, depth_to_color: RigidTransform
) -> FloatArray:
    """Answer as `register_depth` does, plainly and slowly: every triangle against every pixel of its surroundings."""
    rays = ray_table(depth_camera).astype(np.float64)
    points = depth_to_color(np.concatenate([rays, np.ones_like(rays[..., :1])], axis=-1) * depth_m[..., None])
    pixels = project(points.reshape(-1, 3), color_camera).reshape(rays.shape)
    usable = (depth_m > 0) & np.isfinite(pixels).all(axis=-1)
    inverse = np.zeros((color_camera.height, color_camera.width))
    for row in range(depth_camera.height - 1):
        for column in range(depth_camera.width - 1):
            diagonal = usable[row, column + 1] and usable[row + 1, column]
            for triangle in TRIANGLES_ACROSS if diagonal else TRIANGLES_DOWN:
                rows, columns = np.add((row, column), triangle).T
                z = points[rows, columns, 2]
                if usable[rows, columns].all() and z.max() - z.min() <= MAX_JUMP * z.min():
                    _draw_reference(inverse, pixels[rows, columns], 1 / z)
    drawn = inverse > 0
    return np.divide(1, inverse, out=np.zeros_like(inverse), where=drawn).astype(np.float32)


def _draw_reference(inverse: NDArray[np.float64], corners: NDArray[np.float64], inverse_z: NDArray[np.float64]) -> None:
    height, width = inverse.shape
    low, high = np.ceil(corners.min(axis=0)).astype(int), np.floor(corners.max(axis=0)).astype(int)
    for v in range(max(low[1], 0), min(high[1], height - 1) + 1):
        for u in range(max(low[0], 0), min(high[0], width - 1) + 1):
            a, b, c = corners - (u, v)
            weights = np.array([np.cross(b, c), np.cross(c, a), np.cross(a, b)])
            if weights.sum() > 0 and weights.min() >= -EDGE_SLACK:
                inverse[v, u] = max(inverse[v, u], weights @ inverse_z / weights.sum())


def _lens(camera: Intrinsics) -> FloatArray:
    """(13,) float32: fx fy cx cy, k1..k6, p1 p2, squared radius limit."""
    radius = camera.metric_radius or UNCALIBRATED_RADIUS
    return np.array([camera.fx, camera.fy, camera.cx, camera.cy, *camera.k, *camera.p, radius**2], dtype=np.float32)


@kernel
def _project_rows(
    depth_m: FloatArray,
    rays: FloatArray,
    offset: FloatArray,
    lens: FloatArray,
    corners: FloatArray,
    row_spans: FloatArray,
    first: int,
    last: int,
) -> None:
    """Fill corners (H, W, 3): u, v, 1/z (0 where invalid); and per row the least and greatest v."""
    fx, fy, cx, cy, k1, k2, k3, k4, k5, k6, p1, p2, radius2 = lens
    one, two, limit = np.float32(1), np.float32(2), np.float32(MAX_PIXEL)
    for row in range(first, last):
        top, bottom = np.float32(np.inf), np.float32(-np.inf)
        for column in range(depth_m.shape[1]):
            z = depth_m[row, column]
            z_color = rays[row, column, 2] * z + offset[2]
            inverse = one / z_color
            x = (rays[row, column, 0] * z + offset[0]) * inverse
            y = (rays[row, column, 1] * z + offset[1]) * inverse
            s = x * x + y * y
            radial = (one + s * (k1 + s * (k2 + s * k3))) / (one + s * (k4 + s * (k5 + s * k6)))
            x_distorted = x * radial + two * p1 * x * y + p2 * (s + two * x * x)
            y_distorted = y * radial + two * p2 * x * y + p1 * (s + two * y * y)
            u, v = x_distorted * fx + cx, y_distorted * fy + cy
            if z > 0 and z_color > 0 and s <= radius2 and abs(u) < limit and abs(v) < limit:
                corners[row, column, 0], corners[row, column, 1], corners[row, column, 2] = u, v, inverse
                top, bottom = min(top, v), max(bottom, v)
            else:
                corners[row, column, 2] = 0
        row_spans[row, 0], row_spans[row, 1] = top, bottom


@kernel
def _draw_rows(corners: FloatArray, row_spans: FloatArray, registered: FloatArray, first: int, last: int) -> None:
    """Draw all triangles into rows first..last, as inverse depth; then turn those rows into depth."""
    for row in range(corners.shape[0] - 1):
        if min(row_spans[row, 0], row_spans[row + 1, 0]) > last - 1:
            continue
        if max(row_spans[row, 1], row_spans[row + 1, 1]) < first:
            continue
        for column in range(corners.shape[1] - 1):
            a = corners[row, column, 0], corners[row, column, 1], corners[row, column, 2]
            b = corners[row, column + 1, 0], corners[row, column + 1, 1], corners[row, column + 1, 2]
            c = corners[row + 1, column, 0], corners[row + 1, column, 1], corners[row + 1, column, 2]
            d = corners[row + 1, column + 1, 0], corners[row + 1, column + 1, 1], corners[row + 1, column + 1, 2]
            if _draw_square(a, b, c, d, registered, first, last):
                continue
            if b[2] > 0 and c[2] > 0:
                _draw_triangle(a, b, c, registered, first, last)
                _draw_triangle(b, d, c, registered, first, last)
            else:  # three valid corners still hold a triangle
                _draw_triangle(a, b, d, registered, first, last)
                _draw_triangle(a, d, c, registered, first, last)
    for row in range(first, last):
        for column in range(registered.shape[1]):
            inverse = registered[row, column]
            registered[row, column] = np.float32(1) / inverse if inverse > 0 else np.float32(0)


Corner = tuple[np.float32, np.float32, np.float32]
"""u, v in pixels of the colour image and 1/z."""


@kernel
def _draw_square(a: Corner, b: Corner, c: Corner, d: Corner, inverse: FloatArray, first: int, last: int) -> bool:
    """Draw the two triangles of a plain square at once; False, and nothing drawn, where they need a look each."""
    nearest, farthest = max(max(a[2], b[2]), max(c[2], d[2])), min(min(a[2], b[2]), min(c[2], d[2]))
    if not (farthest > 0 and nearest <= farthest * np.float32(1 + MAX_JUMP)):
        return False
    diagonal_u, diagonal_v = c[0] - b[0], c[1] - b[1]
    area_a = diagonal_u * (a[1] - b[1]) - diagonal_v * (a[0] - b[0])
    area_d = diagonal_v * (d[0] - b[0]) - diagonal_u * (d[1] - b[1])
    if not (area_a > 0 and area_d > 0):
        return False
    left = max(math.ceil(min(min(a[0], b[0]), min(c[0], d[0]))), 0)
    right = min(math.floor(max(max(a[0], b[0]), max(c[0], d[0]))), inverse.shape[1] - 1)
    top = max(math.ceil(min(min(a[1], b[1]), min(c[1], d[1]))), first)
    bottom = min(math.floor(max(max(a[1], b[1]), max(c[1], d[1]))), last - 1)
    slack, one = np.float32(-EDGE_SLACK), np.float32(1)
    for v in range(top, bottom + 1):
        for u in range(left, right + 1):
            u_b, v_b = np.float32(u) - b[0], np.float32(v) - b[1]
            side = diagonal_u * v_b - diagonal_v * u_b
            apex, area, turn = (a, area_a, one) if side >= 0 else (d, area_d, -one)
            weight_c = turn * (u_b * (apex[1] - b[1]) - v_b * (apex[0] - b[0]))
            weight_b = area - abs(side) - weight_c
            value = b[2] + (abs(side) * (apex[2] - b[2]) + weight_c * (c[2] - b[2])) / area
            inside = weight_b >= slack and weight_c >= slack
            old = inverse[v, u]
            inverse[v, u] = value if inside and value > old else old
    return True


@kernel
def _draw_triangle(a: Corner, b: Corner, c: Corner, inverse: FloatArray, first: int, last: int) -> None:
    """Draw one triangle, if seen from its front, into the rows first..last of the z-buffer."""
    nearest, farthest = max(a[2], b[2], c[2]), min(a[2], b[2], c[2])
    if not (farthest > 0 and nearest <= farthest * np.float32(1 + MAX_JUMP)):
        return
    b_u, b_v, c_u, c_v = b[0] - a[0], b[1] - a[1], c[0] - a[0], c[1] - a[1]
    area = b_u * c_v - b_v * c_u
    if not area > 0:
        return
    left = max(math.ceil(min(a[0], b[0], c[0])), 0)
    right = min(math.floor(max(a[0], b[0], c[0])), inverse.shape[1] - 1)
    top = max(math.ceil(min(a[1], b[1], c[1])), first)
    bottom = min(math.floor(max(a[1], b[1], c[1])), last - 1)
    slack = np.float32(-EDGE_SLACK)
    for v in range(top, bottom + 1):
        for u in range(left, right + 1):
            u_a, v_a = np.float32(u) - a[0], np.float32(v) - a[1]
            weight_b = u_a * c_v - v_a * c_u
            weight_c = b_u * v_a - b_v * u_a
            if weight_b >= slack and weight_c >= slack and area - weight_b - weight_c >= slack:
                value = a[2] + (weight_b * (b[2] - a[2]) + weight_c * (c[2] - a[2])) / area
                if value > inverse[v, u]:
                    inverse[v, u] = value
