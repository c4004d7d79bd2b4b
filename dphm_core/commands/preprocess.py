"""`dphm preprocess`: points, normals and landmarks of a DPHM-Kinect sequence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dphm_core.commands.base import OK, Command, Say, progress


@dataclass(frozen=True, kw_only=True)
class Preprocess(Command):
    """Write points, normals and landmarks in space of a DPHM-Kinect sequence, in the data set's own files.

    Ctrl-C ends it; the same command goes on from there.
    """

    sequence: Annotated[Positional[Path], arg(metavar="SEQ")]
    """Recording folder with color/, depth/ and a calibration; PIPNet's and MediaPipe's landmarks are taken from its
    color/PIPnet_landmarks and color/Mediapipe_landmarks, the latter detected where they are not there."""
    out: Path | None = None
    """Folder to write to; by default the sequence itself."""
    flame_fit: Path | None = None
    """FLAME fit to take the poses from: its .npz file, or a folder with one per sequence; one that lies in SEQ is found
    by itself. Without, the model's mean head is aligned with the landmarks."""
    flame: Path | None = None
    """FLAME's model file (generic_model.pkl, or an .npz of its arrays), which you have under its own licence: it is
    fitted, unless there is a fit already."""
    flame_landmarks: Path | None = None
    """File of FLAME's that says where landmarks lie on its mesh; found out without one."""
    model: str = "default"
    """Head model for that: a name under models/, or a folder."""
    overwrite: bool = False
    """Do again what an earlier run has done."""

    def run(self, say: Say) -> int:
        """Preprocess, with a progress bar."""
        from dphm_core.dataset.options import PreprocessOptions
        from dphm_core.dataset.preprocess import preprocess
        from dphm_core.errors import SettingError
        from dphm_core.places import recording_path

        sequence = recording_path(self.sequence)
        if self.out is None and sequence != self.sequence:  # a folder of that name here would pass for the demo
            raise SettingError("the demo recording belongs to the program and stays as it is; give a folder with --out")
        options = PreprocessOptions(
            flame_fit=self.flame_fit,
            flame=self.flame,
            flame_landmarks=self.flame_landmarks,
            model=self.model,
            overwrite=self.overwrite,
        )
        with progress("steps") as tell:
            made = preprocess(sequence, self.out, options, tell)
        earlier = f", {made.earlier} of them by an earlier run" if made.earlier else ""
        damaged = f", {made.damaged} damaged" if made.damaged else ""
        say(f"{made.frames} frames in {self.out or self.sequence}{earlier}{damaged}")
        say(f"{made.aligned} of them with a pose of their own, in {made.poses}")
        if made.flame_mm is not None:
            say(f"FLAME fitted: points lie {made.flame_mm:.2f} mm from its surface in the median")
        return OK
