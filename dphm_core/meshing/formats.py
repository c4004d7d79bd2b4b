"""All formats that meshes can be exported in, by their files' extension: one file per frame, or one for them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dphm_core.jobs import Tell
from dphm_core.meshing.animation import Animation
from dphm_core.meshing.glb import glb_bytes, write_glb_animation
from dphm_core.meshing.point_cache import cache_bytes, write_mdd, write_pc2
from dphm_core.meshing.usd import usd_bytes, usd_missing, usda_bytes, write_usd, write_usda
from dphm_core.meshing.writers import ENCODERS


@dataclass(frozen=True)
class SequenceFormat:
    """One file for a whole sequence."""

    write: Callable[[Animation, Path, Tell], tuple[str, ...]]
    """Writes it, sample by sample; answers with what a user should know of it. The path has any name, and it is the
    caller who renames it."""
    size: Callable[[Animation], int]
    """Bytes, by and large."""
    axes: tuple[str, ...] = ("y-up", "z-up", "opencv")
    """That its readers understand; others become the first."""
    units: tuple[str, ...] = ("m", "cm", "mm")
    """Likewise."""
    needs_mesh: bool = False
    """Whether it holds moving points only, and the mesh lies beside it."""
    missing: Callable[[], str] = str
    """What to install where its library is not there; "" where it is."""


@dataclass(frozen=True)
class MeshFormat:
    """A format of meshes."""

    words: str
    """For a list of choices."""
    sequence: SequenceFormat | None = None
    """None where every frame has a file of its own."""
    usual: bool = True
    """Whether it is one of "all"; not those that say the same in other words."""


UPRIGHT = ("y-up", "z-up")
FORMATS = {
    "ply": MeshFormat("PLY – binary, small"),
    "obj": MeshFormat("OBJ – text, opens everywhere"),
    "glb": MeshFormat(
        "GLB – one animated file, for viewers", SequenceFormat(write_glb_animation, glb_bytes, ("y-up",), ("m",))
    ),
    "usd": MeshFormat(
        "USD – one animated file, for studios", SequenceFormat(write_usd, usd_bytes, UPRIGHT, missing=usd_missing)
    ),
    "usdc": MeshFormat(
        "USDC – the same, by its other name",
        SequenceFormat(write_usd, usd_bytes, UPRIGHT, missing=usd_missing),
        usual=False,
    ),
    "usda": MeshFormat(
        "USDA – the same as text, large",
        SequenceFormat(write_usda, usda_bytes, UPRIGHT, missing=usd_missing),
        usual=False,
    ),
    "pc2": MeshFormat(
        "PC2 – point cache and OBJ, for Blender", SequenceFormat(write_pc2, cache_bytes, needs_mesh=True)
    ),
    "mdd": MeshFormat(
        "MDD – point cache and OBJ, for Maya and others", SequenceFormat(write_mdd, cache_bytes, needs_mesh=True)
    ),
}
"""By extension, without its dot."""
EVERY = "all"
"""Stands for all of them that can be written here."""
assert {f".{name}" for name, entry in FORMATS.items() if entry.sequence is None} == set(ENCODERS), "no writer for one"


def chosen_formats(names: str) -> list[str]:
    """Formats that a choice such as "ply", "glb,pc2" or "all" means; empty where one of them is unknown."""
    if names.lower() == EVERY:
        return [name for name, entry in FORMATS.items() if entry.usual and not missing_library(name)]
    chosen = names.lower().replace(" ", "").split(",")
    return list(dict.fromkeys(chosen)) if all(name in FORMATS for name in chosen) else []


def animated(name: str) -> SequenceFormat:
    """The format of whole sequences with that name."""
    sequence = FORMATS[name].sequence
    assert sequence is not None, "asked for only where it is one"
    return sequence


def left_out(names: str) -> list[str]:
    """Why formats of "all" cannot be written here, each in a line; empty where all can."""
    usual = [name for name, entry in FORMATS.items() if entry.usual] if names.lower() == EVERY else []
    return [missing for name in usual if (missing := missing_library(name))]


def missing_library(name: str) -> str:
    """Say what to install for a format; "" where it can be written."""
    sequence = FORMATS[name].sequence
    return "" if sequence is None else sequence.missing()
