"""How the camera kernels use several cores: each compiled without the GIL, each given a band of rows.

numba's own parallel loops are not used: the threading layer that is always there ("workqueue") aborts the process when
two Python threads enter it, and this library calls its kernels from several threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])
Result = TypeVar("Result")

MAX_BANDS = 4
"""More threads gain little on one image and would take cores from the tracker."""
MIN_ROWS = 32
"""Fewer rows than this per band cost more to hand over than to compute."""


def kernel(function: Function) -> Function:
    """Compile `function` with numba: without the GIL, division as in numpy, machine code cached on disk."""
    return cast(Function, numba.njit(nogil=True, cache=True, error_model="numpy")(function))


def kernel_input(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """View an image as contiguous, read-only float32: numba would compile again, mid-stream, for every other kind."""
    view = np.ascontiguousarray(image, dtype=np.float32).view()
    view.flags.writeable = False
    return view


def in_bands(work: Callable[[int, int], Result], start: int, stop: int) -> list[Result]:
    """Call ``work(first, last)`` on bands of rows that cover ``start..stop`` once, at the same time.

    Parameters
    ----------
    work : callable
        Handles rows first <= row < last; must write to no row outside its band and must not call `in_bands`.
    start, stop : int
        The rows to cover.

    Returns
    -------
    list
        What `work` answered per band, in order of the rows. Safe to call from several threads.
    """
    bands = max(1, min(_workers() + 1, (stop - start) // MIN_ROWS))
    edges = [start + (stop - start) * band // bands for band in range(bands + 1)]
    own, *others = pairwise(edges)
    futures = [_pool().submit(work, *band) for band in others]
    return [work(*own), *(future.result() for future in futures)]


def _workers() -> int:
    return min(MAX_BANDS, os.cpu_count() or 1) - 1


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=max(1, _workers()), thread_name_prefix="dphm-camera")


if hasattr(os, "register_at_fork"):  # a forked child inherits the pool without its threads
    os.register_at_fork(after_in_child=_pool.cache_clear)
