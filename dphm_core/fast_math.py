"""Elementary functions for the project's own kernels: polynomials, which compile to vector instructions."""

from __future__ import annotations

import numba
import numpy as np

REACH = np.float32(16)
"""exp(-x) is cut to exp(-16), a ten-millionth, for larger x: no denormals."""
_ONE = np.float32(1)
_PART = _ONE / REACH  # of a plain 1 numpy would make a double, and so of all that follows
# Interpolation of exp(-u) at Chebyshev nodes on [0, 1] to 2e-8, constant term first.
_E0, _E1, _E2, _E3, _E4, _E5, _E6 = np.array(
    [0.999999984, -0.999998454, 0.499975091, -0.166515167, 4.12233177e-2, -7.65432510e-3, 8.49007873e-4], np.float32
)


@numba.njit(cache=True, inline="always", fastmath={"contract"})
def exp_of_minus(x):  # type: ignore[no-untyped-def]
    """exp(-x) of a float32 x ≥ 0 to 4e-7, as the 16th power of what a polynomial gives."""
    u = min(x * _PART, _ONE)
    t = _E0 + u * (_E1 + u * (_E2 + u * (_E3 + u * (_E4 + u * (_E5 + u * _E6)))))
    t *= t
    t *= t
    t *= t
    t *= t
    return t
