"""Records a running source: frames go into a bounded queue, and a thread of its own compresses and appends them."""

from __future__ import annotations

import errno
import logging
import threading
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic, thread_time

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.errors import OutputError
from dphm_core.frames import RGBDFrame
from dphm_core.recording.stack_writer import StackWriter
from dphm_core.recording.timeline import Timeline
from dphm_core.sources.recording_status import CHECK_S, RecordingStatus, SpaceLimit
from dphm_core.sources.stack_file import StackHeader

log = logging.getLogger(__name__)

CLOSE_TIMEOUT_S = 2.0
"""How long `StackRecorder.close` waits; what is not written by then is given up and counted."""
GIVE_UP_S = 0.5
"""The last part of that, for the frame that is being written."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT) if hasattr(errno, "EDQUOT") else (errno.ENOSPC,)


@dataclass(frozen=True)
class RecorderLimits:
    """What a recorder may take of memory and disk."""

    queue_frames: int = 60
    """Frames that wait: two seconds at 30 per second."""
    queue_bytes: int = 256 << 20
    """Their images, uncompressed: 40 frames at 720p."""
    space: SpaceLimit = field(default_factory=SpaceLimit)
    """What is left free on the disk."""


class StackRecorder:
    """Writes frames to NAME/frames.stack, with the camera in NAME/calibration.json; `open_source` reads the folder.

    `put` is for the thread that reads the source, the rest for any thread; a thread of its own, "dphm-recorder", does
    what takes time. Each frame is handed to the system whole, so that of a program that is killed every frame stays
    that `status` has counted. Nothing is raised: an error ends the recording and is told by `status`.

    Frames are numbered from 0; frames that are missing leave gaps. Where the source goes back, as a recording does that
    is played again, numbers and times go on.

    Parameters
    ----------
    path : Path
        The folder, made if need be; one that holds anything already is refused.
    intrinsics : Intrinsics
        Camera of the frames; those of another size are dropped.
    fps : float
        Nominal frames per second.
    device : str
        What is recorded, for people.
    limits : RecorderLimits
        What it may take of memory and disk.
    """

    def __init__(
        self, path: Path, intrinsics: Intrinsics, fps: float, device: str, limits: RecorderLimits | None = None
    ) -> None:
        self._path, self._intrinsics = path, intrinsics
        self._header = StackHeader(intrinsics.width, intrinsics.height, fps, device)
        self._limits = limits or RecorderLimits()
        self._status = RecordingStatus(path)
        self._changed = threading.Condition()
        self._queue: deque[RGBDFrame] = deque()
        self._queued_bytes = 0
        self._open = True
        self._timeline = Timeline(fps)
        self._work_s = 0.0
        self._thread = threading.Thread(target=self._run, name="dphm-recorder", daemon=True)
        self._thread.start()

    @property
    def status(self) -> RecordingStatus:
        """How it goes; cheap."""
        with self._changed:
            return self._status

    def put(self, frame: RGBDFrame) -> None:
        """Take a frame to be written, or drop and count it where the disk or the processor do not keep up."""
        with self._changed:
            if not self._open:
                return
            fits = frame.depth_m.shape == (self._header.height, self._header.width)
            fits &= len(self._queue) < self._limits.queue_frames
            if fits and self._queued_bytes + frame.image_bytes <= self._limits.queue_bytes:
                self._queue.append(frame)
                self._queued_bytes += frame.image_bytes
                self._changed.notify_all()
            else:
                self._tell(dropped=self._status.dropped + 1)

    def stop(self) -> None:
        """Take no more frames and write those that wait; returns at once, `status.finished` tells the end."""
        with self._changed:
            self._open = False
            self._changed.notify_all()

    def close(self) -> RecordingStatus:
        """Take no more frames and wait, 2 s at most, until the file is complete; frames lost thereby are told."""
        self.stop()
        self._thread.join(CLOSE_TIMEOUT_S - GIVE_UP_S)
        with self._changed:
            if lost := len(self._queue):
                self._queue.clear()
                error = f"the disk is too slow: the last {lost} frames are lost; record to another disk"
                self._tell(dropped=self._status.dropped + lost, error=self._status.error or error)
                log.warning("%s: %s", self._path, error)
        self._thread.join(GIVE_UP_S)
        return self.status

    def _run(self) -> None:
        """Recorder thread."""
        try:
            with StackWriter(self._path, self._intrinsics, self._header) as writer:
                self._write_frames(writer)
            self._tell(bytes=writer.size)
        except OutputError as error:
            self._tell(error=str(error))
        except OSError as error:
            self._tell_os_error(error)
        except Exception as error:  # frames that cannot be encoded: the source goes on all the same
            log.exception("%s: recording failed", self._path)
            self._tell(error=f"recording failed ({error}); what was recorded before is there")
        with self._changed:
            self._open = False
            self._queue.clear()
            self._tell(finished=True)

    def _write_frames(self, writer: StackWriter) -> None:
        checked_s = -CHECK_S
        while True:
            if monotonic() - checked_s >= CHECK_S:
                checked_s = monotonic()
                if self._space_ends():
                    return
            with self._changed:
                if not self._changed.wait_for(lambda: self._queue or not self._open, CHECK_S):
                    continue
                if not self._queue:
                    return
                frame = self._queue.popleft()
                self._queued_bytes -= frame.image_bytes
            self._write(writer, frame)

    def _write(self, writer: StackWriter, frame: RGBDFrame) -> None:
        started = thread_time()
        writer.write(frame, *self._timeline.place(frame.index, frame.timestamp_s))
        self._work_s += thread_time() - started
        frames = self._status.frames + 1
        work_s = self._work_s / frames
        self._tell(frames=frames, bytes=writer.size, seconds=self._timeline.seconds, encode_s=work_s)

    def _space_ends(self) -> bool:
        """Look at the disk; whether recording has to end."""
        status = self._status
        left = self._limits.space.free_bytes(self._path)
        full = self._limits.space.reached(left, status.bytes / max(status.seconds, 1.0))
        self._tell(free_bytes=left, full=full)
        return full

    def _tell_os_error(self, error: OSError) -> None:
        full = error.errno in NO_ROOM
        cure = "make room on the disk" if full else "check the disk and its permissions"
        self._tell(full=full, error=f"{self._path} cannot be written: {error.strerror or error}; {cure}")

    def _tell(self, **changes: object) -> None:
        with self._changed:
            self._status = replace(self._status, **changes)  # type: ignore[arg-type]
