"""Loading the Azure Kinect's driver, pyk4a; nothing heavy beside it, as whoever only counts cameras needs no more."""

from __future__ import annotations

import os
import sys
from types import ModuleType

from dphm_core.errors import SourceError, first_line

SDK_LOG = "K4A_ENABLE_LOG_TO_STDOUT"
"""Environment variable of the SDK: "1" shows its own log, which is kept off stdout otherwise."""


def load_pyk4a() -> ModuleType:
    """Import pyk4a, or raise SourceError with what to do."""
    os.environ.setdefault(SDK_LOG, "0")
    try:
        import pyk4a
    except Exception as error:  # its native part fails in many ways: missing libraries, numpy 2, wrong platform
        if sys.platform == "darwin":
            raise SourceError("Azure Kinect has no driver for macOS; use it on Windows or Linux") from error
        raise SourceError(
            f"the Azure Kinect's driver cannot be loaded ({first_line(error)}); "
            'install it with: pip install pyk4a-bundle "numpy<2"'
        ) from error
    module: ModuleType = pyk4a
    return module
