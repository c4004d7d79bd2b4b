"""Pictures → an H.264 video in an .mp4 file, which browsers, players and editing programs open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from dphm_core.errors import OutputError
from dphm_core.files import make_folder, written_atomically
from dphm_core.meshing.picture import Image

CLOCK = Fraction(1, 90_000)
"""Seconds per tick of a video's times, as usual in MPEG."""
BROWSERS = {"movflags": "faststart"}
"""The index comes first, so that a browser shows the beginning before it has the end."""
INSTALL = "pip install av==18.1.0"


class Mp4:
    """A video under way, made by `open_mp4`; for one thread."""

    def __init__(self, container: Any, stream: Any) -> None:
        self._container, self._stream = container, stream
        self._last = -1

    def write(self, image: Image, time_s: float) -> None:
        """Add a picture (H, W, 3), RGB, which is shown from `time_s` on, seconds after the first."""
        from av import VideoFrame

        frame = VideoFrame.from_ndarray(image, format="rgb24")
        self._last = max(self._last + 1, round(time_s / CLOCK))  # times must rise
        frame.pts, frame.time_base = self._last, CLOCK
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write what the encoder still holds."""
        self._container.mux(self._stream.encode(None))


@contextmanager
def open_mp4(path: Path, size: tuple[int, int], fps: float, quality: int) -> Iterator[Mp4]:
    """Begin a video, which has its name once the block is through; nothing is left of it if that fails.

    Its folder is made where it is not there yet.

    Parameters
    ----------
    path : Path
        File to write.
    size : (width, height)
        Pixels, both even.
    fps : float
        Usual pictures per second; each has a time of its own.
    quality : int
        H.264's rate factor, 0 (best) to 51.

    Raises
    ------
    OutputError
        The encoder is not installed, or the file cannot be written.
    """
    try:
        import av
    except ImportError as error:
        raise OutputError(f"videos need PyAV ({error}); install it with: {INSTALL}") from error
    make_folder(path.parent)
    try:
        with written_atomically(path) as partial, _begun(partial) as container:
            stream: Any = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
            stream.width, stream.height = size
            stream.pix_fmt, stream.codec_context.time_base = "yuv420p", CLOCK
            stream.options = {"crf": str(quality), "preset": "medium"}
            video = Mp4(container, stream)
            yield video
            video.finish()
    except av.FFmpegError as error:
        raise OutputError(f"{path} cannot be written ({error}); check the disk and its permissions") from error


def _begun(path: Path) -> Any:
    """A new file's container; the encoder itself would find out that it cannot write only many pictures later."""
    import av

    path.touch()
    return av.open(str(path), "w", "mp4", options=BROWSERS)
