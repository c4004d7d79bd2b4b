"""DPHM Live: real-time tracking of heads in depth images with neural parametric head models.

    import dphm_core as dphm

    with dphm.track("recordings/demo") as tracking:
        for frame in tracking:
            if frame.vertices_cam is not None:
                print(frame.index, frame.confidence, frame.vertices_cam.shape)

What is named here is imported when it is first used, so that importing the package costs nothing. Everything else lies
in its modules, and is as public where it has a docstring; docs/api.md shows what for.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dphm_core.places import INSTALLED, compiled_folder

if TYPE_CHECKING:
    from dphm_core.api import Tracking, track
    from dphm_core.errors import DphmError
    from dphm_core.frames import RGBDFrame, TrackedFrame, TrackStatus
    from dphm_core.meshing.writers import write_mesh
    from dphm_core.output.track_file import Track, load_track
    from dphm_core.sources import Source, open_source
    from dphm_core.sources.selection import Selection

__version__ = "0.1.0"
__all__ = [
    "DphmError",
    "RGBDFrame",
    "Selection",
    "Source",
    "Track",
    "TrackStatus",
    "TrackedFrame",
    "Tracking",
    "load_track",
    "open_source",
    "track",
    "write_mesh",
]
_HOMES = {
    "api": ("Tracking", "track"),
    "errors": ("DphmError",),
    "frames": ("RGBDFrame", "TrackedFrame", "TrackStatus"),
    "meshing.writers": ("write_mesh",),
    "output.track_file": ("Track", "load_track"),
    "sources": ("Source", "open_source"),
    "sources.selection": ("Selection",),
}
"""Module → what is named here of it."""

if INSTALLED:  # what numba compiles would else lie beside the code, where uninstalling leaves it
    os.environ.setdefault("NUMBA_CACHE_DIR", str(compiled_folder()))


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
