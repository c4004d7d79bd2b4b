"""What is exported and how; light, because the command line and the dialog are made from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal, get_args

from tyro.conf import OmitArgPrefixes, arg

from dphm_core.errors import SettingError
from dphm_core.meshing.animation import MorphTargets
from dphm_core.meshing.formats import EVERY, FORMATS, animated, chosen_formats
from dphm_core.sources.selection import Selection

Meshes = Literal["all", "current", "none"]
CodesFormat = Literal["csv", "jsonl", "npz", "livelink", "official", "all", "none"]
Space = Literal["camera", "head", "canonical"]
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
    """Formats of meshes that can be chosen, the usual one first, and "all"."""
    return (*FORMATS, EVERY)


@dataclass(frozen=True)
class ExportOptions:
    """What is exported and how."""

    meshes: Meshes = "all"
    """Those of all frames, or none; "current", the frame on screen, is for the window."""
    mesh_format: Annotated[str, arg(metavar="|".join(mesh_formats()))] = "ply"
    """A mesh per tracked frame (ply, obj), or one animated file (the others), or all of them; several with commas:
    ply,glb. PC2 and MDD come with the OBJ that they move."""
    normals: bool = True
    """Unit normals of vertices in PLY and OBJ files."""
    colours: Annotated[str | None, arg(metavar="RECORDING")] = None
    """Recording that was tracked: vertices in PLY and OBJ files get the colour that its camera sees there, and grey
    where it sees none."""
    glb_targets: MorphTargets = "codes"
    """What a GLB's morph targets are: the model's expressions by name (where it has none, the basis); basis: the fewest
    shapes that come within 0.1 mm; frames: each mesh by itself, for 256 frames at most."""
    codes: CodesFormat = "csv"
    """Format of poses, expression weights and the frames' figures: a table, a JSON object per line, numpy arrays;
    Live Link Face's table of ARKit's blendshapes; the original DPHM's tracking file (imported models); all of them that
    the head model allows; or none."""
    frames: OmitArgPrefixes[Selection] = field(default_factory=Selection)
    space: Space = "camera"
    """Where meshes are: before the camera; in the head's own frame, pose taken out, expression kept; or there, at the
    size that the head model has for everyone (canonical)."""
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
            "codes": get_args(CodesFormat),
            "space": get_args(Space),
            "axes": get_args(Axes),
            "unit": get_args(Unit),
            "glb_targets": get_args(MorphTargets),
        }
        if not chosen_formats(self.mesh_format):
            known = f"one of {', '.join(mesh_formats())}, or several with commas between them"
            raise SettingError(f"export's mesh_format cannot be '{self.mesh_format}'; choose {known}")
        for name, allowed in choices.items():
            if (value := getattr(self, name)) not in allowed:
                raise SettingError(f"export's {name} cannot be '{value}'; choose one of {', '.join(allowed)}")
        if self.meshes == "current" and not self.frame_formats:
            raise SettingError(
                f"{self.mesh_format.upper()} holds a whole sequence; choose ply or obj for the frame on screen"
            )
        if self.meshes == "none" and self.codes == "none":
            raise SettingError("nothing is chosen to export; choose meshes, or codes and poses")

    @property
    def frame_formats(self) -> list[str]:
        """Formats with a file for each frame."""
        return [] if self.meshes == "none" else [name for name in self._formats if FORMATS[name].sequence is None]

    @property
    def sequence_formats(self) -> list[str]:
        """Formats with one file for all frames."""
        return [name for name in self._formats if FORMATS[name].sequence is not None] if self.meshes == "all" else []

    @property
    def unmet(self) -> list[str]:
        """What was asked for that no file of its format holds, each in a line for a user."""
        told = []
        if self.colours is not None and self.meshes != "all":
            told.append("colours: none are written, as they are those of all frames' meshes; choose all of them")
        elif self.colours is not None and self.sequence_formats:
            cure = "" if self.frame_formats else "; choose one of them, too"
            told.append(f"{self._named(self.sequence_formats)}: without colours, which PLY and OBJ hold{cure}")
        turning = [name for name in self.sequence_formats if not animated(name).needs_mesh]
        if not self.normals and turning:
            told.append(f"{self._named(turning)}: with normals all the same; only PLY and OBJ are written without")
        return told

    @staticmethod
    def _named(formats: list[str]) -> str:
        return ", ".join(name.upper() for name in formats)

    @property
    def _formats(self) -> list[str]:
        return chosen_formats(self.mesh_format)
