"""How fast the 3-D view draws: `python -m app.bench.view`, best where nothing else runs.

An update is what the window does with a new frame: `View3D.show`, painting, and waiting until the picture is there.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic, perf_counter, process_time, sleep

import numpy as np
import tyro
from numpy.typing import NDArray

from dphm_core.frames import TrackedFrame

from ..main import forget_cv2_qt_plugins
from ..session import Request, Session, open_session
from ..view3d.aim import box_around, find_head
from ..view3d.cloud_points import MAX_POINTS, CloudPoints

SIZE = (900, 700)
"""Of the view, pixels."""
INTERVAL_S = 1 / 30
"""Updates come as frames of a camera do."""
WARM_UP = 5
"""Updates before the measured ones: the first compile shaders and fill buffers."""
KEPT = 12
"""Tracked frames that are shown in turn where the tracker rests."""
PATIENCE_S = 120.0
"""Until there are so many."""

Faces = NDArray[np.int32]
NextFrame = Callable[[], tuple[TrackedFrame, Faces]]


@dataclass(frozen=True)
class BenchmarkOptions:
    """Measure how fast the 3-D view draws, alone and beside the tracker at full load."""

    source: tyro.conf.Positional[str] = "simulated"
    """What is tracked."""
    updates: int = 90
    """Measured per style."""


@dataclass(frozen=True)
class Timing:
    """What was measured of one style."""

    name: str
    updates_s: NDArray[np.float64]
    """(N, 2) seconds per update, from `show` to the finished picture: by the clock, and of all cores together."""
    wall_s: float

    def row(self) -> str:
        """As a line of the table."""
        times, cores = self.updates_s[:, 0] * 1e3, np.median(self.updates_s[:, 1]) * 1e3
        figures = cores, np.median(times), np.percentile(times, 95), times.max(), 1e3 / np.median(times)
        return f"{self.name:<16}" + "".join(f"{f:9.1f}" for f in (*figures, len(times) / self.wall_s))


HEADER = f"{'':<16}" + "".join(
    f"{name:>9}" for name in ("cores' ms", "median", "95 %", "largest", "1/median", "shown/s")
)


class Stand:
    """A view in a window of its own. Lives on the GUI thread."""

    def __init__(self) -> None:
        from PyQt5.QtWidgets import QApplication

        from ..view3d.scene import View3D

        self._application = QApplication.instance() or QApplication(sys.argv[:1])
        self.view = View3D()
        self.view.widget.resize(*SIZE)
        self.view.widget.show()
        self._pictures = 0
        self.view.widget.frameSwapped.connect(self._count)
        self.spin(0.5)

    def measure(self, name: str, next_frame: NextFrame, count: int) -> Timing:
        """Time `count` updates."""
        updates_s, began = [], monotonic()
        for number in range(-WARM_UP, count):
            if number == 0:
                began = monotonic()
            due = monotonic() + INTERVAL_S
            updates_s.append(self._update(*next_frame()))
            self.spin(due - monotonic())
        return Timing(name, np.array(updates_s[WARM_UP:]), monotonic() - began)

    def spin(self, seconds: float) -> None:
        """Let Qt do what else there is to do, for at least so long."""
        until = monotonic() + seconds
        self._application.processEvents()
        while (left := until - monotonic()) > 0:
            sleep(min(left, 0.002))
            self._application.processEvents()

    def _count(self) -> None:
        self._pictures += 1

    def _update(self, tracked: TrackedFrame, faces: Faces) -> tuple[float, float]:
        from vispy.gloo import finish

        before, began, used = self._pictures, perf_counter(), process_time()
        self.view.show(tracked, faces)
        self.view.widget.repaint()
        while self._pictures == before:  # Qt paints at most 60 times a second, and puts off what comes sooner
            self._application.processEvents()
        self.view.widget.makeCurrent()
        finish()
        return perf_counter() - began, process_time() - used


class BusyTracker:
    """A recording that is tracked again and again, as the window does it."""

    def __init__(self, session: Session, stand: Stand) -> None:
        self._session, self._stand = session, stand
        session.start()

    def next_frame(self) -> tuple[TrackedFrame, Faces]:
        """Newest frame with a mesh; waits for the first."""
        pipeline, until = self._session.pipeline, monotonic() + PATIENCE_S
        while monotonic() < until:
            status = pipeline.status()
            if status.error is not None:
                raise status.error
            tracked = pipeline.latest()
            if tracked is not None and tracked.vertices_cam is not None:
                return tracked, self._session.tracker.faces
            self._stand.spin(0.01)
        raise TimeoutError(f"no head was found in {pipeline.info.label} within {PATIENCE_S:.0f} s")

    def collect(self, count: int) -> list[tuple[TrackedFrame, Faces]]:
        """Several different frames."""
        kept = [self.next_frame()]
        while len(kept) < count:
            self._stand.spin(0.05)
            newest = self.next_frame()
            if newest[0] is not kept[-1][0]:
                kept.append(newest)
        return kept

    @property
    def fps(self) -> float:
        """Frames that are tracked per second."""
        return self._session.pipeline.status().tracker_fps

    def stop(self) -> None:
        """End its threads."""
        self._session.pipeline.stop()


def measure_all(stand: Stand, next_frame: NextFrame, count: int) -> list[Timing]:
    """Time every style of the mesh, and the view through the camera."""
    from ..view3d.options import DEFAULT_STYLE, MeshStyle

    timings = []
    for style in MeshStyle:
        stand.view.mesh_style = style
        timings.append(stand.measure(style.value, next_frame, count))
    stand.view.mesh_style = DEFAULT_STYLE
    stand.view.set_through_camera(True)
    timings.append(stand.measure("through camera", next_frame, count))
    stand.view.set_through_camera(False)
    return timings


def with_most_points(shown: list[tuple[TrackedFrame, Faces]]) -> tuple[list[tuple[TrackedFrame, Faces]], int]:
    """The frames as a camera with more pixels sees them, so that nearly `MAX_POINTS` are drawn; and how many are."""
    factor = math.sqrt(0.97 * MAX_POINTS / max(points_of(tracked) for tracked, _ in shown))
    enlarged = [(enlarge(tracked, factor), faces) for tracked, faces in shown]
    return enlarged, min(points_of(tracked) for tracked, _ in enlarged)


def points_of(tracked: TrackedFrame) -> int:
    """How many points of a frame are drawn."""
    return CloudPoints().take(tracked.observation.frame, box_around(find_head(tracked)[0]))


def enlarge(tracked: TrackedFrame, factor: float) -> TrackedFrame:
    """The same with images of `factor` times as many pixels across and down."""
    import cv2

    frame = tracked.observation.frame
    camera = frame.intrinsics
    width, height = round(camera.width * factor), round(camera.height * factor)
    focal = {"fx": camera.fx * factor, "fy": camera.fy * factor, "cx": camera.cx * factor, "cy": camera.cy * factor}
    larger = replace(
        frame,
        depth_m=cv2.resize(frame.depth_m, (width, height), interpolation=cv2.INTER_NEAREST),
        color=None if frame.color is None else cv2.resize(frame.color, (width, height)),
        intrinsics=replace(camera, width=width, height=height, **focal),
    )
    return replace(tracked, observation=replace(tracked.observation, frame=larger))


def main() -> None:
    """Measure and write the tables."""
    options = tyro.cli(BenchmarkOptions, prog="python -m app.bench.view")
    forget_cv2_qt_plugins()
    stand = Stand()
    tracker = BusyTracker(open_session(Request(options.source)), stand)
    try:
        kept = tracker.collect(KEPT)
        busy = measure_all(stand, tracker.next_frame, options.updates)
        busy_title = f"beside the tracker ({tracker.fps:.1f} frames/s)"
    finally:
        tracker.stop()
    fullest, points = with_most_points(kept)
    turns = itertools.cycle(fullest)
    alone = measure_all(stand, lambda: next(turns), options.updates)
    alone_title = f"alone, {points:,} points"
    lines = [f"{SIZE[0]} x {SIZE[1]} pixels, {len(kept[0][1]):,} faces; milliseconds per update, updates per second"]
    for title, timings in ((alone_title, alone), (busy_title, busy)):
        lines += ["", title, HEADER, *(timing.row() for timing in timings)]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
