"""Depth as a time-of-flight camera would see it: noise, flying pixels, holes, millimetre steps."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from dphm_core.frames import MILLIMETRE, FloatArray

REFERENCE_DEPTH_M = 0.5
HEAD_ON_SIGMA_M, GRAZING_SIGMA_M = 0.0012, 0.003
"""Noise at the reference depth, seen head-on and at the last valid angle; it grows with the depth squared."""
GRAZING_COSINE = np.cos(np.radians(80.0))
"""Beyond 80° too little light comes back: no depth."""
CORRELATED_SHARE = 0.5
"""Part of the noise variance that neighbours share where noise is correlated."""
CORRELATION_PX, HOLE_PX = 2.0, 1.6
"""Standard deviations of the Gaussians that shape shared noise and holes."""
EDGE_JUMP_M = 0.02
FLYING_SHARE, EDGE_HOLE_SHARE = 0.35, 0.2
"""Of the pixels at a depth edge: those that fly between the two sides, those without depth."""
WALL_M = 1.2
"""Distance of the background that flying pixels fly to; too far for the recording's depth."""


@dataclass(frozen=True)
class DepthFaults:
    """Which faults the depth gets."""

    scale: float = 1.0
    """Noise as a multiple of the camera's."""
    correlated: bool = True
    """Neighbours share part of their noise."""
    flying_pixels: bool = True
    """Pixels between foreground and background at depth edges."""
    holes: bool = True
    """Dark materials lose pixels."""


@dataclass(frozen=True)
class SurfaceImages:
    """Per pixel, how the surface seen there answers infrared light; all (H, W) float32."""

    cosine: FloatArray
    """Between surface normal and the ray back to the camera."""
    dropout: FloatArray
    """Share of pixels lost, 0..1."""
    fuzz_m: FloatArray
    """Extra noise of soft surfaces (hair), metres."""


def spoil_depth(
    depth_m: FloatArray, surface: SurfaceImages, faults: DepthFaults, rng: np.random.Generator
) -> FloatArray:
    """Make ideal depth look measured.

    Parameters
    ----------
    depth_m : (H, W) float32
        Metres along the optical axis, 0 where nothing is.
    surface : SurfaceImages
        What is seen at each pixel.
    faults : DepthFaults
        Which faults to add; grazing surfaces are lost and steps are whole millimetres in any case.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    (H, W) float32
        Metres, 0 where invalid.
    """
    measured = depth_m.copy()
    if faults.scale > 0:
        measured += faults.scale * _sigma(depth_m, surface) * _noise(depth_m.shape, faults.correlated, rng)
    lost = (depth_m <= 0) | (surface.cosine < GRAZING_COSINE)
    if faults.holes:
        lost |= smooth_noise(depth_m.shape, HOLE_PX, rng) < ndtri(np.clip(surface.dropout, 0, 1))
    measured[lost] = 0
    if faults.flying_pixels:
        _add_flying_pixels(measured, depth_m, rng)
    return (np.rint(measured / MILLIMETRE) * MILLIMETRE).astype(np.float32)


def smooth_noise(shape: tuple[int, ...], sigma_px: float, rng: np.random.Generator) -> FloatArray:
    """Return (H, W) float32 standard normal noise, correlated over `sigma_px` pixels."""
    white = rng.standard_normal(shape, dtype=np.float32)
    weights = cv2.getGaussianKernel(2 * int(np.ceil(3 * sigma_px)) + 1, sigma_px)
    return cv2.sepFilter2D(white, cv2.CV_32F, weights, weights) / np.float32((weights**2).sum())


def _sigma(depth_m: FloatArray, surface: SurfaceImages) -> FloatArray:
    tilt = (1 - np.clip(surface.cosine, GRAZING_COSINE, 1)) / (1 - GRAZING_COSINE)
    camera = (HEAD_ON_SIGMA_M + (GRAZING_SIGMA_M - HEAD_ON_SIGMA_M) * tilt) * (depth_m / REFERENCE_DEPTH_M) ** 2
    return np.hypot(camera, surface.fuzz_m).astype(np.float32)


def _noise(shape: tuple[int, ...], correlated: bool, rng: np.random.Generator) -> FloatArray:
    white = rng.standard_normal(shape, dtype=np.float32)
    if not correlated:
        return white
    shared = smooth_noise(shape, CORRELATION_PX, rng)
    return np.float32(np.sqrt(1 - CORRELATED_SHARE)) * white + np.float32(np.sqrt(CORRELATED_SHARE)) * shared


def _add_flying_pixels(measured: FloatArray, depth_m: FloatArray, rng: np.random.Generator) -> None:
    """Overwrite some of the pixels at depth edges."""
    scene = np.where(depth_m > 0, depth_m, np.float32(WALL_M))
    window: NDArray[np.uint8] = np.ones((3, 3), dtype=np.uint8)
    near, far = cv2.erode(scene, window), cv2.dilate(scene, window)
    rows, columns = np.nonzero(far - near > EDGE_JUMP_M)
    near, far = near[rows, columns], far[rows, columns]
    chance = rng.random(len(rows))
    mixed = near + (far - near) * rng.random(len(rows), dtype=np.float32)
    edge = measured[rows, columns]
    edge = np.where(chance < FLYING_SHARE, mixed, edge)
    measured[rows, columns] = np.where(chance > 1 - EDGE_HOLE_SHARE, 0, edge)
