"""Colours of a mesh's vertices, as the recording that was tracked shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dphm_core.frames import FloatArray, RGBDFrame

if TYPE_CHECKING:
    from typing import Self

    from dphm_core.sources.selection import Selection

Colours = NDArray[np.uint8]
UNSEEN = 128
"""Grey of vertices that no colour is known of: turned away, hidden, or where the depth is of something else."""
NEAR_PIXELS = 4
"""Depth this far to the side will do: eyes and brows have holes in it."""
TOO_FEW = 0.02
"""Share of vertices with a colour below which it must be another recording; a face from its side has 0.2."""


class RecordedColours:
    """Reads a recording's frames one after another, as a context manager; for any one thread.

    Parameters
    ----------
    uri
        The recording, as for `dphm track`.
    selection
        Which of its frames will be asked for.

    Raises
    ------
    SourceError
        It cannot be opened.
    """

    def __init__(self, uri: str, selection: Selection) -> None:
        from dphm_core.sources import open_source
        from dphm_core.sources.selection import SelectedFrames

        self._source = SelectedFrames(open_source(uri), selection)
        self._frames: Iterator[RGBDFrame] = iter(self._source)
        self._next: RGBDFrame | None = next(self._frames, None)
        self._vertices = self._seen = 0

    def of(self, index: int, vertices_cam: FloatArray, faces: NDArray[np.int32]) -> Colours:
        """Colour the mesh of one frame.

        Parameters
        ----------
        index : int
            Of the frame in the recording; larger from call to call.
        vertices_cam : (V, 3) float32
            Metres, camera frame.
        faces : (F, 3) int32
            Vertex indices; counter-clockwise seen from outside.

        Returns
        -------
        (V, 3) uint8
            RGB as in the recording; `UNSEEN` where the camera sees no skin of the mesh, or the frame is not there.
        """
        while self._next is not None and self._next.index < index:
            self._next = next(self._frames, None)
        frame, colours = self._next, np.full(vertices_cam.shape, UNSEEN, dtype=np.uint8)
        if frame is not None and frame.index == index and frame.color is not None:
            seen = _seen(vertices_cam, faces, frame)
            colours[seen] = _sampled(frame, frame.color, vertices_cam[seen])
            self._seen += int(seen.sum())
        self._vertices += len(vertices_cam)
        return colours

    @property
    def note(self) -> str:
        """What a user should know: that hardly anything was seen; "" where all is well."""
        if self._seen >= TOO_FEW * self._vertices:
            return ""
        return "colours: the head is hardly seen in that recording; is it the one that was tracked?"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._source.close()


def _seen(vertices_cam: FloatArray, faces: NDArray[np.int32], frame: RGBDFrame) -> NDArray[np.bool_]:
    """Which vertices (V,) face the camera, are hidden by nothing, and have depth near them."""
    from dphm_core.meshing.normals import vertex_normals
    from dphm_core.meshing.residual import vertex_residuals_m

    normals = vertex_normals(vertices_cam, faces)
    residuals_m = vertex_residuals_m(vertices_cam, faces, normals, frame.depth_m, frame.intrinsics, NEAR_PIXELS)
    return np.isfinite(residuals_m)


def _sampled(frame: RGBDFrame, image: Colours, points_cam: FloatArray) -> Colours:
    """Colours (N, 3) of points within the image, between its pixels."""
    import cv2

    from dphm_core.camera.rays import project

    if not len(points_cam):
        return np.zeros((0, 3), dtype=np.uint8)
    x, y = project(points_cam, frame.intrinsics).astype(np.float32).T[:, None]
    sampled = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, dtype=np.uint8).reshape(-1, 3)
