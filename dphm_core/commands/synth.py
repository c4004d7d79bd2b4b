"""Commands that make data: synthetic recordings, and the generator they come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import OmitArgPrefixes, Positional

from dphm_core.commands.base import OK, Command, Say, progress
from dphm_core.training.prepare_config import SyntheticScansConfig
from dphm_core.training.recording_config import RecordingConfig


@dataclass(frozen=True, kw_only=True)
class SynthRecording(Command):
    """Render a made-up person before a depth camera: a recording folder with its ground truth."""

    generator: Path
    """Prepared ICT-FaceKit folder, from `dphm synth prepare`."""
    out: Path
    """The recording's folder."""
    recording: OmitArgPrefixes[RecordingConfig] = field(default_factory=RecordingConfig)

    def run(self, say: Say) -> int:
        """Render, with a progress bar."""
        from dphm_core.training.ict import load_generator
        from dphm_core.training.recording import write_recording

        generator = load_generator(self.generator)
        with progress("frames") as tell:
            write_recording(generator, self.recording, self.out, tell)
        say(f"{self.recording.frames} frames in {self.out}")
        return OK


@dataclass(frozen=True, kw_only=True)
class SynthScans(Command):
    """Make up head scans in the layout of NPHM's data set, for `dphm train prepare`."""

    generator: Path
    """Prepared ICT-FaceKit folder, from `dphm synth prepare`."""
    out: Path
    """The scans' folder."""
    scans: OmitArgPrefixes[SyntheticScansConfig] = field(default_factory=SyntheticScansConfig)

    def run(self, say: Say) -> int:
        """Write them, with a progress bar."""
        from dphm_core.training.ict import load_generator
        from dphm_core.training.synthetic_scans import write_synthetic_scans

        generator, total = load_generator(self.generator), self.scans.subjects * self.scans.expressions
        with progress("scans") as tell:
            write_synthetic_scans(generator, self.out, self.scans, tell)
        say(f"{total} scans of {self.scans.subjects} subjects in {self.out}")
        return OK


@dataclass(frozen=True, kw_only=True)
class SynthPrepare(Command):
    """Turn a checkout of ICT-FaceKit into the small file that training and synthesis read."""

    checkout: Positional[Path]
    """Folder of github.com/ICT-VGL/ICT-FaceKit, with FaceXModel/ in it."""
    out: Path
    """Folder for ict_facekit.npz and vertex_indices.json."""

    def run(self, say: Say) -> int:
        """Prepare it, with a progress bar."""
        from dphm_core.training.prepare import prepare

        with progress("shapes") as tell:
            prepare(self.checkout, self.out, tell)
        say(f"prepared generator in {self.out}")
        return OK
