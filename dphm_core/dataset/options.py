"""How a sequence is preprocessed, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dphm_core.errors import SettingError

if TYPE_CHECKING:
    from dphm_core.dataset.flame.sequence import FlameFiles


@dataclass(frozen=True)
class PreprocessOptions:
    """How to preprocess."""

    flame_fit: Path | None = None
    """FLAME fit to take the poses from: its .npz file, or the folder in which it lies under the sequence's name."""
    flame: Path | None = None
    """FLAME's model file, to be fitted where there is no fit; one's own, as FLAME has a licence of its own."""
    flame_landmarks: Path | None = None
    """File that says where landmarks lie on FLAME's mesh; found out without one."""
    model: str = "default"
    """Head model whose mean head is aligned with the landmarks: a name under models/, or a folder."""
    overwrite: bool = False
    """Do again what is done already."""


@dataclass(frozen=True)
class Preprocessed:
    """What a sequence holds now."""

    frames: int
    """Frames with points."""
    earlier: int
    """Of these, done by an earlier run."""
    aligned: int
    """Frames with a pose of their own; the others were cut with their neighbour's."""
    damaged: int
    """Frames that could not be read."""
    poses: Path
    """File of the poses, a FLAME fit or the rigid initialisation."""
    flame_mm: float | None = None
    """Distance of the points from FLAME's surface, median over all frames; None where no fit was made."""


def read_flame(options: PreprocessOptions) -> FlameFiles | None:
    """Read FLAME's files; None where it is not to be fitted.

    Raises
    ------
    SettingError
        The options contradict each other.
    CheckpointError
        A file is missing, damaged, or something else.
    """
    if options.flame is None:
        if options.flame_landmarks is not None:
            raise SettingError("--flame-landmarks goes with --flame FILE; give both, or neither")
        return None
    if options.flame_fit is not None:
        raise SettingError("--flame makes a fit and --flame-fit takes one; give one of them")
    from dphm_core.dataset.flame.sequence import read_flame_files

    return read_flame_files(options.flame, options.flame_landmarks)
