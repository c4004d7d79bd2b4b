"""Reads a recording to its end and tells what came of it; as a program, for readers that may end the process.

python read_everything.py RECORDING
"""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from dphm_core.errors import DphmError
from dphm_core.frames import RGBDFrame
from dphm_core.sources import open_source


@dataclass
class Outcome:
    """What came of reading a recording."""

    frames: int = 0
    damaged: int = 0
    error: str | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def told(self) -> str:
        """Everything that a user is told."""
        return " | ".join(filter(None, (self.error, *self.warnings)))


class _Notes(logging.Handler):
    def __init__(self, outcome: Outcome) -> None:
        super().__init__(logging.WARNING)
        self._outcome = outcome

    def emit(self, record: logging.LogRecord) -> None:
        self._outcome.warnings.append(record.getMessage())


def read_everything(recording: Path) -> Outcome:
    """Open it and read every frame; all that a frame promises is checked."""
    outcome = Outcome()
    notes, log = _Notes(outcome), logging.getLogger("dphm_core")
    log.addHandler(notes)
    last = (-1, -np.inf)
    try:
        with open_source(str(recording)) as source:
            try:
                for frame in source:
                    _check(frame)
                    assert (frame.index, frame.timestamp_s) > last and frame.timestamp_s >= last[1]
                    last = frame.index, frame.timestamp_s
                    outcome.frames += 1
            finally:
                outcome.damaged = source.damaged
    except DphmError as error:
        outcome.error = str(error)
    finally:
        log.removeHandler(notes)
    return outcome


def _check(frame: RGBDFrame) -> None:
    size = (frame.intrinsics.height, frame.intrinsics.width)
    assert frame.depth_m.shape == size and frame.depth_m.dtype == np.float32
    assert np.isfinite(frame.depth_m).all() and (frame.depth_m >= 0).all()
    assert frame.color is None or (frame.color.shape == (*size, 3) and frame.color.dtype == np.uint8)
    assert np.isfinite(frame.timestamp_s)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(read_everything(Path(sys.argv[1])))))
