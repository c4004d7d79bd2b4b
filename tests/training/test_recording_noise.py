"""Depth noise: the camera's figures, on a plane."""

from __future__ import annotations

import numpy as np
import pytest

from dphm_core.training.noise import DepthFaults, SurfaceImages, smooth_noise, spoil_depth

SHAPE = (200, 300)
QUIET = DepthFaults(scale=0.0, correlated=False, flying_pixels=False, holes=False)


def plane(depth_m: float) -> np.ndarray:
    return np.full(SHAPE, depth_m, dtype=np.float32)


def surface(cosine: float = 1.0, dropout: float = 0.0, fuzz_m: float = 0.0) -> SurfaceImages:
    return SurfaceImages(*(np.full(SHAPE, value, dtype=np.float32) for value in (cosine, dropout, fuzz_m)))


def spoilt(depth_m: float, seen: SurfaceImages, faults: DepthFaults) -> np.ndarray:
    return spoil_depth(plane(depth_m), seen, faults, np.random.default_rng(0))


def test_without_faults_only_millimetre_steps_remain() -> None:
    assert spoilt(0.50037, surface(), QUIET) == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(
    ("depth_m", "cosine", "sigma_m"), [(0.5, 1.0, 0.0012), (1.0, 1.0, 0.0048), (0.5, 0.1737, 0.003)]
)
@pytest.mark.parametrize("correlated", [False, True])
def test_noise_has_the_cameras_strength(depth_m: float, cosine: float, sigma_m: float, correlated: bool) -> None:
    faults = DepthFaults(scale=1.0, correlated=correlated, flying_pixels=False, holes=False)
    noise = spoilt(depth_m, surface(cosine), faults) - depth_m
    assert noise.std() == pytest.approx(np.hypot(sigma_m, 0.001 / np.sqrt(12)), rel=0.06)


def test_grazing_surfaces_have_no_depth() -> None:
    assert not spoilt(0.5, surface(cosine=np.cos(np.radians(81))), QUIET).any()
    assert spoilt(0.5, surface(cosine=np.cos(np.radians(79))), QUIET).all()


def test_holes_take_the_share_that_the_surface_says() -> None:
    holes = DepthFaults(scale=0.0, correlated=False, flying_pixels=False, holes=True)
    assert (spoilt(0.5, surface(dropout=0.3), holes) == 0).mean() == pytest.approx(0.3, abs=0.05)
    assert spoilt(0.5, surface(dropout=0.0), holes).all()


def test_flying_pixels_stay_at_edges_and_between_both_sides() -> None:
    depth_m = plane(0.5)
    depth_m[:, 150:] = 0.9
    faults = DepthFaults(scale=0.0, correlated=False, flying_pixels=True, holes=False)
    spoilt_m = spoil_depth(depth_m, surface(), faults, np.random.default_rng(0))
    changed = np.abs(spoilt_m - depth_m) > 1e-4
    assert not changed[:, :149].any() and not changed[:, 151:].any()
    flying = spoilt_m[changed & (spoilt_m > 0)]
    assert len(flying) > 50 and flying.min() >= 0.5 and flying.max() <= 0.9


def test_smooth_noise_is_normal() -> None:
    noise = smooth_noise((400, 400), 2.0, np.random.default_rng(1))
    assert noise.std() == pytest.approx(1, abs=0.05) and abs(noise.mean()) < 0.05
