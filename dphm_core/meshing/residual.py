"""How far the depth image lies from a mesh, at every vertex that the camera sees."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.bands import kernel, kernel_input
from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.raster import rasterize
from dphm_core.camera.rays import check_image_size, project, ray_table

FloatArray = NDArray[np.float32]

MAX_RESIDUAL_M = 0.015
"""What is farther off is another surface: hair, a hand, the room."""
MIN_FACING = 0.15
"""Least cosine between a normal and the direction to the camera: depth seen edge-on says little."""
HIDDEN_M = 0.006
"""A vertex this far behind the nearest part of its own mesh is hidden by it."""
GRID_CELLS = 160
"""Cells along the longer side of the coarse depth image of the mesh that tells what hides what."""


def vertex_residuals_m(
    vertices_cam: FloatArray,
    faces: NDArray[np.int32],
    normals: FloatArray,
    depth_m: FloatArray,
    intrinsics: Intrinsics,
    reach: int = 0,
) -> FloatArray:
    """Signed distances from a mesh to a depth image, along the mesh's normals.

    Parameters
    ----------
    vertices_cam : (V, 3) float32
        Metres, camera frame.
    faces : (F, 3) int32
        Vertex indices; counter-clockwise seen from outside.
    normals : (V, 3) float32
        Unit, outwards.
    depth_m : (H, W) float32
        Metres along the optical axis, 0 where invalid.
    intrinsics : Intrinsics
        Camera of `depth_m`.
    reach : int
        So many pixels to each side of a vertex's own have a say, too, against noise: the mean of their distances from
        the plane through the vertex counts.

    Returns
    -------
    (V,) float32
        Metres; positive where the depth lies outside of the mesh. NaN for a vertex that is not seen (outside the
        image, facing away, hidden by the mesh itself), without depth, or more than `MAX_RESIDUAL_M` off.
    """
    check_image_size(depth_m, intrinsics)
    vertices, directions, triangles = kernel_input(vertices_cam), kernel_input(normals), _fixed_faces(faces)
    depth, rays = kernel_input(depth_m), kernel_input(ray_table(intrinsics))
    pixels = np.empty((len(vertices), 2), dtype=np.float32)
    _project(vertices, _lens(intrinsics), pixels)
    grid, cells = _grid(pixels)
    _draw_front(vertices, triangles, cells, grid)
    _hide(vertices, directions, cells, grid, pixels)
    return _compare(vertices, directions, pixels, depth, rays, reach)


def vertex_residuals_reference(
    vertices_cam: FloatArray,
    faces: NDArray[np.int32],
    normals: FloatArray,
    depth_m: FloatArray,
    intrinsics: Intrinsics,
    reach: int = 0,
) -> FloatArray:
    """Answer as `vertex_residuals_m` does, in plain numpy and with the mesh's whole depth image."""
    size = (intrinsics.width, intrinsics.height)
    pixels = project(vertices_cam, intrinsics)
    inside = ((pixels >= -0.5) & (pixels < np.array(size) - 0.5)).all(axis=1)
    columns, rows = np.rint(np.where(inside[:, None], pixels, 0)).astype(np.int64).T
    screen = np.where(inside[:, None], np.column_stack([pixels, vertices_cam[:, 2]]), 0).astype(np.float32)
    own, _ = rasterize(screen, faces, *size)
    hidden = (own[rows, columns] > 0) & (vertices_cam[:, 2] > own[rows, columns] + HIDDEN_M)
    facing = -(normals * vertices_cam).sum(axis=1) / np.linalg.norm(vertices_cam, axis=1)
    around = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    near_rows, near_columns = rows[:, None] + around[:, 0], columns[:, None] + around[:, 1]
    exists = (near_rows >= 0) & (near_rows < size[1]) & (near_columns >= 0) & (near_columns < size[0])
    near_rows, near_columns = np.where(exists, (near_rows, near_columns), 0)
    depth = np.where(exists, depth_m[near_rows, near_columns], 0)
    rays = ray_table(intrinsics)[near_rows, near_columns]
    points = np.concatenate([rays, np.ones_like(rays[..., :1])], axis=-1) * depth[..., None]
    distances = np.einsum("vni,vi->vn", points - vertices_cam[:, None], normals)
    counts = (depth > 0) & (np.abs(distances) <= MAX_RESIDUAL_M)
    seen = inside & ~hidden & (facing > MIN_FACING) & counts.any(axis=1)
    means = np.where(counts, distances, 0).sum(axis=1) / np.maximum(counts.sum(axis=1), 1)
    return np.where(seen, means, np.nan).astype(np.float32)


def _fixed_faces(faces: NDArray[np.int32]) -> NDArray[np.int32]:
    """View of faces that the kernels take: contiguous, read-only."""
    view = np.ascontiguousarray(faces, dtype=np.int32).view()
    view.flags.writeable = False
    return view


def _lens(camera: Intrinsics) -> NDArray[np.float32]:
    """(15,) float32: fx fy cx cy, k1..k6, p1 p2, squared radius limit, width, height."""
    radius = math.inf if camera.metric_radius is None else camera.metric_radius
    pinhole = (camera.fx, camera.fy, camera.cx, camera.cy)
    return np.array([*pinhole, *camera.k, *camera.p, radius**2, camera.width, camera.height], dtype=np.float32)


@kernel
def _grid(pixels: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Empty coarse depth image over all seen pixels, and where (V, 2) they lie in it, in cells."""
    left, top, right, bottom = np.float32(np.inf), np.float32(np.inf), np.float32(-np.inf), np.float32(-np.inf)
    for v in range(len(pixels)):
        if not math.isnan(pixels[v, 0]):
            left, right = min(left, pixels[v, 0]), max(right, pixels[v, 0])
            top, bottom = min(top, pixels[v, 1]), max(bottom, pixels[v, 1])
    zero, one = np.float32(0), np.float32(1)
    width, height = max(right - left, zero), max(bottom - top, zero)
    per_pixel = min(one, np.float32(GRID_CELLS) / max(width, height, one))
    cells = np.empty_like(pixels)
    for v in range(len(pixels)):
        cells[v, 0], cells[v, 1] = (pixels[v, 0] - left) * per_pixel, (pixels[v, 1] - top) * per_pixel
    return np.full((int(height * per_pixel) + 2, int(width * per_pixel) + 2), np.float32(np.inf)), cells


@kernel
def _project(vertices: FloatArray, lens: FloatArray, pixels: FloatArray) -> None:
    """Fill pixels (V, 2); NaN outside the image."""
    fx, fy, cx, cy, k1, k2, k3, k4, k5, k6, p1, p2, radius2, width, height = lens
    one, two, half = np.float32(1), np.float32(2), np.float32(0.5)
    for v in range(len(vertices)):
        pixels[v, 0] = pixels[v, 1] = np.nan
        z = vertices[v, 2]
        if not z > 0:
            continue
        x, y = vertices[v, 0] / z, vertices[v, 1] / z
        s = x * x + y * y
        radial = (one + s * (k1 + s * (k2 + s * k3))) / (one + s * (k4 + s * (k5 + s * k6)))
        column = (x * radial + two * p1 * x * y + p2 * (s + two * x * x)) * fx + cx
        row = (y * radial + two * p2 * x * y + p1 * (s + two * y * y)) * fy + cy
        if s <= radius2 and -half <= column < width - half and -half <= row < height - half:
            pixels[v, 0], pixels[v, 1] = column, row


@kernel
def _draw_front(vertices: FloatArray, faces: NDArray[np.int32], cells: FloatArray, grid: FloatArray) -> None:
    """Draw the triangles that face the camera into the coarse depth image; depth is linear enough within one."""
    slack = np.float32(-1e-4)
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay = cells[i, 0], cells[i, 1]
        bx, by = cells[j, 0] - ax, cells[j, 1] - ay
        cx, cy = cells[k, 0] - ax, cells[k, 1] - ay
        area = cx * by - bx * cy  # positive where the outside is seen, for rows go down
        if not area > 0:  # NaN, too, where a corner is outside the image
            continue
        az, bz, cz = vertices[i, 2], vertices[j, 2] - vertices[i, 2], vertices[k, 2] - vertices[i, 2]
        first_row, last_row = math.ceil(ay + min(by, cy, np.float32(0))), math.floor(ay + max(by, cy, np.float32(0)))
        first, last = math.ceil(ax + min(bx, cx, np.float32(0))), math.floor(ax + max(bx, cx, np.float32(0)))
        for row in range(max(first_row, 0), min(last_row, grid.shape[0] - 1) + 1):
            for column in range(max(first, 0), min(last, grid.shape[1] - 1) + 1):
                x, y = np.float32(column) - ax, np.float32(row) - ay
                weight_b, weight_c = (cx * y - cy * x) / area, (by * x - bx * y) / area
                if weight_b < slack or weight_c < slack or weight_b + weight_c > np.float32(1) - slack:
                    continue
                grid[row, column] = min(grid[row, column], az + weight_b * bz + weight_c * cz)


@kernel
def _hide(vertices: FloatArray, normals: FloatArray, cells: FloatArray, grid: FloatArray, pixels: FloatArray) -> None:
    """Make the pixels of vertices NaN that face away, or that the mesh itself hides."""
    for v in range(len(vertices)):
        if math.isnan(pixels[v, 0]):
            continue
        x, y, z = vertices[v, 0], vertices[v, 1], vertices[v, 2]
        facing = -(normals[v, 0] * x + normals[v, 1] * y + normals[v, 2] * z) / math.sqrt(x * x + y * y + z * z)
        nearest = grid[int(cells[v, 1] + 0.5), int(cells[v, 0] + 0.5)]
        if not (facing > MIN_FACING and z <= nearest + HIDDEN_M):
            pixels[v, 0] = pixels[v, 1] = np.nan


@kernel
def _compare(
    vertices: FloatArray, normals: FloatArray, pixels: FloatArray, depth: FloatArray, rays: FloatArray, reach: int
) -> FloatArray:
    """Mean distances (V,), along the normal, of the points seen at and around each pixel; NaN without one."""
    residuals = np.full(len(vertices), np.nan, dtype=np.float32)
    for v in range(len(vertices)):
        if not math.isnan(pixels[v, 0]):
            pixel = int(np.rint(pixels[v, 1])), int(np.rint(pixels[v, 0]))
            residuals[v] = _distance(vertices[v], normals[v], depth, rays, pixel, reach)
    return residuals


@kernel
def _distance(
    vertex: FloatArray, normal: FloatArray, depth: FloatArray, rays: FloatArray, pixel: tuple[int, int], reach: int
) -> float:
    """Mean distance from the plane through a vertex to the points at and around a pixel that are near; NaN for none."""
    total, count = 0.0, 0
    row, column = pixel
    for i in range(max(row - reach, 0), min(row + reach + 1, depth.shape[0])):
        for j in range(max(column - reach, 0), min(column + reach + 1, depth.shape[1])):
            d = depth[i, j]
            x, y = rays[i, j, 0] * d - vertex[0], rays[i, j, 1] * d - vertex[1]
            distance = x * normal[0] + y * normal[1] + (d - vertex[2]) * normal[2]
            if d > 0 and abs(distance) <= MAX_RESIDUAL_M:  # NaN where the pixel has no ray
                total += distance
                count += 1
    return total / count if count else math.nan
