"""TensorBoard's log: numbers and pictures, going on after an interruption, and nothing where it is not installed."""

from __future__ import annotations

import errno
import logging
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dphm_core.errors import OutputError
from dphm_core.training.events import Events, open_events


def read(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder), {"images": 0, "scalars": 0}).Reload()


def test_numbers_and_pictures_are_told(tmp_path: Path) -> None:
    with open_events(tmp_path) as events:
        assert events.written
        for step in (10, 20):
            events.scalar("loss/surface", 1 / step, step)
        events.picture("subject/017", np.zeros((40, 30, 3), np.uint8), 20)
    told = read(tmp_path)
    assert [(event.step, round(event.value, 3)) for event in told.Scalars("loss/surface")] == [(10, 0.1), (20, 0.05)]
    (picture,) = told.Images("subject/017")
    assert (picture.step, picture.height, picture.width) == (20, 40, 30)


def test_what_was_told_after_the_checkpoint_is_taken_back(tmp_path: Path) -> None:
    with open_events(tmp_path) as events:
        for step in (10, 20, 25):
            events.scalar("loss", 1.0, step)
    (earlier,) = tmp_path.iterdir()
    earlier.rename(tmp_path / "events.out.tfevents.1.machine.1.0")  # TensorBoard reads by the second in the name
    with open_events(tmp_path, step=20) as events:
        for step in (25, 30):
            events.scalar("loss", 2.0, step)
    assert [(event.step, event.value) for event in read(tmp_path).Scalars("loss")] == [
        (10, 1.0), (20, 1.0), (25, 2.0), (30, 2.0),
    ]  # fmt: skip


def test_without_tensorboard_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with caplog.at_level(logging.INFO, "dphm_core.training"), open_events(tmp_path / "log") as events:
        events.scalar("loss", 1.0, 1)
        events.picture("subject", np.zeros((4, 4, 3), np.uint8), 1)
        assert not events.written
    assert not (tmp_path / "log").exists()
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(
        "no curves are written: TensorBoard is not installed (pip install tensorboard=="
    )


class FullDisk:
    """A writer whose disk is full; TensorBoard's own tells so from a thread, sooner or later."""

    log_dir = "log"

    def add_scalar(self, *_told: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_log_that_cannot_be_written_ends_no_training(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Events(FullDisk()) as events:  # type: ignore[arg-type]
        for step in range(3):
            events.scalar("loss", 1.0, step)
    assert not events.written
    assert caplog.messages == ["no more curves are written: log: No space left on device"]
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file/log cannot be made"):
        open_events(tmp_path / "file" / "log")
