"""A folder of egg-shaped heads in the layout of training scans, for tests that need no generator."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray

from dphm_core.training.scan_anchors import mean_anchors

RADII = np.array([0.33, 0.50, 0.43])
CENTRE = np.array([0.0, 0.0, -0.15])
SUBJECTS, EXPRESSIONS = ("017", "018"), ("000", "001", "002")
NEUTRAL = "001"


def posed(sphere: NDArray[np.float64], subject: int, expression: int) -> NDArray[np.float64]:
    """Unit-sphere points as skin: subjects differ in width, expressions in how far the jaw is down."""
    skin = sphere * RADII * [1 + 0.05 * subject, 1, 1] + CENTRE
    jaw = np.clip(-sphere[:, 1], 0, 1) * np.clip(sphere[:, 2], 0, 1)
    return skin - np.array([0, 0.08, 0]) * (jaw * expression)[:, None]


def sphere(subdivisions: int) -> trimesh.Trimesh:
    return trimesh.creation.icosphere(subdivisions=subdivisions)


def write_heads(root: Path, suffix: str = ".ply", scale: float = 1.0) -> Path:
    """Two subjects with three expressions each; a scan is triangulated more finely than its registration."""
    fine, coarse = sphere(4), sphere(3)
    for number, subject in enumerate(SUBJECTS):
        for jaw, expression in enumerate(EXPRESSIONS):
            folder = root / subject / expression
            folder.mkdir(parents=True)
            for name, ball in (("scan", fine), ("registration", coarse)):
                write(folder / f"{name}{suffix}", posed(ball.vertices, number, jaw) * scale, ball.faces)
    neutral = np.mean([posed(coarse.vertices, number, 1) for number in range(len(SUBJECTS))], axis=0)
    distance = np.linalg.norm(neutral - mean_anchors()[:, None], axis=2)
    np.save(root / "anchor_vertices.npy", distance.argmin(axis=1))
    (root / "neutrals.json").write_text(json.dumps({"17": 1, "018": NEUTRAL}))
    return root


def write(path: Path, vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> None:
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    if path.suffix == ".obj":
        path.write_text(mesh.export(file_type="obj", include_normals=False))
    else:
        path.write_bytes(mesh.export(file_type="ply", vertex_normal=False))
