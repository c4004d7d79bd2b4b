"""Points that supervise a head model, drawn from one scan and its registration (NPHM's training data).

The scan says where the posed surface is; the registration, whose vertices mean the same skin in every expression, says
where the points near it were in the subject's neutral expression. The torso is left out: a plane through the anchors of
throat and shoulders, which moves along with the registration, cuts it off.

Face is what belongs to a facial anchor: the registration's vertices nearest to one, in front of the ears, and the
scan's points nearest to such vertices. No mask of a template is needed for that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dphm_core.frames import HEAD_HIGH, HEAD_LOW, FloatArray
from dphm_core.meshing.normals import vertex_normals
from dphm_core.training.prepare_config import SampleCounts
from dphm_core.training.prepared import ScanSamples
from dphm_core.training.scan_mesh import Mesh
from dphm_core.training.triangles import blend, draw_on_triangles, triangle_areas

NEAR_SIGMAS = (0.01, 0.002)
"""Spread of corresponding points along the normal, half of them each (head-frame units: 2.5 and 0.5 mm)."""
FACE_ANCHORS = (*range(20), *range(33, 39))
"""Mouth, cheeks, jaw, nose, eyes, brows, temples, middle of the forehead and chin."""
THROAT, SHOULDERS = 32, (30, 31)
FACE_MIN_Z = -0.12
"""In canonical space, head-frame units: the face ends before the ears."""
FACE_REACH = 0.06
"""Points of the scan farther from the registration (15 mm) are hair, hands or glasses, not face."""
CANDIDATES, LEAST_CANDIDATES = 5, 20_000
"""Points drawn per surface sample, a fifth of a head being face, which takes more than a fifth of the samples; and in
all, dense enough to tell what is off the surface."""
CLEARANCE = 0.02
"""Off-surface points stay this far from the scan (5 mm)."""
BESIDE = 0.15
"""Surface this near the box still keeps off-surface points away, and chins of open mouths are below it."""
MOST_ROUNDS = 50
"""Off-surface points are drawn again this often; a head leaves most of the box free."""
SMALLEST_CUT_SLOPE = 0.5
"""The cutting plane's normal looks up at least this much, or the cut is level."""


@dataclass(frozen=True)
class Subject:
    """What a subject's scans have in common: the neutral registration, canonical space."""

    registration: Mesh
    """(V, 3) float32 vertices, head-frame units."""
    anchor_vertices: NDArray[np.int64]
    """(39,) its vertices that are the anchors."""
    anchors: FloatArray
    """(39, 3) the anchors themselves."""

    def face_vertices(self) -> NDArray[np.bool_]:
        """Which vertices (V,) of the registration belong to the face: nearest to a facial anchor, and in front."""
        nearest = cKDTree(self.anchors).query(self.registration.vertices)[1]
        return np.isin(nearest, FACE_ANCHORS) & (self.registration.vertices[:, 2] > FACE_MIN_Z)


def sample_scan(
    scan: Mesh, posed: FloatArray, subject: Subject, counts: SampleCounts, rng: np.random.Generator
) -> ScanSamples:
    """Draw the samples of one scan; everything in the head frame, NPHM units.

    Parameters
    ----------
    scan : Mesh
        (S, 3) float32 vertices, posed.
    posed : (V, 3) float32
        The registration's vertices in this expression.
    subject : Subject
        The same registration in the neutral expression.
    counts : SampleCounts
        How many points.
    rng : numpy.random.Generator
        Source of chance.

    Raises
    ------
    ValueError
        The scan has no surface, or none on the face.
    """
    points, normals = _surface_candidates(scan, max(CANDIDATES * counts.surface, LEAST_CANDIDATES), rng)
    plane = _throat_plane(posed[subject.anchor_vertices])
    head = (points @ plane[:3] > plane[3]) & (points > HEAD_LOW).all(axis=1) & (points < HEAD_HIGH).all(axis=1)
    nearest = cKDTree(posed).query(points, distance_upper_bound=FACE_REACH)[1]  # len(posed) where there is none
    on_face = np.append(subject.face_vertices(), False)[nearest]
    faces = np.flatnonzero(on_face)[: round(counts.face_share * counts.surface)]
    others = np.flatnonzero(head & ~on_face)[: counts.surface - len(faces)]
    if not len(faces):
        raise ValueError("no surface of the scan lies on the registration's face; do the two belong together?")
    chosen = np.concatenate([faces, others])
    near_posed, near_canonical = _correspondences(posed, subject, counts.pairs, rng)
    return ScanSamples(
        surface=points[chosen],
        normals=_outwards(points[chosen], normals[chosen], posed),
        face=on_face[chosen],
        off_surface=_off_surface(points, counts.off_surface, rng),
        posed=near_posed,
        canonical=near_canonical,
        anchors=subject.anchors,
    )


def _throat_plane(anchors: FloatArray) -> FloatArray:
    """Plane (4,) through throat and shoulders: the head is where x · plane[:3] > plane[3]."""
    throat, left, right = anchors[[THROAT, *SHOULDERS]].astype(np.float64)
    normal = np.cross(right - throat, left - throat)
    normal /= max(float(np.linalg.norm(normal)), 1e-12)
    normal *= np.sign(normal[1]) or 1.0
    if normal[1] < SMALLEST_CUT_SLOPE:
        normal = np.array([0.0, 1.0, 0.0])
    return np.append(normal, normal @ throat).astype(np.float32)


def _surface_candidates(scan: Mesh, count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Points (N, 3) spread evenly over the scan in and beside the box, and their unit normals (N, 3)."""
    beside = (scan.vertices > HEAD_LOW - BESIDE).all(axis=1) & (scan.vertices < HEAD_HIGH + BESIDE).all(axis=1)
    faces = scan.faces[beside[scan.faces].any(axis=1)]
    if not len(faces):
        raise ValueError("there is no surface around the head; is it a head, and in the right space?")
    triangles, weights = draw_on_triangles(triangle_areas(scan.vertices, faces), count, rng)
    corners = faces[triangles]
    normals = blend(vertex_normals(scan.vertices, scan.faces), corners, weights)
    length = np.linalg.norm(normals, axis=1)
    sound = length > 1e-6  # a fold's normals may cancel out
    points = blend(scan.vertices, corners[sound], weights[sound])
    return points, (normals[sound] / length[sound, None]).astype(np.float32)


def _outwards(points: FloatArray, normals: FloatArray, registration: FloatArray) -> FloatArray:
    """Turn all normals where most look into the head: the scan's triangles are wound the other way round."""
    outside = points - registration.mean(axis=0)
    return normals if np.mean(np.einsum("nc,nc->n", normals, outside) > 0) >= 0.5 else -normals


def _off_surface(surface: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
    """Points (count, 3) spread evenly over the box, but not near the scan."""
    tree, found = cKDTree(surface), np.empty((0, 3), dtype=np.float32)
    for _ in range(MOST_ROUNDS):
        drawn = rng.uniform(HEAD_LOW, HEAD_HIGH, size=(count, 3)).astype(np.float32)
        away = ~np.isfinite(tree.query(drawn, distance_upper_bound=CLEARANCE)[0])
        found = np.concatenate([found, drawn[away]])
        if len(found) >= count:
            return found[:count]
    raise ValueError("the scan fills the whole box around the head with surface; is it a head?")


def _correspondences(
    posed: FloatArray, subject: Subject, count: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Points (count, 3) near the posed and the same near the neutral registration's face."""
    neutral, faces = subject.registration.vertices, subject.registration.faces
    kept = faces[subject.face_vertices()[faces].all(axis=1)]
    if not len(kept):
        raise ValueError("no triangle of the registration lies on the face; are its anchors right?")
    triangles, weights = draw_on_triangles(triangle_areas(neutral, kept) + triangle_areas(posed, kept), count, rng)
    height = rng.standard_normal(count) * np.resize(NEAR_SIGMAS, count)
    corners = kept[triangles]

    def lifted(vertices: FloatArray) -> FloatArray:
        normals = blend(vertex_normals(vertices, faces), corners, weights)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        return (blend(vertices, corners, weights) + height[:, None] * normals).astype(np.float32)

    return lifted(posed), lifted(neutral)
