"""What is exported and how; light, because the command line and the dialog are made from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal, get_args

from tyro.conf import OmitArgPrefixes, arg

from dphm_core.errors import SettingError
from dphm_core.meshing.writers import ENCODERS
from dphm_core.sources.selection import Selection

Meshes = Literal["all", "current", "none"]
CodesFormat = Literal["csv", "jsonl", "npz", "livelink", "official", "none"]
Space = Literal["camera", "head"]
Axes = Literal["opencv", "y-up", "z-up"]
Unit = Literal["m", "cm", "mm"]
CODES_FILES: dict[CodesFormat, str] = {
    "csv": "codes.csv",
    "jsonl": "codes.jsonl",
    "npz": "codes.npz",
    "livelink": "codes.livelink.csv",
    "official": "codes.official.npz",
}
"""Name of the file by its format."""


def mesh_formats() -> tuple[str, ...]:
    """Formats of meshes that can be written, the usual one first, without their dot."""
    return tuple(extension.lstrip(".") for extension in ENCODERS)


@dataclass(frozen=True)
class ExportOptions:
    """What is exported and how."""

    meshes: Meshes = "all"
    """One mesh for each tracked frame, or none; "current", the frame on screen, is for the window."""
    mesh_format: Annotated[str, arg(metavar="|".join(mesh_formats()))] = "ply"
    """Format of the meshes."""
    codes: CodesFormat = "csv"
    """Format of poses, expression weights and the frames' figures: a table, a JSON object per line, numpy arrays;
    Live Link Face's table of ARKit's blendshapes; the original DPHM's tracking file (imported models); or none."""
    frames: OmitArgPrefixes[Selection] = field(default_factory=Selection)
    space: Space = "camera"
    """Where meshes are: before the camera, or in the head's own frame, pose taken out, expression kept."""
    axes: Axes = "y-up"
    """All right-handed. opencv: x right, y down, z forward. y-up (glTF, OpenGL, Maya): x right, y up, z towards the
    viewer. z-up (Blender): x right, y forward, z up."""
    unit: Unit = "m"
    """Of length, in meshes and poses."""
    overwrite: bool = False
    """Replace an earlier export in the output folder."""

    def __post_init__(self) -> None:
        choices = {
            "meshes": get_args(Meshes),
            "mesh_format": mesh_formats(),
            "codes": get_args(CodesFormat),
            "space": get_args(Space),
            "axes": get_args(Axes),
            "unit": get_args(Unit),
        }
        for name, allowed in choices.items():
            if (value := getattr(self, name)) not in allowed:
                raise SettingError(f"export's {name} cannot be '{value}'; choose one of {', '.join(allowed)}")
        if self.meshes == "none" and self.codes == "none":
            raise SettingError("nothing is chosen to export; choose meshes, or codes and poses")
