"""Wall-clock times of a call, for the benchmarks."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from dphm_core.errors import SettingError

WARM_UP = 3
"""Untimed calls first: they compile, or load, the kernels and build tables."""


def check_repeats(repeats: int) -> None:
    """Raise `SettingError` where there would be nothing to time."""
    if repeats < 1:
        raise SettingError(f"a benchmark takes 1 repeat or more, not {repeats}")


def time_call(call: Callable[[], object], repeats: int) -> dict[str, float]:
    """Median and 95th percentile of `repeats` calls: ``{"median_ms": …, "p95_ms": …}``."""
    for _ in range(WARM_UP):
        call()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    median, p95 = np.percentile(seconds, [50, 95]) * 1e3
    return {"median_ms": float(median), "p95_ms": float(p95)}
