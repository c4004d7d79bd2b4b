"""Pinhole camera with the rational Brown–Conrady distortion that Azure Kinect's SDK uses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Intrinsics:
    """Intrinsic parameters of one camera (OpenCV frame: x right, y down, z forward).

    A point (x, y) on the plane z = 1 is distorted by
    ``d = (1 + k1 r² + k2 r⁴ + k3 r⁶) / (1 + k4 r² + k5 r⁴ + k6 r⁶)`` and the tangential terms p1, p2, then mapped to
    pixels by ``u = fx x' + cx``. Integer pixel coordinates are pixel centres.
    """

    width: int
    """Image width, pixels."""
    height: int
    """Image height, pixels."""
    fx: float
    """Focal length in x, pixels."""
    fy: float
    """Focal length in y, pixels."""
    cx: float
    """Principal point x, pixels."""
    cy: float
    """Principal point y, pixels."""
    k: tuple[float, float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    """Radial coefficients k1..k6 (k1..k3 numerator, k4..k6 denominator)."""
    p: tuple[float, float] = (0.0, 0.0)
    """Tangential coefficients p1, p2."""
    metric_radius: float | None = None
    """Largest radius on the plane z = 1 for which the distortion was calibrated; None where unknown."""

    @property
    def distorted(self) -> bool:
        """Whether any distortion coefficient is non-zero."""
        return any(self.k) or any(self.p)
