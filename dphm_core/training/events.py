"""What a training tells TensorBoard: numbers and pictures over its steps."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from dphm_core.files import make_folder

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

log = logging.getLogger(__name__)

FOLDER = "events"
"""Of a training's log, in the training's folder."""


class Events:
    """A log that is written as it grows; one without a writer takes everything and writes nothing.

    A training is worth more than its log: where that cannot be written any more, a warning says so, once.
    """

    def __init__(self, writer: SummaryWriter | None = None) -> None:
        self._writer = writer

    @property
    def written(self) -> bool:
        """Whether what is told is kept: worth the making of pictures."""
        return self._writer is not None

    def scalar(self, name: str, value: float, step: int) -> None:
        """Tell a number; `group/name` are drawn together."""
        self._tell(lambda writer: writer.add_scalar(name, value, step))

    def picture(self, name: str, rgb: NDArray[np.uint8], step: int) -> None:
        """Tell a picture (H, W, 3) uint8 RGB."""
        self._tell(lambda writer: writer.add_image(name, rgb, step, dataformats="HWC"))

    def close(self) -> None:
        """Write what is left; more than once does no harm."""
        self._tell(lambda writer: writer.close())
        self._writer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _tell(self, tell: Callable[[SummaryWriter], object]) -> None:
        if self._writer is None:
            return
        try:
            tell(self._writer)
        except OSError as error:
            log.warning("no more curves are written: %s: %s", self._writer.log_dir, error.strerror or error)
            self._writer = None


def open_events(folder: Path, step: int = 0) -> Events:
    """Open the log in `folder`; where TensorBoard is not installed, say so and write nothing.

    Parameters
    ----------
    folder : Path
        Gets one more file; TensorBoard shows all files of a folder as one curve.
    step : int
        Steps done before: what an earlier run has told of later ones is taken back.

    Raises
    ------
    OutputError
        The folder cannot be made.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        log.info("no curves are written: TensorBoard is not installed (pip install tensorboard==2.21.0)")
        return Events()
    make_folder(folder)
    return Events(SummaryWriter(str(folder), purge_step=step + 1 if step else None))
