"""`dphm stream`: a camera or recording, tracked as it comes, sent to other programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dphm_core.commands.base import OK, SOME_FAILED, Command, Say, progress_bar
from dphm_core.errors import SettingError
from dphm_core.frames import TrackedFrame
from dphm_core.stages import PipelineStatus
from dphm_core.tracking.config import TrackerConfig


@dataclass(frozen=True, kw_only=True)
class Stream(Command):
    """Track a camera, or a recording at its own pace, and send every frame on at once; Ctrl-C ends it.

    Nothing leaves this computer unless another one's address is given.
    """

    source: Annotated[Positional[str], arg(metavar="SOURCE")]
    """"kinect", "realsense", "orbbec", "simulated" for the demo as a camera, or a recording."""
    to: Annotated[tuple[str, ...], arg(metavar="ADDRESS …")]
    """One or more of osc://HOST:PORT, vmc://HOST:PORT, udp://HOST:PORT (JSON) and ws://HOST:PORT (JSON, a server; with
    "?vertices=1" also the mesh's vertices). HOST is this computer where it is left out, PORT the usual one."""
    gaze: bool = False
    """Take directions of gaze from the face detector, which looks at the colour image; without, they are 0."""
    model: str = "default"
    """Head model: a name under models/, or a folder."""
    device: str = "cpu"
    """Where the model is evaluated: "cpu", or a CUDA device such as "cuda" or "cuda:1"."""
    subject: Path | None = None
    """File of `dphm track --save-subject` of the person who is there, who is then tracked from the first frame on."""
    tracker: TrackerConfig = field(default_factory=TrackerConfig)

    def run(self, say: Say) -> int:
        """Stream, with a bar that tells how it goes, and print a summary; 1 where nothing was sent."""
        from dphm_core.streaming.address import StreamAddress
        from dphm_core.streaming.live import LiveTracking, stream_live
        from dphm_core.streaming.stream import Broadcast

        addresses = [StreamAddress.parse(text) for text in self.to]
        if not addresses:
            raise SettingError("--to names no address; write one such as osc://127.0.0.1:9000")
        what = LiveTracking(self.source, self.model, self.device, self.subject, self.tracker)
        with Broadcast(addresses, self.gaze) as broadcast, progress_bar("frames") as bar:

            def tell(status: PipelineStatus, tracked: TrackedFrame | None) -> None:
                bar.set_description_str("waiting" if tracked is None else tracked.status.value, refresh=False)
                bar.update(status.frames_tracked - bar.n)

            status = stream_live(what, broadcast, tell)
            results = broadcast.statuses
        say(f"{'tracked':14}{status.frames_tracked} frames, {status.frames_dropped} left out")
        for result in results:
            say(f"{result.address!s:14}  {result.words}")
        return OK if any(result.sent for result in results) else SOME_FAILED
