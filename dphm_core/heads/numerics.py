"""Floating-point mode of the threads that evaluate networks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from dphm_core.errors import SettingError


def usable_device(name: str) -> torch.device:
    """Torch's device of a name such as "cpu", "cuda" or "cuda:1".

    Raises
    ------
    SettingError
        There is no such device here.
    """
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0].partition(",")[0]
        raise SettingError(f"device '{name}' cannot be used here ({reason}); use cpu.") from error
    return device


def prepare_thread(threads: int) -> None:
    """Make the calling thread work on `threads` cores and treat denormal numbers as zero.

    Softplus with β = 100 makes denormals everywhere (e^-100x), and a CPU needs a hundred times longer for each of them:
    without this an evaluation takes three to four times as long. Both modes belong to the calling thread.
    """
    for dtype in (np.float32, np.float64):
        str(np.finfo(dtype))  # numpy looks at denormals once per type and warns where they are flushed
    torch.set_flush_denormal(True)
    torch.set_num_threads(threads)
    _limit_blas(threads)


@lru_cache(maxsize=1)
def _limit_blas(threads: int) -> None:
    """Keep numpy's linear algebra, process-wide, from waiting for cores that the landmark detector is using."""
    import scipy.linalg.cython_blas  # noqa: F401 (numba's products use it, and only what is loaded can be limited)
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=threads, user_api="blas")
