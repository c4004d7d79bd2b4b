"""Meshes with the surface properties that a synthetic camera needs, and simple shapes made of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from dphm_core.frames import FloatArray


class Material(IntEnum):
    """What a vertex belongs to: decides the fine texture."""

    SKIN = 0
    EYE = 1
    HAIR = 2
    PLAIN = 3


@dataclass(frozen=True)
class SurfaceMesh:
    """A triangle mesh with properties per vertex."""

    vertices: FloatArray
    """(V, 3) in a frame of reference that the maker tells."""
    faces: NDArray[np.int32]
    """(F, 3) triangles."""
    rest: FloatArray
    """(V, 3) position on the mean head (or object) at rest: where the fine texture is looked up."""
    albedo: FloatArray
    """(V, 3) linear RGB in 0..1."""
    look: FloatArray
    """(V, 3): gloss 0..1; share of depth pixels lost 0..1; fuzziness of the depth in metres."""
    material: NDArray[np.int8]
    """(V,) `Material`."""

    @classmethod
    def plain(
        cls,
        vertices: FloatArray,
        faces: NDArray[np.int32],
        albedo: tuple[float, float, float],
        look: tuple[float, float, float] = (0.0, 0.0, 0.0),
        material: Material = Material.PLAIN,
    ) -> Self:
        """Make a mesh with the same properties everywhere."""
        count = len(vertices)
        return cls(
            vertices.astype(np.float32),
            faces.astype(np.int32),
            vertices.astype(np.float32),
            np.tile(np.array(albedo, dtype=np.float32), (count, 1)),
            np.tile(np.array(look, dtype=np.float32), (count, 1)),
            np.full(count, material, dtype=np.int8),
        )

    def at(self, vertices: FloatArray) -> Self:
        """Return the same surface with its vertices elsewhere."""
        return replace(self, vertices=vertices)


def merge(meshes: list[SurfaceMesh]) -> SurfaceMesh:
    """Put meshes into one; the vertices and faces of the first keep their indices."""
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    return SurfaceMesh(
        vertices=np.concatenate([mesh.vertices for mesh in meshes]),
        faces=np.concatenate([mesh.faces + np.int32(start) for mesh, start in zip(meshes, starts, strict=False)]),
        rest=np.concatenate([mesh.rest for mesh in meshes]),
        albedo=np.concatenate([mesh.albedo for mesh in meshes]),
        look=np.concatenate([mesh.look for mesh in meshes]),
        material=np.concatenate([mesh.material for mesh in meshes]),
    )


def ellipsoid(centre: FloatArray, radii: FloatArray, rings: int) -> tuple[FloatArray, NDArray[np.int32]]:
    """Return vertices and outward triangles of an ellipsoid along the axes."""
    polar, around = np.meshgrid(np.linspace(0, np.pi, rings), np.linspace(0, 2 * np.pi, 2 * rings), indexing="ij")
    sphere = np.stack([np.sin(polar) * np.cos(around), np.cos(polar), np.sin(polar) * np.sin(around)], axis=-1)
    return (sphere.reshape(-1, 3) * radii + centre).astype(np.float32), grid_faces(rings, 2 * rings)


def tube(path: FloatArray, radius: float, sides: int = 8) -> tuple[FloatArray, NDArray[np.int32]]:
    """Return vertices and triangles of a tube of constant radius along an (N, 3) path."""
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    helper = np.where(np.abs(along[:, 1:2]) < 0.9, [[0.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]])
    across = np.cross(along, helper)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    angle = np.linspace(0, 2 * np.pi, sides)[None, :, None]
    ring = across[:, None] * np.cos(angle) + np.cross(along, across)[:, None] * np.sin(angle)
    vertices = (path[:, None] + radius * ring).reshape(-1, 3).astype(np.float32)
    return vertices, grid_faces(len(path), sides)


def grid_faces(rows: int, columns: int) -> NDArray[np.int32]:
    """Triangles of a (rows, columns) grid of vertices."""
    corner = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, :-1], corner[1:, 1:]
    return np.stack([a, b, c, b, d, c], axis=-1).reshape(-1, 3)
