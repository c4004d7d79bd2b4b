"""Has what became of the depth around the head worked out for the picture's panel, while that shows it."""

from __future__ import annotations

from PyQt5.QtCore import QObject

from dphm_core.frames import HeadArea, TrackedFrame
from dphm_core.landmarks.depth_quality import head_area
from dphm_core.landmarks.depth_validity import depth_validity
from dphm_core.landmarks.head_place import HeadPlace
from dphm_core.tracking.place import head_place

from ..desk import Desk
from ..panels.image_preview import ImagePreview, PreviewKind
from ..panels.throttle import Throttle
from ..panels.validity_picture import ValidityMap
from ..session import Session

LOOK_EVERY_MS = 100
"""As often as the window is painted while a head is tracked."""


class ValidityControl(QObject):
    """Asks for the newest drawn frame's map, one at a time, on a thread of its own. Lives on the GUI thread."""

    def __init__(self, desk: Desk, preview: ImagePreview) -> None:
        super().__init__(preview)
        self._desk, self._preview = desk, preview
        self._asked: TrackedFrame | None = None
        self._busy = False
        self._pace = Throttle(preview, self._look, LOOK_EVERY_MS)
        desk.frame.connect(lambda _tracked: self._ask())
        preview.kind_changed.connect(lambda _kind: self._ask())

    @property
    def _shown(self) -> bool:
        return self._preview.kind is PreviewKind.VALIDITY and self._preview.isVisible()

    def _ask(self) -> None:
        if self._shown:
            self._pace.ask()

    def _look(self) -> None:
        tracked, session = self._desk.drawn, self._desk.session
        if not self._shown or self._busy or tracked is None or session is None or tracked is self._asked:
            return
        self._asked, self._busy = tracked, True
        self._desk.run(
            "Looking at the depth",
            lambda _tell: validity_of(tracked),
            lambda found: self._take(session, found),
            self._failed,
            quiet=True,
        )

    def _take(self, session: Session, found: ValidityMap | None) -> None:
        self._busy = False
        if session is self._desk.session:
            self._preview.show_validity(found)
        self._ask()  # there may be a newer frame by now

    def _failed(self) -> None:
        self._busy = False


def validity_of(tracked: TrackedFrame) -> ValidityMap | None:
    """What became of the depth of a frame's head; None where no head is known."""
    area = area_of(tracked)
    if area is None:
        return None
    left, top = area.region[:2]
    x0, y0, x1, y1 = area.face
    face = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
    return ValidityMap.of(depth_validity(tracked.observation.frame, area), face)


def area_of(tracked: TrackedFrame) -> HeadArea | None:
    """Where the head was looked for; in saved tracks, where it would be, knowing its pose."""
    frame, pose = tracked.observation.frame, tracked.head_to_cam
    if tracked.observation.area is not None or pose is None:
        return tracked.observation.area
    (x0, y0, x1, y1), depth_m = head_place(pose, frame.intrinsics)
    return head_area(HeadPlace((x0, y0, x1, y1), depth_m), (frame.intrinsics.width, frame.intrinsics.height))
