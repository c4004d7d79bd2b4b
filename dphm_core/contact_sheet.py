"""A picture of some frames of a track, to check it at a glance: colour, points, mesh over colour, mesh alone."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import DphmError, OutputError, SourceError
from dphm_core.frames import FloatArray, RGBDFrame
from dphm_core.heads.subject import Subject
from dphm_core.meshing.picture import BACKGROUND, Image
from dphm_core.output.folder import CONTACT_SHEET, OutputFolder
from dphm_core.output.track_file import Track
from dphm_core.output.views import (
    cloud_view,
    color_view,
    empty_view,
    mesh_view,
    overlay_view,
    window_around,
)
from dphm_core.sources.selection import SelectedFrames

log = logging.getLogger(__name__)

SHEET_FRAMES = 6
CELL = 320
"""Side of a view, pixels."""
GAP = 6
LABEL_HEIGHT = 30
TEXT = (235, 235, 235)
VIEWS = 4

PosedVertices = Callable[[FloatArray], FloatArray]
"""Expression code (E,) → vertices (V, 3), head frame."""


def evenly_spread(track: Track, count: int) -> list[int]:
    """Positions in the track of up to `count` frames, evenly spread from its first to its last."""
    total = len(track.frame_index)
    return np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(int)).tolist()


def add_contact_sheet(
    folder: OutputFolder, open_frames: Callable[[], SelectedFrames], track: Track, subject: Subject
) -> None:
    """Read some frames of a track once more and draw them; a picture that fails does not spoil the results."""
    try:
        with open_frames() as frames:
            positions = evenly_spread(track, SHEET_FRAMES)
            sheet = draw_contact_sheet(frames, track, subject.posed_vertices, subject.faces, positions)
        folder.write(CONTACT_SHEET, sheet)
    except DphmError as error:
        log.warning("no contact sheet: %s", error)


def draw_contact_sheet(
    frames: SelectedFrames,
    track: Track,
    posed_vertices: PosedVertices,
    faces: NDArray[np.int32],
    positions: list[int],
) -> bytes:
    """Read frames of a track once more and draw them, one column each.

    Parameters
    ----------
    frames : SelectedFrames
        What was tracked; is moved about in.
    track : Track
        The result.
    posed_vertices : callable
        Makes the subject's vertices, head frame, from an expression code.
    faces : (F, 3) int32
        Triangles of the mesh.
    positions : list of int
        Which of the track's frames.

    Returns
    -------
    bytes
        Content of a PNG file.

    Raises
    ------
    SourceError
        A frame cannot be read again.
    """
    columns = []
    for position in positions:
        frame = _read(frames, int(track.frame_index[position]))
        vertices_cam = _vertices(track, position, posed_vertices)
        column = _column(frame, vertices_cam, faces, track.landmarks_cam[position], track.rotation[position])
        columns.append(np.vstack([_text(_label(track, position)), column]))
    gap = np.full((columns[0].shape[0], GAP, 3), BACKGROUND, dtype=np.uint8)
    sheet = np.hstack([part for column in columns for part in (gap, column)] + [gap])
    done, content = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    if not done:
        raise OutputError(f"a contact sheet of {sheet.shape[1]}x{sheet.shape[0]} pixels cannot be encoded as PNG")
    return content.tobytes()


def _column(
    frame: RGBDFrame,
    vertices_cam: FloatArray | None,
    faces: NDArray[np.int32],
    landmarks_cam: FloatArray,
    rotation: FloatArray,
) -> Image:
    """The views of one frame, one below the other; only its colours where it was not tracked."""
    if vertices_cam is None:
        views = [color_view(frame, window_around(frame, None, CELL))] + [empty_view(CELL)] * (VIEWS - 1)
    else:
        known = landmarks_cam[np.isfinite(landmarks_cam).all(axis=1)]
        face_cam = known if len(known) else vertices_cam
        window = window_around(frame, face_cam, CELL)
        views = [
            color_view(frame, window, known),
            cloud_view(frame, face_cam, rotation, CELL),
            overlay_view(frame, window, vertices_cam, faces),
            mesh_view(vertices_cam, faces, face_cam, rotation, CELL),
        ]
    gap = np.full((GAP, CELL, 3), BACKGROUND, dtype=np.uint8)
    return np.vstack([part for view in views for part in (view, gap)])


def _read(frames: SelectedFrames, index: int) -> RGBDFrame:
    frame = frames.frame_at(index)
    if frame is None:
        raise SourceError(f"{frames.info.label}: frame {index} cannot be read again")
    return frame


def _vertices(track: Track, position: int, posed_vertices: PosedVertices) -> FloatArray | None:
    """Vertices (V, 3) of a frame, camera frame; None where it was not tracked."""
    if not np.isfinite(track.translation_m[position]).all():
        return None
    pose = track.pose(position)
    return pose.to_camera(posed_vertices(track.expression_codes[position]))


def _label(track: Track, position: int) -> str:
    residual = float(track.residual_mm[position])
    told = f"  {residual:.2f} mm" if np.isfinite(residual) else ""
    return f"frame {track.frame_index[position]}  {track.status[position]}{told}"


def _text(label: str) -> Image:
    strip: Any = np.full((LABEL_HEIGHT, CELL, 3), BACKGROUND, dtype=np.uint8)
    cv2.putText(strip, label, (4, LABEL_HEIGHT - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.52, TEXT, 1, cv2.LINE_AA)
    return np.asarray(strip, dtype=np.uint8)
