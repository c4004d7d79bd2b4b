"""What a run over a recording writes and measures; light, because the command line is made from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class BatchOptions:
    """What a run over a recording writes and measures."""

    format: Literal["ply", "obj"] = "ply"
    """Format of the meshes."""
    meshes: bool = True
    """Write a mesh per frame. Without, the track can still be shown and exported: it holds all that meshes are made
    of."""
    overwrite: bool = False
    """Replace the results of an earlier run in the output folder."""
    contact_sheet: bool = True
    """Draw a picture of six frames, to check the result at a glance."""
    benchmark: bool = False
    """Afterwards measure the frame rate without decoding and writing, on frames in memory, as with a live camera."""
    save_subject: Path | None = None
    """File for the identity that was worked out: with --subject it saves that person's next calibration."""
