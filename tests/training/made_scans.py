"""Prepared scans of egg-shaped heads that stick out a chin: exact, quick to make, and no data needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dphm_core.frames import FloatArray
from dphm_core.heads.config import HeadConfig
from dphm_core.training.binding import MEAN_ANCHORS
from dphm_core.training.prepared import ScanRecord, ScanSamples, write_index, write_samples

SMALL_HEAD = HeadConfig(
    global_dim=8, local_dim=4, identity_width=16, identity_layers=2, expression_dim=8, condition_dim=4,
    expression_width=24, expression_layers=3, hyper_dim=2,
)  # fmt: skip
CHIN, CHIN_REACH = np.array([0.0, -0.25, 0.25]), 0.15


def made_scans(folder: Path, subjects: int = 3, expressions: int = 2, points: int = 3000, seed: int = 0) -> Path:
    """Write prepared scans, the first expression of each subject being the neutral one; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    records, anchors = [], []
    for subject in range(subjects):
        radii = np.array([0.30, 0.42, 0.36]) * rng.uniform(0.85, 1.15, 3)
        anchors.append(_on_egg(_anchor_directions(), radii))
        for expression in range(expressions):
            path = folder / f"{subject:03}-{expression:03}.npz"
            write_samples(path, _scan(radii, 0.08 * expression, anchors[-1], points, rng))
            records.append(ScanRecord(subject, f"{expression:03}", expression == 0, path))
    mean = np.mean(anchors, axis=0).astype(np.float32)
    write_index(folder, [f"{subject:03}" for subject in range(subjects)], records, mean)
    return folder


def _scan(radii: FloatArray, chin: float, anchors: FloatArray, count: int, rng: np.random.Generator) -> ScanSamples:
    canonical = _on_egg(rng.normal(size=(count, 3)), radii)
    normals = _unit(canonical / radii**2)
    # The chin moves forward only: with its shift s(x), a normal n turns into n - n_z ∇s (to scale).
    slope = -_shift(canonical, chin)[:, 2:] * (canonical - CHIN) / CHIN_REACH**2
    posed_normals = _unit(normals - slope * (normals[:, 2:] / (1 + slope[:, 2:])))
    near = canonical + normals * rng.normal(0, 0.01, (count, 1))
    posed = (canonical + _shift(canonical, chin)).astype(np.float32)
    away = _on_egg(rng.normal(size=(count, 3)), radii) * rng.uniform(1.3, 1.8, (count, 1))
    return ScanSamples(
        surface=posed,
        normals=posed_normals.astype(np.float32),
        face=posed[:, 2] > 0,
        off_surface=away.astype(np.float32),
        posed=(near + _shift(near, chin)).astype(np.float32),
        canonical=near.astype(np.float32),
        anchors=anchors,
    )


def _anchor_directions() -> FloatArray:
    """39 directions in the anchors' order: pairs, each with its mirror image, then the middle."""
    pairs = [point for even in MEAN_ANCHORS[:16] for point in (even, (-even[0], *even[1:]))]
    return np.array([*pairs, *MEAN_ANCHORS[16:]])


def _shift(points: FloatArray, chin: float) -> FloatArray:
    height = chin * np.exp(-((points - CHIN) ** 2).sum(axis=1) / (2 * CHIN_REACH**2))
    return np.stack([0 * height, 0 * height, height], axis=1)


def _on_egg(directions: FloatArray, radii: FloatArray) -> FloatArray:
    return np.asarray(_unit(directions) * radii, dtype=np.float32)


def _unit(vectors: FloatArray) -> FloatArray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
