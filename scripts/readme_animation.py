"""Draw docs/demo.gif: colour, points, mesh over colour and mesh of the demo's frames, side by side.

python scripts/readme_animation.py TRACK

TRACK is the results folder of `dphm track recordings/demo`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from dphm_core.frames import FloatArray, RGBDFrame
from dphm_core.output.saved_track import SavedTrack, load_saved_track
from dphm_core.output.views import Window, cloud_view, color_view, mesh_view, overlay_view, window_around
from dphm_core.sources import open_source

REPOSITORY = Path(__file__).resolve().parents[1]
SIDE = 240
EVERY = 2
"""So that the file stays small; every second frame of 30 a second."""
FRAME_MS = 66
COLORS = 128


def picture(saved: SavedTrack, row: int, frame: RGBDFrame, window: Window, side: FloatArray) -> np.ndarray:
    """(SIDE, 4 SIDE, 3) uint8: the four views of one frame; points from the side that rotation `side` looks to."""
    vertices, pose, landmarks = saved.vertices_cam(row), saved.pose(row), known_landmarks(saved, row)
    assert vertices is not None and pose is not None
    views = (
        color_view(frame, window),
        cloud_view(frame, landmarks, side, SIDE),
        overlay_view(frame, window, vertices, saved.faces),
        mesh_view(vertices, saved.faces, landmarks, pose.rotation, SIDE),
    )
    return np.hstack(views)


def known_landmarks(saved: SavedTrack, row: int) -> FloatArray:
    """(N, 3) landmarks of the mesh, metres, camera frame."""
    landmarks = saved.track.landmarks_cam[row]
    return np.asarray(landmarks[np.isfinite(landmarks).all(axis=1)], dtype=np.float32)


def main(folder: Path) -> None:
    """Write the animation."""
    saved = load_saved_track(folder)
    rows = [row for row in range(0, len(saved.track.frame_index), EVERY) if saved.tracked(row)]
    pictures = []
    with open_source(str(REPOSITORY / "recordings/demo")) as source:
        for row in rows:
            source.seek(int(saved.track.frame_index[row]))
            frame = next(source)
            if not pictures:
                window = window_around(frame, known_landmarks(saved, row), SIDE)  # one that stays: the head moves in it
            pictures.append(Image.fromarray(picture(saved, row, frame, window, saved.track.rotation[rows[0]])))
    palette = Image.fromarray(np.vstack([np.asarray(each) for each in pictures[::6]])).quantize(COLORS)
    frames = [each.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for each in pictures]
    out = REPOSITORY / "docs/demo.gif"
    frames[0].save(out, save_all=True, append_images=frames[1:], duration=FRAME_MS, loop=0, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
