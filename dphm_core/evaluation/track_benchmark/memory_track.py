"""What a run of the benchmark tracked, without files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dphm_core.frames import FloatArray, Similarity, TrackedFrame
from dphm_core.output.track_file import Track, TrackRow, make_track
from dphm_core.tracking.tracker import HeadTracker


@dataclass(frozen=True)
class MemoryTrack:
    """A track whose meshes are in memory; as `TrackFolder`."""

    path: Path
    """Of the recording."""
    table: Track
    """All but the meshes."""
    vertices: dict[int, FloatArray]
    """(V, 3) metres, camera frame, by frame index, rising."""
    faces: NDArray[np.int32]
    """(F, 3) of every mesh."""

    @classmethod
    def of(cls, tracker: HeadTracker, tracked: Iterable[TrackedFrame], path: Path) -> MemoryTrack | None:
        """Collect frames; one that comes again replaces what was known of it. None without a mesh."""
        frames = {frame.index: frame for frame in tracked}
        meshes = {index: mesh for index in sorted(frames) if (mesh := frames[index].vertices_cam) is not None}
        if not meshes or tracker.subject is None:
            return None
        model, subject = tracker.model, tracker.subject
        table = make_track(
            [TrackRow.of(frame, None) for frame in frames.values()], subject.scale, subject.identity_code,
            model.expression_names, model.config.expression_dim,
        )  # fmt: skip
        return cls(path, table, meshes, subject.faces)

    @property
    def meshes(self) -> list[int]:
        """Indices of the frames with a mesh, rising."""
        return list(self.vertices)

    def pose(self, frame: int) -> Similarity:
        """Head → camera at the index of a frame of the track."""
        row = self.table.row_of(frame)
        assert row is not None, "asked for only where there is a mesh"
        return self.table.pose(row)

    def each_mesh(self) -> Iterator[tuple[int, FloatArray, NDArray[np.int32]]]:
        """Yield frame index, vertices (V, 3) in metres and the camera frame, and faces (F, 3), in order."""
        for index, vertices_cam in self.vertices.items():
            yield index, vertices_cam, self.faces
