"""Finds the template vertex of each MediaPipe landmark, by asking the detector itself about rendered heads.

Heads of many identities, turned a little and with a few expressions, are rendered and detected; each landmark goes to
the vertex that lies nearest to it in the image on most of them, among the vertices seen there.
"""

from __future__ import annotations

import numpy as np
from matplotlib.path import Path
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dphm_core.camera.raster import barycentric, rasterize
from dphm_core.frames import FloatArray, Similarity
from dphm_core.landmarks.detector import FaceDetector
from dphm_core.landmarks.landmark_sets import EYELIDS, INNER_LIPS
from dphm_core.meshing.normals import vertex_normals
from dphm_core.training.ict import (
    EYEBALLS,
    FACE_VERTICES,
    IRISES,
    SKIN_VERTEX_COUNT,
    HeadGenerator,
    visible_faces,
)
from dphm_core.training.sampling import random_identity

IMAGE_SIZE = 640
FOCAL = 900.0
DISTANCE_M = 0.6
SKIN, SCLERA, IRIS, DARK, LIPS = (200, 160, 140), (235, 235, 235), (60, 45, 35), (50, 25, 25), (165, 90, 90)
OUTER_LIP_CONTOUR = slice(48, 60)
"""Multi-PIE landmarks around the lips: what they enclose is painted red."""
CLEARLY_OPEN, NEARLY_SHUT = 0.25, 0.1
"""Inner lips are looked at only where jawOpen is above the first, eyelids where eyeBlink is below the second: on a shut
mouth or eye the upper and the lower rim lie in the same place."""
PAUSE_S = 10.0
"""Between two heads: the detector forgets the one before."""
LOOKS = 4
"""The detector smooths over time: it is shown each head this often, and its last answer counts."""
POSED = ("jawOpen", "mouthSmile_L", "mouthSmile_R", "eyeBlink_L", "eyeBlink_R", "browInnerUp_L", "browInnerUp_R")
"""Shapes that are now and then shown, so that lips and lids are seen apart and together."""


def find_landmark_vertices(generator: HeadGenerator, rng: np.random.Generator, heads: int = 100) -> NDArray[np.int32]:
    """Vertex (478,) of each MediaPipe landmark on the facial skin: the medoid of its places over `heads` renders."""
    colors = _vertex_colors(generator)
    mean = generator.vertices(np.zeros(len(generator.identity), np.float32), generator.canonical_weights)
    votes: list[FloatArray] = []
    detector = FaceDetector()
    try:
        for head in range(heads):
            expression = _expression(generator, rng)
            vertices = generator.vertices(random_identity(generator, rng), expression)
            places = _landmark_places(generator, vertices, colors, mean, detector, head * PAUSE_S, rng)
            if places is not None:
                _discard_shut(places, dict(zip(generator.expression_names, expression, strict=True)))
                votes.append(places)
    finally:
        detector.close()
    on_mean = np.nanmedian(np.stack(votes), axis=0)  # (478,3)
    seen = visible_faces(mean, generator.faces)
    skin = np.unique(generator.faces[seen & (generator.faces < FACE_VERTICES.stop).all(axis=1)])
    return skin[cKDTree(mean[skin]).query(on_mean)[1]].astype(np.int32)


def _discard_shut(places: FloatArray, expression: dict[str, float]) -> None:
    """Blank what cannot be told apart in this expression."""
    if expression["jawOpen"] < CLEARLY_OPEN:
        places[list(INNER_LIPS)] = np.nan
    if max(expression["eyeBlink_L"], expression["eyeBlink_R"]) > NEARLY_SHUT:
        places[list(EYELIDS)] = np.nan


def _landmark_places(
    generator: HeadGenerator, vertices: FloatArray, colors: FloatArray, mean: FloatArray, detector: FaceDetector,
    timestamp_s: float, rng: np.random.Generator,
) -> FloatArray | None:  # fmt: skip
    """Where the landmarks (478, 3) of one rendered head lie on the mean head; None where no face is detected."""
    pose = _pose(rng)
    points_cam = pose.to_camera(vertices)
    centre = (IMAGE_SIZE - 1) / 2
    screen = np.column_stack([points_cam[:, :2] / points_cam[:, 2:] * FOCAL + centre, points_cam[:, 2]])
    screen = screen.astype(np.float32)
    _, face_image = rasterize(screen, generator.faces, IMAGE_SIZE, IMAGE_SIZE)
    pixels, triangles, weights = barycentric(screen, generator.faces, face_image)
    image = _shade(generator, points_cam, colors, pixels, triangles, weights)
    found = None
    for look in range(LOOKS):
        found = detector.detect(image, timestamp_s + look / 30)
    if found is None:
        return None
    on_skin = (generator.faces[triangles] < SKIN_VERTEX_COUNT).all(axis=1)
    tree = cKDTree(pixels[on_skin])
    distance, nearest = tree.query(found[0])
    hit = np.nonzero(on_skin)[0][nearest]
    places = np.einsum("nk,nkc->nc", weights[hit], mean[generator.faces[triangles[hit]]])
    places[distance > 3] = np.nan
    return places.astype(np.float32)


def _shade(
    generator: HeadGenerator, points_cam: FloatArray, colors: FloatArray, pixels: NDArray[np.int32],
    triangles: NDArray[np.int32], weights: FloatArray,
) -> NDArray[np.uint8]:  # fmt: skip
    corners = generator.faces[triangles]
    normals = np.einsum("nk,nkc->nc", weights, vertex_normals(points_cam, generator.faces)[corners])
    light = np.array([0.25, -0.45, -0.85]) / np.linalg.norm([0.25, -0.45, -0.85])
    shade = 0.35 + 0.65 * np.clip(normals @ light, 0, 1)
    image = np.full((IMAGE_SIZE, IMAGE_SIZE, 3), 90, dtype=np.uint8)
    color = np.einsum("nk,nkc->nc", weights, colors[corners]) * shade[:, None]
    image[pixels[:, 1], pixels[:, 0]] = np.clip(color, 0, 255)
    return image


def _vertex_colors(generator: HeadGenerator) -> FloatArray:
    colors = np.tile(np.array(SKIN, dtype=np.float32), (len(generator.neutral), 1))
    colors[SKIN_VERTEX_COUNT:] = DARK
    colors[EYEBALLS.start :] = SCLERA
    for iris in IRISES:
        colors[iris.start : iris.stop] = IRIS
    contour = generator.neutral[generator.landmark_vertices[OUTER_LIP_CONTOUR]]
    face = generator.neutral[FACE_VERTICES]
    inside = Path(contour[:, :2]).contains_points(face[:, :2]) & (face[:, 2] > contour[:, 2].min() - 0.02)
    colors[FACE_VERTICES][inside] = LIPS
    return colors


def _expression(generator: HeadGenerator, rng: np.random.Generator) -> FloatArray:
    weights = np.zeros(len(generator.expression_names), dtype=np.float32)
    for name in POSED:
        weights[generator.expression_names.index(name)] = max(0.0, rng.uniform(-0.6, 0.6))
    return weights


def _pose(rng: np.random.Generator) -> Similarity:
    yaw, pitch = np.radians(rng.uniform(-20, 20)), np.radians(rng.uniform(-12, 12))
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    nod = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    rotation = np.diag([1.0, -1.0, -1.0]) @ nod @ turn
    return Similarity(rotation.astype(np.float32), np.array([0, 0, DISTANCE_M], dtype=np.float32))
