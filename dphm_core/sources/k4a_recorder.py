"""Records a running Azure Kinect as k4arecorder does: an .mkv file with the camera's own images and calibration."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

from dphm_core.errors import OutputError
from dphm_core.files import make_folder
from dphm_core.sources.k4a_capture import FRAME_RATES, Capture
from dphm_core.sources.recording_status import CHECK_S, RecordingStatus, SpaceLimit

log = logging.getLogger(__name__)

FLUSH_S = 0.25
"""How often what was captured is written out, with its index, so that of a program that is killed that much is lost.
Each time takes a tenth of it: 215 ms after a second of large pictures (two busy cores)."""
CLOSE_TIMEOUT_S = 2.0
USEC = 1e-6


class MkvRecorder:
    """One .mkv file: `write` is for the thread that reads the camera, the rest for any. Nothing is raised.

    Parameters
    ----------
    k4a : module
        pyk4a.
    path : Path
        The file, which must not exist yet.
    config : pyk4a.Config
        How the camera was set.
    device : callable
        The running camera (pyk4a.PyK4A), asked for when its first capture comes.
    space : SpaceLimit
        What is left free on the disk.
    """

    def __init__(
        self, k4a: Any, path: Path, config: Any, device: Callable[[], Any], space: SpaceLimit | None = None
    ) -> None:
        self._k4a, self._config, self._device = k4a, config, device
        self._space = space or SpaceLimit()
        self._interval_usec = 1 / USEC / FRAME_RATES[config.camera_fps.name]
        self._lock = threading.Lock()  # of the file; held while it is being written
        self._file: Any = None
        self._status = RecordingStatus(path)
        self._over = False
        self._closer: threading.Thread | None = None
        self._first_usec = self._last_usec = 0
        self._flushed_s = self._checked_s = -CHECK_S

    @property
    def status(self) -> RecordingStatus:
        """How it goes; cheap."""
        return self._status

    def write(self, capture: Capture) -> None:
        """Take a capture; after an error, and once stopped, do nothing."""
        with self._lock:
            if self._over:
                return
            try:
                self._append(capture)
            except OutputError as error:
                self._end(str(error))
            except (OSError, self._k4a.K4AException) as error:
                reason = getattr(error, "strerror", None) or "the disk may be full or was taken away"
                self._end(f"{self._status.path} cannot be written any further ({reason}); what was recorded is kept")

    def fail(self, reason: str) -> None:
        """End early where there is something to keep: what the camera sends after `reason` has another clock."""
        with self._lock:
            if self._file is not None and not self._over:
                self._end(f"{self._status.path} ends here, as {reason}; what was recorded is kept, record again")

    def stop(self) -> None:
        """Take no more captures; returns at once, `status.finished` tells that the file is complete."""
        self._over = True
        if self._closer is None:
            self._closer = threading.Thread(target=self._close, name="dphm-recording-end", daemon=True)
            self._closer.start()

    def close(self) -> RecordingStatus:
        """Take no more captures and wait, 2 s at most, until the file is complete."""
        self.stop()
        if self._closer is not None:
            self._closer.join(CLOSE_TIMEOUT_S)
        return self._status

    def _append(self, capture: Capture) -> None:
        if self._file is None:
            self._file = self._new_file()
        self._file.write_capture(capture)
        time_usec, frames = capture.depth_timestamp_usec or self._last_usec, self._status.frames  # 0: it has no depth
        if frames == 0:
            self._first_usec = self._last_usec = time_usec
        missed = max(0, round((time_usec - self._last_usec) / self._interval_usec) - 1)
        self._last_usec = time_usec
        seconds = (time_usec - self._first_usec) * USEC
        self._tell(frames=frames + 1, dropped=self._status.dropped + missed, seconds=seconds)
        if monotonic() - self._flushed_s >= FLUSH_S:
            self._file.flush()
            self._flushed_s = monotonic()
        if monotonic() - self._checked_s >= CHECK_S:
            self._checked_s = monotonic()
            self._check_space()

    def _new_file(self) -> Any:
        path = self._status.path
        make_folder(path.parent)
        if path.exists():
            raise OutputError(f"{path} exists already; choose another name for the recording")
        # thread_safe=False only means that pyk4a lets other threads run meanwhile.
        file = self._k4a.PyK4ARecord(path, self._config, self._device(), thread_safe=False)
        file.create()
        file.write_header()
        return file

    def _check_space(self) -> None:
        path = self._status.path
        size, left = path.stat().st_size, self._space.free_bytes(path.parent)
        self._tell(bytes=size, free_bytes=left)
        if self._space.reached(left, size / max(self._status.seconds, 1.0)):
            self._tell(full=True)
            self._end(None)

    def _end(self, error: str | None) -> None:
        """End early; within the lock."""
        if error is not None:
            log.warning("%s", error)
        self._tell(error=error)
        self.stop()

    def _close(self) -> None:
        """Complete the file, away from the camera's and the caller's thread: writing its index takes a moment."""
        with self._lock:
            file, self._file = self._file, None
            try:
                if file is not None:
                    file.flush()
                    file.close()
                    self._tell(bytes=self._status.path.stat().st_size)
            except (OSError, self._k4a.K4AException):
                text = f"{self._status.path} could not be completed: the disk may be full; its end is lost"
                self._tell(error=self._status.error or text)
            self._tell(finished=True)

    def _tell(self, **changes: object) -> None:
        self._status = replace(self._status, **changes)  # type: ignore[arg-type]
